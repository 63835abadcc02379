"""Reserves and their scarcity at two horizons, by hand."""

from collections.abc import Callable

import pytest

from data_cache.market import Market
from signals import PivotPressure, ReserveRatio, Reserves, ReserveScarcity, ReservesChange

NAN = float("nan")
# Three Wednesdays, known on Thursday; the level begins a week after the average.
AVERAGE = [("2025-01-01", "2025-01-02 21:30", 3_300), ("2025-01-08", "2025-01-09 21:30", 3_250)]
LEVEL = [("2025-01-08", "2025-01-09 21:30", 3_200), ("2025-01-15", "2025-01-16 21:30", 3_100)]
# Monday 6 to Friday 10 January 2025, known at 8:00 in New York of the next day, against 4.40.
FIVE_DAYS = [
    ("2025-01-06", "2025-01-07 13:00", 4.42),
    ("2025-01-07", "2025-01-08 13:00", 4.40),
    ("2025-01-08", "2025-01-09 13:00", 4.45),
    ("2025-01-09", "2025-01-10 13:00", 4.39),
    ("2025-01-10", "2025-01-13 13:00", 4.41),
]
IORB = [(day, "2025-01-02 21:32", 4.40) for day, _, _ in FIVE_DAYS]


def test_the_level_of_wednesday_is_taken_before_the_average_of_the_week(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    assert values(Reserves(), world(WRESBAL=AVERAGE, WRBWFRBL=LEVEL)) == [3_300, 3_200, 3_100]
    assert values(Reserves(), world(WRESBAL=AVERAGE)) == [3_300, 3_250]


def test_the_change_compares_wednesdays(world: Callable[..., Market], values: Callable[..., list]) -> None:
    found = values(ReservesChange(weeks=1), world(WRESBAL=AVERAGE, WRBWFRBL=LEVEL))
    assert found == pytest.approx([NAN, 3_200 - 3_300, 3_100 - 3_200], nan_ok=True)


def test_the_ratio_is_in_percent_of_what_banks_own(world: Callable[..., Market], values: Callable[..., list]) -> None:
    # The assets of 1 January come out a fortnight later, before the reserves of the 15th.
    banks = [("2025-01-01", "2025-01-15 00:00", 24_000)]
    found = values(ReserveRatio(), world(WRBWFRBL=LEVEL, TLAACBW027SBOG=banks))
    assert found == pytest.approx([NAN, 100 * 3_200 / 24_000, 100 * 3_100 / 24_000], nan_ok=True)


def test_scarcity_is_the_share_of_days_above_the_interest_on_reserves(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    # Equal is not above: 4.40 does not count.
    found = values(ReserveScarcity(window=2), world(SOFR=FIVE_DAYS, IORB=IORB))
    assert found == pytest.approx([NAN, 1 / 2, 1 / 2, 1 / 2, 1 / 2], nan_ok=True)
    assert values(ReserveScarcity(window=5), world(SOFR=FIVE_DAYS, IORB=IORB))[-1] == 3 / 5


def test_scarcity_leaves_out_both_days_of_a_month_end(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    days = [("2025-10-30", "2025-10-31 12:00", 4.0), ("2025-10-31", "2025-11-03 13:00", 4.2)]
    market = world(SOFR=days, IORB=[("2025-10-30", "2025-10-29 20:32", 3.9), ("2025-10-31", "2025-10-30 20:32", 3.9)])
    assert values(ReserveScarcity(window=1), market) == [1.0]
    assert values(ReserveScarcity(window=1, exclude_period_ends=False), market) == [1.0, 1.0]


def test_pressure_lasts_while_reserves_fall_and_ends_when_they_rise(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    weekly = [("2025-01-01", "2025-01-02 21:30", 3_300), ("2025-01-08", "2025-01-09 21:30", 3_200)]
    weekly += [("2025-01-15", "2025-01-16 21:30", 3_250)]
    found = values(PivotPressure(window=2, weeks=1), world(SOFR=FIVE_DAYS, IORB=IORB, WRBWFRBL=weekly))
    # Known in turn: reserves of the 1st, SOFR of the 6th to the 8th, reserves of the 8th (down by 100), SOFR of the
    # 9th and 10th, reserves of the 15th (up by 50).
    assert found == pytest.approx([NAN, NAN, NAN, NAN, 1 / 2, 1 / 2, 1 / 2, 0], nan_ok=True)
