"""vectorbt judges: the best trials of a sweep and a random sample are run again without anything that makes it fast.

The judge finds each trial's decisions anew, from signals that nobody has remembered, lays them before
`vectorbt.Portfolio.from_orders`, and compares vectorbt's own equity, bar by bar, with that of the sweep; and the last
of it with what the sweep's table says, which another process or an earlier one may have written.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtests.decisions import decide, rebalance_days, traded_assets
from backtests.result import Result
from backtests.simulate import portfolio_fills, simulate
from backtests.sweeps.grid import Parameters, told
from backtests.sweeps.runner import FastPath
from backtests.sweeps.stage import Events
from backtests.sweeps.trials import Watching, World, unwatched
from backtests.tape import Tape
from data_cache.errors import CheckFailed
from strategies.strategy import Strategy, path_dependent

BEST, SAMPLED = 10, 20
SAME = 1e-9


@dataclass(frozen=True)
class Judged:
    """Trials that vectorbt ran again, and the largest relative difference of the equity of each; shape (n_judged,)."""

    numbers: np.ndarray
    differences: np.ndarray

    @property
    def largest(self) -> float:
        """The largest difference of all; 0 where there was nothing to judge."""
        return float(self.differences.max(initial=0.0))


def finalists(scores: pd.Series, seed: int) -> np.ndarray:
    """The numbers of the ten best and of a seeded sample of twenty others, as far as there are; the best comes first.

    scores : by number of the trial, higher is better; one without a score is not run again
    """
    ranked = scores.dropna().sort_values(ascending=False, kind="stable").index.to_numpy()
    best, rest = ranked[:BEST], np.sort(ranked[BEST:])
    sample = np.random.default_rng(seed).choice(rest, min(SAMPLED, len(rest)), replace=False)
    return np.concatenate([best, np.sort(sample)])


def judge(
    world: World,
    trials: Mapping[int, Parameters],
    final_equity: Mapping[int, float],
    watch: Watching = unwatched,
) -> Judged:
    """Run `trials`, by number, again through vectorbt. CheckFailed, naming the trial, for a difference above 1e-9.

    final_equity : of each, $, as the sweep's table has it
    """
    equity = _walked_equity if path_dependent(world.base) else _laid_equity
    runner = FastPath(world)
    differences = []
    for number, trial in trials.items():
        ours, theirs = equity(runner, world, trial)
        difference = _largest(np.append(ours, final_equity[number]), np.append(theirs, theirs[-1]))
        if not difference <= SAME:
            raise CheckFailed(
                f"vectorbt disagrees with the sweep: the equity of trial {number} ({told(trial)}) differs by "
                f"{difference:.2e} > {SAME:g}; believe nothing of this sweep, and please report it"
            )
        differences.append(difference)
        watch(len(differences), len(trials))
    return Judged(np.array(list(trials), np.int64), np.array(differences, float))


def again(world: World, strategy: Strategy) -> Result:
    """One trial as `ebbtide run` runs it, on the bars of the sweep; its manifest is empty."""
    if path_dependent(strategy):
        return Events(world, None).result(strategy)
    decisions, tape = _decided(world, strategy)
    fills = portfolio_fills(simulate(decisions, tape, world.execution), tape)
    return Result(strategy, world.execution, world.market, tape, decisions, fills, manifest={})


def _decided(world: World, strategy: Strategy) -> tuple[pd.DataFrame, Tape]:
    market, execution = world.market, world.execution
    tape = world.tape.only(traded_assets(strategy, market))
    return decide(strategy, market, tape, execution.band, rebalance_days(strategy, execution)), tape


def _laid_equity(runner: FastPath, world: World, trial: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Equity at bar ends of a trial on the fast path: by the kernel, and by vectorbt on decisions found anew."""
    portfolio = simulate(*_decided(world, runner.strategy(trial)), world.execution)
    return runner.kernel().equity(runner.orders([trial]))[0], portfolio.value().to_numpy()


def _walked_equity(runner: FastPath, world: World, trial: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Equity at bar ends of a trial of the event engine: by its own book, and by vectorbt on the same decisions."""
    result = again(world, runner.strategy(trial))
    return result.equity.to_numpy()[1:], result.portfolio.value().to_numpy()


def _largest(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours / theirs - 1).max())
