"""What the Treasury borrows, and how much of it stays in its account.

Essay H (mechanism 11): the deficit of about $2tn a year is issuance. Borrowing that is spent comes back to the banks;
borrowing that fills the account does not. Under a debt ceiling nothing is issued for months, and then much at once
(June 2023, July 2025).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.market import Known
from signals.periods import Releases, period_change, released, same_period
from signals.signal import Signal
from signals.treasury_account import SOURCES, closing_balance


@dataclass(frozen=True)
class Issuance(Signal):
    """Growth of the public debt over `weeks` weeks, $bn.

    formula : debt of a day less debt of the last day at least `weeks` weeks before
    sign : none; context      mechanism : 11
    debt : "DEBT" is all of it, also what is owed to government funds; "DEBT_PUBLIC", from a file of your own, is what
    the public holds
    """

    weeks: int = 13
    debt: str = "DEBT"

    @property
    def needs(self) -> tuple[str, ...]:
        """The series of the debt."""
        return (self.debt,)

    def compute(self, known: Known) -> pd.Series:
        """Values at each day whose debt becomes known."""
        return period_change(released(known, self.debt), 7 * self.weeks)


@dataclass(frozen=True)
class IssuanceNetOfAccount(Signal):
    """Growth of the public debt less what the Treasury kept in its account, over `weeks` weeks, $bn: what was spent.

    formula : change of debt - change of the account, between the same days
    sign : none; context: the deficit that was paid with borrowed money      mechanism : 11
    debt : as in `Issuance`
    """

    weeks: int = 13
    debt: str = "DEBT"
    one_of = SOURCES

    @property
    def needs(self) -> tuple[str, ...]:
        """The series of the debt."""
        return (self.debt,)

    def compute(self, known: Known) -> pd.Series:
        """Values at each day of which debt and account are known."""
        borrowed, kept = borrowed_and_kept(known, self.debt, self.weeks)
        return borrowed._replace(value=borrowed.value - kept.value).series()


@dataclass(frozen=True)
class IssuanceHoarded(Signal):
    """Borrowed money that stayed in the Treasury's account over `weeks` weeks, $bn: cash that nobody else has.

    formula : the smaller of change of debt and change of the account, between the same days; 0 where one fell
    sign : - over 1 to 6 weeks      mechanism : 11
    debt : as in `Issuance`
    """

    weeks: int = 4
    debt: str = "DEBT"
    one_of = SOURCES

    @property
    def needs(self) -> tuple[str, ...]:
        """The series of the debt."""
        return (self.debt,)

    def compute(self, known: Known) -> pd.Series:
        """Values at each day of which debt and account are known."""
        borrowed, kept = borrowed_and_kept(known, self.debt, self.weeks)
        return borrowed._replace(value=np.maximum(np.minimum(borrowed.value, kept.value), 0)).series()


def borrowed_and_kept(known: Known, debt: str, weeks: int) -> tuple[Releases, Releases]:
    """Changes of debt and account over `weeks` weeks, $bn, of the days of which both are known; NaN where unknown."""
    pair = same_period(released(known, debt), closing_balance(known))
    borrowed, kept = (side._replace(value=period_change(side, 7 * weeks).to_numpy()) for side in pair)
    return borrowed, kept
