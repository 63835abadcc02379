"""The search space: every combination of the values that parameters may take, less those that a constraint refuses."""

import itertools
import math
import typing
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np

from backtests.selection import make_strategy, read_strategy, split_setting
from backtests.sweeps.constraint import Constraint
from data_cache.errors import BadUsage, EbbtideError, StrategyFailed, UnknownName
from signals.parameters import Mix, Shares, dotted_parameters, inside, parse, part_of, with_parameters
from strategies.strategy import Strategy

# A parameter set: values by name, dotted for a parameter of a nested strategy.
Parameters = dict[str, Any]

# So many values of one parameter are kept in memory; so many combinations are looked through for a constraint.
MOST_VALUES = 1_000_000
MOST_CONSTRAINED = 10_000_000


@dataclass(frozen=True)
class Axis:
    """One parameter and the values that it takes, in the order given."""

    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Space:
    """All combinations of the values of `axes`, the last axis fastest, of which every one of `where` holds.

    base : the strategy that the parameters which are not searched are taken from
    where : may name every parameter of `base`

    Combinations are computed when asked for; only a constraint costs memory (8 bytes for each combination left).
    Raises BadUsage where a constraint leaves nothing or has more than 10 million combinations to look through, and
    UnknownName where it names no parameter.
    """

    base: Strategy
    axes: tuple[Axis, ...]
    where: tuple[Constraint, ...] = ()

    def __post_init__(self) -> None:
        for constraint in self.where:
            for name in constraint.names:
                if name not in self._fixed:
                    raise UnknownName.among("parameter", name, self._fixed, owner=type(self.base).__name__)
        if self.where and len(self._kept) == 0:
            told = " and ".join(repr(constraint.text) for constraint in self.where)
            raise BadUsage(f"--where {told} leaves none of {self._combinations:,} combinations; loosen it")

    @cached_property
    def size(self) -> int:
        """How many parameter sets there are."""
        return len(self._kept) if self.where else self._combinations

    def trial(self, number: int) -> Parameters:
        """The parameter set of that number, from 0 to size - 1; IndexError for another."""
        if not 0 <= number < self.size:
            raise IndexError(f"trial {number} of a space of {self.size:,}")
        row = int(self._kept[number]) if self.where else number
        found = {}
        for axis in reversed(self.axes):
            row, position = divmod(row, len(axis.values))
            found[axis.name] = axis.values[position]
        return {axis.name: found[axis.name] for axis in self.axes}

    def __iter__(self) -> Iterator[Parameters]:
        return map(self.trial, range(self.size))

    def allows(self, trial: Mapping[str, Any]) -> bool:
        """Whether every constraint holds of a combination."""
        return all(constraint.holds(self._fixed | dict(trial)) for constraint in self.where)

    def strategy(self, trial: Mapping[str, Any], base: Strategy | None = None) -> Strategy:
        """`base` (the space's own where None) with these parameters; raises as `make_trial` does."""
        return make_trial(self.base if base is None else base, trial)

    def strategies(self, base: Strategy | None = None) -> Iterator[Strategy]:
        """The strategy of each parameter set, in order, made from `base` (the space's own where None)."""
        return (self.strategy(trial, base) for trial in self)

    @cached_property
    def _shape(self) -> tuple[int, ...]:
        return tuple(len(axis.values) for axis in self.axes)

    @cached_property
    def _combinations(self) -> int:
        return math.prod(self._shape)

    @cached_property
    def _fixed(self) -> Parameters:
        return dotted_parameters(self.base)

    @cached_property
    def _kept(self) -> np.ndarray:
        """The numbers of the combinations that the constraints leave, ascending."""
        if self._combinations > MOST_CONSTRAINED:
            raise BadUsage(
                f"--where has {self._combinations:,} combinations to look through, more than {MOST_CONSTRAINED:,}; "
                "take fewer values"
            )
        kept = np.ones(self._shape, bool)
        for constraint in self.where:
            kept &= self._mask(constraint)
        return np.flatnonzero(kept)

    def _mask(self, constraint: Constraint) -> np.ndarray:
        """Where a constraint holds, of shape `_shape` with 1 for each axis that it does not name."""
        named = [axis if axis.name in constraint.names else Axis(axis.name, axis.values[:1]) for axis in self.axes]
        names, values = [axis.name for axis in named], [axis.values for axis in named]
        held = (
            constraint.holds(self._fixed | dict(zip(names, combination, strict=True)))
            for combination in itertools.product(*values)
        )
        shape = tuple(map(len, values))
        return np.fromiter(held, bool, math.prod(shape)).reshape(shape)


def make_trial(base: Strategy, trial: Mapping[str, Any]) -> Strategy:
    """`base` with these parameters; StrategyFailed, naming them, where it refuses them."""
    try:
        return typing.cast(Strategy, with_parameters(base, trial))
    except EbbtideError:
        raise
    except Exception as error:
        raise StrategyFailed(
            f"{type(base).__name__} can't be made with {told(trial)}: {type(error).__name__}: {error}; "
            "leave such combinations out with --where"
        ) from error


def told(trial: Mapping[str, Any]) -> str:
    """A parameter set in words.

    >>> told({"window": 5, "trigger": 0.5})
    'window=5, trigger=0.5'
    """
    return ", ".join(f"{name}={value!r}" for name, value in trial.items())


def read_space(text: str, settings: Sequence[str], where: Sequence[str] = ()) -> Space:
    """The space of a strategy, as `find_strategy` reads it, whose parameters take the values of `settings`.

    settings : "name=values", each parameter once; "Class.name=values" and, for a nested strategy, "part.name=values"
        window=5,10,20    a list                  window=5:60:5    from 5 to 60 in steps of 5, 60 included
        mix=BTC:1;BTC:0.7,ETH:0.3    mixes, with semicolons      risky=true,false
        parts.0.window=5,10    of the first strategy of a tuple     shares=0.6,0.4;0.5,0.5    shares, with semicolons
    where : conditions, all of which must hold, such as "fast < slow"

    Floats of a range are what its decimals say: 0.1:0.3:0.1 is 0.1, 0.2, 0.3. Raises BadUsage or UnknownName.
    """
    cls, given = read_strategy(text)
    if not settings:
        raise BadUsage(f"there is nothing to search; name the values of a parameter, as in --set {_an_example(cls)}")
    texts = _by_name(cls, settings)
    own = {name: _values(cls, name, said) for name, said in texts.items() if "." not in name}
    absent = [f.name for f in fields(cls) if f.default is f.default_factory is MISSING and f.name not in given]
    base = make_strategy(cls, given | {name: own[name][0] for name in absent if name in own})
    axes = tuple(Axis(name, own.get(name) or _nested(base, name, said)) for name, said in texts.items())
    return Space(base, axes, tuple(map(Constraint, where)))


def _an_example(cls: type[Strategy]) -> str:
    kinds = typing.get_type_hints(cls)
    numbers = [field.name for field in fields(cls) if kinds[field.name] in (int, float)]
    return f"{numbers[0]}=1,2" if numbers else "NAME=VALUE,VALUE"


def _by_name(cls: type[Strategy], settings: Sequence[str]) -> dict[str, str]:
    """The text of each parameter's values, by its dotted name without the class."""
    found: dict[str, str] = {}
    for setting in settings:
        owner, name, said = split_setting(setting)
        dotted = f"{owner}.{name}".removeprefix(f"{cls.__name__}.").removeprefix(".")
        if dotted in found:
            raise BadUsage(f"--set {dotted} is given twice; write all its values into one, as in {dotted}=1,2")
        found[dotted] = said
    return found


def _nested(base: Strategy, dotted: str, text: str) -> tuple[Any, ...]:
    """The values of a parameter of a strategy or signal inside `base`."""
    outer, _, name = dotted.rpartition(".")
    first, known = outer.partition(".")[0], inside(base)
    if first not in known:  # the class itself may have been meant
        raise UnknownName.among("part", first, [*known, type(base).__name__], owner=type(base).__name__)
    return _values(type(part_of(base, outer)), name, text)


def _values(owner: type, name: str, text: str) -> tuple[Any, ...]:
    """The values that `text` lists, none twice."""
    kind = typing.get_type_hints(owner).get(name)
    if isinstance(kind, type) and is_dataclass(kind):
        raise BadUsage(f"{owner.__name__}.{name} is a {kind.__name__}; set its parameters, as in --set {name}.NAME=1,2")
    values: list[Any] = []
    for item in text.split(";" if kind in (Mix, Shares) else ","):
        a_range = kind in (int, float) and ":" in item
        values += _range(owner, name, kind, item.strip()) if a_range else [parse(owner, name, item.strip())]
    if any(isinstance(value, float) and math.isnan(value) for value in values):
        raise BadUsage(f"{owner.__name__}.{name}={text} has nan, which is no number; leave it out")
    value, times = Counter(values).most_common(1)[0]
    if times > 1:
        raise BadUsage(f"{owner.__name__}.{name}={text} has {value!r} twice; give each value once")
    return tuple(values)


def _range(owner: type, name: str, kind: Any, text: str) -> list[Any]:
    """The numbers from first to last, last included where a step lands on it."""
    where = f"{owner.__name__}.{name}={text}"
    parts = text.split(":")
    if len(parts) != 3:
        raise BadUsage(f"{where} is no range; write first:last:step, as in 5:60:5")
    if not all(math.isfinite(parse(owner, name, part)) for part in parts):
        raise BadUsage(f"{where} has no end; write first:last:step with finite numbers")
    first, last, step = map(Decimal, parts)
    if step == 0:
        raise BadUsage(f"{where} has a step of zero; take another, or write the one value")
    if (last - first) * step < 0:
        raise BadUsage(f"{where} is empty: its step leads away from {parts[1]}; turn the sign of the step")
    return [kind(first + step * number) for number in range(_steps(where, (last - first) / step) + 1)]


def _steps(where: str, quotient: Decimal) -> int:
    if quotient >= MOST_VALUES:
        raise BadUsage(f"{where} has more than {MOST_VALUES:,} values; take a larger step")
    return int(quotient)
