"""What runs trials, in whatever process: all at once through the kernel, or each through the event engine.

The fast path asks a rule exactly what the vector path of `ebbtide run` asks it, by the same functions; it only
remembers what signals have answered. A rule that looks at its own book can't be laid out before it is simulated: each
of its trials walks through the events by itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np

from backtests.ledger import SCORES
from backtests.sweeps.grid import Parameters, make_trial, told
from backtests.sweeps.kernel import Kernel
from backtests.sweeps.orders import Orders, pack
from backtests.sweeps.stage import Events, Laid, Stage, Window, remembering
from backtests.sweeps.trials import MEASURES, Chunk, Runner, Task, World
from data_cache.errors import BadUsage, EbbtideError, NoData
from strategies.strategy import Strategy, path_dependent

T = TypeVar("T")

# Equity curves are made so many bytes at a time.
CURVES = 32_000_000
# A walk comes to each of its windows once; what was remembered of older ones makes way.
WINDOWS = 2
# The orders of a trial that can't be run.
_NOTHING = np.empty(0, np.int64)


def runner_of(world: World) -> Runner:
    """What runs the trials of `world`: the fast path, or event engines for a rule that looks at its own book."""
    return EventPath(world) if path_dependent(world.base) else FastPath(world)


class FastPath:
    """Signals once for each set of their parameters, all decisions laid out before any is simulated, the kernel."""

    def __init__(self, world: World) -> None:
        self._world = world
        evaluated = remembering(world)
        self._stage = lru_cache(maxsize=WINDOWS)(lambda window: Stage(world, window, evaluated))

    def run(self, task: Task) -> Chunk:
        """Run every trial of `task`; one that can't be run has a problem instead of measures."""
        stage = self._stage(task.window)
        strategies = [self.strategy(trial) for trial in task.trials]
        laid = [_attempt(stage.lay_out, *pair) for pair in zip(strategies, task.trials, strict=True)]
        parts = [self._traced(stage, laid[part]) for part in _parts(len(laid), CURVES // (8 * stage.bars))]
        measures = {name: np.concatenate([measured[name] for measured, _ in parts]) for name in MEASURES}
        returns = np.concatenate([returns for _, returns in parts], axis=1)
        return _chunk(stage, strategies, measures, returns, [lay if isinstance(lay, str) else "" for lay in laid])

    def orders(self, trials: Sequence[Parameters], window: Window | None = None) -> Orders:
        """The orders of these trials; none for one that can't be run."""
        stage = self._stage(window)
        laid = [_attempt(stage.lay_out, self.strategy(trial), trial) for trial in trials]
        return _packed(stage, laid)

    def strategy(self, trial: Parameters) -> Strategy:
        """The strategy with these parameters."""
        return make_trial(self._world.base, trial)

    def kernel(self, window: Window | None = None) -> Kernel:
        """The kernel on the tape of a window."""
        return self._stage(window).kernel

    def _traced(self, stage: Stage, laid: Sequence[Laid | str]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """MEASURES, and excess returns of days, shape (n_days, n_trials)."""
        outcomes, equity = stage.kernel.trace(_packed(stage, laid))
        decisions = np.array([0 if isinstance(lay, str) else lay.decisions for lay in laid], float)
        own = {"decisions": decisions, "final_equity": outcomes.sums["equity"]}
        return outcomes.metrics | outcomes.moments | own, stage.excess(equity)


class EventPath:
    """Each trial through the event engine, one after the other."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._events = lru_cache(maxsize=WINDOWS)(lambda window: Events(world, window))

    def run(self, task: Task) -> Chunk:
        """Run every trial of `task`; one that can't be run has a problem instead of measures."""
        events = self._events(task.window)
        strategies = [make_trial(self._world.base, trial) for trial in task.trials]
        found = [_attempt(events.measure, *pair) for pair in zip(strategies, task.trials, strict=True)]
        nothing = dict.fromkeys(MEASURES, np.nan), np.zeros(events.n_days, np.float32)
        measured = [nothing if isinstance(one, str) else one for one in found]
        measures = {name: np.array([one[name] for one, _ in measured]) for name in MEASURES}
        returns = np.stack([returns for _, returns in measured], axis=1)
        return _chunk(events, strategies, measures, returns, [one if isinstance(one, str) else "" for one in found])


def _attempt(run: Callable[[Strategy], T], strategy: Strategy, trial: Parameters) -> T | str:
    """What `run` gives; a sentence where data and parameters leave nothing to run. Other errors name the trial."""
    try:
        return run(strategy)
    except (NoData, BadUsage) as error:
        return str(error)
    except EbbtideError as error:
        raise type(error)(f"{error} (trial {told(trial)})") from error


def _chunk(
    stage: Stage | Events,
    strategies: Sequence[Strategy],
    measures: Mapping[str, np.ndarray],
    returns: np.ndarray,
    problems: list[str],
) -> Chunk:
    failed = np.array([bool(problem) for problem in problems])
    known = {name: np.where(failed, np.nan, measures[name]) for name in MEASURES}
    returns[:, failed] = 0.0
    records = stage.records(strategies, {name: known[name] for name in SCORES})
    return Chunk(known, returns, problems, records)


def _packed(stage: Stage, laid: Sequence[Laid | str]) -> Orders:
    empty = _NOTHING, np.empty((0, stage.columns))
    return pack([empty if isinstance(lay, str) else (lay.rows, lay.sizes) for lay in laid], stage.columns)


def _parts(count: int, at_once: int) -> Iterator[slice]:
    width = max(1, at_once)
    return (slice(first, first + width) for first in range(0, count, width))
