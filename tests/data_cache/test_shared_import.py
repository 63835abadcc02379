"""The real history, imported through its manifest: figures that were printed in public."""

from pathlib import Path

import pandas as pd
import pytest

from data_cache.cache import load_market, status
from data_cache.catalog import CATALOG, IMPORTED
from data_cache.market import Market
from data_cache.parquet import provenance_at
from data_cache.sources.entries import Imported
from data_cache.sources.files import import_manifest
from data_cache.store import Store

pytestmark = pytest.mark.real

MANIFEST = Path(__file__).parents[1] / "shared.toml"
FETCHED_AT = pd.Timestamp("2026-10-01", tz="UTC")


@pytest.fixture(scope="module")
def imported(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, list[Imported]]:
    """The store, and what the import answered."""
    store = Store(tmp_path_factory.mktemp("shared") / "store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EBBTIDE_SHARED", str(shared.resolve()))
        return store, import_manifest(MANIFEST, store, FETCHED_AT)


@pytest.fixture(scope="module")
def market(imported: tuple[Store, list[Imported]]) -> Market:
    return load_market(imported[0], "1d")


def value(market: Market, series: str, period: str) -> float:
    """The final value of a period."""
    return float(market.observations.revised(series)[pd.Timestamp(period)])


def test_the_whole_history_is_imported(imported: tuple[Store, list[Imported]]) -> None:
    store, entries = imported
    assert sum(entry.added for entry in entries) == sum(entry.rows for entry in entries) == 307_909
    assert store.series() == sorted({entry.name for entry in entries if "/" not in entry.name})


def test_every_file_of_the_store_is_sound(imported: tuple[Store, list[Imported]]) -> None:
    rows = {row.name: row for row in status(imported[0], FETCHED_AT)}
    assert [name for name, row in rows.items() if row.problem] == []
    gaps = {name: row.gaps for name, row in rows.items() if row.gaps}
    assert gaps == {"binance BTC/USDT 1h": 27, "binance ETH/USDT 1h": 27}


def test_the_market_of_a_timeframe_has_the_bars_of_that_timeframe(imported: tuple[Store, list[Imported]]) -> None:
    assert len(load_market(imported[0], "1h").asset_bars("BTC").frame) == 73_265


def test_bars_of_four_hours_are_made_of_hours_and_days_are_the_exchange_s_own(
    imported: tuple[Store, list[Imported]], market: Market
) -> None:
    assert load_market(imported[0], "4h").origin.endswith("ETH from binance ETH/USDT 1h in 4h bars")
    assert market.origin.endswith("BTC from binance BTC/USDT 1d, ETH from binance ETH/USDT 1d")
    assert market.asset_bars("BTC").frame.index[0] == pd.Timestamp("2017-08-17", tz="UTC")


@pytest.mark.parametrize("asset", ["BTC", "ETH"])
def test_days_made_of_hours_close_where_the_exchange_s_own_days_do(
    imported: tuple[Store, list[Imported]], market: Market, asset: str
) -> None:
    made = load_market(imported[0], "1h").daily[asset]["close"]
    own = market.daily[asset]["close"]
    shared_days = made.index.intersection(own.index)
    assert len(shared_days) == 3_057
    assert (made[shared_days] == own[shared_days]).all()


PRINTED = {
    "repo at the end of October 2025, two windows together": ("SRF", "2025-10-31", 20.35 + 30.0),
    "repo at the end of the year": ("SRF", "2025-12-31", 74.6),
    "the account at its height in the shutdown": ("TGA", "2025-10-30", 1000.632),
    "the account, closing where the next statement opens": ("TGA", "2022-04-05", 542.176),
    "the first closing balance with a row of its own": ("TGA", "2022-04-18", 841.253),
    "the day before it": ("TGA", "2022-04-15", 578.473),
    "reserves, week average, printed in billions then": ("WRESBAL", "2025-07-30", 3347.414),
    "the account, week average, printed in millions since": ("WTREGEN", "2026-05-27", 830.296),
    "the largest balance sheet": ("WALCL", "2022-04-13", 8965.487),
    "the most that ever lay in reverse repo": ("RRPONTSYD", "2022-12-30", 2553.716),
    "the worst day of the bitcoin funds": ("ETF_FLOW_TOTAL", "2025-02-25", -1.1137),
    "stablecoins when the count became steady": ("STABLECOINS", "2020-07-01", 11.3831),
}


@pytest.mark.parametrize(("series", "period", "printed"), PRINTED.values(), ids=PRINTED)
def test_figures_are_those_that_were_printed(market: Market, series: str, period: str, printed: float) -> None:
    assert value(market, series, period) == pytest.approx(printed, abs=1e-9)


def test_the_daily_statement_and_the_weekly_release_tell_of_one_account(market: Market) -> None:
    daily, weekly = market.observations.revised("TGA"), market.observations.revised("WDTGAL")
    wednesdays = daily.index.intersection(weekly.index)
    assert len(wednesdays) == 42 + 215  # 42 closes taken from the next opening, 215 from a row of their own
    assert (daily[wednesdays] - weekly[wednesdays]).abs().max() < 1e-9


@pytest.mark.parametrize("day", ["2022-04-11", "2024-09-24", "2025-10-08", "2025-11-05"])
def test_a_test_operation_is_no_take_up(market: Market, day: str) -> None:
    assert pd.isna(value(market, "SRF", day))
    assert pd.Timestamp(day) not in market.observations.releases("SRF")["period"].tolist()


def test_the_target_range_starts_with_the_first_range(market: Market) -> None:
    lower, upper = market.observations.revised("DFEDTARL"), market.observations.revised("DFEDTARU")
    assert lower.index[0] == pd.Timestamp("2008-12-16")
    assert (upper - lower).round(9).unique().tolist() == [0.25]


def test_series_of_ones_own_travel_with_the_market(imported: tuple[Store, list[Imported]], market: Market) -> None:
    assert set(market.specs) == {"T10YIE"}
    assert market.spec("T10YIE").unit == "%"
    assert market.max_age("T10YIE") == pd.Timedelta(days=10)
    assert "T10YIE" not in {entry.id for entry in (*CATALOG, *IMPORTED)}
    assert provenance_at(imported[0].series_path("SOFR")).spec is None


def test_a_flow_is_known_the_morning_after(market: Market) -> None:
    flows = market.observations.releases("ETF_FLOW_TOTAL")
    assert flows["period"].iloc[0] == pd.Timestamp("2024-01-11")
    assert flows.index[0] == pd.Timestamp("2024-01-12 08:00", tz="UTC")
    assert len(flows) == 671 - 16  # sixteen holidays are rows without flows


def test_nothing_is_known_before_its_period_but_the_rates_that_are_announced_ahead(market: Market) -> None:
    ahead = set()
    for series in market.observations:
        rows = market.observations.rows(series)
        if (rows["known_at"].dt.tz_localize(None) < rows["period"]).any():
            ahead.add(series)
    assert ahead == {"IORB", "DFEDTARL", "DFEDTARU"}


def test_importing_again_changes_nothing(
    imported: tuple[Store, list[Imported]], shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EBBTIDE_SHARED", str(shared.resolve()))
    store = imported[0]
    before = {path: path.read_bytes() for path in store.folder.rglob("*.parquet")}
    again = import_manifest(MANIFEST, store, FETCHED_AT + pd.Timedelta(days=1))
    assert [entry.name for entry in again if entry.added] == []
    assert {path: path.read_bytes() for path in store.folder.rglob("*.parquet")} == before
