"""The corridor shield: out while SOFR stands above the Fed's target range."""

from collections.abc import Callable

import pytest

from data_cache.market import Market
from strategies import CorridorShield

SITUATIONS = [
    # in words, where SOFR lies (0 at the lower bound, 1 at the upper), exposure
    ("below the range: too much cash is no stress", -0.2, 1.0),
    ("in the middle of it", 0.5, 1.0),
    ("at the upper bound", 1.0, 1.0),
    ("above it", 1.01, 0.0),
    ("far above it", 13.0, 0.0),
]


@pytest.mark.parametrize(("position", "exposure"), [s[1:] for s in SITUATIONS], ids=[s[0] for s in SITUATIONS])
def test_it_steps_aside_above_the_corridor_alone(held: Callable[..., float], position: float, exposure: float) -> None:
    assert held(CorridorShield(), position=position) == exposure


def test_the_ceiling_may_be_lower_and_some_may_be_held_outside(held: Callable[..., float]) -> None:
    strategy = CorridorShield(ceiling=0.6, outside=0.25, exposure=0.75)
    assert [held(strategy, position=position) for position in (0.5, 0.6, 0.7)] == pytest.approx([0.75, 0.75, 0.25])


def test_the_defaults_are_a_week_and_the_upper_bound() -> None:
    strategy = CorridorShield()
    assert (strategy.window, strategy.ceiling, strategy.outside, strategy.exposure) == (5, 1.0, 0.0, 1.0)
    assert strategy.signals()["position"].window == 5


def test_a_cut_of_the_range_alone_is_no_stress_and_sofr_that_stays_behind_is(
    world: Callable[..., Market], decided: Callable[..., list[tuple[str, float]]]
) -> None:
    # Over two days. On the 10th range and SOFR are both cut by a quarter: 0.2 / 0.25 = 0.8 on every day. On the 16th
    # the range is cut again and SOFR stays: 0.45 / 0.25 = 1.8, a mean of 1.3, known at noon of the 17th. On the 18th
    # it has followed: the mean of the 17th and the 18th is 1.3 still, that of the 18th and the 19th is 0.8.
    days = ["01-08", "01-09", "01-10", "01-11", "01-12", "01-16", "01-17", "01-18", "01-19"]
    lower = [5.25, 5.25, 5.0, 5.0, 5.0, 4.75, 4.75, 4.75, 4.75]
    sofr = [5.45, 5.45, 5.2, 5.2, 5.2, 5.2, 5.2, 4.95, 4.95]
    market = world(
        {"BTC": [100.0] * 20, "ETH": [10.0] * 20},
        DFEDTARL=dict(zip(days, lower, strict=True)),
        DFEDTARU=dict(zip(days, [bound + 0.25 for bound in lower], strict=True)),
        SOFR=dict(zip(days, sofr, strict=True)),
    )
    assert decided(CorridorShield(window=2), market) == [("01-10 12h", 1.0), ("01-17 12h", 0.0), ("01-20 12h", 1.0)]
