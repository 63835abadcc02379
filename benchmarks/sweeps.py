"""How many trials a second a sweep runs from beginning to end, and whether a large one stays in memory and in time.

Everything is counted: signals, weights, simulation, metrics, the ledger, Parquet files. What is said of the best
afterwards, which grows with the statistics asked for and not with the trials alone, is timed beside it.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from backtests.ledger import Ledger
from backtests.sweeps.backends import cluster
from backtests.sweeps.grid import read_space
from backtests.sweeps.sweep import Plan, run_sweep
from benchmarks.claim import Claim
from data_cache.cache import load_market
from data_cache.lab import Lab
from data_cache.market import Market
from data_cache.sources.files import import_manifest
from data_cache.store import Store

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("EBBTIDE_SHARED", ROOT.parent / "shared" / "data"))
TRIALS_A_SECOND = 3_000
MEMORY = 1_000_000_000
NOISE = 1.15
FOUR = ("window=5:60:5", "trigger=0.1:5:0.1", "ceiling_bps=5:50:5", "exposure=0.25,0.5,0.75,1.0")
FEW = ("window=5:50:5", "trigger=0.2:2:0.2", "ceiling_bps=5:50:5")
MANY = ("window=5:50:5", "trigger=0.1:5:0.1", "ceiling_bps=2.5:50:2.5", "exposure=0.1:1:0.1")


def claims() -> list[Claim]:
    """On real history where it is there; a hundred thousand trials on the lab."""
    return [*_real_history(), _in_time(), _in_memory()]


def _real_history() -> Iterator[Claim]:
    if not SHARED.is_dir():
        print(f"left out: sweeps of the real history; {SHARED} is not there (EBBTIDE_SHARED)")
        return
    with TemporaryDirectory() as folder:
        store = Store(Path(folder))
        import_manifest(ROOT / "tests" / "shared.toml", store)
        timed = _swept(load_market(store, "1d"), FOUR, workers=2)
    rate = timed.trials / timed.seconds
    print(f"{timed.trials:,} trials in {timed.seconds:.1f} s, their statistics in {timed.afterwards:.1f} s")
    what = "trials of a four-parameter grid of StealthQE on real history, from signals to Parquet, two workers"
    yield Claim(what, f"{rate:,.0f} a second", "3,000 a second", rate / TRIALS_A_SECOND, least=1.0)


def _in_time() -> Claim:
    market = Lab().market("1d")
    _swept(market, FEW, workers=1)
    few, many = min((_swept(market, FEW, workers=1) for _ in range(3)), key=_pace), _swept(market, MANY, workers=1)
    what = f"a trial of a sweep of {many.trials:,}, one worker"
    peer = f"of {few.trials:,}: {_pace(few) * 1e6:,.0f} µs"
    return Claim(what, f"{_pace(many) * 1e6:,.0f} µs", peer, _pace(many) / _pace(few), most=NOISE)


def _in_memory() -> Claim:
    with TemporaryDirectory() as folder:
        settings = [part for setting in MANY for part in ("--set", setting)]
        where = ["--out", f"{folder}/sweep", "--ledger", f"{folder}/ledger", "--store", f"{folder}/store"]
        asked = ["sweep", "StealthQE", *settings, *where, "--workers", "2", "--memory", "1GB", "--json"]
        peak = _peak_memory([sys.executable, "-m", "backtests", *asked])
    what = "peak memory of 100,000 trials × 3,103 daily bars with --memory 1GB, all processes"
    return Claim(what, f"{peak / 1e6:,.0f} MB", "1,000 MB", peak / MEMORY, most=1.0)


@dataclass
class _Timed:
    """When the trials of a sweep were done, and when all was."""

    begun: float = field(default_factory=time.perf_counter)
    ran: float = 0.0
    ended: float = 0.0
    trials: int = 0

    def watch(self, done: int, total: int) -> None:
        if done == total:
            self.ran, self.trials = time.perf_counter(), total

    @property
    def seconds(self) -> float:
        return self.ran - self.begun

    @property
    def afterwards(self) -> float:
        return self.ended - self.ran


def _swept(market: Market, settings: Sequence[str], workers: int) -> _Timed:
    plan = Plan(read_space("StealthQE", settings), market)
    timed = _Timed()
    with TemporaryDirectory() as folder, cluster("local", workers) as started:
        ledger = Ledger(Path(folder, "ledger"))
        run_sweep(plan, Path(folder, "sweep"), ledger, started, 2 * MEMORY, watch=timed.watch)
        timed.ended = time.perf_counter()
    return timed


def _pace(timed: _Timed) -> float:
    """Seconds a trial."""
    return timed.seconds / timed.trials


def _peak_memory(command: Sequence[str]) -> float:
    """The most that a process and its children had at once, bytes: what several share is counted once."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        watched, peak = psutil.Process(process.pid), 0.0
        while process.poll() is None:
            peak = max(peak, sum(_memory(one) for one in [watched, *_children(watched)]))
            time.sleep(0.1)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return peak


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _memory(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0.0
