"""FRED without a key: the CSV of its pages, by the rule, and what the user reads where it does not come."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_cache.catalog import spec
from data_cache.errors import BadData, Refused, Unreachable
from data_cache.observations import observation_rows
from data_cache.parquet import Fetch, provenance_at
from data_cache.releases import known_at
from data_cache.sources import fred
from data_cache.sources.fredgraph import asked_before, fetched, jobs
from data_cache.sources.outcome import Outcome
from data_cache.sources.patience import Patience
from data_cache.sources.session import Session
from data_cache.store import Store
from tests.standins.fred import KEY, FredWorld, world
from tests.standins.server import Fault, Reply, StandIn

NOW = pd.Timestamp("2024-02-15 23:00", tz="UTC")
WALCL = (
    ("WALCL", "2024-01-03", "2024-01-04", 7_000_000.0),
    ("WALCL", "2024-01-10", "2024-01-11", 7_100_000.0),
    ("WALCL", "2024-01-10", "2024-01-18", 7_110_000.0),
)
KEY_CURE = r"a free key in \$FRED_API_KEY is the sure way: https://fred.stlouisfed.org/docs/api/api_key.html"


@pytest.fixture
def pages() -> FredWorld:
    return FredWorld(world(*WALCL))


@pytest.fixture
def server(pages: FredWorld) -> Iterator[StandIn]:
    with StandIn(pages) as running:
        yield running


@pytest.fixture
def session(server: StandIn) -> Session:
    ends = {"fred": f"{server.url}/fred", "fredgraph": f"{server.url}/graph"}
    return Session(NOW, endpoints=ends, patience=Patience(tries=2, timeout=10, sleep=lambda seconds: None))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def fetch(session: Session, store: Store, series: str = "WALCL") -> Outcome:
    """Fetch one series."""
    return fetched(session, store, spec(series))[0]


def stored(store: Store, series: str = "WALCL") -> list[tuple[str, str, float, str]]:
    """What is stored, by known_at: period, known_at in New York, value, origin."""
    rows = store.rows(series)
    local = rows["known_at"].dt.tz_convert("America/New_York").dt.strftime("%Y-%m-%d %H:%M")
    periods = rows["period"].dt.strftime("%Y-%m-%d")
    return list(zip(periods, local, rows["value"], rows["origin"], strict=True))


def put(store: Store, source: str, value: float, day: str = "2024-01-03") -> None:
    """Have a value of a day from a source."""
    period = pd.DatetimeIndex([day])
    rows = observation_rows(period, known_at(spec("WALCL"), period), [value])
    store.add_series(spec("WALCL"), rows, Fetch(source, "asked", NOW))


FINAL = [("2024-01-03", "2024-01-04 16:30", 7000.0, "rule"), ("2024-01-10", "2024-01-11 16:30", 7110.0, "rule")]


def test_the_final_values_are_stored_as_known_by_the_rule(session: Session, store: Store) -> None:
    outcome = fetch(session, store)
    assert stored(store) == FINAL
    assert (outcome.source, outcome.added, outcome.revised, outcome.notes) == ("fredgraph", 2, 0, ())
    query = "fredgraph.csv?id=WALCL&cosd=2002-12-18"  # when the table took its present form
    assert provenance_at(store.series_path("WALCL")).fetches == (Fetch("fredgraph", query, NOW, 2),)


@pytest.mark.parametrize("old", [False, True])
def test_missing_values_are_read_in_the_csv_of_today_and_of_before(
    session: Session, store: Store, pages: FredWorld, old: bool
) -> None:
    pages.old_csv = old
    pages.rows = world(("DGS10", "2024-01-01", "2024-01-02", np.nan), ("DGS10", "2024-01-02", "2024-01-03", 3.95))
    fetch(session, store, "DGS10")
    assert store.rows("DGS10")["value"].tolist() == [pytest.approx(np.nan, nan_ok=True), 3.95]


def test_a_further_fetch_asks_for_the_last_weeks_alone(session: Session, store: Store, server: StandIn) -> None:
    fetch(session, store)
    assert fetch(session, store).added == 0
    assert [dict(request.query) for request in server.requests] == [
        {"id": "WALCL", "cosd": "2002-12-18"},
        {"id": "WALCL", "cosd": "2023-12-06"},  # 2024-01-10 and 35 days before
    ]


def test_what_is_new_and_what_has_changed_is_added(session: Session, store: Store, pages: FredWorld) -> None:
    fetch(dataclasses.replace(session, now=pd.Timestamp("2024-01-18 21:00", tz="UTC")), store)
    changed = ("WALCL", "2024-01-10", "2024-01-25", 7_120_000.0)
    pages.rows = world(*WALCL, changed, ("WALCL", "2024-01-17", "2024-01-18", 7_200_000.0))
    outcome = fetch(session, store)
    assert (outcome.added, outcome.revised) == (2, 1)
    assert stored(store)[2:] == [
        ("2024-01-17", "2024-01-18 16:30", 7200.0, "rule"),
        ("2024-01-10", "2024-02-15 18:00", 7120.0, "seen"),
    ]


def test_history_can_begin_on_a_day_and_be_deepened_later(session: Session, store: Store, server: StandIn) -> None:
    fetch(dataclasses.replace(session, since=pd.Timestamp("2024-01-05", tz="UTC")), store)
    assert stored(store) == FINAL[1:]
    fetch(session, store)
    assert stored(store) == FINAL
    assert [request.query.get("cosd") for request in server.requests] == ["2024-01-05", "2002-12-18"]


def test_what_is_not_known_yet_is_left_for_later(session: Session, store: Store) -> None:
    fetch(dataclasses.replace(session, now=pd.Timestamp("2024-01-11 21:29", tz="UTC")), store)
    assert stored(store) == FINAL[:1]


# The H.4.1 of 2024-01-17 comes on 01-22; its rule is Thursday 01-18 at 16:30 in New York.
LATE = ("WALCL", "2024-01-17", "2024-01-22", 7_200_000.0)
WITHOUT_IT = pd.Timestamp("2024-01-19 17:00", tz="UTC")


def test_what_an_earlier_fetch_did_not_find_in_its_time_is_known_when_it_is_found(
    session: Session, store: Store, pages: FredWorld
) -> None:
    fetch(dataclasses.replace(session, now=WITHOUT_IT), store)
    pages.rows = world(*WALCL, LATE)
    assert fetch(session, store).added == 1
    assert stored(store) == [*FINAL, ("2024-01-17", "2024-02-15 18:00", 7200.0, "seen")]
    assert fetch(session, store).added == 0
    pages.rows = world(*WALCL, (*LATE[:3], 7_250_000.0))
    again = dataclasses.replace(session, now=NOW + pd.Timedelta(days=1))
    assert [fetch(again, store).added for _ in range(2)] == [1, 0]
    assert stored(store)[2:] == [
        ("2024-01-17", "2024-02-15 18:00", 7200.0, "seen"),
        ("2024-01-17", "2024-02-16 18:00", 7250.0, "seen"),
    ]


@pytest.mark.parametrize("earlier", ["2024-01-18 21:29", "2024-01-18 21:30"])
def test_what_an_earlier_fetch_could_not_find_yet_is_known_by_the_rule(
    session: Session, store: Store, pages: FredWorld, earlier: str
) -> None:
    fetch(dataclasses.replace(session, now=pd.Timestamp(earlier, tz="UTC")), store)
    pages.rows = world(*WALCL, LATE)
    fetch(session, store)
    assert stored(store)[-1] == ("2024-01-17", "2024-01-18 16:30", 7200.0, "rule")


def test_what_no_earlier_fetch_asked_for_is_known_by_the_rule(session: Session, store: Store) -> None:
    for since in ("2024-01-05", "2024-01-01"):
        fetch(dataclasses.replace(session, since=pd.Timestamp(since, tz="UTC")), store)
    assert stored(store) == FINAL


def test_no_fetch_asks_for_what_is_older_than_it_says(session: Session, store: Store, server: StandIn) -> None:
    from_then_on = dataclasses.replace(session, since=pd.Timestamp("2024-01-05", tz="UTC"))
    for _ in range(2):
        fetch(from_then_on, store)
    assert [request.query["cosd"] for request in server.requests] == ["2024-01-05", "2024-01-05"]
    assert stored(store) == FINAL[1:]


def test_a_series_that_is_revised_needs_a_key(session: Session, store: Store, server: StandIn) -> None:
    outcome = fetch(session, store, "THREEFYTP10")
    assert outcome.notes[0].startswith(
        "THREEFYTP10 is revised, and without a key FRED shows its last vintage alone; a "
    )
    assert (server.requests, store.series()) == ([], [])


def test_what_is_stored_with_its_vintages_is_left_alone(session: Session, store: Store, server: StandIn) -> None:
    with_key = dataclasses.replace(session, fred_key=KEY)
    next(job for job in fred.jobs(with_key, store) if job.name == "WALCL").run()
    before, asked = store.series_path("WALCL").read_bytes(), len(server.requests)
    outcome = fetch(session, store)
    assert store.series_path("WALCL").read_bytes() == before
    assert len(server.requests) == asked
    assert outcome.last == pd.Timestamp("2024-01-10")
    assert outcome.notes[0].startswith(
        "stored with FRED's vintages, which final values can't continue: nothing new is fetched; a fr"
    )


def test_an_imported_series_is_continued_where_both_agree(session: Session, store: Store) -> None:
    put(store, "file", 7_000.0)
    assert fetch(session, store).added == 1
    assert stored(store) == FINAL


def test_beside_an_import_the_whole_is_asked_for_once(
    session: Session, store: Store, server: StandIn, pages: FredWorld
) -> None:
    put(store, "file", 7_000.0)
    pages.rows = world(*WALCL, ("WALCL", "2019-01-02", "2019-01-03", 4_000_000.0))  # older than the import
    assert fetch(session, store).added == 2
    assert asked_before(store, "WALCL", "fredgraph") == {"id": "WALCL", "cosd": "2002-12-18"}
    assert fetch(session, store).added == 0
    assert [request.query["cosd"] for request in server.requests] == ["2002-12-18", "2023-12-06"]


def test_beside_an_import_no_more_is_said_to_be_asked_for_than_was(
    session: Session, store: Store, server: StandIn
) -> None:
    put(store, "file", 7_000.0)
    fetch(dataclasses.replace(session, since=pd.Timestamp("2024-01-05", tz="UTC")), store)
    assert asked_before(store, "WALCL", "fredgraph")["cosd"] == "2024-01-05"
    fetch(session, store)
    assert server.requests[-1].query["cosd"] == "2002-12-18"


def test_an_older_value_of_an_import_that_disagrees_is_noticed(
    session: Session, store: Store, pages: FredWorld
) -> None:
    put(store, "file", 7_001.0)
    put(store, "file", 7_110.0, "2024-02-07")
    pages.rows = world(*WALCL, ("WALCL", "2024-02-07", "2024-02-08", 7_110_000.0))
    with pytest.raises(BadData, match=r"contradict each other on 1 periods, first 2024-01-03"):
        fetch(session, store)  # 2024-01-03 is 35 days before the newest


def test_what_an_import_skipped_after_a_fetch_is_asked_for(session: Session, store: Store, pages: FredWorld) -> None:
    fetch(dataclasses.replace(session, now=pd.Timestamp("2024-01-12", tz="UTC")), store)
    put(store, "file", 7_300.0, "2024-06-05")
    later = ("WALCL", "2024-01-17", "2024-01-18", 7_200_000.0), ("WALCL", "2024-06-05", "2024-06-06", 7_300_000.0)
    pages.rows = world(*WALCL, *later)
    fetch(dataclasses.replace(session, now=pd.Timestamp("2024-06-10", tz="UTC")), store)
    assert "2024-01-17" in [row[0] for row in stored(store)]


def test_an_imported_series_that_disagrees_is_left_as_it_is(session: Session, store: Store) -> None:
    put(store, "file", 7_001.0)
    with pytest.raises(BadData, match=r"WALCL: file and fredgraph contradict .* nothing was stored: go on importing"):
        fetch(session, store)
    assert [row[2] for row in stored(store)] == [7001.0]


def test_values_in_another_unit_are_refused(session: Session, store: Store, pages: FredWorld) -> None:
    pages.rows = world(("WALCL", "2024-01-03", "2024-01-04", 7_000.0))
    with pytest.raises(BadData, match=r"WALCL: 7 \$bn on 2024-01-03 lies outside 500..20000 \$bn"):
        fetch(session, store)


def test_periods_outside_the_calendars_are_left_out_with_a_note(
    session: Session, store: Store, pages: FredWorld
) -> None:
    pages.rows = world(("DTB3", "1954-01-04", "2010-03-01", 1.3), ("DTB3", "1962-01-02", "2010-03-01", 2.7))
    assert fetch(session, store, "DTB3").notes[0].startswith("1 periods lie outside the calendars")
    assert [row[0] for row in stored(store, "DTB3")] == ["1962-01-02"]


def without_a_row(reply: Reply) -> Reply:
    """The CSV up to its header."""
    return dataclasses.replace(reply, body=reply.body.split(b"\n")[0] + b"\n")


def test_a_csv_without_a_row_adds_nothing(session: Session, store: Store, server: StandIn) -> None:
    server.fail(Fault(change=without_a_row))
    assert fetch(session, store).added == 0
    assert store.series() == []


REFUSED = {
    "a page": (
        Fault(200, b"<!DOCTYPE html><html><h1>Just a moment</h1>"),
        "no CSV of WALCL but '<!DOCTYPE html>",
    ),
    "nothing": (Fault(200, b""), "no CSV of WALCL but an empty body"),
    "bytes": (Fault(200, b"\x1f\x8b\x00\xff,"), "no CSV of WALCL but "),
    "another series": (
        Fault(200, b"observation_date,DGS10\n2024-01-03,4\n"),
        "no CSV of WALCL but 'observation_date",
    ),
    "a row too long": (Fault(200, b"observation_date,WALCL\n2024-01-03,4\n2024-01-10,4,4\n"), "no CSV of WALCL but "),
    "no date": (Fault(200, b"observation_date,WALCL\n2024-01-,7000000\n"), "with the line '2024-01-,7000000'"),
    "no number": (Fault(200, b"observation_date,WALCL\n2024-01-03,n/a\n"), "with the line '2024-01-03,n/a'"),
    "nan": (Fault(200, b"observation_date,WALCL\n2024-01-03,nan\n"), "with the line '2024-01-03,nan'"),
    "a refusal": (Fault(403, b"<html>Access Denied</html>"), "fredgraph answered 403: '<html>Access Denied</html>'"),
}


@pytest.mark.parametrize(("fault", "sentence"), REFUSED.values(), ids=REFUSED)
def test_anything_but_the_csv_is_said_with_the_sure_way(
    session: Session, store: Store, server: StandIn, fault: Fault, sentence: str
) -> None:
    server.fail(fault)
    with pytest.raises(Refused, match=KEY_CURE) as caught:
        fetch(session, store)
    assert sentence in str(caught.value)
    assert (len(server.requests), store.series()) == (1, [])


def test_what_does_not_answer_is_asked_again_and_then_said_with_the_sure_way(
    session: Session, store: Store, server: StandIn
) -> None:
    session = dataclasses.replace(session, patience=dataclasses.replace(session.patience, timeout=1))
    server.fail(Fault(slow=True), times=2)
    with pytest.raises(Unreachable, match=rf"did not answer within 1 s \(asked 2 times .*later; {KEY_CURE}"):
        fetch(session, store)


def test_the_jobs_are_those_that_a_key_would_have(session: Session, store: Store) -> None:
    with_key = fred.jobs(dataclasses.replace(session, fred_key=KEY), store)
    assert [(job.group, job.provider, job.name) for job in jobs(session, store)] == [
        (job.group, job.provider, job.name) for job in with_key
    ]
