"""Bars of exchanges: whole from the first on, continued, never spliced, and what the user reads of what went wrong."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_cache.bars import OHLCV
from data_cache.errors import NoData, Refused, UnknownName, Unreachable
from data_cache.parquet import provenance_at
from data_cache.sources import exchange
from data_cache.sources.exchange import VENUES, jobs
from data_cache.sources.files import import_manifest
from data_cache.sources.outcome import Outcome
from data_cache.sources.patience import Patience
from data_cache.sources.session import Session, Step
from data_cache.store import Listing, Store
from tests.standins import history
from tests.standins.binance import Binance
from tests.standins.bitfinex import Bitfinex
from tests.standins.coinbase import Coinbase
from tests.standins.server import Fault, Reply, Request, StandIn, as_json

BTC = Listing("BTC", "binance", "BTC/USDT", "1d")
FIRST = pd.Timestamp("2017-08-17", tz="UTC")
NOWHERE = "http://127.0.0.1:1"  # nobody listens there


def day(number: int) -> pd.Timestamp:
    """Midnight of a day of binance's history; the first is number 0."""
    return FIRST + pd.Timedelta(days=number)


def flat(*numbers: int, first: pd.Timestamp = FIRST, add: float = 0.0) -> pd.DataFrame:
    """Flat daily bars: the price of day n is 100 + n."""
    times = first + pd.to_timedelta(list(numbers), unit="D")
    prices = [100.0 + number + add for number in numbers]
    return pd.DataFrame(dict.fromkeys(OHLCV[:4], prices) | {"volume": 1.0}, index=pd.DatetimeIndex(times))


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Request], Reply]], StandIn]]:
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(StandIn(answer))


Serve = Callable[[Callable[[Request], Reply]], StandIn]


def binance(frame: pd.DataFrame, **options: int) -> Binance:
    """Binance with daily bars of BTC."""
    return Binance({("BTC/USDT", "1d", "trade"): frame}, **options)


def session(now: pd.Timestamp, waits: list[float] | None = None, **servers: StandIn) -> Session:
    """A session in which the venues that are not named are not to be reached."""
    endpoints = dict.fromkeys(VENUES, NOWHERE) | {name: server.url for name, server in servers.items()}
    sleep = (waits if waits is not None else []).append
    return Session(now, endpoints=endpoints, patience=Patience(tries=2, sleep=sleep, timeout=0.3))


def fetch(
    session: Session, here: Store, *venues: str, name: str = "BTC 1d", timeframes: tuple[str, ...] = ("1d",)
) -> Outcome:
    """Run the one job of that name."""
    [job] = [job for job in jobs(session, here, timeframes=timeframes, venues=venues) if job.name == name]
    [outcome] = job.run()
    return outcome


def since(session: Session, at: pd.Timestamp | None) -> Session:
    return Session(session.now, since=at, endpoints=session.endpoints, patience=session.patience)


def closes(here: Store, listing: Listing = BTC) -> list[float]:
    return here.bars(listing).frame["close"].tolist()


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


def test_a_second_fetch_asks_twice_and_adds_nothing(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(*range(25)), most=10))
    now = session(day(24) + pd.Timedelta(hours=1), binance=server)
    fetch(now, here)
    server.requests.clear()
    outcome = fetch(now, here)
    assert (outcome.added, outcome.changed, outcome.last) == (0, 0, day(23))
    assert [request.path for request in server.requests] == ["/api/v3/exchangeInfo", "/api/v3/klines"]
    assert server.requests[1].milliseconds("startTime") == day(21).value // 10**6  # two before the last


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
    server = serve(binance(flat(*range(40)), most=10))
    now = session(day(40), binance=server)
    fetch(since(now, day(30)), here)
    assert closes(here) == [100.0 + number for number in range(30, 40)]
    outcome = fetch(since(now, day(20)), here)
    assert (outcome.added, outcome.first) == (10, day(20))
    outcome = fetch(now, here)
    assert (outcome.added, outcome.first, outcome.gaps) == (20, day(0), 0)
    server.requests.clear()
    assert fetch(now, here).added == 0
    assert len(server.requests) == 2


def test_nothing_is_asked_where_no_bar_can_have_ended(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(0, 1)))
    outcome = fetch(since(session(day(1) + pd.Timedelta(hours=5), binance=server), day(1)), here)
    assert outcome.notes == ("binance BTC/USDT 1d: no bar has ended since 2017-08-18 00:00:00+00:00",)
    assert server.asked("klines") == []


def test_the_provenance_says_who_was_asked_for_what(here: Store, serve: Serve) -> None:
    fetch(session(day(3), binance=serve(binance(flat(0, 1, 2)))), here)
    [told] = provenance_at(here.bars_path(BTC)).fetches
    assert (told.source, told.fetched_at, told.added) == ("binance", day(3), 3)
    assert told.query == "fetch_ohlcv binance BTC/USDT 1d since 2017-08-17T00:00:00+00:00"


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


def test_a_price_that_no_named_venue_has_is_left_out(here: Store) -> None:
    assert [job.name for job in jobs(Session(day(1)), here, ["BTC"], ["1d"], ["bitfinex"])] == ["BTC 1d"]
    assert [job.name for job in jobs(Session(day(1)), here, ["BTC"], ["1d"], ["okx"])] == [
        "BTC 1d mark",
        "BTC 1d index",
    ]


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


# What goes wrong, and what is kept


def test_what_had_come_before_a_failure_is_kept_and_continued(here: Store, serve: Serve, waits: list[float]) -> None:
    server = serve(binance(flat(*range(30)), most=10))
    server.fail(Fault(500, b"<html>"), after=2, path="klines", times=2)
    with pytest.raises(
        Unreachable, match=r"^BTC 1d: binance answered 500: '<html>' \(asked 2 times in 1 s\); name ano"
    ):
        fetch(session(day(30), waits, binance=server), here, "binance")
    assert closes(here) == [100.0 + number for number in range(20)]
    assert fetch(session(day(30), binance=server), here, "binance").added == 10
    assert closes(here) == [100.0 + number for number in range(30)]


def test_pieces_are_saved_on_the_way(here: Store, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "PIECE", 2)
    stored: list[int] = []
    quiet = session(day(30), binance=serve(binance(flat(*range(30)), most=5)))

    def note(step: Step) -> None:
        stored.append(len(closes(here)) if here.listings() else 0)

    fetch(Session(quiet.now, endpoints=quiet.endpoints, patience=quiet.patience, say=note), here)
    assert stored == [0, 0, 10, 10, 20, 20, 30]


def test_a_job_that_is_cancelled_keeps_what_had_come(here: Store, serve: Serve) -> None:
    quiet = session(day(30), binance=serve(binance(flat(*range(30)), most=10)))

    def cancel(step: Step) -> None:
        if step.rows == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(Session(quiet.now, endpoints=quiet.endpoints, patience=quiet.patience, say=cancel), here)
    assert len(closes(here)) == 20


def test_a_rate_limit_is_waited_for(here: Store, serve: Serve, waits: list[float]) -> None:
    server = serve(binance(flat(*range(30)), most=10))
    server.fail(Fault(429, b"{}", {"Retry-After": "7"}), after=1, path="klines")
    server.fail(Fault(418, b"{}"), after=2, path="klines")
    assert fetch(session(day(30), waits, binance=server), here).added == 30
    assert waits == [7, 10]


def test_a_candle_that_changed_is_said_and_the_stored_one_kept(here: Store, serve: Serve) -> None:
    fetch(session(day(5), binance=serve(binance(flat(*range(5))))), here)
    changed = flat(*range(6))
    changed.loc[day(3), "high"] = 190.0
    outcome = fetch(session(day(6), binance=serve(binance(changed))), here)
    assert (outcome.added, outcome.changed) == (1, 1)
    [note] = outcome.notes
    assert note.startswith("binance BTC/USDT 1d: 1 stored prices changed, first at 2017-08-20 00:00:00+00:00: stored")
    assert "high 103" in note
    assert "new open 103, high 190" in note
    assert closes(here) == [100.0 + number for number in range(6)]
    assert here.bars(BTC).frame["high"].max() == 105.0


def test_a_series_that_ends_early_is_noted(here: Store, serve: Serve) -> None:
    outcome = fetch(session(day(30), binance=serve(binance(flat(*range(10))))), here)
    assert outcome.notes == (
        "binance BTC/USDT 1d ends early: its last bar ended 2017-08-27 00:00:00+00:00, and the venue gives none since",
    )
    assert len(closes(here)) == 10


def test_an_outage_is_a_gap_and_no_end(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(*range(10), 14, 15), most=10))
    outcome = fetch(session(day(16), binance=server), here)
    assert (outcome.added, outcome.gaps, outcome.notes) == (12, 1, ())
    assert len(server.asked("klines")) == 3  # the page that began too late was asked for once more


def test_a_page_out_of_order_is_asked_for_again(here: Store, serve: Serve) -> None:
    frame = flat(*range(30))
    server = serve(binance(frame, most=10))
    ahead = binance(frame.iloc[20:])(Request("/klines", {"symbol": "BTCUSDT", "interval": "1d"}))
    server.fail(Fault(200, ahead.body), after=1, path="klines")
    assert fetch(session(day(30), binance=server), here).gaps == 0
    assert closes(here) == [100.0 + number for number in range(30)]


def test_an_empty_page_inside_a_history_is_asked_for_again(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(*range(30)), most=10))
    server.fail(Fault(200, b"[]"), after=1, path="klines")
    assert fetch(session(day(30), binance=server), here).added == 30


def test_a_page_that_repeats_is_an_error_and_no_end(here: Store, serve: Serve) -> None:
    repeating = binance(flat(*range(10)))

    def answer(request: Request) -> Reply:
        return repeating(Request(request.path, {k: v for k, v in request.query.items() if k != "startTime"}))

    said = (
        r"^BTC 1d: binance BTC/USDT 1d: asked for bars from 2017-08-27 00:00:00\+00:00 on, the venue repeats those "
        r"until 2017-08-26 00:00:00\+00:00 and does not go on; name another venue with --venue NAME"
    )
    with pytest.raises(Refused, match=said):
        fetch(session(day(30), binance=serve(answer)), here, "binance")
    assert len(closes(here)) == 10


def test_two_bars_for_one_time_that_agree_are_one(here: Store, serve: Serve) -> None:
    twice = pd.concat([flat(0, 1, 2), flat(1)]).sort_index()
    assert fetch(session(day(3), binance=serve(binance(twice))), here).added == 3


def test_two_bars_for_one_time_that_differ_are_refused(here: Store, serve: Serve) -> None:
    twice = pd.concat([flat(0, 1, 2), flat(1, add=5.0)]).sort_index()
    said = r"the venue gave two bars for 2017-08-18 00:00:00\+00:00 that differ, in one answer"
    with pytest.raises(Refused, match=said):
        fetch(session(day(3), binance=serve(binance(twice))), here, "binance")
    assert here.listings() == []


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        ({"high": 1.0}, "high is below another price of the bar"),
        ({"open": 0.0, "low": 0.0}, "a price is zero or negative"),
        ({"volume": -1.0}, "volume is missing, negative or infinite"),
    ],
)
def test_bars_that_cannot_be_right_are_refused(here: Store, serve: Serve, spoiled: dict[str, float], said: str) -> None:
    frame = flat(0, 1, 2)
    frame.loc[day(1), list(spoiled)] = list(spoiled.values())
    with pytest.raises(Refused, match=said):
        fetch(session(day(3), binance=serve(binance(frame))), here, "binance")
    assert here.listings() == []


def test_rows_that_are_no_candles_are_refused(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(0, 1, 2)))
    server.fail(Fault(200, b'[["x", "y"]]'), path="klines")
    with pytest.raises(Refused, match="the venue gave a bar without a time"):
        fetch(session(day(3), binance=server), here, "binance")


# Truncation


def test_a_history_that_begins_late_is_truncated_and_not_taken(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(*range(60)), newest=20))  # whatever it is asked for, as kraken does
    said = (
        r"binance BTC/USDT 1d is truncated: its first bar opens 2017-09-26 00:00:00\+00:00, expected was one by "
        r"2017-08-20 00:00:00\+00:00"
    )
    with pytest.raises(Refused, match=said):
        fetch(session(day(60), binance=server), here, "binance")
    assert here.listings() == []


def test_a_continuation_that_leaves_a_hole_is_truncated(here: Store, serve: Serve) -> None:
    fetch(session(day(10), binance=serve(binance(flat(*range(10))))), here)
    newest = serve(binance(flat(*range(60)), newest=20))
    with pytest.raises(Refused, match=r"is truncated: its first bar opens 2017-09-26 .* by 2017-08-27"):
        fetch(session(day(60), binance=newest), here, "binance")
    assert len(closes(here)) == 10


def test_a_history_may_begin_as_late_as_an_outage_lasts(here: Store, serve: Serve) -> None:
    assert fetch(session(day(9), binance=serve(binance(flat(*range(3, 9))))), here).first == day(3)


def test_an_empty_history_is_truncated(here: Store, serve: Serve) -> None:
    with pytest.raises(
        Refused, match=r"binance BTC/USDT 1d has no bars from 1970.* on; expected was one by 2017-08-20"
    ):
        fetch(session(day(9), binance=serve(binance(flat(0).iloc[:0]))), here, "binance")
    with pytest.raises(NoData):
        here.bars(BTC)


# Several venues


ON_BITFINEX = Listing("BTC", "bitfinex", "BTC/USD", "1d")
SPRING = pd.Timestamp("2013-04-01", tz="UTC")


def bitfinex(add: float = 0.0) -> Bitfinex:
    """Bitfinex with daily bars of BTC from the first of April 2013 to the fiftieth day of binance."""
    return Bitfinex({("BTC/USD", "1d"): flat(*range((day(50) - SPRING).days), first=SPRING, add=add)})


def test_where_one_venue_is_blocked_the_next_is_asked_and_said(here: Store, serve: Serve, waits: list[float]) -> None:
    blocked = serve(lambda request: as_json({"code": 0, "msg": "restricted location"}, 451))
    outcome = fetch(session(day(50), waits, binance=blocked, bitfinex=serve(bitfinex())), here)
    assert outcome.source == "bitfinex"
    assert here.listings() == [ON_BITFINEX]
    [note] = outcome.notes
    assert note.startswith("binance: geographic block (451), it said ")
    assert note.endswith("; bitfinex instead")
    assert waits == []


def test_bars_of_two_venues_are_never_spliced(here: Store, serve: Serve) -> None:
    fetch(session(day(10), binance=serve(binance(flat(*range(10))))), here)
    outcome = fetch(session(day(50), bitfinex=serve(bitfinex(add=7.0))), here)
    assert here.listings() == [BTC, ON_BITFINEX]
    assert len(closes(here)) == 10
    assert closes(here, ON_BITFINEX)[0] == 107.0
    assert outcome.notes == (
        "binance can't be reached (ConnectionError) (asked 2 times in 1 s); bitfinex instead",
        "bitfinex BTC/USD 1d is new beside binance BTC/USDT 1d: the store keeps both and joins them never",
    )


def test_the_venue_that_is_stored_is_asked_first(here: Store, serve: Serve) -> None:
    fetch(session(day(40), bitfinex=serve(bitfinex())), here)
    both = session(day(50), binance=serve(binance(flat(*range(50)))), bitfinex=serve(bitfinex()))
    outcome = fetch(both, here)
    assert (outcome.source, outcome.added, outcome.notes) == ("bitfinex", 10, ())
    assert here.listings() == [ON_BITFINEX]


def test_a_named_venue_goes_before_the_stored_one(here: Store, serve: Serve) -> None:
    fetch(session(day(40), bitfinex=serve(bitfinex())), here)
    outcome = fetch(session(day(50), binance=serve(binance(flat(*range(50))))), here, "binance")
    assert outcome.source == "binance"
    assert outcome.notes == (
        "binance BTC/USDT 1d is new beside bitfinex BTC/USD 1d: the store keeps both and joins them never",
    )


def test_a_truncating_venue_is_followed_by_the_next(here: Store, serve: Serve) -> None:
    newest = serve(binance(flat(*range(50)), newest=20))
    outcome = fetch(session(day(50), binance=newest, bitfinex=serve(bitfinex())), here)
    assert outcome.source == "bitfinex"
    assert "is truncated: its first bar opens" in outcome.notes[0]


def test_where_no_venue_answers_all_are_named_in_order(here: Store) -> None:
    said = "BTC 1d: binance can't.*; bitfinex can't.*; coinbaseexchange can't.*; bitstamp can't.*; name another venue"
    with pytest.raises(Unreachable, match=said):
        fetch(session(day(9)), here)
    assert here.listings() == []


def test_where_no_venue_answers_a_symbol_that_is_not_listed_is_said(here: Store, serve: Serve) -> None:
    other = serve(Binance({("ETH/USDT", "1d", "trade"): flat(0, 1)}))
    with pytest.raises(Refused, match="binance does not list BTC/USDT; it lists ETH/USDT"):
        fetch(session(day(2), binance=other), here, "binance")


# Windows


def test_an_empty_window_of_coinbase_is_a_gap_and_no_end(here: Store, serve: Serve) -> None:
    first = pd.Timestamp("2015-07-20", tz="UTC")
    server = serve(Coinbase({("BTC/USD", "1d"): flat(*range(200), *range(900, 1000), first=first)}))
    now = session(first + pd.Timedelta(days=1000), coinbaseexchange=server)
    outcome = fetch(now, here, "coinbaseexchange")
    assert (outcome.added, outcome.gaps) == (300, 1)
    assert (outcome.first, outcome.last) == (first, first + pd.Timedelta(days=999))
    server.requests.clear()
    assert fetch(now, here, "coinbaseexchange").added == 0
    assert len(server.requests) == 2


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
    imported, now = Store(tmp_path / "imported"), pd.Timestamp("2026-08-22 00:00", tz="UTC")
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
