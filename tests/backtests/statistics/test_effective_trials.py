"""How many trials there really were: counted where it is known, measured where it can be done by hand."""

from math import isnan, sqrt

import numpy as np
import pytest

from backtests.statistics import effective_trials as module
from backtests.statistics.effective_trials import (
    clusters,
    correlations,
    effective_trials,
    participation_ratio,
    silhouette,
)
from data_cache.errors import BadUsage


def families(seed: int, sizes: list[int], rho: float, n_bars: int = 1000) -> np.ndarray:
    """Trials in families: correlated by `rho` within one, not at all between two."""
    rng = np.random.default_rng(seed)
    parts = [
        sqrt(rho) * rng.normal(0, 0.02, (n_bars, 1)) + sqrt(1 - rho) * rng.normal(0, 0.02, (n_bars, size))
        for size in sizes
    ]
    return np.hstack(parts)


# Counted.


def test_planted_families_are_counted() -> None:
    found = effective_trials(families(1, [30, 5, 20, 25, 20], rho=0.8))
    assert (found.count, found.clustered) == (5.0, True)
    assert found.labels.tolist() == [0] * 30 + [1] * 5 + [2] * 20 + [3] * 25 + [4] * 20


def test_families_beyond_the_first_round_of_candidates_are_counted() -> None:
    """77 families: of the counts near it, the first round looks at some only."""
    found = effective_trials(families(2, [3] * 77, rho=0.9))
    assert found.count == 77


@pytest.mark.parametrize("n_trials", [2, 10, 100])
def test_independent_trials_count_as_they_are(n_trials: int) -> None:
    """Clusters of noise there always are; their silhouette betrays them."""
    found = effective_trials(families(3, [1] * n_trials, rho=0.0))
    assert not found.clustered
    assert found.count == pytest.approx(n_trials, rel=0.02)


def test_more_trials_than_bars_may_still_be_independent() -> None:
    found = effective_trials(families(4, [1] * 300, rho=0.0, n_bars=100))
    assert found.count == pytest.approx(300, rel=0.15)


def test_one_trial_many_times_is_one() -> None:
    found = effective_trials(np.tile(families(5, [1], 0.0), 20))
    assert (found.count, found.clustered) == (pytest.approx(1.0), False)


def test_one_family_is_nearly_one() -> None:
    """n²/(n + n(n - 1)ρ²) = 400/(20 + 380 x 0.81) = 1.22."""
    assert effective_trials(families(6, [20], rho=0.9)).count == pytest.approx(1.22, rel=0.02)


@pytest.mark.parametrize("n_trials", [1, 2])
def test_one_or_two_trials_have_no_clusters_to_choose(n_trials: int) -> None:
    found = effective_trials(families(7, [n_trials], rho=0.5))
    assert isnan(found.silhouette)
    assert found.labels.tolist() == list(range(n_trials))
    assert 1 <= found.count <= n_trials


def test_trials_that_do_nothing_are_one_idea() -> None:
    """Three families, and four trials in cash or at a constant rate."""
    still = np.tile([0.0, 0.0, 0.001, 0.0], (1000, 1))
    found = effective_trials(np.hstack([families(8, [6, 6, 6], rho=0.8), still]))
    assert found.count == 4
    assert found.labels[-4:].tolist() == [3] * 4


def test_the_returns_are_left_as_they_were() -> None:
    returns = families(9, [3, 3], rho=0.8)
    before = returns.copy()
    effective_trials(returns)
    assert np.array_equal(returns, before)


def test_too_many_trials_for_all_their_pairs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TRIALS", 10)
    with pytest.raises(BadUsage, match="25 trials have too many pairs to cluster; pass at most 10, such as every 3th"):
        effective_trials(families(1, [25], rho=0.5))


# By hand.


def test_correlations_by_hand() -> None:
    """(1, -1, 1, -1) with itself upside down, with (1, 1, -1, -1), with nothing, and nothing with nothing."""
    returns = 0.01 * np.array([[1, -1, 1, 0, 7], [-1, 1, 1, 0, 7], [1, -1, -1, 0, 7], [-1, 1, -1, 0, 7]])
    assert correlations(returns) == pytest.approx(
        np.array([[1, -1, 0, 0, 0], [-1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 1], [0, 0, 0, 1, 1]])
    )


def test_the_participation_ratio_is_that_of_the_eigenvalues() -> None:
    """With endless bars nothing is taken off for chance: (Σ λ)²/Σ λ²."""
    rho = correlations(families(1, [4, 3], rho=0.5))
    values = np.linalg.eigvalsh(rho)
    assert participation_ratio(rho, 10**12) == pytest.approx(values.sum() ** 2 / (values**2).sum())


def test_the_participation_ratio_by_hand() -> None:
    """Two trials with ρ = 0.5: adjusted over 5 bars 0.25 - 0.75/3 = 0, so 4/2; over endless ones 4/(2 + 2 x 0.25)."""
    rho = np.array([[1.0, 0.5], [0.5, 1.0]])
    assert participation_ratio(rho, 5) == pytest.approx(2.0)
    assert participation_ratio(rho, 10**12) == pytest.approx(1.6)


def test_a_sample_tells_how_many_independent_trials_a_sweep_has_but_no_new_clusters() -> None:
    """ρ² of 0.25 between all pairs: N/(1 + (N - 1) x 0.25), of 2 trials 1.6, of 1,000 3.99."""
    rho = np.array([[1.0, 0.5], [0.5, 1.0]])
    assert participation_ratio(rho, 10**12, 1000) == pytest.approx(1000 / (1 + 999 * 0.25))
    noise = families(10, [1] * 200, rho=0.0, n_bars=2000)
    assert effective_trials(noise, among=20_000).count == pytest.approx(20_000, rel=0.15)
    assert effective_trials(families(1, [30, 5, 20, 25, 20], rho=0.8), among=20_000).count == 5


# Points on a line at 0, 1, 10, 12 and 40; distances between them.
POINTS = np.abs(np.subtract.outer([0.0, 1, 10, 12, 40], [0.0, 1, 10, 12, 40]))


def test_a_silhouette_by_hand() -> None:
    """Clusters 0, 1 | 10, 12 | 40. Own distance a, mean distance b to the nearest other cluster:

    0: a 1, b 11: 10/11      1: a 1, b 10: 9/10      10: a 2, b 9.5: 7.5/9.5
    12: a 2, b 11.5: 9.5/11.5      40: alone, 0
    """
    expected = (10 / 11 + 9 / 10 + 7.5 / 9.5 + 9.5 / 11.5 + 0) / 5
    assert silhouette(POINTS, np.array([0, 0, 1, 1, 2])) == pytest.approx(expected)


def test_labels_need_not_come_in_order() -> None:
    shuffled = [3, 0, 4, 1, 2]
    labels = np.array([0, 0, 1, 1, 2])
    assert silhouette(POINTS[np.ix_(shuffled, shuffled)], labels[shuffled]) == pytest.approx(silhouette(POINTS, labels))


def test_the_clusters_are_those_with_the_largest_silhouette() -> None:
    """The tree joins 0 and 1, then 10 and 12, then these, then 40: its cuts are tried by hand."""
    cuts = ([0, 0, 0, 0, 1], [0, 0, 1, 1, 2], [0, 0, 1, 2, 3])
    scores = [silhouette(POINTS, np.array(cut)) for cut in cuts]
    labels, score = clusters(POINTS)
    assert labels.tolist() == cuts[int(np.argmax(scores))]
    assert score == pytest.approx(max(scores))


def test_silhouettes_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import silhouette_score

    distance = np.sqrt(np.clip((1 - correlations(families(1, [5, 4, 7], rho=0.4, n_bars=100))) / 2, 0, 1))
    labels, score = clusters(distance)
    np.fill_diagonal(distance, 0)
    assert score == pytest.approx(silhouette_score(distance, labels, metric="precomputed"))
