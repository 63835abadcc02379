"""The command as the shell sees it: a process with arguments, two streams and an exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from data_cache.version import __version__

EBBTIDE = Path(sys.executable).with_name("ebbtide")
STARTS = {"ebbtide": [str(EBBTIDE)], "python -m backtests": [sys.executable, "-m", "backtests"]}


def start(*command: str, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=os.environ | environment, check=False, timeout=120
    )


@pytest.mark.parametrize("command", STARTS.values(), ids=STARTS)
def test_the_command_and_the_module_are_the_same(command: list[str], tmp_path: Path) -> None:
    version = start(*command, "--version", folder=tmp_path)
    assert (version.returncode, version.stdout, version.stderr) == (0, f"ebbtide {__version__}\n", "")
    listed = start(*command, "list", "strategies", "--json", folder=tmp_path)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "StealthQE" in [entry["name"] for entry in json.loads(listed.stdout)["strategies"]]
    wrong = start(*command, "run", "StelthQE", folder=tmp_path)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "ebbtide: ebbtide has no strategy 'StelthQE'; did you mean 'StealthQE'?\n"
    unusable = start(*command, "run", folder=tmp_path)
    assert (unusable.returncode, unusable.stdout) == (2, "")
    assert unusable.stderr == "ebbtide: Missing argument 'STRATEGY' (ebbtide run --help tells more)\n"


def test_json_is_all_of_stdout(tmp_path: Path) -> None:
    done = start(str(EBBTIDE), "run", "BuyAndHold", "--from", "2026-01-01", "--json", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["strategy"].startswith("BuyAndHold(")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_check_is_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\nimport numpy as np\n"
        "from signals import Volatility\nfrom strategies import Strategy\n\n"
        "@dataclass(frozen=True)\nclass Mine(Strategy):\n"
        '    def signals(self):\n        return {"x": Volatility("BTC", 5)}\n\n'
        '    def weights(self, now):\n        return {"BTC": (now.x > 0) * (0.5 if np.ndim(now.x) else 0.2)}\n'
    )
    failed = start(str(EBBTIDE), "run", "mine.py:Mine", "--from", "2026-01-01", "--engine", "both", folder=tmp_path)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith("ebbtide: Mine(): the engines differ by ")


def test_the_store_is_named_by_the_environment_unless_by_the_option(tmp_path: Path) -> None:
    def store(*option: str) -> str:
        answer = start(str(EBBTIDE), "status", "--json", *option, EBBTIDE_STORE=str(tmp_path / "a"))
        return str(json.loads(answer.stdout)["store"])

    assert store() == str(tmp_path / "a")
    assert store("--store", str(tmp_path / "b")) == str(tmp_path / "b")


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"]], ids=["tables", "json"])
def test_a_reader_that_stops_early_is_no_failure(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        done = subprocess.run([str(EBBTIDE), *arguments], stdout=gone, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_traceback_is_shown_where_it_is_asked_for(tmp_path: Path) -> None:
    breaks = "import backtests.listing\nbacktests.listing.listing = None\nfrom backtests.cli import main\nmain()\n"
    (tmp_path / "broken.py").write_text(breaks)
    quiet = start(sys.executable, "broken.py", "list", folder=tmp_path)
    assert (quiet.returncode, quiet.stdout, quiet.stderr.count("\n")) == (2, "", 1)
    assert "set EBBTIDE_TRACEBACK=1 to see where" in quiet.stderr
    assert "Traceback" in start(sys.executable, "broken.py", "list", folder=tmp_path, EBBTIDE_TRACEBACK="1").stderr


@pytest.mark.parametrize("command", ["demo", "list", "import", "status", "run", "compare", "ledger"])
def test_every_command_has_help_and_takes_a_store(command: str) -> None:
    shown = start(str(EBBTIDE), command, "--help")
    assert shown.returncode == 0
    assert "--store" in shown.stdout


def test_the_options_that_are_relied_upon_are_there() -> None:
    relied_upon = (
        "--set --from --to --timeframe --data --engine --fee-bps --slippage-bps --band --latency --cash "
        "--benchmark --json --out --store"
    )
    for command in ("run", "compare"):
        shown = start(str(EBBTIDE), command, "--help").stdout
        assert [option for option in relied_upon.split() if option not in shown] == []
