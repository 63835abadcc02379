"""The page of a walk: the joined run, the stretches that it was joined from, and what other paths say."""

from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from backtests.metrics import labels, shown_metrics
from backtests.sweeps.cross_validation import PurgedCrossValidation
from backtests.sweeps.plan import OBJECTIVES
from backtests.sweeps.report import walk_words as words
from backtests.sweeps.report.page import HOME, MANY_COLUMNS, dotted
from backtests.sweeps.report.scored import Objective
from backtests.sweeps.report.walk_panels import OUTSIDE, Banded, Drift, PathRatios, Promised
from backtests.sweeps.report.words import signs
from backtests.sweeps.trial_table import text_of
from backtests.sweeps.walked import Walk, outside
from backtests.tearsheet.document import Charts, Key, as_csv, as_json, asset, script_json, template, write_page
from backtests.tearsheet.figures import COLORS, NEUTRAL
from backtests.tearsheet.lines import Line
from backtests.tearsheet.sections.growth import Drawdown, Equity
from data_cache.version import __version__

SHARPE = Objective("sharpe", 1)
WINDOWS = ("train_from", "train_to", "test_from", "test_to")


def write_walk(walk: Walk, paths: PurgedCrossValidation | None, path: Path) -> None:
    """Write one self-contained HTML file on a walk; it opens without a network.

    paths : what cross-validation said, None where there was none
    Parents are created, and the file appears at once or not at all. Raises BadUsage where `path` is a folder.
    """
    write_page(path, render_walk(walk, paths))


def render_walk(walk: Walk, paths: PurgedCrossValidation | None) -> str:
    """The page as text."""
    lines, charts = joined_lines(walk), Charts()
    objective = Objective(walk.plan.objective, OBJECTIVES[walk.plan.objective])
    return template("walk.html", HOME).render(
        title=words.title(walk),
        signs=signs,
        simulated="SIMULATED" in walk.plan.market.origin,
        outcome=words.outcome(walk.result),
        reasons=words.reasons(walk, paths),
        findings=walk.findings,
        facts=words.facts(walk),
        objective=objective.label,
        lower=objective.lower,
        overview=_overview(walk, lines, charts),
        lines=lines,
        metrics=metrics(lines),
        definitions=[(metric.label, metric.definition) for metric in shown_metrics([walk.result])],
        stretches=stretches(walk),
        note=words.stretch_note(walk),
        kept=words.kept(walk),
        drift=_drift(walk, charts),
        promised=charts.add("promised", _promised(walk, objective)),
        cross=_cross(paths, lines, charts),
        manifest_text=as_json(walk.manifest, indent=2),
        manifest=script_json(_machine(walk, paths)),
        csv=script_json(stretches_csv(walk)),
        file=f"{walk.plan.family}-stretches.csv",
        figures=script_json(charts.figures),
        style=asset("style.css") + asset("report.css", HOME),
        script=Markup("\n").join([asset("charts.js"), asset("report.js", HOME)]),
    )


def joined_lines(walk: Walk) -> list[Line]:
    """The joined run, by the name of its strategy, and the benchmark."""
    own, other = walk.result, walk.result.benchmark
    lines = [Line(own, words.title(walk), COLORS[0], "solid")]
    return (
        lines if other is None else [*lines, Line(other, labels([own, other])[1], NEUTRAL, "solid", is_benchmark=True)]
    )


def metrics(lines: list[Line]) -> list[tuple[str, str, list[str]]]:
    """Of each metric its label, what it means, and its value for each line."""
    return [
        (metric.label, metric.definition, [metric.text(line.result.metrics[metric.name]) for line in lines])
        for metric in shown_metrics([line.result for line in lines])
    ]


def stretches(walk: Walk) -> dict[str, Any]:
    """The table of stretches: headings of the parameters, and a row of texts for each."""
    metric = Objective(walk.plan.objective, 1).metric
    rows = []
    for number, row in enumerate(walk.stretches.to_dict("records"), 1):
        windows = [f"{row[name]:%Y-%m-%d}" for name in WINDOWS]
        held = ["cash" if pd.isna(row[column]) else _value(row[column]) for column in walk.columns]
        scores = [metric.text(float(row["in_sample"])), outside(metric, row)]
        ruin = f"ruined on {row['book_ruined']}" if row["book_ruined"] else ""
        rows.append({"number": number, "windows": windows, "held": held, "scores": scores, "ruin": ruin})
    return {
        "headings": [dotted(name) for name in walk.names],
        "rows": rows,
        "ruined": any(row["ruin"] for row in rows),
        "many": len(WINDOWS) + len(walk.names) + 2 > MANY_COLUMNS,
    }


def stretches_csv(walk: Walk) -> str:
    """The stretches as CSV, mixes as the command line writes them."""
    table = walk.stretches
    texts = {column: table[column].map(text_of, na_action="ignore") for column in _worded(walk)}
    return as_csv(table.assign(**texts), float_format="%.8g")


def _worded(walk: Walk) -> list[str]:
    """The columns of parameters that are neither numbers nor truth values."""
    return [c for c in walk.columns if not all(isinstance(v, int | float) for v in walk.stretches[c].dropna().tolist())]


def _overview(walk: Walk, lines: list[Line], charts: Charts) -> list[Any]:
    keys = [Key(line.label, "line", line.color, line.dash, trace) for trace, line in enumerate(lines)]
    return [
        charts.add("equity", Banded(Equity(lines), walk.stretches), keys),
        charts.add("drawdown", Banded(Drawdown(lines), walk.stretches)),
    ]


def _drift(walk: Walk, charts: Charts) -> dict[str, Any]:
    """The steps of each parameter that was held at more than one value, and the names of those that never changed."""
    changes = walk.changes
    moved = [name for name in walk.names if changes.at[name, "changes"] > 0]
    drawn = [(name, _changed(changes.loc[name]), Drift(walk, name)) for name in moved]
    return {
        "charts": [(name, said, charts.add(f"drift-{i}", panel)) for i, (name, said, panel) in enumerate(drawn)],
        "same": [name for name in walk.names if name not in moved],
    }


def _changed(row: pd.Series) -> str:
    return f"changed at {int(row['changes'])} of {int(row['of'])} steps"


def _promised(walk: Walk, objective: Objective) -> Promised:
    table = walk.stretches.rename(columns={"in_sample": "inside", "out_of_sample": "outside"})
    names = [f"held {row.test_from:%-d %b %Y} to {row.test_to:%-d %b %Y}" for row in walk.stretches.itertuples()]
    return Promised(table[["inside", "outside"]], objective, names)


def _cross(paths: PurgedCrossValidation | None, lines: list[Line], charts: Charts) -> dict[str, Any] | None:
    if paths is None:
        return None
    colors = (OUTSIDE, NEUTRAL)
    others = [(line.label, float(line.result.metrics["sharpe"]), c) for line, c in zip(lines, colors, strict=False)]
    held = [", ".join(str(group + 1) for group in row) for row in paths.splits["held_out"]]
    names = [f"groups {groups} held out" if "," in groups else f"group {groups} held out" for groups in held]
    return {
        "words": words.folds(paths),
        "paths": charts.add("paths-of-groups", PathRatios(paths, others), _path_keys(others)),
        "splits": charts.add("splits", Promised(paths.splits, SHARPE, names)),
        "count": len(names),
    }


def _path_keys(others: list[tuple[str, float, str]]) -> list[Key]:
    dots = Key("a path, through all of the history", "area", COLORS[0])
    return [dots, *(Key(f"{name}, on the stretches only", "line", color) for name, _, color in others)]


def _machine(walk: Walk, paths: PurgedCrossValidation | None) -> dict[str, Any]:
    return walk.summary() | {"ebbtide": __version__, "cross_validation": paths.summary() if paths else None}


def _value(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else text_of(value)
