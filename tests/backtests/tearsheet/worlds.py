"""Small markets whose arithmetic a reader can redo, and a strategy on them."""

from dataclasses import dataclass
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


def run(on: Market, strategy: Strategy | None = None, execution: Execution = FREE, **others: Any) -> Result:
    return Backtest(strategy or BuyAndHold(mix=(("BTC", 1.0),)), on, execution, **others).run()


def line(result: Result) -> Line:
    return lines_of([result])[0]
