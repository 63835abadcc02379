"""How fetched rows get into the store, and what is counted."""

from pathlib import Path

import pandas as pd
import pytest

from data_cache.bars import Bars
from data_cache.catalog import spec
from data_cache.errors import BadData
from data_cache.observations import observation_rows
from data_cache.parquet import Fetch
from data_cache.releases import known_at
from data_cache.sources.outcome import Outcome, stored_bars, stored_futures, stored_series
from data_cache.store import Listing, Store, futures_rows

SOFR = spec("SOFR")
BTC = Listing("BTC", "binance", "BTC/USDT", "1d")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def at(day: str) -> pd.Timestamp:
    return pd.Timestamp(day, tz="UTC").as_unit("ns")


def fetch(day: str, source: str = "newyorkfed") -> Fetch:
    return Fetch(source, "search.json", at(day))


def sofr(values: dict[str, float]) -> pd.DataFrame:
    periods = pd.DatetimeIndex(list(values)).as_unit("ns")
    return observation_rows(periods, known_at(SOFR, periods), list(values.values()))


def daily(closes: dict[str, float]) -> Bars:
    prices = pd.Series(closes)
    frame = pd.DataFrame({"open": prices, "high": prices, "low": prices, "close": prices, "volume": 1.0})
    return Bars("BTC", "1d", frame.set_axis(pd.DatetimeIndex(list(closes), tz="UTC").as_unit("ns"), axis=0))


def test_what_is_not_known_yet_is_not_stored(store: Store) -> None:
    # SOFR of Friday 31 October is known on Monday at 08:00 in New York, 13:00 UTC.
    rows = sofr({"2025-10-30": 4.04, "2025-10-31": 4.22})
    early = stored_series(store, SOFR, rows, fetch("2025-11-03 12:59"))
    assert (early.received, early.added, early.last) == (2, 1, pd.Timestamp("2025-10-30"))
    later = stored_series(store, SOFR, rows, fetch("2025-11-03 13:00"))
    assert (later.received, later.added, later.revised, later.last) == (2, 1, 0, pd.Timestamp("2025-10-31"))


def test_rows_that_are_all_of_the_future_leave_no_file(store: Store) -> None:
    outcome = stored_series(store, SOFR, sofr({"2025-10-31": 4.22}), fetch("2025-10-31"))
    assert (outcome.added, store.series()) == (0, [])


def test_a_value_that_changed_is_a_further_row_known_at_the_fetch(store: Store) -> None:
    stored_series(store, SOFR, sofr({"2025-10-30": 4.04}), fetch("2025-11-01"))
    outcome = stored_series(store, SOFR, sofr({"2025-10-30": 4.05, "2025-10-31": 4.22}), fetch("2025-11-04"))
    assert (outcome.added, outcome.revised) == (2, 1)
    rows = store.rows("SOFR")
    revised = rows[rows["period"] == pd.Timestamp("2025-10-30")]
    assert revised["value"].tolist() == [4.04, 4.05]
    assert revised["origin"].tolist() == ["rule", "seen"]
    assert revised["known_at"].iloc[1] == at("2025-11-04")


def test_a_switched_unit_is_refused_and_leaves_what_is_stored(store: Store) -> None:
    stored_series(store, SOFR, sofr({"2025-10-30": 4.04}), fetch("2025-11-01"))
    with pytest.raises(BadData, match=r"SOFR: 422 % on 2025-10-31 lies outside .*is the file in bps instead of %\?"):
        stored_series(store, SOFR, sofr({"2025-10-31": 422.0}), fetch("2025-11-04"))
    assert store.rows("SOFR")["value"].tolist() == [4.04]


def test_a_changed_bar_is_kept_as_stored_and_said_while_new_ones_are_added(store: Store) -> None:
    stored_bars(store, BTC, daily({"2025-10-30": 108_000, "2025-10-31": 110_000}), fetch("2025-11-01", "binance"))
    bars = daily({"2025-10-31": 109_999, "2025-11-01": 110_500})
    outcome = stored_bars(store, BTC, bars, fetch("2025-11-02", "binance"))
    assert (outcome.received, outcome.added, outcome.changed) == (2, 1, 1)
    assert store.bars(BTC).frame["close"].tolist() == [108_000, 110_000, 110_500]
    assert outcome.notes == (
        "binance BTC/USDT 1d: 1 stored prices changed, first at 2025-10-31 00:00:00+00:00: stored open 110000, high "
        "110000, low 110000, close 110000, volume 1, new open 109999, high 109999, low 109999, close 109999, volume 1; "
        "the stored ones were kept: find out why, then delete the file to take the new",
    )


def test_bars_that_all_changed_change_nothing(store: Store) -> None:
    stored_bars(store, BTC, daily({"2025-10-31": 110_000}), fetch("2025-11-01", "binance"))
    outcome = stored_bars(store, BTC, daily({"2025-10-31": 109_999}), fetch("2025-11-02", "binance"))
    assert (outcome.added, outcome.changed, outcome.first) == (0, 1, at("2025-10-31"))


def test_gaps_are_those_of_all_that_is_stored(store: Store) -> None:
    stored_bars(store, BTC, daily({"2025-10-28": 1, "2025-10-31": 1}), fetch("2025-11-01", "binance"))
    outcome = stored_bars(store, BTC, daily({"2025-11-01": 1}), fetch("2025-11-02", "binance"))
    assert (outcome.gaps, outcome.first, outcome.last) == (1, at("2025-10-28"), at("2025-11-01"))


def test_a_changed_close_of_a_future_is_kept_as_stored(store: Store) -> None:
    expiry = at("2025-12-26 08:00")
    first = futures_rows([at("2025-11-01"), at("2025-11-02")], expiry, [111_000.0, 112_000.0])
    stored_futures(store, "BTC", first, fetch("2025-11-02", "deribit"))
    second = futures_rows([at("2025-11-02"), at("2025-11-03")], expiry, [112_001.0, 113_000.0])
    outcome = stored_futures(store, "BTC", second, fetch("2025-11-03", "deribit"))
    assert (outcome.added, outcome.changed) == (1, 1)
    assert store.futures("BTC")[expiry].tolist() == [111_000, 112_000, 113_000]
    assert "futures on BTC: 1 stored prices changed, first at 2025-11-02 00:00:00+00:00 expiry" in outcome.notes[0]


def test_pieces_of_one_file_make_one_outcome() -> None:
    first = Outcome(
        "bars", "x", "binance", received=5, added=5, first=at("2025-01-01"), last=at("2025-01-05"), notes=("a",)
    )
    later = Outcome("bars", "x", "binance", received=3, added=2, gaps=1, first=at("2025-01-01"), last=at("2025-01-07"))
    joined = first.then(later).noting("b")
    assert (joined.received, joined.added, joined.gaps, joined.notes) == (8, 7, 1, ("a", "b"))
    assert joined.last == at("2025-01-07")
    assert joined.summary()["last"] == "2025-01-07T00:00:00+00:00"
    assert Outcome("series", "SOFR", "newyorkfed").summary()["first"] is None
