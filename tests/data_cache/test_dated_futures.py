"""Dated futures: closes under their own expiry and day, of one venue, expired contracts too."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from data_cache.errors import EbbtideError, Refused, Unreachable
from data_cache.parquet import Fetch, provenance_at
from data_cache.sources.dated_futures import jobs, quarterly_expiries
from data_cache.sources.outcome import Outcome
from data_cache.sources.patience import Patience
from data_cache.sources.session import Session, Step
from data_cache.store import Store, futures_rows
from tests.standins.binance_futures import BLOCKED, BinanceFutures
from tests.standins.deribit import Deribit, Future
from tests.standins.server import Fault, Reply, StandIn

NOW = pd.Timestamp("2024-07-10 09:00", tz="UTC")
DAY = pd.Timedelta(days=1)
BLOCK = Fault(451, BLOCKED)
CHART, INSTRUMENTS, KLINES = "get_tradingview_chart_data", "get_instruments", "continuousKlines"
# Quarters from 2016-09 to 2023-09, none of which is in the world: 2 + 6 years of 4 + 3.
OLDER = 2 + 6 * 4 + 3


def at(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


def contract(expiry: str, price: float, days: int = 60, period: str = "month") -> Future:
    """A contract that closes at price + 1 on its first day, + 2 on the second, until the day of its expiry."""
    times = pd.date_range(end=at(expiry), periods=days + 1, freq="D").as_unit("ns")
    return Future(at(expiry) + pd.Timedelta(hours=8), pd.Series([price + n for n in range(1, days + 2)], times), period)


def futures() -> dict[str, Future]:
    """Two old quarters, one that has just expired, a live month and a live quarter, and a week."""
    return {
        "BTC-29DEC23": contract("2023-12-29", 1000),
        "BTC-29MAR24": contract("2024-03-29", 2000),
        "BTC-31MAY24": contract("2024-05-31", 2500),
        "BTC-28JUN24": contract("2024-06-28", 3000),
        "BTC-26JUL24": contract("2024-07-26", 4000),
        "BTC-27SEP24": contract("2024-09-27", 5000, days=120),
        "BTC-12JUL24": contract("2024-07-12", 6000, days=14, period="week"),
    }


def strips(first: str = "2023-11-01", days: int = 400) -> dict[tuple[str, str], pd.Series]:
    """The strip of the current quarter at 1, 2, 3, ..., that of the next one a thousand higher."""
    times = pd.date_range(at(first), periods=days, freq="D").as_unit("ns")
    current = pd.Series([float(n) for n in range(1, days + 1)], times)
    return {("BTCUSD", "CURRENT_QUARTER"): current, ("BTCUSD", "NEXT_QUARTER"): current + 1000}


@dataclass
class World:
    """Both venues, a store, and what was said and waited for on the way."""

    store: Store
    deribit: Deribit
    binance: BinanceFutures
    servers: dict[str, StandIn]
    steps: list[Step] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def fetch(
        self, now: pd.Timestamp = NOW, venues: tuple[str, ...] = (), since: str = "", stop_after: int | None = None
    ) -> Outcome:
        """Run the job of BTC."""
        self.deribit.now = self.binance.now = now

        def say(step: Step) -> None:
            self.steps.append(step)
            if len(self.steps) == stop_after:
                raise KeyboardInterrupt

        session = Session(
            now=now,
            since=at(since) if since else None,
            endpoints={name: server.url for name, server in self.servers.items()},
            patience=Patience(sleep=self.waits.append),
            say=say,
        )
        (outcome,) = jobs(session, self.store, ("BTC",), venues)[0].run()
        return outcome

    def closes(self, expiry: str) -> pd.Series:
        """What is stored of an expiry, by known_at."""
        return self.store.futures("BTC")[at(expiry) + pd.Timedelta(hours=8)].dropna()

    def asked(self, venue: str, path: str) -> list[str]:
        """The instruments, expired flags or strips that were asked for."""
        names = ("instrument_name", "expired", "contractType")
        return [
            request.query[name]
            for request in self.servers[venue].asked(path)
            for name in names
            if name in request.query
        ]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    deribit, binance = Deribit(NOW, futures()), BinanceFutures(NOW, continuous=strips())
    with ExitStack() as stack:
        servers = {
            "deribit": stack.enter_context(StandIn(deribit)),
            "binance": stack.enter_context(StandIn(binance)),
        }
        yield World(Store(tmp_path / "store"), deribit, binance, servers)


def imported(store: Store, known_at: str, expiry: str, close: float) -> None:
    """Put one close into the store as the import of a file does."""
    rows = futures_rows([at(known_at)], [at(expiry) + pd.Timedelta(hours=8)], [close])
    store.add_futures("BTC", rows, Fetch("file", "futures.csv", NOW))


def test_quarterly_futures_expire_on_the_last_friday_of_the_quarter() -> None:
    expiries = quarterly_expiries(at("2023-12-01"), at("2024-12-31"))
    expected = ["2023-12-29", "2024-03-29", "2024-06-28", "2024-09-27", "2024-12-27"]
    assert [f"{expiry:%Y-%m-%d}" for expiry in expiries] == expected
    assert (expiries.hour == 8).all()


# Deribit


def test_contracts_come_back_to_the_first_that_the_venue_knows(world: World) -> None:
    outcome = world.fetch()
    expiries = [f"{expiry:%d%b%y}" for expiry in world.store.futures("BTC").columns]
    assert expiries == ["29Dec23", "29Mar24", "31May24", "28Jun24", "26Jul24", "27Sep24"]  # no week, no perpetual
    assert outcome.source == "deribit"
    assert outcome.notes == (f"deribit does not know {OLDER} quarterly contracts, BTC-30SEP16 to BTC-29SEP23",)
    assert world.asked("deribit", INSTRUMENTS) == ["false", "true"]
    assert len(world.asked("deribit", CHART)) == OLDER + 6
    assert world.steps[-1].share == 1


def test_a_close_is_known_at_the_end_of_its_day_and_the_day_of_expiry_has_none(world: World) -> None:
    world.fetch()
    closes = world.closes("2024-03-29")
    assert closes.index[0] == at("2024-01-30")  # the end of its first day, 60 before the expiry
    assert closes.index[-1] == at("2024-03-29")  # eight hours before the expiry
    assert closes.tolist() == [2000.0 + n for n in range(1, 61)]


def test_the_day_that_has_not_ended_is_not_taken(world: World) -> None:
    world.fetch()
    assert world.closes("2024-09-27").index[-1] == at("2024-07-10")


def test_a_day_without_a_trade_has_no_close(world: World) -> None:
    future = futures()["BTC-29MAR24"]
    world.deribit.futures = futures() | {
        "BTC-29MAR24": Future(future.expiry, future.closes, untraded=[at("2024-02-01"), at("2024-02-02")])
    }
    world.fetch()
    closes = world.closes("2024-03-29")
    assert len(closes) == 58
    assert at("2024-02-02") not in closes.index


def test_a_second_fetch_with_nothing_new_asks_what_is_listed_and_no_more(world: World) -> None:
    world.fetch()
    before = len(world.servers["deribit"].requests), world.store.futures_path("BTC").read_bytes()
    outcome = world.fetch()
    assert len(world.servers["deribit"].requests) == before[0] + 2
    assert world.store.futures_path("BTC").read_bytes() == before[1]
    assert (outcome.added, outcome.notes) == (0, ())


def test_a_later_fetch_asks_only_for_contracts_that_were_alive(world: World) -> None:
    world.fetch()
    before = len(world.asked("deribit", CHART))
    outcome = world.fetch(NOW + 3 * DAY)
    assert world.asked("deribit", CHART)[before:] == ["BTC-26JUL24", "BTC-27SEP24"]
    asked = world.servers["deribit"].requests[-1].milliseconds("start_timestamp")
    assert pd.Timestamp(asked, unit="ms", tz="UTC") == at("2024-07-03")  # a week before the newest close
    assert outcome.added == 2 * 3


def test_a_contract_that_expired_meanwhile_is_completed(world: World) -> None:
    world.fetch()
    world.fetch(at("2024-10-20"))
    assert world.closes("2024-07-26").index[-1] == at("2024-07-26")
    assert world.closes("2024-09-27").tolist() == [5000.0 + n for n in range(1, 121)]


def test_a_fetch_that_was_stopped_goes_on_where_it_was(world: World) -> None:
    with pytest.raises(KeyboardInterrupt):
        world.fetch(stop_after=OLDER + 2)  # while the second contract comes
    assert len(world.store.futures("BTC").columns) == 1
    before = len(world.asked("deribit", CHART))
    world.fetch()
    assert len(world.store.futures("BTC").columns) == 6
    assert len(world.asked("deribit", CHART)) == before + 5  # neither the stored one nor what is older again


def test_a_first_day_leaves_out_what_expired_before_it_and_takes_the_others_whole(world: World) -> None:
    world.fetch(since="2024-06-01")
    assert len(world.closes("2024-06-28")) == 60
    assert len(world.store.futures("BTC").columns) == 3
    outcome = world.fetch()
    assert len(world.store.futures("BTC").columns) == 6
    assert outcome.notes == (f"deribit does not know {OLDER} quarterly contracts, BTC-30SEP16 to BTC-29SEP23",)


def test_bars_that_do_not_open_at_midnight_are_refused(world: World) -> None:
    world.deribit.shift = 8 * 3_600_000
    outcome = world.fetch()
    assert outcome.source == "binance"
    assert (
        "deribit: BTC-29DEC23 has a daily bar at 2023-10-30 08:00:00+00:00, which is no UTC midnight"
        in outcome.notes[0]
    )


def test_a_chart_that_ends_early_is_asked_for_once_more(world: World) -> None:
    whole = futures()
    short = Future(whole["BTC-29MAR24"].expiry, whole["BTC-29MAR24"].closes.iloc[:-10])
    world.deribit.futures = whole | {"BTC-29MAR24": short}
    outcome = world.fetch(since="2024-01-01")
    assert world.asked("deribit", CHART).count("BTC-29MAR24") == 2
    assert outcome.notes == ("deribit's days of BTC-29MAR24 have a gap, asked twice",)


def test_a_chart_that_was_cut_short_once_comes_whole(world: World) -> None:
    empty = b'{"jsonrpc":"2.0","result":{"status":"ok","ticks":[1711497600000],"close":[2058.0],"volume":[1.0]}}'
    world.servers["deribit"].fail(Fault(body=empty), path=CHART)
    assert world.fetch(since="2024-03-01").notes == ()
    assert len(world.closes("2024-03-29")) == 60


def test_too_many_requests_are_waited_for(world: World) -> None:
    limited = b'{"jsonrpc":"2.0","error":{"code":10028,"message":"too_many_requests","data":{"wait":2}}}'
    world.servers["deribit"].fail(Fault(429, limited), after=2, path=CHART)
    world.fetch(since="2023-12-01")
    assert len(world.store.futures("BTC").columns) == 6
    assert world.waits == [10]


def test_a_block_half_way_is_no_unknown_contract(world: World) -> None:
    world.servers["deribit"].fail(Fault(403, b"forbidden"), after=1, path=CHART, times=99)
    with pytest.raises(EbbtideError, match=r"stored from deribit and stays as it is: deribit: no access from here"):
        world.fetch(since="2023-12-01")
    assert len(world.store.futures("BTC").columns) == 1


def test_a_close_that_changes_is_told_of_and_the_stored_one_kept(world: World) -> None:
    world.fetch()
    live = futures()["BTC-27SEP24"]
    world.deribit.futures = futures() | {"BTC-27SEP24": Future(live.expiry, live.closes + 1)}
    outcome = world.fetch(NOW + DAY)
    assert outcome.changed == 7  # the week of overlap
    assert "futures on BTC: 7 stored prices changed" in outcome.notes[0]
    assert world.closes("2024-09-27").iloc[0] == 5001


# Binance


def test_a_strip_is_parted_by_the_expiries_of_the_quarters(world: World) -> None:
    outcome = world.fetch(venues=("binance",))
    expiries = [f"{expiry:%d%b%y}" for expiry in world.store.futures("BTC").columns]
    assert expiries == ["29Dec23", "29Mar24", "28Jun24", "27Sep24", "27Dec24"]
    assert (outcome.source, outcome.notes) == ("binance", ())
    december = world.closes("2023-12-29")
    assert december.tolist() == [float(n) for n in range(1, 59)]  # 1 November to 28 December
    assert december.index[-1] == at("2023-12-29")
    march = world.closes("2024-03-29")
    assert march.iloc[:58].tolist() == [1000.0 + n for n in range(1, 59)]  # while it was the next quarter
    assert march.iloc[58] == 60  # from 30 December the current one
    assert march.index[58] - march.index[57] == 2 * DAY  # the day of the roll is of two contracts


def test_windows_hold_two_hundred_days_at_most(world: World) -> None:
    world.fetch(venues=("binance",))
    # From 2020-06-01 to 2024-07-10 are 1501 days: eight windows, two strips.
    assert world.asked("binance", KLINES) == ["CURRENT_QUARTER", "NEXT_QUARTER"] * 8


def test_a_second_fetch_of_the_strips_asks_for_each_once(world: World) -> None:
    world.fetch(venues=("binance",))
    before = len(world.servers["binance"].requests)
    assert world.fetch(venues=("binance",)).added == 0
    assert len(world.servers["binance"].requests) == before + 2
    assert world.fetch(NOW + DAY, venues=("binance",)).added == 2


def test_strips_that_were_stopped_go_on_where_they_were(world: World) -> None:
    with pytest.raises(KeyboardInterrupt):
        world.fetch(venues=("binance",), stop_after=8)
    world.fetch(venues=("binance",))
    parts = world.store.futures_rows("BTC")
    whole = Store(world.store.folder / "whole")
    world.store = whole
    world.fetch(venues=("binance",))
    pd.testing.assert_frame_equal(parts, whole.futures_rows("BTC"))


def test_an_earlier_start_fills_in_the_strips_before(world: World) -> None:
    world.fetch(venues=("binance",), since="2024-05-01")
    assert world.store.futures("BTC").index[0] == at("2024-05-02")
    world.fetch(venues=("binance",))
    assert world.store.futures("BTC").index[0] == at("2023-11-02")
    before = len(world.servers["binance"].requests)
    world.fetch(venues=("binance",))
    assert len(world.servers["binance"].requests) == before + 2


def test_a_strip_that_jumps_is_asked_for_once_more(world: World) -> None:
    def without_a_day(page: Reply) -> Reply:
        rows = page.body[1:-1].split(b"], [")
        return Reply(b"[" + b"], [".join(rows[:3] + rows[4:]) + b"]")

    world.servers["binance"].fail(Fault(change=without_a_day), path=KLINES)
    outcome = world.fetch(venues=("binance",), since="2024-05-01")
    assert world.asked("binance", KLINES) == ["CURRENT_QUARTER", "CURRENT_QUARTER", "NEXT_QUARTER"]
    assert (outcome.notes, outcome.gaps) == ((), 1)  # the day of the roll


# One venue's history


def test_deribit_is_followed_by_binance_where_it_refuses(world: World) -> None:
    world.servers["deribit"].fail(BLOCK, times=99)
    outcome = world.fetch()
    assert outcome.source == "binance"
    assert "deribit: geographic block (451)" in outcome.notes[0]


def test_what_deribit_began_binance_does_not_go_on_with(world: World) -> None:
    world.fetch()
    before = world.store.futures_path("BTC").read_bytes()
    world.servers["deribit"].fail(BLOCK, times=99)
    with pytest.raises(EbbtideError, match=r"on BTC is stored from deribit and stays .*451.*--venue binance"):
        world.fetch(NOW + DAY)
    with pytest.raises(EbbtideError, match="it is not joined to what binance has"):
        world.fetch(NOW + DAY, venues=("binance",))
    assert world.store.futures_path("BTC").read_bytes() == before
    assert world.servers["binance"].requests == []


def test_an_import_is_gone_on_with_by_a_venue_that_agrees(world: World) -> None:
    imported(world.store, "2024-03-29", "2024-03-29", 2060.0)
    world.fetch()
    assert provenance_at(world.store.futures_path("BTC")).sources == ("file", "deribit")
    assert len(world.closes("2024-03-29")) == 60


def test_an_import_is_not_gone_on_with_by_a_venue_that_contradicts_it(world: World) -> None:
    imported(world.store, "2024-03-29", "2024-03-29", 2061.0)
    with pytest.raises(Refused, match=r"deribit: dated futures on BTC: 1 stored prices changed.*to fetch all of it"):
        world.fetch()
    assert len(world.store.futures_rows("BTC")) == 1


def test_an_import_that_a_venue_knows_nothing_of_cannot_be_compared(world: World) -> None:
    imported(world.store, "2015-03-20", "2015-03-27", 250.0)
    with pytest.raises(Refused, match="nothing that was imported can be compared; delete"):
        world.fetch(venues=("deribit",))


def test_no_named_venue_that_has_futures_is_a_failure_that_names_those_that_have(world: World) -> None:
    with pytest.raises(Refused, match="kraken can't give it; name one that can: deribit, binance"):
        world.fetch(venues=("kraken",))


def test_an_asset_without_futures_is_a_failure(world: World) -> None:
    world.deribit.futures, world.binance.continuous = {}, {}
    with pytest.raises(Refused, match="deribit has no dated futures on BTC; binance has no dated futures on BTC"):
        world.fetch()


def test_venues_that_do_not_answer_are_all_named(world: World) -> None:
    for server in world.servers.values():
        server.fail(Fault(503), times=99)
    with pytest.raises(Unreachable, match=r"dated futures on BTC: deribit .*; binance .*asked 5 times"):
        world.fetch()
