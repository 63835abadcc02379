"""Treasury release: in while the Treasury's account is well below its recent peak."""

from collections.abc import Callable

import pytest

from data_cache.market import Market
from strategies import TreasuryRelease

SITUATIONS = [
    # in words, $bn below the peak, exposure
    ("the account is at its peak", 0.0, 0.0),
    ("nearly enough has been paid out", 149.9, 0.0),
    ("just enough has been paid out", 150.0, 1.0),
    ("the excess of October 2025, 1,000.6 over a target of 850, has been paid out", 150.6, 1.0),
]


@pytest.mark.parametrize(("drawdown", "exposure"), [s[1:] for s in SITUATIONS], ids=[s[0] for s in SITUATIONS])
def test_it_holds_once_enough_has_been_paid_out(held: Callable[..., float], drawdown: float, exposure: float) -> None:
    assert held(TreasuryRelease(), drawdown=drawdown) == exposure


def test_the_defaults_are_a_quarter_and_the_excess_of_the_essay() -> None:
    strategy = TreasuryRelease()
    assert (strategy.window_days, strategy.released, strategy.exposure) == (91, 150.0, 1.0)
    assert strategy.signals()["drawdown"].window_days == 91


def test_nothing_is_decided_before_the_record_spans_the_window(
    world: Callable[..., Market], decided: Callable[..., list[tuple[str, float]]]
) -> None:
    # Three days end on the 10th: 900 - 750 = 150. On the 11th 850 - 701 = 149. Each is known at noon of the next day.
    account = {"01-08": 900.0, "01-09": 850.0, "01-10": 750.0, "01-11": 701.0, "01-12": 800.0}
    market = world({"BTC": [100.0] * 10, "ETH": [10.0] * 10}, TGA=account)
    assert decided(TreasuryRelease(window_days=3), market) == [("01-11 12h", 1.0), ("01-12 12h", 0.0)]
