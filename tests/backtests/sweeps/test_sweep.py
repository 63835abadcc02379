"""Sweeps from beginning to end: counted, judged, resumable, and the same however they came about."""

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.execution import Execution
from backtests.ledger import Ledger
from backtests.sweeps.backends import cluster
from backtests.sweeps.grid import Axis, Space, read_space
from backtests.sweeps.plan import Plan
from backtests.sweeps.sweep import run_sweep
from backtests.sweeps.swept import Sweep
from backtests.sweeps.trials import Chunk, Runner, Task, World
from data_cache.errors import BadUsage, CheckFailed, LookAhead, NoData
from data_cache.lab import Lab
from data_cache.market import Known, Market
from signals import Signal
from strategies import Now, StealthQE, Strategy, TrendFollowing
from strategies.strategy import Book, Weights

MEMORY = 2_000_000_000
START, END = pd.Timestamp("2022-01-01", tz="UTC"), pd.Timestamp("2023-07-01", tz="UTC")
SPACE = Space(
    TrendFollowing(),
    (
        Axis("days", (5, 10, 20, 40, 80)),
        Axis("exposure", (0.25, 0.5, 0.75, 1.0)),
        Axis("mix", ((("BTC", 1.0),), (("BTC", 0.5), ("ETH", 0.5)))),
    ),
)


class Stopped(Exception):
    """The user pressed Ctrl-C, or the machine went down."""


class Here:
    """A cluster of this process that counts its tasks, and stops before the one after `most`."""

    def __init__(self, most: int | None = None, workers: int = 1) -> None:
        self.workers, self._most = workers, most
        self.tasks: list[Task] = []
        self._inner = cluster("local", 1)

    def __enter__(self) -> "Here":
        self._inner.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._inner.__exit__(*error)

    def share(self, world: World) -> None:
        self._inner.share(world)

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Chunk]]:
        for task in tasks:
            if self._most is not None and len(self.tasks) == self._most:
                raise Stopped
            self.tasks.append(task)
            yield from self._inner.run([task])


@pytest.fixture(scope="module")
def lab() -> Market:
    return Lab().market("1d")


def plan_of(lab: Market, space: Space = SPACE, **changes: object) -> Plan:
    return dataclasses.replace(Plan(space, lab, Execution(), START, END), **changes)


def swept(plan: Plan, folder: Path, here: Here | None = None, resume: bool = False) -> Sweep:
    with here or Here() as workers:
        return run_sweep(plan, folder / "sweep", Ledger(folder / "ledger"), workers, MEMORY, resume)


@pytest.fixture(scope="module")
def whole(lab: Market, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """Forty trials, uninterrupted."""
    return swept(plan_of(lab), tmp_path_factory.mktemp("whole"))


def table_bytes(sweep: Sweep) -> bytes:
    return (sweep.folder / "trials.parquet").read_bytes()


def test_the_table_has_every_trial_with_its_parameters(whole: Sweep) -> None:
    assert list(whole.table.index) == list(range(40))
    assert whole.columns == ["days", "parameter.exposure", "mix"]  # exposure is a measure, too
    assert whole.table["mix"].iloc[:2].tolist() == ["BTC:1.0", "BTC:0.5,ETH:0.5"]
    assert (whole.table["problem"] == "").all()
    for number in (0, 17, 39):
        assert whole.parameters(number) == whole.plan.space.trial(number)


def test_each_trial_is_the_backtest_that_run_gives(whole: Sweep, lab: Market) -> None:
    for number in (0, 13, whole.best):
        result = Backtest(whole.strategy(number), lab, start=START, end=END).run()
        for name in ("sharpe", "total_return", "max_drawdown", "turnover", "decisions", "fills"):
            assert whole.table.at[number, name] == pytest.approx(result.metrics[name], rel=1e-9), name


def test_the_best_has_the_highest_objective(whole: Sweep) -> None:
    assert whole.table.at[whole.best, "sharpe"] == whole.table["sharpe"].max()
    assert whole.top(3)["sharpe"].is_monotonic_decreasing
    assert whole.top(3).index[0] == whole.best == whole.verdict.best
    assert whole.result.metrics["sharpe"] == pytest.approx(whole.best_value, rel=1e-9)


def test_where_less_is_better_the_best_has_the_least(lab: Market, whole: Sweep) -> None:
    plan = dataclasses.replace(whole.plan, objective="max_drawdown")
    again = dataclasses.replace(whole, plan=plan)
    assert again.table.at[again.best, "max_drawdown"] == again.table["max_drawdown"].min()


def test_every_trial_is_in_the_ledger_before_anything_is_shown(whole: Sweep) -> None:
    entered = Ledger(whole.folder.parent / "ledger").trials()
    assert len(entered) == 40
    assert set(entered["command"]) == {"sweep"}
    assert entered["when"].notna().all()
    assert whole.verdict.trials == whole.manifest["trials"] == whole.manifest["sweep_trials"] == 40


def test_trials_of_other_commands_count_too(lab: Market, tmp_path: Path) -> None:
    """Twenty trials first, then four of which two were among them: 22 distinct ones stand behind the best of four."""
    few = dataclasses.replace(SPACE, axes=(Axis("days", (5, 10, 20, 40, 80)), Axis("exposure", (0.25, 0.5, 0.75, 1.0))))
    swept(plan_of(lab, few), tmp_path)
    (tmp_path / "sweep").rename(tmp_path / "first")
    sweep = swept(plan_of(lab, dataclasses.replace(few, axes=(Axis("days", (10, 20, 30, 35)),))), tmp_path)
    assert (sweep.manifest["sweep_trials"], sweep.verdict.trials) == (4, 22)


def test_vectorbt_judges_the_ten_best_and_twenty_others(whole: Sweep) -> None:
    assert whole.judged.numbers[:10].tolist() == whole.top(10).index.tolist()
    assert len(set(whole.judged.numbers)) == len(whole.judged.numbers) == 30
    assert whole.judged.largest < 1e-12


def test_a_sweep_that_vectorbt_disagrees_with_is_an_error(lab: Market, tmp_path: Path) -> None:
    """A worker whose processor adds up wrongly by one part in a million."""

    class Wrong:
        def __init__(self, runner: Runner) -> None:
            self._runner = runner

        def run(self, task: Task) -> Chunk:
            chunk = self._runner.run(task)
            wrong = chunk.measures["final_equity"] * (1 + 1e-6)
            return dataclasses.replace(chunk, measures=dict(chunk.measures) | {"final_equity": wrong})

    from backtests.sweeps.runner import runner_of

    with (
        cluster("local", 1, make=lambda world: Wrong(runner_of(world))) as workers,
        pytest.raises(
            CheckFailed, match=r"vectorbt disagrees .* trial \d+ \(days=\d+, .*\) differs by 1.00e-06 > 1e-09"
        ),
    ):
        run_sweep(plan_of(lab), tmp_path / "sweep", Ledger(tmp_path / "ledger"), workers, MEMORY)


@pytest.mark.parametrize("done", [0, 1], ids=["before its first chunk", "between two chunks"])
def test_an_interrupted_sweep_ends_in_the_same_table_byte_for_byte(
    done: int, lab: Market, whole: Sweep, tmp_path: Path
) -> None:
    with pytest.raises(Stopped):
        swept(plan_of(lab), tmp_path, Here(most=done))
    rest = Here()
    resumed = swept(plan_of(lab), tmp_path, rest, resume=True)
    assert [task.number for task in rest.tasks] == list(range(done, 2))
    assert table_bytes(resumed) == table_bytes(whole)
    assert resumed.verdict.summary() == whole.verdict.summary()


def test_a_finished_sweep_is_shown_again_without_running_a_trial(lab: Market, tmp_path: Path) -> None:
    first = swept(plan_of(lab), tmp_path)
    with pytest.raises(BadUsage, match=r"holds a finished sweep of 40 trials; add --resume to show it again"):
        swept(plan_of(lab), tmp_path)
    nothing_to_do = Here()
    again = swept(plan_of(lab, objective="sortino"), tmp_path, nothing_to_do, resume=True)
    assert nothing_to_do.tasks == []
    assert table_bytes(again) == table_bytes(first)
    assert len(Ledger(tmp_path / "ledger").trials()) == 40
    assert again.table.at[again.best, "sortino"] == first.table["sortino"].max()


def test_other_data_costs_or_parameters_are_no_resumption(lab: Market, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        swept(plan_of(lab), tmp_path, Here(most=1))
    others = {
        r"data bars:BTC|bars:BTC changed since": plan_of(Lab(seed=8).market("1d")),
        r"execution: expected Execution\(fee_bps=10": plan_of(lab, execution=Execution(fee_bps=11)),
        r"window": plan_of(lab, end=END - pd.Timedelta(days=1)),
        r"space": plan_of(lab, dataclasses.replace(SPACE, axes=SPACE.axes[:2])),
    }
    for found, plan in others.items():
        with pytest.raises(BadUsage, match=found):
            swept(plan, tmp_path, resume=True)
    assert len(swept(plan_of(lab), tmp_path, resume=True).table) == 40


def test_chunk_size_changes_nothing(lab: Market, whole: Sweep, tmp_path: Path) -> None:
    """On four workers in little memory the chunks are smaller; the table is the same."""
    with Here(workers=4) as workers:
        memory = 450_000_000 + 4 * 220_000_000 + 40 * 600 + 9 * 4 * (12 * 546 + 8_000)
        small = run_sweep(plan_of(lab), tmp_path / "sweep", Ledger(tmp_path / "ledger"), workers, memory)
    assert len(workers.tasks) == 10
    assert table_bytes(small) == table_bytes(whole)


def test_a_sweep_that_does_not_fit_into_memory_is_refused_before_anything_is_run(lab: Market, tmp_path: Path) -> None:
    with (
        Here() as workers,
        pytest.raises(BadUsage, match=r"40 trials on 1 worker take about 670 MB, more than --memory 500 MB"),
    ):
        run_sweep(plan_of(lab), tmp_path / "sweep", Ledger(tmp_path / "ledger"), workers, 500_000_000)
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize("search", ["random", "tpe"])
def test_a_search_gives_the_same_trials_again_and_after_an_interruption(
    search: str, lab: Market, tmp_path: Path
) -> None:
    plan = plan_of(lab, search=search, trials=24)
    first, second = (swept(plan, tmp_path / name) for name in "ab")
    assert table_bytes(first) == table_bytes(second)
    assert len({tuple(first.parameters(number).values()) for number in range(24)}) == 24
    with pytest.raises(Stopped):
        swept(plan, tmp_path / "c", Here(most=0))
    assert table_bytes(swept(plan, tmp_path / "c", resume=True)) == table_bytes(first)


def test_a_search_that_learns_learns_from_what_was_kept(lab: Market, tmp_path: Path) -> None:
    """Of 80 trials, those after the first 64 follow from the scores of these: so they must after an interruption."""
    wide = dataclasses.replace(SPACE, axes=(Axis("days", tuple(range(5, 205))), Axis("exposure", (0.5, 1.0))))
    plan = plan_of(lab, wide, search="tpe", trials=80)
    first = swept(plan, tmp_path / "a")
    with pytest.raises(Stopped):
        swept(plan, tmp_path / "b", Here(most=4))
    rest = Here()
    assert table_bytes(swept(plan, tmp_path / "b", rest, resume=True)) == table_bytes(first)
    assert [task.number for task in rest.tasks] == [4]


@dataclasses.dataclass(frozen=True)
class Guarded(Strategy):
    """Hold bitcoin until a part of the peak is lost, then nothing for good."""

    loss: float = 0.2

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        return {"BTC": 0.0 if book.drawdown > self.loss or book.weights["BTC"] == 0 < book.drawdown else 0.9}


def test_rules_that_look_at_their_own_book_are_swept_by_event_engines_and_it_is_said(
    lab: Market, tmp_path: Path
) -> None:
    space = Space(Guarded(), (Axis("loss", (0.05, 0.1, 0.2, 0.3)),))
    sweep = swept(plan_of(lab, space), tmp_path)
    result = Backtest(Guarded(0.1), lab, start=START, end=END).run()
    assert sweep.table.at[1, "sharpe"] == pytest.approx(result.metrics["sharpe"], rel=1e-12)
    assert sweep.notices == ["Guarded looks at its own book: each trial ran through the event engine, not the kernel"]
    assert sweep.manifest["engine"] == "events"
    assert len(sweep.judged.numbers) == 4
    assert sweep.verdict.placebo_trials == 4


def test_trials_with_nothing_to_decide_on_are_rows_without_measures(lab: Market, tmp_path: Path) -> None:
    space = read_space("TrendFollowing", ["days=5,10,100000", "exposure=0.5,1.0"])
    sweep = swept(plan_of(lab, space), tmp_path)
    assert (sweep.table["problem"] != "").tolist() == [False] * 4 + [True] * 2
    assert sweep.returns.numbers.tolist() == [0, 1, 2, 3]
    assert sweep.notices[0].startswith("2 of 6 trials could not be run; the first: Trend(asset='BTC', days=100000)")


def test_a_sweep_in_which_no_trial_decides_anything_is_told(lab: Market, tmp_path: Path) -> None:
    space = Space(StealthQE(), (Axis("window", (100_000, 200_000)),))
    with pytest.raises(NoData, match=r"none of 2 trials of StealthQE has a sharpe: StandingRepoUse"):
        swept(plan_of(lab, space), tmp_path)


@dataclasses.dataclass(frozen=True)
class Tomorrow(Signal):
    """The close of tomorrow."""

    needs = ("bars:BTC",)

    def compute(self, known: Known) -> pd.Series:
        close = known.bars("BTC")["close"]
        return (close.shift(-1) / close - 1).fillna(0.0)


@dataclasses.dataclass(frozen=True)
class Prophet(Strategy):
    """Buy before it rises."""

    least: float = 0.0

    def signals(self) -> dict[str, Signal]:
        return {"tomorrow": Tomorrow()}

    def weights(self, now: Now) -> Weights:
        return {"BTC": (now.tomorrow > self.least) * 1.0}


def test_a_rule_that_looks_ahead_is_found_out_before_its_first_trial(lab: Market, tmp_path: Path) -> None:
    with pytest.raises(LookAhead):
        swept(plan_of(lab, Space(Prophet(), (Axis("least", (0.0, 0.01)),))), tmp_path)
    assert not (tmp_path / "sweep").exists()
    assert len(Ledger(tmp_path / "ledger").trials()) == 0


def test_daily_returns_are_those_of_the_trials(whole: Sweep, lab: Market) -> None:
    returns = whole.returns.take([7])[:, 0]
    result = Backtest(whole.strategy(7), lab, start=START, end=END).run()
    np.testing.assert_allclose(returns, result.returns, atol=1e-7)
    assert len(whole.benchmark) == len(whole.returns.days) == 546
    assert whole.benchmark.name == "BuyAndHold(exposure=1.0, mix=(('BTC', 0.7), ('ETH', 0.3)))"
