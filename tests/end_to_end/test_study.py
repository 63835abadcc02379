"""A study as a user meets it: options, JSON, eighty columns, a page, and one sentence for whatever is wrong."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from markupsafe import escape

from data_cache.cache import load_market
from data_cache.store import Store

# Of the sixty days (two up 2 %, one down 3 %) the trend crosses zero many times.
STUDY = ("Trend(days=3)", "--event", "> 0", "--horizons", "1d,7d", "--draws", "100")


def test_a_study_answers_one_json_object(ebbtide: Callable, cached: tuple[object, ...]) -> None:
    answer = ebbtide("study", *STUDY, *cached, "--json")
    said = answer.json
    assert answer.err == ""
    assert set(said) == {"study", "words", "outside", "unpriced", "table", "events", "manifest"}
    assert [(row["asset"], row["horizon"]) for row in said["table"]] == [
        ("BTC", "1d"),
        ("BTC", "7d"),
        ("ETH", "1d"),
        ("ETH", "7d"),
    ]
    assert said["manifest"]["signal"] == "Trend(asset='BTC', days=3)"
    assert len(said["events"]) > 5
    assert "NaN" not in answer.out


def test_the_same_command_gives_the_same_bytes(ebbtide: Callable, cached: tuple[object, ...]) -> None:
    assert ebbtide("study", *STUDY, *cached, "--json").out == ebbtide("study", *STUDY, *cached, "--json").out


def test_every_option_is_heard(ebbtide: Callable, cached: tuple[object, ...]) -> None:
    window = ("--from", "2024-01-10", "--to", "2024-02-28", "--asset", "SOL", "--cluster", "7d", "--latency", "3")
    manifest = ebbtide("study", *STUDY, *window, "--set", "days=4", "--study-seed", 3, *cached, "--json").json[
        "manifest"
    ]
    assert manifest["signal"] == "Trend(asset='BTC', days=4)"
    assert manifest["assets"] == ["SOL"]
    assert manifest["window"] == ["2024-01-10 00:00:00+00:00", "2024-02-29 00:00:00+00:00"]
    assert (manifest["cluster"], manifest["latency_hours"], manifest["seed"]) == ("7d", 3.0, 3)


def test_the_page_gives_the_command_that_makes_it_again(
    ebbtide: Callable, cached: tuple[object, ...], sixty_days: Path, tmp_path: Path
) -> None:
    page, saved = tmp_path / "study.html", tmp_path / "study.json"
    options = ("--latency", "3", "--study-seed", "3", "--cluster", "2d", *cached)
    first = ebbtide("study", *STUDY, *options, "--out", page, "--json")
    saved.write_text(first.out)
    command = first.json["manifest"]["command"]
    assert command == (
        "ebbtide study 'Trend(asset='\"'\"'BTC'\"'\"', days=3)' --event '> 0' --horizons 1d,7d --from 2024-01-01 "
        "--to 2024-02-29 --data cache --cluster 2d --latency 3.0 --draws 100 --study-seed 3"
    )
    again = ebbtide(*shlex.split(command)[1:], "--store", sixty_days, "--json").json
    assert [again[name] for name in ("table", "events")] == [first.json[name] for name in ("table", "events")]
    assert escape(command) in page.read_text()
    for file in (page, saved):
        told = ebbtide("replay", file).sentence()
        assert told == f"{file} is a study, and replay reads tearsheets; run: {command}"


def test_a_command_in_a_file_that_was_sent_cannot_reach_the_shell(ebbtide: Callable, tmp_path: Path) -> None:
    for command, told in (
        ("ebbtide study Trend; rm x", "run: ebbtide study 'Trend;' rm x"),
        ("rm x", "make it again in Python"),
        ("ebbtide study 'x", "make it again in Python"),
    ):
        (tmp_path / "s.json").write_text(json.dumps({"study": "x", "manifest": {"command": command}}))
        assert ebbtide("replay", tmp_path / "s.json").sentence().endswith(f"tearsheets; {told}")


def test_what_is_shown_fits_eighty_columns(
    ebbtide: Callable, cached: tuple[object, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer = ebbtide("study", *STUDY, "--horizons", "1d,7d,14d,28d", *cached, "--out", tmp_path / "study.html")
    lines = answer.out.splitlines()
    assert (answer.code, answer.err) == (0, "")
    assert lines[1] == "Trend(days=3) > 0"
    heads = [" ".join(line.split()) for line in lines if line.startswith(("known at", "after events", "how steady"))]
    assert heads == [
        "known at (UTC) value BTC 1d BTC 7d BTC 14d BTC 28d",
        "after events n n eff. mean usual hits MDE p shift p block Holm",
        "how steady without one event decisive rank corr. HAC err. p Holm",
    ]
    tables = [line for line in lines if line.startswith(("20", "BTC ", "ETH ", "after", "how", "known"))]
    assert [line for line in tables if len(line) > 80 and "effective:" not in line] == []
    assert not any("…" in line for line in lines)
    assert lines[-1] == f"Page: {tmp_path / 'study.html'}"
    assert (tmp_path / "study.html").stat().st_size > 1_000_000


def test_the_lab_is_studied_without_any_option(ebbtide: Callable) -> None:
    answer = ebbtide("study", "StandingRepoUse", "--draws", 100)
    assert answer.out.startswith("SIMULATED (lab, seed 7, effect 1)\nStandingRepoUse > 1\n")
    assert "These are too few events to conclude anything" in answer.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("StandingRepUse", "no signal 'StandingRepUse'; did you mean 'StandingRepoUse'?"),
        ("StandingRepoUse --set windw=5", "no parameter 'windw'; did you mean 'window'?"),
        ("Trend", "say what begins an event of Trend, as in --event"),
        ("Trend --event up", 'an event is a comparison with a number, such as "> 1"'),
        ("Trend --event >100", "Trend never was above 100; its values range from "),
        ("Trend --event >0 --horizons soon", "--horizons takes hours, days or weeks"),
        ("Trend --event >0 --horizons 9999d", "horizon 9999d is longer than the data"),
        ("Trend --event >0 --horizons 1h", "horizon 1h is no whole number of bars of 1d"),
        ("Trend --event >0 --asset SOL", "no bars of SOL"),
        ("Trend --event >0 --draws 5", "--draws must be 100 or more"),
        ("Trend --event >0 --evnt >1", "No such option '--evnt'"),
        ("Trend --event >0 --from 2024-02-01 --to 2024-01-01", "--from 2024-02-01 is after --to 2024-01-01"),
    ],
)
def test_whatever_is_wrong_is_one_sentence(arguments: str, sentence: str, ebbtide: Callable) -> None:
    assert sentence in ebbtide("study", *arguments.split()).sentence()


@pytest.mark.real
def test_the_facility_on_real_history(ebbtide: Callable, history: Path) -> None:
    """The twenty-one take-ups that ended on 2025-10-16 were on average above $1bn for the first time."""
    said = ebbtide("study", "StandingRepoUse", "--data", "cache", "--store", history, "--draws", 100, "--json").json
    first = said["events"][0]
    store = Store(history)
    taken = load_market(store, "1d").observations.first("SRF")[: first["known_at"]].iloc[-21:]
    assert (first["known_at"], first["made_by"]) == ("2025-10-16 18:01:00+00:00", "SRF of 16 Oct 2025")
    assert first["value"] == pytest.approx(taken.sum() / 21)
    bars = load_market(store, "1d").asset_bars("BTC").frame
    assert first["BTC 1d"] == pytest.approx(bars.at["2025-10-17", "close"] / bars.at["2025-10-17", "open"] - 1)
    assert first["BTC 7d"] == pytest.approx(bars.at["2025-10-23", "close"] / bars.at["2025-10-17", "open"] - 1)
    assert "These are too few events to conclude anything" in said["words"][2]
