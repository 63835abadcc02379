"""Bars of exchanges: whole from the first on, continued at both ends, and no sooner than they have ended."""

from dataclasses import replace
from email.utils import format_datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_cache.bars import Bars
from data_cache.errors import Refused, UnknownName, Unreachable
from data_cache.parquet import Fetch, provenance_at
from data_cache.sources import exchange
from data_cache.sources.exchange import jobs
from data_cache.sources.files import import_manifest
from data_cache.sources.session import Session, Step
from data_cache.store import Listing, Store
from tests.standins import history
from tests.standins.binance import Binance
from tests.standins.server import Fault, Reply, Request
from tests.venue_bars import BTC, SETTLED, Serve, binance, closes, day, fetch, flat, session, since

# What is fetched


def test_the_whole_history_comes_page_by_page(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(*range(25)), most=10))
    outcome = fetch(session(day(25), binance=server), here)
    assert closes(here) == [100.0 + number for number in range(25)]
    assert (outcome.received, outcome.added, outcome.gaps, outcome.notes) == (25, 25, 0, ())
    assert (outcome.first, outcome.last) == (day(0), day(24))
    assert [request.milliseconds("startTime") for request in server.asked("klines")] == [
        0,
        day(10).value // 10**6,
        day(20).value // 10**6,
    ]


def test_a_bar_that_has_not_ended_is_not_taken(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(0, 1, 2)))
    fetch(session(day(2) + pd.Timedelta(hours=23), binance=server), here)
    assert closes(here) == [100.0, 101.0]
    fetch(session(day(3), binance=server), here)
    assert closes(here) == [100.0, 101.0, 102.0]


def test_a_bar_is_taken_a_minute_after_its_end(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(0, 1, 2)))
    fetch(session(day(3) - pd.Timedelta(seconds=1), binance=server), here)
    assert closes(here) == [100.0, 101.0]


def test_a_bar_that_has_not_ended_by_the_clock_of_the_venue_is_not_taken(here: Store, serve: Serve) -> None:
    def three_minutes_behind(request: Request) -> Reply:
        dated = format_datetime((day(3) - pd.Timedelta(minutes=2)).to_pydatetime(), usegmt=True)
        return replace(binance(flat(0, 1, 2))(request), headers={"Date": dated})

    fetch(session(day(3), binance=serve(three_minutes_behind)), here)
    assert closes(here) == [100.0, 101.0]


def test_a_second_fetch_asks_twice_and_adds_nothing(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(*range(150))))
    now = session(day(149) + pd.Timedelta(hours=1), binance=server)
    fetch(now, here)
    server.requests.clear()
    outcome = fetch(now, here)
    assert (outcome.added, outcome.changed, outcome.last) == (0, 0, day(148))
    assert [request.path for request in server.requests] == ["/api/v3/exchangeInfo", "/api/v3/klines"]
    assert server.requests[1].milliseconds("startTime") == day(48).value // 10**6  # a hundred before the last


def test_all_series_of_a_venue_load_its_markets_once(here: Store, serve: Serve) -> None:
    frame = flat(0, 1, 2)
    server = serve(Binance({(f"{asset}/USDT", "1d", "trade"): frame for asset in ("BTC", "ETH")}))
    wanted = [job for job in jobs(session(day(3), binance=server), here, timeframes=("1d",)) if job.name[4:] == "1d"]
    assert [outcome.added for job in wanted for outcome in job.run()] == [3, 3]
    assert len(server.asked("exchangeInfo")) == 1


def test_what_came_since_is_added_and_what_was_stored_is_kept(here: Store, serve: Serve) -> None:
    fetch(session(day(3), binance=serve(binance(flat(0, 1, 2)))), here)
    outcome = fetch(session(day(6), binance=serve(binance(flat(*range(6))))), here)
    assert outcome.added == 3
    assert closes(here) == [100.0 + number for number in range(6)]


def test_a_later_start_is_kept_to_and_the_head_comes_when_it_is_asked_for(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(*range(40))))
    now = session(day(40), binance=server)
    fetch(since(now, day(30)), here)
    assert closes(here) == [100.0 + number for number in range(30, 40)]
    outcome = fetch(since(now, day(29)), here)
    assert (outcome.added, outcome.first) == (1, day(29))
    outcome = fetch(now, here)
    assert (outcome.added, outcome.first, outcome.gaps) == (29, day(0), 0)
    for asked in (None, day(35), None):
        server.requests.clear()
        assert fetch(since(now, asked), here).added == 0
        assert len(server.requests) == 2


def test_a_head_comes_though_it_is_not_known_where_the_history_begins(here: Store, serve: Serve) -> None:
    first = pd.Timestamp("2019-09-08", tz="UTC")
    marks = flat(*range(300), first=first)
    server = serve(Binance({("BTC/USDT:USDT", "1d", "mark"): marks}))
    now = session(first + pd.Timedelta(days=300), binance=server)
    fetch(since(now, first + pd.Timedelta(days=200)), here, name="BTC 1d mark")
    assert fetch(now, here, name="BTC 1d mark").added == 200


def test_a_history_that_begins_later_than_was_asked_for_lacks_no_head(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(*range(3, 40))))
    now = session(day(40), binance=server)
    fetch(now, here)
    server.requests.clear()
    fetch(now, here)
    assert len(server.asked("klines")) == 1


def test_a_head_that_is_cut_off_leaves_no_hole(here: Store, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "PIECE", 1)
    server = serve(binance(flat(*range(40)), most=10))
    now = session(day(40), binance=server)
    fetch(since(now, day(30)), here)
    server.fail(Fault(500), after=1, path="klines", times=2)
    with pytest.raises(Unreachable, match="what is stored stays as it is"):
        fetch(now, here)
    assert closes(here) == [100.0 + number for number in range(30, 40)]
    assert fetch(now, here).added == 30


def test_a_head_is_held_to_the_bars_that_it_meets(here: Store, serve: Serve) -> None:
    fetch(since(session(day(150), binance=serve(binance(flat(*range(150))))), day(30)), here)
    changed = flat(*range(150))
    changed.loc[day(30)] += 1.0
    at_binance = session(day(150), binance=serve(binance(changed, most=10)))
    outcome = fetch(since(at_binance, day(20)), here)  # one page of ten reaches just up to what is stored
    assert (outcome.added, outcome.changed) == (10, 1)
    assert outcome.notes[0].startswith("binance BTC/USDT 1d: 1 stored prices changed, first at 2017-09-16")


def test_what_was_imported_is_gone_on_with_at_both_ends(here: Store, serve: Serve) -> None:
    here.add_bars(BTC, Bars("BTC", "1d", flat(*range(20, 30))), Fetch("file", "prices.csv", day(30)))
    server = serve(binance(flat(*range(40))))
    assert fetch(session(day(40), binance=server), here).added == 30
    server.requests.clear()
    fetch(session(day(40), binance=server), here)
    assert len(server.requests) == 2


def test_nothing_is_asked_where_no_bar_can_have_ended(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(0, 1)))
    outcome = fetch(since(session(day(1) + pd.Timedelta(hours=5), binance=server), day(1)), here)
    assert outcome.notes == ("binance BTC/USDT 1d: no bar has ended since 2017-08-18 00:00:00+00:00",)
    assert server.asked("klines") == []


def test_the_provenance_says_who_was_asked_for_what(here: Store, serve: Serve) -> None:
    fetch(session(day(3), binance=serve(binance(flat(0, 1, 2)))), here)
    [told] = provenance_at(here.bars_path(BTC)).fetches
    assert (told.source, told.fetched_at, told.added) == ("binance", day(3) + SETTLED, 3)
    assert told.query == "fetch_ohlcv binance BTC/USDT 1d since 1970-01-01T00:00:00+00:00"


def test_every_step_is_told(here: Store, serve: Serve) -> None:
    steps: list[Step] = []
    quiet = session(day(40), binance=serve(binance(flat(*range(40)), most=20)))
    fetch(Session(quiet.now, endpoints=quiet.endpoints, patience=quiet.patience, say=steps.append), here)
    assert [(step.job, step.source, step.rows, step.share) for step in steps] == [
        ("BTC 1d", "binance", 0, 0.0),
        ("BTC 1d", "binance", 20, 0.5),
        ("BTC 1d", "binance", 40, 1.0),
    ]


def test_mark_and_index_prices_are_kept_apart_and_have_no_volume(here: Store, serve: Serve) -> None:
    first = pd.Timestamp("2019-09-08", tz="UTC")
    frame, listing = flat(0, 1, 2, first=first), Listing("BTC", "binance", "BTC/USDT:USDT", "1d", "mark")
    prices = {"mark": frame.assign(volume=0.0), "index": (frame + 1).assign(volume=0.0)}
    server = serve(Binance({("BTC/USDT:USDT", "1d", price): kept for price, kept in prices.items()}))
    now = session(first + pd.Timedelta(days=3), binance=server)
    assert fetch(now, here, name="BTC 1d mark").name == "binance BTC/USDT:USDT 1d mark"
    fetch(now, here, name="BTC 1d index")
    assert closes(here, listing) == [100.0, 101.0, 102.0]
    assert closes(here, Listing("BTC", "binance", "BTC/USDT:USDT", "1d", "index")) == [101.0, 102.0, 103.0]
    assert here.bars(listing).frame["volume"].tolist() == [0.0, 0.0, 0.0]


# What is asked for


def test_jobs_are_named_after_asset_timeframe_and_price(here: Store) -> None:
    named = [job.name for job in jobs(Session(day(1)), here, assets=["BTC"])]
    assert named == ["BTC 1d", "BTC 1h", "BTC 1d mark", "BTC 1d index"]
    assert {(job.group, job.provider) for job in jobs(Session(day(1)), here)} == {("prices", "exchange")}


def test_a_derived_price_that_no_named_venue_has_is_left_out(here: Store) -> None:
    assert [job.name for job in jobs(Session(day(1)), here, ["BTC"], ["1d"], ["bitfinex"])] == ["BTC 1d"]


def test_a_venue_without_spot_is_answered_with_those_that_have_it(here: Store) -> None:
    spot, *others = jobs(Session(day(1)), here, ["BTC"], ["1d"], ["okx", "bybit"])
    assert [job.name for job in others] == ["BTC 1d mark", "BTC 1d index"]
    said = (
        "^BTC 1d: no spot bars are fetched from okx, bybit; name one of these instead: "
        "binance, bitfinex, coinbaseexchange, bitstamp$"
    )
    with pytest.raises(Refused, match=said):
        spot.run()


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"assets": ["BTX"]}, "fetch has no asset 'BTX'; did you mean 'BTC'?"),
        ({"timeframes": ["1w"]}, "ebbtide has no timeframe '1w'; it has: 1d, 1h, 4h"),
        ({"venues": ["binanse"]}, "fetch has no venue of prices 'binanse'; did you mean 'binance'?"),
        ({"venues": ["kraken"]}, "fetch has no venue of prices 'kraken'; it has: binance, bitfinex, "),
    ],
)
def test_what_is_not_known_is_named_before_anything_is_asked(
    here: Store, wanted: dict[str, list[str]], said: str
) -> None:
    with pytest.raises(UnknownName) as raised:
        jobs(Session(day(1)), here, **wanted)
    assert str(raised.value).startswith(said)


def test_bars_that_a_venue_does_not_have_are_made_of_finer_ones(here: Store) -> None:
    said = "coinbaseexchange has no 4h bars; fetch 1h, of which 4h is made"
    with pytest.raises(Refused, match=said):
        fetch(session(day(1)), here, "coinbaseexchange", name="BTC 4h", timeframes=("4h",))


# The real history


FILES = {
    (asset, timeframe): f"prices/{asset.lower()}usdt_binance_spot_{timeframe}.csv.gz"
    for asset in ("BTC", "ETH")
    for timeframe in ("1d", "1h")
}


def manifest(folder: Path, shared: Path) -> Path:
    """A manifest of the four files of prices."""
    entries = [f'root = "{shared}"']
    for (asset, timeframe), file in FILES.items():
        time = 'time = "date"\ntime_timezone = "UTC"' if timeframe == "1d" else 'time = "time_utc"'
        entries.append(
            f'[[bars]]\nasset = "{asset}"\nvenue = "binance"\nsymbol = "{asset}/USDT"\ntimeframe = "{timeframe}"\n'
            f'file = "{file}"\n{time}\ncolumns = {{ volume = "volume_base" }}'
        )
    written = folder / "prices.toml"
    written.write_text("\n".join(entries), "utf-8")
    return written


@pytest.mark.real
def test_the_real_history_comes_through_ccxt_as_the_files_hold_it(
    here: Store, serve: Serve, shared: Path, tmp_path: Path
) -> None:
    imported, now = Store(tmp_path / "imported"), pd.Timestamp("2026-08-22 00:01", tz="UTC")
    import_manifest(manifest(tmp_path, shared), imported, fetched_at=now)
    at_binance = session(now, binance=serve(Binance(history.prices(shared))))
    for timeframe, start in (("1d", None), ("1h", pd.Timestamp("2018-01-01", tz="UTC"))):
        for asset in ("BTC", "ETH"):
            fetch(since(at_binance, start), here, "binance", name=f"{asset} {timeframe}", timeframes=(timeframe,))
    assert here.listings() == imported.listings()
    assert sum(len(here.bars(listing).frame) for listing in here.listings()) == 2 * 3292 + 2 * 73265
    for listing in here.listings():
        fetched, read = here.bars(listing).frame, imported.bars(listing).frame
        np.testing.assert_array_equal(fetched.index, read.index)
        np.testing.assert_array_equal(fetched.to_numpy(), read.to_numpy())
