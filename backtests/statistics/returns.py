"""Returns as arrays: what the statistics of sweeps ask of them, and the metrics of one column.

A row per bar, a column per trial, simple returns as fractions. No statistic here accepts NaN: a bar without a return
is no bar of the tape, and a trial without returns is no trial, so a hole is a mistake and is told as one.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from data_cache.errors import BadData

# Deviations smaller than this part of the largest return are rounding: such a curve is a straight line.
ROUNDING = 1e-12
# What a statistic works on at a time, beside the returns themselves, which may be a memory-mapped file.
BLOCK_BYTES = 8_000_000


class TrialReturns(Protocol):
    """Returns of many trials, read some at a time and as often as needed: those of a sweep on disk, or `InMemory`."""

    @property
    def numbers(self) -> np.ndarray:
        """Of the trials, int64, shape (n_trials,), ascending."""

    def blocks(self) -> Iterator[np.ndarray]:
        """Arrays of shape (n_bars, some trials), which together are all of `numbers` in its order."""

    def take(self, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        """The returns of these trials, shape (n_bars, len(numbers)), in this order."""


class InMemory:
    """An array of shape (n_bars, n_trials) as TrialReturns, `width` trials a block; numbers count its columns."""

    def __init__(self, returns: ArrayLike, width: int = 1_000) -> None:
        array = as_trials(returns)
        self._array = array if array.dtype == np.float32 else array.astype(float, copy=False)
        self._width = width
        self.numbers = np.arange(self._array.shape[1])

    def blocks(self) -> Iterator[np.ndarray]:
        """The columns, `width` at a time."""
        for start in range(0, len(self.numbers), self._width):
            yield self._array[:, start : start + self._width]

    def take(self, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        """Some columns."""
        return self._array[:, np.asarray(numbers, int)]


def checked_blocks(returns: TrialReturns, rows: int = 0) -> Iterator[tuple[slice, np.ndarray]]:
    """Positions in `numbers`, and the returns of these trials, shape (n_bars, some trials).

    rows : of what will be made of a block, where these are more than its bars, so that it stays small too
    Raises BadData as `as_trials` does, and where the blocks do not hold as many trials as there are numbers.
    """
    start = 0
    for block in returns.blocks():
        for columns in column_blocks(max(rows, len(block)), block.shape[1]):
            part = block[:, columns]
            where = slice(start, start + part.shape[1])
            _require_returns(part, returns.numbers[where])
            yield where, part
            start = where.stop
    if start != len(returns.numbers):
        raise BadData(f"the returns are of {start} trials and their numbers of {len(returns.numbers)}")


def spread(n_trials: int, most: int, seed: int) -> np.ndarray:
    """Positions of at most `most` trials, one at random from each of as many equal stretches; ascending.

    A grid repeats itself, and every so manieth of its trials may be those with one value of a parameter.
    """
    count = min(most, n_trials)
    edges = np.arange(count + 1) * n_trials // count
    return np.random.default_rng(seed).integers(edges[:-1], edges[1:])


def as_trials(returns: ArrayLike) -> np.ndarray:
    """`returns` as an array of shape (n_bars, n_trials), not copied; a single column may come as a vector.

    Raises BadData for NaN or infinity, for a loss of more than everything, and for fewer than two bars.
    """
    array = np.asarray(returns)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or array.shape[0] < 2 or array.shape[1] < 1:
        raise BadData(f"returns must have two bars or more and a column per trial; found the shape {array.shape}")
    for columns in column_blocks(*array.shape):
        _require_returns(array[:, columns], np.arange(columns.start, columns.stop))
    return array


def one_trial(returns: ArrayLike) -> np.ndarray:
    """The returns of one trial as a vector of float64, shape (n_bars,); raises BadData as `as_trials` does."""
    array = as_trials(returns)
    if array.shape[1] != 1:
        raise BadData(f"expected the returns of one trial; found {array.shape[1]} columns: pass one of them")
    return array[:, 0].astype(float)


def column_blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices that cover `columns` and hold at most BLOCK_BYTES each as float64 of `rows` rows (one column at least)."""
    width = max(1, BLOCK_BYTES // (8 * rows))
    for start in range(0, columns, width):
        yield slice(start, min(start + width, columns))


def sharpe(excess: np.ndarray, bars_per_year: float) -> float:
    """Mean over standard deviation of `excess` returns, shape (n_bars,), times the root of the bars per year.

    Sharpe 1994, as `metrics.sharpe`. NaN for returns that do not vary.
    """
    deviation = excess.std(ddof=1)
    if deviation <= ROUNDING * np.abs(excess).max():
        return float("nan")
    return float(excess.mean() / deviation * np.sqrt(bars_per_year))


def cagr(returns: np.ndarray, bars_per_year: float) -> float:
    """Compound annual growth rate: the product of 1 + returns, to the power of 1 / years, minus 1.

    years = n_bars / bars_per_year. -1 once everything is lost.
    """
    if returns.min() <= -1:
        return -1.0
    return float(np.expm1(np.log1p(returns).sum() * bars_per_year / len(returns)))


def max_drawdown(returns: np.ndarray) -> float:
    """The largest fraction of equity lost since an earlier peak, a positive fraction in [0, 1]."""
    equity = np.cumprod(np.append(1.0, 1 + returns))
    return float((1 - equity / np.maximum.accumulate(equity)).max())


def _require_returns(block: np.ndarray, numbers: np.ndarray) -> None:
    bad = ~np.isfinite(block)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise BadData(
            f"the return of trial {numbers[column]} at bar {row} is {block[row, column]}; every trial needs a return "
            "at every bar: leave out trials that failed, and cut all to the bars that they share"
        )
    if block.min() < -1:
        row, column = (int(i) for i in np.argwhere(block < -1)[0])
        raise BadData(
            f"the return of trial {numbers[column]} at bar {row} is {block[row, column]:g}, a loss of more than "
            "everything; returns are fractions, not percent"
        )
