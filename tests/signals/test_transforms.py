"""Transforms of a series by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_cache.errors import BadUsage
from signals import transforms

NAN = float("nan")


def series(*values: float, times: list[str] | None = None) -> pd.Series:
    index = pd.DatetimeIndex(times, tz="UTC") if times else pd.date_range("2025-01-01", periods=len(values), tz="UTC")
    return pd.Series(list(values), index.as_unit("ns"), dtype=float)


def same(found: pd.Series, expected: list[float]) -> bool:
    return np.array_equal(found.to_numpy(), np.array(expected, float), equal_nan=True)


def test_a_change_counts_from_utc_date_to_utc_date_so_that_daylight_saving_does_not_cost_a_week() -> None:
    # Thursdays 16:30 in New York: 21:30 UTC in winter, 20:30 UTC after 9 March 2025.
    thursdays = ["2025-02-20 21:30", "2025-02-27 21:30", "2025-03-06 21:30", "2025-03-13 20:30", "2025-03-20 20:30"]
    weekly = series(1.0, 2.0, 4.0, 8.0, 16.0, times=thursdays)
    assert same(transforms.change(weekly, 14), [NAN, NAN, 4 - 1, 8 - 2, 16 - 4])


def test_a_change_compares_with_the_last_value_of_the_earlier_date_though_that_one_had_several() -> None:
    s = series(1.0, 2.0, 5.0, times=["2025-01-01 09:00", "2025-01-01 18:00", "2025-01-02 08:00"])
    assert same(transforms.change(s, 1), [NAN, NAN, 5 - 2])


def test_a_change_over_a_gap_uses_the_last_value_known_by_then() -> None:
    s = series(1.0, 7.0, times=["2025-01-01", "2025-03-01"])
    assert same(transforms.change(s, 28), [NAN, 6.0])


def test_a_change_from_an_unknown_value_is_unknown() -> None:
    assert same(transforms.change(series(NAN, 2.0, 5.0), 1), [NAN, NAN, 3.0])


def test_changes_over_rows_are_differences_of_rows() -> None:
    assert same(transforms.change_rows(series(1.0, 2.0, 5.0), 2), [NAN, NAN, 4.0])
    assert same(transforms.lag_rows(series(1.0, 2.0, 5.0), 1), [NAN, 1.0, 2.0])


@pytest.mark.parametrize("days", [0, -1, -28])
def test_a_lag_into_the_future_is_refused(days: int) -> None:
    for transform in (transforms.lag, transforms.change, transforms.cool_down, transforms.hold):
        with pytest.raises(BadUsage, match=f"a lag of {days} days would look ahead; it must be at least 1"):
            transform(series(1.0, 2.0), days)
    for transform in (transforms.lag_rows, transforms.change_rows):
        with pytest.raises(BadUsage, match=f"a lag of {days} rows would look ahead"):
            transform(series(1.0, 2.0), days)


def test_a_zscore_is_unknown_while_the_window_is_too_long_or_flat() -> None:
    assert same(transforms.zscore(series(1.0, 2.0), 3), [NAN, NAN])
    assert same(transforms.zscore(series(5.0, 5.0, 5.0, 5.0), 3), [NAN] * 4)
    assert same(transforms.zscore(series(0.0, 0.0, 1e-200), 3), [NAN] * 3)  # too flat to have a deviation
    # mean 2, standard deviation sqrt((1 + 0 + 1) / 2) = 1
    assert same(transforms.zscore(series(1.0, 2.0, 3.0, NAN), 3), [NAN, NAN, (3 - 2) / 1, NAN])
    with pytest.raises(BadUsage, match="a window of 1 rows is too short; it must be at least 2"):
        transforms.zscore(series(1.0, 2.0), 1)


def test_a_rank_is_the_share_of_the_window_that_is_not_above() -> None:
    assert same(transforms.rank(series(3.0, 1.0, 2.0), 3), [NAN, NAN, 2 / 3])
    assert same(transforms.rank(series(1.0, 1.0), 2), [NAN, 1.5 / 2])  # a tie counts half


def test_a_share_of_days_is_unknown_with_an_unknown_day() -> None:
    flags = series(1.0, 0.0, NAN, 1.0, 1.0)
    assert same(transforms.share_of_days(flags, 2), [NAN, 0.5, NAN, NAN, 1.0])
    with pytest.raises(BadUsage, match="a window of 0 rows is too short"):
        transforms.share_of_days(flags, 0)


LATCHES = [
    ("between the thresholds a switch stays as it is", 2.0, 1.0, [1.5, 2.5, 1.5, 0.5, 1.5], [0, 1, 1, 0, 0]),
    ("a value on a threshold switches nothing", 2.0, 1.0, [2.0, 2.5, 1.0, 0.9], [0, 1, 1, 0]),
    ("with equal thresholds it is a comparison that keeps on a tie", 1.0, 1.0, [2, 1, 0, 1], [1, 1, 0, 0]),
    ("a lower entrance than exit switches on below", 1.0, 2.0, [1.5, 0.5, 1.5, 2.5], [0, 1, 1, 0]),
    ("an unknown value hides the switch and does not move it", 2.0, 1.0, [3, NAN, 1.5, 0, NAN], [1, NAN, 1, 0, NAN]),
    ("one value is enough", 2.0, 1.0, [3.0], [1]),
    ("nothing comes of nothing", 2.0, 1.0, [], []),
]


@pytest.mark.parametrize(("why", "enter", "exit", "given", "expected"), LATCHES, ids=[row[0] for row in LATCHES])
def test_a_latch(why: str, enter: float, exit: float, given: list[float], expected: list[float]) -> None:
    assert same(transforms.latch(series(*given), enter, exit), expected)


COOL_DOWNS = [
    ("a flag is held down after it fell", 2, [1, 0, 1, 1, 1], [1, 0, 0, 1, 1]),
    ("each fall starts the count anew", 2, [1, 0, 1, 0, 1, 1], [1, 0, 0, 0, 0, 1]),
    ("a flag that never fell is free", 5, [0, 1, 1], [0, 1, 1]),
    ("an unknown flag is no fall", 5, [1, NAN, 1, 0, 1], [1, NAN, 1, 0, 0]),
]


@pytest.mark.parametrize(("why", "days", "given", "expected"), COOL_DOWNS, ids=[row[0] for row in COOL_DOWNS])
def test_a_cool_down(why: str, days: int, given: list[float], expected: list[float]) -> None:
    assert same(transforms.cool_down(series(*given), days), expected)


HOLDS = [
    ("a flag stays up for the days after it was last up", 2, [1, 0, 0, 0], [1, 1, 1, 0]),
    ("each time it is up starts the count anew", 1, [1, 0, 1, 0, 0], [1, 1, 1, 1, 0]),
    ("before it was ever up it is down", 3, [0, 0, 1], [0, 0, 1]),
    ("an unknown flag stays unknown", 3, [1, NAN, 0], [1, NAN, 1]),
]


@pytest.mark.parametrize(("why", "days", "given", "expected"), HOLDS, ids=[row[0] for row in HOLDS])
def test_a_hold(why: str, days: int, given: list[float], expected: list[float]) -> None:
    assert same(transforms.hold(series(*given), days), expected)


def plainly_latched(values: list[float], enter: float, exit: float) -> list[float]:
    state, states = 0.0, []
    for value in values:
        if enter >= exit:
            state = 1.0 if value > enter else 0.0 if value < exit else state
        else:
            state = 1.0 if value < enter else 0.0 if value > exit else state
        states.append(NAN if np.isnan(value) else state)
    return states


NUMBERS = st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, NAN]), max_size=30)
LEVELS = st.sampled_from([-1.0, 0.0, 0.5, 1.0])


@given(NUMBERS, LEVELS, LEVELS)
def test_a_latch_is_the_plain_loop(given: list[float], enter: float, exit: float) -> None:
    assert same(transforms.latch(series(*given), enter, exit), plainly_latched(given, enter, exit))


@given(NUMBERS, st.integers(1, 40), st.integers(0, 30))
def test_every_transform_of_a_beginning_is_the_beginning_of_the_transform(
    given: list[float], days: int, length: int
) -> None:
    whole, some = series(*given), series(*given[:length])
    cases = (
        lambda s: transforms.change(s, days),
        lambda s: transforms.zscore(s, days + 1),
        lambda s: transforms.rank(s, days),
        lambda s: transforms.share_of_days(s, days),
        lambda s: transforms.latch(s, 0.5, 0.0),
        lambda s: transforms.cool_down(s, days),
        lambda s: transforms.hold(s, days),
    )
    for transform in cases:
        assert same(transform(some), transform(whole)[: len(some)].tolist())
