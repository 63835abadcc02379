"""What a user asks of `sweep` and `walk`, checked before any history is loaded."""

import hashlib
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from backtests.request import DAY, Conditions
from backtests.sweeps.backends import BACKENDS, Cluster, cluster
from backtests.sweeps.cross_validation import Folds, PurgedCrossValidation
from backtests.sweeps.grid import Space, read_space
from backtests.sweeps.memory import most_workers, useful_workers
from backtests.sweeps.search import SEARCHES
from backtests.sweeps.steps import Steps, duration, stretches
from backtests.sweeps.sweep import OBJECTIVES, Plan, Sweep, run_sweep
from backtests.sweeps.trials import Watching, unwatched
from backtests.sweeps.walk_forward import walk_forward, walk_paths
from backtests.sweeps.walked import Walk
from data_cache.errors import BadUsage, EbbtideError, UnknownName
from strategies.strategy import path_dependent

# So many trials of a rule that vectorises are done before a second process has started.
FEW_TRIALS = 2_000
# What a page is called, and a folder is not.
PAGES = (".html", ".htm")
# Bytes, by the unit as it is written but for its case.
UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


class Interrupted(EbbtideError):
    """The user has stopped a sweep; the sentence says how to go on."""

    exit_code = 130


@dataclass(frozen=True)
class SearchRequest(Conditions):
    """What `sweep` and `walk` can both be told: what to search, for what, how, and on which machines."""

    where: tuple[str, ...] = ()
    search: str = "grid"
    trials: int | None = None
    search_seed: int = 7
    objective: str = "sharpe"
    backend: str = "local"
    address: str | None = None
    workers: int | None = None
    memory: str = "2GB"

    def space(self) -> Space:
        """The parameter sets to search. Raises BadUsage or UnknownName where anything that was asked makes no sense."""
        if len(self.strategies) != 1:
            raise BadUsage(f"one strategy is searched at a time; found {', '.join(self.strategies) or 'none'}")
        for kind, name, known in (
            ("search", self.search, SEARCHES),
            ("objective", self.objective, OBJECTIVES),
            ("backend", self.backend, BACKENDS),
        ):
            if name not in known:
                raise UnknownName.among(kind, name, known)
        if self.address is not None and self.backend == "local":
            raise BadUsage(f"--address {self.address} is of a cluster; add --backend ray or --backend dask")
        if self.workers is not None and self.workers < 1:
            raise BadUsage(f"--workers must be one or more; found {self.workers}")
        if self.trials is not None and self.trials < 1:
            raise BadUsage(f"--trials must be one or more; found {self.trials}")
        if self.search_seed < 0:
            raise BadUsage(f"--search-seed must be zero or more; found {self.search_seed}")
        space = read_space(self.strategies[0], self.set, self.where)
        if self.trials is not None and self.search == "grid":
            raise BadUsage(
                f"--search grid runs all {space.size:,} trials, and the first {self.trials:,} would be a corner of it; "
                f"write --search random --trials {self.trials} for a sample"
            )
        return space

    def plan(self, space: Space) -> Plan:
        """What to search, the market loaded."""
        if self.benchmark == "none":
            raise BadUsage(
                "trials are judged beside a benchmark; name a strategy, such as 'FixedMix(exposure=0)' for cash"
            )
        start, end = self.window
        execution, market = self.execution(), self.market()
        return Plan(
            space=space,
            market=market,
            execution=execution,
            start=start,
            end=end,
            search=self.search,
            trials=self.trials,
            objective=self.objective,
            seed=self.search_seed,
            benchmark=self.benchmark_of(space.base, market),
        )

    def on_cluster(self, space: Space) -> Cluster:
        """The workers: as many as were asked for, else one for little work and one per core for much.

        No more of them than there is work for at a time.
        """
        asked = self.workers or self._usual_workers(space)
        most = self.most_tasks(min(self.trials or space.size, space.size))
        return cluster(self.backend, None if asked is None else min(asked, most), self.address)

    def most_tasks(self, trials: int) -> int:
        """How many workers so many trials can keep busy."""
        return trials

    def _usual_workers(self, space: Space) -> int | None:
        """As many as are of use here and fit into memory; None for a cluster, which knows how many it has."""
        if self.address is not None:
            return None
        trials = min(self.trials or space.size, space.size)
        if self.backend == "local" and trials <= FEW_TRIALS and not path_dependent(space.base):
            return 1
        from joblib import cpu_count  # what this process may use: affinity and the limits of a container count

        return min(int(cpu_count()), most_workers(memory_bytes(self.memory)))


@dataclass(frozen=True)
class SweepRequest(SearchRequest):
    """Everything that `sweep` can be told."""

    resume: bool = False

    def run(self, watch: Watching, weighing: Watching = unwatched) -> Sweep:
        """Run it, or go on with it.

        watch(done, total) : called after each chunk of trials      weighing(done, total) : as statistics are made
        Raises Interrupted where the user stops it once trials are kept.
        """
        space, memory = self.space(), memory_bytes(self.memory)
        folder, plan = self.folder(space), self.plan(space)
        try:
            with self.on_cluster(space) as workers:
                return run_sweep(plan, folder, self.trial_ledger(), workers, memory, self.resume, watch, weighing)
        except KeyboardInterrupt:
            if not (folder / "sweep.json").exists():
                raise
            raise Interrupted(
                f"interrupted; what was done is kept in {folder}: the same command with --resume goes on"
            ) from None

    def folder(self, space: Space) -> Path:
        """Where the sweep is kept: --out, or one whose name the same command finds again."""
        folder = self.out or Path("sweeps") / f"{type(space.base).__name__}-{self._digits(space)}"
        if folder.is_file():
            raise BadUsage(f"{folder} is a file; --out names a folder for the sweep")
        if folder.suffix.lower() in PAGES:
            raise BadUsage(
                f"--out {folder} names a page, and a sweep is kept in a folder, with its report in it; "
                f"write --out {folder.with_suffix('')}"
            )
        return folder

    def most_tasks(self, trials: int) -> int:
        """How many chunks they make."""
        return useful_workers(trials)

    def _digits(self, space: Space) -> str:
        """Eight hexadecimal digits of what is asked for; of nothing that decides only where and how fast it runs.

        The data count by their name, not by their content: resuming after a fetch shall find the folder and be told
        that the data have changed.
        """
        asked: dict[str, Any] = {
            "base": repr(space.base),
            "axes": [[axis.name, repr(axis.values)] for axis in space.axes],
            "where": [constraint.text for constraint in space.where],
            "search": [self.search, self.trials, self.objective, self.search_seed],
            "data": [self.data, self.seed if self.data == "lab" else None, self.timeframe, *map(str, self.window)],
            "execution": repr(self.execution()),
            "benchmark": self.benchmark,
        }
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:8]


@dataclass(frozen=True)
class WalkRequest(SearchRequest):
    """Everything that `walk` can be told."""

    train: str | None = None
    test: str | None = None
    anchored: bool = False
    purge: str = "0d"
    groups: int | None = None
    held_out: int | None = None
    tearsheet: Path | None = None

    def run(self, walking: Watching, crossing: Watching) -> tuple[Walk, PurgedCrossValidation | None]:
        """Cross-validate, then walk, which so counts all trials of both; None for a search that can't be validated so.

        walking, crossing : called with (done, total) after each chunk of trials of the one and of the other
        """
        space, memory, steps, folds = self.space(), memory_bytes(self.memory), self.steps(), self.folds()
        for page in filter(None, (self.out, self.tearsheet)):
            require_file(page)
        plan, ledger = self.plan(space), self.trial_ledger()
        stretches(
            plan.tape.opens.index[0], plan.tape.known_at[-1], plan.tape.length, steps
        )  # where history is too short
        with self.on_cluster(space) as workers:
            paths = walk_paths(plan, folds, workers, ledger, memory, crossing) if folds else None
            return walk_forward(plan, steps, workers, ledger, memory, walking), paths

    def steps(self) -> Steps:
        """How to go through history."""
        if self.train is None or self.test is None:
            raise BadUsage("a walk needs --train and --test, as in --train 730d --test 180d")
        lengths = {name: duration(getattr(self, name), f"--{name}") for name in ("train", "test", "purge")}
        return Steps(**lengths, anchored=self.anchored)

    def folds(self) -> Folds | None:
        """How to cross-validate; None for a search that can't be, where nobody asked for it."""
        if self.search == "tpe" and self.groups is self.held_out is None:
            return None
        usual, days = Folds(), math.ceil(duration(self.purge, "--purge") / DAY)
        return Folds(
            usual.groups if self.groups is None else self.groups,
            usual.held_out if self.held_out is None else self.held_out,
            purge=days,
            embargo=days,
        )


def require_file(path: Path) -> None:
    """Raise BadUsage where `path` can't be written as a file; its folder is made, and nothing is left in it."""
    if path.is_dir():
        raise BadUsage(f"{path} is a folder; name a file in it, such as {path / 'walk.html'}")
    for parent in path.parents:
        if parent.is_file():
            raise BadUsage(f"{path} can't be written: {parent} is a file; name another file with --out")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".part"):
            pass
    except OSError as error:
        raise BadUsage(f"{path} can't be written: {error.strerror or error}; name another file with --out") from None


def memory_bytes(text: str) -> int:
    """Bytes of a size such as "500MB" (5e8), "2 GB" or "1.5GiB" (1.5 · 2^30); BadUsage for what is none.

    >>> memory_bytes("500MB"), memory_bytes("1.5gib")
    (500000000, 1610612736)
    """
    read = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]+)", text.strip(), re.IGNORECASE)
    size = int(float(read[1]) * UNITS.get(read[2].upper(), 0)) if read else 0
    if size == 0:
        raise BadUsage(f"--memory takes a size such as 500MB, 2GB or 1.5GiB; found {text!r}")
    return size
