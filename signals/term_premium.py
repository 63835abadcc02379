"""The yield curve and what bond holders ask for its length.

Essay D (10 December 2025): the spread of ten-year over one-year Treasuries is near its highs again, out of
uncertainty about policy and not out of growth. The essay leaves the sign open; the hypothesis is: steepening
because long yields rise ("bear") is bad for bitcoin (-), steepening because short yields fall ("bull", cuts
ahead) is good (+), over weeks. Not to be confused with T10Y3M. Yields of the same day are
compared, and known when both are.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.market import Known
from signals.periods import Releases, difference, period_change, released, same_period
from signals.signal import Signal


@dataclass(frozen=True)
class TermSpread(Signal):
    """Yield of ten-year over one-year Treasuries, percentage points.

    formula : DGS10 - DGS1 of the same day     sign : open (essay D), see the two steepenings
    """

    needs = ("DGS10", "DGS1")

    def compute(self, known: Known) -> pd.Series:
        """Values at each day of which both yields are known."""
        return slope(known).series()


@dataclass(frozen=True)
class TermSpreadChange(Signal):
    """Change of ten-year over one-year yields over `days` days, percentage points.

    formula : slope of day d less the slope of the last day at or before d - days     sign : open
    """

    days: int = 28
    needs = ("DGS10", "DGS1")

    def compute(self, known: Known) -> pd.Series:
        """Values at each day of which both yields are known."""
        return period_change(slope(known), self.days)


@dataclass(frozen=True)
class BearSteepening(Signal):
    """How much of a steepening over `days` days a rising ten-year yield explains, percentage points.

    formula : max(0, min(change of DGS10, change of DGS10 - DGS1))
    sign : - over weeks (hypothesis)
    Bear and bull parts add up to the steepening; both are 0 when the curve flattens.
    """

    days: int = 28
    needs = ("DGS10", "DGS1")

    def compute(self, known: Known) -> pd.Series:
        """Values at each day of which both yields are known."""
        long, short = _changes(known, self.days)
        return np.minimum(long, long - short).clip(lower=0)


@dataclass(frozen=True)
class BullSteepening(Signal):
    """How much of a steepening over `days` days a falling one-year yield explains, percentage points.

    formula : max(0, min(-change of DGS1, change of DGS10 - DGS1))     sign : + over weeks (hypothesis)
    """

    days: int = 28
    needs = ("DGS10", "DGS1")

    def compute(self, known: Known) -> pd.Series:
        """Values at each day of which both yields are known."""
        long, short = _changes(known, self.days)
        return np.minimum(-short, long - short).clip(lower=0)


@dataclass(frozen=True)
class TermPremium(Signal):
    """Ten-year term premium of the Kim-Wright model, %.

    formula : THREEFYTP10 as first published, weekly, four to eight days after the fact
    sign : - while it rises, over weeks (hypothesis). The model is re-fitted and rewrites its past: use first
    releases
    """

    needs = ("THREEFYTP10",)

    def compute(self, known: Known) -> pd.Series:
        """Values at each release; of the days released together the newest counts."""
        return released(known, "THREEFYTP10").series()


@dataclass(frozen=True)
class TermPremiumChange(Signal):
    """Change of the Kim-Wright ten-year term premium over `days` days, percentage points.

    formula : premium of day d less that of the last day at or before d - days     sign : - over weeks
    (hypothesis)
    """

    days: int = 28
    needs = ("THREEFYTP10",)

    def compute(self, known: Known) -> pd.Series:
        """Values at each release."""
        return period_change(released(known, "THREEFYTP10"), self.days)


def slope(known: Known) -> Releases:
    """Ten-year less one-year yield of the same day."""
    return difference(released(known, "DGS10"), released(known, "DGS1"))


def _changes(known: Known, days: int) -> tuple[pd.Series, pd.Series]:
    """Change of the ten-year and of the one-year yield between the same two days."""
    long, short = same_period(released(known, "DGS10"), released(known, "DGS1"))
    return period_change(long, days), period_change(short, days)
