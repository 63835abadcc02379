"""The same trials at the wrong time: rotations and p-values by counting, and calibration on noise."""

import numpy as np
import pytest
from scipy.stats import kstest

from backtests.statistics.placebo import KEPT, Placebo, least_shift, placebo, placebo_shifts
from data_cache.errors import BadUsage

# p-values.


def test_the_p_value_counts_the_truth_among_the_placebos() -> None:
    """Of four placebos one is better and one as good: (1 + 2)/(1 + 4)."""
    assert Placebo(2.0, np.arange(4), np.array([1.0, 2.0, 3.0, 0.0])).p_value == pytest.approx(3 / 5)


def test_a_p_value_is_never_zero() -> None:
    assert Placebo(2.0, np.arange(9), np.zeros(9)).p_value == pytest.approx(1 / 10)


def test_a_placebo_without_a_score_counts_against_the_strategy() -> None:
    assert Placebo(2.0, np.arange(3), np.array([np.nan, 1.0, 1.0])).p_value == pytest.approx(2 / 4)


def test_a_strategy_without_a_score_has_no_p_value() -> None:
    assert np.isnan(Placebo(np.nan, np.arange(3), np.zeros(3)).p_value)


def test_the_truth_is_the_score_without_a_shift() -> None:
    found = placebo(lambda shift: np.array([-abs(shift - 3)]), n_bars=10, least=2, reps=100, seed=1)
    assert found.observed == -3
    assert found.shifts.tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert found.scores.tolist() == [-1, 0, -1, -2, -3, -4, -5]
    assert found.p_value == pytest.approx((1 + 5) / (1 + 7))


def test_the_best_of_a_sweep_meets_the_best_of_each_rotation() -> None:
    """Row by shift: the truth's best is 3, the placebos' 4, 2 and none; where one trial has no score, the other has."""
    scores = np.array([[1, 3], [2, 4], [np.nan, 2], [np.nan, np.nan]])
    found = placebo(lambda shift: scores[shift], n_bars=4, least=1, reps=10, seed=1)
    assert found.observed == 3
    assert found.scores.tolist() == pytest.approx([4, 2, np.nan], nan_ok=True)
    assert found.p_value == pytest.approx((1 + 2) / (1 + 3))
    assert sorted(found.everything.tolist()) == [2, 2, 4]


def test_of_all_scores_a_sample_is_kept_as_many_of_each_rotation() -> None:
    """100 rotations of 1,000 trials, which score the number of their rotation: 50 of each make 5,000."""
    found = placebo(lambda shift: np.full(1000, float(shift)), n_bars=1000, least=100, reps=100, seed=1)
    assert len(found.everything) == KEPT == 5000
    assert found.everything.tolist() == np.repeat(found.shifts, 50).tolist()


def test_every_rotation_is_told() -> None:
    told: list[int] = []
    placebo(lambda shift: np.zeros(1), 10, least=2, reps=100, seed=1, watch=lambda: told.append(1))
    assert len(told) == 7


# Shifts.


def test_shifts_keep_their_distance_and_do_not_repeat() -> None:
    found = placebo_shifts(1000, least=100, reps=200, seed=3)
    assert len(set(found.tolist())) == 200
    assert found.min() >= 100
    assert found.max() <= 900


def test_a_seed_repeats_its_shifts_and_another_does_not() -> None:
    first, same, other = (placebo_shifts(1000, 100, 50, seed).tolist() for seed in (1, 1, 2))
    assert first == same != other


def test_where_there_are_fewer_rotations_than_asked_for_all_are_taken() -> None:
    assert placebo_shifts(10, least=4, reps=999, seed=1).tolist() == [4, 5, 6]


def test_a_distance_that_leaves_no_rotation_is_refused() -> None:
    with pytest.raises(BadUsage, match="10 bars leave no rotation 6 bars from both ends; use a smaller `least`"):
        placebo_shifts(10, least=6, reps=10, seed=1)


@pytest.mark.parametrize(("least", "reps"), [(0, 10), (1, 0)])
def test_no_distance_and_no_placebo_are_refused(least: int, reps: int) -> None:
    with pytest.raises(BadUsage, match=f"least and reps must be one or more; found {least} and {reps}"):
        placebo_shifts(10, least, reps, seed=1)


@pytest.mark.parametrize(
    ("bars", "bars_a_year", "least"),
    [(3000, 365, 30), (70_000, 8760, 720), (400, 365, 20), (19, 365, 1)],
    ids=["days", "hours", "a year", "weeks"],
)
def test_a_rotation_is_a_month_away_or_a_twentieth_of_a_shorter_history(
    bars: int, bars_a_year: float, least: int
) -> None:
    assert least_shift(bars, bars_a_year) == least


# On noise, and on skill.


def sweep(seed: int, effect: float) -> Placebo:
    """Ten rules, each in the market by stretches of a signal of its own; prices follow the first one by `effect`."""
    rng = np.random.default_rng(seed)
    held = np.repeat(rng.random((80, 10)) < 0.5, 10, axis=0).astype(float)
    returns = rng.normal(0, 0.02, 800) + effect * (held[:, 0] - 0.5)

    def sharpes(shift: int) -> np.ndarray:
        moved = np.roll(returns, -shift)
        mean, square = held.T @ moved / 800, held.T @ moved**2 / 800
        return np.asarray(mean / np.sqrt(square - mean**2))

    return placebo(sharpes, 800, least=30, reps=199, seed=seed)


def test_without_an_effect_p_values_are_uniform_though_the_best_of_ten_is_tested() -> None:
    found = np.array([sweep(seed, effect=0.0).p_value for seed in range(300)])
    assert kstest(found, "uniform").pvalue > 0.01
    assert 0.05 <= np.mean(found <= 0.1) <= 0.15


def test_a_planted_effect_is_found() -> None:
    """Holding earns 0.3 % a bar over not holding, on half of 800 bars of 2 %."""
    assert np.mean([sweep(seed, effect=0.006).p_value <= 0.05 for seed in range(50)]) >= 0.9
