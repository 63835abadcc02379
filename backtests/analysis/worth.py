"""What a book is worth when it can trade: at the opens of bars."""

import numpy as np
import pandas as pd

from backtests.entries import OPEN
from backtests.result import Result


def worth_at_opens(result: Result) -> np.ndarray:
    """What the book is worth at each bar's open, before it trades, and at the end; $, shape (n_bars + 1,).

    With perpetuals: after the funding of missing bars before the open, and after a liquidation at the open; 0 once the
    book is ruined.
    """
    opens, capital = result.tape.opens.to_numpy(), result.execution.capital
    cash, units = result.cash.to_numpy()[:-1], result.units.to_numpy()[:-1]
    worth = np.append(capital, cash + (units * opens[1:]).sum(axis=1))
    if result.execution.perps:
        worth = _alive(result, np.maximum(worth + _settled(result), 0.0))
    return np.append(worth, result.equity.iloc[-1])


def log_growth(worth: np.ndarray) -> np.ndarray:
    """Log returns from each value to the next one: -inf where all is lost, and 0 from nothing to nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.diff(np.log(worth))
    growth[worth[:-1] <= 0] = 0.0
    return np.asarray(growth)


def _settled(result: Result) -> np.ndarray:
    """What funding due before each open and liquidations at it added, $, shape (n_bars,)."""
    opens, paid = result.tape.opens, result.payments[result.payments["at"] < result.payments["open_time"]]
    closed = result.liquidations[result.liquidations["moment"] == OPEN]
    quoted = opens.stack().reindex(pd.MultiIndex.from_frame(closed[["open_time", "asset"]])).to_numpy()
    left = closed["shortfall"] - closed["units"] * (closed["price"] - quoted) - closed["fee"]
    flow = pd.concat([paid.set_index("open_time")["amount"], left.set_axis(pd.DatetimeIndex(closed["open_time"]))])
    return np.asarray(flow.groupby(level=0).sum().reindex(opens.index).fillna(0.0))


def _alive(result: Result, worth: np.ndarray) -> np.ndarray:
    if result.ruined_at is None:
        return worth
    ruin = result.liquidations[result.liquidations["ruined"]].iloc[0]
    opens = result.tape.opens.index
    gone = opens >= ruin["open_time"] if ruin["moment"] == OPEN else opens > ruin["open_time"]
    return np.where(gone, 0.0, worth)
