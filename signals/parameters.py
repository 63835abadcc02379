"""Parameters are the fields of frozen dataclasses: named, typed, checked, and settable from text."""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any

from data_cache.errors import BadUsage, UnknownName

# Shares of a book, by asset: pairs that add up to one, such as (("BTC", 0.7), ("ETH", 0.3)).
Mix = tuple[tuple[str, float], ...]


def parameters(thing: Any) -> dict[str, Any]:
    """The parameters of a signal, strategy or cost, by name."""
    return {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing)}


def dotted_parameters(thing: Any) -> dict[str, Any]:
    """The parameters by dotted name: of a nested strategy or signal not itself, but its parameters ("tide.weeks")."""
    found: dict[str, Any] = {}
    for name, value in parameters(thing).items():
        if dataclasses.is_dataclass(value):
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
        raise BadUsage(f"{owner.__name__}.{name} can't be set from text; set it in Python") from None
    except ValueError:
        raise BadUsage(f"{owner.__name__}.{name} is {_words(wanted)}; {text!r} is not") from None


def check_type(owner: type, name: str, value: Any) -> None:
    """Raise UnknownName or BadUsage where `owner` has no parameter `name`, or one of another type than `value`."""
    wanted = _type(owner, name)
    if wanted == Mix:
        fits = isinstance(value, tuple) and all(_is_share(pair) for pair in value)
    elif wanted in (int, float):
        fits = isinstance(value, int | wanted) and not isinstance(value, bool)
    else:
        fits = not isinstance(wanted, type) or isinstance(value, wanted)
    if not fits:
        raise BadUsage(f"{owner.__name__}.{name} is {_words(wanted)}; {value!r} is not")


def _type(owner: type, name: str) -> Any:
    types = {f.name: typing.get_type_hints(owner)[f.name] for f in dataclasses.fields(owner)}
    if name not in types:
        raise UnknownName.among("parameter", name, types, owner=owner.__name__)
    return types[name]


def _words(wanted: Any) -> str:
    return "asset:share,asset:share" if wanted == Mix else str(getattr(wanted, "__name__", wanted))


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


_READERS: dict[Any, Any] = {int: int, float: float, str: str, bool: _bool, Mix: _mix}
