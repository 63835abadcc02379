"""Use of the Fed's Standing Repo Facility: what banks borrow from the Fed because the market will not lend.

Essay H (Arthur Hayes, "Hallelujah", November 2025): once the facility is used, the Fed finances the Treasury by another
name, "stealth QE", and the bull market restarts: + over weeks to months. The press read the same days as stress: -
over days. So the sign depends on the horizon. Take-up is overnight money, repaid the next day: a level, not a flow.
Zero does not mean that there is no stress, since the facility carries a stigma. Test operations are left out as far as
the source names them.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.market import Known
from signals.period_ends import without_period_ends
from signals.periods import released
from signals.signal import Signal
from signals.transforms import mean, share_of_days

# The facility opened on this day; the repo operations of 2019-21 were temporary ones, on other terms.
OPENED = np.datetime64("2021-07-29", "ns")


@dataclass(frozen=True)
class StandingRepoUse(Signal):
    """Mean take-up of the Standing Repo Facility over the last `window` operation days, $bn a day.

    formula : mean of the last `window` daily take-ups since 2021-07-29; NaN until there are so many
    sign : + over 4 to 26 weeks (essay H), - over 1 to 10 days (press)
    exclude_period_ends : leave out the last and the first business day of each month, which dominate the mean
    A day without a published operation is not a zero: it is not there.
    """

    window: int = 21
    exclude_period_ends: bool = False
    needs = ("SRF",)

    def compute(self, known: Known) -> pd.Series:
        """Values at each published operation."""
        return mean(take_up(known, self.exclude_period_ends), self.window)


@dataclass(frozen=True)
class StandingRepoShare(Signal):
    """Share of the last `window` operation days with a take-up of at least `floor` $bn, a fraction.

    formula : mean over `window` operations since 2021-07-29 of (take-up >= floor); NaN until there are so
    many
    sign : + over weeks to months (essay H). Less moved by one large day than the mean; $1bn is the customary
    threshold of material use, and keeps test operations out
    exclude_period_ends : leave out the last and the first business day of each month
    """

    window: int = 63
    floor: float = 1.0
    exclude_period_ends: bool = False
    needs = ("SRF",)

    def compute(self, known: Known) -> pd.Series:
        """Values at each published operation."""
        used = take_up(known, self.exclude_period_ends) >= self.floor
        return share_of_days(used.astype(float), self.window)


def take_up(known: Known, exclude_period_ends: bool) -> pd.Series:
    """Daily take-up since the facility opened, $bn, by known_at."""
    releases = released(known, "SRF")
    releases = releases.those(releases.period >= OPENED)
    return (without_period_ends(releases) if exclude_period_ends else releases).series()
