"""What the Fed buys: bills for reserve management, and securities altogether.

Essay D (mechanism 13): "$45bn a month of bills from January". The outcome: about $40bn, from 12 December 2025. Since
then the Fed also reinvests maturing mortgage bonds into bills, which adds bills and no reserves: bills alone overstate
it.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.market import Known
from signals.periods import Releases, period_change, released, same_period
from signals.signal import Signal


@dataclass(frozen=True)
class BillPurchases(Signal):
    """Change of the Fed's Treasury bills over `weeks` weeks, $bn.

    formula : change of WSHOBL      sign : + over 4 to 13 weeks      mechanism : 13
    Bills bought with the proceeds of mortgage bonds are in it, and add no reserves: see `OutrightPurchases`.
    """

    weeks: int = 4
    needs = ("WSHOBL",)

    def compute(self, known: Known) -> pd.Series:
        """Values at each weekly release."""
        return period_change(released(known, "WSHOBL"), 7 * self.weeks)


@dataclass(frozen=True)
class OutrightPurchases(Signal):
    """Change of the Fed's Treasuries and mortgage bonds over `weeks` weeks, $bn: what adds reserves.

    formula : change of TREAST + WSHOMCB of the same Wednesday; a reinvestment from one into the other is no change
    sign : + over 4 to 13 weeks      mechanism : 13
    """

    weeks: int = 4
    needs = ("TREAST", "WSHOMCB")

    def compute(self, known: Known) -> pd.Series:
        """Values at each weekly release."""
        return period_change(securities(known), 7 * self.weeks)


@dataclass(frozen=True)
class ReserveManagement(Signal):
    """Whether the Fed buys bills to add reserves: 1 where it does, else 0.

    formula : over `weeks` weeks bills rose by more than `floor` $bn, and securities altogether rose, so that it was no
    mere reinvestment of mortgage bonds
    sign : + over 4 to 13 weeks      mechanism : 13
    """

    weeks: int = 4
    floor: float = 20.0
    needs = ("WSHOBL", "TREAST", "WSHOMCB")

    def compute(self, known: Known) -> pd.Series:
        """Values at each weekly release; NaN until the record is that old."""
        pair = same_period(released(known, "WSHOBL"), securities(known))
        bills, everything = (period_change(side, 7 * self.weeks) for side in pair)
        buys = (bills > self.floor) & (everything > 0)
        return buys.astype(float).where(bills.notna() & everything.notna())


def securities(known: Known) -> Releases:
    """Treasuries and mortgage bonds held by the Fed, by Wednesday, $bn."""
    treasuries, mortgages = same_period(*(released(known, series) for series in ("TREAST", "WSHOMCB")))
    return treasuries._replace(value=np.round(treasuries.value + mortgages.value, 6))
