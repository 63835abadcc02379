"""How alike the strategies are: correlations of their daily excess returns."""

from typing import Any

import numpy as np
import pandas as pd

from backtests.analysis.intervals import daily_excess
from backtests.metrics import ROUNDING
from backtests.tearsheet.lines import span
from backtests.tearsheet.sections.periods import Cell
from backtests.tearsheet.sheet import Section, Sheet

FEWEST_DAYS = 3


def days_in_common(sheet: Sheet) -> pd.DataFrame:
    """Daily excess returns of all lines, a column per label, on the days that all of them have."""
    return pd.concat({line.label: daily_excess(line.result) for line in sheet.lines}, axis=1, join="inner")


def correlations(days: pd.DataFrame) -> pd.DataFrame:
    """Pearson correlations of the columns, a row and a column per label.

    NaN for a column that does not vary, and for all of fewer than three days.
    """
    varies = days.std() > ROUNDING if len(days) >= FEWEST_DAYS else days.any() & False
    return days.loc[:, varies].corr().clip(-1, 1).reindex(index=days.columns, columns=days.columns)


def build(sheet: Sheet) -> dict[str, Any] | None:
    """The matrix; None for a lone line."""
    if len(sheet.lines) < 2:
        return None
    days = days_in_common(sheet)
    found = correlations(days)
    rows = [(line, [_cell(value) for value in found.loc[line.label]]) for line in sheet.lines]
    table = sheet.charts.table(
        "correlations",
        "Correlations of daily excess returns",
        found.rename_axis("correlation"),
        ["", *sheet.lines],
        [(line, [cell.text for cell in cells]) for line, cells in rows],
    )
    return {"table": table, "rows": rows, "days": len(days), "span": span(days) if len(days) else ""}


def _cell(value: float) -> Cell:
    if np.isnan(value):
        return Cell("–", "", 0.0)
    return Cell(f"{value:z.2f}", "up" if value > 0 else "down", round(abs(value), 2))


CORRELATION = Section("correlation", "Correlation", "How alike they are", build)
