"""What trading cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from backtests.metrics import days_of
from backtests.result import Result
from backtests.tearsheet.figures import dated, every_day
from backtests.tearsheet.lines import Line, curves, line_keys, span
from backtests.tearsheet.sheet import Section, Sheet


@dataclass(frozen=True)
class Costs:
    """Fees and slippage paid so far by each strategy, as a fraction of its capital."""

    lines: Sequence[Line]

    def frame(self) -> pd.DataFrame:
        """A column per label, cumulated by UTC day."""
        return every_day(pd.concat({line.label: self._paid(line.result) for line in self.lines}, axis=1))

    def totals(self) -> pd.DataFrame:
        """What each paid in all: columns fee and slippage, $; a row per label."""
        return pd.DataFrame({line.label: line.result.costs.sum() for line in self.lines}).T[["fee", "slippage"]]

    def figure(self) -> Any:
        """Lines that only rise."""
        frame, layout = self.frame(), {"yaxis": {"tickformat": "~%", "hoverformat": ".2%", "rangemode": "tozero"}}
        return dated(frame, curves(frame, self.lines), layout, 260)

    def alt(self) -> str:
        """What each paid in all."""
        frame = self.frame()
        paid = [f"{name} {column.dropna().iloc[-1]:.2%}" for name, column in frame.items()]
        return f"Costs cumulated, as a share of capital, {span(frame)}: {'; '.join(paid)}."

    @staticmethod
    def _paid(result: Result) -> pd.Series:
        days = days_of(result.tape.known_at).unique()
        costs = result.costs.sum(axis=1)
        by_day = costs.groupby(costs.index.floor("D")).sum().reindex(days, fill_value=0.0)
        return by_day.cumsum() / result.execution.capital


def build(sheet: Sheet) -> dict[str, Any]:
    """The chart, and what each paid in all."""
    panel = Costs(sheet.lines)
    totals = panel.totals()
    rows = [
        (line, [f"${totals.at[line.label, kind]:,.0f}" for kind in totals], f"${totals.loc[line.label].sum():,.0f}")
        for line in sheet.lines
    ]
    return {"chart": sheet.charts.add("costs", panel, line_keys(sheet.lines)), "rows": rows}


TRADING = Section("trading", "Trading", "Turnover, costs and capacity", build)
