"""The README's own strategy: run as it is printed, it gives the same equity by command line and by Python."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
STRATEGY, BACKTEST = BLOCKS[:2]
SWEEP = next(block for block in BLOCKS if "run_sweep" in block)


def test_the_readme_shows_a_short_strategy_and_a_short_backtest() -> None:
    assert 1 <= len(STRATEGY.strip().splitlines()) <= 20
    assert len(BACKTEST.strip().splitlines()) <= 7
    assert "equity_sha256" in BACKTEST


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_strategy.py").write_text(STRATEGY)
    (tmp_path / "backtest.py").write_text(BACKTEST)
    return tmp_path


def test_command_line_and_python_give_the_same_equity(
    folder: Path, ebbtide: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = subprocess.run([sys.executable, "backtest.py"], cwd=folder, capture_output=True, text=True, check=True)
    sharpe, sha256 = printed.stdout.split()
    name, arguments = re.search(r"Backtest\((\w+)\((.*?)\), Lab\(\)", BACKTEST).groups()  # type: ignore[union-attr]
    monkeypatch.chdir(folder)
    by_option = ebbtide("run", f"my_strategy.py:{name}", "--set", arguments, "--json").json
    assert by_option["equity_sha256"] == sha256
    assert by_option["metrics"]["sharpe"] == float(sharpe)
    by_module = ebbtide("run", f"my_strategy:{name}({arguments})", "--json").json
    assert by_module["equity_sha256"] == sha256


def test_the_strategy_runs_in_both_engines(folder: Path, ebbtide: Callable) -> None:
    name = re.search(r"class (\w+)\(Strategy\)", STRATEGY).group(1)  # type: ignore[union-attr]
    mine = f"{folder}/my_strategy.py:{name}"
    assert ebbtide("run", mine, "--from", "2025-01-01", "--engine", "both", "--json").code == 0


def test_the_sweep_in_python_is_that_of_the_command_line(tmp_path: Path, ebbtide: Callable) -> None:
    printed = subprocess.run([sys.executable, "-c", SWEEP], cwd=tmp_path, capture_output=True, text=True, check=True)
    trials, best, deflated, strategy = printed.stdout.split(maxsplit=3)
    window, trigger = re.findall(r'"(\w+=[\d.:,]+)"', SWEEP)
    ledger = ("--out", tmp_path / "sweep", "--ledger", tmp_path / "ledger")
    by_command = ebbtide("sweep", "StealthQE", "--set", window, "--set", trigger, *ledger, "--json").json
    assert (by_command["trials"], by_command["best"]["trial"]) == (int(trials), int(best))
    assert by_command["verdict"]["deflated"] == float(deflated)
    assert by_command["strategy"] == strategy.strip()
