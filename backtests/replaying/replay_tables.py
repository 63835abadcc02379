"""What a replay found, in the terminal."""

import math
from collections.abc import Iterator
from functools import partial

from rich.markup import escape
from rich.table import Table

from backtests.console import Terminal, new_table, show
from backtests.replaying.replay import Again, Replay


def print_replay(replay: Replay, every: bool = False) -> None:
    """Print what differs, the numbers of each result that do, and the verdict where it is a good one.

    every : print the numbers that are equal too      A bad verdict is the error that the command ends with.
    """
    say = partial(Terminal().print, soft_wrap=True, highlight=False)
    saved = replay.saved
    say(f"Replay of {escape(str(saved.path))}: {escape(saved.title)}")
    if replay.tampering:
        say(f"[bold red]changed[/] {escape(replay.tampering)}")
    if replay.differences:
        show(_differences(replay))
    for one in replay.again:
        say(escape(_equity(one)))
        equal = sum(number.same for number in one.numbers)
        if every or equal < len(one.numbers):
            show(_numbers(one, every))
        if equal and not every:
            say(f"{equal} {'metric' if equal == 1 else 'metrics'} equal to the last digit (--all shows every row)")
    if replay.held:
        say(f"\n{escape(_sentence(replay.verdict))}")


def _differences(replay: Replay) -> Table:
    table = new_table("\nWhat the manifest says otherwise", "entry", "then", "now", "can change a number")
    for one in replay.differences:
        told = "no" if not one.cause else f"yes: {one.cause}"
        then, now = (one.sentence, "") if one.entry.startswith("data ") else (one.then, one.now)
        table.add_row(*map(escape, (one.entry, then, now, told)))
    return table


def _equity(one: Again) -> str:
    then, now = (sha256[:12] for sha256 in (one.saved.equity_sha256, one.result.equity_sha256))
    equal = (
        f"equity is the same at every bar ({now})" if one.same_equity else f"equity is another: {then} then, {now} now"
    )
    return f"\n{one.label}: {equal}"


def _numbers(one: Again, every: bool) -> Table:
    table = new_table("", "metric", "then", "now", "difference", numbers_from=1)
    for row in _rows(one, every):
        table.add_row(*map(escape, row))
    return table


def _rows(one: Again, every: bool) -> Iterator[tuple[str, str, str, str]]:
    for number in one.numbers:
        if number.same and not every:
            continue
        difference = "0" if number.same else f"{number.now - number.then:.17g}"
        yield number.label, _digits(number.then), _digits(number.now), difference


def _digits(value: float) -> str:
    return "–" if math.isnan(value) else repr(value)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
