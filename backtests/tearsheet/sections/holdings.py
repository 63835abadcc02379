"""What each strategy held, when it decided, and the signals behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from backtests.metrics import days_of
from backtests.tearsheet.document import Charts, Key
from backtests.tearsheet.figures import NEUTRAL, SHADE, dated, dollars, every_day, faded, plain, trace
from backtests.tearsheet.lines import Line, asset_colors, last_of_day, span
from backtests.tearsheet.sheet import Section, Sheet, first_line
from signals.signal import values_at

MARKS = {
    "more": ("triangle-up", "#009E73"),
    "less": ("triangle-down", "#D55E00"),
    "same": ("diamond", NEUTRAL),
}


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
        return every_day(last_of_day(pd.concat([price.rename("price"), result.weights], axis=1)))

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
        return last_of_day(pd.concat([about, wanted.set_axis(about.index)], axis=1), ended=True)

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
            f"weights held, {span(self.frame())}; at the end {held}."
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
        ends = last_of_day(result.exposure.to_frame().assign(end=result.exposure.index))
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
        return f"{self.name} of {self.line.label}, {span(values)}: {spread}."


def build(sheet: Sheet) -> dict[str, Any]:
    """A part per strategy: what it held and its signals."""
    return {"parts": [_part(number, line, sheet.charts) for number, line in enumerate(sheet.strategies)]}


def _part(number: int, line: Line, charts: Charts) -> dict[str, Any]:
    signals = line.result.strategy.signals()
    return {
        "line": line,
        "about": first_line(line.result.strategy),
        "repr": repr(line.result.strategy),
        "positions": charts.add(f"positions-{number}", Positions(line), _position_keys(line)),
        "signals": [
            (name, repr(signal), first_line(signal), charts.add(f"signal-{number}-{i}", SignalValues(line, name)))
            for i, (name, signal) in enumerate(signals.items())
        ],
        "shade": Key("exposure", "area", SHADE),
    }


def _position_keys(line: Line) -> list[Key]:
    assets = asset_colors(line.result.tape.assets)
    meaning = {
        "more": "decided to hold more",
        "less": "decided to hold less",
        "same": "decided to hold as much",
    }
    return [
        Key(f"{assets[0][0]} price", "line", NEUTRAL),
        *(Key(meaning[move], symbol, color) for move, (symbol, color) in MARKS.items()),
        *(Key(f"{asset} weight", "area", color) for asset, color in assets),
    ]


def _moves(wanted: pd.DataFrame) -> np.ndarray:
    change = np.diff(wanted.sum(axis=1), prepend=0.0)
    return np.select([change > 1e-9, change < -1e-9], ["more", "less"], "same")


def _decision_texts(rows: pd.DataFrame, assets: Sequence[str]) -> list[str]:
    wanted = [" ".join(f"{a} {w:.0%}" for a, w in zip(assets, row, strict=True)) for row in rows[assets].to_numpy()]
    return [f"decided {at:%Y-%m-%d %H:%M} UTC: {plain(text)}" for at, text in zip(rows["at"], wanted, strict=True)]


HOLDINGS = Section("holdings", "Holdings", "What it held, and why", build)
