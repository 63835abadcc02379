"""Filters of dated facts at daily closes, by hand, and against the series that the facts should have moved."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from data_cache.errors import BadUsage, UnknownName
from data_cache.facts.fact import holds_at
from data_cache.facts.meetings import decided_at, decisions
from data_cache.facts.programmes import policy
from data_cache.market import Market
from signals import (
    DaysSinceMeeting,
    DaysSinceShutdown,
    DaysToMeeting,
    FacilityMilestone,
    NearMeeting,
    PolicyDirection,
    PolicyMove,
    ShutdownOpen,
    Signal,
)
from signals.signal import evaluate

NAN = float("nan")
UNTOLD = (DaysSinceMeeting(), DaysToMeeting(), NearMeeting(), PolicyMove(), ShutdownOpen(), PolicyDirection())


@pytest.fixture
def closes(world: Callable[..., Market], values: Callable[..., list[float]]) -> Callable[..., list[float]]:
    """The values of a signal at the closes of the days from `first_day` on, the first at midnight after it."""

    def of(signal: Signal, first_day: str, days: int) -> list[float]:
        return values(signal, world({"BTC": [1.0] * days}, first_day=first_day))

    return of


def test_days_to_and_since_a_decision_at_18_utc(closes: Callable[..., list[float]]) -> None:
    # Decision on Wednesday 29 October 2025, 18:00 UTC. Closes: midnights that begin the 28th, 29th, 30th and 31st. The
    # next one is on 10 December at 19:00 UTC, 41 days and 19 hours after the 30th; the last was on 17 September, 18:00.
    assert closes(DaysToMeeting(), "2025-10-27", 4) == [1.75, 0.75, 41 + 19 / 24, 40 + 19 / 24]
    assert closes(DaysSinceMeeting(), "2025-10-27", 4) == [40.25, 41.25, 0.25, 1.25]


def test_a_meeting_is_near_a_day_before_and_a_day_after(closes: Callable[..., list[float]]) -> None:
    assert closes(NearMeeting(), "2025-10-27", 4) == [0, 1, 1, 0]
    assert closes(NearMeeting(before=2, after=0), "2025-10-27", 4) == [1, 1, 0, 0]
    assert closes(NearMeeting(before=0, after=2), "2025-10-27", 4) == [0, 0, 1, 1]


def test_a_meeting_just_as_far_as_is_near_is_near(closes: Callable[..., list[float]]) -> None:
    # The decision is 18 hours after the second of these closes and 6 hours before the third.
    assert closes(NearMeeting(before=0.75, after=0.25), "2025-10-27", 4) == [0, 1, 1, 0]
    assert closes(NearMeeting(before=0.74, after=0.24), "2025-10-27", 4) == [0, 0, 0, 0]


def test_a_distance_below_zero_is_refused(closes: Callable[..., list[float]]) -> None:
    with pytest.raises(BadUsage, match=r"before is 1.0 and after is -1 days; neither may be below 0"):
        closes(NearMeeting(after=-1), "2025-10-27", 4)


def test_a_decision_between_meetings_comes_unannounced(closes: Callable[..., list[float]]) -> None:
    # Tuesday 3 March 2020, 15:00 UTC. Until then, and after it, the next one is that of 18 March, 18:00 UTC.
    assert closes(DaysToMeeting(), "2020-03-02", 2) == [15.75, 14.75]
    assert closes(DaysSinceMeeting(), "2020-03-02", 2)[1] == 9 / 24
    assert closes(NearMeeting(), "2020-03-02", 2) == [0, 1]


def test_the_move_is_that_of_the_last_decision(closes: Callable[..., list[float]]) -> None:
    # Half a point down on 3 March 2020, a whole one on Sunday 15 March at 21:00 UTC.
    assert closes(PolicyMove(), "2020-03-02", 2) == [0, -50]
    assert closes(PolicyMove(), "2020-03-14", 2) == [-50, -100]
    assert closes(PolicyMove(), "2025-09-16", 2) == [0, 100 * (4.25 - 4.50)]


def test_a_shutdown_is_open_from_the_lapse_to_the_signature(closes: Callable[..., list[float]]) -> None:
    # Lapsed on 1 October 2025 at 04:00 UTC: at the close that begins that day nobody knew.
    assert closes(ShutdownOpen(), "2025-09-30", 2) == [0, 1]
    # Signed on 12 November at 22:47, which is 03:47 UTC of the 13th: known at the close that begins the 14th.
    assert closes(ShutdownOpen(), "2025-11-12", 2) == [1, 0]
    assert closes(DaysSinceShutdown(), "2025-11-12", 3) == [0, (20 * 60 + 13) / 1440, 1 + (20 * 60 + 13) / 1440]


def test_a_milestone_is_passed_once_it_is_announced_and_in_force(closes: Callable[..., list[float]]) -> None:
    # Announced on 28 May 2025 for 26 June, 04:00 UTC.
    assert closes(FacilityMilestone(name="srf_mornings"), "2025-06-25", 2) == [0, 1]
    # Announced on 10 December 2025, in force on the 11th from 05:00 UTC.
    assert closes(FacilityMilestone(), "2025-12-10", 2) == [0, 1]
    # In force on the day of its announcement, at 17:00: 22:00 UTC.
    assert closes(FacilityMilestone(name="srf_first_bank"), "2021-12-16", 2) == [0, 1]


def test_a_milestone_that_is_none_is_refused(closes: Callable[..., list[float]]) -> None:
    with pytest.raises(UnknownName, match=r"FacilityMilestone has no milestone 'srf_morning'; did you mean 'srf_morn"):
        closes(FacilityMilestone(name="srf_morning"), "2025-06-25", 2)


def test_a_plan_counts_when_announced_or_when_it_begins(closes: Callable[..., list[float]]) -> None:
    # The end of runoff was announced on 29 October 2025 for 1 December; bills on 10 December for the 12th.
    assert closes(PolicyDirection(), "2025-10-28", 2) == [-1, 0]
    assert closes(PolicyDirection(in_force=True), "2025-10-28", 2) == [-1, -1]
    assert closes(PolicyDirection(in_force=True), "2025-11-30", 2) == [-1, 0]
    assert closes(PolicyDirection(), "2025-12-09", 2) == [0, 1]
    assert closes(PolicyDirection(in_force=True), "2025-12-11", 2) == [0, 1]


@pytest.mark.parametrize("signal", [*UNTOLD, DaysSinceShutdown()], ids=repr)
def test_beyond_the_tables_nothing_is_claimed(closes: Callable[..., list[float]], signal: Signal) -> None:
    assert closes(signal, "2013-09-29", 1) == pytest.approx([NAN], nan_ok=True)
    assert closes(signal, "2027-12-31", 1) == pytest.approx([NAN], nan_ok=True)


# A table of the user's: open on 1 October 2026, closed on the 10th at 04:00 UTC, open on the 12th at 15:00.
OWN = [
    ("2026-10-01", "2026-10-01 12:00", 0.0),
    ("2026-10-10", "2026-10-10 04:00", 1.0),
    ("2026-10-12", "2026-10-12 15:00", 0.0),
]


def test_a_series_of_one_s_own_goes_on_where_the_table_ends(
    world: Callable[..., Market], values: Callable[..., list[float]]
) -> None:
    """The table is kept until 30 September 2026, midnight in New York: 04:00 UTC of 1 October."""
    market = world({"BTC": [1.0] * 14}, first_day="2026-09-30", SHUTDOWN=OWN)
    # Closes of 30 September, when the table speaks, then of 1 October to 9 October, then of four days.
    assert values(ShutdownOpen(), market) == [0] + [0] * 9 + [1, 1, 0, 0]
    # The last one ended on 3 February 2026 at 23:00 UTC, 239 days and an hour before; then on 12 October at 15:00.
    found = values(DaysSinceShutdown(), market)
    assert found[:2] == pytest.approx([239 + 1 / 24, 240 + 1 / 24])
    assert found[10:] == pytest.approx([0, 0, 9 / 24, 1 + 9 / 24])


def test_before_the_table_ends_a_series_of_one_s_own_changes_nothing(
    world: Callable[..., Market], values: Callable[..., list[float]]
) -> None:
    market = world({"BTC": [1.0] * 2}, first_day="2026-09-28", SHUTDOWN=[("2026-09-28", "2026-09-28", 1.0)])
    assert values(ShutdownOpen(), market) == [0, 0]


def test_a_value_of_before_the_end_is_carried_over_it(
    world: Callable[..., Market], values: Callable[..., list[float]]
) -> None:
    market = world({"BTC": [1.0] * 4}, first_day="2026-09-30", SHUTDOWN=[("2026-09-28", "2026-09-28", 1.0)])
    assert values(ShutdownOpen(), market) == [0, 1, 1, 1]


def test_after_a_hundred_days_of_silence_nobody_knows(
    world: Callable[..., Market], values: Callable[..., list[float]]
) -> None:
    """Known on 12 October at 15:00; 100 days later is 20 January, 15:00."""
    market = world({"BTC": [1.0] * 115}, first_day="2026-09-30", SHUTDOWN=OWN)
    found = evaluate(ShutdownOpen(), market)
    assert found[pd.Timestamp("2027-01-20", tz="UTC")] == 0
    assert np.isnan(found[pd.Timestamp("2027-01-21", tz="UTC")])


@pytest.mark.parametrize("signal", [ShutdownOpen(), DaysSinceShutdown()], ids=repr)
def test_a_series_of_one_s_own_is_read_from_its_own_moment(world: Callable[..., Market], signal: Signal) -> None:
    market = world({"BTC": [1.0] * 130}, first_day="2026-09-28", SHUTDOWN=OWN)
    whole = evaluate(signal, market)
    for at in whole.index:
        assert evaluate(signal, market, at).equals(whole[:at])


def test_another_asset_gives_other_closes_and_the_same_facts(world: Callable[..., Market]) -> None:
    market = world({"ETH": [1.0, 1.0]}, first_day="2025-09-30")
    assert evaluate(ShutdownOpen("ETH"), market).tolist() == [0, 1]
    assert [*evaluate(ShutdownOpen("ETH"), market).index] == [*market.daily["ETH"].index]


@pytest.mark.real
def test_every_decision_is_in_the_target_range_and_every_change_of_it_is_a_decision(real: Market) -> None:
    frame = real.observations.releases("DFEDTARU")
    upper = pd.Series(frame["value"].to_numpy(), pd.DatetimeIndex(frame["period"]))
    upper = upper["2017-02-02":]  # the day after the first decision in the table
    table = {pd.Timestamp(fact.period): fact.value for fact in decisions()}
    inside = {day: value for day, value in table.items() if day <= upper.index[-1]}
    assert len(inside) == 76  # all but June and July 2026
    assert upper[list(inside)].to_dict() == inside
    changed = upper.index[upper.diff().fillna(0) != 0]
    assert len(changed) == 29
    assert set(changed) <= set(inside)


@pytest.mark.real
def test_a_decision_is_known_when_the_release_clock_knows_the_range(real: Market) -> None:
    frame = real.observations.releases("DFEDTARU")
    clock = pd.Series(frame.index, pd.DatetimeIndex(frame["period"]))
    for fact, known in zip(decisions(), decided_at(), strict=True):
        if pd.Timestamp(fact.period) in clock.index:
            assert clock[pd.Timestamp(fact.period)] == known, fact


@pytest.mark.real
def test_the_facility_opened_on_the_day_of_its_milestone(real: Market) -> None:
    periods = real.observations.releases("SRF")["period"]
    opened = evaluate(FacilityMilestone(name="srf_created"), real)
    assert periods.min() == pd.Timestamp("2021-07-29")
    assert opened[opened == 1].index[0] == pd.Timestamp("2021-07-30", tz="UTC")


@pytest.mark.real
def test_securities_held_moved_as_the_plan_in_force_said(real: Market) -> None:
    """From the first Wednesday of a plan to the last before one of another direction, $bn a week."""
    treasuries, mortgages = (real.observations.releases(s).set_index("period")["value"] for s in ("TREAST", "WSHOMCB"))
    held = treasuries + mortgages
    begins = holds_at(policy()).tz_convert("America/New_York").tz_localize(None).normalize()
    direction = pd.Series([fact.value for fact in policy()], begins).sort_index()
    direction = direction[direction.diff() != 0]
    pace = []
    for first, last in zip(direction.index, [*direction.index[1:], held.index[-1]], strict=True):
        weeks = held[first:last]
        pace.append((weeks.iloc[-1] - weeks.iloc[0]) / (len(weeks) - 1))
    assert [round(weekly) for weekly in pace] == [-7, 0, 39, -1, -12, 0, 7]
    assert np.sign([weekly if abs(weekly) > 3 else 0 for weekly in pace]).tolist() == direction.tolist()
