"""Import of what was not over or not published when the file was read: left out, or refused by name."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from data_cache.errors import BadData, NoData
from data_cache.sources.entries import Imported
from data_cache.sources.files import import_manifest
from data_cache.store import Store

Import = Callable[..., list[Imported]]


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def run(tmp_path: Path, here: Store) -> Import:
    """Import a manifest, given as text, next to files, given as text by name."""

    def import_text(manifest: str, fetched_at: pd.Timestamp, **files: str) -> list[Imported]:
        for name, text in files.items():
            (tmp_path / f"{name}.csv").write_text(text)
        (tmp_path / "manifest.toml").write_text(manifest)
        return import_manifest(tmp_path / "manifest.toml", here, fetched_at)

    return import_text


SOFR = '[[series]]\nid = "SOFR"\nfile = "sofr.csv"\nunit = "%"\n'
BTC = """
[[bars]]
asset = "BTC"
venue = "kraken"
symbol = "BTC/USD"
timeframe = "1d"
file = "btc.csv"
"""
BTC_CSV = "time,open,high,low,close,volume\n2024-01-01T00:00:00Z,10,12,9,11,1\n2024-01-02T00:00:00Z,11,13,10,12,2\n"
FUTURE = '[[futures]]\nasset = "BTC"\nexpiry = 2024-03-29T08:00:00Z\nfile = "future.csv"\n'
NOON = pd.Timestamp("2024-01-03 12:00", tz="UTC")
THIRD = "2024-01-03T00:00:00Z,12,14,11,13,1\n"


def test_a_last_bar_that_has_not_ended_is_dropped_and_reported(run: Import, here: Store) -> None:
    [entry] = run(BTC, NOON, btc=BTC_CSV + THIRD)
    assert (entry.rows, entry.dropped, entry.last) == (2, 1, pd.Timestamp("2024-01-02", tz="UTC"))
    assert entry.summary()["dropped"] == 1
    assert here.bars(here.listings()[0]).frame["close"].tolist() == [11, 12]


def test_a_bar_that_was_dropped_is_imported_once_it_has_ended(run: Import, here: Store) -> None:
    run(BTC, NOON, btc=BTC_CSV + THIRD)
    [entry] = run(BTC, NOON + pd.Timedelta(hours=12), btc=BTC_CSV + THIRD.replace("13,1", "13.5,2"))
    assert (entry.rows, entry.added, entry.dropped) == (3, 1, 0)
    assert here.bars(here.listings()[0]).frame["close"].tolist() == [11, 12, 13.5]


def test_bars_that_open_after_the_import_are_refused(run: Import, here: Store) -> None:
    ahead = THIRD + THIRD.replace("-03T", "-04T") + THIRD.replace("-03T", "-05T")
    with pytest.raises(
        BadData,
        match=r"btc.csv: a bar opens at 2024-01-04 00:00:00\+00:00, after this import at 2024-01-03 12:00:00\+00:00 "
        r"\(2 such\); correct its time and time_timezone, or remove it",
    ):
        run(BTC, NOON, btc=BTC_CSV + ahead)
    assert here.listings() == []


def test_a_file_with_nothing_but_the_running_bar_says_when_to_come_back(run: Import) -> None:
    with pytest.raises(NoData, match=r"btc.csv: its only bar ends at 2024-01-04 .*; import again after that time"):
        run(BTC, NOON, btc=BTC_CSV.splitlines()[0] + "\n" + THIRD)


def test_a_value_that_nobody_could_have_seen_is_refused(run: Import, here: Store) -> None:
    published = pd.Timestamp("2024-01-03 13:00", tz="UTC")  # SOFR of the 2nd: the 3rd, 08:00 in New York
    with pytest.raises(
        BadData,
        match=r"SOFR: the value of 2024-01-02 00:00:00 would become known at 2024-01-03 13:00:00\+00:00, after this "
        r"import at 2024-01-03 12:59:59\+00:00 \(1 such\); correct its date, import again after that time, or leave",
    ):
        run(SOFR, published - pd.Timedelta(seconds=1), sofr="date,value\n2024-01-02,5.40\n")
    assert here.series() == []
    assert run(SOFR, published, sofr="date,value\n2024-01-02,5.40\n")[0].added == 1


def test_a_known_at_column_that_runs_ahead_is_refused(run: Import) -> None:
    ahead = "date,value,seen\n2024-01-02,5.40,2024-01-03T12:00:01Z\n"
    with pytest.raises(BadData, match=r"would become known at 2024-01-03 12:00:01\+00:00, after this import"):
        run(SOFR + 'known_at = "seen"\n', NOON, sofr=ahead)


def test_a_rate_that_is_announced_ahead_of_its_day_is_no_future_value(run: Import, here: Store) -> None:
    manifest = SOFR.replace("SOFR", "IORB")
    announced = pd.Timestamp("2024-01-03 21:32", tz="UTC")  # for the 4th, posted the day before at 16:32
    run(manifest, announced, sofr="date,value\n2024-01-04,5.40\n")
    assert here.rows("IORB")["known_at"].tolist() == [announced]
    with pytest.raises(BadData, match="IORB: the value of 2024-01-05 00:00:00 would become known at 2024-01-04 21:32"):
        run(manifest, announced, sofr="date,value\n2024-01-04,5.40\n2024-01-05,5.40\n")


def test_a_day_without_a_value_that_is_not_published_yet_is_dropped(run: Import, here: Store) -> None:
    [entry] = run(SOFR, NOON, sofr="date,value\n2023-12-29,5.38\n2024-01-02,.\n")
    assert (entry.rows, entry.missing, entry.dropped) == (1, 0, 1)
    assert here.rows("SOFR")["value"].tolist() == [5.38]


def test_a_close_of_a_day_that_has_not_ended_is_refused(run: Import, here: Store) -> None:
    with pytest.raises(
        BadData,
        match=r"future.csv: the close of 2024-01-03 would become known at 2024-01-04 00:00:00\+00:00, after this "
        r"import at 2024-01-03 12:00:00\+00:00 \(1 such\); correct its date, or remove it until its day has ended",
    ):
        run(FUTURE, NOON, future="date,close\n2024-01-02,43500\n2024-01-03,43600\n")
    assert here.futures_assets() == []
