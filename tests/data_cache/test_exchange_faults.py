"""What goes wrong while bars are fetched: what is kept, what is asked for again, and what the user reads of it."""

import json

import pandas as pd
import pytest

from data_cache.errors import NoData, Refused, Unreachable
from data_cache.sources import exchange
from data_cache.sources.session import Session, Step
from data_cache.store import Store
from tests.standins.coinbase import Coinbase
from tests.standins.server import Fault, Reply, Request, as_json
from tests.venue_bars import BTC, Serve, binance, closes, day, fetch, flat, session, since

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


def test_a_candle_that_changed_fifty_days_ago_is_said(here: Store, serve: Serve) -> None:
    fetch(session(day(150), binance=serve(binance(flat(*range(150))))), here)
    changed = flat(*range(151))
    changed.loc[day(100)] += 1.0
    outcome = fetch(session(day(151), binance=serve(binance(changed))), here)
    assert (outcome.added, outcome.changed) == (1, 1)
    assert "first at 2017-11-25 00:00:00+00:00: stored open 200" in outcome.notes[0]


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


def without(*numbers: int) -> Fault:
    """A page that lacks its rows of these numbers."""

    def cut(reply: Reply) -> Reply:
        return as_json([row for number, row in enumerate(json.loads(reply.body)) if number not in numbers])

    return Fault(change=cut)


def test_a_page_with_a_hole_is_asked_for_again(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(*range(150))))
    server.fail(without(*range(40, 60)), path="klines")
    assert fetch(session(day(150), binance=server), here).gaps == 0
    assert len(server.asked("klines")) == 2


def test_of_two_answers_with_a_hole_the_fuller_is_taken(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(*range(150))))
    server.fail(without(40, 41), path="klines")
    server.fail(without(*range(40, 60)), path="klines")
    assert fetch(session(day(150), binance=server), here).received == 148
    assert len(server.asked("klines")) == 2


def test_a_hole_that_is_there_twice_is_a_gap_and_not_asked_for_again(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(*range(100), *range(102, 150))))
    now = session(day(150), binance=server)
    assert fetch(now, here).gaps == 1
    assert len(server.asked("klines")) == 2
    server.requests.clear()
    assert fetch(now, here).gaps == 1
    assert len(server.asked("klines")) == 1


def test_a_single_missing_bar_is_taken_for_an_outage(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(*range(100), *range(101, 150))))
    assert fetch(session(day(150), binance=server), here).gaps == 1
    assert len(server.asked("klines")) == 1


@pytest.mark.parametrize("lacking", [1, 105])
def test_a_tail_that_does_not_begin_with_stored_bars_is_asked_for_again(
    here: Store, serve: Serve, lacking: int
) -> None:
    server = serve(binance(flat(*range(156))))
    fetch(session(day(150), binance=server), here)
    server.requests.clear()
    server.fail(without(*range(lacking)), path="klines")
    outcome = fetch(session(day(156), binance=server), here)
    assert (outcome.added, outcome.gaps) == (6, 0)
    assert len(server.asked("klines")) == 2


def test_a_tail_begins_after_a_gap_where_the_gap_is_known(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(*range(30), *range(60, 150))))
    fetch(session(day(150), binance=server), here)
    server.requests.clear()
    fetch(session(day(150), binance=server), here)  # a hundred days before the last is day 49
    assert len(server.asked("klines")) == 1


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
    with pytest.raises(Refused, match=r"is truncated: its first bar opens 2017-09-26 .* by 2017-08-20"):
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


# Windows


def test_an_empty_window_of_coinbase_is_a_gap_and_no_end(here: Store, serve: Serve) -> None:
    first = pd.Timestamp("2015-07-20", tz="UTC")
    server = serve(Coinbase({("BTC/USD", "1d"): flat(*range(200), *range(900, 1000), first=first)}))
    now = session(first + pd.Timedelta(days=1000), coinbaseexchange=server)
    outcome = fetch(now, here, "coinbaseexchange")
    assert (outcome.added, outcome.gaps) == (300, 1)
    assert (outcome.first, outcome.last) == (first, first + pd.Timedelta(days=999))
    # Windows of 300 days: the first begins 120 days early, the second has the rest of the 200 days; two are empty and
    # the last begins with a hundred missing bars, so these three are asked for twice.
    assert len(server.asked("candles")) == 1 + 1 + 3 * 2
    server.requests.clear()
    assert fetch(now, here, "coinbaseexchange").added == 0
    assert len(server.requests) == 2


def test_an_empty_window_inside_a_history_is_asked_for_again(here: Store, serve: Serve) -> None:
    first = pd.Timestamp("2015-07-20", tz="UTC")
    server = serve(Coinbase({("BTC/USD", "1d"): flat(*range(1000), first=first)}))
    server.fail(Fault(200, b"[]"), after=2, path="candles")
    outcome = fetch(session(first + pd.Timedelta(days=1000), coinbaseexchange=server), here, "coinbaseexchange")
    assert (outcome.added, outcome.gaps) == (1000, 0)


def test_windows_without_bars_end_where_a_first_bar_is_overdue(here: Store, serve: Serve) -> None:
    server = serve(Coinbase({("BTC/USD", "1d"): flat(0).iloc[:0]}))
    with pytest.raises(Refused, match=r"coinbaseexchange BTC/USD 1d has no bars from 2015-03-22 .* by 2015-11-17"):
        fetch(session(pd.Timestamp("2025-01-01", tz="UTC"), coinbaseexchange=server), here, "coinbaseexchange")
    assert len(server.asked("candles")) == 2


def test_a_head_that_the_venue_does_not_give_holds_up_nothing_new(here: Store, serve: Serve) -> None:
    server = serve(binance(flat(*range(10, 40))))  # binance's first bar is that of day 0
    fetch(since(session(day(20), binance=server), day(10)), here)
    for now in (30, 40):
        outcome = fetch(session(day(now), binance=server), here)
        assert outcome.added == 10
        assert outcome.notes[0].startswith(
            "what is before 2017-08-27 was not taken: binance BTC/USDT 1d is truncated: its first bar opens 2017-08-27"
        )
    assert closes(here) == [100.0 + number for number in range(10, 40)]
