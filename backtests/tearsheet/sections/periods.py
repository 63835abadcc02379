"""Returns by month and year."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from backtests.metrics import daily_equity
from backtests.result import Result
from backtests.tearsheet.document import Definition, Table
from backtests.tearsheet.figures import figure, plain
from backtests.tearsheet.lines import Line, line_keys
from backtests.tearsheet.sheet import Section, Sheet

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# A month or a year that gains or loses this much has the full colour.
FULL_MONTH, FULL_YEAR = 0.3, 1.0
# So many tables of one kind stand open; the others are a click away.
SHOWN = 3
HATCHES = {"solid": "", "dash": "/", "dot": "."}


@dataclass(frozen=True)
class Cell:
    """One return as the page shows it: text, direction ("up", "down" or ""), and strength of colour in [0, 1].

    partial : whether it is the return of something else than the whole month or year
    """

    text: str
    direction: str
    strength: float
    partial: bool = False


def returns_by(result: Result, frequency: str) -> pd.Series:
    """Returns by calendar period (UTC) of `frequency`, "M" or "Y"; periods without a bar are left out."""
    equity = daily_equity(result)
    ends = equity.iloc[1:].groupby(equity.index[1:].tz_localize(None).to_period(frequency)).last()
    return ends / ends.shift(fill_value=equity.iloc[0]) - 1


def partial(result: Result, periods: pd.PeriodIndex) -> np.ndarray:
    """Which of `periods`, those of `returns_by`, hold the return of something else than the whole of the period.

    The window begins or ends inside it, or bars are missing before it: then it holds the return of the gap as well.
    """
    start, end = result.equity.index[[0, -1]].tz_localize(None)
    after_gap = np.diff(periods.asi8, prepend=periods.asi8[0] - 1) > 1
    return np.asarray((periods.start_time < start) | ((periods + 1).start_time > end) | after_gap)


@dataclass(frozen=True)
class MonthlyReturns:
    """Returns of one strategy by calendar month and year (UTC)."""

    result: Result

    def frame(self) -> pd.DataFrame:
        """A row per year; columns 1 to 12 and "year", fractions; NaN for months without a bar.

        The first and the last month may be parts of months; a month that follows missing ones holds their return too.
        """
        table = self._by_month(returns_by(self.result, "M"))
        return table.assign(year=(1 + table).prod(axis=1) - 1)

    def partial(self) -> pd.DataFrame:
        """Shaped as the frame: whether a cell is the return of something else than the whole of its period."""
        months, years = returns_by(self.result, "M").index, returns_by(self.result, "Y").index
        table = self._by_month(pd.Series(partial(self.result, months), months)).eq(True)
        return table.assign(year=partial(self.result, years))

    def rows(self) -> list[tuple[int, list[Cell], Cell]]:
        """Year, cells of its months, cell of the year."""
        returns, marks = self.frame(), self.partial()
        return [
            (int(year), [_cell(*cell, FULL_MONTH) for cell in cells[:-1]], _cell(*cells[-1], FULL_YEAR))
            for year in returns.index
            for cells in [list(zip(returns.loc[year], marks.loc[year], strict=True))]
        ]

    @staticmethod
    def _by_month(values: pd.Series) -> pd.DataFrame:
        long = pd.DataFrame({"year": values.index.year, "month": values.index.month, "value": values.to_numpy()})
        return long.pivot(index="year", columns="month", values="value").reindex(columns=range(1, 13))


def _cell(value: float, partial: bool, full: float) -> Cell:
    if np.isnan(value):
        return Cell("", "", 0.0)
    text = f"{value * 100:z,.1f}"
    direction = "" if text == "0.0" else "up" if value > 0 else "down"
    return Cell(text, direction, round(min(1.0, abs(value) / full), 2), bool(partial))


@dataclass(frozen=True)
class YearlyReturns:
    """Returns of all strategies by calendar year (UTC)."""

    lines: Sequence[Line]

    def frame(self) -> pd.DataFrame:
        """A row per year, a column per label, fractions; NaN for years without a bar."""
        columns = {line.label: returns_by(line.result, "Y") for line in self.lines}
        frame = pd.concat(columns, axis=1, sort=True)
        return frame.set_axis(frame.index.year.rename("year"), axis=0)

    def partial(self) -> pd.DataFrame:
        """Shaped as the frame: whether a cell is the return of something else than the whole year."""
        years = {line.label: returns_by(line.result, "Y").index for line in self.lines}
        marks = {
            line.label: pd.Series(partial(line.result, years[line.label]), years[line.label].year)
            for line in self.lines
        }
        return pd.concat(marks, axis=1, sort=True).eq(True)

    def figure(self) -> Any:
        """Bars side by side, a group per year."""
        frame, marks = self.frame(), self.partial().any(axis=1)
        years = [str(year) for year in frame.index]
        ticks = [f"{year}*" if marks[year] else str(year) for year in frame.index]
        traces = [
            {
                "type": "bar",
                "name": plain(line.label),
                "x": years,
                "y": frame[line.label].to_numpy(np.float32),
                "marker": {"color": line.color, "pattern": {"shape": HATCHES[line.dash]}},
                "hovertemplate": "%{y:,.1%}",
            }
            for line in self.lines
        ]
        layout = {
            "hovermode": "x unified",
            "bargap": 0.25,
            "xaxis": {
                "type": "category",
                "tickvals": years,
                "ticktext": ticks,
                "automargin": True,  # on a narrow page the years stand aslant
                "fixedrange": True,
            },
            "yaxis": {"tickformat": ",~%", "nticks": 7, "fixedrange": True},
        }
        return figure(traces, layout, 280)

    def alt(self) -> str:
        """The best and the worst year of each."""
        frame = self.frame()
        ends = [f"{name} {c.min():.0%} in {c.idxmin()} to {c.max():.0%} in {c.idxmax()}" for name, c in frame.items()]
        return f"Returns by year, {frame.index[0]} to {frame.index[-1]}; worst and best: {'; '.join(ends)}."

    def rows(self) -> list[tuple[str, list[str]]]:
        """Each year and its returns as the page shows them."""
        marks = self.partial()
        return [
            (str(year), [_text(value, mark) for value, mark in zip(row, marks.loc[year], strict=True)])
            for year, row in self.frame().iterrows()
        ]


def _text(value: float, partial: bool) -> str:
    return "–" if np.isnan(value) else f"{value:z,.1%}{'*' if partial else ''}"


@dataclass(frozen=True)
class OfMonths:
    """A number that is made from the returns of all months: `compute`; `format` is a format specification."""

    name: str
    label: str
    definition: str
    format: str
    compute: Callable[[pd.Series], float]


OF_MONTHS = (
    OfMonths("months_counted", "Months", "Calendar months with a bar, partial ones too.", ".0f", len),
    OfMonths(
        "months_positive",
        "Months with a gain",
        "Share of months with a return above 0.",
        ".0%",
        lambda m: (m > 0).mean(),
    ),
    OfMonths("months_best", "Best month", "The highest return of a calendar month.", ",.1%", lambda m: m.max()),
    OfMonths("months_median", "Median month", "Half of the months returned less.", ",.1%", lambda m: m.median()),
    OfMonths("months_worst", "Worst month", "The lowest return of a calendar month.", ",.1%", lambda m: m.min()),
)

YEAR_TERM = Definition(
    "calendar_year",
    "Year",
    "Equity at the end of the year's last bar over equity at the end of the year before, minus 1.",
)


def build(sheet: Sheet) -> dict[str, Any]:
    """Yearly returns of all, numbers on months, and a table of months per line."""
    panel = YearlyReturns(sheet.lines)
    tables = [_monthly(number, line, sheet) for number, line in enumerate(sheet.lines)]
    open_ones = len(tables) if len(tables) <= SHOWN else 1
    return {
        "months": MONTHS,
        "chart": sheet.charts.add("yearly", panel, line_keys(sheet.lines)) if len(panel.frame()) > 1 else None,
        "years": _years(sheet, panel),
        "of_months": _of_months(sheet),
        "shown": tables[:open_ones],
        "folded": tables[open_ones:],
        "partial": bool(panel.partial().any(axis=None)) or any(_has_partial(rows) for _, _, rows in tables),
    }


def _years(sheet: Sheet, panel: YearlyReturns) -> Table:
    return sheet.charts.table("years", "Returns by year", panel.frame(), [YEAR_TERM, *sheet.lines], panel.rows())


def _of_months(sheet: Sheet) -> Table:
    months = [returns_by(line.result, "M") for line in sheet.lines]
    rows = [(term, [format(float(term.compute(one)), f"z{term.format}") for one in months]) for term in OF_MONTHS]
    columns = {
        line.label: [float(term.compute(one)) for term in OF_MONTHS]
        for line, one in zip(sheet.lines, months, strict=True)
    }
    frame = pd.DataFrame(columns, index=pd.Index([term.label for term in OF_MONTHS], name="of months"))
    return sheet.charts.table("of-months", "Months in numbers", frame, ["Of months", *sheet.lines], rows)


def _monthly(number: int, line: Line, sheet: Sheet) -> tuple[Line, Table, list[tuple[int, list[Cell], Cell]]]:
    panel = MonthlyReturns(line.result)
    table = sheet.charts.table(f"months-{number}", f"Monthly returns of {line.label}", panel.frame(), (), ())
    return line, table, panel.rows()


def _has_partial(rows: list[tuple[int, list[Cell], Cell]]) -> bool:
    return any(cell.partial for _, cells, year in rows for cell in [*cells, year])


PERIODS = Section("periods", "Months", "Returns by month and year", build)
