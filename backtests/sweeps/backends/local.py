"""Workers on this machine: this process alone, or loky's processes.

Of loky's two pools neither is used as a pool. When one worker dies, loky kills all others of the pool and does not say
who ran what. So each worker is a loky executor of one process: its death costs its own task, and nobody else's.
"""

import os
import queue
import signal
import threading
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from backtests.sweeps.backends.in_flight import in_flight, lost
from backtests.sweeps.backends.payload import ONE_THREAD, RETRIES, Make, packed_world, run
from backtests.sweeps.trials import Chunk, Runner, Task, World
from data_cache.errors import NotWritten

# A worker without work ends after so many seconds, and gives its memory back.
IDLE_SECONDS = 300


def local(workers: int | None, make: Make) -> "InProcess | OnLoky":
    """So many workers, one per CPU where None; a single one is this very process."""
    if workers is None:
        from joblib import cpu_count

        workers = int(cpu_count())
    return InProcess(make) if workers == 1 else OnLoky(workers, make)


class InProcess:
    """One worker: this very process."""

    workers = 1

    def __init__(self, make: Make) -> None:
        self._make = make
        self._runner: Runner | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._runner = None

    def share(self, world: World) -> None:
        """Make the runner of `world`."""
        self._runner = self._make(world)

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Chunk]]:
        """One after the other, in their order."""
        assert self._runner is not None, "share a world first"
        for task in tasks:
            yield task, self._runner.run(task)


class OnLoky:
    """Processes of joblib's loky, each fed by a thread of its own. The world lies in a temporary file."""

    def __init__(self, workers: int, make: Make) -> None:
        self.workers = workers
        self._make = make
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        # loky takes a process that has grown by 300 MB for leaking and replaces it, as it may: all it has can be had
        # again. The user need not be told.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs were given to the executor", UserWarning)
        self._folder = TemporaryDirectory(prefix="ebbtide-")
        self._threads = ThreadPoolExecutor(self.workers, "ebbtide", _leave_interrupts_to_the_main_thread)
        self._watched, self._held = Pipe(duplex=False)
        self._processes = [_Process(self._watched) for _ in range(self.workers)]
        for process in self._processes:
            self._idle.put(process)
        return self

    def __exit__(self, *error: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for process in self._processes:
            process.stop()
        self._threads.shutdown()
        self._watched.close()
        self._held.close()
        self._folder.cleanup()

    def share(self, world: World) -> None:
        """Write the world to a file that each process reads once; NotWritten where the disk does not take it."""
        self._key = uuid.uuid4().hex
        self._file = Path(self._folder.name) / self._key
        try:
            self._file.write_bytes(packed_world(world, self._make))
        except OSError as error:
            raise NotWritten(
                f"{self._file}, from which workers read what they share, could not be written: {error.strerror}; make "
                "room there, let TMPDIR name another folder, or take --workers 1"
            ) from None

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Chunk]]:
        """As `Cluster.run` says."""
        return in_flight(tasks, self.workers, self._submit, _first, _result, Future.cancel)

    def _submit(self, task: bytes) -> "Future[bytes | None]":
        return self._threads.submit(self._feed, partial(run, self._key, partial(Path.read_bytes, self._file), task))

    def _feed(self, call: Callable[[], bytes]) -> bytes | None:
        """What a process answers; None where it died of it each time."""
        from joblib.externals.loky.process_executor import BrokenProcessPool

        process = self._idle.get()
        try:
            for _ in range(RETRIES + 1):
                try:
                    return process.submit(call).result()
                except BrokenProcessPool:
                    continue
            return None
        finally:
            self._idle.put(process)


class _Process:
    """A process that is started when it is needed, and anew when it has died.

    main : the end to read of a pipe whose other end only the main process has
    """

    def __init__(self, main: Connection) -> None:
        self._main = main
        self._executor: Any = None
        self._stopped = False
        self._lock = threading.Lock()

    def submit(self, call: Callable[[], bytes]) -> "Future[bytes]":
        from joblib.externals.loky.process_executor import BrokenProcessPool, ProcessPoolExecutor

        with self._lock:
            if self._stopped:
                raise RuntimeError("the cluster is being left")
            if self._executor is not None:
                try:
                    return self._executor.submit(call)  # type: ignore[no-any-return]
                except BrokenProcessPool:
                    self._executor.shutdown()
            self._executor = ProcessPoolExecutor(
                1, timeout=IDLE_SECONDS, env=ONE_THREAD, initializer=_begin, initargs=(self._main,)
            )
            return self._executor.submit(call)  # type: ignore[no-any-return]

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            if self._executor is not None:
                self._executor.shutdown(kill_workers=True)


def _first(handles: "list[Future[bytes | None]]") -> "Future[bytes | None]":
    return next(iter(wait(handles, return_when=FIRST_COMPLETED).done))


def _result(handle: "Future[bytes | None]", task: Task) -> bytes:
    found = handle.result()
    if found is None:
        raise lost("local", task)
    return found


def _begin(main: Connection) -> None:
    """What a worker does before its first task."""
    _leave_interrupts_to_the_main_thread()
    threading.Thread(target=_end_with, args=(main,), name="ebbtide-main", daemon=True).start()


def _end_with(main: Connection) -> None:
    """End this process, whatever it does, when the main process is gone, even if that was killed and could say nothing.

    Nothing is ever sent through the pipe. It ends when the system closes the end that the main process held.
    """
    with suppress(EOFError, OSError):
        main.recv_bytes()
    os._exit(1)


def _leave_interrupts_to_the_main_thread() -> None:
    """Let Ctrl-C reach the main thread of the main process alone.

    Processes inherit what the thread that starts them blocks; loky unblocks it in the thread that starts its tracker,
    so each process does it for itself as well.
    """
    if os.name == "posix":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
