"""Funding rates and open interest: every payment, once, of one venue, however the venue answers."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_cache.catalog import spec
from data_cache.errors import EbbtideError, Refused, Unreachable
from data_cache.observations import observation_rows
from data_cache.parquet import Fetch, provenance_at
from data_cache.sources.files import import_manifest
from data_cache.sources.outcome import Outcome
from data_cache.sources.patience import Patience
from data_cache.sources.perpetuals import jobs
from data_cache.sources.session import Session, Step
from data_cache.store import Store
from tests.standins.binance_futures import BLOCKED, BinanceFutures
from tests.standins.bybit import Bybit
from tests.standins.okx import Okx
from tests.standins.server import Fault, Reply, Request, StandIn

# The world begins where Binance's funding does, and is a month old.
FIRST = pd.Timestamp("2019-09-10 08:00", tz="UTC")
NOW = pd.Timestamp("2019-10-10 09:00", tz="UTC")
HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)
PAYMENTS = 3 * 30 + 1  # three a day for thirty days, and that of this morning
FUNDING, OPEN_INTEREST = 0, 1
BLOCK = Fault(451, BLOCKED)


def payments(until: pd.Timestamp = NOW + 30 * DAY, first: pd.Timestamp = FIRST, hours: int = 8) -> pd.Series:
    """Funding that is 1, 2, 3, ... millionths, each stamped up to nine milliseconds late."""
    times = pd.date_range(first, until, freq=f"{hours}h")
    late = pd.to_timedelta(np.arange(len(times)) % 10, unit="ms")
    return pd.Series(1e-6 * np.arange(1, len(times) + 1), index=(times + late).as_unit("ns"))


def coins(first: pd.Timestamp, until: pd.Timestamp = NOW + 30 * DAY) -> pd.Series:
    """Open interest of 1000, 1001, 1002, ... coins at midnight."""
    days = pd.date_range(first.normalize(), until, freq="D").as_unit("ns")
    return pd.Series(1000.0 + np.arange(len(days)), index=days)


@dataclass
class World:
    """Three venues, a store, and what was said and waited for on the way."""

    store: Store
    servers: dict[str, StandIn]
    answers: dict[str, BinanceFutures | Bybit | Okx]
    steps: list[Step] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def fetch(
        self,
        now: pd.Timestamp = NOW,
        venues: tuple[str, ...] = (),
        since: str = "",
        job: int = FUNDING,
        stop_after: int | None = None,
    ) -> Outcome:
        """Run one job of BTC at a time."""
        for answer in self.answers.values():
            answer.now = now

        def say(step: Step) -> None:
            self.steps.append(step)
            if len(self.steps) == stop_after:
                raise KeyboardInterrupt

        session = Session(
            now=now,
            since=pd.Timestamp(since, tz="UTC") if since else None,
            endpoints={name: server.url for name, server in self.servers.items()},
            patience=Patience(sleep=self.waits.append),
            say=say,
        )
        (outcome,) = jobs(session, self.store, ("BTC",), venues)[job].run()
        return outcome

    def funding(self) -> pd.DataFrame:
        return self.store.rows("FUNDING_BTC")

    def asked(self, venue: str) -> int:
        """Requests so far."""
        return len(self.servers[venue].requests)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    answers = {
        "binance": BinanceFutures(NOW, {"BTCUSDT": payments()}, {"BTCUSDT": coins(FIRST - 60 * DAY)}, most=40),
        "bybit": Bybit(NOW, {"BTCUSDT": 2 * payments()}, {"BTCUSDT": coins(FIRST - 400 * DAY)}),
        "okx": Okx(NOW, {"BTC-USDT-SWAP": 3 * payments(first=FIRST - 200 * DAY)}, {"BTC-USDT-SWAP": coins(FIRST)}),
    }
    with ExitStack() as stack:
        servers = {name: stack.enter_context(StandIn(answer)) for name, answer in answers.items()}
        yield World(Store(tmp_path / "store"), servers, answers)


def imported(store: Store, rates: pd.Series) -> None:
    """Put funding into the store as the import of a file does."""
    periods = rates.index.floor("h")
    rows = observation_rows(periods.tz_localize(None), periods, rates.to_numpy())
    store.add_series(spec("FUNDING_BTC"), rows, Fetch("file", "funding.csv", NOW))


def without(page: Reply, *places: int) -> Reply:
    """The same page without some of its rows."""
    rows = [row for at, row in enumerate(json.loads(page.body)) if at not in places]
    return Reply(json.dumps(rows).encode())


# All of it


def test_every_payment_comes_from_the_first_on(world: World) -> None:
    outcome = world.fetch()
    rows = world.funding()
    assert rows["period"].tolist() == list(pd.date_range("2019-09-10 08:00", periods=PAYMENTS, freq="8h"))
    assert rows["value"].tolist() == pytest.approx([1e-6 * n for n in range(1, PAYMENTS + 1)])
    assert (outcome.source, outcome.received, outcome.added, outcome.notes) == ("binance", PAYMENTS, PAYMENTS, ())
    assert world.asked("binance") == 3  # pages of forty
    assert [step.rows for step in world.steps] == [40, 80, 91]
    assert world.steps[-1].share == pytest.approx(1, abs=0.01)


def test_a_payment_is_known_when_it_is_due_whatever_the_milliseconds_of_its_stamp(world: World) -> None:
    world.fetch()
    rows = world.funding()
    assert (rows["known_at"].dt.tz_localize(None) == rows["period"]).all()
    assert (rows["period"].dt.minute + rows["period"].dt.second + rows["period"].dt.microsecond == 0).all()
    assert set(rows["origin"]) == {"rule"}


def test_intervals_may_change(world: World) -> None:
    early, late = payments(FIRST + 10 * DAY), payments(first=FIRST + 10 * DAY + 4 * HOUR, hours=4)
    world.answers["binance"].funding = {"BTCUSDT": pd.concat([early, late])}
    outcome = world.fetch()
    assert outcome.received == 31 + 6 * 20  # ten days of three and one, then twenty days of six
    assert outcome.notes == ()


def test_only_what_is_since_the_asked_day_comes(world: World) -> None:
    world.fetch(since="2019-10-01")
    assert world.funding()["period"].iloc[0] == pd.Timestamp("2019-10-01")


def test_an_earlier_start_fills_in_what_is_missing_before(world: World) -> None:
    world.fetch(since="2019-10-01")
    outcome = world.fetch()
    assert outcome.added == PAYMENTS - (3 * 9 + 2)
    assert len(world.funding()) == PAYMENTS
    assert outcome.notes == ()


# A second time


def test_a_second_fetch_with_nothing_new_asks_once(world: World) -> None:
    world.fetch()
    before = world.asked("binance"), world.store.series_path("FUNDING_BTC").read_bytes()
    outcome = world.fetch()
    assert world.asked("binance") == before[0] + 1
    assert world.store.series_path("FUNDING_BTC").read_bytes() == before[1]
    assert (outcome.added, outcome.revised) == (0, 0)


def test_a_later_fetch_asks_for_what_is_missing_and_a_week_of_overlap(world: World) -> None:
    world.fetch()
    outcome = world.fetch(NOW + 2 * DAY)
    asked = world.servers["binance"].requests[-1].milliseconds("startTime")
    assert pd.Timestamp(asked, unit="ms", tz="UTC") == pd.Timestamp("2019-10-03 08:00", tz="UTC")
    assert (outcome.received, outcome.added) == (7 * 3 + 1 + 6, 6)


def test_a_rate_that_changes_is_a_further_row_known_when_it_was_seen(world: World) -> None:
    world.fetch()
    changed = world.answers["binance"].funding["BTCUSDT"].copy()
    changed.iloc[PAYMENTS - 2] = 0.0007
    world.answers["binance"].funding = {"BTCUSDT": changed}
    later = NOW + HOUR
    outcome = world.fetch(later)
    assert (outcome.added, outcome.revised) == (1, 1)
    rows = world.funding()
    told = rows[rows["period"] == pd.Timestamp("2019-10-10")]
    assert told["value"].tolist() == pytest.approx([1e-6 * (PAYMENTS - 1), 0.0007])
    assert told["origin"].tolist() == ["rule", "seen"]
    assert told["known_at"].iloc[1] == later


def test_a_fetch_that_was_stopped_goes_on_where_it_was(world: World) -> None:
    with pytest.raises(KeyboardInterrupt):
        world.fetch(stop_after=1)
    assert len(world.funding()) == 40
    world.fetch()
    assert len(world.funding()) == PAYMENTS
    assert world.asked("binance") == 1 + 2


@pytest.mark.parametrize("stop_after", range(1, 6))
def test_a_history_told_backwards_has_no_hole_wherever_it_is_stopped(world: World, stop_after: int) -> None:
    world.answers["bybit"].funding = {"BTCUSDT": payments(first=FIRST - 300 * DAY)}
    with pytest.raises(KeyboardInterrupt):
        world.fetch(venues=("bybit",), stop_after=stop_after)
    periods = world.funding()["period"].sort_values()
    assert (periods.diff().dropna() == 8 * HOUR).all()
    world.fetch(NOW + 3 * DAY, venues=("bybit",))
    assert len(world.funding()) == 3 * 300 + PAYMENTS + 9


@pytest.mark.parametrize("stop_after", [1, 2])
def test_a_tail_told_backwards_has_no_hole_wherever_it_is_stopped(world: World, stop_after: int) -> None:
    later = NOW + 150 * DAY  # 450 payments: three pages of two hundred
    world.answers["bybit"].funding = {"BTCUSDT": payments(later)}
    world.fetch(venues=("bybit",))
    with pytest.raises(KeyboardInterrupt):
        world.fetch(later, venues=("bybit",), stop_after=len(world.steps) + stop_after)
    assert len(world.funding()) == PAYMENTS
    world.fetch(later, venues=("bybit",))
    assert len(world.funding()) == PAYMENTS + 450


def test_what_lies_before_has_no_hole_where_it_is_stopped(world: World) -> None:
    world.fetch(since="2019-10-01")
    with pytest.raises(KeyboardInterrupt):
        world.fetch(stop_after=len(world.steps) + 2)  # after the tail, the first of two pages of what lies before
    assert len(world.funding()) == 3 * 9 + 2
    world.fetch()
    assert len(world.funding()) == PAYMENTS


def test_a_start_that_is_a_day_earlier_is_asked_for(world: World) -> None:
    world.fetch(since="2019-10-02")
    assert world.fetch(since="2019-10-01").added == 3
    before = world.asked("binance")
    assert world.fetch(since="2019-10-01").added == 0
    assert world.asked("binance") == before + 1


# What venues do


def test_what_passes_is_waited_for(world: World) -> None:
    world.servers["binance"].fail(Fault(429, b"{}", {"Retry-After": "7"}), after=1)
    world.servers["binance"].fail(Fault(502, b"<html>Bad Gateway</html>"), after=1)
    world.fetch()
    assert len(world.funding()) == PAYMENTS
    assert world.waits == [7, 2]  # what it asked for; then twice the first wait, as it is the second


def test_a_page_that_jumps_is_asked_for_once_more(world: World) -> None:
    world.servers["binance"].fail(Fault(change=lambda page: without(page, 10, 11)), after=1)
    outcome = world.fetch()
    assert len(world.funding()) == PAYMENTS
    assert world.asked("binance") == 4
    assert outcome.notes == ()
    assert "a jump in what came: asking once more" in [step.note for step in world.steps]


def test_a_jump_between_two_pages_is_seen(world: World) -> None:
    world.servers["binance"].fail(Fault(change=lambda page: without(page, 0)), after=1)
    world.fetch()
    assert len(world.funding()) == PAYMENTS
    assert world.asked("binance") == 4


def test_payments_that_are_missing_twice_are_told_of(world: World) -> None:
    rates = world.answers["binance"].funding["BTCUSDT"]
    world.answers["binance"].funding = {"BTCUSDT": rates.drop(rates.index[[50, 51]])}
    outcome = world.fetch()
    assert len(world.funding()) == PAYMENTS - 2
    assert outcome.notes == ("binance has no funding of BTC between 2019-09-26 16:00:00 and 2019-09-27 16:00:00",)


def test_a_history_that_ends_early_is_told_of(world: World) -> None:
    world.answers["binance"].funding = {"BTCUSDT": payments(NOW - 9 * DAY)}
    outcome = world.fetch()
    assert outcome.last == pd.Timestamp("2019-10-01 08:00")
    assert outcome.notes == ("binance has no funding of BTC after 2019-10-01 08:00:00",)


def test_a_venue_that_does_not_go_on_is_left_and_what_came_stays(world: World) -> None:
    first = json.dumps([{"symbol": "BTCUSDT", "fundingTime": 1568102400007, "fundingRate": "0.00000100"}]).encode()
    world.servers["binance"].fail(Fault(body=first), times=9)
    with pytest.raises(
        EbbtideError, match=r"funding of BTC is stored from binance .*: binance: funding of BTC does not"
    ):
        world.fetch()
    assert len(world.funding()) == 1


def test_a_history_without_its_beginning_is_not_taken(world: World) -> None:
    world.answers["binance"].funding = {"BTCUSDT": payments(first=FIRST + 5 * DAY)}
    outcome = world.fetch()
    assert outcome.source == "bybit"
    assert outcome.notes[0].startswith(
        "binance: funding of BTC begins at 2019-09-15 08:00:00 where 2019-09-10 08:00:00 was expected"
    )


def test_a_period_with_two_rates_is_refused(world: World) -> None:
    rates = world.answers["binance"].funding["BTCUSDT"]
    again = pd.Series([0.5e-6], index=[rates.index[3] + pd.Timedelta(milliseconds=400)])
    world.answers["binance"].funding = {"BTCUSDT": pd.concat([rates, again]).sort_index()}
    outcome = world.fetch()
    assert outcome.source == "bybit"
    assert "binance: funding of BTC gave two numbers for 2019-09-11 08:00:00" in outcome.notes[0]


def test_the_same_rate_twice_is_one_payment(world: World) -> None:
    rates = world.answers["binance"].funding["BTCUSDT"]
    again = pd.Series([rates.iloc[3]], index=[rates.index[3] + pd.Timedelta(milliseconds=400)])
    world.answers["binance"].funding = {"BTCUSDT": pd.concat([rates, again]).sort_index()}
    assert world.fetch().source == "binance"
    assert len(world.funding()) == PAYMENTS


def test_a_rate_in_percent_is_refused(world: World) -> None:
    world.answers["binance"].funding = {"BTCUSDT": 1e5 * payments()}
    outcome = world.fetch()
    assert outcome.source == "bybit"
    assert "FUNDING_BTC: " in outcome.notes[0]


# One venue's history


def test_a_venue_that_refuses_is_followed_by_the_next(world: World) -> None:
    world.servers["binance"].fail(BLOCK, times=99)
    outcome = world.fetch()
    assert outcome.source == "bybit"
    assert world.asked("binance") == 1
    assert "binance: geographic block (451)" in outcome.notes[0]
    assert outcome.notes[0].endswith("; bybit instead")
    assert world.funding()["value"].iloc[0] == pytest.approx(2e-6)


def test_what_one_venue_began_no_other_goes_on_with(world: World) -> None:
    world.fetch()
    before = world.store.series_path("FUNDING_BTC").read_bytes()
    world.servers["binance"].fail(BLOCK, times=99)
    with pytest.raises(EbbtideError) as raised:
        world.fetch(NOW + 2 * DAY)
    said = str(raised.value)
    assert said.startswith("funding of BTC is stored from binance and stays as it is: binance: geographic block (451)")
    assert said.endswith(f"delete {world.store.series_path('FUNDING_BTC')}, then fetch with --venue bybit")
    assert world.asked("bybit") == 0
    assert world.store.series_path("FUNDING_BTC").read_bytes() == before


def test_a_venue_goes_on_with_what_it_began_though_one_before_it_has_the_same_rates(world: World) -> None:
    world.answers["bybit"].funding = {"BTCUSDT": payments()}
    world.fetch(venues=("bybit",))
    assert world.fetch(NOW + DAY).source == "bybit"
    assert provenance_at(world.store.series_path("FUNDING_BTC")).sources == ("bybit",)
    assert world.asked("binance") == 0


def test_a_venue_that_fails_half_way_is_not_gone_on_with_by_another(world: World) -> None:
    world.servers["binance"].fail(BLOCK, after=1, times=99)
    with pytest.raises(EbbtideError, match=r"is stored from binance and stays .*--venue bybit"):
        world.fetch()
    assert provenance_at(world.store.series_path("FUNDING_BTC")).sources == ("binance",)
    assert len(world.funding()) == 40


def test_a_named_venue_is_not_joined_to_what_another_began(world: World) -> None:
    world.fetch()
    with pytest.raises(EbbtideError, match=r"stored from binance .* it is not joined to what bybit has.*--venue bybit"):
        world.fetch(venues=("bybit",))
    assert world.asked("bybit") == 0


def test_a_deleted_file_lets_another_venue_begin(world: World) -> None:
    world.fetch()
    path = world.store.series_path("FUNDING_BTC")
    for file in path.parent.glob(f"{path.stem}*"):
        file.unlink()
    assert world.fetch(venues=("bybit",)).source == "bybit"
    assert world.funding()["value"].iloc[0] == pytest.approx(2e-6)


def test_an_import_is_gone_on_with_by_a_venue_that_agrees(world: World) -> None:
    imported(world.store, payments(NOW - 10 * DAY))
    outcome = world.fetch()
    assert outcome.added == 3 * 10
    assert provenance_at(world.store.series_path("FUNDING_BTC")).sources == ("file", "binance")


def test_an_import_is_not_gone_on_with_by_a_venue_that_contradicts_it(world: World) -> None:
    imported(world.store, 5 * payments(NOW - 10 * DAY))
    with pytest.raises(Refused, match=r"file and binance contradict each other .* file and bybit contradict"):
        world.fetch()
    assert provenance_at(world.store.series_path("FUNDING_BTC")).sources == ("file",)


def test_an_import_that_ends_before_a_venue_begins_cannot_be_compared(world: World) -> None:
    imported(world.store, payments(FIRST + 5 * DAY))
    later = NOW + 30 * DAY
    world.answers["okx"].funding = {"BTC-USDT-SWAP": payments(later, first=FIRST + 20 * DAY)}
    with pytest.raises(Refused, match=r"okx: funding of BTC shares no period with what was imported .*2019-09-15 08"):
        world.fetch(later, venues=("okx",))


# Whom to ask


def test_named_venues_are_asked_in_their_order(world: World) -> None:
    outcome = world.fetch(venues=("kraken", "bybit", "binance"))
    assert outcome.source == "bybit"
    assert outcome.notes == ("kraken can't give funding of BTC; bybit is asked",)


def test_no_named_venue_that_has_it_is_a_failure_that_names_those_that_have(world: World) -> None:
    with pytest.raises(Refused, match="kraken, gemini can't give it; name one that can: binance, bybit, okx"):
        world.fetch(venues=("kraken", "gemini"))


def test_venues_that_do_not_answer_are_all_named(world: World) -> None:
    for server in world.servers.values():
        server.fail(Fault(503), times=99)
    with pytest.raises(Unreachable, match=r"funding of BTC: binance .*; bybit .*; okx .*asked 5 times"):
        world.fetch()


def test_a_venue_that_does_not_list_it_is_followed_by_the_next(world: World) -> None:
    world.answers["binance"].funding = {}
    world.answers["bybit"].funding = {}
    outcome = world.fetch()
    assert outcome.source == "okx"
    assert "binance has no funding of BTC; bybit instead" in outcome.notes


# Bybit and OKX


def test_bybit_tells_its_history_backwards(world: World) -> None:
    world.answers["bybit"].funding = {"BTCUSDT": payments(first=FIRST - 300 * DAY)}
    outcome = world.fetch(venues=("bybit",))
    assert outcome.received == 3 * 300 + PAYMENTS  # 991: five pages of two hundred, the last not full, and an empty one
    assert world.asked("bybit") == 6
    assert outcome.first == pd.Timestamp("2018-11-14 08:00")
    assert outcome.notes == ()


def test_a_second_fetch_of_a_history_told_backwards_asks_twice(world: World) -> None:
    world.fetch(venues=("bybit",))
    before = world.asked("bybit")
    assert world.fetch(venues=("bybit",)).added == 0
    assert world.asked("bybit") == before + 2  # the tail, and once whether there is anything earlier


def test_a_venue_that_tells_the_same_page_for_ever_is_left(world: World) -> None:
    answer = world.answers["bybit"]
    newest = answer(Request("/v5/market/funding/history", {"category": "linear", "symbol": "BTCUSDT", "limit": "20"}))
    world.servers["bybit"].fail(Fault(body=newest.body), times=99)
    with pytest.raises(EbbtideError, match="bybit: funding of BTC does not go on: asked from 2019-10-03 23:59:00"):
        world.fetch(venues=("bybit",))
    assert world.asked("bybit") == 2


def test_a_short_history_says_that_it_is_short(world: World) -> None:
    outcome = world.fetch(venues=("okx",))
    assert outcome.first == pd.Timestamp("2019-07-10 16:00")
    assert outcome.notes == (
        "okx keeps the funding of the last three months only; FUNDING_BTC begins 2019-07-10 16:00:00",
    )


def test_the_rate_of_okx_is_the_one_that_was_paid(world: World) -> None:
    world.fetch(venues=("okx",))
    # 3 millionths for each payment since 200 days before the world begins, three a day.
    assert world.funding()["value"].iloc[-1] == pytest.approx(3e-6 * (3 * 200 + PAYMENTS))


def test_what_a_short_history_has_lost_meanwhile_is_told_of(world: World) -> None:
    world.fetch(venues=("okx",))
    world.answers["okx"].funding = {"BTC-USDT-SWAP": 3 * payments(NOW + 200 * DAY, first=NOW.floor("8h"))}
    outcome = world.fetch(NOW + 150 * DAY, venues=("okx",))
    assert "okx has no funding of BTC between 2019-10-10 08:00:00 and 2019-12-08 16:00:00" in outcome.notes


# Open interest


def test_open_interest_is_told_in_coins_a_day(world: World) -> None:
    outcome = world.fetch(job=OPEN_INTEREST)
    rows = world.store.rows("OPEN_INTEREST_BTC")
    assert outcome.source == "bybit"
    assert outcome.received == 400 + 31  # since 400 days before the world begins, today's midnight too
    # Today's number may still change: it is known when the day has ended.
    assert rows["value"].tolist() == [1000.0 + n for n in range(430)]
    assert (rows["known_at"].dt.tz_localize(None) == rows["period"] + DAY).all()


def test_binance_keeps_the_open_interest_of_a_month(world: World) -> None:
    outcome = world.fetch(job=OPEN_INTEREST, venues=("binance",))
    assert outcome.received == 30
    assert outcome.notes == (
        "binance keeps the open interest of the last 30 days only; OPEN_INTEREST_BTC begins 2019-09-11 00:00:00",
    )
    assert world.fetch(NOW + DAY, (), job=OPEN_INTEREST).added == 1
    assert world.asked("binance") == 2


def test_okx_counts_contracts_and_coins_and_the_coins_are_taken(world: World) -> None:
    world.fetch(job=OPEN_INTEREST, venues=("okx",))
    assert world.store.rows("OPEN_INTEREST_BTC")["value"].iloc[0] == 1000


def test_open_interest_that_nobody_gives_is_a_note(world: World) -> None:
    for server in world.servers.values():
        server.fail(BLOCK, times=99)
    outcome = world.fetch(job=OPEN_INTEREST)
    assert (outcome.name, outcome.added) == ("OPEN_INTEREST_BTC", 0)
    assert "bybit: geographic block (451)" in outcome.notes[0]
    assert world.fetch(job=OPEN_INTEREST, venues=("kraken",)).notes == (
        "open interest of BTC: kraken can't give it; name one that can: bybit, binance, okx",
    )


# The real history


@pytest.mark.real
@pytest.mark.parametrize("asset", ["BTC", "ETH"])
def test_the_real_history_comes_as_it_is_imported_from_its_file(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asset: str
) -> None:
    name = f"funding/{asset.lower()}usdt_binance_funding_8h.csv.gz"
    (tmp_path / "manifest.toml").write_text(
        f'root = "{shared.resolve().as_posix()}"\n[[series]]\nid = "FUNDING_{asset}"\nfile = "{name}"\n'
        'period = "time_utc"\nvalue = "funding_rate"\nunit = "fraction"\n'
    )
    now = pd.Timestamp("2026-05-17 03:00", tz="UTC")
    of_file, of_venue = Store(tmp_path / "file"), Store(tmp_path / "venue")
    import_manifest(tmp_path / "manifest.toml", of_file, now)
    rows = of_file.rows(f"FUNDING_{asset}")
    stamps = pd.DatetimeIndex(rows["known_at"]) + pd.to_timedelta(np.arange(len(rows)) % 17, unit="ms")
    answer = BinanceFutures(now, {f"{asset}USDT": pd.Series(rows["value"].to_numpy(), index=stamps)})
    with StandIn(answer) as server:
        (outcome,) = jobs(Session(now, endpoints={"binance": server.url}), of_venue, (asset,))[FUNDING].run()
        assert len(server.requests) == -(-len(rows) // 1000)
    pd.testing.assert_frame_equal(of_venue.rows(f"FUNDING_{asset}"), rows)
    assert (outcome.notes, outcome.gaps) == ((), 0)
