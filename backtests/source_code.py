"""The code that a trial stands on: an edited rule is another rule, wherever in its sources the edit was made."""

import hashlib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import is_dataclass
from functools import cache
from pathlib import Path

from backtests.imports import OURS, imported
from signals.parameters import parameters
from signals.signal import Signal
from strategies.strategy import Strategy

ROOT = Path(__file__).parents[1]
# What of backtests decides the numbers of a run.
ENGINE = tuple(
    f"backtests/{name}.py"
    for name in (
        "backtest",
        "decisions",
        "entries",
        "events",
        "execution",
        "metrics",
        "perpetuals/account",
        "perpetuals/funding",
        "perpetuals/kernel",
        "result",
        "simulate",
        "sweeps/compiled",
        "sweeps/kernel",
        "sweeps/orders",
        "sweeps/outcomes",
        "sweeps/scheduled",
        "tape",
    )
)
# What every strategy and signal is made of, and so tells none from another.
EVERYBODY_S = (object, Strategy, Signal)
# A sha256 by the name of a class or of a file of the user's own, by class.
Sources = Mapping[type, Mapping[str, str]]


def code(strategy: Strategy, known: Sources | None = None) -> dict[str, str]:
    """A sha256 of each source file that decides what `strategy` does, by the name of the class, or of the file.

    These are its class and those of its signals, the strategies and signals nested in them, what they inherit from,
    and what a user's own module imports, but the standard library and what is installed.
    known : what `sources` answered where the files are; of classes that it lacks, they are read
    """
    found: dict[str, str] = {}
    for cls in classes(strategy):
        found |= known[cls] if known and cls in known else _sources_of(cls)
    return dict(sorted(found.items()))


@cache
def ebbtide_code() -> str:
    """A sha256 of all code of ebbtide."""
    return _sha256_of(path for room in OURS for path in (ROOT / room).rglob("*.py"))


@cache
def engine_code() -> str:
    """A sha256 of the code of ebbtide that every run stands on: data, signals, strategies, engines, metrics.

    Pages, commands and sweeps are not among it: they change no number of a run.
    """
    rooms = [path for room in sorted(OURS - {"backtests"}) for path in (ROOT / room).rglob("*.py")]
    return _sha256_of([path for path in rooms if "sources" not in path.parts] + [ROOT / part for part in ENGINE])


def _sha256_of(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in files if "store" not in path.parts):
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def sources(strategies: list[Strategy]) -> Sources:
    """What `code` says, by class, of all classes that decide what any of `strategies` does."""
    return {cls: _sources_of(cls) for cls in {cls for one in strategies for cls in classes(one)}}


def classes(strategy: Strategy) -> set[type]:
    """All classes of a strategy: its own, its signals', those of what is nested in either, and their parents."""
    return {cls for part in (strategy, *strategy.signals().values()) for cls in _classes(part)}


def _classes(part: object) -> Iterator[type]:
    yield from (cls for cls in type(part).__mro__ if cls not in EVERYBODY_S)
    for value in parameters(part).values():
        for inner in _flat(value):
            if is_dataclass(inner) and not isinstance(inner, type):
                yield from _classes(inner)


def _flat(value: object) -> Iterator[object]:
    """A value, or what is in a tuple, however deep."""
    if not isinstance(value, tuple):
        yield value
        return
    for inner in value:
        yield from _flat(inner)


def _sources_of(cls: type) -> dict[str, str]:
    try:
        path = Path(inspect.getfile(cls))
    except (OSError, TypeError):
        path = None
    if path is None or not path.is_file():
        return {cls.__name__: _typed_in(cls)}
    own = {cls.__name__: _sha256(path)}
    if cls.__module__.partition(".")[0] in OURS:
        return own
    return own | imported(path, cls.__module__)


def _typed_in(cls: type) -> str:
    """Of a class from a notebook, where its source is remembered."""
    try:
        return hashlib.sha256(inspect.getsource(cls).encode()).hexdigest()
    except (OSError, TypeError):
        return "no source file"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
