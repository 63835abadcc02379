"""Where in the space the good trials lie: a heatmap for each pair of parameters, a curve where there is only one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from backtests.sweeps.report.scored import MOST_LEVELS, Levels, Objective, Scored, levels, score_axis, shortened
from backtests.tearsheet.figures import COLORS, figure, plain

MOST_PAIRS = 10
FEWEST_BINS, TRIALS_PER_CELL = 8, 4
# Scores that a group has on average, so that their spread within it is known.
FEWEST_PER_GROUP = 2
# On one axis there is room for more places than on two.
CURVE_LEVELS = 100
# Letters that the labels along a chart as wide as a phone have room for.
ROOM = 44
# Labels that stand one above the other.
MOST_ROWS = 14

# Orange is bad, blue is good, and the middle is the paper, in both themes.
Scale = list[tuple[float, str]]
GOOD: dict[str, Scale] = {
    "light": [(0, "#e6eff6"), (0.5, "#62a8d4"), (1, "#00456e")],
    "dark": [(0, "#232e39"), (0.5, "#2277ad"), (1, "#96d3f8")],
}
BAD: dict[str, Scale] = {
    "light": [(0, "#8a3b00"), (0.5, "#df8a45"), (1, "#faede1")],
    "dark": [(0, "#ffa45c"), (0.5, "#b35a14"), (1, "#35291f")],
}
BOTH: dict[str, Scale] = {
    "light": [(0, "#8a3b00"), (0.25, "#df8a45"), (0.5, "#f4f4f3"), (0.75, "#62a8d4"), (1, "#00456e")],
    "dark": [(0, "#ffa45c"), (0.25, "#b35a14"), (0.5, "#282d35"), (0.75, "#2277ad"), (1, "#96d3f8")],
}


@dataclass(frozen=True)
class Colouring:
    """Colours of scores from `low` to `high`, one for all maps of a page."""

    low: float
    high: float
    scales: dict[str, Scale]

    def axis(self) -> dict[str, Any]:
        """What plotly calls a colour axis."""
        return {"cmin": self.low, "cmax": self.high, "colorscale": self.scales["light"], "showscale": False}

    def gradient(self, theme: str) -> str:
        """The colours of a theme, from low to high, as CSS."""
        return f"linear-gradient(90deg, {', '.join(f'{color} {at:.0%}' for at, color in self.scales[theme])})"


@dataclass(frozen=True)
class Pair:
    """The scores of trials by two parameters, whatever the values of all others."""

    trials: Scored
    x: Levels
    y: Levels

    @cached_property
    def _cells(self) -> np.ndarray:
        return np.asarray(self.y.codes * len(self.x) + self.x.codes)

    def frame(self) -> pd.DataFrame:
        """A row per cell that has trials: x and y (places), median, best and worst score, and how many trials."""
        return self._frame

    @cached_property
    def _frame(self) -> pd.DataFrame:
        cells = _spread(self.trials.scores, self._cells)
        places = pd.DataFrame({"x": cells.index % len(self.x), "y": cells.index // len(self.x)})
        return pd.concat([places, cells.reset_index(drop=True)], axis=1)

    @cached_property
    def explained(self) -> float:
        """The share of the variance of scores that the two values explain together; at least 0.

        Where their combinations have too few trials each, what either value alone, or places on the map, explain: a
        lower bound, as `exact` says. NaN where nothing has enough, or where scores do not vary.
        """
        if self.exact:
            return self._of_values
        scores, x, y = self.trials.scores.to_numpy(float), self._raw(self.x), self._raw(self.y)
        bounds = [explained(scores, groups) for groups in (x, y, self.x.codes, self.y.codes, self._cells)]
        return float(np.nanmax(bounds)) if not np.isnan(bounds).all() else float("nan")

    @property
    def exact(self) -> bool:
        """Whether `explained` is of the values themselves, and not a lower bound."""
        return not np.isnan(self._of_values)

    @cached_property
    def _of_values(self) -> float:
        x, y = self._raw(self.x), self._raw(self.y)
        return explained(self.trials.scores.to_numpy(float), y * (int(x.max()) + 1) + x)

    def _raw(self, axis: Levels) -> np.ndarray:
        """The value of each trial by its place among the distinct ones, whether or not the map has it in a bin."""
        return np.asarray(pd.factorize(self.trials.parameters[axis.name])[0], np.int64)

    def figure(self) -> Any:
        """Cells coloured by their median; the numbers are in them where there is room."""
        return self.coloured(colouring([self], self.trials.objective))

    def coloured(self, colours: Colouring) -> Any:
        """The figure, in colours that other maps have too."""
        frame, shape = self.frame(), (len(self.y), len(self.x))
        z, texts = np.full(shape, np.nan, np.float32), np.full(shape, "", object)
        z[frame["y"], frame["x"]] = frame["median"]
        texts[frame["y"], frame["x"]] = [self._hover(row) for row in frame.itertuples()]
        cells = {
            "type": "heatmap",
            "z": z,
            "hovertext": texts.tolist(),
            "hovertemplate": "%{hovertext}<extra></extra>",
            "coloraxis": "coloraxis",
            "xgap": 1,
            "ygap": 1,
        }
        layout = {
            "coloraxis": colours.axis(),
            "meta": {"colorscales": colours.scales},
            "xaxis": _places(self.x, thinned=True),
            "yaxis": _places(self.y) | {"automargin": True},
            "margin": {"l": 20, "r": 8, "t": 8, "b": 48},
            "hovermode": "closest",
            "shapes": self._outline(),
        }
        return figure([cells | self._numbers(frame)], layout, 90 + min(340, max(120, 26 * len(self.y))))

    def alt(self) -> str:
        """The best and the worst cell."""
        frame, objective = self.frame(), self.trials.objective
        high, low = frame.loc[frame["median"].idxmax()], frame.loc[frame["median"].idxmin()]
        text = objective.text
        return (
            f"Median {objective.lower} by {self.x.name} and {self.y.name}: highest, {text(high['median'])}, "
            f"at {self._at(high)}; lowest, {text(low['median'])}, at {self._at(low)}."
        )

    def _at(self, cell: Any) -> str:
        return f"{self.x.name} {self.x.labels[int(cell.x)]}, {self.y.name} {self.y.labels[int(cell.y)]}"

    def _hover(self, row: Any) -> str:
        text = self.trials.objective.text
        return plain(f"{self._at(row)}") + (
            f"<br>median {text(row.median)}<br>best {text(row.best)}, worst {text(row.worst)}<br>of {row.trials:,}"
        )

    def _numbers(self, frame: pd.DataFrame) -> dict[str, Any]:
        if len(self.x) > 7 or len(self.y) > MOST_ROWS:
            return {}
        texts = np.full((len(self.y), len(self.x)), "", object)
        texts[frame["y"], frame["x"]] = [self.trials.objective.text(value) for value in frame["median"]]
        return {"text": texts.tolist(), "texttemplate": "%{text}", "textfont": {"size": 11}}

    def _outline(self) -> list[dict[str, Any]]:
        """A dark line within a light one: seen on every colour, in both themes."""
        at = self.trials.scores.index.get_loc(self.trials.best)
        x, y = int(self.x.codes[at]), int(self.y.codes[at])
        box = {"type": "rect", "x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5}
        return [box | {"line": {"color": color, "width": width}} for color, width in (("#ffffff", 4), ("#16191d", 1.5))]


@dataclass(frozen=True)
class Curve:
    """The scores of trials by the one parameter that was searched."""

    trials: Scored
    x: Levels

    def frame(self) -> pd.DataFrame:
        """A row per place: median, best and worst score, and how many trials."""
        return _spread(self.trials.scores, self.x.codes).rename_axis("x")

    def figure(self) -> Any:
        """Dots at the medians, bars from the worst to the best where a place has several trials."""
        frame, objective = self.frame(), self.trials.objective
        numbers = self.x.middles is not None
        at = self.x.middles if self.x.middles is not None else np.arange(len(self.x), dtype=float)
        up, down = frame["best"] - frame["median"], frame["median"] - frame["worst"]
        dots = {
            "type": "scatter",
            "mode": "lines+markers" if numbers else "markers",
            "x": at,
            "y": frame["median"].to_numpy(),
            "line": {"color": COLORS[0], "width": 1.4},
            "marker": {"color": COLORS[0], "size": 8 if len(frame) <= 40 else 5},
            "hovertext": [self._hover(row) for row in frame.itertuples()],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
        if (frame["trials"] > 1).any():
            dots["error_y"] = {"array": up.to_numpy(), "arrayminus": down.to_numpy(), "color": COLORS[0], "width": 0}
        best = self.x.codes[self.trials.scores.index.get_loc(self.trials.best)]
        ring = {
            "type": "scatter",
            "mode": "markers",
            "x": [float(at[best])],
            "y": [float(self.trials.scores.loc[self.trials.best])],
            "marker": {"symbol": "circle-open", "size": 16, "color": COLORS[1], "line": {"width": 3}},
            "hoverinfo": "skip",
        }
        named = {"title": {"text": plain(self.x.name), "standoff": 6}, "fixedrange": True}
        layout = {
            "xaxis": named | {"zeroline": False} if numbers else _places(self.x, thinned=True),
            "yaxis": score_axis(objective, float(frame["worst"].min()), float(frame["best"].max())),
            "margin": {"l": 62, "r": 12, "t": 16, "b": 50},
            "hovermode": "closest",
        }
        return figure([dots, ring], layout, 340)

    def alt(self) -> str:
        """Where the curve is highest and lowest."""
        medians, objective = self.frame()["median"], self.trials.objective
        high, low = int(medians.idxmax()), int(medians.idxmin())
        text = objective.text
        return (
            f"{objective.label} by {self.x.name}: highest, {text(medians[high])}, at {self.x.labels[high]}; "
            f"lowest, {text(medians[low])}, at {self.x.labels[low]}."
        )

    def _hover(self, row: Any) -> str:
        text = self.trials.objective.text
        spread = f"<br>best {text(row.best)}, worst {text(row.worst)}, of {row.trials:,}" if row.trials > 1 else ""
        return plain(f"{self.x.name} {self.x.labels[row.Index]}") + f"<br>{text(row.median)}{spread}"


def explained(scores: np.ndarray, groups: np.ndarray) -> float:
    """The share of the variance of `scores` that `groups` (integers) explain, adjusted for their number; at least 0.

    1 - (within / (n - groups)) / (total / (n - 1)): epsilon squared (Kelley, "An unbiased correlation ratio measure",
    1935). NaN where scores do not vary, or where groups have fewer than two scores on average: what is within them is
    then known too badly.
    """
    groups = np.unique(groups, return_inverse=True)[1]
    count = np.bincount(groups)
    means = np.bincount(groups, scores) / count
    within, total = float(((scores - means[groups]) ** 2).sum()), float(((scores - scores.mean()) ** 2).sum())
    if len(scores) < FEWEST_PER_GROUP * len(count) or not total > 0:
        return float("nan")
    return max(0.0, 1 - within / (len(scores) - len(count)) / (total / (len(scores) - 1)))


def pairs_of(trials: Scored, most: int = MOST_PAIRS) -> tuple[list[Pair], int]:
    """The pairs of varying parameters that explain most of the variance, the most first; and how many pairs there are.

    The parameter with more places lies along x.
    """
    axes = [_axis(trials.parameters[name]) for name in trials.varying]
    every = [Pair(trials, *sorted(two, key=len, reverse=True)) for two in combinations(axes, 2)]
    every.sort(key=lambda pair: -np.nan_to_num(pair.explained, nan=-1.0))
    return every[:most], len(every)


def _axis(values: pd.Series) -> Levels:
    """The places of a parameter: all its values, or, of many that are hardly tried twice, few bins.

    As few as that a cell of two such parameters has some trials.
    """
    tried_again = values.nunique() * FEWEST_PER_GROUP <= len(values)
    bins = max(FEWEST_BINS, int(np.sqrt(len(values) / TRIALS_PER_CELL)))
    return levels(values, MOST_LEVELS if tried_again or values.nunique() <= MOST_LEVELS else min(MOST_LEVELS, bins))


def curve_of(trials: Scored) -> Curve:
    """The curve of the one parameter that varies."""
    (name,) = trials.varying
    return Curve(trials, levels(trials.parameters[name], CURVE_LEVELS))


def colouring(pairs: Sequence[Pair], objective: Objective) -> Colouring:
    """Colours for the medians of all `pairs`; zero is the middle where it divides good from bad and lies among them."""
    medians = np.concatenate([pair.frame()["median"].to_numpy() for pair in pairs])
    low, high = float(medians.min()), float(medians.max())
    if not objective.signed or low >= 0:
        return Colouring(low, high, GOOD)
    if high <= 0:
        return Colouring(low, high, BAD)
    most = max(-low, high)
    return Colouring(-most, most, BOTH)


def _spread(scores: pd.Series, places: np.ndarray) -> pd.DataFrame:
    found = scores.groupby(places).agg(["median", "max", "min", "size"])
    return found.set_axis(["median", "best", "worst", "trials"], axis=1)


def _places(axis: Levels, thinned: bool = False) -> dict[str, Any]:
    """An axis of places; of many labels only every so many are written, so that they do not run together."""
    labels = [shortened(label) for label in axis.labels]
    letters = sum(len(label) + 2 for label in labels)
    every = -(-letters // ROOM) if thinned else -(-len(labels) // MOST_ROWS)
    at = list(range(0, len(labels), every))
    return {
        "title": {"text": plain(axis.name if thinned else shortened(axis.name)), "standoff": 6},
        "tickvals": at,
        "ticktext": [plain(labels[i]) for i in at],
        "tickangle": 0,
        "range": [-0.54, len(labels) - 0.46],
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
    }
