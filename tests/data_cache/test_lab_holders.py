"""Who holds the simulated coins: leverage, funds, companies and stablecoins, each consistent with itself."""

import numpy as np
import pandas as pd
import pytest

from data_cache.catalog_crypto import FIRST_FUNDS, LATER_FUNDS
from data_cache.lab import Lab, derivatives
from data_cache.market import Market


@pytest.fixture(scope="module")
def market() -> Market:
    return Lab().market("1d")


def published(market: Market, series: str) -> pd.Series:
    return market.observations.revised(series)


@pytest.mark.parametrize("asset", ["BTC", "ETH"])
def test_open_interest_is_higher_while_the_basis_pays(market: Market, asset: str) -> None:
    coins = published(market, f"OPEN_INTEREST_{asset}")
    paid = derivatives.basis(7, asset, market.daily[asset]["close"].to_numpy())
    assert len(coins) == len(paid)
    assert 0.7 < np.corrcoef(np.log(coins), paid)[0, 1] < 0.98


def test_the_flows_of_all_funds_add_up_to_the_total(market: Market) -> None:
    funds = sum(published(market, f"ETF_FLOW_{fund}") for fund in (*FIRST_FUNDS, *LATER_FUNDS))
    assert (funds - published(market, "ETF_FLOW_TOTAL")).abs().max() < 1e-9


def test_holdings_grow_by_the_coins_that_the_flow_buys_at_the_close(market: Market) -> None:
    held, flow = (published(market, series) for series in ("ETF_HOLDINGS_TOTAL", "ETF_FLOW_TOTAL"))
    close = market.daily["BTC"]["close"].tz_localize(None).shift(-1, freq="D")
    bought = (1e9 * flow / close[flow.index]).iloc[1:]
    assert (held.diff().iloc[1:] - bought).abs().max() < 0.2  # coins are published to a tenth


def test_the_dearest_fund_loses_and_money_leaves_when_the_basis_falls(market: Market) -> None:
    assert published(market, "ETF_FLOW_GBTC").mean() < -0.005
    flow = published(market, "ETF_FLOW_TOTAL")
    paid = pd.Series(
        derivatives.basis(7, "BTC", market.daily["BTC"]["close"].to_numpy()), pd.date_range("2018-01-01", "2026-06-30")
    )
    assert np.corrcoef(flow.iloc[7:], paid.diff(7)[flow.index].iloc[7:])[0, 1] > 0.3


@pytest.mark.parametrize(("company", "asset"), [("MSTR", "BTC"), ("BMNR", "ETH")])
def test_a_company_buys_and_never_sells_and_is_worth_its_coins_and_more_or_less(
    market: Market, company: str, asset: str
) -> None:
    coins = published(market, f"COMPANY_COINS_{company}")
    assert (coins.diff().dropna() >= 0).all()
    assert (coins.diff() > 0).mean() == pytest.approx(0.5, abs=0.1)
    worth = published(market, f"COMPANY_MARKET_CAP_{company}")
    close = market.daily[asset]["close"].tz_localize(None).shift(-1, freq="D")
    value = coins.reindex(worth.index, method="ffill") * close[worth.index] / 1e9
    assert 1.0 < (worth / value).median() < 1.6


def test_stablecoins_follow_their_path(market: Market) -> None:
    supply = published(market, "STABLECOINS")
    assert supply["2025-12-01"] == pytest.approx(305, rel=0.1)
    assert supply["2018-01-01"] == pytest.approx(6, rel=0.1)
