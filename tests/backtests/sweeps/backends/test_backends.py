"""Which workers are to be had, and what is said where there are none."""

import errno
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from backtests.sweeps.backends import BACKENDS, address, cluster
from backtests.sweeps.backends.local import InProcess, OnLoky
from backtests.sweeps.runner import FastPath
from backtests.sweeps.trials import World
from data_cache.errors import BadUsage, NotWritten, UnknownName, Unreachable
from strategies.benchmarks import BuyAndHold
from tests.backtests.sweeps.backends.fake_runs import Fake, Marked, by_number, marks, tasks, world_of


@pytest.fixture
def fake(toy: SimpleNamespace, tmp_path: Path) -> World:
    return world_of(Marked(str(tmp_path)), toy.market({"BTC": toy.BTC}))


def test_one_local_worker_is_this_process_and_makes_its_runner_once(fake: World, tmp_path: Path) -> None:
    with cluster("local", workers=1, make=Fake) as one:
        one.share(fake)
        assert [task.number for task, _ in one.run(tasks(3))] == [0, 1, 2]
        by_number(one.run(tasks(2)))
    assert len(marks(tmp_path, "made")) == 1
    assert sum(marks(tmp_path, "made").values()) == 1
    assert marks(tmp_path, "loaded") == {}, "nothing is pickled"


def test_an_interrupt_does_not_reach_local_workers(fake: World) -> None:
    with cluster("local", workers=2, make=Fake) as two:
        two.share(fake)
        assert [chunk.records.attrs["deaf"] for _, chunk in two.run(tasks(2))] == [True, True]


def test_a_disk_that_does_not_take_what_workers_share_is_told(fake: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    told = r"^/.*, from which workers read what they share, could not be written: No space left on device; make"
    with cluster("local", 2, make=Fake) as workers, monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(NotWritten, match=told):
            workers.share(fake)


def test_there_are_as_many_local_workers_as_cpus_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 3)
    assert cluster("local").workers == 3
    assert isinstance(cluster("local"), OnLoky)
    assert isinstance(cluster("local", workers=1), InProcess)


def test_unless_told_workers_run_what_runner_of_makes(toy: SimpleNamespace) -> None:
    with cluster("local", workers=1) as one:
        one.share(world_of(BuyAndHold((("BTC", 1.0),)), toy.market({"BTC": toy.BTC})))
        assert isinstance(one._runner, FastPath)  # type: ignore[attr-defined]


def test_another_backend_is_unknown() -> None:
    with pytest.raises(UnknownName, match=r"^ebbtide has no backend 'rey'; did you mean 'ray'\?$"):
        cluster("rey")


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_workers_are_none(backend: str) -> None:
    with pytest.raises(BadUsage, match=r"^--workers takes 1 or more; found 0$"):
        cluster(backend, workers=0)


def test_local_workers_have_no_address() -> None:
    told = r"^--backend local has no address; leave out tcp://host:8786, or choose --backend ray or dask$"
    with pytest.raises(BadUsage, match=told):
        cluster("local", address="tcp://host:8786")


@pytest.mark.parametrize(("backend", "library"), [("ray", "ray"), ("dask", "distributed")])
def test_a_library_that_is_absent_is_named_with_its_cure(
    backend: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == library else sys)
    with pytest.raises(BadUsage, match=rf"^{backend} is not installed; pip install 'ebbtide\[{backend}\]'$"):
        cluster(backend)


REMOTE = [
    ("ray", "{}", "no ray cluster answers at {}"),
    ("ray", "ray://{}", "no ray cluster answers at ray://{}"),
    ("dask", "{}", "no dask cluster answers at {}"),
    ("dask", "tcp://{}", "no dask cluster answers at tcp://{}"),
]


@pytest.fixture
def closed_port() -> Iterator[str]:
    """An address at which nobody listens: bound, so that nobody else takes it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.mark.parametrize(("backend", "where", "told"), REMOTE)
def test_an_address_where_nobody_answers_is_told_at_once(backend: str, where: str, told: str, closed_port: str) -> None:
    pytest.importorskip({"dask": "distributed"}.get(backend, backend))
    with pytest.raises(Unreachable) as refused, cluster(backend, address=where.format(closed_port)):
        pass
    assert str(refused.value).startswith(told.format(closed_port))
    assert "Connection refused); start one there, or leave out --address to start one here" in str(refused.value)


@pytest.mark.parametrize("backend", ["ray", "dask"])
@pytest.mark.parametrize("where", ["nonsense", "tcp://host", "host:port", ""])
def test_what_is_no_address_is_refused(backend: str, where: str) -> None:
    pytest.importorskip({"dask": "distributed"}.get(backend, backend))
    with pytest.raises(BadUsage, match=f"^'{where}' is no address of a {backend} cluster; write one as in --address "):
        cluster(backend, address=where).__enter__()


def test_without_a_ray_that_runs_there_is_none_to_find() -> None:
    pytest.importorskip("ray")
    with pytest.raises(Unreachable, match=r"^no ray cluster answers at auto \(Could not find any running Ray"):
        cluster("ray", address="auto").__enter__()


def test_a_cluster_that_only_listens_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "CONNECT_SECONDS", 0.2)
    with socket.socket() as full:  # in TEST-NET-1, where no host is
        full.settimeout(0.2)
        with pytest.raises(Unreachable, match=r"^no dask cluster answers at tcp://192\.0\.2\.1:8786 \(.+\); start one"):
            address.require_answer("tcp://192.0.2.1:8786", "dask", "tcp://host:8786")
