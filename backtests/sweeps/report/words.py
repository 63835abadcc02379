"""What the numbers of a sweep say, in sentences."""

from math import isnan
from typing import TYPE_CHECKING

from backtests.metrics import METRICS
from backtests.sweeps.findings import CONFIDENCE, LIKELY
from backtests.sweeps.trial_table import text_of
from backtests.tearsheet.page import conditions

if TYPE_CHECKING:
    from backtests.sweeps.swept import Sweep
    from backtests.sweeps.verdict import Verdict

LABELS = {metric.name: metric.label for metric in METRICS}
SEARCHES = {"grid": "all of the grid, in its order", "random": "a random sample", "tpe": "a search by TPE"}


def title(sweep: "Sweep") -> str:
    """The headline: what was searched, and the best of how many this is."""
    tried, here = sweep.verdict.trials, len(sweep.table)
    own = f" ({here:,} of this sweep)" if here != tried else ""
    return f"{sweep.plan.family}: the best of {counted(tried)}{own}"


def presumption(verdict: "Verdict") -> str:
    """Whether the numbers overturn what is presumed: luck."""
    tests = {
        "deflated": verdict.deflated >= CONFIDENCE,
        "overfitting": verdict.overfitting <= LIKELY,
        "spa": verdict.spa <= 1 - CONFIDENCE,
        "placebo": placebo_p(verdict) <= 1 - CONFIDENCE,
    }
    if all(tests.values()):
        return "Luck is presumed, and these numbers speak against it."
    return "Luck is presumed, and these numbers do not overturn that."


def reasons(verdict: "Verdict") -> list[str]:
    """The sentences behind it: deflation, the placebo, and what holds elsewhere and against the benchmark."""
    return [_deflated(verdict), _placebo(verdict), f"{_overfitting(verdict)} {_superior(verdict)}"]


def placebo_p(verdict: "Verdict") -> float:
    """The p-value of the placebo test; NaN where there was none."""
    return float("nan") if verdict.placebo is None else verdict.placebo.p_value


def facts(sweep: "Sweep") -> list[tuple[str, str]]:
    """What was searched, for what, on what data and at which costs: pairs of a term and its description."""
    plan, told = sweep.plan, sweep.manifest
    tape = plan.tape
    window = f"{tape.opens.index[0]:%-d %b %Y} to {tape.known_at[-1]:%-d %b %Y %H:%M} UTC"
    found = [
        ("Strategy", repr(plan.space.base)),
        ("Objective", LABELS[plan.objective]),
        ("Search", f"{SEARCHES.get(plan.search, plan.search)}: {counted(len(sweep.table))}, seed {plan.seed}"),
        ("Parameters", " · ".join(f"{axis.name}: {_values(axis.values)}" for axis in plan.space.axes)),
        ("Where", " and ".join(constraint.text for constraint in plan.space.where)),
        ("Benchmark", str(sweep.benchmark.name)),
        ("Window", window),
        ("Bars", f"{len(tape.opens):,} × {tape.timeframe} of {', '.join(tape.assets)}"),
        ("Data", plan.market.origin),
        ("Costs", conditions(plan.execution)),
        ("Capital", f"${plan.execution.capital:,.0f}"),
        ("Engine", str(told.get("engine", ""))),
    ]
    return [(term, description) for term, description in found if description]


def judgement(sweep: "Sweep") -> str:
    """What vectorbt said of the trials that it ran again."""
    judged = sweep.judged
    if not len(judged.numbers):
        return "vectorbt ran no trial again: none has a result."
    return (
        f"vectorbt ran {counted(len(judged.numbers))} again, the best and a random sample; the largest relative "
        f"difference of equity is {judged.largest:.1e}."
    )


def counted(count: int) -> str:
    """So many trials."""
    return "1 trial" if count == 1 else f"{count:,} trials"


def resampling(verdict: "Verdict") -> str:
    """How the intervals were made."""
    return (
        f"Intervals of 90 %, from {verdict.reps:,} resamples by the stationary bootstrap in blocks of "
        f"{'1 day' if verdict.block == 1 else f'{verdict.block} days'} on average."
    )


def _deflated(verdict: "Verdict") -> str:
    many = f"{counted(verdict.trials)}"
    if isnan(verdict.deflated):
        return f"How much of the best is the luck of {many} is not known: {_why(verdict, 'deflated')}."
    number, ratio = f"deflated Sharpe ratio {verdict.deflated:.2f}", f"a Sharpe ratio of {verdict.sharpe:.2f} a year"
    if verdict.deflated >= CONFIDENCE:
        return f"After {many}, {ratio} is more than luck explains: {number}."
    if verdict.deflated <= LIKELY:
        return f"After {many}, {ratio} is what luck alone would give: {number}."
    return f"After {many}, {ratio} can't be told from luck: {number}, below {CONFIDENCE}."


def _placebo(verdict: "Verdict") -> str:
    if verdict.placebo is None or isnan(placebo_p(verdict)):
        return f"There is no placebo test: {_why(verdict, 'placebo')}."
    beaten = placebo_p(verdict) <= 1 - CONFIDENCE
    said = "rarely does as well" if beaten else "does as well too often"
    return (
        f"With every order at the wrong time, the best of {counted(verdict.placebo_trials)} {said}: "
        f"p = {placebo_p(verdict):.3f} from {len(verdict.placebo.scores):,} rotations."
    )


def _overfitting(verdict: "Verdict") -> str:
    if isnan(verdict.overfitting):
        return f"The probability of overfitting is not known: {_why(verdict, 'overfitting')}."
    return (
        "What is best on one half of the history is, on the other, no better than the median trial in "
        f"{verdict.overfitting:.0%} of splits."
    )


def _superior(verdict: "Verdict") -> str:
    if isnan(verdict.spa):
        return f"Whether a trial beats the benchmark is not known: {_why(verdict, 'spa')}."
    if verdict.spa > 1 - CONFIDENCE:
        return f"No trial is shown to beat the benchmark (SPA p = {verdict.spa:.3f})."
    named = f"{verdict.better:,}" if verdict.better else "none"
    beaten = f"At least one trial is shown to beat the benchmark (SPA p = {verdict.spa:.3f})"
    return f"{beaten}; the stepwise test names {named}."


def _why(verdict: "Verdict", name: str) -> str:
    return verdict.skipped.get(name, "the history does not allow it")


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else text_of(value)


def _values(values: tuple[object, ...]) -> str:
    if len(values) <= 6:
        return ("; " if any("," in _text(value) for value in values) else ", ").join(map(_text, values))
    return f"{_text(values[0])} … {_text(values[-1])} ({len(values):,} values)"
