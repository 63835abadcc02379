"""The volume behind SOFR: how much is borrowed overnight against Treasuries, a measure of hedge funds' leverage.

Essay H (mechanism 10): relative-value funds are the marginal buyers of Treasuries, and borrow what they pay in repo.
The volume also grows because more of the market is cleared centrally or sponsored, which is not leverage.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.market import Known
from signals.period_ends import without_period_ends
from signals.periods import Releases, difference, period_change, released, same_period
from signals.signal import Signal
from signals.transforms import mean


@dataclass(frozen=True)
class RepoVolumeGrowth(Signal):
    """Growth of the volume behind SOFR over `days` days, a fraction.

    formula : mean SOFRVOL of the last `window` days / the same mean at least `days` days earlier - 1
    sign : + as a trend, over 13 to 52 weeks (credit is created)      mechanism : 10
    """

    days: int = 364
    window: int = 5
    needs = ("SOFRVOL",)

    def compute(self, known: Known) -> pd.Series:
        """Values at each release; NaN until the record is that long."""
        volume = released(known, "SOFRVOL")
        smoothed = volume._replace(value=smooth(volume, self.window))
        grown = period_change(smoothed, self.days)
        return grown / (smoothed.value - grown)


@dataclass(frozen=True)
class RepoDemand(Signal):
    """Whether volume and price of overnight cash rose together: 1 where both did, else 0.

    formula : over `days` days, change of mean SOFRVOL > 0 and change of mean SOFR - IORB > 0, means of `window` days of
    which both are known
    sign : - over 1 to 10 days: demand for cash outruns its supply, which a rise of volume alone does not say
    mechanisms : 10 with 8
    exclude_period_ends : leave out the last and the first business day of each month, when the price jumps
    """

    days: int = 28
    window: int = 5
    exclude_period_ends: bool = True
    needs = ("SOFRVOL", "SOFR", "IORB")

    def compute(self, known: Known) -> pd.Series:
        """Values at each day of which all three are known; NaN until the record is that long."""
        spread = difference(released(known, "SOFR"), released(known, "IORB"))
        pair = same_period(released(known, "SOFRVOL"), spread)
        kept = (without_period_ends(side) if self.exclude_period_ends else side for side in pair)
        volume, price = (period_change(s._replace(value=smooth(s, self.window).round(9)), self.days) for s in kept)
        both = (volume > 0) & (price > 0)
        return both.astype(float).where(volume.notna() & price.notna())


def smooth(releases: Releases, window: int) -> np.ndarray:
    """Mean of the last `window` values; NaN until there are so many."""
    return mean(releases.series(), window).to_numpy()  # type: ignore[no-any-return]
