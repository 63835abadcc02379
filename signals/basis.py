"""The basis: what it pays to hold bitcoin and sell it forward, and whether those who do so are leaving.

Essay D (10 December 2025): the 30-day annualised basis fell from 6.63% to 4.46%, break-even is 5%, and it was
below that on 93% of days: holders of the trade unwind it and sell their coins, - for days to weeks. After a
long spell below, the leverage is gone: neutral to +. The level depends on the venue, and 5% is the hindsight
of an era of 4% rates, so `BasisToSofr` measures against a hurdle that moves with the rate.

The basis comes from dated futures; where none was known within three days, from the funding of the perpetual.
Changes are taken within one source.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.market import BARS_MAX_AGE, Known
from signals.carry import dated_basis, funding_carry
from signals.periods import released, together, utc_index
from signals.signal import Signal
from signals.transforms import change, share_of_days, window_of

Step = Callable[[pd.Series], pd.Series]


class OfBasis(Signal):
    """What all signals of the basis of one asset read; each of them holds the asset as its first parameter."""

    asset: str

    @property
    def needs(self) -> tuple[str, ...]:
        """The asset's bars."""
        return (f"bars:{self.asset}",)

    @property
    def one_of(self) -> tuple[str, ...]:
        """Dated futures, or the funding of the perpetual."""
        return (f"futures:{self.asset}", f"FUNDING_{self.asset}")


@dataclass(frozen=True)
class Basis(OfBasis):
    """Annualised basis at a constant maturity of `days` days, %.

    formula : `signals.carry`, from dated futures, else from funding      sign : see `BasisFall` and
    `BasisBelowHurdle`
    """

    asset: str = "BTC"
    days: int = 30

    def compute(self, known: Known) -> pd.Series:
        """Values at each daily close at which a basis is known."""
        return self.measured(known, lambda basis: basis)

    def measured(self, known: Known, step: Step) -> pd.Series:
        """The basis of each source put through `step`, and the better source of the moment taken."""
        dated, funded = self._sources(known)
        return pd.concat([step(dated), step(funded)[_without(dated, funded)]]).sort_index(kind="stable")

    def source(self, known: Known) -> pd.Series:
        """Where each value comes from, by name, indexed by known_at."""
        dated, funded = self._sources(known)
        stood_in = funded.index[_without(dated, funded)]
        names = [pd.Series(self.one_of[0], dated.index), pd.Series(self.one_of[1], stood_in)]
        return pd.concat(names).sort_index(kind="stable")

    def _sources(self, known: Known) -> tuple[pd.Series, pd.Series]:
        """The basis from dated futures, and from funding unless the first is never missed."""
        window_of(self.days)
        nothing = pd.Series([], utc_index(np.empty(0, np.int64)), dtype=float)
        if not known.has(self.needs[0]):
            return nothing, nothing
        future, funding = self.one_of
        close = known.bars(self.asset)["close"]
        dated = dated_basis(known.futures(self.asset), close, self.days) if known.has(future) else nothing
        if not _without(dated, close).any():
            return dated, nothing
        return dated, funding_carry(released(known, funding), close.index, self.days)


@dataclass(frozen=True)
class BasisToHurdle(OfBasis):
    """Basis above a fixed hurdle, percentage points.

    formula : `Basis` - hurdle      sign : below 0 the trade does not pay; - while it falls, days to weeks
    """

    asset: str = "BTC"
    hurdle: float = 5.0

    def compute(self, known: Known) -> pd.Series:
        """Values at each daily close at which a basis is known."""
        return Basis(self.asset).compute(known) - self.hurdle


@dataclass(frozen=True)
class BasisToSofr(OfBasis):
    """Basis above a hurdle that moves with the overnight rate, percentage points.

    formula : `Basis` - (SOFR + fee + slack), each as last known      sign : as `BasisToHurdle`
    fee : of the fund that holds the coins, % a year      slack : for margin and trading costs, % a year
    """

    asset: str = "BTC"
    fee: float = 0.25
    slack: float = 0.5

    @property
    def needs(self) -> tuple[str, ...]:
        """The asset's bars, and SOFR."""
        return (*super().needs, "SOFR")

    def compute(self, known: Known) -> pd.Series:
        """Values whenever basis or SOFR becomes known."""
        costs = released(known, "SOFR").series() + self.fee + self.slack
        return together(np.subtract, Basis(self.asset).compute(known), costs)


@dataclass(frozen=True)
class BasisBelowHurdle(OfBasis):
    """Share of the last `window` days on which the basis was below the hurdle, a fraction.

    formula : mean over the last `window` daily closes with a basis of (basis < hurdle); NaN until there are
    so many
    sign : regime; with a falling basis -, alone neutral to +
    """

    asset: str = "BTC"
    hurdle: float = 5.0
    window: int = 40

    def compute(self, known: Known) -> pd.Series:
        """Values at each daily close at which a basis is known."""
        below = Basis(self.asset).compute(known) < self.hurdle
        return share_of_days(below.astype(float), self.window)


@dataclass(frozen=True)
class BasisBelowSofr(OfBasis):
    """Share of the last `window` days on which the basis was below SOFR + fee + slack, a fraction.

    formula : mean over the last `window` daily closes of (`BasisToSofr` < 0); NaN until there are so many
    sign : as `BasisBelowHurdle`, with a hurdle that a trader of the day would have had
    """

    asset: str = "BTC"
    fee: float = 0.25
    slack: float = 0.5
    window: int = 40

    @property
    def needs(self) -> tuple[str, ...]:
        """The asset's bars, and SOFR."""
        return BasisToSofr(self.asset).needs

    def compute(self, known: Known) -> pd.Series:
        """Values at each daily close at which a basis and SOFR are known."""
        spread = BasisToSofr(self.asset, self.fee, self.slack).compute(known).dropna()
        closes = spread[spread.index.isin(Basis(self.asset).compute(known).index)]
        return share_of_days((closes < 0).astype(float), self.window)


@dataclass(frozen=True)
class BasisFall(OfBasis):
    """How far the basis fell over `days` days, percentage points: positive when it fell.

    formula : basis of `days` days ago less the basis now, both from the same source      sign : -, days to
    weeks
    """

    asset: str = "BTC"
    days: int = 28

    def compute(self, known: Known) -> pd.Series:
        """Values at each daily close with a basis; NaN where its source had none `days` days ago."""
        return Basis(self.asset).measured(known, lambda basis: -change(basis, self.days))


@dataclass(frozen=True)
class BasisUnwind(OfBasis):
    """Whether the carry trade is being unwound, 1 or 0: the basis is below its hurdle and has fallen.

    formula : basis < hurdle and fall over `days` days > `fall` percentage points; NaN where the fall is
    unknown
    sign : -, days to weeks
    """

    asset: str = "BTC"
    hurdle: float = 5.0
    days: int = 28
    fall: float = 0.0

    def compute(self, known: Known) -> pd.Series:
        """Values at each daily close at which a basis is known."""

        def unwinding(basis: pd.Series) -> pd.Series:
            fallen = -change(basis, self.days)
            flag = (basis < self.hurdle) & (fallen > self.fall)
            return flag.astype(float).where(fallen.notna())

        return Basis(self.asset).measured(known, unwinding)


def _without(dated: pd.Series, others: pd.Series) -> np.ndarray:
    """Whether no dated basis was known within three days before each moment of `others`."""
    moments = others.index.asi8
    known_at = np.append(dated.index.asi8, -BARS_MAX_AGE.value)  # nothing known is known in 1970
    last = dated.index.asi8.searchsorted(moments, side="right") - 1
    return moments - known_at[last] > BARS_MAX_AGE.value  # type: ignore[no-any-return]
