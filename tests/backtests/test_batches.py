"""Batches that are only ever added: order, merging, several writers, kills, damage."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as draw

from backtests import batches
from backtests.batches import Batches
from data_cache import parquet, store
from data_cache.errors import DamagedFile, EbbtideError, NotWritten

WHEN = pd.Timestamp("2024-01-01", tz="UTC").as_unit("ns")


def rows(*values: int) -> pd.DataFrame:
    return pd.DataFrame({"value": values, "note": [f"number {value}" for value in values], "when": WHEN})


def values(here: Batches) -> list[int]:
    """What is there, in order."""
    found = here.read(["value"])
    return [] if found is None else found["value"].tolist()


def names(here: Batches, kind: str = "*.parquet") -> list[str]:
    return sorted(path.name for path in here.folder.glob(kind))


@pytest.fixture
def here(tmp_path: Path) -> Batches:
    return Batches(tmp_path / "ledger", "numbers", times="when")


def test_batches_come_back_in_the_order_in_which_they_were_added(here: Batches) -> None:
    for batch in (rows(3), rows(1, 2), rows(3)):
        here.append(batch)
    assert values(here) == [3, 1, 2, 3]
    found = here.read(["note", "when"])
    assert found is not None
    pd.testing.assert_frame_equal(found[["note", "when"]], rows(3, 1, 2, 3)[["note", "when"]])
    assert names(here) == [f"0000000{n}-0000000{n}.parquet" for n in (1, 2, 3)]


def test_where_nothing_was_added_there_is_nothing(here: Batches) -> None:
    assert here.read(["value"]) is None
    assert here.missing() == []


# Merging


def few(monkeypatch: pytest.MonkeyPatch, few: int = 4, merged: int = 3, full: int = 10) -> None:
    monkeypatch.setattr(batches, "FEW", few)
    monkeypatch.setattr(batches, "MERGED", merged)
    monkeypatch.setattr(batches, "FULL", full)


def test_small_neighbours_are_merged_where_there_are_many_files(here: Batches, monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch)
    for number in range(1, 6):
        here.append(rows(*[number] * (5 if number == 2 else 1)))
    # 1, 5, 1, 1, 1 rows: the last three are the smallest neighbours.
    assert names(here) == [
        "00000001-00000001.parquet",
        "00000002-00000002.parquet",
        "00000003-00000005.parquet",
    ]
    assert values(here) == [1, 2, 2, 2, 2, 2, 3, 4, 5]
    here.append(rows(6))
    assert names(here)[-1] == "00000006-00000006.parquet"


def test_full_files_are_left_alone(here: Batches, monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch, full=3)
    for number in range(8):
        here.append(rows(number, number))
    assert len(names(here)) == 8


@settings(max_examples=12)
@given(sizes=draw.lists(draw.integers(1, 6), max_size=15))
def test_merging_changes_neither_rows_nor_their_order(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    here = Batches(tmp_path_factory.mktemp("merging"), "numbers", times="when")
    with pytest.MonkeyPatch.context() as patch:
        few(patch)
        for number, size in enumerate(sizes):
            here.append(rows(*[number] * size))
    assert values(here) == [number for number, size in enumerate(sizes) for _ in range(size)]
    assert len(names(here)) == len(names(here, "*.json"))
    assert here.missing() == []


def test_a_file_that_another_one_covers_counts_for_nothing_and_is_removed(
    here: Batches, monkeypatch: pytest.MonkeyPatch
) -> None:
    few(monkeypatch)
    for number in range(1, 5):
        here.append(rows(number))
    before = {path: path.read_bytes() for path in here.folder.glob("0*")}
    here.append(rows(5))
    for path, content in before.items():  # as if the writer had been killed between merging and removing
        path.write_bytes(content)
    assert values(here) == [1, 2, 3, 4, 5]
    here.append(rows(6))
    assert values(here) == [1, 2, 3, 4, 5, 6]
    assert [name[:17] for name in names(here)] == ["00000001-00000003", *(f"0000000{n}-0000000{n}" for n in (4, 5, 6))]


def test_a_reader_whose_files_are_merged_meanwhile_reads_the_merged_one(
    here: Batches, monkeypatch: pytest.MonkeyPatch
) -> None:
    few(monkeypatch)
    for number in range(1, 5):
        here.append(rows(number))
    listed = here._spans()
    here.append(rows(5))
    answers = [listed]
    current = Batches._spans
    monkeypatch.setattr(Batches, "_spans", lambda self: answers.pop() if answers else current(self))
    assert values(here) == [1, 2, 3, 4, 5]
    assert not answers


# Several writers

WRITER = """
import sys
from pathlib import Path
import pandas as pd
from backtests import batches
batches.FEW, batches.MERGED = 5, 4
here = batches.Batches(Path(sys.argv[1]), "numbers", times="when")
for number in range(8):
    value = int(sys.argv[2]) * 100 + number
    here.append(pd.DataFrame({"value": [value] * 2, "note": "x", "when": pd.Timestamp(0, tz="UTC")}))
    here.read(["value"])
"""


def test_writers_take_turns_and_lose_nothing(here: Batches) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(here.folder), str(n)]) for n in (1, 2, 3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    found = values(here)
    assert sorted(found) == sorted(n * 100 + k for n in (1, 2, 3) for k in range(8) for _ in range(2))
    assert here.missing() == []
    for n in (1, 2, 3):  # each writer's in its order
        assert [value for value in found if value // 100 == n] == sorted(value for value in found if value // 100 == n)


def test_a_second_writer_waits_and_then_says_who_holds_it_up(here: Batches, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LOCK_SECONDS", 0)
    sentence = "ledger is locked by another writer for 0 s; wait for it, or end it"
    with store.alone(here.folder), pytest.raises(EbbtideError, match=sentence):
        here.append(rows(1))


# Kills: a writer is killed at the first, second, third ... time that it touches a file, until one gets through.

KILLED_WRITER = """
import os, shutil, signal, sys
from pathlib import Path
import pandas as pd
from backtests import batches
batches.FEW, batches.MERGED = 4, 3
before, folder, acknowledged = map(Path, sys.argv[1:])
TOUCHES = {"open", "os.rename", "os.remove"}

def there():
    return batches.Batches(folder, "numbers", times="when")

def append(number):
    there().append(pd.DataFrame({"value": [number] * 2, "note": "x", "when": pd.Timestamp(0, tz="UTC")}))

def write(kill_at):
    touched = 0
    def count(event, arguments):
        nonlocal touched
        if event in TOUCHES and str(folder) in str(arguments[0]):
            touched += 1
            if touched == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(count)
    append(5)
    acknowledged.touch()

for kill_at in range(1, 300):
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(before, folder)
    acknowledged.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        write(kill_at)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    found = there().read(["value"])["value"].tolist()
    append(6)
    later = there().read(["value"])["value"].tolist()
    files = [path.suffix for path in folder.iterdir() if path.name not in (".lock", ".newest")]
    clean = files.count(".parquet") == files.count(".json") == len(files) / 2 and not there().missing()
    print(acknowledged.exists(), os.WIFSIGNALED(status), found, later, clean, sep=";")
    if status == 0:
        break
"""


def test_a_batch_that_was_taken_away_from_the_end_is_missing_and_its_number_is_not_given_again(here: Batches) -> None:
    for value in (1, 2, 3):
        here.append(rows(value))
    for path in here.folder.glob("00000003-*"):
        path.unlink()
    assert here.missing() == [(3, 3)]
    here.append(rows(4))
    assert here.missing() == [(3, 3)]
    assert here.read(["value"])["value"].tolist() == [1, 2, 4]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork to end a writer by a signal")
def test_a_writer_killed_at_any_point_loses_nothing_and_doubles_nothing(here: Batches, tmp_path: Path) -> None:
    for number in range(1, 5):  # one more is one too many, so that the killed writers merge
        here.append(rows(number))
    folders = [str(folder) for folder in (here.folder, tmp_path / "ledger of the killed", tmp_path / "acknowledged")]
    ran = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", KILLED_WRITER, *folders],
        capture_output=True,
        text=True,
        check=True,
    )
    outcomes = [line.split(";") for line in ran.stdout.splitlines()]
    assert len(outcomes) > 30, "there were so many points at which to be killed"
    assert outcomes.pop()[:3] == ["True", "False", "[1, 2, 3, 4, 5, 5]"], "the last one gets through"
    assert {(acknowledged, killed) for acknowledged, killed, *_ in outcomes} == {("False", "True")}
    found = [found for _, _, found, *_ in outcomes]
    assert set(found) == {"[1, 2, 3, 4]", "[1, 2, 3, 4, 5, 5]"}, "all of a batch or nothing of it"
    assert found == sorted(found, key=len), "once it is there, it stays"
    assert all(later == f"{found[:-1]}, 6, 6]" for _, _, found, later, _ in outcomes), "the next one goes on from there"
    assert all(clean == "True" for *_, clean in outcomes), "and clears what the killed one left behind"


# Damage


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "a flipped bit": flip_a_bit,
    "an end that is missing": lambda path: path.write_bytes(path.read_bytes()[:-10]),
    "no content": lambda path: path.write_bytes(b""),
    "provenance that is missing": lambda path: next(path.parent.glob(f"{path.stem}.*.json")).unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_named_and_stops_no_writer(
    here: Batches, damage: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    few(monkeypatch, few=3, merged=2)
    for number in (1, 2, 3):
        here.append(rows(number))
    path = here.folder / "00000001-00000001.parquet"
    damage(path)  # type: ignore[operator]
    sentence = r"00000001-00000001\.parquet is damaged: its sha256 .*; put a copy of it in its place, or take it away"
    with pytest.raises(DamagedFile, match=sentence):
        here.read(["value"])
    here.append(rows(4))
    with pytest.raises(DamagedFile, match=sentence):
        here.read(["value"])
    path.unlink()
    assert values(here) == [2, 3, 4]
    assert here.missing() == [(1, 1)]
    here.append(rows(5))
    assert values(here) == [2, 3, 4, 5]


def test_what_was_taken_away_is_missing(here: Batches) -> None:
    for number in range(1, 7):
        here.append(rows(number))
    for number in (2, 4, 5):
        (here.folder / f"0000000{number}-0000000{number}.parquet").unlink()
    assert here.missing() == [(2, 2), (4, 5)]
    assert values(here) == [1, 3, 6]


def test_a_full_disk_takes_all_of_a_batch_or_nothing(here: Batches, monkeypatch: pytest.MonkeyPatch) -> None:
    here.append(rows(1))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(NotWritten, match=r"could not be written: No space left on device; .*: make room"):
            here.append(rows(2))
    assert values(here) == [1]
    here.append(rows(3))
    assert values(here) == [1, 3]


def test_a_disk_too_full_to_merge_still_keeps_what_was_added(here: Batches, monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch)
    for number in range(1, 5):
        here.append(rows(number))
    write = parquet.write

    def full(path: Path, *arguments: object) -> None:
        if path.name == "00000001-00000003.parquet":
            raise NotWritten("no room")
        write(path, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(parquet, "write", full)
        here.append(rows(5))
    assert values(here) == [1, 2, 3, 4, 5]
    assert len(names(here)) == 5


def test_other_files_are_left_alone(here: Batches) -> None:
    here.append(rows(1))
    for name in ("notes.parquet", "notes.json", "00000001-copy.parquet"):
        (here.folder / name).write_text("mine")
    here.append(rows(2))
    assert values(here) == [1, 2]
    assert (here.folder / "notes.json").read_text() == "mine"
    assert {"notes.parquet", "00000001-copy.parquet"} < set(names(here))
