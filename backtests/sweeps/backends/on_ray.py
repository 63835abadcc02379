"""Workers on Ray, started here or found at an address."""

import logging
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any, Self

import ray

from backtests.sweeps.backends.address import require_answer, unreachable
from backtests.sweeps.backends.in_flight import in_flight, lost
from backtests.sweeps.backends.payload import ONE_THREAD, RETRIES, Make, packed_world, run
from backtests.sweeps.trials import Chunk, Task, World
from data_cache.errors import BadUsage

# Read by the processes of a Ray that is started here; what the user has set stays.
_SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_task_oom_retries": str(RETRIES)}


class OnRay:
    """Ray's worker processes. The world lies in Ray's object store; each process fetches and unpickles it once."""

    def __init__(self, workers: int | None, address: str | None, make: Make) -> None:
        self._wanted = workers
        self._address = address
        self._make = make

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            _silence(stack)
            if self._address is not None or not ray.is_initialized():
                self._start()
                stack.callback(ray.shutdown)
            self.workers = self._wanted or max(1, int(ray.cluster_resources().get("CPU", 1)))
            self._work: Any = ray.remote(num_cpus=1, max_retries=RETRIES, runtime_env={"env_vars": ONE_THREAD})(_work)
            self._left = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._world = None
        self._left.close()

    def share(self, world: World) -> None:
        """Put the world into the object store."""
        self._key = uuid.uuid4().hex
        self._world = ray.put(packed_world(world, self._make))

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Chunk]]:
        """As `Cluster.run` says."""
        return in_flight(tasks, self.workers, self._submit, _first, _result, ray.cancel)

    def _submit(self, task: bytes) -> Any:
        # In a list the world stays a reference: given as it is, Ray would hand its bytes to every task.
        return self._work.remote(self._key, [self._world], task)

    def _start(self) -> None:
        quiet = {"log_to_driver": False, "logging_level": logging.CRITICAL}
        if self._address is None:
            os.environ.update(_SETTINGS | {name: os.environ[name] for name in _SETTINGS if name in os.environ})
            ray.init(address="local", num_cpus=self._wanted, include_dashboard=False, **quiet)
            return
        if self._address != "auto":
            require_answer(self._address, "ray", "auto or ray://host:10001")
        try:
            ray.init(address=self._address, **quiet)
        except (ConnectionError, RuntimeError, SystemExit) as error:
            raise unreachable(self._address, "ray", error) from None
        except ValueError as error:
            raise BadUsage(f"ray can't connect to {self._address}: {error}") from None


def _work(key: str, world: list[Any], task: bytes) -> bytes:
    return run(key, lambda: ray.get(world[0]), task)


def _first(handles: list[Any]) -> Any:
    return ray.wait(handles, num_returns=1)[0][0]


def _result(handle: Any, task: Task) -> bytes:
    try:
        return ray.get(handle)  # type: ignore[no-any-return]
    except ray.exceptions.RayTaskError:
        raise
    except ray.exceptions.RayError as error:
        raise lost("ray", task, error) from None


def _silence(stack: ExitStack) -> None:
    """Keep what Ray says of dead workers out of stdout, where it prints it whatever `log_to_driver` says."""
    driver = ray._private.worker
    stack.callback(setattr, driver, "print_to_stdstream", driver.print_to_stdstream)
    driver.print_to_stdstream = lambda *arguments, **options: None
