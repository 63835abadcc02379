"""Companies that hold coins, by hand arithmetic, and the templates of files that a user brings."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import data_cache
from data_cache.cache import load_market
from data_cache.errors import UnknownName
from data_cache.market import Market
from data_cache.sources.files import import_manifest
from data_cache.store import Store
from signals import (
    EtfFlow,
    EtfHoldings,
    EtfRedemptions,
    EtfRedemptionShare,
    OpenInterestChange,
    Signal,
    StablecoinGrowth,
    TreasuryCompanyMnav,
    TreasuryPurchases,
)
from signals.signal import evaluate

World = Callable[..., Market]
Values = Callable[..., list[float]]
TEMPLATES = Path(data_cache.__path__[0]) / "templates"
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


# The templates: their invented numbers, imported as a user would, and read by the signals that need them


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Market:
    folder = tmp_path_factory.mktemp("templates")
    manifest = (TEMPLATES / "manifest.toml").read_text()
    bars = '\n[[bars]]\nasset = "BTC"\nvenue = "hand"\nsymbol = "BTC/USD"\ntimeframe = "1d"\nfile = "btc.csv"\n'
    days = pd.date_range("2025-03-01", "2025-03-31")
    rows = "".join(f"{day:%F}T00:00:00Z,1e5,1e5,1e5,1e5,1\n" for day in days)
    (folder / "btc.csv").write_text("time,open,high,low,close,volume\n" + rows)
    for file in TEMPLATES.glob("*.csv"):
        (folder / file.name).write_text(file.read_text())
    (folder / "manifest.toml").write_text(manifest + bars)
    store = Store(folder / "store")
    import_manifest(folder / "manifest.toml", store, pd.Timestamp("2026-01-01", tz="UTC"))
    return load_market(store, "1d")


FROM_TEMPLATES = [
    (EtfFlow(window=3), "2025-03-06 08:00", (-80 - 30 - 10) / 1_000),
    (EtfHoldings(), "2025-03-05 08:00", 999_500),
    # IBIT 50, ARKB 30, Grayscale 40 - 20; then FBTC 10, Grayscale 30; then BITB 10.
    (EtfRedemptions(window=3), "2025-03-06 08:00", (50 + 30 + 20 + 10 + 30 + 10) / 1_000),
    (EtfRedemptionShare(window=3), "2025-03-06 08:00", (50 + 50 + 30) / 150),
    (TreasuryCompanyMnav(), "2025-03-04", (60 + 8 + 3 - 1) / (500_000 * 1e5 / 1e9)),
    (TreasuryCompanyMnav(), "2025-03-31 12:00", (62 + 8 + 3.5 - 1.5) / (510_000 * 1e5 / 1e9)),
    (TreasuryPurchases("MSTR", "BTC"), "2025-03-31 12:00", 10_000 * 10_000 / 19.9e6),
    (StablecoinGrowth(), "2025-04-01", 234.6 / 230 - 1),
    (OpenInterestChange(days=1), "2025-03-05", 79 / 80 - 1),
]


@pytest.mark.parametrize(("signal", "at", "expected"), FROM_TEMPLATES, ids=[repr(row[0]) for row in FROM_TEMPLATES])
def test_a_template_is_read_by_the_signal_that_needs_it(
    templates: Market, signal: Signal, at: str, expected: float
) -> None:
    assert evaluate(signal, templates)[pd.Timestamp(at, tz="UTC")] == pytest.approx(expected)


def test_every_template_is_named_in_the_manifest_and_travels_with_the_package() -> None:
    named = set(re.findall(r'file = "(.+)"', (TEMPLATES / "manifest.toml").read_text()))
    assert named == {file.name for file in TEMPLATES.glob("*.csv")}
    packaged = (Path(data_cache.__path__[0]).parent / "setup.cfg").read_text()
    assert "data_cache = templates/*.csv, templates/*.toml" in packaged
