"""Reserves, the banks' cash at the Fed, and how scarce they are.

Essays H and D (mechanism 2): reserves are down by "trillions" since early 2022, and tight; the Fed is forced to expand.
The fall was about $1.0tn from early 2022 to October 2025, so the word overstates it. The sign of scarcity flips with
the horizon: - while it hurts, + for the change of policy that it forces. Hence two signals, one for each.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.market import Known
from signals.period_ends import without_period_ends
from signals.periods import Releases, difference, first_of, period_change, released, together
from signals.signal import Signal
from signals.transforms import share_of_days

SOURCES = ("WRBWFRBL", "WRESBAL")
PERCENT = 100
NOISE = 1e-9  # %: two rates that are printed alike may differ by this much in binary


def balances(known: Known) -> Releases:
    """Reserve balances by Wednesday, $bn: its level where it is published, else the average of the week it ends."""
    return first_of(*(released(known, series) for series in SOURCES))


@dataclass(frozen=True)
class Reserves(Signal):
    """Reserve balances at the Fed, $bn.

    formula : WRBWFRBL, the level of Wednesday; of a week that it lacks WRESBAL, the week's average
    sign : none by itself; it trends      mechanism : 2
    """

    one_of = SOURCES

    def compute(self, known: Known) -> pd.Series:
        """Values at each weekly release."""
        return balances(known).series()


@dataclass(frozen=True)
class ReservesChange(Signal):
    """Change of reserve balances over `weeks` weeks, $bn.

    formula : balance of a Wednesday less that of the Wednesday `weeks` weeks before
    sign : + over 4 to 13 weeks      mechanism : 2
    Where one source ends and the other goes on, a level is compared with an average.
    """

    weeks: int = 4
    one_of = SOURCES

    def compute(self, known: Known) -> pd.Series:
        """Values at each weekly release."""
        return period_change(balances(known), 7 * self.weeks)


@dataclass(frozen=True)
class ReserveRatio(Signal):
    """Reserve balances as a share of what all commercial banks own, %.

    formula : 100 x reserves / TLAACBW027SBOG, each as last known
    sign : low is scarce: - over days, + over months      mechanism : 2
    Bank assets are revised; the first release counts. They come from a file of your own (columns date, value in $bn).
    """

    needs = ("TLAACBW027SBOG",)
    one_of = SOURCES

    def compute(self, known: Known) -> pd.Series:
        """Values whenever one of the two becomes known."""
        assets = released(known, "TLAACBW027SBOG").series()
        return PERCENT * together(lambda r, a: r / a, balances(known).series(), assets)


@dataclass(frozen=True)
class ReserveScarcity(Signal):
    """Share of the last `window` days on which SOFR was above the interest on reserves, a fraction: the short horizon.

    formula : mean over the last `window` days of (SOFR > IORB), both of the same day; NaN until there are so many
    sign : - over 1 to 10 days (banks outbid each other for cash)      mechanism : 2
    exclude_period_ends : leave out the last and the first business day of each month, which say nothing of reserves
    """

    window: int = 5
    exclude_period_ends: bool = True
    needs = ("SOFR", "IORB")

    def compute(self, known: Known) -> pd.Series:
        """Values at each day of which both rates are known."""
        return scarce_share(known, self.window, self.exclude_period_ends)


@dataclass(frozen=True)
class PivotPressure(Signal):
    """How long reserves have been scarce while they still fall, a fraction: the long horizon of scarcity.

    formula : `ReserveScarcity` over `window` days, where reserves fell over `weeks` weeks; 0 where they rose, for
    then the answer has come
    sign : + over 4 to 26 weeks (the Fed has to end the fall)      mechanism : 2
    exclude_period_ends : as there
    One such episode lies within the facility's life: it can't be fitted.
    """

    window: int = 63
    weeks: int = 13
    exclude_period_ends: bool = True
    needs = ("SOFR", "IORB")
    one_of = SOURCES

    def compute(self, known: Known) -> pd.Series:
        """Values at each day of both rates and at each weekly release; NaN until both parts are known."""
        share = scarce_share(known, self.window, self.exclude_period_ends)
        return together(_while_falling, share, period_change(balances(known), 7 * self.weeks))


def scarce_share(known: Known, window: int, exclude_period_ends: bool) -> pd.Series:
    """Share of the last `window` days with SOFR above IORB, by known_at."""
    spread = difference(released(known, "SOFR"), released(known, "IORB"))
    kept = without_period_ends(spread) if exclude_period_ends else spread
    return share_of_days((kept.series() > NOISE).astype(float), window)


def _while_falling(share: np.ndarray, change: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(share) | np.isnan(change), np.nan, np.where(change < 0, share, 0.0))
