"""Returns by month and year."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from backtests.metrics import daily_equity
from backtests.result import Result
from backtests.tearsheet.sheet import Section, Sheet

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# A month or a year that gains or loses this much has the full colour.
FULL_MONTH, FULL_YEAR = 0.3, 1.0


@dataclass(frozen=True)
class Cell:
    """One return as the page shows it: text, direction ("up", "down" or ""), and strength of colour in [0, 1]."""

    text: str
    direction: str
    strength: float


@dataclass(frozen=True)
class MonthlyReturns:
    """Returns of one strategy by calendar month and year (UTC)."""

    result: Result

    def frame(self) -> pd.DataFrame:
        """A row per year; columns 1 to 12 and "year", fractions; NaN for months without a bar.

        The first and the last month may be parts of months; a month that follows missing ones holds their return too.
        """
        equity = daily_equity(self.result)
        ends = equity.iloc[1:].groupby(equity.index[1:].tz_localize(None).to_period("M")).last()
        returns = ends / ends.shift(fill_value=equity.iloc[0]) - 1
        by_month = pd.DataFrame({"year": ends.index.year, "month": ends.index.month, "return": returns.to_numpy()})
        table = by_month.pivot(index="year", columns="month", values="return").reindex(columns=range(1, 13))
        return table.assign(year=(1 + table).prod(axis=1) - 1)

    def rows(self) -> list[tuple[int, list[Cell], Cell]]:
        """Year, cells of its months, cell of the year."""
        return [
            (int(year), [_cell(value, FULL_MONTH) for value in values[:-1]], _cell(values[-1], FULL_YEAR))
            for year, values in zip(self.frame().index, self.frame().to_numpy(), strict=True)
        ]


def _cell(value: float, full: float) -> Cell:
    if np.isnan(value):
        return Cell("", "", 0.0)
    text = f"{value * 100:z,.1f}"
    direction = "" if text == "0.0" else "up" if value > 0 else "down"
    return Cell(text, direction, round(min(1.0, abs(value) / full), 2))


def build(sheet: Sheet) -> dict[str, Any]:
    """A table per line."""
    return {"months": MONTHS, "tables": [(line, MonthlyReturns(line.result).rows()) for line in sheet.lines]}


PERIODS = Section("periods", "Months", "Returns by month and year", build)
