"""Second sources: what is compared, by how much it may differ, and why something was not compared."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_cache.bars import OHLCV, TIMEFRAMES, Bars
from data_cache.catalog import spec
from data_cache.errors import Unreachable
from data_cache.observations import observation_rows
from data_cache.parquet import Fetch
from data_cache.second_sources import PAIRS, Check, checks
from data_cache.sources.files import import_manifest
from data_cache.store import Listing, Store

MANIFEST = Path(__file__).parents[1] / "shared.toml"
FETCHED = Fetch("test", "", pd.Timestamp("2026-10-01", tz="UTC"))
BINANCE = Listing("BTC", "binance", "BTC/USDT", "1d")
COINBASE = Listing("BTC", "coinbaseexchange", "BTC/USD", "1d")


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def add(store: Store, series: str, values: dict[str, float], known: str = "2026-01-01") -> None:
    """Values by period, all known at once."""
    periods = pd.DatetimeIndex(list(values))
    known_at = pd.DatetimeIndex([pd.Timestamp(known, tz="UTC")] * len(values))
    store.add_series(spec(series), observation_rows(periods, known_at, list(values.values())), FETCHED)


def closing(listing: Listing, first: str, *closes: float) -> Bars:
    """Bars without a wick, one after the other."""
    times = pd.date_range(first, periods=len(closes), freq=TIMEFRAMES[listing.timeframe], tz="UTC")
    prices = {name: list(closes) for name in OHLCV}
    return Bars(listing.asset, listing.timeframe, pd.DataFrame(prices, index=times))


def add_bars(store: Store, listing: Listing, first: str, *closes: float) -> None:
    store.add_bars(listing, closing(listing, first, *closes), FETCHED)


def named(found: list[Check], first: str) -> Check:
    [check] = [check for check in found if check.first == first]
    return check


# Series


def test_the_two_tellings_of_the_treasury_s_account_are_compared_on_wednesdays(here: Store) -> None:
    add(here, "TGA", {"2024-01-02": 700.0, "2024-01-03": 710.0, "2024-01-10": 720.0})
    add(here, "WDTGAL", {"2024-01-03": 710.0, "2024-01-10": 725.5, "2024-01-17": 730.0})
    check = named(checks(here), "TGA")
    assert (check.compared, check.beyond, check.holds) == (2, 1, False)
    assert check.worst == (pd.Timestamp("2024-01-10"), 720.0, 725.5)  # 5.5 apart, and 5 is allowed
    assert (check.second, check.tolerance, check.note) == ("WDTGAL", "5 $bn", "")


TOLERATED = [
    ("TGA", "WDTGAL", 700.0, 705.0, 0, "five billions"),
    ("TGA", "WDTGAL", 700.0, 705.001, 1, "a million more"),
    ("SRF", "RPONTTLD", 16.801, 16.802, 0, "a million"),
    ("SRF", "RPONTTLD", 16.801, 16.803, 1, "two millions"),
    ("SRF", "RPONTTLD", 0.0, 0.0, 0, "nothing twice"),
]


@pytest.mark.parametrize(("first", "second", "one", "other", "beyond", "because"), TOLERATED)
def test_what_is_tolerated_may_be_reached_but_not_passed(
    here: Store, first: str, second: str, one: float, other: float, beyond: int, because: str
) -> None:
    add(here, first, {"2024-01-03": one})
    add(here, second, {"2024-01-03": other})
    check = named(checks(here), first)
    assert (check.compared, check.beyond) == (1, beyond), because


def test_repo_before_the_standing_facility_is_another_facility(here: Store) -> None:
    add(here, "SRF", {"2021-07-28": 0.0, "2021-07-29": 0.0})
    add(here, "RPONTTLD", {"2021-07-28": 50.0, "2021-07-29": 0.0})
    check = named(checks(here), "SRF")
    assert (check.compared, check.beyond) == (1, 0)


def test_a_spread_is_compared_with_the_difference_of_its_yields(here: Store) -> None:
    add(here, "DGS10", {"2024-01-03": 4.10, "2024-01-04": 4.20})
    add(here, "DGS3MO", {"2024-01-03": 5.30, "2024-01-04": 5.30})
    add(here, "T10Y3M", {"2024-01-03": -1.19, "2024-01-04": -1.08})
    check = named(checks(here), "T10Y3M")
    assert (check.compared, check.beyond) == (2, 1)  # −1.20 and −1.10 are expected: 0.01 and 0.02 away
    assert check.second == "DGS10 − DGS3MO"
    assert check.worst is not None
    assert check.worst[0] == pd.Timestamp("2024-01-04")
    assert check.worst[1:] == pytest.approx((-1.08, -1.10))


def test_final_values_are_compared_and_missing_ones_are_not(here: Store) -> None:
    add(here, "TGA", {"2024-01-03": 500.0, "2024-01-10": np.nan}, known="2026-01-01")
    add(here, "TGA", {"2024-01-03": 710.0}, known="2026-01-02")  # corrected
    add(here, "WDTGAL", {"2024-01-03": 710.0, "2024-01-10": 720.0})
    check = named(checks(here), "TGA")
    assert (check.compared, check.beyond) == (1, 0)


def test_what_is_not_cached_is_named_with_what_it_needs(here: Store) -> None:
    add(here, "SRF", {"2024-01-03": 0.0})
    add(here, "WDTGAL", {"2024-01-03": 710.0})
    notes = {check.first: check.note for check in checks(here)}
    assert notes == {
        "TGA": "not cached: TGA; ebbtide fetch macro brings what is missing",
        "SRF": "not cached: RPONTTLD; ebbtide fetch macro brings what is missing",
        "T10Y3M": "not cached: T10Y3M, DGS10, DGS3MO; ebbtide fetch macro brings what is missing",
    }
    assert all(check.holds and check.compared == 0 for check in checks(here))


def test_two_series_without_a_common_period_are_not_compared(here: Store) -> None:
    add(here, "TGA", {"2024-01-02": 700.0})
    add(here, "WDTGAL", {"2024-01-03": 710.0})
    assert named(checks(here), "TGA").note == "TGA and WDTGAL have no day in common"


def test_a_damaged_file_is_no_reason_not_to_compare_the_others(here: Store) -> None:
    for series in ("TGA", "WDTGAL", "SRF", "RPONTTLD"):
        add(here, series, {"2024-01-03": 10.0})
    here.series_path("TGA").write_bytes(b"PAR1")
    assert "TGA.parquet is damaged" in named(checks(here), "TGA").note
    assert named(checks(here), "SRF").compared == 1


@given(st.lists(st.floats(10, 900), min_size=1, max_size=30), st.integers(0, 29), st.floats(5.1, 500))
def test_one_number_that_is_wrong_is_found(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], at: int, error: float
) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    wednesdays = [f"{day:%Y-%m-%d}" for day in pd.date_range("2024-01-03", periods=len(values), freq="W-WED")]
    wrong = wednesdays[at % len(values)]
    told = dict(zip(wednesdays, values, strict=True))
    add(store, "WDTGAL", told)
    add(store, "TGA", told | {wrong: told[wrong] + error})
    check = named(checks(store), "TGA")
    assert (check.compared, check.beyond) == (len(values), 1)
    assert check.worst is not None
    assert check.worst[0] == pd.Timestamp(wrong)


# Prices


def test_daily_closes_of_two_venues_are_compared(here: Store) -> None:
    add_bars(here, BINANCE, "2024-01-01", 100.0, 100.0, 100.0)
    add_bars(here, COINBASE, "2024-01-02", 102.0, 103.0)
    check = named(checks(here), "binance BTC/USDT 1d")
    assert (check.name, check.second) == ("BTC, daily closes", "coinbaseexchange BTC/USD 1d")
    assert (check.compared, check.beyond) == (2, 1)  # 2 of 102 is less than 2 %, 3 of 103 is more
    assert check.worst == (pd.Timestamp("2024-01-03"), 100.0, 103.0)
    assert check.tolerance == "2%, before 2020 10%"


def test_venues_may_be_further_apart_in_the_early_years(here: Store) -> None:
    add_bars(here, BINANCE, "2019-12-30", 100.0, 100.0, 100.0)
    add_bars(here, COINBASE, "2019-12-30", 95.0, 90.0, 95.0)
    check = named(checks(here), "binance BTC/USDT 1d")
    # 5 of 95 and 10 of 90 on the last days of 2019, 5 of 95 in 2020. Worst is the last: 5.3 % where 2 % are allowed.
    assert (check.compared, check.beyond) == (3, 2)
    assert check.worst == (pd.Timestamp("2020-01-01"), 100.0, 95.0)


def test_days_are_made_of_finer_bars_where_their_last_one_is_there(here: Store) -> None:
    four_hours = Listing("BTC", "okx", "BTC/USDT", "4h")
    add_bars(here, BINANCE, "2024-01-01", 100.0, 110.0)
    add_bars(here, four_hours, "2024-01-01", *[50.0] * 5, 100.0, *[50.0] * 5)  # the second day lacks its end
    check = named(checks(here), "binance BTC/USDT 1d")
    assert (check.second, check.compared, check.beyond) == ("okx BTC/USDT 4h", 1, 0)


def test_a_venue_is_no_second_source_of_itself_and_a_mark_price_is_none_of_trades(here: Store) -> None:
    for listing in (
        BINANCE,
        Listing("BTC", "binance", "BTC/USDT", "1h"),
        Listing("BTC", "binance", "BTC/USDC", "1d"),
        Listing("BTC", "okx", "BTC/USDT:USDT", "1d", "mark"),
        Listing("ETH", "kraken", "ETH/USD", "1d"),
    ):
        add_bars(here, listing, "2024-01-01", 100.0)
    notes = [(check.first, check.note) for check in checks(here)[len(PAIRS) :]]
    assert notes == [
        ("binance BTC/USDC 1d", "BTC is cached from binance alone"),
        ("binance BTC/USDT 1d", "BTC is cached from binance alone"),
        ("kraken ETH/USD 1d", "ETH is cached from kraken alone"),
    ]


def test_a_venue_that_is_not_stored_can_be_asked(here: Store) -> None:
    add_bars(here, BINANCE, "2024-01-01", 100.0, 100.0)
    asked = []

    def ask(listing: Listing) -> tuple[Listing, Bars]:
        asked.append(listing)
        return COINBASE, closing(COINBASE, "2024-01-01", 100.1, 100.2)

    check = named(checks(here, ask), "binance BTC/USDT 1d")
    assert asked == [BINANCE]
    assert (check.second, check.compared, check.beyond) == ("coinbaseexchange BTC/USD 1d", 2, 0)
    assert here.listings() == [BINANCE]


def test_a_venue_that_does_not_answer_is_said_with_its_reason(here: Store) -> None:
    add_bars(here, BINANCE, "2024-01-01", 100.0)

    def ask(listing: Listing) -> tuple[Listing, Bars]:
        raise Unreachable("coinbaseexchange did not answer within 30 s")

    check = named(checks(here, ask), "binance BTC/USDT 1d")
    assert (check.compared, check.note) == (0, "coinbaseexchange did not answer within 30 s")
    assert check.second == "another venue"


def test_damaged_bars_are_named(here: Store) -> None:
    add_bars(here, BINANCE, "2024-01-01", 100.0)
    add_bars(here, COINBASE, "2024-01-01", 100.0)
    here.bars_path(COINBASE).write_bytes(b"PAR1")
    assert "1d.parquet is damaged" in named(checks(here), "binance BTC/USDT 1d").note


def test_a_check_can_be_written_as_json(here: Store) -> None:
    add_bars(here, BINANCE, "2024-01-01", 100.0)
    add_bars(here, COINBASE, "2024-01-01", 101.0)
    *series, prices = (check.summary() for check in checks(here))
    assert prices == {
        "name": "BTC, daily closes",
        "first": "binance BTC/USDT 1d",
        "second": "coinbaseexchange BTC/USD 1d",
        "tolerance": "2%, before 2020 10%",
        "compared": 1,
        "beyond": 0,
        "worst": ["2024-01-01T00:00:00", 100.0, 101.0],
        "note": "",
        "holds": True,
    }
    assert [check["worst"] for check in series] == [None, None, None]


def test_comparing_writes_nothing(here: Store) -> None:
    add_bars(here, BINANCE, "2024-01-01", 100.0)
    add(here, "TGA", {"2024-01-03": 710.0})
    before = {path: path.read_bytes() for path in here.folder.rglob("*") if path.is_file()}
    checks(here)
    assert {path: path.read_bytes() for path in here.folder.rglob("*") if path.is_file()} == before


@pytest.mark.real
def test_the_real_history_agrees_with_its_second_sources(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EBBTIDE_SHARED", str(shared.resolve()))
    store = Store(tmp_path / "store")
    import_manifest(MANIFEST, store, FETCHED.fetched_at)
    account, repo, spread, *prices = checks(store)
    # 42 closes taken from the next day's opening, until 2022-04-15, and 215 with a row of their own.
    assert (account.compared, account.beyond) == (42 + 215, 0)
    assert account.worst is not None
    assert account.worst[1] == account.worst[2]  # the balance of every Wednesday is the same to the million
    assert repo.note == "not cached: RPONTTLD; ebbtide fetch macro brings what is missing"
    assert (spread.compared, spread.beyond) == (6641, 0)
    assert [check.note for check in prices] == ["BTC is cached from binance alone", "ETH is cached from binance alone"]
