"""What the strategies would have earned at other costs, and filled later."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from backtests.analysis.sensitivity import LIMIT_BPS, MEASURES, Sensitivity, repeatable, side_bps
from backtests.findings import FEW_DECISIONS
from backtests.metrics import METRICS
from backtests.tearsheet.document import Definition, Table
from backtests.tearsheet.figures import NEUTRAL, figure, plain
from backtests.tearsheet.lines import Line, line_keys
from backtests.tearsheet.sheet import Section, Sheet

OF_METRICS = {metric.name: metric for metric in METRICS}
# A line and its decisions filled again.
Tried = tuple[Line, Sensitivity]


@dataclass(frozen=True)
class GrowthByCost:
    """Annual growth against the cost of a side."""

    tried: Sequence[Tried]

    def frame(self) -> pd.DataFrame:
        """CAGR by cost_bps, a column per label; NaN where a line was not tried at that cost."""
        return _joined(self.tried, lambda own: own.costs["cagr"])

    def figure(self) -> Any:
        """A line per strategy, with a dotted one at each cost that was asked for."""
        asked = sorted({side_bps(line.result.execution) for line, _ in self.tried})
        marks = [
            {"type": "line", "x0": bps, "x1": bps, "y0": 0, "y1": 1, "yref": "paper", "line": _DOTTED} for bps in asked
        ]
        layout = {"xaxis": _BPS, "yaxis": _GROWTH, "hovermode": "x unified", "shapes": marks, "margin": _MARGIN}
        return figure(_traces(self.frame(), self.tried, "%{y:.1%}"), layout, 300)

    def alt(self) -> str:
        """Growth at no cost and at the highest."""
        return f"Annual growth against the cost of a side in basis points: {_ends(self.frame(), '{:g} bps')}."


@dataclass(frozen=True)
class GrowthByDelay:
    """Annual growth against the hours that every fill comes later."""

    tried: Sequence[Tried]

    def frame(self) -> pd.DataFrame:
        """CAGR by delay_hours, a column per label."""
        return _joined(self.tried, lambda own: own.delays["cagr"])

    def figure(self) -> Any:
        """A line per strategy; the delays stand at equal distances."""
        frame = self.frame()
        layout = {"xaxis": _CATEGORIES, "yaxis": _GROWTH, "hovermode": "x unified", "margin": _MARGIN}
        spread = frame.set_axis([delay(hours) for hours in frame.index])
        return figure(_traces(spread, self.tried, "%{y:.1%}"), layout, 300)

    def alt(self) -> str:
        """Growth without a delay and with the longest."""
        return f"Annual growth against the delay of every fill: {_ends(self.frame(), '{:g} h')}."


_MARGIN = {"l": 62, "r": 8, "t": 10, "b": 44}
_DOTTED = {"color": NEUTRAL, "width": 1, "dash": "dot"}
_GROWTH = {"tickformat": "~%", "fixedrange": True, "zeroline": True}
_AXIS = {"showgrid": False, "zeroline": False, "fixedrange": True}
_BPS = _AXIS | {"title": {"text": "cost of a side, basis points"}, "ticksuffix": " bps", "showticksuffix": "last"}
_CATEGORIES = _AXIS | {"type": "category", "tickangle": 0, "title": {"text": "added delay of every fill"}}

BREAK_EVEN = Definition(
    "break-even",
    "Breaks even",
    "The cost of a side, fee and slippage together, at which the strategy gains nothing over the window; "
    f"looked for from 0 to {LIMIT_BPS:g} basis points. Below 0: not even at no cost.",
)
AS_BENCHMARK = Definition(
    "break-even-benchmark",
    "Equals benchmark",
    "The cost of a side at which the strategy grows as fast as its benchmark, which pays the same costs; "
    f"looked for from 0 to {LIMIT_BPS:g} basis points. Below 0: not even at no cost.",
)
HALF_SHARPE = Definition(
    "half-sharpe",
    "Half the Sharpe ratio",
    "The cost of a side at which the Sharpe ratio is half of what it is at the costs of this test; "
    f"looked for up to {LIMIT_BPS:g} basis points.",
)
FREE = Definition("growth-free", "Growth at no cost", "Annual growth (CAGR) if trading cost nothing.")
ASKED = Definition("growth-asked", "As tested", "Annual growth (CAGR) at the costs and the latency of this test.")
DAY_LATER = Definition("growth-day-later", "A day later", "Annual growth (CAGR) if every fill came 24 hours later.")
WEEK_LATER = Definition("growth-week-later", "A week later", "Annual growth (CAGR) if every fill came 168 hours later.")


def delay(hours: float) -> str:
    """A delay as an axis shows it, short enough for a telephone.

    >>> [delay(hours) for hours in (0, 12, 24, 168)]
    ['none', '12 h', '1 d', '7 d']
    """
    if hours == 0:
        return "none"
    return f"{hours:g} h" if hours < 24 else f"{hours / 24:g} d"


def bps_text(bps: float) -> str:
    """A cost at which something changes, as tables show it: a number, or on which side of the range it lies.

    >>> bps_text(61.23), bps_text(math.inf), bps_text(-math.inf), bps_text(math.nan)
    ('61 bps', 'above 200 bps', 'below 0 bps', '–')
    """
    if math.isnan(bps):
        return "–"
    if math.isinf(bps):
        return f"above {LIMIT_BPS:g} bps" if bps > 0 else "below 0 bps"
    return f"{bps:.0f} bps" if bps >= 10 else f"{bps:.1f} bps"


def sentence(line: Line, own: Sensitivity) -> str:
    """How a strategy bears costs and delay, in a sentence that goes on from its name."""
    if not len(line.result.trades):
        return "never traded, so costs and delay change nothing."
    asked = side_bps(line.result.execution)
    parts = [_zero(own.break_even, asked), _beside(own.break_even_with_benchmark, asked), _half(own.half_sharpe)]
    return "; ".join(part for part in [*parts, _late(own, len(line.result.decisions))] if part) + "."


def _zero(bps: float, asked: float) -> str:
    if math.isnan(bps):
        return ""
    if math.isinf(bps):
        return f"gains at any cost up to {LIMIT_BPS:g} bps a side" if bps > 0 else "gains nothing even at no cost"
    return f"breaks even at {bps_text(bps)} a side{_less(bps, asked)}"


def _beside(bps: float, asked: float) -> str:
    if math.isnan(bps):
        return ""
    if math.isinf(bps):
        stays = f"stays ahead of its benchmark up to {LIMIT_BPS:g} bps"
        return stays if bps > 0 else "is not ahead of its benchmark even at no cost"
    return f"is ahead of its benchmark below {bps_text(bps)}{_less(bps, asked)}"


def _less(bps: float, asked: float) -> str:
    return f", which is less than the {asked:g} bps of this test" if bps < asked else ""


def _half(bps: float) -> str:
    if math.isnan(bps) or bps == -math.inf:
        return ""
    if bps == math.inf:
        return f"keeps more than half of its Sharpe ratio up to {LIMIT_BPS:g} bps"
    return f"loses half of its Sharpe ratio at {bps_text(bps)}"


def _late(own: Sensitivity, decisions: int) -> str:
    points = _shown_points(own.delays.at[24.0, "cagr"]) - _shown_points(own.delays.at[0.0, "cagr"])
    if math.isnan(points):
        return ""
    if abs(points) < 0.05:
        return "a day's delay changes its growth by less than 0.1 points a year"
    said = f"a day's delay {'adds' if points > 0 else 'takes'} {abs(points):.1f} points of growth a year"
    made = f"{decisions} decision{'s' * (decisions != 1)}"
    return said if decisions >= FEW_DECISIONS else f"{said}, which is within the noise of {made}"


def _shown_points(growth: float) -> float:
    """Percentage points as the table rounds them, so that a reader who subtracts finds what the sentence says."""
    return float(f"{growth * 100:.1f}")


def build(sheet: Sheet) -> dict[str, Any]:
    """Both charts, a summary, a sentence per strategy, and every measure at every setting."""
    lines = [line for line in sheet.lines if repeatable(line.result)]
    left_out = [line for line in sheet.lines if not repeatable(line.result)]
    alone = {id(line.result): Sensitivity(line.result) for line in lines}
    tried = [(line, replace(alone[id(line.result)], benchmark=alone.get(id(line.result.benchmark)))) for line in lines]
    own: dict[str, Any] = {"left_out": left_out, "daily": _daily(lines), "sentences": []}
    return own | (_shown(sheet, tried) if tried else {})


def _shown(sheet: Sheet, tried: Sequence[Tried]) -> dict[str, Any]:
    keys, charts = line_keys([line for line, _ in tried]), sheet.charts
    return {
        "costs": charts.add("sensitivity-costs", GrowthByCost(tried), keys),
        "delays": charts.add("sensitivity-delays", GrowthByDelay(tried), keys),
        "summary": _summary(sheet, tried),
        "sentences": [(line, sentence(line, own)) for line, own in tried if not line.is_benchmark],
        "measures": [_measures(sheet, tried, name) for name in MEASURES],
    }


def _daily(lines: Sequence[Line]) -> bool:
    return any(line.result.tape.length >= pd.Timedelta(days=1) for line in lines)


def _summary(sheet: Sheet, tried: Sequence[Tried]) -> Table:
    numbers = pd.DataFrame(
        [_summed(own) for _, own in tried], index=pd.Index([line.label for line, _ in tried], name="strategy")
    )
    growth = OF_METRICS["cagr"].text
    texts = [*[bps_text] * 3, *[growth] * 4]
    rows = [
        (line, [text(value) for text, value in zip(texts, numbers.loc[line.label], strict=True)]) for line, _ in tried
    ]
    heads = ["Strategy", BREAK_EVEN, AS_BENCHMARK, HALF_SHARPE, FREE, ASKED, DAY_LATER, WEEK_LATER]
    return sheet.charts.table("sensitivity-summary", "Sensitivity to costs and delay by strategy", numbers, heads, rows)


def _summed(own: Sensitivity) -> dict[str, float]:
    costs, delays = own.costs["cagr"], own.delays["cagr"]
    return {
        "break_even_bps": own.break_even,
        "equals_benchmark_bps": own.break_even_with_benchmark,
        "half_sharpe_bps": own.half_sharpe,
        "cagr_at_no_cost": costs.iloc[0],
        "cagr": delays[0.0],
        "cagr_24_hours_later": delays[24.0],
        "cagr_168_hours_later": delays[168.0],
    }


def _measures(sheet: Sheet, tried: Sequence[Tried], name: str) -> Table:
    """One measure at every setting: a row per cost, then per delay; a column per line."""
    metric = OF_METRICS[name]
    costs = _joined(tried, lambda own: own.costs[name])
    delays = _joined(tried, lambda own: own.delays[name])
    settings = [f"{bps:g} bps" for bps in costs.index] + [f"{hours:g} h later" for hours in delays.index]
    frame = pd.concat([costs, delays]).set_axis(pd.Index(settings, name="setting"))
    rows = [
        (setting, [metric.text(value) for value in values])
        for setting, values in zip(settings, frame.to_numpy(), strict=True)
    ]
    heads = [metric, *(line for line, _ in tried)]
    return sheet.charts.table(f"sensitivity-{name.replace('_', '-')}", f"{metric.label} by setting", frame, heads, rows)


def _joined(tried: Sequence[Tried], column: Callable[[Sensitivity], pd.Series]) -> pd.DataFrame:
    return pd.concat({line.label: column(own) for line, own in tried}, axis=1).sort_index()


def _traces(frame: pd.DataFrame, tried: Sequence[Tried], hover: str) -> list[dict[str, Any]]:
    return [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": plain(line.label),
            "x": frame.index.tolist(),
            "y": frame[line.label].to_numpy(np.float32),
            "line": {"color": line.color, "dash": line.dash, "width": 1.4 if line.is_benchmark else 1.8},
            "marker": {"size": 5},
            "hovertemplate": hover,
            "connectgaps": True,
        }
        for line, _ in tried
    ]


def _ends(frame: pd.DataFrame, setting: str) -> str:
    first, last = setting.format(frame.index[0]), setting.format(frame.index[-1])
    growth = OF_METRICS["cagr"].text
    told = [f"{label} {growth(column.iloc[0])} and {growth(column.iloc[-1])}" for label, column in frame.items()]
    return f"at {first} and at {last}, {'; '.join(told)}"


SENSITIVITY = Section("sensitivity", "Sensitivity", "If trading cost more, or came later", build)
