"""Breakouts of one asset against another, volatility by its own standards, and stablecoins, by hand arithmetic."""

from collections.abc import Callable

import numpy as np
import pytest

from data_cache.errors import BadUsage
from data_cache.market import Market
from signals import Breakout, StablecoinGrowth, StablecoinSupply, TrendBreak, Volatility, VolatilityRegime
from signals.breakout import trend
from signals.signal import evaluate

World = Callable[..., Market]
Values = Callable[..., list[float]]
NAN = pytest.approx(np.nan, nan_ok=True)


def test_a_breakout_closes_above_every_close_of_the_window_before(world: World, values: Values) -> None:
    market = world({"ETH": [3.0, 2.0, 2.5, 3.0, 3.1], "BTC": [100.0] * 5})
    # The second 3.0 has 3.0, 2.0 and 2.5 before it: no new high. 3.1 has 2.0, 2.5 and 3.0.
    assert values(Breakout(window=3), market) == [NAN, NAN, NAN, 0.0, 1.0]


def test_a_breakout_is_one_of_the_ratio_and_not_of_the_price(world: World, values: Values) -> None:
    market = world({"ETH": [1.0, 2.0, 4.0], "BTC": [10.0, 20.0, 50.0]})
    assert values(Breakout(window=2), market) == [NAN, NAN, 0.0]
    assert values(Breakout("BTC", "ETH", window=2), market) == [NAN, NAN, 1.0]


LINE = [4.0, 3.0, 2.0, 1.0]


@pytest.mark.parametrize(("last", "broken"), [(0.1, 1.0), (-0.1, 0.0)])
def test_a_trend_is_broken_above_its_line_drawn_on_to_today(
    world: World, values: Values, last: float, broken: float
) -> None:
    # The line has no residuals, and is at 0 today.
    market = world({"ETH": np.exp([*LINE, last]).tolist(), "BTC": [1.0] * 5})
    assert values(TrendBreak(window=4), market)[-1] == broken


def test_a_rising_trend_is_not_broken_upwards(world: World, values: Values) -> None:
    market = world({"ETH": np.exp([1.0, 2.0, 3.0, 4.0, 9.0]).tolist(), "BTC": [1.0] * 5})
    assert values(TrendBreak(window=4), market) == [NAN, NAN, NAN, NAN, 0.0]


def test_a_flat_line_is_no_falling_trend(world: World, values: Values) -> None:
    market = world({"ETH": [1.0, 1.0, 1.0, 1.0, 2.0], "BTC": [1.0] * 5})
    assert values(TrendBreak(window=4), market)[-1] == 0.0


def test_a_trend_is_a_line_of_least_squares_through_the_rows_before() -> None:
    # Through 4, 2, 3, 1: mean 2.5, slope (-1.5 x 4 - 0.5 x 2 + 0.5 x 3 + 1.5 x 1) / 5 = -0.8, today 2.5 - 0.8 x 2.5.
    # Residuals 0.3, -0.9, 0.9, -0.3: squares 1.8, over n - 2 = 2.
    slope, today, deviation = (found[-1] for found in trend(np.array([4.0, 2.0, 3.0, 1.0, 7.0]), 4))
    assert (slope, today, deviation) == pytest.approx((-0.8, 0.5, np.sqrt(0.9)))


@pytest.mark.parametrize(("width", "broken"), [(0.9, 1.0), (1.1, 0.0)])
def test_a_trend_is_broken_by_so_many_standard_deviations(
    world: World, values: Values, width: float, broken: float
) -> None:
    last = 0.5 + np.sqrt(0.9)  # one above the line of the test before
    market = world({"ETH": np.exp([4.0, 2.0, 3.0, 1.0, last]).tolist(), "BTC": [1.0] * 5})
    assert values(TrendBreak(window=4, width=width), market)[-1] == broken


def test_a_line_takes_three_points(world: World) -> None:
    with pytest.raises(BadUsage, match="a window of 2 rows is too short; it must be at least 3"):
        evaluate(TrendBreak(window=2), world({"ETH": [1.0] * 5, "BTC": [1.0] * 5}))


def test_a_calm_day_has_a_low_rank_among_its_own(world: World, values: Values) -> None:
    closes = [100.0, 110.0, 100.0, 101.0, 100.0, 100.0]
    market = world({"BTC": closes})
    known = values(Volatility(days=2), market)[2:]
    assert known[0] > known[1] > known[2] > known[3]
    assert values(VolatilityRegime(days=2, window=4), market)[-1] == 1 / 4
    assert values(VolatilityRegime(days=2, window=2), market)[-1] == 1 / 2


def test_growth_of_stablecoins_is_a_fraction_over_days_of_periods(world: World, values: Values) -> None:
    rows = [("2025-01-01", "2025-01-02", 200.0), ("2025-01-08", "2025-01-09", 0.0), ("2025-01-29", "2025-01-30", 210.0)]
    market = world(STABLECOINS=rows)
    assert values(StablecoinSupply(), market) == [200.0, 0.0, 210.0]
    assert values(StablecoinGrowth(), market) == [NAN, NAN, pytest.approx(210 / 200 - 1)]
    assert values(StablecoinGrowth(days=21), market)[-1] == NAN  # nothing was counted three weeks before
