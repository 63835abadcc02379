"""How many tasks are under way, with workers that are done in the order in which they began."""

import pickle
from collections.abc import Iterator

import pandas as pd
import pytest

from backtests.sweeps.backends.in_flight import in_flight, lost
from backtests.sweeps.backends.payload import run
from backtests.sweeps.trials import Chunk, Task
from tests.backtests.sweeps.backends.fake_runs import tasks


class Desk:
    """Keeps packed tasks until they are asked for; a handle is a number."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.cancelled: list[int] = []
        self.most = 0

    def run(self, given: list[Task], workers: int) -> Iterator[tuple[Task, Chunk]]:
        return in_flight(given, workers, self._submit, self._first, self._result, self.cancelled.append)

    def _submit(self, task: bytes) -> int:
        self.begun.append(len(self.begun))
        return self.begun[-1]

    def _first(self, handles: list[int]) -> int:
        self.most = max(self.most, len(handles))
        return handles[0]

    def _result(self, handle: int, task: Task) -> bytes:
        return pickle.dumps(Chunk({}, pd.DataFrame().to_numpy(), [], pd.DataFrame()))


def test_two_tasks_per_worker_are_under_way() -> None:
    desk = Desk()
    assert [task.number for task, _ in desk.run(tasks(10), workers=3)] == list(range(10))
    assert desk.most == 6
    assert desk.cancelled == []


def test_what_is_under_way_when_nobody_wants_more_is_cancelled() -> None:
    desk = Desk()
    outcomes = desk.run(tasks(10), workers=2)
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    assert (desk.begun, desk.cancelled) == ([0, 1, 2, 3], [1, 2, 3])


def test_an_error_cancels_the_rest() -> None:
    desk = Desk()
    desk._result = lambda handle, task: run("none", {}.popitem, b"")  # type: ignore[method-assign,assignment]
    with pytest.raises(KeyError):
        next(desk.run(tasks(10), workers=2))
    assert desk.cancelled == [1, 2, 3]


def test_without_tasks_nothing_begins() -> None:
    assert list(Desk().run([], workers=2)) == []


def test_what_a_backend_says_of_a_lost_worker_is_told_in_one_line() -> None:
    told = str(lost("ray", tasks(4)[3], "The node died.\nSee the log."))
    assert told.startswith("task 3 of 2 trials lost the ray worker that ran it 4 times (The node died); most likely ")
