"""Several strategies side by side, each with a share of the book."""

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from data_cache.errors import BadUsage
from signals.parameters import Shares
from strategies.combinator import Combinator
from strategies.net_liquidity_tide import NetLiquidityTide
from strategies.stealth_qe import StealthQE
from strategies.strategy import Now, Strategy, Weights

# Shares such as 0.1 ten times add up to 1 but for this.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Blend(Combinator):
    """Hold several strategies at once, each with a fixed share of equity.

    parts : at least one      shares : one for each part, fractions of 0 or more that add up to at most 1, the rest is
    cash; () for equal shares

    The weight of an asset is the sum of share x weight over the parts, where a part that does not name it holds none of
    it. There is one book: what parts buy and sell of one asset is netted. While one part has no answer there is none. A
    part with a share of 0 is not asked: its signals need not be known, and what it alone names is not traded.
    """

    parts: tuple[Strategy, ...] = (StealthQE(), NetLiquidityTide())
    shares: Shares = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.parts:
            raise BadUsage("Blend has no parts; give it at least one strategy, as in Blend(parts=(StealthQE(),))")
        if self.shares and len(self.shares) != len(self.parts):
            raise BadUsage(
                f"Blend has {len(self.parts)} parts and {len(self.shares)} shares; give one share for each part, or ()"
            )
        if not all(share >= 0 for share in self.shares) or not sum(self.shares) <= 1 + ROUNDING:
            raise BadUsage(f"Blend.shares must be 0 or more and add up to at most 1; found {self.shares!r}")
        if self.shares and not any(self.shares):
            raise BadUsage(f"Blend.shares are all 0, which holds nothing; give one part a share; found {self.shares!r}")

    def asked(self) -> dict[str, Strategy]:
        """The parts that have a share above 0."""
        idle = {f"parts.{i}" for i, share in enumerate(self.shares) if share == 0}
        return {name: part for name, part in self.inner().items() if name not in idle}

    def weights(self, now: Now) -> Weights:
        """The sum over the parts of share x weight; NaN where a part decides nothing."""
        shares = [share for share in self.shares if share > 0] or [1 / len(self.parts)] * len(self.parts)
        answers = list(self.answers(now).values())
        held: dict[str, Any] = {}
        for share, answer in zip(shares, answers, strict=True):
            for asset, weight in answer.items():
                held[asset] = held.get(asset, 0.0) + share * weight
        undecided = reduce(np.logical_or, [_decides_nothing(answer) for answer in answers])
        return {asset: np.where(undecided, np.nan, weight)[()] for asset, weight in held.items()}


def _decides_nothing(answer: Weights) -> Any:
    """Whether all weights are NaN; one NaN beside a number is an error that the engines tell."""
    return reduce(np.logical_and, [np.isnan(weight) for weight in answer.values()])
