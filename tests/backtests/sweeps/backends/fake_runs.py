"""Runs that take no time, leave marks in a folder, and misbehave when a trial says so."""

import os
import signal
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backtests.execution import Execution
from backtests.sweeps.runner import runner_of
from backtests.sweeps.trials import Chunk, Runner, Task, World
from backtests.tape import build_tape
from data_cache.errors import StrategyFailed
from data_cache.market import Market
from strategies.strategy import Strategy


@dataclass(frozen=True)
class Marked(Strategy):
    """A strategy that leaves a mark whenever it is unpickled."""

    folder: str = ""
    factor: float = 2.0

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        mark(Path(self.folder), "loaded")


class Fake:
    """Multiplies; leaves a mark when it is made and for each task.

    A trial may say: die (each time), die_once, refuse, stumble, wait (for ever).
    """

    def __init__(self, world: World) -> None:
        assert isinstance(world.base, Marked)
        self._folder, self._factor = Path(world.base.folder), world.base.factor
        mark(self._folder, "made")

    def run(self, task: Task) -> Chunk:
        mark(self._folder, f"ran{task.number}")
        for trial in task.trials:
            self._obey(trial.get("do"), task.number)
        x = np.array([trial["x"] for trial in task.trials], float)
        threads = [os.environ.get("NUMBA_NUM_THREADS", ""), os.environ.get("OMP_NUM_THREADS", "")]
        records = pd.DataFrame({"x": x})
        records.attrs["threads"] = threads
        records.attrs["deaf"] = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
        return Chunk({"sharpe": x * self._factor}, np.outer([1, 2, 3], x).astype(np.float32), [""] * len(x), records)

    def _obey(self, order: str | None, number: int) -> None:
        if order == "die" or (order == "die_once" and len(marks(self._folder, f"ran{number}")) == 1):
            os.kill(os.getpid(), signal.SIGKILL)
        if order == "refuse":
            raise StrategyFailed("this trial can't be made")
        if order == "stumble":
            raise ZeroDivisionError("a mistake in the code")
        if order == "wait":
            mark(self._folder, "waiting")
            signal.pause()


def fake_or_real(world: World) -> Runner:
    return Fake(world) if isinstance(world.base, Marked) else runner_of(world)


def mark(folder: Path, what: str) -> None:
    (folder / f"{what}-{os.getpid()}-{uuid.uuid4().hex}").touch()


def marks(folder: Path, what: str) -> Counter[int]:
    """How often each process did `what`."""
    return Counter(int(path.name.split("-")[1]) for path in folder.glob(f"{what}-*"))


def world_of(base: Strategy, market: Market, assets: Sequence[str] = ("BTC",)) -> World:
    return World(base, market, build_tape(market, list(assets), None, None, "0"), Execution())


def tasks(count: int, **orders: str) -> list[Task]:
    """Tasks of two trials each, x = 0, 1, 2, ...; `t3="die"` is the order of task 3."""
    told = {int(name.removeprefix("t")): order for name, order in orders.items()}
    return [Task(n, [{"x": 2 * n}, {"x": 2 * n + 1, **({"do": told[n]} if n in told else {})}]) for n in range(count)]


def by_number(outcomes: Any) -> dict[int, Chunk]:
    """Chunks by the number of their task, each of which comes once."""
    found: dict[int, Chunk] = {}
    for task, chunk in outcomes:
        assert task.number not in found
        found[task.number] = chunk
    return dict(sorted(found.items()))


def assert_same(found: dict[int, Chunk], expected: dict[int, Chunk]) -> None:
    """The same chunks to the last bit, whatever worker made them."""
    assert list(found) == list(expected)
    for one, other in zip(found.values(), expected.values(), strict=True):
        assert list(one.measures) == list(other.measures)
        for name, values in one.measures.items():
            assert values.tobytes() == other.measures[name].tobytes(), name
        assert one.returns.dtype == other.returns.dtype
        assert one.returns.tobytes() == other.returns.tobytes()
        assert list(one.problems) == list(other.problems)
        pd.testing.assert_frame_equal(one.records, other.records, check_exact=True)
