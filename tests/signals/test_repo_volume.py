"""The volume behind SOFR, by hand."""

from collections.abc import Callable

import pytest

from data_cache.market import Market
from signals import RepoDemand, RepoVolumeGrowth

NAN = float("nan")
DAYS = ["2025-01-06", "2025-01-07", "2025-01-08", "2025-01-09", "2025-01-10"]
KNOWN = ["2025-01-07 13:00", "2025-01-08 13:00", "2025-01-09 13:00", "2025-01-10 13:00", "2025-01-13 13:00"]


def daily(*amounts: float) -> list[tuple[str, str, float]]:
    return list(zip(DAYS, KNOWN, amounts, strict=True))


def test_growth_compares_means(world: Callable[..., Market], values: Callable[..., list]) -> None:
    market = world(SOFRVOL=daily(2_000, 2_200, 2_400, 2_400, 3_000))
    found = values(RepoVolumeGrowth(days=2, window=2), market)
    # Means of two days: 2100, 2300, 2400, 2700 from the 7th on.
    assert found == pytest.approx([NAN, NAN, NAN, 2_400 / 2_100 - 1, 2_700 / 2_300 - 1], nan_ok=True)


def test_demand_needs_volume_and_price_to_rise(world: Callable[..., Market], values: Callable[..., list]) -> None:
    market = world(
        SOFRVOL=daily(2_000, 2_100, 2_200, 2_100, 2_300),
        SOFR=daily(4.30, 4.32, 4.32, 4.35, 4.40),
        IORB=[(day, "2025-01-03 21:32", 4.40) for day in DAYS],
    )
    # 7th both, 8th the volume alone, 9th the price alone, 10th both.
    expected = [NAN, 1, 0, 0, 1]
    assert values(RepoDemand(days=1, window=1), market) == pytest.approx(expected, nan_ok=True)


def test_a_price_that_rises_with_the_interest_on_reserves_is_no_demand(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    rates = [4.30, 4.30, 4.55, 4.55, 4.55]
    market = world(
        SOFRVOL=daily(2_000, 2_100, 2_200, 2_300, 2_400),
        SOFR=daily(*rates),
        IORB=[(day, "2025-01-03 21:32", rate + 0.1) for day, rate in zip(DAYS, rates, strict=True)],
    )
    assert values(RepoDemand(days=1, window=1), market)[1:] == [0, 0, 0, 0]


def test_without_a_record_of_that_length_both_are_unknown(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    market = world(SOFRVOL=daily(1, 2, 3, 4, 5), SOFR=daily(4, 4, 4, 4, 4), IORB=daily(4, 4, 4, 4, 4))
    assert values(RepoVolumeGrowth(), market) == pytest.approx([NAN] * 5, nan_ok=True)
    assert values(RepoDemand(), market) == pytest.approx([NAN] * 5, nan_ok=True)
