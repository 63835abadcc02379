"""Vintages: windows of real time put together, clones dropped, units told apart, moments of becoming known."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_cache.catalog import spec
from data_cache.errors import BadData
from data_cache.observations import observation_rows
from data_cache.sources.vintages import (
    EARLIEST,
    LATEST,
    Window,
    datable,
    dated,
    groups,
    lately,
    repaired,
    served,
    stitched,
    windows,
)

NOTHING = pd.Series(dtype=float)
NO_HISTORY = observation_rows(pd.DatetimeIndex([]), pd.DatetimeIndex([], tz="UTC"), [])


def rows(*said: tuple[str, str, float]) -> pd.DataFrame:
    """What FRED says: period, vintage, value."""
    periods, vintages, values = zip(*said, strict=True)
    return pd.DataFrame(
        {
            "period": pd.DatetimeIndex(periods).as_unit("ns"),
            "vintage": pd.DatetimeIndex(vintages).as_unit("ns"),
            "value": np.array(values, float),
        }
    )


def known(series: str, *said: tuple[str, str, float], history: pd.DataFrame = NO_HISTORY) -> list[tuple[str, str]]:
    """When the stitched rows became known, in New York, and by what."""
    in_force = history.drop_duplicates("period", keep="last").set_index("period")["value"]
    oldest = "" if len(history) else min(vintage for _, vintage, _ in said)
    found = dated(spec(series), stitched(rows(*said), in_force), history, oldest=oldest)
    local = found["known_at"].dt.tz_convert("America/New_York").dt.strftime("%Y-%m-%d %H:%M")
    return list(zip(local, found["origin"], strict=True))


# Windows


def test_windows_lie_side_by_side_from_the_first_day_of_real_time_to_the_last() -> None:
    vintages = ["2024-01-04", "2024-01-11", "2024-01-18", "2024-01-25", "2024-02-01"]
    assert windows(groups(vintages, 2)) == [
        Window(("2024-01-04", "2024-01-11"), EARLIEST, "2024-01-17"),
        Window(("2024-01-18", "2024-01-25"), "2024-01-18", "2024-01-31"),
        Window(("2024-02-01",), "2024-02-01", LATEST),
    ]


def test_the_halves_of_a_window_cover_the_window() -> None:
    window = Window(("2024-01-04", "2024-01-11", "2024-01-18"), EARLIEST, LATEST)
    assert window.halves() == (
        Window(("2024-01-04",), EARLIEST, "2024-01-10"),
        Window(("2024-01-11", "2024-01-18"), "2024-01-11", LATEST),
    )


# Stitching


def test_fredapi_s_objects_become_dates_and_numbers() -> None:
    day = pd.Timestamp("2024-01-03").to_pydatetime()
    said = pd.DataFrame({0: {"realtime_start": day, "date": day, "value": 1.5}, 1: dict.fromkeys(["date"], day)}).T
    found = repaired(said.assign(realtime_start=day))
    assert [str(dtype) for dtype in found.dtypes] == ["datetime64[ns]", "datetime64[ns]", "float64"]
    assert found["value"].tolist() == [1.5, pytest.approx(np.nan, nan_ok=True)]


def test_no_rows_have_the_same_types_as_some() -> None:
    assert repaired(pd.DataFrame({}).T).dtypes.tolist() == rows(("2024-01-03", "2024-01-04", 1.0)).dtypes.tolist()


def test_a_clone_at_the_edge_of_a_window_is_dropped_and_a_revision_back_stays() -> None:
    told = rows(
        ("2024-01-03", "2024-01-04", 1.0),
        ("2024-01-03", "2024-01-11", 1.0),  # the second window begins here
        ("2024-01-03", "2024-01-18", 2.0),
        ("2024-01-03", "2024-01-25", 1.0),
    )
    assert stitched(told, NOTHING)["value"].tolist() == [1.0, 2.0, 1.0]
    assert stitched(told, NOTHING)["first"].tolist() == [True, False, False]


def test_missing_values_equal_one_another_and_the_first_of_a_period_stays() -> None:
    told = rows(
        ("2024-01-03", "2024-01-04", np.nan), ("2024-01-03", "2024-01-11", np.nan), ("2024-01-03", "2024-01-18", 2.0)
    )
    assert stitched(told, NOTHING)["vintage"].dt.day.tolist() == [4, 18]


def test_what_was_in_force_before_makes_clones_too() -> None:
    in_force = pd.Series([1.0], pd.DatetimeIndex(["2024-01-03"]))
    told = rows(("2024-01-03", "2024-01-11", 1.0), ("2024-01-10", "2024-01-11", 5.0))
    found = stitched(told, in_force)
    assert found["period"].dt.day.tolist() == [10]
    assert found["first"].tolist() == [True]


# period -> vintage -> value, as days; equal neighbours are no two intervals, as at FRED
histories = st.dictionaries(
    st.integers(0, 5),
    st.dictionaries(st.integers(6, 40), st.sampled_from([1.0, 2.0, np.nan]), min_size=1, max_size=8),
    min_size=1,
    max_size=6,
)
START = pd.Timestamp("2024-01-01")


def truth(history: dict[int, dict[int, float]]) -> list[tuple[int, int, float]]:
    """The intervals of constant value: period, first day, value."""
    found = []
    for period, said in sorted(history.items()):
        days = sorted(said)
        repeats = [False, *(same(said[a], said[b]) for a, b in pairwise(days))]
        found += [(period, day, said[day]) for day, again in zip(days, repeats, strict=True) if not again]
    return found


def same(a: float, b: float) -> bool:
    return a == b or (np.isnan(a) and np.isnan(b))


def told(intervals: list[tuple[int, int, float]], window: Window) -> pd.DataFrame:
    """What FRED says of a window: every interval that overlaps it, its start clipped."""
    start, end = (
        min(max((pd.Period(day, "D") - pd.Period(START, "D")).n, -1), 99) for day in (window.start, window.end)
    )
    ends = {(a[0], a[1]): b[1] - 1 for a, b in pairwise(intervals) if a[0] == b[0]}
    kept = [(p, max(v, start), x) for p, v, x in intervals if v <= end and ends.get((p, v), 99) >= start]
    days = [(START + pd.Timedelta(days=n)).strftime("%Y-%m-%d") for n in range(100)]
    return rows(*((days[p], days[v], x) for p, v, x in kept)) if kept else rows(("2024-01-01",) * 2 + (0.0,)).iloc[:0]


@given(histories, st.integers(1, 50))
def test_windows_of_any_size_are_stitched_into_the_truth(history: dict[int, dict[int, float]], most: int) -> None:
    intervals = truth(history)
    vintages = sorted({(START + pd.Timedelta(days=v)).strftime("%Y-%m-%d") for _, v, _ in intervals})
    pieces = [told(intervals, window) for window in windows(groups(vintages, most))]
    days = [START + pd.Timedelta(days=n) for n in range(50)]
    expected = pd.DataFrame([(days[p], days[v], x) for p, v, x in intervals], columns=["period", "vintage", "value"])
    found = stitched(pd.concat(pieces), NOTHING)
    pd.testing.assert_frame_equal(found[expected.columns], expected, check_dtype=False)
    assert found["first"].tolist() == (~expected.duplicated("period")).tolist()


@given(histories, st.integers(1, 50))
def test_stitching_window_after_window_is_stitching_all_at_once(
    history: dict[int, dict[int, float]], most: int
) -> None:
    intervals = truth(history)
    vintages = sorted({(START + pd.Timedelta(days=v)).strftime("%Y-%m-%d") for _, v, _ in intervals})
    pieces = [told(intervals, window) for window in windows(groups(vintages, most))]
    in_force, parts = NOTHING, []
    for piece in pieces:
        parts.append(stitched(piece, in_force))
        in_force = pd.concat(parts).drop_duplicates("period", keep="last").set_index("period")["value"]
    at_once = stitched(pd.concat(pieces), NOTHING)
    one_by_one = pd.concat(parts).sort_values(["period", "vintage"], ignore_index=True)
    pd.testing.assert_frame_equal(one_by_one, at_once)


# When a value became known

WEDNESDAY, THURSDAY = "2024-01-03", "2024-01-04"


def test_a_value_that_came_on_its_day_is_known_by_the_rule() -> None:
    assert known("WALCL", (WEDNESDAY, THURSDAY, 7e6)) == [("2024-01-04 16:30", "rule")]


def test_a_value_that_came_later_than_the_rule_says_is_known_at_its_stamp() -> None:
    assert known("WALCL", (WEDNESDAY, "2024-01-08", 7e6)) == [("2024-01-08 16:30", "stamp")]


def test_a_value_that_came_earlier_than_the_rule_says_is_known_by_the_rule() -> None:
    assert known("IORB", ("2024-01-08", "2024-01-05", 5.4)) == [("2024-01-07 16:32", "rule")]


@pytest.mark.parametrize(
    ("vintage", "expected"),
    [
        ("2024-02-03", ("2024-02-03 16:30", "stamp")),  # 30 days after the rule
        ("2024-02-04", ("2024-01-04 16:30", "rule")),  # 31
        ("2026-05-01", ("2024-01-04 16:30", "rule")),
    ],
)
def test_the_stamp_of_history_that_was_loaded_later_counts_for_nothing(vintage: str, expected: tuple[str, str]) -> None:
    assert known("WALCL", (WEDNESDAY, vintage, 7e6)) == [expected]


def wednesdays(count: int, vintage: str) -> list[tuple[str, str, float]]:
    """So many Wednesdays before 2024 that first appeared in one vintage."""
    days = pd.date_range(end="2023-12-27", periods=count, freq="7D").strftime("%Y-%m-%d")
    return [(day, vintage, 7e6) for day in days]


@pytest.mark.parametrize(("count", "origin"), [(19, "stamp"), (20, "rule")])
def test_a_later_vintage_is_a_load_where_twenty_old_periods_come_with_it(count: int, origin: str) -> None:
    found = known("WALCL", (WEDNESDAY, THURSDAY, 7e6), *wednesdays(count, "2024-03-25"))
    assert [by for _, by in found] == [origin] * count + ["rule"]


def test_periods_that_come_in_their_time_make_no_load_of_a_late_one() -> None:
    # of 2024-01-10 there was nothing until 2024-03-25; 20 others came then, none of them 30 days late
    days = pd.date_range("2024-02-26", "2024-03-22", freq="B").strftime("%Y-%m-%d")
    found = known(
        "DGS10",
        ("2024-01-02", "2024-01-03", 4.0),
        ("2024-01-10", "2024-03-25", 4.0),
        *((day, "2024-03-25", 4.0) for day in days),
    )
    assert found[1] == ("2024-03-25 16:15", "stamp")


def test_a_release_that_was_very_late_is_known_at_its_stamp() -> None:
    found = known("WALCL", (WEDNESDAY, THURSDAY, 7e6), ("2024-01-10", "2024-03-25", 7.1e6))
    assert found[1] == ("2024-03-25 16:30", "stamp")


def test_nothing_that_comes_after_a_settled_vintage_is_a_load() -> None:
    moment = pd.DatetimeIndex(["2024-01-04 21:30"], tz="UTC")
    history = observation_rows(pd.DatetimeIndex([WEDNESDAY]), moment, [7000.0])
    found = known("WALCL", *wednesdays(30, "2024-03-25"), history=history)
    assert found == [("2024-03-25 16:30", "stamp")] * 30


def test_a_restated_series_counts_from_the_day_on_which_it_was_loaded() -> None:
    loaded = known("THREEFYTP10", ("1990-01-02", "2016-05-27", 1.0), ("2016-05-20", "2016-05-27", -0.2))
    assert loaded == [("2016-05-27 15:02", "stamp")] * 2


def test_a_revision_is_known_at_its_stamp() -> None:
    history = [(WEDNESDAY, THURSDAY, 7e6), (WEDNESDAY, "2024-01-11", 7.1e6)]
    assert known("WALCL", *history) == [("2024-01-04 16:30", "rule"), ("2024-01-11 16:30", "stamp")]


def test_a_revision_before_the_rule_takes_the_place_of_the_first_value() -> None:
    found = dated(
        spec("IORB"),
        stitched(rows(("2024-01-08", "2024-01-05", 5.4), ("2024-01-08", "2024-01-06", 5.3)), NOTHING),
        NO_HISTORY,
    )
    assert found["value"].tolist() == [5.3]
    assert found["known_at"].tolist() == [pd.Timestamp("2024-01-07 21:32", tz="UTC")]


def test_summer_and_winter_have_their_own_hours_in_utc() -> None:
    found = dated(spec("DGS10"), stitched(rows(("2024-07-01", "2024-07-02", 4.4)), NOTHING), NO_HISTORY)
    assert found["known_at"].tolist() == [pd.Timestamp("2024-07-02 20:15", tz="UTC")]


def test_a_vintage_that_is_told_otherwise_now_is_left_to_the_store() -> None:
    moment = pd.Timestamp("2024-01-04 21:30", tz="UTC")
    history = observation_rows(pd.DatetimeIndex([WEDNESDAY]), pd.DatetimeIndex([moment]), [7000.0])
    in_force = history.set_index("period")["value"]
    again = stitched(rows((WEDNESDAY, "2024-01-11", 7100.0)), in_force)
    found = dated(spec("WALCL"), again, history, settled="2024-01-11")
    assert found[["known_at", "origin"]].to_numpy().tolist() == [[moment, "rule"]]


def test_periods_outside_the_calendars_are_not_datable() -> None:
    told = rows(("1954-01-04", "2010-01-04", 1.0), ("1962-01-02", "2010-01-04", 4.0), ("2041-01-02", "2040-01-04", 1.0))
    assert datable(told)["period"].dt.year.tolist() == [1962]


def test_of_a_restatement_only_the_last_weeks_are_kept_and_what_is_new() -> None:
    told = rows(("2024-01-02", "2024-01-09", 1.0), ("2024-01-02", "2024-01-30", 2.0), ("2024-01-02", "2024-01-31", 3.0))
    found = lately(stitched(pd.concat([told, rows(("2023-01-02", "2024-01-30", 9.0))]), NOTHING))
    assert found["value"].tolist() == [9.0, 1.0, 2.0]


# Units


def test_values_printed_in_billions_and_in_millions_are_served_alike() -> None:
    told = rows(("2025-07-30", "2025-07-31", 370.51), ("2026-05-27", "2026-05-28", 830_296.0))
    found = served(spec("WTREGEN"), told)
    assert found["value"].tolist() == [370.51, pytest.approx(830.296)]
    assert found["switched"].tolist() == [True, False]


def test_a_switch_of_unit_is_no_revision_where_the_number_is_the_same() -> None:
    told = rows(("2025-07-30", "2025-07-31", 370.5), ("2025-07-30", "2026-02-05", 370_500.0))
    assert stitched(served(spec("WTREGEN"), told), NOTHING)["value"].tolist() == [370.5]


def test_where_a_value_fits_both_units_its_vintage_decides() -> None:
    # 8,500: reserves of $8.5bn in 2005, printed in $mn, or of $8,500bn
    told = rows(("2005-01-05", "2026-02-05", 8_500.0), ("2026-02-04", "2026-02-05", 2_900_000.0))
    assert served(spec("WRESBAL"), told)["value"].tolist() == [8.5, 2900.0]
    alone = rows(("2026-02-04", "2026-02-05", 2_900_000.0), ("2005-01-05", "2026-02-12", 8_600.0))
    assert served(spec("WRESBAL"), alone)["value"].tolist() == [2900.0, 8.6]


def test_where_nothing_decides_the_unit_nothing_is_taken() -> None:
    with pytest.raises(
        BadData, match=r"WRESBAL: 8500 of 2005-01-05 in the vintage of 2005-01-06 could be in \$mn or in"
    ):
        served(spec("WRESBAL"), rows(("2005-01-05", "2005-01-06", 8_500.0)))


def test_missing_values_have_no_unit() -> None:
    found = served(spec("WTREGEN"), rows(("2025-07-30", "2025-07-31", np.nan)))
    assert found["value"].isna().all()
    assert not found["switched"].any()


def test_other_series_have_the_unit_of_the_catalogue() -> None:
    assert served(spec("WALCL"), rows((WEDNESDAY, THURSDAY, 7_000.0)))["value"].tolist() == [7.0]
