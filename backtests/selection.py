"""From what a user types to a strategy: a name, an expression, a file or a module."""

import ast
import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, fields
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import signals
import strategies
from data_cache.errors import BadUsage, EbbtideError, StrategyFailed, UnknownName
from signals.parameters import check_type, inside, parse, part_of, part_type, with_parameters
from signals.signal import Signal
from strategies.combinator import Combinator, Composite
from strategies.strategy import Strategy

Kind = TypeVar("Kind", bound=Strategy | Signal)

ALL = "all"
# What may be inside a strategy, and what it is called.
PARTS: dict[type, str] = {Strategy: "strategy", Signal: "signal"}
# What the modules that are made of files of the user's own are called, before the name of the file.
FILE_MODULE = "user_strategy_"
YOURS = "a file of your own (path/to/file.py:Class)"
# A class of a file of the user's own amid an expression.
OWN_INSIDE = re.compile(r"([\w./~-]+\.py):(\w+)")
SCHEDULED = ("Scheduled", "ScheduledOnBook", "ScheduledOnEvents")


def built_in() -> dict[str, type[Strategy]]:
    """The strategies that ebbtide ships, by name; those which are made of others are `combinators`."""
    return {name: cls for name, cls in _exported().items() if not issubclass(cls, Combinator)}


def combinators() -> dict[str, type[Strategy]]:
    """The strategies made of strategies that ebbtide ships, by name: building material, and no ideas of their own."""
    return {name: cls for name, cls in _exported().items() if issubclass(cls, Combinator)}


def _exported() -> dict[str, type[Strategy]]:
    found = {name: getattr(strategies, name) for name in strategies.__all__}
    return {n: c for n, c in found.items() if inspect.isclass(c) and issubclass(c, Strategy) and c is not Strategy}


def scheduled_classes() -> dict[str, type[Strategy]]:
    """The strategies that follow others, each from its own moment on, by name; a walk-forward makes them."""
    from backtests.sweeps import scheduled

    return {name: getattr(scheduled, name) for name in SCHEDULED}


def find_strategy(text: str) -> Strategy:
    """The strategy that `text` names, with its default parameters or those given in the expression.

    Name                    one that ebbtide ships
    Name(window=5)          the same with parameters, as its repr prints it
    path/to/file.py:Class   a user's own
    module:Class            a user's own, importable
    """
    return make_strategy(*read_strategy(text))


def find_strategies(texts: Sequence[str], settings: Sequence[str] = ()) -> list[Strategy]:
    """Each named strategy ("all" for every `built_in` one), with `settings` applied to those that have the parameter.

    settings : "name=value", or "Class.name=value" for one class alone; "part.name=value" for a strategy or signal
    inside another, as in "strategy.weeks=8" and "parts.0.window=5". One that no strategy has is an error.
    """
    found = [read_strategy(name) for text in texts for name in (built_in() if text == ALL else [text])]
    names = ["", *(cls.__name__ for cls, _ in found)]
    pairs = [split_setting(setting) for setting in settings]
    own, nested = ([pair for pair in pairs if (pair[0] in names) is outermost] for outermost in (True, False))
    for owner, name, _ in own:
        _require_taker([cls for cls, _ in found], owner, name)
    made = [
        make_strategy(cls, arguments | {n: parse(cls, n, v) for owner, n, v in own if _takes(cls, owner, n)})
        for cls, arguments in found
    ]
    for setting in nested:
        made = _with_nested(made, *setting)
    return made


def _with_nested(made: Sequence[Strategy], owner: str, name: str, value: str) -> list[Strategy]:
    """The strategies, with one parameter set of a strategy or signal inside those that have such a part."""
    takers = {place: taker for place, one in enumerate(made) if (taker := _part_named(one, owner))}
    if not takers:
        parts = {part for one in made for part in inside(one)}
        known = {type(one).__name__ for one in made} | parts
        raise UnknownName.among("part" if parts else "strategy", owner, known, owner="this run")
    changed = list(made)
    for place, (part, thing) in takers.items():
        changed[place] = with_parameters(made[place], {f"{part}.{name}": parse(type(thing), name, value)})
    return changed


def _part_named(strategy: Strategy, owner: str) -> tuple[str, Any] | None:
    """The dotted name and the strategy or signal that "part", or "Class.part", means in `strategy`; None for none."""
    dotted = owner.removeprefix(f"{type(strategy).__name__}.")
    if dotted.partition(".")[0] not in inside(strategy):
        return None
    return dotted, part_of(strategy, dotted)


def _require_taker(classes: Sequence[type[Strategy]], owner: str, name: str) -> None:
    if not any(_takes(cls, owner, name) for cls in classes):
        known = {parameter for cls in classes if owner in ("", cls.__name__) for parameter in _parameters(cls)}
        raise UnknownName.among("parameter", name, known, owner=owner or ", ".join(cls.__name__ for cls in classes))


def _takes(cls: type[Strategy], owner: str, name: str) -> bool:
    return owner in ("", cls.__name__) and name in _parameters(cls)


def _parameters(cls: type[Strategy]) -> list[str]:
    return [field.name for field in fields(cls)]


def split_setting(text: str) -> tuple[str, str, str]:
    """The parts of "owner.name=value": the owner ("" where there is none) ends at the last dot before the sign."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise BadUsage(f"--set takes name=value; found {text!r}")
    owner, _, parameter = name.strip().rpartition(".")
    return owner, parameter, value.strip()


def read_strategy(text: str) -> tuple[type[Strategy], dict[str, object]]:
    """The class that `text` names as for `find_strategy`, and the parameters that it gives."""
    name, parenthesis, _ = text.partition("(")
    cls = _find_class(name)
    if not parenthesis:
        return cls, {}
    return cls, read_arguments(read_call(text, cls), cls, vars(_home(name, cls)))


def read_call(text: str, cls: type) -> ast.expr:
    """The syntax of "Name(parameter=value)", whatever leads to `cls` by that name; BadUsage where it has none."""
    arguments = text.partition("(")[2]
    try:
        return ast.parse(f"{cls.__name__}({arguments}", mode="eval").body
    except SyntaxError as error:
        why = _why_no_syntax(arguments, error.msg, cls.__name__)
        raise BadUsage(f"{text!r} is not an expression such as {cls.__name__}(name=value){why}") from None


def _why_no_syntax(arguments: str, said: str, name: str) -> str:
    """What to mend in an expression that is none, "; ..."; "" where nobody knows."""
    if own := OWN_INSIDE.search(arguments):
        return f"; name your file once, in front of all: {own[1]}:{name}(...), with {own[2]}(...) inside"
    return f": {said}" if any(word in said for word in ("never closed", "unmatched", "does not match")) else ""


def _home(name: str, cls: type[Strategy]) -> ModuleType:
    """The module whose classes an expression may name: the user's own, or that of a strategy which ships."""
    where = name.rpartition(":")[0]
    own = file_module(Path(where)) if where.endswith(".py") else where
    return sys.modules[own or cls.__module__]


def file_module(path: Path) -> str:
    """What the module of a user's own file is called: two files of one name in two folders are two modules."""
    place = hashlib.sha256(str(path.resolve()).encode()).hexdigest()
    return f"{FILE_MODULE}{path.stem}_{place[:16]}"


def _find_class(name: str) -> type[Strategy]:
    where, colon, class_name = name.rpartition(":")
    if not colon and name.endswith(".py"):
        where, class_name = name, ""
    elif not colon:
        return _shipped(name)
    module = load_module(where)
    classes = {n: c for n, c in vars(module).items() if inspect.isclass(c) and issubclass(c, Strategy)}
    classes.pop("Strategy", None)
    if class_name not in classes and class_name in SCHEDULED:
        return scheduled_classes()[class_name]
    if class_name not in classes and class_name in _exported():  # of ebbtide, around classes of the module
        return _exported()[class_name]
    if class_name not in classes:
        raise UnknownName.among("strategy", class_name, classes, owner=where)
    return require_dataclass(classes[class_name])


def _shipped(name: str) -> type[Strategy]:
    if name in SCHEDULED:
        return scheduled_classes()[name]
    if name not in _exported():
        _refuse_path(name)
        raise UnknownName.among("strategy", name, _exported())
    return _exported()[name]


def _refuse_path(name: str) -> None:
    """Raise BadUsage for what is no name of a strategy but a folder, or a file of another kind."""
    path, cure = Path(name), f"give the name of a strategy, {YOURS}, or a run file (.toml)"
    if name and path.is_dir():
        raise BadUsage(f"{name} is a folder; {cure}")
    if path.is_file() or path.suffix or len(path.parts) > 1:
        ends = f"ends in {path.suffix}" if path.suffix else "has no suffix"
        raise BadUsage(f"{name} is no strategy, and a file that {ends} is not read here; {cure}")


def require_dataclass(cls: type[Kind]) -> type[Kind]:
    """The class itself, unless its parameters are none because the decorator was forgotten."""
    if "__annotations__" in vars(cls) and "__dataclass_fields__" not in vars(cls):
        raise BadUsage(f"{cls.__name__} has fields but is no dataclass; write @dataclass(frozen=True) above it")
    return cls


def load_module(where: str, kind: str = "strategy") -> ModuleType:
    """The module that a file, if `where` ends in .py, or a name leads to.

    kind : what is looked for in it, for the sentence of BadUsage where there is no such file. StrategyFailed where it
    can't be loaded
    """
    if not where.endswith(".py"):
        _refuse_suffix(where)
        return _import(where)
    if not Path(where).is_file():
        raise BadUsage(f"there is no file {where}; a {kind} of your own is path/to/file.py:Class")
    return _load_file(Path(where))


def _refuse_suffix(where: str) -> None:
    """Raise BadUsage for what was meant to be a file in Python and does not end like one: own.pyy, mine.txt, a/b."""
    path = Path(where)
    words = all(part.isidentifier() for part in where.split("."))  # of a module that can be imported
    if words and not path.is_file() and not (path.suffix.startswith(".py") and len(path.suffix) == 4):
        return
    meant = path.with_suffix(".py")
    kind = "is a folder" if path.is_dir() else "is no file that ends in .py"
    cure = f"did you mean {meant}?" if meant.is_file() else f"give {YOURS}, or module:Class"
    raise BadUsage(f"{where} {kind}; {cure}")


def _load_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file_module(path), path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    make_importable(path.parent)
    try:
        spec.loader.exec_module(module)
    except EbbtideError:
        raise
    except (Exception, SystemExit) as error:
        raise StrategyFailed(f"{path} failed to load: {type(error).__name__}: {error}") from error
    return module


def _import(name: str) -> ModuleType:
    make_importable(Path())
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise StrategyFailed(f"module {name} failed to load: {type(error).__name__}: {error}") from error


def make_importable(folder: Path) -> None:
    """Let a user's files import their neighbours, as they can when Python is started beside them."""
    if str(folder.resolve()) not in sys.path:
        sys.path.append(str(folder.resolve()))


def read_arguments(call: ast.expr, cls: type, names: Mapping[str, Any]) -> dict[str, object]:
    """The parameters that an expression gives by name; nothing of it is evaluated but plain values and our own classes.

    names : those of the module that the expression is of; its strategies and signals come before those that ship
    """
    if not isinstance(call, ast.Call) or call.args or any(keyword.arg is None for keyword in call.keywords):
        raise BadUsage(f"name each parameter, as in {cls.__name__}(name=value)")
    return {str(k.arg): _argument(k.value, names, _kinds(cls, str(k.arg))) for k in call.keywords}


def _kinds(cls: type, name: str) -> tuple[type, ...]:
    """What a parameter may be made of, of strategies and signals: one of them, or both where its type says neither."""
    kind = part_type(cls, name)
    return next(((one,) for one in PARTS if kind is not None and issubclass(kind, one)), tuple(PARTS))


def _argument(node: ast.expr, names: Mapping[str, Any], kinds: tuple[type, ...]) -> object:
    """A plain value, a time, a strategy or a signal: nothing else is ever evaluated.

    names : those of the module that the expression is of; its strategies and signals come before those that ship
    kinds : what is looked for, of Strategy and Signal, for the sentence where there is none
    """
    if isinstance(node, ast.Tuple):
        return tuple(_argument(inner, names, kinds) for inner in node.elts)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _moment(node) if node.func.id == "Timestamp" else _part(node.func.id, node, names, kinds)
    if isinstance(node, ast.Name):
        _refuse_bare(node.id, names, kinds)
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise BadUsage(f"{ast.unparse(node)!r} is not a plain value; parameters are numbers, texts or tuples") from None


def _part(name: str, call: ast.Call, names: Mapping[str, Any], kinds: tuple[type, ...]) -> object:
    cls: Any = _named(names).get(name)
    if cls is None:
        raise _unknown_part(name, _named(names), kinds)
    given = read_arguments(call, cls, names)
    return make_strategy(cls, given) if issubclass(cls, Strategy) else make(cls, given)


def _refuse_bare(name: str, names: Mapping[str, Any], kinds: tuple[type, ...]) -> None:
    """Raise BadUsage for a class without its brackets, UnknownName for what can only be a class misspelt."""
    known = _named(names)
    if name in known:
        kind = next(word for one, word in PARTS.items() if issubclass(known[name], one))
        raise BadUsage(f"{name} is a {kind}, and needs its brackets: {name}(), or ({name}(),) as a tuple of one")
    if len(kinds) == 1:
        raise _unknown_part(name, known, kinds)


def _unknown_part(name: str, known: Mapping[str, type], kinds: tuple[type, ...]) -> UnknownName:
    meant = [one for one, cls in known.items() if issubclass(cls, kinds) and one not in SCHEDULED]
    return UnknownName.among(" or ".join(PARTS[kind] for kind in kinds), name, meant)


def _named(names: Mapping[str, Any]) -> dict[str, type]:
    """The strategies and signals that an expression may name: those that ship, under those among `names`."""
    shipped = {name: getattr(signals, name) for name in signals.__all__} | scheduled_classes() | _exported()
    found = {n: c for n, c in (shipped | dict(names)).items() if inspect.isclass(c) and issubclass(c, tuple(PARTS))}
    return {n: c for n, c in found.items() if c not in (*PARTS, Composite, Combinator)}


def _moment(call: ast.Call) -> object:
    """What pandas prints of a time: Timestamp('2024-01-01 00:00:00+0000', tz='UTC')."""
    import pandas as pd

    try:
        (text,) = (ast.literal_eval(argument) for argument in call.args)
        return pd.Timestamp(text).tz_convert("UTC").as_unit("ns")
    except (ValueError, TypeError):
        said = ast.unparse(call)
        raise BadUsage(f"{said!r} is no time such as Timestamp('2024-01-01T00:00:00+00:00')") from None


def make_strategy(cls: type[Strategy], arguments: dict[str, object]) -> Strategy:
    """The strategy with these parameters; BadUsage or StrategyFailed where it can't be made of them."""
    strategy = make(cls, arguments)
    with _making(cls):
        named = strategy.signals()
    if not isinstance(named, Mapping) or not all(isinstance(signal, Signal) for signal in named.values()):
        raise StrategyFailed(f"{cls.__name__}.signals must answer signals by name; got {named!r:.80}")
    return strategy


def make(cls: type[Kind], arguments: dict[str, object]) -> Kind:
    """A strategy or signal with these parameters; BadUsage or StrategyFailed where it can't be made of them."""
    for name, value in arguments.items():
        check_type(cls, name, value)
    absent = [f.name for f in fields(cls) if f.default is f.default_factory is MISSING and f.name not in arguments]
    if absent:
        raise BadUsage(f"{cls.__name__} needs {', '.join(absent)}; add --set {absent[0]}=VALUE")
    with _making(cls):
        return cls(**arguments)


@contextmanager
def _making(cls: type) -> Iterator[None]:
    try:
        yield
    except EbbtideError:
        raise
    except Exception as error:
        raise StrategyFailed(f"{cls.__name__} can't be made: {type(error).__name__}: {error}") from error
