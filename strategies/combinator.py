"""Strategies made of strategies: how a whole names what its parts read, and what it is counted as."""

import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache

from data_cache.errors import BadUsage
from signals.parameters import check_type
from signals.signal import Signal
from strategies.strategy import Now, Strategy, Weights, path_dependent

# Between the ideas in the family of a strategy that is made of several.
JOINT = "+"
# Of the scale of a book. A scale below half a step rounds to 0: with a larger step the market would be left as soon as
# volatility is less than four times its target.
LARGEST_STEP = 0.5


@dataclass(frozen=True)
class Composite(Strategy):
    """A strategy some of whose parameters are strategies: it reads what they read, and makes one answer of theirs.

    A signal of a part is named part.signal, as the part's parameters are: "stealth_qe.srf", "parts.0.change". While a
    part lacks a signal that it needs there is no decision. Raises BadUsage for a part that is no strategy, and for one
    that looks at its own book, since a part has none.
    """

    def __post_init__(self) -> None:
        kind: type = type(self)
        for name in _made_of(kind):
            check_type(kind, name, getattr(self, name))
        for name, part in self.inner().items():
            if path_dependent(part):
                raise BadUsage(
                    f"{kind.__name__}.{name} is {type(part).__name__}, which looks at its own book; a part has "
                    "none: take a strategy that decides by signals alone, or run this one by itself"
                )

    def inner(self) -> dict[str, Strategy]:
        """The strategies among the parameters, by name; those of a tuple by its name and their place, "parts.0"."""
        found: dict[str, Strategy] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                found |= {f"{field.name}.{i}": part for i, part in enumerate(value) if isinstance(part, Strategy)}
            elif isinstance(value, Strategy):
                found[field.name] = value
        return found

    def asked(self) -> dict[str, Strategy]:
        """The parts that have a say, of `inner`: what others would hold, read or wait for makes no difference."""
        return self.inner()

    def signals(self) -> Mapping[str, Signal]:
        """All signals of all parts, named part.signal."""
        return {
            f"{part}.{name}": signal for part, one in self.asked().items() for name, signal in one.signals().items()
        }

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """All levels of all parts, named part.signal."""
        return {
            f"{part}.{name}": levels for part, one in self.asked().items() for name, levels in one.thresholds().items()
        }

    def can_miss(self) -> tuple[str, ...]:
        """What the parts can live without, named part.signal."""
        return tuple(f"{part}.{name}" for part, one in self.asked().items() for name in one.can_miss())

    def rebalance_every(self) -> float:
        """The shortest schedule of the parts, in days; 0 where none has one."""
        return min((days for part in self.asked().values() if (days := part.rebalance_every())), default=0)

    def answers(self, now: Now) -> dict[str, Weights]:
        """What each part would hold, by its name."""
        return {name: part.weights(now.of(name)) for name, part in self.asked().items()}


@dataclass(frozen=True)
class Combinator(Composite):
    """Building material: it changes or joins what other strategies hold, and is no idea of its own.

    Its trials are counted as those of the ideas inside it, so that nobody gets a fresh count by wrapping a strategy.
    Subclass it for one of your own: give it parameters that are strategies, and `weights` made of `answers`.
    """

    @property
    def family(self) -> str:
        """The ideas inside, in the order of their names: "StealthQE", or "BuyAndHold+StealthQE" for a blend of two."""
        return JOINT.join(sorted({idea for part in self.inner().values() for idea in part.family.split(JOINT)}))


@cache
def _made_of(kind: type) -> tuple[str, ...]:
    """The parameters of a class that are strategies or signals, or tuples of them."""
    hints = typing.get_type_hints(kind)
    inside = {field.name: typing.get_args(hints[field.name])[:1] or (hints[field.name],) for field in fields(kind)}
    return tuple(
        name for name, (one,) in inside.items() if isinstance(one, type) and issubclass(one, Strategy | Signal)
    )


def require_positive(strategy: Strategy, *names: str) -> None:
    """Raise BadUsage for a parameter of `strategy` that is no finite number above 0."""
    for name in names:
        value = getattr(strategy, name)
        if not (isinstance(value, int | float) and 0 < value < math.inf):
            raise BadUsage(f"{type(strategy).__name__}.{name} must be a number above 0; found {value!r}")


def require_step(strategy: Strategy, step: float) -> None:
    """Raise BadUsage for a step of the scale of a book that is no number above 0, or above LARGEST_STEP."""
    require_positive(strategy, "step")
    if step > LARGEST_STEP:
        raise BadUsage(
            f"{type(strategy).__name__}.step must be at most {LARGEST_STEP:g}; found {step!r}: a scale below half a "
            "step is rounded to 0, and the market would be left where volatility is hardly above the target"
        )
