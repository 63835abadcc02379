"""What goes to a worker and what comes back: the world that all trials share, tasks of some trials each, chunks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from backtests.execution import Execution
from backtests.metrics import days_of
from backtests.source_code import Sources
from backtests.sweeps.grid import Parameters
from backtests.tape import CASH, Tape
from data_cache.market import Market
from strategies.strategy import Strategy

# Of each trial, by the names of backtests.metrics.METRICS and of backtests.ledger.SCORES; NaN where undefined.
MEASURES = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
    "exposure",
    "turnover",
    "costs_paid",
    "decisions",
    "fills",
    "final_equity",
    "mean",
    "deviation",
    "skewness",
    "kurtosis",
)


def ruined(measures: Mapping[str, Any]) -> np.ndarray:
    """Which trials a liquidation left nothing; shape (n_trials,). Nothing else loses exactly everything."""
    return np.asarray(measures["total_return"], float) <= -1


# What is told that so much of so much is done.
Watching = Callable[[int, int], None]


def unwatched(done: int, total: int) -> None:
    """Watch nothing."""


@dataclass(frozen=True)
class World:
    """What all trials of a sweep share; it goes to each worker once.

    base : the strategy of which every trial is a variant      tape : of all assets that any of them trades
    sources : of the code of the trials, where a worker may not have the files
    """

    base: Strategy
    market: Market
    tape: Tape
    execution: Execution
    sources: Sources | None = None


@dataclass(frozen=True)
class Task:
    """Some trials to run.

    number : of the task in its sweep, from 0      trials : a parameter set each
    window : first bar opens at or after, last bar ends by (UTC); None for all of the world's tape
    """

    number: int
    trials: Sequence[Parameters]
    window: tuple[pd.Timestamp, pd.Timestamp] | None = None


@dataclass(frozen=True)
class Chunk:
    """What came of the trials of a task, in their order.

    measures : MEASURES by name, each float64 of shape (n_trials,)
    returns : excess returns over cash of the days of the tape, float32 of shape (n_days, n_trials); 0 throughout for a
    trial with a problem
    problems : why a trial has no measures, such as a signal without a value; "" where it has them
    records : for the ledger, a row per trial, all but `when`
    """

    measures: Mapping[str, np.ndarray]
    returns: np.ndarray
    problems: Sequence[str]
    records: pd.DataFrame

    def __len__(self) -> int:
        return len(self.problems)


class Runner(Protocol):
    """What runs tasks in the process that it is in."""

    def run(self, task: Task) -> Chunk:
        """Run every trial of `task`. Raises EbbtideError for a parameter set that no trial can be made of."""


class DailyReturns(Protocol):
    """Excess returns over UTC days of the trials of a sweep, read some trials at a time, so that memory stays bounded.

    Trials with a problem are left out. `numbers` says which trials there are: int64, shape (n_trials,), ascending.
    """

    days: pd.DatetimeIndex
    numbers: np.ndarray

    def blocks(self) -> Iterator[np.ndarray]:
        """Arrays of shape (n_days, some trials), float32, which together are all of `numbers` in its order."""

    def take(self, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        """The returns of these trials, float32 of shape (n_days, len(numbers)), in this order."""


class Days:
    """The UTC days of a tape, and returns over them. Bars of a day are shorter than it, or one of them is the day.

    days : the first midnight of each, shape (n_days,)
    """

    def __init__(self, tape: Tape) -> None:
        stamps = days_of(tape.known_at)
        self._last = np.flatnonzero(np.append(stamps[1:] != stamps[:-1], True))
        self.days = stamps[self._last]
        deposit = tape.closes[CASH].to_numpy()[self._last] if CASH in tape.closes else np.ones(len(self._last))
        self._kept = deposit / np.append(1.0, deposit[:-1])

    def excess(self, equity: np.ndarray, capital: float) -> np.ndarray:
        """Excess returns of the days, shape (n_days, n_trials), of equity at bar ends, shape (n_trials, n_bars)."""
        ends = equity[:, self._last]
        returns = np.empty_like(ends)
        np.divide(ends[:, :1], capital, out=returns[:, :1])
        with np.errstate(invalid="ignore"):
            np.divide(ends[:, 1:], ends[:, :-1], out=returns[:, 1:])
        returns[:, 1:][ends[:, :-1] <= 0] = 1.0  # from nothing to nothing
        returns -= self._kept
        return returns.T
