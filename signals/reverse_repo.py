"""Overnight reverse repo: the cash of money funds at the Fed, a buffer between the Treasury and the banks.

Essay H (mechanism 3): the buffer is near zero, so money funds are exhausted as the marginal lender. While it was large,
its fall paid for what the Treasury borrowed; since it is gone, each dollar in the Treasury's account is one that banks
lack. Quarter ends bring cash for a night or two: the ends of months are left out where a parameter says so.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.market import Known
from signals.period_ends import without_period_ends
from signals.periods import Releases, period_change, released, together
from signals.signal import Signal
from signals.transforms import mean
from signals.treasury_account import SOURCES, TreasuryAccountFlow

AMPLE = 200.0  # $bn above which the buffer gives way by itself; from the essay's chart


def buffer(known: Known, exclude_period_ends: bool) -> Releases:
    """Cash in overnight reverse repo by operation day, $bn."""
    releases = released(known, "RRPONTSYD")
    return without_period_ends(releases) if exclude_period_ends else releases


@dataclass(frozen=True)
class ReverseRepo(Signal):
    """Cash of money funds in the Fed's overnight reverse repo, $bn.

    formula : RRPONTSYD of the newest operation      sign : none by itself; it trends      mechanism : 3
    exclude_period_ends : leave out the last and the first business day of each month
    """

    exclude_period_ends: bool = True
    needs = ("RRPONTSYD",)

    def compute(self, known: Known) -> pd.Series:
        """Values at each operation."""
        return buffer(known, self.exclude_period_ends).series()


@dataclass(frozen=True)
class ReverseRepoBuffer(Signal):
    """Cash in the Fed's overnight reverse repo, mean of the last `window` operations, $bn.

    formula : mean of the last `window` values of RRPONTSYD; NaN until there are so many
    sign : none by itself; it tells regimes apart      mechanism : 3
    Month ends are in it: the mean keeps the jump of a quarter's last day from counting as a return of the buffer.
    """

    window: int = 5
    needs = ("RRPONTSYD",)

    def compute(self, known: Known) -> pd.Series:
        """Values at each operation; NaN until there are `window` of them."""
        return mean(known.first("RRPONTSYD"), self.window)


@dataclass(frozen=True)
class ReverseRepoDepleted(Signal):
    """Whether the buffer is used up: 1 below `floor` $bn, else 0.

    formula : RRPONTSYD < floor
    sign : none by itself; with it on, the account's rise weighs fully on reserves      mechanism : 3
    exclude_period_ends : leave out the last and the first business day of each month
    """

    floor: float = 50.0
    exclude_period_ends: bool = True
    needs = ("RRPONTSYD",)

    def compute(self, known: Known) -> pd.Series:
        """Values at each operation."""
        return (buffer(known, self.exclude_period_ends).series() < self.floor).astype(float)


@dataclass(frozen=True)
class ReverseRepoRelease(Signal):
    """Cash that left the buffer over `weeks` weeks while it was ample, $bn: a source of liquidity.

    formula : RRPONTSYD `weeks` weeks ago less now, where it stands above `ample`; 0 where it does not
    sign : + over 4 to 13 weeks      mechanism : 3
    exclude_period_ends : leave out the last and the first business day of each month
    """

    weeks: int = 4
    ample: float = AMPLE
    exclude_period_ends: bool = True
    needs = ("RRPONTSYD",)

    def compute(self, known: Known) -> pd.Series:
        """Values at each operation; NaN until the record is that old."""
        cash = buffer(known, self.exclude_period_ends)
        left = -period_change(cash, 7 * self.weeks)
        return left.where(left.isna() | (cash.value > self.ample), 0.0)


@dataclass(frozen=True)
class UncushionedFill(Signal):
    """What the Treasury's account takes from reserves over `days` business days, the buffer's part taken off, $bn.

    formula : change of the account x (1 - min(RRPONTSYD / ample, 1)), the buffer as last known
    sign : - (above 0 reserves are drained, below 0 they are filled), 1 to 6 weeks      mechanisms : 3 and 5
    exclude_period_ends : leave the buffer's month ends out
    That a buffer of `ample` takes all of it, and a smaller one its share, is an assumption, not an estimate.
    """

    days: int = 5
    ample: float = AMPLE
    exclude_period_ends: bool = True
    needs = ("RRPONTSYD",)
    one_of = SOURCES

    def compute(self, known: Known) -> pd.Series:
        """Values at each new balance and each operation."""
        fill = TreasuryAccountFlow(self.days).compute(known)
        return together(self._uncushioned, fill, buffer(known, self.exclude_period_ends).series())

    def _uncushioned(self, fill: np.ndarray, cash: np.ndarray) -> np.ndarray:
        return fill * (1 - np.minimum(cash / self.ample, 1))  # type: ignore[no-any-return]
