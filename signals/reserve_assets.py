"""What foreign central banks hold: Treasuries in custody at the Fed, and gold.

Essay H (mechanism 19): since the reserves of one were frozen in February 2022, others are no marginal buyers of
Treasuries, and gold has risen. Essay D (mechanism 18): gold in a long rise, bitcoin at the edge. Both are context.
"""

from dataclasses import dataclass

import pandas as pd

from data_cache.market import Known
from signals.periods import period_change, released
from signals.signal import Signal
from signals.transforms import mean


@dataclass(frozen=True)
class CustodyChange(Signal):
    """Change over `weeks` weeks of the Treasuries that the Fed keeps for foreign official accounts, $bn.

    formula : change of WMTSECL1      sign : none; context      mechanism : 19
    Custody elsewhere, in Belgium or Luxembourg, is not in it: a fall may be a move.
    """

    weeks: int = 13
    needs = ("WMTSECL1",)

    def compute(self, known: Known) -> pd.Series:
        """Values at each weekly release."""
        return period_change(released(known, "WMTSECL1"), 7 * self.weeks)


@dataclass(frozen=True)
class GoldTrend(Signal):
    """Price of gold above its own mean of the last `window` prices, a fraction.

    formula : GOLD / mean of the last `window` prices - 1; NaN until there are so many
    sign : none; context: above 0 in the essays' long rise      mechanism : 18
    FRED has carried no gold since January 2022: it comes from a file of your own (columns date, value in $ an ounce), a
    gold-backed coin such as PAXG doing as well. Imported as bars, that coin has `Trend("PAXG")`.
    """

    window: int = 200
    needs = ("GOLD",)

    def compute(self, known: Known) -> pd.Series:
        """Values at each price."""
        price = released(known, "GOLD").series()
        return price / mean(price, self.window) - 1
