"""One chunk of trials as one Parquet file, whose name says what is in it.

000003-<key>-<checksum>.parquet holds the trials of task 3. The key stands for the trials and for all that decides
what comes of them; the checksum is of the bytes of the file. A row is a trial: its parameters as JSON, MEASURES, the
problem, and the returns of all days as one binary value (float32, little-endian).

Returns are split by byte and day before zstd: neighbours in a grid hold the same things on most days, so that the same
byte of the same day repeats from trial to trial. That takes a tenth of the plain size for rules that are often in cash.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backtests.sweeps.grid import Parameters
from backtests.sweeps.trials import MEASURES, Chunk, Task
from data_cache.errors import DamagedFile

# So many trials are compressed together: more make a smaller file, fewer make a few of them faster to read.
GROUP = 250
DIGITS = 16
NAME = re.compile(rf"(\d{{6,}})-([0-9a-f]{{{DIGITS}}})-([0-9a-f]{{{DIGITS}}})\.parquet")
FLOAT = np.dtype("<f4")
FEW_DAYS = 64


def key(of: str, task: Task, names: Sequence[str]) -> str:
    """What identifies the trials of a task, 16 hexadecimal digits; `of` tells what else decides what comes of them."""
    return _key(of, _window(task), task.trials, names)


def plain(value: Any) -> Any:
    """What JSON holds of a value that it does not know."""
    return value.item() if isinstance(value, np.generic) else repr(value)


ENCODER = json.JSONEncoder(default=plain)


def encoded(task: Task, chunk: Chunk, names: Sequence[str]) -> bytes:
    """The file of a chunk; equal chunks make equal bytes."""
    width = len(chunk.returns) * FLOAT.itemsize
    returns = [None, pa.py_buffer(_transposed(chunk.returns).data)]
    texts = [ENCODER.encode({name: trial[name] for name in names}) for trial in task.trials]
    columns = {
        "parameters": pa.array(texts, pa.string()),
        **{name: pa.array(np.asarray(chunk.measures[name], float)) for name in MEASURES},
        "problem": pa.array(list(chunk.problems), pa.string()),
        "returns": pa.Array.from_buffers(pa.binary(width), len(chunk), returns),
    }
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.table(columns, metadata={"window": _window(task)}),
        sink,
        row_group_size=GROUP,
        compression="zstd",
        compression_level=1,
        use_dictionary=False,
        column_encoding={"returns": "BYTE_STREAM_SPLIT"},
        write_statistics=False,
        write_page_checksum=True,
    )
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


@dataclass(frozen=True, order=True)
class StoredChunk:
    """A chunk on the disk.

    number : of its task      key, checksum : 16 hexadecimal digits each

    Every read raises DamagedFile, naming the file, where the bytes are not those that were written.
    """

    number: int
    key: str
    checksum: str
    folder: Path

    @classmethod
    def of(cls, folder: Path, number: int, key: str, content: bytes) -> Self:
        """Where `content` belongs."""
        return cls(number, key, _digits(content), folder)

    @classmethod
    def named(cls, path: Path) -> Self | None:
        """The chunk that a file is by its name; None for another file."""
        found = NAME.fullmatch(path.name)
        return cls(int(found[1]), found[2], found[3], path.parent) if found else None

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder / f"{self.number:06}-{self.key}-{self.checksum}.parquet"

    @property
    def trials(self) -> int:
        """How many trials it says to hold."""
        with self._opened() as file:
            return int(file.metadata.num_rows)

    def check(self) -> None:
        """Raise DamagedFile unless every byte is as it was written; what is read later is checked page by page."""
        try:
            found = _digits(self.path.read_bytes())
        except OSError as error:
            raise self._damaged(str(error.strerror)) from error
        if found != self.checksum:
            raise self._damaged(f"expected the sha256 {self.checksum}, found {found}")

    def is_of(self, of: str, names: Sequence[str]) -> bool:
        """Whether its key is that of its trials under what `of` tells."""
        with self._opened() as file:
            window = file.schema_arrow.metadata[b"window"].decode()
            texts = file.read(["parameters"], use_threads=False)["parameters"].to_pylist()
        trials = [json.loads(text) for text in texts]
        return _key(of, window, trials, names) == self.key

    def columns(self, names: Sequence[str]) -> Mapping[str, Any]:
        """These columns: arrays of numbers, lists of texts."""
        with self._opened() as file:
            table = file.read(list(names), use_threads=False)
        return {
            name: table[name].to_numpy() if pa.types.is_floating(table[name].type) else table[name].to_pylist()
            for name in names
        }

    def returns(self, rows: np.ndarray) -> np.ndarray:
        """Of the trials at these positions, float32 of shape (n_days, len(rows))."""
        of = rows // GROUP
        with self._opened() as file:
            width = file.schema_arrow.field("returns").type.byte_width
            found = np.empty((len(rows), width // FLOAT.itemsize), FLOAT)
            for group in np.unique(of):
                column = file.read_row_group(group, ["returns"], use_threads=False)["returns"]
                found[of == group] = _floats(column.combine_chunks())[rows[of == group] % GROUP]
        return found.T

    @contextmanager
    def _opened(self) -> Iterator[pq.ParquetFile]:
        try:
            with pq.ParquetFile(self.path, page_checksum_verification=True, pre_buffer=False) as file:
                yield file
        except Exception:  # of whatever kind: a flipped bit can make pyarrow raise anything
            self.check()
            raise

    def _damaged(self, finding: str) -> DamagedFile:
        return DamagedFile(
            f"{self.path} is damaged: {finding}; run the same sweep again with --resume: these trials are then run "
            "again, and all others are kept"
        )


def _key(of: str, window: str, trials: Sequence[Parameters], names: Sequence[str]) -> str:
    values = ENCODER.encode([[trial[name] for name in names] for trial in trials])
    return _digits("\n".join([of, window, values]).encode())


def _window(task: Task) -> str:
    return json.dumps([str(end) for end in task.window] if task.window else None)


def _digits(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]


def _transposed(returns: np.ndarray) -> np.ndarray:
    """As rows of trials, a few days at a time: ten times as fast as all at once, for what memory caches hold."""
    found = np.empty(returns.shape[::-1], FLOAT)
    for start in range(0, len(returns), FEW_DAYS):
        found[:, start : start + FEW_DAYS] = returns[start : start + FEW_DAYS].T
    return found


def _floats(part: pa.FixedSizeBinaryArray) -> np.ndarray:
    """The values of a binary column, shape (n_trials, n_days)."""
    width = part.type.byte_width
    return np.frombuffer(part.buffers()[1], FLOAT, len(part) * width // 4, part.offset * width).reshape(len(part), -1)
