"""From signals to decisions: when the strategy is asked, what it may answer, and when an answer is a new decision."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtests.execution import Execution
from backtests.tape import Tape
from data_cache.errors import BadUsage, EbbtideError, NoData, StrategyFailed
from data_cache.market import Market
from signals.signal import Signal, require_needs, values_at
from strategies.strategy import Now, Strategy, Weights

# What gives the values of a signal on a market at some times (int64 ns), as `signals.signal.values_at` does.
Read = Callable[[Signal, Market, np.ndarray], np.ndarray]

# Rounding may carry 0.7 * x + 0.3 * x above 1, or 1 - 0.9 - 0.1 below 0, by this much.
ROUNDING = 1e-9


def traded_assets(strategy: Strategy, market: Market) -> list[str]:
    """The assets that the rule names, in its order; all of the market's for a rule that only has `on_event`."""
    if type(strategy).weights is Strategy.weights:
        return market.assets
    nothing_known = {name: np.float64(np.nan) for name in strategy.signals()}
    weights = _by_asset(strategy, ask(strategy, Now(pd.NaT, nothing_known)))
    for asset in weights:
        market.asset_bars(asset)
    return list(weights)


def event_times(strategy: Strategy, market: Market, tape: Tape) -> np.ndarray:
    """The moments at which the strategy is asked (int64 ns): the start, every release it reads, every bar's end."""
    start, end = tape.open_times[0], tape.known_at[-1].value
    needs = {need for signal in strategy.signals().values() for need in signal.reads}
    times = [market.known_times(need) for need in sorted(needs)]
    every = np.unique(np.concatenate([np.array([start]), tape.known_at.asi8, *times]))
    return every[(every >= start) & (every <= end)]  # type: ignore[no-any-return]


def check_signals(strategy: Strategy, market: Market) -> Mapping[str, Signal]:
    """The strategy's signals; NoData where the market lacks what those need that the rule cannot live without."""
    signals = strategy.signals()
    for name, signal in signals.items():
        if name not in strategy.can_miss():
            require_needs(signal, market)
    return signals


def rebalance_days(strategy: Strategy, execution: Execution) -> float:
    """The schedule that was asked for, else the strategy's own, in days; 0 for none."""
    days = execution.rebalance_days or strategy.rebalance_every()
    if not (isinstance(days, int | float) and 0 <= days < np.inf):
        raise BadUsage(f"{type(strategy).__name__}.rebalance_every must answer days, zero or more; found {days!r}")
    return days


class Target:
    """The target now standing; tells whether another answer is a new decision.

    An answer is a decision if it is the first, if some weight moved by more than `band`, or if `rebalance_days` have
    passed since the schedule's last date.
    """

    def __init__(self, band: float, rebalance_days: float, start: int) -> None:
        self._band = band
        self._every = int(rebalance_days * pd.Timedelta(days=1).value)
        self.due = start + self._every if self._every else np.inf
        self._standing: np.ndarray | None = None

    @property
    def takes_every_change(self) -> bool:
        """Whether a decision is whatever differs from the last one, by how little and whenever it may be."""
        return self._band == 0 and not self._every

    def moves(self, at: int, weights: np.ndarray) -> bool:
        """Whether `weights` (shape (n_assets,), NaN for no decision), answered at `at`, are a new decision."""
        if np.isnan(weights[0]):
            return False
        due = at >= self.due
        if due:
            self.due += self._every * ((at - self.due) // self._every + 1)
        if not due and self._standing is not None and np.abs(weights - self._standing).max() <= self._band:
            return False
        self._standing = weights
        return True


@dataclass(frozen=True)
class Asked:
    """When a rule is asked, and what its signals say then: where all that it needs is known.

    start : int64 ns, from which a schedule counts      at : ascending      values : by signal, shape (len(at),)
    """

    start: int
    at: pd.DatetimeIndex
    values: Mapping[str, np.ndarray]


def asked(strategy: Strategy, market: Market, tape: Tape, read: Read = values_at) -> Asked:
    """When `strategy` is asked on `tape`, and on what: as event by event, only where all that it needs is known.

    read : values of a signal at some times; `values_at`, or what remembers its answers
    Raises NoData where a signal that the rule needs has no value in the whole window.
    """
    times = event_times(strategy, market, tape)
    values = {name: read(signal, market, times) for name, signal in check_signals(strategy, market).items()}
    require_known(strategy, market, tape, values)
    known = _known(values, strategy, len(times))
    at = pd.DatetimeIndex(times[known], tz="UTC", name="at")
    return Asked(int(times[0]), at, {name: _read_only(value[known]) for name, value in values.items()})


def _read_only(values: np.ndarray) -> np.ndarray:
    """The same values, which a rule that works in place can't change: other trials read them too."""
    values.flags.writeable = False
    return values


def moves(
    strategy: Strategy,
    asked: Asked,
    weights: Weights,
    assets: Sequence[str],
    band: float,
    rebalance_days: float,
    limit: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Which of the answers are new decisions: positions in `asked.at`, and weights of shape (n, n_assets)."""
    rows = answers(strategy, weights, assets, asked.at, limit)
    moved = _moves(asked.at.asi8, rows, Target(band, rebalance_days, asked.start), rebalance_days)
    return moved, rows[moved]


def decide(
    strategy: Strategy,
    market: Market,
    tape: Tape,
    band: float,
    rebalance_days: float,
    limit: float | None = None,
) -> pd.DataFrame:
    """All decisions of a rule that does not look at its book, found at once: target weights indexed by `at`.

    limit : of gross exposure, as for `answers`
    """
    on = asked(strategy, market, tape)
    weights = ask(strategy, Now(on.at, on.values))
    moved, rows = moves(strategy, on, weights, tape.assets, band, rebalance_days, limit)
    return pd.DataFrame(rows, index=on.at[moved], columns=tape.assets)


def answers(
    strategy: Strategy, weights: Weights, assets: Sequence[str], at: pd.DatetimeIndex, limit: float | None = None
) -> np.ndarray:
    """Weights as an array of shape (len(at), n_assets), in the order of `assets`; checked.

    limit : with perpetuals, the largest sum of |weights|; None where assets are bought, which allows no weight below 0
    and no exposure above 1 (`Execution.gross_limit`)
    Raises BadUsage for an asset that the strategy did not name before, a weight that the limit does not allow, an
    infinite one, or a NaN beside a number; StrategyFailed for what is no mapping to numbers.
    """
    name = type(strategy).__name__
    weights = _by_asset(strategy, weights)
    if type(strategy).weights is Strategy.weights:  # it has only `on_event`, and may leave out what it does not hold
        weights = dict.fromkeys(assets, 0.0) | dict(weights)
    if set(weights) != set(assets):
        raise BadUsage(
            f"{name}: weights must always name the same assets, {', '.join(assets)}; found {', '.join(weights)}"
        )
    rows = np.empty((len(at), len(assets)), order="F")  # a column is written, and checked, at a time
    for column, asset in enumerate(assets):
        try:
            rows[:, column] = weights[asset]
        except (TypeError, ValueError) as error:
            found = f"{weights[asset]!r:.80}"
            raise StrategyFailed(
                f"{name}: the weight of {asset} must be a number, or one per moment; got {found}"
            ) from error
    rows[(rows < 0) & (rows >= -ROUNDING)] = 0.0
    _check(name, rows, assets, at, limit)
    return rows


def _check(name: str, rows: np.ndarray, assets: Sequence[str], at: pd.DatetimeIndex, limit: float | None) -> None:
    if (rows >= 0).all() and (rows.sum(axis=1) <= 1 + ROUNDING).all():  # as nearly always; false where one is NaN
        return
    unknown = np.isnan(rows)
    mixed = (
        unknown.any(axis=1) & ~unknown.all(axis=1),
        "one weight is NaN and another is not; NaN means no decision, for all",
    )
    infinite = np.isinf(rows).any(axis=1), "a weight is infinite; weights are fractions of equity"
    with np.errstate(invalid="ignore"):
        problems = [mixed, infinite, *(_beyond(rows, limit) if limit is not None else _not_bought(rows))]
    for bad, sentence in problems:
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            found = ", ".join(f"{a} {w:g}" for a, w in zip(assets, rows[row], strict=True))
            raise BadUsage(f"{name}: {sentence}; found {found} at {at[row]}")


def _not_bought(rows: np.ndarray) -> list[tuple[np.ndarray, str]]:
    """What can't be done with bought assets, row by row, and the cure."""
    return [
        ((rows < 0).any(axis=1), "a weight is below 0; selling short needs perpetuals: add --perps"),
        (rows.sum(axis=1) > 1 + ROUNDING, "exposure is above 1; leverage needs perpetuals: add --perps"),
    ]


def _beyond(rows: np.ndarray, limit: float) -> list[tuple[np.ndarray, str]]:
    """Where perpetuals would need more margin than there is."""
    above = np.abs(rows).sum(axis=1) > limit * (1 + ROUNDING)
    needed = f"gross exposure is above {limit:g}, the most that an initial margin of {1 / limit:.4g} allows"
    return [(above, f"{needed}; ask for less, or set --initial-margin")]


def ask(strategy: Strategy, now: Now) -> Weights:
    """What the rule answers; StrategyFailed where it raises."""
    try:
        return strategy.weights(now)
    except EbbtideError:
        raise
    except (Exception, SystemExit) as error:
        hints = {
            "truth value": "; write the rule as arithmetic (&, *, np.where) or use --engine events",
            "read-only": "; a rule may not change its signals: write x = now.x * 2, not x = now.x; x *= 2",
        }
        hint = next((hint for said, hint in hints.items() if said in str(error)), "")
        raise StrategyFailed(f"{strategy!r} failed in weights: {type(error).__name__}: {error}{hint}") from error


def _by_asset(strategy: Strategy, weights: Weights) -> Weights:
    if not isinstance(weights, Mapping) or not weights:
        raise StrategyFailed(f"{type(strategy).__name__} must answer weights by asset; got {weights!r:.80}")
    return weights


def _known(values: Mapping[str, np.ndarray], strategy: Strategy, count: int) -> np.ndarray:
    unknown = [np.isnan(v) for name, v in values.items() if name not in strategy.can_miss()]
    return np.asarray(~np.logical_or.reduce([np.zeros(count, bool), *unknown]))


def require_known(strategy: Strategy, market: Market, tape: Tape, values: Mapping[str, np.ndarray]) -> None:
    """Raise NoData for the first signal that the rule needs and that has no value in the whole window."""
    signals = strategy.signals()
    for name, known in values.items():
        if np.isnan(known).all() and name not in strategy.can_miss():
            raise _never_known(signals[name], market, tape)


def _never_known(signal: Signal, market: Market, tape: Tape) -> NoData:
    found = [f"{need} has {len(market.known_times(need))} values" for need in signal.reads]
    return NoData(
        f"{signal!r} is unknown throughout {tape.opens.index[0]:%Y-%m-%d} to {tape.opens.index[-1]:%Y-%m-%d}: "
        f"its window may be longer than the history ({'; '.join(found)}); shorten it or import more"
    )


def _moves(times: np.ndarray, rows: np.ndarray, target: Target, rebalance_days: float) -> np.ndarray:
    known = np.flatnonzero(~np.isnan(rows[:, 0]))
    standing = rows if len(known) == len(rows) else rows[known]
    changed = np.ones(len(known), bool)
    if rebalance_days == 0:
        changed[1:] = (standing[1:] != standing[:-1]).any(axis=1)
    if target.takes_every_change:
        return known[changed]
    return np.array([i for i in known[changed].tolist() if target.moves(int(times[i]), rows[i])], int)
