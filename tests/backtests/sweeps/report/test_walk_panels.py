"""What the page of a walk draws, on stretches written out by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from backtests.sweeps.cross_validation import PurgedCrossValidation
from backtests.sweeps.report.scored import Objective
from backtests.sweeps.report.walk_page import joined_lines
from backtests.sweeps.report.walk_panels import Banded, Drift, PathRatios, Promised
from backtests.sweeps.walked import Walk
from backtests.tearsheet.sections.growth import Equity
from tests.backtests.sweeps.report.made_walk import BEGIN, STRETCH, lab, made_paths, made_walk

SHARPE = Objective("sharpe", 1)


@pytest.fixture(scope="module")
def walk() -> Walk:
    return made_walk(lab())


@pytest.fixture(scope="module")
def paths() -> PurgedCrossValidation:
    return made_paths()


def test_every_other_stretch_is_shaded_and_the_frame_is_that_of_the_panel(walk: Walk) -> None:
    equity = Equity(joined_lines(walk))
    banded = Banded(equity, walk.stretches)
    assert banded.bands()["test_from"].tolist() == [BEGIN + STRETCH, BEGIN + 3 * STRETCH]
    assert [(box.x0, box.x1) for box in banded.figure().layout.shapes] == [
        ("2021-03-02 00:00", "2021-05-01 00:00"),
        ("2021-06-30 00:00", "2021-08-29 00:00"),
    ]
    pd.testing.assert_frame_equal(banded.frame(), equity.frame())
    assert banded.alt() == f"{equity.alt()} Joined from 4 stretches."


def test_the_lines_are_the_walk_by_its_familys_name_and_the_benchmark(walk: Walk) -> None:
    assert [(line.label, line.is_benchmark) for line in joined_lines(walk)] == [
        ("TrendFollowing, walked forward", False),
        ("BuyAndHold", True),
    ]


def test_a_parameter_drifts_in_steps_that_last_to_the_end_of_the_last_stretch(walk: Walk) -> None:
    drift = Drift(walk, "days")
    assert drift.frame()["value"].tolist() == [10, 20, 20, 5]
    (steps,) = drift.figure().data
    assert steps.y.tolist() == [10, 20, 20, 5, 5]
    assert (steps.x[0], steps.x[-1]) == ("2021-01-01 00:00", "2021-08-29 00:00")
    assert steps.line.shape == "hv"
    assert drift.alt() == "days, stretch by stretch: 10, 20, 20, 5."


def test_a_mix_has_a_place_for_each_that_was_held(walk: Walk) -> None:
    frame = Drift(walk, "mix").frame()
    assert frame["text"].tolist() == ["BTC:0.7,ETH:0.3", *["BTC:1.0"] * 3]
    assert frame["value"].tolist() == [0, 1, 1, 1]


def test_where_nothing_is_held_there_is_no_step(walk: Walk) -> None:
    table = walk.stretches.assign(days=pd.Series([None, 20, 20, 5], dtype=object))
    frame = Drift(replace(walk, stretches=table), "days").frame()
    assert frame["text"].tolist() == ["cash", "20", "20", "5"]
    assert np.isnan(frame["value"].iloc[0])
    assert frame["value"].tolist()[1:] == [20, 20, 5]


def test_labels_that_would_run_into_one_another_are_left_out(walk: Walk) -> None:
    """From 10 to 70 a label needs a sixth of the height, 10."""
    table = walk.stretches.assign(days=[10, 15, 20, 70])
    axis = Drift(replace(walk, stretches=table), "days").figure().layout.yaxis
    assert list(axis.ticktext) == ["10", "20", "70"]


def test_a_promise_is_a_dot_and_the_diagonal_goes_from_corner_to_corner() -> None:
    scores = pd.DataFrame({"inside": [1.0, 2.0, np.nan], "outside": [1.5, -1.0, 1.0]})
    panel = Promised(scores, SHARPE, ["a", "b", "c"])
    assert panel.frame().to_dict("index") == {
        "a": {"inside": 1.0, "outside": 1.5},
        "b": {"inside": 2.0, "outside": -1.0},
    }
    diagonal, dots = panel.figure().data
    assert list(diagonal.x) == list(diagonal.y)
    assert (diagonal.x[0] < -1, diagonal.x[1] > 2) == (True, True)
    assert (dots.x.tolist(), dots.y.tolist()) == ([1, 2], [1.5, -1])
    assert dots.text[1] == "b<br>inside 2.00<br>outside -1.00"
    assert panel.alt() == (
        "Sharpe ratio of 2: median 1.50 inside, 0.25 outside; outside is as good as inside, or better, in 1 of them."
    )


def test_without_any_promise_there_is_a_sentence() -> None:
    empty = Promised(pd.DataFrame({"inside": [np.nan], "outside": [1.0]}), SHARPE, ["a"])
    assert empty.alt() == "There is no Sharpe ratio both inside and outside."
    assert len(empty.figure().data[1].x) == 0


def test_each_path_is_a_dot_and_all_lie_within_the_axis(paths: PurgedCrossValidation) -> None:
    panel = PathRatios(paths, [("joined", 9.0, "#000000"), ("benchmark", float("nan"), "#000000")])
    line, dots = panel.figure().data
    assert dots.x.tolist() == sorted(paths.paths.tolist())
    assert line.x == (9.0, 9.0)
    assert panel.figure().layout.xaxis.range[1] > 9
    assert panel.alt().startswith(f"Sharpe ratios of 5 paths, from {paths.paths.min():.2f} to {paths.paths.max():.2f}")
