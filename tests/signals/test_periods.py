"""Joining and differencing releases on their period, by hand."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from data_cache.market import Market
from signals import periods

NAN = float("nan")


def days(*numbers: int) -> np.ndarray:
    return np.array([f"2025-01-{number:02d}" for number in numbers], "datetime64[ns]")


def table(period: np.ndarray, known_at: np.ndarray, *values: float) -> periods.Releases:
    return periods.Releases(period, known_at, np.array(values))


def test_a_gap_filled_late_does_not_bring_an_old_value_back(world: Callable[..., Market]) -> None:
    rows = [("2025-01-06", "2025-01-07", 1.0), ("2025-01-08", "2025-01-09", 3.0), ("2025-01-07", "2025-01-10", 2.0)]
    known = world(DGS10=rows).known(("DGS10",))
    assert periods.released(known, "DGS10").value.tolist() == [1.0, 3.0]


def test_a_series_that_is_not_there_has_no_releases(world: Callable[..., Market]) -> None:
    known = world(DGS10=[("2025-01-06", "2025-01-07", 1.0)]).known(("TGA", "DGS10"))
    assert len(periods.released(known, "TGA").value) == 0


def test_of_periods_released_at_one_instant_the_newest_comes_last(world: Callable[..., Market]) -> None:
    rows = [("2025-01-08", "2025-01-14", 8.0), ("2025-01-06", "2025-01-14", 6.0), ("2025-01-07", "2025-01-14", 7.0)]
    known = world(THREEFYTP10=rows).known(("THREEFYTP10",))
    assert periods.released(known, "THREEFYTP10").value.tolist() == [6.0, 7.0, 8.0]


def test_two_series_of_one_period_are_known_when_the_later_is() -> None:
    left, right = table(days(1, 2), days(2, 3), 5.0, 6.0), table(days(1, 2), days(4, 3), 1.0, 2.0)
    joined = periods.difference(left, right)
    # The pair of 2 January is known on the 3rd; that of the 1st on the 4th, when a newer one is out.
    assert joined.value.tolist() == [6.0 - 2.0]
    assert joined.known_at.tolist() == days(3).tolist()


def test_a_period_that_only_one_has_is_left_out() -> None:
    left, right = table(days(1, 2, 3), days(2, 3, 4), 5.0, 6.0, 7.0), table(days(1, 3, 4), days(1, 3, 4), 1.0, 2.0, 9.0)
    assert [side.value.tolist() for side in periods.same_period(left, right)] == [[5.0, 7.0], [1.0, 2.0]]


def test_joining_with_nothing_gives_nothing() -> None:
    nothing = table(days(), days())
    assert len(periods.difference(table(days(1), days(2), 5.0), nothing).value) == 0
    assert len(periods.difference(nothing, table(days(1), days(2), 5.0)).value) == 0


def test_a_change_between_periods_does_not_care_when_they_were_published() -> None:
    weekly = table(days(1, 8, 15), days(2, 10, 16), 1.0, 2.0, 4.0)  # the second a day late
    assert periods.period_change(weekly, 7).tolist()[1:] == [2.0 - 1.0, 4.0 - 2.0]


def test_a_change_reaches_back_to_the_last_period_where_there_is_a_hole() -> None:
    daily = table(days(1, 2, 9), days(2, 3, 10), 1.0, 2.0, 9.0)
    assert periods.period_change(daily, 5).tolist()[2] == 9.0 - 2.0


def test_the_first_publication_of_a_period_counts() -> None:
    early, late = table(days(1, 2), days(2, 3), 10.0, 20.0), table(days(2, 3), days(4, 5), 21.0, 30.0)
    joined = periods.first_of(early, late)
    assert joined.value.tolist() == [10.0, 20.0, 30.0]
    assert joined.known_at.tolist() == days(2, 3, 5).tolist()
    assert periods.first_of(late, early).value.tolist() == [10.0, 20.0, 30.0]  # whichever is named first


def test_a_formula_of_several_series_is_unknown_until_all_of_them_are_known() -> None:
    a = pd.Series([1.0, 2.0], pd.DatetimeIndex(["2025-01-01", "2025-01-03"], tz="UTC"))
    b = pd.Series([5.0, 6.0], pd.DatetimeIndex(["2025-01-02", "2025-01-03"], tz="UTC"))
    joined = periods.together(np.subtract, a, b)
    assert joined.to_numpy() == pytest.approx([NAN, 1 - 5, 2 - 6], nan_ok=True)
    assert [t.day for t in joined.index] == [1, 2, 3]  # one value per instant
