"""Essay D's aside on ether: it breaks its downtrend against bitcoin, and companies buy it by the percent."""

from collections.abc import Mapping
from dataclasses import dataclass

from signals import Breakout, Hold, Signal, TreasuryPurchases, TrendBreak
from signals.parameters import Mix
from strategies.strategy import BTC_ETH, Now, Strategy, Weights


@dataclass(frozen=True)
class EthRotation(Strategy):
    """Hold the mix, and move a part of its bitcoin into ether after a breakout and while a treasury company buys.

    Each of the two reasons moves `tilt` of bitcoin's share, so at most 0.5; the exposure stays. Other assets of the mix
    keep their shares. Nothing moves where the mix has no bitcoin; where it has no ether, ether is added.

    window : days of the high, and of the falling trend, that ETH/BTC breaks      days : tilted for so many days after a
    day of a breakout      company : whose purchases of ether count      bought : what it has to buy within four weeks,
    basis points of all ether      tilt : fraction
    Source: essay D (ETH/BTC leaves a downtrend of three months: a window of 2 to 8 weeks; a company bought $429mn of
    ether in a week, some 11 basis points of it, in a market a fifth the size of bitcoin's). One anecdote, and most
    breaks are false. The sizes of tilt and purchases are ours, not fitted.
    Purchases are a file of your own: without them breakouts decide alone.
    """

    window: int = 63
    days: int = 28
    company: str = "BMNR"
    bought: float = 10.0
    tilt: float = 0.25
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def signals(self) -> Mapping[str, Signal]:
        """Whether ETH/BTC was at a new high, or broke a falling trend, in the last days, and what was bought."""
        return {
            "new_high": Hold(Breakout(window=self.window), self.days),
            "trend_break": Hold(TrendBreak(window=self.window), self.days),
            "purchases": TreasuryPurchases(self.company),
        }

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """The two flags, and purchases that count."""
        return {"new_high": (0.5,), "trend_break": (0.5,), "purchases": (self.bought,)}

    def can_miss(self) -> tuple[str, ...]:
        """The purchases."""
        return ("purchases",)

    def weights(self, now: Now) -> Weights:
        """The mix with the tilt of none, one or both of the reasons moved from bitcoin to ether."""
        broken = (now.new_high > 0.5) | (now.trend_break > 0.5)
        moved = (broken * self.tilt + (now.purchases > self.bought) * self.tilt) * dict(self.mix).get("BTC", 0.0)
        shares = dict(self.mix)
        shares["ETH"] = shares.get("ETH", 0.0) + moved
        if "BTC" in shares:
            shares["BTC"] = shares["BTC"] - moved
        return {asset: self.exposure * share for asset, share in shares.items()}
