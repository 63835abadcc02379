"""A strategy whose positions are kept within limits."""

from dataclasses import dataclass

import numpy as np

from strategies.combinator import Combinator, require_positive
from strategies.net_liquidity_tide import NetLiquidityTide
from strategies.strategy import Now, Strategy, Weights


@dataclass(frozen=True)
class Capped(Combinator):
    """Hold a strategy with no position and no whole book larger than a cap.

    asset : the largest weight of one asset, long or short; what is above it is cut and becomes cash      total : the
    largest gross exposure, the sum of |weight|; a book above it is scaled down by one factor, after the cuts
    """

    strategy: Strategy = NetLiquidityTide()
    asset: float = 0.5
    total: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "asset", "total")

    def weights(self, now: Now) -> Weights:
        """The strategy's weights, cut and scaled down."""
        held = self.strategy.weights(now.of("strategy"))
        cut = {asset: np.clip(weight, -self.asset, self.asset) for asset, weight in held.items()}
        factor = self.total / np.maximum(sum(np.abs(weight) for weight in cut.values()), self.total)
        return {asset: factor * weight for asset, weight in cut.items()}
