"""Books of perpetuals of four days, each with an event that a reader can redo: ruin, liquidation, funding."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from backtests.backtest import Backtest
from backtests.execution import Execution
from backtests.result import Result
from data_cache.bars import Bars
from data_cache.market import Market
from data_cache.observations import Observations, observation_rows
from strategies import BuyAndHold
from strategies.strategy import Now, Strategy, Weights

# Nothing costs anything but a liquidation, half a percent of what is closed; liquidated at a tenth of notional.
TERMS = Execution(
    fee_bps=0,
    slippage_bps=0,
    min_notional=0,
    capital=1_000,
    perps=True,
    initial_margin=0.2,
    maintenance_margin=0.1,
    liquidation_fee_bps=50,
)
HOLD_BTC = BuyAndHold(mix=(("BTC", 1.0),))
Candle = tuple[float, float, float, float]
FLAT: Candle = (100, 100, 100, 100)


@dataclass(frozen=True)
class Always(Strategy):
    """Hold so much BTC, in fractions of equity; below 0 is short."""

    weight: float = 1.0

    def weights(self, now: Now) -> Weights:
        return {"BTC": self.weight}


def perpetual_market(candles: Sequence[Candle], rates: Mapping[str, float] | None = None) -> Market:
    """Daily bars (open, high, low, close) from 1 January 2024; funding at `rates`, and 0 at each other day's end."""
    times = pd.date_range("2024-01-01", periods=len(candles), freq="D", tz="UTC").as_unit("ns")
    frame = pd.DataFrame(candles, times, ["open", "high", "low", "close"], dtype=float).assign(volume=1e6)
    midnights = {f"{day:%Y-%m-%d}": 0.0 for day in pd.date_range("2024-01-01", periods=len(candles) + 1)}
    paid = midnights | {f"2024-{moment}": rate for moment, rate in (rates or {}).items()}
    known = pd.DatetimeIndex([pd.Timestamp(moment, tz="UTC") for moment in paid]).as_unit("ns")
    funding = observation_rows(known.tz_localize(None), known, list(paid.values()))
    return Market(Observations({"FUNDING_BTC": funding}), {"BTC": Bars("BTC", "1d", frame)}, "a hand-made market")


def book(
    weight: float, candles: Sequence[Candle], rates: Mapping[str, float] | None = None, terms: Execution = TERMS
) -> Result:
    return Backtest(Always(weight), perpetual_market(candles, rates), terms, benchmark=HOLD_BTC).run()


def ruined() -> Result:
    """Short 20 at 100, which leaves 3000 in cash; at the open of the 2nd they cost 4000: 1000 more than there is."""
    return book(-2, [FLAT, (200, 200, 200, 200), (200, 200, 200, 200), (200, 220, 200, 220)])


def liquidated() -> Result:
    """Long 40 at 100 with 3000 borrowed; at 83.33 they are worth 3333, of which the equity of 333 is a tenth.

    The fee is half a percent of 3333, which leaves 316.67.
    """
    return book(4, [FLAT, (100, 100, 80, 90), (90, 90, 90, 90), (90, 90, 90, 90)])


def receiving() -> Result:
    """Short 20 at 100 that never moves; 1 % of 2000 is received on the morning of the 2nd."""
    return book(-2, [FLAT] * 4, {"01-02 08:00": 0.01})
