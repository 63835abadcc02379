"""The margin kernel beside the event engine's account: the same entries, the same equity, the same metrics."""

import os
import subprocess
import sys
import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings

from backtests.decisions import decide, rebalance_days
from backtests.entries import RANGE
from backtests.execution import Execution
from backtests.perpetuals import kernel
from backtests.perpetuals.account import MarginAccount
from backtests.perpetuals.funding import ENDING, INSIDE, Funding
from backtests.perpetuals.kernel import MarginKernel, kernel_of
from backtests.result import Result
from backtests.simulate import order_sizes
from backtests.sweeps.compiled import BLOCK
from backtests.sweeps.kernel import Kernel
from backtests.sweeps.orders import Orders, lay_out, pack
from backtests.tape import Perpetuals, Tape
from data_cache.bars import TIMEFRAMES
from data_cache.errors import EbbtideError
from tests.backtests.perpetuals.generated_books import World, worlds

ROOT = Path(__file__).parents[3]
CONTRACT = 1e-9
FREE = Execution(fee_bps=0, slippage_bps=0, min_notional=0, capital=1_000, perps=True)


def packed(tape: Tape, execution: Execution, *plans: pd.DataFrame) -> Orders:
    laid_out = [lay_out(p.index.asi8, p[tape.assets].to_numpy(), tape, execution) for p in plans]
    return pack(laid_out, len(tape.assets))


def accounted(tape: Tape, execution: Execution, decisions: pd.DataFrame) -> Result:
    """The result of the event engine's account."""
    account, sizes = MarginAccount(tape, execution), order_sizes(decisions, tape, execution).to_numpy()
    for row in np.flatnonzero(~np.isnan(sizes).all(axis=1)).tolist():
        account.trade(row, sizes[row])
    account.pass_until(tape.known_at[-1].value)
    return Result(None, execution, None, tape, decisions, manifest={}, **vars(account.entries()))


def days(bars: list[tuple[float, float, float, float]], rates: tuple[float, ...] = ()) -> Tape:
    """Daily bars (open, high, low, close) of BTC from 2024-01-01 on, funded once at 16:00 of each day with a rate."""
    times = pd.date_range("2024-01-01", periods=len(bars), freq="D", tz="UTC").as_unit("ns")
    frames = {
        name: pd.DataFrame({"BTC": [bar[place] for bar in bars]}, times, dtype=float)
        for place, name in enumerate(("open", "high", "low", "close"))
    }
    row = np.arange(len(rates))
    at = times.asi8[row] + 16 * 3_600_000_000_000
    funding = Funding(at, row, np.zeros(len(row), int), np.array(rates, float), np.full(len(row), INSIDE))
    perpetuals = Perpetuals(frames["high"], frames["low"], funding)
    return Tape(frames["open"], frames["close"], TIMEFRAMES["1d"], perpetuals)


def plan(weights: dict[str, float]) -> pd.DataFrame:
    """Decisions about BTC by day of January 2024."""
    at = pd.DatetimeIndex([f"2024-01-{day}" for day in weights], tz="UTC", name="at").as_unit("ns")
    return pd.DataFrame({"BTC": list(weights.values())}, at, dtype=float)


def walks(seed: int, bars: int, assets: int = 2) -> Tape:
    """Hourly random walks of one percent a bar, so that leverage is liquidated; funded at each eighth bar's end."""
    random, names = np.random.default_rng(seed), ["BTC", "ETH", "SOL"][:assets]
    times = pd.date_range("2024-01-01", periods=bars, freq="1h", tz="UTC").as_unit("ns")
    closes = 100 * np.exp(random.normal(0, 0.01, (bars, assets)).cumsum(axis=0))
    opens = np.vstack([np.full(assets, 100.0), closes[:-1]]) * np.exp(random.normal(0, 0.002, (bars, assets)))
    high, low = np.maximum(opens, closes) * 1.005, np.minimum(opens, closes) / 1.005
    row, column = np.arange(7, bars, 8).repeat(assets), np.tile(np.arange(assets), len(range(7, bars, 8)))
    at = times.asi8[row] + TIMEFRAMES["1h"].value
    funding = Funding(at, row, column, random.normal(1e-4, 1e-4, len(row)), np.full(len(row), ENDING))
    frames = [pd.DataFrame(values, times, names) for values in (opens, closes, high, low)]
    return Tape(frames[0], frames[1], TIMEFRAMES["1h"], Perpetuals(frames[2], frames[3], funding))


def drawn(seed: int, tape: Tape, count: int, gross: float) -> pd.DataFrame:
    """Decisions at opens, long and short, each of so much gross exposure."""
    random = np.random.default_rng(seed)
    rows = np.sort(random.choice(len(tape.opens), count, replace=False))
    weights = random.uniform(-1, 1, (count, len(tape.assets)))
    weights *= gross / np.abs(weights).sum(axis=1, keepdims=True)
    return pd.DataFrame(weights, tape.opens.index[rows].rename("at"), tape.assets)


def test_a_short_that_a_reader_can_redo() -> None:
    """Short 10 of 100 with 1000: funding of 1 % on 1000 is received, and on day 2 the position is closed at 90.

    Fee 1 %, slippage 2 %: sold at 98, bought at 91.8.
    """
    tape = days([(100, 104, 95, 96), (90, 92, 88, 91)], rates=(0.01,))
    execution = Execution(fee_bps=100, slippage_bps=200, min_notional=0, capital=1_000, perps=True)
    book, orders = MarginKernel(tape, execution), packed(tape, execution, plan({"01": -1, "02": 0}))
    begun = 1000 + 10 * 98 * 0.99 + 10
    ended = begun - 10 * 91.8 * 1.01
    outcomes, curves = book.trace(orders)
    assert curves[0] == pytest.approx([begun - 10 * 96, ended])
    sums = outcomes.sums[0]
    assert sums["fees"] == pytest.approx(9.8 + 9.18)
    assert sums["slippage"] == pytest.approx(10 * 2 + 10 * 1.8)
    assert sums["traded"] == pytest.approx(980 + 918)
    assert (sums["fills"], sums["liquidations"], sums["ruined"]) == (2, 0, 0)
    assert sums["funding"] == pytest.approx(-10)
    assert sums["exposure"] == pytest.approx(-960 / (begun - 960) / 2)
    entries = book.entered(orders, 0)
    assert entries.payments[["units", "price", "rate", "amount"]].to_numpy().tolist() == [[-10, 100, 0.01, 10]]
    assert entries.fills["units"].tolist() == [-10, 10]


def test_a_long_is_liquidated_where_its_margin_is_met_and_stays_out() -> None:
    """5 x 1000 at 100 is 50 units and 4000 owed: equity 50 p - 4000 is 5 % of 50 p at 4000 / 47.5 = 84.21."""
    tape = days([(100, 101, 80, 99), (99, 120, 98, 110)])
    execution = Execution(fee_bps=0, slippage_bps=0, min_notional=0, capital=1_000, perps=True, liquidation_fee_bps=100)
    book, orders = MarginKernel(tape, execution), packed(tape, execution, plan({"01": 5}))
    at = 4000 / 47.5
    left = 50 * at * 0.99 - 4000
    assert book.equity(orders)[0] == pytest.approx([left, left])
    closed = book.entered(orders, 0).liquidations
    assert closed[["moment", "units"]].to_numpy().tolist() == [[RANGE, -50]]
    assert closed[["price", "fee", "shortfall"]].to_numpy()[0] == pytest.approx([at, 50 * at * 0.01, 0])
    sums = book.run(orders).sums[0]
    assert (sums["fills"], sums["liquidations"], sums["ruined"]) == (1, 1, 0)
    assert sums["fees"] == pytest.approx(50 * at * 0.01)


def test_a_ruined_book_is_worth_nothing_for_good_and_every_measure_is_a_number() -> None:
    """50 units at 100 owe 4000; the next open is 70: 500 are missing, and a fee of 0.5 %, which the venue bears."""
    tape = days([(100, 101, 99, 100), (70, 72, 69, 71), (71, 90, 71, 90), (90, 95, 90, 95)])
    book, orders = MarginKernel(tape, FREE), packed(tape, FREE, plan({"01": 5, "03": 5}))
    assert book.equity(orders)[0].tolist() == [1000, 0, 0, 0]
    entries = book.entered(orders, 0)
    assert entries.liquidations["shortfall"].tolist() == [pytest.approx(500 + 0.005 * 50 * 70)]
    assert len(entries.fills) == 1
    outcomes = book.run(orders)
    measures = {name: values[0] for name, values in outcomes.metrics.items()}
    assert measures["total_return"] == measures["cagr"] == -1
    assert measures["max_drawdown"] == 1
    assert outcomes.sums["ruined"].tolist() == [1]
    judged = accounted(tape, FREE, plan({"01": 5, "03": 5})).metrics
    assert measures == pytest.approx({name: judged[name] for name in measures}, rel=CONTRACT, nan_ok=True)


def test_what_the_venue_bore_of_fees_and_slippage_is_no_cost_of_a_trial() -> None:
    """50 units bought at 101 owe 4050 and are worth 4100 at the open of 82.

    Sold at 81.18 they cost 41 of slippage and a fee of 40.59; 50 of the 81.59 are there, and the venue bears the rest.
    """
    tape = days([(100, 101, 99, 100), (82, 82, 80, 81)])
    terms = replace(FREE, slippage_bps=100, liquidation_fee_bps=100)
    sums = MarginKernel(tape, terms).run(packed(tape, terms, plan({"01": 5}))).sums[0]
    entered = 50 * (101 - 100)
    assert (sums["ruined"], sums["fees"], sums["slippage"]) == pytest.approx(
        (1, 50 * 40.59 / 81.59, entered + 50 * 41 / 81.59)
    )


def test_without_perpetuals_the_kernel_is_the_other_one() -> None:
    tape = days([(100, 100, 100, 100)])
    assert type(kernel_of(tape, Execution())) is Kernel
    assert type(kernel_of(tape, FREE)) is MarginKernel


def property_of_metrics(seen: Counter[str], examples: int, phases: tuple[Phase, ...] = tuple(Phase)) -> None:
    """The property: equity at every close, and each metric that follows from the kernel's sums."""

    @settings(max_examples=examples, phases=phases, database=None)
    @given(worlds())
    def agree(world: World) -> None:
        execution, strategy = world.execution, world.strategy
        try:
            tape = world.tape()
            schedule = rebalance_days(strategy, execution)
            decisions = decide(strategy, world.market, tape, execution.band, schedule, execution.gross_limit)
        except EbbtideError:
            return
        orders = packed(tape, execution, decisions, -decisions)
        outcomes, curves = MarginKernel(tape, execution).trace(orders)
        for trial, wanted in enumerate((decisions, -decisions)):
            judged = accounted(tape, execution, wanted)
            peak = judged.equity.max()
            np.testing.assert_allclose(curves[trial], judged.equity.iloc[1:], rtol=CONTRACT, atol=CONTRACT * peak)
            seen.update(trials=1, liquidated=len(judged.liquidations) > 0, ruined=judged.ruined_at is not None)
            if judged.equity.iloc[1:].min() > 0.01 * peak:  # what is left of less is a difference of large numbers
                seen.update(measured=1)
                found = {name: float(values[trial]) for name, values in outcomes.metrics.items()}
                expected = {name: judged.metrics[name] for name in found}
                assert found == pytest.approx(expected, rel=1e-7, abs=1e-9, nan_ok=True)

    agree()


def test_equity_and_metrics_are_those_of_the_event_engines_account() -> None:
    seen: Counter[str] = Counter()
    property_of_metrics(seen, examples=100)
    print(seen)
    assert seen["measured"] > seen["trials"] / 2
    assert seen["liquidated"] > seen["trials"] / 4
    assert seen["ruined"] > seen["trials"] / 50


def test_a_kernel_that_forgets_its_funding_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Funding, "by_bar", lambda self, bars, columns: np.zeros((3, bars, columns)))
    with pytest.raises(AssertionError):
        property_of_metrics(Counter(), 50, (Phase.generate,))


@pytest.fixture(scope="module")
def many() -> tuple[MarginKernel, Orders]:
    """Trials with many orders and with few, mild and wild, on two and a half blocks of bars."""
    tape = walks(4, 5 * BLOCK // 2)
    plans = [drawn(seed, tape, *of) for seed, of in enumerate([(200, 1.5), (1, 3.0), (400, 9.0), (30, 0.5), (90, 6.0)])]
    return MarginKernel(tape, FREE), packed(tape, FREE, *plans)


def test_a_trial_comes_out_the_same_to_the_last_bit_whatever_runs_beside_it(many: tuple[MarginKernel, Orders]) -> None:
    book, orders = many
    together = book.run(orders).sums
    assert together["liquidations"].max() > 0
    for trial in range(len(orders)):
        assert book.run(orders.take([trial])).sums.tobytes() == together[trial : trial + 1].tobytes()
    assert book.run(orders.take([4, 0])).sums.tobytes() == together[[4, 0]].tobytes()


def test_the_account_agrees_over_more_bars_than_are_measured_at_a_time(many: tuple[MarginKernel, Orders]) -> None:
    tape = walks(4, 5 * BLOCK // 2)
    decisions = drawn(0, tape, 200, 1.5)
    judged = accounted(tape, FREE, decisions)
    book, orders = many
    np.testing.assert_allclose(book.equity(orders)[0], judged.equity.iloc[1:], rtol=CONTRACT)
    found = {name: values[0] for name, values in book.run(orders).metrics.items()}
    assert found == pytest.approx({name: judged.metrics[name] for name in found}, rel=1e-8)


def test_orders_that_cannot_be_written_to_are_not_compiled_for_again(many: tuple[MarginKernel, Orders]) -> None:
    book, orders = many
    before, compiled = book.run(orders).sums, list(kernel._simulate.signatures)
    parts = orders.offsets.copy(), orders.rows.astype(np.int32), orders.sizes.copy(order="F")
    for part in parts:
        part.flags.writeable = False
    assert book.run(Orders(*parts)).sums.tobytes() == before.tobytes()
    book.entered(orders, 0)
    assert kernel._simulate.signatures == compiled


def test_memory_does_not_grow_with_trials_times_bars() -> None:
    """200 trials of 10,000 bars would be 16 MB of equity."""
    tape = walks(5, 10_000, assets=1)
    orders = packed(tape, FREE, *[drawn(5, tape, 5, 0.5)] * 200)
    book = MarginKernel(tape, FREE)
    book.run(orders.take([0]))
    tracemalloc.start()
    book.run(orders)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6


def test_a_second_process_does_not_compile(tmp_path: Path) -> None:
    code = (
        "from tests.backtests.perpetuals.test_kernel import *; tape = days([(100, 100, 100, 100)]);"
        "MarginKernel(tape, FREE).run(packed(tape, FREE, plan({'01': 1})));"
        "stats = kernel._simulate.stats; print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    hits_and_misses = [
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert hits_and_misses == ["0 1\n", "1 0\n"]
