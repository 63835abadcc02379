"""The tape: the bars of all traded assets side by side, and what cash earns."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from backtests.perpetuals.funding import Funding, lay_funding
from data_cache.bars import TIMEFRAMES
from data_cache.errors import BadUsage, NoData
from data_cache.market import Market

CASH = "CASH"
YEAR = pd.Timedelta(days=365)


@dataclass(frozen=True)
class Perpetuals:
    """What a tape of perpetuals has besides opens and closes.

    highs, lows : shape and labels of the tape's opens      funding : the payments that fall on its bars
    """

    highs: pd.DataFrame
    lows: pd.DataFrame
    funding: Funding

    def only(self, assets: Sequence[str], places: Sequence[int]) -> "Perpetuals":
        """Those of some assets, which stood at `places`."""
        return Perpetuals(self.highs[list(assets)], self.lows[list(assets)], self.funding.only(places))


@dataclass(frozen=True)
class Tape:
    """Prices at which decisions fill and books are marked.

    opens, closes : DataFrames of shape (n_bars, n_columns), indexed by open_time; a column per asset and, where idle
    cash earns a rate, one more called "CASH": the price of a deposit that was 1 at the start
    length : of a bar      assets : the columns that are not cash
    perpetuals : where positions are perpetuals, their ranges and funding; None where assets are bought
    """

    opens: pd.DataFrame
    closes: pd.DataFrame
    length: pd.Timedelta
    perpetuals: Perpetuals | None = None

    @property
    def assets(self) -> list[str]:
        """The traded assets, in column order."""
        return [name for name in self.opens.columns if name != CASH]

    def only(self, assets: Sequence[str]) -> "Tape":
        """The same bars of some assets; cash stays."""
        columns = [*assets, *(name for name in self.opens.columns if name == CASH)]
        places = [self.opens.columns.get_loc(asset) for asset in assets]
        perpetuals = None if self.perpetuals is None else self.perpetuals.only(assets, places)
        return Tape(self.opens[columns], self.closes[columns], self.length, perpetuals)

    @property
    def timeframe(self) -> str:
        """The name of the bars' length."""
        return next(name for name, length in TIMEFRAMES.items() if length == self.length)

    @cached_property
    def open_times(self) -> np.ndarray:
        """When each bar opens: int64 nanoseconds, ascending."""
        return self.opens.index.asi8  # type: ignore[no-any-return]

    @cached_property
    def known_at(self) -> pd.DatetimeIndex:
        """When each bar is known: its end."""
        return (self.opens.index + self.length).rename("known_at")


def build_tape(
    market: Market,
    assets: Sequence[str],
    start: pd.Timestamp | None,
    end: pd.Timestamp | None,
    cash: str,
    perps: bool = False,
) -> Tape:
    """The bars at which every one of `assets` trades, from `start` to those ended by `end`.

    A bar that one asset lacks is no bar of the tape: nothing fills at a price that was not there.
    perps : whether positions are perpetuals
    Raises NoData where no bar lies in the range, naming what there is, and where perpetuals lack funding.
    """
    bars = [market.asset_bars(asset) for asset in assets]
    times = bars[0].frame.index
    for other in bars[1:]:
        times = times.intersection(other.frame.index)
    kept = times[_inside(times, bars[0].length, start, end)]
    if len(kept) == 0:
        asked = "".join([f" from {start}" if start else "", f" until {end}" if end else ""])
        raise NoData(f"no bars of {', '.join(assets)}{asked}; {_range(times)}")
    opens, closes, highs, lows = (
        pd.DataFrame({b.asset: b.frame[price].reindex(kept) for b in bars}, columns=list(assets))
        for price in ("open", "close", "high", "low")
    )
    length = bars[0].length
    if perps:
        return Tape(opens, closes, length, Perpetuals(highs, lows, lay_funding(market, assets, kept, length)))
    if cash != "0":
        opens[CASH], closes[CASH] = deposit(market, cash, kept, length)
    return Tape(opens, closes, length)


def deposit(
    market: Market, series: str, open_times: pd.DatetimeIndex, length: pd.Timedelta
) -> tuple[np.ndarray, np.ndarray]:
    """The price of a deposit at each bar's open and close: 1 at the first open, growing at the rate known at each open.

    rate : % a year, taken as simple on a 365-day year (SOFR and bills are quoted on 360 days, bills at a discount: the
    deposit earns up to 3 % of the rate too little). While the rate is unknown or too old, the deposit earns nothing.
    Raises BadUsage for a series that is not in %.
    """
    rate = np.nan_to_num(known_rate(market, series, open_times)) / 100
    held = np.append(np.diff(open_times.asi8), length.value) / YEAR.value
    opens = np.cumprod(np.append(1.0, 1 + rate * held))[:-1]
    return opens, opens * (1 + rate * (length / YEAR))


def known_rate(market: Market, series: str, open_times: pd.DatetimeIndex) -> np.ndarray:
    """The rate known at each bar's open, % a year; NaN where none is known or the newest is too old.

    Raises BadUsage for a series that is not in %.
    """
    if market.spec(series).unit != "%":
        raise BadUsage(f"cash earns a rate in % a year, such as DTB3; {series} is in {market.spec(series).unit}")
    rates = market.observations.first(series)
    newest = rates[~rates.index.duplicated(keep="last")]
    known = newest.reindex(open_times, method="ffill", tolerance=market.max_age(series))
    return np.asarray(known, float)


def _inside(
    times: pd.DatetimeIndex, length: pd.Timedelta, start: pd.Timestamp | None, end: pd.Timestamp | None
) -> np.ndarray:
    after = np.ones(len(times), bool) if start is None else times >= start
    before = np.ones(len(times), bool) if end is None else times + length <= end
    return np.asarray(after & before)


def _range(times: pd.DatetimeIndex) -> str:
    return f"there are {len(times)} from {times[0]} to {times[-1]}" if len(times) else "they share no bar at all"
