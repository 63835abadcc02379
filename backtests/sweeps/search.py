"""Which trials of a space to run, and in which order: all, a random sample, or where earlier scores were best.

A search is asked for parameter sets and told their scores, batch by batch:

    while batch := search.ask(1_000):
        search.tell([score(parameters) for parameters in batch])

`ask` gives fewer than n sets where fewer are left, and none at the end; `tell` takes a score for each set that was
asked for and not yet told of, in the same order. Higher is better; NaN is a trial that gave no score. The same seed,
batches and scores give the same trials, and no search gives a trial twice.
"""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from backtests.sweeps.grid import Parameters, Space
from data_cache.errors import BadUsage, UnknownName

# So often is the sampler asked for a trial that is new and allowed, before one is drawn at random.
ATTEMPTS = 2
# numpy draws whole numbers of 63 bits.
MOST = 2**63


class Search(Protocol):
    """What gives the next trials; `trials` says how many there will be in all."""

    trials: int

    def ask(self, n: int) -> list[Parameters]:
        """At most n parameter sets to run next; none where the search is over."""

    def tell(self, scores: Sequence[float]) -> None:
        """Take the scores of what was asked for and is not yet told."""


class Grid:
    """All of the space, in its order; the first `trials` of it where that is given."""

    def __init__(self, space: Space, trials: int | None = None) -> None:
        self.trials = _how_many(space, trials)
        self._space = space
        self._asked = 0

    def ask(self, n: int) -> list[Parameters]:
        """The next n of the space."""
        numbers = range(self._asked, min(self._asked + n, self.trials))
        self._asked += len(numbers)
        return [self._space.trial(self._number(row)) for row in numbers]

    def tell(self, scores: Sequence[float]) -> None:
        """Scores change nothing here."""

    def _number(self, row: int) -> int:
        return row


class Random(Grid):
    """A seeded sample of the space without repetition; all of it, shuffled, where `trials` is as large as the space.

    numpy draws the numbers of the trials: optuna's RandomSampler draws each parameter by itself, so on a grid it
    repeats trials and meets combinations that --where leaves out.
    """

    def __init__(self, space: Space, trials: int | None = None, seed: int = 7) -> None:
        super().__init__(space, trials)
        if space.size >= MOST:
            raise BadUsage(f"the space has {space.size:.1e} parameter sets, too many to draw from; take fewer values")
        self._numbers = np.random.default_rng(seed).choice(space.size, self.trials, replace=False)

    def _number(self, row: int) -> int:
        return int(self._numbers[row])


class TPE:
    """Trials where earlier ones scored best: optuna's tree-structured Parzen estimator, asked in batches.

    Bergstra and others (2011), "Algorithms for Hyper-Parameter Optimization", NeurIPS 24. Numbers are searched by their
    place among the axis' values, so that an axis 0.5,1,2,5 has four neighbours in a row; other values are categories.
    A suggestion that was made before, or that --where leaves out, makes way for the next one, and that for a random
    one. The time that a suggestion takes grows with the trials so far: a few milliseconds each at 500, so this is a
    search for slow trials or large spaces; where all of a space can be run, run all of it.
    """

    def __init__(self, space: Space, trials: int | None = None, seed: int = 7) -> None:
        self.trials = _how_many(space, trials)
        self._space = space
        self._study = _study(seed)
        self._places = {axis.name: _places(axis.values) for axis in space.axes}
        self._spare = Random(space, self.trials, seed)  # as many as are wanted, so one that is new is always among them
        self._seen: set[tuple[int, ...]] = set()
        self._pending: list[Any] = []

    def ask(self, n: int) -> list[Parameters]:
        """The next n suggestions, made in the knowledge of the scores told so far."""
        return [self._next() for _ in range(min(n, self.trials - len(self._seen)))]

    def tell(self, scores: Sequence[float]) -> None:
        """Let the sampler learn; ValueError where there are more or fewer scores than pending trials."""
        for trial, score in list(zip(self._pending, scores, strict=True)):
            self._learn(trial, score)
        self._pending = []

    def _next(self) -> Parameters:
        for _ in range(ATTEMPTS):
            trial = self._study.ask(self._places)
            found = self._parameters(trial)
            if self._place(trial) not in self._seen and self._space.allows(found):
                return self._take(trial)
            self._learn(trial, math.nan)
        self._study.enqueue_trial(self._unseen())
        return self._take(self._study.ask(self._places))

    def _take(self, trial: Any) -> Parameters:
        self._seen.add(self._place(trial))
        self._pending.append(trial)
        return self._parameters(trial)

    def _learn(self, trial: Any, score: float) -> None:
        """Tell the study; it passes over a trial without a score."""
        from optuna.trial import TrialState

        failed = math.isnan(score)
        self._study.tell(trial, None if failed else score, state=TrialState.FAIL if failed else TrialState.COMPLETE)

    def _place(self, trial: Any) -> tuple[int, ...]:
        return tuple(trial.params[axis.name] for axis in self._space.axes)

    def _parameters(self, trial: Any) -> Parameters:
        return {axis.name: axis.values[trial.params[axis.name]] for axis in self._space.axes}

    def _unseen(self) -> dict[str, int]:
        while True:
            drawn = self._spare.ask(1)[0]
            places = {axis.name: axis.values.index(drawn[axis.name]) for axis in self._space.axes}
            if tuple(places.values()) not in self._seen:
                return places


SEARCHES: dict[str, Any] = {"grid": Grid, "random": Random, "tpe": TPE}


def new_search(kind: str, space: Space, trials: int | None = None, seed: int = 7) -> Search:
    """The search of that kind: grid, random or tpe; `trials` None for as many as the space has.

    UnknownName for another kind, BadUsage where `trials` is less than one.
    """
    if kind not in SEARCHES:
        raise UnknownName.among("search", kind, SEARCHES)
    made: Search = Grid(space, trials) if kind == "grid" else SEARCHES[kind](space, trials, seed)
    return made


def _how_many(space: Space, trials: int | None) -> int:
    if trials is not None and trials < 1:
        raise BadUsage(f"--trials must be one or more; found {trials}")
    return space.size if trials is None else min(trials, space.size)


def _study(seed: int) -> Any:
    """A study that maximises and says nothing; optuna takes 0.3 s to import, so it is imported when it is needed."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=seed)
    return optuna.create_study(direction="maximize", sampler=sampler)


def _places(values: tuple[Any, ...]) -> Any:
    """What the sampler draws from: places of numbers are in order, those of other values are not."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if all(type(value) in (int, float) for value in values):
        return IntDistribution(0, len(values) - 1)
    return CategoricalDistribution(range(len(values)))
