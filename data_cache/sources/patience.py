"""Patience with providers: what passes is waited for, within a budget; what does not pass is not asked again."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from data_cache.errors import Unreachable

Answer = TypeVar("Answer")


class Passing(Exception):
    """A failure that passes by itself: a timeout, a refused connection, a server error, a rate limit.

    sentence : who failed, and how; never with a key in it
    wait : seconds that the provider asked for, None where it asked for none
    """

    def __init__(self, sentence: str, wait: float | None = None) -> None:
        super().__init__(sentence)
        self.wait = wait


class RateLimited(Passing):
    """The provider says that it was asked too often."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for providers.

    tries : requests before one that fails passingly is given up
    first, most : seconds before the second request, and between two at most; the wait doubles each time
    limited : seconds before the second request where the provider limits the rate and names no time
    budget : seconds of waiting for one request in all; where the provider asks for more it is given up at once
    timeout : seconds to wait for an answer
    """

    tries: int = 5
    first: float = 1
    most: float = 60
    limited: float = 10
    budget: float = 120
    timeout: float = 30
    sleep: Callable[[float], object] = time.sleep

    def persist(self, ask: Callable[[], Answer]) -> Answer:
        """The answer of `ask`, asked again while it raises Passing; Unreachable where that does not end."""
        waits: list[float] = []
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Passing),
            stop=lambda state: self._spent(state, waits),
            wait=lambda state: self._wait(state),
            sleep=lambda seconds: self._rest(seconds, waits),
            retry_error_callback=lambda state: _give_up(state, waits),
        )
        return retrying(ask)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        failure = _failure(state)
        if failure.wait is not None:
            return failure.wait
        start = self.limited if isinstance(failure, RateLimited) else self.first
        return min(start * 2.0 ** (state.attempt_number - 1), max(self.most, start))

    def _spent(self, state: tenacity.RetryCallState, waits: list[float]) -> bool:
        return state.attempt_number >= self.tries or sum(waits) + self._wait(state) > self.budget

    def _rest(self, seconds: float, waits: list[float]) -> None:
        waits.append(seconds)
        self.sleep(seconds)


def _failure(state: tenacity.RetryCallState) -> Passing:
    failure = state.outcome.exception() if state.outcome else None
    assert isinstance(failure, Passing)
    return failure


def _give_up(state: tenacity.RetryCallState, waits: list[float]) -> None:
    failure = _failure(state)
    asked = f"{state.attempt_number} times in {sum(waits):.0f} s" if waits else "once"
    wants = f"; it asks to wait {failure.wait:.0f} s" if failure.wait is not None else ""
    raise Unreachable(f"{failure} (asked {asked}{wants}); try again later") from None
