"""What a saved manifest claims beside what a run gives: trials, what was asked, a walk, how far the engines differ."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from backtests.decisions import traded_assets
from backtests.ledger import RATIO, Ledger, trials_behind
from backtests.metrics import METRICS
from backtests.replaying.differences import ASIDE, FILE, Difference
from backtests.replaying.saved import SavedResult, window_of
from backtests.result import Result
from backtests.selection import SCHEDULED
from backtests.tape import build_tape
from data_cache.errors import EbbtideError

# What of a manifest is written after the run, or beside it.
OF_SEARCH = ("space", "where", "search", "versions", "objective", "sweep_trials", "judged")
WRITTEN = ("trials", "tried_variance", "comparable_trials", "largest_difference", "walk", *OF_SEARCH)


def claims(saved: SavedResult, label: str, result: Result, explained: bool) -> Iterator[Difference]:
    """What the manifest of one result claims otherwise than its run gives, apart from what a run's manifest holds.

    result : of the run made now      explained : whether other data, code or versions explain it
    """
    about, cause = saved.manifest, ASIDE if explained else FILE
    yield from _metrics(saved, label, cause)
    if saved.strategy and "walk" not in about and saved.strategy != about["strategy"]:
        words = f"strategy of {label}: the file says {saved.strategy}, and its manifest {about['strategy']}"
        yield Difference(f"strategy of {label}", saved.strategy, about["strategy"], FILE, words)
    if "walk" in about and not is_walk(about["walk"], result):
        yield _contradicted(f"walk of {label}", about["walk"], "no walk", FILE)
    if "largest_difference" in about:
        then, now = about["largest_difference"], _largest_difference(result)
        if then != now:
            yield _contradicted(f"largest difference of engines of {label}", then, now, cause)
    if "asked" in about:
        yield from _asked(about, label, result)
    for name in sorted(set(about) - set(result.manifest)):
        words = f"{name} of {label}: the file says {about[name]!s:.80}, which no run gives"
        yield Difference(f"{name} of {label}", f"{about[name]!s:.80}", "–", ASIDE, words)


def trials(saved: SavedResult, label: str, result: Result, ledger: Ledger) -> Iterator[Difference]:
    """That the ledger here knows other trials behind a result than the file says: more by now, or too few to tell."""
    about, entry = saved.manifest, f"trials of {label}"
    if "walk" in about or "trials" not in about:  # those of a walk are of its training windows too
        return
    start, end = window_of(about)
    tried = ledger.trials(result.strategy.family, start, end, result.market.origin, distinct=True, columns=RATIO)
    behind = trials_behind(tried, result)
    then, now = about["trials"], behind["trials"]
    if then < 1 or (then == 1 and about.get("tried_variance", 0.0) != 0.0):
        words = f"{entry}: the file says {then}, of variance {about.get('tried_variance')}, which no ledger gives"
        yield Difference(entry, str(then), str(now), FILE, words)
    elif then < now:
        yield Difference(
            entry, str(then), str(now), ASIDE, f"{entry}: the file says {then}, the ledger here counts {now} by now"
        )
    elif then > now:
        words = f"{entry}: the file says {then}, which can't be checked here, where the ledger counts {now}"
        yield Difference(entry, str(then), str(now), ASIDE, words)
    elif "tried_variance" in about and about["tried_variance"] != behind["tried_variance"]:
        old, new = about["tried_variance"], behind["tried_variance"]
        words = f"variance of {entry}: the file says {old}, the trials in the ledger here have {new}"
        yield Difference(f"variance of {entry}", str(old), str(new), ASIDE, words)


def _contradicted(entry: str, then: object, now: object, cause: str) -> Difference:
    words = f"{entry}: the file says {then!s:.80}, but what it tells to run has {now}"
    return Difference(entry, f"{then!s:.80}", str(now), cause, words)


def _metrics(saved: SavedResult, label: str, cause: str) -> Iterator[Difference]:
    """Metrics that every run has and the file lacks, and those that no run has."""
    lacking = [metric.label for metric in METRICS if metric.name not in saved.metrics]
    unknown = sorted(set(saved.metrics) - {metric.name for metric in METRICS})
    for names, words in ((lacking, "the file lacks {}, which every run has"), (unknown, "no run has {}")):
        if names:
            told = ", ".join(names)
            yield Difference(f"metrics of {label}", "", told, cause, f"metrics of {label}: {words.format(told)}")


def is_walk(walk: Mapping[str, Any], result: Result) -> bool:
    """Whether what was run holds one choice after another of the strategy that the walk says."""
    named = str(walk.get("strategy")).partition("(")[0]
    parts: tuple[Any, ...] = getattr(result.strategy, "parts", ())
    return type(result.strategy).__name__ in SCHEDULED and named == type(parts[0][1]).__name__


def _largest_difference(result: Result) -> object:
    """That of the two engines; none where one of them alone ran."""
    from backtests.request import compared

    if result.manifest["engine"] != "events":
        return "none"
    try:
        return compared(result).manifest["largest_difference"]
    except EbbtideError as error:
        return f"none: {error}"


def _asked(about: Mapping[str, Any], label: str, result: Result) -> Iterator[Difference]:
    """That the window is not the one that was asked for, nor the part of it that has bars."""
    entry, window = f"asked for {label}", result.equity.index
    told = " to ".join(str(moment or "any") for moment in about["asked"])
    try:
        start, end = (None if moment is None else pd.Timestamp(moment) for moment in about["asked"])
        outside = (start is not None and start > window[0]) or (end is not None and end < window[-1])
    except (ValueError, TypeError):
        yield _contradicted(entry, about["asked"], "a window", FILE)
        return
    run = f"{window[0]} to {window[-1]}"
    if outside:
        yield _contradicted(entry, told, run, FILE)
    elif (first := _first_bar(result, start)) != window[0]:
        words = f"{entry}: the file says {told}, for which bars begin {first}; those of its window begin {window[0]}"
        yield Difference(entry, told, run, ASIDE, words)


def _first_bar(result: Result, start: pd.Timestamp | None) -> pd.Timestamp:
    """The open of the first bar of a run that was asked for from `start`."""
    assets = traded_assets(result.strategy, result.market)
    end, cash = result.equity.index[-1], result.execution.cash
    return build_tape(result.market, assets, start, end, cash).opens.index[0]
