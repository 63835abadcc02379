"""How many trials were there really? Trials that resemble each other are not many.

Two answers, and one rule for which to take. Clusters: average linkage on the distances √((1 - ρ)/2) between correlated
returns, the number of clusters with the largest mean silhouette (López de Prado and Lewis, "Detection of false
investment strategies using unsupervised learning methods", Quantitative Finance 19(9), 2019, who cluster by k-means;
linkage has no seed and finds the same clusters every time). Participation ratio: (Σ λ)²/Σ λ² of the correlation
matrix's eigenvalues (Bretherton et al., "The effective number of spatial degrees of freedom of a time-varying field",
Journal of Climate 12, 1999).

Clusters cannot say "one" or "as many as trials": a silhouette needs other clusters, and in noise some small number of
them always looks best, which would flatter the deflated Sharpe ratio most where nothing was found. So below a mean
silhouette of 0.25, "no substantial structure" (Kaufman and Rousseeuw, "Finding groups in data", 1990), the
participation ratio counts: near n for independent trials, 1 for equal ones.

Of a large sweep some trials are looked at. A sample of them shows the clusters that the sweep has, but no more trials
than it holds; what it tells of all of them is how strongly they correlate, and the participation ratio follows from it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from backtests.statistics.returns import as_trials
from data_cache.errors import BadUsage

SUBSTANTIAL = 0.25
# Every pair has a distance: 5,000 trials take 200 MB a matrix, of which there are three.
MOST_TRIALS = 5_000
# Numbers of clusters looked at in each of two rounds, the second between the best of the first and its neighbours.
CANDIDATES = 40


@dataclass(frozen=True)
class EffectiveTrials:
    """An effective number of trials, and what it was made of.

    count : from 1 to the number of trials      labels : each trial's cluster, shape (n_trials,)
    silhouette : mean over the trials, in [-1, 1], NaN where there was no choice to make
    participation : the participation ratio      clustered : whether `count` is the number of clusters, or that ratio
    """

    count: float
    labels: np.ndarray
    silhouette: float
    participation: float
    clustered: bool


def effective_trials(returns: ArrayLike, among: int | None = None) -> EffectiveTrials:
    """The effective number of trials, from returns of shape (n_bars, n_trials).

    among : how many trials these are a sample of; None: they are all
    Trials whose returns do not vary correlate with nothing and are one cluster, that of doing nothing. Raises BadUsage
    above 5,000 trials: pass every so manieth of a larger grid, whose neighbours resemble each other.
    """
    array = as_trials(returns)
    if array.shape[1] > MOST_TRIALS:
        raise BadUsage(
            f"{array.shape[1]} trials have too many pairs to cluster; pass at most {MOST_TRIALS}, such as every "
            f"{-(-array.shape[1] // MOST_TRIALS)}th"
        )
    rho = correlations(array)
    labels, silhouette = clusters(np.sqrt(np.clip((1 - rho) / 2, 0.0, 1.0)))
    participation = participation_ratio(rho, len(array), among)
    clustered = silhouette >= SUBSTANTIAL
    count = float(labels.max() + 1) if clustered else participation
    return EffectiveTrials(count, labels, silhouette, participation, bool(clustered))


def correlations(returns: np.ndarray) -> np.ndarray:
    """Pearson correlations of the columns, shape (n_trials, n_trials).

    Between a column that varies and one that does not, 0; between two that do not, 1.
    """
    away = returns - returns.mean(axis=0, dtype=float)
    length = np.sqrt(np.einsum("ij,ij->j", away, away))
    still = length <= 1e-12 * np.sqrt(len(returns)) * np.abs(returns).max(axis=0)
    away /= np.where(still, 1.0, length)
    away[:, still] = 0.0
    rho = np.clip(away.T @ away, -1.0, 1.0)
    rho[np.ix_(still, still)] = 1.0
    np.fill_diagonal(rho, 1.0)
    return np.asarray(rho)


def participation_ratio(rho: np.ndarray, n_bars: int, among: int | None = None) -> float:
    """(Σ λ)²/Σ λ² of a correlation matrix, that is n²/Σ ρ²; from 1 to n.

    Of n trials `among` more, N: N²/(N + N(N - 1) r), r the mean ρ² of two different trials of the n.

    Independent returns have ρ² of 1/(n_bars - 1) by chance, so each pair's is adjusted as R² is for one regressor
    (Ezekiel 1930): ρ² - (1 - ρ²)/(n_bars - 2).
    """
    n = len(rho)
    pairs = float((rho**2).sum()) - n
    chance = (n * (n - 1) - pairs) / max(1, n_bars - 2)
    mean_square = max(0.0, pairs - chance) / max(1, n * (n - 1))
    total = among or n
    return total / (1 + (total - 1) * mean_square)


def clusters(distance: np.ndarray) -> tuple[np.ndarray, float]:
    """The clusters with the largest mean silhouette: labels from 0, shape (n,), and that mean.

    distance : symmetric, shape (n, n). From two clusters to n - 1 are looked at, all of them up to some 40, above those
    in two rounds. With fewer than three members each is its own, and the silhouette NaN.
    """
    n = len(distance)
    if n < 3:
        return np.arange(n), float("nan")
    from scipy.cluster.hierarchy import cut_tree, linkage
    from scipy.spatial.distance import squareform

    tree = linkage(squareform(distance, checks=False), method="average")

    def best_of(counts: np.ndarray) -> tuple[float, int]:
        cuts = cut_tree(tree, counts).T
        return max((silhouette(distance, cut), -int(count)) for cut, count in zip(cuts, counts, strict=True))

    coarse = _between(2, n - 1)
    _, negative = best_of(coarse)
    at = int(np.searchsorted(coarse, -negative))
    score, negative = best_of(_between(coarse[max(0, at - 1)], coarse[min(len(coarse) - 1, at + 1)]))
    return cut_tree(tree, -negative)[:, 0], score


def silhouette(distance: np.ndarray, labels: np.ndarray) -> float:
    """The mean of (b - a)/max(a, b): a the mean distance to one's own cluster's others, b to the nearest other cluster.

    Rousseeuw, Journal of Computational and Applied Mathematics 20, 1987. 0 for one alone in its cluster, and where both
    a and b are 0. distance : shape (n, n); labels : shape (n,), integers from 0 that are all used, two or more.
    """
    order = np.argsort(labels, kind="stable")
    size = np.bincount(labels)
    starts = np.concatenate([[0], np.cumsum(size)[:-1]])
    to_cluster = np.add.reduceat(distance[:, order], starts, axis=1)
    rows = np.arange(len(labels))
    own = size[labels]
    within = to_cluster[rows, labels] / np.maximum(own - 1, 1)
    to_cluster /= size
    to_cluster[rows, labels] = np.inf
    nearest = to_cluster.min(axis=1)
    larger = np.maximum(within, nearest)
    score = np.where((own > 1) & (larger > 0), (nearest - within) / np.where(larger > 0, larger, 1.0), 0.0)
    return float(score.mean())


def _between(low: int, high: int) -> np.ndarray:
    return np.unique(np.geomspace(low, high, CANDIDATES).round().astype(int))
