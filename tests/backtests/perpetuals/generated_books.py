"""Generated worlds of perpetuals: prices with ranges, gaps and jumps, funding, and plans of longs and shorts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from backtests.backtest import Backtest
from backtests.execution import Execution
from backtests.result import Result
from backtests.tape import Tape, build_tape
from data_cache.bars import TIMEFRAMES, Bars
from data_cache.catalog import spec
from data_cache.errors import EbbtideError
from data_cache.market import Known, Market
from data_cache.observations import Observations, observation_rows
from signals.signal import Signal
from strategies.strategy import Book, Now, Strategy, Weights

ASSETS = ("BTC", "ETH", "SOL")


@dataclass(frozen=True)
class Newest(Signal):
    """The newest value of a series."""

    series: str

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.series,)

    def compute(self, known: Known) -> pd.Series:
        return known.first(self.series)


@dataclass(frozen=True)
class Plan(Strategy):
    """Hold what is published: the newest value of PLAN_BTC is the weight of BTC."""

    assets: tuple[str, ...]

    def signals(self) -> Mapping[str, Signal]:
        return {asset: Newest(f"PLAN_{asset}") for asset in self.assets}

    def weights(self, now: Now) -> Weights:
        return {asset: getattr(now, asset) for asset in self.assets}


@dataclass(frozen=True)
class Careful(Plan):
    """The same, at half size while a tenth of the book is lost or the book holds BTC at more than twice its equity."""

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        careful = book.drawdown > 0.1 or book.weights["BTC"] > 2
        return {asset: weight * (0.5 if careful else 1) for asset, weight in self.weights(now).items()}


@dataclass(frozen=True)
class World:
    """What one run is made of."""

    market: Market
    strategy: Plan
    execution: Execution
    window: Mapping[str, pd.Timestamp]

    def run(self, engine: str) -> Result:
        return Backtest(self.strategy, self.market, self.execution, engine=engine, **self.window).run()

    def tape(self) -> Tape:
        window = {"start": None, "end": None} | dict(self.window)
        return build_tape(self.market, self.strategy.assets, cash="0", perps=self.execution.perps, **window)


def outcome(world: World, engine: str) -> Result | str:
    """A result, or the sentence with which it was refused."""
    try:
        return world.run(engine)
    except EbbtideError as error:
        return repr(error)


def generated_bars(random: np.random.Generator, asset: str, timeframe: str, grid: pd.DatetimeIndex) -> Bars:
    """A random walk that jumps now and then, also between a close and the next open; with bars missing."""
    count = len(grid)
    jumps, daily = random.normal(0, 0.3, count) * (random.random(count) < 0.05), random.choice([0.03, 0.06])
    opened = random.uniform(5, 500) * np.exp(np.cumsum(random.normal(0, daily, count) + jumps))
    close = opened * np.exp(random.normal(0, daily, count))
    reach = np.exp(np.abs(random.normal(0, 0.03, (2, count))) * random.choice([0, 1, 2]))
    high, low = np.maximum(opened, close) * reach[0], np.minimum(opened, close) / reach[1]
    frame = pd.DataFrame({"open": opened, "high": high, "low": low, "close": close, "volume": 1.0}, index=grid)
    kept = random.random(count) >= random.choice([0, 0.1, 0.4])
    kept[:4] = kept[-4:] = True
    return Bars(asset, timeframe, frame[kept])


def funding_rows(random: np.random.Generator, grid: pd.DatetimeIndex, length: pd.Timedelta) -> pd.DataFrame:
    """A rate every hour or every eight, at the full hour or a minute later: of either sign, mild or wild."""
    times = pd.date_range(grid[0], grid[-1] + length, freq=random.choice(["8h", "8h", "8h", "1h"]))
    late = pd.to_timedelta((random.random(len(times)) < 0.1).astype(int), unit="min")
    rates = random.normal(random.choice([0, 1e-4]), random.choice([1e-4, 1e-3, 1e-2]), len(times))
    known_at = (times + late).as_unit("ns")
    return observation_rows(known_at.tz_localize(None), known_at, rates)


def planned(random: np.random.Generator, grid: pd.DatetimeIndex, assets: int, limit: float) -> dict[str, pd.DataFrame]:
    """Weights of both signs, within the limit of gross exposure; often none at all, so that books close."""
    count = int(random.integers(2, 25))
    opens = ((grid - grid[0]) // pd.Timedelta(minutes=1)).to_numpy()
    anywhere, on_an_open = random.integers(0, opens[-1], count), random.choice(opens, count)
    at = np.unique(np.where(random.random(count) < 0.5, anywhere, on_an_open))
    at[0] = 0
    known_at = grid[0] + pd.to_timedelta(at, unit="min")
    weights = random.uniform(-1, 1, (len(at), assets)) * (random.random((len(at), assets)) < 0.8)
    gross = random.choice([0.0, 0.5, 1, 0.5 * limit, 0.95 * limit], len(at), p=[0.1, 0.1, 0.2, 0.3, 0.3])
    weights *= (gross / np.maximum(np.abs(weights).sum(axis=1), 1e-9))[:, None]
    return {
        f"PLAN_{asset}": observation_rows(known_at.tz_localize(None), known_at, weights[:, column])
        for column, asset in enumerate(ASSETS[:assets])
    }


def generated_market(seed: int, assets: int, timeframe: str, count: int, limit: float) -> Market:
    random, length = np.random.default_rng(seed), TIMEFRAMES[timeframe]
    grid = pd.date_range("2024-01-01", periods=count, freq=length, tz="UTC").as_unit("ns")
    plans = planned(random, grid, assets, limit)
    funding = {f"FUNDING_{asset}": funding_rows(random, grid, length) for asset in ASSETS[:assets]}
    return Market(
        Observations(plans | funding),
        {asset: generated_bars(random, asset, timeframe, grid) for asset in ASSETS[:assets]},
        "a generated world",
        specs={name: replace(spec("SOFR"), id=name, max_age_days=1_000) for name in plans},
    )


@st.composite
def worlds(draw: st.DrawFn, /, rule: type[Plan] = Plan, **conditions: float) -> World:
    """Markets, margins and costs; `conditions` of execution are as they are given."""
    assets = draw(st.integers(1, 3))
    timeframe = draw(st.sampled_from(["1d", "4h", "1h"]))
    initial, maintenance = draw(st.sampled_from([(0.2, 0.005), (0.2, 0.15), (0.1, 0.05), (0.5, 0.25)]))
    free: dict[str, Any] = {
        "fee_bps": draw(st.sampled_from([0, 10, 30])),
        "slippage_bps": draw(st.sampled_from([0, 5, 15])),
        "min_notional": draw(st.sampled_from([0, 10, 20_000])),
        "band": draw(st.sampled_from([0, 0.0, 0.15])),
        "latency_hours": draw(st.sampled_from([0, 0.5, 4, 50])),
        "rebalance_days": draw(st.sampled_from([0, 0, 0.4, 3])),
        "perps": True,
        "initial_margin": initial,
        "maintenance_margin": maintenance,
        "liquidation_fee_bps": draw(st.sampled_from([0, 50, 300])),
    }
    market = generated_market(
        draw(st.integers(0, 2**32 - 1)), assets, timeframe, draw(st.integers(20, 60)), 1 / initial
    )
    start = market.bars["BTC"].frame.index[2]
    window = draw(st.sampled_from([{}, {}, {"start": start}]))
    return World(market, rule(ASSETS[:assets]), Execution(**(free | conditions)), window)
