"""The page: panels, tables and manifest put into one HTML file that needs nothing else."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from backtests.execution import Execution
from backtests.metrics import METRICS
from backtests.result import Result
from backtests.tearsheet.document import Chart, Charts, Key, as_json, asset, script_json, template, write_page
from backtests.tearsheet.figures import NEUTRAL, SHADE
from backtests.tearsheet.monthly import MONTHS, MonthlyReturns
from backtests.tearsheet.panels import (
    MARKS,
    Costs,
    Drawdown,
    Equity,
    Line,
    Positions,
    SignalValues,
    asset_colors,
    lines_of,
)
from data_cache.errors import BadUsage
from data_cache.version import __version__

HEADLINE = ("cagr", "sharpe", "max_drawdown", "exposure")


def write_tearsheet(
    results: Sequence[Result], path: Path, title: str, subtitle: str = "", notes: Sequence[str] = ()
) -> None:
    """Write one self-contained HTML file on `results` and their benchmarks; it opens without a network.

    notes : sentences that the reader should know, printed under the header
    Parents are created, and the file appears at once or not at all. Raises BadUsage where there is nothing to show, or
    where `path` is a folder.
    """
    if not results:
        raise BadUsage("a tearsheet needs at least one result; found none")
    write_page(path, render(results, title, subtitle, notes))


def render(results: Sequence[Result], title: str, subtitle: str = "", notes: Sequence[str] = ()) -> str:
    """The page as text."""
    from plotly.offline import get_plotlyjs

    lines = lines_of(results)
    charts = Charts()
    sections = {
        "overview": _overview(lines, charts),
        "strategies": [_strategy(i, line, charts) for i, line in enumerate(lines) if not line.is_benchmark],
        "costs": _costs(lines, charts),
        "monthly": [(line, MonthlyReturns(line.result).rows()) for line in lines],
    }
    return template("template.html").render(
        title=title,
        subtitle=subtitle,
        notes=notes,
        simulated=any("SIMULATED" in line.result.market.origin for line in lines),
        facts=facts(results),
        lines=lines,
        headline=_headline(lines) if len(results) == 1 else [],
        metrics=_metric_rows(lines),
        definitions=[(metric.label, metric.definition) for metric in METRICS],
        months=MONTHS,
        manifests=[(line.label, as_json(line.result.manifest, indent=2)) for line in lines],
        manifest=script_json(_machine_manifest(title, lines)),
        figures=script_json(charts.figures),
        version=__version__,
        plotly=Markup(get_plotlyjs()),
        style=asset("style.css"),
        script=asset("charts.js"),
        **sections,
    )


def facts(results: Sequence[Result]) -> list[tuple[str, str]]:
    """What was tested, on what, over which window and at which costs: pairs of a term and its description."""
    tapes = [result.tape for result in results]
    return [
        ("Strategy" if len(results) == 1 else "Strategies", _each(result.name for result in results)),
        ("Benchmark", _each(result.benchmark.name for result in results if result.benchmark) or "none"),
        ("Window", _each(f"{t.opens.index[0]:%-d %b %Y} to {t.known_at[-1]:%-d %b %Y %H:%M} UTC" for t in tapes)),
        ("Bars", _each(f"{len(r.tape.opens):,} × {r.tape.timeframe} of {', '.join(r.tape.assets)}" for r in results)),
        ("Data", _each(result.market.origin for result in results)),
        ("Costs", _each(conditions(result.execution) for result in results)),
        ("Capital", _each(f"${result.execution.capital:,.0f}" for result in results)),
        ("Engine", _each(str(result.manifest["engine"]) for result in results)),
    ]


def conditions(execution: Execution) -> str:
    """The conditions of trading as one sentence.

    >>> conditions(Execution())
    'fee 10 bps and slippage 5 bps on every fill, at the next open; no order below $10; cash earns nothing'
    """
    hours, band = execution.latency_hours, execution.band
    parts = [
        f"fee {execution.fee_bps:g} bps and slippage {execution.slippage_bps:g} bps on every fill, "
        f"at the {f'first open {hours:g} h or more later' if hours else 'next open'}",
        f"no order below ${execution.min_notional:,.0f}" if execution.min_notional else "",
        f"no trade unless a target moves by more than {band:.0%}" if band else "",
        f"back to target every {execution.rebalance_days:g} days" if execution.rebalance_days else "",
        "cash earns nothing" if execution.cash == "0" else f"cash earns {execution.cash}",
    ]
    return "; ".join(part for part in parts if part)


def _overview(lines: list[Line], charts: Charts) -> list[Chart]:
    return [
        charts.add("equity", Equity(lines), _line_keys(lines)),
        charts.add("drawdown", Drawdown(lines)),
    ]


def _strategy(number: int, line: Line, charts: Charts) -> dict[str, Any]:
    signals = line.result.strategy.signals()
    return {
        "line": line,
        "about": first_line(line.result.strategy),
        "repr": repr(line.result.strategy),
        "positions": charts.add(f"positions-{number}", Positions(line), _position_keys(line)),
        "signals": [
            (name, repr(signal), first_line(signal), charts.add(f"signal-{number}-{i}", SignalValues(line, name)))
            for i, (name, signal) in enumerate(signals.items())
        ],
        "shade": Key("exposure", "area", SHADE),
    }


def _costs(lines: list[Line], charts: Charts) -> dict[str, Any]:
    panel = Costs(lines)
    totals = panel.totals()
    rows = [
        (line, [f"${totals.at[line.label, kind]:,.0f}" for kind in totals], f"${totals.loc[line.label].sum():,.0f}")
        for line in lines
    ]
    return {"chart": charts.add("costs", panel, _line_keys(lines)), "rows": rows}


def _line_keys(lines: list[Line]) -> list[Key]:
    return [Key(line.label, "line", line.color, line.dash, trace) for trace, line in enumerate(lines)]


def _position_keys(line: Line) -> list[Key]:
    assets = asset_colors(line.result.tape.assets)
    meaning = {
        "more": "decided to hold more",
        "less": "decided to hold less",
        "same": "decided to hold as much",
    }
    return [
        Key(f"{assets[0][0]} price", "line", NEUTRAL),
        *(Key(meaning[move], symbol, color) for move, (symbol, color) in MARKS.items()),
        *(Key(f"{asset} weight", "area", color) for asset, color in assets),
    ]


def _headline(lines: list[Line]) -> list[tuple[str, str, str]]:
    shown = [metric for metric in METRICS if metric.name in HEADLINE]
    texts = [[metric.text(line.result.metrics[metric.name]) for metric in shown] for line in lines]
    beside = texts[1] if len(lines) > 1 else [""] * len(shown)
    return [(m.label, own, other) for m, own, other in zip(shown, texts[0], beside, strict=True)]


def _metric_rows(lines: list[Line]) -> list[tuple[str, str, list[str]]]:
    return [
        (metric.label, metric.definition, [metric.text(line.result.metrics[metric.name]) for line in lines])
        for metric in METRICS
    ]


def _machine_manifest(title: str, lines: list[Line]) -> dict[str, Any]:
    results = [{"label": line.label} | line.result.summary() for line in lines if not line.is_benchmark]
    return {"ebbtide": __version__, "title": title, "results": results}


def first_line(thing: object) -> str:
    """The first line of what a strategy or signal says of itself; "" where it says nothing."""
    text = type(thing).__doc__ or ""
    generated = text.startswith(f"{type(thing).__name__}(")  # what dataclass writes where nobody did
    return "" if generated or not text else text.strip().splitlines()[0]


def _each(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))
