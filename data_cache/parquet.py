"""Checksummed Parquet files, each with its provenance beside it, replaced in one step.

Beside NAME.parquet lies NAME.<first 16 digits of its sha256>.json. The JSON of a new version is written
before the Parquet file is replaced, and the JSON of the old version is removed after: whenever a writer is
killed, the Parquet file that is in place, old or new, has the JSON that belongs to it.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data_cache.catalog import ReleaseRule, SeriesSpec
from data_cache.errors import BadData, DamagedFile, NotWritten


@dataclass(frozen=True)
class Fetch:
    """The newest answer of one source.

    source : "fred", "newyorkfed", "treasury", a venue or "file"      query : what was asked of it
    fetched_at : UTC      added : how many rows it brought that were not there, over all its answers
    """

    source: str
    query: str
    fetched_at: pd.Timestamp
    added: int = 0

    def __post_init__(self) -> None:
        if self.fetched_at.tz is None:
            raise BadData(f"fetched_at {self.fetched_at} has no timezone; give a UTC timestamp")


@dataclass(frozen=True)
class Provenance:
    """Where the rows of a file come from.

    name : series id, symbol or asset      rows : how many      sha256 : of the Parquet file
    first, last : first and last period, open time or known_at of the rows (UTC)
    known_until : the newest known_at
    fetches : the newest answer of each source, latest last
    asset, venue, symbol, timeframe, price : of bars and futures      spec : of a series that is not in the catalogue
    """

    name: str
    rows: int
    first: pd.Timestamp
    last: pd.Timestamp
    known_until: pd.Timestamp
    fetches: tuple[Fetch, ...]
    sha256: str = ""
    asset: str = ""
    venue: str = ""
    symbol: str = ""
    timeframe: str = ""
    price: str = ""
    spec: SeriesSpec | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of the rows."""
        return tuple(fetch.source for fetch in self.fetches)


def file_name(name: str) -> str:
    """A name that is safe as one part of a path, and can be read back.

    >>> file_name("BTC/USDT"), file_name("../etc"), stored_name("BTC%2FUSDT")
    ('BTC%2FUSDT', '%2E%2E%2Fetc', 'BTC/USDT')
    """
    if not name.strip():
        raise BadData("a series, venue, symbol or asset needs a name; found an empty one")
    return quote(name, safe="").replace(".", "%2E")


def stored_name(part: str) -> str:
    """The name that `file_name` made this part of a path from."""
    return unquote(part)


def write(path: Path, frame: pd.DataFrame, provenance: Provenance) -> None:
    """Put `frame` and its provenance in place of what is at `path`; the caller keeps other writers out.

    A kill at any point leaves the old or the new version readable. Equal frames make equal bytes.
    """
    with written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    content = encoded(frame)
    sha256 = hashlib.sha256(content).hexdigest()
    text = json.dumps(_plain(dataclasses.replace(provenance, sha256=sha256)), indent=1, sort_keys=True)
    _replace(_side(path, sha256), text.encode())
    _replace(path, content)
    for stale in _sides(path):
        if stale != _side(path, sha256):
            stale.unlink()


def read(path: Path, columns: Sequence[str] | None = None) -> tuple[pd.DataFrame, Provenance]:
    """The rows (all columns where None) and the provenance of the file at `path`.

    Raises DamagedFile where the bytes are not those that were written.
    """
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        provenance = _provenance(path, _side(path, sha256))
    except FileNotFoundError:
        if path.read_bytes() != content:  # a writer came between: its version is complete
            return read(path, columns)
        raise _damaged(path, f"its sha256 {sha256[:16]} is not one that was written") from None
    if provenance.sha256 != sha256:
        raise _damaged(path, f"its sha256 {sha256[:16]} is not the {provenance.sha256[:16]} that was written")
    try:
        # Without arrow's own threads: a process that ends while one of them starts or ends is aborted by it.
        with pq.ParquetFile(pa.BufferReader(content), pre_buffer=False) as file:
            table = file.read(columns=columns, use_threads=False)
        return table.to_pandas(split_blocks=True, use_threads=False), provenance
    except pa.ArrowException as error:
        raise _damaged(path, f"it can't be read as Parquet ({error})") from error


def provenance_at(path: Path) -> Provenance:
    """The provenance of the file at `path`, without reading its rows where one JSON alone lies beside it."""
    sides = _sides(path)
    return _provenance(path, sides[0]) if len(sides) == 1 else read(path)[1]


def claimed_at(path: Path) -> Provenance:
    """What is said of a damaged file: some provenance beside it, or one that knows nothing."""
    for side in _sides(path):
        with suppress(DamagedFile, FileNotFoundError):
            return _provenance(path, side)
    return Provenance("", 0, pd.NaT, pd.NaT, pd.NaT, ())


def now() -> pd.Timestamp:
    """The time of a fetch: the one place where the store looks at a clock."""
    return pd.Timestamp.now("UTC")


def names_under(folder: Path) -> Iterator[tuple[str, Path]]:
    """The name and path of every Parquet file of a folder, by name."""
    return iter(sorted((stored_name(path.stem), path) for path in folder.glob("*.parquet")))


def encoded(frame: pd.DataFrame) -> bytes:
    """The columns of `frame` as a Parquet file, without its index; equal frames make equal bytes."""
    table = pa.Table.from_pandas(frame, preserve_index=False, nthreads=1).replace_schema_metadata(None)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


@contextmanager
def written(path: Path) -> Iterator[None]:
    """Raise NotWritten, naming `path`, where the disk does not take what is done inside."""
    try:
        yield
    except OSError as error:
        raise not_written(path, error) from None


def not_written(path: Path, error: OSError) -> NotWritten:
    """What to say where the disk does not take a file."""
    return NotWritten(
        f"{path} could not be written: {error.strerror}; what was stored is whole: make room or get leave to write "
        "there, or name another folder with --store, then run the same again"
    )


def replace(path: Path, content: bytes) -> None:
    """Write beside, flush to the disk, rename over: readers see the old bytes or the new, never a mixture.

    Raises OSError where the disk does not take them; `written` puts that into words.
    """
    beside = path.with_name(f".{path.stem.partition('.')[0]}.tmp")
    try:
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    _flush_folder(path.parent)


def _replace(path: Path, content: bytes) -> None:
    with written(path):
        replace(path, content)


def _flush_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened, and a rename needs no flush
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _side(path: Path, sha256: str) -> Path:
    return path.with_name(f"{path.stem}.{sha256[:16]}.json")


def _sides(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.stem}.*.json"))  # a stem holds no dot of its own, see file_name


def _damaged(path: Path, finding: str) -> DamagedFile:
    return DamagedFile(f"{path} is damaged: {finding}; delete it, then fetch or import it again")


def _plain(thing: Any) -> Any:
    """A dataclass as JSON can hold it: times become ISO text."""
    if isinstance(thing, pd.Timestamp):
        return thing.isoformat()
    if dataclasses.is_dataclass(thing):
        return {f.name: _plain(getattr(thing, f.name)) for f in dataclasses.fields(thing)}
    return [_plain(part) for part in thing] if isinstance(thing, tuple) else thing


def _provenance(path: Path, side: Path) -> Provenance:
    try:
        said = json.loads(side.read_bytes())
        times = {name: pd.Timestamp(said[name]) for name in ("first", "last", "known_until")}
        fetches = tuple(Fetch(**(f | {"fetched_at": pd.Timestamp(f["fetched_at"])})) for f in said["fetches"])
        return Provenance(**(said | times | {"fetches": fetches, "spec": _spec(said["spec"])}))
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(path, f"{side.name} is not the provenance that was written ({error})") from error


def _spec(said: dict[str, Any] | None) -> SeriesSpec | None:
    if said is None:
        return None
    floors = tuple((since, low) for since, low in said["floors"])
    return SeriesSpec(**(said | {"release": ReleaseRule(**said["release"]), "floors": floors}))
