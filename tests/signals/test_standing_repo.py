"""Use of the Standing Repo Facility, by hand."""

from collections.abc import Callable

import pytest

from data_cache.market import Market
from signals import StandingRepoShare, StandingRepoUse

NAN = float("nan")
# Thursday 30 October 2025 to Wednesday 5 November: the month ends on Friday, the 3rd is the next business day.
FIVE_DAYS = [
    ("2025-10-30", "2025-10-30 17:45", 6.2),
    ("2025-10-31", "2025-10-31 17:45", 50.35),
    ("2025-11-03", "2025-11-03 18:45", 22.0),
    ("2025-11-04", "2025-11-04 18:45", 4.8),
    ("2025-11-05", "2025-11-05 18:45", 0.1),
]


def test_use_is_the_mean_of_the_last_operations(world: Callable[..., Market], values: Callable[..., list]) -> None:
    expected = [NAN, (6.2 + 50.35) / 2, (50.35 + 22.0) / 2, (22.0 + 4.8) / 2, (4.8 + 0.1) / 2]
    assert values(StandingRepoUse(window=2), world(SRF=FIVE_DAYS)) == pytest.approx(expected, nan_ok=True)


def test_use_leaves_out_both_days_of_a_month_end(world: Callable[..., Market], values: Callable[..., list]) -> None:
    found = values(StandingRepoUse(window=2, exclude_period_ends=True), world(SRF=FIVE_DAYS))
    assert found == pytest.approx([NAN, (6.2 + 4.8) / 2, (4.8 + 0.1) / 2], nan_ok=True)


def test_use_is_unknown_while_the_window_is_longer_than_history(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    assert values(StandingRepoUse(window=6), world(SRF=FIVE_DAYS)) == pytest.approx([NAN] * 5, nan_ok=True)
    assert values(StandingRepoUse(window=1), world(SRF=FIVE_DAYS[:1])) == [6.2]
    assert values(StandingRepoUse(window=1), world(SRF=FIVE_DAYS), until="2025-10-30 17:44") == []


def test_the_temporary_operations_of_2019_are_another_facility(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    rows = [("2019-09-17", "2019-09-17 18:00", 53.0), ("2021-07-28", "2021-07-28 18:00", 1.0)]
    rows.append(("2021-07-29", "2021-07-29 18:00", 2.0))
    assert values(StandingRepoUse(window=1), world(SRF=rows)) == [2.0]


def test_a_missing_operation_is_not_a_zero(world: Callable[..., Market], values: Callable[..., list]) -> None:
    holes = [*FIVE_DAYS[:2], ("2025-11-03", "2025-11-03 18:45", NAN), FIVE_DAYS[3]]
    assert values(StandingRepoUse(window=2), world(SRF=holes))[-1] == pytest.approx((50.35 + 4.8) / 2)


def test_share_counts_the_days_at_or_above_the_floor(world: Callable[..., Market], values: Callable[..., list]) -> None:
    found = values(StandingRepoShare(window=4, floor=4.8), world(SRF=FIVE_DAYS))
    assert found == pytest.approx([NAN, NAN, NAN, 4 / 4, 3 / 4], nan_ok=True)


def test_share_leaves_out_both_days_of_a_month_end(world: Callable[..., Market], values: Callable[..., list]) -> None:
    found = values(StandingRepoShare(window=3, exclude_period_ends=True), world(SRF=FIVE_DAYS))
    assert found == pytest.approx([NAN, NAN, 2 / 3], nan_ok=True)
