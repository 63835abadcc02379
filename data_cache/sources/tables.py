"""Columns of a CSV file, read strictly: a cell that is not what it should be is named, never skipped."""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd

from data_cache.errors import BadData, NoData, UnknownName

# How sources write "no value": FRED's dot among them.
MISSING = ["", ".", "NA", "N/A", "NaN", "nan", "null", "None"]
OFFSET = r"(?:Z|[+-]\d\d:?\d\d)$"
HEADER_LINES = 1


@dataclass(frozen=True)
class Table:
    """The cells of a CSV file as text, and the name to call it by.

    keys : column -> the key of the manifest that names it, for sentences that say what to set
    """

    name: str
    cells: pd.DataFrame
    sha256: str
    keys: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, name: str, columns_by_key: Mapping[str, str] | None = None) -> "Table":
        """Read a CSV file, gzipped or not; NoData where there is none, BadData where it is no table."""
        if not path.is_file():
            raise NoData(f"{path} is not there; check `file` and `root`")
        try:
            cells = pd.read_csv(path, dtype=str, keep_default_na=False, skip_blank_lines=False).fillna("")
        except pd.errors.EmptyDataError:
            raise BadData(f"{path} is empty; it needs a line with the names of its columns, then rows") from None
        except (ValueError, OSError, EOFError, zlib.error) as error:
            raise BadData(f"{path} can't be read as CSV: {error}") from error
        if not isinstance(cells.index, pd.RangeIndex):  # pandas takes cells beyond the header for row labels
            raise BadData(f"{path} can't be read as CSV: its rows have more cells than its header has names")
        filled = cells[(cells != "").any(axis=1)].rename(columns=str.strip)
        keys = {column: key for key, column in (columns_by_key or {}).items()}
        return cls(name, filled, sha256(path.read_bytes()).hexdigest(), keys)

    def text(self, column: str) -> pd.Series:
        """The cells of a column without blanks around them; UnknownName for a column that is not there."""
        if column not in self.cells:
            raise self._no_column(column)
        return self.cells[column].str.strip()

    def where(self, kept: dict[str, list[str]], ignored: dict[str, list[str]]) -> "Table":
        """Only the rows whose labels are in `kept`, by column.

        Raises BadData for a label that is neither kept nor ignored, in the columns of which some are ignored.
        """
        rows = np.ones(len(self.cells), bool)
        for column, labels in kept.items():
            cells = self.text(column)
            rows &= cells.isin(labels).to_numpy()
            known = {*labels, *ignored.get(column, cells)}
            self._refuse(column, ~cells.isin(known), f"a label that is neither in where nor in ignore.{column}")
        return replace(self, cells=self.cells[rows])

    def numbers(self, column: str) -> np.ndarray:
        """The column as floats, NaN where the source says "missing"; BadData for any other text."""
        cells = self.text(column)
        missing = cells.isin(MISSING)
        numbers: np.ndarray = pd.to_numeric(cells.mask(missing), errors="coerce").to_numpy(float)
        self._refuse(column, ~np.isfinite(numbers) & ~missing.to_numpy(), "not a number")
        return numbers

    def dates(self, column: str) -> pd.DatetimeIndex:
        """The column as periods: naive timestamps (ns), dates at midnight, instants in UTC.

        Raises BadData for a cell that is no ISO date, and for a time of day without a timezone.
        """
        if self._has_offsets(column):
            return self.instants(column).tz_localize(None)
        dates = self._times(column)
        timed = dates != dates.normalize()
        self._refuse(column, timed, "a time without a timezone; add Z or +00:00, or give a date alone")
        return dates

    def instants(self, column: str, timezone: str = "") -> pd.DatetimeIndex:
        """The column as UTC timestamps (ns); those without an offset are taken to be in `timezone`.

        An hour that happens twice in `timezone` is its second pass: late, never early. Raises BadData for
        times without an offset where there is no `timezone`, and for a mixture of both.
        """
        times = self._times(column)
        if self._has_offsets(column):
            return times
        if not timezone:
            key = self.keys.get(column, column)
            zone = '"America/New_York" or "UTC"' if key == "known_at" else '"UTC"'
            raise BadData(
                f"{self.name}: {column} has times without a timezone, such as {self.text(column).iloc[0]!r}; "
                f"set {key}_timezone = {zone} in the manifest, or write an offset (Z, +00:00) in the file"
            )
        try:
            second = np.zeros(len(times), bool)
            local = times.tz_localize(timezone, ambiguous=second, nonexistent="shift_forward")
        except (KeyError, ValueError) as error:
            raise BadData(f"{self.name}: {timezone!r} is no timezone: {error}") from None
        return local.tz_convert("UTC")

    def _no_column(self, column: str) -> UnknownName:
        error = UnknownName.among("column", column, self.cells.columns, owner=self.name)
        if column not in self.keys:
            return error
        meant = re.search(r"did you mean '(.+)'\?$", str(error))
        cure = f'set {self.keys[column]} = "{meant[1] if meant else "..."}" in the manifest'
        return UnknownName(f"{error}; rename it, or {cure}")

    def _has_offsets(self, column: str) -> bool:
        offsets = self.text(column).str.contains(OFFSET, regex=True)
        if offsets.any():
            self._refuse(column, ~offsets, "a time without a timezone among times that have one")
        return bool(offsets.any())

    def _times(self, column: str) -> pd.DatetimeIndex:
        times = pd.to_datetime(self.text(column), format="ISO8601", errors="coerce", utc=self._has_offsets(column))
        self._refuse(column, times.isna(), "not an ISO date or time (2025-10-31, 2025-10-31T08:00:00Z)")
        return pd.DatetimeIndex(times).as_unit("ns")

    def _refuse(self, column: str, bad: pd.Series | np.ndarray, sentence: str) -> None:
        bad = np.asarray(bad)
        if bad.any():
            line = self.cells.index[bad][0] + HEADER_LINES + 1
            cell = self.text(column)[bad].iloc[0]
            raise BadData(f"{self.name}, line {line}: {column} is {cell!r}, which is {sentence} ({bad.sum()} such)")
