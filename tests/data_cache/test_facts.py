"""Dated facts: in order, announced at the hours at which such things are announced, and in New York's time."""

import math

import numpy as np
import pandas as pd
import pytest

from data_cache.facts import meetings, shutdowns
from data_cache.facts.facilities import milestones
from data_cache.facts.fact import CHECKED, Fact, days_since, holds_at, known_at, newest, until
from data_cache.facts.meetings import days_to_next, decided_at, decisions, scheduled
from data_cache.facts.programmes import buybacks, policy
from data_cache.releases import calendar

TABLES = {
    "decisions": decisions(),
    "shutdowns": shutdowns.shutdowns(),
    "policy": policy(),
    "buybacks": buybacks(),
    "milestones": milestones(),
}
EVERY_FACT = [fact for table in TABLES.values() for fact in table]
WEEKEND = {"FOMC 2020-03-15", "purchases_2020", "btfp_open"}  # three Sundays' work, two of them one statement


def utc(*times: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(list(times), tz="UTC")


def new_york(fact: Fact) -> pd.Timestamp:
    return known_at((fact,))[0].tz_convert("America/New_York")


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_facts_stand_in_the_order_of_their_announcement_each_with_its_own_name(table: tuple[Fact, ...]) -> None:
    assert known_at(table).is_monotonic_increasing
    assert len({fact.name for fact in table}) == len(table) >= 3


@pytest.mark.parametrize("fact", EVERY_FACT, ids=lambda fact: fact.name)
def test_a_fact_says_what_it_is_where_it_was_read_and_how_it_was_checked(fact: Fact) -> None:
    assert fact.what
    assert fact.source
    assert fact.checked in CHECKED
    assert str(np.datetime64(fact.period, "D")) == fact.period
    assert str(np.datetime64(fact.announced, "m")).replace("T", " ") == fact.announced


@pytest.mark.parametrize("fact", [f for f in EVERY_FACT if f not in TABLES["shutdowns"]], ids=lambda fact: fact.name)
def test_what_the_fed_and_the_treasury_announce_comes_on_a_working_day_before_it_holds(fact: Fact) -> None:
    said = new_york(fact)
    assert said.strftime("%Y-%m-%d %H:%M") == fact.announced
    assert fact.announced[:10] <= fact.period
    assert np.is_busday(np.datetime64(fact.announced[:10]), busdaycal=calendar("BOARD")) != (fact.name in WEEKEND)
    assert 8 <= said.hour < 20


def test_a_statement_at_two_o_clock_is_known_an_hour_later_in_utc_once_summer_time_ends() -> None:
    known = dict(zip((fact.name for fact in decisions()), decided_at(), strict=True))
    assert known["FOMC 2025-10-29"] == pd.Timestamp("2025-10-29 18:00", tz="UTC")  # clocks change on 2 November
    assert known["FOMC 2025-12-10"] == pd.Timestamp("2025-12-10 19:00", tz="UTC")
    assert known["FOMC 2020-03-15"] == pd.Timestamp("2020-03-15 21:00", tz="UTC")  # 17:00, summer time since the 8th
    assert known["FOMC 2020-03-03"] == pd.Timestamp("2020-03-03 15:00", tz="UTC")  # 10:00, winter time


def test_there_are_eight_scheduled_meetings_a_year_that_end_on_a_wednesday_or_around_an_election() -> None:
    days = pd.DatetimeIndex([meeting.day for meeting in scheduled()])
    assert pd.Series(days.year).value_counts().to_dict() == dict.fromkeys(range(2017, 2028), 8)
    others = days[days.day_of_week != 2].strftime("%Y-%m-%d").tolist()
    assert others == ["2018-11-08", "2020-11-05", "2024-11-07"]  # Thursdays of weeks in which America voted
    assert all(27 <= gap <= 59 for gap in np.diff(days).astype("timedelta64[D]").astype(int))


def test_the_meeting_that_was_called_off_decided_nothing() -> None:
    assert [meeting.day for meeting in scheduled() if meeting.called_off] == list(meetings.CALLED_OFF) == ["2020-03-18"]
    assert "FOMC 2020-03-18" not in {fact.name for fact in decisions()}


def test_a_range_moves_by_quarters_and_holds_from_the_day_after() -> None:
    upper = [fact.value for fact in decisions()]
    assert all(4 * value == round(4 * value) for value in upper)
    moves = np.count_nonzero(np.diff(upper))
    assert moves == 3 + 4 + 3 + 2 + 7 + 4 + 3 + 3  # in 2017, 18, 19, 20, 22, 23, 24 and 25
    assert all(np.datetime64(f.period) - np.datetime64(f.announced[:10]) == np.timedelta64(1, "D") for f in decisions())


def test_the_next_decision_is_counted_on_the_schedule_as_it_then_stood() -> None:
    # 18 March 2020, 14:00 in New York is 18:00 UTC. On the 15th at 17:00 (21:00 UTC) it was called off, and the next
    # was 29 April, 18:00 UTC.
    times = utc("2020-03-15 18:00", "2020-03-15 20:59", "2020-03-15 21:00")
    assert days_to_next(times).tolist() == [3.0, 2 + (21 + 1 / 60) / 24, 44 + 21 / 24]


def test_a_schedule_is_not_known_before_the_december_of_the_year_before() -> None:
    # Midnight of 1 December 2016 in New York is 05:00 UTC; the first meeting is that of 1 February 2017, 19:00 UTC.
    found = days_to_next(utc("2016-12-01 04:59", "2016-12-01 05:00"))
    assert found.tolist() == pytest.approx([math.nan, 31 + 31 + 14 / 24], nan_ok=True)


def test_after_the_last_meeting_on_the_schedule_the_next_is_unknown() -> None:
    # 8 December 2027, 14:00 is 19:00 UTC; at that moment it is no longer ahead.
    found = days_to_next(utc("2027-12-07 19:00", "2027-12-08 19:00"))
    assert found.tolist() == pytest.approx([1, math.nan], nan_ok=True)


def test_funding_lapses_at_midnight_and_comes_back_with_a_signature() -> None:
    facts = shutdowns.shutdowns()
    assert [fact.value for fact in facts] == [1.0, 0.0] * 5
    assert all(new_york(fact).strftime("%H:%M") == "00:00" for fact in facts[::2])
    lapsed, signed = known_at(facts)[::2], known_at(facts)[1::2]
    assert (signed - lapsed).days.tolist() == [16, 2, 34, 42, 3]  # 16, 3, 35, 43 and 4 days by the usual count
    assert lapsed[3:].strftime("%H:%M").tolist() == ["04:00", "05:00"]  # October and January


def test_a_fact_holds_from_its_day_but_not_before_it_is_known() -> None:
    ahead = Fact("ahead", "2025-12-01", "2025-10-29 14:00", 0.0, "runoff ends", "", "data")
    late = Fact("late", "2025-11-12", "2025-11-12 22:47", 0.0, "signed", "", "data")
    assert holds_at((ahead, late)).tolist() == utc("2025-12-01 05:00", "2025-11-13 03:47").tolist()


def test_of_two_plans_the_later_announced_counts() -> None:
    # Runoff was to end in October 2019 and then ended in August.
    names = [fact.name for fact in policy()]
    planned, ended = names.index("runoff_2017_end_planned"), names.index("runoff_2017_end")
    assert planned < ended
    assert holds_at(policy())[ended] < holds_at(policy())[planned]
    at = utc("2019-07-31 17:00", "2019-08-02", "2019-10-02")
    assert newest([f.value for f in policy()], holds_at(policy()), at).tolist() == [-1.0, 0.0, 0.0]


def test_days_since_are_counted_to_the_minute() -> None:
    moments = utc("2025-01-01 12:00", "2025-01-03")
    at = utc("2025-01-01 11:59", "2025-01-01 12:00", "2025-01-02", "2025-01-03", "2025-01-04 06:00")
    assert days_since(moments, at).tolist() == pytest.approx([math.nan, 0, 0.5, 0, 1.25], nan_ok=True)


def test_what_was_kept_until_a_day_is_unknown_from_its_end_in_new_york() -> None:
    at = utc("2025-11-02 03:59", "2025-11-03 04:59", "2025-11-03 05:00")  # the clocks change on that day
    assert until(np.ones(3), at, "2025-11-02").tolist() == pytest.approx([1, 1, math.nan], nan_ok=True)
