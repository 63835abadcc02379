"""The page: panels, tables and manifest of a sweep put into one HTML file that needs nothing else."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from backtests.metrics import METRICS
from backtests.sweeps.report import words
from backtests.sweeps.report.chance import BEST, MEDIAN, Fan, Luck
from backtests.sweeps.report.maps import Pair, colouring, curve_of, pairs_of
from backtests.sweeps.report.paths import COLORS as TENTHS
from backtests.sweeps.report.paths import MOST_PATHS, Paths
from backtests.sweeps.report.scored import Scored, scored
from backtests.sweeps.verdict import STATISTICS
from backtests.tearsheet.document import Charts, Key, as_csv, as_json, asset, script_json, template, write_page
from backtests.tearsheet.figures import COLORS, NEUTRAL, faded

if TYPE_CHECKING:
    from backtests.sweeps.swept import Sweep

HOME = "backtests.sweeps.report"
# What the table of the best trials shows of each, after its parameters.
SHOWN = ("sharpe", "cagr", "max_drawdown", "sortino", "calmar", "exposure", "turnover", "decisions")
MOST_ROWS = 5_000
# More columns than this are made narrower.
MANY_COLUMNS = 10
# A share of the variance below this is not spoken of.
LEAST_SHARE = 0.01
UNDEFINED = "it is undefined, as where nothing was traded"


def write_report(sweep: "Sweep", path: Path) -> None:
    """Write one self-contained HTML file on a sweep; it opens without a network.

    Parents are created, and the file appears at once or not at all. Raises BadUsage where `path` is a folder.
    """
    write_page(path, render(sweep))


def render(sweep: "Sweep") -> str:
    """The page as text."""
    trials, charts = scored(sweep), Charts()
    return template("template.html", HOME).render(
        title=words.title(sweep),
        signs=words.signs,
        simulated=sweep.simulated,
        presumption=words.presumption(sweep.verdict),
        reasons=words.reasons(sweep.verdict, str(sweep.benchmark.name)),
        findings=sweep.findings,
        notices=sweep.notices,
        facts=words.facts(sweep),
        problems=_problems(sweep),
        objective=trials.objective.label,
        lower=trials.objective.lower,
        count=len(sweep.table),
        scored=len(trials),
        **_sections(sweep, trials, charts),
        statistics=statistics(sweep),
        intervals=intervals(sweep),
        skipped=_skipped(sweep),
        best=best_trials(sweep),
        ranked=words.ranked(sweep),
        resampling=words.resampling(sweep.verdict),
        judgement=words.judgement(sweep),
        judge=sweep.judged.by,
        folder=str(sweep.folder),
        rows=min(len(sweep.table), MOST_ROWS),
        manifest_text=as_json(sweep.manifest, indent=2),
        manifest=script_json(sweep.summary()),
        csv=script_json(trials_csv(sweep)),
        file=f"{sweep.plan.family}-trials.csv",
        figures=script_json(charts.figures),
        style=asset("style.css") + asset("report.css", HOME),
        script=Markup("\n").join([asset("charts.js"), asset("report.js", HOME)]),
    )


@dataclass(frozen=True)
class Row:
    """A trial in the table of the best.

    judged : the largest relative difference of equity to the judge's, "" where it was not run again
    """

    number: int
    parameters: list[str]
    measures: list[str]
    judged: str


def best_trials(sweep: "Sweep") -> dict[str, Any]:
    """The table of the ten best trials: its headers and rows."""
    metrics = [metric for name in _first(sweep.plan.objective) for metric in METRICS if metric.name == name]
    judged = dict(zip(sweep.judged.numbers.tolist(), sweep.judged.differences.tolist(), strict=True))
    rows = [
        Row(
            int(number),
            [_value(trial[column]) for column in sweep.columns],
            [metric.text(float(trial[metric.name])) for metric in metrics],
            f"{judged[number]:.0e}" if number in judged else "",
        )
        for number, trial in sweep.top(words.SHOWN_BEST).iterrows()
    ]
    columns = len(sweep.names) + len(metrics)
    return {
        "names": list(sweep.names),
        "headings": [dotted(name) for name in sweep.names],
        "metrics": metrics,
        "rows": rows,
        "many": columns > MANY_COLUMNS,
    }


def dotted(name: str) -> Markup:
    """A dotted name that may be broken between its words, for narrow columns.

    >>> dotted("fed_purchases.weeks")
    Markup('fed_<wbr>purchases.<wbr>weeks')
    """
    return Markup("<wbr>").join(re.split(r"(?<=[._])", name))


def statistics(sweep: "Sweep") -> list[tuple[str, str, str]]:
    """Of each statistic its label, its value and what it means."""
    return [
        (row.label, row.text(sweep.verdict), f"{row.definition} {words.sampled(sweep, row.name)}".strip())
        for row in STATISTICS
    ]


def intervals(sweep: "Sweep") -> list[tuple[str, str, str, str]]:
    """Of each metric of the best trial its label, estimate, and the ends of its interval, the worse one first."""
    by_name = {metric.name: metric for metric in METRICS}
    found = []
    for name, row in sweep.verdict.intervals.dropna(how="all").iterrows():
        metric = by_name[str(name)]
        # A drawdown is a loss: more of it is worse, and stands lower as it is shown.
        worse, better = ("high", "low") if metric.format.startswith("-") else ("low", "high")
        found.append((metric.label, metric.text(row["estimate"]), metric.text(row[worse]), metric.text(row[better])))
    return found


def trials_csv(sweep: "Sweep") -> str:
    """The trials as CSV: all of them, or the 5,000 best where there are more, in the order of their numbers."""
    table = sweep.table
    if len(table) > MOST_ROWS:
        best = sweep.scores.sort_values(ascending=False, kind="stable", na_position="last").index[:MOST_ROWS]
        table = table.loc[np.sort(best.to_numpy())]
    return as_csv(table, float_format="%.8g")


def _sections(sweep: "Sweep", trials: Scored, charts: Charts) -> dict[str, Any]:
    luck, fan = Luck(trials, sweep.verdict.placebo), Fan(sweep, trials)
    return {
        "luck": _luck(luck, sweep.verdict.placebo_trials, charts),
        "maps": _maps(trials, charts),
        "paths": _paths(trials, sweep.plan.seed, charts),
        "fan": {"chart": charts.add("fan", fan, FAN_KEYS), "members": len(fan.members), "decile": fan.decile},
    }


FAN_KEYS = [
    Key("best trial", "line", BEST, trace=6),
    Key("median of the best tenth", "line", MEDIAN, trace=4),
    Key("25 to 75 %", "area", faded(MEDIAN, 0.54)),
    Key("5 to 95 %", "area", faded(MEDIAN, 0.25)),
    Key("benchmark", "line", NEUTRAL, trace=5),
]


def _luck_keys(luck: Luck) -> list[Key]:
    keys = [Key("trials", "area", faded(MEDIAN, 0.6), trace=1), Key("best trial", "line", BEST, trace=4)]
    if luck.placebo is None:
        return keys
    return [
        *keys,
        Key("placebos: all trials at the wrong time", "area", faded(NEUTRAL, 0.5), trace=0),
        Key("best of each placebo", "line", COLORS[4], trace=2),
        Key("95 % of these are below", "line", COLORS[4], "dash", trace=3),
    ]


def _luck(luck: Luck, trials: int, charts: Charts) -> dict[str, Any]:
    found: dict[str, Any] = {"chart": charts.add("luck", luck, _luck_keys(luck)), "limit": ""}
    if luck.placebo is None or np.isnan(luck.beaten_by_luck):
        return found
    text = luck.trials.objective.text
    return found | {
        "limit": text(luck.beaten_by_luck),
        "observed": text(luck.placebo.observed),
        "p": words.against(luck.placebo.p_value, words.LEVEL),
        "rotations": len(luck.placebo.scores),
        "trials": trials,
    }


def _maps(trials: Scored, charts: Charts) -> dict[str, Any]:
    """The curve of one parameter, or the maps of pairs; neither where no parameter varies."""
    if len(trials.varying) < 2:
        return {"curve": charts.add("curve", curve_of(trials)) if trials.varying else None, "pairs": []}
    pairs, every = pairs_of(trials)
    colours = colouring(pairs, trials.objective)
    drawn = [(pair, charts.add(f"map-{i}", _Coloured(pair, colours))) for i, pair in enumerate(pairs)]
    return {
        "curve": None,
        "pairs": [(pair.y.name, pair.x.name, _share(pair), chart) for pair, chart in drawn],
        "left_out": every - len(pairs),
        "all": every,
        "binned": any(
            len(axis) < trials.parameters[axis.name].nunique() for pair in pairs for axis in (pair.x, pair.y)
        ),
        "low": trials.objective.text(colours.low),
        "high": trials.objective.text(colours.high),
        "gradients": {theme: colours.gradient(theme) for theme in ("light", "dark")},
    }


@dataclass(frozen=True)
class _Coloured:
    """A pair in the colours of its page."""

    pair: Pair
    colours: Any

    def frame(self) -> pd.DataFrame:
        return self.pair.frame()

    def figure(self) -> Any:
        return self.pair.coloured(self.colours)

    def alt(self) -> str:
        return self.pair.alt()


def _share(pair: Pair) -> str:
    """What a pair explains, in words; "" where that is not known, or nothing worth a word."""
    if np.isnan(pair.explained) or pair.explained < LEAST_SHARE:
        return ""
    return f"{pair.explained:.0%}" if pair.exact else f"at least {pair.explained:.0%}"


def _paths(trials: Scored, seed: int, charts: Charts) -> dict[str, Any] | None:
    if len(trials.varying) < 2:
        return None
    paths = Paths(trials, seed)
    chart = charts.add("paths", paths)
    return {
        "chart": chart,
        "best_kept": paths.best_kept,
        "others": MOST_PATHS - paths.best_kept if len(trials) > MOST_PATHS else 0,
        "colors": TENTHS,
        "best": BEST,
        "width": 92 * (len(trials.varying) + 1),
    }


def _first(objective: str) -> list[str]:
    return list(dict.fromkeys([objective, *SHOWN]))


def _problems(sweep: "Sweep") -> list[tuple[str, int]]:
    """Why trials have no score, the five most frequent reasons first, and how many each."""
    problems = sweep.table["problem"][sweep.scores.isna()].replace("", UNDEFINED)
    return [(str(problem), int(count)) for problem, count in problems.value_counts().head(5).items()]


def _skipped(sweep: "Sweep") -> list[tuple[str, str]]:
    labels = {row.name: row.label for row in STATISTICS}
    return [(labels.get(name, name), why) for name, why in sweep.verdict.skipped.items()]


def _value(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
