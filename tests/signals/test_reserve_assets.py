"""Custody and gold, by hand."""

from collections.abc import Callable

import pytest

from data_cache.market import Market
from signals import CustodyChange, GoldTrend

NAN = float("nan")


def test_custody_is_compared_with_the_wednesday_of_thirteen_weeks_before(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    rows = [("2025-01-01", "2025-01-02 21:30", 2_900), ("2025-01-08", "2025-01-09 21:30", 2_880)]
    rows += [("2025-04-02", "2025-04-03 20:30", 2_895)]
    assert values(CustodyChange(), world(WMTSECL1=rows)) == pytest.approx([NAN, NAN, 2_895 - 2_900], nan_ok=True)


def test_gold_is_measured_against_its_own_mean(world: Callable[..., Market], values: Callable[..., list]) -> None:
    rows = [("2025-01-01", "2025-01-02", 2_600), ("2025-01-02", "2025-01-03", 2_800)]
    assert values(GoldTrend(window=2), world(GOLD=rows)) == pytest.approx([NAN, 2_800 / 2_700 - 1], nan_ok=True)
