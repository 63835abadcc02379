"""The numbers of all strategies and benchmarks, side by side, with what they may have been by chance."""

from math import isnan
from typing import Any

import pandas as pd
from markupsafe import Markup

from backtests.analysis.intervals import LEVEL, REPS
from backtests.metrics import METRICS, Metric, shown_metrics
from backtests.tearsheet.lines import Line
from backtests.tearsheet.sheet import Section, Sheet

HEADLINE = ("cagr", "sharpe", "max_drawdown", "exposure")


def build(sheet: Sheet) -> dict[str, Any]:
    """The headline of a lone strategy, and METRICS of all with their intervals."""
    lines = sheet.lines
    shown = shown_metrics([line.result for line in lines])
    rows = [(metric, [_text(sheet, line, metric) for line in lines]) for metric in shown]
    table = sheet.charts.table("metrics", "Metrics by strategy", metrics_frame(sheet), ["Metric", *lines], rows)
    return {
        "table": table,
        "headline": _headline(lines) if len(sheet.results) == 1 else [],
        "resampling": resampling(sheet),
        "outside": any(_outside(sheet, line, metric) for line in lines for metric in METRICS),
    }


def metrics_frame(sheet: Sheet) -> pd.DataFrame:
    """A row per metric; columns LABEL, LABEL low and LABEL high, NaN where there is no interval."""
    parts = [
        found.table.set_axis([label, f"{label} low", f"{label} high"], axis=1)
        for label, found in sheet.intervals.items()
    ]
    return pd.concat(parts, axis=1)


def resampling(sheet: Sheet) -> str:
    """How the intervals were made, in sentences; or why there are none."""
    blocks = sorted({found.block for found in sheet.intervals.values()} - {0})
    if not blocks:
        return "There are no intervals: they need 30 days or more, and an equity that departs from cash."
    length = f"{blocks[0]}" if len(blocks) == 1 else f"{blocks[0]} to {blocks[-1]}"
    days = "day" if blocks[-1] == 1 else "days"
    told = (
        f"Small: the middle {LEVEL:.0%} of {REPS:,} resamples of the days, in blocks of {length} {days} in the mean, "
        "the benchmark's with the book's (stationary bootstrap). What is no function of daily returns has no interval, "
        "nor what some resample leaves undefined, nor the best or the worst day, which no resample can surpass. "
        "Intervals know nothing of how a strategy was chosen."
    )
    within = any(line.result.tape.timeframe != "1d" for line in sheet.lines)
    return (
        f"{told} They are of days, and the numbers over them of shorter bars, where these differ." if within else told
    )


def _text(sheet: Sheet, line: Line, metric: Metric) -> str:
    shown = metric.text(line.result.metrics[metric.name])
    low, high = sheet.intervals[line.label].table.loc[metric.name, ["low", "high"]]
    if isnan(low + high):
        return shown
    if metric.format.startswith("-"):  # a loss: the greatest is the lowest number that is shown
        low, high = high, low
    star = "*" if _outside(sheet, line, metric) else ""
    return Markup("{}{}<small>{} to {}</small>").format(shown, star, metric.text(low), metric.text(high))


def _outside(sheet: Sheet, line: Line, metric: Metric) -> bool:
    """Whether a metric of `line` lies outside its own interval."""
    low, high = sheet.intervals[line.label].table.loc[metric.name, ["low", "high"]]
    value = line.result.metrics[metric.name]
    return bool(value < low or value > high)


def _headline(lines: list[Line]) -> list[tuple[str, str, str]]:
    shown = [metric for metric in METRICS if metric.name in HEADLINE]
    texts = [[metric.text(line.result.metrics[metric.name]) for metric in shown] for line in lines]
    beside = texts[1] if len(lines) > 1 else [""] * len(shown)
    return [(m.label, own, other) for m, own, other in zip(shown, texts[0], beside, strict=True)]


COMPARISON = Section("comparison", "Comparison", "In numbers", build)
