"""The numbers of all strategies and benchmarks, side by side."""

from typing import Any

from backtests.metrics import METRICS, comparison_frame
from backtests.tearsheet.lines import Line
from backtests.tearsheet.sheet import Section, Sheet

HEADLINE = ("cagr", "sharpe", "max_drawdown", "exposure")


def build(sheet: Sheet) -> dict[str, Any]:
    """The headline of a lone strategy, and METRICS of all."""
    lines = sheet.lines
    rows = [(m, [m.text(line.result.metrics[m.name]) for line in lines]) for m in METRICS]
    table = sheet.charts.table(
        "metrics", "Metrics by strategy", comparison_frame(sheet.results), ["Metric", *lines], rows
    )
    return {"table": table, "headline": _headline(lines) if len(sheet.results) == 1 else []}


def _headline(lines: list[Line]) -> list[tuple[str, str, str]]:
    shown = [metric for metric in METRICS if metric.name in HEADLINE]
    texts = [[metric.text(line.result.metrics[metric.name]) for metric in shown] for line in lines]
    beside = texts[1] if len(lines) > 1 else [""] * len(shown)
    return [(m.label, own, other) for m, own, other in zip(shown, texts[0], beside, strict=True)]


COMPARISON = Section("comparison", "Comparison", "In numbers", build)
