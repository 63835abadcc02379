"""SOFR against the corridor, by hand."""

from collections.abc import Callable

import pytest

from data_cache.market import Market
from signals import CeilingSpread, CorridorPosition, ReserveSpread

NAN = float("nan")
# The decision of 29 October 2025 took effect on the 30th; the month ends on Friday 31 October.
SOFR = [
    ("2025-10-28", "2025-10-29 12:00", 4.31),
    ("2025-10-29", "2025-10-30 12:00", 4.27),
    ("2025-10-30", "2025-10-31 12:00", 4.04),
    ("2025-10-31", "2025-11-03 13:00", 4.22),
    ("2025-11-03", "2025-11-04 13:00", 4.13),
    ("2025-11-04", "2025-11-05 13:00", 4.00),
]
DAYS = [day for day, _, _ in SOFR]


def bound(before: float, after: float) -> list[tuple[str, str, float]]:
    """A rate that changed on 30 October, known the afternoon before each day."""
    known = {"2025-10-30": "2025-10-29 18:00"}
    return [(day, known.get(day, f"{day} 04:00"), before if day < "2025-10-30" else after) for day in DAYS]


UPPER, LOWER, IORB = bound(4.25, 4.0), bound(4.0, 3.75), bound(4.15, 3.9)
SPREADS = [100 * x for x in (4.31 - 4.25, 4.27 - 4.25, 4.04 - 4.0, 4.22 - 4.0, 4.13 - 4.0, 4.0 - 4.0)]


def test_a_rate_is_compared_with_the_bound_of_its_own_day(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    market = world(SOFR=SOFR, DFEDTARU=UPPER)
    assert values(CeilingSpread(window=1, exclude_period_ends=False), market) == pytest.approx(SPREADS)
    # On 30 October at 12:00 UTC the new bound is known, but the SOFR then published is of the old one's last day.
    assert values(CeilingSpread(1, False), market, until="2025-10-30 12:00")[-1] == pytest.approx(100 * (4.27 - 4.25))


def test_the_ceiling_spread_leaves_out_both_days_of_a_month_end(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    found = values(CeilingSpread(window=2), world(SOFR=SOFR, DFEDTARU=UPPER))
    kept = [SPREADS[i] for i in (0, 1, 2, 5)]
    expected = [NAN, (kept[0] + kept[1]) / 2, (kept[1] + kept[2]) / 2, (kept[2] + kept[3]) / 2]
    assert found == pytest.approx(expected, nan_ok=True)


def test_a_mean_over_more_days_than_there_are_is_unknown(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    assert values(CeilingSpread(window=5), world(SOFR=SOFR, DFEDTARU=UPPER)) == pytest.approx([NAN] * 4, nan_ok=True)


def test_the_reserve_spread_is_against_interest_on_reserves(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    found = values(ReserveSpread(window=1, exclude_period_ends=False), world(SOFR=SOFR, IORB=IORB))
    assert found == pytest.approx([16.0, 12.0, 14.0, 32.0, 23.0, 10.0])


def test_the_corridor_position_is_0_at_the_lower_and_1_at_the_upper_bound(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    market = world(SOFR=SOFR, DFEDTARL=LOWER, DFEDTARU=UPPER)
    expected = [0.31 / 0.25, 0.27 / 0.25, 0.29 / 0.25, 0.47 / 0.25, 0.38 / 0.25, 0.25 / 0.25]
    assert values(CorridorPosition(window=1, exclude_period_ends=False), market) == pytest.approx(expected)


def test_a_day_whose_bound_is_missing_is_left_out(world: Callable[..., Market], values: Callable[..., list]) -> None:
    market = world(SOFR=SOFR, DFEDTARU=[row for row in UPPER if row[0] != "2025-10-29"])
    expected = [spread for day, spread in zip(DAYS, SPREADS, strict=True) if day != "2025-10-29"]
    assert values(CeilingSpread(window=1, exclude_period_ends=False), market) == pytest.approx(expected)
