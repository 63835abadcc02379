"""Keeping workers busy with tasks that are taken only when there is room for them."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from backtests.sweeps.backends.payload import RETRIES, packed_task, unpacked
from backtests.sweeps.trials import Chunk, Task
from data_cache.errors import WorkerLost

H = TypeVar("H")

# So many tasks per worker are under way: one that runs, and one that waits to be next.
EACH = 2


def in_flight(
    tasks: Iterable[Task],
    workers: int,
    submit: Callable[[bytes], H],
    first: Callable[[list[H]], H],
    result: Callable[[H, Task], bytes],
    cancel: Callable[[H], object],
) -> Iterator[tuple[Task, Chunk]]:
    """Each task with its chunk as they come, at most EACH per worker under way; what is left is cancelled at the end.

    submit : starts a packed task and answers a handle of it
    first : waits for the first of these handles that is done      result : its bytes, or raises WorkerLost
    """
    coming = iter(tasks)
    waiting: dict[H, Task] = {}
    try:
        while True:
            for task in islice(coming, EACH * workers - len(waiting)):
                waiting[submit(packed_task(task))] = task
            if not waiting:
                return
            handle = first(list(waiting))
            task = waiting.pop(handle)
            yield task, unpacked(result(handle, task))
    finally:
        for handle in waiting:
            cancel(handle)


def lost(backend: str, task: Task, told: object = "") -> WorkerLost:
    """What to say of a task that no worker survived; `told` is what the backend says of it."""
    said = f" ({str(told).strip().splitlines()[0].rstrip('.')})" if str(told).strip() else ""
    return WorkerLost(
        f"task {task.number} of {len(task.trials)} trials lost the {backend} worker that ran it {RETRIES + 1} times"
        f"{said}; most likely memory ran out: take fewer --workers or less --memory; a sweep goes on with --resume"
    )
