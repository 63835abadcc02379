"""Whether higher values of a signal go with higher returns thereafter, over all days and not only at events."""

from dataclasses import dataclass

import numpy as np

FEWEST_DAYS = 30


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's correlation, its standard error, p-value and the days it is of; NaN where it is undefined."""

    correlation: float
    error: float
    p_value: float
    days: int


def rank_correlation(signal: np.ndarray, forward: np.ndarray, overlap: int) -> RankCorrelation:
    """Spearman's rank correlation of a signal with what followed, with errors that allow for overlap.

    Ranks, less their mean and divided by their deviation, are regressed on each other: the slope is Spearman's
    correlation. Its error is Newey and West's (Econometrica 55, 1987) with `overlap` lags, or 4 (n / 100)^(2/9) where
    that is more, and Student's t is its distribution.
    signal, forward : by day, shape (n_days,); days on which either is NaN are left out
    overlap : for how many days a return goes on
    """
    both = ~(np.isnan(signal) | np.isnan(forward))
    x, y = signal[both], forward[both]
    n, nothing = len(x), float("nan")
    if n < max(FEWEST_DAYS, 2 * overlap) or np.ptp(x) == 0 or np.ptp(y) == 0:
        return RankCorrelation(nothing, nothing, nothing, n)
    import statsmodels.api as sm

    lags = max(overlap, int(4 * (n / 100) ** (2 / 9)))
    model = sm.OLS(_standard_ranks(y), sm.add_constant(_standard_ranks(x)))
    fit = model.fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True)
    return RankCorrelation(float(fit.params[1]), float(fit.bse[1]), float(fit.pvalues[1]), n)


def holm(p_values: np.ndarray) -> np.ndarray:
    """P-values adjusted for all of them by Holm's method, in the same order; NaN stays and is not counted.

    formula : the k-th smallest of m times m - k + 1, no less than the one before it, at most 1 (Holm, "A simple
    sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979)
    """
    # That of statsmodels collects the garbage of the whole process at each call, a third of a second.
    order = np.argsort(p_values)[: np.count_nonzero(~np.isnan(p_values))]
    adjusted = np.full(len(p_values), np.nan)
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * p_values[order]))
    return adjusted


def _standard_ranks(values: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    ranks = rankdata(values)
    return np.asarray((ranks - ranks.mean()) / ranks.std())
