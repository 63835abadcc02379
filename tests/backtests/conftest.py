"""Toy worlds, small enough to read: prices and releases written out by hand, and both engines run on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.execution import Execution
from backtests.result import Result
from data_cache.bars import TIMEFRAMES, Bars
from data_cache.catalog import spec
from data_cache.market import Known, Market
from data_cache.observations import Observations, observation_rows
from signals.signal import Signal
from strategies.strategy import Now, Strategy, Weights

FREE = Execution(fee_bps=0, slippage_bps=0, min_notional=0, capital=1_000)

# The prices on which reference implementations of the traps were run: six daily bars that do not move within the day.
BTC = (100, 110, 120, 90, 95, 100)
ETH = (10, 10, 13, 14, 9, 10)


@dataclass(frozen=True)
class Level(Signal):
    """The newest value of `series`."""

    series: str = "PLAN_BTC"

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.series,)

    def compute(self, known: Known) -> pd.Series:
        return known.first(self.series)


@dataclass(frozen=True)
class Follow(Strategy):
    """Hold what is published: the newest value of PLAN_BTC is the weight of BTC."""

    assets: tuple[str, ...] = ("BTC",)

    def signals(self) -> Mapping[str, Signal]:
        return {asset: Level(f"PLAN_{asset}") for asset in self.assets}

    def weights(self, now: Now) -> Weights:
        return {asset: getattr(now, asset) for asset in self.assets}


def at(text: str) -> pd.Timestamp:
    """A moment of 2024: "01-02", "01-02 23:59"."""
    return pd.Timestamp(f"2024-{text}", tz="UTC").as_unit("ns")


def bars(asset: str, opens: Sequence[float], closes: Sequence[float] | None = None, timeframe: str = "1d") -> Bars:
    """Bars from 2024-01-01 on, closing where they opened unless told otherwise; where the open is NaN is no bar."""
    times = pd.date_range(at("01-01"), periods=len(opens), freq=TIMEFRAMES[timeframe]).as_unit("ns")
    both = pd.DataFrame({"open": opens, "close": opens if closes is None else closes}, index=times).dropna()
    frame = both.assign(high=both.max(axis=1), low=both.min(axis=1), volume=1.0)
    return Bars(asset, timeframe, frame)


def series(releases: Mapping[str, float]) -> pd.DataFrame:
    """Observations, each of the moment at which it became known."""
    known_at = pd.DatetimeIndex([at(moment) for moment in releases])
    return observation_rows(known_at.tz_localize(None), known_at, list(releases.values()))


def market(
    opens: Mapping[str, Sequence[float]],
    plan: Mapping[str, Sequence[float]] | None = None,
    closes: Mapping[str, Sequence[float]] | None = None,
    timeframe: str = "1d",
    releases: Mapping[str, Mapping[str, float]] | None = None,
    max_age_days: float = 1_000,
) -> Market:
    """A market of a few bars.

    plan : by moment, the weights that PLAN_<asset> publish, in the order of `opens`
    releases : further series, by moment      max_age_days : of every series
    """
    planned = {
        f"PLAN_{asset}": {moment: weights[column] for moment, weights in (plan or {}).items()}
        for column, asset in enumerate(opens)
    }
    published = {**(planned if plan else {}), **(releases or {})}
    return Market(
        Observations({name: series(values) for name, values in published.items()}),
        {a: bars(a, prices, (closes or {}).get(a), timeframe) for a, prices in opens.items()},
        "a toy world",
        specs={name: replace(spec("SOFR"), id=name, max_age_days=max_age_days) for name in published},
    )


def both(
    world: Market, execution: Execution = FREE, strategy: Strategy | None = None, **window: pd.Timestamp
) -> Result:
    """The result of either engine, after a check that the other one decides, fills and ends the same."""
    strategy = strategy or Follow(tuple(world.assets))
    vector, events = (
        Backtest(strategy, world, execution, engine=engine, **window).run() for engine in ("vector", "events")
    )
    pd.testing.assert_frame_equal(vector.decisions, events.decisions, check_exact=True)
    pd.testing.assert_frame_equal(vector.fills, events.fills, rtol=1e-12)
    pd.testing.assert_series_equal(vector.equity, events.equity, rtol=1e-12)
    return vector


def filled(result: Result) -> list[tuple[str, str, float]]:
    """The fills as a table to compare with: day, asset, units."""
    fills = result.fills
    return [
        (f"{time:%m-%d}", asset, pytest.approx(units, rel=1e-12))
        for time, asset, units in zip(fills["open_time"], fills["asset"], fills["units"], strict=True)
    ]


@pytest.fixture(scope="session")
def toy() -> SimpleNamespace:
    """What makes and runs toy worlds."""
    return SimpleNamespace(
        FREE=FREE,
        BTC=BTC,
        ETH=ETH,
        Level=Level,
        Follow=Follow,
        at=at,
        bars=bars,
        series=series,
        market=market,
        both=both,
        filled=filled,
    )


@pytest.fixture
def five_days() -> Market:
    """Five days of BTC and of one number, published at noon and once just before midnight.

    day    1    2    3    4    5
    open   100  110  120  90   95
    close  110  120  90   95   100
    """
    return market(
        {"BTC": (100, 110, 120, 90, 95)},
        closes={"BTC": (110, 120, 90, 95, 100)},
        releases={"NOON": {"01-01 12:00": 1.0, "01-02 12:00": -1.0, "01-03 23:59": 2.0, "01-05 12:00": -2.0}},
    )
