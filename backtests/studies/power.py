"""How much a number of events can show: overlap, standard error, the smallest effect that would be seen."""

from statistics import NormalDist

import numpy as np

POWER, LEVEL = 0.80, 0.05
# z(97.5 %) + z(80 %) = 1.960 + 0.842
SEEN = NormalDist().inv_cdf(1 - LEVEL / 2) + NormalDist().inv_cdf(POWER)


def effective_number(bars: np.ndarray, held: float) -> float:
    """How many events without overlap tell as much of the mean as these do; 0 for none.

    formula : n / (1 + 2 S / n), S the sum over pairs of max(0, 1 - gap / held), the share of the holding period that
    two events have in common. Exact where returns of bars are uncorrelated and equally volatile: the variance of the
    mean is then that of one return divided by this number (Hansen and Hodrick, JPE 88, 1980).
    bars : at which events are entered, in any order      held : length of the holding period, in bars
    """
    n = len(bars)
    if n == 0:
        return 0.0
    gaps = np.abs(np.subtract.outer(bars, bars))
    # All pairs both ways and each with itself: n + 2 S.
    return n**2 / float(np.maximum(0.0, 1 - gaps / held).sum())


def standard_error(forward: np.ndarray, bars: np.ndarray, held: int) -> float:
    """Of the mean forward return after events less that after all bars; NaN without an event.

    formula : s sqrt(D / (1 - A)). s is the standard deviation of all forward returns, divided by n; D the variance of
    the difference of the means and A that of the mean of all, both in variances of one return, where returns of bars
    are uncorrelated and equally volatile. In a short record both matter: the mean of all moves with that of the
    events, and returns that overlap differ less among themselves (by 1 - A) than independent ones.
    forward : of every bar, shape (n_bars,)      bars : of the events, each in [0, n_bars)
    held : length of the holding period, in bars
    """
    n = len(forward)
    if not len(bars):
        return float("nan")
    every = np.full(n, 1 / n)
    events = np.bincount(bars, minlength=n) / len(bars)
    return float(forward.std() * (_variance(events - every, held) / (1 - _variance(every, held))) ** 0.5)


def _variance(weights: np.ndarray, held: int) -> float:
    """Of a weighted sum of overlapping returns, in variances of one return: the mean square of what covers each bar."""
    summed = np.concatenate([[0.0], np.cumsum(weights), np.full(held - 1, weights.sum())])
    covered = summed[1:] - np.concatenate([np.zeros(held), summed[1:-held]])
    return float((covered**2).sum() / held)


def detectable(error: float) -> float:
    """The smallest true difference that a two-sided test at 5 % finds in 80 % of cases: 2.80 standard errors."""
    return SEEN * error


def without_one(values: np.ndarray) -> np.ndarray:
    """The mean without each value in turn, shape (n,); NaN for a single value."""
    n = len(values)
    return (values.sum() - values) / (n - 1) if n > 1 else np.full(n, np.nan)
