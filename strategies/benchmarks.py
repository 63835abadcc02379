"""Yardsticks: what a liquidity strategy has to beat before anyone should care."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from signals import Signal, Trend, Volatility
from signals.parameters import Mix
from strategies.combinator import require_step
from strategies.strategy import BTC_ETH, Now, Strategy, Weights, spread


@dataclass(frozen=True)
class BuyAndHold(Strategy):
    """Buy the mix at the start and never trade again."""

    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def weights(self, now: Now) -> Weights:
        """The mix, always; holdings drift with prices."""
        return spread(self.exposure, self.mix)


@dataclass(frozen=True)
class FixedMix(Strategy):
    """Hold a fixed share of equity in the mix and trade back to it every so many days."""

    exposure: float = 0.6
    mix: Mix = BTC_ETH
    rebalance_days: float = 30.0

    def rebalance_every(self) -> float:
        """The schedule, in days."""
        return self.rebalance_days

    def weights(self, now: Now) -> Weights:
        """The mix, always."""
        return spread(self.exposure, self.mix)


@dataclass(frozen=True)
class TrendFollowing(Strategy):
    """Hold each asset of the mix while it trades above its own average of `days` daily closes.

    Source: Faber (2007), "A Quantitative Approach to Tactical Asset Allocation": price against its 200-day mean.
    """

    days: int = 200
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def signals(self) -> Mapping[str, Signal]:
        """The trend of each asset, under the asset's name."""
        return {asset: Trend(asset, self.days) for asset, _ in self.mix}

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """The average itself: a trend of 0."""
        return {asset: (0.0,) for asset, _ in self.mix}

    def weights(self, now: Now) -> Weights:
        """Each asset's share while its trend is up."""
        return {asset: (getattr(now, asset) > 0) * share * self.exposure for asset, share in self.mix}


@dataclass(frozen=True)
class VolatilityTarget(Strategy):
    """Scale each asset of the mix so that its share of risk stays the same: target over realised volatility.

    target : volatility aimed at, a year, fraction      days : over which volatility is measured
    step : weights move in steps of this fraction of the full share, at most 0.5, so that noise is not traded; less than
    half a step is nothing: with steps of a tenth, from a volatility of twenty times the target on
    Source: Moreira and Muir (2017), "Volatility-Managed Portfolios", Journal of Finance 72(4), with volatility in
    place of variance and no leverage.
    """

    target: float = 0.4
    days: int = 30
    step: float = 0.1
    exposure: float = 1.0
    mix: Mix = BTC_ETH

    def __post_init__(self) -> None:
        require_step(self, self.step)

    def signals(self) -> Mapping[str, Signal]:
        """The volatility of each asset, under the asset's name."""
        return {asset: Volatility(asset, self.days) for asset, _ in self.mix}

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """The volatilities between two steps, at which the scale is half a step above a whole number of them."""
        halves = [(step + 0.5) * self.step for step in range(int(1 / self.step) + 1)]
        return {asset: tuple(self.target / half for half in reversed(halves) if half < 1) for asset, _ in self.mix}

    def weights(self, now: Now) -> Weights:
        """Each asset's share times target / volatility, at most the share itself, in steps."""
        return {asset: self._scale(getattr(now, asset)) * share * self.exposure for asset, share in self.mix}

    def _scale(self, volatility: Any) -> Any:
        scale = self.target / np.maximum(volatility, self.target)
        return np.minimum(1.0, np.round(scale / self.step) * self.step)
