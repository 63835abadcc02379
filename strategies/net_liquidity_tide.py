"""Essay H's largest claim: a growing Fed balance sheet, net of the Treasury's account and the RRP, lifts bitcoin."""

from collections.abc import Mapping
from dataclasses import dataclass

from signals import NetLiquidityChange, Signal
from signals.parameters import Mix
from strategies.strategy import BTC_ETH, Now, Strategy, Weights, spread


@dataclass(frozen=True)
class NetLiquidityTide(Strategy):
    """Hold the mix while net liquidity has risen over the last weeks.

    weeks : over which the change is taken      trigger : change that counts as a rising tide, $bn
    Source: essay H (4 to 13 weeks). Levels trend and correlate with anything that does, so only changes are used.
    """

    weeks: int = 4
    trigger: float = 0.0
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def signals(self) -> Mapping[str, Signal]:
        """The change of Fed assets less the Treasury's account less the RRP, $bn."""
        return {"change": NetLiquidityChange(self.weeks)}

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """The change that counts as a rising tide."""
        return {"change": (self.trigger,)}

    def weights(self, now: Now) -> Weights:
        """All of the exposure while the tide rises."""
        return spread((now.change > self.trigger) * self.exposure, self.mix)
