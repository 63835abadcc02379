"""A fetch that is killed, interrupted, run twice at once, or has no room: what is stored stays whole, and goes on."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from data_cache.cache import status
from data_cache.store import Listing, Store
from tests.standins.providers import NOW, autumn, endpoints, serving
from tests.standins.server import Fault, StandIn

ROOT = Path(__file__).parents[2]
HOURLY = Listing("BTC", "binance", "BTC/USDT", "1h")

# The Treasury's account and the hourly bars of bitcoin, these in two pieces: each is written several times.
FETCH = """
import os, signal, sys
from functools import partial
from pathlib import Path
from threading import Event
import pandas as pd
from data_cache.sources import exchange
from data_cache.sources.fetching import fetch, stoppable
from data_cache.sources.patience import Patience
from data_cache.sources.plan import jobs_of
from data_cache.sources.session import Session, endpoints
from data_cache.store import Store

exchange.PIECE = 1
NOW, SINCE = pd.Timestamp("2025-11-20 12:01", tz="UTC"), pd.Timestamp("2025-09-01", tz="UTC")

def run(folder):
    stop = Event()
    session = Session(NOW, SINCE, endpoints(), patience=Patience(first=0), say=stoppable(stop, lambda step: None))
    store = Store(Path(folder))
    jobs = [job for job in jobs_of(session, store) if job.name in ("TGA", "BTC 1h")]
    fetched = fetch(jobs, stop)
    fetched.require()
"""

# A child process ends itself with SIGKILL at the n-th time it is about to touch a file of the store.
KILLED = (
    FETCH
    + """
import ccxt, requests  # before the first fork: they take a second
from data_cache.cache import status

TOUCHES = {"open", "os.rename", "os.remove"}

def killed(folder, kill_at):
    touched = 0
    def count(event, arguments):
        nonlocal touched
        inside = event in TOUCHES and folder in str(arguments[0])
        if inside and (event != "open" or "w" in str(arguments[1] or "")):
            touched += 1
            if touched == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(count)
    run(folder)

def forked(what, *arguments):
    child = os.fork()
    if child == 0:
        try:
            what(*arguments)
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1]

for kill_at in range(1, 100):
    folder = os.path.join(sys.argv[1], str(kill_at))
    first = forked(killed, folder, kill_at)
    problems = [row.problem for row in status(Store(Path(folder)), NOW) if row.problem]
    second = forked(run, folder)
    print("killed" if os.WIFSIGNALED(first) else "finished", problems, second, flush=True)
    if first == 0:
        break
"""
)

TWICE = FETCH + "run(sys.argv[1])\n"
FULL = (
    FETCH
    + """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
run(sys.argv[1])
"""
)
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and signals")


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[dict[str, StandIn]]:
    with serving(autumn()) as running:
        (tmp_path / "endpoints.toml").write_text(endpoints(running))
        yield running


def python(folder: Path, code: str, *arguments: object) -> "subprocess.Popen[str]":
    """A Python of its own that runs `code` against the servers."""
    kept = {name: value for name, value in os.environ.items() if name not in ("FRED_API_KEY", "EBBTIDE_TRACEBACK")}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, *map(str, arguments)],
        cwd=ROOT,
        env=kept | {"EBBTIDE_ENDPOINTS": str(folder / "endpoints.toml")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def whole(store: Store) -> None:
    """Assert that the store holds all of the two histories, and nothing is wrong with it."""
    assert [row.problem for row in status(store, NOW)] == ["", ""]
    frame = store.bars(HOURLY).frame
    assert frame.index.equals(pd.date_range("2025-09-01", "2025-11-20 11:00", freq="h", tz="UTC", unit="ns"))
    # 58 weekdays from 1 September to 19 November, without Labor Day, Columbus Day, Veterans Day, and the 19th, whose
    # statement comes out in the afternoon of the 20th.
    assert len(store.rows("TGA")) == 54
    assert store.rows("TGA")["value"].tolist() == [900.0 - day for day in range(54)]


def test_a_fetch_killed_at_any_write_leaves_a_store_that_reads_and_the_next_one_goes_on(
    servers: dict[str, StandIn], tmp_path: Path
) -> None:
    child = python(tmp_path, KILLED, tmp_path / "stores")
    out, err = child.communicate()
    assert child.returncode == 0, err
    lines = out.splitlines()
    assert lines == ["killed [] 0"] * (len(lines) - 1) + ["finished [] 0"]
    assert len(lines) > 12, "there were so many points at which to be killed"
    for folder in (tmp_path / "stores").iterdir():
        whole(Store(folder))


def test_two_fetches_at_once_do_not_corrupt_each_other(servers: dict[str, StandIn], tmp_path: Path) -> None:
    both = [python(tmp_path, TWICE, tmp_path / "store") for _ in range(2)]
    for child in both:
        _, err = child.communicate()
        assert child.returncode == 0, err
    whole(Store(tmp_path / "store"))


def test_a_disk_that_takes_no_more_ends_the_fetch_and_keeps_what_is_stored(
    servers: dict[str, StandIn], tmp_path: Path
) -> None:
    child = python(
        tmp_path, FULL, tmp_path / "store", 4_000
    )  # bytes a file may have: those of the account, not of bars
    _, err = child.communicate()
    assert child.returncode == 1
    assert "1h.parquet could not be written: File too large; what was stored is whole: make room or get leave" in err
    assert not any(row.problem for row in status(Store(tmp_path / "store"), NOW))
    again = python(tmp_path, TWICE, tmp_path / "store")
    _, err = again.communicate()
    assert again.returncode == 0, err
    whole(Store(tmp_path / "store"))


def test_an_interrupt_does_not_wait_for_a_provider_that_is_slow(servers: dict[str, StandIn], tmp_path: Path) -> None:
    for server in servers.values():
        server.fail(Fault(slow=True), times=99)
    command = "from backtests.cli import main; import sys; sys.argv[0] = 'ebbtide'; main()"
    child = python(tmp_path, command, "fetch", "macro", "--store", tmp_path / "store")
    assert servers["treasury"].stuck.wait(60)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)  # the patience with a slow answer is 30 s
    assert (child.returncode, out, err) == (130, "", "ebbtide: interrupted; what was stored before is whole\n")
