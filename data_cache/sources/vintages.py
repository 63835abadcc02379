"""Vintages: what FRED knew when, made into one history from the windows of time in which it is told.

FRED keeps, of each period, intervals in which its value stood. One answer tells those of one window, and what stood
before the window is told as if it had begun with it. Such clones equal the value before them, and neighbours that
are none never do: that is how `stitched` tells them apart. Nothing is asked here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from data_cache.catalog import SeriesSpec
from data_cache.continuation import SAME
from data_cache.errors import BadData
from data_cache.magnitude import SCALES, plausible
from data_cache.releases import FIRST_YEAR, LAST_YEAR, eastern, known_at

# The first and the last day of FRED's real time.
EARLIEST, LATEST = "1776-07-04", "9999-12-31"
# A first stamp later than this after the release rule can be the day on which FRED loaded older history: the Board and
# the Desk have never been a month late, not in a shutdown either, and FRED follows within days.
LOADED_LATER = pd.Timedelta(days=30)
# It is that day where it is the oldest vintage, or where so many periods come so late with one vintage.
LOADED_AT_ONCE = 20
# Of a series whose every vintage restates its whole history, a vintage is kept for so many days back.
RESTATED_DAYS = 28
# Series that FRED printed in another unit once, and that unit: in $bn up to 2025, in $mn since.
SWITCHED = {"WTREGEN": "$bn", "WRESBAL": "$bn"}


@dataclass(frozen=True)
class Window:
    """A span of real time and the vintages in it: ISO dates, ascending; both ends are included."""

    vintages: tuple[str, ...]
    start: str
    end: str

    def halves(self) -> "tuple[Window, Window]":
        """The same span in two, each with half of the vintages; there must be two of them."""
        middle = len(self.vintages) // 2
        first, second = windows([self.vintages[:middle], self.vintages[middle:]], self.start, self.end)
        return first, second


def groups(vintages: Sequence[str], most: int) -> list[Sequence[str]]:
    """Consecutive groups of at most `most` vintages."""
    return [vintages[start : start + most] for start in range(0, len(vintages), most)]


def windows(groups: Sequence[Sequence[str]], start: str = EARLIEST, end: str = LATEST) -> list[Window]:
    """A window for each group of vintages, without a gap from `start` to `end`.

    The first begins at `start`, every other at its own first vintage; each ends the day before the next begins.
    """
    starts = [start, *(group[0] for group in groups[1:])]
    ends = [*map(day_before, starts[1:]), end]
    return [Window(tuple(group), *span) for group, *span in zip(groups, starts, ends, strict=True)]


def day_before(day: str) -> str:
    """The ISO date before an ISO date."""
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def repaired(frame: pd.DataFrame) -> pd.DataFrame:
    """What fredapi's get_series_all_releases answers, with types: period and vintage naive (ns), value float.

    fredapi transposes a dict, which leaves objects, NaT for a missing value, and datetimes for nothing but missing
    ones.
    """
    said = frame.reindex(columns=["date", "realtime_start", "value"])
    values = said["value"].astype(object)
    return pd.DataFrame(
        {
            "period": pd.to_datetime(said["date"]).dt.as_unit("ns"),
            "vintage": pd.to_datetime(said["realtime_start"]).dt.as_unit("ns"),
            "value": values.where(values.notna(), np.nan).astype(float),
        }
    )


def datable(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows whose period lies within the calendars of the release rules."""
    return rows[rows["period"].dt.year.between(FIRST_YEAR, LAST_YEAR)].reset_index(drop=True)


def served(spec: SeriesSpec, rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` with values in served units and a column `switched`: whether the printed unit was not that of the spec.

    rows : period, vintage and the value as printed

    Only the series in SWITCHED have a second unit. Where a value would be plausible in either, the clear values of
    its vintage decide, else those of the vintage before: a vintage has one unit. BadData where nothing decides.
    """
    usual = rows["value"] * spec.scale
    if spec.id not in SWITCHED:
        return rows.assign(value=usual, switched=False)
    other = rows["value"] * SCALES[spec.unit][SWITCHED[spec.id]]
    fits_usual, fits_other = (plausible(spec, values.set_axis(rows["period"])) for values in (usual, other))
    clear = rows["value"].notna() & (fits_usual != fits_other)
    shares = pd.Series(fits_other, rows.index).where(clear).astype(float).groupby(rows["vintage"]).mean().ffill()
    of_vintage = rows["vintage"].map(shares)
    unclear = rows["value"].notna() & fits_usual & fits_other
    _refuse_undecided(spec, rows[unclear & ~of_vintage.isin([0.0, 1.0])])
    switched = (clear & fits_other) | (unclear & (of_vintage == 1.0))
    return rows.assign(value=usual.mask(switched, other), switched=switched)


def _refuse_undecided(spec: SeriesSpec, rows: pd.DataFrame) -> None:
    if len(rows):
        row = rows.iloc[0]
        raise BadData(
            f"{spec.id}: {row['value']:.15g} of {row['period'].date()} in the vintage of {row['vintage'].date()} could "
            f"be in {spec.published_unit} or in {SWITCHED[spec.id]}, and no other value of that vintage decides it "
            f"({len(rows)} such); compare it with {spec.url}"
        )


def stitched(rows: pd.DataFrame, in_force: pd.Series) -> pd.DataFrame:
    """The rows that say something new, by (period, vintage), with a column `first`: the first of their period.

    rows : period, vintage, value of one window, or of several put together
    in_force : the values before these rows, by period; empty for a whole history

    Two missing values are equal; the first row of a period stays, also where its value is missing.
    """
    rows = rows.sort_values(["period", "vintage"], kind="stable", ignore_index=True)
    opens = ~rows.duplicated("period")
    first = opens & ~rows["period"].isin(in_force.index)
    before = rows["value"].shift().where(~opens, in_force.reindex(rows["period"]).to_numpy(float))
    repeats = np.isclose(rows["value"], before, rtol=SAME, atol=0, equal_nan=True)
    return rows.assign(first=first)[first | ~repeats].reset_index(drop=True)


def lately(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that are the first of their period, or restate one of the last RESTATED_DAYS before their vintage."""
    age = rows["vintage"] - rows["period"]
    return rows[rows["first"] | (age <= pd.Timedelta(days=RESTATED_DAYS))].reset_index(drop=True)


def dated(
    spec: SeriesSpec, rows: pd.DataFrame, history: pd.DataFrame, settled: str = "", oldest: str = ""
) -> pd.DataFrame:
    """Stitched rows with known_at and origin.

    history : observations that were there before      settled : a vintage that they already hold, "" for none
    oldest : the oldest vintage of the series where its whole history is told, "" where a part was told before

    A first row is known by the release rule, or at its stamp (its vintage at the rule's clock time) where that is
    later and is not the day on which FRED loaded older history: the oldest vintage, or one with which at least
    LOADED_AT_ONCE periods came, each later than LOADED_LATER after its rule. A period that came late by itself was
    released late, or missed by FRED: by the rule it could be known before anybody could read it, by a stamp that is
    no release it is merely known too late, so in doubt the stamp counts. What comes after a fetch is never a load:
    that fetch saw that it was not there. Of a series that is `revised` the day of a load counts all the same: what
    was loaded then is not what was first released.

    A later row is known at its stamp, never before the row before it; of two that would be known at once the later
    one stands. A row that tells `settled` other than it was told is given the known_at of the row that it
    contradicts: the store says what becomes of it.
    """
    rule = known_at(spec, pd.DatetimeIndex(rows["period"]))
    stamp = eastern(rows["vintage"].to_numpy().astype("datetime64[D]") + _clock(spec))
    first = rows["first"].to_numpy()
    loaded = _loaded(rows["vintage"], first & (stamp - rule > LOADED_LATER), oldest) & (not spec.revised)
    by_stamp = ~first | ((stamp > rule) & ~loaded)
    rows = rows.assign(known_at=rule.where(~by_stamp, stamp), origin=np.where(by_stamp, "stamp", "rule"))
    last = history.drop_duplicates("period", keep="last").set_index("period")
    before = pd.Series(last["known_at"].reindex(rows["period"]).array)
    retold = (rows["vintage"] == pd.Timestamp(settled or None)) & before.notna()
    rows["origin"] = rows["origin"].mask(retold, pd.Series(last["origin"].reindex(rows["period"]).array))
    rows["known_at"] = rows["known_at"].mask(retold | (rows["known_at"] < before), before)
    rows["known_at"] = rows.groupby("period")["known_at"].cummax()
    return rows.drop_duplicates(["period", "known_at"], keep="last").reset_index(drop=True)


def _loaded(vintage: pd.Series, late: np.ndarray, oldest: str) -> np.ndarray:
    """Which of the late first rows came with a load of older history; none where `oldest` is ""."""
    at_once = pd.Series(late, vintage.index).groupby(vintage).transform("sum") >= LOADED_AT_ONCE
    loaded: np.ndarray = late & (at_once | (vintage == pd.Timestamp(oldest or None))).to_numpy() & bool(oldest)
    return loaded


def _clock(spec: SeriesSpec) -> np.timedelta64:
    hours, minutes = map(int, spec.release.clock.split(":"))
    return np.timedelta64(60 * hours + minutes, "m")
