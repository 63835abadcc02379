"""The worst drawdowns of each strategy: when, how deep, and how long until they were made good."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from backtests.metrics import DAY, METRICS, ROUNDING, days_of, drawdown
from backtests.result import Result
from backtests.tearsheet.document import Charts, Definition, Key, Table
from backtests.tearsheet.figures import SHADE, dated, faded, plain, trace
from backtests.tearsheet.lines import Line, liquidation_keys, liquidation_marks, span
from backtests.tearsheet.sections.growth import Drawdown
from backtests.tearsheet.sections.periods import SHOWN
from backtests.tearsheet.sheet import Section, Sheet

LISTED, SHADED = 10, 5
# Two numbers in a chart stand at least so far apart, as a share of its width: two digits on a telephone.
APART = 0.04

COLUMNS = (
    Definition(
        "drawdown_number",
        "No.",
        "Its place by depth, the deepest first; the shaded ones bear it in the chart, where there is room.",
    ),
    Definition("drawdown_depth", "Depth", "Equity at the trough over equity at the peak, minus 1."),
    Definition("drawdown_peak", "Peak", "The last day on which equity stood at its highest so far."),
    Definition("drawdown_trough", "Trough", "The day of the lowest equity before the peak was reached again."),
    Definition("drawdown_recovered", "Recovered", "The first day with equity at the peak again, or above it."),
    Definition("drawdown_days_down", "Days down", "Days from the peak to the trough."),
    Definition(
        "drawdown_days_to_recover",
        "Days to recover",
        "Days from the trough until equity is back at the peak; days so far where it is not.",
    ),
    Definition("drawdown_exposure", "Exposure at the peak", "Share of equity held in assets at the close of the peak."),
)
BESIDE = Definition(
    "drawdown_benchmark", "Benchmark meanwhile", "Return of the benchmark from the strategy's peak to its trough."
)


def episodes(result: Result, count: int = LISTED) -> pd.DataFrame:
    """The `count` deepest drawdowns, the deepest first; no two overlap, as each lasts from a peak to its recovery.

    A row per drawdown. Columns peak, trough and recovered (ends of bars; NaT while it lasts), depth (positive
    fraction), days_down, days_to_recover (until the end where it lasts), exposure (at the peak's close; at the first
    bar's where equity never was above the capital) and benchmark (its return from peak to trough, NaN without one).
    """
    curve = drawdown(result).to_numpy()
    peaks = np.flatnonzero(curve >= 0)
    ends = np.append(peaks[1:], len(curve))
    lowest = np.minimum.reduceat(curve, peaks)
    deepest = [i for i in np.argsort(lowest, kind="stable")[:count] if lowest[i] < -ROUNDING]
    rows = [_episode(result, curve, int(peaks[i]), int(ends[i])) for i in deepest]
    names = ["peak", "trough", "recovered", "depth", "days_down", "days_to_recover", "exposure", "benchmark"]
    found = pd.DataFrame(rows, columns=names, index=pd.RangeIndex(1, len(rows) + 1, name="number"))
    # Where no drawdown was made good there are no times to tell the column's type by.
    return found.assign(**{name: pd.to_datetime(found[name], utc=True).dt.as_unit("ns") for name in names[:3]})


def _episode(result: Result, curve: np.ndarray, peak: int, end: int) -> list[Any]:
    times = result.equity.index
    trough = peak + int(curve[peak:end].argmin())
    recovered = times[end] if end < len(times) else pd.NaT
    until = times[min(end, len(times) - 1)]
    return [
        times[peak],
        times[trough],
        recovered,
        -curve[trough],
        (times[trough] - times[peak]) / DAY,
        (until - times[trough]) / DAY,
        result.exposure.iloc[max(peak - 1, 0)],  # equity has a row more: the capital, before the first bar
        _benchmark_return(result, times[[peak, trough]]),
    ]


def _benchmark_return(result: Result, times: pd.DatetimeIndex) -> float:
    if result.benchmark is None:
        return float("nan")
    start, end = result.benchmark.equity.reindex(times, method="ffill")
    return float(end / start - 1)


@dataclass(frozen=True)
class Underwater:
    """How far one strategy is below its highest equity so far, its worst drawdowns shaded."""

    line: Line

    def frame(self) -> pd.DataFrame:
        """Column drawdown, at the worst bar of each UTC day: 0 at a peak, -0.25 a quarter below."""
        return Drawdown([self.line]).frame().set_axis(["drawdown"], axis=1)

    def figure(self) -> Any:
        """An area below zero; a shade from each peak to its recovery, the number at the trough."""
        frame, worst = self.frame(), episodes(self.line.result, SHADED)
        area = trace(frame["drawdown"], plain(self.line.label), self.line.color, width=1.2, hover="%{y:.1%}")
        area |= {"fill": "tozeroy", "fillcolor": faded(self.line.color, 0.25)}
        low = min(1.22 * float(frame["drawdown"].min()), -1e-4)  # room for the numbers below the troughs
        crosses = liquidation_marks(frame.set_axis([self.line.label], axis=1), [self.line])
        figure = dated(frame, [area, *crosses], {"yaxis": {"tickformat": "~%", "range": [low, 0], "nticks": 5}}, 190)
        return figure.update_layout(shapes=_shades(worst, frame.index[-1]), annotations=_numbers(worst, frame))

    def alt(self) -> str:
        """The worst of them."""
        worst = episodes(self.line.result, 1)
        if worst.empty:
            return f"Drawdown of {self.line.label}, {span(self.frame())}: equity never fell."
        depth, trough = worst["depth"].iloc[0], days_of(pd.DatetimeIndex(worst["trough"]))[0]
        return f"Drawdown of {self.line.label}, {span(self.frame())}: at most {depth:.1%}, on {trough:%-d %B %Y}."


def _shades(worst: pd.DataFrame, last: pd.Timestamp) -> list[dict[str, Any]]:
    starts, ends = _days(worst["peak"]), _days(worst["recovered"])
    return [
        {
            "type": "rect",
            "x0": f"{start:%Y-%m-%d}",
            "x1": f"{last if pd.isna(end) else end:%Y-%m-%d}",
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "fillcolor": SHADE,
            "line": {"width": 0},
            "layer": "below",
        }
        for start, end in zip(starts, ends, strict=True)
    ]


def _numbers(worst: pd.DataFrame, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The number below each trough, left out beside that of a deeper one."""
    placed: list[float] = []
    numbers = []
    for number, day, depth in zip(worst.index, _days(worst["trough"]), worst["depth"], strict=True):
        place = (day - frame.index[0]) / DAY / len(frame)
        if all(abs(place - other) > APART for other in placed):
            placed.append(place)
            at = {"x": f"{day:%Y-%m-%d}", "y": -depth, "showarrow": False, "yanchor": "top"}
            numbers.append(at | {"text": f"<b>{number}</b>"})
    return numbers


def build(sheet: Sheet) -> dict[str, Any]:
    """A chart and a table per strategy; strategies that never lost anything have a sentence instead."""
    parts = [_part(number, line, sheet.charts) for number, line in enumerate(sheet.strategies)]
    sheet.charts.define(*(metric for metric in METRICS if metric.name.startswith("max_drawdown")))
    return {
        "parts": parts,
        "folded": len(parts) > SHOWN,
        "metrics": [metric for metric in METRICS if metric.name.startswith("max_drawdown")],
        "shade": Key(f"the {SHADED} deepest (or as many as there are)", "area", SHADE),
    }


def _part(number: int, line: Line, charts: Charts) -> dict[str, Any]:
    if episodes(line.result, 1).empty:
        return {"line": line, "chart": None}
    chart = charts.add(f"underwater-{number}", Underwater(line), liquidation_keys([line]))
    return {"line": line, "chart": chart, "table": _table(number, line, charts)}


def _table(number: int, line: Line, charts: Charts) -> Table:
    found, beside = episodes(line.result), line.result.benchmark is not None
    shown = found.assign(**{name: _days(found[name]).strftime("%Y-%m-%d") for name in ("peak", "trough", "recovered")})
    shown = shown if beside else shown.drop(columns="benchmark")
    rows = [(str(i), _texts(row, beside)) for i, row in zip(found.index, found.itertuples(), strict=True)]
    return charts.table(
        f"drawdowns-{number}", f"Worst drawdowns of {line.label}", shown, [*COLUMNS, *([BESIDE] * beside)], rows
    )


def _texts(row: Any, beside: bool) -> list[str]:
    lasts = pd.isna(row.recovered)
    return [
        f"{-row.depth:z.1%}",
        _day(row.peak),
        _day(row.trough),
        "not yet" if lasts else _day(row.recovered),
        f"{row.days_down:,.0f}",
        f"{row.days_to_recover:,.0f} so far" if lasts else f"{row.days_to_recover:,.0f}",
        f"{row.exposure:.0%}",
        *(["–" if np.isnan(row.benchmark) else f"{row.benchmark:z.1%}"] if beside else []),
    ]


def _day(time: pd.Timestamp) -> str:
    return f"{_days(pd.Series([time]))[0]:%-d %b %Y}"


def _days(times: pd.Series) -> pd.DatetimeIndex:
    return days_of(pd.DatetimeIndex(times))


DRAWDOWNS = Section("drawdowns", "Drawdowns", "The worst drawdowns", build)
