"""Scarce reserves over months: the Fed is forced to expand, so buy."""

from collections.abc import Mapping
from dataclasses import dataclass

from signals import PivotPressure, Signal
from signals.parameters import Mix
from strategies.lately import UP, lately
from strategies.strategy import BTC_ETH, Now, Strategy, Weights, spread


@dataclass(frozen=True)
class ReservePivot(Strategy):
    """Hold the mix while reserves have long been scarce and still fall, and in the weeks after; nothing otherwise.

    window : days over which scarcity is counted, ends of months left out      falling_weeks : over which reserves fell
    share : fraction of days with SOFR above the interest on reserves that forces a change of policy
    weeks : in for so many weeks after
    sign : + over 4 to 26 weeks; the other sign of `ReserveScarcityExit`      mechanism : 2
    Source: essays H and D (reserves are tight, the Fed is forced to expand). Most of a quarter's days are pressure: our
    choice, not fitted; there was one such episode.
    """

    window: int = 63
    falling_weeks: int = 13
    share: float = 0.5
    weeks: int = 26
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def signals(self) -> Mapping[str, Signal]:
        """Whether a change of policy was pressing in the last weeks."""
        return {"lately": lately(PivotPressure(self.window, self.falling_weeks), self.share, 7 * self.weeks)}

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """Between no and yes."""
        return {"lately": (UP,)}

    def weights(self, now: Now) -> Weights:
        """All of the exposure while pressure is on or was on of late, nothing otherwise."""
        return spread((now.lately > UP) * self.exposure, self.mix)
