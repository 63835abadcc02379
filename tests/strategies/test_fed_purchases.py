"""The Fed's purchases: in while it buys securities net of what it reinvests."""

from collections.abc import Callable

import pytest

from data_cache.market import Market
from strategies import FedPurchases

SITUATIONS = [
    # in words, Treasuries and mortgage bonds bought over four weeks ($bn), exposure
    ("the balance sheet runs off", -60.0, 0.0),
    ("principal is reinvested and nothing more", 0.0, 0.0),
    ("just the floor", 20.0, 0.0),
    ("a little more than the floor", 20.1, 1.0),
    ("forty a month, 40 x 12 / 52 x 4 = 37 in four weeks", 37.0, 1.0),
]


@pytest.mark.parametrize(("bought", "exposure"), [s[1:] for s in SITUATIONS], ids=[s[0] for s in SITUATIONS])
def test_it_holds_while_purchases_flow(held: Callable[..., float], bought: float, exposure: float) -> None:
    assert held(FedPurchases(), bought=bought) == exposure


def test_the_defaults_are_four_weeks_and_half_of_what_was_announced() -> None:
    strategy = FedPurchases()
    assert (strategy.weeks, strategy.floor, strategy.exposure) == (4, 20.0, 1.0)
    assert strategy.signals()["bought"].weeks == 4


def test_bills_bought_with_the_principal_of_mortgage_bonds_are_no_purchase(
    world: Callable[..., Market], decided: Callable[..., list[tuple[str, float]]]
) -> None:
    # By the week: 30 of Treasuries for 30 of mortgage bonds, which is nothing; 30 with no such loss; nothing.
    treasuries = {"01-10": 4_200.0, "01-17": 4_230.0, "01-24": 4_260.0, "01-31": 4_260.0}
    mortgages = {"01-10": 2_050.0, "01-17": 2_020.0, "01-24": 2_020.0, "01-31": 2_020.0}
    market = world({"BTC": [100.0] * 30, "ETH": [10.0] * 30}, TREAST=treasuries, WSHOMCB=mortgages)
    expected = [("01-18 12h", 0.0), ("01-25 12h", 1.0), ("02-01 12h", 0.0)]
    assert decided(FedPurchases(weeks=1), market) == expected
