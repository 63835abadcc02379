"""Causal transforms of a series indexed by known_at: what each value says depends on its past alone.

Days are counted from UTC date to UTC date, so that a release at 16:30 in New York meets the release of four
weeks ago although daylight saving moved it by an hour. NaN means unknown: each function says what it makes of
it.
"""

import numpy as np
import pandas as pd

from data_cache.errors import BadUsage

DAY = 86_400_000_000_000  # nanoseconds


def lag(series: pd.Series, days: int) -> pd.Series:
    """The value last known on the UTC date `days` before, or earlier; NaN where nothing was known by then.

    Raises BadUsage unless `days` is at least 1.

    >>> s = pd.Series([1.0, 2.0, 4.0], pd.DatetimeIndex(["2025-01-01", "2025-01-08", "2025-01-15"], tz="UTC"))
    >>> lag(s, 7).tolist()
    [nan, 1.0, 2.0]
    >>> lag(s, -7)
    Traceback (most recent call last):
    data_cache.errors.BadUsage: a lag of -7 days would look ahead; it must be at least 1
    """
    refuse_future(days, "days")
    day = dates(series.index)
    earlier = day.searchsorted(day - days, side="right") - 1
    return pd.Series(taken(series.to_numpy(float), earlier), series.index, name=series.name)


def lag_rows(series: pd.Series, rows: int) -> pd.Series:
    """The value `rows` rows before; NaN in the first `rows` rows. BadUsage unless `rows` is at least 1."""
    refuse_future(rows, "rows")
    return series.shift(rows)


def change(series: pd.Series, days: int) -> pd.Series:
    """The value less what was known `days` days before (see `lag`); NaN where either is unknown.

    >>> s = pd.Series([1.0, 2.0, 4.0], pd.DatetimeIndex(["2025-01-01", "2025-01-08", "2025-01-15"], tz="UTC"))
    >>> change(s, 7).tolist(), change(s, 10).tolist()
    ([nan, 1.0, 2.0], [nan, nan, 3.0])
    """
    return series - lag(series, days)


def change_rows(series: pd.Series, rows: int) -> pd.Series:
    """The value less the value `rows` rows before; NaN where either is unknown."""
    return series - lag_rows(series, rows)


def zscore(series: pd.Series, window: int) -> pd.Series:
    """Standard deviations (n - 1) from the mean of the last `window` rows, this one among them.

    NaN where one of them is unknown, where there are fewer, and where all of them are equal.

    >>> s = pd.Series([1.0, 2.0, 3.0], pd.DatetimeIndex(["2025-01-01", "2025-01-02", "2025-01-03"], tz="UTC"))
    >>> zscore(s, 3).tolist()
    [nan, nan, 1.0]
    """
    rolling = series.rolling(window_of(window, least=2))
    deviation = rolling.std()
    return (series - rolling.mean()) / deviation.where(deviation > 0)


def rank(series: pd.Series, window: int) -> pd.Series:
    """The share of the last `window` rows, this one among them, that are not above this one; ties count half.

    NaN where one of them is unknown or where there are fewer.

    >>> s = pd.Series([1.0, 3.0, 2.0, 9.0], pd.date_range("2025-01-01", periods=4, tz="UTC"))
    >>> rank(s, 4).tolist()
    [nan, nan, nan, 1.0]
    """
    return series.rolling(window_of(window)).rank(pct=True)


def mean(series: pd.Series, window: int) -> pd.Series:
    """The mean of the last `window` rows; NaN where one of them is unknown or where there are fewer."""
    return series.rolling(window_of(window)).mean()


def share_of_days(flags: pd.Series, window: int) -> pd.Series:
    """The mean of 0/1 flags over the last `window` rows: for series with one row a day, the share of days.

    NaN where one of them is unknown or where there are fewer.

    >>> s = pd.Series([0.0, 1.0, 1.0, 0.0], pd.date_range("2025-01-01", periods=4, tz="UTC"))
    >>> share_of_days(s, 4).tolist()
    [nan, nan, nan, 0.5]
    """
    return mean(flags, window)


def latch(series: pd.Series, enter: float, exit: float) -> pd.Series:
    """A switch with two thresholds: 1 from the first value beyond `enter` until the first beyond `exit`.

    With enter >= exit it switches on above `enter` and off below `exit`; with enter < exit on below `enter`
    and off above `exit`. Off is 0, and so it starts. Where the value is NaN the switch is NaN too, and
    afterwards it stands as before.

    >>> s = pd.Series([1.0, 3.0, 2.0, np.nan, 2.0, 0.5], pd.date_range("2025-01-01", periods=6, tz="UTC"))
    >>> latch(s, enter=2.5, exit=1.0).tolist()
    [0.0, 1.0, 1.0, nan, 1.0, 0.0]
    """
    values = series.to_numpy(float)
    sign = 1.0 if enter >= exit else -1.0
    on, off = sign * values > sign * enter, sign * values < sign * exit
    switched = np.maximum.accumulate(np.where(on | off, np.arange(len(values)), -1))
    state = np.where(switched >= 0, on[switched], False)  # on[-1] is read where nothing switched, and not used
    return pd.Series(np.where(np.isnan(values), np.nan, state), series.index, name=series.name)


def cool_down(flags: pd.Series, days: int) -> pd.Series:
    """Hold a flag down for `days` days after it was switched off, though it be raised again meanwhile.

    1 where the flag is above 0 and `days` UTC dates have passed since it last fell to 0, else 0. Each fall
    starts the count anew. NaN where the flag is NaN, which is neither up nor down.

    >>> s = pd.Series([1.0, 0.0, 1.0, 1.0], pd.date_range("2025-01-01", periods=4, tz="UTC"))
    >>> cool_down(s, 2).tolist()
    [1.0, 0.0, 0.0, 1.0]
    """
    refuse_future(days, "days")
    known = flags.dropna()
    up = known.to_numpy(float) > 0
    fell = np.r_[False, ~up[1:] & up[:-1]]
    held = pd.Series(up & ~(_days_since(fell, known.index) < days), known.index)
    return _over(flags, held)


def hold(flags: pd.Series, days: int) -> pd.Series:
    """Hold a flag up for `days` days after it was last up.

    1 where the flag is above 0 or was on one of the `days` UTC dates before, else 0. NaN where the flag is
    NaN.

    >>> s = pd.Series([1.0, 0.0, 0.0, 0.0], pd.date_range("2025-01-01", periods=4, tz="UTC"))
    >>> hold(s, 2).tolist()
    [1.0, 1.0, 1.0, 0.0]
    """
    refuse_future(days, "days")
    known = flags.dropna()
    since = _days_since(known.to_numpy(float) > 0, known.index)
    return _over(flags, pd.Series(since <= days, known.index))


def refuse_future(count: int, unit: str) -> None:
    """Raise BadUsage unless `count` is at least 1: a lag of less reaches into the present or the future."""
    if count < 1:
        raise BadUsage(f"a lag of {count} {unit} would look ahead; it must be at least 1")


def window_of(rows: int, least: int = 1) -> int:
    """The length of a window, checked: BadUsage where it has fewer than `least` rows."""
    if rows < least:
        raise BadUsage(f"a window of {rows} rows is too short; it must be at least {least}")
    return rows


def dates(index: pd.DatetimeIndex) -> np.ndarray:
    """The UTC dates of an index, as whole days since 1970."""
    return index.as_unit("ns").asi8 // DAY  # type: ignore[no-any-return]


def taken(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The values of `rows`; NaN for row -1, which is before the first."""
    return np.append(values, np.nan)[rows]  # type: ignore[no-any-return]


def _days_since(marks: np.ndarray, index: pd.DatetimeIndex) -> np.ndarray:
    """UTC dates since the last marked row, 0 on it; NaN before the first."""
    days = dates(index)
    marked = np.maximum.accumulate(np.where(marks, np.arange(len(days)), -1))
    return days - taken(days.astype(float), marked)  # type: ignore[no-any-return]


def _over(flags: pd.Series, known: pd.Series) -> pd.Series:
    """Put what was found of the known flags back among the unknown ones."""
    values = np.full(len(flags), np.nan)
    values[flags.notna().to_numpy()] = known.to_numpy(float)
    return pd.Series(values, flags.index, name=flags.name)
