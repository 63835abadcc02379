"""The term-premium shield: out while the curve steepens from its long end."""

from collections.abc import Callable

import pytest

from data_cache.market import Market
from strategies import TermPremiumShield

SITUATIONS = [
    # in words, steepening that the ten-year yield explains (percentage points), exposure
    ("the curve flattens, or steepens because cuts are ahead", 0.0, 1.0),
    ("the long end steepens it just up to the limit", 0.2, 1.0),
    ("the long end steepens it by more", 0.21, 0.0),
]


@pytest.mark.parametrize(("bear", "exposure"), [s[1:] for s in SITUATIONS], ids=[s[0] for s in SITUATIONS])
def test_it_steps_aside_while_the_long_end_rises(held: Callable[..., float], bear: float, exposure: float) -> None:
    assert held(TermPremiumShield(), bear=bear) == exposure


def test_a_shield_may_leave_some_exposure(held: Callable[..., float]) -> None:
    strategy = TermPremiumShield(shielded=0.25, exposure=0.75)
    assert [held(strategy, bear=bear) for bear in (0.0, 0.3)] == pytest.approx([0.75, 0.25])


def test_the_defaults_are_four_weeks_and_a_fifth_of_a_point() -> None:
    strategy = TermPremiumShield()
    assert (strategy.days, strategy.limit, strategy.shielded, strategy.exposure) == (28, 0.2, 0.0, 1.0)
    assert strategy.signals()["bear"].days == 28


def test_nothing_is_decided_before_the_steepening_is_known_nor_from_half_of_a_pair(
    world: Callable[..., Market], decided: Callable[..., list[tuple[str, float]]]
) -> None:
    # To the 15th the long yield and the slope rise by 0.25; to the 22nd by 0.05 and 0. Of the 29th the short yield is
    # missing, so the long yield's 0.30 is no steepening yet. To 5 February, from the pair of the 22nd, the long yield
    # rises by 0.30 and the slope by 0.35; to the 12th nothing moves.
    long = {"01-08": 4.00, "01-15": 4.25, "01-22": 4.30, "01-29": 4.60, "02-05": 4.60, "02-12": 4.60}
    short = {"01-08": 4.80, "01-15": 4.80, "01-22": 4.85, "02-05": 4.80, "02-12": 4.80}
    market = world({"BTC": [100.0] * 40, "ETH": [10.0] * 40}, DGS10=long, DGS1=short)
    expected = [("01-16 12h", 0.0), ("01-23 12h", 1.0), ("02-06 12h", 0.0), ("02-13 12h", 1.0)]
    assert decided(TermPremiumShield(days=7), market) == expected
