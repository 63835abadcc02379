"""The buffer of money funds at the Fed, and what the Treasury's account takes past it, by hand."""

from collections.abc import Callable

import pytest

from data_cache.market import Market
from signals import ReverseRepo, ReverseRepoBuffer, ReverseRepoDepleted, ReverseRepoRelease, UncushionedFill

NAN = float("nan")
# Thursday 24 July 2025 to Monday 4 August: Thursday 31 July ends the month, Friday 1 August begins the next.
OPERATIONS = [
    ("2025-07-24", "2025-07-24 18:01", 300),
    ("2025-07-31", "2025-07-31 18:01", 350),
    ("2025-08-01", "2025-08-01 18:01", 280),
    ("2025-08-04", "2025-08-04 18:01", 250),
    ("2025-08-12", "2025-08-12 18:01", 40),
]


def test_the_buffer_leaves_out_both_days_of_a_month_end(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    assert values(ReverseRepo(), world(RRPONTSYD=OPERATIONS)) == [300, 250, 40]
    assert values(ReverseRepo(exclude_period_ends=False), world(RRPONTSYD=OPERATIONS)) == [300, 350, 280, 250, 40]


def test_the_mean_of_operations_has_month_ends_in_it_and_evens_them_out(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    found = values(ReverseRepoBuffer(window=3), world(RRPONTSYD=OPERATIONS))
    means = [(300 + 350 + 280) / 3, (350 + 280 + 250) / 3, (280 + 250 + 40) / 3]
    assert found == pytest.approx([NAN, NAN, *means], nan_ok=True)


def test_the_buffer_is_depleted_below_the_floor(world: Callable[..., Market], values: Callable[..., list]) -> None:
    assert values(ReverseRepoDepleted(), world(RRPONTSYD=OPERATIONS)) == [0, 0, 1]
    assert values(ReverseRepoDepleted(floor=40), world(RRPONTSYD=OPERATIONS)) == [0, 0, 0]


def test_a_fall_of_an_ample_buffer_is_a_source_and_of_a_small_one_none(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    found = values(ReverseRepoRelease(weeks=1), world(RRPONTSYD=OPERATIONS))
    # 4 August against 24 July; on 12 August only 40 are left.
    assert found == pytest.approx([NAN, 300 - 250, 0], nan_ok=True)
    assert values(ReverseRepoRelease(weeks=1, ample=30), world(RRPONTSYD=OPERATIONS))[-1] == 250 - 40


def test_the_buffer_takes_its_share_of_what_the_account_takes(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    account = [
        ("2025-07-28", "2025-07-29 20:00", 400),
        ("2025-08-04", "2025-08-05 20:00", 460),
        ("2025-08-11", "2025-08-12 20:00", 500),
    ]
    found = values(UncushionedFill(days=5), world(RRPONTSYD=OPERATIONS, TGA=account))
    # Known in turn: RRP 300, account 400, RRP 250, account 460, RRP 40 and account 500. A full buffer takes it all,
    # one of 40 takes a fifth.
    expected = [NAN, NAN, NAN, 0, 60 * (1 - 40 / 200), 40 * (1 - 40 / 200)]
    assert found == pytest.approx(expected, nan_ok=True)
    assert values(UncushionedFill(ample=500), world(RRPONTSYD=OPERATIONS, TGA=account))[3] == 60 * (1 - 250 / 500)


def test_without_the_buffer_or_the_account_the_fill_is_unknown(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    market = world(RRPONTSYD=OPERATIONS, TGA=[("2025-08-11", "2025-08-12 20:00", 500)])
    assert values(UncushionedFill(), market) == pytest.approx([NAN] * 4, nan_ok=True)
