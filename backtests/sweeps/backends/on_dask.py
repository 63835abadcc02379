"""Workers on dask, started here or found at an address."""

import logging
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack
from typing import Any, Self

import distributed
from distributed.scheduler import KilledWorker

from backtests.sweeps.backends.address import CONNECT_SECONDS, require_answer, unreachable
from backtests.sweeps.backends.in_flight import in_flight, lost
from backtests.sweeps.backends.payload import ONE_THREAD, RETRIES, Make, packed_world, run
from backtests.sweeps.trials import Chunk, Task, World


class OnDask:
    """Dask's worker processes. A worker plugin brings the world, to workers that come later too."""

    def __init__(self, workers: int | None, address: str | None, make: Make) -> None:
        self._wanted = workers
        self._address = address
        self._make = make
        self._plugin = f"ebbtide-{uuid.uuid4().hex}"

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            place = stack.enter_context(_started(self._wanted)) if self._address is None else self._address
            self._client = stack.enter_context(_connected(place))
            self.workers = self._wanted or _count(self._client)
            self._left = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._left.close()

    def share(self, world: World) -> None:
        """Send the world to all workers, in place of the one that they had."""
        self._key = uuid.uuid4().hex
        self._client.register_plugin(_Brought(packed_world(world, self._make)), name=self._plugin)

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Chunk]]:
        """As `Cluster.run` says."""
        return in_flight(tasks, self.workers, self._submit, self._first, _result, lambda future: future.cancel())

    def _submit(self, task: bytes) -> Any:
        return self._client.submit(_work, self._plugin, self._key, task, pure=False)

    def _first(self, handles: list[Any]) -> Any:
        try:
            with self._client.as_current():
                return next(iter(distributed.wait(handles, return_when="FIRST_COMPLETED").done))
        except CancelledError:
            return next(handle for handle in handles if handle.cancelled())


class _Brought(distributed.WorkerPlugin):  # type: ignore[misc]
    """Bytes that every worker has."""

    def __init__(self, content: bytes) -> None:
        self.content = content


def _work(plugin: str, key: str, task: bytes) -> bytes:
    return run(key, lambda: distributed.get_worker().plugins[plugin].content, task)


def _started(workers: int | None) -> Any:
    # Memory is not watched: at 80 % of a limit dask would hold a worker back until it needs less, which it never does.
    return distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        memory_limit=0,
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
        env=ONE_THREAD,
        scheduler_kwargs={"allowed_failures": RETRIES, "dashboard": False},
    )


def _connected(place: Any) -> Any:
    if not isinstance(place, str):
        return distributed.Client(place, set_as_default=False)
    require_answer(place, "dask", "tcp://host:8786")
    try:
        return distributed.Client(place, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise unreachable(place, "dask", error) from None


def _count(client: Any) -> int:
    try:
        client.wait_for_workers(1, timeout=CONNECT_SECONDS)
    except TimeoutError as error:
        raise unreachable(client.scheduler.address, "dask", f"it has no workers: {error}") from None
    return len(client.scheduler_info(n_workers=-1)["workers"])


def _result(handle: Any, task: Task) -> bytes:
    try:
        return handle.result()  # type: ignore[no-any-return]
    except (KilledWorker, CancelledError) as error:
        raise lost("dask", task, error) from None
