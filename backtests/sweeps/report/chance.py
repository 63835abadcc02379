"""What luck would have given: all trials beside their placebos; and what the best tenth of them would have earned."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from backtests.metrics import DAY
from backtests.statistics.placebo import Placebo
from backtests.sweeps.report.scored import Scored, score_axis
from backtests.sweeps.report.words import counted
from backtests.tearsheet.figures import COLORS, NEUTRAL, dated, dollars, every_day, faded, figure, trace

if TYPE_CHECKING:
    from backtests.sweeps.swept import Sweep

FEWEST_BINS, MOST_BINS = 16, 50
CONFIDENCE = 0.95
MOST_CURVES = 500
BANDS = {"low": 5, "lower": 25, "median": 50, "upper": 75, "high": 95}
BEST, MEDIAN = COLORS[1], COLORS[0]


@dataclass(frozen=True)
class Luck:
    """How often trials score what, and how often they do with their orders at the wrong time."""

    trials: Scored
    placebo: Placebo | None

    @property
    def beaten_by_luck(self) -> float:
        """What the best of all trials scores at the wrong time in one of twenty rotations, or more; NaN for none."""
        if self.placebo is None or np.isnan(self.placebo.scores).all():
            return float("nan")
        return float(np.nanquantile(self.placebo.scores, CONFIDENCE))

    def frame(self) -> pd.DataFrame:
        """A row per bin: its ends, left and right (scores), and what share of each sample lies in it, as fractions.

        trials      placebos : the same at the wrong time      bests : the best of each rotation; NaN without a placebo
        """
        samples = {
            "trials": self.trials.scores.to_numpy(float),
            "placebos": self._everything,
            "bests": _known(self.placebo.scores) if self.placebo else np.empty(0),
        }
        bins = min(MOST_BINS, max(FEWEST_BINS, int(3 * np.sqrt(len(self.trials)))))
        edges = np.histogram_bin_edges(np.concatenate(list(samples.values())), bins)
        shares = {name: _share(sample, edges) for name, sample in samples.items()}
        return pd.DataFrame({"left": edges[:-1], "right": edges[1:], **shares})

    def figure(self) -> Any:
        """Bars of trials over bars of placebos, steps of the best placebos, and lines at the best and at 95 %."""
        frame = self.frame()
        height = float(np.nanmax(frame[["trials", "placebos", "bests"]].to_numpy())) * 1.06
        traces = [_bars(frame, "placebos", faded(NEUTRAL, 0.5)), _bars(frame, "trials", faded(MEDIAN, 0.6))]
        traces += [_steps(frame), self._line(self.beaten_by_luck, height, COLORS[4], "dash")]
        traces += [self._line(float(self.trials.scores.max()), height, BEST, "solid")]
        low, high = float(frame["left"].iloc[0]), float(frame["right"].iloc[-1])
        layout = {
            "barmode": "overlay",
            "hovermode": "closest",
            "xaxis": score_axis(self.trials.objective, low, high) | {"title": {"text": self.trials.objective.label}},
            "yaxis": {"tickformat": "~%", "fixedrange": True, "range": [0, height], "nticks": 6},
            "margin": {"l": 50, "r": 8, "t": 10, "b": 48},
        }
        return figure(traces, layout, 340)

    def alt(self) -> str:
        """The middle of the trials and of the placebos, and the best of both."""
        text, scores = self.trials.objective.text, self.trials.scores
        told = f"{self.trials.objective.label} of {counted(len(scores))}: median {text(float(scores.median()))}"
        told += f", best {text(float(scores.max()))}"
        if self.placebo is None or not len(self._everything):
            return f"{told}; there is no placebo beside them."
        middle = text(float(np.median(self._everything)))
        return (
            f"{told}. At the wrong time: median {middle}; the best of a rotation is below "
            f"{text(self.beaten_by_luck)} in 95 % of them."
        )

    @cached_property
    def _everything(self) -> np.ndarray:
        return _known(self.placebo.everything) if self.placebo else np.empty(0)

    def _line(self, at: float, height: float, color: str, dash: str) -> dict[str, Any]:
        return {
            "type": "scatter",
            "mode": "lines",
            "x": [at, at] if np.isfinite(at) else [],
            "y": [0, height] if np.isfinite(at) else [],
            "line": {"color": color, "width": 2.4, "dash": dash},
            "hovertemplate": f"{self.trials.objective.text(at)}<extra></extra>",
        }


@dataclass(frozen=True)
class Fan:
    """Growth of a dollar, over what cash earned, in the best tenth of the trials."""

    sweep: "Sweep"
    trials: Scored

    @cached_property
    def members(self) -> np.ndarray:
        """Numbers of the trials in the fan: the best tenth, at most 500 evenly taken from its ranking, at least one."""
        best = self.trials.scores.sort_values(ascending=False, kind="stable").index[: max(1, self.decile)]
        places = np.unique(np.linspace(0, len(best) - 1, min(MOST_CURVES, len(best))).round().astype(int))
        return np.asarray(best[places])

    @property
    def decile(self) -> int:
        """How many trials the best tenth has."""
        return -(-len(self.trials) // 10)

    def frame(self) -> pd.DataFrame:
        """A row per UTC day, from the day before the first on, which is 1.

        Columns low, lower, median, upper, high: 5, 25, 50, 75 and 95 % of the members; and best and benchmark. Excess
        returns are compounded. A day without bars leaves all as it was.
        """
        return self._frame

    @cached_property
    def _frame(self) -> pd.DataFrame:
        growth = _growth(self.sweep.returns.take(self.members))
        bands = np.percentile(growth, list(BANDS.values()), axis=1)
        days = self.sweep.returns.days
        frame = pd.DataFrame(dict(zip(BANDS, bands, strict=True)), index=days.insert(0, days[0] - DAY))
        frame["best"] = _growth(self.sweep.returns.take([self.trials.best]))[:, 0]
        frame["benchmark"] = _growth(self.sweep.benchmark.to_numpy(float)[:, None])[:, 0]
        return every_day(frame).ffill()

    def figure(self) -> Any:
        """Bands and lines on a logarithmic scale."""
        frame = self._frame
        wide = [self._edge("low"), self._edge("high") | _filled(0.2)]
        narrow = [self._edge("lower"), self._edge("upper") | _filled(0.34)]
        lines = [
            trace(frame["median"], "median", MEDIAN, hover="%{y:.2f}"),
            trace(frame["benchmark"], "benchmark", NEUTRAL, width=1.4, hover="%{y:.2f}"),
            trace(frame["best"], "best trial", BEST, width=1.8, hover="%{y:.2f}"),
        ]
        return dated(frame, [*wide, *narrow, *lines], {"yaxis": dollars(frame)}, 380)

    def alt(self) -> str:
        """Where everything ends."""
        end = self._frame.iloc[-1]
        return (
            f"Growth of one dollar in excess of cash until {self._frame.index[-1]:%-d %B %Y}: best trial "
            f"{end['best']:.2f}, median of the best tenth {end['median']:.2f} (5 to 95 %: {end['low']:.2f} to "
            f"{end['high']:.2f}), benchmark {end['benchmark']:.2f}."
        )

    def _edge(self, name: str) -> dict[str, Any]:
        line = trace(self._frame[name], f"{BANDS[name]} %", MEDIAN, hover="%{y:.2f}")
        return line | {"line": {"color": MEDIAN, "width": 0}}


def _growth(returns: np.ndarray) -> np.ndarray:
    """The worth of a dollar before the first day and after each, shape (n_days + 1, n_trials)."""
    start = np.ones((1, returns.shape[1]))
    return np.cumprod(np.concatenate([start, 1 + returns.astype(float)]), axis=0)


def _filled(opacity: float) -> dict[str, Any]:
    return {"fill": "tonexty", "fillcolor": faded(MEDIAN, opacity)}


def _known(scores: np.ndarray) -> np.ndarray:
    return np.asarray(scores[np.isfinite(scores)], float)


def _share(sample: np.ndarray, edges: np.ndarray) -> np.ndarray:
    counts = np.histogram(sample, edges)[0]
    return counts / len(sample) if len(sample) else np.full(len(edges) - 1, np.nan)


def _bars(frame: pd.DataFrame, name: str, color: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "x": ((frame["left"] + frame["right"]) / 2).to_numpy(np.float32),
        "y": frame[name].to_numpy(np.float32),
        "width": float(frame["right"].iloc[0] - frame["left"].iloc[0]),
        "marker": {"color": color, "line": {"width": 0}},
        "hovertemplate": "%{y:.1%} of them<extra></extra>",
    }


def _steps(frame: pd.DataFrame) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": np.append(frame["left"], frame["right"].iloc[-1]).astype(np.float32),
        "y": np.append(frame["bests"], 0.0).astype(np.float32),
        "line": {"color": COLORS[4], "width": 2, "shape": "hv"},
        "hovertemplate": "%{y:.1%} of the rotations<extra></extra>",
    }
