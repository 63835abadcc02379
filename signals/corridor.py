"""The Fed's corridor of rates: whether they stand in order, and how SOFR moved within it.

Essay H (mechanism 7): reverse repo is the floor, interest on reserves lies above it, standing repo is the ceiling.
Essay D (mechanism 15): "SOFR plunged in September" 2025; the range had been cut, and SOFR fell by just that much. Where
SOFR stands in the corridor is `signals.funding_stress.CorridorPosition`.
"""

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

import numpy as np
import pandas as pd

from data_cache.market import Known
from signals.periods import Releases, change_since, difference, released, same_period
from signals.signal import Signal
from signals.transforms import refuse_future

BPS = 100
NOISE = 1e-6  # basis points: what is left of the difference of two equal rates
FACILITIES = ("DFEDTARL", "RRPONTSYAWARD", "IORB", "SRFTSYD", "DFEDTARU")
BOUNDS = ("DFEDTARL", "IORB", "DFEDTARU")


@dataclass(frozen=True)
class CorridorOrder(Signal):
    """Whether the Fed's rates stand in order: 1 where they do, 0 where one is out of place.

    formula : DFEDTARL <= RRPONTSYAWARD < IORB < SRFTSYD <= DFEDTARU, all of the same day
    sign : none; a check of the data, and 0 is a warning      mechanism : 7
    with_facilities : False checks DFEDTARL < IORB < DFEDTARU alone, which needs no rates of the Desk
    tolerance_bps : basis points by which a rate may be out of place
    """

    with_facilities: bool = True
    tolerance_bps: float = 0.0

    @property
    def needs(self) -> tuple[str, ...]:
        """The rates, from the floor to the ceiling."""
        return FACILITIES if self.with_facilities else BOUNDS

    def compute(self, known: Known) -> pd.Series:
        """Values at each day of which all the rates are known."""
        rates = [released(known, series) for series in self.needs]
        steps = [difference(above, below) for below, above in pairwise(rates)]
        held = [self._held(step, self._strict(n)) for n, step in enumerate(steps)]
        return reduce(_both, held).series()

    def _strict(self, step: int) -> bool:
        """Whether equality is disorder: the Desk's own rates may stand on the bounds."""
        return not self.with_facilities or 0 < step < len(FACILITIES) - 2

    def _held(self, step: Releases, strict: bool) -> Releases:
        room = BPS * step.value + self.tolerance_bps
        held = room > NOISE if strict and not self.tolerance_bps else room >= -NOISE
        return step._replace(value=held.astype(float))


@dataclass(frozen=True)
class SofrNetOfPolicy(Signal):
    """Move of SOFR over `days` business days that the Fed did not make, basis points.

    formula : change of 100 x (SOFR - DFEDTARU) between a day and the last day at or before `days` weekdays earlier
    sign : - over 1 to 10 days (cash grew dearer by itself), as `CeilingSpread`      mechanism : 15
    The month's end stands in it, and again `days` later with the other sign.
    """

    days: int = 5
    needs = ("SOFR", "DFEDTARU")

    def compute(self, known: Known) -> pd.Series:
        """Values at each day of which rate and bound are known."""
        refuse_future(self.days, "business days")
        spread = difference(released(known, "SOFR"), released(known, "DFEDTARU"))
        day = spread.period.astype("datetime64[D]")
        earlier = np.busday_offset(day, -self.days, roll="forward").astype("datetime64[ns]")
        return BPS * change_since(spread, earlier)


def _both(left: Releases, right: Releases) -> Releases:
    left, right = same_period(left, right)
    return left._replace(value=left.value * right.value)
