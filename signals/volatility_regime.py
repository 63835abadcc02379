"""Whether the market is calm or stormy by its own standards.

Essay D (10 December 2025, mechanisms 18 and 25): volatility is up; after the arbitrageurs leave there is less noise.
"""

from dataclasses import dataclass

import pandas as pd

from data_cache.market import Known
from signals.price import Volatility
from signals.signal import Signal
from signals.transforms import rank


@dataclass(frozen=True)
class VolatilityRegime(Signal):
    """Rank of volatility among its last `window` days, a fraction: near 0 calm, near 1 a storm. Mechanism 25, essay D.

    formula : share of the last `window` values of `Volatility(asset, days)`, this one among them, that are not above
    it; NaN until there are so many
    sign : none for direction; - for the size of a position, weeks to months
    """

    asset: str = "BTC"
    days: int = 30
    window: int = 365

    @property
    def needs(self) -> tuple[str, ...]:
        """The asset's bars."""
        return (f"bars:{self.asset}",)

    def compute(self, known: Known) -> pd.Series:
        """Values at each daily close."""
        return rank(Volatility(self.asset, self.days).compute(known), self.window)
