"""A fetch: all jobs of what was asked for, one provider beside the other, each job stored as it goes."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Queue
from threading import Event, Thread
from typing import Any

from data_cache.errors import CheckFailed, EbbtideError, NotWritten, SourceFailed, Unreachable
from data_cache.sources.outcome import Job, Outcome
from data_cache.sources.session import Step


@dataclass(frozen=True)
class Failure:
    """A job that brought nothing, or not all: its name, its group, and why.

    unreachable : whether it is for want of an answer
    """

    job: str
    group: str
    sentence: str
    unreachable: bool = False


Results = dict[str, "list[Outcome] | Failure"]


@dataclass(frozen=True)
class Fetched:
    """What a fetch did: an outcome for each file, and the jobs that failed, both in the order of the jobs."""

    outcomes: tuple[Outcome, ...]
    failures: tuple[Failure, ...]

    @property
    def added(self) -> int:
        """Rows that the store did not have."""
        return sum(outcome.added for outcome in self.outcomes)

    @property
    def changed(self) -> int:
        """Stored prices that their venue gives otherwise now."""
        return sum(outcome.changed for outcome in self.outcomes)

    def require(self) -> None:
        """Raise SourceFailed where a job failed, CheckFailed where a stored price is different at its venue now."""
        if self.failures:
            count = len(self.failures)
            names = "; ".join(failure.job for failure in self.failures)
            if not any(outcome.received for outcome in self.outcomes) and all(f.unreachable for f in self.failures):
                raise SourceFailed(f"nobody could be reached ({count} jobs failed): is there a network?")
            raise SourceFailed(f"{count} job{'s' * (count > 1)} failed: {names}; what came of the others is stored")
        if self.changed:
            raise CheckFailed(
                f"{self.changed} stored prices are different at their venue now; the stored ones were kept"
            )

    def summary(self) -> dict[str, Any]:
        """The fetch as JSON can hold it."""
        return {
            "outcomes": [outcome.summary() for outcome in self.outcomes],
            "failures": [vars(failure) for failure in self.failures],
        }


class Stopped(Exception):
    """The fetch has been ended from outside."""


def stoppable(stop: Event, say: Callable[[Step], None]) -> Callable[[Step], None]:
    """`say`, which raises Stopped once `stop` is set: the next step of each job is then its last."""

    def say_or_stop(step: Step) -> None:
        if stop.is_set():
            raise Stopped
        say(step)

    return say_or_stop


def fetch(jobs: Sequence[Job], stop: Event, done: Callable[[Job], None] = lambda job: None) -> Fetched:
    """Do the jobs: those of one provider in their order, the providers side by side.

    stop : of the session's `say`, see `stoppable`; set here when the user interrupts or the disk is full
    done : told when a job is done or has failed; called from several threads

    A job that fails is reported and the others go on, except where the disk takes no more: NotWritten. What
    was stored by then is whole in any case.
    """
    turns: dict[str, list[Job]] = {}
    for job in jobs:
        turns.setdefault(job.provider, []).append(job)
    ended: Queue[Results | BaseException] = Queue()
    for turn in turns.values():
        # A daemon: an interrupt does not wait for an answer that may take long. A write that it cuts off costs nothing.
        Thread(target=_turn, args=(turn, stop, done, ended), daemon=True).start()
    results: Results = {}
    try:
        for _ in turns:
            results |= _raised(ended.get())
    finally:
        stop.set()
    return _fetched([(job, results[job.name]) for job in jobs])


def _turn(
    jobs: Sequence[Job], stop: Event, done: Callable[[Job], None], ended: "Queue[Results | BaseException]"
) -> None:
    """Do the jobs of one provider, one after the other, and put their results, or what ended them, into `ended`."""
    results: Results = {}
    try:
        for job in jobs:
            results[job.name] = _result(job, stop)
            done(job)
        ended.put(results)
    except BaseException as error:
        ended.put(error)


def _raised(result: "Results | BaseException") -> "Results":
    if isinstance(result, BaseException):
        raise result
    return result


def _result(job: Job, stop: Event) -> list[Outcome] | Failure:
    try:
        return [] if stop.is_set() else job.run()
    except NotWritten:
        raise
    except EbbtideError as error:
        return Failure(job.name, job.group, str(error), isinstance(error, Unreachable))
    except Stopped:
        return []
    except Exception as error:  # what one provider does to one job must not cost the others
        if os.environ.get("EBBTIDE_TRACEBACK"):
            raise
        sentence = f"{type(error).__name__}: {error}; set EBBTIDE_TRACEBACK=1 to see where, and please report it"
        return Failure(job.name, job.group, sentence)


def _fetched(results: Sequence[tuple[Job, list[Outcome] | Failure]]) -> Fetched:
    outcomes = [outcome for _, result in results if isinstance(result, list) for outcome in result]
    return Fetched(tuple(outcomes), tuple(result for _, result in results if isinstance(result, Failure)))
