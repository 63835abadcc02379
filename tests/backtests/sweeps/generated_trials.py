"""Trials to try the kernel on: generated tapes, conditions and decisions; and what vectorbt makes of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from backtests.execution import Execution
from backtests.result import Result
from backtests.simulate import portfolio_fills, simulate
from backtests.sweeps.kernel import Kernel
from backtests.sweeps.orders import Orders, lay_out, pack
from backtests.tape import CASH, Tape
from data_cache.bars import TIMEFRAMES

ASSETS = ("BTC", "ETH", "SOL")
MINUTE = 60 * 10**9


@dataclass(frozen=True)
class Case:
    """Some trials, each a frame of decisions, on one tape."""

    tape: Tape
    execution: Execution
    plans: tuple[pd.DataFrame, ...]

    @property
    def orders(self) -> Orders:
        return packed(self.plans, self.tape, self.execution)

    @property
    def kernel(self) -> Kernel:
        return Kernel(self.tape, self.execution)

    @property
    def judged(self) -> list[Result]:
        """What vectorbt makes of each trial."""
        return [judged(decisions, self.tape, self.execution) for decisions in self.plans]


def packed(plans: Sequence[pd.DataFrame], tape: Tape, execution: Execution) -> Orders:
    laid_out = [lay_out(p.index.asi8, p[tape.assets].to_numpy(), tape, execution) for p in plans]
    return pack(laid_out, len(tape.opens.columns))


def judged(decisions: pd.DataFrame, tape: Tape, execution: Execution) -> Result:
    fills = portfolio_fills(simulate(decisions, tape, execution), tape)
    return Result(None, execution, None, tape, decisions, fills, {})


def generated_tape(random: np.random.Generator, assets: int, timeframe: str, count: int, deposit: bool) -> Tape:
    """Random walks of cheap and of dear coins; bars missing in half of all; a deposit whose rate changes by the bar."""
    length = TIMEFRAMES[timeframe]
    grid = pd.date_range("2024-01-01", periods=2 * count, freq=length, tz="UTC").as_unit("ns")
    kept = random.choice(len(grid), count, replace=False) if random.random() < 0.5 else np.arange(count)
    times, names = grid[np.sort(kept)], list(ASSETS[:assets])
    closes = random.choice([2e-5, 1, 60_000], assets) * np.exp(random.normal(0, 0.06, (count, assets)).cumsum(axis=0))
    opens = closes * np.exp(random.normal(0, 0.03, (count, assets)))
    if deposit:
        price = np.append(1.0, np.cumprod(1 + random.choice([0, 1e-4, 5e-4], 2 * count)))
        opens, closes, names = np.c_[opens, price[:-1:2]], np.c_[closes, price[1::2]], [*names, CASH]
    return Tape(pd.DataFrame(opens, times, names), pd.DataFrame(closes, times, names), length)


def generated_plan(random: np.random.Generator, tape: Tape, count: int) -> pd.DataFrame:
    """Up to `count` decisions on an open or beside it, some before the same bar, some in the last one or too late.

    Of full exposure, of nothing, of part, of too little to be sent, and of the same as before.
    """
    bars = np.append(tape.open_times, tape.known_at[-1].value)
    at = np.unique(random.choice(bars, count) + random.choice([-90, -1, 0, 1], count) * MINUTE)
    mixes = random.dirichlet(np.ones(len(tape.assets)), len(at)) * (random.random((len(at), len(tape.assets))) < 0.8)
    mixes[random.random(len(at)) < 0.2] = 1 / len(tape.assets)
    weights = np.minimum(mixes * random.choice([1, 1, 0.6, 0.3, 1e-4, 0], (len(at), 1)), 1.0)
    weights[2:3] = weights[1:2]
    return pd.DataFrame(weights, pd.DatetimeIndex(at, tz="UTC", name="at"), tape.assets)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    timeframe = draw(st.sampled_from(["1d", "4h", "1h"]))
    tape = generated_tape(
        random, draw(st.integers(1, 3)), timeframe, draw(st.sampled_from([40, 10, 3, 2, 1])), draw(st.booleans())
    )
    bar_hours = tape.length / pd.Timedelta(hours=1)
    execution = Execution(
        fee_bps=draw(st.sampled_from([0, 10, 300])),
        slippage_bps=draw(st.sampled_from([0, 5, 200])),
        min_notional=draw(st.sampled_from([0, 10, 20_000])),
        latency_hours=draw(st.sampled_from([0, 0.5, 1.5 * bar_hours])),
        capital=draw(st.sampled_from([500, 100_000])),
    )
    counts = draw(st.lists(st.sampled_from([30, 8, 1, 0]), min_size=1, max_size=3))
    return Case(tape, execution, tuple(generated_plan(random, tape, count) for count in counts))
