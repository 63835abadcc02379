"""What a reader should know before believing the best of a sweep: coded findings, each one sentence."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from math import isnan
from typing import Any

import numpy as np
import pandas as pd

from backtests.findings import Finding, rule
from backtests.sweeps.verdict import Verdict
from data_cache.errors import BadUsage

# A best trial that is as likely as not to be worse than the median elsewhere was chosen by its noise.
LIKELY = 0.5
CONFIDENCE = 0.95
# Neighbours that keep less than half of the best trial's lead: it stands on one point, not on a hill.
KEPT = 0.5
# With two values, every choice is an edge.
GRID = 3


def findings_of(
    about: str,
    parameters: pd.DataFrame,
    scores: pd.Series,
    verdict: Verdict,
    decisions: int,
    space: Mapping[str, Sequence[Any]] | None = None,
) -> list[Finding]:
    """All findings on the best trial of a sweep.

    parameters, scores, space : as for `grid_findings`      decisions : that the best trial took
    A parameter that has one value in all trials was not fitted and does not count.
    """
    luck = luck_findings(
        about,
        trials=verdict.trials,
        decisions=decisions,
        parameters=int((parameters.nunique(dropna=False) > 1).sum()),
        overfitting=verdict.overfitting,
        deflated=verdict.deflated,
        placebo=float("nan") if verdict.placebo is None else verdict.placebo.p_value,
        superior=verdict.spa,
    )
    return grid_findings(about, parameters, scores, space) + luck


def grid_findings(
    about: str, parameters: pd.DataFrame, scores: pd.Series, space: Mapping[str, Sequence[Any]] | None = None
) -> list[Finding]:
    """EDGE_OF_GRID and ISOLATED_PEAK of the trial with the highest score.

    parameters : a row per trial, a column per swept parameter      scores : of the same trials, NaN for none; higher is
    better      space : the values that each parameter could have taken, where not all of them were tried
    Only numbers have edges and neighbours; of a random search, which has no grid, no neighbours are found.
    """
    if not parameters.index.equals(scores.index):
        raise BadUsage("parameters and scores must have the same trials in the same order")
    if scores.isna().all():
        return []
    best = int(np.nanargmax(scores.to_numpy(float)))
    return _edges(about, parameters, best, space or {}) + _isolated(about, parameters, scores, best)


def luck_findings(
    about: str,
    *,
    trials: int,
    decisions: int,
    parameters: int,
    overfitting: float = float("nan"),
    deflated: float = float("nan"),
    placebo: float = float("nan"),
    superior: float = float("nan"),
) -> list[Finding]:
    """What numbers say of the best of `trials`; those that are NaN say nothing.

    decisions : that it took      parameters : how many were swept      overfitting : PBO, in [0, 1]
    deflated : its deflated Sharpe ratio, a probability      placebo : the p-value of the placebo test
    superior : the p-value of Hansen's test of superior predictive ability
    """
    return [
        *_fewer_decisions(about, decisions, parameters),
        *_overfit(about, overfitting),
        *_deflated(about, trials, deflated),
        *_placebo(about, placebo),
        *_not_superior(about, superior),
    ]


@rule
def _edges(about: str, parameters: pd.DataFrame, best: int, space: Mapping[str, Sequence[Any]]) -> list[Finding]:
    """EDGE_OF_GRID: the best trial has the smallest or largest value of some parameter that there was to try."""
    found = []
    for name, tried in _grid(parameters):
        own, values = parameters[name].iloc[best], np.sort(space.get(str(name), tried))
        if own in (values[0], values[-1]):
            side = "smallest" if own == values[0] else "largest"
            sentence = (
                f"the best trial has {name}={own:g}, the {side} of {len(values)} values; the optimum may lie "
                "beyond: widen the grid there"
            )
            found.append(Finding("EDGE_OF_GRID", about, sentence))
    return found


@rule
def _isolated(about: str, parameters: pd.DataFrame, scores: pd.Series, best: int) -> list[Finding]:
    """ISOLATED_PEAK: one step of a parameter away from the best trial, most of its lead is gone."""
    near = neighbours(parameters, best)
    elsewhere = np.setdiff1d(np.arange(len(scores)), [best, *near])
    around, further = scores.iloc[near].median(), scores.iloc[elsewhere].median()
    lead = float(scores.iloc[best] - further)
    if isnan(around) or not lead > 0 or (around - further) / lead >= KEPT:
        return []
    kept = max(float(around - further) / lead, 0.0)
    sentence = (
        f"the best trial is an isolated peak: it leads the median of those further away by {lead:.2f}, and one step "
        f"away on the grid {kept:.0%} of that is left; a rule that holds would hold there too"
    )
    return [Finding("ISOLATED_PEAK", about, sentence)]


def neighbours(parameters: pd.DataFrame, best: int) -> np.ndarray:
    """Positions of the trials that are one step of the grid from trial `best` in one number, and equal in all else."""
    others = {name: _same(parameters[name], best) for name in parameters}
    near = np.zeros(len(parameters), bool)
    for name, values in _grid(parameters, least=2):
        at = int(np.searchsorted(values, parameters[name].iloc[best]))
        steps = [values[i] for i in (at - 1, at + 1) if 0 <= i < len(values)]
        alike = np.logical_and.reduce([np.ones(len(near), bool), *(same for n, same in others.items() if n != name)])
        near |= alike & parameters[name].isin(steps).to_numpy(bool)
    return np.flatnonzero(near)


def _same(column: pd.Series, best: int) -> np.ndarray:
    """Which trials have the value of trial `best`; None is one too."""
    value = column.iloc[best]
    return np.asarray(column.isna() if value is None or value != value else column == value, bool)


def _grid(parameters: pd.DataFrame, least: int = GRID) -> Iterator[tuple[Hashable, np.ndarray]]:
    """The names of parameters that are numbers with at least so many values, and these, ascending."""
    for name in parameters:
        column = parameters[name]
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            values = np.unique(column.to_numpy())
            if len(values) >= least:
                yield name, values


@rule
def _fewer_decisions(about: str, decisions: int, parameters: int) -> list[Finding]:
    """FEWER_DECISIONS_THAN_PARAMETERS: there was more to choose than the strategy did."""
    if decisions >= parameters:
        return []
    said = "1 decision was" if decisions == 1 else f"{decisions} decisions were"
    sentence = f"{said} fitted with {parameters} parameters; any history can be fitted so"
    return [Finding("FEWER_DECISIONS_THAN_PARAMETERS", about, sentence)]


@rule
def _overfit(about: str, overfitting: float) -> list[Finding]:
    """PROBABLY_OVERFIT: the best on one half of the history is more often than not below the median on the other."""
    if isnan(overfitting) or overfitting <= LIKELY:
        return []
    sentence = (
        f"the probability of backtest overfitting is {overfitting:.0%}: so often, what is best on one half of the "
        "history is no better than the median trial on the other"
    )
    return [Finding("PROBABLY_OVERFIT", about, sentence)]


@rule
def _deflated(about: str, trials: int, deflated: float) -> list[Finding]:
    """BEST_OF_MANY: after deflation for the number of trials, the Sharpe ratio is not above zero with confidence."""
    if isnan(deflated) or deflated >= CONFIDENCE:
        return []
    sentence = (
        f"the deflated Sharpe ratio is {deflated:.3f}, below {CONFIDENCE}: the best of {trials:,} trials without any "
        "skill could look like this"
    )
    return [Finding("BEST_OF_MANY", about, sentence)]


@rule
def _placebo(about: str, p_value: float) -> list[Finding]:
    """PLACEBO_NOT_BEATEN: the same decisions at the wrong time do as well too often."""
    if isnan(p_value) or p_value <= 1 - CONFIDENCE:
        return []
    sentence = (
        f"the placebo is not beaten (p = {p_value:.3f}): so often, the same signals shifted to the wrong time do at "
        "least as well"
    )
    return [Finding("PLACEBO_NOT_BEATEN", about, sentence)]


@rule
def _not_superior(about: str, p_value: float) -> list[Finding]:
    """NOT_SUPERIOR: that no trial is better than the benchmark can not be ruled out."""
    if isnan(p_value) or p_value <= 1 - CONFIDENCE:
        return []
    sentence = (
        f"no trial is shown to beat the benchmark in mean daily return, whatever its risk (p = {p_value:.3f}): so "
        "often, the best would look at least as good if none of them were better than it"
    )
    return [Finding("NOT_SUPERIOR", about, sentence)]
