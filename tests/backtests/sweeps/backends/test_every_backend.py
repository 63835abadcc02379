"""What holds on every backend: real processes of loky, a real Ray, a real dask cluster, of two workers each."""

import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from backtests.selection import find_strategy
from backtests.sweeps.backends import Cluster, cluster
from backtests.sweeps.trials import Chunk, Task, World
from data_cache.cache import load_market
from data_cache.catalog import spec
from data_cache.errors import StrategyFailed, WorkerLost
from data_cache.lab import Lab
from data_cache.market import Market
from data_cache.parquet import Fetch
from data_cache.store import Listing, Store
from strategies import StealthQE
from tests.backtests.sweeps.backends.fake_runs import (
    Marked,
    assert_same,
    by_number,
    fake_or_real,
    marks,
    tasks,
    world_of,
)

ROOT = Path(__file__).parents[4]

# Ray and dask leave sockets and pipes of processes that are gone to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
]


@pytest.fixture(scope="module", params=["local", "ray", "dask"])
def two(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Two workers, started once for all tests of a backend."""
    if request.param != "local":
        pytest.importorskip({"dask": "distributed"}.get(request.param, request.param))
    with cluster(request.param, workers=2, make=fake_or_real) as started:
        yield started


@pytest.fixture
def fake(toy: SimpleNamespace, tmp_path: Path) -> World:
    """A world whose runs leave marks in a folder of the test."""
    return world_of(Marked(str(tmp_path)), toy.market({"BTC": toy.BTC}))


@pytest.fixture(scope="module")
def lab() -> Market:
    return Lab().market("1d")


def here(world: World, given: list[Task]) -> dict[int, Chunk]:
    """What comes of the tasks in this process."""
    with cluster("local", workers=1, make=fake_or_real) as one:
        one.share(world)
        return by_number(one.run(given))


def test_the_chunks_are_those_of_one_process(two: Cluster, fake: World) -> None:
    two.share(fake)
    found = by_number(two.run(tasks(8)))
    assert_same(found, here(fake, tasks(8)))
    assert [list(chunk.measures["sharpe"]) for chunk in found.values()][:2] == [[0.0, 2.0], [4.0, 6.0]]
    assert two.workers == 2


def test_the_world_is_unpickled_once_in_each_process(two: Cluster, fake: World, tmp_path: Path) -> None:
    two.share(fake)
    by_number(two.run(tasks(12)))
    assert set(marks(tmp_path, "loaded").values()) == {1}
    assert set(marks(tmp_path, "made").values()) == {1}
    assert len(marks(tmp_path, "made")) <= 2
    assert sum(marks(tmp_path, "ran*").values()) == 12


def test_tasks_run_on_the_world_that_was_shared_last(two: Cluster, fake: World) -> None:
    two.share(fake)
    by_number(two.run(tasks(4)))
    two.share(replace(fake, base=replace(fake.base, factor=10.0)))  # type: ignore[type-var]
    assert list(by_number(two.run(tasks(4)))[3].measures["sharpe"]) == [60.0, 70.0]


def test_a_worker_that_is_killed_loses_nothing(two: Cluster, fake: World, tmp_path: Path) -> None:
    two.share(fake)
    found = by_number(two.run(tasks(10, t4="die_once")))
    assert sum(marks(tmp_path, "ran4").values()) == 2
    assert_same(found, here(fake, tasks(10)))
    assert set(marks(tmp_path, "loaded").values()) == {1}


def test_a_task_that_kills_every_worker_is_given_up_after_three_more_attempts(
    two: Cluster, fake: World, tmp_path: Path
) -> None:
    two.share(fake)
    told = (
        r"^task 1 of 2 trials lost the \w+ worker that ran it 4 times.*; most likely memory ran out: "
        r"take fewer --workers or less --memory; a sweep goes on with --resume$"
    )
    with pytest.raises(WorkerLost, match=told):
        by_number(two.run(tasks(3, t1="die")))
    assert sum(marks(tmp_path, "ran1").values()) == 4
    assert_same(by_number(two.run(tasks(3))), here(fake, tasks(3)))


def test_an_error_of_a_trial_comes_back_as_it_is(two: Cluster, fake: World) -> None:
    two.share(fake)
    with pytest.raises(StrategyFailed, match=r"^this trial can't be made$"):
        by_number(two.run(tasks(6, t2="refuse")))
    assert list(by_number(two.run(tasks(3)))) == [0, 1, 2]


def test_a_mistake_in_code_comes_back_with_the_place_where_it_was_made(two: Cluster, fake: World) -> None:
    two.share(fake)
    with pytest.raises(ZeroDivisionError, match="a mistake in the code") as caught:
        by_number(two.run(tasks(1, t0="stumble")))
    assert "in _obey" in caught.value.__notes__[0]


def test_tasks_are_taken_when_workers_need_them(two: Cluster, fake: World) -> None:
    two.share(fake)
    taken: list[int] = []

    def coming() -> Iterator[Task]:
        for task in tasks(20):
            taken.append(task.number)
            yield task

    for done, _ in enumerate(two.run(coming())):
        assert len(taken) <= done + 2 * two.workers
    assert len(taken) == 20


def test_leaving_early_leaves_the_workers_ready_for_more(two: Cluster, fake: World) -> None:
    two.share(fake)
    outcomes = two.run(tasks(20))
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    assert list(by_number(two.run(tasks(3)))) == [0, 1, 2]


def test_a_worker_computes_on_one_core(two: Cluster, fake: World) -> None:
    two.share(fake)
    found = by_number(two.run(tasks(4)))
    assert [chunk.records.attrs["threads"] for chunk in found.values()] == [["1", "1"]] * 4


def some(count: int) -> list[Task]:
    """Real trials of the window and the trigger of StealthQE."""
    return [
        Task(number, [{"window": 5 + 5 * number, "trigger": trigger} for trigger in (0.5, 1.0, 2.0)])
        for number in range(count)
    ]


def test_real_trials_are_the_same_to_the_last_bit(two: Cluster, lab: Market) -> None:
    world = world_of(StealthQE(), lab, ["BTC", "ETH"])
    two.share(world)
    found = by_number(two.run(some(4)))
    assert np.isfinite(found[0].measures["sharpe"]).all()
    assert_same(found, here(world, some(4)))


def test_a_strategy_of_a_users_own_file_runs_with_its_neighbours(two: Cluster, lab: Market, tmp_path: Path) -> None:
    write(tmp_path / "own_steps_of_a_user.py", "def half(x):\n    return x * 0.5\n")
    write(
        tmp_path / "own_rule.py",
        """
        from __future__ import annotations
        from dataclasses import dataclass
        from own_steps_of_a_user import half
        import own_steps_of_a_user as steps
        from signals import StandingRepoUse, Signal
        from strategies import Strategy

        class Twice(StandingRepoUse):
            '''Standing repo use, doubled and halved.'''
            def compute(self, known):
                return steps.half(super().compute(known)) * 2

        @dataclass(frozen=True)
        class OwnRule(Strategy):
            window: int = 5
            trigger: float = 1.0

            def signals(self):
                return {"srf": Twice(self.window)}

            def weights(self, now):
                return {"BTC": half((now.srf > self.trigger) * 1.0)}
        """,
    )
    world = world_of(find_strategy(f"{tmp_path / 'own_rule.py'}:OwnRule"), lab)
    two.share(world)
    shutil.rmtree(tmp_path)
    found = by_number(two.run(some(2)))
    assert (found[0].measures["fills"] > 0).all()
    assert_same(found, here(world, some(2)))


def write(path: Path, text: str) -> None:
    path.write_text(textwrap.dedent(text), "utf-8")


def test_workers_need_no_file_of_the_store(two: Cluster, lab: Market, stored: Callable[[Market], Store]) -> None:
    store = stored(lab)
    world = world_of(StealthQE(), load_market(store, "1d"), ["BTC", "ETH"])
    expected = here(world_of(StealthQE(), load_market(store, "1d"), ["BTC", "ETH"]), some(2))
    two.share(world)
    shutil.rmtree(store.folder)
    assert_same(by_number(two.run(some(2))), expected)


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[Market], Store]:
    """Store what StealthQE reads and trades."""

    def store_of(market: Market) -> Store:
        store, fetch = Store(tmp_path / "store"), Fetch("file", "by hand", pd.Timestamp("2026-01-01", tz="UTC"))
        read = {need for signal in StealthQE().signals().values() for need in signal.reads}
        for series in read.intersection(market.observations):
            store.add_series(spec(series), market.observations.rows(series), fetch)
        for asset, bars in market.bars.items():
            store.add_bars(Listing(asset, "lab", f"{asset}/USD", bars.timeframe), bars, fetch)
        return store

    return store_of


CONNECTED = """
import sys
from backtests.sweeps.backends import cluster
from tests.backtests.conftest import BTC, market
from tests.backtests.sweeps.backends.fake_runs import Fake, Marked, by_number, tasks, world_of

if __name__ == "__main__":
    with cluster(sys.argv[1], address=sys.argv[2], make=Fake) as found:
        found.share(world_of(Marked(sys.argv[3]), market({"BTC": BTC})))
        print(found.workers, len(by_number(found.run(tasks(5)))))
"""


def test_workers_at_an_address_are_used_and_left_running(
    two: Cluster, fake: World, address: tuple[str, str], tmp_path: Path
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", CONNECTED, *address, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (ran.stdout, ran.stderr) == ("2 5\n", "")
    two.share(fake)
    assert list(by_number(two.run(tasks(2)))) == [0, 1]


@pytest.fixture
def address(two: Cluster) -> tuple[str, str]:
    """The backend of the running workers and where others find them."""
    if type(two).__name__ == "OnRay":
        return "ray", sys.modules["ray"].get_runtime_context().gcs_address
    if type(two).__name__ == "OnDask":
        return "dask", two._client.scheduler.address  # type: ignore[attr-defined]
    pytest.skip("local workers have no address")
