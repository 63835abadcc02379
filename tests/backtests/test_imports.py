"""What a rule of the user's own stands on beyond its own file: what it imports, wherever that lies."""

import hashlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backtests.imports import chain, imported
from backtests.source_code import code
from strategies import Strategy

RULE = """
from abc import ABC
from dataclasses import dataclass

import numpy as np
from strategies import Strategy

from kept_rules.levels import LEVEL
from ..kept_shared import scale
from kept_library import ROUND


@dataclass(frozen=True)
class Kept(Strategy, ABC):
    def weights(self, now):
        import importlib

        return {"BTC": LEVEL * scale.SCALE * ROUND * importlib.import_module("kept_late").LATE}
"""
FILES = {
    "project/kept_top/__init__.py": "",
    "project/kept_top/kept_rules/__init__.py": "",
    "project/kept_top/kept_rules/rule.py": RULE.replace("kept_rules.levels", "kept_top.kept_rules.levels"),
    "project/kept_top/kept_rules/levels.py": "from .deeper import *\n",
    "project/kept_top/kept_rules/deeper.py": "LEVEL = 0.5\n",
    "project/kept_top/kept_shared/scale.py": "SCALE = 1.0\n",  # of a package without a file of its own
    "project/kept_top/kept_rules/unused.py": "raise SystemExit\n",
    "elsewhere/kept_library.py": "import kept_inner\nROUND = 1.0\n",
    "elsewhere/kept_inner.py": "",
    "elsewhere/kept_late.py": "LATE = 1.0\n",
}
LABELS = {
    "kept_top/__init__.py",
    "kept_top/kept_rules/__init__.py",
    "kept_top/kept_rules/levels.py",
    "kept_top/kept_rules/deeper.py",
    "kept_top/kept_shared/scale.py",
    "kept_library.py",
    "kept_inner.py",
    "kept_late.py",
}
PLACES = {label: file for file in FILES for label in LABELS if file.partition("/")[2] == label}


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with a package of rules, and a library elsewhere on the path; what is loaded is forgotten again."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "project"), str(tmp_path / "elsewhere"), *sys.path])
    yield written(tmp_path, FILES)
    for name in set(sys.modules) - before:
        if name.startswith("kept_"):
            del sys.modules[name]


@pytest.fixture
def rule(folder: Path) -> Strategy:
    return importlib.import_module("kept_top.kept_rules.rule").Kept()  # type: ignore[no-any-return]


def test_the_package_relative_imports_and_a_library_elsewhere_are_part_of_the_code(rule: Strategy) -> None:
    assert {name for name in code(rule) if name.endswith(".py")} == LABELS


@pytest.mark.parametrize("label", sorted(LABELS))
def test_an_edit_of_any_of_them_is_other_code_of_that_name(label: str, folder: Path, rule: Strategy) -> None:
    before = code(rule)
    place = folder / PLACES[label]
    place.write_text(place.read_text() + "# edited\n")
    after = code(rule)
    assert {name for name in after if after[name] != before[name]} == {label}


def test_what_nothing_imports_is_no_part_of_it(folder: Path, rule: Strategy) -> None:
    before = code(rule)
    (folder / "project/kept_top/kept_rules/unused.py").write_text("# edited\n")
    assert code(rule) == before


def test_it_is_the_same_before_and_after_the_rule_has_run(rule: Strategy) -> None:
    """Else a run and a sweep would enter one rule as two trials: one of them hashes before, the other after."""
    assert "kept_late" not in sys.modules
    before = code(rule)
    rule.weights(None)  # type: ignore[arg-type]
    assert "kept_late" in sys.modules
    assert code(rule) == before


def test_nothing_is_run_to_tell_what_a_file_imports(folder: Path) -> None:
    loaded = set(sys.modules)
    found = imported(folder / "project/kept_top/kept_rules/rule.py", "kept_top.kept_rules.rule")
    assert found.keys() == LABELS
    assert set(sys.modules) == loaded


def test_the_same_package_in_another_folder_has_the_same_code(
    folder: Path, rule: Strategy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = code(rule)
    for name in [name for name in sys.modules if name.startswith("kept_")]:
        del sys.modules[name]
    moved = written(tmp_path / "moved", FILES)
    monkeypatch.setattr(sys, "path", [str(moved / "project"), str(moved / "elsewhere"), *sys.path])
    assert code(importlib.import_module("kept_top.kept_rules.rule").Kept()) == here


def test_an_installed_library_is_no_part_of_a_rule_but_all_of_an_installed_rule_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions tell of libraries; which of its files an installed rule was made of, only their hashes do."""
    place = written(
        tmp_path / "site-packages",
        {
            "kept_sold/__init__.py": "",
            "kept_sold/rule.py": "import kept_other\nfrom kept_sold import level\n",
            "kept_sold/level.py": "",
            "kept_other.py": "",
        },
    )
    mine = written(tmp_path / "mine", {"rule.py": "import kept_sold.rule, numpy, json, sys\n"}) / "rule.py"
    monkeypatch.syspath_prepend(str(place))
    assert imported(mine, "rule") == {}
    assert imported(place / "kept_sold/rule.py", "kept_sold.rule").keys() == {
        "kept_sold/__init__.py", "kept_sold/level.py",
    }  # fmt: skip


def test_what_cannot_be_read_as_python_imports_nothing(tmp_path: Path) -> None:
    written(tmp_path, {"rule.py": "import kept_broken\n", "kept_broken.py": "import (\n"})
    sha = hashlib.sha256(b"import (\n").hexdigest()
    assert imported(tmp_path / "rule.py", "rule") == {"kept_broken.py": sha}


def test_modules_that_import_each_other_are_read_once(tmp_path: Path) -> None:
    written(tmp_path, {"rule.py": "import kept_one\n", "kept_one.py": "import kept_two\n"})
    written(tmp_path, {"kept_two.py": "import kept_one\nimport rule\n"})
    assert imported(tmp_path / "rule.py", "rule").keys() == {"kept_one.py", "kept_two.py"}


def test_an_import_runs_the_packages_around_a_module_first(folder: Path) -> None:
    top = folder / "project/kept_top"
    assert chain("kept_top.kept_rules.levels") == [
        top / "__init__.py", top / "kept_rules/__init__.py", top / "kept_rules/levels.py",
    ]  # fmt: skip
    assert chain("kept_top.kept_shared.scale") == [top / "__init__.py", top / "kept_shared/scale.py"]
    assert chain("kept_top.nowhere") == chain("kept_nowhere.at_all") == []


def test_a_neighbour_is_found_where_its_folder_is_not_on_the_path(tmp_path: Path) -> None:
    written(tmp_path, {"rule.py": "import kept_near\n", "kept_near.py": ""})
    assert imported(tmp_path / "rule.py", "user_strategy_rule").keys() == {"kept_near.py"}
