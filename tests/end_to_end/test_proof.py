"""A rule that looks ahead prints no numbers; one that doesn't is said to be causal."""

from collections.abc import Callable
from pathlib import Path

import pytest

from data_cache.errors import UnknownName

PEEK = """
from dataclasses import dataclass

from signals import Signal
from strategies import Strategy


@dataclass(frozen=True)
class TomorrowsReturn(Signal):
    days: int = -1
    needs = ("bars:BTC",)

    def compute(self, known):
        return known.bars("BTC")["close"].pct_change().shift(self.days)


@dataclass(frozen=True)
class Peek(Strategy):
    days: int = -1

    def signals(self):
        return {"tomorrow": TomorrowsReturn(self.days)}

    def weights(self, now):
        return {"BTC": (now.tomorrow > 0) * 1.0}
"""


@pytest.fixture
def peek(tmp_path: Path) -> str:
    (tmp_path / "peek.py").write_text(PEEK)
    return f"{tmp_path}/peek.py:Peek"


@pytest.mark.parametrize("command", ["run", "compare"])
def test_a_rule_that_looks_ahead_prints_nothing_but_why(command: str, peek: str, ebbtide: Callable) -> None:
    answer = ebbtide(command, peek)
    assert (answer.code, answer.out) == (1, "")
    assert "Peek(days=-1) is not causal: with everything after" in answer.err
    assert "signal tomorrow at" in answer.err


def test_the_same_rule_a_day_late_is_causal(peek: str, ebbtide: Callable) -> None:
    assert ebbtide("run", peek, "--set", "days=1", "--json").json["findings"] == []
    assert ebbtide("prove", peek, "--set", "days=1", "--cuts", "4", "--json").json == {
        "proofs": [{"strategy": "Peek(days=1)", "cuts": 4, "leaks": []}]
    }


def test_the_proof_names_the_rule_that_looks_ahead_among_others(peek: str, ebbtide: Callable) -> None:
    answer = ebbtide("prove", "BuyAndHold", peek, "--cuts", "2")
    assert answer.code == 1
    lines = {line.split()[0]: line.split()[2] for line in answer.out.splitlines()[1:3]}
    assert lines == {"BuyAndHold": "yes", "Peek": "no:"}
    assert answer.err.startswith("ebbtide: Peek(days=-1) is not causal")


def test_the_event_engine_has_no_future_to_give(peek: str, ebbtide: Callable) -> None:
    """The shifted value of the newest day does not exist yet, so the rule never decides."""
    answer = ebbtide("run", peek, "--engine", "events", "--from", "2026-01-01")
    assert answer.code == 2
    assert "Peek(days=-1) decided nothing" in answer.err


FUSSY = """
from dataclasses import dataclass

from signals import Signal
from strategies import Strategy


@dataclass(frozen=True)
class Close(Signal):
    needs = ("bars:BTC",)

    def compute(self, known):
        close = known.bars("BTC")["close"]
        assert (close < 200_000).all(), "no such price"
        return close


@dataclass(frozen=True)
class Fussy(Strategy):
    def signals(self):
        return {"close": Close()}

    def weights(self, now):
        return {"BTC": 0.5 + 0 * now.close}
"""


def test_a_rule_that_fails_on_another_future_is_unproven(tmp_path: Path, ebbtide: Callable) -> None:
    """The lab's bitcoin stays below $200,000; noise takes it higher, and the rule refuses to compute."""
    (tmp_path / "fussy.py").write_text(FUSSY)
    found = ebbtide("run", f"{tmp_path}/fussy.py:Fussy", "--json").json["findings"]
    assert found[0]["code"] == "UNPROVEN"
    assert found[0]["sentence"] == (
        "the causality proof could not be run: Close() failed: AssertionError: no such price"
    )


def test_an_interrupted_command_says_so_and_exits_with_130(ebbtide: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("backtests.request.Request.market", interrupt)
    answer = ebbtide("run", "BuyAndHold")
    assert (answer.code, answer.out) == (130, "")
    assert answer.err == "ebbtide: interrupted; what was stored before is whole\n"


def test_where_an_error_came_from_is_shown_on_request(ebbtide: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EBBTIDE_TRACEBACK", "1")
    with pytest.raises(UnknownName, match="did you mean 'StealthQE'"):
        ebbtide("run", "StealthQ")
