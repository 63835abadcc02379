"""Leverage in coins, by hand arithmetic."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr

from data_cache.errors import BadUsage, NoData
from data_cache.market import Market
from signals import (
    Basis,
    LeverageFlushed,
    OpenInterest,
    OpenInterestBasisCorrelation,
    OpenInterestChange,
    OpenInterestUnwind,
)
from signals.open_interest import rank_correlation
from signals.signal import evaluate

World = Callable[..., Market]
Values = Callable[..., list[float]]
NAN = pytest.approx(np.nan, nan_ok=True)


def held(*coins: float, first: str = "2025-01-01") -> list[tuple[str, str, float]]:
    """Open interest at the end of each day, known then."""
    days = pd.date_range(first, periods=len(coins))
    return [(f"{day:%F}", f"{day + pd.Timedelta(1, 'D'):%F}", number) for day, number in zip(days, coins, strict=True)]


def paid(rates: list[float], first: str = "2025-01-01") -> list[tuple[str, str, float]]:
    """Funding three times a day, the same rate all day, the first payment at eight o'clock."""
    times = pd.date_range(f"{first} 08:00", periods=3 * len(rates), freq="8h")
    return [(f"{t}", f"{t}", rate) for t, rate in zip(times, np.repeat(rates, 3), strict=True)]


def test_open_interest_is_known_at_the_end_of_its_day_and_zero_is_unknown(world: World) -> None:
    market = world(OPEN_INTEREST_BTC=held(80_000, 0, 76_000))
    found = evaluate(OpenInterest(), market)
    assert found.tolist() == [80_000, NAN, 76_000]
    assert found.index[0] == pd.Timestamp("2025-01-02", tz="UTC")


def test_its_change_is_a_fraction_of_the_coins_and_not_of_dollars(world: World, values: Values) -> None:
    market = world(OPEN_INTEREST_BTC=held(80_000, 90_000, 68_000))
    assert values(OpenInterestChange(days=2), market) == [NAN, NAN, pytest.approx(68 / 80 - 1)]
    assert values(OpenInterestChange(days=1), market)[1:] == pytest.approx([90 / 80 - 1, 68 / 90 - 1])


@pytest.mark.parametrize(
    ("coins", "rate", "unwinding"),
    [
        (84, 0.00004, 1.0),  # 16% fewer, and 0.004% each eight hours is 4.38% a year
        (86, 0.00004, 0.0),  # 14% fewer
        (84, 0.00005, 0.0),  # 5.475% a year: the trade still pays
    ],
)
def test_an_unwind_is_a_fall_in_coins_while_the_basis_is_below_the_hurdle(
    world: World, values: Values, coins: float, rate: float, unwinding: float
) -> None:
    market = world({"BTC": [100.0] * 31}, OPEN_INTEREST_BTC=held(*[100.0] * 30, coins), FUNDING_BTC=paid([rate] * 31))
    assert values(OpenInterestUnwind(), market)[-1] == unwinding


def test_a_basis_at_the_hurdle_is_not_below_it(world: World, values: Values) -> None:
    market = world({"BTC": [100.0] * 31}, OPEN_INTEREST_BTC=held(*[100.0] * 30, 84), FUNDING_BTC=paid([0.00004] * 31))
    basis = values(Basis(), market)[-1]
    assert values(OpenInterestUnwind(hurdle=basis), market)[-1] == 0.0
    assert values(OpenInterestUnwind(hurdle=np.nextafter(basis, 9.0)), market)[-1] == 1.0


def test_an_unwind_is_unknown_while_open_interest_of_a_month_ago_is(world: World, values: Values) -> None:
    market = world({"BTC": [100.0] * 31}, OPEN_INTEREST_BTC=held(*[100.0] * 20), FUNDING_BTC=paid([0.0] * 31))
    assert np.isnan(values(OpenInterestUnwind(), market)).all()


def test_without_futures_and_funding_an_unwind_cannot_be_seen(world: World) -> None:
    with pytest.raises(NoData, match="needs one of futures:BTC, FUNDING_BTC"):
        evaluate(OpenInterestUnwind(), world({"BTC": [100.0]}, OPEN_INTEREST_BTC=held(1.0)))


def test_the_correlation_is_one_of_the_ranks_of_changes(world: World, values: Values) -> None:
    # The basis rises every day by more, since each new day's rate joins the thirty; so do the coins, but on the last.
    rates = [0.0] * 31 + [0.0001, 0.0003, 0.0006, 0.001]
    coins = [100.0] * 31 + [101.0, 104.0, 110.0, 105.0]
    market = world({"BTC": [100.0] * 35}, OPEN_INTEREST_BTC=held(*coins), FUNDING_BTC=paid(rates))
    found = values(OpenInterestBasisCorrelation(window=4), market)
    # Ranks of the four changes: basis 1, 2, 3, 4; coins 2, 3, 4, 1. 1 - 6 x (1 + 1 + 1 + 9) / (4 x 15) = -0.2.
    assert found[-1] == pytest.approx(-0.2)
    assert found[-2] == pytest.approx(1.0)


def test_a_correlation_takes_three_days_at_least(world: World) -> None:
    market = world({"BTC": [100.0] * 35}, OPEN_INTEREST_BTC=held(*range(1, 36)), FUNDING_BTC=paid([0.0] * 35))
    with pytest.raises(BadUsage, match="a window of 2 rows is too short; it must be at least 3"):
        evaluate(OpenInterestBasisCorrelation(window=2), market)


@given(arrays(float, (12, 2), elements=st.integers(0, 4).map(float)))
def test_the_rank_correlation_is_scipy_s(pairs: np.ndarray) -> None:
    found = rank_correlation(pairs, 8)
    assert np.isnan(found[:7]).all()
    for row in range(7, 12):
        window = pairs[row - 7 : row + 1]
        if (window == window[0]).all(axis=0).any():
            assert np.isnan(found[row])
        else:
            assert found[row] == pytest.approx(spearmanr(window[:, 0], window[:, 1]).statistic)


def test_leverage_is_flushed_when_it_is_low_and_costs_nothing(world: World, values: Values) -> None:
    # The last of five days has the fewest coins: rank 1/5. Funding of its last two days: 0.001% each eight hours.
    market = world(
        OPEN_INTEREST_BTC=held(100, 101, 102, 103, 99), FUNDING_BTC=paid([0.001, 0.001, 0.001, 0.00001, 0.00001])
    )
    assert values(LeverageFlushed(window=5, days=2), market) == [NAN, NAN, NAN, NAN, 1.0]
    dear = world(OPEN_INTEREST_BTC=held(100, 101, 102, 103, 99), FUNDING_BTC=paid([0.0001] * 5))  # 10.95% a year
    assert values(LeverageFlushed(window=5, days=2), dear)[-1] == 0.0
    high = world(OPEN_INTEREST_BTC=held(100, 101, 102, 103, 104), FUNDING_BTC=paid([0.00001] * 5))
    assert values(LeverageFlushed(window=5, days=2), high)[-1] == 0.0
    shorts_pay = world(OPEN_INTEREST_BTC=held(100, 101, 102, 103, 99), FUNDING_BTC=paid([-0.0001] * 5))
    assert values(LeverageFlushed(window=5, days=2), shorts_pay)[-1] == 0.0


def test_leverage_is_unknown_where_funding_is(world: World, values: Values) -> None:
    market = world(OPEN_INTEREST_BTC=held(*[100.0] * 9), FUNDING_BTC=paid([0.0]))
    assert np.isnan(values(LeverageFlushed(window=5, days=2), market)).all()


def test_in_the_lab_open_interest_moves_with_the_basis(lab: Market) -> None:
    found = evaluate(OpenInterestBasisCorrelation(days=5, window=250), lab).dropna()
    assert 0.2 < found.median() < 0.9
