"""Bars: OHLCV over [open_time, open_time + timeframe), known at their end."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from data_cache.errors import BadData, NoData, UnknownName

TIMEFRAMES = {"1h": pd.Timedelta(hours=1), "4h": pd.Timedelta(hours=4), "1d": pd.Timedelta(days=1)}
OHLCV = ["open", "high", "low", "close", "volume"]


def timeframe_length(timeframe: str) -> pd.Timedelta:
    """The length of a timeframe; UnknownName for one that ebbtide does not keep."""
    if timeframe not in TIMEFRAMES:
        raise UnknownName.among("timeframe", timeframe, TIMEFRAMES)
    return TIMEFRAMES[timeframe]


@dataclass(frozen=True)
class Bars:
    """OHLCV of one asset.

    frame : DataFrame with the columns of `OHLCV` (prices in quote currency, volume in the asset), indexed by
    open_time in UTC, ascending. Anything else raises BadData and names the first offender by name and time.
    seen_until : until when the market was watched; the end of the last bar where None. Later than that end
    where the newest bars are missing: a day whose last hours are an outage has ended all the same.
    """

    asset: str
    timeframe: str
    frame: pd.DataFrame
    seen_until: pd.Timestamp | None = None

    def __post_init__(self) -> None:
        check_bars(self.frame, f"{self.asset} {self.timeframe}", timeframe_length(self.timeframe))
        index = self.frame.index.as_unit("ns").rename("open_time")
        frame = self.frame if list(self.frame.columns) == OHLCV else self.frame[OHLCV]
        object.__setattr__(self, "frame", frame.astype(float).set_axis(index, axis=0))
        object.__setattr__(self, "seen_until", self.seen_until or self.known_at[-1])

    @property
    def length(self) -> pd.Timedelta:
        """The timeframe as a Timedelta."""
        return TIMEFRAMES[self.timeframe]

    @cached_property
    def known_at(self) -> pd.DatetimeIndex:
        """When each bar became known: its end."""
        return (self.frame.index + self.length).rename("known_at")

    def gaps(self) -> pd.DataFrame:
        """Runs of missing bars: columns first (the open_time of the first) and bars (how many)."""
        times = self.frame.index
        missing = ((times[1:] - times[:-1]) // self.length - 1).to_numpy()
        at = np.flatnonzero(missing > 0)
        return pd.DataFrame({"first": times[:-1][at] + self.length, "bars": missing[at]})

    def until(self, at: pd.Timestamp) -> "Bars":
        """Only the bars known at `at`."""
        past = self.frame.iloc[: int(self.known_at.searchsorted(at, side="right"))]
        return Bars(self.asset, self.timeframe, past, min(at, self.seen_until))

    def resample(self, timeframe: str) -> "Bars":
        """The same prices in longer bars: first open, highest high, lowest low, last close, sum of volume.

        Missing bars are simply not in the sum. A last bar that has not ended is dropped: it is not known yet.
        """
        length = timeframe_length(timeframe)
        if timeframe == self.timeframe:
            return self
        if length % self.length != pd.Timedelta(0):
            raise BadData(f"{self.asset}: {self.timeframe} bars cannot make {timeframe} bars; import finer ones")
        bucket = self.frame.index.floor(length)
        how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
        frame = self.frame.groupby(bucket).agg(how)
        frame.index.name = "open_time"
        ended = frame.index + length <= self.seen_until
        return Bars(self.asset, timeframe, frame[ended], self.seen_until)


def check_bars(frame: pd.DataFrame, name: str, length: pd.Timedelta) -> None:
    """Raise BadData, naming `name` and the first offending time, unless `frame` holds well-formed bars.

    Checked: columns, a UTC index on the grid of `length`, order, duplicates, missing and non-positive prices,
    high and low around open and close, volume not negative.
    """
    absent = [c for c in OHLCV if c not in frame.columns]
    if absent:
        raise BadData(f"{name}: bars need the columns {', '.join(OHLCV)}; missing: {', '.join(absent)}")
    if len(frame) == 0:
        raise NoData(f"{name}: no bars; fetch or import some, or choose a longer date range")
    _check_times(frame.index, name, length)
    opened, high, low, close, volume = (frame[column].to_numpy(float) for column in OHLCV)
    finite = np.isfinite(opened) & np.isfinite(high) & np.isfinite(low) & np.isfinite(close)
    _refuse(frame, ~finite, f"{name}: a price is missing or not finite")
    highest, lowest = np.maximum(opened, close), np.minimum(opened, close)
    _refuse(frame, np.minimum(lowest, np.minimum(low, high)) <= 0, f"{name}: a price is zero or negative")
    _refuse(frame, high < np.maximum(highest, low), f"{name}: high is below another price of the bar")
    _refuse(frame, low > lowest, f"{name}: low is above another price of the bar")
    _refuse(frame, ~(np.isfinite(volume) & (volume >= 0)), f"{name}: volume is missing, negative or infinite")


def _check_times(times: pd.Index, name: str, length: pd.Timedelta) -> None:
    if not isinstance(times, pd.DatetimeIndex) or times.tz is None:
        raise BadData(f"{name}: open_time must be UTC timestamps; found times without a timezone: localize them first")
    if str(times.tz) != "UTC":
        raise BadData(f"{name}: open_time must be in UTC; found {times.tz}: convert it first")
    _refuse_times(times, times.duplicated(), f"{name}: two bars open at the same time")
    _refuse_times(times, np.r_[False, times[1:] < times[:-1]], f"{name}: bars are not sorted by open_time")
    _refuse_times(times, times != times.floor(length), f"{name}: a bar does not open on the {length} grid")


def _refuse(frame: pd.DataFrame, bad: np.ndarray, sentence: str) -> None:
    if bad.any():
        row = frame[bad].iloc[0]
        prices = ", ".join(f"{c} {row[c]:g}" for c in OHLCV)
        raise BadData(f"{sentence}, first at {frame.index[bad][0]} ({prices}; {int(bad.sum())} in all)")


def _refuse_times(times: pd.DatetimeIndex, bad: np.ndarray, sentence: str) -> None:
    if bad.any():
        raise BadData(f"{sentence}, first at {times[bad][0]} ({int(bad.sum())} in all)")
