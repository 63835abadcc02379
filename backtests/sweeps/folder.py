"""The folder of a sweep: its chunks as they come, what it takes to go on with it, and its final table.

sweep.json                 all that decides the results, written first
chunks/<task>-*.parquet    the trials of a task, see backtests.sweeps.stored_chunk
trials.parquet             the table of all trials, written last

Trials are numbered through all tasks, in the order of the tasks' numbers. Every file is put in place in one step, and
one sweep at a time writes here: whenever it is killed, each chunk that `keep` answered for is there, whole.
"""

import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import filelock
import numpy as np
import pandas as pd

from backtests.sweeps.stored_chunk import StoredChunk, encoded, key
from backtests.sweeps.stored_returns import StoredReturns
from backtests.sweeps.sweep_record import SweepRecord
from backtests.sweeps.trial_table import PROBLEM, trial_table
from backtests.sweeps.trials import MEASURES, Chunk, Task
from data_cache import parquet
from data_cache.errors import BadUsage, DamagedFile, EbbtideError, NoData, NotWritten

RECORD = "sweep.json"
TABLE = "trials.parquet"
CHUNKS = "chunks"
LOCK = ".lock"
# What a sweep that was killed before it wrote its record may leave.
LEFT = {LOCK, ".sweep.tmp"}
# Bytes of a trial besides its returns, in a chunk and in the table together, generously.
BESIDES = 2 * (8 * len(MEASURES) + 200)


class SweepFolder:
    """A sweep on the disk; leaving it as a context, or `close`, lets another sweep in, while reading stays possible.

    about : what decides the results, as stored: its "chunk" is how many trials each task has
    notices : sentences on files that were there and do not count
    """

    def __init__(self, path: Path, record: SweepRecord, days: pd.DatetimeIndex, lock: filelock.BaseFileLock) -> None:
        self.path = path
        self.about = record.about
        self.notices: list[str] = []
        self._record = record
        self._of = record.decisive
        self._days = days
        self._lock = lock
        self._counted: set[StoredChunk] = set()
        self._stored: defaultdict[tuple[int, str], set[StoredChunk]] = defaultdict(set)
        for chunk in _stored_chunks(path):
            self._stored[chunk.number, chunk.key].add(chunk)

    @classmethod
    def open(
        cls, path: Path, about: Mapping[str, Any], names: Sequence[str], days: pd.DatetimeIndex, resume: bool
    ) -> Self:
        """Begin a sweep at `path`, or go on with the one that is there where `resume`.

        about : JSON-able, all that decides the results, by name: hashes of "data" by need and of "code" by class,
        "trials", ...; and "chunk", of which the stored one counts      names : of the parameters

        Raises BadUsage, before anything is written, where the folder holds what this is not: a sweep without `resume`,
        one of other data or code, other files; EbbtideError where another sweep writes there; DamagedFile where
        sweep.json is not as it was written. With `resume` and nothing there, it begins.
        """
        record = SweepRecord.of(about, names, days)
        _refuse_other_files(path)
        lock = _locked(path)
        try:
            if (path / RECORD).exists():
                record = _continued(path, record, resume)
            else:
                _written(path / RECORD, record.write)
            _written(path / CHUNKS, _clear)
            return cls(path, record, days, lock)
        except BaseException:
            lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let another sweep in; all questions can still be asked."""
        self._lock.release()

    def kept(self, task: Task) -> bool:
        """Whether the chunk of a task is there, whole; a damaged one is not, and `notices` tells of it."""
        damaged = []
        for chunk in sorted(self._chunks_of(task)):
            try:
                self._count(chunk)
                self._only(chunk)
                return True
            except DamagedFile as error:
                damaged.append(str(error).partition("; run the same sweep")[0])
        self.notices += [f"{finding}; its trials are run again" for finding in damaged]
        return False

    def keep(self, task: Task, chunk: Chunk) -> None:
        """Put the chunk of a task on the disk for good; the ledger must have its records by then.

        Raises NotWritten where the disk does not take it; then nothing of it is there, and all others are.
        """
        expected = (len(self._days), len(task.trials))
        if chunk.returns.shape != expected or len(chunk) != len(task.trials):
            raise ValueError(f"returns must have the shape {expected}, days and trials; found {chunk.returns.shape}")
        content = encoded(task, chunk, self._record.names)
        stored = StoredChunk.of(self.path / CHUNKS, task.number, self._key(task), content)
        _written(stored.path, lambda path: parquet.replace(path, content))
        self._counted.add(stored)
        self._only(stored)

    def measures(self, task: Task) -> Mapping[str, np.ndarray]:
        """MEASURES by name of a task that is kept, float64 of shape (n_trials,); NoData for another task."""
        for chunk in self._chunks_of(task):
            if chunk in self._counted:
                return chunk.columns(MEASURES)
        raise NoData(f"the trials of task {task.number} are not in {self.path}; run them first")

    def table(self) -> pd.DataFrame:
        """A row per trial, index "trial": parameters, MEASURES, "problem"; see `trial_table`.

        NoData where trials between others are missing, DamagedFile where bytes are not those that were written.
        """
        names = ["parameters", *MEASURES, PROBLEM]
        return trial_table(self._record.names, (chunk.columns(names) for chunk in self._in_order()))

    def returns(self) -> StoredReturns:
        """The daily returns of all trials without a problem; raises as `table` does."""
        chunks = self._in_order()
        without = [np.array([not told for told in chunk.columns([PROBLEM])[PROBLEM]], bool) for chunk in chunks]
        firsts = np.cumsum([0, *map(len, without)], dtype=np.int64)[:-1]
        numbers = np.flatnonzero(np.concatenate([np.empty(0, bool), *without])).astype(np.int64)
        return StoredReturns(self._days, numbers, tuple(chunks), firsts)

    def finish(self, table: pd.DataFrame) -> None:
        """Write the final table; equal tables make equal bytes. Raises NotWritten where the disk does not take it."""
        content = parquet.encoded(table.reset_index())
        _written(self.path / TABLE, lambda path: parquet.replace(path, content))

    def _key(self, task: Task) -> str:
        return key(self._of, task, self._record.names)

    def _chunks_of(self, task: Task) -> set[StoredChunk]:
        return self._stored[task.number, self._key(task)]

    def _count(self, chunk: StoredChunk) -> None:
        """Let it count; DamagedFile where it is not as it was written."""
        if chunk not in self._counted:
            chunk.check()
            self._counted.add(chunk)

    def _is_own(self, chunk: StoredChunk) -> bool:
        chunk.check()
        return chunk.is_of(self._of, self._record.names)

    def _only(self, chunk: StoredChunk) -> None:
        """Remove what else there is of the same task: damaged files in whose place this one is."""
        for other in self._stored[chunk.number, chunk.key] - {chunk}:
            other.path.unlink(missing_ok=True)
            self._counted.discard(other)
        self._stored[chunk.number, chunk.key] = {chunk}

    def _in_order(self) -> list[StoredChunk]:
        """All chunks that count, by the number of their task."""
        numbers = {chunk.number for chunk in self._counted}
        for chunk in sorted(set().union(*self._stored.values()) - self._counted):
            if chunk.number not in numbers and self._is_own(chunk):
                self._counted.add(chunk)
            else:
                self.notices.append(f"{chunk.path} is of other trials, data or code, and does not count")
        found = sorted(self._counted)
        if [chunk.number for chunk in found] != list(range(len(found))):
            raise NoData(f"{self.path} lacks trials between others that it has; add --resume to run them")
        return found


def require_room(path: Path, trials: int, n_days: int) -> None:
    """Raise BadUsage where the disk of `path` may be too small for a sweep of so many trials over so many days.

    What they need is known after compression only; this counts them without it, and not those that are there.
    """
    more = max(trials - _trials(path), 0)
    needed = more * (4 * n_days + BESIDES)
    free = shutil.disk_usage(next(place for place in [path, *path.absolute().parents] if place.is_dir())).free
    if needed > free:
        fit = trials - more + free // (4 * n_days + BESIDES)
        fewer = f", or search fewer trials, as with --search random --trials {fit}" if fit else ""
        raise BadUsage(
            f"{more:,} trials over {n_days:,} days can need {_size(needed)} in {path}, whose disk has {_size(free)} "
            f"left; make room, or name a folder on another disk with --out{fewer}"
        )


def _size(count: int) -> str:
    scale, unit = next(((scale, unit) for scale, unit in ((1e9, "GB"), (1e6, "MB")) if count >= scale), (1e3, "kB"))
    return f"{count / scale:,.1f} {unit}"


def _refuse_other_files(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise BadUsage(f"{path} is a file; --out names a folder")
    if path.is_dir() and not (path / RECORD).exists() and {entry.name for entry in path.iterdir()} - LEFT:
        raise BadUsage(
            f"{path} holds files but no {RECORD}: it is not the folder of a sweep; name a new one with --out"
        )


def _locked(path: Path) -> filelock.BaseFileLock:
    """The lock of the folder, which is made if need be; held by the only sweep that writes there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadUsage(
            f"the folder {path} could not be made: {error.strerror or error}; name another one with --out"
        ) from None
    lock = filelock.FileLock(path / LOCK, timeout=0, thread_local=False)
    _written(path / LOCK, lambda _: _acquire(lock, path))
    return lock


def _acquire(lock: filelock.BaseFileLock, path: Path) -> None:
    try:
        lock.acquire()
    except filelock.Timeout:  # an OSError too, but no fault of the disk
        raise EbbtideError(
            f"{path} is in use by another sweep; wait until that has ended, or name another folder with --out"
        ) from None


def _continued(path: Path, record: SweepRecord, resume: bool) -> SweepRecord:
    """The record that is there; BadUsage where it is not to be gone on with, or is another sweep's."""
    stored = SweepRecord.read(path / RECORD)
    if not resume:
        have, of = _trials(path), stored.about.get("trials")
        what, cure = f"an unfinished sweep, {have:,} of {of or '?':,} trials", "go on with it"
        if (path / TABLE).exists():
            what, cure = f"a finished sweep of {have:,} trials", "show it again"
        raise BadUsage(f"{path} holds {what}; add --resume to {cure}, or name another folder with --out")
    if told := stored.differences(record):
        raise BadUsage(
            f"{path} holds another sweep than this one, so it can't be resumed: {told}; name another folder with --out"
        )
    return stored


def _stored_chunks(path: Path) -> list[StoredChunk]:
    found = map(StoredChunk.named, (path / CHUNKS).glob("*.parquet"))
    return [chunk for chunk in found if chunk]


def _trials(path: Path) -> int:
    """How many trials its chunks say to hold; a damaged one says nothing."""
    total = 0
    for chunk in _stored_chunks(path):
        with suppress(DamagedFile):
            total += chunk.trials
    return total


def _clear(chunks: Path) -> None:
    """Make the folder of chunks, and remove what a killed writer left half-written."""
    chunks.mkdir(exist_ok=True)
    for left in [*chunks.glob(".*.tmp"), *(chunks.parent / name for name in (".sweep.tmp", ".trials.tmp"))]:
        left.unlink(missing_ok=True)


def _written(path: Path, write: Callable[[Path], object]) -> None:
    try:
        write(path)
    except OSError as error:
        raise NotWritten(
            f"{path} could not be written: {error.strerror or error}; every chunk that was kept is whole: make room "
            "or get leave to write there, then go on with --resume"
        ) from None
