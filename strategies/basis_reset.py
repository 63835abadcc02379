"""Essay D: once the basis trade has been unwound, what is left is a market with less leverage and less noise."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from signals import BasisBelowHurdle, BasisFall, BasisToHurdle, EtfCapitulation, EtfUnwind, Signal
from signals.parameters import Mix
from strategies.strategy import BTC_ETH, Now, Strategy, Weights, spread


@dataclass(frozen=True)
class BasisReset(Strategy):
    """Hold the mix unless the carry trade is being unwound, or holders flee; come back once that is over.

    | who leaves                                       | basis                                            | held    |
    |--------------------------------------------------|--------------------------------------------------|---------|
    | everybody: redemptions broad and unusually large | whatever it does                                 | nothing |
    | arbitrageurs: redemptions of a few funds, fewer  | still falling over `lately` days, no spell yet   | nothing |
    | coins of open interest, basis below the hurdle   | no longer falling, or a spell below the hurdle   | all     |
    | neither, or not known                            | below the hurdle after a fall, no spell yet      | nothing |
    |                                                  | anything else                                    | all     |

    asset : whose basis and open interest; the redemptions are of bitcoin funds      hurdle : break-even of the carry
    trade, % a year      fall : fall over 28 days that, below the hurdle, is an unwind, percentage points
    window, spell : share of the last `window` days below the hurdle from which the unwind is over
    lately : days      concentrated : share of the three largest issuers in redemptions above which a few leave
    broad : share below which all leave      score : standard deviations above the mean that are unusually large
    Source: essay D (the 30-day basis fell by 217 bps from 6.63 % to 4.46 %; break-even 5 %; below it on 93 % of days;
    open interest fell with it, and three issuers had 90 % of the redemptions): an unwind is negative for days to weeks
    while the basis falls, and neutral to positive after it; a capitulation is negative while it lasts.

    Redemptions and open interest are files of your own. Without them the basis decides alone: it tells a fall, but not
    who leaves, so the spell has to say when it is over.
    """

    asset: str = "BTC"
    hurdle: float = 5.0
    fall: float = 2.17
    window: int = 40
    spell: float = 0.93
    lately: int = 7
    concentrated: float = 0.85
    broad: float = 0.60
    score: float = 2.0
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def signals(self) -> Mapping[str, Signal]:
        """The basis above its hurdle, its falls, the share of days below, and the two kinds of redemption."""
        return {
            "gap": BasisToHurdle(self.asset, self.hurdle),
            "fall": BasisFall(self.asset),
            "lately_fall": BasisFall(self.asset, self.lately),
            "share_below": BasisBelowHurdle(self.asset, self.hurdle, self.window),
            "arbitrageurs": EtfUnwind(self.asset, share=self.concentrated, hurdle=self.hurdle),
            "capitulation": EtfCapitulation(share=self.broad, score=self.score),
        }

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """The hurdle itself, falls that are an unwind, the share from which it is over, and the two flags."""
        return {
            "gap": (0.0,),
            "fall": (self.fall,),
            "lately_fall": (0.0,),
            "share_below": (self.spell,),
            "arbitrageurs": (0.5,),
            "capitulation": (0.5,),
        }

    def can_miss(self) -> tuple[str, ...]:
        """Who leaves."""
        return ("arbitrageurs", "capitulation")

    def weights(self, now: Now) -> Weights:
        """Nothing during an unwind or a capitulation, all of the exposure otherwise."""
        falling = np.where(now.arbitrageurs > 0.5, now.lately_fall > 0, now.fall >= self.fall)
        unwinding = (now.gap < 0) & falling & (now.share_below < self.spell)
        leaving = unwinding | (now.capitulation > 0.5)
        return spread((1 - leaving) * self.exposure, self.mix)
