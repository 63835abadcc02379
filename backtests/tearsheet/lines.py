"""What stands on every chart: a line per result, and what lines over UTC days share.

Everything is plotted by UTC day, whatever the bars: five strategies on hourly bars stay a small file. The values of a
day stand at its date; a bar that ends at midnight belongs to the day that ends there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from backtests.metrics import days_of, labels, with_benchmarks
from backtests.result import Result
from backtests.tearsheet.document import Key
from backtests.tearsheet.figures import COLORS, DASHES, MORE_COLORS, NEUTRAL, marks, plain, trace

ASSET_COLORS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7")

# Colour and dash of each line in turn: ten lines have ten colours, and no two of thirty have both in common.
_FIRST = [(color, "solid") for color in COLORS] + [(color, DASHES[1 + i % 2]) for i, color in enumerate(MORE_COLORS)]
STYLES = _FIRST + [
    (color, dash) for dash, color in product(reversed(DASHES), COLORS + MORE_COLORS) if (color, dash) not in _FIRST
]


@dataclass(frozen=True)
class Line:
    """A result and how it is drawn on every chart and beside every table."""

    result: Result
    label: str
    color: str
    dash: str
    is_benchmark: bool = False


def lines_of(results: Sequence[Result]) -> list[Line]:
    """A line for each result, in the palette's order, and a grey one for each benchmark that is not a result."""
    everything = with_benchmarks(results)
    return [
        Line(result, label, *STYLES[i % len(STYLES)])
        if i < len(results)
        else Line(result, label, NEUTRAL, DASHES[(i - len(results)) % len(DASHES)], is_benchmark=True)
        for i, (result, label) in enumerate(zip(everything, labels(everything), strict=True))
    ]


def asset_colors(assets: Sequence[str]) -> list[tuple[str, str]]:
    """Each asset with its colour."""
    return [(asset, ASSET_COLORS[i % len(ASSET_COLORS)]) for i, asset in enumerate(assets)]


def last_of_day(frame: pd.DataFrame, ended: bool = False) -> pd.DataFrame:
    """The last row of each UTC day; `ended` where the index is days already."""
    days = frame.index if ended else days_of(frame.index)
    return frame.set_axis(days)[~days.duplicated(keep="last")]


def curves(frame: pd.DataFrame, lines: Sequence[Line]) -> list[dict[str, Any]]:
    """A trace per line, from the column of its label."""
    # Benchmarks are thinner and lie underneath.
    return [
        trace(frame[line.label], plain(line.label), line.color, line.dash, width=1.4 if line.is_benchmark else 1.8)
        | {"zorder": 0 if line.is_benchmark else 1}
        for line in lines
    ]


def liquidation_marks(frame: pd.DataFrame, lines: Sequence[Line], above: float = -np.inf) -> list[dict[str, Any]]:
    """A cross on each line on every day on which its book was liquidated; one trace per line that was.

    above : where its value is not above this, which the axis can't show, the cross stands at the last one that is
    """
    drawn = []
    for line in lines:
        days = days_of(pd.DatetimeIndex(line.result.liquidations["open_time"].unique()) + line.result.tape.length)
        values = frame[line.label].where(frame[line.label] > above).ffill().reindex(days.unique())
        if len(values):
            drawn.append(marks(values, f"{plain(line.label)} liquidated", line.color))
    return drawn


def liquidation_keys(lines: Sequence[Line]) -> list[Key]:
    """The entry of a legend for the crosses, if there are any."""
    return [Key("liquidated", "cross", NEUTRAL)] if any(len(line.result.liquidations) for line in lines) else []


def span(frame: pd.DataFrame | pd.Series) -> str:
    """The first and the last day, in words."""
    return f"{frame.index[0]:%-d %B %Y} to {frame.index[-1]:%-d %B %Y}"


def line_keys(lines: Sequence[Line]) -> list[Key]:
    """The legend of a chart whose traces are `curves`."""
    return [Key(line.label, "line", line.color, line.dash, trace) for trace, line in enumerate(lines)]
