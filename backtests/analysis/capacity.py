"""Capacity: what a strategy trades beside what the market traded, and the capital at which that becomes too much."""

import numpy as np
import pandas as pd

from backtests.entries import FILL
from backtests.result import Result
from data_cache.market import BARS_MAX_AGE, Market


def dollar_volume(market: Market, asset: str) -> pd.Series:
    """What was traded of `asset` in each full UTC day, $: its volume times its close; indexed by known_at, its end.

    It is the volume of the one venue that the bars are from. NaN for a day without volume: a stand-still of the venue,
    or a source that knows no volumes.
    """
    days = market.daily[asset]
    volume = days["volume"] * days["close"]
    return volume.where(volume > 0).rename(asset)


def participation(result: Result) -> pd.DataFrame:
    """What a result traded of each asset on each UTC day, beside the last full day that was known before it traded.

    What liquidations closed is in it. With perpetuals too, volume is that of the bars, mostly a spot market's.
    Columns: day (its first midnight); asset; notional, $ bought plus sold, after slippage; equity, $, as marked last
    before; volume, $, of the last UTC day that had ended at the day's first fill; participation = notional / volume.
    NaN where that volume is unknown, zero, or older than three days. The day before, and not the day of the fill: it
    is what an order can be planned by.
    """
    trades = pd.concat([result.trades, result.liquidations[FILL]]) if len(result.liquidations) else result.trades
    own = pd.DataFrame(
        {
            "day": pd.DatetimeIndex(trades["open_time"]).floor("D"),
            "asset": trades["asset"].to_numpy(),
            "notional": (trades["units"] * trades["price"]).abs().to_numpy(),
            "at": pd.DatetimeIndex(trades["open_time"]),
        }
    )
    traded = own.groupby(["day", "asset"], as_index=False).agg(notional=("notional", "sum"), at=("at", "first"))
    marked = result.equity.reindex(pd.DatetimeIndex(traded["at"]), method="ffill").to_numpy()
    volume = _volumes(result.market, traded)
    return traded.drop(columns="at").assign(
        equity=marked, volume=volume, participation=traded["notional"].to_numpy() / volume
    )


def capacity(traded: pd.DataFrame, share: float, quantile: float, capital: float | None = None) -> float:
    """How large a book, $, could have been for the `quantile` of its participation to be `share`.

        capacity = share / quantile of (notional / equity / volume)       of a book that is kept at that size
        capacity = share / quantile of (notional / capital / volume)      at the start, of one that keeps its gains

    A fill is a weight times equity, so participation is in proportion to the size of the book. What its own trading
    does to prices is left out, and so is `min_notional`, which larger books meet more easily.
    traded : as `participation` gives it      quantile : in [0, 1], 1 for the largest, between two days interpolated
    capital : at the start of the run; None for a book that is kept at one size
    NaN where no day of trading has a known volume.
    """
    size = traded["equity"] if capital is None else capital
    known = (traded["participation"] / size).dropna().to_numpy()
    return float(share / np.quantile(known, quantile)) if len(known) else float("nan")


def _volumes(market: Market, traded: pd.DataFrame) -> np.ndarray:
    volumes = np.full(len(traded), np.nan)
    for asset, rows in traded.groupby("asset").indices.items():
        at = pd.DatetimeIndex(traded["at"].iloc[rows])
        known = dollar_volume(market, str(asset))
        volumes[rows] = known.reindex(at, method="ffill", tolerance=BARS_MAX_AGE).to_numpy()
    return volumes
