"""A sweep that is killed, damaged, or run in other chunks ends in the same table, byte for byte."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.sweeps.trials import Task
from data_cache.errors import DamagedFile
from tests.backtests.sweeps.made_sweep import chunk_files, filled, opened, result, swept, tasks, trial

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sweep"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The table of the sweep that nothing happened to."""
    return swept(tmp_path_factory.mktemp("whole") / "sweep")


@given(chunk=st.integers(1, 13), stored=st.sets(st.integers(0, 12)), order=st.randoms())
def test_whatever_was_kept_and_in_whatever_chunks_and_order_the_table_is_the_same(
    whole: bytes, chunk: int, stored: set[int], order: object
) -> None:
    with TemporaryDirectory() as place:
        path = Path(place) / "sweep"
        mixed = tasks(chunk=chunk)
        order.shuffle(mixed)  # type: ignore[attr-defined]
        filled(path, [task for task in mixed if task.number in stored], chunk=chunk)
        assert swept(path, resume=True) == whole


def test_rounds_that_end_in_a_shorter_chunk_are_numbered_through(path: Path, whole: bytes) -> None:
    """As a search asks that learns from each round: five trials, two, then five again."""
    rounds = [range(5), range(5, 7), range(7, 12)]
    which = [Task(number, [trial(of) for of in some]) for number, some in enumerate(rounds)]
    assert swept(path, which=which) == whole


def test_a_finished_sweep_that_is_resumed_writes_the_same_table(path: Path, whole: bytes) -> None:
    assert swept(path) == whole
    assert swept(path, resume=True, chunk=4) == whole


def test_other_values_make_another_table(path: Path, whole: bytes) -> None:
    which = [Task(0, [trial(number) for number in range(11)] + [trial(20)])]
    assert swept(path, which=which) != whole


# A sweep is killed at the first, second, third ... time that it touches a file, until one gets through.

KILLED_SWEEP = """
import os, shutil, signal, sys
from pathlib import Path
from tests.backtests.sweeps.made_sweep import swept, opened, tasks
path = Path(sys.argv[1])
TOUCHES = {"open", "os.rename", "os.remove", "os.mkdir"}

def sweep(kill_at):
    touched = 0
    def count(event, arguments):
        nonlocal touched
        if event in TOUCHES and str(path) in str(arguments[0]):
            touched += 1
            if touched == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(count)
    swept(path, resume=True)

for kill_at in range(1, 300):
    shutil.rmtree(path, ignore_errors=True)
    child = os.fork()
    if child == 0:
        sweep(kill_at)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    with opened(path, resume=True) as folder:
        kept = sum(map(folder.kept, tasks()))
        notices = len(folder.notices)
    table = swept(path, resume=True).hex()
    left = sorted(file.name for file in path.rglob("*.tmp"))
    chunks = len(list(path.glob("chunks/*")))
    print(os.WIFSIGNALED(status), kept, notices, left, chunks, table, sep=";")
    if status == 0:
        break
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork to end a sweep by a signal")
def test_a_sweep_killed_at_any_point_is_resumed_to_the_same_table(path: Path, whole: bytes) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", KILLED_SWEEP, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    outcomes = [line.split(";") for line in ran.stdout.splitlines()]
    assert len(outcomes) > 25, "there were so many points at which to be killed"
    assert [killed for killed, *_ in outcomes] == ["True"] * (len(outcomes) - 1) + ["False"]
    kept = [int(kept) for _, kept, *_ in outcomes]
    assert kept == sorted(kept), "what is kept stays"
    assert set(kept) == {0, 1, 2, 3}
    assert {(notices, left, chunks) for _, _, notices, left, chunks, _ in outcomes} == {("0", "[]", "3")}
    assert {table for *_, table in outcomes} == {whole.hex()}


NO_ROOM = """
import resource, sys
from pathlib import Path
from data_cache.errors import NotWritten
from tests.backtests.sweeps.made_sweep import filled, opened, result, tasks
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    filled(Path(sys.argv[1]), tasks())
except NotWritten as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on the size of files")
@pytest.mark.parametrize(("most", "named"), [(100, r"sweep\.json"), (2_000, r"000000-\w+-\w+\.parquet")])
def test_a_sweep_without_room_says_so_and_goes_on_where_there_is(
    path: Path, whole: bytes, most: int, named: str
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", NO_ROOM, str(path), str(most)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    expected = rf".*{named} could not be written: File too large; every chunk that was kept is whole: .* --resume\n"
    assert re.fullmatch(expected, ran.stdout), ran.stdout
    assert not list(path.rglob("*.tmp"))
    assert swept(path, resume=True) == whole


# Damage


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a flipped bit": flip_a_bit,
    "an end that is missing": lambda path: path.write_bytes(path.read_bytes()[:-10]),
    "no content": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_the_trials_of_a_damaged_chunk_are_run_again_and_that_is_told(
    path: Path, whole: bytes, damage: Callable[[Path], object]
) -> None:
    swept(path)
    damaged = chunk_files(path)[1]
    damage(damaged)
    with opened(path, resume=True) as folder:
        assert [folder.kept(task) for task in tasks()] == [True, False, True]
        told = rf"{damaged} is damaged: expected the sha256 {damaged.stem[-16:]}, found "
        assert [notice.startswith(told) for notice in folder.notices] == [True]
        assert folder.notices[0].endswith("; its trials are run again")
        assert damaged.exists(), "until what takes its place is there"
    assert swept(path, resume=True) == whole
    assert [file.name[:6] for file in chunk_files(path)] == ["000000", "000001", "000002"]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_chunk_is_named_by_whatever_reads_it(path: Path, damage: Callable[[Path], object]) -> None:
    swept(path)
    damaged = chunk_files(path)[1]
    damage(damaged)
    sentence = (
        rf"{damaged.name} is damaged: expected the sha256 .*; run the same sweep again with --resume: these trials are "
        "then run again, and all others are kept"
    )
    with opened(path, resume=True) as folder:
        for ask in (folder.table, folder.returns):
            with pytest.raises(DamagedFile, match=sentence):
                ask()


def test_no_bit_of_a_chunk_can_be_flipped_unnoticed(path: Path) -> None:
    filled(path, tasks()[:1])
    file = chunk_files(path)[0]
    content = file.read_bytes()
    for place in range(0, len(content), 97):
        flipped = bytearray(content)
        flipped[place] ^= 16
        file.write_bytes(flipped)
        with opened(path, resume=True) as folder:
            assert not folder.kept(tasks()[0]), place


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_that_comes_while_a_sweep_is_open_is_noticed_by_what_is_read(
    path: Path, damage: Callable[[Path], object]
) -> None:
    many = Task(0, [trial(number) for number in range(1_000)])
    folder = filled(path, [many])
    returns = folder.returns()
    damage(chunk_files(path)[0])
    with pytest.raises(DamagedFile, match=r"000000-\w+-\w+\.parquet is damaged: .*; run the same sweep again"):
        _ = list(returns.blocks()), folder.table()


def test_a_chunk_that_was_taken_away_is_named(path: Path) -> None:
    returns = filled(path, tasks()).returns()
    chunk_files(path)[0].unlink()
    with pytest.raises(DamagedFile, match=r"000000-\w+-\w+\.parquet is damaged: .*No such file or directory"):
        returns.take([0])


def test_other_files_among_the_chunks_are_left_alone(path: Path, whole: bytes) -> None:
    filled(path, tasks()[:1])
    (path / "chunks" / "000001-copy.parquet").write_text("mine")
    (path / "notes.txt").write_text("mine")
    assert swept(path, resume=True) == whole
    assert (path / "chunks" / "000001-copy.parquet").read_text() == "mine"


def test_equal_chunks_make_equal_files(path: Path) -> None:
    swept(path)
    swept(path.with_name("another"))
    for one, other in zip(chunk_files(path), chunk_files(path.with_name("another")), strict=True):
        assert one.name == other.name
        assert one.read_bytes() == other.read_bytes()


def test_a_chunk_that_is_run_again_takes_the_place_of_a_damaged_one_even_if_it_differs(path: Path) -> None:
    first, again = tasks()[0], replace(result(tasks()[0]), problems=["other"] * 5)
    filled(path, [first])
    damaged = chunk_files(path)[0]
    flip_a_bit(damaged)
    copy = damaged.read_bytes()
    with opened(path, resume=True) as folder:
        folder.keep(first, again)
        assert folder.table()["problem"].tolist() == ["other"] * 5
    assert len(chunk_files(path)) == 1
    damaged.write_bytes(copy)  # as if it had been killed before it removed this one
    with opened(path, resume=True) as folder:
        assert folder.kept(first)
        assert folder.notices == []
        assert folder.table()["problem"].tolist() == ["other"] * 5
    assert len(chunk_files(path)) == 1


def test_of_a_task_that_was_kept_a_chunk_of_another_sweep_does_not_count(path: Path) -> None:
    filled(path, tasks())
    stray = path / "chunks" / f"000001-{'0' * 16}-{'0' * 16}.parquet"
    stray.write_text("mine")
    with opened(path, resume=True) as folder:
        assert all(map(folder.kept, tasks()))
        assert len(folder.table()) == 12
        assert folder.notices == [f"{stray} is of other trials, data or code, and does not count"]


def test_what_a_killed_sweep_left_half_written_is_cleared_and_nothing_else(path: Path) -> None:
    filled(path, tasks())
    left = [path / "chunks" / ".000009-0-0.tmp", path / ".trials.tmp", path / ".sweep.tmp"]
    for file in [*left, path / ".mine.tmp"]:
        file.write_text("half")
    opened(path, resume=True).close()
    assert [file.exists() for file in left] == [False] * 3
    assert (path / ".mine.tmp").exists()


def test_no_bit_that_is_flipped_while_a_sweep_is_open_makes_other_returns(path: Path) -> None:
    many = Task(0, [trial(number) for number in range(40)])
    noise = np.random.default_rng(7).normal(0, 0.03, (5, 40)).astype(np.float32)
    with opened(path) as folder:
        folder.keep(many, replace(result(many), returns=noise))
    returns, file = folder.returns(), chunk_files(path)[0]
    content, expected, noticed = file.read_bytes(), returns.take([0, 1, 39]), 0
    for place in range(0, len(content), 7):
        flipped = bytearray(content)
        flipped[place] ^= 1
        file.write_bytes(flipped)
        try:
            np.testing.assert_array_equal(returns.take([0, 1, 39]), expected)
        except DamagedFile:
            noticed += 1
    assert noticed > 80, "of those that hold the returns"
