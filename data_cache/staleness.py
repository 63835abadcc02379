"""What should have been published by now and is not here, told by the release clock.

A period counts once its release and a grace have passed, so that a source that is fetched right after a release
is not said to be behind. Where evidence leaves a day open, it is not expected: what is due is worth a fetch.
"""

from dataclasses import dataclass, replace

import pandas as pd

from data_cache.bars import Bars
from data_cache.catalog import FED_FUNDS, SeriesSpec
from data_cache.releases import LAST_YEAR, business_days, known_at

# FRED stamps the minute of the release or up to eight later (SOFR two, H.15 two, H.4.1 eight), and the Desk's two
# windows are safely out by 16:00 where the rule says 14:01: two hours cover every such lag but a reissue of SOFR.
RELEASE_GRACE = pd.Timedelta(hours=2)
# An exchange has a bar when it ends, and a payment when it is paid.
MARKET_GRACE = pd.Timedelta(minutes=1)
DAY = pd.Timedelta(days=1)
# So many payments tell how far apart they are now; venues change it, say from eight hours to four.
RECENT = 10


@dataclass(frozen=True)
class Due:
    """What should be there by now and is not.

    count : periods, payments, bars or days      since : the first of them, NaT where there is none to name
    """

    count: int = 0
    since: pd.Timestamp = pd.NaT


def due_observations(spec: SeriesSpec, rows: pd.DataFrame, now: pd.Timestamp) -> Due:
    """The periods of a series after the last stored one whose release lies before `now`; `since` is a naive period.

    rows : made by `observation_rows`, at least one; a period whose value is missing is there      now : UTC

    Payments of an exchange are due at the spacing of the last ones. A series whose periods nobody knows is due
    once, without a period to name, where its newest release is older than `spec.max_age_days`.
    """
    periods = pd.DatetimeIndex(rows["period"]).unique().sort_values()
    if spec.periods:
        return _due_releases(_as_shown(spec), periods[-1], now)
    if spec.source == "exchange" and len(periods) > 1:
        spacing = periods[-RECENT:].to_series().diff().median()
        return _due_steps(periods[-1] + spacing, spacing, now.tz_localize(None))
    old = now - rows["known_at"].max() > pd.Timedelta(days=spec.max_age_days)
    return Due(int(old))


def due_bars(bars: Bars, now: pd.Timestamp) -> Due:
    """The bars after the last one that have ended by `now` (UTC); `since` is an open time."""
    due = _due_steps(bars.known_at[-1] + bars.length, bars.length, now)
    return replace(due, since=due.since - bars.length)


def due_closes(known_at: pd.DatetimeIndex, now: pd.Timestamp) -> Due:
    """The daily closes of futures after the last one that `now` (UTC) should know; `since` is a known_at."""
    return _due_steps(known_at.max() + DAY, DAY, now)


def _due_releases(spec: SeriesSpec, last: pd.Timestamp, now: pd.Timestamp) -> Due:
    today = now.tz_localize(None).normalize()
    # What is announced ahead of its period is so by a day; no release is guessed where no holidays are known.
    until = min(today + DAY, pd.Timestamp(LAST_YEAR, 12, 31))
    later = _periods(spec.periods, last + DAY, until)
    due = later[known_at(spec, later) + RELEASE_GRACE <= now]
    return Due(len(due), due[0]) if len(due) else Due()


def _due_steps(following: pd.Timestamp, step: pd.Timedelta, now: pd.Timestamp) -> Due:
    """How many of `following`, `following` + step, ... lie before `now` and the grace."""
    count = max(0, int((now - MARKET_GRACE - following) // step) + 1)
    return Due(count, following) if count else Due()


def _as_shown(spec: SeriesSpec) -> SeriesSpec:
    """The target range as its source has it: the New York Fed prints it beside the effective rate of a day.

    That is a business day after the range was in force, and nothing is printed for the days between.
    """
    return replace(spec, periods="FEDBANK", release=FED_FUNDS) if spec.release.kind == "decision" else spec


def _periods(name: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    """The periods from `first` to `last` of a series with these `SeriesSpec.periods`."""
    if name == "day":
        return pd.date_range(first, last, unit="ns")
    if name == "Wed":
        return pd.date_range(first, last, freq="W-WED", unit="ns")
    return business_days(name, first, last)
