"""The Treasury: where a close is in each layout of the statement, and pages that can be trusted."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data_cache.catalog import spec
from data_cache.errors import BadData, Unreachable
from data_cache.observations import observation_rows
from data_cache.parquet import Fetch, provenance_at
from data_cache.releases import known_at
from data_cache.sources import treasury as source
from data_cache.sources.files import import_manifest
from data_cache.sources.outcome import Outcome
from data_cache.sources.patience import Patience
from data_cache.sources.session import Session, Step
from data_cache.store import Store
from tests.standins.server import Fault, Reply, StandIn
from tests.standins.treasury import World, debt, line, statement, treasury

TRILLION = 1_000_000_000_000


@dataclass
class Ledger:
    """A world, the server that shows it, and the store that is filled from it."""

    world: World
    server: StandIn
    store: Store
    waits: list[float] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def fetch(self, series: str, now: str, since: str | None = None) -> Outcome:
        """Run the job of `series`."""
        session = Session(
            pd.Timestamp(now, tz="UTC"),
            pd.Timestamp(since, tz="UTC") if since else None,
            {"treasury": self.server.url},
            patience=Patience(sleep=self.waits.append, timeout=1),
            say=self.steps.append,
        )
        (job,) = [job for job in source.jobs(session, self.store) if job.name == series]
        (outcome,) = job.run()
        return outcome

    def values(self, series: str = "TGA") -> dict[str, float]:
        """What is stored: period -> value, the last one."""
        rows = self.store.rows(series)
        return {str(row.period.date()): round(row.value, 9) for row in rows.itertuples()}

    def pages(self) -> list[tuple[str, str]]:
        """The filters and page numbers that were asked for."""
        return [(r.query["filter"], r.query["page[number]"]) for r in self.server.requests]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    world = World()
    with treasury(world) as server:
        yield Ledger(world, server, Store(tmp_path / "store"))


def weekdays(first: str, last: str) -> list[str]:
    """Weekdays as text."""
    return [str(day.date()) for day in pd.bdate_range(first, last)]


# What the statement says


def test_the_close_is_found_in_every_layout_of_the_statement(ledger: Ledger) -> None:
    ledger.world.statements = [
        *statement("2010-01-05", 163_428, 178_119),
        *statement("2021-10-01", 173_921, 215_160),
        *statement("2022-04-05", 542_176, 579_607),
        *statement("2025-10-30", 1_000_632, 983_875),
        *statement("2026-08-28", 971_343, 950_804),
    ]
    outcome = ledger.fetch("TGA", "2026-09-01 12:00")
    assert ledger.values() == {
        "2010-01-05": 163.428,
        "2021-10-01": 173.921,
        "2022-04-05": 542.176,
        "2025-10-30": 1_000.632,
        "2026-08-28": 971.343,
    }
    assert (outcome.source, outcome.added, outcome.notes) == ("treasury", 5, ())


def test_a_statement_is_known_on_the_next_day_of_the_government_at_four(ledger: Ledger) -> None:
    ledger.world.statements = [*statement("2025-10-30", 1_000_632), *statement("2025-10-31", 983_875)]
    ledger.fetch("TGA", "2025-11-03 20:59")
    assert list(ledger.values()) == ["2025-10-30"]
    ledger.fetch("TGA", "2025-11-03 21:00")
    (row,) = ledger.store.rows("TGA").iloc[1:].itertuples()
    assert (row.period, row.known_at) == (pd.Timestamp("2025-10-31"), pd.Timestamp("2025-11-03 21:00", tz="UTC"))
    assert (row.value, row.origin) == (pytest.approx(983.875), "rule")


@pytest.mark.parametrize("account", source.OTHERS)
def test_other_accounts_are_ignored_by_name(ledger: Ledger, account: str) -> None:
    ledger.world.statements = [line("2008-12-05", account, 9_999, 9_999), *statement("2008-12-05", 68_000)]
    ledger.fetch("TGA", "2008-12-09 12:00")
    assert ledger.values() == {"2008-12-05": 68.0}


@pytest.mark.parametrize("account", ["Treasury General Account", "Federal Reserve Accoun", "", None])
def test_an_account_that_nobody_knows_stops_its_page(ledger: Ledger, account: Any) -> None:
    ledger.world.most = 6
    unknown = line("2010-01-07", "Federal Reserve Account", 170_000, 0) | {"account_type": account}
    ledger.world.statements = [
        *statement("2010-01-04", 178_119),
        *statement("2010-01-05", 163_428),
        *statement("2010-01-06", 163_000),
        unknown,
    ]
    with pytest.raises(BadData, match=rf"statement of 2010-01-07 has an account_type {account!r} that is not known"):
        ledger.fetch("TGA", "2010-01-11 12:00")
    assert ledger.values() == {"2010-01-04": 178.119}


def test_a_close_in_the_other_column_is_a_layout_that_is_not_known(ledger: Ledger) -> None:
    moved = line("2026-08-28", "Treasury General Account (TGA) Closing Balance", 971_343, None)
    ledger.world.statements = [moved]
    with pytest.raises(
        BadData, match=r"2026-08-28 has 'Treasury.*' in close_today_bal \(971343\), expected it in open"
    ):
        ledger.fetch("TGA", "2026-09-01 12:00")


def test_a_close_that_is_null_is_missing_and_a_statement_without_one_is_said(ledger: Ledger) -> None:
    ledger.world.statements = [
        *statement("2025-10-29", None, None),
        *statement("2025-10-30", 1_000_632),
        *statement("2025-10-31", 983_875)[:3],
    ]
    outcome = ledger.fetch("TGA", "2025-11-04 12:00")
    assert ledger.store.rows("TGA")["value"].isna().tolist() == [True, False]
    assert outcome.notes == ("the statement of 2025-10-31 has no closing balance: it is unknown",)


@pytest.mark.parametrize("close", [1_000.632, 1_000_632_000_000])
def test_a_balance_in_another_unit_is_refused(ledger: Ledger, close: float) -> None:
    text = f"{close:.3f}"
    closing = statement("2025-10-30", 0)[3] | {"open_today_bal": text}
    ledger.world.statements = [closing]
    with pytest.raises(BadData, match=r"TGA: .* \$bn on 2025-10-30 lies outside 2\.5\.\.2500 \$bn; is the file in \$"):
        ledger.fetch("TGA", "2025-11-03 12:00")
    assert ledger.store.series() == []


def test_a_balance_that_is_no_number_is_refused(ledger: Ledger) -> None:
    ledger.world.statements = [statement("2025-10-30", 0)[3] | {"open_today_bal": "$1,000,632"}]
    with pytest.raises(BadData, match=r"open_today_bal of 2025-10-30 is '\$1,000,632', expected a number"):
        ledger.fetch("TGA", "2025-11-03 12:00")


def test_the_debt_is_read_to_the_penny(ledger: Ledger) -> None:
    ledger.world.debts = [debt("2026-08-26", None), debt("2026-08-27", 40_077_529_831_942.94)]
    ledger.fetch("DEBT", "2026-08-31 12:00")
    assert ledger.store.rows("DEBT")["value"].iloc[-1] == pytest.approx(40_077.52983194294, rel=1e-15)
    assert ledger.store.rows("DEBT")["value"].isna().tolist() == [True, False]
    assert ledger.store.rows("DEBT")["known_at"].iloc[-1] == pd.Timestamp("2026-08-28 21:00", tz="UTC")


def test_a_debt_in_billions_is_refused(ledger: Ledger) -> None:
    ledger.world.debts = [debt("2026-08-27", 40_077.53)]
    with pytest.raises(BadData, match=r"DEBT: 4\.0\d*e-05 \$bn on 2026-08-27 lies outside 4000\.\.200000 \$bn"):
        ledger.fetch("DEBT", "2026-08-31 12:00")


# Pages


def test_a_history_comes_in_pages_of_whole_days(ledger: Ledger) -> None:
    days = weekdays("2022-04-11", "2022-04-29")
    ledger.world.most = 7  # three lines a day, then four: most days are cut
    ledger.world.statements = [record for n, day in enumerate(days) for record in statement(day, 500_000 + n)]
    outcome = ledger.fetch("TGA", "2022-05-03 12:00")
    assert ledger.values() == {day: (500_000 + n) / 1_000 for n, day in enumerate(days)}
    assert outcome.added == outcome.received == len(days) == 15
    filters = "record_date:gte:2005-10-03,record_date:lte:2022-05-03"
    assert ledger.pages() == [(filters, str(page + 1)) for page in range(8)]  # 5 * 3 + 10 * 4 = 55 records
    assert [step.rows for step in ledger.steps] == [0, 7, 14, 21, 28, 35, 42, 49, 55]
    assert {request.query["page[size]"] for request in ledger.server.requests} == {"10000"}
    assert {request.query["sort"] for request in ledger.server.requests} == {"record_date,src_line_nbr"}


def edited(change: Callable[[dict[str, Any]], Any]) -> Fault:
    """A fault that changes the JSON of an answer."""

    def spoil(reply: Reply) -> Reply:
        answer = json.loads(reply.body)
        change(answer)
        return Reply(json.dumps(answer).encode())

    return Fault(change=spoil)


def one_page_again(ledger: Ledger) -> None:
    first = []

    def remember(reply: Reply) -> Reply:
        first.append(reply)
        return reply

    ledger.server.fail(Fault(change=remember))
    ledger.server.fail(Fault(change=lambda reply: first[0]))


def pages_of_debt(ledger: Ledger) -> None:
    """Nine days of debt in three pages."""
    ledger.world.most = 3
    days = weekdays("2025-10-20", "2025-10-30")
    ledger.world.debts = [debt(day, 38 * TRILLION) for day in days]


def test_a_page_that_comes_twice_is_refused(ledger: Ledger) -> None:
    pages_of_debt(ledger)
    one_page_again(ledger)
    with pytest.raises(BadData, match="DEBT page 2 out of order, or twice: 2025-10-20 comes after 2025-10-22"):
        ledger.fetch("DEBT", "2025-11-03 12:00")
    assert list(ledger.values("DEBT")) == ["2025-10-20", "2025-10-21"]


def test_a_page_of_one_day_that_comes_twice_is_refused(ledger: Ledger) -> None:
    ledger.world.most = 2
    ledger.world.statements = statement("2025-10-30", 1_000_632)
    ledger.world.statements[3], ledger.world.statements[1] = ledger.world.statements[1], ledger.world.statements[3]
    for number, record in enumerate(ledger.world.statements):
        record["src_line_nbr"] = str(number)
    one_page_again(ledger)
    with pytest.raises(BadData, match="treasury gave TGA of 2025-10-30 twice; try again later"):
        ledger.fetch("TGA", "2025-11-03 12:00")


def test_a_page_out_of_order_is_refused(ledger: Ledger) -> None:
    pages_of_debt(ledger)
    ledger.server.fail(edited(lambda answer: answer["data"].reverse()), after=1)
    with pytest.raises(BadData, match="DEBT page 2 out of order, or twice: 2025-10-24 comes after 2025-10-27"):
        ledger.fetch("DEBT", "2025-11-03 12:00")
    assert list(ledger.values("DEBT")) == ["2025-10-20", "2025-10-21"]


def without(number: int) -> Callable[[dict[str, Any]], None]:
    """Leave out the last records of a page, and count the others."""

    def shorten(answer: dict[str, Any]) -> None:
        del answer["data"][-number:]
        answer["meta"]["count"] -= number

    return shorten


def test_a_page_that_is_empty_before_the_last_is_refused(ledger: Ledger) -> None:
    pages_of_debt(ledger)
    ledger.server.fail(edited(without(3)), after=1)
    with pytest.raises(BadData, match="DEBT an empty page 2 of 3; try again later"):
        ledger.fetch("DEBT", "2025-11-03 12:00")


def test_a_page_with_fewer_records_than_it_counts_is_refused(ledger: Ledger) -> None:
    pages_of_debt(ledger)
    ledger.server.fail(edited(lambda answer: answer["data"].pop()), after=1)
    with pytest.raises(BadData, match="DEBT 2 records on page 2, expected 3; nothing of the page was stored"):
        ledger.fetch("DEBT", "2025-11-03 12:00")
    assert list(ledger.values("DEBT")) == ["2025-10-20", "2025-10-21"]


def test_pages_with_fewer_records_than_there_are_in_all_are_refused(ledger: Ledger) -> None:
    pages_of_debt(ledger)
    ledger.server.fail(edited(without(1)), after=1)
    with pytest.raises(BadData, match="DEBT 8 records in 3 pages, expected 9; nothing of the last page was stored"):
        ledger.fetch("DEBT", "2025-11-03 12:00")
    assert list(ledger.values("DEBT"))[-1] == "2025-10-23"


@pytest.mark.parametrize("body", [b"[]", b'{"data": {}}', b'{"data": [], "meta": null}', b'{"error": "Invalid"}'])
def test_an_answer_of_another_shape_is_refused(ledger: Ledger, body: bytes) -> None:
    ledger.server.fail(Fault(body=body))
    with pytest.raises(BadData, match=r"treasury answered .*, expected data and meta; asked was http"):
        ledger.fetch("DEBT", "2025-11-03 12:00")


def test_an_answer_without_its_counts_is_refused(ledger: Ledger) -> None:
    ledger.server.fail(Fault(body=b'{"data": [], "meta": {"count": 0, "total-count": 0}}'))
    with pytest.raises(BadData, match="treasury answered meta without total-pages"):
        ledger.fetch("DEBT", "2025-11-03 12:00")


def cut_off(reply: Reply) -> Reply:
    return Reply(reply.body[:-20])


@pytest.mark.parametrize(
    ("fault", "waits"),
    [
        (Fault(429, headers={"Retry-After": "7"}), [7.0]),
        (Fault(429), [10.0]),
        (Fault(500, b"<html>Oops", content_type="text/html"), [1.0]),
        (Fault(200, b""), [1.0]),
        (Fault(change=cut_off), [1.0]),
        (Fault(slow=True), [1.0]),
        (Fault(hang_up=True), [1.0]),
    ],
)
def test_what_passes_is_waited_for(ledger: Ledger, fault: Fault, waits: list[float]) -> None:
    pages_of_debt(ledger)
    ledger.server.fail(fault, after=1)
    ledger.fetch("DEBT", "2025-11-03 12:00")
    assert ledger.waits == waits
    assert len(ledger.values("DEBT")) == 9


# Increments


def test_a_second_fetch_asks_once_for_the_last_days(ledger: Ledger) -> None:
    ledger.world.statements = [
        record for day in weekdays("2025-10-01", "2025-10-30") for record in statement(day, 900_000)
    ]
    ledger.fetch("TGA", "2025-10-31 21:00", since="2025-10-01")
    outcome = ledger.fetch("TGA", "2025-11-01 12:00", since="2025-10-01")
    assert ledger.pages()[1:] == [("record_date:gte:2025-10-20,record_date:lte:2025-11-01", "1")]
    assert (outcome.received, outcome.added, outcome.last) == (9, 0, pd.Timestamp("2025-10-30"))


def test_a_deeper_history_is_asked_for_before_the_last_days(ledger: Ledger) -> None:
    ledger.world.debts = [debt(day, 38 * TRILLION) for day in weekdays("2025-08-01", "2025-10-30")]
    ledger.fetch("DEBT", "2025-11-03 12:00", since="2025-10-01")
    ledger.fetch("DEBT", "2025-11-03 12:00", since="2025-08-01")
    asked = [said.replace("record_date:", "") for said, _ in ledger.pages()[1:]]
    assert asked == ["gte:2025-08-01,lte:2025-10-01", "gte:2025-10-20,lte:2025-11-03"]
    assert list(ledger.values("DEBT")) == weekdays("2025-08-01", "2025-10-30")


def stop_at(ledger: Ledger, step: int) -> None:
    """Kill the next fetch when it says its step of this number."""

    class Killed(list[Step]):
        def append(self, said: Step) -> None:
            super().append(said)
            if len(self) == step:
                raise KeyboardInterrupt

    ledger.steps = Killed()


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_deeper_history_that_fails_at_any_page_leaves_no_hole(ledger: Ledger, failing: int) -> None:
    days = weekdays("2025-08-01", "2025-10-30")
    ledger.world.most = 20
    ledger.world.debts = [debt(day, 38 * TRILLION) for day in days]
    ledger.fetch("DEBT", "2025-11-03 12:00", since="2025-10-01")
    ledger.server.fail(Fault(503), after=failing, times=5)
    with pytest.raises(Unreachable):
        ledger.fetch("DEBT", "2025-11-03 12:00")
    whole = failing == 3  # the first two pages and a bit are the days before
    assert list(ledger.values("DEBT")) == (days if whole else weekdays("2025-10-01", "2025-10-30"))
    ledger.fetch("DEBT", "2025-11-03 12:00")
    assert list(ledger.values("DEBT")) == days
    before = len(ledger.server.requests)
    ledger.fetch("DEBT", "2025-11-03 12:00")
    assert len(ledger.server.requests) == before + 1


def test_a_whole_history_that_is_killed_goes_on_where_it_was(ledger: Ledger) -> None:
    pages_of_debt(ledger)
    stop_at(ledger, 3)
    with pytest.raises(KeyboardInterrupt):
        ledger.fetch("DEBT", "2025-11-03 12:00")
    assert list(ledger.values("DEBT")) == weekdays("2025-10-20", "2025-10-24")  # two pages, but for their last day
    ledger.steps = []
    ledger.fetch("DEBT", "2025-11-03 12:00")
    assert ledger.pages()[2][0] == "record_date:gte:2025-10-14,record_date:lte:2025-11-03"
    assert list(ledger.values("DEBT")) == weekdays("2025-10-20", "2025-10-30")


def test_a_start_that_is_a_day_earlier_is_asked_for_once(ledger: Ledger) -> None:
    ledger.world.debts = [debt(day, 38 * TRILLION) for day in weekdays("2025-10-01", "2025-10-30")]
    ledger.fetch("DEBT", "2025-11-03 12:00", since="2025-10-15")
    assert ledger.fetch("DEBT", "2025-11-03 12:00", since="2025-10-14").added == 1
    assert ledger.fetch("DEBT", "2025-11-03 12:00", since="2025-10-11").added == 1  # the 13th, a Monday
    before = len(ledger.server.requests)
    for since in ("2025-10-11", "2025-10-12", "2025-10-20"):
        ledger.fetch("DEBT", "2025-11-03 12:00", since=since)
    assert len(ledger.server.requests) == before + 3


def known(ledger: Ledger) -> dict[str, tuple[str, str]]:
    """When each period became known, and how that is known."""
    rows = ledger.store.rows("TGA")
    return {str(row.period.date()): (f"{row.known_at:%Y-%m-%d %H:%M}", row.origin) for row in rows.itertuples()}


def test_a_statement_that_was_missed_is_known_when_it_is_found(ledger: Ledger) -> None:
    ledger.world.statements = statement("2025-10-30", 1_000_632)
    ledger.fetch("TGA", "2025-11-03 22:30")  # Monday at 17:30 in New York: that of Friday was due at 16:00
    ledger.world.statements += [*statement("2025-10-31", 983_875), *statement("2025-11-03", 957_000)]
    ledger.fetch("TGA", "2025-11-04 17:00")
    thursday = ("2025-10-31 20:00", "rule")  # summer time until Sunday
    assert known(ledger) == {"2025-10-30": thursday, "2025-10-31": ("2025-11-04 17:00", "seen")}
    assert ledger.fetch("TGA", "2025-11-05 17:00").revised == 0
    assert known(ledger) == {
        "2025-10-30": thursday,
        "2025-10-31": ("2025-11-04 17:00", "seen"),
        "2025-11-03": ("2025-11-04 21:00", "rule"),  # asked for before it was due
    }


@pytest.mark.parametrize("step", [3, 13])  # in the days before, and in the tail behind them
def test_history_that_is_fetched_later_was_not_missed(ledger: Ledger, step: int) -> None:
    ledger.world.most = 8
    ledger.world.statements = [
        record for day in weekdays("2025-09-01", "2025-10-30") for record in statement(day, 900_000)
    ]
    ledger.fetch("TGA", "2025-11-03 22:30", since="2025-10-01")
    stop_at(ledger, step)
    with pytest.raises(KeyboardInterrupt):
        ledger.fetch("TGA", "2025-11-04 22:30")
    assert len(known(ledger)) == (22 if step == 3 else 44)
    ledger.steps = []
    ledger.fetch("TGA", "2025-11-05 22:30")
    assert len(known(ledger)) == 44
    assert {origin for _, origin in known(ledger).values()} == {"rule"}


def test_what_a_killed_fetch_had_not_asked_for_was_not_missed(ledger: Ledger) -> None:
    pages_of_debt(ledger)
    stop_at(ledger, 3)
    with pytest.raises(KeyboardInterrupt):
        ledger.fetch("DEBT", "2025-11-03 12:00")
    ledger.steps = []
    ledger.fetch("DEBT", "2025-11-03 13:00")
    assert set(ledger.store.rows("DEBT")["origin"]) == {"rule"}


def test_a_balance_that_changed_is_a_further_row(ledger: Ledger) -> None:
    ledger.world.statements = statement("2025-10-30", 1_000_632)
    ledger.fetch("TGA", "2025-11-03 12:00")
    ledger.world.statements = statement("2025-10-30", 1_000_633)
    outcome = ledger.fetch("TGA", "2025-11-04 12:00")
    rows = ledger.store.rows("TGA")
    assert rows["value"].tolist() == pytest.approx([1_000.632, 1_000.633])
    assert rows["origin"].tolist() == ["rule", "seen"]
    assert rows["known_at"].iloc[1] == pd.Timestamp("2025-11-04 12:00", tz="UTC")
    assert outcome.revised == 1


def test_what_was_stored_before_the_treasury_failed_is_kept_and_continued(ledger: Ledger) -> None:
    pages_of_debt(ledger)
    ledger.server.fail(Fault(503), after=1, times=5)
    with pytest.raises(Unreachable, match="treasury answered 503"):
        ledger.fetch("DEBT", "2025-11-03 12:00", since="2025-10-20")
    assert list(ledger.values("DEBT")) == ["2025-10-20", "2025-10-21"]
    ledger.fetch("DEBT", "2025-11-03 12:00", since="2025-10-20")
    assert list(ledger.values("DEBT")) == weekdays("2025-10-20", "2025-10-30")


def test_a_series_that_ends_early_is_said(ledger: Ledger) -> None:
    ledger.world.debts = [debt("2025-06-30", 36 * TRILLION)]
    outcome = ledger.fetch("DEBT", "2025-11-03 12:00")
    assert outcome.notes == ("treasury has nothing after 2025-06-30, which became known 124 days ago",)


def test_a_treasury_that_has_nothing_is_said(ledger: Ledger) -> None:
    outcome = ledger.fetch("TGA", "2025-11-03 12:00")
    assert outcome.notes == (
        "treasury gave nothing for 2005-10-03..2025-11-03, where there must be some: unknown, not zero",
    )


def test_the_answer_is_recorded_with_its_hash(ledger: Ledger) -> None:
    pages_of_debt(ledger)
    ledger.fetch("DEBT", "2025-11-03 12:00")
    (fetch,) = provenance_at(ledger.store.series_path("DEBT")).fetches
    url, _, rest = fetch.query.partition(" sha256=")
    digest, _, days = rest.partition(" ")
    assert (fetch.source, len(digest), fetch.added) == ("treasury", 64, 9)
    assert days == "days 2025-10-27..2025-11-03 from 2005-03-31"  # those of the last page, and the first of all
    assert url.startswith(f"{ledger.server.url}/v2/accounting/od/debt_to_penny?filter=record_date")
    assert url.endswith("page%5Bnumber%5D=3&page%5Bsize%5D=10000")


def test_an_imported_balance_that_says_otherwise_is_kept(ledger: Ledger) -> None:
    periods = pd.DatetimeIndex(["2025-10-30"])
    rows = observation_rows(periods, known_at(spec("TGA"), periods), [983.875])
    ledger.store.add_series(spec("TGA"), rows, Fetch("file", "x.csv", pd.Timestamp("2025-11-01", tz="UTC")))
    ledger.world.statements = statement("2025-10-30", 1_000_632)
    with pytest.raises(BadData, match=r"file and treasury contradict.*delete .*TGA\.parquet and fetch again"):
        ledger.fetch("TGA", "2025-11-03 12:00")
    assert ledger.values() == {"2025-10-30": 983.875}


@pytest.mark.real
def test_the_real_history_is_stored_as_its_file_is_imported(shared: Path, ledger: Ledger, tmp_path: Path) -> None:
    files = Store(tmp_path / "files")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EBBTIDE_SHARED", str(shared.resolve()))
        import_manifest(Path(__file__).parents[1] / "shared.toml", files, pd.Timestamp("2026-10-01", tz="UTC"))
    expected = files.rows("TGA")
    said = pd.read_csv(shared / "macro" / "DTS_operating_cash_balance.csv.gz")
    opening = said[~said["account_type"].str.startswith("Total")].groupby("record_date")["amount_today"].first()
    # Until 2022-04-15 the file has openings alone: what the Treasury gave as the close of a day is the next opening.
    closes = {str(row.period.date()): round(row.value * 1_000) for row in expected.itertuples()}
    ledger.world.statements = [r for day, close in closes.items() for r in statement(day, close, int(opening[day]))]
    ledger.world.most = 1_000
    outcome = ledger.fetch("TGA", "2026-06-25 12:00")
    pd.testing.assert_frame_equal(ledger.store.rows("TGA"), expected, check_exact=False, rtol=1e-12)
    assert len(ledger.server.requests) == 5
    assert outcome.added == len(expected) == 1_252
    labels = {record["account_type"] for record in ledger.world.statements}
    assert labels == set(said["account_type"])
    assert ledger.fetch("TGA", "2026-06-25 13:00").added == 0
    assert len(ledger.server.requests) <= 5 + 2
