"""Essay H's core thesis: dollars lent through the Fed's repo window are quantitative easing by another name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from signals import (
    CeilingSpread,
    ShutdownOpen,
    Signal,
    StandingRepoUse,
    TreasuryAccountExcess,
    TreasuryAccountFlow,
)
from signals.parameters import Mix
from strategies.strategy import BTC_ETH, Now, Strategy, Weights, spread


@dataclass(frozen=True)
class StealthQE(Strategy):
    """Hold the mix while the Fed lends through its standing repo window and funding is not in open stress.

    The position is small while the Treasury hoards dollars: as long as the government is shut, and as long as the
    Treasury's account stands well above its target and is not falling.

    window : operations over which take-up is averaged      trigger : mean take-up that counts as lending, $bn a day
    ceiling_bps : SOFR this far above the upper bound is open stress      exposure : while in the market
    hoard : excess of the account over its target that has to drain first, $bn      days : business days over which it
    falls or not      gated : what is held meanwhile, a fraction of the exposure
    Source: essay H (SRF use above zero restarts the bull market, over weeks to months; positions stay small until the
    government reopens and the account, some $150bn above its target, is paid out). The press read the same days as
    bearish within days (October 2025), hence the ceiling. The essay says small and not how small: a quarter is ours.

    The gate holds back where a hoard is known. An unknown one holds nothing back, since the claim is about lending:
    there was no target before October 2018, and there is none after the last refunding entered; after the table of
    shutdowns ends the account alone speaks.
    """

    window: int = 21
    trigger: float = 1.0
    ceiling_bps: float = 10.0
    hoard: float = 100.0
    days: int = 5
    gated: float = 0.25
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def signals(self) -> Mapping[str, Signal]:
        """Mean take-up of the facility, SOFR against the ceiling, the shutdown, the account's excess and its change."""
        return {
            "srf": StandingRepoUse(self.window),
            "stress": CeilingSpread(),
            "shutdown": ShutdownOpen(self.mix[0][0]),
            "excess": TreasuryAccountExcess(),
            "flow": TreasuryAccountFlow(self.days),
        }

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """Take-up that counts as lending, open stress, a shutdown, the excess, and an account that does not fall."""
        return {
            "srf": (self.trigger,),
            "stress": (self.ceiling_bps,),
            "shutdown": (0.5,),
            "excess": (self.hoard,),
            "flow": (0.0,),
        }

    def can_miss(self) -> tuple[str, ...]:
        """What the gate reads."""
        return ("shutdown", "excess", "flow")

    def weights(self, now: Now) -> Weights:
        """The exposure while lending is above the trigger and stress below the ceiling, less while dollars pile up."""
        lending = (now.srf > self.trigger) & (now.stress < self.ceiling_bps)
        waiting = self.waiting(now)
        return spread(lending * (waiting * self.gated + (1 - waiting)) * self.exposure, self.mix)

    def waiting(self, now: Now) -> Any:
        """Whether the Treasury takes in more than it pays out: a shutdown, or a hoard that does not fall."""
        return (now.shutdown > 0.5) | ((now.excess >= self.hoard) & (now.flow >= 0))
