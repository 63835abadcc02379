"""What an asset returned after a moment: from the next open to the close so much later.

Nothing before the entry is in a return, and the entry is an open at or after the moment: what a trader could have had,
before costs. Returns are simple.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtests.tape import Tape

# A bar that opens later than this after an event is no entry: the market was closed, or the record begins later.
LONGEST_WAIT = pd.Timedelta(days=1)
NOWHERE = -1


@dataclass(frozen=True)
class Prices:
    """Opens and closes of one asset.

    open_times, close_times : int64 ns, ascending, shape (n_bars,)      opens, closes : shape (n_bars,)
    """

    open_times: np.ndarray
    close_times: np.ndarray
    opens: np.ndarray
    closes: np.ndarray

    @classmethod
    def of(cls, tape: Tape, asset: str) -> "Prices":
        """The prices of `asset` on the tape."""
        return cls(tape.open_times, tape.known_at.asi8, tape.opens[asset].to_numpy(), tape.closes[asset].to_numpy())

    def closes_at(self, times: np.ndarray) -> np.ndarray:
        """The last close at or before each of `times` (int64 ns); NaN before the first and after the last one."""
        row = self.close_times.searchsorted(times, side="right") - 1
        known = (row >= 0) & (times <= self.close_times[-1])
        return np.where(known, self.closes[row.clip(min=0)], np.nan)

    def forward(self, horizon: pd.Timedelta) -> np.ndarray:
        """The return from the open of each bar to the close `horizon` later, shape (n_bars,).

        formula : close at open_time + horizon / open - 1. The close is that of the last bar ended by then. NaN where
        the record ends earlier, or no bar has ended since the entry.
        """
        until = self.open_times + horizon.value
        held = self.close_times.searchsorted(until, side="right") - 1 >= np.arange(len(self.opens))
        return np.where(held, self.closes_at(until) / self.opens - 1, np.nan)

    def around(self, offset: pd.Timedelta) -> np.ndarray:
        """The price `offset` from the open of each bar, relative to it, less 1, shape (n_bars,); 0 at no offset."""
        if offset == pd.Timedelta(0):
            return np.zeros(len(self.opens))
        return np.asarray(self.closes_at(self.open_times + offset.value) / self.opens - 1)


def entries(open_times: np.ndarray, known_at: np.ndarray, latency: pd.Timedelta) -> np.ndarray:
    """The bar at whose open each event is entered: the first to open at or after known_at + latency.

    open_times, known_at : int64 ns. -1 where none opens within a day of that.
    """
    ready = known_at + latency.value
    bar = open_times.searchsorted(ready, side="left")
    there = bar < len(open_times)
    soon = open_times[np.minimum(bar, len(open_times) - 1)] - ready <= LONGEST_WAIT.value
    return np.where(there & soon, bar, NOWHERE)
