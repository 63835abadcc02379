"""The store: everything that was fetched or imported, as Parquet files under one folder.

series/<ID>.parquet                          period, known_at, value, origin
bars/<venue>/<symbol>/<timeframe>.parquet    open_time, open, high, low, close, volume
                     <timeframe>-mark.parquet    the same of another price than that of trades
futures/<asset>.parquet                      known_at, expiry, close

Names are percent-encoded (BTC%2FUSDT). `data_cache.parquet` says why a kill never leaves a store that can't
be read.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import pandas as pd
import platformdirs

from data_cache import parquet
from data_cache.bars import Bars
from data_cache.catalog import SeriesSpec, spec
from data_cache.continuation import (
    continued_observations,
    continued_prices,
    refuse_contradiction,
    replaced_observations,
)
from data_cache.errors import BadData, BadUsage, EbbtideError, NoData, UnknownName
from data_cache.parquet import Fetch, Provenance

LOCK_SECONDS = 60
TRADE = "trade"


@dataclass(frozen=True, order=True)
class Listing:
    """Bars of one asset as one venue lists it: Listing("BTC", "binance", "BTC/USDT", "1d").

    price : "trade", or "mark" or "index" for what a derivative is settled by, which nobody can trade at
    """

    asset: str
    venue: str
    symbol: str
    timeframe: str
    price: str = TRADE

    def __str__(self) -> str:
        kind = "" if self.price == TRADE else f" {self.price}"
        return f"{self.venue} {self.symbol} {self.timeframe}{kind}"


def store_folder(folder: Path | None = None) -> Path:
    """Where the store lies: `folder`, $EBBTIDE_STORE, in the clone or in the user's cache, in this order."""
    named = folder or os.environ.get("EBBTIDE_STORE")
    if named:
        return Path(named).expanduser()
    package = Path(__file__).resolve().parent
    if (package.parent / "setup.cfg").is_file() and (package.parent / ".git").exists():
        return package / "store"
    return Path(platformdirs.user_cache_dir("ebbtide", appauthor=False))


class Store:
    """Series, bars and futures under `folder`; readers need no lock, writers take turns.

    History is not edited: a changed value of a series becomes a further row, a changed price is an error.
    Every read raises DamagedFile where the bytes are not those that were written, and NoData where there is
    nothing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def default(cls, folder: Path | None = None) -> "Store":
        """The store at `store_folder(folder)`; BadUsage where that is a file."""
        place = store_folder(folder)
        if place.is_file():
            raise BadUsage(f"{place} is a file; --store names a folder")
        return cls(place)

    def series(self) -> list[str]:
        """The ids of all stored series, ascending."""
        return [name for name, _ in parquet.names_under(self.folder / "series")]

    def rows(self, series: str) -> pd.DataFrame:
        """The observations of `series`, as `observation_rows` made them."""
        return self._read(self.series_path(series), f"series {series}", self.series)

    def add_series(self, spec: SeriesSpec, rows: pd.DataFrame, fetch: Fetch, replace: bool = False) -> int:
        """Add observations in served units; the answer is how many rows were new.

        rows : made by `observation_rows`; `continued_observations` says what becomes of revisions
        replace : throw away what is stored of the periods in `rows` first

        Raises BadData where another source, or another origin of known_at, contradicts the first release of a
        stored period. `spec` is kept with the rows where it is not the catalogue's own.
        """
        path = self.series_path(spec.id)
        with self._alone():
            stored, old = self._stored(path, rows)
            if old and _other_evidence(stored, rows, old, fetch) and not replace:
                sources = (", ".join(old.sources), fetch.source)
                refuse_contradiction(spec.id, stored, rows, sources)
            joined = replaced_observations if replace else _continuing(fetch)
            return self._put_series(spec, joined(stored, rows), stored, old, fetch)

    def replace_series(self, spec: SeriesSpec, rows: pd.DataFrame, fetch: Fetch) -> int:
        """Put observations in place of all that is stored of a series, whatever source it came from.

        The answer is how many rows were new; `rows` and `spec` are as `add_series` takes them.
        """
        with self._alone():
            stored, _ = self._stored(self.series_path(spec.id), rows)
            return self._put_series(spec, rows, stored, None, fetch)

    def listings(self) -> list[Listing]:
        """All stored bars, in order; the asset is "" where a damaged file hides it."""
        return sorted(map(_listing, self.folder.glob("bars/*/*/*.parquet")))

    def bars(self, listing: Listing) -> Bars:
        """The bars of a listing."""
        path = self.bars_path(listing)
        frame = self._read(path, f"bars of {listing}", lambda: [str(has) for has in self.listings()])
        return Bars(listing.asset, listing.timeframe, frame.set_index("open_time"))

    def add_bars(self, listing: Listing, bars: Bars, fetch: Fetch, replace: bool = False) -> int:
        """Add bars; the answer is how many were new.

        Raises BadData where a stored bar differs from a new one, unless `replace` says to take the new one.
        """
        path = self.bars_path(listing)
        rows = bars.frame.reset_index()
        with self._alone():
            stored, old = self._stored(path, rows)
            if old and old.asset != listing.asset:
                raise BadData(f"{listing} is stored as {old.asset}, not {listing.asset}; import it as {old.asset}")
            frame = continued_prices(stored, rows, ["open_time"], str(listing), replace)
            known_until = frame["open_time"].max() + bars.length
            return self._put(path, frame, stored, old, fetch, known_until, name=listing.symbol, **vars(listing))

    def futures_assets(self) -> list[str]:
        """The assets that have dated futures, ascending."""
        return [name for name, _ in parquet.names_under(self.folder / "futures")]

    def futures(self, asset: str) -> pd.DataFrame:
        """Daily closes of dated futures, indexed by known_at, a column per expiry; NaN outside its life."""
        return self.futures_rows(asset).pivot(index="known_at", columns="expiry", values="close")

    def futures_rows(self, asset: str) -> pd.DataFrame:
        """Daily closes of dated futures, as `futures_rows` made them."""
        return self._read(self.futures_path(asset), f"futures on {asset}", self.futures_assets)

    def add_futures(self, asset: str, rows: pd.DataFrame, fetch: Fetch, replace: bool = False) -> int:
        """Add daily closes of dated futures, made by `futures_rows`; the answer is how many were new.

        Raises BadData where a stored close differs from a new one, unless `replace` says to take the new one.
        """
        path = self.futures_path(asset)
        with self._alone():
            stored, old = self._stored(path, rows)
            frame = continued_prices(stored, rows, ["known_at", "expiry"], f"futures on {asset}", replace)
            known_until = frame["known_at"].max()
            return self._put(path, frame, stored, old, fetch, known_until, name=asset, asset=asset)

    def series_path(self, series: str) -> Path:
        """Where the rows of a series are kept."""
        return self.folder / "series" / f"{parquet.file_name(series)}.parquet"

    def bars_path(self, listing: Listing) -> Path:
        """Where the bars of a listing are kept."""
        venue, symbol, timeframe = map(parquet.file_name, (listing.venue, listing.symbol, listing.timeframe))
        kind = "" if listing.price == TRADE else f"-{parquet.file_name(listing.price)}"
        return self.folder / "bars" / venue / symbol / f"{timeframe}{kind}.parquet"

    def futures_path(self, asset: str) -> Path:
        """Where the futures on an asset are kept."""
        return self.folder / "futures" / f"{parquet.file_name(asset)}.parquet"

    def _read(self, path: Path, name: str, known: Callable[[], list[str]]) -> pd.DataFrame:
        if not path.is_file():
            raise NoData(f"no {name} in {self.folder}; here are: {', '.join(known()) or 'none'}")
        return parquet.read(path)[0]

    def _stored(self, path: Path, like: pd.DataFrame) -> tuple[pd.DataFrame, Provenance | None]:
        return parquet.read(path) if path.is_file() else (like.iloc[:0], None)

    def _put_series(
        self, spec: SeriesSpec, frame: pd.DataFrame, stored: pd.DataFrame, old: Provenance | None, fetch: Fetch
    ) -> int:
        path, own = self.series_path(spec.id), None if _catalogued(spec) else spec
        return self._put(path, frame, stored, old, fetch, frame["known_at"].max(), name=spec.id, spec=own)

    def _put(
        self,
        path: Path,
        frame: pd.DataFrame,
        stored: pd.DataFrame,
        old: Provenance | None,
        fetch: Fetch,
        known_until: pd.Timestamp,
        **names: Any,
    ) -> int:
        """Write `frame` in place of `stored`; how many of its rows were not there."""
        added = len(frame) - len(frame.merge(stored)) if len(stored) else len(frame)
        times = frame[frame.columns[0]]
        fetches = _with_fetch(old.fetches if old else (), fetch, added)
        provenance = Provenance(
            rows=len(frame),
            first=times.min(),
            last=times.max(),
            known_until=known_until,
            fetches=fetches,
            **names,
        )
        parquet.write(path, frame, provenance)
        return added

    def _alone(self) -> AbstractContextManager[object]:
        return alone(self.folder)


def alone(folder: Path) -> AbstractContextManager[object]:
    """The only writer of `folder`, which is made if need be; EbbtideError where another one keeps it for too long."""
    with parquet.written(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / ".lock", timeout=LOCK_SECONDS)
    try:
        return lock.acquire()
    except filelock.Timeout:
        raise EbbtideError(
            f"{folder} is locked by another writer for {LOCK_SECONDS} s; wait for it, or end it"
        ) from None
    except OSError as error:
        raise parquet.not_written(folder, error) from None


def futures_rows(known_at: object, expiry: object, close: object) -> pd.DataFrame:
    """Daily closes of dated futures, checked and sorted by (known_at, expiry).

    known_at, expiry : UTC timestamps      close : prices in quote currency, above zero

    Raises BadData where a time has no timezone, a close is missing or not positive, or one is given twice.
    """
    rows = pd.DataFrame({"known_at": known_at, "expiry": expiry, "close": close})
    for name in ("known_at", "expiry"):
        if not isinstance(rows[name].dtype, pd.DatetimeTZDtype):
            raise BadData(f"{name} of a future must be UTC timestamps; found times without a timezone")
        rows[name] = rows[name].dt.tz_convert("UTC").dt.as_unit("ns")
    rows["close"] = rows["close"].astype(float)
    rows = rows.sort_values(["known_at", "expiry"], kind="stable", ignore_index=True)
    _refuse(rows, ~(rows["close"] > 0), "a close is missing, zero or negative")
    _refuse(rows, rows.duplicated(["known_at", "expiry"]), "a close is given twice")
    return rows


def _refuse(rows: pd.DataFrame, bad: pd.Series, sentence: str) -> None:
    if bad.any():
        row = rows[bad].iloc[0]
        raise BadData(f"futures: {sentence}, first at {row['known_at']} of expiry {row['expiry']} ({row['close']:g})")


def _continuing(fetch: Fetch) -> Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]:
    return lambda stored, rows: continued_observations(stored, rows, fetch.fetched_at)


def _other_evidence(stored: pd.DataFrame, rows: pd.DataFrame, old: Provenance, fetch: Fetch) -> bool:
    """Whether the new rows are of another source, or have their known_at in no way that stored rows have."""
    return fetch.source not in old.sources or not set(rows["origin"]) & set(stored["origin"])


def _with_fetch(fetches: tuple[Fetch, ...], fetch: Fetch, added: int) -> tuple[Fetch, ...]:
    before = sum(old.added for old in fetches if old.source == fetch.source)
    others = tuple(old for old in fetches if old.source != fetch.source)
    return (*others, Fetch(fetch.source, fetch.query, fetch.fetched_at, before + added))


def _catalogued(own: SeriesSpec) -> bool:
    try:
        return spec(own.id) == own
    except UnknownName:
        return False


def _listing(path: Path) -> Listing:
    timeframe, _, price = path.stem.partition("-")
    names = map(parquet.stored_name, (path.parts[-3], path.parts[-2], timeframe, price or TRADE))
    return Listing(parquet.claimed_at(path).asset, *names)
