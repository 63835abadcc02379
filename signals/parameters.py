"""Parameters are the fields of frozen dataclasses: named, typed, checked, and settable from text."""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from data_cache.errors import BadUsage, UnknownName

# Shares of a book, by asset: pairs that add up to one, such as (("BTC", 0.7), ("ETH", 0.3)).
Mix = tuple[tuple[str, float], ...]

T = TypeVar("T")


def parameters(thing: Any) -> dict[str, Any]:
    """The parameters of a signal, strategy or cost, by name."""
    return {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing)}


def with_parameters(thing: T, settings: Mapping[str, str]) -> T:
    """A copy of `thing` with parameters set from text.

    Raises UnknownName (with a suggestion) for a parameter that `thing` does not have, BadUsage for a text that is not
    of the parameter's type.
    """
    return dataclasses.replace(thing, **{n: parse(type(thing), n, text) for n, text in settings.items()})  # type: ignore[type-var]


def parse(owner: type, name: str, text: str) -> Any:
    """The value that `text` stands for as parameter `name` of `owner`.

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
    types = {f.name: typing.get_type_hints(owner)[f.name] for f in dataclasses.fields(owner)}
    if name not in types:
        raise UnknownName.among("parameter", name, types, owner=owner.__name__)
    try:
        return _READERS[types[name]](text)
    except KeyError:
        raise BadUsage(f"{owner.__name__}.{name} can't be set from text; set it in Python") from None
    except ValueError:
        wanted = "asset:share,asset:share" if types[name] is Mix else _READERS[types[name]].__name__.lstrip("_")
        raise BadUsage(f"{owner.__name__}.{name} is {wanted}; {text!r} is not") from None


def _bool(text: str) -> bool:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]


def _mix(text: str) -> Mix:
    pairs = [pair.split(":") for pair in text.split(",")]
    return tuple((asset.strip(), float(share)) for asset, share in pairs)


_READERS: dict[Any, Any] = {int: int, float: float, str: str, bool: _bool, Mix: _mix}
