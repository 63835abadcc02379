"""What stands around the simulated dollar system: it adds up, and nothing in the lab follows from it."""

import numpy as np
import pandas as pd
import pytest

from data_cache.lab import Lab, context
from data_cache.lab.days import path
from data_cache.market import Market


@pytest.fixture(scope="module")
def market() -> Market:
    return Lab().market()


def by_period(market: Market, series: str) -> pd.Series:
    releases = market.observations.releases(series)
    return pd.Series(releases["value"].to_numpy(), pd.DatetimeIndex(releases["period"]))


def test_what_is_owed_was_spent_or_lies_in_the_account(market: Market) -> None:
    spent = by_period(market, "DEBT") - by_period(market, "TGA")
    assert spent.notna().all()
    assert np.abs(spent - path(context.SPENT, spent.index)).max() < 5 * 15  # five standard deviations of its noise


def test_bills_are_a_part_of_marketable_debt_and_that_of_all_debt(market: Market) -> None:
    bills, marketable = (by_period(market, series) for series in ("BILLS_OUTSTANDING", "MARKETABLE_DEBT"))
    assert (bills / marketable).between(0.10, 0.30).all()
    owed = by_period(market, "DEBT").reindex(marketable.index, method="ffill").iloc[1:]
    assert marketable[owed.index].to_numpy() == pytest.approx(0.77 * owed.to_numpy(), abs=0.001)


def test_the_facility_lends_at_the_upper_bound(market: Market) -> None:
    rate, bound = by_period(market, "SRFTSYD"), by_period(market, "DFEDTARU")
    assert rate.index[0] == pd.Timestamp("2021-07-29")
    assert (rate == bound[rate.index]).all()


def test_nothing_else_follows_from_it(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "surroundings", lambda *_: {})
    without = Lab().market().hashes()
    added = {"SRFTSYD", "DEBT", "BILLS_OUTSTANDING", "MARKETABLE_DEBT", "WMTSECL1", "TLAACBW027SBOG", "GOLD"}
    assert set(market.hashes()) - set(without) == added
    assert {need: hashed for need, hashed in market.hashes().items() if need not in added} == without
    assert {"bars:BTC", "bars:ETH"} <= {name.removesuffix(":1d") for name in without}
