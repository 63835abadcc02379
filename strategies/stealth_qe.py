"""Essay H's core thesis: dollars lent through the Fed's repo window are quantitative easing by another name."""

from collections.abc import Mapping
from dataclasses import dataclass

from signals import CeilingSpread, Signal, StandingRepoUse
from signals.parameters import Mix
from strategies.strategy import BTC_ETH, Now, Strategy, Weights, spread


@dataclass(frozen=True)
class StealthQE(Strategy):
    """Hold the mix while the Fed lends through its standing repo window and funding is not in open stress.

    window : operations over which take-up is averaged      trigger : mean take-up that counts as lending, $bn a day
    ceiling_bps : SOFR this far above the upper bound is open stress      exposure : while in the market
    Source: essay H (SRF use above zero restarts the bull market, over weeks to months). The press read the same days as
    bearish within days (October 2025), hence the ceiling.
    """

    window: int = 21
    trigger: float = 1.0
    ceiling_bps: float = 10.0
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def signals(self) -> Mapping[str, Signal]:
        """Mean take-up of the facility, and SOFR against the ceiling."""
        return {"srf": StandingRepoUse(self.window), "stress": CeilingSpread()}

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """Take-up that counts as lending, and open stress."""
        return {"srf": (self.trigger,), "stress": (self.ceiling_bps,)}

    def weights(self, now: Now) -> Weights:
        """All of the exposure while lending is above the trigger and stress below the ceiling; nothing otherwise."""
        lending = (now.srf > self.trigger) & (now.stress < self.ceiling_bps)
        return spread(lending * self.exposure, self.mix)
