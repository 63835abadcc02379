"""Sharpe ratio, volatility and beta of all strategies over a rolling window."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from backtests.metrics import METRICS, ROUNDING, daily_equity, daily_returns, days_of
from backtests.result import Result
from backtests.tearsheet.figures import dated, every_day
from backtests.tearsheet.lines import Line, curves, line_keys, span
from backtests.tearsheet.sheet import Section, Sheet

LONGEST, SHORTEST = 180, 20
# A window in which more than a tenth of the days are unknown has no value.
KNOWN = 0.9


def window_of(lines: Sequence[Line]) -> int:
    """How many days the window holds: 180, or a quarter of the days there are, if that is less."""
    days = (daily_equity(line.result).index for line in lines)
    return min(LONGEST, max(int((one[-1] - one[0]).days) for one in days) // 4)


def daily_cash(result: Result) -> pd.Series:
    """What idle cash earned on each UTC day that has a bar, indexed by day."""
    earned = result.cash_returns
    return ((1 + earned).groupby(days_of(earned.index)).prod() - 1).rename("cash")


def rolling_sharpe(result: Result, window: int) -> pd.Series:
    """Mean daily excess return over its deviation, times the root of the days per year, over `window` days.

    As the metric. Indexed by every UTC day; NaN until the window is full, where more than a tenth of its days are
    unknown, where excess returns never differ, and from the day on which the book is ruined.
    """
    excess = every_day((daily_returns(result) - daily_cash(result)).to_frame("excess"))["excess"]
    rolled = _rolled(excess, window)
    ratio = rolled.mean() / _deviation(excess, window) * np.sqrt(_per_year(excess, window))
    if result.ruined_at is not None:
        ratio = ratio.where(ratio.index < days_of(pd.DatetimeIndex([result.ruined_at]))[0])
    return _full(ratio, result, window)


def rolling_volatility(result: Result, window: int) -> pd.Series:
    """Standard deviation of daily returns, times the root of the days per year, over `window` days.

    As the metric. NaN as for the Sharpe ratio, but 0 where returns never differ.
    """
    returns = every_day(daily_returns(result).to_frame("return"))["return"]
    known = _rolled(returns, window).std().notna()
    deviation = _deviation(returns, window).fillna(0.0).where(known)
    return _full(deviation * np.sqrt(_per_year(returns, window)), result, window)


def rolling_beta(result: Result, window: int) -> pd.Series:
    """Covariance of daily excess returns with the benchmark's, over the variance of the benchmark's.

    As the metric: over the days that both have. Without a benchmark the result stands beside itself.
    """
    benchmark = result.benchmark or result
    days = pd.concat({"book": daily_returns(result), "market": daily_returns(benchmark)}, axis=1, join="inner")
    excess = every_day(days.sub(daily_cash(result), axis=0).loc[days.index])
    book, market = excess["book"], excess["market"]
    covariance = book.rolling(window, min_periods=_least(window)).cov(market)
    return _full(covariance / _deviation(market, window) ** 2, result, window)


def _rolled(days: pd.Series, window: int) -> Any:
    return days.rolling(window, min_periods=_least(window))


def _least(window: int) -> int:
    return int(np.ceil(KNOWN * window))


def _deviation(days: pd.Series, window: int) -> pd.Series:
    """Of each window; NaN where all its days are alike."""
    rolled = _rolled(days, window)
    # A running sum of squares leaves rounding behind where nothing moves any more; the extremes do not.
    return rolled.std().where(rolled.max() - rolled.min() > ROUNDING)


def _per_year(days: pd.Series, window: int) -> pd.Series:
    """Known days per year of 365 days, in each window."""
    return days.rolling(window, min_periods=1).count() * 365 / window


def _full(values: pd.Series, result: Result, window: int) -> pd.Series:
    """`values` where the whole of the window has passed since the first bar's open."""
    first = daily_equity(result).index[0] + pd.Timedelta(days=window)
    return values.where(values.index >= first)


ROLLED: dict[str, Callable[[Result, int], pd.Series]] = {
    "sharpe": rolling_sharpe,
    "volatility": rolling_volatility,
    "beta": rolling_beta,
}


@dataclass(frozen=True)
class Rolling:
    """One metric of each strategy over the `window` days that end with each UTC day.

    metric : "sharpe", "volatility" or "beta"
    """

    lines: Sequence[Line]
    metric: str
    window: int

    def frame(self) -> pd.DataFrame:
        """A column per label, a row per UTC day from the capital on; a gap where it is undefined."""
        columns = {line.label: self._values(line) for line in self.lines}
        starts = pd.concat({line.label: daily_equity(line.result) for line in self.lines}, axis=1, sort=True)
        return pd.DataFrame(columns, index=every_day(starts).index)

    def figure(self) -> Any:
        """Lines with gaps."""
        frame, form = self.frame(), {"tickformat": "~%", "hoverformat": ".1%"}
        other = {"hoverformat": ".2f", "tickformat": "~g"}
        layout = {"yaxis": (form | {"rangemode": "tozero"} if self.metric == "volatility" else other) | {"nticks": 6}}
        traces = [drawn | {"connectgaps": False} for drawn in curves(frame, self.lines)]
        return dated(frame, traces, layout, 220)

    def alt(self) -> str:
        """The newest of each."""
        frame, (metric,) = self.frame(), (m for m in METRICS if m.name == self.metric)
        last = [f"{name} {metric.text(column.iloc[-1])}" for name, column in frame.items()]
        return f"{metric.label} over {self.window} days, {span(frame)}; at the end: {'; '.join(last)}."

    def _values(self, line: Line) -> pd.Series:
        if self.metric == "beta" and not (line.is_benchmark or line.result.benchmark):
            return pd.Series(dtype=float, index=pd.DatetimeIndex([], tz="UTC").as_unit("ns"))
        return ROLLED[self.metric](line.result, self.window)


def build(sheet: Sheet) -> dict[str, Any] | None:
    """A chart per metric, one legend; nothing where the window would be too short to say anything."""
    lines, window = sheet.lines, window_of(sheet.lines)
    if window < SHORTEST:
        return None
    names = [name for name in ROLLED if name != "beta" or any(line.result.benchmark for line in lines)]
    terms = [metric for name in names for metric in METRICS if metric.name == name]
    sheet.charts.define(*terms)
    charts = [
        (term, sheet.charts.add(f"rolling-{term.name}", Rolling(lines, term.name, window), line_keys(lines)))
        for term in terms
    ]
    return {"window": window, "short": window < LONGEST, "charts": charts}


ROLLING = Section("rolling", "Rolling", "Over a rolling window", build)
