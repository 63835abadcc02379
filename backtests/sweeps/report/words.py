"""What the numbers of a sweep say, in sentences."""

import re
from math import isnan
from typing import TYPE_CHECKING

from backtests.metrics import METRICS
from backtests.notebook import card, curve
from backtests.sweeps.findings import CONFIDENCE, LIKELY
from backtests.sweeps.trial_table import text_of
from backtests.tearsheet.page import conditions

if TYPE_CHECKING:
    from backtests.sweeps.plan import Plan
    from backtests.sweeps.swept import Sweep
    from backtests.sweeps.verdict import Verdict

LABELS = {metric.name: metric.label for metric in METRICS}
SHOWN_BEST = 10
# Of a test: less is shown, more may be luck. Rounded, for 1 - 0.95 is a little more than 0.05.
LEVEL = round(1 - CONFIDENCE, 12)
SEARCHES = {"grid": "all of the grid, in its order", "random": "a random sample", "tpe": "a search by TPE"}


def title(sweep: "Sweep") -> str:
    """The headline: what was searched, the best of how many this is, and of how many ever where these are more."""
    ever, here = sweep.verdict.trials, len(sweep.table)
    more = f", {ever:,} ever" if ever > here else ""
    return f"{sweep.plan.family}: {'the only trial' if here == 1 else f'the best of {counted(here)}'}{more}"


def ranked(sweep: "Sweep") -> str:
    """The heading over the table of the best trials."""
    shown, here = len(sweep.top(SHOWN_BEST)), len(sweep.table)
    if here == 1:
        return "The only trial"
    return (
        f"The {counted(shown)}" if shown == here else f"The {'' if shown == 1 else f'{shown} '}best of {counted(here)}"
    )


def sampled(sweep: "Sweep", name: str) -> str:
    """What to add to a statistic that is of some of the trials only; "" where it is of all."""
    some, here = sweep.verdict.placebo_trials, len(sweep.table)
    if name == "placebo" and sweep.verdict.placebo is not None and some < here:
        return f"Of {some:,} of the {here:,} trials."
    return ""


def sweep_card(sweep: "Sweep") -> str:
    """A sweep as a notebook shows it: all trials from worst to best, the five best, and what to think of them."""
    best = sweep.top(5)
    measures = [metric for metric in METRICS if metric.name in best]
    rows = {
        f"trial {number}": [
            *(f"{row[column]:g}" if isinstance(row[column], float) else str(row[column]) for column in sweep.columns),
            *(metric.text(float(row[metric.name])) for metric in measures),
        ]
        for number, row in best.iterrows()
    }
    scored = sweep.table[sweep.plan.objective].dropna().sort_values()
    luck = curve(scored, f"{LABELS[sweep.plan.objective]} of all trials, from the lowest to the highest")
    about = f"{LABELS[sweep.plan.objective]} of all trials, from the lowest to the highest; {sweep.plan.market.origin}"
    notes = [presumption(sweep.verdict), *reasons(sweep.verdict), *(str(finding) for finding in sweep.findings)]
    heads = [*sweep.names, *(metric.label for metric in measures)]
    return card(title(sweep), about, rows, heads, [luck], notes, sweep.simulated)


def presumption(verdict: "Verdict") -> str:
    """Whether the numbers overturn what is presumed: luck."""
    tests = {
        "deflated": verdict.deflated >= CONFIDENCE,
        "overfitting": verdict.overfitting <= LIKELY,
        "spa": verdict.spa <= LEVEL,
        "placebo": placebo_p(verdict) <= LEVEL,
    }
    if all(tests.values()):
        return "Luck is presumed, and these numbers speak against it."
    return "Luck is presumed, and these numbers do not overturn that."


def reasons(verdict: "Verdict", benchmark: str = "the benchmark") -> list[str]:
    """The sentences behind it: deflation, the placebo, and what holds elsewhere and against `benchmark`, its name."""
    return [_deflated(verdict), _placebo(verdict), f"{_overfitting(verdict)} {_superior(verdict, benchmark)}"]


def against(value: float, limit: float) -> str:
    """A probability with three decimals, or with as many as tell it from a limit that it is beside.

    >>> against(0.41, 0.95), against(0.94996, 0.95), against(0.95, 0.95)
    ('0.410', '0.94996', '0.950')
    """
    for decimals in range(3, 10):
        if (float(text := f"{value:.{decimals}f}") == limit) == (value == limit):
            break
    return text


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
        ("Search", search_of(plan, len(sweep.table))),
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


def search_of(plan: "Plan", trials: int) -> str:
    """How so many trials came about; a grid draws nothing, so it has no seed."""
    seed = "" if plan.search == "grid" else f", seed {plan.seed}"
    return f"{SEARCHES.get(plan.search, plan.search)}: {counted(trials)}{seed}"


def judgement(sweep: "Sweep") -> str:
    """What the judge said of the trials that it ran again."""
    judged = sweep.judged
    if not len(judged.numbers):
        return f"{judged.subject} ran no trial again: none has a result."
    return (
        f"{judged.subject} ran {counted(len(judged.numbers))} again, the best and a random sample; the largest "
        f"relative difference of equity is {judged.largest:.1e}."
    )


def signs(sentence: str) -> str:
    """The sentence with true minus signs; hyphens between words and within dates stay.

    >>> signs("walk-forward, since 2020-01-01: -0.16")
    'walk-forward, since 2020-01-01: −0.16'
    """
    return re.sub(r"(?<![\w-])-(?=\d)", "−", sentence)


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
    number, ratio = f"deflated Sharpe ratio {_told(verdict.deflated)}", f"a Sharpe ratio of {verdict.sharpe:.2f} a year"
    if verdict.deflated >= CONFIDENCE:
        return f"After {many}, {ratio} is more than luck explains: {number}."
    if verdict.deflated <= LIKELY:
        return f"After {many}, {ratio} is what luck alone would give: {number}."
    return f"After {many}, {ratio} can't be told from luck: {number}, below {CONFIDENCE}."


def _placebo(verdict: "Verdict") -> str:
    if verdict.placebo is None or isnan(placebo_p(verdict)):
        return f"There is no placebo test: {_why(verdict, 'placebo')}."
    beaten = placebo_p(verdict) <= LEVEL
    said = "rarely does as well" if beaten else "does as well too often"
    return (
        f"With every order at the wrong time, the best of {counted(verdict.placebo_trials)} {said}: "
        f"p = {against(placebo_p(verdict), LEVEL)} from {len(verdict.placebo.scores):,} rotations."
    )


def _overfitting(verdict: "Verdict") -> str:
    if isnan(verdict.overfitting):
        return f"The probability of overfitting is not known: {_why(verdict, 'overfitting')}."
    return (
        "What is best on one half of the history is, on the other, no better than the median trial in "
        f"{verdict.overfitting:.1%} of splits."
    )


def _superior(verdict: "Verdict", benchmark: str) -> str:
    higher = f"a higher mean daily return in excess of cash than {benchmark}"
    if isnan(verdict.spa):
        return f"Whether a trial has {higher} is not known: {_why(verdict, 'spa')}."
    p = f"SPA p = {against(verdict.spa, LEVEL)}"
    if verdict.spa > LEVEL:
        return f"No trial is shown to have {higher} ({p}; risk is not adjusted for)."
    named = f"{verdict.better:,}" if verdict.better else "none"
    beaten = f"At least one trial is shown to have {higher} ({p}; risk is not adjusted for)"
    return f"{beaten}; the stepwise test names {named}."


def _told(deflated: float) -> str:
    return against(deflated, LIKELY if deflated <= LIKELY else CONFIDENCE)


def _why(verdict: "Verdict", name: str) -> str:
    return verdict.skipped.get(name, "the history does not allow it")


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else text_of(value)


def _values(values: tuple[object, ...]) -> str:
    if len(values) <= 6:
        return ("; " if any("," in _text(value) for value in values) else ", ").join(map(_text, values))
    return f"{_text(values[0])} … {_text(values[-1])} ({len(values):,} values)"
