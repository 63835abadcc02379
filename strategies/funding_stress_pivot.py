"""Funding stress as essay H reads it: the Fed has to answer, so buy once the worst is over."""

from collections.abc import Mapping
from dataclasses import dataclass

from signals import CeilingSpread, Signal
from signals.parameters import Mix
from strategies.lately import UP, lately
from strategies.strategy import BTC_ETH, Now, Strategy, Weights, spread


@dataclass(frozen=True)
class FundingStressPivot(Strategy):
    """Hold the mix in the weeks after SOFR was above its ceiling, once it is back below; nothing otherwise.

    window : days over which SOFR against the ceiling is averaged, ends of months left out
    level_bps : SOFR this far above the upper bound is stress      weeks : in for so many weeks after
    sign : + over 4 to 26 weeks; the other sign of `FundingStressExit`      mechanism : 8
    Source: essay H (stress forces the Fed to lend and to expand). Level and weeks are those of the claim, not fitted.
    """

    window: int = 5
    level_bps: float = 0.0
    weeks: int = 26
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def signals(self) -> Mapping[str, Signal]:
        """SOFR against the ceiling, and whether it was above it in the last weeks."""
        ceiling = CeilingSpread(self.window)
        return {"stress": ceiling, "lately": lately(ceiling, self.level_bps, 7 * self.weeks)}

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """What counts as stress, and between no and yes."""
        return {"stress": (self.level_bps,), "lately": (UP,)}

    def weights(self, now: Now) -> Weights:
        """All of the exposure in the weeks after stress, nothing during it and without it."""
        answered = (now.lately > UP) & (now.stress <= self.level_bps)
        return spread(answered * self.exposure, self.mix)
