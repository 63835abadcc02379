"""Does any of many trials beat the benchmark, and which: tests that know how many were looked at.

All work on the differences d of returns to the benchmark's, that is on losses = -returns, in mean, and on stationary
bootstraps of `arch`. SPA: Hansen, "A test for superior predictive ability", Journal of Business and Economic Statistics
23(4), 2005. Stepwise: Romano and Wolf, "Stepwise multiple testing as formalized data snooping", Econometrica 73(4),
2005.

The resampled means are one matrix product here, and `arch` draws the resamples: `arch.bootstrap.SPA` and `StepM` 8.0
take 20 s where this takes less than one, and the square of that as bars grow in number, do not divide by the standard
deviation whatever `studentize` says, and StepM fails when it has accepted every trial. Tests hold p-values and accepted
trials equal to theirs on differences divided beforehand.

Of a resample no more is kept than its largest values, over all trials and over those with a t in each of many narrow
bins, so that a hundred thousand trials go through in blocks, once. What a step accepts is what lies above some t; the
largest value over the rest is that of the bins below. The bin in which this t lies stays in whole: the next critical
value can only be too high by what it holds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import ArrayLike

from backtests.statistics.bootstrap import ASKED, block_length, draws, some_trials
from backtests.statistics.returns import TrialReturns, checked_blocks, one_trial
from data_cache.errors import BadData, BadUsage

# A trial whose difference to the benchmark moves by less than this part of its returns is the benchmark: float32, in
# which sweeps keep returns, has seven digits.
NEGLIGIBLE = 1e-6
# Bins of t for the stepwise test: what is not above 0 is never accepted, and shares the first with the least above it.
BIN, BINS = 0.01, 1_000


@dataclass(frozen=True)
class Superiority:
    """What resampling says of `n_trials` differences d to the benchmark.

    t : √n mean(d) / ω per trial, ω the standard deviation of √n mean(d) over the resamples, shape (n_trials,); NaN for
    a trial that never departs from the benchmark
    best : by resample the largest value over the trials under three `nulls`, shape (3, reps)
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
    counts = _counts(len(base), length, reps, seed, some.dtype)
    t, best = np.full(len(returns.numbers), np.nan), np.full((2, reps), -np.inf)
    by_bin = np.full((BINS, reps), -np.inf, counts.dtype)
    for at, own, noise in _studentised(returns, base, counts):
        t[at] = own
        lower, consistent, upper = nulls(own, noise, len(base))
        best = np.maximum(best, [_largest(lower), _largest(upper)])
        enter(by_bin, own, consistent)
    below = np.maximum.accumulate(by_bin, axis=0)
    return Superiority(t, np.array([best[0], below[-1], best[1]]), stepwise(t, below, size), length)


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


def nulls(t: np.ndarray, noise: np.ndarray, n_bars: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What trials score in each resample under Hansen's three nulls, each of shape (n_trials, reps).

    t : shape (n_trials,)      noise : √n (mean(d*) - mean(d)) / ω, shape (n_trials, reps)
    To the noise is added, lower: t below 0; consistent: only what is hopeless, t below -√(2 ln ln n); upper: nothing.
    """
    # By the law of the iterated logarithm, a trial as good as the benchmark stays above this.
    hopeless = np.where(t < -np.sqrt(2 * np.log(np.log(n_bars))), t, 0.0)
    return _plus(noise, np.minimum(t, 0.0)), _plus(noise, hopeless), noise


def _plus(noise: np.ndarray, t: np.ndarray) -> np.ndarray:
    return noise + t.astype(noise.dtype)[:, None] if t.any() else noise


def _largest(scores: np.ndarray) -> np.ndarray:
    return np.asarray(scores.max(axis=0, initial=-np.inf))


def enter(by_bin: np.ndarray, t: np.ndarray, scores: np.ndarray) -> None:
    """Raise `by_bin`, shape (BINS, reps), to the largest of `scores`, shape (n_trials, reps), in the bins of `t`."""
    bins = bin_of(t)
    order = np.argsort(bins, kind="stable")
    held, starts = np.unique(bins[order], return_index=True)
    if len(held):
        by_bin[held] = np.maximum(by_bin[held], np.maximum.reduceat(scores[order], starts, axis=0))


def bin_of(t: np.ndarray) -> np.ndarray:
    """The bin of each value."""
    return np.clip(t / BIN, 0, BINS - 1).astype(int)


def stepwise(t: np.ndarray, below: np.ndarray, size: float = 0.05) -> np.ndarray:
    """Which trials beat the benchmark, shape (n_trials,); the chance of one wrong among them is at most `size`.

    Romano and Wolf's steps: what lies above the (1 - size) quantile of the best under the null is accepted and taken
    out, until nothing is.
    below : the best in each resample over the trials in a bin of t or below it, shape (BINS, reps)
    """
    accepted = np.zeros(len(t), bool)
    left = below[-1]
    while np.isfinite(left).all():
        critical = np.quantile(left, 1 - size)
        further = ~accepted & (t > critical)
        if not further.any():
            break
        accepted |= further
        left = below[bin_of(critical)]
    return accepted


def _studentised(
    returns: TrialReturns, base: np.ndarray, counts: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Positions of trials that depart from the benchmark, their t and their noise, shape (some trials, reps).

    counts : how often each bar is in each resample, shape (reps, n_bars)
    """
    for where, own in checked_blocks(returns, len(counts)):
        away = own - base.astype(own.dtype)[:, None]
        mean = away.mean(axis=0, dtype=float)
        away -= mean.astype(away.dtype)
        departs = _departs(own, away)
        noise = _columns(away, departs).T @ counts.T
        # Noise is centred up to the error of a thousand draws, so its square loses no digits.
        omega = np.sqrt(np.einsum("ij,ij->i", noise, noise) / len(counts) - noise.mean(axis=1) ** 2)
        noise /= omega[:, None]
        yield where.start + np.flatnonzero(departs), len(own) * mean[departs] / omega, noise


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
