"""The code that a trial stands on: an edit anywhere in it makes another trial."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from backtests.source_code import classes, code, sources
from signals import Latch, StandingRepoUse
from strategies import FiscalDominance, StealthQE, Strategy

RULE = """
from dataclasses import dataclass, field

from near_rule import SCALE, Inner
from signals import Latch
from strategies import Strategy


@dataclass(frozen=True)
class Parent(Strategy):
    exposure: float = 0.5


@dataclass(frozen=True)
class Mine(Parent):
    def signals(self):
        return {"latch": Latch(Inner(), enter=1.0, exit=0.5)}

    def weights(self, now):
        import far_rule

        return {"BTC": now.latch * self.exposure * SCALE * far_rule.HALF}
"""
NEAR = """
from dataclasses import dataclass

from signals import StandingRepoUse

SCALE = 1.0


@dataclass(frozen=True)
class Inner(StandingRepoUse):
    pass
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rule.py").write_text(RULE)
    (tmp_path / "near_rule.py").write_text(NEAR)
    (tmp_path / "far_rule.py").write_text("HALF = 0.5\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("near_rule", "far_rule", "user_rule"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def loaded(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("user_rule", folder / "rule.py")
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    sys.modules["user_rule"] = module
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def mine(folder: Path) -> Strategy:
    return loaded(folder).Mine()  # type: ignore[no-any-return]


def test_classes_are_those_of_signals_within_signals_and_of_strategies_within_strategies() -> None:
    names = {cls.__name__ for cls in classes(FiscalDominance())}
    assert {"FiscalDominance", "TreasuryRelease", "BasisReset", "EtfUnwind", "CorridorPosition"} <= names
    assert names.isdisjoint({"Strategy", "Signal", "object"})


def test_parents_and_what_the_file_imports_of_its_neighbours_are_part_of_the_code(folder: Path) -> None:
    found = code(mine(folder))
    assert found.keys() == {
        "Mine", "Parent", "Latch", "Transformed", "Inner", "StandingRepoUse", "near_rule.py", "far_rule.py",
    }  # fmt: skip


@pytest.mark.parametrize("edited", ["rule.py", "near_rule.py", "far_rule.py"])
def test_an_edit_of_any_of_these_files_is_other_code(edited: str, folder: Path) -> None:
    before = code(mine(folder))
    (folder / edited).write_text((folder / edited).read_text() + "\n# edited\n")
    assert code(mine(folder)) != before


def test_a_file_beside_it_that_nothing_imports_is_no_part_of_it(folder: Path) -> None:
    before = code(mine(folder))
    (folder / "notes.py").write_text("x = 1\n")
    assert code(mine(folder)) == before


def test_parameters_are_not_code() -> None:
    assert code(StealthQE()) == code(StealthQE(window=3, trigger=0.5))


def test_what_was_read_once_stands_where_the_files_are_gone(folder: Path) -> None:
    strategy = mine(folder)
    known, before = sources([strategy]), code(strategy)
    for path in folder.glob("*.py"):
        path.unlink()
    assert code(strategy, known) == before
    assert code(strategy) != before


def test_shipped_signals_within_signals_count() -> None:
    assert {"Latch", "StandingRepoUse"} <= {cls.__name__ for cls in _of(Latch(StandingRepoUse(), enter=1.0, exit=0.5))}


def _of(signal: Latch) -> set[type]:
    class Holder(Strategy):
        def signals(self) -> dict[str, Latch]:
            return {"latch": signal}

    return classes(Holder())
