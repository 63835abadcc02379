"""Comparing like with like: releases joined and differenced on the period that they describe.

A table of releases has the columns period and value and is indexed by known_at. What is computed of two rows
is known when the later of them is.
"""

import numpy as np
import pandas as pd

from signals.transforms import taken


def newest(releases: pd.DataFrame) -> pd.DataFrame:
    """The releases that are of a newer period than every release before them.

    A gap that is filled after newer periods have come out does not bring an old value back.

    >>> table([1, 3, 2], ["01-02", "01-04", "01-05"], [5.0, 6.0, 7.0]).pipe(newest)["value"].tolist()
    [5.0, 6.0]
    """
    period = releases["period"].to_numpy()
    if (period[1:] > period[:-1]).all():
        return releases
    highest = np.maximum.accumulate(period)
    return releases[np.r_[True, period[1:] > highest[:-1]]]


def level(releases: pd.DataFrame) -> pd.Series:
    """The value of the newest period known, indexed by known_at."""
    return newest(releases)["value"]


def period_change(releases: pd.DataFrame, days: int) -> pd.Series:
    """The value of each newest period less that of the last period at least `days` days before it.

    Indexed by known_at; NaN where there is no period that old.

    >>> period_change(table([1, 8, 15], ["01-02", "01-09", "01-17"], [1.0, 2.0, 4.0]), 14).tolist()
    [nan, nan, 3.0]
    """
    return change_since(releases, newest(releases)["period"].to_numpy() - np.timedelta64(days, "D"))


def change_since(releases: pd.DataFrame, earlier: np.ndarray) -> pd.Series:
    """The value of each newest period less that of the last period at or before `earlier`, by known_at."""
    rows = newest(releases)
    before = rows["period"].to_numpy().searchsorted(earlier, side="right") - 1
    value = rows["value"].to_numpy(float)
    return pd.Series(value - taken(value, before), rows.index)


def same_period(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    """Join two tables of releases on period: columns period, left and right, indexed by the later known_at.

    Periods that only one of them has are left out. In the order in which the pairs became known.

    >>> rate = table([1, 2], ["01-02", "01-03"], [4.22, 4.13])
    >>> bound = table([1, 2, 3], ["01-01", "01-01", "01-01"], [4.0, 4.0, 4.0])
    >>> same_period(rate, bound)[["left", "right"]].to_numpy().tolist()
    [[4.22, 4.0], [4.13, 4.0]]
    """
    left, right = newest(left), newest(right)
    periods, others = left["period"].to_numpy(), right["period"].to_numpy()
    at = others.searchsorted(periods)
    rows = np.flatnonzero(np.append(others, np.datetime64("NaT"))[at] == periods)
    at = at[rows]
    known_at = np.maximum(left.index.asi8[rows], right.index.asi8[at])
    joined = {
        "period": periods[rows],
        "left": left["value"].to_numpy(float)[rows],
        "right": right["value"].to_numpy(float)[at],
    }
    order = np.argsort(known_at, kind="stable")
    return pd.DataFrame({n: column[order] for n, column in joined.items()}, utc_index(known_at[order]))


def difference(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    """Left less right of the same period, as a table of releases."""
    pairs = same_period(left, right)
    return pd.DataFrame({"period": pairs["period"], "value": pairs["left"] - pairs["right"]})


def together(**series: pd.Series) -> pd.DataFrame:
    """The last known value of each series at every moment at which one of them changed, a column each.

    NaN until a series is first known, so that arithmetic on the columns is NaN until all of them are.

    >>> a = pd.Series([1.0, 2.0], pd.DatetimeIndex(["2025-01-01", "2025-01-03"], tz="UTC"))
    >>> b = pd.Series([5.0], pd.DatetimeIndex(["2025-01-02"], tz="UTC"))
    >>> t = together(a=a, b=b)
    >>> (t["a"] + t["b"]).tolist()
    [nan, 6.0, 7.0]
    """
    times = {name: values.index.as_unit("ns").asi8 for name, values in series.items()}
    grid = np.unique(np.concatenate(list(times.values())))
    columns = {
        name: taken(values.to_numpy(float), times[name].searchsorted(grid, side="right") - 1)
        for name, values in series.items()
    }
    return pd.DataFrame(columns, utc_index(grid))


def utc_index(nanoseconds: np.ndarray) -> pd.DatetimeIndex:
    """An index of known_at from nanoseconds since 1970 UTC."""
    return pd.DatetimeIndex(nanoseconds.view("datetime64[ns]"), tz="UTC", name="known_at")


def no_releases() -> pd.DataFrame:
    """A table of releases without rows."""
    return table([], [], [])


def table(days: list[int], known: list[str], values: list[float]) -> pd.DataFrame:
    """A table of releases for examples: periods in January 2025, known at "MM-DD" of that year."""
    period = pd.to_datetime([f"2025-01-{day:02d}" for day in days])
    known_at = pd.DatetimeIndex([f"2025-{day}" for day in known], tz="UTC").as_unit("ns")
    return pd.DataFrame({"period": period.as_unit("ns"), "value": values}, known_at.rename("known_at"))
