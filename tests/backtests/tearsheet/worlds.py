"""Small markets whose arithmetic a reader can redo, and a strategy on them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from backtests.backtest import Backtest
from backtests.execution import Execution
from backtests.result import Result
from backtests.tearsheet.lines import Line, lines_of
from data_cache.bars import TIMEFRAMES, Bars
from data_cache.market import Known, Market
from data_cache.observations import Observations, observation_rows
from signals.signal import Signal
from strategies import BuyAndHold
from strategies.strategy import Now, Strategy, Weights

FREE = Execution(fee_bps=0, slippage_bps=0, min_notional=0, capital=1000)
EARNING = Execution(fee_bps=0, slippage_bps=0, min_notional=0, capital=1000, cash="DTB3")


@dataclass(frozen=True)
class Funding(Signal):
    """The funding rate over `window` releases, <fraction>."""

    window: int = 1
    needs = ("FUNDING_BTC",)

    def compute(self, known: Known) -> pd.Series:
        return known.first("FUNDING_BTC").rolling(self.window).mean()


@dataclass(frozen=True)
class Follow(Strategy):
    """Hold `share` of BTC while funding is positive."""

    share: float = 1.0

    def signals(self) -> dict[str, Signal]:
        return {"funding": Funding()}

    def weights(self, now: Now) -> Weights:
        return {"BTC": (now.funding > 0) * self.share}


def market(
    closes: list[float],
    start: str = "2024-01-01",
    timeframe: str = "1d",
    funding: list[tuple[str, float]] | None = None,
    missing: tuple[int, ...] = (),
    origin: str = "a hand-made market",
) -> Market:
    """Bars of BTC that open at the close before, the first at 100; funding known at given moments."""
    times = pd.date_range(start, periods=len(closes), freq=TIMEFRAMES[timeframe], tz="UTC").as_unit("ns")
    close = np.array(closes, float)
    opened = np.append(100.0, close[:-1])
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    frame = pd.DataFrame({"open": opened, "high": high, "low": low, "close": close, "volume": 1.0}, index=times)
    known = pd.DatetimeIndex([at for at, _ in funding or [(start, 1.0)]], tz="UTC").as_unit("ns")
    values = np.array([value for _, value in funding or [(start, 1.0)]])
    rows = observation_rows(known.tz_localize(None), known, values)
    bars = {"BTC": Bars("BTC", timeframe, frame.drop(times[list(missing)]))}
    return Market(Observations({"FUNDING_BTC": rows}), bars, origin)


def beside(on: Market, closes: list[float], missing: tuple[int, ...] = ()) -> Market:
    """The same market with ETH at these closes, its bars like those of BTC."""
    bars = on.bars["BTC"]
    other = market(closes, str(bars.frame.index[0].tz_localize(None)), bars.timeframe, missing=missing).bars["BTC"]
    return replace(on, bars={"BTC": bars, "ETH": Bars("ETH", bars.timeframe, other.frame)})


def with_cash(on: Market, rates: list[tuple[str, float]]) -> Market:
    """The same market where bills pay these rates, % a year, each known from its moment on."""
    known = pd.DatetimeIndex([at for at, _ in rates], tz="UTC").as_unit("ns")
    bills = observation_rows(known.tz_localize(None).normalize(), known, np.array([rate for _, rate in rates]))
    return replace(on, observations=Observations({"FUNDING_BTC": on.observations.rows("FUNDING_BTC"), "DTB3": bills}))


def rich_world(days: int = 40, timeframe: str = "1h", seed: int = 1, missing: tuple[int, ...] = ()) -> Market:
    """BTC and ETH on random walks, funding that turns on every third day, cash that earns 300 % a year every other day.

    What is left out of excess returns, or taken from the wrong bar of a day, shows here.
    """
    bars = days * int(pd.Timedelta(days=1) / TIMEFRAMES[timeframe])
    steps = np.random.default_rng(seed).normal(0, 0.03 * (days / bars) ** 0.5, (2, bars))
    btc, eth = (100 * np.exp(np.cumsum(steps, axis=1))).tolist()
    dates = [f"{day:%Y-%m-%d}" for day in pd.date_range("2024-01-01", periods=days)]
    funding = [(f"{day} 06:30", 0.001 if i % 3 else -0.001) for i, day in enumerate(dates)]
    on = beside(market(btc, timeframe=timeframe, funding=funding, missing=missing), eth)
    return with_cash(on, [(day, 300.0 * (i % 2)) for i, day in enumerate(dates)])


def run(on: Market, strategy: Strategy | None = None, execution: Execution = FREE, **others: Any) -> Result:
    return Backtest(strategy or BuyAndHold(mix=(("BTC", 1.0),)), on, execution, **others).run()


def line(result: Result) -> Line:
    return lines_of([result])[0]
