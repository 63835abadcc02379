"""Strategies made of strategies: how a whole names what its parts read, and what it is counted as."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from data_cache.errors import BadUsage
from signals.signal import Signal
from strategies.strategy import Now, Strategy, Weights, path_dependent


@dataclass(frozen=True)
class Composite(Strategy):
    """A strategy some of whose parameters are strategies: it reads what they read, and makes one answer of theirs.

    A signal of a part is named part.signal, as the part's parameters are: "stealth_qe.srf", "parts.0.change". While a
    part lacks a signal that it needs there is no decision. Raises BadUsage for a part that looks at its own book, since
    it has none.
    """

    def __post_init__(self) -> None:
        for name, part in self.inner().items():
            if path_dependent(part):
                raise BadUsage(
                    f"{type(self).__name__}.{name} is {type(part).__name__}, which looks at its own book; a part has "
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

    def signals(self) -> Mapping[str, Signal]:
        """All signals of all parts, named part.signal."""
        return {
            f"{part}.{name}": signal for part, one in self.inner().items() for name, signal in one.signals().items()
        }

    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """All levels of all parts, named part.signal."""
        return {
            f"{part}.{name}": levels for part, one in self.inner().items() for name, levels in one.thresholds().items()
        }

    def can_miss(self) -> tuple[str, ...]:
        """What the parts can live without, named part.signal."""
        return tuple(f"{part}.{name}" for part, one in self.inner().items() for name in one.can_miss())

    def rebalance_every(self) -> float:
        """The shortest schedule of the parts, in days; 0 where none has one."""
        return min((days for part in self.inner().values() if (days := part.rebalance_every())), default=0)

    def answers(self, now: Now) -> dict[str, Weights]:
        """What each part would hold, by its name."""
        return {name: part.weights(now.of(name)) for name, part in self.inner().items()}
