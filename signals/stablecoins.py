"""Dollars that have already come over: the supply of stablecoins.

In neither essay; the market's own gauge of dollars at hand. It comes from a file of yours with columns date and value,
in dollars (template stablecoins.csv). Until the middle of 2020 the number of coins counted grew more than the coins
did: leave those years out.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.market import Known
from signals.periods import period_change, released
from signals.signal import Signal


@dataclass(frozen=True)
class StablecoinSupply(Signal):
    """Circulating supply of all stablecoins, $bn. Beside the essays.

    formula : as published, known at the end of its day      sign : see `StablecoinGrowth`; a level trends
    """

    needs = ("STABLECOINS",)

    def compute(self, known: Known) -> pd.Series:
        """Values at the end of each day that has one."""
        return released(known, "STABLECOINS").series()


@dataclass(frozen=True)
class StablecoinGrowth(Signal):
    """Growth of the supply of stablecoins over `days` days, a fraction. Beside the essays.

    formula : supply / supply of the last day at least `days` days before - 1; NaN until there is one
    sign : +, weeks; but supply also follows prices, so cause is not shown by it
    """

    days: int = 28

    needs = ("STABLECOINS",)

    def compute(self, known: Known) -> pd.Series:
        """Values at the end of each day that has one."""
        supply = released(known, "STABLECOINS")
        logs = np.log(np.where(supply.value > 0, supply.value, np.nan))
        return np.expm1(period_change(supply._replace(value=logs), self.days))
