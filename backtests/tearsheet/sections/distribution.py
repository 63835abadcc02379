"""How daily returns are distributed: histograms, tails against the normal, and the days that mattered most."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from backtests.analysis.liquidations import liquidations
from backtests.metrics import METRICS, ROUNDING, daily_returns, days_of
from backtests.result import Result
from backtests.tearsheet.document import Charts, Definition, Key, Table
from backtests.tearsheet.figures import NEUTRAL, faded, figure, plain
from backtests.tearsheet.lines import Line, line_keys
from backtests.tearsheet.sections.periods import SHOWN
from backtests.tearsheet.sections.rolling import daily_cash
from backtests.tearsheet.sheet import Section, Sheet

EXTREMES = 5
MOST_BARS = 120
# A plot of quantiles shows this many days at each end, and as many between.
DETAIL = 60


def idle(result: Result) -> pd.Series:
    """Whether a UTC day brought exactly what idle cash earned: zero where cash earns nothing. Indexed by day."""
    days = daily_returns(result)
    return (days - daily_cash(result).reindex(days.index)).abs() <= ROUNDING


def moving_days(result: Result) -> pd.Series:
    """Returns of the UTC days that are not idle, indexed by day."""
    return daily_returns(result)[~idle(result)]


def quantile(days: pd.Series, share: float) -> float:
    """The ceil(share * n)-th smallest of n returns, a day that was; NaN without days.

    So the worst days that expected shortfall averages are those up to this one.
    """
    return float(np.sort(days)[max(int(np.ceil(share * len(days))) - 1, 0)]) if len(days) else float("nan")


def shortfall(days: pd.Series, share: float) -> float:
    """The mean of the ceil(share * n) worst of n returns; NaN without days."""
    return float(np.sort(days)[: int(np.ceil(share * len(days)))].mean()) if len(days) else float("nan")


def bin_width(days: np.ndarray) -> float:
    """A round width of bars, 1, 2 or 5 times a power of ten, for a histogram of `days`.

    At least that of Freedman and Diaconis (1981), 2 IQR / n^(1/3), and so wide that 120 bars hold all.
    """
    low, middle, high, top = np.percentile(days, [0, 25, 75, 100])
    least = max(2 * (high - middle) / np.cbrt(len(days)), (top - low) / MOST_BARS, 1e-6)
    ten = 10.0 ** np.floor(np.log10(least))
    return float(next(ten * step for step in (1, 2, 5, 10) if ten * step >= least))


def normal_density(at: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    """Density of the normal with that mean and deviation."""
    return np.asarray(np.exp(-(((at - mean) / deviation) ** 2) / 2) / (deviation * np.sqrt(2 * np.pi)))


@dataclass(frozen=True)
class Histogram:
    """Daily returns of one strategy in bars of `width`, idle days left out.

    span : lowest and highest return of the axis
    """

    line: Line
    width: float
    span: tuple[float, float]

    def frame(self) -> pd.DataFrame:
        """A row per bar, indexed by its middle; columns days, and normal: how many a normal would have.

        Zero is an edge. The normal has the mean and the deviation of the days drawn; NaN where they are all alike.
        """
        days = moving_days(self.line.result)
        places = np.floor(days.to_numpy() / self.width + 1e-9).astype(int)
        bars = np.arange(int(np.floor(self.span[0] / self.width)), int(np.floor(self.span[1] / self.width)) + 1)
        middles = pd.Index((bars + 0.5) * self.width, name="return")
        counts = np.bincount(places - bars[0], minlength=len(bars))
        return pd.DataFrame({"days": counts, "normal": self._normal(days, middles)}, index=middles)

    def figure(self) -> Any:
        """Bars, and the normal as a line."""
        frame = self.frame()
        bars = {
            "type": "bar",
            "name": plain(self.line.label),
            "x": frame.index.to_numpy().round(9),
            "y": frame["days"].to_numpy(np.int32),
            "width": self.width,
            "marker": {"color": faded(self.line.color, 0.7), "line": {"width": 0}},
            "hovertemplate": "%{y:,} days",
        }
        normal = {
            "type": "scatter",
            "mode": "lines",
            "name": "Normal",
            "x": bars["x"],
            "y": frame["normal"].to_numpy(np.float32),
            "line": {"color": NEUTRAL, "width": 1.6, "dash": "dash", "shape": "spline"},
            "hovertemplate": "%{y:,.1f} days",
        }
        axis = {"tickformat": "~%", "hoverformat": ".2%", "range": list(self.span), "zeroline": True}
        layout = {"hovermode": "x unified", "bargap": 0, "xaxis": axis, "yaxis": {"fixedrange": True, "nticks": 5}}
        return figure([bars, normal], layout, 200)

    def alt(self) -> str:
        """How many days, and where the middle half of them lies."""
        days = moving_days(self.line.result)
        low, high = quantile(days, 0.25), quantile(days, 0.75)
        return (
            f"Daily returns of {self.line.label}, {len(days):,} days in bars of {self.width:.2%}: "
            f"half of them between {low:.2%} and {high:.2%}, the worst {days.min():.1%}, the best {days.max():.1%}."
        )

    def _normal(self, days: pd.Series, middles: pd.Index) -> np.ndarray:
        deviation = days.std()
        if not deviation > ROUNDING:
            return np.full(len(middles), np.nan)
        return len(days) * self.width * normal_density(middles.to_numpy(), days.mean(), deviation)


@dataclass(frozen=True)
class NormalQuantiles:
    """Daily returns of all strategies against the quantiles of a normal, idle days left out."""

    lines: Sequence[Line]

    def frame(self) -> pd.DataFrame:
        """A row per day that is drawn: columns label, normal and observed, in deviations from the mean.

        The i-th smallest of n returns stands at the quantile (i - 1/2) / n. All of the smallest and the largest
        are drawn, and some between. Strategies whose days are all alike have none.
        """
        parts = [self._points(line) for line in self.lines]
        return pd.concat(parts, ignore_index=True)

    def figure(self) -> Any:
        """Curves, and the diagonal on which a normal would lie."""
        frame = self.frame()
        traces = [self._trace(line, frame[frame["label"] == line.label]) for line in self.lines]
        ends = [frame["normal"].min(), frame["normal"].max()]
        diagonal: dict[str, Any] = {"type": "scatter", "mode": "lines", "name": "Normal", "x": ends, "y": ends}
        diagonal |= {"hoverinfo": "skip", "line": {"color": NEUTRAL, "width": 1.2, "dash": "dash"}}
        layout = {
            "hovermode": "closest",
            "margin": {"l": 62, "r": 8, "t": 10, "b": 46},
            "xaxis": {"title": {"text": "deviations, if normal", "standoff": 6}, "zeroline": True},
            "yaxis": {"title": {"text": "deviations, as they were", "standoff": 6}, "fixedrange": True, "nticks": 8},
        }
        return figure([*traces, diagonal], layout, 340)

    def alt(self) -> str:
        """The ends of each curve."""
        frame = self.frame().groupby("label", sort=False)["observed"]
        ends = [f"{label} {days.min():.1f} to {days.max():.1f}" for label, days in frame]
        return f"Quantiles of daily returns against a normal's, in deviations from the mean: {'; '.join(ends)}."

    @staticmethod
    def _points(line: Line) -> pd.DataFrame:
        days = np.sort(moving_days(line.result))
        n = len(days)
        deviation = days.std(ddof=1) if n > 2 else 0.0
        ranks = np.arange(n if deviation > ROUNDING else 0)
        kept = np.unique(np.concatenate([ranks[:DETAIL], ranks[:: max(1, n // DETAIL)], ranks[-DETAIL:]]))
        normal = [NormalDist().inv_cdf((i + 0.5) / n) for i in kept]
        observed = (days[kept] - days.mean()) / deviation if len(kept) else days[kept]
        return pd.DataFrame({"label": line.label, "normal": np.array(normal), "observed": observed})

    @staticmethod
    def _trace(line: Line, points: pd.DataFrame) -> dict[str, Any]:
        return {
            "type": "scatter",
            "mode": "lines+markers",
            "name": plain(line.label),
            "x": points["normal"].to_numpy(np.float32),
            "y": points["observed"].to_numpy(np.float32),
            "line": {"color": line.color, "dash": line.dash, "width": 1.2},
            "marker": {"color": line.color, "size": 4},
            "hovertemplate": "%{y:.1f} deviations, a normal %{x:.1f}",
        }


@dataclass(frozen=True)
class OfDays:
    """A number made from a strategy: `compute`; `format` is a format specification."""

    name: str
    label: str
    definition: str
    format: str
    compute: Callable[[Result], float]

    def text(self, value: float) -> str:
        """`value` as the page shows it; a dash where it is undefined."""
        return "–" if np.isnan(value) else format(value, f"z{self.format}")


def excess_kurtosis(result: Result) -> float:
    """Excess kurtosis of the returns of all UTC days: 0 for a normal, more where extremes are frequent.

    Corrected for sample size. NaN for fewer than four days, or where all days are alike.
    """
    days = daily_returns(result)
    return float(days.kurt()) if len(days) > 3 and days.std() > ROUNDING else float("nan")


def positive_days(result: Result) -> float:
    """The share of days that are not idle with a return above 0; NaN where all are idle."""
    days = moving_days(result)
    return float((days > 0).mean()) if len(days) else float("nan")


def _quantile_of(share: float) -> Callable[[Result], float]:
    return lambda result: quantile(daily_returns(result), share)


OF_RESULTS = {metric.name: metric for metric in METRICS}
TAIL, SKEW = OF_RESULTS["tail"], OF_RESULTS["skew"]
_AT_RISK = (
    "The best of the worst {share} % of UTC days: of n days, number ceil({part} n) from below. "
    "The historical value at risk, as a return."
)
_BELOW = "{share} % of UTC days returned this or less: of n days, number ceil({part} n) from below."

OF_DAYS: tuple[Any, ...] = (
    OfDays("days_counted", "Days", "UTC days with a return.", ",.0f", lambda r: float(len(daily_returns(r)))),
    OfDays(
        "days_idle",
        "Idle days",
        "Days that brought exactly what idle cash earned, zero where it earns nothing. Charts leave them out.",
        ",.0f",
        lambda result: float(idle(result).sum()),
    ),
    OfDays(
        "days_positive",
        "Positive days",
        "Share of days with a return above 0, idle ones left out.",
        ".0%",
        positive_days,
    ),
    OfDays("q01", "1 % quantile, value at risk", _AT_RISK.format(share=1, part=0.01), ".1%", _quantile_of(0.01)),
    OfDays("q05", "5 % quantile, value at risk", _AT_RISK.format(share=5, part=0.05), ".1%", _quantile_of(0.05)),
    *(
        OfDays(f"q{share}", label, _BELOW.format(share=share, part=share / 100), ".1%", _quantile_of(share / 100))
        for share, label in ((25, "25 % quantile"), (50, "Median"), (75, "75 % quantile"))
    ),
    *(
        OfDays(
            f"q{share}",
            f"{share} % quantile",
            _BELOW.format(share=share, part=share / 100),
            ".1%",
            _quantile_of(share / 100),
        )
        for share in (95, 99)
    ),
    OfDays(
        "tail_1",
        "Expected shortfall, 1 % of days",
        "The mean return of the worst 1 % of UTC days: of n days, the worst ceil(0.01 n).",
        ".1%",
        lambda result: shortfall(daily_returns(result), 0.01),
    ),
    TAIL,
    SKEW,
    OfDays(
        "kurtosis",
        "Excess kurtosis of days",
        "0 for a normal; more where extremes are more frequent. Corrected for sample size; idle days raise it.",
        ".1f",
        excess_kurtosis,
    ),
)


HELD = Definition(
    "held_that_day",
    "Held",
    "Weights at the closes of the day's bars, averaged over them; the rest is cash. Of a day with a liquidation, what "
    "was closed.",
)


def extreme_days(result: Result, count: int = EXTREMES) -> pd.DataFrame:
    """The `count` worst days, the worst first, then as many best, the best first; idle days left out.

    Indexed by day. Columns return; benchmark, its return on that day (NaN without one); and one per asset, its weight
    at the closes of the day's bars, averaged. Fewer where a day would come twice.
    """
    days = moving_days(result).sort_values(kind="stable")
    count = min(count, len(days) // 2)
    chosen = pd.concat([days.iloc[:count], days.iloc[len(days) - count :].iloc[::-1]])
    beside = daily_returns(result.benchmark).reindex(chosen.index) if result.benchmark else np.nan
    held = result.weights.groupby(days_of(result.weights.index)).mean().reindex(chosen.index)
    return pd.concat([pd.DataFrame({"return": chosen, "benchmark": beside}), held], axis=1)


def held_text(weights: pd.Series) -> str:
    """What was held, in words.

    >>> held_text(pd.Series({"BTC": 0.6, "ETH": 0.0})), held_text(pd.Series({"BTC": 0.0}))
    ('BTC 60%', 'cash')
    """
    return ", ".join(f"{asset} {weight:.0%}" for asset, weight in weights.items() if abs(weight) >= 0.005) or "cash"


def liquidated_on(result: Result) -> dict[pd.Timestamp, str]:
    """What was closed by force on each UTC day with a liquidation, in words, one after the other."""
    found = liquidations(result)
    closed = found["closed"].groupby(found.index.floor("D")).agg("; ".join)
    return {day: f"{positions}; liquidated" for day, positions in closed.items()}


def build(sheet: Sheet) -> dict[str, Any] | None:
    """Histograms, quantiles against a normal, a table of tails, and the extreme days of each strategy."""
    lines = sheet.lines
    moved = [line for line in lines if len(moving_days(line.result))]
    if not moved:
        return None
    pooled = np.concatenate([moving_days(line.result).to_numpy() for line in moved])
    width = bin_width(pooled)
    span = (np.floor(pooled.min() / width) * width, (np.floor(pooled.max() / width) + 1) * width)
    panel = NormalQuantiles(lines)
    return {
        "width": f"{width:.4%}".rstrip("0%").rstrip(".") + " %",
        "histograms": [
            (line, sheet.charts.add(f"histogram-{number}", Histogram(line, width, span)) if line in moved else None)
            for number, line in enumerate(lines)
        ],
        "normal": Key("normal", "line", NEUTRAL, "dash"),
        "quantiles": sheet.charts.add("quantiles", panel, line_keys(lines)) if len(panel.frame()) else None,
        "tails": _tails(lines, sheet.charts),
        "extremes": [_extremes(number, line, sheet.charts) for number, line in enumerate(sheet.strategies)],
        "folded": len(sheet.strategies) > SHOWN,
    }


def _tails(lines: Sequence[Line], charts: Charts) -> Table:
    values = {line.label: [float(term.compute(line.result)) for term in OF_DAYS] for line in lines}
    frame = pd.DataFrame(values, index=pd.Index([term.label for term in OF_DAYS], name="of days"))
    rows = [(term, [term.text(values[line.label][i]) for line in lines]) for i, term in enumerate(OF_DAYS)]
    return charts.table("tails", "Daily returns in numbers", frame, ["Of days", *lines], rows)


def _extremes(number: int, line: Line, charts: Charts) -> tuple[Line, Table]:
    frame, assets = extreme_days(line.result), line.result.tape.assets
    beside, liquidated = line.result.benchmark is not None, liquidated_on(line.result)
    rows = [
        (
            f"{day:%-d %b %Y}",
            [
                _percent(row["return"]),
                *([_percent(row["benchmark"])] * beside),
                liquidated.get(day) or held_text(row[assets]),
            ],
        )
        for day, row in frame.iterrows()
    ]
    columns = ["Day", "Return", *(["Benchmark"] * beside), HELD]
    shown = frame.set_axis(frame.index.strftime("%Y-%m-%d").rename("day"))
    shown = shown if beside else shown.drop(columns="benchmark")
    return line, charts.table(f"extremes-{number}", f"Worst and best days of {line.label}", shown, columns, rows)


def _percent(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:z.1%}"


DISTRIBUTION = Section("distribution", "Distribution", "Distribution and tails of daily returns", build)
