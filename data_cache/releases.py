"""The release clock: when the observation of a period became known.

The rules, each for a period d; clock times are US Eastern wall-clock times, with daylight saving:

    same_day               d                                             operations of the Desk
    next_business_day      first business day after d                    SOFR, EFFR, H.15, Treasury statement
    day_before             d - 1                                         IORB, posted ahead of its date
    decision               the FOMC's day, which is d - 1                target range
    thursday_after         first Thursday after d (*)                    H.4.1
    tuesday_after_friday   Tuesday after the first Friday from d on (*)  Kim-Wright term premium
    days_after             d + days, at the clock in UTC                 imports
    end_of_day             d + 1, 00:00 UTC                              imports
    at_period              d itself, a UTC instant                       funding

(*) or the next business day, where that day is a holiday.

A rule gives the announced time, not the minute in which a mirror had it. Where evidence allows several times,
the later one is taken: a rule may be late but never early.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import pandas as pd

from data_cache.catalog import ReleaseRule, SeriesSpec
from data_cache.errors import BadData, BadUsage, UnknownName

# Years that the calendars cover: from the first H.15 yield to as far as the holidays are law.
FIRST_YEAR, LAST_YEAR = 1962, 2040
NEW_YORK = "America/New_York"
# First years of the holiday lists of `holidays`; before, the federal holidays stand in.
FIRST_FED_YEAR, FIRST_SIFMA_YEAR = 1999, 1996

# Days on which an executive order closed the federal government, and the Board with it: the H.4.1 of
# 2014-12-24 came on 12-29, that of 2020-12-23 on 12-28, of 2025-01-08 on 01-10, of 2025-12-24 on 12-29.
EXECUTIVE_ORDER_DAYS = (
    *("2001-12-24", "2003-12-26", "2004-06-11", "2007-01-02", "2007-12-24", "2008-12-26"),
    *("2012-12-24", "2014-12-26", "2018-12-05", "2018-12-24", "2019-12-24", "2020-12-24"),
    *("2024-12-24", "2025-01-09", "2025-12-24", "2025-12-26"),
)
INAUGURATION_DAY = "2021-01-20"

# The target range starts on the day of its decision; every later change is dated the day after its decision.
FIRST_RANGE = np.datetime64("2008-12-16")
# Until the meeting of March 2013 the statement came at 14:15.
LAST_QUARTER_PAST_TWO = np.datetime64("2013-03-20")
QUARTER_PAST_TWO = "14:15"

# Releases that did not follow their rule: rule kind -> period -> Eastern wall-clock time.
EXCEPTIONS: Mapping[str, Mapping[str, str]] = {
    "decision": {
        "2020-03-04": "2020-03-03 10:00",  # between meetings, on a Tuesday morning
        "2020-03-16": "2020-03-15 17:00",  # between meetings, on a Sunday evening
    },
    "thursday_after": {
        # Announced as delayed, dated 2 January on the page: out by the end of that day at the latest.
        "2025-01-01": "2025-01-03 00:00",
    },
}


def known_at(spec: SeriesSpec, periods: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """When the observations of `periods` became known, by the release rule of `spec`.

    periods : naive timestamps, each a date at midnight; a UTC instant for the rule "at_period" alone
    returns : UTC instants (ns), one per period in the same order, named "known_at"

    Raises UnknownName for a rule or calendar that does not exist, BadUsage for a clock that is none, BadData
    for periods that are missing, have a timezone or a time of day, or lie outside the years of the calendars.
    """
    rule = spec.release
    if rule.kind not in RULES:
        raise UnknownName.among("release rule", rule.kind, RULES, owner=spec.id)
    _check_periods(spec, periods)
    return RULES[rule.kind](periods, rule).as_unit("ns").rename("known_at")


@lru_cache
def calendar(name: str) -> np.busdaycalendar:
    """The business days of a calendar, for numpy's busday functions; UnknownName where there is none.

    FEDBANK   the Reserve Banks: a Saturday holiday is not moved, a Sunday one moves to Monday
    BOARD     the Board of Governors: FEDBANK without Fridays before a Saturday holiday, days closed by an
              executive order, and Inauguration Day 2021
    FEDGOV    the federal government, which keeps the days of the Board
    SIFMA     the bond market: full holidays only
    REPO      SIFMA without Good Fridays: even where bonds only close early, no SOFR appears
    DESK      the days of both the Reserve Banks and the repo market: those on which the Desk operates, but for a
              few that it left out by its own choice (Thursdays before Easter until 2019, 2018-12-04)
    """
    if name not in CALENDARS:
        raise UnknownName.among("calendar", name, CALENDARS)
    return np.busdaycalendar(holidays=sorted(CALENDARS[name]()))


def business_days(name: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    """The business days of calendar `name` from `first` to `last`, both included: naive dates (ns)."""
    days = pd.date_range(first, last, freq="D", unit="ns")
    return days[np.is_busday(_dates(days), busdaycal=calendar(name))]


def eastern(local: np.ndarray) -> pd.DatetimeIndex:
    """UTC instants of US Eastern wall-clock times (datetime64).

    Of an hour that happens twice the second pass is meant, of one that is skipped the end: late, never early.
    """
    times = pd.DatetimeIndex(local.astype("datetime64[ns]"))
    summer = np.zeros(len(times), bool)
    return times.tz_localize(NEW_YORK, ambiguous=summer, nonexistent="shift_forward").tz_convert("UTC")


def _same_day(periods: pd.DatetimeIndex, rule: ReleaseRule) -> pd.DatetimeIndex:
    return eastern(_dates(periods) + _clock(rule.clock))


def _next_business_day(periods: pd.DatetimeIndex, rule: ReleaseRule) -> pd.DatetimeIndex:
    days = np.busday_offset(_covered(periods), 1, roll="backward", busdaycal=calendar(rule.calendar))
    return eastern(days + _clock(rule.clock))


def _day_before(periods: pd.DatetimeIndex, rule: ReleaseRule) -> pd.DatetimeIndex:
    return eastern(_dates(periods) - 1 + _clock(rule.clock))


def _decision(periods: pd.DatetimeIndex, rule: ReleaseRule) -> pd.DatetimeIndex:
    """Take the range of a day for known when, on the day before, the FOMC would have changed it.

    This is no earlier than it truly was: once that time has passed without a decision, the range of the next
    day stands, be it a Sunday. Only a decision between meetings comes at another time: an exception by date.
    """
    dates = _dates(periods)
    decided = np.where(dates <= FIRST_RANGE, dates, dates - 1)
    clock = np.where(dates <= LAST_QUARTER_PAST_TWO, _clock(QUARTER_PAST_TWO), _clock(rule.clock))
    return eastern(_excepted(rule, dates, decided + clock))


def _thursday_after(periods: pd.DatetimeIndex, rule: ReleaseRule) -> pd.DatetimeIndex:
    dates = _covered(periods)
    thursdays = np.busday_offset(dates, 1, roll="backward", weekmask="Thu")
    days = np.busday_offset(thursdays, 0, roll="forward", busdaycal=calendar(rule.calendar))
    return eastern(_excepted(rule, dates, days + _clock(rule.clock)))


def _tuesday_after_friday(periods: pd.DatetimeIndex, rule: ReleaseRule) -> pd.DatetimeIndex:
    fridays = np.busday_offset(_covered(periods), 0, roll="forward", weekmask="Fri")
    days = np.busday_offset(fridays + 4, 0, roll="forward", busdaycal=calendar(rule.calendar))
    return eastern(days + _clock(rule.clock))


def _days_after(periods: pd.DatetimeIndex, rule: ReleaseRule) -> pd.DatetimeIndex:
    if rule.days < 0:
        raise BadUsage(f"days_after has {rule.days} days; give 0 or more: no observation precedes its period")
    return pd.DatetimeIndex(_dates(periods) + rule.days + _clock(rule.clock or "00:00")).tz_localize("UTC")


def _end_of_day(periods: pd.DatetimeIndex, rule: ReleaseRule) -> pd.DatetimeIndex:
    return (periods + pd.Timedelta(days=1)).tz_localize("UTC")


def _at_period(periods: pd.DatetimeIndex, rule: ReleaseRule) -> pd.DatetimeIndex:
    return periods.tz_localize("UTC")


RULES: Mapping[str, Callable[[pd.DatetimeIndex, ReleaseRule], pd.DatetimeIndex]] = {
    "same_day": _same_day,
    "next_business_day": _next_business_day,
    "day_before": _day_before,
    "decision": _decision,
    "thursday_after": _thursday_after,
    "tuesday_after_friday": _tuesday_after_friday,
    "days_after": _days_after,
    "end_of_day": _end_of_day,
    "at_period": _at_period,
}


def _excepted(rule: ReleaseRule, dates: np.ndarray, local: np.ndarray) -> np.ndarray:
    for period, moment in EXCEPTIONS[rule.kind].items():
        local = np.where(dates == np.datetime64(period), np.datetime64(moment), local)
    return local


def _dates(periods: pd.DatetimeIndex) -> np.ndarray:
    return periods.to_numpy().astype("datetime64[D]")  # type: ignore[no-any-return]


def _clock(clock: str) -> np.timedelta64:
    try:
        hours, minutes = (int(part) for part in clock.split(":"))
    except ValueError:
        hours, minutes = -1, -1
    if not (0 <= hours < 24 and 0 <= minutes < 60):
        raise BadUsage(f"a release rule has the clock {clock!r}; give a time of day as HH:MM, such as 16:30")
    return np.timedelta64(60 * hours + minutes, "m")


def _check_periods(spec: SeriesSpec, periods: pd.DatetimeIndex) -> None:
    if periods.tz is not None:
        raise BadData(f"{spec.id}: periods have the timezone {periods.tz}; a period has none: tz_localize(None)")
    if periods.hasnans:
        raise BadData(f"{spec.id}: {periods.isna().sum()} periods are missing; each observation needs a date")
    timed = periods != periods.normalize()
    if spec.release.kind != "at_period" and timed.any():
        raise BadData(f"{spec.id}: period {periods[timed][0]} has a time of day; a period is a date: normalize()")


def _covered(periods: pd.DatetimeIndex) -> np.ndarray:
    beyond = (periods.year < FIRST_YEAR) | (periods.year > LAST_YEAR)
    if beyond.any():
        found = periods[beyond][0].date()
        raise BadData(f"period {found} lies outside the calendars, {FIRST_YEAR} to {LAST_YEAR}; leave it out")
    return _dates(periods)


def _fedbank() -> set[date]:
    import holidays  # costs 0.15 s, and most commands need no calendar

    early = holidays.US(years=range(FIRST_YEAR, FIRST_FED_YEAR))
    return {*early, *holidays.FED(years=range(FIRST_FED_YEAR, LAST_YEAR + 2))}


def _board() -> set[date]:
    banks = _fedbank()
    fridays = {day - timedelta(days=1) for day in banks if day.weekday() == 5}
    return banks | fridays | {date.fromisoformat(day) for day in (*EXECUTIVE_ORDER_DAYS, INAUGURATION_DAY)}


def _sifma() -> set[date]:
    import holidays

    early = holidays.US(years=range(FIRST_YEAR, FIRST_SIFMA_YEAR))
    return {*early, *holidays.SIFMA(years=range(FIRST_SIFMA_YEAR, LAST_YEAR + 2))}


def _repo() -> set[date]:
    from pandas.tseries.holiday import GoodFriday

    fridays = GoodFriday.dates(f"{FIRST_YEAR}-01-01", f"{LAST_YEAR + 1}-12-31")
    return _sifma() | {day.date() for day in fridays}


def _desk() -> set[date]:
    return _fedbank() | _repo()


CALENDARS: Mapping[str, Callable[[], set[date]]] = {
    "FEDBANK": _fedbank,
    "BOARD": _board,
    "FEDGOV": _board,
    "SIFMA": _sifma,
    "REPO": _repo,
    "DESK": _desk,
}
