"""What the Fed buys, by hand."""

from collections.abc import Callable

import pytest

from data_cache.market import Market
from signals import BillPurchases, OutrightPurchases, ReserveManagement

NAN = float("nan")
WEDNESDAYS = ["2025-12-03", "2025-12-10", "2025-12-17", "2025-12-24"]
KNOWN = ["2025-12-04 21:30", "2025-12-11 21:30", "2025-12-18 21:30", "2025-12-29 21:30"]


def weekly(*amounts: float) -> list[tuple[str, str, float]]:
    return list(zip(WEDNESDAYS, KNOWN, amounts, strict=True))


def a_market(world: Callable[..., Market]) -> Market:
    """Mortgage bonds are exchanged for bills; then bills are bought; then half of each."""
    return world(
        WSHOBL=weekly(195, 220, 250, 280),
        TREAST=weekly(4_190, 4_215, 4_245, 4_275),
        WSHOMCB=weekly(2_050, 2_025, 2_025, 2_010),
    )


def test_bills_rise_by_what_is_bought_and_what_is_reinvested(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    assert values(BillPurchases(weeks=1), a_market(world)) == pytest.approx([NAN, 25, 30, 30], nan_ok=True)


def test_a_reinvestment_adds_nothing_to_all_securities(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    assert values(OutrightPurchases(weeks=1), a_market(world)) == pytest.approx([NAN, 0, 30, 30 - 15], nan_ok=True)


def test_reserve_management_is_more_than_a_reinvestment(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    assert values(ReserveManagement(weeks=1), a_market(world)) == pytest.approx([NAN, 0, 1, 1], nan_ok=True)
    assert values(ReserveManagement(weeks=1, floor=30), a_market(world))[1:] == [0, 0, 0]
