"""One window of a world: its tape, what was remembered of it, and how one trial runs on it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from backtests.backtest import nothing_decided
from backtests.decisions import Asked, ask, asked, moves, rebalance_days, traded_assets
from backtests.events import EventRun
from backtests.ledger import SCORES, trial_rows
from backtests.ledger import scores as scores_of
from backtests.manifest import manifest
from backtests.metrics import METRICS
from backtests.perpetuals.kernel import kernel_of
from backtests.result import Result
from backtests.source_code import classes
from backtests.sweeps.kernel import Kernel
from backtests.sweeps.orders import lay_out
from backtests.sweeps.remembered import Remembered
from backtests.sweeps.trials import MEASURES, Days, World
from backtests.tape import Tape, build_tape
from data_cache.errors import BadUsage
from data_cache.market import Market
from signals.signal import Signal, evaluate, values_at
from strategies.strategy import Now, Strategy

Window = tuple[pd.Timestamp, pd.Timestamp]
# What a signal is on the world's market, as `signals.signal.evaluate` answers it.
Evaluated = Callable[[Signal, Market], pd.Series]

# So many bytes of values of signals are remembered.
REMEMBERED = 24_000_000
KERNEL = "kernel"


@dataclass(frozen=True)
class Laid:
    """The orders of one trial, as `orders.lay_out` gives them, and how many decisions they came from."""

    rows: np.ndarray
    sizes: np.ndarray
    decisions: int


def remembering(world: World) -> Evaluated:
    """`evaluate` on the world's market, which remembers what it has answered."""
    longest = max(len(world.market.known_times(need)) for need in world.market.hashes())
    kept: Remembered[pd.Series] = Remembered(REMEMBERED // (16 * longest))
    return lambda signal, market: kept.answer(signal, lambda: evaluate(signal, market))


class _Window:
    """What the fast path and the event engines have in common on one window."""

    def __init__(self, world: World, window: Window | None) -> None:
        self._world = world
        self.tape = world.tape if window is None else _tape(world, window)
        self._days = Days(self.tape)
        self._about: dict[object, dict[str, object]] = {}

    @property
    def bars(self) -> int:
        """How many bars the tape has."""
        return len(self.tape.opens)

    @property
    def n_days(self) -> int:
        """How many UTC days the tape has."""
        return len(self._days.days)

    def excess(self, equity: np.ndarray) -> np.ndarray:
        """Excess returns of days, float32 of shape (n_days, n_trials), of equity at bar ends, (n_trials, n_bars)."""
        return self._days.excess(equity, self._world.execution.capital).astype(np.float32)

    def records(self, strategies: Sequence[Strategy], scores: Mapping[str, np.ndarray]) -> pd.DataFrame:
        """Records for the ledger, a row per trial in their order; `when` is not yet said."""
        groups: dict[object, list[int]] = {}
        for position, strategy in enumerate(strategies):
            groups.setdefault(self._inputs(strategy), []).append(position)
        rows = [
            trial_rows(
                [strategies[i] for i in positions],
                self._about[key],
                {name: values[positions] for name, values in scores.items()},
                "sweep",
                pd.NaT,
            ).set_axis(positions)
            for key, positions in groups.items()
        ]
        return pd.concat(rows).sort_index()

    def _inputs(self, strategy: Strategy) -> object:
        """What decides, of a strategy, on which data and code its trial stands: the same for most trials of a sweep."""
        signals = strategy.signals().values()
        assets = tuple(traded_assets(strategy, self._world.market))
        key = assets, frozenset(need for s in signals for need in s.reads), frozenset(classes(strategy))
        if key not in self._about:
            tape = self.tape.only([asset for asset in assets if asset in self.tape.assets])
            self._about[key] = manifest(
                strategy, self._world.market, tape, self._world.execution, KERNEL, None, self._world.sources
            )
        return key

    def _own(self, assets: Sequence[str]) -> Sequence[str]:
        """The same assets, all of them on the tape."""
        missing = [asset for asset in assets if asset not in self.tape.assets]
        if missing:
            raise BadUsage(
                f"{missing[0]} is traded where several parameters change together, and by no value of one alone, so "
                f"that the sweep has the bars of {', '.join(self.tape.assets)} only; search these parameters apart"
            )
        return assets


def records_of(world: World, strategies: Sequence[Strategy], measures: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Records for the ledger of trials on the whole of a world, whose MEASURES are known; `when` is not yet said."""
    return _Window(world, None).records(strategies, {name: measures[name] for name in SCORES})


class Stage(_Window):
    """The fast path on one window: how a rule's decisions are found and laid out."""

    def __init__(self, world: World, window: Window | None, evaluated: Evaluated) -> None:
        super().__init__(world, window)
        self._evaluated = evaluated
        most = REMEMBERED // (16 * self.bars)
        self._asked: Remembered[Asked] = Remembered(most // 4)
        self._values: Remembered[np.ndarray] = Remembered(most)
        self._position = {asset: column for column, asset in enumerate(self.tape.assets)}

    @property
    def columns(self) -> int:
        """How many columns the tape has, cash included."""
        return len(self.tape.opens.columns)

    @cached_property
    def kernel(self) -> Kernel:
        """The kernel on the tape."""
        return kernel_of(self.tape, self._world.execution)

    def lay_out(self, strategy: Strategy) -> Laid:
        """The orders of one trial; NoData where it has nothing to decide on."""
        execution, signals = self._world.execution, strategy.signals()
        key = tuple(signals.items()), strategy.can_miss()
        on = self._asked.answer(key, lambda: self._ask(strategy))
        weights = ask(strategy, Now(on.at, on.values))
        own = self._own(list(weights))
        schedule, limit = rebalance_days(strategy, execution), execution.gross_limit
        moved, rows = moves(strategy, on, weights, own, execution.band, schedule, limit)
        if not len(moved):
            raise nothing_decided(strategy)
        targets = np.zeros((len(rows), len(self._position)))
        targets[:, [self._position[asset] for asset in own]] = rows
        return Laid(*lay_out(on.at.asi8[moved], targets, self.tape, execution), len(moved))

    def _ask(self, strategy: Strategy) -> Asked:
        """When the rule is asked, and on what. The times follow from what its signals read together."""
        reads = frozenset(need for signal in strategy.signals().values() for need in signal.reads)

        def read(signal: Signal, market: Market, times: np.ndarray) -> np.ndarray:
            key = signal, reads
            return self._values.answer(key, lambda: values_at(signal, market, times, self._evaluated))

        return asked(strategy, self._world.market, self.tape, read)


class Events(_Window):
    """Event engines on one window."""

    def measure(self, strategy: Strategy) -> tuple[dict[str, float], np.ndarray]:
        """MEASURES and excess returns of days of one trial; NoData where it has nothing to decide on."""
        result = self.result(strategy)
        scores = {name: float(value[0]) for name, value in scores_of(result).items()}
        measures = {metric.name: metric.compute(result) for metric in METRICS if metric.name in MEASURES}
        return measures | scores, self.excess(result.equity.to_numpy()[None, 1:])[:, 0]

    def result(self, strategy: Strategy) -> Result:
        """One run of the event engine."""
        world = self._world
        tape = self.tape.only(self._own(traded_assets(strategy, world.market)))
        run = EventRun(strategy, world.market, tape, world.execution).run()
        if not len(run.decisions):
            raise nothing_decided(strategy)
        entries = run.account.entries()
        about = strategy, world.execution, world.market, tape, run.decisions, entries.fills
        return Result(*about, manifest={}, payments=entries.payments, liquidations=entries.liquidations)


def _tape(world: World, window: Window) -> Tape:
    return build_tape(world.market, world.tape.assets, *window, world.execution.cash, world.execution.perps)
