"""Rows that are only ever added, in batches: checksummed Parquet files under one folder.

00000003-00000017.parquet holds the batches 3 to 17 of the sequence. Writers take turns and number on; readers need no
lock. Small files are merged into one that covers their numbers before they are removed, and a file whose numbers
another one covers counts for nothing: whenever a writer is killed, each batch that `append` answered for is there, and
none is there twice. `data_cache.parquet` says why a kill never leaves a file that can't be read.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from data_cache import parquet
from data_cache.errors import DamagedFile, NotWritten
from data_cache.parquet import Provenance
from data_cache.store import alone

# Beyond FEW files, the MERGED neighbours with the fewest rows become one, but none of more than FULL rows: then each
# row is written a few times in all, and merging never takes much memory.
FEW = 32
MERGED = 16
FULL = 200_000
# So often is the folder listed again where writers merged files under a reader's hands.
ATTEMPTS = 20
# Holds the number of the newest batch, so that one that was taken away from the end is missed too.
NEWEST = ".newest"


@dataclass(frozen=True, order=True)
class Span:
    """A file with the batches `first` to `last`."""

    first: int
    last: int
    path: Path

    @property
    def rows(self) -> int:
        """How many rows it says to hold."""
        return parquet.provenance_at(self.path).rows


class Batches:
    """The batches under `folder`; every frame must have the same columns, and one of times for the provenance.

    name : what the rows are      times : the column that says when each was added
    """

    def __init__(self, folder: Path, name: str, times: str) -> None:
        self.folder = folder
        self._name = name
        self._times = times

    def append(self, rows: pd.DataFrame) -> None:
        """Add a batch; once this returns, it is on the disk for good.

        Raises NotWritten where the disk does not take it; then nothing of it is there.
        """
        with alone(self.folder):
            spans = self._spans()
            number = max(spans[-1].last if spans else 0, self._noted()) + 1
            self._write(number, number, rows)
            with suppress(OSError):  # it serves to miss what is taken away, and no more
                (self.folder / NEWEST).write_text(str(number))
            # Neither says anything of the batch: what is damaged is told to those who read, what is full to the next.
            with suppress(DamagedFile, NotWritten):
                self._tidy()

    def read(self, columns: Sequence[str]) -> pd.DataFrame | None:
        """These columns of all rows, in the order in which they were added; None where there is none.

        Raises DamagedFile, naming the file, where the bytes are not those that were written.
        """
        for last in range(ATTEMPTS, -1, -1):
            try:
                frames = [_read(span.path, columns) for span in self._spans()]
                return pd.concat(frames, ignore_index=True) if frames else None
            except FileNotFoundError:  # merged into another since it was listed
                if not last:
                    raise
        return None

    def missing(self) -> list[tuple[int, int]]:
        """The numbers, first and last, of batches that were added and are no longer there."""
        spans = self._spans()
        ends = [0, *(span.last for span in spans)]
        gaps = [(end + 1, s.first - 1) for end, s in zip(ends, spans, strict=False) if s.first > end + 1]
        return gaps + ([(ends[-1] + 1, self._noted())] if self._noted() > ends[-1] else [])

    def _noted(self) -> int:
        """The number of the newest batch that was noted; 0 where nothing is."""
        with suppress(OSError, ValueError):
            return int((self.folder / NEWEST).read_text())
        return 0

    def _spans(self) -> list[Span]:
        """The files that count, in order."""
        found: list[Span] = []
        for span in sorted(self._files(), key=lambda span: (span.first, -span.last)):
            if not found or span.last > found[-1].last:
                found.append(span)
        return found

    def _files(self) -> Iterable[Span]:
        for path in self.folder.glob("*.parquet"):
            first, _, last = path.stem.partition("-")
            if first.isdecimal() and last.isdecimal():
                yield Span(int(first), int(last), path)

    def _write(self, first: int, last: int, rows: pd.DataFrame) -> None:
        times = rows[self._times]
        newest = times.max()
        about = Provenance(self._name, len(rows), times.min(), newest, known_until=newest, fetches=())
        parquet.write(self.folder / f"{first:08}-{last:08}.parquet", rows, about)

    def _tidy(self) -> None:
        """Remove what counts for nothing, and merge small files where there are many."""
        spans = self._spans()
        self._keep(spans)
        merged = _smallest(spans) if len(spans) > FEW else []
        if merged:
            frames = [parquet.read(span.path)[0] for span in merged]
            self._write(merged[0].first, merged[-1].last, pd.concat(frames, ignore_index=True))
            self._keep(self._spans())

    def _keep(self, spans: Sequence[Span]) -> None:
        """Remove every file but these, rows before what is said of them."""
        kept = {span.path.stem for span in spans}
        for kind in ("*.parquet", "*.json", ".*.tmp"):
            for path in self.folder.glob(kind):
                stem = path.name.removeprefix(".").partition(".")[0]
                if stem not in kept and stem.replace("-", "").isdecimal():
                    path.unlink()


def _smallest(spans: Sequence[Span]) -> Sequence[Span]:
    """Of MERGED neighbours those with the fewest rows; none where even they have more than FULL."""
    rows = [span.rows for span in spans]
    starts = range(len(spans) - MERGED + 1)
    start = min(starts, key=lambda start: sum(rows[start : start + MERGED]))
    return spans[start : start + MERGED] if sum(rows[start : start + MERGED]) <= FULL else []


def _read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    try:
        return parquet.read(path, columns)[0]
    except DamagedFile as error:
        finding = str(error).removeprefix(f"{path} is damaged: ").partition("; delete it")[0]
        raise DamagedFile(
            f"{path} is damaged: {finding}; put a copy of it in its place, or take it away and go on without what it "
            "recorded, which ebbtide ledger will then call missing"
        ) from error
