"""Funding stress as the press reads it: cash is short, so sell."""

from collections.abc import Mapping
from dataclasses import dataclass

from signals import CeilingSpread, Signal
from signals.parameters import Mix
from strategies.lately import UP, lately
from strategies.strategy import BTC_ETH, Now, Strategy, Weights, spread


@dataclass(frozen=True)
class FundingStressExit(Strategy):
    """Hold the mix, but step aside while SOFR is above its ceiling and for some days after.

    window : days over which SOFR against the ceiling is averaged, ends of months left out
    level_bps : SOFR this far above the upper bound is stress      days : out for so many days after
    sign : - over 1 to 10 days; the other sign of `FundingStressPivot`      mechanism : 8
    Source: CoinDesk of 16 October 2025 on SOFR and bitcoin. Level and days are those of the claim, not fitted.
    """

    window: int = 5
    level_bps: float = 0.0
    days: int = 10
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def signals(self) -> Mapping[str, Signal]:
        """Whether SOFR was above the ceiling in the last days."""
        return {"lately": lately(CeilingSpread(self.window), self.level_bps, self.days)}

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """Between no and yes."""
        return {"lately": (UP,)}

    def weights(self, now: Now) -> Weights:
        """Nothing while stress is on or fresh, all of the exposure otherwise."""
        return spread((now.lately < UP) * self.exposure, self.mix)
