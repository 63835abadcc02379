"""Sweeps that are made up: scores that follow from the parameters, returns drawn by the number of the trial."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from backtests.findings import Finding
from backtests.result import Result
from backtests.statistics.placebo import Placebo
from backtests.sweeps.grid import Axis, Space
from backtests.sweeps.judge import Judged
from backtests.sweeps.plan import Plan
from backtests.sweeps.swept import Sweep
from backtests.sweeps.trial_table import parameter_columns, text_of
from backtests.sweeps.trials import MEASURES
from backtests.sweeps.verdict import INTERVALS, Verdict
from data_cache.bars import Bars
from data_cache.market import Market
from data_cache.observations import Observations
from strategies import StealthQE
from strategies.strategy import Strategy

MIXES = ((("BTC", 0.7), ("ETH", 0.3)), (("BTC", 1.0),))
AXES = (Axis("window", (5, 10, 21)), Axis("trigger", (0.5, 1.0, 2.0, 5.0, 10.0)), Axis("mix", MIXES))


class Drawn:
    """Returns of trials, drawn when they are asked for, so that a hundred thousand need no memory."""

    def __init__(self, days: pd.DatetimeIndex, means: pd.Series) -> None:
        self.days, self.numbers = days, means.index.to_numpy()
        self._means = means

    def take(self, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        columns = [np.random.default_rng(int(n)).normal(self._means[n], 0.01, len(self.days)) for n in numbers]
        return np.array(columns, np.float32).T

    def blocks(self) -> Iterator[np.ndarray]:
        yield self.take(self.numbers)


class Given:
    """Returns written out by hand, a column per trial."""

    def __init__(self, days: pd.DatetimeIndex, numbers: Sequence[int], returns: np.ndarray) -> None:
        self.days, self.numbers, self._returns = days, np.array(numbers), returns

    def take(self, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        return self._returns[:, [self.numbers.tolist().index(n) for n in numbers]]

    def blocks(self) -> Iterator[np.ndarray]:
        yield self._returns


def market(days: int, origin: str = "made-up prices") -> Market:
    times = pd.date_range("2016-01-01", periods=days, tz="UTC").as_unit("ns")
    flat = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), 100.0) | {"volume": 1.0}, index=times)
    return Market(Observations({}), {asset: Bars(asset, "1d", flat) for asset in ("BTC", "ETH")}, origin)


def made(
    axes: Sequence[Axis] = AXES,
    days: int = 60,
    base: Strategy | None = None,
    origin: str = "made-up prices",
    scores: Sequence[float] | None = None,
    objective: str = "sharpe",
    problems: Sequence[int] = (),
    **others: Any,
) -> Sweep:
    """A sweep of all combinations of `axes`.

    scores : the objective of each trial; without them a hill at the middle of every axis, and some noise
    problems : numbers of trials without a result
    """
    space = Space(base or StealthQE(), tuple(axes))
    plan = Plan(space, market(days, origin), objective=objective)
    trials = list(space)
    hill = np.array(_hill(space) if scores is None else scores, float)
    hill[list(problems)] = np.nan
    columns = parameter_columns(plan.names)
    stored = {c: [_stored(trial[n]) for trial in trials] for c, n in zip(columns, plan.names, strict=True)}
    measures = {name: hill * 0 + place / 100 for place, name in enumerate(MEASURES)} | {"sharpe": hill, objective: hill}
    told = ["no value of srf" if number in problems else "" for number in range(len(trials))]
    table = pd.DataFrame({**stored, **measures, "problem": told}).rename_axis("trial")
    index = plan.days.days
    benchmark = pd.Series(np.random.default_rng(1).normal(0.0005, 0.02, len(index)), index, name="BuyAndHold()")
    ranked = table[objective].dropna().sort_values(ascending=False).index[:10].to_numpy()
    sweep = Sweep(
        plan=plan,
        table=table,
        returns=Drawn(index, table[objective].dropna() * 0.01 / np.sqrt(365)),
        benchmark=benchmark,
        verdict=made_verdict(table[objective], trials=max(len(table), 1_240)),
        judged=Judged(ranked[:5], np.array([1e-13, 2e-14, 3e-13, 4e-14, 5e-14])[: len(ranked)]),
        findings=[Finding("BEST_OF_MANY", "StealthQE", "the deflated Sharpe ratio is 0.41, below 0.95")],
        manifest={"strategy": repr(space.base), "engine": "kernel", "trials": 1_240},
        folder=Path("sweeps/made-up"),
        result=cast(Result, None),
        notices=[],
    )
    return replace(sweep, **others)


def made_verdict(scores: pd.Series, **others: Any) -> Verdict:
    rng = np.random.default_rng(2)
    known = scores.dropna()
    spread = float(known.std()) if len(known) > 1 else 0.1
    everything = rng.normal(float(known.median()) - spread, spread, 3_000)
    bests = rng.normal(float(known.max()), spread / 3, 199)
    intervals = pd.DataFrame(
        {"estimate": [1.1, 0.31, 0.42], "low": [0.2, -0.02, 0.25], "high": [1.9, 0.66, 0.61]},
        index=pd.Index(INTERVALS, name="metric"),
    )
    numbers = dict.fromkeys(("spa_lower", "spa", "spa_upper"), 0.21) | dict.fromkeys(("slope", "loss"), 0.3)
    given = {
        "best": int(known.idxmax()),
        "trials": len(scores),
        "effective": 9.0,
        "clustered_of": min(1_000, len(scores)),
        "sharpe": 1.1,
        "probabilistic": 0.98,
        "deflated": 0.41,
        "deflated_effective": 0.8,
        "minimum_years": 5.2,
        "overfitting": 0.38,
        "blocks": 16,
        "better": 0.0,
        "block": 7,
        "reps": 1_000,
        "intervals": intervals,
        "placebo": Placebo(float(known.max()), np.arange(30, 229), bests, everything),
        "placebo_trials": min(500, len(scores)),
        "skipped": {},
    }
    return Verdict(**(given | numbers | others))  # type: ignore[arg-type]


def _stored(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float)) else text_of(value)


def _hill(space: Space) -> np.ndarray:
    shape = [len(axis.values) for axis in space.axes]
    places = np.indices(shape).reshape(len(shape), -1).T
    middles = (np.array(shape) - 1) / 2
    distance = (((places - middles) / np.maximum(middles, 1)) ** 2 * np.linspace(1.2, 0.3, len(shape))).sum(axis=1)
    return np.asarray(1.1 - distance + np.random.default_rng(4).normal(0, 0.08, len(distance)))
