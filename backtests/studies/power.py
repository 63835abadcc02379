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


def standard_error(deviation: float, effective: float) -> float:
    """Of a mean of so many effective events: deviation / sqrt(effective); NaN for none.

    deviation : of forward returns of all bars, not of the events: a few events that overlap look alike
    """
    return deviation / effective**0.5 if effective > 0 else float("nan")


def detectable(error: float) -> float:
    """The smallest true difference that a two-sided test at 5 % finds in 80 % of cases: 2.80 standard errors."""
    return SEEN * error


def without_one(values: np.ndarray) -> np.ndarray:
    """The mean without each value in turn, shape (n,); NaN for a single value."""
    n = len(values)
    return (values.sum() - values) / (n - 1) if n > 1 else np.full(n, np.nan)
