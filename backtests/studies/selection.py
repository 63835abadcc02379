"""From what a user types to a signal: a name, an expression, a file or a module."""

import ast
import inspect
from collections.abc import Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import ModuleType

import signals
from backtests.selection import _load_file as load_file
from backtests.selection import _load_module as load_module
from backtests.selection import split_setting
from data_cache.errors import BadUsage, EbbtideError, StrategyFailed, UnknownName
from signals.parameters import check_type, parse
from signals.signal import Signal


def built_in() -> dict[str, type[Signal]]:
    """The signals that ebbtide ships, by name."""
    return _signals_in({name: getattr(signals, name) for name in signals.__all__})


def find_signal(text: str, settings: Sequence[str] = ()) -> Signal:
    """The signal that `text` names, with its default parameters, those in the expression, and `settings`.

    Name                    one that ebbtide ships
    Name(window=5)          the same with parameters, as its repr prints it; a parameter may be a signal itself
    path/to/file.py:Class   a user's own
    module:Class            a user's own, importable
    settings : "name=value", which goes before what the expression says
    """
    name, parenthesis, arguments = text.partition("(")
    cls = _find_class(name.strip())
    given = _arguments(_call(text, cls, arguments), cls) if parenthesis else {}
    for setting in settings:
        owner, parameter, value = split_setting(setting)
        if owner not in ("", cls.__name__):
            raise UnknownName.among("signal", owner, [cls.__name__], owner="this study")
        given[parameter] = parse(cls, parameter, value)
    return make_signal(cls, given)


def make_signal(cls: type[Signal], arguments: dict[str, object]) -> Signal:
    """The signal with these parameters; BadUsage or StrategyFailed where it can't be made of them."""
    for name, value in arguments.items():
        check_type(cls, name, value)
    absent = [f.name for f in fields(cls) if f.default is f.default_factory is MISSING and f.name not in arguments]
    if absent:
        raise BadUsage(f"{cls.__name__} needs {', '.join(absent)}; write {cls.__name__}({absent[0]}=VALUE)")
    try:
        return cls(**arguments)
    except EbbtideError:
        raise
    except Exception as error:
        raise StrategyFailed(f"{cls.__name__} can't be made: {type(error).__name__}: {error}") from error


def _signals_in(names: dict[str, object]) -> dict[str, type[Signal]]:
    """The signals among these names; what has no parameters of its own to set, as `Signal` itself, is none."""
    return {n: c for n, c in names.items() if inspect.isclass(c) and issubclass(c, Signal) and c is not Signal}


def _find_class(name: str) -> type[Signal]:
    where, colon, class_name = name.rpartition(":")
    if not colon and name.endswith(".py"):
        where, class_name = name, ""
    elif not colon:
        if name not in built_in():
            raise UnknownName.among("signal", name, built_in())
        return built_in()[name]
    classes = _signals_in(vars(_module(where)))
    if class_name not in classes:
        raise UnknownName.among("signal", class_name, classes, owner=where)
    return _dataclass(classes[class_name])


def _module(where: str) -> ModuleType:
    if not where.endswith(".py"):
        return load_module(where)
    if not Path(where).is_file():
        raise BadUsage(f"there is no file {where}; a signal of your own is path/to/file.py:Class")
    return load_file(Path(where))


def _dataclass(cls: type[Signal]) -> type[Signal]:
    """The class itself, unless its parameters are none because the decorator was forgotten."""
    if not is_dataclass(cls) or ("__annotations__" in vars(cls) and "__dataclass_fields__" not in vars(cls)):
        raise BadUsage(f"{cls.__name__} has fields but is no dataclass; write @dataclass(frozen=True) above it")
    return cls


def _call(text: str, cls: type[Signal], arguments: str) -> ast.expr:
    try:
        return ast.parse(f"{cls.__name__}({arguments}", mode="eval").body
    except SyntaxError:
        raise BadUsage(f"{text!r} is not an expression such as {cls.__name__}(name=value)") from None


def _arguments(call: ast.expr, cls: type[Signal]) -> dict[str, object]:
    if not isinstance(call, ast.Call) or call.args or any(keyword.arg is None for keyword in call.keywords):
        raise BadUsage(f"name each parameter, as in {cls.__name__}(name=value)")
    return {str(keyword.arg): _argument(keyword.value) for keyword in call.keywords}


def _argument(node: ast.expr) -> object:
    """A plain value, or a signal that ships with ebbtide: nothing else is ever evaluated."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        cls = _find_class(node.func.id)
        return make_signal(cls, _arguments(node, cls))
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise BadUsage(
            f"{ast.unparse(node)!r} is not a plain value; parameters are numbers, texts or signals"
        ) from None
