"""A user's own file: whatever is wrong in it gets exit code 2 and one sentence, in both engines."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

HEAD = """
from dataclasses import dataclass

import numpy as np

from signals import Signal, Trend
from strategies import Strategy

"""


def rule(answer: str) -> str:
    """A strategy `Mine` whose weights are the expression `answer`."""
    return f"@dataclass(frozen=True)\nclass Mine(Strategy):\n    def weights(self, now):\n        return {answer}\n"


def reading(signals: str, answer: str = '{"BTC": (now.x > 0) * 0.5}') -> str:
    """A strategy `Mine` whose signals are the expression `signals`."""
    return f"{rule(answer)}    def signals(self):\n        return {signals}\n"


def signal(body: str, needs: str = "bars:BTC") -> str:
    return (
        f'@dataclass(frozen=True)\nclass Own(Signal):\n    needs = ("{needs}",)\n'
        f"    def compute(self, known):\n        return {body}\n\n" + reading('{"x": Own()}')
    )


# What is wrong with it, the file, what the sentence must say in either engine.
RULES = [
    ("weights that are not known", rule('{"BTC": np.nan}'), "Mine() decided nothing: its weights are NaN"),
    ("one weight known, another not", rule('{"BTC": np.nan, "ETH": 0.5}'), "one weight is NaN and another is not"),
    ("a negative weight", rule('{"BTC": -0.2}'), "Mine: a weight is below 0; selling short needs perpetuals"),
    ("a weight above 1", rule('{"BTC": 1.2}'), "exposure is above 1; leverage needs perpetuals"),
    ("weights above 1 together", rule('{"BTC": 0.7, "ETH": 0.7}'), "found BTC 0.7, ETH 0.7 at 2024-01-01"),
    (
        "a text for a weight",
        rule('{"BTC": "much"}'),
        "the weight of BTC must be a number, or one per moment; got 'much'",
    ),
    ("a number for weights", rule("0.4"), "Mine must answer weights by asset; got 0.4"),
    ("nothing for weights", rule("None"), "Mine must answer weights by asset; got None"),
    ("an asset that is not cached", rule('{"DOGE": 0.4}'), "no bars of DOGE"),
    ("a rule that raises", rule('{"BTC": 1 / 0}'), "ZeroDivisionError: division by zero"),
    ("a rule that reads what is not named", rule('{"BTC": now.srf}'), "now has no signal 'srf'"),
    ("a signal that raises", signal('known.bars("BTC")["klose"]'), "Own() failed: KeyError: 'klose'"),
    ("a signal that answers a number", signal("3.0"), "Own.compute must answer a Series indexed by known_at"),
    (
        "a signal of a series that is not there",
        signal('known.first("SRF")', "SRF"),
        "Own() needs SRF, not in the cache; fetch",
    ),
    ("signals that cannot be made", reading('{"x": nothing}'), "Mine can't be made: NameError: name 'nothing'"),
    ("signals that are numbers", reading('{"x": 3}'), "Mine.signals must answer signals by name; got {'x': 3}"),
    ("signals without a name", reading("[Trend()]"), "Mine.signals must answer signals by name; got [Trend("),
    ("no decorator", "class Mine(Strategy):\n    share: float = 0.5\n", "write @dataclass(frozen=True) above it"),
    (
        "a parameter without a value",
        rule('{"BTC": 0.5}') + "    share: float\n",
        "Mine needs share; add --set share=VALUE",
    ),
    (
        "another name",
        rule('{"BTC": 0.5}').replace("Mine", "Mein"),
        "mine.py has no strategy 'Mine'; did you mean 'Mein'?",
    ),
    ("no strategy", "Mine = 3\n", "has no strategy 'Mine'; it has: none"),
    ("a file that raises", "1 / 0\n", "mine.py failed to load: ZeroDivisionError: division by zero"),
    ("a file that is not Python", "def weights(:\n", "mine.py failed to load: SyntaxError"),
    ("a file that ends the program", "raise SystemExit(0)\n", "mine.py failed to load: SystemExit: 0"),
    ("a class that is not frozen", rule('{"BTC": 0.5}').replace("(frozen=True)", ""), "cannot inherit non-frozen"),
]


@pytest.mark.parametrize("engine", ["vector", "events"])
@pytest.mark.parametrize(("wrong", "file", "said"), RULES, ids=[case[0] for case in RULES])
def test_a_wrong_strategy_is_one_sentence(
    wrong: str,
    file: str,
    said: str,
    engine: str,
    ebbtide: Callable,
    cached: tuple[object, ...],
    sixty_days: Path,
    by_hand: SimpleNamespace,
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.py").write_text(HEAD + file)
    before = by_hand.contents(sixty_days)
    assert said in ebbtide("run", f"{tmp_path}/mine.py:Mine", "--engine", engine, *cached).sentence()
    assert by_hand.contents(sixty_days) == before


def test_a_file_without_a_class_says_which_it_has(ebbtide: Callable, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(HEAD + rule('{"BTC": 0.5}'))
    assert ebbtide("run", tmp_path / "mine.py").sentence().endswith("mine.py has no strategy ''; it has: Mine")


def test_a_rule_that_is_not_arithmetic_runs_in_the_event_engine_and_the_other_says_so(
    ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(HEAD + reading('{"x": Trend("BTC", 5)}', '{"BTC": 0.5 if now.x > 0 else 0}'))
    sentence = ebbtide("run", f"{tmp_path}/mine.py:Mine", *cached).sentence()
    assert "write the rule as arithmetic (&, *, np.where) or use --engine events" in sentence
    assert ebbtide("run", f"{tmp_path}/mine.py:Mine", *cached, "--engine", "events").code == 0


def test_a_rule_that_answers_otherwise_for_one_moment_than_for_many_fails_the_check(
    ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path
) -> None:
    answer = '{"BTC": (now.x > -9) * (0.5 if np.ndim(now.x) else 0.2)}'
    (tmp_path / "mine.py").write_text(HEAD + reading('{"x": Trend("BTC", 5)}', answer))
    mine = f"{tmp_path}/mine.py:Mine"
    sentence = ebbtide("compare", mine, "BuyAndHold", *cached, "--engine", "both", "--json").sentence(code=1)
    assert sentence.startswith("Mine(): the engines differ by ")
    assert "a rule must answer the same for one moment as for many" in sentence


def test_a_signal_that_looks_ahead_fails_the_check_of_both_engines(
    ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path
) -> None:
    peeks = 'known.bars("BTC")["close"].pipe(lambda close: close[::-1].cummax()[::-1] / close - 1)'
    (tmp_path / "mine.py").write_text(HEAD + signal(peeks))
    mine = f"{tmp_path}/mine.py:Mine"
    assert "a signal must not look ahead" in ebbtide("run", mine, *cached, "--engine", "both").sentence(code=1)


def test_reading_what_is_not_named_is_looking_where_no_release_is_awaited(
    ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(HEAD + signal('known.first("TGA")', "SOFR"))
    sentence = ebbtide("run", f"{tmp_path}/mine.py:Mine", *cached).sentence(code=1)
    assert sentence == "Own(): TGA is read but not named in needs; name it there: SOFR"
