"""Equity and drawdown of all strategies, over the state of the world."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from backtests.analysis.regimes import REGIMES, Regime, States, states_at
from backtests.metrics import DAY, daily_equity, days_of, drawdown
from backtests.result import Result
from backtests.tearsheet.document import Key, as_csv
from backtests.tearsheet.figures import dated, dollars, every_day, faded, plain
from backtests.tearsheet.lines import Line, curves, line_keys, liquidation_keys, liquidation_marks, span
from backtests.tearsheet.sheet import Section, Sheet

# A colour a regime; its lowest state is faint, its highest full, so that they differ on white, on black and in print.
REGIME_COLORS = ("#0072B2", "#CC79A7", "#009E73", "#E69F00")
FAINTEST = 0.28


@dataclass(frozen=True)
class Equity:
    """Equity of each strategy at the end of each UTC day, $."""

    lines: Sequence[Line]

    def frame(self) -> pd.DataFrame:
        """A column per label; NaN where a strategy has no bar."""
        return every_day(pd.concat({line.label: daily_equity(line.result) for line in self.lines}, axis=1, sort=True))

    def figure(self) -> Any:
        """Lines on a logarithmic scale."""
        frame = self.frame()
        money = dollars(frame) | {"hoverformat": "$,.0f"}
        if "tickvals" in money:  # they are the logarithmic scale's; this is for the marks of a linear one
            money |= {"tickformat": "$~s"}
        crosses = liquidation_marks(frame, self.lines, above=0.0)
        return dated(frame, [*curves(frame, self.lines), *crosses], {"yaxis": money}, 380)

    def alt(self) -> str:
        """Where each curve starts and ends."""
        frame = self.frame()
        ends = [
            f"{name} {column.dropna().iloc[0]:,.0f} to {column.dropna().iloc[-1]:,.0f}"
            for name, column in frame.items()
        ]
        return f"Equity in dollars, {span(frame)}: {'; '.join(ends)}."


@dataclass(frozen=True)
class RegimeStrips:
    """The state of the world on each UTC day, as it was known when the day began; a strip per regime.

    days : those of the charts above and below
    """

    result: Result
    days: pd.DatetimeIndex
    regimes: Sequence[Regime] = REGIMES

    @cached_property
    def states(self) -> States:
        """The states by UTC day: of the day on which the window opens, those known at its open."""
        first = self.result.tape.opens.index[0]
        days = self.days[self.days + DAY > first]
        known = states_at(self.result.market, days.where(days > first, first), self.regimes)
        return States(known.frame.set_axis(days.rename("day")), known.regimes, known.left_out)

    def frame(self) -> pd.DataFrame:
        """A column per regime (its label), a row per day, states in words."""
        return self.states.frame.rename(columns={regime.name: regime.label for regime in self.states.regimes})

    def stretches(self, regime: Regime, state: str) -> pd.DataFrame:
        """The stretches of days on which `regime` was in `state`: columns first (day) and days (how many)."""
        there = (self.states.frame[regime.name] == state).to_numpy()
        edges = np.flatnonzero(np.diff(there, prepend=False, append=False))
        first, last = edges[::2], edges[1::2]
        return pd.DataFrame({"first": self.states.frame.index[first], "days": last - first})

    def figure(self) -> Any:
        """A row of bars per regime; what is unknown is left blank."""
        known = self.states.regimes
        bars = [
            self._bars(regime, state, color)
            for regime, color in _colored(known)
            for state, color in zip(regime.states, _shades(color, len(regime.states)), strict=True)
        ]
        rows = {
            "type": "category",
            "categoryarray": [_wrapped(regime) for regime in reversed(known)],
            "categoryorder": "array",
            "showgrid": False,
            "ticklen": 0,
        }
        drawn = dated(pd.DataFrame(index=self.days), bars, {"yaxis": rows}, 20 + 26 * len(known))
        margin = {"l": 62, "r": 8, "t": 4, "b": 4}
        drawn.update_layout(hovermode="closest", barmode="overlay", bargap=0.3, margin=margin)
        return drawn.update_xaxes(showticklabels=False)

    def keys(self) -> list[Key]:
        """The legend: a mark per state."""
        return [
            Key(f"{regime.label} {state}", "area", shade)
            for regime, color in _colored(self.states.regimes)
            for state, shade in reversed([*zip(regime.states, _shades(color, len(regime.states)), strict=True)])
        ]

    def alt(self) -> str:
        """The share of days in each state."""
        frame = self.frame()
        shares = [f"{label} {_day_shares(states)}" for label, states in frame.items()]
        return f"State of the world by day, {span(frame)}: {'; '.join(shares)}."

    def _bars(self, regime: Regime, state: str, color: str) -> dict[str, Any]:
        found = self.stretches(regime, state)
        last = found["first"] + (found["days"] - 1) * DAY
        return {
            "type": "bar",
            "orientation": "h",
            "name": plain(f"{regime.label} {state}"),
            "y": [_wrapped(regime)] * len(found),
            "base": found["first"].dt.strftime("%Y-%m-%d").tolist(),
            "x": (found["days"].to_numpy() * (DAY // pd.Timedelta(1, "ms"))).tolist(),
            "hovertext": [
                f"{one:%-d %b %Y} to {other:%-d %b %Y}" for one, other in zip(found["first"], last, strict=True)
            ],
            "hovertemplate": "%{fullData.name}<br>%{hovertext}<extra></extra>",
            "marker": {"color": color, "line": {"width": 0}},
        }


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
        return every_day(pd.concat(deepest, axis=1, sort=True))

    def figure(self) -> Any:
        """Lines below zero."""
        frame, layout = self.frame(), {"yaxis": {"tickformat": "~%", "hoverformat": ".1%", "rangemode": "tozero"}}
        return dated(frame, [*curves(frame, self.lines), *liquidation_marks(frame, self.lines)], layout, 240)

    def alt(self) -> str:
        """The deepest point of each curve."""
        frame = self.frame()
        depths = [f"{name} {depth:.1%}" for name, depth in frame.min().items()]
        return f"Drawdown, {span(frame)}; deepest: {'; '.join(depths)}."


def build(sheet: Sheet) -> dict[str, Any]:
    """Three charts: equity and drawdown share one legend, and the strips between them have their own."""
    equity = Equity(sheet.lines)
    strips = RegimeStrips(sheet.results[0], equity.frame().index)
    return {
        "equity": sheet.charts.add("equity", equity, [*line_keys(sheet.lines), *liquidation_keys(sheet.lines)]),
        "ruined": [line.label for line in sheet.lines if line.result.ruined_at is not None],
        "strips": _strips(sheet, strips),
        "regimes": strips.states.regimes,
        "left_out": [regime.label for regime in strips.regimes if regime not in strips.states.regimes],
        "drawdown": sheet.charts.add("drawdown", Drawdown(sheet.lines)),
    }


def _strips(sheet: Sheet, strips: RegimeStrips) -> Any:
    if not strips.states.regimes:
        return None
    sheet.charts.define(*strips.states.regimes)
    frame = strips.frame().astype(str)
    sheet.charts.tables["regimes"] = as_csv(frame[(frame != frame.shift()).any(axis=1)])  # the days of a change alone
    return sheet.charts.add("regimes", strips, strips.keys())


def _colored(regimes: Sequence[Regime]) -> list[tuple[Regime, str]]:
    return [(regime, REGIME_COLORS[i % len(REGIME_COLORS)]) for i, regime in enumerate(regimes)]


def _shades(color: str, count: int) -> list[str]:
    return [faded(color, opacity) for opacity in np.linspace(FAINTEST, 1, count).round(2)]


def _day_shares(states: pd.Series) -> str:
    shares = states.value_counts(normalize=True)
    return ", ".join(f"{state} {share:.0%}" for state, share in shares[shares > 0].items())


def _wrapped(regime: Regime) -> str:
    # As wide as the margin that all charts of time have, so that they stand in line.
    return "<br>".join(plain(line) for line in textwrap.wrap(regime.label, 9))


GROWTH = Section("growth", "Growth", "Growth and drawdown", build)
