"""Walk-forward: parameters are chosen on one stretch of history and held over the next, step by step, all joined.

Pardo (2008), "The Evaluation and Optimization of Trading Strategies", chapter 11. What a walk measures is not a
parameter set but the habit of choosing the best one: nothing of a test window has a say in what is held there.
"""

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from math import nan

import numpy as np
import pandas as pd

from backtests.backtest import Backtest
from backtests.ledger import RATIO, Ledger, record, trials_behind
from backtests.result import Result
from backtests.source_code import code
from backtests.sweeps.backends import Cluster
from backtests.sweeps.cross_validation import Folds, PurgedCrossValidation, Segments, judge_splits
from backtests.sweeps.grid import Parameters
from backtests.sweeps.memory import chunk_size
from backtests.sweeps.plan import Plan
from backtests.sweeps.scheduled import Part, different_schedules, scheduled
from backtests.sweeps.search import TPE, Search
from backtests.sweeps.steps import Steps, Stretch, Window, stretches
from backtests.sweeps.sweep import ROUND, SHARE
from backtests.sweeps.trials import Chunk, Task, Watching, ruined, unwatched
from backtests.sweeps.walked import Walk, walk_findings
from data_cache import parquet
from data_cache.errors import BadUsage, EbbtideError, NoData
from strategies.strategy import Strategy

COMMAND = "walk"
# So many chunks of each window are there for each worker.
SHARES = 4


@dataclass(frozen=True)
class Best:
    """What training chose.

    parameters : None where no trial has a score      value : the objective of these      scored : trials with a score
    problem : why the first trial that has none has none, "" where nobody knows
    """

    parameters: Parameters | None
    value: float
    scored: int
    problem: str


def walk_forward(
    plan: Plan,
    steps: Steps,
    cluster: Cluster,
    ledger: Ledger,
    memory: int,
    watch: Watching = unwatched,
) -> Walk:
    """Choose on each training window among all trials of `plan`, hold over the test window, join what came of it.

    cluster : already started      ledger : every trial on every window, and the joined run, before anything is shown
    memory : bytes, of this process and its workers      watch(done, total) : called as trials are done

    A trial on a test window begins in cash; the joined run is one book, which a change of parameters costs what it
    trades. Where no trial has a score in training, what was chosen before stays; before anything was, the book is in
    cash. Raises BadUsage for a history too short, NoData where nothing was ever chosen, LookAhead for a rule that
    looks ahead.
    """
    _require_one_schedule(plan)
    plan.refuse_impossible()
    plan.refuse_look_ahead()
    tape = plan.tape
    taken = _with_bars(stretches(tape.opens.index[0], tape.known_at[-1], tape.length, steps), plan)
    trials = _Trials(plan, cluster, ledger, memory, watch, len(taken) * (plan.new_search().trials + 1))
    best = [trials.best(stretch.train) for stretch in taken]
    held = _held(best)
    if held[-1] is None:
        raise NoData(f"no trial of {plan.family} has a {plan.objective} in any training window; {_why(best)}")
    tests = [stretch.test for stretch in taken]
    tested = trials.test((test, own) for test, own in zip(tests, held, strict=True) if own is not None)
    result = _joined(plan, steps, tests, held, ledger)
    table = _table(plan, taken, best, held, [tested.get(test, (nan, False)) for test in tests])
    table = table.assign(book_ruined=_ruins(table["test_to"], result))
    return Walk(plan, steps.summary(), table, result, trials.done, walk_findings(plan, steps.test, table, result))


def walk_paths(
    plan: Plan,
    folds: Folds,
    cluster: Cluster,
    ledger: Ledger,
    memory: int,
    watch: Watching = unwatched,
) -> PurgedCrossValidation:
    """Cross-validate all trials of `plan` on many purged paths; arguments as for `walk_forward`.

    The splits have a column more for each parameter. BadUsage for a TPE search, whose trials follow from scores on the
    whole history, so that nothing of it is held out.
    """
    if plan.search == "tpe":
        raise BadUsage("--search tpe learns from what cross-validation holds out; take --search grid or random")
    plan.refuse_look_ahead()
    segments = Segments.of(folds, len(plan.days.days))
    trials = _Trials(plan, cluster, ledger, memory, watch, plan.new_search().trials)
    parts = {}
    for first, chunk in trials.whole():
        good = np.flatnonzero([not problem for problem in chunk.problems])
        parts[first] = first + good, segments.sums(chunk.returns[:, good])
    numbers, sums = zip(*(parts[first] for first in sorted(parts)), strict=True)
    found = judge_splits(folds, segments, sums, np.concatenate(numbers), plan.days.days)
    chosen = _numbered(plan.new_search(), set(found.splits["trial"]))
    parameters = pd.DataFrame([chosen[number] for number in found.splits["trial"]], found.splits.index)
    return replace(found, splits=found.splits.join(parameters.set_axis(plan.columns, axis=1)))


@dataclass(frozen=True)
class _Scored:
    """What a task says of the best trial: its scores in their order, what a search learns of them, the best of them."""

    number: int
    scores: np.ndarray
    lessons: np.ndarray
    parameters: Parameters | None
    value: float
    problem: str

    @property
    def key(self) -> tuple[float, int]:
        """What the best of all tasks has the highest of: a score, then a place near the beginning."""
        return float(np.nanmax(self.scores)), -self.number


class _Trials:
    """The running of trials on windows; each is in the ledger before anything is made of it."""

    def __init__(self, plan: Plan, cluster: Cluster, ledger: Ledger, memory: int, watch: Watching, total: int) -> None:
        self._plan, self._cluster, self._ledger = plan, cluster, ledger
        self._watch, self._total, self.done = watch, total, 0
        self._numbers = count()
        self._size = _chunk_size(plan.new_search().trials, len(plan.days.days), cluster.workers, memory)
        watch(0, total)
        cluster.share(plan.world)

    def best(self, window: Window) -> Best:
        """The best trial on a window; of equal ones the first."""
        search, found = self._plan.new_search(), list[_Scored]()
        for tasks in self._rounds(search, window):
            part = sorted(itertools.starmap(self._scored, self._run(tasks)), key=lambda scored: scored.number)
            search.tell(np.concatenate([scored.lessons for scored in part]).tolist())
            found += part
        scored = sum(int((~np.isnan(one.scores)).sum()) for one in found)
        problem = next((one.problem for one in found if one.problem), "")
        leading = max((one for one in found if one.parameters is not None), key=lambda one: one.key, default=None)
        return Best(None, nan, 0, problem) if leading is None else Best(leading.parameters, leading.value, scored, "")

    def test(self, held: Iterable[tuple[Window, Parameters]]) -> dict[Window, tuple[float, bool]]:
        """The objective of a trial on each window, and whether it was ruined there."""
        tasks = (Task(next(self._numbers), [parameters], window) for window, parameters in held)
        measured = ((task.window, chunk.measures) for task, chunk in self._run(tasks))
        own = self._plan.objective
        return {window: (float(of[own][0]), bool(ruined(of)[0])) for window, of in measured if window is not None}

    def whole(self) -> Iterator[tuple[int, Chunk]]:
        """All trials on all of the history, in chunks, each with the number of its first trial; in any order."""
        for tasks in self._rounds(self._plan.new_search(), None):
            for task, chunk in self._run(tasks):
                yield task.number * self._size, chunk

    def _rounds(self, search: Search, window: Window | None) -> Iterator[Iterable[Task]]:
        """Tasks that may run at the same time; a search that learns is told of them before it gives the next ones."""
        if not isinstance(search, TPE):
            yield self._tasks(iter(lambda: search.ask(self._size), []), window)
            return
        while asked := search.ask(ROUND):
            yield self._tasks((asked[i : i + SHARE] for i in range(0, len(asked), SHARE)), window)

    def _tasks(self, parts: Iterable[list[Parameters]], window: Window | None) -> Iterator[Task]:
        return (Task(next(self._numbers), part, window) for part in parts)

    def _run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Chunk]]:
        for task, chunk in self._cluster.run(tasks):
            self._ledger.append(chunk.records.assign(when=parquet.now(), command=COMMAND))
            self.done += len(task.trials)
            self._watch(self.done, self._total)
            yield task, chunk

    def _scored(self, task: Task, chunk: Chunk) -> _Scored:
        scores, lessons = self._plan.scores(chunk.measures), self._plan.lessons(chunk.measures)
        problem = next((problem for problem in chunk.problems if problem), "")
        if np.isnan(scores).all():
            gone = "its trials ended in ruin: let the strategy take smaller positions"
            lost = problem or (gone if ruined(chunk.measures).any() else "")
            return _Scored(task.number, scores, lessons, None, nan, lost)
        best = int(np.nanargmax(scores))
        value = float(chunk.measures[self._plan.objective][best])
        return _Scored(task.number, scores, lessons, task.trials[best], value, problem)


def _chunk_size(trials: int, n_days: int, workers: int, memory: int) -> int:
    """As many trials to a chunk as fit, but enough chunks on each window to keep all workers busy.

    A walk adds to the ledger once for each chunk on each window, so small chunks would cost more than their trials.
    """
    return min(chunk_size(trials, n_days, workers, memory, 1), -(-trials // (SHARES * workers)))


def _held(best: Sequence[Best]) -> list[Parameters | None]:
    """What each test window holds: what was chosen for it, else what was chosen last."""
    held: list[Parameters | None] = []
    for one in best:
        held.append(one.parameters if one.parameters is not None else held[-1] if held else None)
    return held


def _joined(
    plan: Plan, steps: Steps, tests: Sequence[Window], held: Sequence[Parameters | None], ledger: Ledger
) -> Result:
    """The run of what was held, one after another; in the ledger."""
    parts: list[Part] = []
    for (begin, _), own in zip(tests, held, strict=True):
        if own is not None and (not parts or parts[-1][1] != plan.space.strategy(own)):
            parts.append((begin, plan.space.strategy(own)))
    start, end = tests[0][0], tests[-1][1]
    run = Backtest(scheduled(parts), plan.market, plan.execution, start, end, benchmark=plan.yardstick).run()
    codes = {name: sha for _, strategy in parts for name, sha in code(strategy).items()}
    about = plan.about()
    told = {name: about[name] for name in ("space", "where", "search", "versions")}
    told |= {"objective": plan.objective, "seed": plan.seed, "walk": steps.summary() | {"strategy": about["strategy"]}}
    own_manifest = run.manifest | told | {"code": run.manifest["code"] | codes}
    (result,) = record([replace(run, manifest=own_manifest)], COMMAND, ledger)
    window = plan.tape.opens.index[0], plan.tape.known_at[-1]
    tried = ledger.trials(plan.family, *window, plan.market.origin, distinct=True, columns=RATIO)
    return replace(result, manifest=result.manifest | trials_behind(tried, result))


def _table(
    plan: Plan,
    taken: Sequence[Stretch],
    best: Sequence[Best],
    held: Sequence[Parameters | None],
    outside: Sequence[tuple[float, bool]],
) -> pd.DataFrame:
    """A row per stretch, as `Walk.stretches` says, but for the last column."""
    windows = {
        f"{kind}_{edge}": pd.DatetimeIndex([getattr(stretch, kind)[place] for stretch in taken])
        for kind in ("train", "test")
        for place, edge in enumerate(("from", "to"))
    }
    kind = object if None in held else None  # no value must not make floats of whole numbers
    parameters = {
        column: pd.Series([None if own is None else own[name] for own in held], dtype=kind)
        for column, name in zip(plan.columns, plan.names, strict=True)
    }
    scores = {
        "chosen": [one.parameters is not None for one in best],
        "scored": [one.scored for one in best],
        "in_sample": [one.value for one in best],
        "out_of_sample": [value for value, _ in outside],
        "ruined": [gone for _, gone in outside],
    }
    return pd.DataFrame(windows | parameters | scores).rename_axis("stretch")


def _ruins(ends: pd.Series, result: Result) -> list[str]:
    """When the joined book was ruined, for each stretch that ends with nothing left of it; "" for the others."""
    return [result.ruin_day if result.ruined_at is not None and result.ruined_at <= end else "" for end in ends]


def _with_bars(taken: Sequence[Stretch], plan: Plan) -> list[Stretch]:
    """The stretches that have a bar to test on; a hole in history may be longer than a test window."""
    opens = plan.tape.open_times
    begin, end = (opens.searchsorted([stretch.test[edge].value for stretch in taken]) for edge in (0, 1))
    return [stretch for stretch, some in zip(taken, begin < end, strict=True) if some]


def _why(best: Sequence[Best]) -> str:
    problem = next((one.problem for one in best if one.problem), "")
    return problem or "its trials never left cash: widen the search, or take a longer --train"


def _require_one_schedule(plan: Plan) -> None:
    """Raise BadUsage where trials rebalance on different schedules, before any of them is run."""
    base = plan.space.base
    if plan.execution.rebalance_days or type(base).rebalance_every is Strategy.rebalance_every:
        return
    schedules = {base.rebalance_every()}
    for axis in plan.space.axes:
        for value in axis.values:
            with suppress(EbbtideError):  # a combination that is left out, or told when its trial comes
                schedules.add(plan.space.strategy({axis.name: value}).rebalance_every())
    if len(schedules) > 1:
        raise BadUsage(different_schedules(plan.family, sorted(schedules)))


def _numbered(search: Search, wanted: Collection[int]) -> dict[int, Parameters]:
    """The parameters of the trials with these numbers."""
    asked = itertools.chain.from_iterable(iter(lambda: search.ask(ROUND), []))
    return {number: parameters for number, parameters in enumerate(asked) if number in wanted}
