"""How much a number of events can show, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.studies.power import SEEN, detectable, effective_number, standard_error, without_one


def test_events_that_do_not_overlap_count_in_full() -> None:
    assert effective_number(np.array([0, 10, 25]), 10) == pytest.approx(3)


def test_events_at_the_same_bar_are_one() -> None:
    assert effective_number(np.array([4, 4, 4]), 10) == pytest.approx(1)


def test_two_events_that_share_half_of_their_time_are_one_and_a_third() -> None:
    # n = 2, S = 0.5: 2 / (1 + 2 * 0.5 / 2) = 1.333
    assert effective_number(np.array([0, 5]), 10) == pytest.approx(2 / 1.5)


def test_no_event_is_none() -> None:
    assert effective_number(np.array([], int), 10) == 0
    assert np.isnan(standard_error(np.array([0.1, 0.2]), np.array([], int), 1))


@given(st.lists(st.integers(0, 500), min_size=1, max_size=30), st.integers(1, 100))
def test_overlap_never_adds_events(bars: list[int], held: int) -> None:
    effective = effective_number(np.array(bars), held)
    assert 1 - 1e-9 <= effective <= len(bars) + 1e-9


def test_the_formula_is_the_variance_of_a_mean_of_overlapping_sums() -> None:
    """Of 20,000 histories of independent steps: variance of the mean of sums over variance of one sum."""
    bars, held = np.array([0, 3, 4, 20]), 6
    level = np.cumsum(np.random.default_rng(5).standard_normal((20_000, 30)), axis=1)
    sums = level[:, bars + held] - level[:, bars]
    found = sums.var() / sums.mean(axis=1).var()
    assert found == pytest.approx(effective_number(bars, held), rel=0.05)


@pytest.mark.parametrize(("n", "held"), [(3, 1), (2, 2)])
def test_the_standard_error_of_one_event_among_few_bars(n: int, held: int) -> None:
    """Weights of the difference, 1 - 1/n for the event and -1/n for the others; returns 0, 1, ...

    Three bars held for one: D = 4/9 + 1/9 + 1/9 = 2/3, and A = 1/3. Two held for two: three bars are covered with 1/2,
    0 and -1/2, so D = 1/4; by the mean of all with 1/2, 1 and 1/2, so A = 3/4. In both D / (1 - A) = 1.
    """
    forward = np.arange(n, dtype=float)
    assert standard_error(forward, np.array([0]), held) == pytest.approx(forward.std())


@pytest.mark.parametrize("held", [1, 28, 91])
def test_the_standard_error_is_how_far_means_of_nothing_spread(held: int) -> None:
    """Of 25 events in 1,500 bars without any effect: the difference in standard errors has a deviation of 1."""
    rng, found = np.random.default_rng(held), []
    for _ in range(500):
        level = np.cumsum(0.03 * rng.standard_normal(1_500))
        forward = np.expm1(level[held:] - level[:-held])
        bars = rng.choice(len(forward), 25, replace=False)
        found.append((forward[bars].mean() - forward.mean()) / standard_error(forward, bars, held))
    assert np.std(found) == pytest.approx(1, abs=0.1)


def test_an_effect_of_2_80_standard_errors_is_seen_in_80_percent_of_cases() -> None:
    assert pytest.approx(1.959964 + 0.841621, abs=1e-6) == SEEN
    assert detectable(0.1) == pytest.approx(0.1 * 2.801585)
    estimates = 2.801585 + np.random.default_rng(0).standard_normal(100_000)
    assert (np.abs(estimates) > 1.959964).mean() == pytest.approx(0.80, abs=0.01)


def test_the_mean_without_each_event_in_turn() -> None:
    # (2 + 6) / 2, (1 + 6) / 2, (1 + 2) / 2
    assert without_one(np.array([1.0, 2.0, 6.0])).tolist() == [4.0, 3.5, 1.5]
    assert np.isnan(without_one(np.array([1.0]))).all()
