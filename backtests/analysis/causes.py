"""What made a strategy decide: the releases and closes that became known at the very moment of a decision."""

import numpy as np
import pandas as pd

from backtests.decisions import rebalance_days
from backtests.result import Result
from data_cache.market import Market
from strategies.strategy import path_dependent

# A rule that looks at its own book is asked with it at each bar's end, marked at the closes that are known then.
BOOK = "its own book"
COLUMNS = ["decision", "at", "need", "period", "known_at", "value", "periods"]


def causes(result: Result) -> pd.DataFrame:
    """A row per decision and need of which something became known at exactly that moment, in the order of decisions.

    decision : position in `result.decisions`      at : when it was taken
    need : what the signals read: a series, "bars:ASSET" or "futures:ASSET"; or BOOK, marked anew when a bar ended
    period : what the newest of it describes: a date, or the naive UTC instant of something paid then; the UTC day of a
    close, at which its bar opened      known_at : when it became known, which is `at`
    value : first release of that period, in the unit of the catalogue; NaN for bars, futures and the book
    periods : how many periods became known at once; `period` and `value` are the newest one's
    A decision at which nothing new was known has no row: one at the start of the window, or of a schedule.
    """
    at = result.decisions.index.asi8
    found = [_of_need(need, result, at) for need in needs(result)]
    rows = pd.concat([frame for frame in found if len(frame)] or [_no_rows()], ignore_index=True)
    return rows.sort_values("decision", kind="stable", ignore_index=True)


def needs(result: Result) -> list[str]:
    """What the strategy decides by: what its signals read, in alphabetical order; behind it BOOK, if it looks there."""
    read = sorted({need for signal in result.strategy.signals().values() for need in signal.reads})
    return [*read, BOOK] if path_dependent(result.strategy) else read


def sentences(result: Result) -> list[str]:
    """What made the strategy decide, in words, one text per decision; says so where nothing new was known."""
    rows = causes(result)
    told: dict[int, list[str]] = {}
    for decision, need, period, value, periods in rows[["decision", "need", "period", "value", "periods"]].itertuples(
        index=False, name=None
    ):
        told.setdefault(decision, []).append(_told(result, need, period, value, periods))
    times = result.decisions.index
    return [
        f"{'; '.join(told[i])}, known {at:%Y-%m-%d %H:%M} UTC" if i in told else _nothing_new(result, at)
        for i, at in enumerate(times)
    ]


def amount(value: float, unit: str) -> str:
    """A value of a series as text, in the unit of the catalogue.

    >>> amount(22.13, "$bn"), amount(-0.5, "$bn"), amount(6589.2, "$bn"), amount(4.31, "%"), amount(12500.0, "coins")
    ('$22.13bn', '-$0.5bn', '$6,589bn', '4.31%', '12,500 coins')
    >>> amount(0.0001, "fraction")
    '0.0001'
    """
    size = f"{abs(value):,.0f}" if abs(value) >= 1000 else f"{abs(value):.4g}"
    sign = "-" if value < 0 else ""
    if unit.startswith("$"):
        return f"{sign}${size}{unit[1:]}"
    behind = {"%": "%", "fraction": "", "": ""}.get(unit, f" {unit}")
    return f"{sign}{size}{behind}"


def _of_need(need: str, result: Result, at: np.ndarray) -> pd.DataFrame:
    known = result.tape.known_at.asi8 if need == BOOK else result.market.known_times(need)
    before, after = known.searchsorted(at, side="left"), known.searchsorted(at, side="right")
    decided = np.flatnonzero(after > before)
    newest = after[decided] - 1  # releases of one moment stand in the order of their periods
    moments = pd.DatetimeIndex(at[decided], tz="UTC")
    period, value = _described(need, result.market, newest, moments)
    columns = [decided, moments, need, period, moments, value, (after - before)[decided]]
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def _described(
    need: str, market: Market, newest: np.ndarray, moments: pd.DatetimeIndex
) -> tuple[np.ndarray, np.ndarray]:
    if need == BOOK or ":" in need:  # the UTC day that ended then
        day = (moments.tz_localize(None) - pd.Timedelta(1, "ns")).floor("D")
        return day.to_numpy(), np.full(len(newest), np.nan)
    if not len(newest):  # a signal may read a series that a market need not have
        return np.empty(0, "datetime64[ns]"), np.empty(0)
    releases = market.observations.releases(need)
    return releases["period"].to_numpy()[newest], releases["value"].to_numpy()[newest]


def _no_rows() -> pd.DataFrame:
    moment, instant = "datetime64[ns, UTC]", "datetime64[ns]"
    kinds = [np.int64, moment, object, instant, moment, np.float64, np.int64]
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in zip(COLUMNS, kinds, strict=True)})


def _told(result: Result, need: str, period: pd.Timestamp, value: float, periods: int) -> str:
    if need == BOOK:
        return f"{BOOK} at the last close of {', '.join(result.tape.assets)}"
    kind, _, asset = need.rpartition(":")
    if kind:
        closes = {"bars": f"daily close of {asset}", "futures": f"closes of {asset} futures"}
        return f"{closes[kind]} of {period:%Y-%m-%d}"
    spec = result.market.spec(need)
    paid_at_instant = spec.release.kind == "at_period" or period != period.normalize()
    when = f"{period:%Y-%m-%d %H:%M} UTC" if paid_at_instant else f"{period:%Y-%m-%d}"
    more = f" (the newest of {periods} at once)" if periods > 1 else ""
    return f"{need} of {when}, {amount(value, spec.unit)}{more}"


def _nothing_new(result: Result, at: pd.Timestamp) -> str:
    if at <= result.tape.opens.index[0]:
        return "start of the window, nothing new was known"
    scheduled = rebalance_days(result.strategy, result.execution) > 0
    return f"{'a date of its schedule' if scheduled else 'the passing of time'}, nothing new was known"
