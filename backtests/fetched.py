"""What `ebbtide fetch` shows: a line a provider while it runs, then what came, what failed and what is missing."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from backtests.console import Terminal, new_table, print_checks, say, show
from data_cache.errors import CheckFailed


class FetchProgress:
    """A line a provider on stderr: what is being fetched, from whom, how far, and how many of its jobs are done.

    Nothing is shown where stderr is no terminal, or `quiet`. Steps and ends of jobs may come from several threads.
    """

    def __init__(self, quiet: bool = False, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        columns = (
            TextColumn("[bold]{task.fields[provider]}[/]", table_column=Column(min_width=10, no_wrap=True)),
            BarColumn(10, table_column=Column(min_width=10)),
            MofNCompleteColumn(table_column=Column(min_width=5, no_wrap=True)),
            TimeElapsedColumn(table_column=Column(min_width=7, no_wrap=True)),
            TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
        )
        hidden = quiet or not console.is_terminal
        self._progress = Progress(*columns, console=console, transient=True, disable=hidden, expand=True)
        self._tasks: dict[str, TaskID] = {}
        self._done: dict[str, int] = {}
        self._provider_of: dict[str, str] = {}
        self._last = threading.local()

    def __enter__(self) -> "FetchProgress":
        self._progress.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def plan(self, jobs: Sequence[Any]) -> None:
        """Show a line for each provider of these jobs."""
        for job in jobs:
            self._provider_of[job.name] = job.provider
        for provider in dict.fromkeys(job.provider for job in jobs):
            self._add(provider, sum(job.provider == provider for job in jobs))

    def step(self, step: Any) -> None:
        """Show how far a job is; a job that was not planned gets a line of its own."""
        if not step.job:
            step = replace(getattr(self._last, "step", step), source=step.source, note=step.note)
        self._last.step = step
        provider = self._provider_of.setdefault(step.job, step.source)
        if provider not in self._tasks:
            self._add(provider, 1)
        completed = None if step.share is None else self._done[provider] + step.share
        self._progress.update(self._tasks[provider], description=escape(_described(step)), completed=completed)

    def done(self, job: Any) -> None:
        """Show that a job is done, or has failed."""
        self._done[job.provider] += 1
        self._progress.update(self._tasks[job.provider], completed=self._done[job.provider])

    def _add(self, provider: str, jobs: int) -> None:
        self._tasks[provider] = self._progress.add_task("", total=jobs, provider=provider)
        self._done[provider] = 0


Show = Callable[[Any], None] | None


def _described(step: Any) -> str:
    rows = f", {step.rows:,} rows" if step.rows else ""
    note = f" ({step.note})" if step.note else ""
    return f"{step.job} from {step.source}{rows}{note}"


def finished(fetched: Any, asked: Any, as_json: Show) -> None:
    """Show what a fetch did, and fail where a job did.

    as_json : shows one object and nothing else, None for a table
    """
    if as_json:
        as_json({"store": str(asked.folder), "notes": asked.notes()} | fetched.summary())
    elif asked.quiet:
        _print_failures(fetched, Console(stderr=True))
    else:
        print_fetched(fetched, asked)
    fetched.require()


def checked(checks: Sequence[Any], as_json: Show, quiet: bool = False) -> None:
    """Show comparisons with second sources, and fail where one does not hold or none could be made."""
    if as_json:
        as_json({"checks": [check.summary() for check in checks]})
    elif not quiet:
        print_checks(checks)
    beyond = [check.name for check in checks if not check.holds]
    if all(check.note for check in checks):
        raise CheckFailed(f"nothing could be compared: {'; '.join(check.note for check in checks) or 'no such data'}")
    if beyond:
        raise CheckFailed(f"{len(beyond)} of {len(checks)} comparisons do not hold: {', '.join(beyond)}")


def print_fetched(fetched: Any, asked: Any) -> None:
    """Print what came, a line a file; then what is to be known of it, and what failed."""
    table = new_table("", "fetched", "source", "received", "new", "revised", "gaps", "first", "last", numbers_from=2)
    for outcome in fetched.outcomes:
        dates = (f"{day:%Y-%m-%d}" if day == day else "–" for day in (outcome.first, outcome.last))
        counts = (f"{n:,}" for n in (outcome.received, outcome.added, outcome.revised, outcome.gaps))
        table.add_row(escape(outcome.name), escape(outcome.source), *counts, *dates)
    show(table)
    say(f"{fetched.added:,} new rows in {escape(str(asked.folder))}")
    for note, names in _by_note(fetched.outcomes).items():
        about = "" if note.startswith(names[0]) else f"{', '.join(names)}: "
        say(f"[yellow]note[/] {escape(about + note)}")
    for note in asked.notes():
        say(f"[yellow]note[/] {escape(note)}")
    _print_failures(fetched, Terminal())


def _print_failures(fetched: Any, console: Console) -> None:
    names: dict[str, list[str]] = {}
    for failure in fetched.failures:
        names.setdefault(failure.sentence.removeprefix(f"{failure.job}: "), []).append(failure.job)
    for sentence, jobs in names.items():
        line = f"[bold red]failed[/] {escape(', '.join(jobs))}: {escape(sentence)}"
        console.print(line, soft_wrap=True, highlight=False)


def _by_note(outcomes: Sequence[Any]) -> dict[str, list[str]]:
    """The files that a note is about, by note: what holds for many is said once."""
    names: dict[str, list[str]] = {}
    for outcome in outcomes:
        for note in outcome.notes:
            names.setdefault(note, []).append(outcome.name)
    return names
