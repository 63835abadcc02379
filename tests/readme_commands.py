"""Runs the README's commands as they are printed, in order, in a scratch folder. Called by name: pytest this file.

Files that the README asks to save come first, and the CSV files of its manifest, made here. Lines that need more than
those say so ("# needs ...") and are left out.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
SHELLS = re.findall(r"^```(?:bash|sh|console)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
COMMANDS = [
    command
    for line in "\n".join(SHELLS).splitlines()
    for command in [line.removeprefix("$ ").partition("#")[0].strip()]
    if command.startswith(("ebbtide ", "python ")) and not re.search(r"#\s*needs\b", line) and "-m pip" not in command
]
# A file that the README tells to save: the last name in backticks before a block.
FILES = re.findall(
    r"`([\w./]+\.(?:py|toml))`[^`]*?\n\n```(?:python|toml)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL
)

DAYS = pd.date_range("2025-05-01", periods=200, name="date")
PRICES = {"btc": 100_000.0, "eth": 4_000.0}
SERIES = {"tga": (900_000.0, -2_000.0), "mnav": (1.8, -0.01)}


def write_csv_files(folder: Path) -> None:
    """Two hundred days of the files that the README's manifest names: coins rise while the account is emptied."""
    for name, price in PRICES.items():
        close = price * (1 + pd.Series(range(1, len(DAYS) + 1), DAYS) / 100)
        bars = pd.DataFrame({"open": close - price / 100, "high": close * 1.01, "low": close * 0.97, "close": close})
        bars.assign(volume=1_000.0).to_csv(folder / f"{name}.csv")
    for name, (first, step) in SERIES.items():
        days = DAYS[DAYS.day_of_week < 5]
        values = [first + step * row for row in range(len(days))]
        pd.DataFrame({"value": values}, days).to_csv(folder / f"{name}.csv")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    for name, text in FILES:
        (folder / name).write_text(text)
    write_csv_files(folder)
    return folder


def test_the_readme_has_commands_and_files_to_try() -> None:
    assert {"demo", "list", "run", "compare", "import", "status"} <= {shlex.split(command)[1] for command in COMMANDS}
    assert {"my_strategy.py", "my.toml", "mine.toml"} <= {name for name, _ in FILES}


def test_the_files_here_are_those_of_the_readme_s_manifest() -> None:
    named = re.findall(r'^file = "(\w+)\.csv"', dict(FILES)["mine.toml"], flags=re.MULTILINE)
    assert named == [*PRICES, *SERIES]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_s_command_works(command: str, scratch: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "EBBTIDE_STORE": str(scratch / "store")}
    ran = subprocess.run(
        shlex.split(command), cwd=scratch, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert ran.stdout
