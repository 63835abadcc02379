"""One dated fact, and which facts were known, or held, at a moment."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from data_cache.releases import NEW_YORK, eastern

DAY = 86_400_000_000_000  # nanoseconds

# How a fact was checked, from best to worst.
CHECKED = {
    "data": "agrees with the real history that the tests import",
    "document": "read in the announcement, or in a report dated that day",
    "copy": "read in a later list or copy of the announcement",
    "memory": "written down from memory; nothing was at hand to check it with",
}


class Fact(NamedTuple):
    """One announcement.

    period : the day from which it holds, YYYY-MM-DD
    announced : when it became public, Eastern wall-clock time; where only the day is known, late on that day
    value : what it says as a number, in the unit of its table
    checked : one of CHECKED
    """

    name: str
    period: str
    announced: str
    value: float
    what: str
    source: str
    checked: str


@cache
def known_at(facts: tuple[Fact, ...]) -> pd.DatetimeIndex:
    """When each fact became known, UTC (ns), in the order of `facts`."""
    return eastern(np.array([fact.announced for fact in facts], "datetime64[ns]")).rename("known_at")


@cache
def holds_at(facts: tuple[Fact, ...]) -> pd.DatetimeIndex:
    """From when each fact both is known and holds, UTC (ns): the later of its announcement and midnight of its period.

    Midnight is New York's.
    """
    periods = eastern(np.array([fact.period for fact in facts], "datetime64[ns]"))
    return pd.DatetimeIndex(np.maximum(periods.asi8, known_at(facts).asi8), tz="UTC").as_unit("ns")


def newest(values: Sequence[float], moments: pd.DatetimeIndex, times: pd.DatetimeIndex) -> np.ndarray:
    """At each of `times`, the last of `values` whose moment has come; NaN before the first.

    values, moments : one per fact, in the order of announcement: of two facts the later announced counts, even where
    it holds from an earlier day

    >>> moments = pd.DatetimeIndex(["2025-01-05", "2025-01-03"], tz="UTC")  # brought forward by the second
    >>> newest([1, 2], moments, pd.DatetimeIndex(["2025-01-02", "2025-01-03", "2025-01-06"], tz="UTC")).tolist()
    [nan, 2.0, 2.0]
    """
    answer = np.full(len(times), np.nan)
    for value, moment in zip(values, moments, strict=True):
        answer[times >= moment] = value
    return answer


def days_since(moments: pd.DatetimeIndex, times: pd.DatetimeIndex) -> np.ndarray:
    """Days, with fractions, from the last of `moments` (ascending) until each of `times`; NaN before the first."""
    last = moments.as_unit("ns").asi8
    at = times.as_unit("ns").asi8
    row = last.searchsorted(at, side="right") - 1
    return np.where(row >= 0, (at - last[row]) / DAY, np.nan)


def end_of_day(day: str) -> pd.Timestamp:
    """Midnight in New York at the end of the day (YYYY-MM-DD), UTC.

    >>> end_of_day("2025-07-04")
    Timestamp('2025-07-05 04:00:00+0000', tz='UTC')
    """
    return (pd.Timestamp(day, tz=NEW_YORK) + pd.DateOffset(days=1)).tz_convert("UTC")


def until(values: np.ndarray, times: pd.DatetimeIndex, kept_until: str) -> np.ndarray:
    """The values, unknown (NaN) from midnight in New York at the end of the day `kept_until` on."""
    return np.where(times < end_of_day(kept_until), values, np.nan)
