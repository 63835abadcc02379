"""Patience with providers: what is waited for, how long, and what the user reads when it was in vain."""

from collections.abc import Callable

import pytest

from data_cache.errors import Refused, Unreachable
from data_cache.sources.patience import Passing, Patience, RateLimited


class Answers:
    """A provider that gives these answers in turn; an exception among them is raised."""

    def __init__(self, *answers: object) -> None:
        self.left, self.asked = list(answers), 0

    def __call__(self) -> object:
        self.asked += 1
        answer = self.left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def patience(waits: list[float]) -> Callable[..., Patience]:
    def with_options(**options: float) -> Patience:
        return Patience(sleep=waits.append, **options)  # type: ignore[arg-type]

    return with_options


def test_an_answer_is_not_waited_for(patience: Callable[..., Patience], waits: list[float]) -> None:
    assert patience().persist(Answers("bars")) == "bars"
    assert waits == []


@pytest.mark.parametrize(
    ("failures", "expected"),
    [
        ([Passing("down")] * 3, [1, 2, 4]),
        ([RateLimited("too often")] * 3, [10, 20, 40]),
        ([RateLimited("too often", 7), RateLimited("too often", 9)], [7, 9]),
        ([Passing("down"), RateLimited("too often", 7), Passing("down")], [1, 7, 4]),
    ],
    ids=["doubling", "a rate limit starts at ten", "as long as the provider says", "each failure by its own kind"],
)
def test_how_long_is_waited(
    patience: Callable[..., Patience], waits: list[float], failures: list[Exception], expected: list[float]
) -> None:
    assert patience().persist(Answers(*failures, "bars")) == "bars"
    assert waits == expected


def test_five_failures_are_enough(patience: Callable[..., Patience], waits: list[float]) -> None:
    answers = Answers(*[Passing("binance answered 502")] * 9)
    with pytest.raises(Unreachable, match=r"^binance answered 502 \(asked 5 times in 15 s\); try again later$"):
        patience().persist(answers)
    assert (answers.asked, waits) == (5, [1, 2, 4, 8])


def test_a_provider_that_wants_longer_than_the_budget_is_given_up_at_once(
    patience: Callable[..., Patience], waits: list[float]
) -> None:
    sentence = r"^binance answered 418 \(asked once; it asks to wait 3600 s\); try again later$"
    with pytest.raises(Unreachable, match=sentence):
        patience().persist(Answers(RateLimited("binance answered 418", 3600)))
    assert waits == []


def test_the_budget_counts_all_waits_for_one_request(patience: Callable[..., Patience], waits: list[float]) -> None:
    with pytest.raises(Unreachable, match=r"asked 3 times in 100 s"):
        patience(budget=120).persist(Answers(*[RateLimited("too often", 50)] * 9))
    assert waits == [50, 50]


def test_what_does_not_pass_is_not_asked_again(patience: Callable[..., Patience], waits: list[float]) -> None:
    answers = Answers(Refused("a geographic block"), "bars")
    with pytest.raises(Refused, match="a geographic block"):
        patience().persist(answers)
    assert (answers.asked, waits) == (1, [])
