"""What sweep.json holds, and how a sweep that is another is told from it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.sweeps.folder import SweepFolder
from backtests.sweeps.sweep_record import SweepRecord
from data_cache.errors import BadUsage, DamagedFile
from tests.backtests.sweeps.made_sweep import ABOUT, DAYS, NAMES, filled, opened, tasks


def differences(**about: Any) -> str:
    return SweepRecord.of(ABOUT, NAMES, DAYS).differences(SweepRecord.of(ABOUT | about, NAMES, DAYS))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    filled(tmp_path / "sweep", tasks()[:1])
    return tmp_path / "sweep"


def test_a_sweep_of_other_data_or_code_is_not_resumed(path: Path) -> None:
    before = {file: file.read_bytes() for file in path.rglob("*.*") if file.is_file() and file.name != ".lock"}
    sentence = (
        r"sweep holds another sweep than this one, so it can't be resumed: bars:BTC changed since: expected aaaaaaaa, "
        r"found dddddddd; the code of StealthQE changed since: expected cccccccc, found eeeeeeee; name another folder"
    )
    with pytest.raises(BadUsage, match=sentence):
        opened(path, True, data=ABOUT["data"] | {"bars:BTC": "dddddddd9"}, code={"StealthQE": "eeeeeeee9"})
    assert {file: file.read_bytes() for file in before} == before


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({}, ""),
        ({"chunk": 7}, ""),
        ({"data": {"bars:BTC": "aaaaaaaa1"}}, "data DGS10: expected bbbbbbbb1, found none"),
        ({"data": ABOUT["data"] | {"SRF": "f1"}}, "data SRF: expected none, found f1"),
        ({"libraries": {"numpy": "2.5.0"}}, "libraries numpy: expected 2.4.6, found 2.5.0"),
        ({"ebbtide": "0.2.0"}, "ebbtide: expected 0.1.0, found 0.2.0"),
        ({"trials": 20}, "trials: expected 12, found 20"),
        ({"seed": 7}, "seed: expected none, found 7"),
        (
            {"window": ["2024-01-01", "2024-02-01"]},
            'window: expected ["2024-01-01", "2024-01-06"], found ["2024-01-01", "2024-02-01"]',
        ),
    ],
    ids=["nothing", "chunks", "data gone", "data new", "library", "version", "trials", "a new part", "window"],
)
def test_what_differs_is_told_in_words(about: dict[str, Any], told: str) -> None:
    assert differences(**about) == told


def test_of_long_texts_the_part_is_shown_where_they_differ() -> None:
    stem = "x" * 200
    record = SweepRecord.of({"strategy": f"{stem}a"}, NAMES, DAYS)
    told = record.differences(SweepRecord.of({"strategy": f"{stem}b"}, NAMES, DAYS))
    assert told == f"strategy: expected ...{'x' * 20}a, found ...{'x' * 20}b"


def test_of_many_differences_eight_are_told() -> None:
    told = differences(data={f"series {number}": "1" for number in range(8)})
    assert told.endswith("; data series 5: expected none, found 1; and 2 more")


def test_other_parameters_and_other_days_are_told_too() -> None:
    record = SweepRecord.of(ABOUT, NAMES, DAYS)
    assert record.differences(SweepRecord.of(ABOUT, ["window"], DAYS)).startswith(
        'parameters: expected ["window", "tri'
    )
    assert record.differences(SweepRecord.of(ABOUT, NAMES, DAYS[1:])).startswith("days: expected ")


def test_days_are_the_same_whatever_unit_they_are_kept_in() -> None:
    one, other = (SweepRecord.of(ABOUT, NAMES, DAYS.as_unit(unit)) for unit in ("ns", "s"))
    assert one == other


def test_a_record_holds_what_json_holds(path: Path) -> None:
    """Tuples, numbers of numpy and what has a repr alone are compared as they are read again."""
    about = {"seed": np.int64(7), "space": (1, 2), "length": pd.Timedelta("1D")}
    place = path.with_name("another")
    for resume in (False, True):
        with SweepFolder.open(place, about, NAMES, DAYS, resume) as folder:
            assert folder.about == {"seed": 7, "space": [1, 2], "length": "Timedelta('1 days 00:00:00')"}


DAMAGES = {
    "a value that was changed": lambda text: text.replace("StealthQE()", "StealthQE(window=5)"),
    "an end that is missing": lambda text: text[:-10],
    "no content": lambda text: "",
    "another thing": lambda text: "[1]",
    "another record": lambda text: '{"mine": 1}',
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("resume", [True, False])
def test_a_record_that_is_damaged_is_named(path: Path, damage: Any, resume: bool) -> None:
    record = path / "sweep.json"
    record.write_text(damage(record.read_text("utf-8")), "utf-8")
    sentence = r"sweep\.json is damaged: .*; put a copy of it in its place, or name another folder with --out: without"
    with pytest.raises(DamagedFile, match=sentence):
        opened(path, resume)
    assert len(list(path.glob("chunks/*"))) == 1


def test_a_record_of_another_version_is_told_as_that(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backtests.sweeps.sweep_record.FORMAT", 2)
    sentence = "sweep.json is of another version of ebbtide: expected the format 2, found 1; name another folder with"
    with pytest.raises(BadUsage, match=sentence):
        opened(path, True)


def test_a_record_can_be_read_by_people(path: Path) -> None:
    said = json.loads((path / "sweep.json").read_text("utf-8"))
    assert said["about"] == ABOUT
    assert said["names"] == NAMES
    assert (said["days"]["count"], said["days"]["first"]) == (5, "2024-01-01 00:00:00+00:00")
