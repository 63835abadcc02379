"""Parallel coordinates: a line per trial, through its value of each parameter to its score.

Drawn as plain lines and not as plotly's own parallel coordinates, which need WebGL: these print, and every browser and
every content security policy shows them.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from backtests.sweeps.report.scored import MOST_LEVELS, Levels, Scored, levels, round_ticks, shortened
from backtests.tearsheet.figures import figure, plain

MOST_PATHS = 2_000
TENTHS = 10
# From the worst tenth to the best; the middle tones are seen on white and on black.
COLORS = (
    "#a6acb5", "#a0abb8", "#98aabd", "#8ea9c1", "#82a7c6", "#73a4ca", "#62a0cd", "#4d9acf", "#3092ce", "#0086c9",
)  # fmt: skip
OPACITY = (0.20, 0.22, 0.25, 0.28, 0.32, 0.36, 0.42, 0.5, 0.65, 0.85)
BEST = "#D55E00"
# How much of the room of a value the lines through it are spread over, the better ones higher.
SPREAD = 0.62
HEIGHT = 440


@dataclass(frozen=True)
class Paths:
    """At most 2,000 trials: the best tenth, and a sample of the others.

    seed : of the sample
    """

    trials: Scored
    seed: int

    @cached_property
    def best_kept(self) -> int:
        """How many of the best trials are all there: the best tenth, or half of what can be drawn where it has more."""
        if len(self.trials) <= MOST_PATHS:
            return len(self.trials)
        return min(len(self.trials) // TENTHS, MOST_PATHS // 2)

    def frame(self) -> pd.DataFrame:
        """A row per trial drawn, ascending by score, and where its line crosses each axis.

        Columns tenth (of all trials by score, 0 the worst) and score; then one per parameter and "objective": heights
        in [0, 1].
        """
        return self._frame

    @cached_property
    def _frame(self) -> pd.DataFrame:
        ranked = self.trials.scores.sort_values(kind="stable")
        tenth = np.arange(len(ranked)) * TENTHS // len(ranked)
        drawn = np.sort(self._sample(len(ranked)))
        numbers, scores = ranked.index[drawn], ranked.to_numpy(float)[drawn]
        parameters = self.trials.parameters.loc[numbers]
        heights = {name: _heights(parameters[name]) for name in self.trials.varying}
        low, high = float(scores.min()), float(scores.max())
        objective = _linear(scores, low, high)
        return pd.DataFrame({"tenth": tenth[drawn], "score": scores, **heights, "objective": objective}, index=numbers)

    def figure(self) -> Any:
        """Tenths one after another, the best on top, and the best trial over all of them."""
        frame = self._frame
        traces = [self._tenth(frame[frame["tenth"] == i], i) for i in range(TENTHS)]
        best = frame.loc[[self.trials.best]]
        traces.append(self._lines(best, BEST, 1.0, 3.0))
        names = [*self.trials.varying, self.trials.objective.label]
        last = len(names) - 1
        layout = {
            "xaxis": {"visible": False, "range": [-0.42, last + 0.5], "fixedrange": True},
            "yaxis": {"visible": False, "range": [-0.13, 1.04], "fixedrange": True},
            "margin": {"l": 4, "r": 4, "t": 8, "b": 4},
            "hovermode": "closest",
            "shapes": [_rule(i) for i in range(len(names))],
            "annotations": [*_titles(names), *self._ticks()],
        }
        return figure(traces, layout, HEIGHT)

    def alt(self) -> str:
        """How many lines there are, and the best."""
        trials, text = self.trials, self.trials.objective.text
        best = ", ".join(f"{name} {trials.parameters.at[trials.best, name]}" for name in trials.varying)
        return (
            f"{len(self._frame):,} of {len(trials):,} trials as lines through their parameters to their "
            f"{trials.objective.label}; the best, {text(float(trials.scores.max()))}, has {best}."
        )

    def _sample(self, n: int) -> np.ndarray:
        """Places in the ranking, worst first, of the trials to draw."""
        if n <= MOST_PATHS:
            return np.arange(n)
        others = np.random.default_rng(self.seed).choice(n - self.best_kept, MOST_PATHS - self.best_kept, replace=False)
        return np.append(others, np.arange(n - self.best_kept, n))

    def _tenth(self, rows: pd.DataFrame, tenth: int) -> dict[str, Any]:
        # Few lines are drawn more strongly than many, which lie on one another.
        few = MOST_PATHS / TENTHS / max(1, len(rows))
        return self._lines(rows, COLORS[tenth], min(0.9, OPACITY[tenth] * few ** (1 / 3)), min(1.5, few**0.25))

    def _lines(self, rows: pd.DataFrame, color: str, opacity: float, width: float) -> dict[str, Any]:
        if rows.empty:  # of fewer trials than tenths; the switches count on ten traces
            return {"type": "scatter", "x": [], "y": []}
        heights = rows.drop(columns=["tenth", "score"]).to_numpy(np.float32)
        n, k = heights.shape
        gaps = np.full((n, 1), np.nan, np.float32)  # between one trial and the next
        objective = self.trials.objective
        told = np.column_stack([rows.index.to_numpy(float), objective.shown(rows["score"].to_numpy())])
        return {
            "type": "scatter",
            "mode": "lines",
            "x": np.tile(np.append(np.arange(k, dtype=np.float32), np.float32("nan")), n),
            "y": np.hstack([heights, gaps]).ravel(),
            "customdata": np.repeat(told.astype(np.float32), k + 1, axis=0),
            "hovertemplate": f"trial %{{customdata[0]:d}}<br>%{{customdata[1]:{objective.d3}}}<extra></extra>",
            "line": {"color": color, "width": width},
            "opacity": opacity,
            "connectgaps": False,
        }

    def _ticks(self) -> list[dict[str, Any]]:
        parameters = self.trials.parameters.loc[self._frame.index]
        marks = [
            _mark(axis, height, text)
            for axis, name in enumerate(self.trials.varying)
            for height, text in _marks(parameters[name])
        ]
        low, high = (float(end) for end in (self._frame["score"].min(), self._frame["score"].max()))
        ticks = round_ticks(low, high)
        heights = _linear(np.array(ticks), low, high)
        text, axis = self.trials.objective.text, len(self.trials.varying)
        return marks + [_mark(axis, h, text(t), "left") for h, t in zip(heights, ticks, strict=True)]


def _heights(values: pd.Series) -> np.ndarray:
    """Where lines cross the axis of a parameter; `values` are in the order of scores, the worst first.

    Up to 25 values stand at equal distances, and the lines through one are spread around it by score. More are a scale.
    """
    if _scaled(values):
        return _linear(values.to_numpy(float), float(values.min()), float(values.max()))
    places = levels(values)
    rank = pd.Series(places.codes).groupby(places.codes).cumcount().to_numpy()
    many = np.bincount(places.codes)[places.codes]
    return _height(places.codes + SPREAD * ((rank + 0.5) / many - 0.5), places)


def _marks(values: pd.Series) -> list[tuple[float, str]]:
    """Height and text of the labels of a parameter's axis."""
    if _scaled(values):
        low, high = float(values.min()), float(values.max())
        ticks = round_ticks(low, high, 8)
        return list(zip(_linear(np.array(ticks), low, high), [f"{tick:g}" for tick in ticks], strict=True))
    places = levels(values)
    heights = _height(np.arange(len(places), dtype=float), places)
    every = -(-len(places) // 13)
    return list(zip(heights, places.labels, strict=True))[::every]


def _scaled(values: pd.Series) -> bool:
    number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    return bool(number and values.nunique() > MOST_LEVELS)


def _height(places: np.ndarray, axis: Levels) -> np.ndarray:
    return np.asarray((places + 0.5) / len(axis))


def _linear(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.asarray((values - low) / (high - low)) if high > low else np.full(len(values), 0.5)


def _rule(axis: int) -> dict[str, Any]:
    line = {"color": "#8a919b", "width": 1}
    return {"type": "line", "x0": axis, "x1": axis, "y0": 0, "y1": 1, "line": line, "layer": "above"}


def _titles(names: list[str]) -> list[dict[str, Any]]:
    # Every other name lies lower, so that long ones do not run together.
    return [
        {"x": i, "y": -0.03 - 0.055 * (i % 2), "text": f"<b>{plain(shortened(name))}</b>", "showarrow": False}
        | {"yanchor": "top", "xanchor": "center"}
        for i, name in enumerate(names)
    ]


def _mark(axis: int, height: float, text: str, side: str = "right") -> dict[str, Any]:
    shift = -5 if side == "right" else 5
    return {"x": axis, "y": float(height), "text": plain(shortened(text)), "showarrow": False} | {
        "xanchor": side,
        "yanchor": "middle",
        "xshift": shift,
        "font": {"size": 11},
    }
