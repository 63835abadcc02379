"""Stress in the repo market: SOFR, the price of cash against Treasuries, in the Fed's corridor or above it.

Essay H: SOFR at or above the upper bound means that reserves are too few; then the Standing Repo Facility is
used and the Fed has to answer. - over 1 to 10 days, + over 4 to 26 weeks. Strong calendar effects: month
ends, quarter ends, tax and settlement dates. A rate is compared with the bound that applied on its own day,
and is known when both are.
"""

from dataclasses import dataclass

import pandas as pd

from data_cache.market import Known
from signals.period_ends import without_period_ends
from signals.periods import Releases, difference, released, same_period
from signals.signal import Signal
from signals.transforms import mean

BPS = 100  # basis points in a percentage point


@dataclass(frozen=True)
class CeilingSpread(Signal):
    """SOFR above the upper bound of the Fed's target range, mean of `window` days, basis points.

    formula : mean over the last `window` days of 100 x (SOFR - DFEDTARU), both of the same day
    sign : - over 1 to 10 days, + over 4 to 26 weeks
    exclude_period_ends : leave out the last and the first business day of each month (the essay's charts do
    not)
    """

    window: int = 5
    exclude_period_ends: bool = True
    needs = ("SOFR", "DFEDTARU")

    def compute(self, known: Known) -> pd.Series:
        """Values at each day of which SOFR and bound are known."""
        return _mean_spread(known, "DFEDTARU", self.window, self.exclude_period_ends)


@dataclass(frozen=True)
class ReserveSpread(Signal):
    """SOFR above the interest on reserve balances, mean of `window` days, basis points.

    formula : mean over the last `window` days of 100 x (SOFR - IORB), both of the same day
    sign : as `CeilingSpread`. Above 0 reserves are scarce: a bank earns more in repo than at the Fed
    """

    window: int = 5
    exclude_period_ends: bool = True
    needs = ("SOFR", "IORB")

    def compute(self, known: Known) -> pd.Series:
        """Values at each day of which both rates are known."""
        return _mean_spread(known, "IORB", self.window, self.exclude_period_ends)


@dataclass(frozen=True)
class CorridorPosition(Signal):
    """Where SOFR lies in the Fed's target range: 0 at the lower bound, 1 at the upper, above 1 in stress.

    formula : mean over the last `window` days of (SOFR - DFEDTARL) / (DFEDTARU - DFEDTARL), all of the same
    day
    sign : - over 1 to 10 days, + over 4 to 26 weeks
    """

    window: int = 5
    exclude_period_ends: bool = True
    needs = ("SOFR", "DFEDTARL", "DFEDTARU")

    def compute(self, known: Known) -> pd.Series:
        """Values at each day of which SOFR and both bounds are known."""
        lower, upper = released(known, "DFEDTARL"), released(known, "DFEDTARU")
        above, width = same_period(difference(released(known, "SOFR"), lower), difference(upper, lower))
        position = above._replace(value=above.value / width.value)
        return _mean(position, self.window, self.exclude_period_ends)


def _mean_spread(known: Known, bound: str, window: int, exclude_period_ends: bool) -> pd.Series:
    spread = difference(released(known, "SOFR"), released(known, bound))
    return BPS * _mean(spread, window, exclude_period_ends)


def _mean(releases: Releases, window: int, exclude_period_ends: bool) -> pd.Series:
    """Mean of the last `window` days; NaN until there are so many."""
    kept = without_period_ends(releases) if exclude_period_ends else releases
    return mean(kept.series(), window)
