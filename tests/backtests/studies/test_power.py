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
    assert np.isnan(standard_error(0.1, 0.0))


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


def test_an_effect_of_2_80_standard_errors_is_seen_in_80_percent_of_cases() -> None:
    assert pytest.approx(1.959964 + 0.841621, abs=1e-6) == SEEN
    # A standard deviation of 20 % and four effective events: an error of 10 %.
    assert detectable(standard_error(0.2, 4.0)) == pytest.approx(0.1 * 2.801585)
    estimates = 2.801585 + np.random.default_rng(0).standard_normal(100_000)
    assert (np.abs(estimates) > 1.959964).mean() == pytest.approx(0.80, abs=0.01)


def test_the_mean_without_each_event_in_turn() -> None:
    # (2 + 6) / 2, (1 + 6) / 2, (1 + 2) / 2
    assert without_one(np.array([1.0, 2.0, 6.0])).tolist() == [4.0, 3.5, 1.5]
    assert np.isnan(without_one(np.array([1.0]))).all()
