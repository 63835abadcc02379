"""The trials of a sweep that have a score, and how scores and parameters read and lie along an axis."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from backtests.metrics import METRICS, Metric
from backtests.sweeps.plan import OBJECTIVES

if TYPE_CHECKING:
    from backtests.sweeps.swept import Sweep

# Parameters with more values than this are put into bins of neighbouring values.
MOST_LEVELS = 40
# What is written with a capital wherever it stands.
NAMES = ("Sharpe", "Sortino", "Calmar", "CAGR")
# Letters of a label on a chart.
LONGEST = 17


@dataclass(frozen=True)
class Objective:
    """What trials were ranked by. A score is the measure times `sign`, so that a higher score is better.

    name : of a metric      sign : 1, or -1 where less of the measure is better
    """

    name: str
    sign: int

    @property
    def metric(self) -> Metric:
        """The row of METRICS."""
        return next(metric for metric in METRICS if metric.name == self.name)

    @property
    def label(self) -> str:
        """Its name, for people."""
        return self.metric.label

    @property
    def lower(self) -> str:
        """The label within a sentence: names of people and abbreviations stay as they are."""
        return lowered(self.label)

    @property
    def signed(self) -> bool:
        """Whether zero divides good from bad; a drawdown or a volatility has no such middle."""
        return self.sign > 0

    def text(self, score: float) -> str:
        """The measure behind a score, as reports print it."""
        return self.metric.text(self.sign * score).replace("-", "−")

    def shown(self, scores: np.ndarray) -> np.ndarray:
        """The measure behind scores as numbers that `d3` formats: losses are negative."""
        return scores if self.metric.format.startswith("-") else self.sign * scores

    @property
    def d3(self) -> str:
        """The metric's format as plotly writes it."""
        return self.metric.format.removeprefix("-")


@dataclass(frozen=True)
class Scored:
    """The trials that have a score.

    parameters : a row per trial, a column per swept parameter      scores : of the same trials, higher is better
    best : number of the best trial
    """

    parameters: pd.DataFrame
    scores: pd.Series
    objective: Objective
    best: int

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def varying(self) -> list[str]:
        """The parameters that take more than one value among these trials."""
        return [str(name) for name in self.parameters if self.parameters[name].nunique() > 1]


@dataclass(frozen=True)
class Levels:
    """One parameter as places along an axis, ascending: its values, or bins of neighbouring values.

    labels : of the places      codes : the place of each trial, int64, shape (n_trials,)
    middles : where the places lie, for numbers; None for text and booleans
    """

    name: str
    labels: tuple[str, ...]
    codes: np.ndarray
    middles: np.ndarray | None

    def __len__(self) -> int:
        return len(self.labels)


def scored(sweep: "Sweep") -> Scored:
    """The trials of `sweep` that have a score."""
    scores = sweep.scores.dropna()
    parameters = sweep.table.loc[scores.index, sweep.columns].set_axis(sweep.names, axis=1)
    objective = Objective(sweep.plan.objective, OBJECTIVES[sweep.plan.objective])
    return Scored(parameters, scores, objective, sweep.best)


def levels(values: pd.Series, most: int = MOST_LEVELS) -> Levels:
    """The places of a parameter; more than `most` numbers are put into `most` bins, of about as many values each.

    Bins hold neighbours in the order of the values, so values that lie closer at one end have finer bins there.
    """
    name = str(values.name)
    if not _is_number(values):
        codes, texts = pd.factorize(values.astype(str), sort=True)
        return Levels(name, tuple(map(str, texts)), codes.astype(np.int64), None)
    distinct, codes = np.unique(values.to_numpy(), return_inverse=True)
    parts = np.array_split(distinct, min(most, len(distinct)))
    place = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    middles = np.array([float(part.mean()) for part in parts])
    return Levels(name, tuple(_labels(parts)), place[codes], middles)


def round_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers between `low` and `high`, at most `most`: steps of 1, 2 or 5 times a power of ten.

    >>> round_ticks(-0.3, 1.2)
    [0.0, 0.5, 1.0]
    >>> round_ticks(3, 47)
    [10.0, 20.0, 30.0, 40.0]
    """
    if not high > low:
        return [low]
    power = 10.0 ** np.floor(np.log10((high - low) / most))
    for step in (power * factor for factor in (1, 2, 5, 10)):
        # A part in a billion beside: 1 / 0.2 may come out below 5.
        first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
        if last - first < most:
            break
    return [float(round(number * step, 12)) for number in range(first, last + 1)]


def score_axis(objective: Objective, low: float, high: float, most: int = 6) -> dict[str, Any]:
    """An axis of scores, written as the measure behind them."""
    ticks = round_ticks(low, high, most)
    texts = [objective.text(tick) for tick in ticks]
    return {"tickvals": ticks, "ticktext": texts, "tickangle": 0, "fixedrange": True, "zeroline": objective.signed}


def lowered(label: str) -> str:
    """A label as it stands within a sentence.

    >>> lowered("Maximum drawdown"), lowered("Sharpe ratio")
    ('maximum drawdown', 'Sharpe ratio')
    """
    return label if label.startswith(NAMES) else label[:1].lower() + label[1:]


def shortened(label: str) -> str:
    """A label that leaves room for others; all of it is in the hover."""
    return label if len(label) <= LONGEST else label[: LONGEST - 1] + "…"


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _labels(parts: list[np.ndarray]) -> list[str]:
    return [_number(part[0]) if len(part) == 1 else f"{_number(part[0])} to {_number(part[-1])}" for part in parts]


def _number(value: float) -> str:
    return str(value) if isinstance(value, (int, np.integer)) else f"{value:.4g}"
