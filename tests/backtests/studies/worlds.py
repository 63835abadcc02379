"""Small worlds for event studies: a gauge that is read off at given moments, and prices beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd

from data_cache.bars import TIMEFRAMES, Bars
from data_cache.catalog import spec
from data_cache.market import Known, Market
from data_cache.observations import Observations, observation_rows
from signals.signal import Signal

# Like the facility's take-up, but never too old.
GAUGE = replace(spec("SRF"), id="GAUGE", max_age_days=10_000)
Reading = tuple[str, float]


@dataclass(frozen=True)
class Gauge(Signal):
    """The newest reading of the gauge, times `factor`."""

    factor: float = 1.0
    needs = ("GAUGE",)

    def compute(self, known: Known) -> pd.Series:
        return known.first("GAUGE") * self.factor


def bars(asset: str, closes: Sequence[float], start: str = "2024-01-01", timeframe: str = "1d") -> Bars:
    """Bars that open where the one before closed, the first one at its own close."""
    close = np.asarray(closes, float)
    opened = np.array([close[0], *(before for before, _ in pairwise(close))])
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    times = pd.date_range(start, periods=len(close), freq=TIMEFRAMES[timeframe], tz="UTC")
    frame = pd.DataFrame({"open": opened, "high": high, "low": low, "close": close, "volume": 1.0}, index=times)
    return Bars(asset, timeframe, frame)


def market(
    readings: Sequence[Reading], closes: Sequence[float], start: str = "2024-01-01", timeframe: str = "1d"
) -> Market:
    """BTC at these closes, and ETH at the tenth of their square; readings become known at the given moments."""
    known = pd.DatetimeIndex([at for at, _ in readings], tz="UTC").as_unit("ns")
    days = known.tz_localize(None).normalize()
    # Several readings of one day are of as many days before, or they would be revisions of one another.
    periods = days if days.is_unique else days - pd.to_timedelta(np.arange(len(days), 0, -1), "D")
    rows = observation_rows(periods, known, np.array([value for _, value in readings]))
    both = {
        "BTC": bars("BTC", closes, start, timeframe),
        "ETH": bars("ETH", [close**2 / 10 for close in closes], start, timeframe),
    }
    return Market(Observations({"GAUGE": rows}), both, "made by hand", specs={"GAUGE": GAUGE})


def daily(values: Sequence[float], start: str = "2024-01-01", at: str = "18:00") -> list[Reading]:
    """A reading a day, known at that time."""
    days = pd.date_range(start, periods=len(values))
    return [(f"{day:%Y-%m-%d} {at}", float(value)) for day, value in zip(days, values, strict=True)]


def random_walk(n: int, seed: int, volatility: float = 0.03) -> list[float]:
    """Closes whose daily log returns are independent and normal."""
    steps = volatility * np.random.default_rng(seed).standard_normal(n)
    return [float(close) for close in 100 * np.exp(np.cumsum(steps))]


def slow_noise(n: int, seed: int, memory: float = 0.95) -> np.ndarray:
    """A first-order autoregression with normal shocks: a signal that moves slowly and knows nothing."""
    shocks = np.random.default_rng(seed).standard_normal(n)
    values = np.zeros(n)
    for i in range(1, n):
        values[i] = memory * values[i - 1] + shocks[i]
    return values
