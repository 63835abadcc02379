"""How a history that comes in pieces is asked for, by the example of the New York Fed: no hole, wherever it stops."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from data_cache.errors import Unreachable
from data_cache.parquet import provenance_at
from data_cache.store import Store
from tests.standins.desk import Desk, weekdays
from tests.standins.newyorkfed import World, effr, newyorkfed, repo, sofr
from tests.standins.server import Fault


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    world = World()
    with newyorkfed(world) as server:
        yield Desk(world, server, Store(tmp_path / "store"))


def test_a_new_series_is_asked_for_by_calendar_year_and_then_once_for_its_tail(desk: Desk) -> None:
    desk.world.sofr = [sofr(day, 4.0) for day in weekdays("2023-06-01", "2025-10-31")]
    first = desk.fetch("SOFR", "2025-11-03 14:00", since="2023-06-01")
    assert desk.spans("/rates/secured/sofr/search.json") == [
        ("2023-06-01", "2023-12-31"),
        ("2024-01-01", "2024-12-31"),
        ("2025-01-01", "2025-11-03"),
    ]
    assert first["SOFR"].added == len(desk.world.sofr)
    second = desk.fetch("SOFR", "2025-11-03 20:00", since="2023-06-01")
    assert desk.spans()[3:] == [("2025-10-21", "2025-11-03")]
    assert [outcome.added for outcome in second.values()] == [0] * 6
    assert (second["SOFR"].received, second["SOFR"].last) == (9, pd.Timestamp("2025-10-31"))


def test_a_deeper_history_is_asked_for_by_year_before_the_tail(desk: Desk) -> None:
    desk.world.effr = [effr(day, 3.9) for day in weekdays("2008-12-16", "2009-03-02")]
    desk.fetch("EFFR", "2009-03-03 15:00", since="2009-02-02")
    desk.fetch("EFFR", "2009-03-03 15:00", since="2008-12-16")
    assert desk.spans()[1:] == [
        ("2008-12-16", "2008-12-31"),
        ("2009-01-01", "2009-02-02"),
        ("2009-02-20", "2009-03-03"),
    ]
    assert list(desk.values("EFFR")) == weekdays("2008-12-16", "2009-03-02")
    assert len(desk.values("DFEDTARU")) == (pd.Timestamp("2009-03-02") - pd.Timestamp("2008-12-16")).days + 1


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_deeper_history_that_fails_at_any_year_leaves_no_hole(desk: Desk, failing: int) -> None:
    desk.world.effr = [effr(day, 3.9) for day in weekdays("2023-06-01", "2025-10-31")]
    desk.fetch("EFFR", "2025-11-03 15:00", since="2025-09-06")  # a Saturday
    desk.server.fail(Fault(503), after=failing, times=5)
    with pytest.raises(Unreachable):
        desk.fetch("EFFR", "2025-11-03 15:00", since="2023-06-01")
    assert desk.spans()[1:3] == [("2023-06-01", "2023-12-31"), ("2024-01-01", "2024-12-31")][: failing + 1]
    first = "2023-06-01" if failing == 3 else "2025-09-06"
    assert list(desk.values("EFFR")) == weekdays(first, "2025-10-31")
    desk.fetch("EFFR", "2025-11-03 15:00", since="2023-06-01")
    assert list(desk.values("EFFR")) == weekdays("2023-06-01", "2025-10-31")
    every_day = pd.date_range("2023-06-01", "2025-10-31")
    assert list(desk.values("DFEDTARU")) == [str(day.date()) for day in every_day]
    before = len(desk.spans())
    desk.fetch("EFFR", "2025-11-03 15:00", since="2023-06-01")
    assert desk.spans()[before:] == [("2025-10-21", "2025-11-03")]


def test_a_start_that_is_a_few_days_earlier_is_asked_for_once(desk: Desk) -> None:
    desk.world.sofr = [sofr(day, 4.0) for day in weekdays("2025-09-01", "2025-10-31")]
    desk.fetch("SOFR", "2025-11-03 14:00", since="2025-09-10")
    assert desk.fetch("SOFR", "2025-11-03 14:00", since="2025-09-08")["SOFR"].added == 2
    before = len(desk.spans())
    desk.fetch("SOFR", "2025-11-03 14:00", since="2025-09-08")
    assert desk.spans()[before:] == [("2025-10-21", "2025-11-03")]
    desk.fetch("SOFR", "2025-11-03 14:00", since="2025-08-30")
    assert desk.spans()[before + 1 :] == [("2025-08-30", "2025-09-08"), ("2025-10-21", "2025-11-03")]
    assert list(desk.values("SOFR")) == weekdays("2025-09-01", "2025-10-31")


def delete(desk: Desk, series: str) -> None:
    for file in desk.store.series_path(series).parent.glob(f"{series}.*"):
        file.unlink()


def test_a_series_that_was_deleted_leaves_no_hole_in_its_siblings(desk: Desk) -> None:
    desk.world.sofr = [sofr(day, 4.0) for day in weekdays("2023-06-01", "2025-10-31")]
    desk.fetch("SOFR", "2025-11-03 14:00", since="2025-09-01")
    delete(desk, "SOFRVOL")
    desk.server.fail(Fault(503), after=1, times=5)
    with pytest.raises(Unreachable):
        desk.fetch("SOFR", "2025-11-03 14:00", since="2023-06-01")
    assert list(desk.values("SOFR")) == weekdays("2025-09-01", "2025-10-31")
    desk.fetch("SOFR", "2025-11-03 14:00", since="2023-06-01")
    for series in ("SOFR", "SOFRVOL"):
        assert list(desk.values(series)) == weekdays("2023-06-01", "2025-10-31")


def test_the_siblings_of_a_series_that_was_deleted_go_on_where_they_ended(desk: Desk) -> None:
    desk.world.sofr = [sofr(day, 4.0) for day in weekdays("2024-05-01", "2025-10-31")]
    desk.fetch("SOFR", "2024-06-05 14:00", since="2024-05-01")
    delete(desk, "SOFRVOL")
    desk.fetch("SOFR", "2025-11-03 14:00", since="2025-09-01")
    assert list(desk.values("SOFR")) == weekdays("2024-05-01", "2025-10-31")


def test_what_was_stored_before_a_provider_failed_is_kept_and_continued(desk: Desk) -> None:
    desk.world.sofr = [sofr(day, 4.0) for day in weekdays("2024-01-01", "2025-10-31")]
    desk.server.fail(Fault(500, b"<html>"), after=1, times=5)
    with pytest.raises(Unreachable, match=r"newyorkfed answered 500: '<html>' \(asked 5 times"):
        desk.fetch("SOFR", "2025-11-03 14:00", since="2024-01-01")
    assert list(desk.values("SOFR"))[-1] == "2024-12-31"
    desk.fetch("SOFR", "2025-11-03 14:00", since="2024-01-01")
    assert desk.spans()[-1] == ("2024-12-21", "2025-11-03")
    assert list(desk.values("SOFRVOL")) == weekdays("2024-01-01", "2025-10-31")


def test_a_year_that_is_empty_and_a_series_that_ends_early_are_said(desk: Desk) -> None:
    desk.world.sofr = [sofr(day, 4.0) for day in weekdays("2025-01-02", "2025-06-30")]
    notes = desk.fetch("SOFR", "2025-11-03 14:00", since="2024-01-01")["SOFR"].notes
    assert notes == (
        "newyorkfed gave nothing for 2024-01-01..2024-12-31, where there must be some: unknown, not zero",
        "newyorkfed has nothing after 2025-06-30, which became known 125 days ago",
    )


def test_a_provider_that_has_nothing_at_all_is_said(desk: Desk) -> None:
    outcomes = desk.fetch("SRF", "2025-11-03 14:00", since="2025-10-30")
    assert outcomes["SRF"].notes == ("newyorkfed gave nothing of SRF",)
    assert desk.fetch("SRF", "2025-11-03 14:00", since="2025-12-01")["SRF"].received == 0


def test_the_answer_is_recorded_with_its_hash_and_the_progress_is_told(desk: Desk) -> None:
    desk.world.operations = [repo("2025-10-31", 0), repo("2024-10-31", 0)]
    desk.fetch("SRF", "2025-11-03 14:00", since="2024-01-01")
    (fetch,) = provenance_at(desk.store.series_path("SRF")).fetches
    assert fetch.source == "newyorkfed"
    url, _, rest = fetch.query.partition(" sha256=")
    digest, _, days = rest.partition(" ")
    path = "/rp/results/search.json?startDate=2025-01-01&endDate=2025-11-03&operationTypes=Repo"
    assert (url, len(digest)) == (desk.server.url + path, 64)
    assert days == "days 2025-01-01..2025-11-03 from 2024-01-01"
    told = [(step.job, step.rows, step.share) for step in desk.steps]
    assert told == [("SRF, SRFTSYD", 0, 0.0), ("SRF, SRFTSYD", 1, 0.5), ("SRF, SRFTSYD", 2, 1.0)]
