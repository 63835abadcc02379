"""The folder of a sweep: what is kept, what a table and returns are made of, and what is refused."""

import os
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.sweeps import folder as folders
from backtests.sweeps.folder import SweepFolder, require_room
from backtests.sweeps.trial_table import text_of
from backtests.sweeps.trials import MEASURES, Chunk, Task
from data_cache.errors import BadUsage, EbbtideError, NoData, NotWritten
from tests.backtests.sweeps.made_sweep import ABOUT, DAYS, chunk_files, filled, opened, result, swept, tasks, trial


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sweep"


# What is kept


def test_a_task_is_kept_once_its_chunk_is_there(path: Path) -> None:
    first, second, _ = tasks()
    with opened(path) as folder:
        assert not folder.kept(first)
        folder.keep(first, result(first))
        assert folder.kept(first)
        assert not folder.kept(second)
    assert [file.name[:7] for file in chunk_files(path)] == ["000000-"]


def test_what_is_kept_is_there_for_the_next_one(path: Path) -> None:
    first, second, third = tasks()
    filled(path, [first, third])
    with opened(path, resume=True) as folder:
        assert [folder.kept(task) for task in (first, second, third)] == [True, False, True]
        assert folder.notices == []


def test_the_measures_of_a_task_come_back(path: Path) -> None:
    first, second, _ = tasks()
    folder = filled(path, [first])
    np.testing.assert_equal(dict(folder.measures(first)), dict(result(first).measures))
    assert list(folder.measures(first)) == list(MEASURES)
    with pytest.raises(NoData, match=r"the trials of task 1 are not in .*sweep; run them first"):
        folder.measures(second)


@pytest.mark.parametrize(
    "other",
    [
        lambda task: replace(task, number=1),
        lambda task: replace(task, trials=task.trials[:-1]),
        lambda task: replace(task, trials=[*task.trials[:-1], trial(99)]),
        lambda task: replace(task, window=(DAYS[0], DAYS[-1])),
    ],
    ids=["at another place", "of fewer trials", "of another trial", "over another window"],
)
def test_another_task_is_not_kept(path: Path, other: object) -> None:
    first = tasks()[0]
    assert not filled(path, [first]).kept(other(first))  # type: ignore[operator]


def test_a_chunk_that_was_brought_from_a_sweep_of_other_data_does_not_count(path: Path, tmp_path: Path) -> None:
    first, second, third = tasks()
    filled(path, [first, second])
    filled(tmp_path / "other", [third], data={"bars:BTC": "changed"})
    brought = chunk_files(tmp_path / "other")[0]
    os.link(brought, path / "chunks" / brought.name)
    with opened(path, resume=True) as folder:
        assert not folder.kept(third)
        assert len(folder.table()) == 10
        told = f"{path / 'chunks' / brought.name} is of other trials, data or code, and does not count"
        assert set(folder.notices) == {told}


def test_a_result_of_another_shape_is_refused(path: Path) -> None:
    first, _, third = tasks()
    sentence = r"returns must have the shape \(5, 5\), days and trials; found \(5, 2\)"
    with opened(path) as folder, pytest.raises(ValueError, match=sentence):
        folder.keep(first, result(third))


# The table


def test_the_table_has_a_row_for_each_trial_whatever_the_order_in_which_they_came(path: Path) -> None:
    table = filled(path, reversed(tasks())).table()
    assert table.index.name == "trial"
    assert table.index.tolist() == list(range(12))
    assert table.columns.tolist() == ["window", "trigger", "invert", "mix", *MEASURES, "ruined", "problem"]
    assert table["window"].tolist() == [5 + number for number in range(12)]
    assert table.loc[4].to_dict() | {"problem": ""} == table.loc[4].to_dict()
    assert table.loc[[2, 9], "problem"].tolist() == ["no value of srf at 7 days", "no value of srf at 14 days"]
    assert table["total_return"].isna().tolist() == [number in (2, 9) for number in range(12)]
    assert table["cagr"][3] == 8.01, "the second measure of the trial with the window 8"


def test_parameters_have_columns_of_their_types(path: Path) -> None:
    table = filled(path, tasks()).table()
    types = {name: str(table[name].dtype) for name in ("window", "trigger", "invert", "mix", "sharpe", "problem")}
    assert types == {
        "window": "int64",
        "trigger": "float64",
        "invert": "bool",
        "mix": "str",
        "sharpe": "float64",
        "problem": "str",
    }
    assert table["mix"].tolist()[:2] == ["BTC:0.7,ETH:0.3", "BTC:1.0"]
    assert table["trigger"][1] == 1 / 3


def test_a_number_that_is_whole_in_some_chunks_alone_is_a_float_in_all(path: Path) -> None:
    with opened(path, names=["step"]) as folder:
        for number, step in enumerate([1, 0.5]):
            task = Task(number, [{"step": step}])
            folder.keep(task, result(Task(number, [trial(0)])))
    assert folder.table()["step"].tolist() == [1.0, 0.5]
    assert folder.table()["step"].dtype == float


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([True, 1], ["True", "1"]),
        ([2**63, 1], ["9223372036854775808", "1"]),
        (["BTC", "ETH"], ["BTC", "ETH"]),
        ([None, (1, 2, 3)], ["None", "[1, 2, 3]"]),
        ([pd.Timedelta("1D"), "1"], ["Timedelta('1 days 00:00:00')", "1"]),
    ],
    ids=["truths and numbers", "a number beyond int64", "texts", "others", "what JSON does not know"],
)
def test_what_is_no_number_is_text(path: Path, values: list[object], texts: list[str]) -> None:
    with opened(path, names=["asset"]) as folder:
        folder.keep(Task(0, [{"asset": value} for value in values]), result(Task(0, [trial(0), trial(1)])))
    assert folder.table()["asset"].tolist() == texts
    assert list(map(text_of, values)) == texts
    assert str(folder.table()["asset"].dtype) == "str"


def test_numbers_of_numpy_are_kept_as_numbers(path: Path) -> None:
    with opened(path, names=["window"]) as folder:
        folder.keep(Task(0, [{"window": np.int64(5)}]), result(Task(0, [trial(0)])))
    assert folder.table()["window"].dtype == np.int64


def test_a_parameter_that_is_called_as_a_measure_is_told_from_it(path: Path) -> None:
    with opened(path, names=["exposure", "trial"]) as folder:
        folder.keep(Task(0, [{"exposure": 0.5, "trial": 3}]), result(Task(0, [trial(0)])))
        folder.finish(folder.table())
    table = pd.read_parquet(path / "trials.parquet")
    assert table.columns.tolist() == ["trial", "parameter.exposure", "parameter.trial", *MEASURES, "ruined", "problem"]
    assert table["parameter.exposure"].tolist() == [0.5]
    assert table["exposure"].tolist() == [5.07], "the eighth measure of the trial with the window 5"


def test_a_sweep_without_a_trial_has_an_empty_table(path: Path) -> None:
    folder = filled(path, [])
    assert folder.table().shape == (0, 4 + len(MEASURES) + 2)
    assert list(folder.returns().blocks()) == []
    assert folder.returns().take([]).shape == (5, 0)


def test_a_table_with_a_gap_is_refused(path: Path) -> None:
    first, _, third = tasks()
    folder = filled(path, [first, third])
    with pytest.raises(NoData, match=r"sweep lacks trials between others that it has; add --resume to run them"):
        folder.table()


def test_the_final_table_reads_as_the_table(path: Path) -> None:
    swept(path)
    with opened(path, resume=True) as folder:
        stored = pd.read_parquet(path / "trials.parquet").set_index("trial")
        pd.testing.assert_frame_equal(stored, folder.table(), check_index_type=False)


# The returns


def test_returns_are_of_the_trials_without_a_problem(path: Path) -> None:
    returns = filled(path, tasks()).returns()
    assert returns.numbers.tolist() == [0, 1, 3, 4, 5, 6, 7, 8, 10, 11]
    assert returns.days is DAYS
    blocks = list(returns.blocks())
    assert [block.shape for block in blocks] == [(5, 4), (5, 4), (5, 2)]
    together = np.concatenate(blocks, axis=1)
    assert together.dtype == np.float32
    expected = np.outer([1, 2, 3, 4, 5], np.float32((returns.numbers + 5) / 1000))
    np.testing.assert_array_equal(together, expected.astype(np.float32))


def test_returns_of_some_trials_come_in_the_order_asked_for(path: Path) -> None:
    returns = filled(path, tasks()).returns()
    np.testing.assert_array_equal(returns.take([11, 0, 6, 0])[0], np.float32([0.016, 0.005, 0.011, 0.005]))
    assert returns.take([11, 0, 6, 0]).shape == (5, 4)


def test_returns_of_some_trials_are_read_from_their_chunks_alone(path: Path) -> None:
    returns = filled(path, tasks()).returns()
    for file in chunk_files(path)[1:]:
        file.unlink()
    assert returns.take([4, 3]).shape == (5, 2)


@pytest.mark.parametrize("number", [2, 12, -1], ids=["with a problem", "too high", "negative"])
def test_returns_that_are_not_there_are_refused(path: Path, number: int) -> None:
    returns = filled(path, tasks()).returns()
    with pytest.raises(NoData, match=f"trial {number} has no returns: it had a problem, or there is no such trial"):
        returns.take([0, number])


def test_a_chunk_all_of_problems_has_no_block(path: Path) -> None:
    with opened(path, names=["window"]) as folder:
        for number, window in enumerate([5, 7, 8]):
            task = Task(number, [{"window": window}])
            folder.keep(task, result(task))
    assert [block.shape for block in folder.returns().blocks()] == [(5, 1), (5, 1)]
    np.testing.assert_array_equal(folder.returns().take([2])[:2, 0], np.float32([0.008, 0.016]))


def test_returns_of_many_trials_in_one_chunk_are_read_in_any_order(path: Path) -> None:
    many = Task(0, [trial(number) for number in range(1_100)])
    returns = filled(path, [many]).returns()
    kept = result(many).returns
    np.testing.assert_array_equal(next(returns.blocks()), kept[:, returns.numbers])
    some = np.random.default_rng(7).permutation(returns.numbers)[:300]
    np.testing.assert_array_equal(returns.take(some), kept[:, some])


def test_returns_of_many_days_come_back_bit_by_bit(path: Path) -> None:
    days, numbers = pd.date_range("2023-01-01", periods=150, tz="UTC"), range(260)
    kept = np.random.default_rng(7).normal(0, 0.03, (len(days), len(numbers))).astype(np.float32)
    task = Task(0, [{"window": number} for number in numbers])
    chunk = Chunk({name: np.ones(len(numbers)) for name in MEASURES}, kept, [""] * len(numbers), pd.DataFrame())
    with SweepFolder.open(path, ABOUT, ["window"], days, resume=False) as folder:
        folder.keep(task, chunk)
    np.testing.assert_array_equal(next(folder.returns().blocks()), kept)
    np.testing.assert_array_equal(folder.returns().take([259, 0]), kept[:, [259, 0]])


# What is refused


def test_a_folder_with_an_unfinished_sweep_is_left_alone_unless_asked_to_resume(path: Path) -> None:
    filled(path, tasks()[:2])
    sentence = r"sweep holds an unfinished sweep, 10 of 12 trials; add --resume to go on with it, or name another"
    with pytest.raises(BadUsage, match=sentence):
        opened(path)


def test_a_folder_with_a_finished_sweep_is_left_alone_unless_asked_to_resume(path: Path) -> None:
    before = swept(path)
    sentence = r"sweep holds a finished sweep of 12 trials; add --resume to show it again, or name another folder with"
    with pytest.raises(BadUsage, match=sentence):
        opened(path)
    assert (path / "trials.parquet").read_bytes() == before


def test_resuming_where_nothing_is_begins(path: Path) -> None:
    assert swept(path, resume=True) == swept(path.with_name("another"))


def test_a_folder_of_other_files_is_refused_and_left_as_it_is(path: Path) -> None:
    path.mkdir()
    (path / "notes.txt").write_text("mine")
    for resume in (False, True):
        with pytest.raises(
            BadUsage, match=r"holds files but no sweep.json: it is not the folder of a sweep; name a new"
        ):
            opened(path, resume)
    assert [file.name for file in path.iterdir()] == ["notes.txt"]


def test_a_file_is_no_folder(path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(BadUsage, match="sweep is a file; --out names a folder"):
        opened(path)


def test_two_sweeps_at_once_do_not_write_into_one_folder(path: Path) -> None:
    sentence = "sweep is in use by another sweep; wait until that has ended, or name another folder with --out"
    with opened(path), pytest.raises(EbbtideError, match=sentence):
        opened(path, resume=True)
    opened(path, resume=True).close()


def test_what_was_refused_is_not_in_use(path: Path) -> None:
    filled(path, [])
    with pytest.raises(BadUsage) as refused:
        opened(path)
    opened(path, resume=True).close()
    assert "unfinished" in str(refused), "kept, and with it all that was at hand when it was raised"


# The disk


def test_a_sweep_that_can_not_fit_on_the_disk_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr("shutil.disk_usage", lambda place: usage(int(5e9)) if place == path.parent else usage(0))
    require_room(path / "deeper", 300_000, 3_000)
    sentence = (
        r"500,000 trials over 3,000 days can need 6\.3 GB in .*deeper, whose disk has 5\.0 GB left; make room, or name "
        "a folder on another disk with --out, or search fewer trials, as with --search random --trials "
        f"{int(5e9 / (4 * 3_000 + folders.BESIDES))}$"
    )
    with pytest.raises(BadUsage, match=sentence):
        require_room(path / "deeper", 500_000, 3_000)
    assert not path.exists()


def test_trials_that_are_there_need_no_more_room(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(path, tasks()[:2])
    usage = namedtuple("usage", "free")
    monkeypatch.setattr("shutil.disk_usage", lambda place: usage(3 * (4 * 5 + folders.BESIDES)))
    require_room(path, 13, 5)
    told = r"4 trials over 5 days can need 2\.8 kB in .*, whose disk has 2\.1 kB left; .* --trials 13$"
    with pytest.raises(BadUsage, match=told):
        require_room(path, 14, 5)


def test_where_not_one_trial_fits_fewer_are_no_cure(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda place: namedtuple("usage", "free")(10))
    with pytest.raises(BadUsage, match=r"left; make room, or name a folder on another disk with --out$"):
        require_room(path, 3, 5)


def test_what_is_said_to_be_needed_is_enough(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of returns that can't be compressed: random bits."""
    random, many = np.random.default_rng(7), Task(0, [trial(number) for number in range(1_000)])
    noise = random.integers(0, 2**31 - 2**24, (len(DAYS), 1_000)).astype(np.int32).view(np.float32)
    measures = {name: random.normal(size=1_000) for name in MEASURES}
    with opened(path) as folder:
        folder.keep(many, replace(result(many), returns=noise, measures=measures))
        folder.finish(folder.table())
    assert sum(file.stat().st_size for file in path.rglob("*.parquet")) < 1_000 * (4 * 5 + folders.BESIDES)


def test_a_full_disk_keeps_all_of_a_chunk_or_nothing_of_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, _ = tasks()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with opened(path) as folder:
        folder.keep(first, result(first))
        before = sorted(path.rglob("*"))
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", full)
            sentence = (
                r"000001-\w+-\w+\.parquet could not be written: No space left on device; every chunk that was kept is "
                "whole: make room or get leave to write there, then go on with --resume"
            )
            with pytest.raises(NotWritten, match=sentence):
                folder.keep(second, result(second))
            with pytest.raises(NotWritten, match=r"trials\.parquet could not be written: No space left on device"):
                folder.finish(folder.table())
        assert sorted(path.rglob("*")) == before
        assert not folder.kept(second)
    assert swept(path, resume=True) == swept(path.with_name("another"))


def test_a_folder_that_can_not_be_made_is_named_with_a_cure(path: Path) -> None:
    path.write_text("a file where a folder should be")
    told = r"^the folder .*inside could not be made: Not a directory; name another one with --out$"
    with pytest.raises(BadUsage, match=told):
        opened(path / "inside")


def test_the_stored_size_of_a_chunk_counts(path: Path) -> None:
    filled(path, [])
    with opened(path, resume=True, chunk=1_000) as folder:
        assert folder.about == ABOUT
