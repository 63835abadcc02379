"""`ebbtide fetch` as a user meets it: from nothing, the next day, without a key, against providers that fail."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data_cache.catalog import CATALOG
from data_cache.sources.patience import Patience
from data_cache.store import Store
from tests.standins.fred import KEY
from tests.standins.providers import NOW, Providers, autumn, endpoints, serving
from tests.standins.server import Fault, Reply, StandIn

Ebbtide = Callable[..., Any]
Servers = dict[str, StandIn]
SINCE = ("--from", "2025-09-01")


@pytest.fixture
def world() -> Providers:
    return autumn()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def servers(world: Providers, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Servers]:
    """Every provider on loopback, a key, a store of its own, the last moment of the small world, and no waiting."""
    with serving(world) as running:
        (tmp_path / "endpoints.toml").write_text(endpoints(running))
        monkeypatch.setenv("EBBTIDE_ENDPOINTS", str(tmp_path / "endpoints.toml"))
        monkeypatch.setenv("EBBTIDE_STORE", str(store.folder))
        monkeypatch.setenv("FRED_API_KEY", KEY)
        monkeypatch.setattr("data_cache.parquet.now", lambda: NOW)
        monkeypatch.setattr("backtests.fetch_request.Patience", partial(Patience, first=0, limited=0))
        yield running


def asked(servers: Servers) -> int:
    return sum(len(server.requests) for server in {id(server): server for server in servers.values()}.values())


def test_one_command_fetches_all_that_there_is(ebbtide: Ebbtide, servers: Servers, store: Store) -> None:
    summary = ebbtide("fetch", *SINCE, "--json").json
    assert summary["failures"] == []
    assert summary["store"] == str(store.folder)
    funding = {f"{kind}_{asset}" for kind in ("FUNDING", "OPEN_INTEREST") for asset in ("BTC", "ETH")}
    assert set(store.series()) == {spec.id for spec in CATALOG} | funding
    assert store.futures_assets() == ["BTC", "ETH"]
    assert [str(listing) for listing in store.listings() if listing.asset == "BTC"] == [
        "binance BTC/USDT 1d",
        "binance BTC/USDT 1h",
        "binance BTC/USDT:USDT 1d index",
        "binance BTC/USDT:USDT 1d mark",
    ]
    # 80 days from 1 September, the last of them ended at midnight; and twelve hours of the day that runs.
    assert {str(one): len(store.bars(one).frame) for one in store.listings() if one.symbol == "BTC/USDT"} == {
        "binance BTC/USDT 1d": 80,
        "binance BTC/USDT 1h": 80 * 24 + 12,
    }


def test_the_take_up_of_two_windows_is_one_number_known_on_its_day(
    ebbtide: Ebbtide, servers: Servers, store: Store
) -> None:
    assert ebbtide("fetch", "macro", *SINCE, "--quiet").out == ""
    row = store.rows("SRF").set_index("period").loc["2025-10-31"]
    assert row["value"] == pytest.approx(50.35, abs=1e-12)
    assert row["known_at"] == pd.Timestamp("2025-10-31 14:01", tz="America/New_York")


def test_a_second_fetch_asks_at_most_twice_a_series_and_adds_nothing(
    ebbtide: Ebbtide, servers: Servers, store: Store
) -> None:
    ebbtide("fetch", *SINCE, "--quiet")
    before = asked(servers)
    summary = ebbtide("fetch", "--json", *SINCE).json
    assert {outcome["name"]: outcome["added"] for outcome in summary["outcomes"] if outcome["added"]} == {}
    assert len(summary["outcomes"]) == 35 + 4 + 8 + 2
    assert asked(servers) - before <= 2 * len(summary["outcomes"])


def test_the_next_day_brings_only_what_is_new(
    ebbtide: Ebbtide, servers: Servers, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    day_before = NOW - pd.Timedelta(days=1)
    monkeypatch.setattr("data_cache.parquet.now", lambda: day_before)
    ebbtide("fetch", *SINCE, "--quiet")
    monkeypatch.setattr("data_cache.parquet.now", lambda: NOW)
    added = {outcome["name"]: outcome["added"] for outcome in ebbtide("fetch", *SINCE, "--json").json["outcomes"]}
    assert {name: added[name] for name in ("binance BTC/USDT 1d", "binance BTC/USDT 1h", "FUNDING_BTC", "SOFR")} == {
        "binance BTC/USDT 1d": 1,
        "binance BTC/USDT 1h": 24,
        "FUNDING_BTC": 3,
        # At noon UTC of the 20th it is 07:00 in New York: of 18 November it is known, of the 19th not before 08:00.
        "SOFR": 1,
    }
    assert added["WALCL"] == 0  # of Wednesday 19 November, known on Thursday 20 at 16:30


def test_what_was_fetched_is_backtested(ebbtide: Ebbtide, servers: Servers) -> None:
    ebbtide("fetch", *SINCE, "--quiet")
    results = ebbtide("compare", "BuyAndHold", "FixedMix", "--data", "cache", "--json").json["results"]
    assert [result["manifest"]["bars"] for result in results] == [80, 80]
    assert results[0]["manifest"]["origin"].endswith("BTC from binance BTC/USDT 1d, ETH from binance ETH/USDT 1d")


def test_the_report_names_rows_places_and_venues(ebbtide: Ebbtide, servers: Servers, store: Store) -> None:
    said = ebbtide("fetch", "prices", *SINCE, "--timeframe", "1d").out
    lines = [line.split() for line in said.splitlines()]
    assert lines[0] == ["fetched", "source", "received", "new", "revised", "gaps", "first", "last"]
    assert lines[1] == ["binance", "BTC/USDT", "1d", "binance", "80", "80", "0", "0", "2025-09-01", "2025-11-19"]
    assert f"{6 * 80} new rows in {store.folder}" in said


def test_without_a_key_all_else_is_fetched_and_the_way_to_the_key_is_told(
    ebbtide: Ebbtide, servers: Servers, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FRED_API_KEY")
    answer = ebbtide("fetch", "macro", *SINCE)
    assert answer.code == 0
    assert "without a FRED key, its series come from FRED's public CSV: final values" in answer.out
    assert "The key is free: https://fred.stlouisfed.org/docs/api/api_key.html" in answer.out
    assert set(store.series()) == {spec.id for spec in CATALOG} - {"THREEFYTP10"}
    monkeypatch.setenv("FRED_API_KEY", KEY)
    ebbtide("fetch", "macro", *SINCE, "--quiet")
    assert "THREEFYTP10" in store.series()


def test_a_result_says_which_series_are_final_values(
    ebbtide: Ebbtide, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> tuple[list[str], dict[str, list[str]]]:
        answer = ebbtide("run", "TermPremiumShield", "--data", "cache", "--set", "days=5", "--json").json
        return [f["code"] for f in answer["findings"]], answer["manifest"]["sources"]

    ebbtide("fetch", "prices", *SINCE, "--timeframe", "1d", "--quiet")
    monkeypatch.delenv("FRED_API_KEY")
    ebbtide("fetch", "macro", *SINCE, "--quiet")
    codes, sources = told()
    assert "FINAL_VALUES" in codes
    assert sources["DGS10"] == ["fredgraph"]
    monkeypatch.setenv("FRED_API_KEY", KEY)
    ebbtide("fetch", "macro", *SINCE, "--quiet")
    codes, sources = told()
    assert "FINAL_VALUES" not in codes
    assert sources["DGS10"] == ["fred"]


def test_a_key_from_a_file_is_taken_and_never_shown(
    ebbtide: Ebbtide, servers: Servers, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FRED_API_KEY")
    (tmp_path / "key").write_text(KEY + "\n")
    servers["fred"].fail(Fault(500, b"<html>down</html>"), times=99)
    failed = ebbtide("fetch", "macro", *SINCE, "--fred-key-file", tmp_path / "key")
    assert failed.code == 2
    assert "THREEFYTP10" in failed.err
    servers["fred"]._planned.clear()
    done = ebbtide("fetch", "macro", *SINCE, "--fred-key-file", tmp_path / "key")
    stored = b"".join(path.read_bytes() for path in store.folder.rglob("*") if path.is_file())
    for text in (failed.out, failed.err, done.out, done.err):
        assert KEY not in text
    assert KEY.encode() not in stored


def test_a_provider_that_is_down_costs_only_its_own(ebbtide: Ebbtide, servers: Servers, store: Store) -> None:
    servers["treasury"].fail(Fault(503, b""), times=99)
    answer = ebbtide("fetch", "macro", *SINCE)
    assert answer.code == 2
    assert answer.err == "ebbtide: 2 jobs failed: TGA; DEBT; what came of the others is stored\n"
    assert "failed TGA: treasury answered 503: an empty body (asked 5 times in 0 s); try again later" in answer.out
    assert "failed DEBT: treasury answered 503: an empty body (asked once); try again later" in answer.out
    assert {"SRF", "SOFR", "WALCL"} <= set(store.series())
    quiet = ebbtide("fetch", "macro", *SINCE, "--quiet")
    assert quiet.out == ""
    assert "failed TGA: treasury answered 503" in quiet.err


def test_a_geographic_block_moves_on_to_the_next_venue_and_says_so(
    ebbtide: Ebbtide, servers: Servers, store: Store
) -> None:
    blocked = b'{"code": 0, "msg": "Service unavailable from a restricted location"}'
    servers["binance"].fail(Fault(451, blocked), times=99)
    answer = ebbtide("fetch", "funding", *SINCE)
    assert answer.code == 0
    assert "binance: geographic block (451)" in answer.out
    assert "bybit instead" in answer.out
    assert store.rows("FUNDING_BTC")["value"].iloc[0] == 0.0001


def test_a_changed_price_is_kept_told_and_a_failed_check(
    ebbtide: Ebbtide, servers: Servers, store: Store, world: Providers
) -> None:
    ebbtide("fetch", "prices", *SINCE, "--timeframe", "1d", "--quiet")

    def dearer(reply: Reply) -> Reply:
        close = float(world.binance["BTC/USDT", "1d", "trade"]["close"].iloc[-2])
        return Reply(reply.body.replace(f'"{close!r}",'.encode(), b'"99999.99",'))

    servers["binance"].fail(Fault(change=dearer), path="/api/v3/klines")
    answer = ebbtide("fetch", "prices", *SINCE, "--timeframe", "1d")
    assert answer.code == 1
    assert answer.err == "ebbtide: 1 stored prices are different at their venue now; the stored ones were kept\n"
    assert "binance BTC/USDT 1d: 1 stored prices changed, first at 2025-11-19" in answer.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("price",), "fetch has no group 'price'; did you mean 'prices'?"),
        (("prices", "--timeframe", "2h"), "ebbtide has no timeframe '2h'; it has: 1d, 1h, 4h"),
        (("prices", "--venue", "binanze"), "did you mean 'binance'?"),
        (("--from", "2199-01-01"), "--from 2199-01-01 lies in the future"),
        (("--from", "yesterday"), "--from takes a date such as 2021-08-01; found 'yesterday'"),
        (("--fred-key-file", "nowhere"), "nowhere is not there; put your FRED key on its first line"),
        (("prices", "--venue", "deribit"), "deribit can't give prices; name one that can: binance, bitfinex"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_before_anyone_is_asked(
    ebbtide: Ebbtide, servers: Servers, arguments: tuple[str, ...], sentence: str
) -> None:
    assert sentence in ebbtide("fetch", *arguments).sentence()
    assert asked(servers) == 0


def test_an_endpoint_of_nobody_is_refused_lest_the_real_host_be_asked(
    ebbtide: Ebbtide, servers: Servers, tmp_path: Path
) -> None:
    (tmp_path / "endpoints.toml").write_text('binanse = "http://127.0.0.1:1"\n')
    said = ebbtide("fetch").sentence()
    assert said == "$EBBTIDE_ENDPOINTS has no provider 'binanse'; did you mean 'binance'?"
    assert asked(servers) == 0


# Against second sources


def test_a_check_compares_with_second_sources_and_writes_nothing(
    ebbtide: Ebbtide, servers: Servers, store: Store
) -> None:
    ebbtide("fetch", *SINCE, "--quiet")
    before = {path: path.stat().st_mtime_ns for path in store.folder.rglob("*")}
    answer = ebbtide("fetch", "--check")

    assert answer.code == 1  # the small world's account is not that of its Wednesdays
    assert "Treasury's account on Wednesdays" in answer.err
    assert {path: path.stat().st_mtime_ns for path in store.folder.rglob("*")} == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "nothing cached in .*store to compare; run: ebbtide fetch"),
        (("pricess",), "fetch has no group 'pricess'; did you mean 'prices'"),
        (("--venue", "binanze"), "fetch has no venue 'binanze'; did you mean 'binance'"),
        (("--timeframe", "2h"), "ebbtide has no timeframe '2h'"),
    ],
)
def test_a_check_that_makes_no_sense_is_refused(
    ebbtide: Ebbtide, servers: Servers, arguments: tuple[str, ...], sentence: str
) -> None:
    assert re.search(sentence, ebbtide("fetch", "--check", *arguments).sentence())
    assert asked(servers) == 0


def test_timeframes_may_have_blanks_between_them(ebbtide: Ebbtide, servers: Servers, store: Store) -> None:
    ebbtide("fetch", "prices", *SINCE, "--timeframe", "1d, 1h", "--quiet")
    assert {listing.timeframe for listing in store.listings()} == {"1d", "1h"}
