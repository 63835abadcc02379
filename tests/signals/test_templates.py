"""Templates of files that a user brings: invented numbers, imported as a user would, read by signals."""

import re
from pathlib import Path

import pandas as pd
import pytest

import data_cache
from data_cache.cache import load_market
from data_cache.catalog import CATALOG, FAMILIES, IMPORTED
from data_cache.errors import BadData
from data_cache.market import Market
from data_cache.sources.files import import_manifest
from data_cache.store import Store
from signals import (
    BillShare,
    BillShareChange,
    EtfFlow,
    EtfHoldings,
    EtfRedemptions,
    EtfRedemptionShare,
    GoldTrend,
    Issuance,
    OpenInterestChange,
    Signal,
    StablecoinGrowth,
    TreasuryCompanyMnav,
    TreasuryPurchases,
)
from signals.signal import evaluate

TEMPLATES = Path(data_cache.__path__[0]) / "templates"


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


GOLD = '[[series]]\nid = "GOLD"\nfile = "gold.csv"\nunit = "$ an ounce"\n'
GOLD_TEMPLATE = (TEMPLATES / "gold.csv").read_text()
GOLD_REAL = "date,value\n2025-03-03,2890.0\n2025-03-05,2920.0\n"


def import_gold(folder: Path, text: str, replace: bool = False) -> Store:
    (folder / "gold.toml").write_text(GOLD)
    (folder / "gold.csv").write_text(text)
    store = Store(folder / "store")
    import_manifest(folder / "gold.toml", store, pd.Timestamp("2026-01-01", tz="UTC"), replace)
    return store


@pytest.mark.parametrize("replace", [False, True])
def test_invented_numbers_never_come_beside_others(tmp_path: Path, replace: bool) -> None:
    store = import_gold(tmp_path, GOLD_REAL)
    before = store.rows("GOLD")
    with pytest.raises(BadData, match=r"a template as it ships, with invented numbers, and the store has GOLD already"):
        import_gold(tmp_path, GOLD_TEMPLATE, replace)
    pd.testing.assert_frame_equal(store.rows("GOLD"), before)


@pytest.mark.parametrize("replace", [False, True])
def test_numbers_never_come_beside_invented_ones(tmp_path: Path, replace: bool) -> None:
    import_gold(tmp_path, GOLD_TEMPLATE)
    assert len(import_gold(tmp_path, GOLD_TEMPLATE, replace).rows("GOLD")) == 2  # the same file again is no mixture
    with pytest.raises(BadData, match=r"the store holds invented numbers of GOLD, from a template; they would stay"):
        import_gold(tmp_path, GOLD_REAL, replace)


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
    # Known ten days after the end of March.
    (BillShare(), "2025-04-10", 100 * 6_200 / 28_200),
    (BillShareChange(months=1), "2025-04-10", 100 * (6_200 / 28_200 - 6_300 / 28_000)),
    (Issuance(weeks=4, debt="DEBT_PUBLIC"), "2025-04-01 21:00", 28_950 - 28_900),
    (GoldTrend(window=2), "2025-03-05", 2_950 / ((2_900 + 2_950) / 2) - 1),
]


@pytest.mark.parametrize(("signal", "at", "expected"), FROM_TEMPLATES, ids=[repr(row[0]) for row in FROM_TEMPLATES])
def test_a_template_is_read_by_the_signal_that_needs_it(
    templates: Market, signal: Signal, at: str, expected: float
) -> None:
    assert evaluate(signal, templates)[pd.Timestamp(at, tz="UTC")] == pytest.approx(expected)


def test_the_assets_of_banks_are_read_from_their_template(templates: Market) -> None:
    """`ReserveRatio` also needs reserves, which are fetched."""
    assert templates.observations.first("TLAACBW027SBOG").tolist() == [23_500, 23_600]


def test_every_series_that_nothing_fetches_has_a_template() -> None:
    imported = re.findall(r'id = "(.+)"', (TEMPLATES / "manifest.toml").read_text())
    own = [spec.id.partition("{")[0] for spec in (*CATALOG, *FAMILIES, *IMPORTED) if spec.source == "file"]
    assert [series for series in own if not any(entry.startswith(series) for entry in imported)] == []


def test_every_template_is_named_in_the_manifest_and_travels_with_the_package() -> None:
    named = set(re.findall(r'file = "(.+)"', (TEMPLATES / "manifest.toml").read_text()))
    assert named == {file.name for file in TEMPLATES.glob("*.csv")}
    packaged = (Path(data_cache.__path__[0]).parent / "setup.cfg").read_text()
    assert "data_cache = templates/*.csv, templates/*.toml" in packaged
