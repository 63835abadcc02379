"""Equity and drawdown of all strategies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from backtests.metrics import daily_equity, days_of, drawdown
from backtests.tearsheet.figures import dated, dollars, every_day
from backtests.tearsheet.lines import Line, curves, line_keys, span
from backtests.tearsheet.sheet import Section, Sheet


@dataclass(frozen=True)
class Equity:
    """Equity of each strategy at the end of each UTC day, $."""

    lines: Sequence[Line]

    def frame(self) -> pd.DataFrame:
        """A column per label; NaN where a strategy has no bar."""
        return every_day(pd.concat({line.label: daily_equity(line.result) for line in self.lines}, axis=1))

    def figure(self) -> Any:
        """Lines on a logarithmic scale."""
        frame = self.frame()
        return dated(frame, curves(frame, self.lines), {"yaxis": dollars(frame) | {"hoverformat": "$,.0f"}}, 380)

    def alt(self) -> str:
        """Where each curve starts and ends."""
        frame = self.frame()
        ends = [
            f"{name} {column.dropna().iloc[0]:,.0f} to {column.dropna().iloc[-1]:,.0f}"
            for name, column in frame.items()
        ]
        return f"Equity in dollars, {span(frame)}: {'; '.join(ends)}."


@dataclass(frozen=True)
class Drawdown:
    """How far each strategy is below its highest equity so far, at the worst bar of each UTC day."""

    lines: Sequence[Line]

    def frame(self) -> pd.DataFrame:
        """A column per label: 0 at a peak, -0.25 a quarter below; NaN where a strategy has no bar."""
        deepest = {}
        for line in self.lines:
            curve = drawdown(line.result).iloc[1:]
            deepest[line.label] = curve.groupby(days_of(curve.index)).min()
        return every_day(pd.concat(deepest, axis=1))

    def figure(self) -> Any:
        """Lines below zero."""
        frame, layout = self.frame(), {"yaxis": {"tickformat": "~%", "hoverformat": ".1%", "rangemode": "tozero"}}
        return dated(frame, curves(frame, self.lines), layout, 240)

    def alt(self) -> str:
        """The deepest point of each curve."""
        frame = self.frame()
        depths = [f"{name} {depth:.1%}" for name, depth in frame.min().items()]
        return f"Drawdown, {span(frame)}; deepest: {'; '.join(depths)}."


def build(sheet: Sheet) -> dict[str, Any]:
    """Both charts, one legend."""
    return {
        "equity": sheet.charts.add("equity", Equity(sheet.lines), line_keys(sheet.lines)),
        "drawdown": sheet.charts.add("drawdown", Drawdown(sheet.lines)),
    }


GROWTH = Section("growth", "Growth", "Growth and drawdown", build)
