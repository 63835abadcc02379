"""What is said of the best of a sweep, each on a grid small enough to draw."""

import inspect
import re
import time
from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.findings import Finding
from backtests.statistics.placebo import Placebo
from backtests.sweeps import findings as sweep_findings
from backtests.sweeps.findings import findings_of, grid_findings, luck_findings, neighbours
from backtests.sweeps.verdict import Verdict
from data_cache.errors import BadUsage

README = (Path(__file__).parents[3] / "README.md").read_text("utf-8")


# Nothing is known of the best of these 15 trials.
UNKNOWN = Verdict(
    best=0,
    trials=15,
    effective=nan,
    clustered_of=0,
    sharpe=nan,
    probabilistic=nan,
    deflated=nan,
    deflated_effective=nan,
    minimum_years=nan,
    overfitting=nan,
    slope=nan,
    loss=nan,
    blocks=0,
    spa_lower=nan,
    spa=nan,
    spa_upper=nan,
    better=0,
    block=0,
    reps=0,
    intervals=pd.DataFrame(),
    placebo=None,
    placebo_trials=0,
    skipped={},
)


def grid(**scores: list[float]) -> tuple[pd.DataFrame, pd.Series]:
    """Rows of scores by trigger (a = 1, b = 2, ...), in which window runs 5, 10, 15, ..."""
    rows = [
        {"window": 5 * (i + 1), "trigger": float(ord(name) - ord("a") + 1), "score": score}
        for name, row in scores.items()
        for i, score in enumerate(row)
    ]
    table = pd.DataFrame(rows)
    return table[["window", "trigger"]], table["score"]


def told(parameters: pd.DataFrame, scores: pd.Series) -> list[str]:
    return [str(finding) for finding in grid_findings("Mine", parameters, scores)]


HILL = grid(a=[0, 1, 2, 1, 0], b=[1, 2, 3, 2, 1], c=[0, 1, 2, 1, 0])


def test_a_hill_inside_the_grid_is_no_finding() -> None:
    assert told(*HILL) == []


def test_a_best_trial_at_the_edge_is_a_finding_per_parameter() -> None:
    assert told(*grid(a=[0, 0, 1], b=[0, 1, 2], c=[1, 2, 3])) == [
        "Mine: the best trial has window=15, the largest of 3 values; the optimum may lie beyond: widen the grid there",
        "Mine: the best trial has trigger=3, the largest of 3 values; the optimum may lie beyond: widen the grid there",
    ]


def test_the_smallest_value_is_an_edge_too() -> None:
    assert "window=5, the smallest of 3 values;" in told(*grid(a=[3, 2, 1], b=[3.5, 3, 2], c=[3, 2, 1]))[0]


def test_what_a_random_search_happened_not_to_try_is_no_edge() -> None:
    """The largest of the values tried is 15; the space has 60."""
    parameters, scores = grid(a=[0, 0, 1], b=[0, 1, 2], c=[1, 2, 3])
    sampled = {"window": range(5, 65, 5), "trigger": [1, 2, 3]}
    (found,) = grid_findings("Mine", parameters, scores, sampled)
    assert found.sentence.startswith("the best trial has trigger=3, the largest of 3 values")


def test_two_values_are_no_grid_with_edges_and_a_slope_is_no_peak() -> None:
    """One step from 3 towards 1, half of the lead is left."""
    parameters, scores = grid(a=[1, 2], b=[2, 3])
    assert told(parameters, scores) == []


def test_a_peak_whose_neighbours_are_ordinary_is_a_finding() -> None:
    """The best scores 4, its neighbours 0, 1, 1 and 2, in the middle 1, and all others 0: a quarter is left."""
    assert told(*grid(a=[0, 0, 1, 0, 0], b=[0, 1, 4, 2, 0], c=[0, 0, 0, 0, 0])) == [
        "Mine: the best trial is an isolated peak: it leads the median of those further away by 4.00, and one step "
        "away on the grid 25% of that is left; a rule that holds would hold there too"
    ]


@pytest.mark.parametrize(("around", "isolated"), [(1.9, True), (2.0, False)])
def test_half_of_the_lead_is_enough(around: float, isolated: bool) -> None:
    found = told(*grid(a=[0, 0, around, 0, 0], b=[0, around, 4, around, 0], c=[0, 0, around, 0, 0]))
    assert bool(found) is isolated


def test_neighbours_below_the_median_keep_nothing() -> None:
    assert "away on the grid 0% of that is left" in told(*grid(a=[0, 0, -9, 0, 0], b=[0, -9, 4, -9, 0]))[-1]


def test_a_random_search_has_no_neighbours_and_so_no_peak() -> None:
    parameters = pd.DataFrame({"window": [1.0, 2.0, 3.0], "trigger": [0.3, 0.7, 0.1]})
    assert told(parameters, pd.Series([0.0, 9.0, 0.0])) == [
        "Mine: the best trial has trigger=0.7, the largest of 3 values; the optimum may lie beyond: "
        "widen the grid there"
    ]


def test_neighbours_differ_by_one_step_in_one_number_and_in_nothing_else() -> None:
    parameters = pd.DataFrame(
        {
            "window": [5, 10, 20, 10, 10, 20],
            "asset": ["BTC", "BTC", "BTC", "ETH", "BTC", "BTC"],
            "on": [True] * 5 + [False],
        }
    )
    assert neighbours(parameters, 1).tolist() == [0, 2]


def test_words_and_switches_have_no_edges() -> None:
    parameters = pd.DataFrame({"asset": ["A", "B", "C"], "on": [True, False, True], "window": [1, 1, 1]})
    assert told(parameters, pd.Series([0.0, 0.0, 1.0])) == []


def test_trials_without_a_score_are_passed_over() -> None:
    parameters, scores = HILL
    assert told(parameters, scores.where(scores.index != 0)) == []
    assert told(parameters, pd.Series(np.nan, scores.index)) == []


def test_scores_of_other_trials_are_refused() -> None:
    parameters, scores = HILL
    with pytest.raises(BadUsage, match="parameters and scores must have the same trials in the same order"):
        grid_findings("Mine", parameters, scores.iloc[::-1])


def luck(**numbers: float) -> list[Finding]:
    known = {"trials": 1000, "decisions": 40, "parameters": 4} | numbers
    return luck_findings("Mine", **known)  # type: ignore[arg-type]


def test_what_is_not_known_is_not_said() -> None:
    assert luck() == []


@pytest.mark.parametrize(("decisions", "said"), [(3, "3 decisions were"), (1, "1 decision was")])
def test_fewer_decisions_than_parameters_are_a_finding(decisions: int, said: str) -> None:
    assert [(f.code, f.sentence) for f in luck(decisions=decisions)] == [
        ("FEWER_DECISIONS_THAN_PARAMETERS", f"{said} fitted with 4 parameters; any history can be fitted so")
    ]


def test_as_many_decisions_as_parameters_are_none() -> None:
    assert luck(decisions=4) == []


def test_a_probability_of_overfitting_above_one_half_is_a_finding() -> None:
    assert luck(overfitting=0.5) == []
    assert [(f.code, f.sentence) for f in luck(overfitting=0.62)] == [
        (
            "PROBABLY_OVERFIT",
            "the probability of backtest overfitting is 62%: so often, what is best on one half of the history is no "
            "better than the median trial on the other",
        )
    ]


def test_a_deflated_sharpe_ratio_below_095_is_a_finding_that_names_the_number_of_trials() -> None:
    assert luck(deflated=0.95) == []
    assert [(f.code, f.sentence) for f in luck(deflated=0.9004)] == [
        (
            "BEST_OF_MANY",
            "the deflated Sharpe ratio is 0.900, below 0.95: the best of 1,000 trials without any skill could look "
            "like this",
        )
    ]


def test_a_placebo_that_is_not_beaten_is_a_finding() -> None:
    assert luck(placebo=0.05) == []
    assert [(f.code, f.sentence) for f in luck(placebo=0.31)] == [
        (
            "PLACEBO_NOT_BEATEN",
            "the placebo is not beaten (p = 0.310): so often, the same signals shifted to the wrong time do at "
            "least as well",
        )
    ]


def test_a_best_that_is_not_shown_to_beat_the_benchmark_is_a_finding() -> None:
    assert luck(superior=0.05) == []
    assert [(f.code, f.sentence) for f in luck(superior=0.34)] == [
        (
            "NOT_SUPERIOR",
            "no trial is shown to beat the benchmark in mean daily return, whatever its risk (p = 0.340): so often, "
            "the best would look at least as good if none of them were better than it",
        )
    ]


def test_all_are_said_of_the_strategy_in_one_order() -> None:
    found = luck(decisions=2, overfitting=0.9, deflated=0.1, placebo=0.9, superior=0.9)
    assert [f.code for f in found] == [
        "FEWER_DECISIONS_THAN_PARAMETERS",
        "PROBABLY_OVERFIT",
        "BEST_OF_MANY",
        "PLACEBO_NOT_BEATEN",
        "NOT_SUPERIOR",
    ]
    assert {f.about for f in found} == {"Mine"}


def test_a_sweep_is_told_all_of_them_by_its_verdict() -> None:
    """The peak of above, after 5 decisions on two parameters that vary and four that do not."""
    parameters, scores = grid(a=[0, 0, 1, 0, 0], b=[0, 1, 4, 2, 0], c=[0, 0, 0, 0, 0])
    fixed = parameters.assign(p=1, q="BTC", r=None, s=0.5)
    placebo = Placebo(1.0, np.arange(9), np.full(9, 2.0))
    found = findings_of("Mine", fixed, scores, replace(UNKNOWN, overfitting=0.9, placebo=placebo, spa=0.5), decisions=5)
    assert [f.code for f in found] == ["ISOLATED_PEAK", "PROBABLY_OVERFIT", "PLACEBO_NOT_BEATEN", "NOT_SUPERIOR"]
    assert [f.code for f in findings_of("Mine", fixed, scores, UNKNOWN, decisions=1)] == [
        "ISOLATED_PEAK",
        "FEWER_DECISIONS_THAN_PARAMETERS",
    ]


def test_a_hundred_thousand_trials_are_told_within_a_second() -> None:
    """A grid of 40 x 50 x 50, the best in its middle among noise."""
    axes = np.meshgrid(np.arange(40), np.linspace(0, 1, 50), np.arange(50), indexing="ij")
    parameters = pd.DataFrame({name: axis.ravel() for name, axis in zip("abc", axes, strict=True)})
    scores = pd.Series(np.random.default_rng(1).normal(size=100_000))
    scores.iloc[20 * 2500 + 25 * 50 + 25] = 9.0
    began = time.process_time()
    assert [f.code for f in grid_findings("Mine", parameters, scores)] == ["ISOLATED_PEAK"]
    assert time.process_time() - began < 1


def test_the_readme_names_every_finding_of_a_sweep() -> None:
    codes = set(re.findall(r'Finding\("(\w+)"', inspect.getsource(sweep_findings)))
    assert len(codes) == 7
    assert {code for code in codes if f"`{code}`" not in README} == set()
