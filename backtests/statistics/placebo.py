"""The placebo: the same decisions at the wrong time.

Decisions are rotated in time against prices, what falls off the end coming in at the start. A rotation keeps how often,
how long and how much the strategy holds, and what its turnover costs, and breaks only the link to what prices did next.
If many rotations do as well, the link earned nothing. For the best of a sweep, every rotation must choose its own best
of all trials: comparing the winner's decisions with rotations of themselves would forget that it was chosen.

The p-value, (1 + those at least as good) / (1 + rotations), counts the truth among the placebos, and so is never 0
(Davison and Hinkley, "Bootstrap methods and their application", 1997; Phipson and Smyth 2010).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtests.execution import Execution
from backtests.statistics.returns import BLOCK_BYTES, ROUNDING
from backtests.tape import Tape
from data_cache.errors import BadData, BadUsage


@dataclass(frozen=True)
class Placebo:
    """observed : the score at the right time      shifts : bars of each rotation      scores : at those, shape (n,)."""

    observed: float
    shifts: np.ndarray
    scores: np.ndarray

    @property
    def p_value(self) -> float:
        """(1 + number of placebos that score at least as much) / (1 + number of placebos).

        A placebo without a score (NaN) counts against the strategy; NaN where the strategy itself has none.
        """
        if np.isnan(self.observed):
            return float("nan")
        return (1 + int((~(self.scores < self.observed)).sum())) / (1 + len(self.scores))


def placebo(score: Callable[[int], float], n_bars: int, least: int, reps: int, seed: int) -> Placebo:
    """Score `reps` rotations of `n_bars`, chosen at random; `score(0)` is the truth.

    score : what is tested, of decisions rotated by so many bars (`rotated`); for a sweep the best over its trials
    least : rotations closer than this to 0 from either side are no placebos, for signals last; in bars
    """
    shifts = placebo_shifts(n_bars, least, reps, seed)
    return Placebo(float(score(0)), shifts, np.array([score(int(shift)) for shift in shifts], float))


def placebo_of_all(scores: np.ndarray, least: int, reps: int, seed: int) -> Placebo:
    """As `placebo`, for scores at every rotation, shape (n_bars,) or (n_bars, n_trials): the best trial of each.

    NaN of one trial is passed over where another has a score.
    """
    table = scores.reshape(len(scores), -1)
    best = np.where(np.isnan(table).all(axis=1), np.nan, np.where(np.isnan(table), -np.inf, table).max(axis=1))
    return placebo(lambda shift: float(best[shift]), len(best), least, reps, seed)


def placebo_shifts(n_bars: int, least: int, reps: int, seed: int) -> np.ndarray:
    """`reps` different rotations of `n_bars` from `least` to n_bars - least bars; all of them where there are fewer."""
    if least < 1 or reps < 1:
        raise BadUsage(f"least and reps must be one or more; found {least} and {reps}")
    possible = n_bars - 2 * least + 1
    if possible < 1:
        raise BadUsage(f"{n_bars} bars leave no rotation {least} bars from both ends; use a smaller `least`")
    rng = np.random.default_rng(seed)
    return np.asarray(least + np.sort(rng.choice(possible, size=min(reps, possible), replace=False)))


def rotated(decisions: pd.DataFrame, tape: Tape, execution: Execution, shift: int) -> pd.DataFrame:
    """`decisions`, target weights indexed by `at`, so that each fills `shift` bars later, around the end of the tape.

    The tape is a ring: what stands at its new end has stood at its new start. Before its first decision a book is in
    cash; where that stretch comes to lie after another, a decision to hold nothing begins it. Decisions that no bar
    fills are left out.
    """
    if decisions.isna().to_numpy().any():
        raise BadData("a decision holds NaN; decisions are targets, and no decision is no row")
    rows, weights = _filled(decisions, tape, execution)
    n_bars = len(tape.open_times)
    shift %= n_bars
    if shift == 0 or len(rows) == 0:
        return _stamped(rows, weights, decisions, tape, execution)
    if rows[0] > 0:
        rows, weights = np.append(0, rows), np.vstack([np.zeros(weights.shape[1]), weights])
    moved = (rows + shift) % n_bars
    order = np.argsort(moved)
    moved, weights = moved[order], weights[order]
    if moved[0] > 0:
        moved, weights = np.append(0, moved), np.vstack([weights[-1], weights])
    return _stamped(moved, weights, decisions, tape, execution)


def rotated_sharpes(weights: np.ndarray, returns: np.ndarray) -> np.ndarray:
    """The Sharpe ratio per bar of every trial at every rotation, shape (n_bars, n_trials); row s is rotated by s bars.

    weights : held over each bar, shape (n_bars, n_trials, n_columns)      returns : of each column, excess, shape
    (n_bars, n_columns); the book of rotation s earns Σ weights[t - s] returns[t] in bar t. Costs are one more column:
    the costs of each bar as its weight, -1 as its return. Weights are held, not drifting, and money is not compounded,
    so this is a fast look at all rotations, not a simulation. NaN where nothing varies.

    Sums over all rotations are circular correlations, by Fourier transforms: n log n instead of n².
    """
    if weights.ndim != 3 or weights[:, 0].shape != returns.shape:
        raise BadData(f"weights of shape {weights.shape} do not fit returns of shape {returns.shape}")
    if not (np.isfinite(weights).all() and np.isfinite(returns).all()):
        raise BadData("a weight or a return is missing; a rotation needs all of them: write 0 for not held")
    n_bars, n_trials, n_columns = weights.shape
    at_once = max(1, BLOCK_BYTES // (32 * n_bars * n_columns))
    parts = [_correlated(weights[:, i : i + at_once], returns) for i in range(0, n_trials, at_once)]
    return np.hstack(parts)


def _correlated(weights: np.ndarray, returns: np.ndarray) -> np.ndarray:
    n_bars, _, n_columns = weights.shape
    total, square = np.zeros((2, *weights.shape[:2]))
    for i in range(n_columns):
        total += _circular(weights[:, :, i], returns[:, i])
        for j in range(i, n_columns):
            twice = 1 if i == j else 2
            square += twice * _circular(weights[:, :, i] * weights[:, :, j], returns[:, i] * returns[:, j])
    variance = (square - total**2 / n_bars) / (n_bars - 1)
    # Transforms round at the scale of the largest rotation, not of each.
    still = variance <= ROUNDING * np.abs(square).max(axis=0) / n_bars
    return np.where(still, np.nan, total / n_bars / np.sqrt(np.where(still, 1.0, variance)))


def _circular(held: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Σ over t of held[t - s] moved[t], for every s and column of `held`."""
    spectrum = np.conj(np.fft.rfft(held, axis=0)) * np.fft.rfft(moved)[:, None]
    return np.asarray(np.fft.irfft(spectrum, n=len(moved), axis=0))


def _filled(decisions: pd.DataFrame, tape: Tape, execution: Execution) -> tuple[np.ndarray, np.ndarray]:
    rows = execution.fill_rows(decisions.index.asi8, tape.open_times)
    last = np.append(rows[1:] != rows[:-1], True)[: len(rows)] & (rows < len(tape.open_times))
    return rows[last], decisions.to_numpy(float)[last]


def _stamped(
    rows: np.ndarray, weights: np.ndarray, decisions: pd.DataFrame, tape: Tape, execution: Execution
) -> pd.DataFrame:
    latency = pd.Timedelta(hours=execution.latency_hours)
    at = (tape.opens.index[rows] - latency).rename("at")
    return pd.DataFrame(weights, index=at, columns=decisions.columns)
