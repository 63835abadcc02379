"""Essay D: once the basis trade has been unwound, what is left is a market with less leverage and less noise."""

from collections.abc import Mapping
from dataclasses import dataclass

from signals import BasisBelowHurdle, BasisFall, Signal
from signals.parameters import Mix
from strategies.strategy import BTC_ETH, Now, Strategy, Weights, spread


@dataclass(frozen=True)
class BasisReset(Strategy):
    """Hold the mix unless the carry trade is being unwound: the basis below its hurdle and still falling.

    asset : whose basis      hurdle : break-even of the carry trade, % a year      window : days of the share below
    below : share of days below the hurdle from which it is a spell      fall : fall over 28 days, percentage points,
    that is an unwind
    Source: essay D (30-day basis from 6.63 % to 4.46 %, break-even 5 %, below it on 93 % of days): negative for days to
    weeks while it falls, neutral to positive once it has stayed down.
    """

    asset: str = "BTC"
    hurdle: float = 5.0
    window: int = 40
    below: float = 0.93
    fall: float = 2.17
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def signals(self) -> Mapping[str, Signal]:
        """The share of days below the hurdle, and how far the basis fell in 28 days."""
        return {
            "share_below": BasisBelowHurdle(self.asset, self.hurdle, self.window),
            "fall": BasisFall(self.asset),
        }

    def weights(self, now: Now) -> Weights:
        """Nothing during an unwind, all of the exposure otherwise."""
        unwinding = (now.share_below >= self.below) & (now.fall >= self.fall)
        return spread((1 - unwinding) * self.exposure, self.mix)
