"""What `ebbtide sweep` and `ebbtide walk` show: progress on stderr, then tables and sentences."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isnan
from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from backtests.console import SHORT, fitting, new_table, print_results, print_window, say, show
from backtests.metrics import METRICS, Metric
from backtests.sweeps.folder import TABLE
from backtests.sweeps.verdict import STATISTICS
from backtests.sweeps.walked import Kept, medians, outside

REPORT = "report.html"
# So many of the best trials are shown.
TOP = 10
# What a line of them shows behind the parameters and the objective, the most telling first.
COLUMNS = ("sharpe", "cagr", "max_drawdown", "volatility", "exposure", "decisions", "turnover")
HEADINGS = SHORT | {"sortino": "Sortino", "calmar": "Calmar"}
# Of a measure beside a parameter of the same name.
BESIDE = {"exposure": "mean exposure"}
# So many paths of a cross-validation are shown one by one; of more, quantiles.
FEW_PATHS = 10
# Speed is of the last minute, in seconds: a chunk of slow trials may take a good part of it.
REMEMBERED = 60.0
METRIC = {metric.name: metric for metric in METRICS}


class SweepProgress:
    """Bars on stderr: trials done, how many a second, the time left; then a line while they are judged.

    Nothing is shown where stderr is no terminal, or `hidden`. What an earlier run had done is counted fast: the speed
    is right a minute after that.
    """

    def __init__(self, hidden: bool = False, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        columns = (
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}"),
            BarColumn(20),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(compact=True),
        )
        hidden = hidden or not console.is_terminal
        self._progress = Progress(
            *columns, console=console, transient=True, disable=hidden, speed_estimate_period=REMEMBERED
        )
        self._waiting: TaskID | None = None
        self._wait("Loading")

    def __enter__(self) -> "SweepProgress":
        self._progress.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def bar(self, name: str, then: str, paced: bool = True) -> Callable[[int, int], None]:
        """What shows, when called, that so many of so many are done; after the last comes the line `then`.

        paced : whether to say how many a second
        """
        bar = self._progress.add_task(name, total=None, told="", visible=False)

        def watch(done: int, total: int) -> None:
            self._progress.update(bar, completed=done, total=total, visible=True)
            self._progress.update(bar, told=_told(self._task(bar), paced))
            self._wait(then if done >= total else "")

        return watch

    def _task(self, bar: TaskID) -> Task:
        return next(task for task in self._progress.tasks if task.id == bar)

    def _wait(self, name: str) -> None:
        """Show, below the bars, what is waited for; "" for nothing."""
        if self._waiting is not None:
            self._progress.remove_task(self._waiting)
        self._waiting = self._progress.add_task(name, total=None, told="") if name else None

    def refresh(self) -> None:
        """Draw it now; it is drawn ten times a second anyway."""
        self._progress.refresh()


def _told(task: Task, paced: bool) -> str:
    """How many are done, and how many a second."""
    done = f"{task.completed:,.0f} of {task.total or 0:,.0f}"
    return (
        done if task.speed is None or not paced else f"{done}, {task.speed:,.{0 if task.speed >= 10 else 1}f} a second"
    )


def print_sweep(sweep: Any) -> None:
    """Print what the best is worth, the best trials, what the judge and the statistics say, and where all of it is."""
    print_window([sweep.result])
    say(escape(headline(sweep)))
    for sentence in worth(sweep.verdict):
        say(escape(sentence))
    show(best_trials(sweep))
    say(escape(agreement(sweep.judged)))
    show(statistics_table(sweep.verdict))
    for sentence in bounds(sweep.verdict):
        say(escape(sentence))
    for sentence in sweep.notices:
        say(f"[yellow]note[/] {escape(sentence)}")
    for finding in sweep.findings:
        say(f"[yellow]note[/] {escape(str(finding))} \\[{finding.code}]")
    for what, path in _files(sweep.folder):
        say(f"{what}: {escape(str(path))}")


def headline(sweep: Any) -> str:
    """How many trials the best is the best of, and how many there ever were, where these are more."""
    behind, here = sweep.verdict.trials, len(sweep.table)
    more = f"; {behind:,} trials of it stand behind that" if behind > here else ""
    if here == 1:
        return f"The only trial of {sweep.plan.family} in this sweep{more}"
    return f"The best of {_counted(here)} of {sweep.plan.family} by {METRIC[sweep.plan.objective].label}{more}"


def worth(verdict: Any) -> tuple[str, str]:
    """Whether the numbers overturn what is presumed, luck; and what deflation says of the best."""
    from backtests.sweeps.report.words import presumption, reasons

    return presumption(verdict), reasons(verdict)[0]


def _counted(trials: int) -> str:
    return f"{trials:,} trial{'s' * (trials != 1)}"


def best_trials(sweep: Any) -> Table:
    """The best trials, a line each: the parameters that vary, then measures, as many as fit; then the benchmark."""
    measures = list(dict.fromkeys([sweep.plan.objective, *COLUMNS]))
    axes = zip(sweep.plan.space.axes, sweep.columns, strict=True)
    varying = {axis.name: column for axis, column in axes if len(axis.values) > 1}
    full, short = list(varying), _short(list(varying))
    shorter = [_best_trials(sweep, varying, short, measures[:count]) for count in range(len(measures), 0, -1)]
    return fitting([_best_trials(sweep, varying, full, measures), *shorter])


def _best_trials(sweep: Any, varying: Mapping[str, str], names: Sequence[str], measures: Sequence[str]) -> Table:
    headings = [
        BESIDE.get(measure, HEADINGS[measure]) if measure in names else HEADINGS[measure] for measure in measures
    ]
    table = new_table("", "trial", *map(escape, names), *headings, numbers_from=1)
    for number, row in sweep.top(TOP).iterrows():
        table.add_row(f"{number:,}", *(_value(row[column]) for column in varying.values()), *_texts(row, measures))
    if sweep.result.benchmark:
        table.add_row("benchmark", *[""] * len(varying), *_texts(sweep.result.benchmark.metrics, measures))
    return table


def _texts(measured: Any, measures: Sequence[str]) -> list[str]:
    return [METRIC[measure].text(measured[measure]) for measure in measures]


def _short(names: Sequence[str]) -> list[str]:
    """Dotted names without the parts that they are of, where no two are then alike."""
    last = [name.rpartition(".")[2] for name in names]
    return [short if last.count(short) == 1 else name for name, short in zip(names, last, strict=True)]


def _value(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else escape(str(value))


def agreement(judged: Any) -> str:
    """What the judge found."""
    return (
        f"{judged.subject} agrees on {_counted(len(judged.numbers))}: largest difference in equity {judged.largest:.1e}"
    )


def statistics_table(verdict: Any) -> Table:
    """Each statistic of a sweep: its value, and what it is in few words; of one that is missing, why."""
    table = new_table("", "statistic", "value", "what it is")
    table.columns[1].justify, table.columns[1].no_wrap = "right", True
    table.columns[0].no_wrap = False
    for statistic in STATISTICS:
        reason = verdict.skipped.get(statistic.name)
        table.add_row(
            escape(statistic.label),
            statistic.text(verdict),
            escape(f"not computed: {reason}" if reason else statistic.short),
        )
    return table


def bounds(verdict: Any) -> Iterator[str]:
    """Within what the best trial's numbers lie, as far as its own days can tell."""
    told = [
        f"{METRIC[str(name)].label} {_range(METRIC[str(name)], row['low'], row['high'])}"
        for name, row in verdict.intervals.dropna().iterrows()
    ]
    if told:
        yield f"The best trial within 90 % of bootstraps of its days, in excess of cash: {', '.join(told)}"


def _range(metric: Metric, low: float, high: float) -> str:
    """The worse end first: a loss is kept as a positive number, and shown as a negative one."""
    first, last = (high, low) if metric.format.startswith("-") else (low, high)
    return f"{metric.text(first)} to {metric.text(last)}"


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """What a sweep leaves behind."""
    for what, name in (("Trials", TABLE), ("Report", REPORT)):
        if (folder / name).exists():
            yield what, folder / name


def print_walk(walk: Any, paths: Any, out: Path | None, tearsheet: Path | None = None) -> None:
    """Print what each stretch chose, how it drifted, what other paths say, and the joined run beside its benchmark."""
    say(escape(_walked(walk)))
    show(stretches(walk))
    show(_drift(walk.changes))
    for sentence in (medians(walk.plan.objective, walk.kept), _efficiency(walk.kept)):
        say(escape(sentence))
    say(escape(across(paths) if paths else "Not cross-validated: tpe learns from what would be held out"))
    say(escape(_counts(walk, paths)))
    say("Joined out of sample:")
    print_results([walk.result], walk.findings, "auto", tearsheet, f"{walk.plan.family}, walked")
    if out is not None:
        say(f"Report: {escape(str(out))}")


def _walked(walk: Any) -> str:
    steps = walk.steps
    anchored = ", anchored" if steps["anchored"] else ""
    count = len(walk.stretches)
    return (
        f"{walk.plan.family} in {count:,} stretch{'es' * (count != 1)}: chosen on {steps['train']}, held for "
        f"{steps['test']}, {steps['purge']} between{anchored}"
    )


def _counts(walk: Any, paths: Any) -> str:
    """How many runs this took, and how many trials stand behind what was chosen."""
    crossing = f"{walk.crossing_runs:,} to cross-validate, " if paths else ""
    return (
        f"{walk.runs:,} runs to choose and to test, {crossing}1 joined; with these the ledger has "
        f"{walk.trials:,} distinct trials of {walk.plan.family} on this history"
    )


def stretches(walk: Any) -> Table:
    """A line per stretch: its windows, training left away where there is no room, what was held, what came of it."""
    names = walk.names, _short(walk.names)
    return fitting([_stretches(walk, kinds, own) for kinds in (("train", "test"), ("test",)) for own in names])


def _stretches(walk: Any, kinds: Sequence[str], names: Sequence[str]) -> Table:
    edges = [f"{kind}_{edge}" for kind in kinds for edge in ("from", "to")]
    metric = METRIC[walk.plan.objective]
    scores = (f"{HEADINGS[metric.name]} {where}" for where in ("inside", "outside"))
    ruined = bool((walk.stretches["book_ruined"] != "").any())
    headings = [*(edge.replace("_", " ") for edge in edges), *map(escape, names), *scores, *["joined run"] * ruined]
    table = new_table("", *headings, numbers_from=len(edges))
    for row in walk.stretches.to_dict("records"):
        held = ("cash" if pd.isna(row[column]) else _value(row[column]) for column in walk.columns)
        values = [metric.text(row["in_sample"]), outside(metric, row)]
        if ruined:
            values.append(f"ruined on {row['book_ruined']}" if row["book_ruined"] else "")
        table.add_row(*(f"{row[edge]:%Y-%m-%d}" for edge in edges), *held, *values)
    return table


def _drift(changes: Any) -> Table:
    """How often each parameter changed from stretch to stretch, and between which values."""
    table = new_table("", "parameter", "changed", "of steps", "values", "lowest", "highest", numbers_from=1)
    for name, row in changes.iterrows():
        bounds = ("–" if pd.isna(row[edge]) else _value(row[edge]) for edge in ("lowest", "highest"))
        table.add_row(escape(str(name)), *(f"{int(row[count]):,}" for count in ("changes", "of", "distinct")), *bounds)
    return table


def _efficiency(kept: Kept) -> str:
    told = f"–, for {kept.reason}" if kept.reason else f"{kept.efficiency:.0%}"
    return f"Walk-forward efficiency, the latter over the former: {told}"


def across(paths: Any) -> str:
    """What cross-validation says, in a sentence."""
    folds, count, lost = paths.folds, len(paths.paths), paths.losing
    return (
        f"Cross-validated on {count:,} purged path{'s' * (count != 1)}, {folds.held_out} of {folds.groups} groups of "
        f"days held out: Sharpe ratio {_ratios(paths)}; {lost:,} of {count:,} lose against cash"
    )


def _ratios(paths: Any) -> str:
    """The paths' Sharpe ratios, from low to high; of many, quantiles."""
    if len(paths.paths) <= FEW_PATHS:
        known = sorted(ratio for ratio in paths.paths if not isnan(ratio))
        return ", ".join([*["ruined"] * paths.ruined, *(f"{ratio:z.2f}" for ratio in known)])
    levels = paths.quantiles
    ratios = ", ".join("ruined" if isnan(ratio) else f"{ratio:z.2f}" for ratio in levels.values())
    return f"{ratios} at the {', '.join(f'{level:.0%}' for level in levels)} quantiles"
