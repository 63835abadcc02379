"""Scarce reserves over days: banks outbid each other for cash, so sell."""

from collections.abc import Mapping
from dataclasses import dataclass

from signals import ReserveScarcity, Signal
from signals.parameters import Mix
from strategies.lately import UP, lately
from strategies.strategy import BTC_ETH, Now, Strategy, Weights, spread


@dataclass(frozen=True)
class ReserveScarcityExit(Strategy):
    """Hold the mix, but step aside while reserves are scarce and for some days after.

    window : days counted, ends of months left out      share : fraction of them with SOFR above the interest on
    reserves that is scarcity      days : out for so many days after
    sign : - over 1 to 10 days; the other sign of `ReservePivot`      mechanism : 2
    Source: essays H and D (reserves are tight). Most of a week's days are scarcity: our choice, not fitted.
    """

    window: int = 5
    share: float = 0.5
    days: int = 10
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def signals(self) -> Mapping[str, Signal]:
        """Whether reserves were scarce in the last days."""
        return {"lately": lately(ReserveScarcity(self.window), self.share, self.days)}

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """Between no and yes."""
        return {"lately": (UP,)}

    def weights(self, now: Now) -> Weights:
        """Nothing while scarcity is on or fresh, all of the exposure otherwise."""
        return spread((now.lately < UP) * self.exposure, self.mix)
