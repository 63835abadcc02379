"""Rank correlation by hand, errors that allow for overlap, and Holm's adjustment by hand."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from backtests.studies.association import holm, rank_correlation
from tests.backtests.studies.worlds import slow_noise

NAN = float("nan")


def test_what_rises_together_has_a_rank_correlation_of_one() -> None:
    signal = np.arange(50.0)
    assert rank_correlation(signal, np.exp(signal / 10), 1).correlation == pytest.approx(1)
    assert rank_correlation(signal, -(signal**3), 1).correlation == pytest.approx(-1)


def test_it_is_spearmans_of_the_days_on_which_both_are_known() -> None:
    rng = np.random.default_rng(1)
    signal = rng.normal(size=300)
    forward = 0.3 * signal + rng.normal(size=300)
    holed = signal.copy()
    holed[:100] = NAN
    found = rank_correlation(holed, np.append(forward[:250], np.full(50, NAN)), 1)
    assert found.days == 150
    assert found.correlation == pytest.approx(spearmanr(signal[100:250], forward[100:250]).statistic)


def test_where_returns_do_not_overlap_the_error_is_the_usual_one() -> None:
    """Of independent days it is about 1 / sqrt(n)."""
    rng = np.random.default_rng(2)
    found = rank_correlation(rng.normal(size=2_000), rng.normal(size=2_000), 1)
    assert found.error == pytest.approx(1 / 2_000**0.5, rel=0.1)


def test_overlap_of_a_slow_signal_widens_the_error() -> None:
    steps = np.random.default_rng(3).normal(size=1_500)
    forward = np.append(np.convolve(steps, np.ones(20), "valid")[1:], np.full(20, NAN))
    signal = slow_noise(1_500, 3)
    overlapping, ignored = rank_correlation(signal, forward, 20), rank_correlation(signal, forward, 1)
    assert overlapping.correlation == ignored.correlation
    assert overlapping.error > 1.2 * ignored.error


@pytest.mark.parametrize(("overlap", "lags"), [(20, 20), (1, 7)])
def test_errors_are_newey_and_wests_with_as_many_lags_as_overlap_or_the_usual_number(overlap: int, lags: int) -> None:
    """Of 1,500 days 4 x 15^(2/9) is 7.3. Ranks have mean 0 and variance 1, so the slope's error is that of a mean."""
    rng = np.random.default_rng(6)
    signal = slow_noise(1_500, 6)
    forward = np.convolve(rng.normal(size=1_519), np.ones(20), "valid")
    x, y = ((np.argsort(np.argsort(each)) - 749.5) / np.arange(1_500).std() for each in (signal, forward))
    product = x * (y - (x * y).mean() * x)
    weights = [1 - lag / (lags + 1) for lag in range(1, lags + 1)]
    later = sum(w * (product[lag:] * product[:-lag]).sum() for lag, w in enumerate(weights, 1))
    variance = ((product**2).sum() + 2 * later) / 1_500**2 * 1_500 / 1_498
    assert rank_correlation(signal, forward, overlap).error == pytest.approx(variance**0.5)


@pytest.mark.parametrize(
    ("signal", "forward"),
    [
        (np.ones(100), np.arange(100.0)),
        (np.arange(100.0), np.ones(100)),
        (np.arange(29.0), np.arange(29.0)),
        (np.full(100, NAN), np.arange(100.0)),
    ],
    ids=["a signal that never moves", "a price that never moves", "too few days", "a signal that is never known"],
)
def test_without_anything_to_go_by_it_is_unknown(signal: np.ndarray, forward: np.ndarray) -> None:
    found = rank_correlation(signal, forward, 1)
    assert np.isnan([found.correlation, found.error, found.p_value]).all()


def test_a_horizon_of_more_than_half_of_the_days_is_too_long() -> None:
    values = np.random.default_rng(4).normal(size=(2, 100))
    assert np.isnan(rank_correlation(values[0], values[1], 51).p_value)
    assert not np.isnan(rank_correlation(values[0], values[1], 50).p_value)


def test_holm_multiplies_the_smallest_by_all_and_the_next_by_one_less() -> None:
    # 0.01 * 3, then max(0.03, 0.02 * 2), then max(0.04, 0.5 * 1); what is unknown is not counted.
    assert holm(np.array([0.5, 0.01, NAN, 0.02])) == pytest.approx([0.5, 0.03, NAN, 0.04], nan_ok=True)
    assert np.isnan(holm(np.array([NAN, NAN]))).all()


def test_holm_never_lets_a_larger_p_value_become_the_smaller_one() -> None:
    # 0.010 * 2 = 0.020, and 0.011 * 1 is no less than that.
    assert holm(np.array([0.011, 0.010])) == pytest.approx([0.020, 0.020])
