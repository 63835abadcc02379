"""Episodes: each stretch for which one target was held, what it earned, and what the book is without it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from backtests.analysis.worth import log_growth, worth_at_opens
from backtests.metrics import ROUNDING, bars_per_year
from backtests.result import Result
from backtests.tape import CASH

COLUMNS = ["decision", "start", "end", "exposure", "side", "log_return", "total_return", "cagr", "sharpe"]


@dataclass(frozen=True)
class Episodes:
    """The time of a backtest cut at the fills of its decisions, into stretches that each hold one target.

    An episode is a stretch whose target holds something, long or short, in a book that is not ruined. It begins at the
    open at which its decision filled, and ends at the open at which the next one did, or with the last bar. What
    entering costs is its own; what leaving costs too, unless the next stretch is an episode, which then pays for the
    change. What a liquidation costs is of the episode that it ends, and so is the time in cash until the next decision
    fills. A decision for the target that stands, such as a date of a schedule, begins none, nor does one that another
    overtook before it could fill.
    """

    result: Result

    @cached_property
    def frame(self) -> pd.DataFrame:
        """A row per episode, in order.

        decision : position in the result's decisions      start, end : UTC
        exposure : wanted, longs less shorts      side : "long", "short", or "both"
        log_return : log of the growth of equity over the episode, costs included
        total_return, cagr, sharpe : of the whole backtest, had the episode earned what cash did
        """
        stretches = self.stretches
        held = self._held
        kept = stretches.iloc[held].drop(columns="row").reset_index(drop=True)
        kept["side"] = [_side(self._wanted[decision]) for decision in kept["decision"]]
        without = [self.summary(self.returns_without([stretch])) for stretch in held.tolist()]
        names = COLUMNS[-3:]
        return kept.assign(**{name: [each[name] for each in without] for name in names})[COLUMNS]

    @cached_property
    def stretches(self) -> pd.DataFrame:
        """Every stretch, those that hold nothing too; their log returns add up to that of the whole backtest.

        Columns: decision (-1 before the first), row (position of its first bar), start, end, exposure, log_return.
        """
        result, rows = self.result, self._cuts["row"].to_numpy()
        marks = np.append(self._marks, result.equity.iloc[-1])
        opens = result.tape.opens.index
        ends = [*opens[rows[1:]], result.equity.index[-1]]
        return self._cuts.assign(start=opens[rows], end=pd.DatetimeIndex(ends), log_return=log_growth(marks))

    def without_best(self, count: int) -> dict[str, float]:
        """total_return, cagr and sharpe, had the `count` best episodes earned what cash did."""
        stretches = self.stretches
        best = stretches["log_return"].iloc[self._held].nlargest(count).index
        return self.summary(self.returns_without([int(stretch) for stretch in best]))

    def returns_without(self, chosen: Sequence[int]) -> np.ndarray:
        """Simple returns per bar, had these stretches (positions in `stretches`) earned what cash did."""
        rows, equity, cash = self._rows, self._equity, self._cash
        returns = self._returns.copy()
        to_open, from_open = self._cash_around_opens
        for stretch in sorted(chosen):
            first, mark = rows[stretch], self._marks[stretch]
            # The bar in which the stretch begins was the one before's up to the open, the bar in which it ends is the
            # next one's from the open on.
            before = to_open[first] if stretch - 1 in chosen else mark / equity[first]
            returns[first] = before * from_open[first] - 1
            if stretch + 1 < len(rows):
                last = rows[stretch + 1]
                returns[first + 1 : last] = cash[first + 1 : last]
                left = self._marks[stretch + 1]
                returns[last] = (to_open[last] * equity[last + 1] / left if left > 0 else 1.0) - 1
            else:
                returns[first + 1 :] = cash[first + 1 :]
        return np.asarray(returns)

    def summary(self, returns: np.ndarray) -> dict[str, float]:
        """total_return, cagr and sharpe of returns per bar, as `backtests.metrics` defines them."""
        result = self.result
        excess = returns - self._cash
        deviation = float(excess.std(ddof=1)) if len(excess) > 1 else 0.0
        sharpe = float(excess.mean() / deviation * np.sqrt(bars_per_year(result))) if deviation > ROUNDING else np.nan
        with np.errstate(divide="ignore", over="ignore"):
            growth = float(np.prod(1 + returns))  # a hundredth of the time that as many logarithms take
            cagr = float(np.expm1(np.log(growth) / result.years))
        return {
            "total_return": growth - 1,
            "cagr": cagr if np.isfinite(cagr) else np.nan,
            "sharpe": sharpe,
        }

    # Asked for again for each episode.

    @cached_property
    def _returns(self) -> np.ndarray:
        return np.asarray(self.result.bar_returns)

    @cached_property
    def _cash(self) -> np.ndarray:
        return np.asarray(self.result.cash_returns)

    @cached_property
    def _equity(self) -> np.ndarray:
        return np.asarray(self.result.equity)

    @cached_property
    def _wanted(self) -> np.ndarray:
        return np.asarray(self.result.decisions)

    @cached_property
    def _held(self) -> np.ndarray:
        """Positions of the stretches that are episodes."""
        return np.flatnonzero(self._holds & (self._marks > 0))

    @cached_property
    def _holds(self) -> np.ndarray:
        """Whether the target of each stretch holds something."""
        decisions = self._cuts["decision"].to_numpy()
        return np.asarray((decisions >= 0) & (self._wanted[decisions] != 0).any(axis=1))

    @cached_property
    def _rows(self) -> np.ndarray:
        return np.asarray(self._cuts["row"])

    @cached_property
    def _cuts(self) -> pd.DataFrame:
        """Columns decision, row and exposure: the fills that began a stretch, the start of the window first."""
        result = self.result
        wanted = result.decisions.to_numpy()
        rows = result.execution.fill_rows(result.decisions.index.asi8, result.tape.open_times)
        filled = np.flatnonzero(np.append(rows[1:] != rows[:-1], True) & (rows < len(result.tape.open_times)))
        moved = np.ones(len(filled), bool)
        moved[1:] = (wanted[filled[1:]] != wanted[filled[:-1]]).any(axis=1)
        chosen = filled[moved]
        cuts = pd.DataFrame({"decision": chosen, "row": rows[chosen], "exposure": wanted[chosen].sum(axis=1)})
        if len(cuts) and cuts["row"].iloc[0] == 0:
            return cuts
        idle = pd.DataFrame({"decision": [-1], "row": [0], "exposure": [0.0]})
        return pd.concat([idle, cuts], ignore_index=True)

    @cached_property
    def _marks(self) -> np.ndarray:
        """Equity at the open at which each stretch begins: before its fills, or after them if it holds nothing."""
        result, rows = self.result, self._cuts["row"].to_numpy()
        opens = result.tape.opens
        before = worth_at_opens(result)[rows]
        paid = result.costs.sum(axis=1).groupby(level=0).sum().reindex(opens.index[rows]).fillna(0.0).to_numpy()
        # Never below 0: to close costs less than the maintenance margin, which a book that may trade has (`Execution`).
        return np.asarray(before - np.where(self._holds, 0.0, paid))

    @cached_property
    def _cash_around_opens(self) -> tuple[np.ndarray, np.ndarray]:
        """Growth of a deposit in each bar: from the end of the bar before to the open, and from there to its end."""
        tape = self.result.tape
        if CASH not in tape.opens:
            return np.ones(len(tape.opens)), np.ones(len(tape.opens))
        opens, closes = tape.opens[CASH].to_numpy(), tape.closes[CASH].to_numpy()
        return opens / np.append(1.0, closes[:-1]), closes / opens


def _side(weights: np.ndarray) -> str:
    """What a target that holds something holds.

    >>> _side(np.array([0.5, 0.0])), _side(np.array([-0.5, 0.0])), _side(np.array([0.5, -0.5]))
    ('long', 'short', 'both')
    """
    sides = {"long": (weights > 0).any(), "short": (weights < 0).any()}
    return "both" if all(sides.values()) else next(side for side, held in sides.items() if held)
