"""What a sweep is: which trials, on what, under which conditions. Nothing of how and where it runs."""

import platform
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from backtests.decisions import traded_assets
from backtests.execution import Execution
from backtests.findings import QUICK_CUTS
from backtests.manifest import LIBRARIES, inputs
from backtests.proofs import prove
from backtests.source_code import Sources, code, ebbtide_code, sources
from backtests.sweeps.grid import Space
from backtests.sweeps.search import TPE, Search, new_search
from backtests.sweeps.trial_table import parameter_columns
from backtests.sweeps.trials import Days, World, ruined
from backtests.tape import Tape, build_tape
from data_cache.errors import EbbtideError, NoData, UnknownName
from data_cache.market import Market
from data_cache.version import __version__
from strategies.benchmarks import BuyAndHold
from strategies.strategy import Strategy, path_dependent

# Measures that a search may look for: 1 where higher is better, -1 where lower is.
OBJECTIVES = {
    "sharpe": 1,
    "sortino": 1,
    "calmar": 1,
    "cagr": 1,
    "total_return": 1,
    "max_drawdown": -1,
    "volatility": -1,
}
# What a search that learns is told of a ruined trial: less than any objective can be, and finite.
WORST = -1e9
# Of a parameter with more values, so many are asked which assets they trade and which series they read.
ASKED = 200
# So many parameter sets are tried on before any of them is run, in a fraction of a second.
LOOKED_THROUGH = 20_000


@dataclass(frozen=True)
class Plan:
    """A strategy's parameters to search, a market, conditions, a window, a search.

    start, end : UTC; as for a Backtest      trials : of a random or TPE search; None for all of the space
    objective : what is best, by a name of OBJECTIVES      seed : of the search and of the statistics
    benchmark : what the trials have to beat; None for buying and holding the base's mix
    """

    space: Space
    market: Market
    execution: Execution = Execution()
    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None
    search: str = "grid"
    trials: int | None = None
    objective: str = "sharpe"
    seed: int = 7
    benchmark: Strategy | None = None

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise UnknownName.among("objective", self.objective, OBJECTIVES)

    @property
    def family(self) -> str:
        """What the ledger counts the trials as: the name of the strategy's class, or of those inside a combinator."""
        return self.space.base.family

    @property
    def names(self) -> list[str]:
        """The names of the parameters that are searched."""
        return [axis.name for axis in self.space.axes]

    @property
    def columns(self) -> list[str]:
        """Their columns in a table: a name that is a measure's too, such as exposure, has "parameter." before it."""
        return parameter_columns(self.names)

    @cached_property
    def tape(self) -> Tape:
        """The bars of all assets that any trial trades; the same for every trial, so that they can be compared."""
        assets = dict.fromkeys(asset for one in self._variants for asset in traded_assets(one, self.market))
        return build_tape(self.market, list(assets), self.start, self.end, self.execution.cash, self.execution.perps)

    @cached_property
    def days(self) -> Days:
        """The UTC days of the tape."""
        return Days(self.tape)

    @cached_property
    def world(self) -> World:
        """What goes to the workers."""
        return World(self.space.base, self.market, self.tape, self.execution, self._sources)

    @cached_property
    def yardstick(self) -> Strategy:
        """The benchmark."""
        assets = self.tape.assets
        shares = tuple((asset, 1 / len(assets)) for asset in assets)
        return self.benchmark or BuyAndHold(mix=getattr(self.space.base, "mix", shares))

    def refuse_look_ahead(self) -> None:
        """Raise LookAhead where a quick causality proof finds the base out; what it can't be put on is told later."""
        if not path_dependent(self.space.base):  # the event engine shows a rule nothing but its past
            with suppress(NoData):
                prove(self.space.base, self.market, QUICK_CUTS, perps=self.execution.perps).require()

    def refuse_impossible(self) -> None:
        """Raise what the strategy raises for the first parameter set that it can't be made of, before any is run."""
        for number in range(min(self.space.size, LOOKED_THROUGH)):
            self.space.strategy(self.space.trial(number))

    def new_search(self) -> Search:
        """A search from its beginning."""
        return new_search(self.search, self.space, self.trials, self.seed)

    def scores(self, measures: Mapping[str, np.ndarray]) -> np.ndarray:
        """The objective of each trial so that higher is better; NaN where it has none, never traded or was ruined.

        A trial that never trades has the least drawdown of all, and is the answer to no question. Nor is one that lost
        everything, however well or quietly it did so.
        """
        stands = (np.asarray(measures["fills"], float) > 0) & ~ruined(measures)
        return np.where(stands, OBJECTIVES[self.objective] * np.asarray(measures[self.objective], float), np.nan)

    def lessons(self, measures: Mapping[str, np.ndarray]) -> np.ndarray:
        """What a search that learns is told: the scores, and WORST of what was ruined, so that it keeps away."""
        return np.where(ruined(measures), WORST, self.scores(measures))

    def about(self) -> dict[str, Any]:
        """All that decides what the trials give: two sweeps of which this is equal give the same table."""
        start, end = self.tape.opens.index[0], self.tape.known_at[-1]
        adaptive = issubclass(type(self.new_search()), TPE)
        needs = {need for one in self._variants for need in inputs(one, self.tape, self.execution)}
        own = {name: sha for one in self._variants for name, sha in code(one, self._sources).items()}
        return {
            "strategy": repr(self.space.base),
            "space": {axis.name: [repr(value) for value in axis.values] for axis in self.space.axes},
            "where": [constraint.text for constraint in self.space.where],
            "search": self.search,
            "trials": self.new_search().trials,
            "seed": None if self.search == "grid" else self.seed,
            "objective": self.objective if adaptive else None,
            "data": self.market.hashes(needs, end),
            "window": [str(start), str(end)],
            "timeframe": self.tape.timeframe,
            "assets": self.tape.assets,
            "execution": repr(self.execution),
            "code": own | {"ebbtide": ebbtide_code()},
            "versions": {
                "ebbtide": __version__,
                "python": platform.python_version(),
                **{name: version(name) for name in (*LIBRARIES, "numba", *(["optuna"] if adaptive else []))},
            },
        }

    @cached_property
    def _sources(self) -> Sources:
        return sources(self._variants)

    @cached_property
    def _variants(self) -> list[Strategy]:
        """The base, and the strategies that differ from it in one parameter: what they name, any trial names."""
        return [self.space.base, *self._neighbours()]

    def _neighbours(self) -> Iterator[Strategy]:
        for axis in self.space.axes:
            places = np.unique(np.linspace(0, len(axis.values) - 1, ASKED).astype(int))
            for place in places:
                try:
                    yield self.space.strategy({axis.name: axis.values[place]})
                except EbbtideError:  # a combination that is left out, or told when its trial comes
                    continue
