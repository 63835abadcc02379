"""Liquidations of a book, bar by bar: what the venue closed, what that cost, and what was left."""

import pandas as pd

from backtests.result import Result

COLUMNS = ["moment", "closed", "before", "after", "lost", "costs", "shortfall"]


def liquidations(result: Result) -> pd.DataFrame:
    """A row per bar in which the book was liquidated, indexed by its open_time; empty for a book that never was.

    moment : "open", "range" or "close" (`backtests.perpetuals`)      closed : the positions, in words
    before, after : equity at the end of the bar before and of this one, $; trades of this bar lie between them too
    lost : 1 - after / before      costs : fees and slippage of the forced closes that the account paid, $
    shortfall : what the venue bore of a book that was ruined, $; 0 where the costs took no more than there was
    """
    closes, costs = result.liquidations, result.liquidation_costs.sum(axis=1)
    rows = [
        {
            "moment": " and ".join(dict.fromkeys(of_bar["moment"])),
            "closed": ", ".join(_position(close.asset, -close.units) for close in of_bar.itertuples()),
            "costs": costs[opened].sum(),
            "shortfall": max(of_bar["shortfall"].sum(), 0.0),  # a dust that it took is nothing
        }
        | _equity(result, opened)
        for opened, of_bar in closes.groupby("open_time")
    ]
    opened = pd.DatetimeIndex(closes["open_time"].unique(), name="open_time")
    return pd.DataFrame(rows, index=opened, columns=COLUMNS)


def _equity(result: Result, opened: pd.Timestamp) -> dict[str, float]:
    row = result.tape.opens.index.get_loc(opened)
    before, after = result.equity.iloc[[row, row + 1]]  # equity has a row more: the capital, before the first bar
    return {"before": before, "after": after, "lost": 1 - after / before}


def _position(asset: str, units: float) -> str:
    """One that was held.

    >>> _position("BTC", -1.25)
    'short 1.25 BTC'
    """
    return f"{'long' if units > 0 else 'short'} {abs(units):,.4g} {asset}"
