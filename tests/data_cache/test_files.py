"""Import of CSV files: units, conventions, own series, and mistakes that are named instead of guessed at."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_cache import parquet
from data_cache.catalog import ReleaseRule
from data_cache.errors import BadData, EbbtideError, NoData, UnknownName
from data_cache.sources.entries import Imported
from data_cache.sources.files import import_manifest
from data_cache.store import Listing, Store

FETCHED_AT = pd.Timestamp("2026-10-01", tz="UTC")
Import = Callable[..., list[Imported]]


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def run(tmp_path: Path, here: Store) -> Import:
    """Import a manifest, given as text, next to files, given as text by name."""

    def import_text(manifest: str, fetched_at: pd.Timestamp = FETCHED_AT, **files: str) -> list[Imported]:
        for name, text in files.items():
            (tmp_path / f"{name}.csv").write_text(text)
        (tmp_path / "manifest.toml").write_text(manifest)
        return import_manifest(tmp_path / "manifest.toml", here, fetched_at)

    return import_text


SOFR = '[[series]]\nid = "SOFR"\nfile = "sofr.csv"\nunit = "%"\n'
WALCL = '[[series]]\nid = "WALCL"\nfile = "walcl.csv"\nunit = "$mn"\n'
BTC = """
[[bars]]
asset = "BTC"
venue = "kraken"
symbol = "BTC/USD"
timeframe = "1d"
file = "btc.csv"
"""
BTC_CSV = "time,open,high,low,close,volume\n2024-01-01T00:00:00Z,10,12,9,11,1\n2024-01-02T00:00:00Z,11,13,10,12,2\n"
MNAV = """
[[series]]
id = "MNAV"
title = "Market value over net assets"
file = "mnav.csv"
unit = "ratio"
low = 0
high = 10
max_age_days = 5
"""


# Series of the catalogue


def test_a_series_is_imported_in_served_units_and_known_by_its_release_rule(run: Import, here: Store) -> None:
    run(WALCL, walcl="date,value\n2024-01-03,7681024\n")
    row = here.rows("WALCL").iloc[0]
    assert row["value"] == pytest.approx(7681.024)  # $mn -> $bn
    assert row["known_at"] == pd.Timestamp("2024-01-04 21:30", tz="UTC")  # Thursday 16:30 in New York
    assert row["origin"] == "rule"


def test_the_answer_says_what_was_imported(run: Import) -> None:
    [entry] = run(SOFR, sofr="date,value\n2024-01-02,5.40\n2024-01-03,.\n2024-02-05,5.32\n")
    assert (entry.name, entry.rows, entry.added, entry.missing) == ("SOFR", 3, 3, 1)
    assert (entry.first, entry.last) == (pd.Timestamp("2024-01-02"), pd.Timestamp("2024-02-05"))
    assert entry.gaps == 1  # from 3 January to 6 February nothing, while ten days are allowed
    assert entry.summary()["last"] == "2024-02-05T00:00:00"


def test_the_provenance_names_the_file_and_its_content(run: Import, here: Store) -> None:
    run(SOFR, sofr="date,value\n2024-01-02,5.40\n")
    [fetch] = parquet.provenance_at(here.series_path("SOFR")).fetches
    assert (fetch.source, fetch.fetched_at, fetch.added) == ("file", FETCHED_AT, 1)
    assert fetch.query.startswith("sofr.csv sha256:")


def test_bars_of_a_venue_that_came_from_a_file_are_from_a_file(run: Import, here: Store) -> None:
    run(BTC, btc=BTC_CSV)
    assert parquet.provenance_at(here.bars_path(Listing("BTC", "kraken", "BTC/USD", "1d"))).sources == ("file",)


def test_importing_twice_adds_nothing(run: Import) -> None:
    files = {"sofr": "date,value\n2024-01-02,5.40\n", "btc": BTC_CSV}
    assert [entry.added for entry in run(SOFR + BTC, **files)] == [1, 2]
    assert [entry.added for entry in run(SOFR + BTC, **files)] == [0, 0]


def test_a_file_that_grew_adds_its_new_rows(run: Import, here: Store) -> None:
    run(SOFR, sofr="date,value\n2024-01-02,5.40\n")
    [entry] = run(SOFR, sofr="date,value\n2024-01-02,5.40\n2024-01-03,5.39\n")
    assert entry.added == 1
    assert here.rows("SOFR")["value"].tolist() == [5.40, 5.39]


def test_a_value_that_changed_in_the_file_is_known_from_the_second_import_on(run: Import, here: Store) -> None:
    run(SOFR, sofr="date,value\n2024-01-02,5.40\n")
    run(SOFR, FETCHED_AT + pd.Timedelta(days=1), sofr="date,value\n2024-01-02,5.41\n")
    assert here.rows("SOFR")["value"].tolist() == [5.40, 5.41]
    assert here.rows("SOFR")["known_at"].iloc[1] == FETCHED_AT + pd.Timedelta(days=1)


def test_a_gzipped_file_and_rows_in_any_order_do(run: Import, here: Store, tmp_path: Path) -> None:
    (tmp_path / "sofr.csv.gz").write_bytes(gzip.compress(b"date,value\n2024-01-03,5.39\n2024-01-02,5.40\n"))
    run(SOFR.replace("sofr.csv", "sofr.csv.gz"))
    assert here.rows("SOFR")["value"].tolist() == [5.40, 5.39]


@pytest.mark.parametrize(
    ("unit", "text"),
    [("$mn", "7681024"), ("$bn", "7681.024"), ("$", "7681024000000"), ("$tn", "7.681024")],
)
def test_a_unit_that_can_be_converted_is(run: Import, here: Store, unit: str, text: str) -> None:
    run(WALCL.replace("$mn", unit), walcl=f"date,value\n2024-01-03,{text}\n")
    assert here.rows("WALCL")["value"].tolist() == pytest.approx([7681.024])


def test_a_unit_that_means_something_else_is_refused(run: Import) -> None:
    with pytest.raises(BadData, match=r"WALCL is served in \$bn; unit '%' can't be turned into it, only \$bn, \$mn"):
        run(WALCL.replace("$mn", "%"), walcl="date,value\n2024-01-03,7681024\n")


def test_a_unit_that_cannot_be_true_is_refused(run: Import, here: Store) -> None:
    with pytest.raises(BadData, match=r"WALCL: 7.681024 \$bn on 2024-01-03 lies outside .*is the file in \$bn instead"):
        run(WALCL, walcl="date,value\n2024-01-03,7681.024\n")
    assert here.series() == []


def test_a_column_can_say_when_a_value_was_known(run: Import, here: Store) -> None:
    run(
        SOFR + 'known_at = "seen"\n',
        sofr="date,value,seen\n2024-01-02,5.40,2024-01-03T08:00:00-05:00\n2024-01-02,5.41,2024-01-03T14:30:00-05:00\n",
    )
    rows = here.rows("SOFR")
    assert rows["value"].tolist() == [5.40, 5.41]
    assert rows["known_at"].dt.hour.tolist() == [13, 19]
    assert rows["origin"].tolist() == ["column", "column"]


def test_a_known_at_without_an_offset_needs_a_timezone(run: Import, here: Store) -> None:
    manifest, file = SOFR + 'known_at = "seen"\n', "date,value,seen\n2024-07-02,5.40,2024-07-03 08:00\n"
    with pytest.raises(
        BadData,
        match="seen has times without a timezone, such as '2024-07-03 08:00'; "
        'set known_at_timezone = "America/New_York" or "UTC" in the manifest',
    ):
        run(manifest, sofr=file)
    run(manifest + 'known_at_timezone = "America/New_York"\n', sofr=file)
    assert here.rows("SOFR")["known_at"].tolist() == [pd.Timestamp("2024-07-03 12:00", tz="UTC")]


@pytest.mark.parametrize(
    ("said", "utc"),
    [("2024-11-03 01:30", "2024-11-03 06:30"), ("2024-03-10 02:30", "2024-03-10 07:00")],
    ids=["an hour that happens twice", "an hour that is skipped"],
)
def test_where_the_clock_changes_the_later_reading_is_taken(run: Import, here: Store, said: str, utc: str) -> None:
    manifest = SOFR + 'known_at = "seen"\nknown_at_timezone = "America/New_York"\n'
    run(manifest, sofr=f"date,value,seen\n2024-03-01,4.8,{said}\n")
    assert here.rows("SOFR")["known_at"].tolist() == [pd.Timestamp(utc, tz="UTC")]


def test_a_timezone_that_does_not_exist_is_named(run: Import) -> None:
    manifest = SOFR + 'known_at = "seen"\nknown_at_timezone = "New York"\n'
    with pytest.raises(BadData, match=r"sofr.csv: 'New York' is no timezone"):
        run(manifest, sofr="date,value,seen\n2024-11-01,4.8,2024-11-03 01:30\n")


def test_the_period_of_funding_is_an_instant(run: Import, here: Store) -> None:
    run(
        '[[series]]\nid = "FUNDING_SOL"\nfile = "f.csv"\nunit = "fraction"\nperiod = "paid"\nvalue = "rate"\n',
        f="paid,rate\n2024-01-02T08:00:00Z,0.0001\n2024-01-02T18:00:00+02:00,-0.0002\n",
    )
    rows = here.rows("FUNDING_SOL")
    assert rows["period"].tolist() == [pd.Timestamp("2024-01-02 08:00"), pd.Timestamp("2024-01-02 16:00")]
    assert rows["known_at"].tolist() == rows["period"].dt.tz_localize("UTC").tolist()


# Conventions

ACCOUNT = """
[[series]]
id = "TGA"
file = "dts.csv"
period = "record_date"
value = "amount"
unit = "$mn"
where = { account_type = ["Opening Balance", "Federal Reserve Account"] }
ignore = { account_type = ["Deposits"] }
value_is = "opening balance"
"""
STATEMENTS = """record_date,account_type,amount
2022-04-05,Federal Reserve Account,579607
2022-04-05,Deposits,1
2022-04-06,Federal Reserve Account,542176
2022-04-06,Deposits,2
2022-04-07,Opening Balance,560000
"""


def test_the_close_of_a_day_is_the_opening_of_the_next_statement(run: Import, here: Store) -> None:
    run(ACCOUNT, dts=STATEMENTS)
    rows = here.rows("TGA")
    assert rows["period"].dt.day.tolist() == [5, 6]  # no close of the 7th: the 8th is not there
    assert rows["value"].tolist() == pytest.approx([542.176, 560.0])
    assert rows["known_at"].iloc[0] == pd.Timestamp("2022-04-06 20:00", tz="UTC")  # its own statement, 16:00 ET


def test_a_label_that_nobody_knows_stops_the_import(run: Import, here: Store) -> None:
    strange = STATEMENTS + "2022-04-08,Closing Balance (new),550000\n"
    with pytest.raises(BadData, match=r"dts.csv, line 7: account_type is 'Closing Balance \(new\)', which is a label"):
        run(ACCOUNT, dts=strange)
    assert here.series() == []


def test_labels_are_only_left_out_where_none_are_named_to_be_ignored(run: Import, here: Store) -> None:
    manifest = SOFR + 'where = { kind = ["SOFR"] }\n'
    run(manifest, sofr="date,kind,value\n2024-01-02,SOFR,5.40\n2024-01-02,BGCR,5.31\n")
    assert here.rows("SOFR")["value"].tolist() == [5.40]


def test_an_unknown_meaning_of_the_value_is_answered_with_the_one_there_is(run: Import) -> None:
    with pytest.raises(UnknownName, match="value_is has no meaning 'opening'; did you mean 'opening balance'"):
        run(SOFR + 'value_is = "opening"\n', sofr="date,value\n2024-01-02,5.40\n")


def test_an_excluded_day_is_missing_and_not_zero(run: Import, here: Store) -> None:
    run(
        '[[series]]\nid = "SRF"\nfile = "srf.csv"\nunit = "$bn"\nexclude = { 2025-10-08 = "small-value exercise" }\n',
        srf="date,value\n2025-10-07,0\n2025-10-08,0.098\n2025-10-09,0\n",
    )
    assert here.rows("SRF")["value"].tolist() == pytest.approx([0, np.nan, 0], nan_ok=True)


def test_a_day_that_is_excluded_but_not_there_is_reported(run: Import) -> None:
    with pytest.raises(BadData, match="SOFR: exclude names 2024-01-09, which is no period of the import"):
        run(SOFR + 'exclude = { 2024-01-09 = "a slip" }\n', sofr="date,value\n2024-01-02,5.40\n")


def test_periods_outside_of_first_and_last_are_left_out(run: Import, here: Store) -> None:
    manifest = SOFR + "first = 2024-01-03\nlast = 2024-01-04\n"
    run(manifest, sofr="date,value\n2024-01-02,1\n2024-01-03,2\n2024-01-04,3\n2024-01-05,4\n")
    assert here.rows("SOFR")["value"].tolist() == [2.0, 3.0]


def test_a_wide_file_is_several_entries(run: Import, here: Store) -> None:
    both = "".join(
        f'[[series]]\nid = "DFEDTAR{letter}"\nfile = "range.csv"\nunit = "%"\nvalue = "{column}"\n'
        for letter, column in (("L", "lower"), ("U", "upper"))
    )
    run(both, range="date,lower,upper\n2024-01-02,5.25,5.50\n")
    assert here.rows("DFEDTARL")["value"].tolist() == [5.25]
    assert here.rows("DFEDTARU")["value"].tolist() == [5.50]


# Series of one's own


def test_a_series_of_ones_own_brings_its_own_spec(run: Import, here: Store) -> None:
    run(MNAV + 'release = "days_after 1 08:00"\n', mnav="date,value\n2024-01-02,1.5\n")
    spec = parquet.provenance_at(here.series_path("MNAV")).spec
    assert spec is not None
    assert (spec.title, spec.unit, spec.max_age_days) == ("Market value over net assets", "ratio", 5)
    assert spec.release == ReleaseRule("days_after", "", "08:00", 1)
    assert here.rows("MNAV")["known_at"].tolist() == [pd.Timestamp("2024-01-03 08:00", tz="UTC")]


def test_a_release_rule_with_a_calendar_is_the_eastern_clock(run: Import, here: Store) -> None:
    run(MNAV + 'release = "next_business_day SIFMA 08:00"\n', mnav="date,value\n2024-01-12,1.5\n")
    tuesday_after_the_holiday = pd.Timestamp("2024-01-16 13:00", tz="UTC")
    assert here.rows("MNAV")["known_at"].tolist() == [tuesday_after_the_holiday]


def test_a_series_of_ones_own_can_be_served_in_another_unit(run: Import, here: Store) -> None:
    manifest = MNAV.replace('"ratio"', '"$mn"') + 'serve_as = "$bn"\nrelease = "end_of_day"\n'
    run(manifest, mnav="date,value\n2024-01-02,1500\n")
    assert here.rows("MNAV")["value"].tolist() == pytest.approx([1.5])


def test_a_series_of_ones_own_with_a_known_at_column_needs_no_release_rule(run: Import, here: Store) -> None:
    run(MNAV + 'known_at = "at"\n', mnav="date,value,at\n2024-01-02,1.5,2024-01-02T22:00Z\n")
    assert here.rows("MNAV")["known_at"].tolist() == [pd.Timestamp("2024-01-02 22:00", tz="UTC")]


OWN_FAILURES = {
    "a typing error in a known id": (
        SOFR.replace('"SOFR"', '"SOFRR"'),
        r"the catalogue has no series 'SOFRR'; did you mean 'SOFR'\?; or bring a series of your own: give title, low",
    ),
    "an own spec for a known id": (
        SOFR + 'title = "My SOFR"\nlow = 0\n',
        "SOFR is in the catalogue; leave out title, low, or choose another id",
    ),
    "half an own spec": (MNAV.replace("low = 0\n", ""), "MNAV is not in the catalogue, so it also needs: low, release"),
    "bounds the wrong way round": (
        MNAV.replace("high = 10", "high = -1") + 'release = "end_of_day"\n',
        "MNAV: low must be below high, and max_age_days above 0",
    ),
    "a value outside its own bounds": (MNAV + 'release = "end_of_day"\n', "MNAV: 15 ratio on 2024-01-02 lies outside"),
    "a rule that does not exist": (
        MNAV.replace("high = 10", "high = 20") + 'release = "next_businessday SIFMA 08:00"\n',
        "MNAV has no release rule 'next_businessday'; did you mean 'next_business_day'",
    ),
}


@pytest.mark.parametrize(("manifest", "message"), OWN_FAILURES.values(), ids=OWN_FAILURES)
def test_a_series_of_ones_own_must_be_described(run: Import, manifest: str, message: str) -> None:
    with pytest.raises(EbbtideError, match=message):
        run(manifest, sofr="date,value\n2024-01-02,5.40\n", mnav="date,value\n2024-01-02,15\n")


# Bars and futures


def test_bars_are_imported_as_they_are(run: Import, here: Store) -> None:
    [entry] = run(BTC, btc=BTC_CSV)
    assert (entry.name, entry.rows, entry.gaps) == ("kraken BTC/USD 1d", 2, 0)
    frame = here.bars(Listing("BTC", "kraken", "BTC/USD", "1d")).frame
    assert frame.iloc[1].tolist() == [11.0, 13.0, 10.0, 12.0, 2.0]


def test_columns_of_another_name_and_bare_dates_are_declared(run: Import, here: Store) -> None:
    manifest = BTC + 'time = "date"\ntime_timezone = "UTC"\ncolumns = { volume = "amount" }\n'
    run(manifest, btc="date,open,high,low,close,amount\n2024-01-01,10,12,9,11,7\n")
    frame = here.bars(here.listings()[0]).frame
    assert frame.index.tolist() == [pd.Timestamp("2024-01-01", tz="UTC")]
    assert frame["volume"].tolist() == [7.0]


def test_the_holes_in_bars_are_counted(run: Import) -> None:
    [entry] = run(BTC, btc=BTC_CSV + "2024-01-05T00:00:00Z,12,12,12,12,1\n")
    assert entry.gaps == 1


BAD_BARS = {
    "out of order": (
        "2023-12-31T00:00:00Z,1,1,1,1,1\n",
        r"\[\[bars\]\] 1 \(BTC\): btc.csv: BTC 1d: bars are not sorted by open_time, first at 2023-12-31",
    ),
    "twice": ("2024-01-02T00:00:00Z,11,13,10,12,2\n", "two bars open at the same time, first at 2024-01-02"),
    "no price": ("2024-01-03T00:00:00Z,,13,10,12,2\n", "a price is missing or not finite, first at 2024-01-03"),
    "no number": ("2024-01-03T00:00:00Z,11,13,1O,12,2\n", "btc.csv, line 4: low is '1O', which is not a number"),
    "no timezone": (
        "2024-01-03T00:00:00,11,13,10,12,2\n",
        "line 4: time is .* a time without a timezone among times that",
    ),
}


@pytest.mark.parametrize(("line", "message"), BAD_BARS.values(), ids=BAD_BARS)
def test_bars_that_cannot_be_right_are_named(run: Import, here: Store, line: str, message: str) -> None:
    with pytest.raises(BadData, match=message):
        run(BTC, btc=BTC_CSV + line)
    assert here.listings() == []


def test_bars_of_bare_dates_need_a_timezone(run: Import) -> None:
    with pytest.raises(
        BadData, match=r"day has times without a timezone, such as '2024-01-01'; set time_timezone = \"UTC\" in the"
    ):
        run(BTC + 'time = "day"\n', btc="day,open,high,low,close,volume\n2024-01-01,10,12,9,11,7\n")


def test_a_past_bar_that_changed_in_the_file_is_reported(run: Import) -> None:
    run(BTC, btc=BTC_CSV)
    with pytest.raises(BadData, match="kraken BTC/USD 1d: 1 stored prices changed, first at 2024-01-02"):
        run(BTC, btc=BTC_CSV.replace("13,10,12,2", "13,10,12.5,2"))


def test_a_value_that_is_excluded_later_needs_a_replacement(run: Import, here: Store, tmp_path: Path) -> None:
    srf = '[[series]]\nid = "SRF"\nfile = "srf.csv"\nunit = "$bn"\n'
    excluding = srf + 'exclude = { 2025-10-08 = "small-value exercise" }\n'
    run(srf, srf="date,value\n2025-10-08,0.098\n")
    with pytest.raises(
        BadData, match=r"SRF: 2025-10-08 is excluded but stored with the value 0.098; import with --replace"
    ):
        run(excluding)
    import_manifest(tmp_path / "manifest.toml", here, FETCHED_AT, replace=True)
    assert here.rows("SRF")["value"].isna().tolist() == [True]
    assert run(excluding)[0].added == 0


FUTURE = '[[futures]]\nasset = "BTC"\nexpiry = 2024-03-29T08:00:00Z\nfile = "future.csv"\n'


def test_a_close_of_a_future_is_known_at_the_end_of_its_day(run: Import, here: Store) -> None:
    run(FUTURE, future="date,close\n2024-01-01,43000\n2024-01-02,43500\n")
    closes = here.futures("BTC")[pd.Timestamp("2024-03-29 08:00", tz="UTC")]
    assert closes.loc[pd.Timestamp("2024-01-02", tz="UTC")] == 43000


def test_an_expiry_needs_a_timezone(run: Import) -> None:
    with pytest.raises(BadData, match="expiry 2024-03-29 08:00:00 has no timezone; write 2024-03-29T08:00:00Z"):
        run(FUTURE.replace("00Z", "00"), future="date,close\n2024-01-01,43000\n")


# Mistakes in files and manifests

GOOD = "date,value\n2024-01-02,5.40\n"
FAILURES = {
    "a file that is not there": (SOFR, {}, NoData, "sofr.csv is not there; check `file` and `root`"),
    "a column that is not there": (
        SOFR + 'value = "rate"\n',
        {"sofr": "date,rates\n2024-01-02,5.40\n"},
        UnknownName,
        r"sofr.csv has no column 'rate'; did you mean 'rates'\?; rename it, or set value = \"rates\" in the manifest",
    ),
    "a column that is like no other": (
        SOFR,
        {"sofr": "date,x\n2024-01-02,5.40\n"},
        UnknownName,
        r'no column \'value\'; it has: date, x; rename it, or set value = "..." in the manifest',
    ),
    "a price that is not there": (
        BTC,
        {"btc": BTC_CSV.replace("close", "clse")},
        UnknownName,
        r'btc.csv has no column \'close\'; .*; rename it, or set columns.close = "clse" in the manifest',
    ),
    "a number that is none": (
        SOFR,
        {"sofr": GOOD + "2024-01-03,5.4O\n"},
        BadData,
        r"sofr.csv, line 3: value is '5.4O', which is not a number \(1 such\)",
    ),
    "a number without bound": (SOFR, {"sofr": GOOD + "2024-01-03,inf\n"}, BadData, "line 3: value is 'inf'"),
    "a date that is none": (
        SOFR,
        {"sofr": GOOD + "03/01/2024,5.4\n"},
        BadData,
        "line 3: date is '03/01/2024'.* ISO date",
    ),
    "a period given twice": (
        SOFR,
        {"sofr": GOOD + "2024-01-02,5.41\n"},
        BadData,
        "SOFR: period 2024-01-02.* is there twice",
    ),
    "a time of day without a timezone": (
        SOFR,
        {"sofr": "date,value\n2024-01-02 08:00,5.4\n"},
        BadData,
        "date is '2024-01-02 08:00', which is a time without a timezone",
    ),
    "a file without rows": (SOFR, {"sofr": "date,value\n"}, NoData, "sofr.csv has no row of SOFR"),
    "a file without anything": (SOFR, {"sofr": ""}, BadData, "sofr.csv is empty; it needs a line with the names"),
    "more cells than names": (SOFR, {"sofr": "date,value\n2024-01-02,5,40\n"}, BadData, "more cells than its header"),
    "a line with too many cells": (
        SOFR,
        {"sofr": GOOD + "2024-01-03,5,40\n"},
        BadData,
        "sofr.csv can't be read as CSV",
    ),
    "a key that does not exist": (
        SOFR + 'perod = "date"\n',
        {"sofr": GOOD},
        UnknownName,
        r"manifest.toml, \[\[series\]\] 1 \(SOFR\) has no key 'perod'; did you mean 'period'",
    ),
    "a table that does not exist": ("[[serie]]\n", {}, UnknownName, "has no key 'serie'; did you mean 'series'"),
    "a single bracket": ('[series]\nid = "SOFR"\n', {}, BadData, r"series must be written \[\[series\]\], with two"),
    "a root that is no text": ("root = 1\n", {}, BadData, 'root must be written root = "..."'),
    "a key that is missing": ('[[series]]\nid = "SOFR"\n', {}, BadData, r"\(SOFR\) needs file, unit"),
    "a value of the wrong kind": (
        SOFR + 'first = "2024"\n',
        {},
        BadData,
        "first must be a date such as 2024-12-27; found '2024'",
    ),
    "labels that are no list": (
        SOFR + 'where = { kind = "SOFR" }\n',
        {},
        BadData,
        "where must be lists of labels by column",
    ),
    "text that is no TOML": ("[[series]", {}, BadData, "manifest.toml is not TOML"),
}


@pytest.mark.parametrize(("manifest", "files", "error", "message"), FAILURES.values(), ids=FAILURES)
def test_a_mistake_is_named(
    run: Import, here: Store, manifest: str, files: dict[str, str], error: type[EbbtideError], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(manifest, **files)
    assert here.series() == []


def test_a_truncated_gzip_is_named(run: Import, tmp_path: Path) -> None:
    (tmp_path / "sofr.csv.gz").write_bytes(gzip.compress(b"date,value\n2024-01-02,5.40\n" * 99)[:-20])
    with pytest.raises(BadData, match=r"sofr.csv.gz can't be read as CSV"):
        run(SOFR.replace("sofr.csv", "sofr.csv.gz"))


def test_a_manifest_that_is_not_there_is_named(here: Store, tmp_path: Path) -> None:
    with pytest.raises(NoData, match=r"absent.toml is not there; give the path of a manifest"):
        import_manifest(tmp_path / "absent.toml", here, FETCHED_AT)


def test_an_entry_that_fails_names_itself_and_those_that_were_imported_before_it(run: Import, here: Store) -> None:
    with pytest.raises(BadData, match=r"\[\[series\]\] 2 \(WALCL\): walcl.csv, line 2: .*\(imported before it: SOFR\)"):
        run(SOFR + WALCL + BTC, sofr=GOOD, walcl="date,value\n2024-01-03,x\n", btc=BTC_CSV)
    assert here.series() == ["SOFR"]
    assert here.listings() == []


def test_an_entry_that_fails_loses_nothing_that_was_stored(run: Import, here: Store) -> None:
    run(SOFR, sofr=GOOD)
    with pytest.raises(BadData, match=r"\(imported before it: nothing\)"):
        run(SOFR, sofr="date,value\n2024-01-03,5.39\n2024-01-04,x\n")
    assert here.rows("SOFR")["value"].tolist() == [5.40]


def test_files_lie_under_root_or_where_the_variable_says(
    run: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = 'root = "data"\nroot_variable = "MY_HISTORY"\n' + SOFR
    for folder in ("data", "elsewhere"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "sofr.csv").write_text(GOOD if folder == "data" else GOOD + "2024-01-03,5.39\n")
    monkeypatch.delenv("MY_HISTORY", raising=False)
    assert run(manifest)[0].rows == 1
    monkeypatch.setenv("MY_HISTORY", str(tmp_path / "elsewhere"))
    assert run(manifest)[0].rows == 2


def test_blank_lines_are_no_rows(run: Import) -> None:
    assert run(SOFR, sofr="date,value\n\n2024-01-02,5.40\n\n")[0].rows == 1
