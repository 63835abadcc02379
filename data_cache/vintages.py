"""What could be read of an input by a moment: how much, of what vintage, and hashes that tell two of them apart."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

# Of the sha256 of a year: enough to see that one differs, short enough to keep all of them.
SHORT = 8


@dataclass(frozen=True)
class Vintage:
    """What was known of one input by a moment.

    rows : observations, bars, or days of dated futures      revisions : rows of a period that had a number before
    first, last : when the oldest and the newest became known, ISO, UTC; "" where nothing was
    by_year : the first digits of a sha256 of what became known in each calendar year (UTC): "2023 1f0c55aa, 2024 …"
    """

    rows: int
    revisions: int
    first: str
    last: str
    by_year: str

    def summary(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self)


class Rows:
    """One input as rows in the order in which they became known, each hashed once.

    frame : one row each, its index among what is hashed      known_at : int64 nanoseconds, ascending, one per row
    sparse : whether a column without any number up to a moment was not yet there at all, as expiries of futures are
    """

    def __init__(self, frame: pd.DataFrame, known_at: np.ndarray, sparse: bool = False) -> None:
        self._frame = frame
        self._known_at = known_at
        self._sparse = sparse

    def sha256(self, until: int) -> str:
        """Of all that was known by `until` (int64 nanoseconds)."""
        return self._sha256(0, self._known(until))

    def vintage(self, until: int) -> Vintage:
        """What was known by `until` (int64 nanoseconds)."""
        n = self._known(until)
        first, last = (str(pd.Timestamp(self._known_at[row], tz="UTC")) if n else "" for row in (0, n - 1))
        revisions = int(self._revised[:n].sum())
        return Vintage(n, revisions, first, last, ", ".join(self._by_year(n)))

    def _by_year(self, n: int) -> Iterator[str]:
        years = 1970 + self._known_at[:n].astype("datetime64[ns]").astype("datetime64[Y]").astype(int)
        for year in np.unique(years):
            first, end = np.searchsorted(years, [year, year + 1])
            yield f"{year} {self._sha256(first, end)[:SHORT]}"

    def _known(self, until: int) -> int:
        return int(self._known_at.searchsorted(until, side="right"))

    def _sha256(self, first: int, end: int) -> str:
        digest = hashlib.sha256()
        for name, (hashes, there) in self._columns.items():
            if there is None or there[first:end].any():
                digest.update(name.encode())
                digest.update(hashes[first:end].tobytes())
        return digest.hexdigest()

    @cached_property
    def _columns(self) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
        """Of each column a hash per row and, for one that may not be there, where it has a number."""
        times = self._frame.index.names
        return {
            str(name): (
                pd.util.hash_pandas_object(column, index=False).to_numpy(),
                column.notna().to_numpy() if self._sparse and name not in times else None,
            )
            for name, column in self._frame.reset_index().items()
        }

    @cached_property
    def _revised(self) -> np.ndarray:
        if "period" not in self._frame:
            return np.zeros(len(self._frame), bool)
        numbers = self._frame["value"].notna()
        return np.asarray(self._frame["period"].where(numbers).duplicated() & numbers)


class Vintages:
    """The rows of every input of a market, by need, each read when first asked for; what was answered is kept."""

    def __init__(self, rows: Callable[[str], Rows]) -> None:
        self._rows = rows
        self._read: dict[str, Rows] = {}
        self._hashes: dict[tuple[str, int], str] = {}
        self._told: dict[tuple[str, int], Mapping[str, Any]] = {}

    def sha256(self, need: str, until: int) -> str:
        """Of all that was known of `need` by `until` (int64 nanoseconds)."""
        key = need, until
        if key not in self._hashes:
            self._hashes[key] = self._of(need).sha256(until)
        return self._hashes[key]

    def summary(self, need: str, until: int) -> dict[str, Any]:
        """The Vintage of `need` by `until`, as plain values."""
        key = need, until
        if key not in self._told:
            self._told[key] = self._of(need).vintage(until).summary()
        return dict(self._told[key])

    def _of(self, need: str) -> Rows:
        if need not in self._read:
            self._read[need] = self._rows(need)
        return self._read[need]
