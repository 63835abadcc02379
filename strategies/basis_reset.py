"""Essay D: once the basis trade has been unwound, what is left is a market with less leverage and less noise."""

from collections.abc import Mapping
from dataclasses import dataclass

from signals import BasisBelowHurdle, BasisFall, BasisToHurdle, Signal
from signals.parameters import Mix
from strategies.strategy import BTC_ETH, Now, Strategy, Weights, spread


@dataclass(frozen=True)
class BasisReset(Strategy):
    """Hold the mix unless the carry trade is being unwound; come back once the basis has long been below its hurdle.

    asset : whose basis      hurdle : break-even of the carry trade, % a year      fall : fall over 28 days that, below
    the hurdle, is an unwind, percentage points      spell : share of the last `window` days below the hurdle from which
    the unwind is over
    Source: essay D (the 30-day basis fell by 217 bps from 6.63 % to 4.46 %; break-even 5 %; below it on 93 % of days):
    negative for days to weeks while it falls, neutral to positive once it has stayed down.
    """

    asset: str = "BTC"
    hurdle: float = 5.0
    fall: float = 2.17
    window: int = 40
    spell: float = 0.93
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def signals(self) -> Mapping[str, Signal]:
        """The basis above its hurdle, its fall over 28 days, and the share of days below the hurdle."""
        return {
            "gap": BasisToHurdle(self.asset, self.hurdle),
            "fall": BasisFall(self.asset),
            "share_below": BasisBelowHurdle(self.asset, self.hurdle, self.window),
        }

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """The hurdle itself, the fall that is an unwind, and the share from which it is over."""
        return {"gap": (0.0,), "fall": (self.fall,), "share_below": (self.spell,)}

    def weights(self, now: Now) -> Weights:
        """Nothing during an unwind, all of the exposure otherwise."""
        unwinding = (now.gap < 0) & (now.fall >= self.fall) & (now.share_below < self.spell)
        return spread((1 - unwinding) * self.exposure, self.mix)
