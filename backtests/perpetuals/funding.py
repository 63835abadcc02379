"""The funding that falls on a tape: which payment belongs to which bar, and whether any is missing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.errors import NoData
from data_cache.market import Market

# No venue pays less often than every eight hours: where a day has no payment, payments are missing from the record.
LONGEST_SILENCE = pd.Timedelta(days=1)


# When funding is paid: at the open, for the time without bars before it; within the bar; at the instant of its end.
BEFORE, INSIDE, ENDING = range(3)


@dataclass(frozen=True)
class Funding:
    """Payments of funding on a tape, in the order of time; each array has the shape (n_payments,).

    at : int64 ns, the instant of payment      row, column : bar and asset of the tape that it falls on
    rate : a fraction of notional per payment; positive: longs pay
    when : BEFORE is paid on the last bar's close, ahead of the open; INSIDE on the bar's open; ENDING on its close
    """

    at: np.ndarray
    row: np.ndarray
    column: np.ndarray
    rate: np.ndarray
    when: np.ndarray

    def by_bar(self, bars: int, columns: int) -> np.ndarray:
        """The sums of rates, shape (3, bars, columns): those BEFORE each bar, INSIDE it, and ENDING it."""
        sums = np.zeros((3, bars, columns))
        np.add.at(sums, (self.when, self.row, self.column), self.rate)
        return sums

    def only(self, columns: Sequence[int]) -> "Funding":
        """The payments of some columns, which become columns 0, 1, ... in this order."""
        kept = np.isin(self.column, columns)
        place = np.array([list(columns).index(column) for column in self.column[kept].tolist()], int)
        order = np.lexsort((place, self.at[kept]))
        parts = (self.at[kept], self.row[kept], place, self.rate[kept], self.when[kept])
        return Funding(*(part[order] for part in parts))


def funding_series(asset: str) -> str:
    """The id of the series of an asset's funding."""
    return f"FUNDING_{asset}"


def lay_funding(market: Market, assets: Sequence[str], open_times: pd.DatetimeIndex, length: pd.Timedelta) -> Funding:
    """The payments after the first open up to the last bar's end, each with the bar in whose course it is paid.

    A payment at the instant of an open comes before what is traded there: it is due from who held the position until
    then. What falls between a bar's end and a later open is no part of the bar that had ended: it was not known then.
    Raises NoData where a day or more of the window has no payment.
    """
    start, end = open_times[0], open_times[-1] + length
    parts = [_payments(market, asset, start, end) for asset in assets]
    at = np.concatenate([part.index.asi8 for part in parts])
    column = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    rate = np.concatenate([part.to_numpy(float) for part in parts])
    order = np.lexsort((column, at))
    at, column, rate = at[order], column[order], rate[order]
    row = open_times.asi8.searchsorted(at, side="left") - 1
    ends = open_times.asi8[row] + length.value
    when = np.select([at < ends, at == ends], [INSIDE, ENDING], BEFORE)
    return Funding(at, row + (when == BEFORE), column, rate, when)


def _payments(market: Market, asset: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
    """Rates by instant, as they were first published, after `start` and up to `end`; NoData where some are missing."""
    series = funding_series(asset)
    if series not in market.observations:
        raise NoData(f"no {series} in {market.origin}: with --perps positions pay funding; fetch or import it")
    releases = market.observations.releases(series)
    instants = pd.DatetimeIndex(releases["period"]).as_unit("ns").tz_localize("UTC")
    rates = pd.Series(releases["value"].to_numpy(float), instants).sort_index()
    within = rates[(rates.index > start) & (rates.index <= end)]
    edges = pd.DatetimeIndex([start, *within.index, end]).as_unit("ns")
    silence = np.diff(edges.asi8)
    if silence.max() > LONGEST_SILENCE.value:
        since, until = edges[silence.argmax()], edges[silence.argmax() + 1]
        sides = [f"--to {since:%Y-%m-%d}"] * (since > start) + [f"--from {until:%Y-%m-%d}"] * (until < end)
        raise NoData(
            f"{series} has no payment from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M}, and positions of --perps "
            f"pay funding: import what is missing{', or take ' * bool(sides)}{' or '.join(sides)}"
        )
    return within
