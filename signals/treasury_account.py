"""The Treasury General Account: cash that the Treasury holds at the Fed, out of reach of the market.

Essay H: the account stood about $150bn above its target of $850bn, because a closed government could not
spend; once it reopens the excess flows back into the banks. Filling drains liquidity (-), emptying adds it
(+, 1 to 6 weeks). Tax dates move the account by $100bn in a day and mean nothing by themselves.

The balance comes from the Daily Treasury Statement (TGA, the close of each business day) or, where that is
not at hand, from the Wednesday level of the H.4.1 (WDTGAL). Both tell the same number, the balance at the
close of a day, so they are joined by period: of each day the first publication counts, and the newest day is
the level. Changes are taken between two days, never between two publications, so that switching from one
source to the other makes no jump.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.market import Known
from signals.periods import Releases, change_since, first_of, released
from signals.refunding import target_at
from signals.signal import Signal
from signals.transforms import refuse_future, window_of

SOURCES = ("TGA", "WDTGAL")


def closing_balance(known: Known) -> Releases:
    """Balances at the close of each day, $bn, from whichever source published the day first."""
    return first_of(*(released(known, series) for series in SOURCES))


@dataclass(frozen=True)
class TreasuryAccount(Signal):
    """Balance of the Treasury General Account, $bn.

    formula : the close of the newest day published     sign : none by itself; it trends
    """

    one_of = SOURCES

    def compute(self, known: Known) -> pd.Series:
        """Values at each new balance."""
        return closing_balance(known).series()


@dataclass(frozen=True)
class TreasuryAccountExcess(Signal):
    """Balance of the Treasury General Account above the target then announced, $bn.

    formula : balance less the end-of-quarter balance that the Treasury announced (see `signals.refunding`)
    sign : - while it builds up, + once it falls (1 to 6 weeks)
    NaN before the first target on record and after the last one ran out: none is applied to an earlier time.
    """

    one_of = SOURCES

    def compute(self, known: Known) -> pd.Series:
        """Values at each new balance."""
        balance = closing_balance(known).series()
        return balance - target_at(balance.index)


@dataclass(frozen=True)
class TreasuryAccountDrawdown(Signal):
    """How far the Treasury General Account is below its peak of the last `window_days` days, $bn.

    formula : highest balance of the days in (d - window_days, d], less the balance of d; NaN until the record
    spans the window
    sign : + (money has flowed out to the banks), 1 to 6 weeks
    """

    window_days: int = 91
    one_of = SOURCES

    def compute(self, known: Known) -> pd.Series:
        """Values at each new balance."""
        balance = closing_balance(known)
        by_day = pd.Series(balance.value, pd.DatetimeIndex(balance.period))
        peak = by_day.rolling(f"{window_of(self.window_days)}D").max().to_numpy()
        whole = balance.period >= balance.period[:1] + np.timedelta64(self.window_days - 1, "D")
        return balance._replace(value=np.where(whole, peak - balance.value, np.nan)).series()


@dataclass(frozen=True)
class TreasuryAccountFlow(Signal):
    """Change of the Treasury General Account over `days` business days, $bn: below 0 money is released.

    formula : balance of d less the last balance at or before d - days weekdays; holidays count as weekdays,
    so that 5 days are always a week
    sign : - (a fall releases money), 1 to 6 weeks
    With Wednesday levels alone it spans the shortest number of whole weeks that is not shorter.
    """

    days: int = 5
    one_of = SOURCES

    def compute(self, known: Known) -> pd.Series:
        """Values at each new balance."""
        refuse_future(self.days, "business days")
        balance = closing_balance(known)
        day = balance.period.astype("datetime64[D]")
        earlier = np.busday_offset(day, -self.days, roll="forward").astype("datetime64[ns]")
        return change_since(balance, earlier)
