"""What each strategy held, when and why it decided, and the signals behind it."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from backtests.analysis.causes import sentences
from backtests.metrics import days_of
from backtests.tearsheet.document import Charts, Key
from backtests.tearsheet.figures import COLORS, NEUTRAL, SHADE, dated, dollars, every_day, faded, plain, trace
from backtests.tearsheet.lines import Line, asset_colors, last_of_day, span
from backtests.tearsheet.sheet import Section, Sheet, first_line
from signals.signal import Signal, values_at

MARKS = {
    "more": ("triangle-up", COLORS[0]),
    "less": ("triangle-down", COLORS[1]),
    "same": ("diamond", NEUTRAL),
}
# A browser draws, and a reader tells apart, about this many marks; of more decisions the last of each day is marked.
MOST_MARKS = 3000
# Of more decisions than this, marks would hide the price: they are small and faint, under it.
MANY_MARKS = 150
# Returns to a target that stands, which say least, more so than the others.
FAINT = {move: {"size": 4, "opacity": 0.3} if move == "same" else {"size": 6, "opacity": 0.6} for move in MARKS}
# With more levels than this, as of a rule that moves in steps, only those that the signal came near are drawn.
FEW_LEVELS = 3
# Pixels: the weights, the price of an asset where there are few and where there are many, and what lies between.
WEIGHTS, PRICE, SMALL_PRICE, GAP, MARGINS = 130, 150, 95, 16, 38
# Pixels: a signal, and the releases of a series below it.
SIGNAL, RUG = 125, 14
# From which the shade of an exposure rises while it is long, and falls while it is short.
ZERO = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": 0, "y1": 0}
ZERO |= {"line": {"color": NEUTRAL, "width": 1, "dash": "dot"}}
ZERO |= {"label": {"text": "exposure 0%", "textposition": "end", "yanchor": "bottom", "padding": 1}}
TICKS_AXIS = {"range": [0.1, 1.15], "visible": False}
RUG_NAME = {"xref": "paper", "x": 0, "y": 0.5, "xanchor": "right", "yanchor": "middle", "showarrow": False}
RUG_NAME |= {"font": {"size": 8}, "xshift": -3}


@dataclass(frozen=True)
class Positions:
    """What one strategy held, under the price of each asset, with its decisions marked."""

    line: Line

    @property
    def assets(self) -> list[str]:
        """The assets whose prices are drawn, from the top down."""
        return self.line.result.tape.assets

    def frame(self) -> pd.DataFrame:
        """Columns "ASSET price" ($, last close of the day), then one per asset: its weight at the day's last close."""
        return self._frame

    @cached_property
    def _frame(self) -> pd.DataFrame:
        result = self.line.result
        prices = result.tape.closes[self.assets].add_suffix(" price").set_axis(result.tape.known_at)
        return every_day(last_of_day(pd.concat([prices, result.weights], axis=1)))

    def decisions(self, asset: str) -> pd.DataFrame:
        """What was decided on `asset`, a row per decision, indexed by position in the result's decisions.

        Columns: at; price ($, last close known at the decision, the first open before there is one); weight wanted;
        move ("more", "less" or "same" weight than the decision before). Of more than `MOST_MARKS` decisions, only the
        last of each UTC day.
        """
        result = self.line.result
        wanted, tape = result.decisions[asset], result.tape
        closed = tape.known_at.searchsorted(wanted.index, side="right")
        known = np.append(tape.opens[asset].iloc[0], tape.closes[asset])
        rows = pd.DataFrame(
            {
                "at": wanted.index,
                "price": known[closed],
                "weight": wanted.to_numpy(),
                "move": _moves(wanted.to_numpy()),
            }
        )
        return rows if self.every_decision else rows[~days_of(wanted.index).duplicated(keep="last")]

    @property
    def every_decision(self) -> bool:
        """Whether each decision is marked, not only the last of each day."""
        return len(self.line.result.decisions) <= MOST_MARKS

    def figure(self) -> Any:
        """Prices with their decisions above, weights stacked below: longs upwards from zero, shorts downwards."""
        result, frame, each = self.line.result, self.frame(), PRICE if len(self.assets) <= 3 else SMALL_PRICE
        drawn = WEIGHTS + (each + GAP) * len(self.assets)
        layout: dict[str, Any] = {
            "yaxis": {
                "domain": [0, WEIGHTS / drawn],
                "tickformat": ".0%",
                "range": _span_of(frame[self.assets]),
                "nticks": 4,
            }
        }
        traces = self._weights(frame)
        # The decisions of all prices are one text each, told with the first price: the others only show their marks.
        for row, asset in enumerate(self.assets):
            axis, top = f"y{row + 2}", 1 - row * (each + GAP) / drawn
            prices = frame[f"{asset} price"]
            layout[f"yaxis{row + 2}"] = {"domain": [top - each / drawn, top], "anchor": "x"} | dollars(prices)
            price = trace(
                prices, plain(f"{asset} price"), NEUTRAL, yaxis=axis, hover=f"$%{{y:{_price_format(prices)}}}"
            )
            marks = self._marks(asset, axis, self._texts() if row == 0 else None)
            traces += [*marks, price] if len(result.decisions) >= MANY_MARKS else [price, *marks]
        figure = dated(frame, traces, layout, drawn + MARGINS)
        figure.update_layout(hoversubplots="axis", hoverdistance=5)
        for row, asset in enumerate(self.assets):
            place: dict[str, Any] = {"xref": "paper", "yref": f"y{row + 2} domain", "x": 0.004, "y": 1.0}
            figure.add_annotation(place | {"text": f"<b>{plain(asset)}</b>", "showarrow": False, "yanchor": "top"})
        return figure

    def alt(self) -> str:
        """How often it decided and what it held at the end."""
        result = self.line.result
        held = ", ".join(f"{asset} {weight:.0%}" for asset, weight in result.weights.iloc[-1].items())
        count = len(result.decisions)
        marked = f"{count} decision{'s' * (count != 1)} marked"
        return (
            f"{self.line.label}: price of {' and '.join(self.assets)} with {marked}, above the weights held, "
            f"{span(self.frame())}; at the end {held}."
        )

    def _weights(self, frame: pd.DataFrame) -> list[dict[str, Any]]:
        """An area per asset; of an asset that was short too, one for its longs and one for its shorts."""
        drawn = []
        for asset, color in asset_colors(self.assets):
            weight, name = frame[asset], plain(asset)
            look = {"fillcolor": faded(color), "line": {"color": color, "width": 0, "shape": "hv"}}
            for side, part in (("weights", weight.clip(lower=0)), ("shorts", weight.clip(upper=0))):
                if side == "weights" or (part < 0).any():
                    label = name if not (weight < 0).any() else f"{name} {'long' if side == 'weights' else 'short'}"
                    drawn.append(trace(part, label, color, hover="%{y:.0%}") | {"stackgroup": side} | look)
        return drawn

    def _marks(self, asset: str, axis: str, texts: np.ndarray | None) -> list[dict[str, Any]]:
        decisions = self.decisions(asset)
        many = len(decisions) >= MANY_MARKS
        told = {"hoverinfo": "skip"} if texts is None else {"hovertemplate": "%{text}<extra></extra>"}
        return [
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"Decision: {move} {plain(asset)}",
                "x": rows["at"].dt.strftime("%Y-%m-%d %H:%M").tolist(),
                "y": rows["price"].to_numpy(np.float32),
                "yaxis": axis,
                "marker": {"symbol": symbol, "color": color} | (FAINT[move] if many else {"size": 8}),
            }
            | ({} if texts is None else {"text": texts[rows.index].tolist()})
            | told
            for move, (symbol, color) in MARKS.items()
            if len(rows := decisions[decisions["move"] == move])
        ]

    def _texts(self) -> np.ndarray:
        """What was decided, when and why, a text per decision."""
        wanted = self.line.result.decisions
        weights = [
            " ".join(f"{asset} {weight:.0%}" for asset, weight in zip(wanted.columns, row, strict=True))
            for row in wanted.to_numpy().tolist()
        ]
        told = zip(wanted.index, weights, sentences(self.line.result), strict=True)
        return np.array(
            [
                f"<b>decided {at:%Y-%m-%d %H:%M} UTC: <br>{plain(held)}</b>, <br>{_broken(why)}"
                for at, held, why in told
            ],
            object,
        )


@dataclass(frozen=True)
class SignalValues:
    """One signal of one strategy, as the strategy knew it at the end of each UTC day, over the exposure it led to."""

    line: Line
    name: str

    @property
    def signal(self) -> Signal:
        """The signal."""
        return self.line.result.strategy.signals()[self.name]

    @property
    def series(self) -> list[str]:
        """The series that the signal reads and that were released; prices, which close every day, are none."""
        market = self.line.result.market
        return [need for need in self.signal.reads if ":" not in need and len(market.known_times(need))]

    def frame(self) -> pd.DataFrame:
        """Columns value (in the signal's unit, NaN while it is unknown or too old), exposure, and one per series.

        The column of a series is 1 on the UTC days on which a value of it was first released, else 0.
        """
        return self._frame

    def levels(self) -> list[float]:
        """The levels at which the rule changes its answer; of many, those between which the signal moved."""
        levels = np.atleast_1d(self.line.result.strategy.thresholds().get(self.name, ())).astype(float)
        if len(levels) <= FEW_LEVELS:
            return levels.tolist()  # type: ignore[no-any-return]
        values = self.frame()["value"]
        return levels[(levels >= values.min()) & (levels <= values.max())].tolist()  # type: ignore[no-any-return]

    def exposures(self) -> list[float]:
        """From where to where the shade of the exposure is drawn: 0 to 1, and more for what goes beyond."""
        exposure = self.frame()["exposure"]
        return [min(0.0, float(exposure.min())), max(1.0, float(exposure.max()))]

    def figure(self) -> Any:
        """The signal as a line, its levels dashed, the exposure as a shade behind it, releases as ticks below it."""
        frame, levels = self.frame(), self.levels()
        rug = RUG * len(self.series)
        drawn = SIGNAL + rug
        shade = trace(frame["exposure"], "Exposure", SHADE, hover="%{y:.0%}")
        shade |= {"fill": "tozeroy", "fillcolor": SHADE, "line": {"width": 0, "shape": "hv"}}
        value = trace(frame["value"], plain(self.name), self.line.color, yaxis="y2", hover="%{y:.4~g}")
        layout: dict[str, Any] = {
            "yaxis": {"range": self.exposures(), "visible": False, "domain": [rug / drawn, 1]},
            "yaxis2": {"overlaying": "y", "side": "left", "tickmode": "auto", "nticks": 5, "exponentformat": "none"}
            | _range(frame["value"], levels),
        }
        traces = [shade, value | {"connectgaps": False}]
        for row, series in enumerate(self.series):
            top = rug - RUG * row - 3
            layout[f"yaxis{row + 3}"] = {"domain": [(top - RUG + 3) / drawn, top / drawn], "anchor": "x"} | TICKS_AXIS
            traces.append(_ticks(frame[series], f"y{row + 3}"))
        figure = dated(frame, traces, layout, drawn + MARGINS)
        for row, series in enumerate(self.series):
            figure.add_annotation(RUG_NAME | {"text": plain(_short(series)), "yref": f"y{row + 3} domain"})
        if rug:
            figure.update_layout(xaxis_anchor=f"y{len(self.series) + 2}")
        for level in levels:
            figure.add_shape(_level(level, labelled=len(levels) <= FEW_LEVELS))
        if self.exposures()[0] < 0:
            figure.add_shape(ZERO)
        return figure

    def alt(self) -> str:
        """The range of its values, the newest, and the levels."""
        values = self.frame()["value"].dropna()
        if values.empty:
            return f"{self.name} of {self.line.label}: never known in this window."
        spread = f"between {values.min():.4g} and {values.max():.4g}, {values.iloc[-1]:.4g} at the end"
        levels = ", ".join(f"{level:.4g}" for level in self.levels())
        turns = f"; the rule changes its answer at {levels}" if levels else ""
        return f"{self.name} of {self.line.label}, {span(values)}: {spread}{turns}."

    @cached_property
    def _frame(self) -> pd.DataFrame:
        result = self.line.result
        ends = last_of_day(result.exposure.to_frame().assign(end=result.exposure.index))
        times = pd.DatetimeIndex(ends["end"]).as_unit("ns").asi8
        values = values_at(self.signal, result.market, times)
        frame = every_day(pd.DataFrame({"value": values, "exposure": ends["exposure"]}))
        return frame.assign(**{series: self._released(series, frame.index) for series in self.series})

    def _released(self, series: str, days: pd.DatetimeIndex) -> np.ndarray:
        stamps = pd.DatetimeIndex(self.line.result.market.known_times(series), tz="UTC")
        return np.asarray(days.isin(days_of(stamps)), np.int8)


def _span_of(weights: pd.DataFrame) -> list[float]:
    """The axis of stacked weights: 0 to 1, and more where there were shorts or leverage."""
    longs, shorts = weights.clip(lower=0).sum(axis=1), weights.clip(upper=0).sum(axis=1)
    return [1.02 * min(0.0, float(shorts.min())), 1.02 * max(1.0, float(longs.max()))]


def _broken(why: str) -> str:
    """What made a strategy decide, in lines that a telephone has room for."""
    return re.sub(r" (?=known |\(the newest )|(?<=; )", " <br>", plain(why))


def _price_format(prices: pd.Series) -> str:
    """Whole dollars for what costs hundreds, four digits for what costs less."""
    return ",.0f" if prices.max() >= 100 else ".4~g"


def _ticks(released: pd.Series, axis: str) -> dict[str, Any]:
    """A tick on each day that is 1: a line that goes up and comes down, so that all ticks are one path to draw."""
    ticks = trace(released, f"{plain(str(released.name))} released", NEUTRAL, yaxis=axis)
    return ticks | {
        "y": released.to_numpy(np.int8),
        "line": {"color": NEUTRAL, "width": 0.8, "shape": "hv"},
        "hoverinfo": "skip",
    }


def _short(series: str) -> str:
    """A name that fits beside the ticks."""
    return series if len(series) <= 12 else f"{series[:11]}…"


def _range(values: pd.Series, levels: list[float]) -> dict[str, Any]:
    """An axis on which the values and the levels have air around them, and levels room for their names."""
    seen = np.append(values.dropna().to_numpy(), levels)
    if not len(seen):
        return {}
    low, high = float(seen.min()), float(seen.max())
    air = 0.12 * (high - low) or 0.1 * abs(high) or 1.0
    return {"range": [low - air / 2, high + (air * 1.5 if levels else air / 2)]}


def _level(level: float, labelled: bool) -> dict[str, Any]:
    """A dashed line across the chart, with the level over its left end."""
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y2", "y0": level, "y1": level}
    look = {"line": {"color": NEUTRAL, "width": 1.2, "dash": "dash"}}
    label = {"text": f"<b>{level:,.4g}</b>", "textposition": "start", "yanchor": "bottom", "padding": 2}
    return line | look | ({"label": label} if labelled else {})


def build(sheet: Sheet) -> dict[str, Any]:
    """A part per strategy: what it held and its signals."""
    return {"parts": [_part(number, line, sheet.charts) for number, line in enumerate(sheet.strategies)]}


def _part(number: int, line: Line, charts: Charts) -> dict[str, Any]:
    signals, positions = line.result.strategy.signals(), Positions(line)
    return {
        "line": line,
        "about": first_line(line.result.strategy),
        "repr": repr(line.result.strategy),
        "perps": line.result.execution.perps,
        "every_decision": positions.every_decision,
        "positions": charts.add(f"positions-{number}", positions, _position_keys(line)),
        "signals": [
            (name, repr(signal), first_line(signal), charts.add(f"signal-{number}-{i}", SignalValues(line, name)))
            for i, (name, signal) in enumerate(signals.items())
        ],
        "shade": Key("exposure", "area", SHADE),
        "level": Key("level", "line", NEUTRAL, "dash"),
        "levels": any(line.result.strategy.thresholds().values()),
    }


def _position_keys(line: Line) -> list[Key]:
    meaning = {"more": "decided to hold more of it", "less": "less of it", "same": "as much of it"}
    return [
        Key("price", "line", NEUTRAL),
        *(Key(meaning[move], symbol, color) for move, (symbol, color) in MARKS.items()),
        *(Key(f"{asset} weight", "area", color) for asset, color in asset_colors(line.result.tape.assets)),
    ]


def _moves(wanted: np.ndarray) -> np.ndarray:
    change = np.diff(wanted, prepend=0.0)
    return np.select([change > 1e-9, change < -1e-9], ["more", "less"], "same")


HOLDINGS = Section("holdings", "Holdings", "What it held, and why", build)
