"""Exchanges through ccxt: what passes, what is refused, where they are asked, and who is asked next."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pandas as pd
import pytest

from data_cache.errors import BadData, EbbtideError, Refused, UnknownName, Unreachable
from data_cache.sources.outcome import Outcome
from data_cache.sources.patience import Patience
from data_cache.sources.session import Session, Step
from data_cache.sources.venues import Listed, failing_over, opened
from tests.standins.binance import Binance
from tests.standins.bitfinex import Bitfinex
from tests.standins.server import Fault, Reply, StandIn

NOW = pd.Timestamp("2017-09-10 12:00", tz="UTC")
DAYS = pd.date_range("2017-08-17", periods=3, tz="UTC")
FLAT = pd.DataFrame({name: [4.0, 5.0, 6.0] for name in ("open", "high", "low", "close", "volume")}, index=DAYS)
RESTRICTED = b'{"code": 0, "msg": "Service unavailable from a restricted location according to b. Eligibility"}'


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn(Binance({("BTC/USDT", "1d", "trade"): FLAT})) as running:
        yield running


@pytest.fixture
def session(server: StandIn, waits: list[float]) -> Session:
    return Session(NOW, endpoints={"binance": server.url}, patience=Patience(tries=3, sleep=waits.append, timeout=1))


def candles(session: Session, symbol: str = "BTC/USDT") -> list[list[float]]:
    """What binance gives of a symbol, once it has said what it lists."""
    with opened(session, "binance", ["spot"]) as venue:
        venue.market(symbol)
        given: list[list[float]] = venue.ask(lambda client: client.fetch_ohlcv(symbol, "1d", 0, 1000))
        return given


# How it is opened


def test_bars_come_through_ccxt_from_the_named_endpoint(session: Session, server: StandIn) -> None:
    given = candles(session)
    assert [row[1] for row in given] == [4.0, 5.0, 6.0]
    assert [request.path for request in server.requests] == ["/api/v3/exchangeInfo", "/api/v3/klines"]


def test_what_a_venue_lists_is_asked_once_for_all_who_share_it(session: Session, server: StandIn) -> None:
    listed: Listed = {}
    for _ in range(2):
        with opened(session, "binance", ["spot"], listed) as venue:
            assert venue.market("BTC/USDT")["id"] == "BTCUSDT"
    assert len(server.asked("exchangeInfo")) == 1


def test_a_venue_that_ccxt_does_not_have_is_named() -> None:
    with pytest.raises(UnknownName, match="ccxt has no venue 'binanse'; did you mean 'binance'"), ExitStack() as stack:
        stack.enter_context(opened(Session(NOW), "binanse"))


@pytest.mark.parametrize(
    ("venue", "urls"),
    [
        ("binance", {"public": "http://mirror:8000/x/api/v3", "fapiPublic": "http://mirror:8000/x/fapi/v1"}),
        ("coinbaseexchange", {"public": "http://mirror:8000/x"}),  # its own URL holds a {hostname}
        ("okx", {"rest": "http://mirror:8000/x"}),
    ],
)
def test_every_url_of_a_venue_is_moved_to_its_endpoint(venue: str, urls: dict[str, str]) -> None:
    with opened(Session(NOW, endpoints={venue: "http://mirror:8000/x/"}), venue) as answering:
        moved = answering.client.urls["api"]
        assert urls.items() <= moved.items()
        assert all(url.startswith("http://mirror:8000/x") for url in moved.values())
        assert not answering.client.enableRateLimit


def test_without_an_endpoint_a_venue_is_asked_at_home_at_its_own_pace() -> None:
    with opened(Session(NOW), "bitfinex") as venue:
        assert venue.client.urls["api"]["public"] == "https://api-pub.bitfinex.com"
        assert venue.client.enableRateLimit
        assert venue.client.rateLimit == 250  # milliseconds


def test_the_proxy_of_the_environment_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(Session(NOW), "bitfinex") as venue:
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
        settings = venue.client.session.merge_environment_settings("https://api-pub.bitfinex.com", {}, None, None, None)
    assert settings["proxies"]["https"] == "http://proxy:3128"


# What passes


def test_a_failure_that_passes_is_waited_for(session: Session, server: StandIn, waits: list[float]) -> None:
    server.fail(Fault(502, b"<html>Bad gateway</html>"), times=2, path="klines")
    assert len(candles(session)) == 3
    assert waits == [1, 2]


PASSING = [
    (Fault(429, b"{}", {"Retry-After": "7"}), "binance answered 429: '{}'", [7, 7]),
    (Fault(429, b"{}"), "binance answered 429: '{}'", [10, 20]),
    (Fault(418, b"{}", {"Retry-After": "9"}), "binance answered 418: '{}'", [9, 9]),
    (Fault(500, b"<html>\n oops</html>"), "binance answered 500: '<html> oops</html>'", [1, 2]),
    (Fault(503, b"", {"Retry-After": "5"}), "binance answered 503: an empty body", [5, 5]),
    (Fault(504, b""), "binance answered 504: an empty body", [1, 2]),
    (Fault(200, b""), "binance answered no JSON: an empty body", [1, 2]),
    (Fault(200, b"<html>Maintenance</html>"), "binance answered no JSON: '<html>Maintenance</html>'", [1, 2]),
    (
        Fault(change=lambda reply: Reply(reply.body[:20])),
        "binance answered no JSON: '\\[\\[1502928000000,\"4.0'",
        [1, 2],
    ),
    (Fault(slow=True), "binance did not answer within 1 s", [1, 2]),
    (Fault(hang_up=True), r"binance can't be reached \(ConnectionError\)", [1, 2]),
]


@pytest.mark.parametrize(("fault", "said", "waited"), PASSING, ids=lambda value: str(value)[:40])
def test_what_does_not_pass_in_time_is_out_of_reach(
    session: Session, server: StandIn, waits: list[float], fault: Fault, said: str, waited: list[float]
) -> None:
    server.fail(fault, path="klines", times=99)
    with pytest.raises(Unreachable, match=rf"^{said} \(asked 3 times in \d+ s.*\); try again later$"):
        candles(session)
    assert waits == waited


def test_a_connection_that_is_refused_is_out_of_reach(waits: list[float]) -> None:
    nobody = Session(NOW, endpoints={"binance": "http://127.0.0.1:1"}, patience=Patience(tries=2, sleep=waits.append))
    with pytest.raises(Unreachable, match=r"^binance can't be reached \(ConnectionError\) \(asked 2 times in 1 s\)"):
        candles(nobody)


# What is refused


REFUSED = [
    (Fault(451, b"sorry"), r"binance: geographic block \(451\), it said 'sorry'"),
    (Fault(451, RESTRICTED), r"binance: geographic block \(451\), it said .*restricted location"),
    (Fault(403, b"<html>blocked</html>"), r"binance: no access from here \(403\), it said '<html>blocked</html>'"),
    (Fault(400, RESTRICTED), r"binance: geographic block \(400\), it said .*restricted location"),
    (Fault(404, b"no such page"), "binance answered 404: 'no such page'"),
    (Fault(400, b'{"code": -1121, "msg": "Invalid symbol."}'), "binance answered 400: .*Invalid symbol"),
    (Fault(401, b'{"code": -2014, "msg": "API-key format invalid."}'), "binance answered 401: .*API-key"),
]


@pytest.mark.parametrize(("fault", "said"), REFUSED, ids=lambda value: str(value)[:30])
def test_what_is_refused_is_asked_once(
    session: Session, server: StandIn, waits: list[float], fault: Fault, said: str
) -> None:
    server.fail(fault, path="klines", times=99)
    with pytest.raises(Refused, match=said) as raised:
        candles(session)
    assert "\n" not in str(raised.value)
    assert len(server.asked("klines")) == 1
    assert waits == []


def test_a_symbol_that_is_not_listed_is_answered_with_one_that_is(session: Session, server: StandIn) -> None:
    with pytest.raises(Refused, match=r"^binance does not list BTC/USD; it lists BTC/USDT$"):
        candles(session, "BTC/USD")
    assert server.asked("klines") == []


def test_an_answer_of_another_shape_is_shown(session: Session, server: StandIn) -> None:
    settled_in_nothing = {"symbol": "X", "baseAsset": "X", "quoteAsset": "Y", "contractType": "PERPETUAL"}
    server.fail(Fault(200, json.dumps({"symbols": [settled_in_nothing]}).encode()), path="exchangeInfo")
    with pytest.raises(Refused, match=r"^binance answered what ccxt can't read: .*PERPETUAL"):
        candles(session)


def test_an_error_that_bitfinex_numbers_is_no_failure_of_its_server(waits: list[float]) -> None:
    with StandIn(Bitfinex({("BTC/USD", "1d"): FLAT})) as server:
        session = Session(NOW, endpoints={"bitfinex": server.url}, patience=Patience(tries=3, sleep=waits.append))
        server.fail(Fault(500, b'["error", 10020, "symbol: invalid"]'), path="/hist")
        with (
            opened(session, "bitfinex") as venue,
            pytest.raises(Refused, match=r"^bitfinex answered 500: .*symbol: invalid"),
        ):
            venue.ask(lambda client: client.fetch_ohlcv("BTC/USD", "1d", 0, 10))
    assert waits == []


# Who is asked next


def outcome(venue: str) -> Outcome:
    return Outcome("bars", f"{venue} BTC 1d", venue)


def attempts(failing: dict[str, EbbtideError], asked: list[str]) -> Any:
    def attempt(venue: str) -> list[Outcome]:
        asked.append(venue)
        if venue in failing:
            raise failing[venue]
        return [outcome(venue)]

    return attempt


BLOCKED = Refused("binance: geographic block (451), it said no")
SILENT = Unreachable("bitfinex did not answer within 30 s (asked 5 times in 15 s); try again later")


def test_the_first_venue_that_answers_is_the_last_to_be_asked() -> None:
    asked: list[str] = []
    assert failing_over(Session(NOW), "BTC 1d", ["a", "b"], attempts({}, asked)) == [outcome("a")]
    assert asked == ["a"]


def test_a_venue_that_fails_is_followed_by_the_next_and_noted() -> None:
    asked: list[str] = []
    steps: list[Step] = []
    failing: dict[str, EbbtideError] = {"binance": BLOCKED, "bitfinex": SILENT, "c": BadData("c is truncated")}
    session = Session(NOW, say=steps.append)
    [got] = failing_over(session, "BTC 1d", ["binance", "bitfinex", "c", "d"], attempts(failing, asked))
    assert asked == ["binance", "bitfinex", "c", "d"]
    assert got.notes == (
        "binance: geographic block (451), it said no; bitfinex instead",
        "bitfinex did not answer within 30 s (asked 5 times in 15 s); c instead",
        "c is truncated; d instead",
    )
    assert [step.source for step in steps] == ["binance", "bitfinex", "c"]


def test_where_all_fail_each_is_named_with_its_reason_and_the_cure() -> None:
    failing: dict[str, EbbtideError] = {"binance": BLOCKED, "bitfinex": SILENT}
    said = (
        r"^BTC 1d: binance: geographic block \(451\), it said no; bitfinex did not answer within 30 s \(asked 5 times "
        r"in 15 s\); name another venue with --venue NAME, or try again later$"
    )
    with pytest.raises(Unreachable, match=said):
        failing_over(Session(NOW), "BTC 1d", list(failing), attempts(failing, []))
    with pytest.raises(Refused, match=r"^BTC 1d: binance: geographic block"):
        failing_over(Session(NOW), "BTC 1d", ["binance"], attempts(failing, []))


def test_a_begun_history_waits_for_its_venue_that_is_out_of_reach() -> None:
    asked: list[str] = []
    failing: dict[str, EbbtideError] = {"binance": BLOCKED, "bitfinex": SILENT}
    said = (
        r"^BTC 1d: binance: geographic block \(451\), it said no; bitfinex did not answer within 30 s \(asked 5 times "
        r"in 15 s\); what is stored stays as it is: try again later, or begin the history of another venue with "
        r"--venue NAME$"
    )
    with pytest.raises(Unreachable, match=said):
        failing_over(Session(NOW), "BTC 1d", ["binance", "bitfinex", "c"], attempts(failing, asked), lambda venue: True)
    assert asked == ["binance", "bitfinex"]  # the block of the first lasts: it was not waited for


# What time it is


@pytest.mark.parametrize(
    ("dated", "now"),
    [
        ("Sun, 10 Sep 2017 11:57:00 GMT", NOW - pd.Timedelta(minutes=3)),
        ("Sun, 10 Sep 2017 12:03:00 GMT", NOW),
        ("yesterday", NOW),
        ("", NOW),
    ],
)
def test_the_earlier_of_two_clocks_counts(session: Session, server: StandIn, dated: str, now: pd.Timestamp) -> None:
    server.fail(Fault(change=lambda reply: Reply(reply.body, headers={"Date": dated})), path="klines")
    with opened(session, "binance", ["spot"]) as venue:
        assert venue.now == NOW
        venue.ask(lambda client: client.fetch_ohlcv("BTC/USDT", "1d", 0, 1000))
        assert venue.now == now
