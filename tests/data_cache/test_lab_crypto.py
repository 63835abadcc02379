"""The lab's crypto market: valid bars, noise without drift, futures that converge, funding that rests."""

import numpy as np
import pandas as pd
import pytest

from data_cache.bars import Bars
from data_cache.lab import Lab, derivatives, prices
from data_cache.market import Market

ASSETS = ["BTC", "ETH"]
DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def market() -> Market:
    return Lab().market()


@pytest.fixture(scope="module")
def hourly() -> Market:
    return Lab().market("1h")


def annualised_basis(market: Market, asset: str) -> pd.Series:
    """Mean over the listed futures with 20 to 120 days left of (F / S - 1) 365 / days."""
    futures, spot = market.futures[asset], market.daily[asset]["close"]
    left = (futures.columns.asi8 - futures.index.asi8[:, None]) / 86_400e9
    basis = (futures.div(spot, axis=0) - 1) * 365 / left
    return basis.where((left > 20) & (left < 120)).mean(axis=1)


# Bars


@pytest.mark.parametrize("asset", ASSETS)
def test_hourly_bars_have_no_gap_and_open_at_the_last_close(hourly: Market, asset: str) -> None:
    frame = hourly.bars[asset].frame
    assert len(frame) == 24 * 3_103
    assert hourly.bars[asset].gaps().empty
    assert (frame["open"].to_numpy()[1:] == frame["close"].to_numpy()[:-1]).all()
    assert (frame["volume"] > 0).all()


@pytest.mark.parametrize("timeframe", ["4h", "1d"])
@pytest.mark.parametrize("asset", ASSETS)
def test_longer_bars_are_the_hourly_ones_resampled(hourly: Market, asset: str, timeframe: str) -> None:
    made = Lab().market(timeframe).bars[asset]
    expected: Bars = hourly.bars[asset].resample(timeframe)
    pd.testing.assert_frame_equal(made.frame, expected.frame)


def test_a_bar_is_worth_its_path_by_hand(hourly: Market, market: Market) -> None:
    hours = hourly.bars["BTC"].frame["2024-03-05":"2024-03-05"]
    day = market.bars["BTC"].frame.loc["2024-03-05 00:00+00:00"]
    assert len(hours) == 24
    assert day[["open", "close"]].tolist() == [hours["open"].iloc[0], hours["close"].iloc[-1]]
    assert day[["high", "low"]].tolist() == [hours["high"].max(), hours["low"].min()]


def test_the_two_assets_move_together_and_eth_moves_more(market: Market) -> None:
    returns = pd.DataFrame({a: np.log(market.bars[a].frame["close"]).diff() for a in ASSETS}).dropna()
    annual = returns.std() * np.sqrt(365)
    assert 0.5 < annual["BTC"] < 0.75
    assert 1.2 < annual["ETH"] / annual["BTC"] < 1.5
    assert returns.corr().loc["BTC", "ETH"] > 0.8


def test_returns_have_fat_tails_and_clustered_volatility(market: Market) -> None:
    returns = np.log(market.bars["BTC"].frame["close"]).diff().dropna()
    assert returns.kurt() > 2  # a normal has 0
    # Four standard errors of an autocorrelation of 0 over 3,100 days are 0.07.
    assert returns.abs().autocorr(lag=10) > 0.07
    assert abs(returns.autocorr(lag=1)) < 0.07


@pytest.mark.parametrize("asset", ASSETS)
def test_the_noise_alone_is_expected_to_earn_nothing(asset: str) -> None:
    growth = np.concatenate([np.expm1(prices.noise(seed, asset)) for seed in range(20)])
    standard_error = growth.std() / np.sqrt(len(growth))
    assert abs(growth.mean()) < 3 * standard_error
    # It would be seen: without the correction the mean is half the variance, more than three standard errors.
    assert growth.var() / 2 > 3 * standard_error


def test_volatility_visits_all_regimes_and_mostly_stays() -> None:
    found = prices.volatility(7)
    assert sorted(set(found)) == [0.36, 0.58, 1.05]
    # Mean stays of 45, 35 and 9 days, visited equally often: a regime ends on 3 in 89 days.
    assert np.mean(found[1:] != found[:-1]) == pytest.approx(3 / 89, abs=0.02)


# Futures


@pytest.mark.parametrize("asset", ASSETS)
def test_a_future_meets_spot_at_its_expiry(market: Market, asset: str) -> None:
    futures, spot = market.futures[asset], market.daily[asset]["close"]
    expired = [expiry for expiry in futures.columns if expiry < futures.index[-1]]
    assert len(expired) == 34
    for expiry in expired:
        close = futures[expiry].dropna()
        # The last close comes at 00:00, eight hours before: even 20 % a year is 0.02 % then, a quote aside.
        assert close.index[-1] == expiry.normalize()
        assert close.iloc[-1] / spot[close.index[-1]] - 1 == pytest.approx(0, abs=0.0003)


@pytest.mark.parametrize("asset", ASSETS)
def test_two_quarterly_futures_are_listed_at_any_time(market: Market, asset: str) -> None:
    futures = market.futures[asset]
    assert (futures.notna().sum(axis=1) == 2).all()
    assert (futures.dropna(axis=1, how="all").columns == futures.columns).all()


def test_expiries_are_last_fridays_of_a_quarter_at_eight(market: Market) -> None:
    expiries = market.futures["BTC"].columns
    assert expiries[0] == pd.Timestamp("2018-03-30 08:00", tz="UTC")
    assert set(expiries.day_of_week) == {4}
    assert set(expiries.hour) == {8}
    assert ((expiries + 7 * DAY).quarter != expiries.quarter).all()


@pytest.mark.parametrize("asset", ASSETS)
def test_a_future_is_known_together_with_the_spot_close_of_the_day(market: Market, asset: str) -> None:
    pd.testing.assert_index_equal(market.futures[asset].index, market.bars[asset].known_at)


@pytest.mark.parametrize("asset", ASSETS)
def test_the_basis_builds_up_falls_through_the_hurdle_stays_below_and_resets(market: Market, asset: str) -> None:
    basis = annualised_basis(market, asset)
    assert basis["2025-09-15":"2025-09-30"].mean() > 0.08
    assert (basis["2025-11-10":"2026-02-20"] < 0.05).all()
    assert basis["2026-03-18":"2026-03-31"].mean() > 0.05


@pytest.mark.parametrize("asset", ASSETS)
def test_the_basis_rises_with_momentum(market: Market, asset: str) -> None:
    before = slice(None, pd.Timestamp("2025-06-01", tz="UTC"))
    momentum = np.log(market.daily[asset]["close"]).diff(60)
    assert annualised_basis(market, asset)[before].corr(momentum[before]) > 0.5


# Funding


@pytest.mark.parametrize("asset", ASSETS)
def test_funding_is_paid_every_eight_hours_and_known_when_paid(market: Market, asset: str) -> None:
    rows = market.observations.rows(f"FUNDING_{asset}")
    assert (rows["known_at"].dt.tz_localize(None) == rows["period"]).all()
    assert rows["period"].iloc[0] == pd.Timestamp("2018-01-01 08:00")
    assert (rows["period"].diff().dropna() == pd.Timedelta(hours=8)).all()


@pytest.mark.parametrize("asset", ASSETS)
def test_funding_rests_on_its_baseline_and_leaves_it_with_momentum(market: Market, asset: str) -> None:
    paid = market.observations.first(f"FUNDING_{asset}")
    assert 0.3 < (paid == 0.0001).mean() < 0.9
    midnight = paid[paid.index.hour == 0]
    momentum = np.log(market.daily[asset]["close"]).diff(7)
    assert midnight.corr(momentum[midnight.index]) > 0.3


def test_funding_of_a_moment_reads_no_later_price() -> None:
    close = Lab().bars("BTC").frame["close"].to_numpy()
    crashed = close.copy()
    crashed[24 * 100 :] /= 2  # from the open of day 100 on
    before, after = (derivatives.funding(7, "BTC", c) for c in (close, crashed))
    crash = pd.Timestamp("2018-01-01") + 100 * DAY
    changed = before.index[before.to_numpy() != after.to_numpy()]
    assert crash < changed[0] <= crash + DAY
