"""A strategy whose book is scaled to a volatility."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from signals import Signal, Volatility
from strategies.combinator import Combinator, require_positive, require_step
from strategies.net_liquidity_tide import NetLiquidityTide
from strategies.strategy import Now, Strategy, Weights, named_assets


@dataclass(frozen=True)
class VolatilityScaled(Combinator):
    """Scale the whole book of a strategy so that the volatility to be expected of it is the target.

    target : volatility aimed at, a year, fraction      days : over which the volatility of each asset is measured
    step : the scale moves in steps of this size, at most 0.5, so that noise is not traded      most : the largest
    scale; 1 never holds more than the strategy asks for, and more than 1 needs perpetuals

    The volatility to be expected is the sum of |weight| x volatility over the assets, as if they always moved together:
    an upper bound. The scale is target / that, rounded to the nearest step, so a book may be expected to vary by half a
    step more than the target, and is in cash while the scale is below half a step: with steps of a tenth, from twenty
    times the target on. What the strategy does not hold stays 0.
    Source: Moreira and Muir (2017), "Volatility-Managed Portfolios", Journal of Finance 72(4), with volatility in
    place of variance.
    """

    strategy: Strategy = NetLiquidityTide()
    target: float = 0.4
    days: int = 30
    step: float = 0.1
    most: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "target", "days", "most")
        require_step(self, self.step)

    def signals(self) -> Mapping[str, Signal]:
        """Those of the strategy, and the volatility of each of its assets, named volatility.ASSET."""
        own = {f"volatility.{asset}": Volatility(asset, self.days) for asset in self._assets}
        return {**super().signals(), **own}

    def weights(self, now: Now) -> Weights:
        """The strategy's weights, all times one scale."""
        held, volatility = self.strategy.weights(now.of("strategy")), now.of("volatility")
        scale = self._scale(sum(np.abs(weight) * getattr(volatility, asset) for asset, weight in held.items()))
        return {asset: scale * weight for asset, weight in held.items()}

    @cached_property
    def _assets(self) -> tuple[str, ...]:
        return named_assets(self.strategy)

    def _scale(self, expected: Any) -> Any:
        """The scale at an expected volatility; `most` itself where that does not reach the target, whatever the step.

        The divisor is kept from 0, where nothing is held and the scale makes no difference.
        """
        stepped = np.round(self.target / np.maximum(expected, self.target / self.most) / self.step) * self.step
        return np.where(expected * self.most <= self.target, self.most, np.minimum(stepped, self.most))[()]
