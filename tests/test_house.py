"""The rules of the house that no other tool checks."""

import ast
import inspect
import re
import subprocess
import sys
from dataclasses import is_dataclass
from pathlib import Path

import pytest

import signals
import strategies
from backtests.cli import app
from backtests.listing import listing
from signals.signal import Signal
from strategies.strategy import Strategy

ROOT = Path(__file__).parents[1]
ROOMS = ("data_cache", "signals", "strategies", "backtests")
README = (ROOT / "README.md").read_text("utf-8")
CODE = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def project_texts() -> list[Path]:
    """Every text file that belongs to the project: code, tests, documents, settings; nothing made from them."""
    places = [ROOT / name for name in (*ROOMS, "tests", "benchmarks", ".ci")]
    kinds = {".py", ".md", ".toml", ".cfg", ".html", ".css", ".js", ".typed", ""}
    below = [path for place in places for path in place.rglob("*")]
    texts = [path for path in (*below, *ROOT.iterdir()) if path.is_file() and path.suffix in kinds]
    return sorted(path for path in texts if not {"store", "__pycache__"} & set(path.relative_to(ROOT).parts))


def missing_from_readme(names: list[str]) -> list[str]:
    return [name for name in names if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", README)]


def test_the_readme_names_every_strategy() -> None:
    listed = [*listing("strategies"), *listing("combinators")]
    assert missing_from_readme([entry["name"] for entry in listed]) == []


def test_the_readme_names_every_metric() -> None:
    assert missing_from_readme([entry["name"] for entry in listing("metrics")]) == []


def test_the_readme_names_every_command() -> None:
    functions = [command.name or command.callback.__name__ for command in app.registered_commands]
    assert missing_from_readme([f"ebbtide {name}" for name in functions]) == []


def test_the_readme_names_every_finding() -> None:
    codes = [code for path in CODE for code in re.findall(r'Finding\(\s*"(\w+)"', path.read_text("utf-8"))]
    assert len(codes) > 10
    assert missing_from_readme(codes) == []


def test_the_readme_promises_no_strategy_or_command_that_is_not_there() -> None:
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    promised = {name for block in re.findall(r"```bash\n(.*?)```", README, re.DOTALL) for name in _commands(block)}
    assert promised - commands == set()


def _commands(block: str) -> list[str]:
    return re.findall(r"^ebbtide (\w+)", block, re.MULTILINE)


@pytest.mark.parametrize(("paths", "most"), [(CODE, 450), (TESTS, 600)], ids=["code", "tests, whose tables are long"])
def test_no_file_is_too_long_to_read(paths: list[Path], most: int) -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in paths}
    assert {path: lines for path, lines in lengths.items() if lines > most} == {}, "part it where its subject changes"


@pytest.mark.parametrize(
    ("package", "parent"), [(signals, Signal), (strategies, Strategy)], ids=["signals", "strategies"]
)
def test_what_is_exported_is_a_frozen_dataclass(package: object, parent: type) -> None:
    exported = [getattr(package, name) for name in package.__all__]  # type: ignore[attr-defined]
    classes = [cls for cls in exported if inspect.isclass(cls) and issubclass(cls, parent)]
    assert len(classes) > 10
    for cls in classes:
        assert is_dataclass(cls), cls
        assert "__dataclass_fields__" in vars(cls), f"{cls.__name__} lacks @dataclass(frozen=True)"
        assert cls.__dataclass_params__.frozen, f"{cls.__name__} is not frozen"


LIGHT = ("data_cache.catalog", "backtests.cli", "backtests.listing")
HEAVY = ("pandas", "numpy", "vectorbt", "ccxt", "pyarrow", "plotly")


def test_what_a_listing_needs_pulls_in_nothing_heavy() -> None:
    code = f"import sys, {', '.join(LIGHT)}; print([name for name in {HEAVY} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_nothing_points_outside_the_project() -> None:
    absolute = re.compile(r"(?<![\w.:/])/(?:work|root|home)/")
    found = {
        f"{path.relative_to(ROOT)}:{number}"
        for path in project_texts()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if absolute.search(line)
    }
    assert found == set()


def test_below_the_command_line_nothing_prints() -> None:
    prints = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in CODE
        if path.name != "cli.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    }
    assert prints == set()
