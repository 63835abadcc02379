"""The page: sections and manifest put into one HTML file that needs nothing else."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from backtests.execution import Execution
from backtests.findings import Finding
from backtests.metrics import labels, same_run
from backtests.proofs import Proof
from backtests.result import Result
from backtests.tearsheet.document import as_json, asset, script_json, template, write_page
from backtests.tearsheet.imprint import imprint
from backtests.tearsheet.sections.attribution import ATTRIBUTION
from backtests.tearsheet.sections.checks import CHECKS
from backtests.tearsheet.sections.comparison import COMPARISON
from backtests.tearsheet.sections.correlation import CORRELATION
from backtests.tearsheet.sections.distribution import DISTRIBUTION
from backtests.tearsheet.sections.drawdowns import DRAWDOWNS
from backtests.tearsheet.sections.events import EVENTS
from backtests.tearsheet.sections.growth import GROWTH
from backtests.tearsheet.sections.headline import HEADLINE
from backtests.tearsheet.sections.holdings import HOLDINGS
from backtests.tearsheet.sections.periods import PERIODS
from backtests.tearsheet.sections.rolling import ROLLING
from backtests.tearsheet.sections.sensitivity import SENSITIVITY
from backtests.tearsheet.sections.trading import TRADING
from backtests.tearsheet.sheet import Section, Sheet
from backtests.tearsheet.wording import Wording, context
from data_cache.errors import BadUsage
from data_cache.version import __version__

# So many strategies are named in a title.
MOST_NAMED = 4
Watch = Callable[[Sequence[Section]], Iterable[Section]]

# In the order of the page.
SECTIONS: tuple[Section, ...] = (
    HEADLINE,
    COMPARISON,
    GROWTH,
    DRAWDOWNS,
    ROLLING,
    HOLDINGS,
    EVENTS,
    ATTRIBUTION,
    PERIODS,
    DISTRIBUTION,
    CORRELATION,
    TRADING,
    SENSITIVITY,
    CHECKS,
)


def write_tearsheet(
    results: Sequence[Result],
    path: Path,
    title: str,
    subtitle: str = "",
    notes: Sequence[str] = (),
    findings: Sequence[Finding] = (),
    proofs: Sequence[Proof] = (),
    watch: Watch = iter,
) -> None:
    """Write one self-contained HTML file on `results` and their benchmarks; it opens without a network.

    notes : sentences that the reader should know, printed under the header
    findings : what a reader should know before believing the results      proofs : of the strategies' causality
    watch : what the sections are taken through one by one, such as a progress bar
    Parents are created, and the file appears at once or not at all. Raises BadUsage where there is nothing to show, or
    where `path` is a folder.
    """
    if not results:
        raise BadUsage("a tearsheet needs at least one result; found none")
    write_page(path, render(Sheet(results, findings, proofs), title, subtitle, notes, watch))


def render(sheet: Sheet, title: str, subtitle: str = "", notes: Sequence[str] = (), watch: Watch = iter) -> str:
    """The page as text."""
    wording = Wording(title, subtitle, tuple(notes), tuple(sheet.findings), tuple(sheet.proofs))
    built = [(section, section.build(sheet)) for section in watch(SECTIONS)]
    return template("template.html").render(
        title=title,
        subtitle=subtitle,
        notes=notes,
        simulated=sheet.simulated,
        facts=facts(sheet.results),
        findings=sheet.findings,
        lines=sheet.lines,
        sections=[(section, own) for section, own in built if own is not None],
        terms=list(sheet.charts.terms.values()),
        manifests=[(line.label, as_json(line.result.manifest, indent=2)) for line in sheet.lines],
        imprint=imprint([line.result for line in sheet.strategies]),
        manifest=script_json(_machine_manifest(sheet, wording)),
        figures=script_json(sheet.charts.figures),
        tables=script_json(sheet.charts.tables),
        style=asset("style.css"),
        script=asset("charts.js"),
    )


def title_of(results: Sequence[Result]) -> str:
    """What a page on `results` is called: their names; of many, how many there are, for the names stand below it."""
    return f"{len(results)} strategies" if len(results) > MOST_NAMED else " · ".join(one.name for one in results)


def facts(results: Sequence[Result]) -> list[tuple[str, str]]:
    """What was tested, on what, over which window and at which costs: pairs of a term and its description."""
    tapes = [result.tape for result in results]
    return [
        ("Strategy" if len(results) == 1 else "Strategies", _each(result.name for result in results)),
        ("Benchmark", _each(_benchmarks(results)) or "none"),
        ("Window", _each(f"{t.opens.index[0]:%-d %b %Y} to {t.known_at[-1]:%-d %b %Y %H:%M} UTC" for t in tapes)),
        ("Bars", _each(f"{len(r.tape.opens):,} × {r.tape.timeframe} of {', '.join(r.tape.assets)}" for r in results)),
        ("Data", _each(result.market.origin for result in results)),
        ("Costs", _each(conditions(result.execution) for result in results)),
        ("Capital", _each(f"${result.execution.capital:,.0f}" for result in results)),
        ("Engine", _each(str(result.manifest["engine"]) for result in results)),
    ]


def _benchmarks(results: Sequence[Result]) -> list[str]:
    """The name of each benchmark, with what differs where they are of one class."""
    found: list[Result] = []
    for result in results:
        if result.benchmark and all(not same_run(result.benchmark, other) for other in found):
            found.append(result.benchmark)
    beside_perps = any(result.execution.perps for result in results)
    return [f"{label} at spot" if beside_perps else label for label in labels(found)]


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
        execution.margin_terms if execution.perps else "",
    ]
    return "; ".join(part for part in parts if part)


def _machine_manifest(sheet: Sheet, wording: Wording) -> dict[str, Any]:
    results = [
        {"label": line.label, "context": context(line.result)} | _with_benchmark(line.result)
        for line in sheet.strategies
    ]
    page = wording.summary(sheet.results)
    return {"ebbtide": __version__, "title": wording.title, "results": results, "page": page}


def _with_benchmark(result: Result) -> dict[str, Any]:
    benchmark = result.benchmark
    return result.summary() | {"benchmark": benchmark.summary() if benchmark else None}


def _each(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))
