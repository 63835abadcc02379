"""Every command that runs a trial records it, and `ebbtide ledger` shows how many there were."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest


def ledger_files() -> list[Path]:
    return sorted(Path(os.environ["EBBTIDE_LEDGER"]).glob("*.parquet"))


def counted(answer: dict[str, object]) -> dict[tuple[str, bool], tuple[int, int]]:
    """Trials and runs, by strategy and whether they are simulated."""
    return {(f["strategy"], f["simulated"]): (f["trials"], f["runs"]) for f in answer["strategies"]}  # type: ignore[index]


def test_run_and_compare_enter_what_was_asked_for(ebbtide: Callable, cached: tuple[object, ...]) -> None:
    first = ebbtide("run", "FixedMix", *cached, "--json").json
    assert first["manifest"]["trials"] == 1
    assert "trials" not in first["benchmark"]["manifest"]
    assert ebbtide("run", "FixedMix", *cached, "--set", "exposure=0.5", "--json").json["manifest"]["trials"] == 2
    assert ebbtide("run", "FixedMix", *cached, "--json").json["manifest"]["trials"] == 2
    both = ebbtide("compare", "FixedMix", "TrendFollowing(days=5)", *cached, "--fee-bps", 0, "--json").json["results"]
    assert [result["manifest"]["trials"] for result in both] == [3, 1]
    shown = ebbtide("ledger", "--json").json
    assert counted(shown) == {("FixedMix", False): (3, 4), ("TrendFollowing", False): (1, 1)}
    assert (shown["ledger"], shown["missing"]) == (os.environ["EBBTIDE_LEDGER"], [])


def test_two_engines_are_one_trial(ebbtide: Callable, cached: tuple[object, ...]) -> None:
    ebbtide("run", "FixedMix", *cached, "--engine", "both", "--json")
    assert counted(ebbtide("ledger", "--json").json) == {("FixedMix", False): (1, 1)}


def test_the_lab_is_counted_apart(ebbtide: Callable, cached: tuple[object, ...]) -> None:
    ebbtide("run", "BuyAndHold", "--from", "2024-01-01", "--to", "2024-03-01")
    ebbtide("run", "BuyAndHold", *cached)
    shown = ebbtide("ledger").out
    assert counted(ebbtide("ledger", "--json").json) == {("BuyAndHold", False): (1, 1), ("BuyAndHold", True): (1, 1)}
    lines = [line.split()[:4] for line in shown.splitlines() if line.startswith("BuyAndHold")]
    assert lines == [["BuyAndHold", "real", "1", "1"], ["BuyAndHold", "SIMULATED", "1", "1"]]


def test_the_demo_enters_its_trials_of_both_worlds(ebbtide: Callable, tmp_path: Path) -> None:
    assert ebbtide("demo", "--out", tmp_path / "demo").code == 0
    found = counted(ebbtide("ledger", "--json").json)
    assert found["StealthQE", True] == (2, 2)
    assert {simulated for _, simulated in found} == {True}


def test_one_strategy_can_be_asked_for(ebbtide: Callable, cached: tuple[object, ...]) -> None:
    ebbtide("compare", "FixedMix", "BuyAndHold", *cached)
    answer = ebbtide("ledger", "--strategy", "FixedMix", "--json").json["strategies"]
    assert [family["strategy"] for family in answer] == ["FixedMix"]
    assert answer[0]["first"] == answer[0]["last"]
    assert answer[0]["best_sharpe"] is not None
    sentence = ebbtide("ledger", "--strategy", "FixdMix").sentence()
    assert sentence == f"{os.environ['EBBTIDE_LEDGER']} has no strategy 'FixdMix'; did you mean 'FixedMix'?"


def test_an_empty_ledger_says_what_to_do(ebbtide: Callable) -> None:
    assert "Nothing is recorded yet; run: ebbtide run" in ebbtide("ledger").out
    assert ebbtide("ledger", "--json").json["strategies"] == []


def test_another_ledger_is_named_by_an_option_and_in_a_run_file(
    ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path
) -> None:
    ebbtide("run", "FixedMix", *cached, "--ledger", tmp_path / "mine")
    (tmp_path / "my.toml").write_text('strategy = "FixedMix"\nledger = "mine"\n[set]\nexposure = 0.3\n')
    assert ebbtide("run", tmp_path / "my.toml", *cached, "--json").json["manifest"]["trials"] == 2
    assert counted(ebbtide("ledger", "--ledger", tmp_path / "mine", "--json").json) == {("FixedMix", False): (2, 2)}
    assert ledger_files() == []


def test_by_default_it_lies_in_the_store(ebbtide: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EBBTIDE_LEDGER")
    assert ebbtide("run", "BuyAndHold", "--from", "2026-01-01", "--store", tmp_path / "store").code == 0
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["ledger"]
    assert counted(ebbtide("ledger", "--store", tmp_path / "store", "--json").json) == {("BuyAndHold", True): (1, 1)}


def test_a_result_that_could_not_be_recorded_is_not_shown(
    ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    sentence = ebbtide("run", "FixedMix", *cached, "--ledger", tmp_path / "notes.txt").sentence()
    assert sentence == f"{tmp_path / 'notes.txt'} is a file; --ledger names a folder"
    ebbtide("run", "FixedMix", *cached)
    ledger_files()[0].write_bytes(b"")
    assert "00000001-00000001.parquet is damaged: its sha256" in ebbtide("run", "FixedMix", *cached).sentence()
    assert "which ebbtide ledger will then call missing" in ebbtide("ledger").sentence()


def test_what_was_taken_away_is_told(ebbtide: Callable, cached: tuple[object, ...]) -> None:
    for exposure in (0.1, 0.2, 0.3):
        ebbtide("run", "FixedMix", *cached, "--set", f"exposure={exposure}")
    ledger_files()[1].unlink()
    assert "missing batches 2 to 2; the counts are too low by what they recorded" in ebbtide("ledger").out
    assert ebbtide("ledger", "--json").json["missing"] == [[2, 2]]


def test_a_trial_that_failed_is_none(ebbtide: Callable, cached: tuple[object, ...]) -> None:
    assert ebbtide("run", "FixedMix", *cached, "--from", "2030-01-01").code == 2
    assert ledger_files() == []
