"""Blocks as long as the papers say, draws that repeat, and intervals that cover what they promise."""

import subprocess
import sys
from itertools import islice
from math import ceil

import numpy as np
import pandas as pd
import pytest
from arch.bootstrap import StationaryBootstrap, optimal_block_length

from backtests.statistics.bootstrap import block_length, draws, intervals, some_trials
from backtests.statistics.returns import cagr, max_drawdown, sharpe
from data_cache.errors import BadData, BadUsage


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.02, shape)


def persistent(seed: int, n_bars: int, phi: float, mean: float = 0.0) -> np.ndarray:
    """A first-order autoregression around `mean`."""
    found = noise(seed, n_bars)
    for bar in range(1, n_bars):
        found[bar] += phi * found[bar - 1]
    return found + mean


# Blocks.


def test_the_block_length_is_that_of_the_paper() -> None:
    """Of an autoregression with φ = 0.5, Patton, Politis and White's is (2φ/(1 - φ²))^(2/3) n^(1/3).

    For 8,000 bars (4/3)^(2/3) x 20 = 24.2; estimates scatter, their median does not.
    """
    found = np.median([block_length(persistent(seed, 8_000, 0.5)) for seed in range(20)])
    assert found == pytest.approx(24.2, rel=0.25)


def test_blocks_of_random_length_are_an_eighth_shorter_than_fixed_ones_of_the_circular_bootstrap() -> None:
    """Lengths go with D^(-1/3), and the corrected D is 2 g² for the stationary bootstrap, 4/3 g² for the circular one.

    (4/3 / 2)^(1/3) = 0.874. Of an autoregression with φ = 0.9 about 90 bars, rather than about 100.
    """
    series = persistent(1, 8_000, 0.9)
    circular = float(optimal_block_length(series)["circular"].iloc[0])
    assert circular > 80
    assert block_length(series) == pytest.approx((2 / 3) ** (1 / 3) * circular, abs=1)


def test_independent_returns_are_resampled_nearly_one_by_one() -> None:
    assert np.median([block_length(noise(seed, 1000)) for seed in range(20)]) <= 3


def test_one_column_has_the_length_that_arch_finds_rounded_up() -> None:
    series = persistent(1, 500, 0.3)
    assert block_length(series) == ceil(optimal_block_length(series)["stationary"].iloc[0])


def test_several_columns_have_the_median_of_theirs() -> None:
    columns = np.column_stack([persistent(seed, 500, 0.2 * seed) for seed in range(3)])
    assert block_length(columns) == ceil(np.median(optimal_block_length(columns)["stationary"]))


def test_of_many_trials_25_are_asked() -> None:
    assert some_trials(3).tolist() == [0, 1, 2]
    assert some_trials(49).tolist() == list(range(0, 49, 2))


def test_a_trial_that_never_trades_has_no_say() -> None:
    series = persistent(1, 500, 0.3)
    assert block_length(np.column_stack([np.zeros(500), series, np.full(500, 0.01)])) == block_length(series)


def test_nothing_but_flat_lines_has_no_block_length() -> None:
    with pytest.raises(BadData, match="no series varies, so there is nothing to resample"):
        block_length(np.zeros((100, 2)))


def test_a_hole_has_no_block_length() -> None:
    with pytest.raises(BadData, match="a value is missing, and blocks are for series without holes"):
        block_length(np.append(noise(1, 50), np.nan))


def test_a_month_is_too_short_for_a_block_length() -> None:
    with pytest.raises(BadUsage, match="29 bars are too few for a block length; 30 are needed, or pass `block`"):
        block_length(noise(1, 29))


# Draws.


def test_draws_are_those_of_arch() -> None:
    bootstrap = StationaryBootstrap(5, np.arange(40), seed=3)
    theirs = [data[0][0] for data in bootstrap.bootstrap(100)]
    assert all(np.array_equal(own, other) for own, other in zip(draws(40, 5, 100, seed=3), theirs, strict=True))


def test_a_seed_repeats_its_draws_and_another_does_not() -> None:
    first, same, other = (next(draws(40, 5, 100, seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_blocks_are_as_long_as_asked_and_go_around_the_end() -> None:
    """A new block begins with a chance of 1/5; one bar in forty of those begins by chance where the last one ended."""
    rows = np.concatenate(list(islice(draws(40, 5, 1000, seed=1), 500))).reshape(500, 40)
    follows = (np.diff(rows, axis=1) % 40 == 1).mean()
    assert follows == pytest.approx(4 / 5 + 1 / 5 / 40, abs=0.01)
    assert ((rows[:, 1:] == 0) & (rows[:, :-1] == 39)).any()


@pytest.mark.parametrize("block", [0, 41])
def test_a_block_that_is_no_length_is_refused(block: int) -> None:
    with pytest.raises(BadUsage, match=f"block must be a number of bars from 1 to 40; found {block}"):
        next(draws(40, block, 1000, 1))


def test_a_handful_of_draws_is_refused() -> None:
    with pytest.raises(BadUsage, match="reps must be 100 or more, for the tail of fewer says nothing; found 99"):
        next(draws(40, 5, 99, 1))


# Intervals.

METRICS = {
    "sharpe": lambda returns: sharpe(returns, 365),
    "cagr": lambda returns: cagr(returns, 365),
    "max_drawdown": max_drawdown,
}


def test_an_interval_is_made_of_the_metric_of_every_resample() -> None:
    returns = noise(1, 200)
    found = intervals(returns, METRICS, seed=7, level=0.8, reps=500, block=4)
    for name, metric in METRICS.items():
        resampled = [metric(returns[rows]) for rows in draws(200, 4, 500, seed=7)]
        low, high = np.percentile(resampled, [10, 90])
        assert found.loc[name].tolist() == pytest.approx([metric(returns), low, high])


def test_a_seed_repeats_an_interval() -> None:
    first, same, other = (intervals(noise(1, 200), METRICS, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, same, check_exact=True)
    assert not first["low"].equals(other["low"])


def test_columns_are_resampled_together() -> None:
    """A book that is its benchmark plus one per mille a bar leads it by that in every resample."""
    benchmark = noise(1, 200)
    both = np.column_stack([benchmark + 0.001, benchmark])
    found = intervals(both, {"lead": lambda rows: float((rows[:, 0] - rows[:, 1]).mean())}, seed=1)
    assert found.loc["lead"].tolist() == pytest.approx([0.001] * 3)


def test_a_metric_that_some_resample_leaves_undefined_has_no_bounds() -> None:
    """Of one bar that moves, a resample in three is without it."""
    returns = np.zeros(50)
    returns[10] = 0.1
    found = intervals(returns, METRICS, seed=1, block=1)
    assert found.loc["sharpe", ["low", "high"]].isna().all()
    assert found.loc["cagr"].notna().all()


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_that_is_no_fraction_is_refused(level: float) -> None:
    with pytest.raises(BadUsage, match=f"level must lie between 0 and 1; found {level}"):
        intervals(noise(1, 100), METRICS, seed=1, level=level)


@pytest.mark.parametrize("phi", [0.0, 0.3])
def test_ninety_percent_of_intervals_hold_the_truth_even_if_returns_persist(phi: float) -> None:
    """Of 300 histories, true Sharpe ratio of 1 a year; 90 % ± three errors (5 %), a little less for shortness."""
    mean, deviation = 0.02 / np.sqrt(1 - phi**2) / np.sqrt(365), 0.02 / np.sqrt(1 - phi**2)
    truth = mean / deviation * np.sqrt(365)
    rows = [
        intervals(persistent(seed, 500, phi, mean), {"sharpe": METRICS["sharpe"]}, seed=seed, reps=200).iloc[0]
        for seed in range(300)
    ]
    held = np.mean([row["low"] <= truth <= row["high"] for row in rows])
    assert 0.82 <= held <= 0.95


def test_what_takes_seconds_to_import_is_imported_only_when_used() -> None:
    modules = ("overfitting", "bootstrap", "superiority", "effective_trials", "placebo")
    names = ", ".join(f"backtests.statistics.{name}" for name in modules)
    code = f"import sys, {names}; print([n for n in ('arch', 'scipy', 'statsmodels', 'vectorbt') if n in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
