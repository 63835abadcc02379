"""Answers that are remembered: found once while they fit, the one not asked for longest makes way."""

import pytest

from backtests.sweeps.remembered import Remembered


def test_an_answer_is_found_once() -> None:
    found: list[int] = []
    kept: Remembered[int] = Remembered(2)
    answers = [kept.answer("a", lambda: found.append(1) or len(found)) for _ in range(3)]
    assert answers == [1, 1, 1]


def test_the_answer_not_asked_for_longest_makes_way() -> None:
    found: list[str] = []
    kept: Remembered[None] = Remembered(2)
    for key in ("a", "b", "a", "c", "a", "b"):
        kept.answer(key, lambda key=key: found.append(key))
    assert found == ["a", "b", "c", "b"]


def test_what_can_not_be_hashed_is_never_remembered() -> None:
    found: list[int] = []
    kept: Remembered[None] = Remembered(2)
    for _ in range(3):
        kept.answer(["a"], lambda: found.append(1))
    assert len(found) == 3


def test_what_fails_is_not_remembered() -> None:
    kept: Remembered[float] = Remembered(2)
    with pytest.raises(ZeroDivisionError):
        kept.answer("a", lambda: 1 / 0)
    assert kept.answer("a", lambda: 2.0) == 2.0


def test_there_is_room_for_one_answer_at_least() -> None:
    kept: Remembered[int] = Remembered(0)
    assert [kept.answer("a", lambda n=n: n) for n in (1, 2)] == [1, 1]
