"""The page: panels, tables and manifest put into one HTML file that needs nothing else."""

import json
import math
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from backtests.execution import Execution
from backtests.metrics import METRICS
from backtests.result import Result
from backtests.tearsheet.monthly import MONTHS, MonthlyReturns
from backtests.tearsheet.panels import (
    MARKS,
    NEUTRAL,
    SHADE,
    Costs,
    Drawdown,
    Equity,
    Line,
    Panel,
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
    if path.is_dir():
        raise BadUsage(f"{path} is a folder; name a file in it, such as {path / 'tearsheet.html'}")
    _replace(path, render(results, title, subtitle, notes))


def render(results: Sequence[Result], title: str, subtitle: str = "", notes: Sequence[str] = ()) -> str:
    """The page as text."""
    from plotly.offline import get_plotlyjs

    lines = lines_of(results)
    charts = _Charts()
    sections = {
        "overview": _overview(lines, charts),
        "strategies": [_strategy(i, line, charts) for i, line in enumerate(lines) if not line.is_benchmark],
        "costs": _costs(lines, charts),
        "monthly": [(line, MonthlyReturns(line.result).rows()) for line in lines],
    }
    return _template("template.html").render(
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
        manifests=[(line.label, _json(line.result.manifest, indent=2)) for line in lines],
        manifest=_script_json(_machine_manifest(title, lines)),
        figures=_script_json(charts.figures),
        version=__version__,
        plotly=Markup(get_plotlyjs()),
        style=_asset("style.css"),
        script=_asset("charts.js"),
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


@dataclass(frozen=True)
class Key:
    """An entry of a legend: a name, a drawing of the mark, and the trace that it switches (None for none)."""

    name: str
    kind: str
    color: str
    dash: str = "solid"
    trace: int | None = None


@dataclass(frozen=True)
class Chart:
    """A chart's place in the page; its figure is drawn from the JSON under the same id."""

    id: str
    alt: str
    height: int
    legend: list[Key]


class _Charts:
    """The figures of the page, by id."""

    def __init__(self) -> None:
        self.figures: dict[str, Any] = {}

    def add(self, id: str, panel: Panel, legend: Iterable[Key] = ()) -> Chart:
        figure = panel.figure().to_plotly_json()
        self.figures[id] = figure
        return Chart(id, panel.alt(), figure["layout"]["height"], list(legend))


def _overview(lines: list[Line], charts: _Charts) -> list[Chart]:
    return [
        charts.add("equity", Equity(lines), _line_keys(lines)),
        charts.add("drawdown", Drawdown(lines)),
    ]


def _strategy(number: int, line: Line, charts: _Charts) -> dict[str, Any]:
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


def _costs(lines: list[Line], charts: _Charts) -> dict[str, Any]:
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


def breakable(name: str) -> Markup:
    """A name that may be broken between its words, for narrow columns.

    >>> breakable("StealthQE<b>")
    Markup('Stealth<wbr>QE&lt;b&gt;')
    """
    words = re.split(r"(?<=[a-z])(?=[A-Z])|(?<=[=(,])", name)
    return Markup("<wbr>").join(words)


def prose(docstring: str) -> Markup:
    """A line of a docstring, names in backquotes set as code.

    >>> prose("Mean over `window` days, <$bn>.")
    Markup('Mean over <code>window</code> days, &lt;$bn&gt;.')
    """
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(docstring))))


def _each(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))


def _json(thing: Any, indent: int | None = None) -> str:
    return json.dumps(_finite(thing), indent=indent, ensure_ascii=False, allow_nan=False)


def _script_json(thing: Any) -> Markup:
    # Inside <script> only "</" and "<!--" could end or hide the block; as \u003c no "<" is left at all.
    return Markup(_json(thing).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _finite(thing: Any) -> Any:
    """`thing` with None for every number that JSON cannot hold."""
    if isinstance(thing, dict):
        return {key: _finite(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [_finite(value) for value in thing]
    return None if isinstance(thing, float) and not math.isfinite(thing) else thing


def _template(name: str) -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["minus"] = lambda text: text.replace("-", "−")
    environment.filters["breakable"] = breakable
    environment.filters["prose"] = prose
    return environment.from_string(_asset(name))


def _asset(name: str) -> Markup:
    return Markup((files("backtests.tearsheet") / name).read_text(encoding="utf-8"))


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(beside, 0o666 & ~_umask())
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
