"""The market: the bundle that engines and signals are served from, and the past that a signal may read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from data_cache.bars import Bars
from data_cache.catalog import SeriesSpec, spec
from data_cache.errors import BadData, LookAhead, NoData, UnknownName
from data_cache.lazy import Lazy
from data_cache.observations import Observations
from data_cache.vintages import Rows, Vintages

# A daily close older than this is no longer a price to decide on.
BARS_MAX_AGE = pd.Timedelta(days=3)


@dataclass(frozen=True)
class Market:
    """Observations, bars and dated futures, each with its own two clocks.

    bars : asset -> Bars, all of one timeframe
    futures : asset -> DataFrame of daily closes, indexed by known_at, one column per expiry (UTC timestamps); BadData
    where a time has no timezone or known_at does not ascend
    origin : where it comes from, in words; "SIMULATED" is part of the lab's
    specs : entries for series that are not in the catalogue, by id
    sources : where the observations of a series are from, by id; empty where nobody fetched them
    recipe : how to make it again, plain values: {"data": "lab", ...} or {"data": "cache", ...}; {} where it was made by
    hand. The timeframe is not part of it
    """

    observations: Observations
    bars: Mapping[str, Bars]
    origin: str
    futures: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    specs: Mapping[str, SeriesSpec] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.futures, Lazy):
            object.__setattr__(self, "futures", {a: checked_futures(a, frame) for a, frame in self.futures.items()})

    @property
    def assets(self) -> list[str]:
        """The assets that have bars."""
        return list(self.bars)

    @property
    def place(self) -> str:
        """What lacks a series, in a sentence: the cache, whose bars are beside the point, or the origin."""
        return "the cache" if self.origin.startswith("cache: ") else self.origin

    @property
    def timeframe(self) -> str:
        """The timeframe of the bars; NoData where there are none."""
        if not self.bars:
            raise NoData(f"no bars in {self.origin}; fetch or import some, or choose a longer date range")
        return next(iter(self.bars.values())).timeframe

    def asset_bars(self, asset: str) -> Bars:
        """The bars of one asset; NoData where there are none."""
        if asset not in self.bars:
            here = ", ".join(self.bars) or "none"
            cure = "fetch or import some, or trade others, as in --set mix=BTC:1"
            raise NoData(f"no bars of {asset} in {self.origin}; here are: {here}; {cure}")
        return self.bars[asset]

    @cached_property
    def daily(self) -> Mapping[str, pd.DataFrame]:
        """OHLCV of each asset in daily bars (UTC days), indexed by known_at: what price signals are made of.

        The frame of an asset whose first day has not ended is empty.
        """
        return Lazy(self.bars, lambda asset: _daily(self.bars[asset]))

    def spec(self, series: str) -> SeriesSpec:
        """What the catalogue, or the user's import, says of a series."""
        return self.specs[series] if series in self.specs else spec(series)

    def at_timeframe(self, timeframe: str) -> "Market":
        """The same market in other bars."""
        return replace(self, bars=Lazy(self.bars, lambda asset: self.bars[asset].resample(timeframe)))

    def until(self, at: pd.Timestamp) -> "Market":
        """The market as it was known at `at`; nothing later is in the answer at all."""
        return replace(
            self,
            observations=self.observations.until(at),
            bars={a: b.until(at) for a, b in self.bars.items() if b.known_at[0] <= at},
            futures={a: _without_unborn(frame[frame.index <= at]) for a, frame in self.futures.items()},
        )

    def known_times(self, need: str) -> np.ndarray:
        """When each piece of `need` became known: int64 nanoseconds, ascending; empty where there is none."""
        kind, _, name = need.rpartition(":")
        if kind == "":
            return self.observations.known_at(name) if name in self.observations else np.empty(0, np.int64)
        frames = _frames(self, kind)
        return frames[name].index.asi8 if name in frames else np.empty(0, np.int64)

    def max_age(self, need: str) -> pd.Timedelta:
        """How old the newest piece of `need` may be before it counts as unknown."""
        kind, _, name = need.rpartition(":")
        return BARS_MAX_AGE if kind else pd.Timedelta(days=self.spec(name).max_age_days)

    def known(self, needs: tuple[str, ...], until: pd.Timestamp | None = None) -> "Known":
        """What a signal with these needs may read, up to `until` (all of it where None)."""
        return Known(self, needs, until)

    def hashes(self, needs: set[str] | None = None, until: pd.Timestamp | None = None) -> dict[str, str]:
        """A sha256 of each input, by need (all where None): two runs on equal hashes saw the same data.

        until : of what was known by then, so that what came later changes nothing; of all where None
        """
        return {need: self._vintages.sha256(need, _nanoseconds(until)) for need in self._there(needs)}

    def vintages(self, needs: set[str] | None = None, until: pd.Timestamp | None = None) -> dict[str, dict[str, Any]]:
        """How much of each input was known by `until`, and of what vintage; see `data_cache.vintages.Vintage`."""
        return {need: self._vintages.summary(need, _nanoseconds(until)) for need in self._there(needs)}

    def _there(self, needs: set[str] | None) -> list[str]:
        """Those of `needs` (all where None) that this market has."""
        everything = {
            *self.observations,
            *(f"bars:{a}" for a in self.bars),
            *(f"futures:{a}" for a in self.futures),
        }
        return sorted(everything if needs is None else needs & everything)

    @cached_property
    def _vintages(self) -> Vintages:
        return Vintages(self._rows)

    def _rows(self, need: str) -> Rows:
        kind, _, name = need.rpartition(":")
        if kind == "":
            rows = self.observations.rows(name)
            return Rows(rows, pd.DatetimeIndex(rows["known_at"]).as_unit("ns").asi8)
        if kind == "bars":
            return Rows(self.bars[name].frame, self.bars[name].known_at.asi8)
        return Rows(self.futures[name], self.futures[name].index.asi8, sparse=True)


class Known:
    """The past of what a signal names in its needs; anything else is an error, anything later is not there.

    A need is a series id ("SRF"), "bars:ASSET" for daily bars, or "futures:ASSET" for dated futures.
    """

    def __init__(self, market: Market, needs: tuple[str, ...], until: pd.Timestamp | None) -> None:
        self._needs = needs
        own = market.observations.only(n for n in needs if n in market.observations)
        self._observations = own if until is None else own.until(until)
        self._frames = {n: _cut(market, n, until) for n in needs if ":" in n and len(market.known_times(n))}
        self._until = until

    def has(self, need: str) -> bool:
        """Whether anything of `need` is known: a guard against emptiness.

        Never choose between sources with it: where a signal is computed all at once, it knows what came later.
        """
        self._named(need)
        if ":" in need:
            return need in self._frames and len(self._frames[need]) > 0
        return need in self._observations and len(self._observations.releases(need)) > 0

    def first(self, series: str) -> pd.Series:
        """First-release values of `series`, indexed by known_at, in served units."""
        self._named(series)
        return self._observations.first(series)

    def releases(self, series: str) -> pd.DataFrame:
        """First releases of `series`: columns period and value, indexed by known_at."""
        self._named(series)
        return self._observations.releases(series)

    def as_of(self, series: str, at: pd.Timestamp) -> pd.Series:
        """The history of `series` as it stood at `at`, indexed by period; `at` may not lie in the future."""
        self._named(series)
        if self._until is not None and at > self._until:
            raise LookAhead(f"{series} was asked for as of {at}, which is after {self._until}")
        return self._observations.as_of(series, at)

    def bars(self, asset: str) -> pd.DataFrame:
        """Daily OHLCV of `asset`, indexed by known_at (the end of the UTC day)."""
        return self._frame(f"bars:{asset}")

    def futures(self, asset: str) -> pd.DataFrame:
        """Daily closes of dated futures, indexed by known_at, a column per expiry; NaN outside its life."""
        return self._frame(f"futures:{asset}")

    def _frame(self, need: str) -> pd.DataFrame:
        self._named(need)
        if need not in self._frames:
            raise NoData(f"no {need} is cached; fetch or import it first")
        return self._frames[need]

    def _named(self, need: str) -> None:
        if need not in self._needs:
            raise LookAhead(f"{need} is read but not named in needs; name it there: {', '.join(self._needs) or 'none'}")


def _frames(market: Market, kind: str) -> Mapping[str, pd.DataFrame]:
    kinds: dict[str, Mapping[str, pd.DataFrame]] = {"bars": market.daily, "futures": market.futures}
    if kind not in kinds:
        raise UnknownName.among("kind of need", kind, kinds, owner="Known")
    return kinds[kind]


def _cut(market: Market, need: str, until: pd.Timestamp | None) -> pd.DataFrame:
    kind, _, name = need.rpartition(":")
    frame = _frames(market, kind)[name]
    if until is None:
        return frame
    past = frame.iloc[: int(frame.index.searchsorted(until, side="right"))]
    return _without_unborn(past) if kind == "futures" else past


def _without_unborn(futures: pd.DataFrame) -> pd.DataFrame:
    """Leave out expiries that were never quoted: that they would be listed was not known."""
    return futures.loc[:, futures.notna().to_numpy().any(axis=0)]


def checked_futures(asset: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Closes of dated futures, times in UTC nanoseconds; BadData without a timezone or where known_at goes back."""
    for times, name in ((frame.index, "known_at"), (frame.columns, "expiry")):
        if len(times) and (not isinstance(times, pd.DatetimeIndex) or times.tz is None):
            raise BadData(f"futures:{asset}: {name} must be UTC timestamps; found {times[0]!r}: localize it first")
    if not (frame.index.is_monotonic_increasing and frame.index.is_unique):
        raise BadData(f"futures:{asset}: known_at must ascend, each time once; sort the closes")
    return frame.set_axis(frame.index.as_unit("ns"), axis=0) if len(frame) else frame


def _daily(bars: Bars) -> pd.DataFrame:
    first_day_end = bars.frame.index[0].normalize() + pd.Timedelta(days=1)
    if bars.seen_until < first_day_end:
        return bars.frame[:0].set_axis(bars.known_at[:0], axis=0)
    days = bars.resample("1d")
    return days.frame.set_axis(days.known_at, axis=0)


def _nanoseconds(until: pd.Timestamp | None) -> int:
    return int(np.iinfo(np.int64).max if until is None else until.as_unit("ns").value)
