"""The New York Fed: what counts as use of a facility, when it was known, and how a history is asked for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data_cache.catalog import spec
from data_cache.errors import BadData
from data_cache.observations import observation_rows
from data_cache.parquet import Fetch, provenance_at
from data_cache.releases import known_at
from data_cache.sources.files import import_manifest
from data_cache.store import Store
from tests.standins import history
from tests.standins.desk import Desk, weekdays
from tests.standins.newyorkfed import World, effr, newyorkfed, repo, reverse_repo, sofr
from tests.standins.server import Fault, Reply

BILLION = 1_000_000_000
MILLION = 1_000_000


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    world = World()
    with newyorkfed(world) as server:
        yield Desk(world, server, Store(tmp_path / "store"))


# The Standing Repo Facility


def test_the_windows_of_a_day_add_up_and_are_known_after_the_second(desk: Desk) -> None:
    desk.world.operations = [
        repo("2025-10-31", 20.35 * BILLION, opens="08:15"),
        repo("2025-10-31", 30 * BILLION),
    ]
    outcomes = desk.fetch("SRF", "2025-11-03 12:00")
    assert desk.rows("SRF", "2025-10-31") == [("2025-10-31 18:01:00", 20.35 + 30.00, "rule")]
    assert desk.values("SRFTSYD") == {"2025-10-31": 4.0}
    assert (outcomes["SRF"].source, outcomes["SRF"].added, outcomes["SRF"].notes) == ("newyorkfed", 1, ())


def test_the_method_and_the_field_of_the_rate_changed_but_not_the_facility(desk: Desk) -> None:
    desk.world.operations = [
        repo("2025-12-10", 1 * BILLION, rate=4.0),
        repo("2025-12-11", 2 * BILLION, rate=3.75),
        repo("2025-12-15", 16.801 * BILLION, rate=3.75),
        repo("2025-12-31", 74.6 * BILLION, rate=3.75),
    ]
    methods = [operation["operationMethod"] for operation in desk.world.operations]
    assert methods == ["Multiple Price", "Full Allotment", "Full Allotment", "Full Allotment"]
    desk.fetch("SRF", "2026-01-02 12:00")
    assert desk.values("SRF") == {"2025-12-10": 1, "2025-12-11": 2, "2025-12-15": 16.801, "2025-12-31": 74.6}
    assert list(desk.values("SRFTSYD").values()) == [4.0, 3.75, 3.75, 3.75]


@pytest.mark.parametrize(
    "test",
    [
        {"opens": "13:30", "note": "Repo Operation SMALL VALUE EXERCISE"},
        {"opens": "13:30", "note": "small-value exercise"},
        {"opens": "10:15", "note": ""},
        {"opens": "10:00", "note": ""},
    ],
)
def test_an_operation_for_a_test_is_no_use_of_the_facility(desk: Desk, test: dict[str, Any]) -> None:
    desk.world.operations = [repo("2025-10-08", 0, rate=4.25), repo("2025-10-08", 98 * MILLION, rate=0.01, **test)]
    desk.fetch("SRF", "2025-10-09 12:00")
    assert desk.values("SRF") == {"2025-10-08": 0}
    assert desk.values("SRFTSYD") == {"2025-10-08": 4.25}


def test_a_day_of_zero_is_zero_and_a_day_without_an_operation_is_absent(desk: Desk) -> None:
    desk.world.operations = [repo("2025-10-09", 0), repo("2025-10-14", 0)]
    desk.fetch("SRF", "2025-10-15 12:00")
    assert desk.values("SRF") == {"2025-10-09": 0, "2025-10-14": 0}


def test_a_day_with_a_test_alone_is_unknown_and_said(desk: Desk) -> None:
    desk.world.operations = [repo("2025-10-07", 0), repo("2025-10-08", 98 * MILLION, opens="10:15")]
    outcomes = desk.fetch("SRF", "2025-10-09 12:00")
    assert desk.values("SRF") == {"2025-10-07": 0}
    assert outcomes["SRF"].notes == ("unknown on 2025-10-08: only tests then, or operations without results",)


def test_the_sum_of_the_morning_is_not_taken_for_that_of_the_day(desk: Desk) -> None:
    afternoon = repo("2025-10-31", 30 * BILLION, auctionStatus="Announced")
    desk.world.operations = [repo("2025-10-31", 20 * BILLION, opens="08:15"), afternoon, repo("2025-10-30", 0)]
    desk.fetch("SRF", "2025-10-31 18:02")
    assert desk.values("SRF") == {"2025-10-30": 0}
    afternoon |= {"auctionStatus": "Results", "lastUpdated": "2025-10-31 14:03:10"}
    desk.fetch("SRF", "2025-10-31 18:04")
    assert desk.rows("SRF", "2025-10-31") == [("2025-10-31 18:03:10", 50.0, "stamp")]


def test_nothing_is_known_of_a_day_before_its_operations_are_published(desk: Desk) -> None:
    desk.world.operations = [repo("2025-10-30", 0), repo("2025-10-31", 0)]
    outcomes = desk.fetch("SRF", "2025-10-31 18:00:59")
    assert list(desk.values("SRF")) == ["2025-10-30"]
    assert outcomes["SRF"].notes == ()


def test_term_and_temporary_operations_are_another_facility(desk: Desk) -> None:
    desk.world.operations = [
        repo("2021-07-28", 5 * BILLION),
        repo("2021-07-29", 0),
        repo("2021-07-30", 0),
        repo("2021-07-30", 5 * BILLION, term="Term", termCalenderDays=14),
        repo("2021-07-30", 7 * BILLION, operationType="FIMA Repo"),
    ]
    desk.fetch("SRF", "2021-08-02 12:00", since=None)
    assert desk.values("SRF") == {"2021-07-29": 0, "2021-07-30": 0}
    assert desk.spans() == [("2021-07-29", "2021-08-02")]


@pytest.mark.parametrize(
    ("touched", "known", "origin"),
    [
        (("08:31:00", "13:46:19"), "2025-10-31 18:01:00", "rule"),
        (("14:20:00", "13:46:19"), "2025-10-31 18:20:00", "stamp"),
    ],
)
def test_a_day_is_known_when_the_last_of_its_records_was_there(
    desk: Desk, touched: tuple[str, str], known: str, origin: str
) -> None:
    desk.world.operations = [
        repo("2025-10-31", 1 * BILLION, opens=opens, lastUpdated=f"2025-10-31 {clock}")
        for opens, clock in zip(("08:15", "13:30"), touched, strict=True)
    ]
    desk.fetch("SRF", "2025-11-03 12:00")
    assert desk.rows("SRF", "2025-10-31") == [(known, 2.0, origin)]


@pytest.mark.parametrize("touched", ["2026-02-01 10:00:00", "2025-10-30 13:46:00", "", None, "10/31/2025"])
def test_a_touch_of_another_day_says_nothing_about_when_it_was_known(desk: Desk, touched: str | None) -> None:
    desk.world.operations = [repo("2025-10-31", 1 * BILLION, lastUpdated=touched)]
    desk.fetch("SRF", "2026-03-02 12:00")
    assert desk.rows("SRF", "2025-10-31") == [("2025-10-31 18:01:00", 1.0, "rule")]


def test_a_stamp_that_is_overwritten_later_does_not_make_the_day_known_earlier(desk: Desk) -> None:
    operation = repo("2025-10-31", 1 * BILLION, lastUpdated="2025-10-31 14:20:00")
    desk.world.operations = [operation]
    desk.fetch("SRF", "2025-10-31 19:00")
    operation["lastUpdated"] = "2025-11-05 09:00:00"
    assert desk.fetch("SRF", "2025-11-05 19:00")["SRF"].added == 0
    assert desk.rows("SRF", "2025-10-31") == [("2025-10-31 18:20:00", 1.0, "stamp")]


@pytest.mark.parametrize(
    ("touched", "known", "origin"),
    [
        ("13:46:19", "2025-11-03 12:00:00", "seen"),
        ("14:15:00", "2025-11-03 12:00:00", "seen"),
        ("14:25:00", "2025-10-31 18:25:00", "stamp"),
    ],
)
def test_results_that_were_missed_are_known_by_their_stamp_or_when_they_are_found(
    desk: Desk, touched: str, known: str, origin: str
) -> None:
    desk.world.operations = [repo("2025-10-29", 0)]
    desk.fetch("SRF", "2025-10-31 18:20")
    desk.world.operations.append(repo("2025-10-31", 50 * BILLION, lastUpdated=f"2025-10-31 {touched}"))
    desk.fetch("SRF", "2025-11-03 12:00")
    assert desk.values("SRF") == {"2025-10-29": 0, "2025-10-31": 50}  # a day without an operation stays absent
    assert desk.rows("SRF", "2025-10-31") == [(known, 50.0, origin)]


@pytest.mark.parametrize("amount", [50.35, 50_350, -1_000_000])
def test_an_amount_that_cannot_be_in_dollars_is_refused(desk: Desk, amount: float) -> None:
    desk.world.operations = [repo("2025-10-31", amount)]
    with pytest.raises(
        BadData, match=r"operation RP 103125 13 of 2025-10-31 the amount -?\d.*, expected dollars.*in \$mn or \$bn now"
    ):
        desk.fetch("SRF", "2025-11-03 12:00")
    assert desk.store.series() == []


def test_results_without_an_amount_are_refused(desk: Desk) -> None:
    desk.world.operations = [repo("2025-10-31", 0, totalAmtAccepted=None)]
    with pytest.raises(BadData, match="RP 103125 13 of 2025-10-31 results but no amount; try again later"):
        desk.fetch("SRF", "2025-11-03 12:00")


# Reverse repos


def test_reverse_repos_are_those_overnight_against_treasuries(desk: Desk) -> None:
    mortgages = [{"securityType": "Mortgage-Backed", "amtAccepted": 30 * MILLION, "percentAwardRate": 0.1}]
    desk.world.operations = [
        reverse_repo("2025-10-30", 8.5 * BILLION, rate=4.0),
        reverse_repo("2025-10-30", 5 * BILLION, term="Term", termCalenderDays=7),
        reverse_repo("2025-10-30", 30 * MILLION, details=mortgages),
        reverse_repo("2025-10-31", 51.802 * BILLION, rate=4.0, termCalenderDays=3),
        repo("2025-10-31", 50.35 * BILLION),
    ]
    desk.fetch("RRPONTSYD", "2025-11-03 12:00")
    assert desk.values("RRPONTSYD") == {"2025-10-30": 8.5, "2025-10-31": 51.802}
    assert desk.values("RRPONTSYAWARD") == {"2025-10-30": 4.0, "2025-10-31": 4.0}
    assert desk.rows("RRPONTSYD", "2025-10-31") == [("2025-10-31 18:01:00", 51.802, "rule")]


@pytest.mark.parametrize(
    "test", [{"note": "Reverse Repo Small Value Exercise"}, {"opens": "10:15", "note": ""}, {"opens": "10:00"}]
)
def test_a_small_value_exercise_is_no_reverse_repo_of_the_facility(desk: Desk, test: dict[str, Any]) -> None:
    desk.world.operations = [
        reverse_repo("2020-11-18", 1 * BILLION, rate=0.0),
        reverse_repo("2020-11-18", 91 * MILLION, rate=0.01, **test),
        reverse_repo("2020-11-19", 91 * MILLION, **test),
    ]
    outcomes = desk.fetch("RRPONTSYD", "2020-11-20 12:00", since="2020-11-01")
    assert desk.values("RRPONTSYD") == {"2020-11-18": 1.0}
    assert desk.values("RRPONTSYAWARD") == {"2020-11-18": 0.0}
    assert outcomes["RRPONTSYD"].notes == ("unknown on 2020-11-19: only tests then, or operations without results",)


def test_a_day_that_nobody_used_it_is_zero_and_has_no_award_rate_unless_one_is_given(desk: Desk) -> None:
    desk.world.operations = [
        reverse_repo("2021-03-10", 0, details=[]),
        reverse_repo("2021-03-11", 0, rate=None),
        reverse_repo("2021-03-12", 0, rate=0.0),
    ]
    desk.fetch("RRPONTSYD", "2021-03-15 12:00", since="2021-03-01")
    assert desk.values("RRPONTSYD") == {"2021-03-10": 0, "2021-03-11": 0, "2021-03-12": 0}
    assert desk.values("RRPONTSYAWARD") == {"2021-03-12": 0.0}


# Reference rates


def test_the_distribution_of_sofr_is_six_series_known_the_next_morning(desk: Desk) -> None:
    desk.world.sofr = [sofr("2025-10-30", 4.04, volume=3_100), sofr("2025-10-31", 4.22, volume=3_194)]
    outcomes = desk.fetch("SOFR", "2025-11-03 13:00")
    assert list(outcomes) == ["SOFR", "SOFR1", "SOFR25", "SOFR75", "SOFR99", "SOFRVOL"]
    found = [desk.values(series)["2025-10-31"] for series in outcomes]
    assert found == [4.22, 4.19, 4.21, 4.24, 4.27, 3_194]
    assert desk.rows("SOFR", "2025-10-31") == [("2025-11-03 13:00:00", 4.22, "rule")]


def test_the_values_before_the_first_publication_of_sofr_are_not_asked_for(desk: Desk) -> None:
    desk.world.sofr = [sofr("2018-03-29", 1.8), sofr("2018-04-02", 1.8), sofr("2018-04-03", 1.83)]
    desk.fetch("SOFR", "2018-04-05 12:00", since=None)
    assert desk.spans() == [("2018-04-03", "2018-04-05")]
    assert desk.values("SOFR") == {"2018-04-03": 1.83}


def test_a_rate_that_was_published_anew_is_known_in_the_afternoon(desk: Desk) -> None:
    desk.world.sofr = [sofr("2025-10-29", 4.27), sofr("2025-10-30", 4.04, revised="r")]
    desk.fetch("SOFR", "2025-10-31 18:59")
    assert list(desk.values("SOFR")) == ["2025-10-29"]
    desk.fetch("SOFR", "2025-10-31 19:00")
    assert desk.rows("SOFR", "2025-10-30") == [("2025-10-31 19:00:00", 4.04, "stamp")]


def test_the_original_and_the_rate_published_anew_are_two_releases(desk: Desk) -> None:
    desk.world.sofr = [sofr("2025-10-30", 4.05), sofr("2025-10-30", 4.04, revised="r")]
    desk.fetch("SOFR", "2025-11-03 12:00")
    original, anew = ("2025-10-31 12:00:00", 4.05, "rule"), ("2025-10-31 19:00:00", 4.04, "stamp")
    assert desk.rows("SOFR", "2025-10-30") == [original, anew]


def test_a_rate_published_anew_between_two_fetches_is_a_further_row(desk: Desk) -> None:
    desk.world.sofr = [sofr("2025-10-29", 4.27), sofr("2025-10-30", 4.05)]
    desk.fetch("SOFR", "2025-10-31 13:00")
    desk.world.sofr[-1] = sofr("2025-10-30", 4.04, revised="r")
    outcomes = desk.fetch("SOFR", "2025-10-31 20:00")
    original, anew = ("2025-10-31 12:00:00", 4.05, "rule"), ("2025-10-31 19:00:00", 4.04, "stamp")
    assert desk.rows("SOFR", "2025-10-30") == [original, anew]
    assert (outcomes["SOFR"].added, outcomes["SOFR"].revised) == (1, 1)
    assert (outcomes["SOFRVOL"].added, outcomes["SOFRVOL"].revised) == (0, 0)


def test_a_value_that_changed_without_a_word_is_known_when_it_was_seen(desk: Desk) -> None:
    desk.world.effr = [effr("2025-10-29", 4.12, 4.0, 4.25), effr("2025-10-30", 3.87)]
    desk.fetch("EFFR", "2025-10-31 13:00")
    desk.world.effr[0]["percentRate"] = 4.13
    outcomes = desk.fetch("EFFR", "2025-11-03 15:00")
    first, seen = ("2025-10-30 13:00:00", 4.12, "rule"), ("2025-11-03 15:00:00", 4.13, "seen")
    assert desk.rows("EFFR", "2025-10-29") == [first, seen]
    assert outcomes["EFFR"].revised == 1


def test_a_rate_that_was_missed_is_known_when_it_is_found(desk: Desk) -> None:
    desk.world.sofr = [sofr("2025-10-29", 4.27)]
    desk.fetch("SOFR", "2025-10-31 12:30")  # half past eight in New York: that of the day before was due at eight
    desk.world.sofr.append(sofr("2025-10-30", 4.05))
    desk.fetch("SOFR", "2025-10-31 15:00")
    assert desk.rows("SOFR", "2025-10-30") == [("2025-10-31 15:00:00", 4.05, "seen")]
    desk.world.sofr[-1] = sofr("2025-10-30", 4.04, revised="r")
    desk.fetch("SOFR", "2025-10-31 20:00")
    late, anew = ("2025-10-31 15:00:00", 4.05, "seen"), ("2025-10-31 19:00:00", 4.04, "stamp")
    assert desk.rows("SOFR", "2025-10-30") == [late, anew]


def test_the_range_of_a_day_is_not_missed_while_the_day_has_no_rate(desk: Desk) -> None:
    desk.world.effr = [effr("2025-10-29", 4.12, 4.0, 4.25)]
    desk.fetch("EFFR", "2025-10-30 20:00")  # the range of the 30th has been known for a day, its rate has not
    desk.world.effr.append(effr("2025-10-30", 3.87))
    desk.fetch("EFFR", "2025-10-31 20:00")
    assert desk.rows("DFEDTARU", "2025-10-30") == [("2025-10-29 18:00:00", 3.75, "rule")]
    assert desk.rows("EFFR", "2025-10-30") == [("2025-10-31 13:00:00", 3.87, "rule")]


def test_the_target_range_holds_on_every_day_between_two_published_ones(desk: Desk) -> None:
    desk.world.effr = [
        effr("2025-10-24", 4.11, 4.0, 4.25),  # a Friday
        effr("2025-10-27", 4.12, 4.0, 4.25),
        effr("2025-10-28", 4.12, 4.0, 4.25),
        effr("2025-10-29", 4.12, 4.0, 4.25),  # the FOMC decides
        effr("2025-10-30", 3.87),
        effr("2025-10-31", 3.86),
    ]
    desk.fetch("EFFR", "2025-11-03 15:00")
    upper = desk.values("DFEDTARU")
    assert list(upper) == [str(day.date()) for day in pd.date_range("2025-10-24", "2025-10-31")]
    assert list(upper.values()) == [4.25] * 6 + [3.75] * 2
    assert list(desk.values("DFEDTARL").values()) == [4.0] * 6 + [3.5] * 2
    assert desk.rows("DFEDTARU", "2025-10-30") == [("2025-10-29 18:00:00", 3.75, "rule")]
    assert list(desk.values("EFFR")) == weekdays("2025-10-24", "2025-10-31")


def test_the_holiday_between_two_years_lies_between_two_published_weekdays(desk: Desk) -> None:
    desk.world.effr = [effr(day, 3.64) for day in ("2025-12-30", "2025-12-31", "2026-01-02", "2026-01-05")]
    desk.fetch("EFFR", "2026-01-06 15:00")
    assert len(desk.spans()) == 2
    assert list(desk.values("DFEDTARU")) == [str(d.date()) for d in pd.date_range("2025-12-30", "2026-01-05")]
    assert list(desk.values("EFFR")) == ["2025-12-30", "2025-12-31", "2026-01-02", "2026-01-05"]


def test_a_hole_in_the_record_is_not_filled_with_a_range(desk: Desk) -> None:
    desk.world.effr = [effr(day, 3.64) for day in ("2025-10-01", "2025-10-06", "2025-10-13")]
    desk.fetch("EFFR", "2025-10-14 15:00")
    filled = ["2025-10-01", "2025-10-02", "2025-10-03", "2025-10-04", "2025-10-05"]
    assert list(desk.values("DFEDTARU")) == [*filled, "2025-10-06", "2025-10-13"]


def test_a_single_target_is_no_range(desk: Desk) -> None:
    desk.world.effr = [
        effr("2008-12-15", 0.18, 1.0),
        effr("2008-12-16", 0.14, 0, 0.25),
        effr("2008-12-17", 0.15, 0, 0.25),
    ]
    desk.fetch("EFFR", "2008-12-19 15:00", since="2008-12-01")
    assert list(desk.values("EFFR")) == ["2008-12-15", "2008-12-16", "2008-12-17"]
    assert desk.values("DFEDTARU") == {"2008-12-16": 0.25, "2008-12-17": 0.25}
    assert desk.rows("DFEDTARL", "2008-12-16") == [("2008-12-16 19:15:00", 0.0, "rule")]


@pytest.mark.parametrize("value", ["4.o4", float("inf"), True, [4.04]])
def test_a_rate_that_is_no_number_is_refused_by_name(desk: Desk, value: object) -> None:
    desk.world.sofr = [sofr("2025-10-30", 4.04) | {"percentPercentile99": value}]
    with pytest.raises(BadData, match=r"percentPercentile99 of 2025-10-30 is .*, expected a number"):
        desk.fetch("SOFR", "2025-11-03 12:00")


def test_a_missing_rate_is_missing_and_known_so(desk: Desk) -> None:
    desk.world.sofr = [sofr("2025-10-29", 4.27), sofr("2025-10-30", 4.04) | {"percentPercentile1": None}]
    del desk.world.sofr[0]["percentPercentile1"]
    desk.fetch("SOFR", "2025-11-03 12:00")
    rows = desk.store.rows("SOFR1")
    assert rows["period"].tolist() == [pd.Timestamp("2025-10-30")]
    assert rows["value"].isna().all()


# What it answers


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
def test_what_passes_is_waited_for(desk: Desk, fault: Fault, waits: list[float]) -> None:
    desk.world.operations = [repo("2025-10-31", 50 * BILLION)]
    desk.server.fail(fault)
    desk.fetch("SRF", "2025-11-03 12:00")
    assert desk.waits == waits
    assert desk.values("SRF") == {"2025-10-31": 50}


@pytest.mark.parametrize("answer", [b'{"repo": {"operations": null}}', b'{"error": "maintenance"}', b"[]", b"null"])
def test_an_answer_of_another_shape_is_refused(desk: Desk, answer: bytes) -> None:
    desk.server.fail(Fault(body=answer))
    with pytest.raises(BadData, match=r"newyorkfed answered '.*', expected a list at repo\.operations; asked was http"):
        desk.fetch("SRF", "2025-11-03 12:00")


def test_a_record_without_a_date_is_refused(desk: Desk) -> None:
    body = b'{"refRates": [{"effectiveDate": "10/31/2025", "type": "SOFR"}]}'
    desk.server.fail(Fault(body=body))
    with pytest.raises(BadData, match="a record has effectiveDate '10/31/2025', expected YYYY-MM-DD"):
        desk.fetch("SOFR", "2025-11-03 12:00")


def test_records_of_other_days_and_kinds_are_left_alone(desk: Desk) -> None:
    desk.server.fail(
        Fault(
            body=b'{"refRates": [{"effectiveDate": "2025-10-31", "type": "SOFR", "percentRate": 4.22},'
            b'{"effectiveDate": "2025-10-31", "type": "BGCR", "percentRate": 4.2},'
            b'{"effectiveDate": "2018-04-03", "type": "SOFR", "percentRate": 1.83}]}'
        )
    )
    desk.fetch("SOFR", "2025-11-03 14:00")
    assert desk.values("SOFR") == {"2025-10-31": 4.22}


# What is stored of another source


def imported(desk: Desk, series: str, values: dict[str, float]) -> None:
    """Store values as an import of a file does."""
    periods = pd.DatetimeIndex(list(values))
    rows = observation_rows(periods, known_at(spec(series), periods), list(values.values()))
    desk.store.add_series(spec(series), rows, Fetch("file", "SOFR.csv", pd.Timestamp("2025-11-01", tz="UTC")))


def test_an_imported_series_is_continued(desk: Desk) -> None:
    imported(desk, "SOFR", {"2025-10-29": 4.27, "2025-10-30": 4.04})
    desk.world.sofr = [sofr("2025-10-29", 4.27), sofr("2025-10-30", 4.04), sofr("2025-10-31", 4.22)]
    assert desk.fetch("SOFR", "2025-11-03 14:00", since="2025-10-20")["SOFR"].added == 1
    assert provenance_at(desk.store.series_path("SOFR")).sources == ("file", "newyorkfed")


def test_an_imported_series_that_says_otherwise_is_kept_and_the_others_are_stored(desk: Desk) -> None:
    imported(desk, "SOFR", {"2025-10-30": 0.0404})
    desk.world.sofr = [sofr("2025-10-30", 4.04), sofr("2025-10-31", 4.22)]
    with pytest.raises(
        BadData,
        match=r"SOFR: file and newyorkfed contradict each other on 1 periods, first 2025-10-30.*"
        r"to have those of newyorkfed, delete .*SOFR\.parquet and fetch again",
    ):
        desk.fetch("SOFR", "2025-11-03 14:00")
    assert desk.values("SOFR") == {"2025-10-30": 0.0404}
    assert desk.values("SOFRVOL") == {"2025-10-30": 2_000, "2025-10-31": 2_000}


def test_rates_that_became_fractions_are_refused_for_their_magnitude(desk: Desk) -> None:
    desk.world.effr = [effr("2025-10-30", 0.0387, 3.5, 3.75)]
    with pytest.raises(BadData, match=r"EFFR: 0\.0387 % on 2025-10-30 lies outside 0\.5\.\.20 %") as refusal:
        desk.fetch("EFFR", "2025-11-03 14:00")
    assert "delete" not in str(refusal.value)
    assert desk.store.series() == ["DFEDTARL", "DFEDTARU"]


# The real history


@pytest.fixture(scope="module")
def files(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The real history, imported from its files."""
    store = Store(tmp_path_factory.mktemp("files") / "store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EBBTIDE_SHARED", str(shared.resolve()))
        import_manifest(Path(__file__).parents[1] / "shared.toml", store, pd.Timestamp("2026-10-01", tz="UTC"))
    return store


@pytest.mark.real
def test_the_real_history_is_stored_as_its_files_are_imported(shared: Path, files: Store, desk: Desk) -> None:
    vars(desk.world).update(vars(history.desk(shared)))
    jobs = ("SRF", "RRPONTSYD", "SOFR", "EFFR")
    notes = [desk.fetch(series, "2026-07-24 20:00", since=None)[series].notes for series in jobs]
    assert len(desk.server.requests) == 6 + 14 + 9 + 27
    assert notes[0] == (
        "unknown on 2022-04-11, 2024-09-24, 2025-10-08 and 1 more: only tests then, or operations without results",
    )
    for series in (*jobs, "DFEDTARU", "DFEDTARL"):
        expected, found = (
            store.rows(series).dropna(subset="value").reset_index(drop=True) for store in (files, desk.store)
        )
        pd.testing.assert_frame_equal(found, expected, check_exact=False, rtol=1e-12)
    before = len(desk.server.requests)
    assert [desk.fetch(series, "2026-07-24 21:00", since=None)[series].added for series in jobs] == [0] * 4
    assert len(desk.server.requests) - before <= 2 * len(jobs)
