"""Use of the standing repo facility as the press reads it: an alarm, so sell."""

from collections.abc import Mapping
from dataclasses import dataclass

from signals import Hold, Signal, StandingRepoShare
from signals.parameters import Mix
from strategies.lately import UP
from strategies.strategy import BTC_ETH, Now, Strategy, Weights, spread


@dataclass(frozen=True)
class StandingRepoAlarm(Strategy):
    """Hold the mix, but step aside for some days after the standing repo facility was used out of season.

    floor : take-up of a day that counts as use, $bn; the first and the last business day of a month never count
    days : out for so many days after the last use
    sign : - over 1 to 10 days; the other sign of `StealthQE`      mechanism : 9
    Source: CoinDesk of 16 October 2025 ($6.75bn on the 15th, which is no end of a month). The floor is the customary
    billion, the days are those of the claim; neither is fitted.
    """

    floor: float = 1.0
    days: int = 10
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def signals(self) -> Mapping[str, Signal]:
        """Whether the facility was used in the last days."""
        return {"used": Hold(StandingRepoShare(1, self.floor, exclude_period_ends=True), self.days)}

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """Between no and yes."""
        return {"used": (UP,)}

    def weights(self, now: Now) -> Weights:
        """Nothing while use is fresh, all of the exposure otherwise."""
        return spread((now.used < UP) * self.exposure, self.mix)
