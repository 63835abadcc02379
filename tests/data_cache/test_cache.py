"""The market of what is stored, and the state of the store."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from data_cache.bars import OHLCV, TIMEFRAMES, Bars
from data_cache.cache import load_market, status
from data_cache.catalog import SeriesSpec, spec
from data_cache.errors import DamagedFile, NoData, UnknownName
from data_cache.observations import observation_rows
from data_cache.parquet import Fetch
from data_cache.store import Listing, Store, futures_rows
from tests.own_series import MNAV

FETCHED = Fetch("test", "", pd.Timestamp("2024-02-01", tz="UTC"))
NOW = pd.Timestamp("2024-02-11", tz="UTC")


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def add_bars(
    store: Store,
    asset: str,
    timeframe: str,
    days: int = 4,
    first: str = "2024-01-01",
    venue: str = "binance",
    source: str = "test",
) -> None:
    """Flat bars at 100 of so many days."""
    length = TIMEFRAMES[timeframe]
    times = pd.date_range(first, periods=days * (pd.Timedelta(days=1) // length), freq=length, tz="UTC")
    flat = pd.DataFrame(dict.fromkeys(OHLCV[:4], 100.0) | {"volume": 1.0}, index=times)
    listing, fetch = Listing(asset, venue, f"{asset}/USDT", timeframe), replace(FETCHED, source=source)
    store.add_bars(listing, Bars(asset, timeframe, flat), fetch)


def add_series(store: Store, own: SeriesSpec, values: list[float], lag: int = 1, every: int = 1) -> None:
    """A value each `every` days from 2024-01-01 on, known `lag` days later."""
    days = pd.date_range("2024-01-01", periods=len(values), freq=f"{every}D")
    known_at = (days + pd.Timedelta(days=lag)).tz_localize("UTC")
    store.add_series(own, observation_rows(days, known_at, values), FETCHED)


def test_an_empty_store_says_how_to_fill_it(here: Store) -> None:
    with pytest.raises(NoData, match=r"nothing cached in .*store; run: ebbtide fetch, or use --data lab"):
        load_market(here, "1d")


def test_a_market_holds_all_that_is_stored(here: Store) -> None:
    add_bars(here, "BTC", "1d")
    add_bars(here, "ETH", "1d")
    add_series(here, spec("SOFR"), [5.4, 5.3])
    add_series(here, MNAV, [1.5])
    march = pd.Timestamp("2024-03-29 08:00", tz="UTC")
    here.add_futures("BTC", futures_rows(pd.DatetimeIndex([NOW]), march, [101.0]), FETCHED)
    market = load_market(here, "1d")
    assert market.assets == ["BTC", "ETH"]
    assert market.observations.first("SOFR").tolist() == [5.4, 5.3]
    assert market.spec("MNAV") == MNAV
    assert market.futures["BTC"][march].tolist() == [101.0]
    assert market.origin == "cache: BTC from binance BTC/USDT 1d, ETH from binance ETH/USDT 1d"
    assert market.place == "the cache"
    assert replace(market, origin="a cache of mine").place == "a cache of mine"


def test_bars_of_the_timeframe_go_before_finer_ones(here: Store) -> None:
    add_bars(here, "BTC", "1h", days=9)
    add_bars(here, "BTC", "1d", days=2)
    assert len(load_market(here, "1d").asset_bars("BTC").frame) == 2


def test_the_coarsest_of_finer_bars_are_resampled(here: Store) -> None:
    add_bars(here, "BTC", "1h", days=9)
    add_bars(here, "BTC", "4h", days=3)
    market = load_market(here, "1d")
    assert len(market.asset_bars("BTC").frame) == 3
    assert market.asset_bars("BTC").frame["volume"].iloc[0] == 6  # of six bars of four hours
    assert market.origin.endswith("BTC from binance BTC/USDT 4h in 1d bars")


def test_an_asset_without_bars_fine_enough_is_left_out_unless_it_is_named(here: Store) -> None:
    add_bars(here, "BTC", "1h")
    add_bars(here, "SOL", "1d")
    assert load_market(here, "1h").assets == ["BTC"]
    with pytest.raises(NoData, match=r"no bars of SOL in .* that make 1h; here are: BTC \(binance BTC/USDT 1h\), SOL"):
        load_market(here, "1h", assets=["BTC", "SOL"])


def test_bars_can_be_of_named_assets_alone(here: Store) -> None:
    add_bars(here, "BTC", "1d")
    add_bars(here, "ETH", "1d")
    assert load_market(here, "1d", assets=["ETH"]).assets == ["ETH"]


def test_a_store_without_bars_is_no_market(here: Store) -> None:
    add_series(here, spec("SOFR"), [5.4])
    with pytest.raises(NoData, match=r"no bars in .*store that make 1d; here are: none; fetch or import some"):
        load_market(here, "1d")


def test_of_several_venues_the_one_with_the_longest_history_is_taken_whole(here: Store) -> None:
    add_bars(here, "BTC", "1d", days=9, first="2024-01-03", venue="binance")
    add_bars(here, "BTC", "1d", days=9, first="2024-01-01", venue="kraken")
    market = load_market(here, "1d")
    assert market.asset_bars("BTC").frame.index[0] == pd.Timestamp("2024-01-01", tz="UTC")
    assert market.origin.endswith("BTC from kraken BTC/USDT 1d")


@pytest.mark.parametrize(("days", "taken"), [(11, "bitfinex"), (10, "binance")])
def test_a_venue_more_than_three_days_behind_another_comes_last(here: Store, days: int, taken: str) -> None:
    add_bars(here, "BTC", "1d", days=10, first="2024-01-05", venue="binance")  # until the 15th
    add_bars(here, "BTC", "1d", days=days, first="2024-01-01", venue="bitfinex")  # until the 12th, or the 11th
    add_bars(here, "ETH", "1d", days=40, venue="binance")
    assert load_market(here, "1d", ["BTC"]).origin.startswith(f"cache: BTC from {taken} ")


def test_of_venues_with_equal_histories_the_first_by_name_is_taken(here: Store) -> None:
    add_bars(here, "BTC", "1d", venue="kraken")
    add_bars(here, "BTC", "1d", venue="binance")
    assert load_market(here, "1d").origin.endswith("BTC from binance BTC/USDT 1d")


def test_a_venue_can_be_chosen(here: Store) -> None:
    add_bars(here, "BTC", "1d", days=9, venue="binance")
    add_bars(here, "BTC", "1d", days=4, venue="kraken")
    assert len(load_market(here, "1d", venue="kraken").asset_bars("BTC").frame) == 4
    with pytest.raises(NoData, match="no bars from bitstamp in"):
        load_market(here, "1d", venue="bitstamp")


def test_an_unknown_timeframe_is_answered_with_those_there_are(here: Store) -> None:
    with pytest.raises(UnknownName, match="no timeframe '2h'"):
        load_market(here, "2h")


def test_a_damaged_series_costs_only_those_who_read_it(here: Store) -> None:
    add_bars(here, "BTC", "1d")
    add_series(here, spec("SOFR"), [5.4])
    add_series(here, MNAV, [1.5])
    here.series_path("MNAV").write_bytes(b"")
    market = load_market(here, "1d")
    assert market.known(("SOFR",)).first("SOFR").tolist() == [5.4]
    with pytest.raises(DamagedFile, match=r"MNAV.parquet is damaged"):
        market.observations.rows("MNAV")


def test_damaged_bars_cost_only_those_who_read_them(here: Store) -> None:
    add_bars(here, "BTC", "1d")
    add_bars(here, "BTC", "1h")
    here.bars_path(Listing("BTC", "binance", "BTC/USDT", "1h")).write_bytes(b"")
    assert len(load_market(here, "1d").asset_bars("BTC").frame) == 4
    hours = load_market(here, "1h")
    with pytest.raises(DamagedFile, match=r"1h.parquet is damaged"):
        hours.asset_bars("BTC")


def test_files_without_any_provenance_cost_no_others(here: Store) -> None:
    add_bars(here, "BTC", "1d")
    add_bars(here, "ETH", "1d")
    add_series(here, MNAV, [1.5])
    for path in (here.bars_path(Listing("ETH", "binance", "ETH/USDT", "1d")), here.series_path("MNAV")):
        next(path.parent.glob("*.json")).unlink()
    market = load_market(here, "1d")
    assert market.assets == ["BTC"]
    assert "MNAV" not in market.specs


def test_series_are_read_when_they_are_first_asked_for(here: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    add_bars(here, "BTC", "1d")
    for series in ("SOFR", "DGS10", "EFFR"):
        add_series(here, spec(series), [5.4])
    read, rows = [], Store.rows
    monkeypatch.setattr(Store, "rows", lambda self, series: read.append(series) or rows(self, series))
    market = load_market(here, "1d")
    known = market.known(("SOFR",), NOW)
    known.first("SOFR")
    market.known_times("SOFR")
    assert "DGS10" in market.observations
    assert read == ["SOFR"]


def test_the_state_of_every_file_is_told(here: Store) -> None:
    add_bars(here, "BTC", "1d")
    add_series(here, spec("SOFR"), [5.4, 5.3])
    here.add_futures(
        "BTC", futures_rows(pd.DatetimeIndex([NOW]), pd.Timestamp("2024-03-29 08:00", tz="UTC"), [101.0]), FETCHED
    )
    series, bars, futures = status(here, NOW)
    assert [row.kind for row in (series, bars, futures)] == ["series", "bars", "futures"]
    assert (series.name, series.rows, series.gaps, series.sources) == ("SOFR", 2, 0, ("test",))
    assert series.age == pd.Timedelta(days=39)  # known on 3 January, now is 11 February
    assert (bars.name, bars.rows, bars.gaps) == ("binance BTC/USDT 1d", 4, 0)
    assert bars.known_until == pd.Timestamp("2024-01-05", tz="UTC")
    assert (futures.name, futures.age, futures.fetched_at) == ("BTC", pd.Timedelta(0), FETCHED.fetched_at)
    assert [row.problem for row in (series, bars, futures)] == ["", "", ""]
    assert [row.group for row in (series, bars, futures)] == ["macro", "prices", "futures"]


def test_what_should_be_there_by_now_is_due(here: Store) -> None:
    add_bars(here, "BTC", "1d")
    add_series(here, spec("SOFR"), [5.4, 5.3])
    add_series(here, MNAV, [1.5])
    here.add_futures(
        "BTC", futures_rows(pd.DatetimeIndex([NOW]), pd.Timestamp("2024-03-29 08:00", tz="UTC"), [101.0]), FETCHED
    )
    due = {row.name: (row.due, row.due_since) for row in status(here, NOW)}
    # 27 days in January and nine in February: the tenth ends at this minute.
    assert due["binance BTC/USDT 1d"] == (27 + 9, pd.Timestamp("2024-01-05", tz="UTC"))
    # The rates from 3 January to 8 February: 29 + 8 days, less five weekends and Martin Luther King's day.
    assert due["SOFR"] == (29 + 8 - 10 - 1, pd.Timestamp("2024-01-03"))
    assert due["MNAV"][0] == 1
    assert pd.isna(due["MNAV"][1])
    assert due["BTC"][0] == 0


def test_what_came_from_a_file_is_said_so_and_needs_a_file_again(here: Store) -> None:
    add_bars(here, "BTC", "1d")
    add_bars(here, "ETH", "1d", source="file")
    add_series(here, MNAV, [1.5])
    groups = {row.name: (row.sources, row.group) for row in status(here, NOW)}
    assert groups == {
        "MNAV": (("test",), ""),
        "binance BTC/USDT 1d": (("test",), "prices"),
        "binance ETH/USDT 1d": (("file",), ""),
    }


def test_gaps_are_missing_bars_and_silences_longer_than_a_series_may_have(here: Store) -> None:
    add_bars(here, "BTC", "1d", days=2)
    add_bars(here, "BTC", "1d", days=2, first="2024-01-05")
    add_series(here, MNAV, [1.5, 1.6, 1.7], every=5)  # it may be four days old
    series, bars = status(here, NOW)
    assert series.gaps == 2
    assert bars.gaps == 1


def test_a_damaged_file_is_told_with_what_it_once_held(here: Store) -> None:
    add_series(here, spec("SOFR"), [5.4, 5.3])
    add_series(here, spec("DGS10"), [4.1])
    here.series_path("SOFR").write_bytes(b"PAR1")
    whole, damaged = status(here, NOW)
    assert (whole.name, whole.problem) == ("DGS10", "")
    assert (damaged.name, damaged.rows, damaged.gaps, damaged.due) == ("SOFR", 2, -1, -1)
    assert "SOFR.parquet is damaged" in damaged.problem


def test_a_file_without_any_provenance_is_told_too(here: Store) -> None:
    add_series(here, spec("SOFR"), [5.4, 5.3])
    next(here.series_path("SOFR").parent.glob("*.json")).unlink()
    [damaged] = status(here, NOW)
    assert damaged.name == "SOFR"
    assert damaged.summary()["first"] is None
    assert damaged.summary()["age"] is None


def test_a_state_can_be_written_as_json(here: Store) -> None:
    add_series(here, spec("SOFR"), [5.4])
    [row] = status(here, pd.Timestamp("2024-01-04 12:00", tz="UTC"))
    assert row.summary() == {
        "kind": "series",
        "name": "SOFR",
        "first": "2024-01-01T00:00:00",
        "last": "2024-01-01T00:00:00",
        "known_until": "2024-01-02T00:00:00+00:00",
        "rows": 1,
        "gaps": 0,
        "due": 1,
        "due_since": "2024-01-02T00:00:00",
        "age": 2.5,
        "sources": ["test"],
        "fetched_at": "2024-02-01T00:00:00+00:00",
        "group": "macro",
        "problem": "",
    }


def test_the_state_of_an_empty_store_is_empty(here: Store) -> None:
    assert status(here, NOW) == []
