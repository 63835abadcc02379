"""A file that was received runs no code here but what it was made with, or what its reader names."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from backtests.backtest import Backtest
from backtests.ledger import Ledger
from backtests.replaying.replay import Replay, replayed
from backtests.selection import find_strategy
from data_cache.errors import BadUsage
from data_cache.lab import Lab
from data_cache.market import Market
from tests.backtests.replaying.test_replay import END, saved

RULE = """
from dataclasses import dataclass
from strategies import Strategy
{imports}

@dataclass(frozen=True)
class Sent(Strategy):
    share: float = 0.5
    def weights(self, now):
        return {{"BTC": self.share}}
"""
# What code does that must not run.
BITE = "from pathlib import Path\nPath({mark!r}).write_text('bitten')\n"


@pytest.fixture(scope="module")
def lab() -> Market:
    return Lab().market()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with a rule in a file, in a package of its own, and with a neighbour."""
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "sent_package").mkdir()
    (tmp_path / "sent_near.py").write_text("")
    (tmp_path / "sent_rule.py").write_text(RULE.format(imports="import sent_near"))
    (tmp_path / "sent_package" / "__init__.py").write_text("ABOUT = 'rules'\n")
    (tmp_path / "sent_package" / "level.py").write_text("LEVEL = 1.0\n")
    (tmp_path / "sent_package" / "rule.py").write_text(RULE.format(imports="from .level import LEVEL"))
    yield tmp_path
    forget(set(sys.modules) - before)


def forget(names: set[str]) -> None:
    """As in a new process."""
    for name in [name for name in names if name.startswith("sent_")]:
        del sys.modules[name]


@pytest.fixture
def again(tmp_path: Path) -> Callable[..., Replay]:
    """A replay as in a new process, against an empty ledger."""

    def replay(path: Path, *files: str) -> Replay:
        forget(set(sys.modules))
        ledger = Ledger(tmp_path / "ledger")
        return replayed(path, tmp_path / "store", ledger=ledger, strategy_files=[Path(file) for file in files])

    return replay


def result_of(text: str, lab: Market, path: Path, **changed: Any) -> Path:
    return saved(Backtest(find_strategy(text), lab, end=END).run(), path, **changed)


def bite(file: Path) -> Path:
    """Let a file do something when it runs; where that can be seen."""
    mark = file.with_suffix(".bitten")
    file.write_text(BITE.format(mark=str(mark)) + file.read_text())
    return mark


# A strategy that ships, around one of the file.
BLEND = "sent_rule.py:Blend(parts=(Sent(share=0.2), BuyAndHold()))"
EDITS = [
    (BLEND, "sent_rule.py", r"Blend is of sent_rule\.py", "sent_rule.py"),
    (BLEND, "sent_near.py", r"Blend imports sent_near\.py", "sent_rule.py"),
    ("sent_rule.py:Sent", "sent_rule.py", r"Sent is of sent_rule\.py", "sent_rule.py"),
    ("sent_rule.py:Sent", "sent_near.py", r"Sent imports sent_near\.py", "sent_rule.py"),
    ("sent_package.rule:Sent", "sent_package/rule.py", r"Sent is of .*/sent_package/rule\.py", "sent_package/rule.py"),
    ("sent_package.rule:Sent", "sent_package/__init__.py", r"Sent is of .*/__init__\.py", "sent_package/rule.py"),
    ("sent_package.rule:Sent", "sent_package/level.py", "Sent imports sent_package/level.py", "sent_package/rule.py"),
]


@pytest.mark.parametrize("expression", ["sent_rule.py:Sent", "sent_package.rule:Sent", BLEND])
def test_a_rule_that_is_as_it_was_runs_without_more_ado(
    expression: str, here: Path, lab: Market, again: Callable[..., Replay]
) -> None:
    replay = again(result_of(expression, lab, here / "r.json"))
    assert (replay.held, replay.differences) == (True, [])


@pytest.mark.parametrize(("expression", "edited", "what", "named"), EDITS)
def test_a_rule_that_was_edited_is_not_run_before_its_reader_names_it(
    expression: str, edited: str, what: str, named: str, here: Path, lab: Market, again: Callable[..., Replay]
) -> None:
    path = result_of(expression, lab, here / "r.json")
    then = hashlib.sha256((here / edited).read_bytes()).hexdigest()[:12]
    mark = bite(here / edited)
    now = hashlib.sha256((here / edited).read_bytes()).hexdigest()[:12]
    with pytest.raises(BadUsage) as refused:
        again(path)
    assert not mark.exists()
    assert refused.match(f"^{what}, which is not as it was: the sha256 in the manifest is ")
    assert refused.match(
        f"of the file here {now}; nothing of it was run: look at it, then pass --strategy-file .*{named}$"
    )
    assert then in str(refused.value) or "__init__" in edited  # of which the class is another file
    replay = again(path, named)
    assert mark.exists()
    assert replay.same
    assert {one.cause for one in replay.differences} == {"code"}


def test_a_file_of_the_name_that_the_page_gives_is_not_run(
    here: Path, lab: Market, again: Callable[..., Replay]
) -> None:
    """A manifest that was written to run what lies about: a file, with and without a class, a module."""
    (here / "sent_setup.py").write_text("")
    mark = bite(here / "sent_setup.py")
    for expression in ("sent_setup.py:Sent()", "sent_setup.py", "sent_setup.py()", "sent_setup:Sent()", "this:Sent()"):
        path = result_of("StealthQE", lab, here / "r.json", expression=expression)
        with pytest.raises(BadUsage, match=r"which is not as it was|no class in it is named"):
            again(path)
    assert not mark.exists()
    assert "this" not in sys.modules


def test_a_module_that_is_not_here_gets_a_sentence(here: Path, lab: Market, again: Callable[..., Replay]) -> None:
    path = result_of("StealthQE", lab, here / "r.json", expression="sent_nowhere.rule:Sent()")
    sentence = (
        r"^StealthQE is of the module sent_nowhere\.rule, which is not here; save the class of StealthQE in a file"
    )
    with pytest.raises(BadUsage, match=sentence):
        again(path)


def test_naming_another_file_does_not_let_an_edited_one_run(
    here: Path, lab: Market, again: Callable[..., Replay]
) -> None:
    """Of two rules one is named: the other is still compared."""
    (here / "sent_other.py").write_text(RULE.format(imports="").replace("Sent", "Other"))
    one, two = (
        json.loads(result_of(text, lab, here / "r.json").read_text())
        for text in ("sent_rule.py:Sent", "sent_other.py:Other")
    )
    (here / "both.json").write_text(json.dumps({"results": [one, two]}))
    assert again(here / "both.json", "sent_other.py").held
    mark = bite(here / "sent_rule.py")
    with pytest.raises(BadUsage, match=r"^Sent is of sent_rule\.py, which is not as it was"):
        again(here / "both.json", "sent_other.py")
    assert not mark.exists()
    assert again(here / "both.json", "sent_other.py", "sent_rule.py").same


def test_a_file_of_another_name_is_taken_for_the_class_that_it_has(
    here: Path, lab: Market, again: Callable[..., Replay]
) -> None:
    path = result_of("sent_rule.py:Sent", lab, here / "r.json")
    (here / "sent_rule.py").rename(here / "sent_moved.py")
    assert again(path, "sent_moved.py").held
