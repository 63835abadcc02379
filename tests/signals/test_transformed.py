"""Signals made of another signal."""

from collections.abc import Callable

import pytest

import signals
from data_cache.market import Market
from signals import (
    Basis,
    BasisToHurdle,
    Change,
    CoolDown,
    EtfRedemptions,
    Hold,
    Lag,
    Latch,
    NetLiquidity,
    Rank,
    StandingRepoUse,
    Trend,
    ZScore,
)

NAN = float("nan")
USE = StandingRepoUse(window=1)
DAYS = ["2025-10-06", "2025-10-07", "2025-10-08", "2025-10-09"]


@pytest.fixture
def market(world: Callable[..., Market]) -> Market:
    return world(SRF=[(day, f"{day} 17:45", value) for day, value in zip(DAYS, (0, 6, 3, 1), strict=True)])


CASES = [
    (Latch(USE, enter=5, exit=2), [0, 1, 1, 0]),
    (Lag(USE, days=1), [NAN, 0, 6, 3]),
    (Change(USE, days=2), [NAN, NAN, 3 - 0, 1 - 6]),
    (ZScore(USE, window=3), [NAN, NAN, 0.0, (1 - 10 / 3) / (19 / 3) ** 0.5]),
    (Rank(USE, window=2), [NAN, 1.0, 0.5, 0.5]),
    (Hold(Latch(USE, enter=5, exit=4), days=1), [0, 1, 1, 0]),
    (CoolDown(Latch(USE, enter=5, exit=4), days=1), [0, 1, 0, 0]),
]


@pytest.mark.parametrize(("signal", "expected"), CASES, ids=[type(signal).__name__ for signal, _ in CASES])
def test_a_transform_of_a_signal(
    market: Market, values: Callable[..., list], signal: signals.Signal, expected: list[float]
) -> None:
    assert values(signal, market) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("inner", [USE, Basis("ETH"), NetLiquidity(), BasisToHurdle(), Trend("ETH"), EtfRedemptions()])
def test_a_transform_needs_and_reads_what_the_signal_does(inner: signals.Signal) -> None:
    outer = Latch(Lag(inner, days=7), enter=1, exit=0)
    assert (outer.needs, outer.one_of, outer.reads) == (inner.needs, inner.one_of, inner.reads)


def test_a_transform_sees_one_value_per_instant(world: Callable[..., Market], values: Callable[..., list]) -> None:
    at_once = [(day, "2025-10-09 17:45", value) for day, value in zip(DAYS, (0, 6, 3, 1), strict=True)]
    assert values(Latch(USE, enter=5, exit=0.5), world(SRF=at_once)) == [0]  # the 6 was never the newest
    assert values(Latch(USE, enter=0.5, exit=0.2), world(SRF=at_once)) == [1]  # the 1 is


@pytest.mark.parametrize("signal", [signal for signal, _ in CASES])
def test_a_transform_is_read_back_from_its_repr(signal: signals.Signal) -> None:
    assert eval(repr(signal), vars(signals)) == signal
