"""Does any of many trials beat the benchmark, and which: tests that know how many were looked at.

All work on the differences d of returns to the benchmark's, that is on losses = -returns, in mean, and on stationary
bootstraps of `arch`. SPA: Hansen, "A test for superior predictive ability", Journal of Business and Economic Statistics
23(4), 2005. Stepwise: Romano and Wolf, "Stepwise multiple testing as formalized data snooping", Econometrica 73(4),
2005. Model confidence set: Hansen, Lunde and Nason, Econometrica 79(2), 2011.

The resampled means are one matrix product here, and `arch` draws the resamples: `arch.bootstrap.SPA` and `StepM` 8.0
take 20 s where this takes one, and the square of that as bars grow in number, do not divide by the standard deviation
whatever `studentize` says, and StepM fails when it has accepted every trial. Tests hold p-values and accepted trials
equal to theirs on differences divided beforehand.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from backtests.statistics.bootstrap import block_length, draws, require_draws, some_trials
from backtests.statistics.returns import ROUNDING, as_trials, column_blocks, one_trial
from data_cache.errors import BadUsage

# How many resamples are counted out before they are multiplied.
AT_ONCE = 64
# The confidence set compares every pair in every resample: 100 trials and 1,000 resamples take 80 MB.
MOST_CONFIDENT = 100


@dataclass(frozen=True)
class Superiority:
    """What resampling says of `n_trials` differences d to the benchmark.

    t : √n mean(d) / ω per trial, ω the standard deviation of √n mean(d) over the resamples, shape (n_trials,)
    noise : √n (mean(d*) - mean(d)) / ω per resample and trial, shape (reps, n_trials)
    n_bars, block : what was resampled, and the blocks' mean length in bars
    """

    t: np.ndarray
    noise: np.ndarray
    n_bars: int
    block: int

    @property
    def p_lower(self) -> float:
        """Hansen's lower bound: trials worse than the benchmark are taken to be as bad as they look."""
        return self._p_value(self.noise + np.minimum(self.t, 0.0))

    @property
    def p_value(self) -> float:
        """Hansen's consistent p-value of "no trial is better than the benchmark": far worse ones do not count."""
        return self._p_value(self._null)

    @property
    def p_upper(self) -> float:
        """The upper bound, White's reality check (studentised): every trial counts as though it were as good."""
        return self._p_value(self.noise)

    def better(self, size: float = 0.05) -> np.ndarray:
        """Which trials beat the benchmark, shape (n_trials,); the chance of one wrong among them is at most `size`.

        Romano and Wolf's steps: what lies above the (1 - size) quantile of the best under the null is accepted and
        taken out, until nothing is.
        """
        if not 0 < size < 1:
            raise BadUsage(f"size must lie between 0 and 1; found {size}")
        accepted = np.zeros(len(self.t), bool)
        while not accepted.all():
            critical = np.quantile(self._null[:, ~accepted].max(axis=1), 1 - size)
            further = ~accepted & (self.t > critical)
            if not further.any():
                break
            accepted |= further
        return accepted

    @cached_property
    def _null(self) -> np.ndarray:
        # Hansen's threshold: by the law of the iterated logarithm, a trial as good as the benchmark stays above it.
        hopeless = self.t < -np.sqrt(2 * np.log(np.log(self.n_bars)))
        return self.noise + np.where(hopeless, self.t, 0.0)

    def _p_value(self, null: np.ndarray) -> float:
        return float((null.max(axis=1) > self.t.max()).mean())


def superiority(
    returns: ArrayLike, benchmark: ArrayLike, seed: int, reps: int = 1000, block: int | None = None
) -> Superiority:
    """Resample the differences of `returns`, shape (n_bars, n_trials), to `benchmark`, shape (n_bars,).

    block : mean length of blocks in bars, None for the optimal one of the differences
    A trial that never departs from the benchmark says nothing for or against. Memory: 8 bytes x reps x n_trials, two or
    three times. Thinning out trials before understates the p-value; so does strong persistence, which blocks catch for
    the most part only: with an autocorrelation of 0.4, 10 % becomes 17 % over 400 bars and 14 % over 3,000.
    Raises BadUsage and BadData.
    """
    array, base = as_trials(returns), one_trial(benchmark)
    if len(base) != len(array):
        raise BadUsage(f"returns have {len(array)} bars and the benchmark {len(base)}; cut both to the same bars")
    length = block or block_length(array[:, some_trials(array.shape[1])] - base[:, None])
    require_draws(len(base), length, reps)
    observed, resampled = _means(array, base, length, reps, seed)
    resampled -= observed
    omega = resampled.std(axis=0)
    still = omega <= ROUNDING * max(float(omega.max()), ROUNDING)
    omega[still] = np.inf
    resampled /= omega
    return Superiority(observed / omega, resampled, len(base), length)


def model_confidence(returns: ArrayLike, seed: int, reps: int = 1000, block: int | None = None) -> np.ndarray:
    """For each of a few finalists, the smallest size at which it is no longer among the best; shape (n_trials,).

    A trial with 0.05 or less is told apart from the best at 5 %; the best has 1. Losses are -returns; the range
    statistic of `arch.bootstrap.MCS`. Raises BadUsage above 100 trials and for two with the same returns.
    """
    from arch.bootstrap import MCS

    array = as_trials(returns).astype(float)
    if not 2 <= array.shape[1] <= MOST_CONFIDENT:
        raise BadUsage(f"a confidence set is for 2 to {MOST_CONFIDENT} finalists; found {array.shape[1]}")
    if np.unique(array, axis=1).shape[1] < array.shape[1]:
        raise BadUsage("two finalists have the same returns and cannot be told apart; pass one of them")
    length = block or block_length(array)
    require_draws(len(array), length, reps)
    chosen = MCS(pd.DataFrame(-array), size=0.05, reps=reps, block_size=length, seed=seed)
    chosen.compute()
    return np.asarray(chosen.pvalues["Pvalue"].sort_index().to_numpy(float))


def _means(array: np.ndarray, base: np.ndarray, block: int, reps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """√n times the mean differences: as observed, shape (n_trials,), and resampled, shape (reps, n_trials)."""
    n_bars, n_trials = array.shape
    resampled, counts = np.empty((reps, n_trials)), np.empty((AT_ONCE, n_bars))
    for rep, rows in enumerate(draws(n_bars, block, reps, seed)):
        counts[rep % AT_ONCE] = np.bincount(rows, minlength=n_bars)
        if rep % AT_ONCE == AT_ONCE - 1 or rep == reps - 1:
            done = slice(rep - rep % AT_ONCE, rep + 1)
            resampled[done] = _products(counts[: done.stop - done.start], array, base)
    return _products(np.ones((1, n_bars)), array, base)[0], resampled


def _products(counts: np.ndarray, array: np.ndarray, base: np.ndarray) -> np.ndarray:
    products = np.empty((len(counts), array.shape[1]))
    for columns in column_blocks(*array.shape):
        products[:, columns] = counts @ array[:, columns].astype(float, copy=False)
    products -= (counts @ base)[:, None]
    products /= np.sqrt(len(base))
    return products
