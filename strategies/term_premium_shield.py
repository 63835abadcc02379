"""Essay D read as a hypothesis: a curve that steepens because long yields rise is bad for risk."""

from collections.abc import Mapping
from dataclasses import dataclass

from signals import BearSteepening, Signal
from signals.parameters import Mix
from strategies.strategy import BTC_ETH, Now, Strategy, Weights, spread


@dataclass(frozen=True)
class TermPremiumShield(Strategy):
    """Hold the mix, but step aside while the curve bear-steepens.

    days : over which the steepening is measured      limit : steepening from the long end that is too much, percentage
    points      shielded : exposure while it lasts
    Source: essay D (10-year over 12-month "near highs again"). The essay gives neither sign nor size: the shield is
    the hypothesis that term premium, not growth, moves the long end, and its limit is our choice, not fitted.
    """

    days: int = 28
    limit: float = 0.2
    shielded: float = 0.0
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def signals(self) -> Mapping[str, Signal]:
        """How much of the slope's rise the 10-year yield explains, percentage points."""
        return {"bear": BearSteepening(self.days)}

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """The steepening that is too much."""
        return {"bear": (self.limit,)}

    def weights(self, now: Now) -> Weights:
        """The exposure, or the shielded exposure while steepening is above the limit."""
        shield = now.bear > self.limit
        return spread(shield * self.shielded + (1 - shield) * self.exposure, self.mix)
