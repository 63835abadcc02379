"""Trend and volatility, by hand."""

from collections.abc import Callable
from math import log, sqrt

import pytest

from data_cache.market import Market
from signals import Trend, Volatility

NAN = float("nan")


def test_trend_is_the_close_over_the_mean_of_the_last_closes(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    market = world({"BTC": [100.0, 110.0, 120.0]})
    assert values(Trend(days=2), market) == pytest.approx([NAN, 110 / 105 - 1, 120 / 115 - 1], nan_ok=True)
    assert values(Trend(), market) == pytest.approx([NAN] * 3, nan_ok=True)


def test_volatility_is_annualised_with_365_days(world: Callable[..., Market], values: Callable[..., list]) -> None:
    market = world({"ETH": [100.0, 110.0, 99.0]})
    up, down = log(1.1), log(0.9)
    deviation = abs(up - down) / sqrt(2)  # of two numbers, n - 1
    assert values(Volatility("ETH", days=2), market) == pytest.approx([NAN, NAN, deviation * sqrt(365)], nan_ok=True)


def test_a_price_that_does_not_move_has_no_volatility(
    world: Callable[..., Market], values: Callable[..., list]
) -> None:
    assert values(Volatility(days=2), world({"BTC": [5.0] * 4}))[2:] == [0.0, 0.0]


def test_a_single_close_says_nothing(world: Callable[..., Market], values: Callable[..., list]) -> None:
    market = world({"BTC": [100.0]})
    assert values(Trend(days=1), market) == [0.0]
    assert values(Volatility(days=1), market) == pytest.approx([NAN], nan_ok=True)
