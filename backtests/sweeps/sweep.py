"""A sweep from beginning to end: all trials of a plan run, each counted before it is kept, then weighed."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import count
from pathlib import Path

import numpy as np

from backtests.ledger import DISTINCT, Ledger
from backtests.sweeps.backends import Cluster
from backtests.sweeps.backends import cluster as local_cluster
from backtests.sweeps.folder import SweepFolder, require_room
from backtests.sweeps.grid import Parameters
from backtests.sweeps.memory import chunk_size
from backtests.sweeps.plan import OBJECTIVES, Plan
from backtests.sweeps.search import TPE, Search
from backtests.sweeps.stage import records_of
from backtests.sweeps.swept import Sweep
from backtests.sweeps.trials import Chunk, Task, Watching, unwatched
from backtests.sweeps.weigh import weigh
from data_cache import parquet
from strategies.strategy import path_dependent

__all__ = ["OBJECTIVES", "Plan", "Sweep", "run_sweep"]

# A search that learns is asked for so many trials at a time, and they are run in so many at once: the same whatever the
# workers are, so that it learns the same anywhere.
ROUND, SHARE = 64, 16
# So many chunks of trials of event engines are there for each worker, at least.
SHARES = 4


def run_sweep(
    plan: Plan,
    folder: Path,
    ledger: Ledger | None = None,
    cluster: Cluster | None = None,
    memory: int = 2_000_000_000,
    resume: bool = False,
    watch: Watching = unwatched,
    weighing: Watching = unwatched,
) -> Sweep:
    """Run every trial of `plan` that `folder` does not hold yet, then weigh what came of them.

    ledger : each trial is entered before it is kept; the default one where None
    cluster : already started; this process where None
    memory : bytes, of this process and its workers      watch(done, total) : called as trials are done
    weighing(done, total) : called as the statistics are made

    Raises BadUsage, before anything is run, where the sweep does not fit into memory or disk or the folder holds
    something else; LookAhead for a rule that looks ahead; CheckFailed where the judge disagrees; NoData where no trial
    has anything to decide on.
    """
    if cluster is None:
        with local_cluster("local", 1) as here:
            return run_sweep(plan, folder, ledger, here, memory, resume, watch, weighing)
    ledger = Ledger.default() if ledger is None else ledger
    plan.refuse_impossible()
    plan.refuse_look_ahead()
    search = plan.new_search()
    n_days = len(plan.days.days)
    size = chunk_size(search.trials, n_days, cluster.workers, memory)
    if path_dependent(plan.space.base):  # each trial takes a while, so a few make a chunk
        size = max(1, min(size, search.trials // (SHARES * cluster.workers)))
    about = plan.about() | {"chunk": size}
    require_room(folder, search.trials, n_days)
    with SweepFolder.open(folder, about, plan.names, plan.days.days, resume) as stored:
        _Trials(plan, search, stored, ledger, cluster, watch).run()
        table = stored.table()
        sweep = weigh(plan, table, stored, ledger, weighing)
        stored.finish(table)
        return sweep


class _Trials:
    """The running of all trials of a search: each is in the ledger before it is in the folder."""

    def __init__(
        self,
        plan: Plan,
        search: Search,
        stored: SweepFolder,
        ledger: Ledger,
        cluster: Cluster,
        watch: Watching,
    ) -> None:
        self._plan, self._search, self._stored = plan, search, stored
        self._ledger, self._cluster, self._watch = ledger, cluster, watch
        self._done = 0
        self._numbers = count()

    def run(self) -> None:
        """Run all; those that the folder has are not run again."""
        self._watch(0, self._search.trials)
        self._cluster.share(self._plan.world)
        size = self._stored.about["chunk"]
        if not isinstance(self._search, TPE):
            self._run(self._tasks(iter(lambda: self._search.ask(size), [])))
            return
        while asked := self._search.ask(ROUND):
            tasks = list(self._tasks(asked[i : i + SHARE] for i in range(0, len(asked), SHARE)))
            self._run(tasks)
            lessons = [self._plan.lessons(self._stored.measures(task)) for task in tasks]
            self._search.tell(np.concatenate(lessons).tolist())

    def _tasks(self, parts: Iterable[list[Parameters]]) -> Iterator[Task]:
        return (Task(next(self._numbers), part) for part in parts)

    def _run(self, tasks: Iterable[Task]) -> None:
        missing = (task for task in tasks if not self._has(task))
        for task, chunk in self._cluster.run(missing):
            self._keep(task, chunk)

    def _has(self, task: Task) -> bool:
        kept = self._stored.kept(task)
        if kept:
            self._enter_again(task)
            self._count(task)
        return kept

    def _enter_again(self, task: Task) -> None:
        """Enter what the ledger lacks of a chunk that an earlier run kept: it may be another ledger."""
        strategies = [self._plan.space.strategy(trial) for trial in task.trials]
        rows = records_of(self._plan.world, strategies, self._stored.measures(task))
        known = [pair in self._entered for pair in zip(*(rows[name] for name in DISTINCT), strict=True)]
        self._ledger.append(rows[~np.array(known)].assign(when=parquet.now()))

    @cached_property
    def _entered(self) -> set[tuple[str, str]]:
        """The distinct trials of the family that the ledger had when the first chunk was found."""
        had = self._ledger.trials(self._plan.family, columns=DISTINCT)
        return set(zip(*(had[name] for name in DISTINCT), strict=True))

    def _keep(self, task: Task, chunk: Chunk) -> None:
        self._ledger.append(chunk.records.assign(when=parquet.now()))
        self._stored.keep(task, chunk)
        self._count(task)

    def _count(self, task: Task) -> None:
        self._done += len(task.trials)
        self._watch(self._done, self._search.trials)
