"""The release clock: every expected instant is written out by hand, in UTC."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_cache.catalog import CATALOG, FAMILIES, ReleaseRule, SeriesSpec, spec
from data_cache.errors import BadData, BadUsage, UnknownName
from data_cache.releases import (
    CALENDARS,
    EXCEPTIONS,
    FIRST_YEAR,
    LAST_YEAR,
    business_days,
    calendar,
    eastern,
    known_at,
)

AHEAD_OF_THE_PERIOD = {"IORB", "DFEDTARU", "DFEDTARL"}


def known(series: str, period: str) -> str:
    return known_at(spec(series), pd.DatetimeIndex([period]))[0].strftime("%Y-%m-%d %H:%M")


def imported(rule: ReleaseRule) -> SeriesSpec:
    return replace(spec("SOFR"), id="MINE", release=rule)


def one(rule: ReleaseRule, period: str) -> pd.Timestamp:
    return known_at(imported(rule), pd.DatetimeIndex([period]))[0]


KNOWN = [
    # Repo rates: 08:00 of the next day on which the repo market is open, 12:00 UTC in summer, 13:00 in winter
    ("SOFR", "2024-06-25", "2024-06-26 12:00", "a Tuesday in summer; the page was stamped 08:01 to 08:02"),
    ("SOFR99", "2024-06-25", "2024-06-26 12:00", "a percentile comes with the rate"),
    ("SOFRVOL", "2024-06-25", "2024-06-26 12:00", "and so does the volume"),
    ("SOFR", "2024-01-09", "2024-01-10 13:00", "the same in winter"),
    ("SOFR", "2024-03-08", "2024-03-11 12:00", "the clocks went forward on the Sunday between"),
    ("SOFR", "2024-11-01", "2024-11-04 13:00", "the clocks went back on the Sunday between"),
    (
        "SOFR",
        "2020-07-02",
        "2020-07-06 12:00",
        "SIFMA closed on 2020-07-03; the rate of 07-02 came on Monday",
    ),
    ("SOFR", "2018-12-04", "2018-12-06 13:00", "2018-12-05 was a day of mourning"),
    ("SOFR", "2017-11-09", "2017-11-10 13:00", "a Friday before a Saturday holiday is open"),
    ("SOFR", "2025-01-08", "2025-01-09 13:00", "2025-01-09 was an early close, not a holiday"),
    ("SOFR", "2026-04-02", "2026-04-06 12:00", "Good Friday, an early close for bonds: no SOFR"),
    ("SOFR", "2021-04-01", "2021-04-05 12:00", "Good Friday 2021, likewise"),
    # Federal funds: 09:00 of the next day on which the Reserve Banks are open
    ("EFFR", "2024-06-25", "2024-06-26 13:00", "summer"),
    ("EFFR", "2024-01-09", "2024-01-10 14:00", "winter"),
    ("EFFR", "2020-07-02", "2020-07-03 13:00", "the Banks were open on 2020-07-03"),
    ("EFFR", "2026-07-02", "2026-07-03 13:00", "and on 2026-07-03"),
    ("EFFR", "2021-12-23", "2021-12-24 14:00", "and on 2021-12-24"),
    ("EFFR", "2023-11-09", "2023-11-10 14:00", "and on 2023-11-10"),
    ("EFFR", "2026-04-02", "2026-04-03 13:00", "and on Good Friday"),
    # What the Fed sets
    ("IORB", "2021-07-29", "2021-07-28 20:32", "the first one: the value of d is posted on d - 1 at 16:32"),
    ("IORB", "2024-06-27", "2024-06-26 20:32", "an answer of 2024-06-26 holds it"),
    ("IORB", "2024-01-10", "2024-01-09 21:32", "winter"),
    ("DFEDTARU", "2025-09-18", "2025-09-17 18:00", "decision of 09-17, 14:00"),
    ("DFEDTARL", "2025-10-30", "2025-10-29 18:00", "decision of 10-29"),
    ("DFEDTARU", "2025-12-11", "2025-12-10 19:00", "decision of 12-10, in winter"),
    ("DFEDTARU", "2024-11-08", "2024-11-07 19:00", "a Thursday's decision"),
    ("DFEDTARU", "2020-03-04", "2020-03-03 15:00", "between meetings: 10:00 EST"),
    ("DFEDTARU", "2020-03-16", "2020-03-15 21:00", "between meetings: Sunday, 17:00 EDT, not 14:00"),
    ("DFEDTARL", "2020-03-16", "2020-03-15 21:00", "both bounds"),
    ("DFEDTARU", "2008-12-16", "2008-12-16 19:15", "the first range is dated by its decision, at 14:15 then"),
    ("DFEDTARU", "2008-12-17", "2008-12-16 19:15", "so that both days became known together"),
    ("DFEDTARU", "2013-03-20", "2013-03-19 18:15", "the last observation of the 14:15 era"),
    ("DFEDTARU", "2013-03-21", "2013-03-20 18:00", "the first statement at 14:00"),
    # Operations of the Desk: the same day at 14:01
    ("RRPONTSYD", "2024-10-04", "2024-10-04 18:01", "stamped 1:01 PM CT"),
    ("RRPONTSYD", "2024-01-09", "2024-01-09 19:01", "winter"),
    ("RRPONTSYAWARD", "2024-10-04", "2024-10-04 18:01", "the award rate comes with the amounts"),
    ("SRFTSYD", "2024-10-04", "2024-10-04 18:01", "and so does the minimum bid rate"),
    (
        "SRF",
        "2025-10-31",
        "2025-10-31 18:01",
        "20.35 in the morning and 30.00 in the afternoon: after the second",
    ),
    ("SRF", "2025-12-31", "2025-12-31 19:01", "winter"),
    ("RPONTTLD", "2025-12-15", "2025-12-15 19:01", "the cross-check of SRF"),
    # H.4.1: Thursday 16:30, or the next day on which the Board is open
    ("WALCL", "2025-02-12", "2025-02-13 21:30", "stamped 2025-02-13 3:37 PM CST"),
    ("WSHOSHO", "2025-03-26", "2025-03-27 20:30", "stamped 2025-03-27 3:36 PM CDT"),
    ("WTREGEN", "2025-07-30", "2025-07-31 20:30", "a week's average is released with the levels"),
    ("WALCL", "2018-11-21", "2018-11-23 21:30", "Thanksgiving 2018: Friday"),
    ("WALCL", "2025-11-26", "2025-11-28 21:30", "Thanksgiving 2025"),
    ("WALCL", "2024-07-03", "2024-07-05 20:30", "4 July"),
    ("WALCL", "2025-06-18", "2025-06-20 20:30", "Juneteenth"),
    ("WALCL", "2021-11-10", "2021-11-12 21:30", "Veterans Day"),
    ("WALCL", "2025-12-31", "2026-01-02 21:30", "New Year's Day"),
    ("WALCL", "2025-01-08", "2025-01-10 21:30", "2025-01-09: closed by executive order"),
    ("WALCL", "2020-12-23", "2020-12-28 21:30", "24 December by order, then Christmas and a weekend"),
    ("WALCL", "2025-12-24", "2025-12-29 21:30", "Christmas, then 26 December by order and a weekend"),
    ("WALCL", "2018-12-05", "2018-12-06 21:30", "a closed Wednesday moves nothing"),
    (
        "WALCL",
        "2025-01-01",
        "2025-01-03 05:00",
        "a delay within 2025-01-02: by the end of that day in New York",
    ),
    ("WALCL", "2020-07-01", "2020-07-02 20:30", "the closed Friday after it moves nothing"),
    # H.15: 16:15 of the next day on which the Board is open
    ("DGS10", "2026-06-01", "2026-06-02 20:15", "stamped 16:16 to 16:17"),
    ("DGS1", "2024-01-09", "2024-01-10 21:15", "winter"),
    ("DGS10", "2026-04-02", "2026-04-03 20:15", "the Board is open on Good Friday"),
    ("DGS10", "2017-11-09", "2017-11-13 21:15", "the Board closes on the Friday before a Saturday holiday"),
    ("DGS10", "2020-07-02", "2020-07-06 20:15", "likewise"),
    ("DGS10", "2021-12-23", "2021-12-27 21:15", "likewise"),
    ("DGS10", "2023-11-09", "2023-11-13 21:15", "likewise"),
    ("DGS10", "2026-07-02", "2026-07-06 20:15", "likewise"),
    ("DGS10", "2021-01-19", "2021-01-21 21:15", "Inauguration Day 2021"),
    ("T10Y3M", "2026-06-01", "2026-06-02 20:15", "with the yields it is made of"),
    # Kim-Wright: data to Friday appear on Tuesday, 15:02
    (
        "THREEFYTP10",
        "2024-11-08",
        "2024-11-12 20:02",
        "stamped 2024-11-12 2:02 PM CT, though Monday was a holiday",
    ),
    ("THREEFYTP10", "2025-01-24", "2025-01-28 20:02", "stamped 2025-01-28"),
    ("THREEFYTP10", "2025-06-13", "2025-06-17 19:02", "stamped 2025-06-17, in summer"),
    ("THREEFYTP10", "2025-06-09", "2025-06-17 19:02", "the Monday of that week waits eight days"),
    ("THREEFYTP10", "2025-11-07", "2025-11-12 20:02", "Veterans Day on the Tuesday: Wednesday"),
    # Daily Treasury Statement: 16:00 of the next day on which the government is open
    ("TGA", "2025-10-30", "2025-10-31 20:00", "summer"),
    ("TGA", "2022-04-18", "2022-04-19 20:00", "the first statement with a closing row"),
    ("TGA", "2025-12-23", "2025-12-29 21:00", "24 to 26 December 2025 closed, then a weekend"),
    ("TGA", "2025-01-08", "2025-01-10 21:00", "2025-01-09 closed"),
    ("TGA", "2021-12-30", "2022-01-03 21:00", "2021-12-31 closed for a Saturday's New Year"),
    ("TGA", "2023-11-09", "2023-11-13 21:00", "2023-11-10 closed for a Saturday's Veterans Day"),
    # A period that is no business day: the next business day strictly after it
    ("SOFR", "2024-06-22", "2024-06-24 12:00", "a Saturday"),
    ("DGS10", "2024-07-04", "2024-07-05 20:15", "a holiday"),
]


@pytest.mark.parametrize(("series", "period", "expected", "because"), KNOWN)
def test_an_observation_is_known_at_its_release(series: str, period: str, expected: str, because: str) -> None:
    assert known(series, period) == expected, because


def test_funding_is_known_when_it_is_paid() -> None:
    paid = pd.DatetimeIndex(["2024-05-01 08:00", "2024-05-01 16:00"])
    assert list(known_at(spec("FUNDING_BTC"), paid)) == [
        pd.Timestamp("2024-05-01 08:00", tz="UTC"),
        pd.Timestamp("2024-05-01 16:00", tz="UTC"),
    ]


IMPORTS = [
    (ReleaseRule("end_of_day"), "2024-06-30", "2024-07-01 00:00", "a day counts when it is over, in UTC"),
    (
        ReleaseRule("days_after", days=2),
        "2024-02-28",
        "2024-03-01 00:00",
        "calendar days; 2024 has a 29 February",
    ),
    (ReleaseRule("days_after", clock="09:30"), "2024-02-28", "2024-02-28 09:30", "its clock is UTC"),
    (ReleaseRule("same_day", clock="16:00"), "2024-07-01", "2024-07-01 20:00", "its clock is US Eastern"),
    (ReleaseRule("next_business_day", "SIFMA", "10:00"), "2024-07-03", "2024-07-05 14:00", "over 4 July"),
    (
        ReleaseRule("same_day", clock="02:30"),
        "2024-03-10",
        "2024-03-10 07:00",
        "02:30 is skipped: 03:00 summer time",
    ),
    (
        ReleaseRule("same_day", clock="01:30"),
        "2024-11-03",
        "2024-11-03 06:30",
        "01:30 comes twice: the second one",
    ),
]


@pytest.mark.parametrize(("rule", "period", "expected", "because"), IMPORTS)
def test_an_import_may_name_its_own_rule(rule: ReleaseRule, period: str, expected: str, because: str) -> None:
    assert one(rule, period) == pd.Timestamp(expected, tz="UTC"), because


REFUSED = [
    (
        ReleaseRule("next_busines_day"),
        UnknownName,
        "MINE has no release rule 'next_busines_day'; did you mean 'next_business_day'",
    ),
    (
        ReleaseRule("next_business_day", "SIFMMA", "08:00"),
        UnknownName,
        "no calendar 'SIFMMA'; did you mean 'SIFMA'",
    ),
    (
        ReleaseRule("next_business_day", "", "08:00"),
        UnknownName,
        "no calendar ''; it has: BOARD, DESK, FEDBANK, FEDGOV",
    ),
    (ReleaseRule("same_day"), BadUsage, "clock ''; give a time of day as HH:MM"),
    (ReleaseRule("same_day", clock="24:00"), BadUsage, "clock '24:00'; give a time of day as HH:MM"),
    (ReleaseRule("same_day", clock="4pm"), BadUsage, "clock '4pm'; give a time of day as HH:MM"),
    (ReleaseRule("days_after", days=-1), BadUsage, "days_after has -1 days; give 0 or more"),
]


@pytest.mark.parametrize(("rule", "error", "message"), REFUSED)
def test_a_rule_that_makes_no_sense_is_refused(rule: ReleaseRule, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message.replace("(", r"\(")):
        one(rule, "2024-07-03")


def test_a_time_of_day_is_no_period_of_a_daily_series() -> None:
    with pytest.raises(BadData, match=r"SOFR: period 2024-06-25 14:00:00 has a time of day; a period is a date"):
        known("SOFR", "2024-06-25 14:00")


def test_a_period_has_no_timezone() -> None:
    with pytest.raises(BadData, match="SOFR: periods have the timezone UTC"):
        known_at(spec("SOFR"), pd.DatetimeIndex(["2024-06-25"], tz="UTC"))


def test_a_missing_period_is_refused() -> None:
    with pytest.raises(BadData, match="SOFR: 1 periods are missing; each observation needs a date"):
        known_at(spec("SOFR"), pd.DatetimeIndex(["2024-06-25", None]))


@pytest.mark.parametrize("period", ["1961-12-29", "2041-01-02"])
def test_no_release_is_guessed_where_no_holidays_are_known(period: str) -> None:
    with pytest.raises(BadData, match=f"period {period} lies outside the calendars, 1962 to 2040"):
        known("DGS10", period)


def test_known_at_is_in_nanoseconds_and_keeps_the_order_of_the_periods() -> None:
    answer = known_at(spec("SOFR"), pd.DatetimeIndex(["2024-06-25", "2024-01-09"]).as_unit("s"))
    assert list(answer) == [
        pd.Timestamp("2024-06-26 12:00", tz="UTC"),
        pd.Timestamp("2024-01-10 13:00", tz="UTC"),
    ]
    assert (answer.unit, str(answer.tz), answer.name) == ("ns", "UTC", "known_at")


@pytest.mark.parametrize("kind", ["days_after", "end_of_day", "at_period"])
def test_rules_on_utc_time_answer_in_nanoseconds_too(kind: str) -> None:
    answer = known_at(imported(ReleaseRule(kind)), pd.DatetimeIndex(["2024-06-25"]).as_unit("s"))
    assert (answer.unit, str(answer.tz), answer.name) == ("ns", "UTC", "known_at")


@pytest.mark.parametrize("entry", [*CATALOG, *FAMILIES], ids=lambda entry: entry.id)
def test_no_periods_have_no_releases(entry: SeriesSpec) -> None:
    assert len(known_at(entry, pd.DatetimeIndex([]))) == 0


DAYS = [
    # day, then who is open: FEDBANK, BOARD, SIFMA, REPO
    ("2017-11-10", 1, 0, 1, 1, "Friday before Veterans Day on a Saturday"),
    ("2018-11-22", 0, 0, 0, 0, "Thanksgiving"),
    ("2018-11-23", 1, 1, 1, 1, "the day after it"),
    ("2018-12-05", 1, 0, 0, 0, "day of mourning"),
    ("2020-07-03", 1, 0, 0, 0, "Friday before 4 July on a Saturday"),
    ("2021-01-20", 1, 0, 1, 1, "Inauguration Day"),
    ("2021-04-02", 1, 1, 1, 0, "Good Friday, early close"),
    ("2021-06-18", 1, 0, 1, 1, "Friday before the first Juneteenth on a Saturday"),
    ("2021-07-05", 0, 0, 0, 0, "4 July on a Sunday moves to Monday"),
    ("2021-12-24", 1, 0, 0, 0, "Friday before Christmas on a Saturday"),
    ("2021-12-31", 1, 0, 1, 1, "Friday before New Year's Day on a Saturday"),
    ("2023-04-07", 1, 1, 1, 0, "Good Friday, early close"),
    ("2023-11-10", 1, 0, 1, 1, "Friday before Veterans Day on a Saturday"),
    ("2024-03-29", 1, 1, 0, 0, "Good Friday, full close"),
    ("2024-12-24", 1, 0, 1, 1, "executive order"),
    ("2025-01-09", 1, 0, 1, 1, "day of mourning, early close"),
    ("2025-12-24", 1, 0, 1, 1, "executive order"),
    ("2025-12-26", 1, 0, 1, 1, "executive order"),
    ("2026-04-03", 1, 1, 1, 0, "Good Friday, early close"),
    ("2026-07-03", 1, 0, 0, 0, "Friday before 4 July on a Saturday"),
    ("2027-06-18", 1, 0, 0, 0, "Friday before Juneteenth on a Saturday"),
    ("2027-12-24", 1, 0, 0, 0, "Friday before Christmas on a Saturday"),
    ("2028-11-10", 1, 0, 1, 1, "Friday before Veterans Day on a Saturday"),
]


@pytest.mark.parametrize(("day", "fedbank", "board", "sifma", "repo", "because"), DAYS)
def test_calendars_differ_on_the_hard_days(
    day: str, fedbank: int, board: int, sifma: int, repo: int, because: str
) -> None:
    open_on = {name: int(np.is_busday(day, busdaycal=calendar(name))) for name in CALENDARS}
    expected = {"FEDBANK": fedbank, "BOARD": board, "FEDGOV": board, "SIFMA": sifma, "REPO": repo}
    expected["DESK"] = fedbank & repo  # the Desk needs the Banks and the market
    assert open_on == expected, because


def test_business_days_are_naive_dates_with_both_ends() -> None:
    days = business_days("FEDBANK", pd.Timestamp("2024-07-03"), pd.Timestamp("2024-07-08"))
    assert list(days.strftime("%m-%d")) == ["07-03", "07-05", "07-08"]
    assert (days.tz, days.unit) == (None, "ns")


def test_every_exception_belongs_to_a_rule_that_reads_it() -> None:
    assert set(EXCEPTIONS) == {"decision", "thursday_after"}


periods_of_all_years = st.lists(
    st.dates(pd.Timestamp(FIRST_YEAR, 1, 1).date(), pd.Timestamp(LAST_YEAR, 12, 31).date()),
    min_size=1,
    max_size=50,
).map(lambda days: pd.DatetimeIndex(sorted(days)).as_unit("ns"))
entries = st.sampled_from(CATALOG)


@given(entries, periods_of_all_years)
def test_later_periods_are_never_known_earlier(entry: SeriesSpec, periods: pd.DatetimeIndex) -> None:
    assert known_at(entry, periods).is_monotonic_increasing


def test_every_day_since_the_first_range_is_known_in_order() -> None:
    days = pd.date_range("2008-12-01", "2026-12-31", unit="ns")
    disordered = [entry.id for entry in CATALOG if not known_at(entry, days).is_monotonic_increasing]
    assert disordered == []


@given(entries, periods_of_all_years)
def test_nothing_is_known_before_its_day_but_what_the_fed_sets_ahead(
    entry: SeriesSpec, periods: pd.DatetimeIndex
) -> None:
    ahead = pd.Timedelta(days=1 if entry.id in AHEAD_OF_THE_PERIOD else 0)
    begins = eastern(periods.to_numpy())
    assert (known_at(entry, periods) >= begins - ahead).all()


@given(st.sampled_from([e for e in CATALOG if e.release.kind != "decision"]), periods_of_all_years)
def test_daylight_saving_never_moves_the_clock_on_the_wall(entry: SeriesSpec, periods: pd.DatetimeIndex) -> None:
    wall = known_at(entry, periods).tz_convert("America/New_York").strftime("%H:%M")
    delayed = periods.strftime("%Y-%m-%d").isin(list(EXCEPTIONS.get(entry.release.kind, {})))
    assert set(wall[~delayed]) <= {entry.release.clock}


@given(entries, periods_of_all_years)
def test_a_release_that_follows_a_calendar_falls_on_one_of_its_days(
    entry: SeriesSpec, periods: pd.DatetimeIndex
) -> None:
    if entry.release.calendar:
        days = known_at(entry, periods).tz_convert("America/New_York").tz_localize(None).to_numpy()
        assert np.is_busday(days.astype("datetime64[D]"), busdaycal=calendar(entry.release.calendar)).all()


# What dated captures of FRED saw


def sightings(shared: Path) -> pd.DataFrame:
    """First values seen after the first capture; the time is an upper bound of the release."""
    path = shared / "vintages" / "fred_first_seen_2026-03_2026-08.csv.gz"
    seen = pd.read_csv(path, parse_dates=["observation_date", "first_seen_utc"])
    seen["first_seen_utc"] = seen["first_seen_utc"].dt.tz_localize("UTC")
    ours = seen["series"].isin([entry.id for entry in CATALOG])
    return seen[ours & (seen["in_first_snapshot"] == 0) & (seen["revision_no"] == 0)]


def with_rule(seen: pd.DataFrame) -> pd.DataFrame:
    parts = [
        rows.assign(known_at=known_at(spec(series), pd.DatetimeIndex(rows["observation_date"])))
        for series, rows in seen.groupby("series")
    ]
    return pd.concat(parts)


@pytest.mark.real
def test_no_value_was_seen_before_its_rule_says_it_was_known(shared: Path) -> None:
    seen = with_rule(sightings(shared))
    late = seen[seen["known_at"] > seen["first_seen_utc"]]
    assert len(seen) == 945
    # Interest on reserves is posted ahead for days without business; the rule waits for the day before.
    assert set(late["series"]) == {"IORB"}


@pytest.mark.real
def test_interest_on_reserves_was_seen_before_its_rule_only_around_days_without_business(
    shared: Path,
) -> None:
    seen = with_rule(sightings(shared)).query("series == 'IORB'")
    late = seen[seen["known_at"] > seen["first_seen_utc"]]
    before = (late["observation_date"] - pd.Timedelta(days=1)).to_numpy().astype("datetime64[D]")
    assert not np.is_busday(before, busdaycal=calendar("BOARD")).any()


@pytest.mark.real
def test_most_values_were_seen_within_half_a_day_of_their_rule(shared: Path) -> None:
    """A rule may not be early, nor need it be late: the captures of the same day had what it says."""
    seen = with_rule(sightings(shared))
    lag = (seen["first_seen_utc"] - seen["known_at"]).groupby(seen["series"]).median()
    assert (lag < pd.Timedelta(hours=12)).drop(["DFEDTARU", "DFEDTARL"]).all()


# The calendars against the days that are missing in the files


def missing_weekdays(shared: Path, name: str, since: str) -> set[str]:
    values = pd.read_csv(shared / "macro" / f"{name}.csv.gz", index_col="date", parse_dates=True)["value"].dropna()[
        since:
    ]
    weekdays = pd.bdate_range(since, values.index[-1])
    return set(weekdays.difference(values.index).strftime("%Y-%m-%d"))


def closed(name: str, shared: Path, file: str, since: str) -> set[str]:
    last = pd.read_csv(shared / "macro" / f"{file}.csv.gz", parse_dates=["date"]).dropna()["date"].iloc[-1]
    weekdays = pd.bdate_range(since, last)
    return set(weekdays[~weekdays.isin(business_days(name, pd.Timestamp(since), last))].strftime("%Y-%m-%d"))


@pytest.mark.real
@pytest.mark.parametrize(
    ("file", "since", "name", "holidays"),
    [
        ("EFFR", "2016-03-01", "FEDBANK", 101),
        ("DGS10", "2010-01-04", "SIFMA", 178),
        ("DTB3", "2010-01-01", "SIFMA", None),
        ("SOFR", "2018-04-03", "REPO", 94),
    ],
)
def test_the_missing_weekdays_are_exactly_the_holidays(
    shared: Path, file: str, since: str, name: str, holidays: int | None
) -> None:
    missing = missing_weekdays(shared, file, since)
    assert missing == closed(name, shared, file, since)
    assert holidays in (None, len(missing))


@pytest.mark.real
def test_sofr_misses_three_early_closes_besides_the_holidays_of_bonds(shared: Path) -> None:
    extra = missing_weekdays(shared, "SOFR", "2018-04-03") - closed("SIFMA", shared, "SOFR", "2018-04-03")
    assert extra == {"2021-04-02", "2023-04-07", "2026-04-03"}


@pytest.mark.real
def test_repo_operations_miss_seven_days_besides_the_holidays_of_the_banks(shared: Path) -> None:
    missing = missing_weekdays(shared, "NYFED_SRF", "2021-07-29")
    banks = closed("FEDBANK", shared, "NYFED_SRF", "2021-07-29")
    good_fridays = {"2022-04-15", "2023-04-07", "2024-03-29", "2025-04-18", "2026-04-03"}
    assert (len(missing), len(banks)) == (58, 51)
    assert missing - banks == {"2021-12-24", "2026-07-03"} | good_fridays


@pytest.mark.real
def test_reverse_repo_operations_miss_every_holiday_of_banks_and_of_the_repo_market(shared: Path) -> None:
    missing = missing_weekdays(shared, "RRPONTSYD", "2013-09-23")
    banks = closed("FEDBANK", shared, "RRPONTSYD", "2013-09-23")
    assert (len(missing), len(banks - missing)) == (152, 0)
    assert {
        "2015-07-03",
        "2018-12-04",
        "2018-12-05",
        "2020-07-03",
        "2021-12-24",
        "2026-07-03",
    } <= missing - banks


@pytest.mark.real
def test_treasury_statements_describe_every_day_of_the_banks(shared: Path) -> None:
    path = shared / "macro" / "DTS_operating_cash_balance.csv.gz"
    dates = pd.DatetimeIndex(pd.read_csv(path, parse_dates=["record_date"])["record_date"].unique()).as_unit("ns")
    assert list(dates) == list(business_days("FEDBANK", dates[0], dates[-1]))


@pytest.mark.real
def test_target_ranges_change_only_on_days_after_a_weekday_but_for_the_exceptions(shared: Path) -> None:
    path = shared / "macro" / "fed_funds_target_range_daily.csv.gz"
    upper = pd.read_csv(path, index_col="date", parse_dates=True)["upper"]["2008-12-17":]
    changed = upper.index[upper.diff().fillna(0) != 0]
    decided = changed - pd.Timedelta(days=1)
    assert set(changed[decided.day_of_week >= 5].strftime("%Y-%m-%d")) == {"2020-03-16"}
    assert set(EXCEPTIONS["decision"]) <= set(changed.strftime("%Y-%m-%d"))
