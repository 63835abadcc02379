"""Comparing like with like: releases joined and differenced on the period that they describe.

What is computed of two releases is known when the later of them is. Of a series with one value a day or a
week, changes are taken between periods and not between publications: a holiday, a clock change or a late
release then does not compare a Wednesday with a Tuesday.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from data_cache.market import Known
from signals.transforms import refuse_future, taken


class Releases(NamedTuple):
    """First releases in the order in which they became known, each of a newer period than all before it.

    period, known_at : datetime64[ns], naive and UTC      value : floats, never NaN unless computed so
    """

    period: np.ndarray
    known_at: np.ndarray
    value: np.ndarray

    def series(self) -> pd.Series:
        """The values indexed by known_at."""
        return pd.Series(self.value, utc_index(self.known_at))

    def those(self, kept: np.ndarray) -> "Releases":
        """The releases for which `kept` is True, or whose row numbers it holds."""
        return Releases(self.period[kept], self.known_at[kept], self.value[kept])


def released(known: Known, series: str) -> Releases:
    """The releases of `series`; none where it is not known."""
    if not known.has(series):
        return in_order(*(np.empty(0, kind) for kind in ("datetime64[ns]", "datetime64[ns]", float)))
    frame = known.releases(series)
    times = frame.index.asi8.view("datetime64[ns]")
    return in_order(frame["period"].to_numpy(), times, frame["value"].to_numpy(float))


def in_order(period: np.ndarray, known_at: np.ndarray, value: np.ndarray) -> Releases:
    """Keep the releases, given by known_at, that are of a newer period than every release before them.

    A gap that is filled after newer periods have come out does not bring an old value back.

    >>> days = lambda *d: np.array([f"2025-01-{day:02d}" for day in d], "datetime64[ns]")
    >>> in_order(days(1, 3, 2), days(2, 4, 5), np.array([5.0, 6.0, 7.0])).value.tolist()
    [5.0, 6.0]
    """
    releases = Releases(period, known_at, value)
    newer = period[1:] > np.maximum.accumulate(period)[:-1]
    return releases if newer.all() else releases.those(np.r_[True, newer])


def first_of(*sources: Releases) -> Releases:
    """Join sources of one quantity: of each period its first publication, the earlier source's in a tie.

    >>> days = lambda *d: np.array([f"2025-01-{day:02d}" for day in d], "datetime64[ns]")
    >>> daily = Releases(days(1, 2), days(2, 3), np.array([5.0, 6.0]))
    >>> weekly = Releases(days(1, 8), days(2, 9), np.array([5.5, 8.0]))
    >>> first_of(daily, weekly).value.tolist()
    [5.0, 6.0, 8.0]
    """
    period, known_at, value = (np.concatenate(columns) for columns in zip(*sources, strict=True))
    order = np.lexsort((period, known_at))
    return in_order(period[order], known_at[order], value[order])


def period_change(releases: Releases, days: int) -> pd.Series:
    """The value of each period less that of the last period at least `days` days before it, by known_at.

    NaN where there is no period that old. BadUsage unless `days` is at least 1.

    >>> days = lambda *d: np.array([f"2025-01-{day:02d}" for day in d], "datetime64[ns]")
    >>> period_change(Releases(days(1, 8, 15), days(2, 9, 17), np.array([1.0, 2.0, 4.0])), 14).tolist()
    [nan, nan, 3.0]
    """
    refuse_future(days, "days")
    return change_since(releases, releases.period - np.timedelta64(days, "D"))


def change_since(releases: Releases, earlier: np.ndarray) -> pd.Series:
    """The value of each period less that of the last period at or before `earlier`, by known_at."""
    before = releases.period.searchsorted(earlier, side="right") - 1
    return pd.Series(releases.value - taken(releases.value, before), utc_index(releases.known_at))


def same_period(left: Releases, right: Releases) -> tuple[Releases, Releases]:
    """The values of both in the periods that both have, known at the later of the two.

    >>> days = lambda *d: np.array([f"2025-01-{day:02d}" for day in d], "datetime64[ns]")
    >>> rate = Releases(days(1, 2), days(2, 3), np.array([4.22, 4.13]))
    >>> bound = Releases(days(1, 2, 3), days(1, 1, 1), np.array([4.0, 4.0, 4.0]))
    >>> [side.value.tolist() for side in same_period(rate, bound)]
    [[4.22, 4.13], [4.0, 4.0]]
    """
    match = right.period.searchsorted(left.period)
    rows = np.flatnonzero(np.append(right.period, np.datetime64("NaT"))[match] == left.period)
    left, right = left.those(rows), right.those(match[rows])
    known_at = np.maximum(left.known_at, right.known_at)
    order = np.argsort(known_at, kind="stable")
    pair = left.period[order], known_at[order]
    return in_order(*pair, left.value[order]), in_order(*pair, right.value[order])


def difference(left: Releases, right: Releases) -> Releases:
    """Left less right of the same period.

    >>> days = lambda *d: np.array([f"2025-01-{day:02d}" for day in d], "datetime64[ns]")
    >>> ten, one = Releases(days(9), days(10), np.array([4.5])), Releases(days(9), days(12), np.array([4.0]))
    >>> difference(ten, one).series()
    known_at
    2025-01-12 00:00:00+00:00    0.5
    dtype: float64
    """
    minuend, subtrahend = same_period(left, right)
    return minuend._replace(value=minuend.value - subtrahend.value)


def together(formula: Callable[..., np.ndarray], *series: pd.Series) -> pd.Series:
    """What `formula` makes of the last known value of each series, whenever one of them has a new one.

    formula : takes an array for each series; a value is NaN until its series is first known

    >>> a = pd.Series([1.0, 2.0], pd.DatetimeIndex(["2025-01-01", "2025-01-03"], tz="UTC"))
    >>> b = pd.Series([5.0], pd.DatetimeIndex(["2025-01-02"], tz="UTC"))
    >>> together(lambda a, b: a + b, a, b).tolist()
    [nan, 6.0, 7.0]
    """
    times = [values.index.as_unit("ns").asi8 for values in series]
    grid = np.unique(np.concatenate(times))
    rows = [known_at.searchsorted(grid, side="right") - 1 for known_at in times]
    known = (taken(values.to_numpy(float), row) for values, row in zip(series, rows, strict=True))
    return pd.Series(formula(*known), utc_index(grid))


def utc_index(times: np.ndarray) -> pd.DatetimeIndex:
    """An index of known_at from naive UTC times, or nanoseconds since 1970."""
    return pd.DatetimeIndex(times.view("datetime64[ns]"), tz="UTC", name="known_at")
