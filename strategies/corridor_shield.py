"""The Fed's corridor of rates as a shield: while SOFR stands above it, cash is short and the Fed has not answered."""

from collections.abc import Mapping
from dataclasses import dataclass

from signals import CorridorPosition, Signal
from signals.parameters import Mix
from strategies.strategy import BTC_ETH, Now, Strategy, Weights, spread


@dataclass(frozen=True)
class CorridorShield(Strategy):
    """Hold the mix while SOFR lies in the Fed's target range, and step aside while it stands above.

    window : days over which the position is averaged, ends of months left out      ceiling : the position from which on
    SOFR has left the range, 0 for the lower bound and 1 for the upper      outside : exposure meanwhile
    Source: essay D (SOFR against the policy rate, reserves that are tight) and essay H (the corridor): - over 1 to
    10 days while SOFR is above. Below the lower bound there is too much cash, which is no reason to step aside.
    """

    window: int = 5
    ceiling: float = 1.0
    outside: float = 0.0
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def signals(self) -> Mapping[str, Signal]:
        """Where SOFR lies in the target range, a fraction of its width."""
        return {"position": CorridorPosition(self.window)}

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """The position from which on SOFR has left the range."""
        return {"position": (self.ceiling,)}

    def weights(self, now: Now) -> Weights:
        """The exposure, or what is held outside once SOFR is above the ceiling."""
        above = now.position > self.ceiling
        return spread(above * self.outside + (1 - above) * self.exposure, self.mix)
