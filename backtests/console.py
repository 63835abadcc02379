"""Results as tables in the terminal."""

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

# What a line of a comparison shows, the most telling first; the tearsheet and --json hold every metric.
SHORT = {
    "total_return": "return",
    "cagr": "CAGR",
    "sharpe": "Sharpe",
    "max_drawdown": "max DD",
    "volatility": "vol",
    "exposure": "exposure",
    "decisions": "decisions",
    "turnover": "turnover",
    "costs_paid": "costs a year",
}
PIPED_WIDTH = 130
# So many names of files that are due are written out; the table marks them all.
NAMED = 5
# Who publishes a series, by the catalogue's word; a file is the user's.
SOURCES = {
    "fred": "FRED",
    "newyorkfed": "New York Fed",
    "treasury": "Treasury",
    "exchange": "exchanges",
    "file": "own data",
}
HEADINGS = {
    "strategies": ("strategy", "what it holds", "parameters"),
    "combinators": ("combinator", "what it makes of strategies", "parameters"),
    "signals": ("signal", "what it measures", "parameters"),
    "series": ("series", "title", "unit", "known at", "from"),
    "metrics": ("metric", "label", "definition"),
}


def new_table(title: str, *headings: str, numbers_from: int = 99) -> Table:
    """A table without lines, whose columns are numbers from that one on."""
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for position, heading in enumerate(headings):
        right = position >= numbers_from
        table.add_column(heading, justify="right" if right else "left", no_wrap=right or position == 0)
    return table


def _columns() -> int:
    """The width that COLUMNS asks for, which rich takes; 0 where it asks for none."""
    asked = os.environ.get("COLUMNS", "")
    return int(asked) if asked.isdigit() else 0


class Terminal(Console):
    """Where tables and sentences go; what is piped is as wide as COLUMNS says, and else not cut to any terminal.

    A reader that has gone, such as head, is no failed check (rich exits with 1).
    """

    def __init__(self) -> None:
        super().__init__()
        if not self.is_terminal and not _columns():
            self.width = PIPED_WIDTH

    def on_broken_pipe(self) -> None:
        """Tell the command line, which ends quietly."""
        raise BrokenPipeError


def show(table: Table) -> None:
    """Print a table; what is piped has no blanks at the ends of its lines."""
    terminal = Terminal()
    if terminal.is_terminal:
        terminal.print(table)
        return
    with terminal.capture() as drawn:
        terminal.print(table)
    lines = (line.rstrip() for line in drawn.get().splitlines())
    terminal.print("\n".join(lines), soft_wrap=True, highlight=False, markup=False, emoji=False)


def progress(strategies: Sequence[Any], doing: str = "Backtesting") -> Iterable[Any]:
    """Go through the strategies with a progress bar on stderr, where that is a terminal."""
    from rich.progress import track  # 25 ms that a listing does not need

    console = Console(stderr=True)
    return track(strategies, doing, console=console, transient=True, disable=not console.is_terminal)


def print_listing(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Print what there is, a table a kind."""
    for kind, entries in found.items():
        table = new_table(kind.capitalize(), *HEADINGS[kind])
        for entry in entries:
            table.add_row(*(escape(text) for text in _listing_row(kind, entry)))
        show(table)


def _listing_row(kind: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
    if kind == "series":
        source = SOURCES.get(entry["source"], entry["source"])
        return entry["name"], entry["title"], entry["unit"], entry["known_at"], source
    if kind == "metrics":
        return entry["name"], entry["title"], entry["definition"]
    parameters = ", ".join(f"{n}={v}" if v is not None else n for n, v in entry["parameters"].items())
    return entry["name"], entry["title"], parameters


def print_results(results: Sequence[Any], found: Sequence[Any], engine: str, out: Path | None, name: str = "") -> None:
    """Print one result beside its benchmark, or several a line each; then the findings and where the tearsheet is.

    name : of a lone result, where it is not called by its class
    """
    print_window(results)
    show(_metric_table(results[0], name) if len(results) == 1 else comparison(results))
    say = partial(Terminal().print, soft_wrap=True, highlight=False)
    if engine == "both":
        say("Both engines decide the same; equity is equal within 1e-9.")
    for finding in found:
        say(f"[yellow]note[/] {escape(str(finding))} \\[{finding.code}]")
    if out is not None:
        say(f"Tearsheet: {escape(str(out))}")


def print_tearsheet(made: Any) -> None:
    """Print the results that are on a page, what was found of them, and where page, PDF and pictures are."""
    page, *others = made.files
    print_results(made.results, made.examined.findings, "auto", page)
    pdf = [file for file in others if file.suffix == ".pdf"]
    pictures = [file for file in others if file.suffix == ".png"]
    for file in pdf:
        say(f"PDF: {escape(str(file))}")
    if pictures:
        say(f"Pictures: {escape(str(pictures[0].parent))}, {len(pictures)} files")


def print_window(results: Sequence[Any]) -> None:
    """Print what was run: data, window, engine, costs."""
    about, execution = results[0].manifest, results[0].execution
    start, end = (moment[:16] for moment in about["window"])
    engines = ", ".join(sorted({result.manifest["engine"] for result in results}))
    lines = (
        f"{about['origin']}",
        f"{start} to {end} UTC, {about['bars']:,} bars of {about['timeframe']}; engine: {engines}; "
        f"fee {execution.fee_bps:g} bps, slippage {execution.slippage_bps:g} bps",
        *([execution.margin_terms] if execution.perps else []),
    )
    for line in lines:
        Terminal().print(escape(line), soft_wrap=True, highlight=False)


def comparison(results: Sequence[Any]) -> Table:
    """Several results and their benchmark, a line each, with as many metrics of SHORT as fit into the terminal."""
    return fitting([_comparison(results, list(SHORT)[:count]) for count in range(len(SHORT), 3, -1)])


def fitting(tables: Sequence[Table]) -> Table:
    """The first of the tables, the widest first, that fits into the terminal; the last where none does."""
    terminal = Terminal()
    unbounded = terminal.options.update(width=1_000)
    fit = (table for table in tables if terminal.measure(table, options=unbounded).maximum <= terminal.width)
    return next(fit, tables[-1])


def _comparison(results: Sequence[Any], names: Sequence[str]) -> Table:
    metrics = _metrics()
    table = new_table("", "strategy", *(SHORT[name] for name in names), numbers_from=1)
    for result, label in _with_benchmark(results):
        table.add_row(escape(label), *(metrics[name].text(result.metrics[name]) for name in names))
    return table


def _metric_table(result: Any, name: str) -> Table:
    from backtests.metrics import shown_metrics

    columns = _with_benchmark([result])
    names = [label if row or not name else name for row, (_, label) in enumerate(columns)]
    table = new_table("", "metric", *map(escape, names), numbers_from=1)
    for metric in shown_metrics([shown for shown, _ in columns]):
        table.add_row(metric.label, *(metric.text(r.metrics[metric.name]) for r, _ in columns))
    return table


def _with_benchmark(results: Sequence[Any]) -> list[tuple[Any, str]]:
    """Results and the benchmark with names, no two alike; a benchmark that is one of the results comes once."""
    from backtests.metrics import labels, with_benchmarks

    everything = with_benchmarks(results)
    return [
        (result, name if row < len(results) else f"{name} (benchmark)")
        for row, (result, name) in enumerate(zip(everything, labels(everything), strict=True))
    ]


def _metrics() -> dict[str, Any]:
    from backtests.metrics import METRICS

    return {metric.name: metric for metric in METRICS}


def print_proofs(proofs: Sequence[Any]) -> None:
    """Print which strategies are causal, and the first leak of those that are not."""
    table = new_table("", "strategy", "cuts", "causal")
    for proof in proofs:
        verdict = "yes" if not proof.leaks else f"[bold red]no[/]: {escape(str(proof.leaks[0]))}"
        table.add_row(escape(type(proof.strategy).__name__), str(proof.cuts), verdict)
    show(table)


def print_imported(imported: Sequence[Any]) -> None:
    """Print what was imported, a line an entry."""
    table = new_table("", "entry", "rows", "added", "first", "last", "gaps", "dropped", numbers_from=1)
    for entry in imported:
        counts = f"{entry.rows:,}", f"{entry.added:,}"
        dates = (f"{day:%Y-%m-%d}" for day in (entry.first, entry.last))
        table.add_row(escape(entry.name), *counts, *dates, str(entry.gaps), str(entry.dropped))
    show(table)


def print_status(folder: Path, rows: Sequence[Any]) -> None:
    """Print what is cached, a line a file, then what is due and what is wrong with it."""
    say(f"Cache: {escape(str(folder))}")
    if not rows:
        say("Nothing is cached yet; run: ebbtide fetch, or ebbtide import MANIFEST.toml")
    for kind in dict.fromkeys(row.kind for row in rows):
        show(_status_table(kind, [row for row in rows if row.kind == kind]))
    late = [row for row in rows if row.due > 0]
    groups = [group for group in dict.fromkeys(row.group for row in late) if group]
    _say_due([row for row in late if row.group], f"ebbtide fetch {' '.join(groups)}")
    _say_due([row for row in late if not row.group], "ebbtide import MANIFEST.toml, with newer files")
    for row in rows:
        if row.problem:
            say(f"[bold red]damaged[/] {escape(row.problem)}")


def _status_table(kind: str, rows: Sequence[Any]) -> Table:
    """The files of one kind; names and origins wrap where the terminal is narrow, numbers and dates do not."""
    table = new_table(kind.capitalize(), "name", "first", "last", "rows", "gaps", "due", "origin", numbers_from=3)
    table.collapse_padding = True
    for column in table.columns:
        wraps = column.header in ("name", "origin")
        column.no_wrap, column.overflow = not wraps, "fold"
    table.columns[-1].justify = "left"
    for row in rows:
        dates = (f"{day:%Y-%m-%d}" if day == day else "–" for day in (row.first, row.last))
        counts = ("–" if count < 0 else f"{count:,}" for count in (row.rows, row.gaps, row.due))
        table.add_row(escape(row.name), *dates, *counts, _origin(row), style="yellow" if row.due > 0 else "")
    return table


def _say_due(rows: Sequence[Any], command: str) -> None:
    """Say what is due and what brings it; of many, the first few."""
    if rows:
        more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
        names = ", ".join(escape(row.name) for row in rows[:NAMED])
        say(f"[yellow]due[/] {names}{more}; run: {command}")


def print_ledger(folder: Path, families: Sequence[Any], missing: Sequence[tuple[int, int]]) -> None:
    """Print how many trials there are of each strategy, a line each, then what was taken away."""
    say(f"Ledger: {escape(str(folder))}")
    if not families:
        say("Nothing is recorded yet; run: ebbtide run StealthQE")
        return
    table = new_table("", "strategy", "data", "trials", "runs", "best Sharpe", "first", "last", numbers_from=2)
    sharpe = _metrics()["sharpe"]
    for family in families:
        counts = (f"{family.trials:,}", f"{family.runs:,}", sharpe.text(family.best_sharpe))
        days = (f"{day:%Y-%m-%d %H:%M}" for day in (family.first, family.last))
        table.add_row(escape(family.strategy), "SIMULATED" if family.simulated else "real", *counts, *days)
    show(table)
    for first, last in missing:
        say(f"[bold red]missing[/] batches {first} to {last}; the counts are too low by what they recorded")


def print_checks(checks: Sequence[Any]) -> None:
    """Print how far second sources are apart, an entry a comparison, then why others were not made."""
    table = new_table("", "second sources", "compared", "beyond", "furthest apart", numbers_from=1)
    table.columns[0].no_wrap, table.columns[-1].justify = False, "left"
    for check in checks:
        if not check.note:
            beyond = f"{check.beyond:,}" if check.holds else f"[bold red]{check.beyond:,}[/]"
            said = f"{check.first} and {check.second}\n  within {check.tolerance}"
            table.add_row(escape(said), f"{check.compared:,}", beyond, _worst(*check.worst))
    if table.row_count:
        show(table)
    for check in checks:
        if check.note:
            say(f"[yellow]not compared[/] {escape(check.name)}: {escape(check.note)}")


def _worst(period: Any, first: float, second: float) -> str:
    return f"{period:%Y-%m-%d}\n{first:,.7g} and {second:,.7g}"


def say(sentence: str) -> None:
    """Print a sentence, in rich markup, on one line however long it is."""
    Terminal().print(sentence, soft_wrap=True, highlight=False)


def _origin(row: Any) -> str:
    return "[bold red]damaged[/]" if row.problem else escape(", ".join(row.sources))
