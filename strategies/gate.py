"""A strategy that is held only while a signal says so."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data_cache.errors import BadUsage
from signals import CeilingSpread, Signal
from strategies.benchmarks import BuyAndHold
from strategies.combinator import Combinator
from strategies.strategy import Now, Strategy, Weights


@dataclass(frozen=True)
class Gate(Combinator):
    """Hold a strategy fully while a signal is on the open side of a level, and a fraction of it otherwise.

    level : in the signal's own unit; the gate is closed at the level itself      open_above : whether it is open above
    the level, or below it      closed : fraction of the strategy's weights that is held while the gate is closed
    While the signal is unknown there is no decision. Unless told otherwise the gate is open while SOFR is
    below the upper bound of the Fed's range: funding is not in stress (essay H).
    """

    strategy: Strategy = BuyAndHold()
    signal: Signal = CeilingSpread()
    level: float = 0.0
    open_above: bool = False
    closed: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.closed <= 1:
            raise BadUsage(f"Gate.closed is the fraction held while the gate is closed, 0 to 1; found {self.closed!r}")

    def signals(self) -> Mapping[str, Signal]:
        """Those of the strategy, and the gate's own under "signal"."""
        return {**super().signals(), "signal": self.signal}

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """Those of the strategy, and the gate's own level."""
        return {**super().thresholds(), "signal": (self.level,)}

    def weights(self, now: Now) -> Weights:
        """The strategy's weights, all of them or the fraction."""
        is_open = now.signal > self.level if self.open_above else now.signal < self.level
        factor = np.where(is_open, 1.0, self.closed)[()]
        return {asset: factor * weight for asset, weight in self.strategy.weights(now.of("strategy")).items()}
