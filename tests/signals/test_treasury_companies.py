"""Companies that hold coins, by hand arithmetic."""

from collections.abc import Callable

import numpy as np
import pytest

from data_cache.errors import UnknownName
from data_cache.market import Market
from signals import TreasuryCompanyMnav, TreasuryPurchases
from signals.signal import evaluate

World = Callable[..., Market]
Values = Callable[..., list[float]]
NAN = pytest.approx(np.nan, nan_ok=True)

# Half a million coins at $100,000 are worth $50bn.
PARTS = {
    "COMPANY_COINS_MSTR": [("2025-01-01", "2025-01-02", 500_000.0)],
    "COMPANY_DEBT_MSTR": [("2024-12-31", "2025-01-02", 8.0)],
    "COMPANY_PREFERRED_MSTR": [("2024-12-31", "2025-01-02", 3.0)],
    "COMPANY_CASH_MSTR": [("2024-12-31", "2025-01-02", 1.0)],
    "COMPANY_MARKET_CAP_MSTR": [("2025-01-01", "2025-01-02", 60.0), ("2025-01-02", "2025-01-03", 40.0)],
}


def test_mnav_is_what_all_owners_have_over_what_the_coins_are_worth(world: World, values: Values) -> None:
    market = world({"BTC": [100_000.0, 80_000.0]}, **PARTS)
    assert values(TreasuryCompanyMnav(), market) == pytest.approx([(60 + 8 + 3 - 1) / 50, (40 + 8 + 3 - 1) / 40])


def test_mnav_of_a_company_without_coins_is_unknown(world: World, values: Values) -> None:
    market = world({"BTC": [100_000.0] * 2}, **PARTS | {"COMPANY_COINS_MSTR": [("2025-01-01", "2025-01-02", 0.0)]})
    assert np.isnan(values(TreasuryCompanyMnav(), market)).all()


def test_purchases_are_measured_in_coins_in_existence_by_the_dates_of_the_filings(world: World, values: Values) -> None:
    filings = [("2025-01-05", "2025-01-06 13:00", 3_000_000.0), ("2025-02-02", "2025-02-03 13:00", 3_120_700.0)]
    market = world(COMPANY_COINS_BMNR=filings)
    assert values(TreasuryPurchases(), market) == [NAN, pytest.approx(10_000 * 120_700 / 120.7e6)]
    assert values(TreasuryPurchases(days=29), market) == [NAN, NAN]


def test_the_same_coins_weigh_more_where_there_are_fewer(world: World, values: Values) -> None:
    market = world(COMPANY_COINS_MSTR=[("2025-01-05", "2025-01-06", 0.0), ("2025-02-02", "2025-02-03", 19_900.0)])
    assert values(TreasuryPurchases("MSTR", "BTC"), market)[-1] == pytest.approx(10)


def test_an_asset_whose_coins_nobody_counted_is_refused(world: World) -> None:
    with pytest.raises(UnknownName, match="coins in existence has no asset 'SOL'"):
        evaluate(TreasuryPurchases("BMNR", "SOL"), world(COMPANY_COINS_BMNR=[("2025-01-05", "2025-01-06", 1.0)]))
