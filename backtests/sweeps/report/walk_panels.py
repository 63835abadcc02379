"""What the page of a walk draws: the joined run over its stretches, what they held, and what came of promises."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from backtests.metrics import DAY
from backtests.sweeps.cross_validation import PurgedCrossValidation
from backtests.sweeps.report.scored import Objective, levels, shortened
from backtests.sweeps.trial_table import text_of
from backtests.sweeps.walked import Walk
from backtests.tearsheet.figures import COLORS, NEUTRAL, Panel, dated, figure, plain

BAND = "rgba(127,127,127,0.13)"
INSIDE, OUTSIDE = COLORS[5], COLORS[1]
# So many labels have room one above the other along the axis of a parameter.
MOST_LABELS = 6


@dataclass(frozen=True)
class Banded:
    """A panel over the days of a walk, with every other stretch shaded."""

    panel: Panel
    stretches: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """That of the panel."""
        return self.panel.frame()

    def bands(self) -> pd.DataFrame:
        """The shaded stretches, the second and every other one after it: columns test_from and test_to."""
        return self.stretches[["test_from", "test_to"]].iloc[1::2]

    def figure(self) -> Any:
        """The panel's figure with its bands underneath."""
        return self.panel.figure().update_layout(shapes=_shaded(self.bands()))

    def alt(self) -> str:
        """What the panel says, and how many stretches there are."""
        return f"{self.panel.alt()} Joined from {len(self.stretches)} stretches."


@dataclass(frozen=True)
class Drift:
    """What one parameter was held at, stretch by stretch."""

    walk: Walk
    name: str

    def frame(self) -> pd.DataFrame:
        """A row per stretch, by the moment from which it holds: the value, and its text ("cash" where nothing is held).

        value : the number; of words and mixes, their place among those that were held; NaN for cash
        """
        held = self._held
        texts = ["cash" if missing else _text(value) for value, missing in zip(held, held.isna(), strict=True)]
        values = np.full(len(held), np.nan)
        known = held.dropna()
        values[held.notna()] = known.to_numpy(float) if self._numbers else levels(known.map(_text)).codes
        return pd.DataFrame({"value": values, "text": texts}, index=self.walk.drift.index)

    def figure(self) -> Any:
        """Steps."""
        frame, stretches = self.frame(), self.walk.stretches
        at = [*stretches["test_from"], stretches["test_to"].iloc[-1]]
        steps = {
            "type": "scatter",
            "mode": "lines+markers",
            "x": [f"{moment:%Y-%m-%d %H:%M}" for moment in at],
            "y": np.append(frame["value"], frame["value"].iloc[-1]),
            "line": {"color": COLORS[0], "width": 2, "shape": "hv"},
            "marker": {"color": COLORS[0], "size": [6] * len(frame) + [0]},
            "text": [plain(text) for text in [*frame["text"], frame["text"].iloc[-1]]],
            "hovertemplate": "%{text}<extra></extra>",
        }
        days = pd.DataFrame(index=pd.DatetimeIndex([at[0].floor("D") - DAY, at[-1].ceil("D") - DAY]))
        drawn = dated(days, [steps], {"yaxis": self._axis(frame)}, 150)
        return drawn.update_layout(shapes=_shaded(stretches.iloc[1::2]), margin={"t": 8})

    def alt(self) -> str:
        """All values, one after the other."""
        return f"{self.name}, stretch by stretch: {', '.join(self.frame()['text'])}."

    @property
    def _held(self) -> pd.Series:
        return self.walk.drift.iloc[:, self.walk.names.index(self.name)]

    @property
    def _numbers(self) -> bool:
        return all(isinstance(v, int | float | np.number) and not isinstance(v, bool) for v in self._held.dropna())

    def _axis(self, frame: pd.DataFrame) -> dict[str, Any]:
        """The values that were held, less those whose labels would run into another's."""
        marks = frame.dropna().drop_duplicates("value").sort_values("value")
        low, high = float(marks["value"].min()), float(marks["value"].max())
        room = (high - low) * 0.12 or 0.5
        axis: dict[str, Any] = {"range": [low - room, high + room], "zeroline": False}
        marks = marks.iloc[_apart(marks["value"].to_numpy(), (high - low) / MOST_LABELS)]
        return axis | {
            "tickvals": marks["value"].tolist(),
            "ticktext": [plain(shortened(text)) for text in marks["text"]],
            "automargin": True,
        }


@dataclass(frozen=True)
class Promised:
    """What was promised where parameters were chosen, and what came of it where they were not.

    scores : columns inside and outside, measures of `objective`      names : of the rows, for people
    """

    scores: pd.DataFrame
    objective: Objective
    names: Sequence[str]

    def frame(self) -> pd.DataFrame:
        """A row per name with both numbers: inside and outside."""
        return self.scores[["inside", "outside"]].set_axis(list(self.names)).dropna()

    def figure(self) -> Any:
        """Dots, and the diagonal on which promises are kept."""
        frame, text = self.frame(), self.objective.metric.text
        numbers = frame.to_numpy(float)
        low, high = (float(numbers.min()), float(numbers.max())) if len(numbers) else (0.0, 1.0)
        room = (high - low) * 0.06 or 0.5
        ends = [low - room, high + room]
        diagonal = {
            "type": "scatter",
            "mode": "lines",
            "x": ends,
            "y": ends,
            "line": {"color": NEUTRAL, "width": 1.4, "dash": "dash"},
            "hoverinfo": "skip",
        }
        dots = {
            "type": "scatter",
            "mode": "markers",
            "x": frame["inside"].to_numpy(),
            "y": frame["outside"].to_numpy(),
            "marker": {"color": COLORS[0], "size": 9, "opacity": 0.75},
            "text": [
                f"{plain(str(name))}<br>inside {text(row['inside'])}<br>outside {text(row['outside'])}"
                for name, row in frame.iterrows()
            ],
            "hovertemplate": "%{text}<extra></extra>",
        }
        axis = {
            "range": ends,
            "fixedrange": True,
            "nticks": 6,
            "tickformat": self.objective.d3.replace(",", "") if "%" in self.objective.d3 else "",
        }
        layout = {
            "xaxis": axis | {"title": {"text": "inside", "standoff": 6}},
            "yaxis": axis | {"title": {"text": "outside", "standoff": 6}},
            "margin": {"l": 62, "r": 8, "t": 10, "b": 48},
            "hovermode": "closest",
        }
        return figure([diagonal, dots], layout, 360)

    def alt(self) -> str:
        """The medians of both, and how many kept their promise."""
        frame, text = self.frame(), self.objective.metric.text
        if frame.empty:
            return f"There is no {self.objective.lower} both inside and outside."
        better = (self.objective.sign * (frame["outside"] - frame["inside"]) >= 0).sum()
        return (
            f"{self.objective.label} of {len(frame)}: median {text(frame['inside'].median())} inside, "
            f"{text(frame['outside'].median())} outside; outside is as good as inside, or better, in {better} of them."
        )


@dataclass(frozen=True)
class PathRatios:
    """Sharpe ratios of the paths of a cross-validation, beside those of the joined run and its benchmark.

    others : by name, with a colour
    """

    paths: PurgedCrossValidation
    others: Sequence[tuple[str, float, str]] = ()

    def frame(self) -> pd.DataFrame:
        """A row per path that was not ruined: its ratio, ascending."""
        return pd.DataFrame({"sharpe": np.sort(self.paths.paths[~np.isnan(self.paths.paths)])})

    def figure(self) -> Any:
        """Dots along a line, the others as lines across it."""
        ratios = self.frame()["sharpe"].to_numpy()
        dots = {
            "type": "scatter",
            "mode": "markers",
            "x": ratios,
            # Those that lie on one another are told apart by a little height.
            "y": np.arange(len(ratios)) % 3 - 1,
            "marker": {"color": COLORS[0], "size": 11 if len(ratios) <= 40 else 6, "opacity": 0.7},
            "hovertemplate": "%{x:.2f}<extra></extra>",
        }
        lines = [
            {
                "type": "scatter",
                "mode": "lines",
                "x": [value, value],
                "y": [-3, 3],
                "line": {"color": color, "width": 2},
                "hovertemplate": f"{plain(name)} {value:.2f}<extra></extra>",
            }
            for name, value, color in self.others
            if np.isfinite(value)
        ]
        every = [*ratios, *(value for _, value, _ in self.others if np.isfinite(value))] or [0.0]
        room = (max(every) - min(every)) * 0.05 or 0.5
        ends = [min(every) - room, max(every) + room]
        named = {"text": "Sharpe ratio", "standoff": 6}
        layout = {
            "xaxis": {"title": named, "range": ends, "fixedrange": True, "nticks": 8},
            "yaxis": {"visible": False, "range": [-3, 3], "fixedrange": True},
            "margin": {"l": 12, "r": 12, "t": 8, "b": 48},
            "hovermode": "closest",
        }
        return figure([*lines, dots], layout, 170)

    def alt(self) -> str:
        """The lowest, the median and the highest, and how many are below zero."""
        ratios, gone = self.frame()["sharpe"], self.paths.ruined
        if ratios.empty:
            return f"All {gone} paths end in ruin."
        return (
            f"Sharpe ratios of {len(ratios)} paths, from {ratios.min():.2f} to {ratios.max():.2f}, median "
            f"{ratios.median():.2f}; {(ratios < 0).sum()} below zero{f'; {gone} more end in ruin' if gone else ''}."
        )


def _shaded(bands: pd.DataFrame) -> list[dict[str, Any]]:
    box = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "layer": "below", "fillcolor": BAND, "line": {"width": 0}}
    edges = zip(bands["test_from"], bands["test_to"], strict=True)
    return [box | {"x0": f"{begin:%Y-%m-%d %H:%M}", "x1": f"{end:%Y-%m-%d %H:%M}"} for begin, end in edges]


def _apart(values: np.ndarray, least: float) -> list[int]:
    """Places of ascending values that are at least so far apart, from the lowest on."""
    taken: list[int] = []
    for place, value in enumerate(values):
        if not taken or value - values[taken[-1]] >= least:
            taken.append(place)
    return taken


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else text_of(value)
