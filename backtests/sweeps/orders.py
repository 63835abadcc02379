"""The orders of many trials, laid out before any of them is simulated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from backtests.execution import Execution
from backtests.simulate import target_sizes
from backtests.tape import CASH, Tape
from data_cache.errors import BadUsage


@dataclass(frozen=True)
class Orders:
    """The orders of many trials, one trial behind the other.

    offsets : int64, shape (n_trials + 1,); trial t has the orders from offsets[t] up to offsets[t + 1]
    rows : int64, shape (n_orders,); the bar that fills each, ascending within a trial
    sizes : float64, shape (n_orders, n_columns); fractions of equity by column of the tape, NaN for "leave it"
    """

    offsets: np.ndarray
    rows: np.ndarray
    sizes: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, trials: Sequence[int] | np.ndarray) -> "Orders":
        """The orders of the trials at these positions, in this order."""
        parts = [slice(self.offsets[trial], self.offsets[trial + 1]) for trial in trials]
        return pack([(self.rows[part], self.sizes[part]) for part in parts], self.sizes.shape[1])

    def check(self, bars: int, columns: int) -> None:
        """Raise BadUsage unless every order fills at a bar of such a tape, and a trial's in ascending order.

        Compiled code looks for nothing: an order outside the tape would fill at whatever lies there in memory.
        """
        count = len(self.rows)
        if self.sizes.shape != (count, columns):
            raise BadUsage(
                f"sizes must have the shape {(count, columns)}, orders and columns; found {self.sizes.shape}"
            )
        if (
            len(self.offsets) == 0
            or self.offsets[0] != 0
            or self.offsets[-1] != count
            or (np.diff(self.offsets) < 0).any()
        ):
            raise BadUsage(f"offsets must ascend from 0 to {count}, the number of orders; found {self.offsets!r:.80}")
        if count and not 0 <= self.rows.min() <= self.rows.max() < bars:
            found = f"{self.rows.min()} to {self.rows.max()}"
            raise BadUsage(f"rows must be bars of the tape, 0 to {bars - 1}; found {found}")
        begins = np.zeros(count + 1, bool)
        begins[self.offsets] = True
        if ((np.diff(self.rows) <= 0) & ~begins[1:-1]).any():
            raise BadUsage("rows must ascend within a trial, one order a bar; lay_out keeps the last decision of a bar")


def lay_out(at: np.ndarray, weights: np.ndarray, tape: Tape, execution: Execution) -> tuple[np.ndarray, np.ndarray]:
    """Rows and sizes of one trial's decisions: the rows of `simulate.order_sizes` that order something.

    at : int64 nanoseconds, ascending      weights : shape (len(at), n_assets), in the order of `tape.assets`
    """
    rows = execution.fill_rows(at, tape.open_times)
    last = np.ones(len(rows), bool)
    last[:-1] = rows[1:] != rows[:-1]
    filled = last & (rows < len(tape.open_times))
    rows, sizes = rows[filled], target_sizes(weights[filled], tape, execution)
    if CASH not in tape.opens or (len(rows) and rows[0] == 0):
        return rows, sizes
    deposit = np.where(tape.opens.columns == CASH, 1.0, np.nan)
    return np.append(0, rows), np.vstack([deposit, sizes])


def pack(trials: Iterable[tuple[np.ndarray, np.ndarray]], columns: int) -> Orders:
    """Rows and sizes of each trial, as `lay_out` gives them, one behind the other; `columns` of the tape."""
    every = list(trials)
    offsets = np.cumsum([0, *(len(rows) for rows, _ in every)], dtype=np.int64)
    rows = np.concatenate([np.empty(0, np.int64), *(rows for rows, _ in every)])
    return Orders(offsets, rows, np.concatenate([np.empty((0, columns)), *(sizes for _, sizes in every)]))
