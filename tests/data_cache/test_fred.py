"""FRED with a key: vintages through the real fredapi against a stand-in on loopback, into the store."""

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_cache.catalog import CATALOG, spec
from data_cache.errors import BadData, Refused
from data_cache.observations import Observations, observation_rows
from data_cache.parquet import Fetch, provenance_at
from data_cache.releases import known_at
from data_cache.sources import fredgraph
from data_cache.sources.alfred import Alfred, Limits
from data_cache.sources.files import import_manifest
from data_cache.sources.fred import fetched, jobs
from data_cache.sources.outcome import Outcome
from data_cache.sources.patience import Patience
from data_cache.sources.session import Session, Step
from data_cache.store import Store
from tests.standins.fred import EARLIEST, KEY, LATEST, FredWorld, Row, world
from tests.standins.history import vintages
from tests.standins.server import Fault, StandIn

NOW = pd.Timestamp("2024-02-15 23:00", tz="UTC")
PLENTY = Limits()
WALCL = (
    ("WALCL", "2024-01-03", "2024-01-04", 7_000_000.0),
    ("WALCL", "2024-01-10", "2024-01-11", 7_100_000.0),
    ("WALCL", "2024-01-10", "2024-01-18", 7_110_000.0),
    ("WALCL", "2024-01-17", "2024-01-18", 7_200_000.0),
)
NEXT = (("WALCL", "2024-01-24", "2024-01-25", 7_300_000.0), ("WALCL", "2024-01-17", "2024-01-25", 7_210_000.0))


@pytest.fixture
def fred() -> FredWorld:
    return FredWorld(world(*WALCL))


@pytest.fixture
def server(fred: FredWorld) -> Iterator[StandIn]:
    with StandIn(fred) as running:
        yield running


@pytest.fixture
def session(server: StandIn) -> Session:
    return session_at(server)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def session_at(server: StandIn, now: pd.Timestamp = NOW, key: str = KEY, since: str = "", tries: int = 2) -> Session:
    """A session that asks the stand-in, and does not sleep."""
    ends = {"fred": f"{server.url}/fred", "fredgraph": f"{server.url}/graph"}
    patience = Patience(tries=tries, timeout=10, sleep=lambda seconds: None)
    day = pd.Timestamp(since, tz="UTC") if since else None
    return Session(now, since=day, endpoints=ends, fred_key=key, patience=patience)


def at(time: str) -> pd.Timestamp:
    """A New York time."""
    return pd.Timestamp(time, tz="America/New_York").tz_convert("UTC")


def fetch(session: Session, store: Store, series: str = "WALCL", limits: Limits = PLENTY) -> Outcome:
    """Fetch one series."""
    return fetched(Alfred(session, limits), store, spec(series))[0]


def stored(store: Store, series: str = "WALCL") -> list[tuple[str, str, float, str]]:
    """What is stored, by period: period, known_at in New York, value, origin."""
    rows = store.rows(series).sort_values(["period", "known_at"])
    local = rows["known_at"].dt.tz_convert("America/New_York").dt.strftime("%Y-%m-%d %H:%M")
    periods = rows["period"].dt.strftime("%Y-%m-%d")
    return list(zip(periods, local, rows["value"], rows["origin"], strict=True))


EXPECTED = [
    ("2024-01-03", "2024-01-04 16:30", 7000.0, "rule"),
    ("2024-01-10", "2024-01-11 16:30", 7100.0, "rule"),
    ("2024-01-10", "2024-01-18 16:30", 7110.0, "stamp"),
    ("2024-01-17", "2024-01-18 16:30", 7200.0, "rule"),
]
EXPECTED_NEXT = [
    *EXPECTED,
    ("2024-01-17", "2024-01-25 16:30", 7210.0, "stamp"),
    ("2024-01-24", "2024-01-25 16:30", 7300.0, "rule"),
]

# The whole history


def test_every_value_is_stored_with_the_moment_of_its_release(session: Session, store: Store) -> None:
    outcome = fetch(session, store)
    assert stored(store) == EXPECTED
    assert (outcome.source, outcome.received, outcome.added, outcome.revised) == ("fred", 4, 4, 1)
    assert (outcome.first, outcome.last) == (pd.Timestamp("2024-01-03"), pd.Timestamp("2024-01-17"))


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_history_in_many_windows_is_the_same_history(
    session: Session, store: Store, server: StandIn, fred: FredWorld, most: int
) -> None:
    fred.vintages = most
    fetch(session, store, limits=Limits(vintages=most))
    assert stored(store) == EXPECTED
    assert len(server.asked("/observations")) == -(-3 // most)


def test_a_window_that_fred_finds_too_wide_is_halved(
    session: Session, store: Store, server: StandIn, fred: FredWorld
) -> None:
    fred.vintages = 1
    fetch(session, store)
    assert stored(store) == EXPECTED
    spans = [(r.query["realtime_start"], r.query["realtime_end"]) for r in server.asked("/observations")]
    assert spans == [
        (EARLIEST, LATEST),
        (EARLIEST, "2024-01-10"),
        ("2024-01-11", LATEST),
        ("2024-01-11", "2024-01-17"),
        ("2024-01-18", LATEST),
    ]


def test_an_answer_that_may_have_been_cut_off_is_asked_for_in_halves(
    session: Session, store: Store, fred: FredWorld
) -> None:
    fred.most = 4
    fetch(session, store, limits=Limits(rows=4))
    assert stored(store) == EXPECTED


def test_one_vintage_that_no_answer_holds_is_refused(session: Session, store: Store, fred: FredWorld) -> None:
    fred.most = 2
    with pytest.raises(Refused, match=r"2 rows of WALCL, as many as one answer holds, for the vintage of 2024"):
        fetch(session, store, limits=Limits(rows=2))


def test_a_list_of_vintages_that_one_answer_does_not_hold_is_asked_for_in_parts(
    session: Session, store: Store, server: StandIn, fred: FredWorld
) -> None:
    fred.dates = 2
    fetch(session, store, limits=Limits(dates=2))
    assert stored(store) == EXPECTED
    assert [request.query.get("offset") for request in server.asked("/vintagedates")] == [None, "2"]


def test_history_older_than_fred_s_record_is_known_by_the_rule(session: Session, store: Store, fred: FredWorld) -> None:
    fred.rows = world(
        ("DGS10", "2004-06-01", "2010-03-01", 4.7),
        ("DGS10", "2010-02-25", "2010-03-01", 3.6),
        ("DGS10", "2010-02-26", "2010-03-01", 3.5),
    )
    fetch(session, store, "DGS10")
    assert stored(store, "DGS10") == [
        ("2004-06-01", "2004-06-02 16:15", 4.7, "rule"),
        ("2010-02-25", "2010-03-01 16:15", 3.6, "stamp"),  # perhaps a release that was late
        ("2010-02-26", "2010-03-01 16:15", 3.5, "rule"),
    ]


def test_periods_outside_the_calendars_are_left_out_with_a_note(
    session: Session, store: Store, fred: FredWorld
) -> None:
    fred.rows = world(("DTB3", "1954-01-04", "2010-03-01", 1.3), ("DTB3", "1962-01-02", "2010-03-01", 2.7))
    outcome = fetch(session, store, "DTB3")
    assert [row[0] for row in stored(store, "DTB3")] == ["1962-01-02"]
    assert outcome.notes == (
        "1 periods lie outside the calendars of the release rules (1962 to 2040) and were left out",
    )
    fred.rows = world(*fred.rows.itertuples(index=False, name=None), ("DTB3", "1962-01-03", "2024-02-01", 2.8))
    assert fetch(session, store, "DTB3").notes == ()


def test_a_missing_value_is_known_as_missing_and_enters_when_it_comes(
    session: Session, store: Store, fred: FredWorld
) -> None:
    fred.rows = world(("DGS10", "2023-08-02", "2023-08-03", np.nan), ("DGS10", "2023-08-02", "2023-08-04", 4.08))
    fetch(session, store, "DGS10")
    releases = Observations({"DGS10": store.rows("DGS10")}).releases("DGS10")
    assert releases.index.tolist() == [at("2023-08-04 16:15")]
    assert releases["value"].tolist() == [4.08]


def test_what_is_announced_ahead_waits_for_its_hour(server: StandIn, store: Store, fred: FredWorld) -> None:
    # Friday's post of the rate of Monday, known by the rule on Sunday at 16:32
    fred.rows = world(("IORB", "2024-02-02", "2024-02-01", 5.4), ("IORB", "2024-02-05", "2024-02-02", 5.4))
    counts = []
    for now in ("2024-02-02 18:00", "2024-02-03 12:00", "2024-02-04 16:31", "2024-02-04 16:32", "2024-02-05 12:00"):
        fetch(session_at(server, at(now)), store, "IORB")
        counts.append(len(store.rows("IORB")))
    assert counts == [1, 1, 1, 2, 2]
    assert stored(store, "IORB")[-1] == ("2024-02-05", "2024-02-04 16:32", 5.4, "rule")


def test_vintages_after_the_time_of_the_session_are_not_taken(server: StandIn, store: Store) -> None:
    fetch(session_at(server, at("2024-01-17 12:00")), store)
    assert stored(store) == EXPECTED[:2]
    fetch(session_at(server), store)
    assert stored(store) == EXPECTED


def test_a_vintage_after_the_time_of_the_session_is_not_asked_for(
    server: StandIn, store: Store, fred: FredWorld
) -> None:
    # of a whole history, what is loaded on 2024-03-01 would be known by the rule
    weeks = pd.date_range("2023-01-04", periods=20, freq="7D").strftime("%Y-%m-%d")
    fred.rows = world(*WALCL, *(("WALCL", week, "2024-03-01", 8_000_000.0) for week in weeks))
    fetch(session_at(server), store)
    assert stored(store) == EXPECTED
    assert server.requests[-1].query["realtime_end"] == "2024-02-29"
    fetch(session_at(server, at("2024-03-02 12:00")), store)
    assert {row[1:] for row in stored(store)[:20]} == {("2024-03-01 16:30", 8000.0, "stamp")}


@pytest.mark.parametrize(("now", "settled"), [("2024-01-19 05:59", "2024-01-11"), ("2024-01-19 06:00", "2024-01-18")])
def test_the_day_ends_at_midnight_in_chicago(server: StandIn, store: Store, now: str, settled: str) -> None:
    # until then FRED can add to the vintage of the day
    fetch(session_at(server, pd.Timestamp(now, tz="UTC")), store)
    (kept,) = provenance_at(store.series_path("WALCL")).fetches
    assert f"realtime_end={settled}&" in kept.query


def test_a_vintage_that_holds_what_is_not_known_yet_is_not_settled(
    server: StandIn, store: Store, fred: FredWorld
) -> None:
    fred.rows = world(("IORB", "2024-02-02", "2024-02-02", 5.4), ("IORB", "2024-02-05", "2024-02-02", 5.3))
    fetch(session_at(server, at("2024-02-03 12:00")), store, "IORB")  # Monday's rate is known on Sunday at 16:32
    fetch(session_at(server, at("2024-02-05 12:00")), store, "IORB")
    assert store.rows("IORB")["value"].tolist() == [5.4, 5.3]


def test_history_can_begin_on_a_day_and_be_deepened_later(server: StandIn, store: Store) -> None:
    fetch(session_at(server, since="2024-01-10"), store)
    assert stored(store) == EXPECTED[1:]
    assert server.requests[-1].query["observation_start"] == "2024-01-10"
    assert fetch(session_at(server), store).added == 1
    assert stored(store) == EXPECTED
    fetch(session_at(server, since="2024-01-17"), store)
    assert stored(store) == EXPECTED


def test_the_store_says_which_query_its_rows_answer(session: Session, store: Store) -> None:
    fetch(session, store)
    query = f"series/observations?series_id=WALCL&realtime_start={EARLIEST}&realtime_end=2024-01-18"
    query += "&observation_start=2002-12-18"  # when the table took its present form
    assert provenance_at(store.series_path("WALCL")).fetches == (Fetch("fred", query, NOW, 4),)


def test_progress_is_said_window_by_window(server: StandIn, store: Store) -> None:
    steps: list[Step] = []
    session = dataclasses.replace(session_at(server), say=steps.append)
    fetch(session, store, limits=Limits(vintages=2))
    assert [(step.rows, step.share) for step in steps] == [(0, 0.0), (0, 0.0), (2, 0.5), (5, 1.0)]


# Increments


def test_nothing_new_costs_one_request(session: Session, store: Store, server: StandIn) -> None:
    fetch(session, store)
    before = len(server.requests)
    outcome = fetch(session, store)
    assert [request.path for request in server.requests[before:]] == ["/fred/series/vintagedates"]
    assert (outcome.added, outcome.last) == (0, pd.Timestamp("2024-01-17"))


def test_on_the_day_of_a_vintage_it_costs_two(server: StandIn, store: Store) -> None:
    session = session_at(server, at("2024-01-18 17:00"))
    fetch(session, store)
    before = len(server.requests)
    assert fetch(session, store).added == 0
    assert len(server.requests) - before == 2


def test_new_vintages_are_added_and_revisions_are_counted(
    session: Session, store: Store, server: StandIn, fred: FredWorld
) -> None:
    fetch(session, store)
    fred.rows = world(*WALCL, *NEXT)
    outcome = fetch(session, store)
    assert (outcome.received, outcome.added, outcome.revised) == (5, 2, 1)  # three values that stood, told again
    assert stored(store) == EXPECTED_NEXT
    asked = server.requests[-1].query
    assert (asked["realtime_start"], asked["realtime_end"]) == ("2024-01-18", LATEST)


def test_a_lone_revision_is_no_contradiction(session: Session, store: Store, fred: FredWorld) -> None:
    fred.rows = world(*WALCL[:2])
    fetch(session, store)
    fred.rows = world(*WALCL[:3])
    assert fetch(session, store).revised == 1
    assert stored(store) == EXPECTED[:3]


def test_increments_make_the_bytes_of_the_whole(server: StandIn, fred: FredWorld, tmp_path: Path) -> None:
    parts, whole = Store(tmp_path / "parts"), Store(tmp_path / "whole")
    fred.rows = world(*WALCL, *NEXT)
    for day in ("01-05", "01-12", "01-18", "01-19", "01-25", "02-15"):
        fetch(session_at(server, at(f"2024-{day} 17:00")), parts)
    fetch(session_at(server), whole)
    assert stored(whole) == EXPECTED_NEXT
    assert parts.series_path("WALCL").read_bytes() == whole.series_path("WALCL").read_bytes()


def test_a_past_vintage_that_is_told_otherwise_is_known_when_it_was_seen(
    session: Session, store: Store, fred: FredWorld
) -> None:
    fetch(session, store)
    told = [(*row[:3], 7_250_000.0) if row == WALCL[3] else row for row in WALCL]
    fred.rows = world(*told, NEXT[0])
    fetch(session, store)
    assert stored(store)[3:5] == [
        ("2024-01-17", "2024-01-18 16:30", 7200.0, "rule"),
        ("2024-01-17", "2024-02-15 18:00", 7250.0, "seen"),
    ]
    assert fetch(session, store).added == 0


def test_a_fetch_that_was_ended_goes_on_where_it_was(
    session: Session, store: Store, server: StandIn, tmp_path: Path
) -> None:
    server.fail(Fault(404), after=2, path="/observations")
    with pytest.raises(Refused):
        fetch(session, store, limits=Limits(vintages=1))
    assert stored(store) == EXPECTED[:2]
    before = len(server.asked("/observations"))
    fetch(session, store, limits=Limits(vintages=1))
    assert stored(store) == EXPECTED
    assert [r.query["realtime_start"] for r in server.asked("/observations")[before:]] == ["2024-01-11", "2024-01-18"]


def test_a_release_months_late_is_known_when_it_came(server: StandIn, fred: FredWorld, tmp_path: Path) -> None:
    parts, whole = Store(tmp_path / "parts"), Store(tmp_path / "whole")
    fred.rows = world(*WALCL[:1], WALCL[3], ("WALCL", "2024-01-10", "2024-03-25", 7_100_000.0))
    for day in ("02-15", "03-25", "04-01"):
        fetch(session_at(server, at(f"2024-{day} 19:00")), parts)
    fetch(session_at(server, at("2024-04-01 19:00")), whole)
    assert stored(parts)[1] == ("2024-01-10", "2024-03-25 16:30", 7100.0, "stamp")
    assert stored(whole) == stored(parts)


# Units


def test_vintages_in_billions_and_in_millions_become_one_series(
    session: Session, store: Store, fred: FredWorld
) -> None:
    fred.rows = world(
        ("WTREGEN", "2023-12-27", "2023-12-28", 700.5),
        ("WTREGEN", "2024-01-03", "2024-01-04", 710.25),
        ("WTREGEN", "2023-12-27", "2024-01-11", 700_500.0),
        ("WTREGEN", "2024-01-03", "2024-01-11", 710_250.0),
        ("WTREGEN", "2024-01-10", "2024-01-11", 720_000.0),
    )
    outcome = fetch(session, store, "WTREGEN")
    assert store.rows("WTREGEN")["value"].tolist() == [700.5, 710.25, 720.0]
    assert outcome.notes == (
        "2 values of WTREGEN were printed in $bn instead of $mn; they were told apart by their size",
    )


def test_any_other_series_in_another_unit_is_refused_whole(session: Session, store: Store, fred: FredWorld) -> None:
    fred.rows = world(*((*row[:3], row[3] / 1000) for row in WALCL))
    with pytest.raises(BadData, match=r"WALCL: 7 \$bn on 2024-01-03 \(and 3 more\) lies outside 500..20000 \$bn"):
        fetch(session, store)
    assert store.series() == []


# A series that restates itself


def restated(weeks: int) -> list[Row]:
    """A term premium of which every weekly vintage restates all values: week w of vintage v is v + w / 100."""
    days = pd.date_range("2016-04-01", periods=weeks, freq="7D")  # Fridays
    posted = [max(day, days[8]) + pd.Timedelta(days=4) for day in days]
    return [
        ("THREEFYTP10", f"{day:%Y-%m-%d}", f"{vintage:%Y-%m-%d}", round(v / 100 + w / 10_000, 6))
        for v, vintage in enumerate(sorted(set(posted)))
        for w, day in enumerate(days)
        if posted[w] <= vintage
    ]


def test_first_releases_of_a_restated_series_are_those_of_their_vintage(
    server: StandIn, store: Store, fred: FredWorld
) -> None:
    fred.rows = world(*restated(weeks=130))
    outcome = fetch(session_at(server, at("2019-01-01 00:00")), store, "THREEFYTP10")
    releases = Observations({"THREEFYTP10": store.rows("THREEFYTP10")}).releases("THREEFYTP10")
    # the first vintage, of Tuesday 2016-05-31, brings nine weeks; each later one brings one more
    expected = [round(w / 10_000, 6) for w in range(9)] + [round(v / 100 + (v + 8) / 10_000, 6) for v in range(1, 122)]
    assert releases["value"].tolist() == expected
    assert releases.index[:9].unique().tolist() == [at("2016-05-31 15:02")]
    assert releases.index[9] == at("2016-06-07 15:02")
    assert outcome.notes[0].startswith("THREEFYTP10 is restated by its vintages: of each, what is new and its last 28")


def test_of_a_restated_series_little_is_asked_and_kept(server: StandIn, store: Store, fred: FredWorld) -> None:
    fred.rows = world(*restated(weeks=130))
    outcome = fetch(session_at(server, at("2019-01-01 00:00")), store, "THREEFYTP10")
    assert len(fred.rows) == 9 * 122 + 121 * 122 // 2
    assert outcome.received < len(fred.rows) / 2
    assert len(store.rows("THREEFYTP10")) <= 9 + 121 * 4 + 4  # a Tuesday sees four Fridays of the last 28 days
    assert [r.query.get("observation_start") for r in server.asked("/observations")] == [
        None,
        "2016-05-10",
        "2017-05-09",
        "2018-05-08",
    ]


def test_a_restated_series_grows_into_what_a_whole_fetch_gives(
    server: StandIn, fred: FredWorld, tmp_path: Path
) -> None:
    fred.rows = world(*restated(weeks=40))
    parts, whole = Store(tmp_path / "parts"), Store(tmp_path / "whole")
    for day in ("2016-05-31 23:00", "2016-06-15 00:00", "2016-07-05 23:00", "2016-10-01 00:00", "2017-01-20 00:00"):
        fetch(session_at(server, at(day)), parts, "THREEFYTP10")
    fetch(session_at(server, at("2017-01-20 00:00")), whole, "THREEFYTP10")
    assert parts.series_path("THREEFYTP10").read_bytes() == whole.series_path("THREEFYTP10").read_bytes()


# As of a day

values = st.sampled_from([6.9e6, 7.0e6, 7.1e6, np.nan])
publications = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 4), values), min_size=1, max_size=25, unique_by=lambda row: row[:2]
)


def published(said: list[tuple[int, int, float]]) -> list[Row]:
    """Weekly values (week, weeks until this vintage, value) as FRED would hold them: equal neighbours are one."""
    rows: list[Row] = []
    for week, later, value in sorted(said):
        period = pd.Timestamp("2022-03-02") + pd.Timedelta(days=7 * week)
        start = f"{period + pd.Timedelta(days=1 + 7 * later):%Y-%m-%d}"
        repeats = rows and rows[-1][1] == f"{period:%Y-%m-%d}" and np.array_equal(rows[-1][3], value, equal_nan=True)
        if not repeats:
            rows.append(("WALCL", f"{period:%Y-%m-%d}", start, value))
    return rows


@settings(max_examples=30)
@given(publications, st.integers(1, 6), st.lists(st.integers(0, 12), max_size=2))
def test_what_is_stored_equals_what_fred_had_on_every_day(
    said: list[tuple[int, int, float]], limit: int, stops: list[int]
) -> None:
    weeks = [pd.Timestamp("2022-03-03 23:00", tz="UTC") + pd.Timedelta(days=7 * week) for week in (*sorted(stops), 12)]
    fred = FredWorld(world(*published(said)), vintages=limit)
    with StandIn(fred) as server, tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        for now in weeks:
            fetch(session_at(server, now), store, limits=Limits(vintages=limit))
        alfred = Alfred(session_at(server))
        kept = Observations({"WALCL": store.rows("WALCL")})
        for vintage in alfred.vintages("WALCL"):
            had = alfred.as_of(spec("WALCL"), vintage)
            pd.testing.assert_series_equal(kept.as_of("WALCL", at(f"{vintage} 23:59")), had)


def test_before_the_first_vintage_fred_had_nothing(session: Session) -> None:
    had = Alfred(session).as_of(spec("WALCL"), "2020-01-01")
    assert (len(had), had.dtype, had.index.dtype) == (0, "float64", "datetime64[ns]")


# Beside other sources


def rows_by_rule(value: float, day: str = "2024-01-03") -> pd.DataFrame:
    """One value as another source has it."""
    period = pd.DatetimeIndex([day])
    return observation_rows(period, known_at(spec("WALCL"), period), [value])


def test_what_came_without_a_key_makes_way_whole_even_where_a_later_day_is_asked_for(
    server: StandIn, store: Store
) -> None:
    fredgraph.fetched(session_at(server, key=""), store, spec("WALCL"))
    outcome = fetch(session_at(server, since="2024-01-15"), store, limits=Limits(vintages=1))
    assert stored(store) == EXPECTED
    assert provenance_at(store.series_path("WALCL")).sources == ("fred",)
    assert outcome.notes == (
        "WALCL had come without a key, in its final vintage; FRED's vintages took the place of all of it",
    )
    before = len(server.requests)
    assert fetch(session_at(server), store).notes == ()
    assert len(server.requests) == before + 1  # it is whole: nothing is asked for again


@pytest.mark.parametrize("other", ["file", "fred"])
def test_where_a_part_came_without_a_key_all_makes_way(session: Session, store: Store, other: str) -> None:
    query = "series/observations?series_id=WALCL&realtime_end=2024-01-18&observation_start=2024-01-15"
    store.add_series(spec("WALCL"), rows_by_rule(7_001.0, "2024-01-03"), Fetch("fredgraph", "fredgraph.csv", NOW))
    store.add_series(spec("WALCL"), rows_by_rule(7_002.0, "2023-12-20"), Fetch(other, query, NOW))
    fetch(session, store, limits=Limits(vintages=1))
    assert stored(store) == EXPECTED
    assert provenance_at(store.series_path("WALCL")).sources == ("fred",)


def test_what_is_not_known_yet_by_its_vintage_is_not_left_as_it_came_without_a_key(
    server: StandIn, store: Store, fred: FredWorld
) -> None:
    fred.rows = world(*WALCL[:2], ("WALCL", "2024-01-17", "2024-01-19", 7_200_000.0))  # a day late
    morning = at("2024-01-19 12:00")
    fredgraph.fetched(session_at(server, morning, key=""), store, spec("WALCL"))
    fetch(session_at(server, morning), store)
    assert stored(store) == EXPECTED[:2]
    fetch(session_at(server, at("2024-01-19 16:30")), store)
    assert stored(store)[2:] == [("2024-01-17", "2024-01-19 16:30", 7200.0, "stamp")]


def test_final_values_stay_until_all_vintages_are_there(session: Session, store: Store, server: StandIn) -> None:
    fredgraph.fetched(dataclasses.replace(session, fred_key=""), store, spec("WALCL"))
    before = stored(store)
    server.fail(Fault(404), after=2, path="/observations")
    with pytest.raises(Refused):
        fetch(session, store, limits=Limits(vintages=1))
    assert stored(store) == before
    assert provenance_at(store.series_path("WALCL")).sources == ("fredgraph",)


def test_an_imported_series_is_continued_where_both_agree(session: Session, store: Store) -> None:
    store.add_series(spec("WALCL"), rows_by_rule(7_000.0), Fetch("file", "walcl.csv", NOW))
    assert fetch(session, store).added == 3
    assert stored(store) == EXPECTED


def test_an_imported_series_that_disagrees_is_left_as_it_is(session: Session, store: Store) -> None:
    store.add_series(spec("WALCL"), rows_by_rule(7_001.0), Fetch("file", "walcl.csv", NOW))
    contradiction = (
        r"WALCL: file and fred contradict each other on 1 periods, first 2024-01-03.*; nothing was stored: go on "
        r"importing it, or delete .*WALCL\.parquet and fetch it whole$"
    )
    with pytest.raises(BadData, match=contradiction):
        fetch(session, store, limits=Limits(vintages=1))
    assert [row[2] for row in stored(store)] == [7001.0]


def test_nothing_is_stored_beside_an_import_before_all_of_it_agrees(session: Session, store: Store) -> None:
    # agrees with the first window, and contradicts the third
    agreeing, other = rows_by_rule(7_000.0), rows_by_rule(7_201.0, "2024-01-17")
    store.add_series(spec("WALCL"), pd.concat([agreeing, other]), Fetch("file", "walcl.csv", NOW))
    with pytest.raises(BadData, match=r"contradict each other on 1 periods, first 2024-01-17"):
        fetch(session, store, limits=Limits(vintages=1))
    assert [row[2] for row in stored(store)] == [7000.0, 7201.0]
    assert provenance_at(store.series_path("WALCL")).sources == ("file",)


# The jobs


def test_there_is_a_job_for_every_series_of_fred(session: Session, store: Store) -> None:
    names = [entry.id for entry in CATALOG if entry.source == "fred"]
    for key in (KEY, ""):
        made = jobs(dataclasses.replace(session, fred_key=key), store)
        assert [(job.group, job.provider, job.name) for job in made] == [("macro", "fred", name) for name in names]


def test_a_job_asks_with_the_key_or_without(session: Session, store: Store) -> None:
    for key, source in ((KEY, "fred"), ("", "fredgraph")):
        made = jobs(dataclasses.replace(session, fred_key=key), Store(store.folder / source))
        outcomes = next(job for job in made if job.name == "WALCL").run()
        assert [outcome.source for outcome in outcomes] == [source]


# The real history


@pytest.mark.real
def test_the_real_history_through_fred_is_that_of_the_files(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("WALCL", "DGS10", "WRESBAL")
    now = pd.Timestamp("2026-10-01", tz="UTC")
    monkeypatch.setenv("EBBTIDE_SHARED", str(shared.resolve()))
    files = Store(tmp_path / "files")
    import_manifest(Path(__file__).parents[1] / "shared.toml", files, now)
    fetched_too = Store(tmp_path / "fetched")
    with StandIn(FredWorld(vintages(shared, *names))) as server:
        session = dataclasses.replace(session_at(server, now), patience=Patience(sleep=lambda seconds: None))
        for name in names:
            fetch(session, fetched_too, name)
            first, expected = (Observations({name: kept.rows(name)}).releases(name) for kept in (fetched_too, files))
            pd.testing.assert_frame_equal(first, expected, check_exact=True)
    assert len(fetched_too.rows("DGS10")) > 10_000
