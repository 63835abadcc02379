"""Bars of several venues: who is asked, who is asked next, never spliced, and compared with one another."""

from dataclasses import replace

import pandas as pd
import pytest

from data_cache.errors import BadUsage, NoData, Refused, Unreachable
from data_cache.sources.exchange import elsewhere
from data_cache.store import Listing, Store
from tests.standins.binance import Binance
from tests.standins.bitfinex import Bitfinex
from tests.standins.server import Fault, Reply, Request, as_json
from tests.venue_bars import BTC, Serve, binance, closes, day, fetch, flat, session, since

# Several venues


ON_BITFINEX = Listing("BTC", "bitfinex", "BTC/USD", "1d")
SPRING = pd.Timestamp("2013-04-01", tz="UTC")


def blocked(request: Request) -> Reply:
    """What Binance answers where it may not serve."""
    return as_json({"code": 0, "msg": "restricted location"}, 451)


def bitfinex(add: float = 0.0) -> Bitfinex:
    """Bitfinex with daily bars of BTC from the first of April 2013 to the fiftieth day of binance."""
    return Bitfinex({("BTC/USD", "1d"): flat(*range((day(50) - SPRING).days), first=SPRING, add=add)})


def test_where_one_venue_is_blocked_the_next_is_asked_and_said(here: Store, serve: Serve, waits: list[float]) -> None:
    outcome = fetch(session(day(50), waits, binance=serve(blocked), bitfinex=serve(bitfinex())), here)
    assert outcome.source == "bitfinex"
    assert here.listings() == [ON_BITFINEX]
    [note] = outcome.notes
    assert note.startswith("binance: geographic block (451), it said ")
    assert note.endswith("; bitfinex instead")
    assert waits == []


def test_bars_of_two_venues_are_never_spliced(here: Store, serve: Serve) -> None:
    fetch(session(day(10), binance=serve(binance(flat(*range(10))))), here)
    outcome = fetch(session(day(50), binance=serve(blocked), bitfinex=serve(bitfinex(add=7.0))), here)
    assert here.listings() == [BTC, ON_BITFINEX]
    assert len(closes(here)) == 10
    assert closes(here, ON_BITFINEX)[0] == 107.0
    assert outcome.notes == (
        """binance: geographic block (451), it said '{"code": 0, "msg": "restricted location"}'; bitfinex instead""",
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


def test_a_stored_history_waits_for_its_venue_that_is_out_of_reach(here: Store, serve: Serve) -> None:
    fetch(session(day(10), binance=serve(binance(flat(*range(10))))), here)
    said = (
        r"^BTC 1d: binance can't be reached \(ConnectionError\) \(asked 2 times in 1 s\); what is stored stays as it "
        r"is: try again later, or begin the history of another venue with --venue NAME$"
    )
    with pytest.raises(Unreachable, match=said):
        fetch(session(day(50), bitfinex=serve(bitfinex())), here)
    assert here.listings() == [BTC]


def test_a_history_that_has_just_begun_waits_for_its_venue_too(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(*range(30)), most=10))
    server.fail(Fault(503), after=1, path="klines", times=2)
    with pytest.raises(Unreachable, match="what is stored stays as it is"):
        fetch(session(day(30), binance=server, bitfinex=serve(bitfinex())), here)
    assert here.listings() == [BTC]


def test_without_a_history_the_next_venue_is_asked_where_one_is_out_of_reach(here: Store, serve: Serve) -> None:
    assert fetch(session(day(50), bitfinex=serve(bitfinex())), here).source == "bitfinex"


def test_named_venues_are_asked_in_their_order_whatever_is_stored(here: Store, serve: Serve) -> None:
    fetch(session(day(10), binance=serve(binance(flat(*range(10))))), here)
    outcome = fetch(session(day(50), bitfinex=serve(bitfinex())), here, "binance", "bitfinex")
    assert outcome.source == "bitfinex"
    assert here.listings() == [BTC, ON_BITFINEX]


# Compared with one another


def test_another_venue_is_asked_for_its_daily_spot_bars(serve: Serve) -> None:
    at_bitfinex = session(day(50), bitfinex=serve(bitfinex()))
    hourly = replace(BTC, timeframe="1h")
    listing, bars = elsewhere(at_bitfinex, hourly)
    assert listing == ON_BITFINEX
    assert bars.frame.index[[0, -1]].tolist() == [SPRING, day(49)]


def test_venues_that_are_named_are_compared_with_in_their_order(serve: Serve) -> None:
    at_both = session(day(50), binance=serve(binance(flat(*range(50)))), bitfinex=serve(bitfinex()))
    named = ["okx", "bitfinex", "binance"]
    assert elsewhere(at_both, BTC, named)[0] == ON_BITFINEX
    assert elsewhere(at_both, ON_BITFINEX, named)[0] == BTC


def test_half_a_history_is_not_compared_with(serve: Serve) -> None:
    half = serve(Bitfinex(bitfinex().world, most=100))
    half.fail(Fault(503), after=1, path="hist", times=2)
    at_both = session(day(50), binance=serve(binance(flat(*range(50)))), bitfinex=half)
    on_coinbase = Listing("BTC", "coinbaseexchange", "BTC/USD", "1d")
    assert elsewhere(at_both, on_coinbase, ["bitfinex", "binance"])[0] == BTC


@pytest.mark.parametrize(
    ("named", "why"),
    [
        (["binance"], "can't be compared with itself"),
        (["binance", "okx"], "can't be compared with itself"),
        (["okx", "deribit"], "can't be compared with okx, deribit: no spot bars"),
    ],
)
def test_no_venue_to_compare_with_is_answered_with_those_there_are(named: list[str], why: str) -> None:
    said = f"^binance {why}; name another --venue: bitfinex, coinbaseexchange, bitstamp$"
    with pytest.raises(BadUsage, match=said):
        elsewhere(session(day(50)), BTC, named)


def test_nothing_to_compare_with_is_said(serve: Serve) -> None:
    today = since(session(day(50), bitfinex=serve(bitfinex())), day(50))
    with pytest.raises(NoData, match=r"^bitfinex BTC/USD 1d: no bars to compare with; .*no bar has ended since"):
        elsewhere(today, BTC, ["bitfinex"])
