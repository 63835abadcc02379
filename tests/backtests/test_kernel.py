"""The kernel beside vectorbt, the event engine's account and a decimal oracle: the same fills, equity and metrics."""

import math
import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests import kernel
from backtests.execution import Execution
from backtests.kernel import BLOCK, Kernel
from backtests.metrics import METRICS
from backtests.orders import Orders, lay_out, pack
from backtests.outcomes import Outcomes
from backtests.result import Result
from backtests.simulate import Account, account_fills, order_sizes, portfolio_fills, simulate
from backtests.tape import CASH, Tape
from data_cache.bars import TIMEFRAMES
from data_cache.errors import BadData, BadUsage
from tests.backtests.oracle import Oracle

CONTRACT = 1e-9
ASSETS = ("BTC", "ETH", "SOL")
FREE = Execution(fee_bps=0, slippage_bps=0, min_notional=0, capital=1_000)
_ = math.nan


def days(prices: dict[str, Sequence[float]], closes: dict[str, Sequence[float]] | None = None) -> Tape:
    """A tape of daily bars from 2024-01-01 on, closing where they opened unless told otherwise."""
    count = len(next(iter(prices.values())))
    times = pd.date_range("2024-01-01", periods=count, freq="D", tz="UTC").as_unit("ns")
    opens = pd.DataFrame(prices, index=times, dtype=float)
    return Tape(opens, opens if closes is None else pd.DataFrame(closes, times, dtype=float), TIMEFRAMES["1d"])


def plan(weights: dict[str, Sequence[float]], *assets: str) -> pd.DataFrame:
    """Decisions by moment of January 2024."""
    at = pd.DatetimeIndex([f"2024-01-{moment}" for moment in weights], tz="UTC", name="at").as_unit("ns")
    return pd.DataFrame(list(weights.values()), at, list(assets), dtype=float)


def packed(plans: Sequence[pd.DataFrame], tape: Tape, execution: Execution) -> Orders:
    laid_out = [lay_out(p.index.asi8, p[tape.assets].to_numpy(), tape, execution) for p in plans]
    return pack(laid_out, len(tape.opens.columns))


def result(decisions: pd.DataFrame, tape: Tape, execution: Execution) -> Result:
    """What vectorbt makes of it."""
    fills = portfolio_fills(simulate(decisions, tape, execution), tape)
    return Result(None, execution, None, tape, decisions, fills, {})


def by_account(decisions: pd.DataFrame, tape: Tape, execution: Execution) -> pd.DataFrame:
    """The fills of the event engine's account."""
    account = Account(tape, execution)
    sizes = order_sizes(decisions, tape, execution).to_numpy()
    for row in np.flatnonzero(~np.isnan(sizes).all(axis=1)):
        account.trade(row, sizes[row])
    return account_fills(account, tape)


@dataclass(frozen=True)
class Case:
    """Some trials on a tape."""

    tape: Tape
    execution: Execution
    plans: tuple[pd.DataFrame, ...]

    @property
    def orders(self) -> Orders:
        return packed(self.plans, self.tape, self.execution)

    @property
    def kernel(self) -> Kernel:
        return Kernel(self.tape, self.execution)


def generated_tape(random: np.random.Generator, assets: int, timeframe: str, count: int, deposit: bool) -> Tape:
    """Random walks of dear and of cheap coins, some bars missing, and a deposit whose rate changes by the bar."""
    length = TIMEFRAMES[timeframe]
    grid = pd.date_range("2024-01-01", periods=2 * count, freq=length, tz="UTC").as_unit("ns")
    kept = random.choice(len(grid), count, replace=False) if random.random() < 0.5 else np.arange(count)
    times = grid[np.sort(kept)]
    closes = random.choice([2e-5, 1, 60_000], assets) * np.exp(random.normal(0, 0.06, (count, assets)).cumsum(axis=0))
    opens = closes * np.exp(random.normal(0, 0.03, (count, assets)))
    names = list(ASSETS[:assets])
    if deposit:
        steps = 1 + random.choice([0, 1e-4, 5e-4], 2 * count)
        price = np.append(1.0, np.cumprod(steps))
        opens, closes = np.c_[opens, price[:-1:2]], np.c_[closes, price[1::2]]
        names.append(CASH)
    return Tape(pd.DataFrame(opens, times, names), pd.DataFrame(closes, times, names), length)


def generated_plan(random: np.random.Generator, tape: Tape, count: int) -> pd.DataFrame:
    """Decisions on opens, a minute beside them, several before one bar, in the last bar and after the end.

    Of full exposure, of nothing, of part, of almost the same as before, and too small to be sent.
    """
    opens = np.append(tape.open_times, tape.known_at[-1].value)
    at = random.choice(opens, count) + random.choice([-1, 0, 1, 90], count) * 60 * 10**9
    at = np.unique(np.append(at, opens[-2] - 1)[: count or 0])
    shares = random.dirichlet(np.ones(len(tape.assets)), len(at)) * (random.random((len(at), 1)) < 0.8)
    exposure = random.choice([1, 1, 0.6, 0.3, 1e-4, 0], (len(at), 1))
    weights = np.where(random.random((len(at), 1)) < 0.2, 1 / len(tape.assets), shares * exposure)
    if len(at) > 2:
        weights[2] = weights[1]
    index = pd.DatetimeIndex(at, tz="UTC", name="at")
    return pd.DataFrame(np.minimum(weights, 1.0), index, tape.assets)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.sampled_from([1, 2, 3, 10, 40]))
    tape = generated_tape(
        random, draw(st.integers(1, 3)), draw(st.sampled_from(["1d", "4h", "1h"])), count, draw(st.booleans())
    )
    execution = Execution(
        fee_bps=draw(st.sampled_from([0, 10, 300])),
        slippage_bps=draw(st.sampled_from([0, 5, 200])),
        min_notional=draw(st.sampled_from([0, 10, 20_000])),
        latency_hours=draw(st.sampled_from([0, 0.5, 30])),
        capital=draw(st.sampled_from([500, 100_000])),
    )
    counts = draw(st.lists(st.integers(0, 30), min_size=1, max_size=3))
    return Case(tape, execution, tuple(generated_plan(random, tape, n) for n in counts))


@settings(max_examples=150)
@given(cases())
def test_fills_and_equity_are_those_of_vectorbt_and_of_the_event_engine(case: Case) -> None:
    orders = case.orders
    curves = case.kernel.equity(orders)
    for trial, decisions in enumerate(case.plans):
        judged = result(decisions, case.tape, case.execution)
        fills = case.kernel.fills(orders, trial)
        pd.testing.assert_frame_equal(fills, judged.fills, check_exact=False, rtol=CONTRACT, atol=0)
        account = by_account(decisions, case.tape, case.execution)
        pd.testing.assert_frame_equal(fills, account, check_exact=False, rtol=CONTRACT, atol=0)
        np.testing.assert_allclose(curves[trial], judged.equity.iloc[1:], rtol=CONTRACT)
        np.testing.assert_allclose(curves[trial], judged.portfolio.value(), rtol=CONTRACT)


@settings(max_examples=150)
@given(cases())
def test_a_decimal_book_written_from_the_definitions_ends_the_same(case: Case) -> None:
    curves, outcomes = case.kernel.equity(case.orders), case.kernel.run(case.orders)
    for trial, decisions in enumerate(case.plans):
        oracle = Oracle(case.tape, case.execution).run(decisions)
        judged = result(decisions, case.tape, case.execution)
        exact = np.array(oracle.equity, float)
        np.testing.assert_allclose(curves[trial], exact, rtol=CONTRACT)
        np.testing.assert_allclose(judged.equity.iloc[1:], exact, rtol=CONTRACT)
        held = np.array(oracle.units, float) * case.tape.closes.to_numpy()
        np.testing.assert_allclose(judged.values, held, rtol=CONTRACT, atol=CONTRACT * case.execution.capital)
        sums = outcomes.sums[trial]
        small = CONTRACT * case.execution.capital
        assert sums["traded"] == pytest.approx(float(oracle.traded), rel=CONTRACT, abs=small)
        assert sums["fees"] + sums["slippage"] == pytest.approx(float(oracle.costs), rel=CONTRACT, abs=small)
        deepest = float(oracle.max_drawdown(case.execution.capital))
        assert outcomes.metrics["max_drawdown"][trial] == pytest.approx(deepest, rel=CONTRACT, abs=CONTRACT)


def assert_same_metrics(outcomes: Outcomes, trial: int, judged: Result) -> None:
    of_result = {metric.name: metric.compute(judged) for metric in METRICS}
    for name, values in outcomes.metrics.items():
        assert values[trial] == pytest.approx(of_result[name], rel=CONTRACT, abs=CONTRACT, nan_ok=True), name


@settings(max_examples=100)
@given(cases())
def test_metrics_are_those_of_the_table(case: Case) -> None:
    outcomes = case.kernel.run(case.orders)
    for trial, decisions in enumerate(case.plans):
        assert_same_metrics(outcomes, trial, result(decisions, case.tape, case.execution))
