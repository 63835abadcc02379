"""From what a user types to a strategy: a name, an expression, a file or a module."""

import ast
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import strategies
from data_cache.errors import BadUsage, EbbtideError, StrategyFailed, UnknownName
from signals.parameters import parameters, with_parameters
from strategies.strategy import Strategy

ALL = "all"


def built_in() -> dict[str, type[Strategy]]:
    """The strategies that ebbtide ships, by name."""
    exported = {name: getattr(strategies, name) for name in strategies.__all__}
    return {n: c for n, c in exported.items() if inspect.isclass(c) and issubclass(c, Strategy) and c is not Strategy}


def find_strategy(text: str) -> Strategy:
    """The strategy that `text` names, with its default parameters or those given in the expression.

    Name                    one that ebbtide ships
    Name(window=5)          the same with parameters, as its repr prints it
    path/to/file.py:Class   a user's own
    module:Class            a user's own, importable
    """
    name, parenthesis, arguments = text.partition("(")
    cls = _find_class(name)
    if not parenthesis:
        return _make(cls, {})
    try:
        call = ast.parse(f"{cls.__name__}({arguments}", mode="eval").body
    except SyntaxError:
        raise BadUsage(f"{text!r} is not an expression such as {cls.__name__}(name=value)") from None
    return _evaluate(call, cls)


def find_strategies(texts: Sequence[str], settings: Sequence[str] = ()) -> list[Strategy]:
    """Each named strategy ("all" for every one that ships), with `settings` applied to those that have the parameter.

    settings : "name=value", or "Class.name=value" for one class alone. One that no strategy has is an error.
    """
    names = [name for text in texts for name in (built_in() if text == ALL else [text])]
    found = [find_strategy(name) for name in names]
    pairs = [_setting(setting) for setting in settings]
    for owner, name, _ in pairs:
        if not any(_takes(strategy, owner, name) for strategy in found):
            known = {parameter for strategy in found for parameter in parameters(strategy)}
            raise UnknownName.among("parameter", name, known, owner=owner or ", ".join(type(s).__name__ for s in found))
    return [with_parameters(s, {n: v for owner, n, v in pairs if _takes(s, owner, n)}) for s in found]


def _takes(strategy: Strategy, owner: str, name: str) -> bool:
    return owner in ("", type(strategy).__name__) and name in parameters(strategy)


def _setting(text: str) -> tuple[str, str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise BadUsage(f"--set takes name=value; found {text!r}")
    owner, _, parameter = name.strip().rpartition(".")
    return owner, parameter, value.strip()


def _find_class(name: str) -> type[Strategy]:
    where, colon, class_name = name.rpartition(":")
    if not colon:
        if name not in built_in():
            raise UnknownName.among("strategy", name, built_in())
        return built_in()[name]
    module = _load_file(Path(where)) if where.endswith(".py") else _load_module(where)
    found = getattr(module, class_name, None)
    if not (inspect.isclass(found) and issubclass(found, Strategy)):
        classes = [n for n, c in vars(module).items() if inspect.isclass(c) and issubclass(c, Strategy)]
        raise UnknownName.among("strategy", class_name, classes, owner=where)
    return found


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise BadUsage(f"there is no file {path}; a strategy of your own is path/to/file.py:Class")
    spec = importlib.util.spec_from_file_location(f"user_strategy_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except EbbtideError:
        raise
    except Exception as error:
        raise StrategyFailed(f"{path} failed to load: {type(error).__name__}: {error}") from error
    return module


def _load_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise StrategyFailed(f"module {name} failed to load: {type(error).__name__}: {error}") from error


def _evaluate(call: ast.expr, cls: type[Strategy]) -> Strategy:
    if not isinstance(call, ast.Call) or call.args or any(keyword.arg is None for keyword in call.keywords):
        raise BadUsage(f"name each parameter, as in {cls.__name__}(name=value)")
    return _make(cls, {str(keyword.arg): _argument(keyword.value) for keyword in call.keywords})


def _argument(node: ast.expr) -> object:
    """A plain value, or a strategy that ships with ebbtide: nothing else is ever evaluated."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _evaluate(node, _find_class(node.func.id))
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise BadUsage(f"{ast.unparse(node)!r} is not a plain value; parameters are numbers, texts or tuples") from None


def _make(cls: type[Strategy], arguments: dict[str, object]) -> Strategy:
    known = getattr(cls, "__dataclass_fields__", {})
    for name in arguments:
        if name not in known:
            raise UnknownName.among("parameter", name, known, owner=cls.__name__)
    try:
        return cls(**arguments)
    except EbbtideError:
        raise
    except Exception as error:
        raise StrategyFailed(f"{cls.__name__} can't be made: {type(error).__name__}: {error}") from error
