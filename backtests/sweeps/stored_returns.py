"""Daily returns of a sweep, read from its chunks some trials at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtests.sweeps.stored_chunk import StoredChunk
from data_cache.errors import NoData


@dataclass(eq=False)
class StoredReturns:
    """Excess returns over UTC days of the trials that have no problem; never more than one chunk is in memory.

    numbers : of these trials, int64, ascending      chunks : in the order of their trials
    firsts : number of the first trial of each chunk

    Every read raises DamagedFile, naming the file, where the bytes are not those that were written.
    """

    days: pd.DatetimeIndex
    numbers: np.ndarray
    chunks: tuple[StoredChunk, ...]
    firsts: np.ndarray

    def blocks(self) -> Iterator[np.ndarray]:
        """Arrays of shape (n_days, some trials), float32, which together are all of `numbers` in its order."""
        bounds = np.append(np.searchsorted(self.numbers, self.firsts), len(self.numbers))
        for chunk, first, start, end in zip(self.chunks, self.firsts, bounds[:-1], bounds[1:], strict=True):
            if start < end:
                yield chunk.returns(self.numbers[start:end] - first)

    def take(self, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        """The returns of these trials, float32 of shape (n_days, len(numbers)), in this order.

        NoData for a trial that is not among `self.numbers`. Only the chunks that hold one of them are read.
        """
        asked = np.asarray(numbers, np.int64)
        unknown = asked[~np.isin(asked, self.numbers)]
        if len(unknown):
            raise NoData(f"trial {unknown[0]} has no returns: it had a problem, or there is no such trial")
        found = np.empty((len(asked), len(self.days)), np.float32)
        within = np.searchsorted(self.firsts, asked, side="right") - 1
        for place in np.unique(within):
            here = within == place
            found[here] = self.chunks[place].returns(asked[here] - self.firsts[place]).T
        return found.T
