"""A walk as a user meets it: what each stretch chose, what came of it joined, what is counted, what is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from backtests.ledger import Ledger

# Sixty days: chosen on 20, held for 10, in (60 - 20) / 10 = 4 stretches.
WALK = ("TrendFollowing", "--set", "days=2:4:1", "--set", "exposure=0.5,1", "--train", "20d", "--test", "10d")


def test_each_stretch_chooses_and_all_of_them_are_one_run(ebbtide: Callable, cached: tuple[object, ...]) -> None:
    answer = ebbtide("walk", *WALK, *cached, "--json")
    said = answer.json
    assert answer.err == ""
    tested = [(row["test_from"][:10], row["test_to"][:10]) for row in said["stretches"]]
    assert tested == [
        ("2024-01-21", "2024-01-31"),
        ("2024-01-31", "2024-02-10"),
        ("2024-02-10", "2024-02-20"),
        ("2024-02-20", "2024-03-01"),
    ]
    assert all(row["days"] in (2, 3, 4) for row in said["stretches"])
    assert said["manifest"]["window"] == ["2024-01-21 00:00:00+00:00", "2024-03-01 00:00:00+00:00"]
    assert said["walk"] == {"train": "20d", "test": "10d", "purge": "0d", "anchored": False}
    # Six trials on each of four training windows and on all of history, what was chosen on each test window, joined.
    assert said["trials"] == Ledger.default().count("TrendFollowing")
    assert 4 * 6 + 6 < said["trials"] <= 4 * 6 + 6 + 4 + 1
    assert (said["runs"], said["cross_validation"]["runs"]) == (4 * 6 + 4, 6)
    paths = said["cross_validation"]
    assert (paths["groups"], paths["held_out"], len(paths["splits"]), len(paths["paths"])) == (6, 2, 15, 5)


def test_training_keeps_its_distance_and_may_be_anchored(ebbtide: Callable, cached: tuple[object, ...]) -> None:
    said = ebbtide("walk", *WALK, *cached, "--purge", "5d", "--anchored", "--json").json
    first, second = said["stretches"][:2]
    assert (first["train_from"][:10], first["train_to"][:10], first["test_from"][:10]) == (
        "2024-01-01",
        "2024-01-21",
        "2024-01-26",
    )
    assert (second["train_from"][:10], second["train_to"][:10]) == ("2024-01-01", "2024-01-31")
    assert (said["cross_validation"]["purge_days"], said["cross_validation"]["embargo_days"]) == (5, 5)


def test_what_is_shown_fits_eighty_columns(
    ebbtide: Callable, cached: tuple[object, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer = ebbtide("walk", *WALK, *cached, "--out", tmp_path / "walk.html")
    lines = answer.out.splitlines()
    assert (answer.code, answer.err) == (0, "")
    assert lines[0] == "TrendFollowing in 4 stretches: chosen on 20d, held for 10d, 0d between"
    assert " ".join(lines[1].split()) == "test from test to days exposure Sharpe inside Sharpe outside"
    assert lines[2].startswith("2024-01-21  2024-01-31 ")  # there is no room for the training windows
    tables = [*lines[1:10], *(line for line in lines if "benchmark" in line)]
    assert max(len(line.rstrip()) for line in tables) <= 80
    assert any(line.startswith("Cross-validated on 5 purged paths, 2 of 6 groups of days held out: ") for line in lines)
    # Six trials on four training windows, four of them on test windows; six on all of history.
    ledger = Ledger.default()
    assert (
        f"28 runs to choose and to test, 6 to cross-validate, 1 joined; with these the ledger has "
        f"{ledger.count('TrendFollowing')} distinct trials of TrendFollowing on this history"
    ) in lines
    assert ledger.count("TrendFollowing", distinct=False) == 28 + 6 + 1
    assert "metric TrendFollowing, walked BuyAndHold (benchmark)" in [" ".join(line.split()) for line in lines]
    assert lines[-1] == f"Report: {tmp_path}/walk.html"
    page = (tmp_path / "walk.html").read_text()
    assert "<title>TrendFollowing, walked forward" in page
    assert "TrendFollowing-stretches.csv" in page  # the page of a walk, not the tearsheet of its result


def test_the_same_walk_gives_the_same_and_counts_no_further_trial(
    ebbtide: Callable, cached: tuple[object, ...]
) -> None:
    asked = (*WALK, *cached, "--search", "random", "--trials", 3, "--json")
    assert ebbtide("walk", *asked).json == ebbtide("walk", *asked).json


def test_a_search_that_learns_is_not_cross_validated_and_that_is_said(
    ebbtide: Callable, cached: tuple[object, ...]
) -> None:
    asked = (*WALK, *cached, "--search", "tpe", "--trials", 3)
    assert "Not cross-validated: tpe learns from what would be held out" in ebbtide("walk", *asked).out
    assert ebbtide("walk", *asked, "--json").json["cross_validation"] is None
    assert "--search tpe learns from what cross-validation" in ebbtide("walk", *asked, "--groups", 4).sentence()


def test_a_run_file_holds_a_walk(ebbtide: Callable, sixty_days: Path, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(
        f'strategy = "TrendFollowing"\ndata = "cache"\nstore = "{sixty_days}"\njson = true\nout = "walk.html"\n'
        'train = "20d"\ntest = "20d"\nanchored = true\npurge = "24h"\ngroups = 4\nheld-out = 1\n[set]\ndays = [2, 3]\n'
    )
    said = json.loads(ebbtide("walk", tmp_path / "my.toml").out)
    assert said["walk"] == {"train": "20d", "test": "20d", "purge": "1d", "anchored": True}
    assert len(said["cross_validation"]["splits"]) == 4
    assert (tmp_path / "walk.html").exists()


def test_parameters_are_chosen_on_the_lab_as_on_any_history(ebbtide: Callable) -> None:
    settings = ("--set", "fed_purchases.weeks=4,13", "--from", "2022-01-01", "--to", "2023-12-31")
    said = ebbtide("walk", "FiscalDominance", *settings, "--train", "52w", "--test", "26w", "--json").json
    assert "SIMULATED" in said["manifest"]["origin"]
    assert {row["fed_purchases.weeks"] for row in said["stretches"]} <= {4, 13}
    last = said["stretches"][-1]
    assert pd.Timestamp(last["test_to"]) == pd.Timestamp("2024-01-01", tz="UTC")


def test_the_seed_of_the_lab_is_not_that_of_the_search(ebbtide: Callable, cached: tuple[object, ...]) -> None:
    asked = (*WALK, *cached, "--search", "random", "--trials", 2, "--json")
    one, lab, search = (ebbtide("walk", *asked, *seed).json for seed in ((), ("--seed", 8), ("--search-seed", 9)))
    assert (one["stretches"], one["manifest"]["seed"]) == (lab["stretches"], 7)
    assert search["manifest"]["seed"] == 9
    assert one["cross_validation"]["splits"] != search["cross_validation"]["splits"]


WRONG = [
    ("no lengths", "", "a walk needs --train and --test, as in --train 730d --test 180d"),
    ("one length", "--train 20d", "a walk needs --train and --test"),
    ("a length without a unit", "--train 20 --test 10d", "--train takes hours, days or weeks"),
    ("a length of nothing", "--train 20d --test 0d", "--test must be longer than zero; found 0d"),
    ("a negative purge", "--train 20d --test 10d --purge=-1d", "--purge must be zero or more; found -1d"),
    ("a history that is too short", "--train 55d --test 10d --purge 10d", "is 60d long, and one step needs 75d"),
    ("one group", "--train 20d --test 10d --groups 1", "--groups must be two or more; found 1"),
    ("all groups held out", "--train 20d --test 10d --held-out 6", "--held-out must be from 1 to 5"),
    ("groups of less than two days", "--train 20d --test 10d --groups 40", "60 days are too few for 40 groups"),
    ("nothing to choose", "--train 20d --test 10d --where days>9", "leaves none of 2 combinations"),
    ("an option of sweep", "--train 20d --test 10d --resume", "No such option '--resume'"),
    ("no benchmark", "--train 20d --test 10d --benchmark none", "trials are judged beside a benchmark"),
    ("little memory", "--train 20d --test 10d --memory 1MB", "2 trials on 1 worker take about 670 MB, more than"),
    ("a page below a file", "--train 20d --test 10d --out {folder}/file/x.html", "file is a file; name another"),
    ("a page where a folder is", "--train 20d --test 10d --out {folder}", "is a folder; name a file in it"),
]


@pytest.mark.parametrize(("wrong", "arguments", "said"), WRONG, ids=[case[0] for case in WRONG])
def test_what_can_t_be_walked_is_one_sentence(
    wrong: str, arguments: str, said: str, ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    words = arguments.format(folder=tmp_path).split()
    answer = ebbtide("walk", "TrendFollowing", "--set", "days=2,3", *words, *cached)
    assert said in answer.sentence()
