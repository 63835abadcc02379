"""The entries of a manifest: what a CSV file holds, and how it becomes observations, bars or futures."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pandas as pd

from data_cache.bars import OHLCV, Bars
from data_cache.catalog import ReleaseRule, SeriesSpec, spec
from data_cache.errors import BadData, NoData, UnknownName
from data_cache.magnitude import SCALES, check_magnitude
from data_cache.observations import observation_rows, silences
from data_cache.parquet import Fetch
from data_cache.releases import known_at
from data_cache.sources.tables import Table
from data_cache.store import Listing, Store, futures_rows

OPENING_BALANCE = "opening balance"
# Keys of a series that is not in the catalogue.
OWN_KEYS = ("title", "serve_as", "low", "high", "max_age_days", "release", "frequency", "convention", "url", "revised")
Labels = dict[str, list[str]]


@dataclass(frozen=True)
class Imported:
    """What became of one entry.

    rows : in the file, after `where`      added : rows that the store did not have
    missing : rows without a value
    dropped : rows that were left out because they could not be complete when the file was read: the last bar, where
    it had not ended, and periods without a value that had not been published
    gaps : runs of missing bars or days, or silences longer than the series may have
    """

    name: str
    file: str
    rows: int
    added: int
    missing: int
    gaps: int
    first: pd.Timestamp
    last: pd.Timestamp
    dropped: int = 0

    def summary(self) -> dict[str, Any]:
        """The entry as JSON can hold it: times in ISO."""
        return dataclasses.asdict(self) | {"first": self.first.isoformat(), "last": self.last.isoformat()}


@dataclass(frozen=True, kw_only=True)
class SeriesEntry:
    """A series in a CSV file.

    period, value, known_at : names of columns; without known_at the release rule says when it was known
    known_at_timezone : of known_at times that have no offset
    unit : of the file's numbers
    where : labels by column; rows with other labels are left out
    ignore : the other labels of such a column, where they are known; any further one stops the import
    value_is : "opening balance" where the file has only openings: a day's close is the next day's opening
    first, last : periods outside are left out
    exclude : date -> reason; the value of such a period is missing

    A series that is not in the catalogue also has a title, low and high (plausible served values),
    max_age_days, and release ("next_business_day SIFMA 08:00", "days_after 1 08:00", see
    `data_cache.releases`) unless it has known_at; and serve_as, where it is to be served in another unit.
    """

    id: str
    file: str
    unit: str
    period: str = "date"
    value: str = "value"
    known_at: str = ""
    known_at_timezone: str = ""
    where: Labels = field(default_factory=dict)
    ignore: Labels = field(default_factory=dict)
    value_is: str = ""
    first: date | None = None
    last: date | None = None
    exclude: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    serve_as: str = ""
    low: float | None = None
    high: float | None = None
    max_age_days: float | None = None
    release: str = ""
    frequency: str = ""
    convention: str = ""
    url: str = ""
    revised: bool | None = None

    def store(self, table: Table, store: Store, fetch: Fetch, replace: bool) -> Imported:
        """Put the entry's observations into the store."""
        spec = self.spec()
        whole = self.rows(table, spec)
        rows = self._published(whole, fetch.fetched_at)
        if not replace and self.id in store.series():
            self._refuse_excluded(store.rows(self.id))
        added = store.add_series(spec, rows, fetch, replace)
        periods, missing = rows["period"], int(rows["value"].isna().sum())
        gaps, dropped = len(silences(rows, spec.max_age_days)), len(whole) - len(rows)
        return Imported(self.id, self.file, len(rows), added, missing, gaps, periods.min(), periods.max(), dropped)

    def columns_by_key(self) -> dict[str, str]:
        """Manifest key -> the column that it names."""
        return {"period": self.period, "value": self.value, "known_at": self.known_at}

    def spec(self) -> SeriesSpec:
        """The catalogue's entry, or the one that this entry describes."""
        given = [name for name in OWN_KEYS if getattr(self, name) not in ("", None)]
        if not given:
            return _catalogued(self.id)
        if _in_catalog(self.id):
            raise BadData(f"{self.id} is in the catalogue; leave out {', '.join(given)}, or choose another id")
        needed = ["title", "low", "high", "max_age_days", *([] if self.known_at else ["release"])]
        absent = [name for name in needed if name not in given]
        if absent:
            raise BadData(f"{self.id} is not in the catalogue, so it also needs: {', '.join(absent)}")
        own = self._own_spec()
        if own.low >= own.high or own.max_age_days <= 0:
            raise BadData(f"{self.id}: low must be below high, and max_age_days above 0")
        return own

    def _own_spec(self) -> SeriesSpec:
        return SeriesSpec(
            id=self.id,
            title=self.title,
            unit=self.serve_as or self.unit,
            published_unit=self.unit,
            scale=_scale(self.id, self.unit, self.serve_as or self.unit),
            low=float(self.low or 0),
            high=float(self.high or 0),
            source="file",
            frequency=self.frequency,
            convention=self.convention,
            release=_rule(self.release) if self.release else ReleaseRule("column"),
            max_age_days=float(self.max_age_days or 0),
            revised=bool(self.revised),
            url=self.url,
        )

    def rows(self, table: Table, spec: SeriesSpec) -> pd.DataFrame:
        """The entry's observations in served units, checked."""
        table = table.where(self.where, self.ignore)
        rows = pd.DataFrame({"period": table.dates(self.period), "value": table.numbers(self.value)})
        rows["known_at"] = table.instants(self.known_at, self.known_at_timezone) if self.known_at else pd.NaT
        rows = self._kept(self._closing(rows.sort_values("period", kind="stable", ignore_index=True)))
        if not len(rows):
            raise NoData(f"{table.name} has no row of {self.id}; check where, first and last")
        rows["value"] *= spec.scale if self.unit == spec.published_unit else _scale(self.id, self.unit, spec.unit)
        check_magnitude(spec, rows.set_index("period")["value"])
        if self.known_at:
            return observation_rows(rows["period"], rows["known_at"], rows["value"], "column")
        _refuse_twice(self.id, rows["period"])
        return observation_rows(rows["period"], known_at(spec, pd.DatetimeIndex(rows["period"])), rows["value"])

    def _published(self, rows: pd.DataFrame, fetched_at: pd.Timestamp) -> pd.DataFrame:
        """The rows that were known at `fetched_at`; only those without a value may be of later."""
        future = rows["known_at"] > fetched_at
        unseen = rows[future & rows["value"].notna()]
        if len(unseen):
            row = unseen.iloc[0]
            raise BadData(
                f"{self.id}: the value of {row['period']} would become known at {row['known_at']}, after this "
                f"import at {fetched_at.floor('s')} ({len(unseen)} such); correct its date, import again after that "
                "time, or leave it out with last"
            )
        if future.all():
            raise NoData(f"{self.id} has no row that was known at {fetched_at.floor('s')}; import again later")
        return rows[~future].reset_index(drop=True)

    def _refuse_excluded(self, stored: pd.DataFrame) -> None:
        """Raise BadData if a value is stored that is excluded now: it would count as known until today."""
        excluded = stored[stored["period"].isin(pd.to_datetime(list(self.exclude)))]
        in_force = excluded.drop_duplicates("period", keep="last").dropna(subset="value")
        if len(in_force):
            row = in_force.iloc[0]
            raise BadData(
                f"{self.id}: {row['period'].date()} is excluded but stored with the value {row['value']:g}; "
                "import with --replace"
            )

    def _closing(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Take the next opening for the close; the last day's close is not in a file of openings."""
        if not self.value_is:
            return rows
        if self.value_is != OPENING_BALANCE:
            raise UnknownName.among("meaning", self.value_is, [OPENING_BALANCE], owner="value_is")
        _refuse_twice(self.id, rows["period"])
        return rows.assign(value=rows["value"].shift(-1)).iloc[:-1]

    def _kept(self, rows: pd.DataFrame) -> pd.DataFrame:
        first = pd.Timestamp(self.first or pd.Timestamp.min)
        last = pd.Timestamp(self.last or pd.Timestamp.max)
        rows = rows[rows["period"].between(first, last)].reset_index(drop=True)
        excluded = pd.to_datetime(list(self.exclude), format="ISO8601", errors="coerce")
        for day, period in zip(self.exclude, excluded, strict=True):
            if period not in set(rows["period"]):
                raise BadData(f"{self.id}: exclude names {day}, which is no period of the import; remove it")
        return rows.assign(value=rows["value"].mask(rows["period"].isin(excluded)))


@dataclass(frozen=True, kw_only=True)
class BarsEntry:
    """Bars of one asset in a CSV file, in the order of their open times.

    time : column of open times      time_timezone : of times that have no offset, "UTC" for bare dates
    columns : our name -> the file's, where they differ: {volume = "volume_base"}
    """

    asset: str
    venue: str
    symbol: str
    timeframe: str
    file: str
    time: str = "time"
    time_timezone: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)

    def store(self, table: Table, store: Store, fetch: Fetch, replace: bool) -> Imported:
        """Put the entry's bars into the store."""
        unknown = [name for name in self.columns if name not in OHLCV]
        if unknown:
            raise UnknownName.among("column", unknown[0], OHLCV, owner="a bar")
        numbers = {name: table.numbers(self.columns.get(name, name)) for name in OHLCV}
        times = table.instants(self.time, self.time_timezone)
        whole = Bars(self.asset, self.timeframe, pd.DataFrame(numbers, index=times))
        bars = self._ended(whole, fetch.fetched_at)
        listing = Listing(self.asset, self.venue, self.symbol, self.timeframe)
        added = store.add_bars(listing, bars, fetch, replace)
        kept, gaps, dropped = bars.frame.index, len(bars.gaps()), len(times) - len(bars.frame)
        return Imported(str(listing), self.file, len(kept), added, 0, gaps, kept[0], kept[-1], dropped)

    def columns_by_key(self) -> dict[str, str]:
        """Manifest key -> the column that it names."""
        return {"time": self.time} | {f"columns.{name}": self.columns.get(name, name) for name in OHLCV}

    def _ended(self, bars: Bars, fetched_at: pd.Timestamp) -> Bars:
        """The bars without a last one that was still running at `fetched_at`: its prices are not final."""
        future = bars.frame.index[bars.frame.index > fetched_at]
        if len(future):
            raise BadData(
                f"{self.file}: a bar opens at {future[0]}, after this import at {fetched_at.floor('s')} ({len(future)} "
                "such); correct its time and time_timezone, or remove it"
            )
        if bars.known_at[0] > fetched_at:
            raise NoData(f"{self.file}: its only bar ends at {bars.known_at[0]}; import again after that time")
        return bars.until(fetched_at)


@dataclass(frozen=True, kw_only=True)
class FuturesEntry:
    """Daily closes of one dated future in a CSV file.

    date : column of UTC days; a close is known at the end of its day      close : column of closes
    """

    asset: str
    expiry: datetime
    file: str
    date: str = "date"
    close: str = "close"

    def store(self, table: Table, store: Store, fetch: Fetch, replace: bool) -> Imported:
        """Put the entry's closes into the store."""
        if self.expiry.tzinfo is None:
            raise BadData(f"expiry {self.expiry} has no timezone; write {self.expiry:%Y-%m-%dT%H:%M:%S}Z")
        days = table.dates(self.date)
        known = (days + pd.Timedelta(days=1)).tz_localize("UTC")
        expiry = pd.Timestamp(self.expiry).tz_convert("UTC").as_unit("ns")
        rows = futures_rows(known, expiry, table.numbers(self.close))
        future = known > fetch.fetched_at
        if future.any():
            raise BadData(
                f"{self.file}: the close of {days[future][0].date()} would become known at {known[future][0]}, after "
                f"this import at {fetch.fetched_at.floor('s')} ({future.sum()} such); correct its date, or remove it "
                "until its day has ended"
            )
        added = store.add_futures(self.asset, rows, fetch, replace)
        gaps = int((days.sort_values().diff() > pd.Timedelta(days=1)).sum())
        name = f"futures {self.asset} {self.expiry:%Y-%m-%d}"
        return Imported(name, self.file, len(rows), added, 0, gaps, days.min(), days.max())

    def columns_by_key(self) -> dict[str, str]:
        """Manifest key -> the column that it names."""
        return {"date": self.date, "close": self.close}


def _catalogued(series: str) -> SeriesSpec:
    try:
        return spec(series)
    except UnknownName as error:
        raise UnknownName(
            f"{error}; or bring a series of your own: give title, low, high, max_age_days and release"
        ) from None


def _in_catalog(series: str) -> bool:
    try:
        spec(series)
    except UnknownName:
        return False
    return True


def _scale(series: str, unit: str, served: str) -> float:
    """Served number = number in `unit` x scale."""
    scales = SCALES.get(served, {}) | {served: 1.0}
    if unit not in scales:
        raise BadData(
            f"{series} is served in {served}; unit {unit!r} can't be turned into it, only {', '.join(scales)}"
        )
    return scales[unit]


def _rule(text: str) -> ReleaseRule:
    """A release rule from text: its kind, then calendar, days and clock in any order."""
    kind, *words = text.split()
    clock = next((word for word in words if ":" in word), "")
    days = next((int(word) for word in words if word.isdigit()), 0)
    names = [word for word in words if ":" not in word and not word.isdigit()]
    return ReleaseRule(kind, names[0] if names else "", clock, days)


def _refuse_twice(series: str, periods: pd.Series) -> None:
    twice = periods.duplicated()
    if twice.any():
        raise BadData(
            f"{series}: period {periods[twice].iloc[0]} is there twice ({twice.sum()} such rows); choose rows "
            "with where, or name the known_at column if they are revisions"
        )
