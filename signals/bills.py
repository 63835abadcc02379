"""Treasury bills: what they pay above the Fed's reverse repo, and their share of the debt.

Essay H (mechanism 4): money funds left the reverse repo because bills paid more. Essay D (mechanism 16): under fiscal
dominance debt is issued short, so that less duration is drained from the market.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.market import Known
from signals.periods import Releases, change_since, difference, released, same_period
from signals.signal import Signal
from signals.transforms import refuse_future

BPS, PERCENT = 100, 100
DEBT = ("BILLS_OUTSTANDING", "MARKETABLE_DEBT")


@dataclass(frozen=True)
class BillAdvantage(Signal):
    """What a three-month bill pays above the Fed's reverse repo, basis points.

    formula : 100 x (DGS3MO - floor), both of the same day
    sign : none; above 0 cash leaves the reverse repo (it explains mechanism 3)      mechanism : 4
    floor : the series of the rate that bills compete with; "DFEDTARL", the lower bound, where the award rate is not
    at hand: it is 5 basis points too low from 2021-06-17 to 2024-12-18
    DGS3MO is a bond-equivalent yield. DTB3 is on a discount basis, which is lower, and can't be compared.
    """

    floor: str = "RRPONTSYAWARD"

    @property
    def needs(self) -> tuple[str, ...]:
        """The bill and the floor."""
        return ("DGS3MO", self.floor)

    def compute(self, known: Known) -> pd.Series:
        """Values at each day of which both rates are known."""
        return BPS * difference(released(known, "DGS3MO"), released(known, self.floor)).series()


@dataclass(frozen=True)
class BillShare(Signal):
    """Bills as a share of marketable Treasury debt, %.

    formula : 100 x BILLS_OUTSTANDING / MARKETABLE_DEBT at the end of a month
    sign : none by itself; the level says little      mechanism : 16
    Both come from a file of your own: the Monthly Statement of the Public Debt, table 1 (columns date, the last day of
    the month, and value in $mn).
    """

    needs = DEBT

    def compute(self, known: Known) -> pd.Series:
        """Values at each monthly statement."""
        return share(known).series()


@dataclass(frozen=True)
class BillShareChange(Signal):
    """Change of the share of bills over `months` months, percentage points.

    formula : `BillShare` at the end of a month less that at the end of the month `months` months before
    sign : + (less duration is drained) over quarters      mechanism : 16
    Four values a year that do not overlap: too few to fit anything to.
    """

    months: int = 3
    needs = DEBT

    def compute(self, known: Known) -> pd.Series:
        """Values at each monthly statement."""
        refuse_future(self.months, "months")
        monthly = share(known)
        following = monthly.period.astype("datetime64[M]") - (self.months - 1)
        month_end = following.astype("datetime64[D]") - np.timedelta64(1, "D")
        return change_since(monthly, month_end.astype("datetime64[ns]"))


def share(known: Known) -> Releases:
    """Bills over marketable debt by month, %."""
    bills, marketable = same_period(*(released(known, series) for series in DEBT))
    return bills._replace(value=PERCENT * bills.value / marketable.value)
