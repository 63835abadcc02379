"""Where the tasks of a sweep run: in this process, in processes beside it, on Ray or on dask."""

import importlib.util
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, Self

from backtests.sweeps.trials import Chunk, Runner, Task, World
from data_cache.errors import BadUsage, UnknownName

BACKENDS = ("local", "ray", "dask")
_LIBRARIES = {"ray": "ray", "dask": "distributed"}


class Cluster(Protocol):
    """Some workers. `with` starts them or connects to them; leaving it stops what it started, and nothing else."""

    @property
    def workers(self) -> int:
        """How many tasks run at a time."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def share(self, world: World) -> None:
        """Send each worker, once, what the tasks that follow have in common."""

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Chunk]]:
        """Each task with what came of it, in the order in which they are done.

        Tasks are taken from the iterable when workers need them: at most two per worker are under way. What a trial
        raises is raised here as it is. The tasks of a worker that dies run again on another; WorkerLost where the same
        task has lost RETRIES + 1 workers.
        """


def cluster(
    backend: str,
    workers: int | None = None,
    address: str | None = None,
    make: Callable[[World], Runner] | None = None,
) -> Cluster:
    """The workers of a backend; nothing is started before `with`.

    workers : of all CPUs, or of all that is at `address`, where None; with one, "local" runs in this very process
    address : of a cluster that runs already: "auto", "host:port" or "ray://host:port" for ray, "tcp://host:port" for
    dask; one is started on this machine where None
    make : what makes the runner in each worker, `runner_of` where None

    Raises UnknownName for another backend, BadUsage where its library is absent or the address is none for it.
    """
    if backend not in BACKENDS:
        raise UnknownName.among("backend", backend, BACKENDS)
    if workers is not None and workers < 1:
        raise BadUsage(f"--workers takes 1 or more; found {workers}")
    if backend == "local" and address is not None:
        raise BadUsage(f"--backend local has no address; leave out {address}, or choose --backend ray or dask")
    if backend != "local" and importlib.util.find_spec(_LIBRARIES[backend]) is None:
        raise BadUsage(f"{backend} is not installed; pip install 'ebbtide[{backend}]'")
    return _start(backend, workers, address, make or _runner_of)


def _start(backend: str, workers: int | None, address: str | None, make: Callable[[World], Runner]) -> Cluster:
    if backend == "ray":
        from backtests.sweeps.backends.on_ray import OnRay

        return OnRay(workers, address, make)
    if backend == "dask":
        from backtests.sweeps.backends.on_dask import OnDask

        return OnDask(workers, address, make)
    from backtests.sweeps.backends.local import local

    return local(workers, make)


def _runner_of(world: World) -> Runner:
    from backtests.sweeps.runner import runner_of

    return runner_of(world)
