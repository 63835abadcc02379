"""What goes to workers and comes back, as bytes.

Every backend has a pickler of its own. With one of ours they all carry the same: classes of a user's own file travel
with their code, for a worker can't import them, and what a market reads from files when first asked for is read before.
"""

import pickle
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Generic, TypeVar

import cloudpickle

from backtests.sweeps.trials import Chunk, Runner, Task, World
from data_cache.errors import BadUsage, EbbtideError
from data_cache.lazy import Lazy
from data_cache.market import Market
from data_cache.observations import Observations
from data_cache.version import __version__

T = TypeVar("T")
Make = Callable[[World], Runner]

# A task whose worker died runs again so many times.
RETRIES = 3

# A worker is one core's share: what computes in it starts no threads of its own. Read when libraries are imported.
ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMBA_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)


def packed_world(world: World, make: Make) -> bytes:
    """What a worker needs before it can run tasks; it opens no file of ours. BadUsage for what can't be pickled."""
    return _pickled((__version__, replace(world, market=in_memory(world.market)), make))


def packed_task(task: Task) -> bytes:
    """A task on its way to a worker."""
    return _pickled(task)


def unpacked(outcome: bytes) -> Chunk:
    """The chunk that `run` answered; raises what it raised."""
    found = pickle.loads(outcome)
    if isinstance(found, Exception):
        raise found
    return found  # type: ignore[no-any-return]


# The runner of the world that this process was sent last, by the world's key. One task at a time: a dask worker may
# have several threads, and nothing says that a runner can be used by two.
_runners: dict[str, Runner] = {}
_alone = threading.Lock()


def run(key: str, world: Callable[[], bytes], task: bytes) -> bytes:
    """Run a task in this worker; the answer is for `unpacked`.

    world : gives the bytes of the world called `key`; asked for once, by the first task of that world in this process
    """
    with _alone:
        try:
            if key not in _runners:
                _runners.clear()
                _runners[key] = _made(world())
            return _bytes(_runners[key].run(pickle.loads(task)))
        except Exception as error:
            return _packed_error(error)


def _made(content: bytes) -> Runner:
    version, world, make = pickle.loads(content)
    if version != __version__:
        raise BadUsage(f"a worker has ebbtide {__version__}, but {version} sent it tasks; install {version} there")
    return make(world)  # type: ignore[no-any-return]


def _packed_error(error: Exception) -> bytes:
    """The error itself, with where it happened unless it speaks for itself; its text alone where it can't travel."""
    if not isinstance(error, EbbtideError):
        error.add_note("In a worker:\n" + "".join(traceback.format_exception(error)))
    try:
        content = _bytes(error)
        pickle.loads(content)
    except Exception:
        return _bytes(RuntimeError("".join(traceback.format_exception(error))))
    return content


def in_memory(market: Market) -> Market:
    """The same market with everything read; what is damaged raises when asked for, as before."""
    observations = market.observations
    return replace(
        market,
        observations=Observations(_read(observations, observations.rows)),
        bars=_read(market.bars, market.bars.__getitem__),
        futures=_read(market.futures, market.futures.__getitem__),
        sources=_read(market.sources, market.sources.__getitem__),
    )


@dataclass(frozen=True)
class _Found(Generic[T]):
    """What reading gave, by name: a value, or the error that says why there is none."""

    values: dict[str, T]
    damaged: dict[str, EbbtideError]

    def __call__(self, name: str) -> T:
        if name in self.damaged:
            raise self.damaged[name]
        return self.values[name]


def _read(names: Iterable[str], value: Callable[[str], T]) -> Lazy[T]:
    found = _Found[T]({}, {})
    for name in (ordered := list(names)):
        try:
            found.values[name] = value(name)
        except EbbtideError as error:
            found.damaged[name] = error
    return Lazy(ordered, found)


def _pickled(thing: Any) -> bytes:
    with _by_value(_loose_modules()):
        try:
            return _bytes(thing)
        except Exception as error:
            raise BadUsage(
                f"the strategy can't be sent to workers: {type(error).__name__}: {error}; keep open files, locks and "
                "connections out of its module, or take --workers 1"
            ) from error


def _bytes(thing: Any) -> bytes:
    return cloudpickle.dumps(thing, protocol=pickle.HIGHEST_PROTOCOL)  # type: ignore[no-any-return]


OURS = {"data_cache", "signals", "strategies", "backtests"}


def _loose_modules() -> list[ModuleType]:
    """Modules that only this process can import: a strategy's own file and its neighbours, all that isn't installed."""
    standard = sysconfig.get_path("stdlib")
    return [
        module
        for name, module in sorted(sys.modules.items())
        if isinstance(file := getattr(module, "__file__", None), str)
        and getattr(module, "__name__", None) == name
        and name.partition(".")[0] not in OURS | {"__main__", "__mp_main__"}
        and not file.startswith(standard)
        and "site-packages" not in file
        and "dist-packages" not in file
    ]


@contextmanager
def _by_value(modules: list[ModuleType]) -> Iterator[None]:
    before = cloudpickle.list_registry_pickle_by_value()
    added = [module for module in modules if module.__name__ not in before]
    for module in added:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in added:
            cloudpickle.unregister_pickle_by_value(module)
