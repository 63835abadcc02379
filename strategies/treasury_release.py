"""Essay H: dollars that the Treasury spends out of its account at the Fed reach the market."""

from collections.abc import Mapping
from dataclasses import dataclass

from signals import Signal, TreasuryAccountDrawdown
from signals.parameters import Mix
from strategies.strategy import BTC_ETH, Now, Strategy, Weights, spread


@dataclass(frozen=True)
class TreasuryRelease(Strategy):
    """Hold the mix while the Treasury's account stands well below its recent peak: the difference has been paid out.

    window_days : over which the peak is taken      released : how far below the peak counts as a release, $bn
    Source: essay H (about $150bn above target, to be released once the shutdown ends; 1 to 6 weeks). Measured from the
    peak and not from the announced target, which is a number for the end of a quarter (`TreasuryAccountExcess`).
    """

    window_days: int = 91
    released: float = 150.0
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def signals(self) -> Mapping[str, Signal]:
        """How far the account is below its trailing peak, $bn."""
        return {"drawdown": TreasuryAccountDrawdown(self.window_days)}

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """The drawdown that counts as a release."""
        return {"drawdown": (self.released,)}

    def weights(self, now: Now) -> Weights:
        """All of the exposure while at least `released` has been paid out since the peak."""
        return spread((now.drawdown >= self.released) * self.exposure, self.mix)
