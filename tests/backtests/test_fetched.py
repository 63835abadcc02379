"""What a fetch shows: its lines while it runs, and what is said once for many files."""

import io
from dataclasses import replace
from threading import Thread
from types import SimpleNamespace

import pandas as pd
import pytest
from rich.console import Console

from backtests.fetched import FetchProgress, checked, finished
from data_cache.errors import CheckFailed, SourceFailed
from data_cache.second_sources import Check
from data_cache.sources.fetching import Failure, Fetched
from data_cache.sources.outcome import Job, Outcome
from data_cache.sources.session import Step

JOBS = [Job("prices", "exchange", f"BTC {timeframe}", list) for timeframe in ("1d", "1h")]


def lines(progress: FetchProgress) -> list[tuple[str, float, str]]:
    """Provider, jobs done and description of each line."""
    return [(task.fields["provider"], task.completed, task.description) for task in progress._progress.tasks]


@pytest.fixture
def progress() -> FetchProgress:
    shown = FetchProgress(console=Console(file=io.StringIO(), force_terminal=True))
    shown.plan([*JOBS, Job("macro", "fred", "WALCL", list)])
    return shown


def test_each_provider_has_a_line_with_its_share_of_the_jobs(progress: FetchProgress) -> None:
    progress.step(Step("BTC 1d", "binance", 1_000, 0.25))
    progress.step(Step("WALCL", "fred", note="list of vintages"))
    assert lines(progress) == [
        ("exchange", 0.25, "BTC 1d from binance, 1,000 rows"),
        ("fred", 0, "WALCL from fred (list of vintages)"),
    ]
    progress.done(JOBS[0])
    progress.step(Step("BTC 1h", "bitfinex", 0, 0.0))
    assert lines(progress)[0] == ("exchange", 1, "BTC 1h from bitfinex")


def test_a_wait_is_shown_at_the_job_of_its_thread(progress: FetchProgress) -> None:
    progress.step(Step("BTC 1d", "binance", 1_000, 0.25))
    other = Thread(target=progress.step, args=(Step("WALCL", "fred", 3, 0.5),))
    other.start()
    other.join()
    progress.step(Step("", "binance", note="waits 4 s, then asks again"))
    assert lines(progress) == [
        ("exchange", 0.25, "BTC 1d from binance, 1,000 rows (waits 4 s, then asks again)"),
        ("fred", 0.5, "WALCL from fred, 3 rows"),
    ]


def test_a_job_that_nobody_planned_has_a_line_of_its_own() -> None:
    progress = FetchProgress(console=Console(file=io.StringIO(), force_terminal=True))
    progress.step(Step("BTC 1d", "bitfinex", 10))
    assert lines(progress) == [("bitfinex", 0, "BTC 1d from bitfinex, 10 rows")]


@pytest.mark.parametrize(("quiet", "terminal"), [(True, True), (False, False)])
def test_nothing_is_shown_to_nobody(quiet: bool, terminal: bool) -> None:
    said = io.StringIO()
    with FetchProgress(quiet, Console(file=said, force_terminal=terminal)) as progress:
        progress.plan(JOBS)
        progress.step(Step("BTC 1d", "binance", 10))
    assert said.getvalue() == ""


def outcome(name: str, *notes: str) -> Outcome:
    first, last = pd.Timestamp("2025-10-01"), pd.Timestamp("2025-10-31")
    return Outcome("series", name, "newyorkfed", 23, 2, 1, first=first, last=last, notes=notes)


def asked(quiet: bool = False, *notes: str) -> SimpleNamespace:
    return SimpleNamespace(folder="/a/store", notes=lambda: list(notes), quiet=quiet)


def test_a_note_for_many_files_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    ended = "newyorkfed has nothing after 2025-10-31"
    fetched = Fetched((outcome("SOFR", ended), outcome("EFFR", ended), outcome("SRF", "SRF begins late")), ())
    finished(fetched, asked(False, "a key is free"), None)
    assert [line.split() for line in capsys.readouterr().out.splitlines()][1:] == [
        ["SOFR", "newyorkfed", "23", "2", "1", "0", "2025-10-01", "2025-10-31"],
        ["EFFR", "newyorkfed", "23", "2", "1", "0", "2025-10-01", "2025-10-31"],
        ["SRF", "newyorkfed", "23", "2", "1", "0", "2025-10-01", "2025-10-31"],
        ["6", "new", "rows", "in", "/a/store"],
        f"note SOFR, EFFR: {ended}".split(),
        ["note", "SRF", "begins", "late"],
        ["note", "a", "key", "is", "free"],
    ]


def test_failures_for_one_reason_are_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    down = "treasury answered 503 (asked once); try again later"
    fetched = Fetched((), (Failure("TGA", "macro", down), Failure("DEBT", "macro", f"DEBT: {down}")))
    for quiet in (False, True):
        with pytest.raises(SourceFailed, match=r"^2 jobs failed: TGA; DEBT; what came of the others is stored$"):
            finished(fetched, asked(quiet), None)
        said = capsys.readouterr()
        assert f"failed TGA, DEBT: {down}\n" in (said.err if quiet else said.out)


def test_json_is_one_object_with_all_of_it() -> None:
    shown: list[dict] = []
    finished(Fetched((outcome("SOFR"),), ()), asked(True, "a key is free"), shown.append)
    [said] = shown
    assert (said["store"], said["notes"], said["failures"]) == ("/a/store", ["a key is free"], [])
    assert said["outcomes"][0]["name"] == "SOFR"


def test_a_comparison_that_does_not_hold_is_a_failed_check(capsys: pytest.CaptureFixture[str]) -> None:
    worst = (pd.Timestamp("2025-10-29"), 900.0, 850.0)
    apart = Check("Treasury's account", "TGA", "WDTGAL", "5 $bn", 10, 1, worst)
    checks = [apart, Check("Take-up", "SRF", "RPONTTLD", note="no RPONTTLD")]
    with pytest.raises(CheckFailed, match=r"^1 of 2 comparisons do not hold: Treasury's account$"):
        checked(checks, None)
    assert "TGA and WDTGAL" in capsys.readouterr().out
    fine = replace(apart, beyond=0)
    checked([fine], None, quiet=True)
    assert capsys.readouterr().out == ""
    shown: list[dict] = []
    checked([fine, *checks[1:]], shown.append)
    assert [check["holds"] for check in shown[0]["checks"]] == [True, None]


def test_checks_of_which_none_could_be_made_are_no_pass() -> None:
    missing = Check("Take-up", "SRF", "RPONTTLD", note="not cached: RPONTTLD")
    with pytest.raises(CheckFailed, match=r"^nothing could be compared: not cached: RPONTTLD$"):
        checked([missing], None)


def test_where_nobody_could_be_reached_a_network_is_asked_for() -> None:
    down = [Failure(name, "macro", "no answer", unreachable=True) for name in ("TGA", "DEBT")]
    with pytest.raises(SourceFailed, match=r"^nobody could be reached \(2 jobs failed\): is there a network\?$"):
        Fetched((), tuple(down)).require()
    with pytest.raises(SourceFailed, match=r"^1 job failed: TGA; what came of the others is stored$"):
        Fetched((outcome("SOFR"),), tuple(down[:1])).require()
