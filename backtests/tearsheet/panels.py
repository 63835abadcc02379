"""What a tearsheet draws. Each panel has a frame, which is tested, and a figure, which only draws the frame.

Everything is plotted by UTC day, whatever the bars: five strategies on hourly bars stay a small file. The values of a
day stand at its date; a bar that ends at midnight belongs to the day that ends there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from backtests.metrics import daily_equity, days_of, drawdown, labels, with_benchmarks
from backtests.result import Result
from backtests.tearsheet.figures import (
    COLORS,
    DASHES,
    NEUTRAL,
    SHADE,
    dated,
    dollars,
    every_day,
    faded,
    plain,
    trace,
)
from signals.signal import values_at

ASSET_COLORS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7")
MARKS = {
    "more": ("triangle-up", "#009E73"),
    "less": ("triangle-down", "#D55E00"),
    "same": ("diamond", NEUTRAL),
}


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
        Line(result, label, COLORS[i % len(COLORS)], DASHES[i // len(COLORS) % len(DASHES)])
        if i < len(results)
        else Line(result, label, NEUTRAL, DASHES[(i - len(results)) % len(DASHES)], is_benchmark=True)
        for i, (result, label) in enumerate(zip(everything, labels(everything), strict=True))
    ]


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
        return dated(frame, _curves(frame, self.lines), {"yaxis": dollars(frame) | {"hoverformat": "$,.0f"}}, 380)

    def alt(self) -> str:
        """Where each curve starts and ends."""
        frame = self.frame()
        ends = [
            f"{name} {column.dropna().iloc[0]:,.0f} to {column.dropna().iloc[-1]:,.0f}"
            for name, column in frame.items()
        ]
        return f"Equity in dollars, {_span(frame)}: {'; '.join(ends)}."


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
        return dated(frame, _curves(frame, self.lines), layout, 240)

    def alt(self) -> str:
        """The deepest point of each curve."""
        frame = self.frame()
        depths = [f"{name} {depth:.1%}" for name, depth in frame.min().items()]
        return f"Drawdown, {_span(frame)}; deepest: {'; '.join(depths)}."


@dataclass(frozen=True)
class Positions:
    """What one strategy held, under the price of its first asset, with its decisions marked."""

    line: Line

    @property
    def asset(self) -> str:
        """The asset whose price is drawn."""
        return self.line.result.tape.assets[0]

    def frame(self) -> pd.DataFrame:
        """Columns price ($, last close of the day) and one per asset: its weight at the day's last close."""
        result = self.line.result
        price = result.tape.closes[self.asset].set_axis(result.tape.known_at)
        return every_day(_last_of_day(pd.concat([price.rename("price"), result.weights], axis=1)))

    def decisions(self) -> pd.DataFrame:
        """The last decision of each UTC day.

        Columns: at; price ($, last close known at the decision, the first open before there is one); move ("more",
        "less" or "same" exposure than the decision before); and one per asset, the weight wanted.
        """
        result = self.line.result
        wanted, tape = result.decisions, result.tape
        closed = tape.known_at.searchsorted(wanted.index, side="right")
        known = np.append(tape.opens[self.asset].iloc[0], tape.closes[self.asset])
        about = pd.DataFrame(
            {"at": wanted.index, "price": known[closed], "move": _moves(wanted)}, index=days_of(wanted.index)
        )
        return _last_of_day(pd.concat([about, wanted.set_axis(about.index)], axis=1), ended=True)

    def figure(self) -> Any:
        """Price and decisions above, weights stacked below."""
        frame = self.frame()
        price = trace(frame["price"], plain(f"{self.asset} price"), NEUTRAL, yaxis="y2", hover="$%{y:,.0f}")
        weights = [
            trace(frame[asset], plain(asset), color, hover="%{y:.0%}")
            | {
                "stackgroup": "weights",
                "fillcolor": faded(color),
                "line": {"color": color, "width": 0, "shape": "hv"},
            }
            for asset, color in asset_colors(self.line.result.tape.assets)
        ]
        layout = {
            "yaxis": {"domain": [0, 0.36], "tickformat": ".0%", "range": [0, 1.02], "nticks": 4},
            "yaxis2": {"domain": [0.42, 1]} | dollars(frame["price"]),
        }
        return dated(frame, [*weights, price, *self._marks()], layout, 400)

    def alt(self) -> str:
        """How often it decided and what it held at the end."""
        result = self.line.result
        held = ", ".join(f"{asset} {weight:.0%}" for asset, weight in result.weights.iloc[-1].items())
        return (
            f"{self.line.label}: price of {self.asset} with {len(result.decisions)} decisions marked, above the "
            f"weights held, {_span(self.frame())}; at the end {held}."
        )

    def _marks(self) -> list[dict[str, Any]]:
        decisions = self.decisions()
        size = 8 if len(decisions) < 150 else 5
        return [
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"Decision: {move}",
                "x": rows.index.strftime("%Y-%m-%d").tolist(),
                "y": rows["price"].to_numpy(np.float32),
                "yaxis": "y2",
                "marker": {"symbol": symbol, "color": color, "size": size},
                "text": _decision_texts(rows, self.line.result.tape.assets),
                "hovertemplate": "%{text}<extra></extra>",
            }
            for move, (symbol, color) in MARKS.items()
            if len(rows := decisions[decisions["move"] == move])
        ]


@dataclass(frozen=True)
class SignalValues:
    """One signal of one strategy, as the strategy knew it at the end of each UTC day, over the exposure it led to."""

    line: Line
    name: str

    def frame(self) -> pd.DataFrame:
        """Columns value (in the signal's unit, NaN while it is unknown or too old) and exposure."""
        result = self.line.result
        ends = _last_of_day(result.exposure.to_frame().assign(end=result.exposure.index))
        signal = result.strategy.signals()[self.name]
        times = pd.DatetimeIndex(ends["end"]).as_unit("ns").asi8
        return every_day(pd.DataFrame({"value": values_at(signal, result.market, times), "exposure": ends["exposure"]}))

    def figure(self) -> Any:
        """The signal as a line, the exposure as a shade behind it."""
        frame = self.frame()
        shade = trace(frame["exposure"], "Exposure", SHADE, hover="%{y:.0%}")
        shade |= {"fill": "tozeroy", "fillcolor": SHADE, "line": {"width": 0, "shape": "hv"}}
        value = trace(frame["value"], plain(self.name), self.line.color, yaxis="y2", hover="%{y:.4~g}")
        layout = {
            "yaxis": {"range": [0, 1], "visible": False},
            "yaxis2": {"overlaying": "y", "side": "left", "tickmode": "auto", "nticks": 5, "exponentformat": "none"},
        }
        return dated(frame, [shade, value | {"connectgaps": False}], layout, 150)

    def alt(self) -> str:
        """The range of its values and the newest."""
        values = self.frame()["value"].dropna()
        if values.empty:
            return f"{self.name} of {self.line.label}: never known in this window."
        spread = f"between {values.min():.4g} and {values.max():.4g}, {values.iloc[-1]:.4g} at the end"
        return f"{self.name} of {self.line.label}, {_span(values)}: {spread}."


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
        return dated(frame, _curves(frame, self.lines), layout, 260)

    def alt(self) -> str:
        """What each paid in all."""
        frame = self.frame()
        paid = [f"{name} {column.dropna().iloc[-1]:.2%}" for name, column in frame.items()]
        return f"Costs cumulated, as a share of capital, {_span(frame)}: {'; '.join(paid)}."

    @staticmethod
    def _paid(result: Result) -> pd.Series:
        days = days_of(result.tape.known_at).unique()
        costs = result.costs.sum(axis=1)
        by_day = costs.groupby(costs.index.floor("D")).sum().reindex(days, fill_value=0.0)
        return by_day.cumsum() / result.execution.capital


def asset_colors(assets: Sequence[str]) -> list[tuple[str, str]]:
    """Each asset with its colour."""
    return [(asset, ASSET_COLORS[i % len(ASSET_COLORS)]) for i, asset in enumerate(assets)]


def _last_of_day(frame: pd.DataFrame, ended: bool = False) -> pd.DataFrame:
    """The last row of each UTC day; `ended` where the index is days already."""
    days = frame.index if ended else days_of(frame.index)
    return frame.set_axis(days)[~days.duplicated(keep="last")]


def _moves(wanted: pd.DataFrame) -> np.ndarray:
    change = np.diff(wanted.sum(axis=1), prepend=0.0)
    return np.select([change > 1e-9, change < -1e-9], ["more", "less"], "same")


def _decision_texts(rows: pd.DataFrame, assets: Sequence[str]) -> list[str]:
    wanted = [" ".join(f"{a} {w:.0%}" for a, w in zip(assets, row, strict=True)) for row in rows[assets].to_numpy()]
    return [f"decided {at:%Y-%m-%d %H:%M} UTC: {plain(text)}" for at, text in zip(rows["at"], wanted, strict=True)]


def _curves(frame: pd.DataFrame, lines: Sequence[Line]) -> list[dict[str, Any]]:
    # Benchmarks are thinner and lie underneath.
    return [
        trace(frame[line.label], plain(line.label), line.color, line.dash, width=1.4 if line.is_benchmark else 1.8)
        | {"zorder": 0 if line.is_benchmark else 1}
        for line in lines
    ]


def _span(frame: pd.DataFrame | pd.Series) -> str:
    return f"{frame.index[0]:%-d %B %Y} to {frame.index[-1]:%-d %B %Y}"
