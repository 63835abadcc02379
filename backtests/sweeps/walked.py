"""What came of a walk: what each stretch chose, the joined run, and what to know before believing it."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, isinf, nan
from typing import Any

import numpy as np
import pandas as pd

from backtests.findings import TOLERATED, Finding, findings, rule
from backtests.metrics import METRICS, Metric
from backtests.result import Result
from backtests.sweeps.plan import OBJECTIVES, Plan
from backtests.sweeps.scheduled import Scheduled
from backtests.sweeps.steps import duration
from signals.signal import values_at
from strategies.strategy import Now

# With less than half of what training promised left, the choice was made mostly by noise.
PROMISED = 0.5
# Objectives that are larger on a longer window: training and test windows can't be compared by them.
GROWING = ("total_return", "max_drawdown")
# A stretch that history cuts to less than half of a test window says little beside the others.
WHOLE = 0.5
# A parameter that changes more often than not follows the noise of its training window.
OFTEN = 0.5
# Fewer changes than this say nothing of how often it changes.
FEW_STEPS = 3


@dataclass(frozen=True)
class Kept:
    """How much of what training promised came of it.

    inside, outside : medians of the objective over the stretches that can be compared, on their training and on their
    test windows; NaN where there are none, or where half of them were ruined
    reason : why there is no efficiency, a clause; "" where there is one
    """

    inside: float
    outside: float
    reason: str

    @property
    def efficiency(self) -> float:
        """What Pardo (2008) calls walk-forward efficiency, of medians: outside over inside. NaN where there is none."""
        return nan if self.reason else self.outside / self.inside


@dataclass(frozen=True, repr=False)
class Walk:
    """What came of a walk.

    steps : how it went, in words      runs : trials that were run for it, on all windows together
    stretches : a row per stretch. train_from, train_to, test_from, test_to (UTC: a bar's open, a bar's end); a column
    per parameter (`columns`) with what the test window held; chosen: whether its own training chose that, or an
    earlier one, for want of a score; scored: trials with a score in training; in_sample, out_of_sample: the objective
    of what was held, on its training window (NaN where another chose it) and on its test window, begun in cash there;
    ruined: whether that ended in ruin; book_ruined: the day on which the joined run was ruined, where nothing is left
    of it at the end of the stretch, "" where something is
    result : the joined run, one book through all test windows; its manifest has `trials`, the ledger's count of all of
    this strategy on this history, and `walks`, how many joined runs the ledger has of it
    """

    plan: Plan
    steps: dict[str, Any]
    stretches: pd.DataFrame
    result: Result
    runs: int
    findings: list[Finding]

    def __repr__(self) -> str:
        return f"<Walk of {self.plan.family} over {len(self.stretches)} stretches, {self.runs:,} runs>"

    @property
    def names(self) -> list[str]:
        """The parameters that were searched, by dotted name."""
        return self.plan.names

    @property
    def columns(self) -> list[str]:
        """Their columns in `stretches`."""
        return self.plan.columns

    @property
    def trials(self) -> int:
        """Distinct trials of the strategy that the ledger has on this history."""
        return int(self.result.manifest["trials"])

    @property
    def drift(self) -> pd.DataFrame:
        """What was held, by the moment from which it was: a column per parameter."""
        return self.stretches.set_index("test_from")[self.columns]

    @property
    def changes(self) -> pd.DataFrame:
        """By parameter: how often it changed, of how many steps, and between which values where it is a number."""
        return _changes(self.plan, self.stretches)

    @property
    def kept(self) -> Kept:
        """How much of what training promised came of it."""
        return kept(self.plan.objective, duration(self.steps["test"], "--test"), self.stretches)

    @property
    def efficiency(self) -> float:
        """The median of the objective outside over the one inside; NaN where that says nothing: see `kept`."""
        return self.kept.efficiency

    @property
    def crossing_runs(self) -> int:
        """Trials that a cross-validation of the same plan runs; they are not among `runs`."""
        return self.plan.new_search().trials

    @property
    def manifest(self) -> dict[str, Any]:
        """Of the joined run, with the search, the steps and the counts of trials."""
        return self.result.manifest

    def summary(self) -> dict[str, Any]:
        """What `--json` prints."""
        times = {name: self.stretches[name].map(str) for name in ("train_from", "train_to", "test_from", "test_to")}
        benchmark = self.result.benchmark
        return self.result.summary() | {
            "walk": self.steps,
            "objective": self.plan.objective,
            "stretches": self.stretches.assign(**times).to_dict("records"),
            "changes": self.changes.reset_index().to_dict("records"),
            "median_inside": self.kept.inside,
            "median_outside": self.kept.outside,
            "efficiency": self.efficiency,
            "trials": self.trials,
            "runs": self.runs,
            "benchmark": benchmark.summary() if benchmark else None,
            "findings": [finding.summary() for finding in self.findings],
        }


def kept(objective: str, test: pd.Timedelta, stretches: pd.DataFrame) -> Kept:
    """How much of the objective came of it, over stretches at least half as long as `test` with both numbers known.

    A ratio of medians, not a median of ratios: where one training window promised next to nothing, its ratio is of any
    size. A stretch that was ruined is the worst of all. No efficiency where less is better, or where the number grows
    with the length of the window.
    """
    scores = stretches[["in_sample", "out_of_sample"]]
    worst = -inf * OBJECTIVES[objective]
    scores = scores.assign(out_of_sample=scores["out_of_sample"].mask(stretches["ruined"], worst))
    long = stretches["test_to"] - stretches["test_from"] >= WHOLE * test
    compared = scores[scores.notna().all(axis=1) & long]
    inside, outside = (float(compared[name].median()) for name in ("in_sample", "out_of_sample"))
    if isinf(outside):
        return Kept(inside, nan, "half of the test windows ended in ruin, or more")
    if objective in GROWING:
        reason = f"a {_label(objective).lower()} grows with the length of its window"
    elif OBJECTIVES[objective] < 0:
        reason = f"a lower {_label(objective).lower()} is the better one"
    elif compared.empty:
        reason = f"no stretch has a {_label(objective)} both inside and outside"
    else:
        reason = "" if inside > 0 else "the median inside is not above 0"
    return Kept(inside, outside, reason)


def walk_findings(plan: Plan, test: pd.Timedelta, stretches: pd.DataFrame, result: Result) -> list[Finding]:
    """All findings on a walk: those on its joined run as on any other, and those on how it came about.

    Raises LookAhead for a rule that a quick causality proof finds out.
    """
    start = stretches["test_from"].iloc[0]
    return [
        *_named(findings([result], start, plan.end), result.name, plan.family),
        *_unknown(plan, result),
        *_nothing_chosen(plan, stretches),
        *_short_last(plan, test, stretches),
        *_worse_outside(plan, test, stretches),
        *_drifting(plan, stretches),
    ]


def _named(found: Iterable[Finding], schedule: str, family: str) -> Iterator[Finding]:
    """Findings about the schedule that joins the stretches, as they are about the strategy that was walked."""
    return (replace(one, about=family) if one.about == schedule else one for one in found)


@rule
def _unknown(plan: Plan, result: Result) -> Iterator[Finding]:
    """SIGNAL_UNKNOWN: for part of the test windows what was held lacks a signal, so there is no decision."""
    rule, times = result.strategy, result.tape.known_at
    assert isinstance(rule, Scheduled)
    values = {name: values_at(signal, plan.market, times.asi8) for name, signal in rule.signals().items()}
    share = rule.lacking(Now(times, values)).mean()
    if share > TOLERATED:
        sentence = (
            f"at {share:.0%} of the bars' ends the parameters held lack a signal that they need; meanwhile the book "
            "is left as it is"
        )
        yield Finding("SIGNAL_UNKNOWN", plan.family, sentence)


@rule
def _nothing_chosen(plan: Plan, stretches: pd.DataFrame) -> Iterator[Finding]:
    """NOTHING_CHOSEN: in some training windows no trial had a score."""
    without = stretches[~stretches["chosen"]]
    if len(without):
        first = without.iloc[0]
        window = f"{first['train_from']:%Y-%m-%d} to {first['train_to']:%Y-%m-%d}"
        sentence = (
            f"in {len(without)} of {len(stretches)} training windows, the first of them {window}, no trial has a "
            f"{_label(plan.objective)}; what was chosen before is held on, or cash where nothing was"
        )
        yield Finding("NOTHING_CHOSEN", plan.family, sentence)


@rule
def _short_last(plan: Plan, test: pd.Timedelta, stretches: pd.DataFrame) -> Iterator[Finding]:
    """SHORT_LAST_STRETCH: history ends within the last test window."""
    begin, end = stretches[["test_from", "test_to"]].iloc[-1]
    if end - begin < test:
        days = pd.Timedelta(days=1)
        sentence = f"the last test window has {(end - begin) / days:g} days of {test / days:g}, for history ends there"
        yield Finding("SHORT_LAST_STRETCH", "", sentence)


@rule
def _worse_outside(plan: Plan, test: pd.Timedelta, stretches: pd.DataFrame) -> Iterator[Finding]:
    """WORSE_OUT_OF_SAMPLE: in the median, less than half of what training promised came of it."""
    found = kept(plan.objective, test, stretches)
    if found.efficiency < PROMISED:
        sentence = f"{medians(plan.objective, found)}; less than half of what training promised came of it"
        yield Finding("WORSE_OUT_OF_SAMPLE", plan.family, sentence)


@rule
def _drifting(plan: Plan, stretches: pd.DataFrame) -> Iterator[Finding]:
    """DRIFTING_PARAMETER: a parameter changes at more than half of the steps."""
    changes = _changes(plan, stretches)
    often = changes[(changes["of"] >= FEW_STEPS) & (changes["changes"] > OFTEN * changes["of"])]
    for name, row in often.iterrows():
        sentence = (
            f"{name} changed at {int(row['changes'])} of {int(row['of'])} steps; what is best depends more on the "
            "training window than on the idea"
        )
        yield Finding("DRIFTING_PARAMETER", plan.family, sentence)


def medians(objective: str, found: Kept) -> str:
    """What training promised and what came of it, in words."""
    inside, outside = (_metric(objective).text(value) for value in (found.inside, found.outside))
    return f"{_label(objective)}, median of the stretches: {inside} inside, {outside} outside"


def outside(metric: Metric, stretch: Mapping[Hashable, Any]) -> str:
    """What came of a row of `Walk.stretches` on its test window, in a word."""
    return "ruined" if stretch["ruined"] else metric.text(float(stretch["out_of_sample"]))


def _metric(objective: str) -> Metric:
    return next(metric for metric in METRICS if metric.name == objective)


def _label(objective: str) -> str:
    return _metric(objective).label


def _changes(plan: Plan, stretches: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for name, column in zip(plan.names, plan.columns, strict=True):
        held = [value for value in stretches[column] if value is not None and value == value]
        numbers = [
            value for value in held if isinstance(value, int | float | np.number) and not isinstance(value, bool)
        ]
        rows.append(
            {
                "parameter": name,
                "changes": sum(one != other for one, other in pairwise(held)),
                "of": max(len(held) - 1, 0),
                "distinct": len(set(held)),
                "lowest": min(numbers) if numbers else None,
                "highest": max(numbers) if numbers else None,
            }
        )
    return pd.DataFrame(rows).set_index("parameter")
