"""Leverage in coins: open interest of the perpetual, its unwind, and whether it moves with the basis.

Essay D (10 December 2025, mechanisms 22 and 25): open interest fell by 37.7%, $4.2bn, and its correlation with the
basis was 0.878; after the arbitrageurs have left there is less leverage and less noise. In dollars open interest falls
with the price: with bitcoin down by 35% the fall in coins may have been 4% to 20% only, so here it is counted in coins.
The correlation is one of levels of two trending series over some 53 days; here it is one of changes.

What each signal needs is fetched with `ebbtide fetch funding`. Venues keep open interest for a month or a few: older
numbers come from a file of yours with columns date and value, in coins (template open_interest.csv).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.market import Known
from signals.basis import Basis, BasisToHurdle
from signals.carry import funding_carry
from signals.periods import Releases, period_change, released, together
from signals.signal import Signal
from signals.transforms import change, rank, window_of


class OfOpenInterest(Signal):
    """What all signals of the open interest of one asset read; each of them holds the asset as its first parameter."""

    asset: str

    @property
    def needs(self) -> tuple[str, ...]:
        """The asset's open interest."""
        return (f"OPEN_INTEREST_{self.asset}",)

    def coins(self, known: Known) -> Releases:
        """Open interest in coins; NaN where it is not above zero."""
        found = released(known, f"OPEN_INTEREST_{self.asset}")
        return found._replace(value=np.where(found.value > 0, found.value, np.nan))

    def growth(self, known: Known, days: int) -> pd.Series:
        """Ln of the coins over those of `days` days before, by known_at."""
        coins = self.coins(known)
        return period_change(coins._replace(value=np.log(coins.value)), days)


class AgainstBasis(OfOpenInterest):
    """A signal of open interest and basis together, which reads what both read."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The asset's open interest and its bars."""
        return (*super().needs, *Basis(self.asset).needs)

    @property
    def one_of(self) -> tuple[str, ...]:
        """What the basis is made of: dated futures, or funding."""
        return Basis(self.asset).one_of


@dataclass(frozen=True)
class OpenInterest(OfOpenInterest):
    """Open interest of the perpetual, coins.

    formula : as the venue counts it, contracts turned into coins; NaN where it is 0      sign : see
    `OpenInterestChange`. One venue: its share of the market moves too
    """

    asset: str = "BTC"

    def compute(self, known: Known) -> pd.Series:
        """Values at the end of each day that has one."""
        return self.coins(known).series()


@dataclass(frozen=True)
class OpenInterestChange(OfOpenInterest):
    """Change of open interest in coins over `days` days, a fraction. Mechanism 22, essay D.

    formula : coins / coins of the last day at least `days` days before - 1; NaN until there is one
    sign : below -0.15 leverage is being taken off: - for days, neutral to + afterwards
    """

    asset: str = "BTC"
    days: int = 30

    def compute(self, known: Known) -> pd.Series:
        """Values at the end of each day that has one."""
        return np.expm1(self.growth(known, self.days))


@dataclass(frozen=True)
class OpenInterestUnwind(AgainstBasis):
    """Whether leverage is being taken off while carry does not pay, 1 or 0. Mechanism 22, essay D.

    formula : `OpenInterestChange` < -fall and `Basis` < hurdle, each as last known; NaN while one is unknown
    fall : a fraction      hurdle : % a year
    sign : - for days to weeks; once over, neutral to +
    """

    asset: str = "BTC"
    days: int = 30
    fall: float = 0.15
    hurdle: float = 5.0

    def compute(self, known: Known) -> pd.Series:
        """Values whenever open interest or basis becomes known."""
        changed = OpenInterestChange(self.asset, self.days).compute(known)
        return together(self._unwinding, changed, BasisToHurdle(self.asset, self.hurdle).compute(known))

    def _unwinding(self, changed: np.ndarray, above: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(changed) | np.isnan(above), np.nan, (changed < -self.fall) & (above < 0))


@dataclass(frozen=True)
class OpenInterestBasisCorrelation(AgainstBasis):
    """Rank correlation of changes in open interest and in the basis over `window` days, -1 to 1. Mechanism 22, essay D.

    formula : Spearman correlation, over the last `window` daily closes at which both are known, of the log change of
    coins and the change of the basis over `days` days; NaN until there are so many, and where one never changed
    sign : context: near 1 the positions are arbitrage, near 0 they are not
    caveat : with `days` above 1 the changes overlap, and neighbours are not independent
    """

    asset: str = "BTC"
    days: int = 1
    window: int = 60

    def compute(self, known: Known) -> pd.Series:
        """Values at each daily close at which both changes are known."""
        basis = Basis(self.asset).measured(known, lambda values: change(values, self.days))
        pairs = together(_right, basis, self.growth(known, self.days))[basis.index]
        both = pd.DataFrame({"basis": basis, "coins": pairs}).dropna()
        return pd.Series(rank_correlation(both.to_numpy(), self.window), both.index)


@dataclass(frozen=True)
class LeverageFlushed(OfOpenInterest):
    """Whether leverage is low and costs nothing, 1 or 0. Mechanism 25, essay D.

    formula : rank of open interest in coins among its last `window` days <= `low`, and funding of the last `days` days
    between -calm and calm, % a year; NaN while one is unknown
    sign : + for risk taken: less leverage, less noise; a regime of weeks to months
    caveat : stands for the percentile of open interest / market capitalisation: the price cancels, and coins in
    existence grow by less than 1% a year. Funding of many venues rests at 10.95% a year, not at 0
    """

    asset: str = "BTC"
    window: int = 365
    low: float = 0.2
    days: int = 7
    calm: float = 5.0

    @property
    def needs(self) -> tuple[str, ...]:
        """The asset's open interest and funding."""
        return (*super().needs, f"FUNDING_{self.asset}")

    def compute(self, known: Known) -> pd.Series:
        """Values at the end of each day that has open interest."""
        coins = self.coins(known).series()
        paid = funding_carry(released(known, f"FUNDING_{self.asset}"), coins.index, window_of(self.days))
        carry = paid.reindex(coins.index).to_numpy()
        place = rank(coins, self.window)
        flushed = (place <= self.low) & (np.abs(carry) < self.calm)
        return flushed.astype(float).where(place.notna() & ~np.isnan(carry))


def rank_correlation(pairs: np.ndarray, window: int) -> np.ndarray:
    """Spearman correlation of the two columns over the last `window` rows, ties at their mean rank.

    NaN in the first rows and where a column holds but one value.

    >>> rank_correlation(np.array([[1.0, 5.0], [2.0, 7.0], [3.0, 6.0]]), 3).tolist()
    [nan, nan, 0.5]
    """
    from scipy.stats import rankdata  # takes longer than all signals together

    answer = np.full(len(pairs), np.nan)
    if len(pairs) < window_of(window, least=3):
        return answer
    windows = np.lib.stride_tricks.sliding_window_view(pairs, window, axis=0)
    left, right = np.moveaxis(rankdata(windows, axis=-1) - (window + 1) / 2, 1, 0)
    spread = np.sqrt((left**2).sum(axis=-1) * (right**2).sum(axis=-1))
    covered = (left * right).sum(axis=-1)
    answer[window - 1 :] = np.divide(covered, spread, out=np.full(len(spread), np.nan), where=spread > 0)
    return answer


def _right(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return right
