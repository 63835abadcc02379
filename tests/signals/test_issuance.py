"""What the Treasury borrows and keeps, by hand."""

from collections.abc import Callable

import pytest

from data_cache.errors import NoData
from data_cache.market import Market
from signals import Issuance, IssuanceHoarded, IssuanceNetOfAccount

NAN = float("nan")
DAYS = ["2025-06-30", "2025-07-07", "2025-07-14", "2025-07-21"]
NEXT = ["2025-07-01", "2025-07-08", "2025-07-15", "2025-07-22"]


def daily(clock: str, *amounts: float) -> list[tuple[str, str, float]]:
    return [(d, f"{n} {clock}", amount) for d, n, amount in zip(DAYS, NEXT, amounts, strict=True)]


def a_market(world: Callable[..., Market]) -> Market:
    # The week of the ceiling; then 300 are borrowed and 120 kept; 100 borrowed, 40 taken from the account; repaid.
    return world(DEBT=daily("21:00", 36_200, 36_500, 36_600, 36_550), TGA=daily("20:00", 330, 450, 410, 400))


def test_issuance_is_the_growth_of_the_debt(world: Callable[..., Market], values: Callable[..., list]) -> None:
    assert values(Issuance(weeks=1), a_market(world)) == pytest.approx([NAN, 300, 100, -50], nan_ok=True)


def test_what_is_not_kept_is_spent(world: Callable[..., Market], values: Callable[..., list]) -> None:
    found = values(IssuanceNetOfAccount(weeks=1), a_market(world))
    assert found == pytest.approx([NAN, 300 - 120, 100 + 40, -50 + 10], nan_ok=True)


def test_only_borrowed_money_that_is_kept_is_hoarded(world: Callable[..., Market], values: Callable[..., list]) -> None:
    assert values(IssuanceHoarded(weeks=1), a_market(world)) == pytest.approx([NAN, 120, 0, 0], nan_ok=True)
    # More is kept than borrowed: taxes; over two weeks 400 are borrowed and 80 kept.
    assert values(IssuanceHoarded(weeks=2), a_market(world))[2] == 80


def test_the_sum_is_known_with_the_later_of_the_two(world: Callable[..., Market], values: Callable[..., list]) -> None:
    assert len(values(IssuanceNetOfAccount(weeks=1), a_market(world), until="2025-07-08 20:59")) == 1
    assert len(values(IssuanceNetOfAccount(weeks=1), a_market(world), until="2025-07-08 21:00")) == 2


def test_the_debt_held_by_the_public_comes_from_a_file(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    public = world(DEBT_PUBLIC=daily("22:00", 29_000, 29_290, 29_400, 29_380))
    assert values(Issuance(weeks=1, debt="DEBT_PUBLIC"), public)[1:] == [290, 110, -20]
    with pytest.raises(NoData, match="needs DEBT_PUBLIC, not in made by hand; fetch or import it first"):
        values(Issuance(debt="DEBT_PUBLIC"), a_market(world))
