"""Sweeps as a user meets them: what is shown, kept, counted and resumed, and what is refused with a sentence."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from backtests.ledger import Ledger

# Three chunks of 25, 25 and 10 trials of sixty days.
GRID = ("TrendFollowing", "--set", "days=2:11:1", "--set", "exposure=0.5:1:0.1")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that a sweep may be named to, in the folder that the user is in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "mine"


@pytest.fixture
def swept(cached: tuple[object, ...], folder: Path) -> tuple[object, ...]:
    """The options of a sweep of those sixty days into a folder of its own."""
    return (*cached, "--out", folder)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge little, where a test is of something else: the judge and the statistics take more time than the trials."""
    monkeypatch.setattr("backtests.sweeps.judge.BEST", 2)
    monkeypatch.setattr("backtests.sweeps.judge.SAMPLED", 1)
    monkeypatch.setattr("backtests.sweeps.evidence.REPS", 100)
    monkeypatch.setattr("backtests.sweeps.report.write_report", lambda sweep, path: path.touch())


def table(folder: Path) -> bytes:
    return (folder / "trials.parquet").read_bytes()


def runs(family: str = "TrendFollowing") -> tuple[int, int]:
    """Distinct trials and all runs of them in the ledger."""
    ledger = Ledger.default()
    return ledger.count(family), ledger.count(family, distinct=False)


def test_every_trial_is_kept_and_counted(ebbtide: Callable, swept: tuple[object, ...], folder: Path) -> None:
    answer = ebbtide("sweep", *GRID, *swept, "--json")
    said, trials = answer.json, pd.read_parquet(folder / "trials.parquet")
    assert answer.err == ""
    assert (said["trials"], said["verdict"]["trials"], len(trials), runs()) == (60, 60, 60, (60, 60))
    best = trials.loc[trials["sharpe"].idxmax()]
    assert said["best"]["trial"] == best["trial"]
    assert said["best"]["sharpe"] == pytest.approx(best["sharpe"], rel=1e-12)
    assert (type(said["best"]["days"]), type(said["best"]["decisions"])) == (int, float)
    assert said["strategy"].startswith(f"TrendFollowing(days={best['days']}, exposure={best['parameter.exposure']}")
    assert said["top"][0]["trial"] == best["trial"]
    assert len(said["judged"]["trials"]) == 10 + 20
    assert said["judged"]["largest_difference"] < 1e-9
    assert said["manifest"]["sweep_trials"] == 60


def test_what_is_shown_fits_eighty_columns_and_has_the_how_many(
    ebbtide: Callable, swept: tuple[object, ...], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ebbtide("run", "TrendFollowing(days=20)", *swept[:-2])
    answer = ebbtide("sweep", *GRID, *swept)
    lines = answer.out.splitlines()
    assert (answer.code, answer.err) == (0, "")
    assert lines[2] == "The best of 60 trials of TrendFollowing by Sharpe ratio; 61 trials of it stand behind that"
    assert lines[3].startswith("Luck is presumed, and these numbers ")
    assert lines[4].startswith("After 61 trials, a Sharpe ratio of ")
    assert lines[5].split()[:5] == ["trial", "days", "exposure", "Sharpe", "CAGR"]
    assert len([line for line in lines if line.split()[:1] and line.split()[0].isdigit()]) >= 10
    assert any(line.startswith("vectorbt agrees on 30 trials: largest difference in equity ") for line in lines)
    assert f"Trials: {folder}/trials.parquet" in lines
    sentences = ("The best", "Luck", "After", "vectorbt", "note", "Trials:", "Report:")
    assert max(len(line) for line in lines[2:] if not line.startswith(sentences)) <= 80


@pytest.mark.usefixtures("hurried")
def test_a_finished_sweep_is_shown_again_and_nothing_is_run_twice(
    ebbtide: Callable, swept: tuple[object, ...], folder: Path
) -> None:
    first = ebbtide("sweep", *GRID, *swept, "--json").json
    before = table(folder)
    again = ebbtide("sweep", *GRID, *swept)
    assert again.sentence() == (
        f"{folder} holds a finished sweep of 60 trials; add --resume to show it again, or name another folder "
        "with --out"
    )
    assert ebbtide("sweep", *GRID, *swept, "--resume", "--json").json == first
    assert table(folder) == before
    assert runs() == (60, 60)


@pytest.mark.usefixtures("hurried")
def test_the_same_command_finds_its_folder_again(ebbtide: Callable, cached: tuple[object, ...], folder: Path) -> None:
    first = ebbtide("sweep", *GRID, *cached, "--json").json
    assert Path(first["folder"]).parent == Path("sweeps")
    assert first["folder"].startswith("sweeps/TrendFollowing-")
    assert "holds a finished sweep" in ebbtide("sweep", *GRID, *cached).sentence()
    assert ebbtide("sweep", *GRID, *cached, "--resume", "--json").json == first
    ebbtide("sweep", *GRID, *cached, "--fee-bps", 3)
    assert len(list(Path("sweeps").iterdir())) == 2


STOPPABLE = """
import os
from dataclasses import dataclass
from pathlib import Path
from strategies import Strategy
from near_mine import SCALE

@dataclass(frozen=True)
class Stoppable(Strategy):
    exposure: float = 0.123
    tilt: float = 0.123

    def weights(self, now):
        stop = Path(__file__).with_name("stop")
        if (self.exposure, self.tilt) == (0.4, 0.5) and stop.exists():
            os.kill(os.getpid(), int(stop.read_text()))
        return {"BTC": self.exposure * SCALE + 0 * now.at.month, "ETH": self.exposure * SCALE * self.tilt}
"""
OWN = ("mine.py:Stoppable", "--set", "exposure=0.02:0.6:0.02", "--set", "tilt=0.5,1")


@pytest.fixture
def own(folder: Path) -> Path:
    """A strategy of the user's own, whose 39th trial of 60 stops the process where a file says with which signal."""
    (folder.parent / "mine.py").write_text(STOPPABLE)
    (folder.parent / "near_mine.py").write_text("SCALE = 0.5\n")
    return folder.parent / "stop"


@pytest.mark.usefixtures("hurried")
def test_an_interrupted_sweep_says_how_to_go_on_and_ends_the_same(
    ebbtide: Callable, cached: tuple[object, ...], own: Path
) -> None:
    ebbtide("sweep", *OWN, *cached, "--out", "whole")
    own.write_text(str(int(signal.SIGINT)))
    stopped = ebbtide("sweep", *OWN, *cached, "--out", "parts")
    assert stopped.sentence(130) == (
        "interrupted; what was done is kept in parts: the same command with --resume goes on"
    )
    own.unlink()
    assert "holds an unfinished sweep, 25 of 60 trials; add --resume to go on" in (
        ebbtide("sweep", *OWN, *cached, "--out", "parts").sentence()
    )
    assert ebbtide("sweep", *OWN, *cached, "--out", "parts", "--resume").code == 0
    assert table(Path("parts")) == table(Path("whole"))
    assert runs("Stoppable") == (60, 60 + 60)


@pytest.mark.usefixtures("hurried")
def test_a_killed_sweep_goes_on_and_ends_the_same(ebbtide: Callable, cached: tuple[object, ...], own: Path) -> None:
    ebbtide("sweep", *OWN, *cached, "--out", "whole")
    own.write_text(str(int(signal.SIGKILL)))
    command = [sys.executable, "-m", "backtests", "sweep", *OWN, *map(str, cached), "--out", "parts"]
    paths = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    killed = subprocess.run(command, env=os.environ | paths, capture_output=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(Path("parts", "chunks").glob("*.parquet"))) == 1
    own.unlink()
    assert ebbtide("sweep", *OWN, *cached, "--out", "parts", "--resume").code == 0
    assert table(Path("parts")) == table(Path("whole"))


@pytest.mark.usefixtures("hurried")
def test_other_data_or_code_or_options_are_no_continuation(
    ebbtide: Callable, cached: tuple[object, ...], sixty_days: Path, own: Path, by_hand: SimpleNamespace, tmp_path: Path
) -> None:
    out = ("--out", "mine", "--resume")
    ebbtide("sweep", *OWN, *cached, *out)
    before = by_hand.contents(tmp_path / "mine")
    files = tmp_path / "files"
    manifest = by_hand.write_files(files)
    (files / "btc.csv").write_text((files / "btc.csv").read_text().replace("40000.0", "40001.0"))
    store = tmp_path / "store"
    assert ebbtide("import", manifest, "--store", store).code == 0
    said = ebbtide("sweep", *OWN, "--data", "cache", "--store", store, *out).sentence()
    assert said.startswith("mine holds another sweep than this one, so it can't be resumed: bars:BTC changed since: ")
    assert "fee_bps=3.0" in ebbtide("sweep", *OWN, *cached, *out, "--fee-bps", 3).sentence()
    assert "space" in ebbtide("sweep", OWN[0], "--set", "exposure=0.1,0.2", *cached, *out).sentence()
    (tmp_path / "mine.py").write_text(STOPPABLE + "\n# edited\n")
    assert "the code of Stoppable changed since" in ebbtide("sweep", *OWN, *cached, *out).sentence()
    assert by_hand.contents(tmp_path / "mine") == before


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("search", ["random", "tpe"])
def test_a_seed_decides_which_trials_a_search_runs(
    search: str, ebbtide: Callable, cached: tuple[object, ...], folder: Path
) -> None:
    asked = (*GRID, *cached, "--search", search, "--trials", 20)
    one, other = (ebbtide("sweep", *asked, "--out", name, "--json").json for name in ("one", "other"))
    assert one | {"folder": ""} == other | {"folder": ""} | {"manifest": one["manifest"]}
    assert table(Path("one")) == table(Path("other"))
    assert runs() == (20, 40)
    ebbtide("sweep", *asked, "--search-seed", 8, "--out", "third")
    assert table(Path("third")) != table(Path("one"))
    ebbtide("sweep", *asked, "--seed", 8, "--out", "fourth")  # the lab's, of which nothing is read here
    assert table(Path("fourth")) == table(Path("one"))


@pytest.mark.usefixtures("hurried")
def test_parameters_of_a_nested_strategy_and_conditions_on_them(ebbtide: Callable, folder: Path) -> None:
    nested = ("corridor_shield.window=5,10", "fed_purchases.weeks=4:13:3")
    settings = [word for setting in nested for word in ("--set", setting)]
    where = ("--where", "corridor_shield.window > fed_purchases.weeks")
    said = ebbtide("sweep", "FiscalDominance", *settings, *where, "--from", "2023-01-01", "--json").json
    assert said["trials"] == 1 + 2  # 5 > 4; 10 > 4, 7
    assert said["manifest"]["origin"].endswith("SIMULATED") or "SIMULATED" in said["manifest"]["origin"]
    assert {row["fed_purchases.weeks"] for row in said["top"]} == {4, 7}


@pytest.mark.usefixtures("hurried")
def test_a_run_file_holds_a_sweep(ebbtide: Callable, sixty_days: Path, folder: Path) -> None:
    (folder.parent / "my.toml").write_text(
        f'strategy = "TrendFollowing"\ndata = "cache"\nstore = "{sixty_days}"\nout = "mine"\njson = true\n'
        'where = ["days > 2"]\n[set]\ndays = [2, 3, 5]\nexposure = "0.5:1:0.5"\n'
    )
    assert json.loads(ebbtide("sweep", "my.toml").out)["trials"] == 2 * 2
    assert len(pd.read_parquet(folder / "trials.parquet")) == 4


def test_a_rule_that_looks_at_its_own_book_runs_and_says_so(
    ebbtide: Callable, swept: tuple[object, ...], folder: Path
) -> None:
    (folder.parent / "guard.py").write_text(
        "from dataclasses import dataclass\nfrom strategies import Strategy\n\n"
        "@dataclass(frozen=True)\nclass Guard(Strategy):\n    limit: float = 0.2\n\n"
        "    def on_event(self, at, now, book):\n"
        '        return {"BTC": 0.5 * (book.drawdown < self.limit)}\n'
    )
    answer = ebbtide("sweep", "guard.py:Guard", "--set", "limit=0.01,0.03,0.05", "--workers", 1, *swept)
    assert answer.code == 0, answer.err
    assert "note Guard looks at its own book: each trial ran through the event engine" in answer.out
    assert "vectorbt agrees on 3 trials" in answer.out


WRONG = [
    ("nothing to search", "TrendFollowing", "there is nothing to search; name the values of a parameter, as in --set"),
    ("a parameter that does not exist", "TrendFollowing --set day=5,10", "did you mean 'days'?"),
    ("an empty range", "TrendFollowing --set days=10:5:1", "is empty: its step leads away from 5"),
    ("a range of nothing", "TrendFollowing --set days=,", "TrendFollowing.days is int; '' is not"),
    (
        "a condition that leaves nothing",
        "TrendFollowing --set days=5,10 --where days>10",
        "--where 'days>10' leaves none of 2 combinations; loosen it",
    ),
    ("a condition on nothing", "TrendFollowing --set days=5,10 --where dayz>1", "did you mean 'days'?"),
    (
        "a grid that is too large for the memory",
        "TrendFollowing --set days=2:50:1 --set exposure=0.0001:1:0.0001 --memory 500MB",
        "490,000 trials on ",
    ),
    ("little memory", "TrendFollowing --set days=2,3 --memory 1MB", "more than --memory 1 MB; allow more"),
    ("memory without a unit", "TrendFollowing --set days=2,3 --memory 2", "--memory takes a size such as 500MB"),
    ("no memory", "TrendFollowing --set days=2,3 --memory 0GB", "--memory takes a size such as 500MB"),
    ("a search that does not exist", "TrendFollowing --set days=2,3 --search radom", "did you mean 'random'?"),
    ("an objective that does not exist", "TrendFollowing --set days=2,3 --objective sharp", "did you mean 'sharpe'?"),
    ("a backend that does not exist", "TrendFollowing --set days=2,3 --backend desk", "did you mean 'dask'?"),
    ("an address for nobody", "TrendFollowing --set days=2,3 --address auto", "add --backend ray or --backend dask"),
    ("no workers", "TrendFollowing --set days=2,3 --workers 0", "--workers must be one or more; found 0"),
    ("trials of a grid", "TrendFollowing --set days=2,3 --trials 1", "--search grid runs all 2 trials"),
    ("no benchmark", "TrendFollowing --set days=2,3 --benchmark none", "trials are judged beside a benchmark"),
    ("an engine", "TrendFollowing --set days=2,3 --engine events", "No such option '--engine'"),
    ("a file for a folder", "TrendFollowing --set days=2,3 --out file", "file is a file; --out names a folder"),
    (
        "a folder below a file",
        "TrendFollowing --set days=2,3 --out file/mine",
        "the folder file/mine could not be made: Not a directory; name another one with --out",
    ),
    ("a page for a folder", "TrendFollowing --set days=2,3 --out x.html", "in it; write --out x"),
    ("a folder of other files", "TrendFollowing --set days=2,3 --out .", "it is not the folder of a sweep"),
    ("a strategy that does not exist", "TrendFolowing --set days=2,3", "did you mean 'TrendFollowing'?"),
    ("a value that no strategy takes", "FixedMix --set exposure=1.5,2", "exposure is above 1"),
    (
        "windows longer than history",
        "TrendFollowing --set days=70,80",
        "none of 2 trials of TrendFollowing has a",
    ),
]


@pytest.mark.parametrize(("wrong", "arguments", "said"), WRONG, ids=[case[0] for case in WRONG])
def test_what_can_t_be_swept_is_one_sentence_and_counts_nothing(
    wrong: str, arguments: str, said: str, ebbtide: Callable, cached: tuple[object, ...], folder: Path
) -> None:
    (folder.parent / "file").touch()
    assert said in ebbtide("sweep", *arguments.split(), *cached).sentence()
    assert [path.name for path in folder.parent.iterdir() if path.name != "sweeps"] == ["file"]
