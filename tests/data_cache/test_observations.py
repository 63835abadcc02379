"""Observations: two clocks, revisions, first releases, and the past that holds nothing later."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_cache.errors import BadData, NoData
from data_cache.observations import Observations, observation_rows, silences


def day(number: int, hour: int = 0) -> pd.Timestamp:
    """An instant of January 2024."""
    return pd.Timestamp(2024, 1, number, hour, tz="UTC")


def rows(*said: tuple[int, pd.Timestamp, float]) -> pd.DataFrame:
    """Observations (day of January described, instant known, value)."""
    periods, known_at, values = zip(*said, strict=True)
    return observation_rows(
        pd.DatetimeIndex([f"2024-01-{number:02}" for number in periods]), pd.DatetimeIndex(known_at), list(values)
    )


# The reserves of the 3rd are published on the 4th as 10, and on the 11th, with those of the 10th, corrected to 12.
REVISED = rows((3, day(4), 10.0), (3, day(11), 12.0), (10, day(11), 20.0))
RESERVES = Observations({"WRESBAL": REVISED})


def test_a_revision_is_unseen_before_it_is_published() -> None:
    assert RESERVES.as_of("WRESBAL", day(10, 23)).tolist() == [10.0]
    assert RESERVES.as_of("WRESBAL", day(11)).tolist() == [12.0, 20.0]


def test_nothing_is_known_before_the_first_release() -> None:
    assert RESERVES.as_of("WRESBAL", day(3, 23)).empty


def test_first_releases_stay_what_they_were() -> None:
    first = RESERVES.first("WRESBAL")
    assert first.tolist() == [10.0, 20.0]
    assert first.index.tolist() == [day(4), day(11)]


def test_the_final_vintage_has_the_revision() -> None:
    assert RESERVES.revised("WRESBAL").tolist() == [12.0, 20.0]


def test_a_release_says_which_period_it_describes() -> None:
    assert RESERVES.releases("WRESBAL")["period"].dt.day.tolist() == [3, 10]


def test_a_first_release_without_a_value_waits_for_its_first_number() -> None:
    late = Observations({"DGS10": rows((2, day(3), np.nan), (3, day(4), 4.0), (2, day(5), 3.9))})
    assert late.first("DGS10").tolist() == [4.0, 3.9]
    assert late.releases("DGS10")["period"].dt.day.tolist() == [3, 2]


def test_the_history_as_it_stood_keeps_a_missing_value_missing() -> None:
    holiday = Observations({"DGS10": rows((1, day(2), np.nan), (2, day(3), 4.0))})
    assert holiday.as_of("DGS10", day(3)).isna().tolist() == [True, False]


def test_releases_of_one_instant_come_in_the_order_of_their_periods() -> None:
    posted_weekly = Observations({"THREEFYTP10": rows((5, day(9), 0.3), (3, day(9), 0.1), (4, day(9), 0.2))})
    assert posted_weekly.first("THREEFYTP10").tolist() == [0.1, 0.2, 0.3]


def test_the_past_does_not_contain_the_future_at_all() -> None:
    past = RESERVES.until(day(10))
    assert past.rows("WRESBAL")["value"].tolist() == [10.0]
    assert past.revised("WRESBAL").tolist() == [10.0]


def test_a_series_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(NoData, match="no observations of SOFR; here are: WRESBAL"):
        RESERVES.rows("SOFR")


def test_observations_are_sorted_by_when_they_became_known() -> None:
    assert rows((3, day(11), 1.0), (4, day(5), 2.0))["value"].tolist() == [2.0, 1.0]


def test_a_known_at_of_another_timezone_is_the_same_instant() -> None:
    eastern = pd.DatetimeIndex(["2024-01-04 16:30"]).tz_localize("America/New_York")
    said = observation_rows(pd.DatetimeIndex(["2024-01-03"]), eastern, [1.0])
    assert said["known_at"].tolist() == [pd.Timestamp("2024-01-04 21:30", tz="UTC")]


DATES = pd.DatetimeIndex(["2024-01-03", "2024-01-04"])
CLOCK = pd.DatetimeIndex([day(4), day(5)])
REFUSED = {
    "known_at without a timezone": ((DATES, CLOCK.tz_localize(None), [1.0, 2.0]), "times without a timezone"),
    "a period with a timezone": ((CLOCK, CLOCK, [1.0, 2.0]), "a period is a date or a naive UTC instant"),
    "no known_at": ((DATES, CLOCK.where([True, False]), [1.0, 2.0]), "1 observations have no known_at"),
    "no period": ((DATES.where([True, False]), CLOCK, [1.0, 2.0]), "1 observations have no period"),
    "two values at once": (
        (DATES[[0, 0]], CLOCK[[0, 0]], [1.0, 2.0]),
        r"period 2024-01-03.* has two values known at 2024-01-04",
    ),
}


@pytest.mark.parametrize(("said", "message"), REFUSED.values(), ids=REFUSED)
def test_observations_that_cannot_be_right_are_refused(said: tuple[object, object, object], message: str) -> None:
    with pytest.raises(BadData, match=message):
        observation_rows(*said)


def test_a_silence_is_named_by_the_release_before_it() -> None:
    quiet = silences(rows((1, day(2), 1.0), (2, day(3), 2.0), (9, day(10), 3.0)), max_age_days=5)
    assert quiet["after"].tolist() == [day(3)]
    assert quiet["days"].tolist() == [7.0]


def test_a_row_without_a_value_does_not_break_a_silence() -> None:
    quiet = silences(rows((1, day(2), 1.0), (5, day(6), np.nan), (9, day(10), 3.0)), max_age_days=5)
    assert quiet["days"].tolist() == [8.0]


def test_releases_within_the_age_allowed_are_no_silence() -> None:
    assert silences(rows((1, day(2), 1.0), (6, day(7), 2.0)), max_age_days=5).empty


histories = st.lists(
    st.tuples(st.integers(1, 9), st.integers(0, 9), st.sampled_from([1.0, 2.0, np.nan])),
    min_size=1,
    unique_by=lambda said: said[:2],
).map(lambda said: rows(*((period, day(period) + pd.Timedelta(days=lag), value) for period, lag, value in said)))


@given(histories, st.integers(1, 20))
def test_cutting_never_changes_what_was_served_before_the_cut(history: pd.DataFrame, cut: int) -> None:
    full = Observations({"X": history})
    past = full.until(day(cut))
    for at in range(1, cut + 1):
        pd.testing.assert_series_equal(past.as_of("X", day(at)), full.as_of("X", day(at)))
    first = full.first("X")
    pd.testing.assert_series_equal(past.first("X"), first[first.index <= day(cut)])


@given(histories, st.integers(1, 20))
def test_the_past_is_the_same_whether_first_releases_were_sorted_out_before(history: pd.DataFrame, cut: int) -> None:
    asked_before = Observations({"X": history})
    asked_before.releases("X")
    pd.testing.assert_frame_equal(
        asked_before.until(day(cut)).releases("X"), Observations({"X": history}).until(day(cut)).releases("X")
    )
