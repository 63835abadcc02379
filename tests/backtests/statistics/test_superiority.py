"""Tests of the best of many: by hand, equal to `arch` where it is right, and calibrated on noise."""

import numpy as np
import pytest
from arch.bootstrap import SPA, StepM
from scipy.signal import lfilter
from scipy.stats import kstest

from backtests.statistics.bootstrap import block_length
from backtests.statistics.returns import InMemory
from backtests.statistics.superiority import (
    BINS,
    Superiority,
    departing,
    enter,
    nulls,
    stepwise,
    superiority,
)
from data_cache.errors import BadData, BadUsage


def noise(seed: int, n_bars: int, n_trials: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.02, (n_bars, n_trials))


def uneven(seed: int = 1) -> np.ndarray:
    """300 bars of eight trials of rising volatility: three with skill, three of noise, one poor, one hopeless."""
    returns = noise(seed, 300, 8) * np.linspace(0.5, 2, 8)
    return returns + np.array([0.0025, 0.002, 0.0008, 0, 0, 0, -0.001, -0.02])


def against_cash(returns: np.ndarray, seed: int, reps: int = 1000, block: int | None = None) -> Superiority:
    """Against cash."""
    return superiority(InMemory(returns), np.zeros(len(returns)), seed, reps, block)


# By hand.

# Two trials, four resamples, a thousand bars: what falls below -√(2 ln ln 1000) = -1.966 is hopeless, and -9 does.
NOISE = np.array([[1.0, 3, 0, 0], [0, 0, 2.5, 1]])


def p_values(*t: float) -> tuple[float, float, float]:
    best = np.array([null.max(axis=0) for null in nulls(np.array(t), NOISE, 1000)])
    found = Superiority(np.array(t), best, np.zeros(2, bool), 1)
    return found.p_lower, found.p_value, found.p_upper


def test_a_hopeless_trial_does_not_count_but_for_the_reality_check_by_hand() -> None:
    """Without it, the best of the resamples are 1, 3, 0 and 0: one in four is above 2; with it, 1, 3, 2.5 and 1."""
    assert p_values(2.0, -9.0) == (0.25, 0.25, 0.5)


def test_a_trial_that_is_only_poor_counts_at_the_lower_bound_as_poor_as_it_looks() -> None:
    """With -1 added to the second trial, the best are 1, 3, 1.5 and 0; without, as above."""
    assert p_values(2.0, -1.0) == (0.25, 0.5, 0.5)


def accepted(*t: float) -> list[bool]:
    """Of three trials at size 1/4."""
    by_bin = np.full((BINS, 4), -np.inf)
    enter(by_bin, np.array(t), np.array([[9.0, 0, 0, 0], [1, 2, 2, 2], [0.5, 0.5, 0.5, 0.5]]))
    return stepwise(np.array(t), np.maximum.accumulate(by_bin, axis=0), 0.25).tolist()


def test_steps_by_hand() -> None:
    """At size 1/4, the third quartile of the best is the critical value.

    Step 1: best of all 9, 2, 2, 2: third quartile 3.75, above which is 5 alone. Step 2, without it: 1, 2, 2, 2: 2,
    above which is 3. Step 3, the last one alone: 0.5 each, above which 0.4 is not.
    """
    assert accepted(5.0, 3.0, 0.4) == [True, True, False]


def test_all_trials_may_be_accepted_in_several_steps() -> None:
    """As above; here the last one is above 0.5. `arch.bootstrap.StepM` 8.0 raises ValueError for this."""
    assert accepted(5.0, 3.0, 0.6) == [True, True, True]


def test_what_is_just_above_the_critical_value_stays_among_the_rest() -> None:
    """As above; 3.755 is accepted in the first step, but shares its bin with 3.75: 9 stays, and 3 is not accepted."""
    assert accepted(3.755, 3.0, 0.4) == [True, False, False]


def test_bins_keep_the_largest_whatever_the_order_of_trials_and_of_blocks() -> None:
    """Bins of 0.01: below 0 the first, above 10 the last."""
    by_bin = np.full((BINS, 2), -np.inf)
    enter(by_bin, np.array([0.255, -3.0, 0.25]), np.array([[1.0, 4], [7, 8], [2, 3]]))
    enter(by_bin, np.array([99.0, 0.0]), np.array([[5.0, 6], [9, 0]]))
    enter(by_bin, np.empty(0), np.empty((0, 2)))
    assert by_bin[[0, 25, BINS - 1]].tolist() == [[9, 8], [2, 4], [5, 6]]
    assert np.isinf(np.delete(by_bin, [0, 25, BINS - 1], axis=0)).all()


@pytest.mark.parametrize("size", [0, 1])
def test_a_size_that_is_no_chance_is_refused(size: float) -> None:
    with pytest.raises(BadUsage, match=f"size must lie between 0 and 1; found {size}"):
        superiority(InMemory(uneven()), np.zeros(300), seed=1, size=size)


# Beside arch.


def divided(returns: np.ndarray, block: int, reps: int, seed: int) -> np.ndarray:
    """Returns over the standard deviation of their mean in arch's own resamples: studentised beforehand."""
    bootstrap = SPA(np.zeros(len(returns)), -returns, block, reps, seed=seed).bootstrap
    means = np.array([data[0][0].mean(axis=0) for data in bootstrap.bootstrap(reps)])
    return np.asarray(returns / (np.sqrt(len(returns)) * means.std(axis=0)))


@pytest.mark.parametrize("width", [1_000, 4, 1], ids=["at once", "four by four", "trial by trial"])
def test_the_p_values_are_those_of_arch_on_divided_returns(width: int) -> None:
    returns = uneven()[:, 2:]
    theirs = SPA(np.zeros(300), -divided(returns, 5, 500, 3), 5, 500, seed=3)
    theirs.compute()
    own = superiority(InMemory(returns, width), np.zeros(300), seed=3, reps=500, block=5)
    assert [own.p_lower, own.p_value, own.p_upper] == theirs.pvalues.tolist()
    assert 0 < own.p_lower < own.p_value < own.p_upper < 1


@pytest.mark.parametrize("width", [1_000, 1], ids=["at once", "trial by trial"])
def test_the_accepted_trials_are_those_of_arch_on_divided_returns(width: int) -> None:
    returns = uneven()
    theirs = StepM(np.zeros(300), -divided(returns, 5, 500, 3), block_size=5, reps=500, seed=3)
    theirs.compute()
    own = superiority(InMemory(returns, width), np.zeros(300), seed=3, reps=500, block=5)
    assert np.flatnonzero(own.better).tolist() == theirs.superior_models == [0, 1]


def test_arch_does_not_divide_whatever_it_is_told() -> None:
    """The reason why division is done here: should this fail one day, its SPA has learnt to."""
    found = []
    for studentize in (True, False):
        theirs = SPA(np.zeros(300), -uneven(), 5, 200, studentize=studentize, seed=3)
        theirs.compute()
        found.append(theirs.pvalues.tolist())
    assert found[0] == found[1]


def test_the_benchmark_is_taken_off_every_trial() -> None:
    returns, benchmark = uneven(), noise(9, 300, 1)
    beside = superiority(InMemory(returns), benchmark, seed=1, reps=200, block=5)
    alone = against_cash(returns - benchmark, seed=1, reps=200, block=5)
    assert beside.t == pytest.approx(alone.t)
    assert beside.best == pytest.approx(alone.best, abs=1e-9)


def test_the_trials_scale_does_not_matter() -> None:
    """A trial with a tenth of the exposure is as good a trial."""
    whole, tenth = (against_cash(uneven() * scale, seed=1, block=5) for scale in (1.0, 0.1))
    assert tenth.t == pytest.approx(whole.t)
    assert (tenth.p_value, tenth.p_upper) == (whole.p_value, whole.p_upper)


def test_single_precision_changes_no_p_value_and_no_accepted_trial() -> None:
    """30 sweeps of fifty trials of mixed skill, as a sweep's float32 has them, beside their float64."""
    for seed in range(30):
        returns = (noise(seed, 500, 50) + 0.001 * np.linspace(-1, 2, 50)).astype(np.float32)
        single, double = (against_cash(returns.astype(kind), seed, reps=200) for kind in (np.float32, np.float64))
        assert (single.p_lower, single.p_value, single.p_upper) == (double.p_lower, double.p_value, double.p_upper)
        assert np.array_equal(single.better, double.better)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_trial_that_is_the_benchmark_or_leads_it_by_a_constant_says_nothing(kind: type) -> None:
    returns, benchmark = uneven(), noise(9, 300, 1)
    with_both = np.hstack([benchmark, returns, benchmark + 0.001]).astype(kind)
    found = superiority(InMemory(with_both), benchmark, seed=1, reps=200, block=5)
    assert np.isnan(found.t[[0, -1]]).all()
    assert not found.better[[0, -1]].any()
    without = superiority(InMemory(returns.astype(kind)), benchmark, seed=1, reps=200, block=5)
    assert (found.p_lower, found.p_value, found.p_upper) == (without.p_lower, without.p_value, without.p_upper)


def test_the_benchmark_beside_hopeless_trials_is_not_superior() -> None:
    """It does not depart from itself; were it counted as t = 0 without noise, nothing could ever exceed it: p = 0."""
    found = against_cash(np.hstack([np.zeros((300, 1)), noise(1, 300, 1) - 0.02]), seed=1, reps=200, block=5)
    assert found.p_value > 0.4


def test_nothing_but_the_benchmark_has_no_p_value() -> None:
    found = against_cash(np.zeros((300, 2)), seed=1, block=5)
    assert np.isnan([found.p_lower, found.p_value, found.p_upper]).all()
    assert not found.better.any()
    with pytest.raises(BadData, match="no trial departs from the benchmark, so there is nothing to test"):
        against_cash(np.zeros((300, 2)), seed=1)


def test_one_trial_in_a_thousand_that_departs_gives_the_block_length() -> None:
    """It is none of the 25 that are asked first."""
    returns = np.zeros((300, 1000))
    returns[:, 500:501] = noise(1, 300, 1)
    assert departing(InMemory(returns), np.zeros(300)) == pytest.approx(returns[:, 500:501] - 0.0)
    assert against_cash(returns, seed=1, reps=200).block == block_length(returns[:, 500])


def test_a_benchmark_of_other_bars_is_refused() -> None:
    with pytest.raises(BadUsage, match="returns have 300 bars and the benchmark 299; cut both to the same bars"):
        superiority(InMemory(uneven()), np.zeros(299), seed=1)


def test_a_hole_is_refused() -> None:
    returns = uneven()
    returns[3, 1] = np.nan
    with pytest.raises(BadData, match="the return of trial 1 at bar 3 is nan"):
        against_cash(returns, seed=1)


# On noise, and on skill.


def test_without_skill_p_values_are_uniform() -> None:
    """300 worlds of ten trials: no kink, and one in ten below 0.1, give or take three errors (5 %)."""
    found = [against_cash(noise(seed, 400, 10), seed=seed, reps=200).p_upper for seed in range(300)]
    assert kstest(found, "uniform").pvalue > 0.01
    assert 0.05 <= np.mean(np.array(found) <= 0.1) <= 0.15


@pytest.mark.parametrize(("block", "least", "most"), [(None, 0.05, 0.20), (1, 0.25, 1.0)], ids=["blocks", "bar by bar"])
def test_blocks_keep_most_of_the_promise_where_returns_persist(block: int | None, least: float, most: float) -> None:
    """Autocorrelation 0.4: the variance of a mean is 1.4/0.6 times that of independent bars; a 10 % test shows it."""
    found = [
        against_cash(lfilter([1], [1, -0.4], noise(seed, 400, 10), axis=0), seed, 200, block).p_upper
        for seed in range(200)
    ]
    assert least <= np.mean(np.array(found) <= 0.1) <= most


def test_the_consistent_p_value_errs_no_more_often_than_it_says() -> None:
    found = [against_cash(noise(seed, 400, 10), seed=seed, reps=200).p_value for seed in range(300)]
    assert 0.05 <= np.mean(np.array(found) <= 0.1) <= 0.16


def test_steps_accept_one_of_many_without_skill_no_more_often_than_their_size() -> None:
    wrong = [against_cash(noise(s, 400, 20), s, reps=200).better.any() for s in range(300)]
    assert np.mean(wrong) <= 0.09


def test_skill_among_a_hundred_is_found_and_only_it() -> None:
    """A mean of 0.4 % a bar over 400 bars of 2 % is four standard errors."""
    found = np.zeros(100)
    for seed in range(20):
        returns = noise(seed, 400, 100)
        returns[:, 42] += 0.004
        own = against_cash(returns, seed=seed, reps=300)
        found += own.better
    assert found[42] >= 14
    assert found.sum() - found[42] <= 3
