"""Maps of parameters: places along an axis, medians of cells, what pairs explain, and the colours."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.sweeps.report.maps import BAD, BOTH, GOOD, Pair, colouring, curve_of, pairs_of
from backtests.sweeps.report.scored import Objective, Scored, levels, round_ticks, score_axis, scored
from tests.backtests.sweeps.report.synthetic import made

SHARPE = Objective("sharpe", 1)
DRAWDOWN = Objective("max_drawdown", -1)


def trials(scores: list[float], objective: Objective = SHARPE, **parameters: list[Any]) -> Scored:
    column = pd.Series(scores, name=objective.name)
    return Scored(pd.DataFrame(parameters), column, objective, int(column.idxmax()))


# --- places along an axis


def test_numbers_stand_in_their_order_and_words_in_theirs() -> None:
    assert levels(pd.Series([10, 2, 2, 0], name="window")).labels == ("0", "2", "10")
    assert levels(pd.Series([10, 2, 2, 0], name="window")).codes.tolist() == [2, 1, 1, 0]
    assert levels(pd.Series([2.5, 0.1], name="trigger")).labels == ("0.1", "2.5")
    assert levels(pd.Series([True, False], name="invert")).labels == ("False", "True")
    assert levels(pd.Series(["b", "a", "b"], name="mix")).codes.tolist() == [1, 0, 1]


def test_many_numbers_are_put_into_bins_of_neighbours() -> None:
    """Nine values into three bins: 0 to 2, 3 to 5, 6 to 8, whose means are 1, 4 and 7."""
    found = levels(pd.Series(range(9), name="window"), most=3)
    assert found.labels == ("0 to 2", "3 to 5", "6 to 8")
    assert found.codes.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert found.middles is not None
    assert found.middles.tolist() == [1, 4, 7]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300))
def test_every_trial_has_a_place_and_no_more_than_forty_places_there_are(values: list[float]) -> None:
    found = levels(pd.Series(values, name="trigger"))
    assert len(found) == min(40, len(set(values)))
    assert set(found.codes) == set(range(len(found)))
    order = np.argsort(values, kind="stable")
    assert (np.diff(found.codes[order]) >= 0).all()


TICKS = [((-0.3, 1.2), [0, 0.5, 1]), ((0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]), ((3, 47), [10, 20, 30, 40]), ((2, 2), [2])]


@pytest.mark.parametrize(("ends", "ticks"), TICKS)
def test_ticks_are_round(ends: tuple[float, float], ticks: list[float]) -> None:
    assert round_ticks(*ends) == ticks


@given(st.floats(-1e4, 1e4), st.floats(1e-4, 1e4))
def test_there_are_few_ticks_and_all_lie_within(low: float, width: float) -> None:
    ticks = round_ticks(low, low + width)
    assert len(ticks) <= 6
    assert all(low - 1e-9 * abs(low) - 1e-9 <= tick <= low + width + 1e-9 * (abs(low) + width) + 1e-9 for tick in ticks)


# --- maps


def a_pair(of: Scored) -> Pair:
    ((pair,), many) = pairs_of(of)
    assert many == 1
    return pair


def test_a_cell_is_the_median_over_all_other_parameters() -> None:
    """At (1, 7) are the scores 1, 2 and 6; at (2, 7) is 4; nothing is at (2, 8)."""
    pair = a_pair(trials([1, 2, 6, 4, 0], fast=[1, 1, 1, 2, 1], slow=[7, 7, 7, 7, 8]))
    assert (pair.x.name, pair.y.name) == ("fast", "slow")
    assert pair.frame().to_dict("records") == [
        {"x": 0, "y": 0, "median": 2, "best": 6, "worst": 1, "trials": 3},
        {"x": 1, "y": 0, "median": 4, "best": 4, "worst": 4, "trials": 1},
        {"x": 0, "y": 1, "median": 0, "best": 0, "worst": 0, "trials": 1},
    ]


def test_the_figure_draws_the_cells_leaves_holes_and_outlines_the_best_trial() -> None:
    pair = a_pair(trials([1, 2, 6, 4, 0], fast=[1, 1, 1, 2, 1], slow=[7, 7, 7, 7, 8]))
    drawn = pair.figure()
    assert drawn.data[0].z.tolist()[0] == [2, 4]
    assert drawn.data[0].z.tolist()[1][0] == 0
    assert np.isnan(drawn.data[0].z[1][1])
    assert drawn.data[0].hovertext[0][0] == "fast 1, slow 7<br>median 2.00<br>best 6.00, worst 1.00<br>of 3"
    assert {(box.x0, box.x1, box.y0, box.y1) for box in drawn.layout.shapes} == {(-0.5, 0.5, -0.5, 0.5)}


def test_what_a_pair_explains_is_adjusted_for_its_cells() -> None:
    """Two cells with 0, 2 and 10, 12: within is 4 over 4 - 2, total 104 over 4 - 1."""
    pair = a_pair(trials([0, 2, 10, 12], a=[1, 1, 2, 2], b=[1, 1, 5, 5]))
    assert pair.explained == pytest.approx(1 - (4 / 2) / (104 / 3))


def test_noise_explains_nothing_however_many_cells_it_has() -> None:
    rng = np.random.default_rng(5)
    a, b = np.repeat(range(20), 40).tolist(), np.tile(range(20), 40).tolist()
    assert a_pair(trials(rng.normal(size=800).tolist(), a=a, b=b)).explained < 0.1


def test_what_one_value_explains_does_not_get_lost_in_the_bins_of_a_map() -> None:
    """The score is 1 on each even day, else 0: bins of neighbouring days see nothing of it, and the map has bins."""
    days = [number for number in range(60) for _ in range(2)]
    pair = a_pair(trials([day % 2 for day in days], days=days, exposure=[0.5, 1.0] * 60))
    assert len(pair.x) < 60
    assert not pair.exact
    assert pair.explained == 1


def test_what_is_not_known_well_enough_is_not_said() -> None:
    """Each trial has a cell, a value and a bin of its own."""
    values = [1, 2, 3, 4]
    assert np.isnan(a_pair(trials([4, 1, 3, 2], a=values, b=values[::-1])).explained)


def test_a_pair_whose_values_are_tried_often_enough_is_told_exactly() -> None:
    pair = a_pair(trials([0, 2, 10, 12], a=[1, 1, 2, 2], b=[1, 1, 5, 5]))
    assert pair.exact


def test_the_pairs_that_explain_most_come_first_and_ten_are_drawn() -> None:
    """Six parameters of two values each are fifteen pairs; what is scored is fifth times sixth, so these are first."""
    bits = np.indices((2,) * 6).reshape(6, -1)
    noise = np.random.default_rng(3).normal(0, 0.1, 64)
    scores = (bits[4] * bits[5] + noise).tolist()
    pairs, many = pairs_of(trials(scores, **{f"p{i}": bit.tolist() for i, bit in enumerate(bits)}))
    assert (len(pairs), many) == (10, 15)
    assert {pairs[0].x.name, pairs[0].y.name} == {"p4", "p5"}
    assert [pair.explained for pair in pairs] == sorted((pair.explained for pair in pairs), reverse=True)


def test_few_trials_of_many_values_share_cells_and_grids_keep_their_values() -> None:
    """400 trials, four to a cell of ten by ten; twenty values stay twenty."""
    values = np.random.default_rng(6).permutation(400).tolist()
    (pair,), _ = pairs_of(trials(list(range(400)), a=list(range(400)), b=values))
    assert (len(pair.x), len(pair.y)) == (10, 10)
    (pair,), _ = pairs_of(trials(list(range(400)), a=[n % 20 for n in range(400)], b=values))
    assert (len(pair.x), len(pair.y)) == (20, 10)


def test_a_parameter_that_does_not_vary_has_no_map() -> None:
    assert trials([1, 2], a=[1, 2], b=[5, 5]).varying == ["a"]


def test_zero_is_the_middle_of_the_colours_where_scores_lie_on_both_sides() -> None:
    def colours(scores: list[float], objective: Objective = SHARPE) -> Any:
        found = colouring([a_pair(trials(scores, objective, a=[1, 1, 2], b=[3, 4, 4]))], objective)
        return found.low, found.high, found.scales

    assert colours([-0.5, 1, 2]) == (-2, 2, BOTH)
    assert colours([0.5, 1, 2]) == (0.5, 2, GOOD)
    assert colours([-0.5, -1, -2]) == (-2, -0.5, BAD)
    assert colours([-0.5, -0.1, -0.3], DRAWDOWN) == (-0.5, -0.1, GOOD)


@pytest.mark.parametrize("scale", [BOTH, GOOD, BAD])
def test_a_scale_has_colours_for_both_themes_from_end_to_end(scale: dict[str, list[tuple[float, str]]]) -> None:
    assert {theme: (colors[0][0], colors[-1][0]) for theme, colors in scale.items()} == {
        "light": (0, 1),
        "dark": (0, 1),
    }


def test_a_map_says_in_words_where_it_is_high_and_low() -> None:
    pair = a_pair(trials([1, 2, 6, 4, 0], fast=[1, 1, 1, 2, 1], slow=[7, 7, 7, 7, 8]))
    assert pair.alt() == (
        "Median Sharpe ratio by fast and slow: highest, 4.00, at fast 2, slow 7; lowest, 0.00, at fast 1, slow 8."
    )


# --- one parameter


def test_one_parameter_is_a_curve_with_the_best_trial_ringed() -> None:
    curve = curve_of(trials([1, 5, 3], window=[5, 10, 20]))
    assert curve.frame()["median"].tolist() == [1, 5, 3]
    dots, ring = curve.figure().data
    assert (dots.x.tolist(), dots.y.tolist()) == ([5, 10, 20], [1, 5, 3])
    assert (list(ring.x), list(ring.y)) == ([10], [5])
    assert curve.alt() == "Sharpe ratio by window: highest, 5.00, at 10; lowest, 1.00, at 5."


def test_a_curve_of_words_has_a_place_for_each() -> None:
    drawn = curve_of(trials([1, 5, 3], mix=["c", "a", "b"])).figure()
    assert drawn.data[0].y.tolist() == [5, 3, 1]
    assert list(drawn.layout.xaxis.ticktext) == ["a", "b", "c"]


# --- scores


def test_a_drawdown_is_scored_from_below_and_shown_as_a_loss() -> None:
    sweep = made(objective="max_drawdown", scores=[0.3 - number / 100 for number in range(30)])
    found = scored(sweep)
    assert found.best == 29
    assert found.objective.text(float(found.scores.max())) == "−1.0%"
    assert score_axis(found.objective, -0.3, -0.01)["ticktext"] == [
        "−30.0%",
        "−25.0%",
        "−20.0%",
        "−15.0%",
        "−10.0%",
        "−5.0%",
    ]


def test_a_volatility_is_scored_from_below_and_shown_as_it_is() -> None:
    found = scored(made(objective="volatility", scores=[0.3 - number / 100 for number in range(30)]))
    assert found.best == 29
    assert found.objective.text(float(found.scores.max())) == "1.0%"
    assert found.objective.shown(np.array([-0.25])).tolist() == [0.25]


def test_a_trial_with_a_problem_is_not_drawn() -> None:
    found = scored(made(problems=[0, 7]))
    assert len(found) == 28
    assert not {0, 7} & set(found.scores.index)


def test_a_parameter_that_is_called_like_a_measure_keeps_its_name() -> None:
    from backtests.sweeps.grid import Axis

    found = scored(made([Axis("exposure", (0.5, 1.0)), Axis("window", (5, 21))]))
    assert found.varying == ["exposure", "window"]
    assert found.parameters["exposure"].tolist() == [0.5, 0.5, 1, 1]
