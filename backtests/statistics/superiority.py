"""Does any of many trials beat the benchmark, and which: tests that know how many were looked at.

All work on the differences d of returns to the benchmark's, that is on losses = -returns, in mean, and on stationary
bootstraps of `arch`. SPA: Hansen, "A test for superior predictive ability", Journal of Business and Economic Statistics
23(4), 2005. Stepwise: Romano and Wolf, "Stepwise multiple testing as formalized data snooping", Econometrica 73(4),
2005. Model confidence set: Hansen, Lunde and Nason, Econometrica 79(2), 2011.

The resampled means are one matrix product here, and `arch` draws the resamples: `arch.bootstrap.SPA` and `StepM` 8.0
take 20 s where this takes less than one, and the square of that as bars grow in number, do not divide by the standard
deviation whatever `studentize` says, and StepM fails when it has accepted every trial. Tests hold p-values and accepted
trials equal to theirs on differences divided beforehand.

Of a resample no more is kept than its largest value over all trials, so that a hundred thousand trials go through in
blocks; only the stepwise test reads them again, once for each step that accepted something.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from backtests.statistics.bootstrap import ASKED, block_length, draws, require_draws, some_trials
from backtests.statistics.returns import TrialReturns, as_trials, checked_blocks, one_trial
from data_cache.errors import BadData, BadUsage

# A trial whose difference to the benchmark moves by less than this part of its returns is the benchmark: float32, in
# which sweeps keep returns, has seven digits.
NEGLIGIBLE = 1e-6
# The confidence set compares every pair in every resample: 100 trials and 1,000 resamples take 80 MB.
MOST_CONFIDENT = 100


@dataclass(frozen=True)
class Superiority:
    """What resampling says of `n_trials` differences d to the benchmark.

    t : √n mean(d) / ω per trial, ω the standard deviation of √n mean(d) over the resamples, shape (n_trials,); NaN for
    a trial that never departs from the benchmark
    best : by resample the largest value over the trials under three nulls, shape (3, reps): `largest`
    better : which trials beat the benchmark, by `stepwise`, shape (n_trials,)
    block : the blocks' mean length in bars
    """

    t: np.ndarray
    best: np.ndarray
    better: np.ndarray
    block: int

    @property
    def p_lower(self) -> float:
        """Hansen's lower bound: trials worse than the benchmark are taken to be as bad as they look."""
        return self._p_value(0)

    @property
    def p_value(self) -> float:
        """Hansen's consistent p-value of "no trial is better than the benchmark": far worse ones do not count."""
        return self._p_value(1)

    @property
    def p_upper(self) -> float:
        """The upper bound, White's reality check (studentised): every trial counts as though it were as good."""
        return self._p_value(2)

    def _p_value(self, null: int) -> float:
        """How often the best under the null is above the best observed; NaN where no trial departs."""
        if np.isnan(self.t).all():
            return float("nan")
        return float((self.best[null] > np.nanmax(self.t)).mean())


def superiority(
    returns: TrialReturns,
    benchmark: ArrayLike,
    seed: int,
    reps: int = 1000,
    block: int | None = None,
    size: float = 0.05,
) -> Superiority:
    """Resample the differences of `returns` to `benchmark`, shape (n_bars,).

    block : mean length of blocks in bars, None for the optimal one of some trials' differences
    size : of the stepwise test
    A trial that never departs from the benchmark says nothing for or against. Returns in float32 are multiplied in
    float32. Memory: 4 bytes x reps x n_bars (8 for float64), and some blocks. Thinning out trials before understates
    the p-value; so does strong persistence, which blocks catch for the most part only: with an autocorrelation of 0.4,
    10 % becomes 17 % over 400 bars and 14 % over 3,000. Raises BadUsage and BadData.
    """
    if not 0 < size < 1:
        raise BadUsage(f"size must lie between 0 and 1; found {size}")
    some, base = departing(returns, benchmark), one_trial(benchmark)
    if block is None and some.shape[1] == 0:
        raise BadData("no trial departs from the benchmark, so there is nothing to test")
    length = block or block_length(some)
    resamples = _Resamples(returns, base, _counts(len(base), length, reps, seed, some.dtype))
    t, best = np.full(len(returns.numbers), np.nan), np.full((3, reps), -np.inf)
    for at, own, noise in resamples.of(np.ones(len(t), bool)):
        t[at] = own
        best = np.maximum(best, largest(own, noise, len(base)))

    def again(left: np.ndarray) -> np.ndarray:
        found = np.full(reps, -np.inf)
        for _, own, noise in resamples.of(left):
            found = np.maximum(found, _best(noise, _nulls(own, len(base))[1]))
        return found

    return Superiority(t, best, stepwise(t, best[1], again, size), length)


def departing(returns: TrialReturns, benchmark: ArrayLike) -> np.ndarray:
    """Differences to the benchmark of some trials that depart from it, shape (n_bars, n); n is 25 at most, 0 for none.

    Of 25 trials evenly spread; if none of these departs, of the first block in which one does.
    """
    some, base = returns.take(returns.numbers[some_trials(len(returns.numbers))]), one_trial(benchmark)
    if len(base) != len(some):
        raise BadUsage(f"returns have {len(some)} bars and the benchmark {len(base)}; cut both to the same bars")
    for own in chain([some], (block for _, block in checked_blocks(returns))):
        away = own - base.astype(own.dtype)[:, None]
        departs = _departs(own, away - away.mean(axis=0))
        if departs.any():
            break
    return np.asarray(away[:, np.flatnonzero(departs)[:ASKED]])


def largest(t: np.ndarray, noise: np.ndarray, n_bars: int) -> np.ndarray:
    """The largest value over some trials in each resample, under Hansen's three nulls, shape (3, reps).

    t : shape (n_trials,)      noise : √n (mean(d*) - mean(d)) / ω, shape (reps, n_trials)
    To the noise is added, lower: t below 0; consistent: only what is hopeless, t below -√(2 ln ln n); upper: nothing.
    """
    lower, hopeless = _nulls(t, n_bars)
    return np.array([_best(noise, lower), _best(noise, hopeless), _best(noise, np.zeros(len(t)))])


def _nulls(t: np.ndarray, n_bars: int) -> tuple[np.ndarray, np.ndarray]:
    # By the law of the iterated logarithm, a trial as good as the benchmark stays above this.
    hopeless = t < -np.sqrt(2 * np.log(np.log(n_bars)))
    return np.minimum(t, 0.0), np.where(hopeless, t, 0.0)


def _best(noise: np.ndarray, null: np.ndarray) -> np.ndarray:
    shifted = noise + null.astype(noise.dtype) if null.any() else noise
    return np.asarray(shifted.max(axis=1, initial=-np.inf), float)


def stepwise(
    t: np.ndarray, first: np.ndarray, again: Callable[[np.ndarray], np.ndarray], size: float = 0.05
) -> np.ndarray:
    """Which trials beat the benchmark, shape (n_trials,); the chance of one wrong among them is at most `size`.

    Romano and Wolf's steps: what lies above the (1 - size) quantile of the best under the null is accepted and taken
    out, until nothing is.
    first : the best in each resample, shape (reps,)      again : the same of the trials where its argument is true
    """
    accepted, left, best = np.zeros(len(t), bool), ~np.isnan(t), first
    while left.any():
        further = left & (t > np.quantile(best, 1 - size))
        accepted |= further
        left &= ~further
        if not further.any() or not left.any():
            break
        best = again(left)
    return accepted


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


@dataclass(frozen=True)
class _Resamples:
    """counts : how often each bar is in each resample, shape (reps, n_bars)."""

    returns: TrialReturns
    base: np.ndarray
    counts: np.ndarray

    def of(self, wanted: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Positions, t and noise of those of the `wanted` trials that depart from the benchmark, block by block."""
        base = self.base.astype(self.counts.dtype)[:, None]
        for where, block in checked_blocks(self.returns, len(self.counts)):
            if wanted[where].any():
                own = _columns(block, wanted[where])
                departs, t, noise = self._studentised(own, own - base)
                yield where.start + np.flatnonzero(wanted[where])[departs], t, noise

    def _studentised(self, own: np.ndarray, away: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        mean = away.mean(axis=0, dtype=float)
        away -= mean.astype(away.dtype)
        departs = _departs(own, away)
        noise = self.counts @ _columns(away, departs)
        omega = _size(noise - noise.mean(axis=0))
        noise /= omega.astype(noise.dtype)
        return departs, len(own) * mean[departs] / omega, noise


def _columns(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    return values if chosen.all() else values[:, chosen]


def _departs(own: np.ndarray, away: np.ndarray) -> np.ndarray:
    """Which trials' differences, less their means, are no rounding; shape (n_trials,)."""
    return np.asarray(_size(away) > NEGLIGIBLE * _size(own))


def _size(values: np.ndarray) -> np.ndarray:
    """The root of the mean square of each column."""
    return np.asarray(np.sqrt(np.einsum("ij,ij->j", values, values) / len(values)), float)


def _counts(n_bars: int, block: int, reps: int, seed: int, kind: np.dtype) -> np.ndarray:
    counts = np.empty((reps, n_bars), kind)
    for rep, rows in enumerate(draws(n_bars, block, reps, seed)):
        counts[rep] = np.bincount(rows, minlength=n_bars)
    return counts
