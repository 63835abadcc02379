"""Yardsticks made of prices alone, trend and volatility: what a signal of liquidity has to beat."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.market import Known
from signals.signal import Signal
from signals.transforms import mean, window_of

DAYS_A_YEAR = 365  # crypto trades every day


@dataclass(frozen=True)
class Trend(Signal):
    """Close above its own mean of the last `days` daily closes, a fraction.

    formula : close / mean of the last `days` closes - 1; NaN until there are so many
    sign : + over weeks to months (Faber 2007, "A Quantitative Approach to Tactical Asset Allocation")
    """

    asset: str = "BTC"
    days: int = 200

    @property
    def needs(self) -> tuple[str, ...]:
        """The asset's bars."""
        return (f"bars:{self.asset}",)

    def compute(self, known: Known) -> pd.Series:
        """Values at each daily close."""
        close = known.bars(self.asset)["close"]
        return close / mean(close, self.days) - 1


@dataclass(frozen=True)
class Volatility(Signal):
    """Standard deviation of the last `days` daily log returns, a fraction a year.

    formula : std (n - 1) of ln(close / close before) x sqrt(365); NaN until there are `days` returns
    sign : none; it scales exposure (essay D's only claim on it is that it rises)
    """

    asset: str = "BTC"
    days: int = 30

    @property
    def needs(self) -> tuple[str, ...]:
        """The asset's bars."""
        return (f"bars:{self.asset}",)

    def compute(self, known: Known) -> pd.Series:
        """Values at each daily close."""
        close = known.bars(self.asset)["close"]
        returns = pd.Series(np.diff(np.log(close.to_numpy(float)), prepend=np.nan), close.index)
        return returns.rolling(window_of(self.days)).std() * np.sqrt(DAYS_A_YEAR)
