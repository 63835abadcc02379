"""How fast the kernels run trials, beside vectorbt as a user would call it, bt, and the event engine's account.

The same trials, the same three metrics: final value, Sharpe ratio, maximum drawdown. Two assets, a decision a week,
fees and slippage. All are given what they need in the form that they want before the clock starts, and what they
answer is checked to be the same.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from backtests.execution import BPS, Execution
from backtests.perpetuals.account import MarginAccount
from backtests.perpetuals.funding import ENDING, INSIDE, Funding
from backtests.perpetuals.kernel import MarginKernel
from backtests.sweeps.kernel import Kernel
from backtests.sweeps.orders import Orders, lay_out, pack
from backtests.sweeps.outcomes import Outcomes
from backtests.tape import Perpetuals, Tape
from benchmarks.claim import Claim
from data_cache.bars import TIMEFRAMES

ASSETS = ["BTC", "ETH"]
TRIALS = 1_000
# No minimum: the peers know of none in $.
EXECUTION = Execution(min_notional=0)
# As many trials as the slow ones can be asked for in seconds; all is stated per trial.
HOURLY_TRIALS_OF_VECTORBT, TRIALS_OF_BT = 25, 3
COMPILATION_SECONDS, LOADING_SECONDS = 3.0, 1.0
PATH_OF_PROJECT = Path(__file__).parents[1]

FIRST_CALL = """
import time
from benchmarks.kernel import EXECUTION, Kernel, orders_of, tape_of
tape = tape_of("1d", 100)
kernel, orders = Kernel(tape, EXECUTION), orders_of(tape, 1)
begun = time.process_time()
kernel.run(orders)
print(time.process_time() - begun)
"""


def claims() -> list[Claim]:
    """Daily bars beside vectorbt and bt, hourly bars beside vectorbt, perpetuals, and the first call."""
    daily, hourly = tape_of("1d", 3_000), tape_of("1h", 70_000)
    days, hours = orders_of(daily, TRIALS), orders_of(hourly, TRIALS)
    few_hours, few_days = hours.take(range(HOURLY_TRIALS_OF_VECTORBT)), days.take(range(TRIALS_OF_BT))
    on_days, on_hours = _kernel_seconds(daily, days), _kernel_seconds(hourly, hours)
    return [
        _claim(daily, on_days, "vectorbt, Rust", _vectorbt_seconds(daily, days), least=60),
        _claim(daily, on_days, "bt", _bt_seconds(daily, few_days), least=5_000),
        _claim(hourly, on_hours, "vectorbt, Rust", _vectorbt_seconds(hourly, few_hours), least=200),
        _margin_claim(perpetuals_of(daily)),
        *_first_calls(),
    ]


def tape_of(timeframe: str, bars: int) -> Tape:
    """Two random walks of 60 % volatility a year that open where they closed."""
    length = TIMEFRAMES[timeframe]
    times = pd.date_range("2017-01-01", periods=bars, freq=length, tz="UTC").as_unit("ns")
    steps = np.random.default_rng(1).normal(0, 0.6 * np.sqrt(length / pd.Timedelta(days=365)), (bars, len(ASSETS)))
    closes = 100 * np.exp(steps.cumsum(axis=0))
    opens = np.vstack([np.full(len(ASSETS), 100.0), closes[:-1]])
    return Tape(pd.DataFrame(opens, times, ASSETS), pd.DataFrame(closes, times, ASSETS), length)


def perpetuals_of(tape: Tape) -> Tape:
    """The same bars with ranges, of perpetuals that are funded every eight hours."""
    at = np.arange(tape.open_times[0], tape.known_at[-1].value, pd.Timedelta(hours=8).value)[1:].repeat(len(ASSETS))
    row = tape.open_times.searchsorted(at, side="left") - 1
    column = np.tile(np.arange(len(ASSETS)), len(at) // len(ASSETS))
    when = np.where(at < tape.known_at.asi8[row], INSIDE, ENDING)
    funding = Funding(at, row, column, np.full(len(at), 1e-4), when)
    highs, lows = np.maximum(tape.opens, tape.closes) * 1.01, np.minimum(tape.opens, tape.closes) / 1.01
    return replace(tape, perpetuals=Perpetuals(highs, lows, funding))


def orders_of(tape: Tape, trials: int) -> Orders:
    """Another mix and another exposure every week, all of them at random."""
    random = np.random.default_rng(2)
    weeks = np.arange(tape.open_times[0], tape.open_times[-1] + 1, pd.Timedelta(days=7).value)
    shape = trials, len(weeks), 1
    weights = random.dirichlet(np.ones(len(ASSETS)), shape[:2]) * random.random(shape)
    return pack((lay_out(weeks, of_one, tape, EXECUTION) for of_one in weights), len(ASSETS))


def _claim(tape: Tape, ours: float, peer: str, theirs: float, least: float) -> Claim:
    what = f"a trial of {len(tape.opens):,} bars of {tape.timeframe}, two assets, a decision a week"
    return Claim(what, f"{ours * 1e6:,.0f} µs", f"{peer}: {theirs * 1e3:,.1f} ms", theirs / ours, least=least)


def _margin_claim(tape: Tape) -> Claim:
    """Long and short in turn, at up to twice equity; what both answer is checked to be the same."""
    execution, orders = replace(EXECUTION, perps=True), orders_of(tape, TRIALS)
    sides = np.where(np.arange(len(orders.rows)) % 2, 2.0, -2.0)[:, None]
    orders = replace(orders, sizes=orders.sizes * sides)
    kernel, account = MarginKernel(tape, execution), MarginAccount(tape, execution)
    equity = kernel.equity(orders.take([0]))[0, -1]
    ours = min(_seconds(lambda: kernel.run(orders)) for _ in range(5)) / len(orders)
    theirs = _seconds(lambda: _accounted(account, orders, tape))
    np.testing.assert_allclose(account.value(tape.closes.to_numpy()[-1]), equity, rtol=1e-9)
    what = f"a trial of perpetuals over {len(tape.opens):,} daily bars, two assets, funding every eight hours"
    shown = f"the event engine's account: {theirs * 1e3:,.0f} ms"
    return Claim(what, f"{ours * 1e6:,.0f} µs", shown, theirs / ours, least=500)


def _accounted(account: MarginAccount, orders: Orders, tape: Tape) -> None:
    """The first trial, order by order and payment by payment."""
    for place in range(orders.offsets[1]):
        account.trade(int(orders.rows[place]), orders.sizes[place])
    account.pass_until(tape.known_at[-1].value)


def _kernel_seconds(tape: Tape, orders: Orders) -> float:
    """Seconds a trial."""
    kernel = Kernel(tape, EXECUTION)
    kernel.run(orders.take([0]))
    return min(_seconds(lambda: _three_metrics(kernel.run(orders))) for _ in range(5)) / len(orders)


def _three_metrics(outcomes: Outcomes) -> tuple[np.ndarray, ...]:
    metrics = outcomes.metrics
    return outcomes.sums["equity"], metrics["sharpe"], -metrics["max_drawdown"]


def _vectorbt_seconds(tape: Tape, orders: Orders) -> float:
    """Seconds a trial, of one call with all trials as groups."""
    answers: list[tuple[Any, ...]] = []
    for some in (orders.take([0, 1]), orders):  # the first time compiles
        call = _vectorbt_call(tape, some)
        seconds = _seconds(lambda call=call: answers.append(call()))
    for ours, theirs in zip(_three_metrics(Kernel(tape, EXECUTION).run(orders)), answers[-1], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    return seconds / len(orders)


def _vectorbt_call(tape: Tape, orders: Orders) -> Callable[[], tuple[Any, ...]]:
    import vectorbt

    columns = pd.MultiIndex.from_product([range(len(orders)), ASSETS], names=["trial", "asset"])
    sizes = np.full((len(tape.opens), len(columns)), np.nan)
    for trial in range(len(orders)):
        part = slice(orders.offsets[trial], orders.offsets[trial + 1])
        sizes[orders.rows[part], 2 * trial : 2 * trial + 2] = orders.sizes[part]
    size, opens, closes = (
        pd.DataFrame(values, tape.opens.index, columns)
        for values in (sizes, *(np.tile(prices, len(orders)) for prices in (tape.opens, tape.closes)))
    )

    def call() -> tuple[Any, ...]:
        portfolio = vectorbt.Portfolio.from_orders(
            closes,
            size,
            size_type="targetpercent",
            price=opens,
            fees=EXECUTION.fee_bps * BPS,
            slippage=EXECUTION.slippage_bps * BPS,
            init_cash=EXECUTION.capital,
            group_by="trial",
            cash_sharing=True,
            call_seq="auto",
            freq=tape.length,
            engine="rust",
        )
        return portfolio.final_value(), portfolio.sharpe_ratio(), portfolio.max_drawdown()

    return call


def _bt_seconds(tape: Tape, orders: Orders) -> float:
    """Seconds a trial. bt knows one price a bar, the close, and no slippage; its final value is checked to 1 %."""
    closing = Tape(tape.closes, tape.closes, tape.length)
    ours = Kernel(closing, Execution(fee_bps=EXECUTION.fee_bps, slippage_bps=0, min_notional=0)).run(orders)
    seconds = []
    for trial in range(len(orders)):
        one, answers = orders.take([trial]), []
        weights = pd.DataFrame(one.sizes, tape.opens.index[one.rows], ASSETS)
        seconds.append(_seconds(lambda weights=weights, answers=answers: answers.append(_bt(tape.closes, weights))))
        np.testing.assert_allclose(answers[0], ours.metrics["total_return"][trial], rtol=0.01, atol=0.01)
    return min(seconds)


def _bt(closes: pd.DataFrame, weights: pd.DataFrame) -> float:
    import bt

    algos = [bt.algos.WeighTarget(weights), bt.algos.Rebalance()]
    test = bt.Backtest(
        bt.Strategy("trial", algos),
        closes,
        initial_capital=EXECUTION.capital,
        commissions=lambda quantity, price: abs(quantity) * price * EXECUTION.fee_bps * BPS,
        integer_positions=False,
        progress_bar=False,
    )
    stats = bt.run(test).stats["trial"]
    stats[["daily_sharpe", "max_drawdown"]]
    return float(stats["total_return"])


def _first_calls() -> Iterator[Claim]:
    """What the first process pays for compilation and every other one for loading; seconds of one processor."""
    with TemporaryDirectory() as folder:
        compiling, loading = _first_call_seconds(folder), _first_call_seconds(folder)
    for what, seconds, most in (
        ("the first call ever, which compiles", compiling, COMPILATION_SECONDS),
        ("the first call of another process", loading, LOADING_SECONDS),
    ):
        yield Claim(what, f"{seconds:.2f} s", f"{most:g} s", seconds / most, most=1.0)


def _first_call_seconds(cache: str) -> float:
    environment = os.environ | {"NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(PATH_OF_PROJECT)}
    ran = subprocess.run([sys.executable, "-c", FIRST_CALL], env=environment, capture_output=True, check=True)
    return float(ran.stdout)


def _seconds(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun
