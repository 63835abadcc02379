"""A file that was handed round is run again: elsewhere, later, and after somebody has changed it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.metrics import METRICS
from backtests.tearsheet import write_tearsheet
from data_cache.lab import Lab
from data_cache.sources.files import import_manifest
from data_cache.store import Store
from strategies import BuyAndHold, NetLiquidityTide

SAME = "Every number is the same to the last digit"


# The ledger counts more trials by then; nothing else may differ.
FRESH = """
import sys
from pathlib import Path
from backtests.replaying.replay import replayed
for name in sys.argv[1:]:
    again = replayed(Path(name))
    print(again.held and not any(one.cause for one in again.differences))
"""
ASKED = {
    "daily": ("--to", "2021-06-30"),
    "hourly": ("--timeframe", "1h", "--from", "2021-01-01", "--to", "2021-02-28"),
    "events": ("--engine", "events", "--from", "2021-01-01", "--to", "2021-12-31"),
}


def test_another_process_gives_the_same_to_the_last_digit(tmp_path: Path, ebbtide: Callable[..., Any]) -> None:
    for name, asked in ASKED.items():
        ran = ebbtide("run", "TrendFollowing", *asked, "--cash", "DTB3", "--json")
        (tmp_path / name).write_text(ran.out)
    command = [sys.executable, "-c", FRESH, *ASKED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, cwd=tmp_path)
    assert done.stdout.split() == ["True", "True", "True"], done.stderr


def head(by_hand: SimpleNamespace, folder: Path, days: int) -> Path:
    """The files of a small world as they were after so many days, and the manifest that imports them."""
    manifest: Path = by_hand.write_files(folder)
    last = f"{by_hand.days[days]:%Y-%m-%d}"
    for file in folder.glob("*.csv"):
        heading, *lines = file.read_text().splitlines()
        file.write_text("\n".join([heading, *(line for line in lines if line < last)]) + "\n")
    return manifest


@pytest.mark.parametrize("engine", ["vector", "events"])
def test_a_cache_that_has_grown_since_gives_the_same(
    engine: str, by_hand: SimpleNamespace, tmp_path: Path, ebbtide: Callable[..., Any]
) -> None:
    store = tmp_path / "store"
    import_manifest(head(by_hand, tmp_path / "then", 40), Store(store))
    cached = ("--data", "cache", "--store", store, "--cash", "SOFR", "--engine", engine)
    then = ebbtide("run", "TrendFollowing(days=5)", *cached, "--json")
    (tmp_path / "run.json").write_text(then.out)
    import_manifest(by_hand.write_files(tmp_path / "now"), Store(store))
    again = ebbtide("replay", tmp_path / "run.json", "--store", store, "--json").json
    assert then.json["manifest"]["bars"] == 40
    assert (again["same"], again["differences"]) == (True, [])


def test_another_venue_that_goes_first_by_now_is_left_aside(
    by_hand: SimpleNamespace, tmp_path: Path, ebbtide: Callable[..., Any]
) -> None:
    store, files = tmp_path / "store", tmp_path / "files"
    import_manifest(by_hand.write_files(files), Store(store))
    command = ("run", "BuyAndHold", "--data", "cache", "--store", store, "--json")
    (tmp_path / "run.json").write_text(ebbtide(*command).out)
    (files / "btc.csv").write_text(by_hand.bars_csv("SOL"))
    (files / "more.toml").write_text(by_hand.bars_entry("BTC").replace('"hand"', '"a venue"'))
    import_manifest(files / "more.toml", Store(store))
    assert "BTC from a venue" in ebbtide(*command).json["manifest"]["origin"]
    again = ebbtide("replay", tmp_path / "run.json", "--store", store, "--json").json
    assert (again["same"], [one["entry"] for one in again["differences"]]) == (True, ["trials of BuyAndHold"])


def test_a_price_that_was_changed_is_named(
    by_hand: SimpleNamespace, tmp_path: Path, ebbtide: Callable[..., Any]
) -> None:
    for name, price in (("then", "40000.0,"), ("now", "40001.0,")):
        manifest = by_hand.write_files(tmp_path / name)
        bars = tmp_path / name / "btc.csv"
        bars.write_text(bars.read_text().replace("2024-01-01,40000.0,40000.0,", f"2024-01-01,{price}{price}"))
        import_manifest(manifest, Store(tmp_path / f"{name}-store"))
    command = ("run", "BuyAndHold", "--data", "cache", "--store", tmp_path / "then-store", "--json")
    (tmp_path / "run.json").write_text(ebbtide(*command).out)
    answer = ebbtide("replay", tmp_path / "run.json", "--store", tmp_path / "now-store")
    assert answer.code == 1
    assert "the first difference is in what became known in 2024" in answer.err
    assert "what can explain it: other data (bars:BTC: 60 bars to 2024-03-01 00:00 then as now" in answer.err
    assert answer.err.startswith("ebbtide: the numbers differ (Total return of BuyAndHold is ")


def test_a_walk_is_run_again_from_its_page_and_from_its_json(tmp_path: Path, ebbtide: Callable[..., Any]) -> None:
    options = ("--set", "weeks=4,13", "--train", "730d", "--test", "365d", "--to", "2021-12-31")
    walked = ebbtide("walk", "NetLiquidityTide", *options, "--out", tmp_path / "walk.html", "--json")
    (tmp_path / "walk.json").write_text(walked.out)
    for name in ("walk.html", "walk.json"):
        again = ebbtide("replay", tmp_path / name, "--json").json
        assert again["same"]
        assert [one["label"] for one in again["results"]] == ["Walk of NetLiquidityTide", "BuyAndHold (benchmark)"]
        assert [one["entry"] for one in again["differences"]] == (["page"] if name == "walk.html" else [])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of one run on the lab."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    end = pd.Timestamp("2021-12-31", tz="UTC")
    write_tearsheet([Backtest(NetLiquidityTide(), Lab().market(), end=end, benchmark=BuyAndHold()).run()], path, "Tide")
    return path.read_text()


@pytest.fixture
def page(written: str, tmp_path: Path) -> Path:
    """The same, where a test may change it."""
    (tmp_path / "page.html").write_text(written)
    return tmp_path / "page.html"


def test_a_page_is_run_again(page: Path, ebbtide: Callable[..., Any]) -> None:
    answer = ebbtide("replay", page)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[0] == f"Replay of {page}: Tide"
    assert "NetLiquidityTide: equity is the same at every bar (" in answer.out
    assert answer.out.endswith(f"\n{SAME}.\n")


def test_a_page_that_was_changed_fails_the_check(page: Path, ebbtide: Callable[..., Any]) -> None:
    page.write_text(page.read_text().replace("</footer>", "<p>Audited.</p></footer>"))
    answer = ebbtide("replay", page)
    assert answer.code == 1
    assert "changed page.html was changed after ebbtide wrote it: its seal says " in answer.out
    assert answer.err == (
        "ebbtide: page.html was changed after ebbtide wrote it: don't trust what it shows. Its manifest runs to the "
        "same numbers as it holds; what a reader sees in tables may not be them\n"
    )
    assert SAME not in answer.out


def test_only_numbers_that_differ_are_printed_unless_all_are_asked_for(
    page: Path, tmp_path: Path, ebbtide: Callable[..., Any]
) -> None:
    brief, every = ebbtide("replay", page).out, ebbtide("replay", page, "--all").out
    assert brief.count(f"\n{len(METRICS)} metrics equal to the last digit (--all shows every row)\n") == 2
    assert "Sharpe ratio" not in brief
    assert every.count("\nSharpe ratio ") == 2
    assert brief.count(SAME) == every.count(SAME) == 1
    content = ebbtide("replay", page, "--json").json["results"][0]
    page.write_text(page.read_text().replace(f'"sharpe": {content["metrics"]["sharpe"]["now"]!r}', '"sharpe": 2.5', 1))
    answer = ebbtide("replay", page)
    assert answer.out.count("\nSharpe ratio ") == 1
    assert f"\n{len(METRICS) - 1} metrics equal to the last digit" in answer.out
    assert "the numbers differ" not in answer.out
    assert "what it holds" in answer.out
    assert answer.err.count("the numbers differ (Sharpe ratio of NetLiquidityTide is ") == 1


def test_a_replay_is_no_trial(page: Path, ebbtide: Callable[..., Any]) -> None:
    before = ebbtide("ledger", "--json").json
    ebbtide("replay", page)
    assert ebbtide("ledger", "--json").json == before


def test_json_tells_each_number_then_and_now(page: Path, ebbtide: Callable[..., Any]) -> None:
    answer = ebbtide("replay", page, "--json").json
    assert set(answer) == {"file", "title", "seal", "same", "shown", "verdict", "differences", "results"}
    sharpe = answer["results"][0]["metrics"]["sharpe"]
    assert sharpe == {"then": sharpe["now"], "now": sharpe["now"], "difference": 0.0}
    assert answer["results"][0]["equity_sha256"]["then"] == answer["results"][0]["equity_sha256"]["now"]
    assert answer["seal"]["broken"] is False


def test_what_cannot_be_run_again_gets_one_sentence(
    page: Path, tmp_path: Path, sixty_days: Path, ebbtide: Callable[..., Any]
) -> None:
    assert ebbtide("replay", tmp_path / "none.html").sentence().startswith("there is no file ")
    (tmp_path / "empty.json").write_text("{}")
    assert "has no manifest of ebbtide's; give a tearsheet" in ebbtide("replay", tmp_path / "empty.json").sentence()
    run = ebbtide("run", "TrendFollowing(days=5)", "--data", "cache", "--store", sixty_days, "--json").out
    (tmp_path / "run.json").write_text(run)
    told = ebbtide("replay", tmp_path / "run.json", "--store", tmp_path / "nothing").sentence()
    assert told.startswith(f"TrendFollowing was made from a cache: nothing cached in {tmp_path / 'nothing'}; run: ")
    assert told.endswith("; name the store of that cache with --store")
    content = json.loads(run)
    content["manifest"]["expression"] = "TrendFolowing()"
    (tmp_path / "run.json").write_text(json.dumps(content))
    told = ebbtide("replay", tmp_path / "run.json", "--store", sixty_days).sentence()
    assert told == "ebbtide has no strategy 'TrendFolowing'; did you mean 'TrendFollowing'?"


@pytest.mark.real
def test_a_run_on_real_history_is_the_same_again(history: Path, tmp_path: Path, ebbtide: Callable[..., Any]) -> None:
    cached = ("--data", "cache", "--store", history)
    run = ebbtide("compare", "StealthQE", "NetLiquidityTide", *cached, "--to", "2024-12-31", "--json").out
    (tmp_path / "run.json").write_text(run)
    again = ebbtide("replay", tmp_path / "run.json", "--store", history, "--json").json
    assert (again["same"], again["differences"]) == (True, [])
