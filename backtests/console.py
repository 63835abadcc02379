"""Results as tables in the terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

# What a line of a comparison shows; the tearsheet and --json hold every metric.
SHORT = ("total_return", "cagr", "volatility", "sharpe", "max_drawdown", "exposure", "turnover", "costs_paid", "decisions")
HEADINGS = {
    "strategies": ("strategy", "what it holds", "parameters"),
    "signals": ("signal", "what it measures", "parameters"),
    "series": ("series", "title", "unit", "known at"),
    "metrics": ("metric", "label", "definition"),
}


def _table(title: str, *headings: str, numbers_from: int = 99) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for position, heading in enumerate(headings):
        right = position >= numbers_from
        table.add_column(heading, justify="right" if right else "left", no_wrap=right or position == 0)
    return table


def _print(table: Table) -> None:
    # Piped output is not cut to the width of a terminal that is not there.
    console = Console()
    console.print(table, width=None if console.is_terminal else 160)


def print_listing(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Print what there is, a table a kind."""
    for kind, entries in found.items():
        table = _table(kind.capitalize(), *HEADINGS[kind])
        for entry in entries:
            table.add_row(*(escape(text) for text in _listing_row(kind, entry)))
        _print(table)


def _listing_row(kind: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
    if kind == "series":
        return entry["name"], entry["title"], entry["unit"], entry["known_at"]
    if kind == "metrics":
        return entry["name"], entry["title"], entry["definition"]
    parameters = ", ".join(f"{n}={v}" if v is not None else n for n, v in entry["parameters"].items())
    return entry["name"], entry["title"], parameters


def print_results(results: Sequence[Any], out: Path | None) -> None:
    """Print one result beside its benchmark, or several a line each; then where the tearsheet is."""
    print_window(results)
    if len(results) == 1:
        _print(_metric_table(results[0]))
    else:
        _print(comparison(results))
    if out is not None:
        Console().print(f"Tearsheet: {escape(str(out))}", soft_wrap=True)


def print_window(results: Sequence[Any]) -> None:
    """Print what was run: data, window, engine, costs."""
    about, execution = results[0].manifest, results[0].execution
    start, end = (moment[:16] for moment in about["window"])
    engines = ", ".join(sorted({result.manifest["engine"] for result in results}))
    lines = (
        f"{about['origin']}",
        f"{start} to {end} UTC, {about['bars']:,} bars of {about['timeframe']}; engine: {engines}; "
        f"fee {execution.fee_bps:g} bps, slippage {execution.slippage_bps:g} bps",
    )
    for line in lines:
        Console().print(escape(line), soft_wrap=True, highlight=False)


def comparison(results: Sequence[Any]) -> Table:
    """Several results and their benchmark, a line each, with the metrics of SHORT."""
    metrics = _metrics()
    table = _table("", "strategy", *(metrics[name].label for name in SHORT), numbers_from=1)
    for result, name in _with_benchmark(results):
        values = [metrics[metric].text(result.metrics[metric]) for metric in SHORT]
        table.add_row(escape(name), *values)
    return table


def _metric_table(result: Any) -> Table:
    columns = _with_benchmark([result])
    table = _table("", "metric", *(escape(name) for _, name in columns), numbers_from=1)
    for metric in _metrics().values():
        table.add_row(metric.label, *(metric.text(r.metrics[metric.name]) for r, _ in columns))
    return table


def _with_benchmark(results: Sequence[Any]) -> list[tuple[Any, str]]:
    named = [(result, result.name) for result in results]
    benchmark = results[0].benchmark
    return named if benchmark is None else [*named, (benchmark, f"{benchmark.name} (benchmark)")]


def _metrics() -> dict[str, Any]:
    from backtests.metrics import METRICS

    return {metric.name: metric for metric in METRICS}
