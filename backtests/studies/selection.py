"""From what a user types to a signal: a name, an expression, a file or a module."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import signals
from backtests.selection import load_module, make, read_arguments, read_call, require_dataclass, split_setting
from data_cache.errors import UnknownName
from signals.parameters import parse
from signals.signal import Signal


def built_in() -> dict[str, type[Signal]]:
    """The signals that ebbtide ships, by name."""
    return _signals_of({name: getattr(signals, name) for name in signals.__all__})


def find_signal(text: str, settings: Sequence[str] = ()) -> Signal:
    """The signal that `text` names, with its default parameters, those in the expression, and `settings`.

    Name                    one that ebbtide ships
    Name(window=5)          the same with parameters, as its repr prints it; a parameter may be a signal itself
    path/to/file.py:Class   a user's own
    module:Class            a user's own, importable
    settings : "name=value", which go before what the expression says
    """
    name, parenthesis, _ = text.partition("(")
    cls, names = _find_class(name.strip())
    given = read_arguments(read_call(text, cls), cls, names) if parenthesis else {}
    return make(cls, given | dict(_setting(cls, setting) for setting in settings))


def _setting(cls: type[Signal], text: str) -> tuple[str, object]:
    owner, parameter, value = split_setting(text)
    if owner not in ("", cls.__name__):
        raise UnknownName.among("signal", owner, [cls.__name__], owner="this study")
    return parameter, parse(cls, parameter, value)


def _find_class(name: str) -> tuple[type[Signal], Mapping[str, Any]]:
    """The class, and what its parameters may name: a user's own signals come from the same module."""
    where, colon, class_name = name.rpartition(":")
    if not colon and name.endswith(".py"):
        where, class_name = name, ""
    elif not colon:
        if name not in built_in():
            raise UnknownName.among("signal", name, built_in())
        return built_in()[name], {}
    names = vars(load_module(where, "signal"))
    classes = _signals_of(names)
    if class_name not in classes:
        raise UnknownName.among("signal", class_name, classes, owner=where)
    return require_dataclass(classes[class_name]), names


def _signals_of(names: Mapping[str, Any]) -> dict[str, type[Signal]]:
    """The signals among these names, but `Signal`, which is none by itself."""
    return {n: c for n, c in names.items() if inspect.isclass(c) and issubclass(c, Signal) and c is not Signal}
