"""Decisions of the Federal Open Market Committee on its target range, and the schedule of its meetings.

A scheduled meeting ends with a statement at 14:00 in New York; the range holds from the next day. The schedule of a
year is announced by September of the year before (2017's on 28 June 2016, 2022's on 4 June 2021, 2025's on 9 August
2024, 2027's on 5 September 2025); here it counts as known from 1 December before the year, which is late for all of
them. The meeting of 18 March 2020 was on the schedule until the one of the Sunday before took its place.

Statements between meetings that leave the range alone (11 October 2019, 23 March 2020) are in `programmes`.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from data_cache.facts.fact import DAY, Fact, known_at
from data_cache.releases import eastern

# The last meeting whose outcome is in the table is that of July 2026; the next one ends on 16 September.
KEPT_UNTIL = "2026-09-15"
UNKNOWN = float("nan")
SCHEDULED_CLOCK = "14:00"

# Year by year: last day of each scheduled meeting and the upper bound decided, percent; "-" where not yet known,
# "x" where the meeting was called off.
SCHEDULED = """
2017  02-01 0.75  03-15 1.00  05-03 1.00  06-14 1.25  07-26 1.25  09-20 1.25  11-01 1.25  12-13 1.50
2018  01-31 1.50  03-21 1.75  05-02 1.75  06-13 2.00  08-01 2.00  09-26 2.25  11-08 2.25  12-19 2.50
2019  01-30 2.50  03-20 2.50  05-01 2.50  06-19 2.50  07-31 2.25  09-18 2.00  10-30 1.75  12-11 1.75
2020  01-29 1.75  03-18 x     04-29 0.25  06-10 0.25  07-29 0.25  09-16 0.25  11-05 0.25  12-16 0.25
2021  01-27 0.25  03-17 0.25  04-28 0.25  06-16 0.25  07-28 0.25  09-22 0.25  11-03 0.25  12-15 0.25
2022  01-26 0.25  03-16 0.50  05-04 1.00  06-15 1.75  07-27 2.50  09-21 3.25  11-02 4.00  12-14 4.50
2023  02-01 4.75  03-22 5.00  05-03 5.25  06-14 5.25  07-26 5.50  09-20 5.50  11-01 5.50  12-13 5.50
2024  01-31 5.50  03-20 5.50  05-01 5.50  06-12 5.50  07-31 5.50  09-18 5.00  11-07 4.75  12-18 4.50
2025  01-29 4.50  03-19 4.50  05-07 4.50  06-18 4.50  07-30 4.50  09-17 4.25  10-29 4.00  12-10 3.75
2026  01-28 3.75  03-18 3.75  04-29 3.75  06-17 3.75  07-29 3.75  09-16 -     10-28 -     12-09 -
2027  01-27 -     03-17 -     04-28 -     06-09 -     07-28 -     09-15 -     10-27 -     12-08 -
"""

# Decisions between meetings: Eastern time, upper bound, what.
UNSCHEDULED = (
    ("2020-03-03 10:00", 1.25, "cut by half a point on a Tuesday morning"),
    ("2020-03-15 17:00", 0.25, "cut by a whole point on a Sunday, in place of the meeting of 18 March"),
)
CALLED_OFF = {"2020-03-18": "2020-03-15 17:00"}

# Where the days of a year's meetings were read, and how: the ranges themselves are all checked against the data.
SOURCES = {
    2017: ("press release monetary20160628a, 28 June 2016", "document"),
    2018: ("lists of FOMC days in public code", "copy"),
    2019: ("lists of FOMC days in public code", "copy"),
    2020: ("NAFCU, 20 May 2019, on the Fed's announcement", "document"),
    2021: ("copy of the Federal Reserve's calendar of the FOMC", "copy"),
    2022: ("press release monetary20210604a, 4 June 2021", "document"),
    2023: ("lists of FOMC days in public code", "copy"),
    2024: ("lists of FOMC days in public code", "copy"),
    2025: ("ABA Banking Journal, 12 August 2024, on the Fed's announcement", "document"),
    2026: ("ABA Banking Journal, 12 August 2024, on the Fed's announcement", "document"),
    2027: ("MENAFN, 5 September 2025, the Fed's announcement", "document"),
}


class Meeting(NamedTuple):
    """A scheduled meeting: its last day, the upper bound decided (NaN where none is known), whether it fell out."""

    day: str
    upper: float
    called_off: bool


@cache
def scheduled() -> tuple[Meeting, ...]:
    """The scheduled meetings in order, with those called off and those whose outcome is not in the table."""
    meetings: list[Meeting] = []
    for line in SCHEDULED.split("\n")[1:-1]:
        year, *cells = line.split()
        for day, upper in zip(cells[::2], cells[1::2], strict=True):
            known = UNKNOWN if upper in ("-", "x") else float(upper)
            meetings.append(Meeting(f"{year}-{day}", known, upper == "x"))
    return tuple(meetings)


@cache
def decisions() -> tuple[Fact, ...]:
    """Every decision in order; value: the upper bound of the target range, percent, in force from `period` on."""
    facts = [
        _decision(f"{m.day} {SCHEDULED_CLOCK}", m.upper, "scheduled meeting", *SOURCES[int(m.day[:4])])
        for m in scheduled()
        if not np.isnan(m.upper)
    ]
    facts += [_decision(at, upper, what, "statements of the FOMC", "data") for at, upper, what in UNSCHEDULED]
    return tuple(sorted(facts, key=lambda fact: fact.announced))


@cache
def decided_at() -> pd.DatetimeIndex:
    """When each decision became known, UTC, ascending."""
    return known_at(decisions())


def days_to_next(times: pd.DatetimeIndex) -> np.ndarray:
    """Days, with fractions, until the next decision on the schedule as it stood at each of `times`.

    NaN before the first schedule in the table and after the last meeting on it.
    """
    at = times.as_unit("ns").asi8
    answer = np.full(len(at), UNKNOWN)
    for published, ends, decided in reversed(_schedule()):
        ahead = (at >= published) & (at < ends)
        answer[ahead] = (decided - at[ahead]) / DAY
    return answer


@cache
def _schedule() -> tuple[tuple[int, int, int], ...]:
    """Of each scheduled meeting: known from, on the schedule until, decision; UTC nanoseconds."""
    days = [meeting.day for meeting in scheduled()]
    decided = [f"{day} {SCHEDULED_CLOCK}" for day in days]
    published = [f"{int(day[:4]) - 1}-12-01" for day in days]
    ends = [CALLED_OFF.get(day, at) for day, at in zip(days, decided, strict=True)]
    columns = (eastern(np.array(column, "datetime64[ns]")).asi8.tolist() for column in (published, ends, decided))
    return tuple(zip(*columns, strict=True))


def _decision(at: str, upper: float, what: str, source: str, checked: str) -> Fact:
    next_day = str(np.datetime64(at[:10]) + 1)
    return Fact(f"FOMC {at[:10]}", next_day, at, upper, what, source, checked)
