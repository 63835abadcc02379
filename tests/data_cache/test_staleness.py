"""What is due: every release is counted by hand, in UTC."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_cache.bars import OHLCV, TIMEFRAMES, Bars
from data_cache.cache import Status, status
from data_cache.catalog import CATALOG, SeriesSpec, spec
from data_cache.observations import observation_rows
from data_cache.releases import CALENDARS, calendar, known_at
from data_cache.sources.files import import_manifest
from data_cache.staleness import RELEASE_GRACE, Due, due_bars, due_closes, due_observations
from data_cache.store import Store
from tests.own_series import MNAV

MANIFEST = Path(__file__).parents[1] / "shared.toml"


def utc(moment: str) -> pd.Timestamp:
    return pd.Timestamp(moment, tz="UTC")


def rows(periods: object, values: object = 1.0) -> pd.DataFrame:
    """Rows that became known on the day after their period, which nothing here reads."""
    days = pd.DatetimeIndex(periods)
    return observation_rows(days, (days + pd.Timedelta(days=1)).tz_localize("UTC"), values)


# Series, last stored period, now, how many are due, the first of them, why
RELEASES = [
    ("SOFR", "2024-06-24", "2024-06-26 11:59", 0, "", "the rate of the 25th comes at 12:00, in a minute"),
    ("SOFR", "2024-06-24", "2024-06-26 13:59", 0, "", "it has come, but sources may lag by two hours"),
    ("SOFR", "2024-06-24", "2024-06-26 14:00", 1, "2024-06-25", "the two hours are over"),
    ("SOFR", "2024-06-24", "2024-06-27 14:00", 2, "2024-06-25", "and a day later two are due"),
    ("SOFR", "2024-06-25", "2024-06-26 14:00", 0, "", "it is there"),
    ("SOFR", "2024-06-20", "2024-06-23 23:59", 0, "", "Friday's rate comes on Monday"),
    ("SOFR", "2024-03-07", "2024-03-11 13:59", 0, "", "the clocks went forward: 08:00 is 12:00 UTC"),
    ("SOFR", "2024-03-07", "2024-03-11 14:00", 1, "2024-03-08", "and not 13:00 as on the Friday before"),
    ("SOFR", "2024-10-31", "2024-11-04 14:59", 0, "", "the clocks went back: 08:00 is 13:00 UTC"),
    ("SOFR", "2024-10-31", "2024-11-04 15:00", 1, "2024-11-01", "and two hours are over at 15:00"),
    ("SOFR", "2026-04-01", "2026-04-06 14:00", 1, "2026-04-02", "Good Friday has no rate"),
    ("EFFR", "2020-07-01", "2020-07-03 15:00", 1, "2020-07-02", "the Banks are open before a Saturday's holiday"),
    ("IORB", "2024-06-26", "2024-06-26 22:31", 0, "", "the rate of the 27th is posted ahead, at 20:32"),
    ("IORB", "2024-06-26", "2024-06-26 22:32", 1, "2024-06-27", "so that it is due the evening before"),
    ("IORB", "2024-06-21", "2024-06-23 23:00", 3, "2024-06-22", "weekends have a rate: 22, 23 and ahead the 24th"),
    ("DFEDTARU", "2024-06-21", "2024-06-24 23:00", 0, "", "a range is printed with the effective rate"),
    ("DFEDTARU", "2024-06-21", "2024-06-25 14:59", 0, "", "that of Monday comes on Tuesday at 13:00"),
    ("DFEDTARU", "2024-06-21", "2024-06-25 15:00", 1, "2024-06-24", "and none for the weekend"),
    ("SRF", "2023-11-09", "2023-11-12 00:00", 1, "2023-11-10", "the Desk was open before Veterans Day on a Saturday"),
    ("SRF", "2026-07-02", "2026-07-05 00:00", 0, "", "but not before 4 July on a Saturday"),
    ("SRF", "2026-07-02", "2026-07-06 20:00", 0, "", "the windows of Monday are known at 18:01"),
    ("SRF", "2026-07-02", "2026-07-06 20:01", 1, "2026-07-06", "two hours later"),
    ("SRF", "2021-12-23", "2021-12-26 00:00", 0, "", "nor before Christmas on a Saturday"),
    ("RRPONTSYD", "2024-03-28", "2024-03-31 00:00", 0, "", "nor on Good Friday"),
    ("WALCL", "2024-01-03", "2024-02-01 23:29", 3, "2024-01-10", "10, 17 and 24 January"),
    ("WALCL", "2024-01-03", "2024-02-01 23:30", 4, "2024-01-10", "and the 31st, out at 21:30"),
    ("WALCL", "2025-11-19", "2025-11-28 23:29", 0, "", "Thanksgiving moves the release to Friday, 21:30"),
    ("WALCL", "2025-11-19", "2025-11-28 23:30", 1, "2025-11-26", "two hours after it"),
    ("WALCL", "2025-12-17", "2025-12-29 23:29", 0, "", "Christmas, 26 December by order, a weekend"),
    ("WALCL", "2025-12-17", "2025-12-29 23:30", 1, "2025-12-24", "Monday at 21:30"),
    ("TGA", "2025-12-22", "2025-12-29 22:59", 0, "", "the government is closed from the 24th to the 26th"),
    ("TGA", "2025-12-22", "2025-12-29 23:00", 3, "2025-12-23", "then the statements of 23, 24 and 26 come at once"),
    ("DGS10", "2026-07-01", "2026-07-06 22:14", 0, "", "the yields of the 2nd come on Monday at 20:15"),
    ("DGS10", "2026-07-01", "2026-07-06 22:15", 1, "2026-07-02", "and the bond market was closed on the 3rd"),
    ("THREEFYTP10", "2024-11-01", "2024-11-12 22:01", 0, "", "a week is posted on Tuesday at 20:02"),
    ("THREEFYTP10", "2024-11-01", "2024-11-12 22:02", 5, "2024-11-04", "from Monday to Friday"),
    ("SOFR", "2040-12-28", "2041-06-01 00:00", 1, "2040-12-31", "no holidays are known after 2040"),
]


@pytest.mark.parametrize(("series", "last", "now", "count", "since", "because"), RELEASES)
def test_a_period_is_due_once_its_release_and_a_grace_have_passed(
    series: str, last: str, now: str, count: int, since: str, because: str
) -> None:
    due = due_observations(spec(series), rows([last]), utc(now))
    assert due.count == count, because
    assert due.since == pd.Timestamp(since) if since else pd.isna(due.since)


def test_the_last_period_counts_not_the_last_row() -> None:
    revised = observation_rows(
        pd.DatetimeIndex(["2024-06-25", "2024-06-24"]),
        pd.DatetimeIndex([utc("2024-06-26 12:00"), utc("2024-06-26 18:30")]),
        [5.3, 5.4],
    )
    assert due_observations(spec("SOFR"), revised, utc("2024-06-26 20:00")) == Due()


def test_a_period_that_the_source_calls_missing_is_there() -> None:
    assert due_observations(spec("SOFR"), rows(["2024-06-25"], np.nan), utc("2024-06-26 20:00")) == Due()


def is_period(entry: SeriesSpec, day: pd.Timestamp) -> bool:
    if entry.periods in CALENDARS:
        return bool(np.is_busday(day.date(), busdaycal=calendar(entry.periods)))
    return {"day": True, "Wed": day.day_of_week == 2}[entry.periods]


@given(
    st.sampled_from(CATALOG),
    st.datetimes(pd.Timestamp(2019, 1, 1), pd.Timestamp(2030, 1, 1)),
    st.integers(0, 4),
)
def test_nothing_is_due_while_nothing_is_missing_and_what_is_dropped_is_due(
    entry: SeriesSpec, moment: object, dropped: int
) -> None:
    now = pd.Timestamp(moment).tz_localize("UTC")
    clock = spec("EFFR") if entry.release.kind == "decision" else entry
    days = pd.date_range(now.tz_localize(None).normalize() - pd.Timedelta(days=90), periods=100)
    periods = pd.DatetimeIndex([day for day in days if is_period(clock, day)])
    released = periods[known_at(clock, periods) + RELEASE_GRACE <= now]
    stored = released[: len(released) - dropped]
    due = due_observations(entry, rows(stored), now)
    assert due.count == dropped
    assert due.since == released[-dropped] if dropped else pd.isna(due.since)


@pytest.mark.parametrize(("now", "count"), [("2024-01-06 00:00", 0), ("2024-01-06 00:01", 1)])
def test_a_series_of_ones_own_is_due_when_it_is_older_than_it_may_be(now: str, count: int) -> None:
    due = due_observations(MNAV, rows(["2024-01-01"]), utc(now))  # known on 2 January, four days are over on the 6th
    assert due.count == count
    assert pd.isna(due.since)


EIGHT_HOURS = pd.date_range("2024-01-01", "2024-01-04", freq="8h")
FOUR_HOURS = pd.date_range("2024-01-04 04:00", "2024-01-06", freq="4h")


@pytest.mark.parametrize(
    ("periods", "now", "count", "since", "because"),
    [
        (EIGHT_HOURS, "2024-01-04 08:00", 0, "", "a payment that falls due now"),
        (EIGHT_HOURS, "2024-01-04 08:01", 1, "2024-01-04 08:00", "a minute later"),
        (EIGHT_HOURS, "2024-01-05 08:00", 3, "2024-01-04 08:00", "8:00, 16:00, 0:00"),
        (EIGHT_HOURS.append(FOUR_HOURS), "2024-01-06 09:00", 2, "2024-01-06 04:00", "at four hours now: 4:00, 8:00"),
    ],
)
def test_payments_are_due_at_the_spacing_of_the_last_ones(
    periods: pd.DatetimeIndex, now: str, count: int, since: str, because: str
) -> None:
    paid = observation_rows(periods, periods.tz_localize("UTC"), 1e-4)
    due = due_observations(spec("FUNDING_BTC"), paid, utc(now))
    assert due.count == count, because
    assert due.since == pd.Timestamp(since) if since else pd.isna(due.since)


def test_one_payment_has_no_spacing_so_its_age_counts() -> None:
    paid = observation_rows(EIGHT_HOURS[:1], EIGHT_HOURS[:1].tz_localize("UTC"), 1e-4)
    assert due_observations(spec("FUNDING_BTC"), paid, utc("2024-01-03")).count == 0  # two days old, as it may be
    assert due_observations(spec("FUNDING_BTC"), paid, utc("2024-01-03 00:01")).count == 1


def flat(timeframe: str, first: str, bars: int) -> Bars:
    times = pd.date_range(first, periods=bars, freq=TIMEFRAMES[timeframe], tz="UTC")
    return Bars("BTC", timeframe, pd.DataFrame(dict.fromkeys(OHLCV, 1.0), index=times))


@pytest.mark.parametrize(
    ("timeframe", "now", "count", "since", "because"),
    [
        ("1h", "2024-01-01 03:00", 0, "", "the third hour ends now"),
        ("1h", "2024-01-01 03:01", 1, "2024-01-01 02:00", "a minute later it should be there"),
        ("1h", "2024-01-01 05:30", 3, "2024-01-01 02:00", "the hours from 2, 3 and 4 have ended"),
        ("1h", "2023-12-31 00:00", 0, "", "a clock before the bars"),
        ("4h", "2024-01-01 12:01", 1, "2024-01-01 08:00", "the third of the day"),
        ("1d", "2024-01-04 00:00", 0, "", "the third day ends now"),
        ("1d", "2024-01-04 00:01", 1, "2024-01-03 00:00", "and is due a minute later"),
    ],
)
def test_bars_that_have_ended_are_due(timeframe: str, now: str, count: int, since: str, because: str) -> None:
    due = due_bars(flat(timeframe, "2024-01-01", bars=2), utc(now))
    assert due.count == count, because
    assert due.since == utc(since) if since else pd.isna(due.since)


@given(st.sampled_from(sorted(TIMEFRAMES)), st.integers(1, 50), st.integers(0, 20))
def test_bars_that_are_dropped_are_due(timeframe: str, kept: int, dropped: int) -> None:
    whole, part = flat(timeframe, "2024-03-08", kept + dropped), flat(timeframe, "2024-03-08", kept)
    due = due_bars(part, whole.known_at[-1] + pd.Timedelta(minutes=1))
    assert due.count == dropped
    assert due.since == whole.frame.index[kept] if dropped else pd.isna(due.since)


@pytest.mark.parametrize(("now", "count"), [("2024-01-04 00:00", 0), ("2024-01-04 00:01", 1), ("2024-01-06 12:00", 3)])
def test_closes_of_futures_are_due_every_day(now: str, count: int) -> None:
    due = due_closes(pd.DatetimeIndex([utc("2024-01-02"), utc("2024-01-03")]), utc(now))
    assert due.count == count
    assert due.since == utc("2024-01-04") if count else pd.isna(due.since)


# The real history, on the morning of Thursday, 23 July 2026, at 08:00 in New York

DUE_THEN = {
    "SOFR": (0, "there to the 21st; the rate of the 22nd comes out at this minute"),
    "EFFR": (0, "there to the 21st; that of the 22nd comes in an hour"),
    "IORB": (1, "there to the 22nd; that of the 23rd was posted the evening before"),
    "SRF": (0, "there to the 22nd"),
    "RRPONTSYD": (1, "there to the 21st; the 22nd was known at 18:01"),
    "DGS10": (0, "there to the 22nd, which the rule expects this evening only"),
    "WALCL": (0, "there to the 15th; the 22nd comes this evening"),
    "TREAST": (4, "there to 17 June: 24 June, 1, 8 and 15 July"),
    "TGA": (20, "there to 23 June: 24 to 26, 29 and 30 June; in July 3 + 5 + 5 days, the 20th and the 21st"),
    "DFEDTARU": (38, "there to 27 May: 2 days in May, 21 in June without Juneteenth, 15 in July to the 21st"),
    "FUNDING_BTC": (202, "there to 17 May, 0:00: 67 days of three payments, and the one at 8:00"),
    "ETF_FLOW_TOTAL": (0, "there to August"),
    "binance BTC/USDT 1d": (0, "there to August"),
    "binance BTC/USDT 1h": (1624, "from 16 May, 19:00: 67 days and 16 hours, and the hour until 12:00 ends just now"),
}


@pytest.fixture(scope="module")
def states(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Status]:
    store = Store(tmp_path_factory.mktemp("shared") / "store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EBBTIDE_SHARED", str(shared.resolve()))
        import_manifest(MANIFEST, store, utc("2026-10-01"))
    return {state.name: state for state in status(store, utc("2026-07-23 12:00"))}


@pytest.mark.real
@pytest.mark.parametrize("name", DUE_THEN)
def test_what_was_due_one_morning_of_the_real_history(states: dict[str, Status], name: str) -> None:
    count, because = DUE_THEN[name]
    assert states[name].due == count, because


@pytest.mark.real
def test_every_operation_of_the_desk_fell_on_a_day_on_which_it_was_expected(shared: Path) -> None:
    for name, first, missed in (("NYFED_SRF", "2021-07-29", 0), ("RRPONTSYD", "2013-09-23", 7)):
        held = pd.read_csv(shared / "macro" / f"{name}.csv.gz", parse_dates=["date"]).dropna()["date"]
        days = pd.date_range(first, held.max())
        expected = set(days[np.is_busday(days.to_numpy().astype("datetime64[D]"), busdaycal=calendar("DESK"))])
        operations = set(held[held >= first])
        assert operations <= expected
        assert len(expected - operations) == missed  # six Thursdays before Easter, and 2018-12-04
