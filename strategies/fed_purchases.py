"""Essay D: the Fed buys bills again to keep reserves ample, and what it pays for them is new money."""

from collections.abc import Mapping
from dataclasses import dataclass

from signals import OutrightPurchases, Signal
from signals.parameters import Mix
from strategies.strategy import BTC_ETH, Now, Strategy, Weights, spread


@dataclass(frozen=True)
class FedPurchases(Strategy):
    """Hold the mix while the Fed's purchases of securities flow.

    weeks : over which purchases are measured      floor : purchases that count as a flow, $bn over `weeks` weeks
    Source: essay D ("$45bn a month of bills from January"; 1 to 3 months). The outcome was $40bn a month from
    12 December 2025, which is 37 over four weeks. Measured by Treasuries and mortgage bonds together: the Fed also puts
    the principal of mortgage bonds into bills, which adds bills and no reserves. So purchases of bonds count as well:
    those of 2020 and 2021 are in it. What was announced (`PolicyDirection`) is not: a plan pays nobody.
    """

    weeks: int = 4
    floor: float = 20.0
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def signals(self) -> Mapping[str, Signal]:
        """What the Fed bought outright, net of what it reinvested, $bn."""
        return {"bought": OutrightPurchases(self.weeks)}

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """The purchases that count as a flow."""
        return {"bought": (self.floor,)}

    def weights(self, now: Now) -> Weights:
        """All of the exposure while more than the floor is bought."""
        return spread((now.bought > self.floor) * self.exposure, self.mix)
