"""What the numbers of a walk say, in sentences."""

from math import isnan

import numpy as np

from backtests.metrics import METRICS
from backtests.result import Result
from backtests.sweeps.cross_validation import PurgedCrossValidation
from backtests.sweeps.report.scored import lowered
from backtests.sweeps.report.words import LABELS, SEARCHES, counted
from backtests.sweeps.walked import Walk, medians
from backtests.tearsheet.page import facts as run_facts

SHARPE = next(metric for metric in METRICS if metric.name == "sharpe")


def title(walk: Walk) -> str:
    """The headline."""
    return f"{walk.plan.family}, walked forward"


def outcome(result: Result) -> str:
    """The Sharpe ratio of the joined run beside the benchmark's."""
    own = result.metrics["sharpe"]
    if result.ruin_day:
        return f"Out of sample, the joined run has no Sharpe ratio: it was ruined on {result.ruin_day}."
    if isnan(own):
        return "Out of sample, the joined run has no Sharpe ratio: it was never in the market."
    said = f"Out of sample, the joined run has a Sharpe ratio of {SHARPE.text(own)} a year"
    if result.benchmark is None:
        return f"{said}."
    other = result.benchmark.metrics["sharpe"]
    text = "none" if isnan(other) else SHARPE.text(other)
    return f"{said}; {result.benchmark.name}, the benchmark, has {text}."


def reasons(walk: Walk, paths: PurgedCrossValidation | None) -> list[str]:
    """How it came about, what stands behind it, what was kept of what was promised, and what other paths say."""
    return [_stretches(walk), _behind(walk, paths), kept(walk), across(paths)]


def kept(walk: Walk) -> str:
    """What training promised and what came of it."""
    found = walk.kept
    known = not isnan(found.inside)
    said = f"{medians(walk.plan.objective, found)}. " if known else ""
    if found.reason:
        return f"{said}There is no walk-forward efficiency: {found.reason}."
    return f"{said}Outside over inside, the walk-forward efficiency, is {found.efficiency:.0%}."


def across(paths: PurgedCrossValidation | None) -> str:
    """What cross-validation says."""
    if paths is None:
        return "It was not cross-validated: a search that learns has seen what would be held out."
    count, lost = len(paths.paths), paths.losing
    known = paths.paths[~np.isnan(paths.paths)]
    ruined = f"; {paths.ruined:,} of them {'ends' if paths.ruined == 1 else 'end'} in ruin" if paths.ruined else ""
    if not len(known):
        return (
            f"All {count:,} other paths through all of the history, each chosen by what it does not hold, end in ruin."
        )
    low, high = float(known.min()), float(known.max())
    if count == 1:
        return f"On the one path of the cross-validation the Sharpe ratio is {high:.2f}."
    loses = "none of them loses" if lost == 0 else f"{lost:,} of them {'loses' if lost == 1 else 'lose'}"
    return (
        f"On {count:,} other paths through all of the history, each chosen by what it does not hold, the Sharpe ratio "
        f"is between {low:.2f} and {high:.2f}{ruined}; {loses} against cash."
    )


def folds(paths: PurgedCrossValidation) -> str:
    """How the days were held out."""
    own = paths.folds
    return (
        f"The days are cut into {own.groups} groups; {own.held_out} of them are held out at a time, in all "
        f"{len(own.splits):,} ways, with a purge of {_days(own.purge)} and an embargo of {_days(own.embargo)}. Among "
        f"{counted(paths.trials)}, the one with the best Sharpe ratio on the other days is taken."
    )


def facts(walk: Walk) -> list[tuple[str, str]]:
    """What was walked through, how, on what data and at which costs: pairs of a term and its description."""
    plan = walk.plan
    seed = "" if plan.search == "grid" else f", seed {plan.seed}"
    search = f"{SEARCHES.get(plan.search, plan.search)}: {counted(plan.new_search().trials)} a window{seed}"
    joined = dict(run_facts([walk.result]))
    if walk.result.benchmark is not None:
        joined["Benchmark"] = repr(walk.result.benchmark.strategy)
    return [
        ("Strategy", repr(plan.space.base)),
        ("Objective", LABELS[plan.objective]),
        ("Search", search),
        ("Where", " and ".join(constraint.text for constraint in plan.space.where)),
        ("Steps", _steps(walk)),
        *((term, text) for term, text in joined.items() if term not in ("Strategy", "Engine")),
    ]


def stretch_note(walk: Walk) -> str:
    """What the table of stretches does not say by itself."""
    own = (
        f"Inside is the {lowered(LABELS[walk.plan.objective])} on the training window, outside that on the test window"
    )
    said = f"{own}, begun in cash there."
    if day := walk.result.ruin_day:
        said += f" The joined run was ruined on {day}: what later stretches have outside, it did not earn."
    if walk.stretches["chosen"].all():
        return said
    return f"{said} Where inside is a dash, no trial had a score in training: what was chosen before was held on."


def _steps(walk: Walk) -> str:
    steps = walk.steps
    anchored = ", every training window from the beginning of history" if steps["anchored"] else ""
    return f"chosen on {steps['train']}, held for {steps['test']}, {steps['purge']} between{anchored}"


def _stretches(walk: Walk) -> str:
    count = len(walk.stretches)
    return f"Joined from {count:,} stretch{'' if count == 1 else 'es'}, each {_steps(walk)}."


def _behind(walk: Walk, paths: PurgedCrossValidation | None) -> str:
    crossing = f" and {walk.crossing_runs:,} more to cross-validate" if paths else ""
    walks = int(walk.result.manifest.get("walks", 1))
    more = f"; this is one of {walks:,} walks of it" if walks > 1 else ""
    return f"{walk.runs:,} runs were made for it{crossing}; {counted(walk.trials)} stand behind it in the ledger{more}."


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count:,} days"
