"""Parallel coordinates: which trials are drawn, and where their lines run."""

import numpy as np
import pandas as pd
import pytest

from backtests.sweeps.report.paths import MOST_PATHS, SPREAD, Paths
from backtests.sweeps.report.scored import Objective, Scored


def trials(n: int) -> Scored:
    """Trial i has the window i mod 4 and the score i."""
    scores = pd.Series(np.arange(n, dtype=float), name="sharpe")
    return Scored(
        pd.DataFrame({"window": np.arange(n) % 4, "fine": np.arange(n) / 2}), scores, Objective("sharpe", 1), n - 1
    )


def test_a_small_sweep_is_drawn_whole_by_tenths() -> None:
    frame = Paths(trials(40), seed=7).frame()
    assert frame.index.tolist() == list(range(40))
    assert frame["tenth"].tolist() == sorted(list(range(10)) * 4)


def test_of_many_trials_the_best_tenth_is_there_and_a_seeded_sample_of_the_others() -> None:
    frame = Paths(trials(5_000), seed=7).frame()
    assert len(frame) == MOST_PATHS
    assert set(range(4_500, 5_000)) <= set(frame.index)
    assert frame.index.tolist() == Paths(trials(5_000), seed=7).frame().index.tolist()
    assert frame.index.tolist() != Paths(trials(5_000), seed=8).frame().index.tolist()


def test_where_the_best_tenth_is_too_many_the_best_thousand_are_there() -> None:
    paths = Paths(trials(50_000), seed=7)
    assert (paths.best_kept, len(paths.frame())) == (1_000, MOST_PATHS)
    assert set(range(49_000, 50_000)) <= set(paths.frame().index)


def test_lines_through_a_value_are_spread_around_it_the_better_ones_higher() -> None:
    """Window 0 of four is at an eighth; the two trials that have it lie a quarter of its spread below and above."""
    frame = Paths(trials(8), seed=7).frame()
    assert frame.loc[[0, 4], "window"].tolist() == pytest.approx([(0.5 - SPREAD / 4) / 4, (0.5 + SPREAD / 4) / 4])


def test_many_values_are_a_scale_and_so_is_the_objective() -> None:
    frame = Paths(trials(101), seed=7).frame()
    assert frame.loc[[0, 25, 100], "fine"].tolist() == pytest.approx([0, 0.25, 1])
    assert frame.loc[[0, 25, 100], "objective"].tolist() == pytest.approx([0, 0.25, 1])


def test_every_trial_is_one_line_and_lines_are_parted_by_gaps() -> None:
    figure = Paths(trials(40), seed=7).figure()
    worst, best = figure.data[0], figure.data[-1]
    assert len(figure.data) == 11
    assert np.isnan(worst.y).sum() == 4
    assert worst.x[:4].tolist() == pytest.approx([0, 1, 2, np.nan], nan_ok=True)
    assert best.customdata[0].tolist() == [39, 39]


def test_where_all_trials_score_the_same_lines_end_in_the_middle() -> None:
    same = trials(4)
    flat = Scored(same.parameters, same.scores * 0, same.objective, 0)
    assert Paths(flat, seed=7).frame()["objective"].tolist() == [0.5] * 4


def test_the_alternative_text_names_the_best_trial() -> None:
    assert Paths(trials(40), seed=7).alt() == (
        "40 of 40 trials as lines through their parameters to their Sharpe ratio; the best, 39.00, has window 3, "
        "fine 19.5."
    )
