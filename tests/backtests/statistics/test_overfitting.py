"""Deflation and cross-validation against the numbers of the papers, against hands, and on noise with known truth."""

from itertools import combinations
from math import e, inf, isnan, log, nan, pi, sqrt

import numpy as np
import pandas as pd
import pytest

from backtests.statistics import overfitting
from backtests.statistics.overfitting import (
    Moments,
    block_count,
    block_sums,
    cross_validate,
    deflated_sharpe,
    expected_maximum,
    joined,
    minimum_backtest_years,
    moments,
    per_bar,
    probabilistic_sharpe,
)
from data_cache.errors import BadData, BadUsage

# The example of "The deflated Sharpe ratio": five years of 250 days, annual Sharpe ratio 2.5, skewness -3, kurtosis 10;
# the trials' annual Sharpe ratios have a variance of 1/2.
FOUND = Moments(1250, per_bar(2.5, 250), -3.0, 10.0)
VARIANCE = 0.5 / 250


def noise(seed: int, n_bars: int, n_trials: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.02, (n_bars, n_trials))


# Deflation.


def test_the_papers_example_of_a_deflated_sharpe_ratio() -> None:
    """N = 100: the threshold is 0.1132 a day and the DSR 0.9004, short of the 95 % that the strategist wanted."""
    assert sqrt(VARIANCE) * expected_maximum(100) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(FOUND, 100, VARIANCE) == pytest.approx(0.9004, abs=5e-5)


def test_with_46_trials_the_papers_strategist_would_have_been_believed() -> None:
    assert deflated_sharpe(FOUND, 46, VARIANCE) == pytest.approx(0.9505, abs=5e-5)


def test_with_normal_returns_the_paper_allows_88_trials() -> None:
    assert deflated_sharpe(Moments(1250, per_bar(2.5, 250)), 88, VARIANCE) == pytest.approx(0.9505, abs=5e-5)


def test_one_trial_is_not_deflated() -> None:
    assert deflated_sharpe(FOUND, 1, VARIANCE) == probabilistic_sharpe(FOUND)


def test_an_effective_number_of_trials_need_not_be_whole() -> None:
    assert deflated_sharpe(FOUND, 46, VARIANCE) > deflated_sharpe(FOUND, 46.5, VARIANCE)
    assert deflated_sharpe(FOUND, 46.5, VARIANCE) > deflated_sharpe(FOUND, 47, VARIANCE)


def test_kurtosis_is_pearsons() -> None:
    """Three is a normal distribution's: the variance of SR is then (1 + SR²/2) / (n - 1) (Lo 2002)."""
    assert Moments(101, 0.4).spread == pytest.approx(1 + 0.4**2 / 2)


def test_an_even_chance_at_the_threshold() -> None:
    assert probabilistic_sharpe(FOUND, FOUND.sharpe) == pytest.approx(0.5)


def test_a_probability_by_hand() -> None:
    """SR 0.1, normal, 101 bars: 0.1 x 10 / sqrt(1.005) = 0.9975 standard deviations, Φ of which is 0.8407."""
    assert probabilistic_sharpe(Moments(101, 0.1)) == pytest.approx(0.8407, abs=5e-5)


@pytest.mark.parametrize(("trials", "paper"), [(10, 1.57), (45, sqrt(5))])
def test_the_expected_maximum_of_the_charlatanism_paper(trials: int, paper: float) -> None:
    """Ten trials of a year: 1.57. Five years allow 45 trials before the best is expected to reach 1."""
    assert expected_maximum(trials) == pytest.approx(paper, abs=5e-3)


@pytest.mark.parametrize(("trials", "truth"), [(2, 1 / sqrt(pi)), (3, 1.5 / sqrt(pi)), (10, 1.53875), (100, 2.50759)])
def test_the_expected_maximum_is_near_the_exact_one(trials: int, truth: float) -> None:
    """Exact order statistics: 1/√π of two, 3/(2√π) of three, tables for ten and a hundred."""
    assert expected_maximum(trials) == pytest.approx(truth, rel=0.08)


def test_the_expected_maximum_grows_from_nothing() -> None:
    values = [expected_maximum(n) for n in (1, 1.0001, 1.5, 2, 3, 10, 1e3, 1e6, 1e9)]
    assert values[0] == 0
    assert values == sorted(values)


@pytest.mark.parametrize("trials", [0, 0.5, nan, inf])
def test_less_than_one_trial_is_refused(trials: float) -> None:
    with pytest.raises(BadUsage, match=f"the number of trials must be one or more; found {trials}"):
        expected_maximum(trials)


def test_a_negative_variance_is_refused() -> None:
    with pytest.raises(BadUsage, match="the variance of the trials' Sharpe ratios must be zero or more; found -1"):
        deflated_sharpe(FOUND, 10, -1)


def test_five_years_allow_45_trials() -> None:
    """The example of "Pseudo-mathematics", with its upper bound 2 ln N / E²."""
    assert minimum_backtest_years(45) < 5 < minimum_backtest_years(46)
    assert minimum_backtest_years(45) < 2 * log(45)
    assert minimum_backtest_years(45, 2.0) == pytest.approx(minimum_backtest_years(45) / 4)


def test_a_backtest_for_a_ratio_of_zero_has_no_length() -> None:
    with pytest.raises(BadUsage, match="annual_sharpe must be more than zero; found 0"):
        minimum_backtest_years(10, 0)


def test_moments_by_hand() -> None:
    """Three bars of 0 and one of 4 %: mean 1, squares 1, 1, 1, 9 sum to 12, cubes to 24, fourth powers to 84.

    Sample deviation √(12/3) = 2; population deviation √3: skewness 6 / 3√3, kurtosis 21 / 9.
    """
    found = moments([0.0, 0.0, 0.0, 0.04])
    assert (found.n_bars, found.sharpe) == (4, pytest.approx(0.5))
    assert (found.skew, found.kurtosis) == (pytest.approx(2 / sqrt(3)), pytest.approx(7 / 3))


def test_returns_that_do_not_vary_have_no_moments_and_no_probability() -> None:
    flat = moments(np.full(100, 0.001))
    assert isnan(flat.sharpe)
    assert isnan(probabilistic_sharpe(flat))
    assert isnan(deflated_sharpe(flat, 10, 0.1))


def test_moments_refuse_a_hole() -> None:
    with pytest.raises(BadData, match="the return of trial 0 at bar 1 is nan"):
        moments([0.1, nan, 0.2])


def deflated_best(returns: np.ndarray) -> float:
    """The deflated Sharpe ratio of the best column, all columns counted."""
    sharpes = returns.mean(axis=0) / returns.std(axis=0, ddof=1)
    return deflated_sharpe(moments(returns[:, sharpes.argmax()]), len(sharpes), sharpes.var(ddof=1))


def test_the_best_of_a_hundred_without_skill_is_hardly_ever_believed() -> None:
    """Undeflated, nearly each of the 200 would be; deflated, at most 5 % are, as promised."""
    worlds = [noise(seed, 500, 100) for seed in range(200)]
    assert np.mean([deflated_best(world) > 0.95 for world in worlds]) <= 0.05
    assert (
        np.mean([probabilistic_sharpe(moments(world[:, world.sum(axis=0).argmax()])) > 0.95 for world in worlds]) > 0.95
    )


def test_skill_among_a_hundred_is_found() -> None:
    """An annual ratio of 5 over 500 days is 5.85 standard errors; the best of 99 others is expected at 2.5."""
    worlds = [noise(seed, 500, 100) for seed in range(50)]
    for world in worlds:
        world[:, 7] += 0.02 * per_bar(5, 365)
    assert np.mean([deflated_best(world) > 0.95 for world in worlds]) >= 0.9


# Cross-validation.

# Mean return of each of four blocks, in units of 1 %; the two bars of a block lie 10 % above and below its mean.
BY_HAND = {"A": (3, 1, 1, 2), "B": (-1, -1, 3, 2), "C": (1, 1, 1, 1)}


def by_hand() -> pd.DataFrame:
    return pd.DataFrame({name: np.repeat(m, 2) / 100 + np.tile([0.1, -0.1], 4) for name, m in BY_HAND.items()})


def test_four_blocks_by_hand() -> None:
    """Sums of two blocks' means; of equal sums, that of more equal blocks has the smaller deviation: the higher ratio.

    chosen on   A   B   C   best   judged on   A   B   C   its rank   ω        logit
    1, 2        4  -2   2   A      3, 4        3   5   2   2          2/4      0
    1, 3        4   2   2   A      2, 4        3   1   2   3          3/4      ln 3
    1, 4        5   1   2   A      2, 3        2   2   2   2.5        2.5/4    ln 5/3     A and C equal, B more varied
    3, 4        3   5   2   B      1, 2        4  -2   2   1          1/4      -ln 3      and a loss
    2, 4        3   1   2   A      1, 3        4   2   2   3          3/4      ln 3
    2, 3        2   2   2   A      1, 4        5   1   2   3          3/4      ln 3       A comes before its equal C
    """
    found = cross_validate(block_sums(by_hand(), blocks=4))
    assert found.chosen.tolist() == [0, 0, 0, 1, 0, 0]
    assert found.logits == pytest.approx([0, log(3), log(5 / 3), -log(3), log(3), log(3)])
    assert found.overfitting == pytest.approx(2 / 6)
    assert found.loss == pytest.approx(1 / 6)
    # A on blocks 1 and 2: mean 2, squares 4 x 10² + (3 - 1)², three degrees of freedom.
    assert found.inside[0] == pytest.approx(2 / sqrt(404 / 3))
    assert found.outside[3] == pytest.approx(-1 / sqrt(400 / 3))
    slope, intercept = np.polyfit(found.inside, found.outside, 1)
    assert found.degradation == (pytest.approx(intercept), pytest.approx(slope))


def plain(returns: np.ndarray, blocks: int) -> dict[tuple[int, ...], tuple[int, float, float, float]]:
    """CSCV written straight from the paper: by the blocks chosen on, trial, ratio inside, outside, and logit."""
    parts, found = np.split(returns, blocks), {}
    for half in combinations(range(blocks), blocks // 2):
        inside, outside = (
            pd.DataFrame(np.concatenate([part for i, part in enumerate(parts) if (i in half) is chosen]))
            for chosen in (True, False)
        )
        first, second = inside.mean() / inside.std(), outside.mean() / outside.std()
        best = int(first.argmax())
        omega = second.rank()[best] / (len(second) + 1)
        found[half] = best, first[best], second[best], log(omega / (1 - omega))
    return found


@pytest.mark.parametrize("block_bytes", [32_000_000, 1], ids=["at once", "split by split, column by column"])
def test_the_fast_way_is_the_plain_way(block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overfitting, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr("backtests.statistics.returns.BLOCK_BYTES", block_bytes)
    returns = noise(1, 96, 7)
    found = cross_validate(block_sums(returns, blocks=8))
    fast = zip(found.chosen, found.inside, found.outside, found.logits, strict=True)
    assert sorted(fast) == [pytest.approx(split) for split in sorted(plain(returns, 8).values())]


def test_a_sweep_may_add_up_its_chunks_and_forget_the_returns() -> None:
    returns = noise(2, 100, 30)
    whole = cross_validate(block_sums(returns, blocks=6))
    parts = cross_validate(joined([block_sums(returns[:, columns], 6) for columns in (slice(0, 11), slice(11, 30))]))
    assert np.array_equal(parts.chosen, whole.chosen)
    assert parts.logits == pytest.approx(whole.logits)


def test_chunks_of_other_bars_do_not_add_up() -> None:
    with pytest.raises(BadUsage, match="the parts were cut into different blocks; use the same bars"):
        joined([block_sums(noise(1, 100, 3), 4), block_sums(noise(1, 101, 3), 4)])


def test_bars_that_do_not_divide_are_spread_over_the_blocks() -> None:
    assert block_sums(noise(1, 11, 2), blocks=4).counts.tolist() == [2, 3, 3, 3]


@pytest.mark.parametrize(
    ("n_bars", "n_trials", "blocks"),
    [(3000, 2000, 16), (3000, 2001, 12), (63, 10, 14), (63, 5000, 12), (32, 10, 8), (9, 10, 2), (4, 10, 2)],
)
def test_there_are_as_many_blocks_as_bars_and_trials_allow(n_bars: int, n_trials: int, blocks: int) -> None:
    """Four bars a block at least: 63 of them make 15 blocks, and an even number is 14."""
    assert block_count(n_bars, n_trials) == blocks


@pytest.mark.parametrize("blocks", [0, 5, 22, -2])
def test_an_odd_number_of_blocks_is_refused_and_so_are_too_many(blocks: int) -> None:
    with pytest.raises(BadUsage, match=f"blocks must be an even number from 2 to 20; found {blocks}"):
        block_sums(noise(1, 100, 3), blocks)


def test_too_few_bars_are_refused() -> None:
    with pytest.raises(BadUsage, match="31 bars are too few for 16 blocks of two or more; use fewer blocks"):
        block_sums(noise(1, 31, 3))


def test_one_trial_can_not_be_ranked() -> None:
    with pytest.raises(BadUsage, match="ranks trials against each other and needs two or more; found 1"):
        cross_validate(block_sums(noise(1, 100, 1), 4))


def test_trials_that_are_all_the_same_are_no_better_than_their_median() -> None:
    found = cross_validate(block_sums(np.tile(noise(1, 100, 1), 5), 4))
    assert found.logits == pytest.approx(np.zeros(6))
    assert found.overfitting == 1.0


def test_a_trial_in_cash_has_a_ratio_of_zero() -> None:
    """It beats a sure loser on both halves of every split, and earns nothing."""
    loser = np.tile([-0.03, 0.01], 20)
    found = cross_validate(block_sums(np.column_stack([loser, np.zeros(40)]), 4))
    assert found.chosen.tolist() == [1] * 6
    assert found.inside.tolist() == [0.0] * 6
    assert (found.overfitting, found.loss) == (0.0, 0.0)
    assert all(isnan(number) for number in found.degradation)


def test_a_constant_return_is_not_infinitely_good() -> None:
    found = cross_validate(block_sums(np.column_stack([np.full(40, 0.001), noise(3, 40, 1)[:, 0] + 0.05]), 4))
    assert found.chosen.tolist() == [1] * 6


def test_on_noise_the_probability_of_overfitting_is_one_half() -> None:
    """Single worlds scatter widely, for all splits share one history; their mean may not."""
    found = np.array([cross_validate(block_sums(noise(seed, 400, 50), 8)).overfitting for seed in range(200)])
    assert abs(found.mean() - 0.5) < 3 * found.std() / sqrt(len(found))
    assert found.std() / sqrt(len(found)) < 0.02


def test_where_all_did_equally_well_in_all_the_best_of_one_half_is_the_worst_of_the_other() -> None:
    """The paper's case of full overfitting: every trial brought to the same mean over the whole history."""
    returns = noise(5, 1000, 100)
    assert cross_validate(block_sums(returns - returns.mean(axis=0), 8)).overfitting > 0.95


def test_skill_is_no_overfitting() -> None:
    returns = noise(6, 1000, 100)
    returns[:, 3] += 0.02 * per_bar(4, 365)
    found = cross_validate(block_sums(returns, 8))
    assert found.overfitting < 0.05
    assert found.loss < 0.05


def test_the_formula_of_the_expected_maximum_by_hand() -> None:
    """N = e makes the second quantile Φ⁻¹(1 - 1/e²) = 1.1015; the first is Φ⁻¹(1 - 1/e) = 0.3375."""
    assert expected_maximum(e) == pytest.approx(0.42278 * 0.3375 + 0.57722 * 1.1015, abs=2e-4)
