"""The store: what is kept, what is merged, what is refused, and what a kill or a damaged file costs."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_cache import parquet, store
from data_cache.bars import OHLCV, Bars
from data_cache.catalog import ReleaseRule, spec
from data_cache.continuation import continued_observations
from data_cache.errors import BadData, BadUsage, DamagedFile, EbbtideError, NoData, NotWritten
from data_cache.observations import observation_rows
from data_cache.parquet import Fetch
from data_cache.store import Listing, Store, futures_rows, store_folder
from tests.own_series import MNAV

BTC = Listing("BTC", "kraken", "BTC/USD", "1d")


def day(number: int) -> pd.Timestamp:
    """Midnight of a day of January 2024."""
    return pd.Timestamp(2024, 1, number, tz="UTC")


def fetch(number: int = 20, source: str = "fred") -> Fetch:
    """What a source answered on a day of January 2024."""
    return Fetch(source, "observations", day(number))


def rows(*said: tuple[int, int, float], origin: str = "rule") -> pd.DataFrame:
    """Observations (day described, day known, value)."""
    periods, known_at, values = zip(*said, strict=True)
    dates = pd.DatetimeIndex([f"2024-01-{number:02}" for number in periods])
    return observation_rows(dates, pd.DatetimeIndex([day(number) for number in known_at]), list(values), origin)


def bars(*closes: float, first: int = 1) -> Bars:
    """Flat daily bars from a day of January 2024 on."""
    times = pd.date_range(day(first), periods=len(closes), freq="D")
    return Bars("BTC", "1d", pd.DataFrame(dict.fromkeys(OHLCV[:4], closes) | {"volume": 1.0}, index=times))


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


# What is kept


def test_a_series_comes_back_as_it_went_in(here: Store) -> None:
    went_in = rows((2, 3, 4.1), (3, 4, np.nan), (4, 5, 4.2))
    assert here.add_series(spec("DGS10"), went_in, fetch()) == 3
    pd.testing.assert_frame_equal(here.rows("DGS10"), went_in)


def test_bars_come_back_as_they_went_in(here: Store) -> None:
    assert here.add_bars(BTC, bars(100.0, 101.0), fetch()) == 2
    pd.testing.assert_frame_equal(here.bars(BTC).frame, bars(100.0, 101.0).frame, check_freq=False)


def test_futures_come_back_with_a_column_for_each_expiry(here: Store) -> None:
    march, june = pd.Timestamp("2024-03-29 08:00", tz="UTC"), pd.Timestamp("2024-06-28 08:00", tz="UTC")
    days = pd.DatetimeIndex([day(1), day(2), day(2)])
    here.add_futures("BTC", futures_rows(days, pd.DatetimeIndex([march, march, june]), [101.0, 102.0, 105.0]), fetch())
    closes = here.futures("BTC")
    assert closes[march].tolist() == [101.0, 102.0]
    assert closes.loc[day(2), june] == 105.0
    assert np.isnan(closes.loc[day(1), june])


def test_what_is_kept_is_listed(here: Store) -> None:
    here.add_series(spec("SOFR"), rows((2, 3, 5.3)), fetch())
    here.add_series(spec("DGS10"), rows((2, 3, 4.1)), fetch())
    here.add_bars(BTC, bars(100.0), fetch())
    assert here.series() == ["DGS10", "SOFR"]
    assert here.listings() == [BTC]
    assert here.futures_assets() == []


def test_what_is_not_there_is_answered_with_what_is(here: Store) -> None:
    here.add_series(spec("SOFR"), rows((2, 3, 5.3)), fetch())
    with pytest.raises(NoData, match=r"no series SRF in .*store; here are: SOFR"):
        here.rows("SRF")
    with pytest.raises(NoData, match=r"no bars of kraken BTC/USD 1d in .*; here are: none"):
        here.bars(BTC)
    with pytest.raises(NoData, match=r"no futures on BTC in .*; here are: none"):
        here.futures("BTC")


@pytest.mark.parametrize("name", ["../../escape", "..", ".hidden", "/etc/passwd", "BTC/USDT", "a\\b", "ü%2F", "con:1"])
def test_a_name_is_one_part_of_a_path_inside_the_store(here: Store, name: str) -> None:
    listing = Listing("BTC", name, name, "1d")
    here.add_bars(listing, bars(100.0), fetch())
    assert here.bars_path(listing).resolve().parts[:-3] == (*here.folder.resolve().parts, "bars")
    assert here.listings() == [listing]


def test_a_name_that_is_empty_is_refused(here: Store) -> None:
    with pytest.raises(BadData, match="needs a name; found an empty one"):
        here.add_bars(Listing("BTC", "", "BTC/USD", "1d"), bars(100.0), fetch())


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for name in ("one", "two"):
        Store(tmp_path / name).add_series(spec("SOFR"), rows((2, 3, 5.3)), fetch())
        written.append((tmp_path / name / "series" / "SOFR.parquet").read_bytes())
    assert written[0] == written[1]


def test_rows_that_came_in_two_parts_make_the_bytes_of_the_whole(tmp_path: Path) -> None:
    whole, parts = Store(tmp_path / "whole"), Store(tmp_path / "parts")
    whole.add_series(spec("SOFR"), rows((2, 3, 5.3), (3, 4, 5.4)), fetch())
    parts.add_series(spec("SOFR"), rows((2, 3, 5.3)), fetch())
    parts.add_series(spec("SOFR"), rows((3, 4, 5.4)), fetch())
    assert whole.series_path("SOFR").read_bytes() == parts.series_path("SOFR").read_bytes()


def test_the_provenance_says_where_the_rows_come_from(here: Store) -> None:
    here.add_series(spec("SOFR"), rows((2, 3, 5.3), (3, 4, 5.4)), fetch(20))
    here.add_series(spec("SOFR"), rows((3, 4, 5.4), (4, 5, 5.5)), fetch(21))
    said = parquet.provenance_at(here.series_path("SOFR"))
    assert (said.name, said.rows, said.known_until) == ("SOFR", 3, day(5))
    assert (said.first, said.last) == (pd.Timestamp("2024-01-02"), pd.Timestamp("2024-01-04"))
    assert said.fetches == (Fetch("fred", "observations", day(21), added=3),)
    assert said.spec is None


def test_the_provenance_of_bars_names_asset_venue_symbol_and_timeframe(here: Store) -> None:
    here.add_bars(BTC, bars(100.0, 101.0), fetch())
    said = parquet.provenance_at(here.bars_path(BTC))
    assert Listing(said.asset, said.venue, said.symbol, said.timeframe) == BTC
    assert said.known_until == day(3)


OWN = replace(MNAV, release=ReleaseRule("days_after", "", "08:00", 1), floors=(("2020-01-01", 0.1),))


def test_the_spec_of_a_series_of_ones_own_is_kept_with_its_rows(here: Store) -> None:
    here.add_series(OWN, rows((2, 3, 1.5)), fetch())
    assert parquet.provenance_at(here.series_path("MNAV")).spec == OWN


def test_a_fetch_without_a_timezone_is_refused() -> None:
    with pytest.raises(BadData, match="fetched_at 2024-01-20 00:00:00 has no timezone"):
        Fetch("fred", "", pd.Timestamp("2024-01-20"))


# What is merged


def test_rows_that_are_there_already_change_nothing(here: Store) -> None:
    here.add_series(spec("DGS10"), rows((2, 3, 4.1), (3, 4, np.nan)), fetch(20))
    before = here.series_path("DGS10").read_bytes()
    assert here.add_series(spec("DGS10"), rows((2, 3, 4.1), (3, 4, np.nan)), fetch(21)) == 0
    assert here.series_path("DGS10").read_bytes() == before


def test_two_prints_of_one_number_are_no_revision(here: Store) -> None:
    here.add_series(spec("SRF"), rows((2, 2, 16.801)), fetch(20))
    assert here.add_series(spec("SRF"), rows((2, 2, 16.801000000000002)), fetch(21)) == 0


def test_a_dated_revision_becomes_a_further_row(here: Store) -> None:
    here.add_series(spec("WRESBAL"), rows((3, 4, 3000.0), origin="stamp"), fetch(5))
    assert here.add_series(spec("WRESBAL"), rows((3, 4, 3000.0), (3, 11, 3100.0), origin="stamp"), fetch(12)) == 1
    assert here.rows("WRESBAL")["value"].tolist() == [3000.0, 3100.0]
    assert here.rows("WRESBAL")["known_at"].tolist() == [day(4), day(11)]


def test_a_revision_without_a_date_is_known_when_it_was_seen(here: Store) -> None:
    here.add_series(spec("WRESBAL"), rows((3, 4, 3000.0)), fetch(5))
    assert here.add_series(spec("WRESBAL"), rows((3, 4, 3100.0)), fetch(12)) == 1
    kept = here.rows("WRESBAL")
    assert kept["value"].tolist() == [3000.0, 3100.0]
    assert kept["known_at"].tolist() == [day(4), day(12)]
    assert kept["origin"].tolist() == ["rule", "seen"]


def test_a_revision_that_was_seen_is_not_seen_again(here: Store) -> None:
    here.add_series(spec("WRESBAL"), rows((3, 4, 3000.0)), fetch(5))
    here.add_series(spec("WRESBAL"), rows((3, 4, 3100.0)), fetch(12))
    assert here.add_series(spec("WRESBAL"), rows((3, 4, 3100.0)), fetch(13)) == 0


def test_a_value_that_was_seen_to_change_can_be_seen_to_change_back(here: Store) -> None:
    for number, value in ((5, 3000.0), (12, 3100.0), (13, 3000.0)):
        here.add_series(spec("WRESBAL"), rows((3, 4, value)), fetch(number))
    assert here.rows("WRESBAL")["value"].tolist() == [3000.0, 3100.0, 3000.0]
    assert here.rows("WRESBAL")["known_at"].tolist() == [day(4), day(12), day(13)]


def test_a_first_release_that_is_told_differently_later_stays_as_it_was_first_told(here: Store) -> None:
    here.add_series(spec("WRESBAL"), rows((3, 4, 3000.0), origin="stamp"), fetch(5))
    retold = rows((3, 4, 2900.0), (3, 11, 3100.0), origin="stamp")
    assert here.add_series(spec("WRESBAL"), retold, fetch(12)) == 1
    assert here.rows("WRESBAL")["value"].tolist() == [3000.0, 3100.0]


def test_a_value_that_goes_back_to_what_it_was_is_a_revision_too(here: Store) -> None:
    here.add_series(spec("WRESBAL"), rows((3, 4, 3000.0), (3, 6, 3100.0), origin="stamp"), fetch(7))
    assert here.add_series(spec("WRESBAL"), rows((3, 9, 3000.0), origin="stamp"), fetch(10)) == 1


def test_a_value_restated_by_a_later_vintage_says_nothing_new(here: Store) -> None:
    here.add_series(spec("WRESBAL"), rows((3, 4, 3000.0), origin="stamp"), fetch(7))
    assert here.add_series(spec("WRESBAL"), rows((3, 9, 3000.0), origin="stamp"), fetch(10)) == 0


def test_another_source_may_continue_a_series(here: Store) -> None:
    here.add_series(spec("SRF"), rows((2, 2, 1.0), (3, 3, 2.0)), fetch(5, "file"))
    assert here.add_series(spec("SRF"), rows((3, 3, 2.0), (4, 4, 3.0)), fetch(6, "newyorkfed")) == 1
    assert parquet.provenance_at(here.series_path("SRF")).sources == ("file", "newyorkfed")


@pytest.mark.parametrize("answer", [(3, 3, 2.5), (3, 9, 2.0)], ids=["another value", "another known_at"])
def test_another_source_may_not_contradict_a_series(here: Store, answer: tuple[int, int, float]) -> None:
    here.add_series(spec("SRF"), rows((2, 2, 1.0), (3, 3, 2.0)), fetch(5, "file"))
    with pytest.raises(BadData, match=r"SRF: file and newyorkfed contradict each other on 1 periods, first 2024-01-03"):
        here.add_series(spec("SRF"), rows(answer, (4, 4, 3.0)), fetch(6, "newyorkfed"))
    assert here.rows("SRF")["value"].tolist() == [1.0, 2.0]


def test_a_known_at_from_a_column_does_not_hide_behind_one_from_the_rule(here: Store) -> None:
    here.add_series(spec("SRF"), rows((2, 2, 1.0)), fetch(5, "file"))
    with pytest.raises(BadData, match=r"stored 1 known at 2024-01-02.*new 1 known at 2024-01-09"):
        here.add_series(spec("SRF"), rows((2, 9, 1.0), origin="column"), fetch(6, "file"))


def test_what_is_stored_can_be_replaced_for_the_periods_that_come_in(here: Store) -> None:
    here.add_series(spec("SRF"), rows((2, 2, 1.0), (3, 3, 2.0), (3, 5, 2.5)), fetch(5, "file"))
    here.add_series(spec("SRF"), rows((3, 9, 4.0), origin="stamp"), fetch(10, "newyorkfed"), replace=True)
    assert here.rows("SRF")["value"].tolist() == [1.0, 4.0]


def test_a_series_can_be_replaced_whole_with_where_it_came_from(here: Store) -> None:
    here.add_series(spec("SRF"), rows((2, 2, 1.0), (3, 3, 2.0)), fetch(5, "file"))
    assert here.replace_series(spec("SRF"), rows((3, 3, 2.0), (4, 4, 3.0)), fetch(6, "newyorkfed")) == 1
    assert here.rows("SRF")["period"].dt.day.tolist() == [3, 4]
    provenance = parquet.provenance_at(here.series_path("SRF"))
    assert (provenance.sources, provenance.rows, provenance.first.day) == (("newyorkfed",), 2, 3)


def test_a_series_of_ones_own_that_is_replaced_keeps_its_spec(here: Store) -> None:
    assert here.replace_series(OWN, rows((2, 3, 1.5)), fetch()) == 1
    assert parquet.provenance_at(here.series_path("MNAV")).spec == OWN


vintages = st.lists(
    st.tuples(st.integers(1, 5), st.integers(6, 15), st.sampled_from([1.0, 2.0, np.nan])),
    min_size=1,
    max_size=12,
    unique_by=lambda said: said[:2],
).map(lambda said: rows(*said))


@given(vintages, vintages)
def test_joining_keeps_every_stored_row_and_joining_again_adds_nothing(stored: pd.DataFrame, new: pd.DataFrame) -> None:
    once = continued_observations(stored, new, day(20))
    assert len(once.merge(stored)) == len(stored)
    pd.testing.assert_frame_equal(continued_observations(once, new, day(21)), once)


@given(vintages, vintages)
def test_after_joining_the_newest_fetch_is_what_is_in_force(stored: pd.DataFrame, new: pd.DataFrame) -> None:
    joined = continued_observations(stored, new, day(20))
    newest = new.drop_duplicates("period", keep="last").set_index("period")
    in_force = joined.drop_duplicates("period", keep="last").set_index("period")
    for period in newest.index:
        later = stored[(stored["period"] == period) & (stored["known_at"] > newest.at[period, "known_at"])]
        if later.empty:
            assert in_force.at[period, "value"] == pytest.approx(newest.at[period, "value"], nan_ok=True)


def test_new_bars_are_added_before_between_and_after(here: Store) -> None:
    here.add_bars(BTC, bars(103.0, first=3), fetch())
    assert here.add_bars(BTC, bars(102.0, 103.0, 104.0, first=2), fetch()) == 2
    assert here.bars(BTC).frame["close"].tolist() == [102.0, 103.0, 104.0]


def test_a_past_bar_that_changed_is_reported_with_both_its_prices(here: Store) -> None:
    here.add_bars(BTC, bars(100.0, 101.0, 102.0), fetch())
    changed = r"kraken BTC/USD 1d: 1 stored prices changed, first at 2024-01-02.*stored open 101.*new open 99"
    with pytest.raises(BadData, match=changed):
        here.add_bars(BTC, bars(99.0, 102.0, 103.0, first=2), fetch())
    assert here.bars(BTC).frame["close"].tolist() == [100.0, 101.0, 102.0]


def test_a_past_bar_that_changed_is_replaced_where_that_is_asked_for(here: Store) -> None:
    here.add_bars(BTC, bars(100.0, 101.0, 102.0), fetch())
    assert here.add_bars(BTC, bars(99.0, first=2), fetch(), replace=True) == 1
    assert here.bars(BTC).frame["close"].tolist() == [100.0, 99.0, 102.0]


def test_a_listing_keeps_its_asset(here: Store) -> None:
    here.add_bars(BTC, bars(100.0), fetch())
    with pytest.raises(BadData, match="kraken BTC/USD 1d is stored as BTC, not XBT; import it as BTC"):
        here.add_bars(Listing("XBT", "kraken", "BTC/USD", "1d"), bars(100.0), fetch())


def test_a_futures_close_that_changed_is_reported(here: Store) -> None:
    march = pd.DatetimeIndex([pd.Timestamp("2024-03-29 08:00", tz="UTC")])
    here.add_futures("BTC", futures_rows(pd.DatetimeIndex([day(1)]), march, [101.0]), fetch())
    with pytest.raises(
        BadData, match=r"futures on BTC: 1 stored prices changed, first at 2024-01-01 .* expiry 2024-03-29"
    ):
        here.add_futures("BTC", futures_rows(pd.DatetimeIndex([day(1)]), march, [102.0]), fetch())


@pytest.mark.parametrize(
    ("known_at", "closes", "message"),
    [
        ([day(1).tz_localize(None)], [101.0], "known_at of a future must be UTC timestamps"),
        ([day(1)], [0.0], "a close is missing, zero or negative, first at 2024-01-01"),
        ([day(1)], [np.nan], "a close is missing, zero or negative"),
        ([day(1), day(1)], [101.0, 101.0], "a close is given twice"),
    ],
    ids=["no timezone", "a close of zero", "no close", "a close twice"],
)
def test_futures_that_cannot_be_right_are_refused(
    known_at: list[pd.Timestamp], closes: list[float], message: str
) -> None:
    expiry = pd.Timestamp("2024-03-29 08:00", tz="UTC")
    with pytest.raises(BadData, match=message):
        futures_rows(pd.DatetimeIndex(known_at), expiry, closes)


# What a kill or a damaged file costs


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def swap_the_sha256(path: Path) -> None:
    side = next(path.parent.glob("SRF.*.json"))
    sha256 = parquet.provenance_at(path).sha256
    side.write_text(side.read_text().replace(sha256, sha256[:16] + sha256[15::-1] * 3))


DAMAGES = {
    "a flipped bit": flip_a_bit,
    "an end that is missing": lambda path: path.write_bytes(path.read_bytes()[:-10]),
    "no content": lambda path: path.write_bytes(b""),
    "something else": lambda path: path.write_bytes(b"not a table"),
    "provenance that is missing": lambda path: next(path.parent.glob("SRF.*.json")).unlink(),
    "provenance that is cut": lambda path: next(path.parent.glob("SRF.*.json")).write_text('{"name": "SRF'),
    "provenance of other bytes": swap_the_sha256,
    "provenance that is another's": lambda path: next(path.parent.glob("SRF.*.json")).write_text('{"name": "SRF"}'),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_named_and_costs_no_other(here: Store, damage: object) -> None:
    here.add_series(spec("SRF"), rows((2, 2, 1.0)), fetch())
    here.add_series(spec("SOFR"), rows((2, 3, 5.3)), fetch())
    damage(here.series_path("SRF"))
    with pytest.raises(DamagedFile, match=r"series/SRF.parquet is damaged: .*; delete it, then fetch or import"):
        here.rows("SRF")
    with pytest.raises(DamagedFile, match=r"SRF.parquet is damaged"):
        here.add_series(spec("SRF"), rows((3, 3, 2.0)), fetch())
    assert here.series() == ["SOFR", "SRF"]
    assert here.rows("SOFR")["value"].tolist() == [5.3]


def test_a_damaged_file_that_was_deleted_can_be_written_again(here: Store) -> None:
    here.add_series(spec("SRF"), rows((2, 2, 1.0)), fetch())
    flip_a_bit(here.series_path("SRF"))
    here.series_path("SRF").unlink()
    here.add_series(spec("SRF"), rows((2, 2, 1.0)), fetch())
    assert here.rows("SRF")["value"].tolist() == [1.0]


def test_damaged_bars_hide_no_others(here: Store) -> None:
    here.add_bars(BTC, bars(100.0), fetch())
    ether = Listing("ETH", "kraken", "ETH/USD", "1d")
    here.add_bars(ether, Bars("ETH", "1d", bars(50.0).frame), fetch())
    for path in here.bars_path(BTC).parent.iterdir():
        path.write_bytes(b"")
    assert here.listings() == [Listing("", "kraken", "BTC/USD", "1d"), ether]
    assert here.bars(ether).frame["close"].tolist() == [50.0]


# A child process ends itself with SIGKILL at the n-th time it is about to touch the files of the store.
KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
import pandas as pd
from data_cache.catalog import spec
from data_cache.observations import observation_rows
from data_cache.parquet import Fetch
from data_cache.store import Store

folder, value = Path(sys.argv[1]), float(sys.argv[2])
known_at = pd.DatetimeIndex([pd.Timestamp("2024-01-03", tz="UTC")])
rows = observation_rows(pd.DatetimeIndex(["2024-01-02"]), known_at, [value])
TOUCHES = {"open", "os.rename", "os.remove"}

def write(kill_at):
    touched = 0
    def count(event, arguments):
        nonlocal touched
        if event in TOUCHES and str(folder / "series") in str(arguments[0]):
            touched += 1
            if touched == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(count)
    fetch = Fetch("fred", "", pd.Timestamp("2024-01-20", tz="UTC"))
    Store(folder).add_series(spec("SOFR"), rows, fetch, replace=True)

for kill_at in range(1, 100):
    child = os.fork()
    if child == 0:
        write(kill_at)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    found = [Store(folder).rows("SOFR")["value"].item() if Store(folder).series() else None]
    print("killed" if os.WIFSIGNALED(status) else "finished" if status == 0 else "failed", *found)
    if status == 0:
        break
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork to end a writer by a signal")
@pytest.mark.parametrize("old", [None, 5.3], ids=["the first version", "a further version"])
def test_a_writer_killed_at_any_point_leaves_the_old_or_the_new_version(here: Store, old: float | None) -> None:
    if old is not None:
        here.add_series(spec("SOFR"), rows((2, 3, old)), fetch())
    child = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", KILLED_WRITER, str(here.folder), "5.4"],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = child.stdout.splitlines()
    assert lines[-1] == "finished 5.4"
    outcomes = [line.split()[1] for line in lines]
    assert {line.split()[0] for line in lines[:-1]} == {"killed"}
    assert set(outcomes) == {str(old), "5.4"}
    assert outcomes == sorted(outcomes, key=[str(old), "5.4"].index), "once the new version is there, it stays"
    assert len(lines) > 5, "there were so many points at which to be killed"
    left = sorted(path.name for path in (here.folder / "series").iterdir())
    assert [name for name in left if name.endswith(".parquet")] == ["SOFR.parquet"]
    assert len(left) == 2, "what killed writers left behind is cleared by the next one that lives"


@pytest.mark.skipif(os.name == "nt", reason="Windows does not replace a file that is open")
def test_a_reader_keeps_the_version_that_it_opened(here: Store) -> None:
    here.add_series(spec("SOFR"), rows((2, 3, 5.3)), fetch())
    before = here.series_path("SOFR").read_bytes()
    with open(here.series_path("SOFR"), "rb") as opened:
        here.add_series(spec("SOFR"), rows((3, 4, 5.4)), fetch())
        assert opened.read() == before


def test_a_full_disk_leaves_the_old_version(here: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    here.add_series(spec("SOFR"), rows((2, 3, 5.3)), fetch())
    before = sorted(path.name for path in (here.folder / "series").iterdir())

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        sentence = r"SOFR\.\w+\.json could not be written: No space left on device; what was stored is whole: make room"
        with pytest.raises(NotWritten, match=sentence):
            here.add_series(spec("SOFR"), rows((3, 4, 5.4)), fetch())
    assert here.rows("SOFR")["value"].tolist() == [5.3]
    assert sorted(path.name for path in (here.folder / "series").iterdir()) == before


def test_a_reader_that_meets_a_writer_gets_the_new_version(here: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    here.add_series(spec("SOFR"), rows((2, 3, 5.3)), fetch())
    path = here.series_path("SOFR")
    old = path.read_bytes()
    here.add_series(spec("SOFR"), rows((3, 4, 5.4)), fetch())
    read_bytes, answers = Path.read_bytes, [old]  # as if the old bytes were read just before they were replaced
    monkeypatch.setattr(
        Path, "read_bytes", lambda self: answers.pop() if self == path and answers else read_bytes(self)
    )
    assert here.rows("SOFR")["value"].tolist() == [5.3, 5.4]
    assert not answers


def test_a_second_writer_waits_and_then_says_who_holds_it_up(here: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LOCK_SECONDS", 0)
    with (
        here._alone(),
        pytest.raises(EbbtideError, match="is locked by another writer for 0 s; wait for it, or end it"),
    ):
        Store(here.folder).add_series(spec("SOFR"), rows((2, 3, 5.3)), fetch())


# Where it lies


def test_a_folder_that_is_named_goes_before_all_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EBBTIDE_STORE", str(tmp_path / "named in the environment"))
    assert store_folder(tmp_path / "named") == tmp_path / "named"
    assert store_folder() == tmp_path / "named in the environment"
    assert Store.default().folder == store_folder()


@pytest.mark.parametrize("is_clone", [True, False])
def test_the_store_lies_in_the_clone_or_else_with_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_clone: bool
) -> None:
    monkeypatch.delenv("EBBTIDE_STORE", raising=False)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name, appauthor: str(tmp_path / "cache" / name))
    monkeypatch.setattr(store, "__file__", str(tmp_path / "data_cache" / "store.py"))
    if is_clone:
        (tmp_path / "setup.cfg").touch()
        (tmp_path / ".git").mkdir()
    expected = tmp_path / "data_cache" / "store" if is_clone else tmp_path / "cache" / "ebbtide"
    assert store_folder() == expected


def test_a_store_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BadUsage, match=r"notes.txt is a file; --store names a folder"):
        Store.default(tmp_path / "notes.txt")


@pytest.mark.parametrize("place", ["", "series"])
def test_a_folder_that_cannot_be_made_is_named_with_a_cure(here: Store, place: str) -> None:
    blocked = here.folder / place if place else here.folder
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file where a folder should be")
    with pytest.raises(NotWritten, match=r"could not be written: .*; what was stored is whole: make room or get leave"):
        here.add_series(spec("SOFR"), rows((2, 3, 5.3)), fetch())


THREADS = """
import os
import numpy as np, pandas as pd, pyarrow.parquet
from data_cache import parquet
fetch = parquet.Fetch("file", "query", pd.Timestamp(0, tz="UTC"))
moments = dict.fromkeys(("first", "last", "known_until"), pd.Timestamp(0, tz="UTC"))
before = os.listdir("/proc/self/task")
frame = pd.DataFrame({name: np.arange(100_000.0) for name in "abcdef"})
path = parquet.Path("there.parquet")
parquet.write(path, frame, parquet.Provenance("there", len(frame), fetches=(fetch,), **moments))
assert parquet.read(path)[0].equals(frame)
assert os.listdir("/proc/self/task") == before
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc to count threads")
def test_nothing_that_reads_or_writes_starts_a_thread_that_could_outlive_it(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", THREADS], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(Path.cwd())}
    )
    assert ran.returncode == 0
