"""Import of CSV files through a manifest: a small TOML file that says what each column is.

    root = "../data"                   # folder of the files, from the manifest's own
    root_variable = "MY_DATA"          # an environment variable that goes before it

    [[series]]
    id = "WALCL"                       # of the catalogue, or of your own with title, unit, low, high, ...
    file = "WALCL.csv.gz"
    unit = "$mn"                       # as in the file

    [[bars]]
    asset = "BTC"
    venue = "binance"
    symbol = "BTC/USDT"
    timeframe = "1d"
    file = "btc.csv"

    [[futures]]
    asset = "BTC"
    expiry = 2024-12-27T08:00:00Z
    file = "BTC-27DEC24.csv"

The keys of an entry are the fields of the classes in `data_cache.sources.entries`. Funding is a series like
any other: FUNDING_BTC, whose period is the instant of payment.
"""

import dataclasses
import hashlib
import os
import tomllib
import typing
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from data_cache import parquet
from data_cache.errors import BadData, EbbtideError, NoData, UnknownName
from data_cache.parquet import Fetch, now
from data_cache.sources.entries import BarsEntry, FuturesEntry, Imported, Labels, SeriesEntry
from data_cache.sources.tables import Table
from data_cache.store import Store

Entry = SeriesEntry | BarsEntry | FuturesEntry
KINDS: dict[str, type[Entry]] = {"series": SeriesEntry, "bars": BarsEntry, "futures": FuturesEntry}
# Files that ship with invented numbers, to show what a user's own should look like.
TEMPLATES = Path(__file__).parents[1] / "templates"
ROOT_KEYS = ("root", "root_variable")


def import_manifest(
    manifest: Path, store: Store, fetched_at: pd.Timestamp | None = None, replace: bool = False
) -> list[Imported]:
    """Import every entry of a manifest into `store`, in the order series, bars, futures.

    fetched_at : UTC, written into the provenance, now where None; what became known later is refused
    replace : take the files' numbers over stored ones

    Each entry is stored whole or not at all. The first one that fails stops the import with an error that
    names it and says what was imported before it; nothing that was stored is lost.
    """
    said = _toml(manifest)
    root = _root(manifest, said)
    entries = [
        (
            f"{manifest}, [[{kind}]] {number} ({values.get('id') or values.get('asset') or 'no name'})",
            kind,
            values,
        )
        for kind in KINDS
        for number, values in enumerate(said.get(kind, []), start=1)
    ]
    checked = [(name, _entry(name, KINDS[kind], values)) for name, kind, values in entries]
    imported: list[Imported] = []
    for name, entry in checked:
        try:
            imported.append(_import(entry, root, store, fetched_at or now(), replace))
        except EbbtideError as error:
            before = ", ".join(done.name for done in imported) or "nothing"
            where = name if entry.file in str(error) else f"{name}: {entry.file}"
            raise type(error)(f"{where}: {error} (imported before it: {before})") from error
    return imported


def _import(entry: Entry, root: Path, store: Store, fetched_at: pd.Timestamp, replace: bool) -> Imported:
    table = Table.read(root / entry.file, entry.file, entry.columns_by_key())
    if isinstance(entry, SeriesEntry) and entry.id in store.series():
        _refuse_mixing(entry, table.sha256, store)
    fetch = Fetch("file", f"{entry.file} sha256:{table.sha256}", fetched_at)
    return entry.store(table, store, fetch, replace)


def _refuse_mixing(entry: SeriesEntry, sha256: str, store: Store) -> None:
    """Raise BadData where numbers that a template has invented would come beside others under one name."""
    invented = {hashlib.sha256(file.read_bytes()).hexdigest() for file in TEMPLATES.glob("*.csv")}
    fetches = parquet.provenance_at(store.series_path(entry.id)).fetches
    stored = any(fetch.query.endswith(sha) for fetch in fetches for sha in invented)
    if (sha256 in invented) == stored:
        return
    if stored:
        raise BadData(
            f"the store holds invented numbers of {entry.id}, from a template; they would stay beside those of this "
            "file: import it into another store with --store"
        )
    raise BadData(
        f"this is a template as it ships, with invented numbers, and the store has {entry.id} already; put your own "
        "numbers into the file, or import it into another store with --store"
    )


def _toml(manifest: Path) -> dict[str, Any]:
    try:
        said = tomllib.loads(manifest.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NoData(f"{manifest} is not there; give the path of a manifest") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadData(f"{manifest} is not TOML: {error}") from None
    for key, value in said.items():
        if key not in (*KINDS, *ROOT_KEYS):
            raise UnknownName.among("key", key, (*KINDS, *ROOT_KEYS), owner=str(manifest))
        if not isinstance(value, str if key in ROOT_KEYS else list):
            wanted = f'{key} = "..."' if key in ROOT_KEYS else f"[[{key}]], with two brackets"
            raise BadData(f"{manifest}: {key} must be written {wanted}")
    return said


def _root(manifest: Path, said: Mapping[str, Any]) -> Path:
    """The folder of the files: what the variable says, else `root`, else the manifest's own folder."""
    named = os.environ.get(said.get("root_variable", ""), "") or said.get("root", ".")
    return manifest.parent / Path(named).expanduser()


def _entry(name: str, kind: type[Entry], values: Mapping[str, Any]) -> Entry:
    """The entry that these keys describe; UnknownName or BadData, naming it, for one that does not fit."""
    types = typing.get_type_hints(kind)
    for key, value in values.items():
        if key not in types:
            raise UnknownName.among("key", key, types, owner=name)
        _check_type(f"{name}: {key}", value, types[key])
    needed = [f.name for f in dataclasses.fields(kind) if f.default is f.default_factory is dataclasses.MISSING]
    absent = [key for key in needed if key not in values]
    if absent:
        raise BadData(f"{name} needs {', '.join(absent)}")
    return kind(**values)


def _check_type(name: str, value: Any, wanted: Any) -> None:
    fits: dict[Any, bool] = {
        str: isinstance(value, str),
        Labels: isinstance(value, dict) and all(isinstance(labels, list) for labels in value.values()),
        Mapping[str, str]: isinstance(value, dict) and all(isinstance(text, str) for text in value.values()),
        datetime: isinstance(value, datetime),
        date | None: isinstance(value, date) and not isinstance(value, datetime),
        float | None: isinstance(value, int | float) and not isinstance(value, bool),
        bool | None: isinstance(value, bool),
    }
    if not fits[wanted]:
        words: dict[Any, str] = {str: "a text", Labels: "lists of labels by column"}
        words |= {Mapping[str, str]: "texts by name", bool | None: "true or false", float | None: "a number"}
        words |= {datetime: "a time such as 2024-12-27T08:00:00Z", date | None: "a date such as 2024-12-27"}
        raise BadData(f"{name} must be {words[wanted]}; found {value!r}")
