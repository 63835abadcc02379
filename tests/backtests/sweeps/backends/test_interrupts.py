"""Ctrl-C, SIGKILL, and silence: each backend in a process of its own, as the command line uses it."""

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.backtests.sweeps.backends.fake_runs import marks

ROOT = Path(__file__).parents[4]
SECONDS = 60
LIBRARY = {"local": "joblib", "ray": "ray", "dask": "distributed"}
SCRIPT = """
import sys
from backtests.sweeps.backends import cluster
from tests.backtests.conftest import BTC, market
from tests.backtests.sweeps.backends.fake_runs import Fake, Marked, by_number, tasks, world_of

with cluster(sys.argv[1], workers=2, make=Fake) as two:
    two.share(world_of(Marked(sys.argv[2]), market({"BTC": BTC})))
    print(len(by_number(two.run(tasks(6, t1="die_once")))), "done", flush=True)
    try:
        by_number(two.run(tasks(6, t0="wait", t1="wait")))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
print("left")
"""


KILLED = """
import sys
from backtests.sweeps.backends import cluster
from tests.backtests.conftest import BTC, market
from tests.backtests.sweeps.backends.fake_runs import Fake, Marked, by_number, tasks, world_of

with cluster("local", workers=2, make=Fake) as two:
    two.share(world_of(Marked(sys.argv[1]), market({"BTC": BTC})))
    by_number(two.run(tasks(3, t0="wait")))
"""


def until(holds: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Look again and again until it holds; fail where it does not in time."""
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "waited too long"
        threading.Event().wait(0.05)


def alive(name: str) -> list[str]:
    """The command lines of all processes that have `name` in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if name.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it has ended, or belongs to somebody else
    return found


reads_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc")


@reads_proc
def test_processes_end_when_the_main_process_is_killed(tmp_path: Path) -> None:
    name = f"EBBTIDE_TEST_{uuid.uuid4().hex}"

    def workers() -> int:
        return sum("LokyProcess" in command for command in alive(name))

    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    own = os.environ | {name: "1", "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=own, stderr=subprocess.DEVNULL) as started:
        # One works on task 0 for ever; the other has done tasks 1 and 2 and waits for more.
        until(lambda: started.poll() is not None or bool(marks(tmp_path, "waiting") and marks(tmp_path, "ran2")))
        assert workers() == 2
        started.kill()
    until(lambda: workers() == 0, seconds=10)
    until(lambda: alive(name) == [], seconds=10)


def interrupted(backend: str, folder: Path) -> tuple[str, str]:
    """What a command prints that is interrupted while both of its workers work; it leaves no process behind."""
    folder.mkdir()
    name = f"EBBTIDE_TEST_{uuid.uuid4().hex}"
    started = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, backend, str(folder)],
        cwd=ROOT,
        env=os.environ | {name: "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with started:
        until(lambda: started.poll() is not None or len(marks(folder, "waiting")) == 2)
        os.killpg(started.pid, signal.SIGINT)
        told = started.communicate(timeout=SECONDS)
    until(lambda: alive(name) == [])
    return told


@reads_proc
def test_a_death_is_not_heard_and_an_interrupt_leaves_no_process_behind(tmp_path: Path) -> None:
    installed = [backend for backend, library in LIBRARY.items() if importlib.util.find_spec(library)]
    with ThreadPoolExecutor(len(installed)) as at_a_time:  # for most of its seconds each waits
        told = at_a_time.map(lambda backend: interrupted(backend, tmp_path / backend), installed)
        assert dict(zip(installed, told, strict=True)) == dict.fromkeys(installed, ("6 done\ninterrupted\nleft\n", ""))
