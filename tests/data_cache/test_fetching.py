"""Jobs of a fetch: side by side, one after the other, failed, interrupted."""

from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Event

import pytest

from data_cache.errors import NotWritten, Refused
from data_cache.sources.fetching import Failure, Stopped, fetch, stoppable
from data_cache.sources.outcome import Job, Outcome
from data_cache.sources.session import Step


def job(name: str, provider: str, run: Callable[[], list[Outcome]] | None = None) -> Job:
    return Job("macro", provider, name, run or (lambda: [Outcome("series", name, provider, received=3, added=2)]))


def failing(error: BaseException) -> Callable[[], list[Outcome]]:
    def run() -> list[Outcome]:
        raise error

    return run


def test_outcomes_come_in_the_order_of_the_jobs() -> None:
    jobs = [job("SOFR", "newyorkfed"), job("TGA", "treasury"), job("EFFR", "newyorkfed")]
    fetched = fetch(jobs, Event())
    assert [outcome.name for outcome in fetched.outcomes] == ["SOFR", "TGA", "EFFR"]
    assert (fetched.added, fetched.changed, fetched.failures) == (6, 0, ())


def test_nothing_to_do_is_done_at_once() -> None:
    assert fetch([], Event()).outcomes == ()


def test_two_providers_are_asked_side_by_side() -> None:
    both_are_here = Barrier(2)

    def meet() -> list[Outcome]:
        both_are_here.wait(30)  # one after the other, the first would wait in vain
        return []

    fetched = fetch([job("SOFR", "newyorkfed", meet), job("TGA", "treasury", meet)], Event())
    assert fetched.failures == ()


def test_the_jobs_of_one_provider_are_done_one_after_the_other() -> None:
    order: list[str] = []

    def note(name: str) -> Callable[[], list[Outcome]]:
        return lambda: order.extend([f"{name} begins", f"{name} ends"]) or []

    jobs = [job(name, "fred", note(name)) for name in ("WALCL", "TREAST")]
    finished: list[str] = []
    fetch(jobs, Event(), lambda done: finished.append(done.name))
    assert order == ["WALCL begins", "WALCL ends", "TREAST begins", "TREAST ends"]
    assert finished == ["WALCL", "TREAST"]


def test_a_job_that_fails_does_not_cost_the_others() -> None:
    refused = failing(Refused("fred does not know WALCL"))
    fetched = fetch([job("WALCL", "fred", refused), job("TREAST", "fred"), job("TGA", "treasury")], Event())
    assert [outcome.name for outcome in fetched.outcomes] == ["TREAST", "TGA"]
    assert fetched.failures == (Failure("WALCL", "macro", "fred does not know WALCL"),)
    assert fetched.summary()["failures"] == [
        {"job": "WALCL", "group": "macro", "sentence": "fred does not know WALCL", "unreachable": False}
    ]


def test_what_nobody_foresaw_is_reported_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EBBTIDE_TRACEBACK", raising=False)
    fetched = fetch([job("WALCL", "fred", failing(KeyError("date"))), job("TREAST", "fred")], Event())
    assert len(fetched.outcomes) == 1
    assert fetched.failures[0].sentence == (
        "KeyError: 'date'; set EBBTIDE_TRACEBACK=1 to see where, and please report it"
    )
    monkeypatch.setenv("EBBTIDE_TRACEBACK", "1")
    with pytest.raises(KeyError, match="date"):
        fetch([job("WALCL", "fred", failing(KeyError("date")))], Event())


def test_a_full_disk_ends_the_fetch(tmp_path: Path) -> None:
    stop, disk_is_full = Event(), Event()
    say = stoppable(stop, lambda step: None)
    asked: list[int] = []

    def ask_for_ever() -> list[Outcome]:
        assert disk_is_full.wait(30)
        while True:  # ends by `say`
            assert stop.wait(30)
            say(Step("TGA", "treasury"))
            asked.append(1)

    def full() -> list[Outcome]:
        disk_is_full.set()
        raise NotWritten("SOFR.parquet could not be written: No space left on device")

    jobs = [
        job("SOFR", "newyorkfed", full),
        job("TGA", "treasury", ask_for_ever),
        job("DEBT", "treasury", ask_for_ever),
    ]
    with pytest.raises(NotWritten, match="No space left on device"):
        fetch(jobs, stop)
    assert asked == []


def test_a_step_after_the_end_is_the_last() -> None:
    stop, told = Event(), list[Step]()
    say = stoppable(stop, told.append)
    say(Step("TGA", "treasury", 5))
    stop.set()
    with pytest.raises(Stopped):
        say(Step("TGA", "treasury", 6))
    assert [step.rows for step in told] == [5]
