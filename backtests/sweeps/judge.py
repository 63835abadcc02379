"""vectorbt judges: the best trials of a sweep and a random sample are run again without anything that makes it fast.

The judge finds each trial's decisions anew, from signals that nobody has remembered, lays them before
`vectorbt.Portfolio.from_orders`, and compares vectorbt's own equity, bar by bar, with that of the sweep; and the last
of it with what the sweep's table says, which another process or an earlier one may have written.

vectorbt knows no margin, so with perpetuals the event engine's account judges, which fills by vectorbt's execution of
orders; and where that account has run the trials, because the rule looks at it, the margin kernel judges it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtests.backtest import entries
from backtests.decisions import decide, rebalance_days, traded_assets
from backtests.entries import Entries
from backtests.execution import Execution
from backtests.perpetuals.account import MarginAccount
from backtests.result import Result, equity_difference
from backtests.simulate import order_sizes, simulate
from backtests.sweeps.grid import Parameters, told
from backtests.sweeps.runner import FastPath
from backtests.sweeps.stage import Events
from backtests.sweeps.trials import Watching, World, unwatched
from backtests.tape import Tape
from data_cache.errors import CheckFailed
from strategies.strategy import Strategy, path_dependent

BEST, SAMPLED = 10, 20
SAME = 1e-9
VECTORBT, ACCOUNT, MARGIN_KERNEL = "vectorbt", "the event engine's account", "the margin kernel"


@dataclass(frozen=True)
class Judged:
    """Trials that were run again, and the largest relative difference of the equity of each; shape (n_judged,).

    by : who ran them again
    """

    numbers: np.ndarray
    differences: np.ndarray
    by: str = VECTORBT

    @property
    def subject(self) -> str:
        """Who ran them again, at the beginning of a sentence."""
        return self.by if self.by == VECTORBT else self.by.capitalize()

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
    """Run `trials`, by number, again by another road. CheckFailed, naming the trial, for a difference above 1e-9.

    final_equity : of each, $, as the sweep's table has it
    """
    by = judge_of(world)
    equity = _walked_equity if path_dependent(world.base) else _laid_equity
    runner = FastPath(world)
    differences = []
    for number, trial in trials.items():
        ours, theirs = equity(runner, world, trial)
        difference = equity_difference(np.append(ours, final_equity[number]), np.append(theirs, theirs[-1]))
        if not difference <= SAME:
            raise CheckFailed(
                f"{by} disagrees with the sweep: the equity of trial {number} ({told(trial)}) differs by "
                f"{difference:.2e} > {SAME:g}; believe nothing of this sweep, and please report it"
            )
        differences.append(difference)
        watch(len(differences), len(trials))
    return Judged(np.array(list(trials), np.int64), np.array(differences, float), by)


def judge_of(world: World) -> str:
    """Who judges the trials of `world`."""
    if not world.execution.perps:
        return VECTORBT
    return MARGIN_KERNEL if path_dependent(world.base) else ACCOUNT


def again(world: World, strategy: Strategy) -> Result:
    """One trial as `ebbtide run` runs it, on the bars of the sweep; its manifest is empty."""
    if path_dependent(strategy):
        return Events(world, None).result(strategy)
    decisions, tape = _decided(world, strategy)
    return _result(world, strategy, decisions, tape, entries(decisions, tape, world.execution))


def _result(world: World, strategy: Strategy, decisions: pd.DataFrame, tape: Tape, entered: Entries) -> Result:
    return Result(strategy, world.execution, world.market, tape, decisions, manifest={}, **vars(entered))


def _decided(world: World, strategy: Strategy) -> tuple[pd.DataFrame, Tape]:
    market, execution = world.market, world.execution
    tape = world.tape.only(traded_assets(strategy, market))
    schedule, limit = rebalance_days(strategy, execution), execution.gross_limit
    return decide(strategy, market, tape, execution.band, schedule, limit), tape


def _laid_equity(runner: FastPath, world: World, trial: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Equity at bar ends of a trial on the fast path: by the kernel, and by the judge on decisions found anew."""
    strategy = runner.strategy(trial)
    decisions, tape = _decided(world, strategy)
    ours = runner.kernel().equity(runner.orders([trial]))[0]
    if not world.execution.perps:
        return ours, simulate(decisions, tape, world.execution).value().to_numpy()
    judged = _result(world, strategy, decisions, tape, _accounted(decisions, tape, world.execution))
    return ours, judged.equity.to_numpy()[1:]


def _accounted(decisions: pd.DataFrame, tape: Tape, execution: Execution) -> Entries:
    """What decisions come to in the event engine's account of perpetuals."""
    account, sizes = MarginAccount(tape, execution), order_sizes(decisions, tape, execution).to_numpy()
    for row in np.flatnonzero(~np.isnan(sizes).all(axis=1)).tolist():
        account.trade(row, sizes[row])
    account.pass_until(tape.known_at[-1].value)
    return account.entries()


def _walked_equity(runner: FastPath, world: World, trial: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Equity at bar ends of a trial of the event engine: by its own book, and by the judge on the same decisions."""
    result = again(world, runner.strategy(trial))
    ours = result.equity.to_numpy()[1:]
    if not world.execution.perps:
        return ours, result.portfolio.value().to_numpy()
    entered = entries(result.decisions, result.tape, world.execution)
    judged = _result(world, result.strategy, result.decisions, result.tape, entered)
    return ours, judged.equity.to_numpy()[1:]
