"""The net-liquidity tide: in while net liquidity has risen over the last weeks."""

from collections.abc import Callable

import pytest

from data_cache.market import Market
from strategies import NetLiquidityTide

SITUATIONS = [
    # in words, change of net liquidity ($bn), exposure
    ("the tide goes out", -50.0, 0.0),
    ("the tide stands still", 0.0, 0.0),
    ("the tide rises", 0.1, 1.0),
]


@pytest.mark.parametrize(("change", "exposure"), [s[1:] for s in SITUATIONS], ids=[s[0] for s in SITUATIONS])
def test_it_holds_while_the_tide_rises(held: Callable[..., float], change: float, exposure: float) -> None:
    assert held(NetLiquidityTide(), change=change) == exposure


def test_a_rise_up_to_the_trigger_does_not_count(held: Callable[..., float]) -> None:
    strategy = NetLiquidityTide(trigger=100)
    assert [held(strategy, change=change) for change in (99, 100, 101)] == [0, 0, 1]


def test_the_default_is_the_shortest_of_the_essays_four_to_thirteen_weeks() -> None:
    strategy = NetLiquidityTide()
    assert (strategy.weeks, strategy.trigger, strategy.exposure) == (4, 0.0, 1.0)
    assert strategy.signals()["change"].weeks == 4


def test_nothing_is_decided_while_one_of_the_three_parts_is_unknown_or_stale(
    world: Callable[..., Market], decided: Callable[..., list[tuple[str, float]]]
) -> None:
    # All known at noon of the next day. To the 17th: -10 + 40 + 10 = 40. To the 24th: -10 - 60 + 10 = -60. To the 7th
    # of February the account alone adds 120, but the RRP, known on 25 January, is older than ten days until its next
    # value is known, on the 9th.
    market = world(
        {"BTC": [100.0] * 40, "ETH": [10.0] * 40},
        WALCL={"01-10": 7_700.0, "01-17": 7_690.0, "01-24": 7_680.0, "02-07": 7_680.0},
        TGA={"01-10": 700.0, "01-17": 660.0, "01-24": 720.0, "02-07": 600.0},
        RRPONTSYD={"01-10": 600.0, "01-17": 590.0, "01-24": 580.0, "02-08": 580.0},
    )
    expected = [("01-18 12h", 1.0), ("01-25 12h", 0.0), ("02-09 12h", 1.0)]
    assert decided(NetLiquidityTide(weeks=1), market) == expected
