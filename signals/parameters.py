"""Parameters are the fields of frozen dataclasses: named, typed, checked, and settable from text."""

import dataclasses
import functools
import typing
from collections.abc import Mapping
from typing import Any

from data_cache.errors import BadUsage, UnknownName

# Shares of a book, by asset: pairs that add up to one, such as (("BTC", 0.7), ("ETH", 0.3)).
Mix = tuple[tuple[str, float], ...]
# Shares of a whole, in the order of what they are shares for: (0.6, 0.4).
Shares = tuple[float, ...]


def parameters(thing: Any) -> dict[str, Any]:
    """The parameters of a signal, strategy or cost, by name."""
    return {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing)}


def inside(thing: Any) -> dict[str, Any]:
    """The strategies and signals directly inside `thing`, and tuples of them; of such a tuple its items, by place.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Tilt:
    ...     weeks: int = 4
    >>> @dataclasses.dataclass(frozen=True)
    ... class Both:
    ...     share: float = 0.5
    ...     parts: tuple[Tilt, ...] = (Tilt(4), Tilt(13))
    >>> inside(Both())
    {'parts': (Tilt(weeks=4), Tilt(weeks=13))}
    >>> inside(inside(Both())["parts"])
    {'0': Tilt(weeks=4), '1': Tilt(weeks=13)}
    """
    if isinstance(thing, tuple):
        return {str(place): item for place, item in enumerate(thing)}
    return {name: value for name, value in parameters(thing).items() if _has_parameters(value)}


def part_of(thing: Any, dotted: str) -> Any:
    """The strategy or signal inside `thing` of that dotted name.

    Raises UnknownName where it leads to none, BadUsage where it leads to several.
    """
    owner = type(thing).__name__
    for name in dotted.split("."):
        found = inside(thing)
        if name not in found:
            raise UnknownName.among("part", name, found, owner=owner)
        thing = found[name]
        owner = name if isinstance(thing, tuple) else type(thing).__name__
    if isinstance(thing, tuple):
        raise BadUsage(f"{dotted} are {', '.join(inside(thing))}; name one of them, as in {dotted}.0.NAME")
    return thing


def _has_parameters(value: Any) -> bool:
    """Whether a value is a strategy or signal, or a tuple of nothing else."""
    if isinstance(value, tuple):
        return bool(value) and all(map(dataclasses.is_dataclass, value))
    return dataclasses.is_dataclass(value)


def dotted_parameters(thing: Any) -> dict[str, Any]:
    """The parameters by dotted name: of a nested strategy or signal not itself, but its parameters ("tide.weeks").

    Those of one in a tuple have its place in their name ("parts.0.weeks").
    """
    nested = inside(thing)
    found: dict[str, Any] = {}
    for name, value in (nested if isinstance(thing, tuple) else parameters(thing)).items():
        if name in nested:
            found |= {f"{name}.{inner}": part for inner, part in dotted_parameters(value).items()}
        else:
            found[name] = value
    return found


def with_parameters(thing: Any, values: Mapping[str, Any]) -> Any:
    """A copy of `thing` with other `values`, by dotted name; names and types are not checked."""
    own = {name: value for name, value in values.items() if "." not in name}
    nested: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        outer, dot, inner = name.partition(".")
        if dot:
            nested.setdefault(outer, {})[inner] = value
    if isinstance(thing, tuple):
        return tuple(with_parameters(part, nested.get(str(place), {})) for place, part in enumerate(thing))
    parts = {outer: with_parameters(getattr(thing, outer), inner) for outer, inner in nested.items()}
    return dataclasses.replace(thing, **own, **parts)


def parse(owner: type, name: str, text: str) -> Any:
    """The value that `text` stands for as parameter `name` of `owner`.

    Raises UnknownName (with a suggestion) for a parameter that `owner` does not have, BadUsage for a text that is not
    of the parameter's type.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Tilt:
    ...     weeks: int = 4
    ...     mix: Mix = ()
    >>> parse(Tilt, "weeks", "13"), parse(Tilt, "mix", "BTC:0.7,ETH:0.3")
    (13, (('BTC', 0.7), ('ETH', 0.3)))
    >>> parse(Tilt, "weeks", "long")
    Traceback (most recent call last):
    data_cache.errors.BadUsage: Tilt.weeks is int; 'long' is not
    """
    wanted = _type(owner, name)
    try:
        return _READERS[wanted](text)
    except KeyError:
        raise BadUsage(f"{owner.__name__}.{name} {_cure(owner, name, wanted)}") from None
    except ValueError:
        raise BadUsage(f"{owner.__name__}.{name} is {_words(wanted)}; {text!r} is not") from None


def _cure(owner: type, name: str, wanted: Any) -> str:
    if any(map(dataclasses.is_dataclass, (wanted, *typing.get_args(wanted)))):
        article = "a " if isinstance(wanted, type) else ""
        return f"is {article}{_words(wanted)}; write it into the expression, as in '{owner.__name__}({name}=...)'"
    return "can't be set from text; set it in Python"


def check_type(owner: type, name: str, value: Any) -> None:
    """Raise UnknownName or BadUsage where `owner` has no parameter `name`, or one of another type than `value`."""
    wanted = _type(owner, name)
    if not _fits(wanted, value):
        short = f"{type(value).__name__}(...)" if dataclasses.is_dataclass(value) else repr(value)
        cure = f"; a tuple of one needs a comma: ({short},)" if _fits(wanted, (value,)) else ""
        raise BadUsage(f"{owner.__name__}.{name} is {_words(wanted)}; {value!r} is not{cure}")


def part_type(owner: type, name: str) -> type | None:
    """The class that parameter `name` of `owner`, or each item of it, is of; None where its type is no class.

    Raises UnknownName where there is no such parameter.
    """
    wanted = _type(owner, name)
    one = (typing.get_args(wanted)[:1] or (wanted,))[0]
    return one if isinstance(one, type) else None


def _fits(wanted: Any, value: Any) -> bool:
    if wanted == Mix:
        return isinstance(value, tuple) and all(_is_share(pair) for pair in value)
    if typing.get_origin(wanted) is tuple and typing.get_args(wanted)[1:] == (...,):
        return isinstance(value, tuple) and all(_fits(typing.get_args(wanted)[0], item) for item in value)
    if wanted in (int, float):
        return isinstance(value, int | wanted) and not isinstance(value, bool)
    return not isinstance(wanted, type) or isinstance(value, wanted)


def _type(owner: type, name: str) -> Any:
    types = _types(owner)
    if name not in types:
        raise UnknownName.among("parameter", name, types, owner=owner.__name__)
    return types[name]


@functools.cache
def _types(owner: type) -> dict[str, Any]:
    hints = typing.get_type_hints(owner)
    return {field.name: hints[field.name] for field in dataclasses.fields(owner)}


def _words(wanted: Any) -> str:
    if wanted == Mix:
        return "asset:share,asset:share"
    if typing.get_origin(wanted) is tuple and typing.get_args(wanted)[1:] == (...,):
        return f"a tuple of {_words(typing.get_args(wanted)[0])}"
    return str(getattr(wanted, "__name__", wanted))


def _is_share(pair: Any) -> bool:
    return isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], int | float)


def _bool(text: str) -> bool:
    answers = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in answers:
        raise ValueError(text)
    return answers[text.lower()]


def _mix(text: str) -> Mix:
    pairs = [pair.split(":") for pair in text.split(",")]
    mix = tuple((asset.strip(), float(share)) for asset, share in pairs)
    if len(dict(mix)) < len(mix) or "" in dict(mix):
        raise ValueError(text)
    return mix


def _shares(text: str) -> Shares:
    return tuple(float(share) for share in text.split(",")) if text else ()


_READERS: dict[Any, Any] = {int: int, float: float, str: str, bool: _bool, Mix: _mix, Shares: _shares}
