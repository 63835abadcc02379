"""The yield curve, by hand."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_cache.market import Market
from signals import BearSteepening, BullSteepening, TermPremium, TermPremiumChange, TermSpread, TermSpreadChange

NAN = float("nan")


def yields(*values: float) -> list[tuple[str, str, float]]:
    """Yields of 6, 7, 8, ... January 2025, each known at 21:15 UTC of the next day."""
    return [(f"2025-01-{6 + i:02d}", f"2025-01-{7 + i:02d} 21:15", value) for i, value in enumerate(values)]


def test_the_slope_is_of_one_day(world: Callable[..., Market], values: Callable[..., list]) -> None:
    assert values(TermSpread(), world(DGS10=yields(4.5, 4.6), DGS1=yields(4.1, 4.0))) == pytest.approx([0.4, 0.6])


def test_the_slope_waits_for_the_later_of_the_two(world: Callable[..., Market], values: Callable[..., list]) -> None:
    late = [("2025-01-06", "2025-01-08 12:00", 4.1)]
    market = world(DGS10=yields(4.5), DGS1=late)
    assert values(TermSpread(), market, until="2025-01-08 11:59") == []
    assert values(TermSpread(), market, until="2025-01-08 12:00") == pytest.approx([0.4])


def test_a_day_without_one_yield_has_no_slope(world: Callable[..., Market], values: Callable[..., list]) -> None:
    market = world(DGS10=yields(4.5, 4.6, 4.7), DGS1=yields(4.1, NAN, 4.0))
    assert values(TermSpread(), market) == pytest.approx([0.4, 0.7])


def test_the_change_of_the_slope(world: Callable[..., Market], values: Callable[..., list]) -> None:
    market = world(DGS10=yields(4.5, 4.6, 4.8), DGS1=yields(4.1, 4.1, 4.0))
    assert values(TermSpreadChange(days=2), market) == pytest.approx([NAN, NAN, 0.8 - 0.4], nan_ok=True)
    assert values(TermSpreadChange(days=28), market) == pytest.approx([NAN] * 3, nan_ok=True)


STEEPENINGS = [
    ("long yields rise, short ones stay: all bear", 0.3, 0.0, 0.3, 0.0),
    ("short yields fall, long ones stay: all bull", 0.0, -0.2, 0.0, 0.2),
    ("long rise and short fall: each its own part", 0.3, -0.2, 0.3, 0.2),
    ("both rise, long ones more: all bear, by the difference", 0.5, 0.2, 0.3, 0.0),
    ("both fall, short ones more: all bull, by the difference", -0.1, -0.5, 0.0, 0.4),
    ("both rise, short ones more: a flattening is neither", 0.2, 0.5, 0.0, 0.0),
    ("long fall, short rise: a flattening is neither", -0.2, 0.2, 0.0, 0.0),
]


@pytest.mark.parametrize(("why", "ten", "one", "bear", "bull"), STEEPENINGS, ids=[row[0] for row in STEEPENINGS])
def test_a_steepening(
    world: Callable[..., Market],
    values: Callable[..., list],
    why: str,
    ten: float,
    one: float,
    bear: float,
    bull: float,
) -> None:
    market = world(DGS10=yields(4.0, 4.0 + ten), DGS1=yields(3.0, 3.0 + one))
    assert values(BearSteepening(days=1), market) == pytest.approx([NAN, bear], nan_ok=True)
    assert values(BullSteepening(days=1), market) == pytest.approx([NAN, bull], nan_ok=True)


CHANGE = st.floats(-2, 2)


@given(CHANGE, CHANGE)
def test_bear_and_bull_add_up_to_the_steepening(
    world: Callable[..., Market], values: Callable[..., list], ten: float, one: float
) -> None:
    market = world(DGS10=yields(4.0, 4.0 + ten), DGS1=yields(3.0, 3.0 + one))
    bear, bull, slope = (values(s(days=1), market)[1] for s in (BearSteepening, BullSteepening, TermSpreadChange))
    assert bear >= 0
    assert bull >= 0
    assert bear + bull == pytest.approx(max(slope, 0), abs=1e-12)


def test_of_a_week_of_term_premia_released_together_the_newest_counts(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    week = [(f"2025-01-{day:02d}", "2025-01-14 20:02", 0.4 + day / 100) for day in (6, 7, 8, 9, 10)]
    following = [("2025-01-13", "2025-01-21 20:02", 0.6)]
    market = world(THREEFYTP10=week + following)
    assert values(TermPremium(), market) == pytest.approx([0.5, 0.6])
    assert values(TermPremiumChange(days=3), market) == pytest.approx([0.5 - 0.47, 0.6 - 0.5])


def test_a_revised_term_premium_keeps_its_first_value(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    rows = [("2025-01-10", "2025-01-14 20:02", 0.5), ("2025-01-10", "2025-01-21 20:02", 0.9)]
    assert values(TermPremium(), world(THREEFYTP10=rows)) == [0.5]
