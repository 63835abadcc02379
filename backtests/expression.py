"""A strategy as text that `selection.find_strategy` reads back, wherever its class is from."""

import math
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import signals
from backtests.selection import FILE_MODULE, built_in, combinators, scheduled_classes
from signals.parameters import parameters
from signals.signal import Signal
from strategies.strategy import Strategy

# Of a class that was typed into a notebook or a console.
TYPED_IN = "__main__"


def expression(strategy: Strategy | Signal) -> str | None:
    """The text that names a strategy or signal: its class, if that is a user's own its file or module, its parameters.

    None where a parameter can't be written: an object that is no number, text, tuple, time, strategy or signal, or a
    class that neither ebbtide nor the file of the user's own has. A file is named relative to the working directory,
    and by its bare name where it lies elsewhere.
    """
    home = next((type(part).__module__ for part in _parts(strategy) if not _ships(type(part))), None)
    try:
        text = _written(strategy, home)
    except _Unwritable:
        return None
    return text if home is None else f"{_place(home)}:{text}"


class _Unwritable(Exception):
    """A value that has no text that can be read back."""


def _parts(value: Any) -> Iterator[Any]:
    """All strategies and signals that are parameters, the outermost first."""
    if isinstance(value, tuple):
        for inner in value:
            yield from _parts(inner)
    elif is_dataclass(value) and not isinstance(value, type):
        yield value
        for inner in parameters(value).values():
            yield from _parts(inner)


def _ships(cls: type) -> bool:
    known: dict[str, Any] = built_in() | combinators() | scheduled_classes()
    return known.get(cls.__name__, getattr(signals, cls.__name__, None)) is cls


def _place(module: str) -> str:
    """The file or the module that a user's own class is in."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if module == TYPED_IN and (file is None or not file.endswith(".py")):
        return TYPED_IN
    if file is None or not (module == TYPED_IN or module.startswith(FILE_MODULE)):
        return module
    path = Path(file).resolve()
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else path.name


def _written(value: Any, home: str | None) -> str:
    if isinstance(value, tuple):
        inner = [_written(one, home) for one in value]
        return f"({inner[0]},)" if len(inner) == 1 else f"({', '.join(inner)})"
    if is_dataclass(value) and not isinstance(value, type):
        return _called(value, home)
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, pd.Timestamp) and value is not pd.NaT and value.tz is not None:
        return f"Timestamp({value.isoformat()!r})"
    if isinstance(value, float) and math.isinf(value):
        return "1e999" if value > 0 else "-1e999"
    if value is None or type(value) in (bool, int, str) or (type(value) is float and not math.isnan(value)):
        return repr(value)
    raise _Unwritable


def _called(part: Any, home: str | None) -> str:
    cls = type(part)
    there = getattr(sys.modules.get(home or ""), cls.__name__, cls)  # what the name means where it is read back
    if there is not cls or not (
        _ships(cls) or cls.__module__ == home or hasattr(sys.modules.get(home or ""), cls.__name__)
    ):
        raise _Unwritable
    given = ", ".join(f"{name}={_written(value, home)}" for name, value in parameters(part).items())
    return f"{cls.__name__}({given})"
