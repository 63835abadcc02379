"""The funding that falls on a tape: which payment belongs to which bar, and whether any is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.errors import NoData
from data_cache.market import Market

# No venue pays less often than every eight hours: where a day has no payment, payments are missing from the record.
LONGEST_SILENCE = pd.Timedelta(days=1)
# Of silences, and of windows without one, in a sentence.
SHOWN = 2
Span = tuple[pd.Timestamp, pd.Timestamp]


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
    _require_series(market, assets)
    parts = [_payments(market, asset, start, end) for asset in assets]
    _refuse_silence({funding_series(asset): part for asset, part in zip(assets, parts, strict=True)}, start, end)
    at = np.concatenate([part.index.asi8 for part in parts])
    column = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    rate = np.concatenate([part.to_numpy(float) for part in parts])
    order = np.lexsort((column, at))
    at, column, rate = at[order], column[order], rate[order]
    row = open_times.asi8.searchsorted(at, side="left") - 1
    ends = open_times.asi8[row] + length.value
    when = np.select([at < ends, at == ends], [INSIDE, ENDING], BEFORE)
    return Funding(at, row + (when == BEFORE), column, rate, when)


def _require_series(market: Market, assets: Sequence[str]) -> None:
    absent = [funding_series(asset) for asset in assets if funding_series(asset) not in market.observations]
    if absent:
        names = ", ".join(absent)
        raise NoData(f"no {names} in {market.place}: with --perps positions pay funding; fetch or import it")


def _payments(market: Market, asset: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
    """Rates by instant, as they were first published, after `start` and up to `end`."""
    releases = market.observations.releases(funding_series(asset))
    instants = pd.DatetimeIndex(releases["period"]).as_unit("ns").tz_localize("UTC")
    rates = pd.Series(releases["value"].to_numpy(float), instants).sort_index()
    return rates[(rates.index > start) & (rates.index <= end)]


def _refuse_silence(payments: Mapping[str, pd.Series], start: pd.Timestamp, end: pd.Timestamp) -> None:
    """Raise NoData where a series has no payment for too long, naming all such and the windows that have none."""
    silences = {series: _silences(part.index, start, end) for series, part in payments.items()}
    if not any(silences.values()):
        return
    told = ", ".join(f"{series} has no payment {_spans(found)}" for series, found in silences.items() if found)
    windows = _covered(sorted(one for found in silences.values() for one in found), start, end)
    sides = [
        f"--from {since:%Y-%m-%d} " * (since > start) + f"--to {until:%Y-%m-%d}" * (until < end)
        for since, until in windows
    ]
    cure = f", or take {' or '.join(side.strip() for side in sides)}" if sides else ""
    raise NoData(f"{told}, and positions of --perps pay funding: import what is missing{cure}")


def _silences(times: pd.DatetimeIndex, start: pd.Timestamp, end: pd.Timestamp) -> list[Span]:
    edges = pd.DatetimeIndex([start, *times, end]).as_unit("ns")
    return [(edges[i], edges[i + 1]) for i in np.flatnonzero(np.diff(edges.asi8) > LONGEST_SILENCE.value)]


def _spans(silences: Sequence[Span]) -> str:
    shown = [f"from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M}" for since, until in silences[:SHOWN]]
    left = len(silences) - SHOWN
    more = ["once more" if left == 1 else f"{left} more times"] if left > 0 else []
    return " and ".join(shown + more)


def _covered(silences: Sequence[Span], start: pd.Timestamp, end: pd.Timestamp) -> list[Span]:
    """The longest stretches, SHOWN at most and in order, of a day or more without any of `silences` (ascending)."""
    free, since = [], start
    for begin, until in [*silences, (end, end)]:
        if begin - since >= LONGEST_SILENCE:
            free.append((since, begin))
        since = max(since, until)
    longest = sorted(free, key=lambda span: span[0] - span[1])[:SHOWN]
    return sorted(longest)
