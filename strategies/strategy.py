"""What a strategy is: named signals, and a rule that turns their values into target weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from data_cache.errors import UnknownName
from signals.parameters import Mix
from signals.signal import Signal

# Target weights by asset: fractions of equity; one number in the event engine, an array in the vector path.
Weights = Mapping[str, Any]

BTC_ETH: Mix = (("BTC", 0.7), ("ETH", 0.3))


class Now:
    """The signals' values as known at one moment (scalars) or at many (arrays): `now.srf`, `now.stress`, `now.at`."""

    def __init__(self, at: Any, values: Mapping[str, Any]) -> None:
        self.at = at
        self.__dict__.update(values)

    def of(self, part: str) -> "Now":
        """What a part of a composite sees: the signals named "part.name", by name."""
        stem = f"{part}."
        return Now(self.at, {n.removeprefix(stem): v for n, v in self.__dict__.items() if n.startswith(stem)})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise UnknownName.among("signal", name, [n for n in self.__dict__ if n != "at"], owner="now")


@dataclass(frozen=True)
class Book:
    """What a path-dependent strategy may see of itself: its own past, marked at the last prices known.

    These are the last closes; once something was traded at the current bar's open, they are that bar's opens.
    equity : $      peak : the highest equity so far, $      weights : current fraction of equity by asset
    """

    equity: float
    peak: float
    weights: Mapping[str, float]

    @property
    def drawdown(self) -> float:
        """How far equity is below its peak: 0 at the peak, 0.25 when a quarter of it is lost."""
        return 1 - self.equity / self.peak


@dataclass(frozen=True)
class Strategy:
    """What to hold, decided when something becomes known.

    Subclasses are frozen dataclasses whose fields are the parameters. `signals` names what is read, `weights` turns it
    into target weights. A rule written as arithmetic (`&`, `*`, `np.where`) runs in both engines.
    """

    @property
    def family(self) -> str:
        """What its trials are counted as: the name of the class, whatever the parameters."""
        return type(self).__name__

    def signals(self) -> Mapping[str, Signal]:
        """The signals that the rule reads, by the name under which `now` holds them."""
        return {}

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """By signal name, the levels at which the rule changes its answer; empty for a rule that has none."""
        return {}

    def can_miss(self) -> tuple[str, ...]:
        """Names of signals that the rule can live without: it is asked even while they are NaN."""
        return ()

    def rebalance_every(self) -> float:
        """Days after which an unchanged target is traded back to; 0 lets holdings drift."""
        return 0

    def weights(self, now: Now) -> Weights:
        """Target weights by asset, each in [0, 1], together at most 1; NaN for no decision."""
        raise NotImplementedError(f"{type(self).__name__} has no weights(self, now)")

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        """Target weights at an event, None for no decision.

        Override it only for a rule that looks at its own book; such a rule runs in the event engine alone.
        """
        return self.weights(now)


def path_dependent(strategy: Strategy) -> bool:
    """Whether the strategy looks at its own book, so that only the event engine can run it."""
    return type(strategy).on_event is not Strategy.on_event


def named_assets(strategy: Strategy) -> tuple[str, ...]:
    """The assets that a rule names, in its order: it names the same ones whatever is known."""
    nothing_known = {name: np.float64(np.nan) for name in strategy.signals()}
    return tuple(strategy.weights(Now(pd.NaT, nothing_known)))


def spread(exposure: Any, mix: Mix) -> Weights:
    """Spread `exposure` over the assets of `mix`.

    >>> spread(0.5, (("BTC", 0.7), ("ETH", 0.3)))
    {'BTC': 0.35, 'ETH': 0.15}
    """
    return {asset: exposure * share for asset, share in mix}
