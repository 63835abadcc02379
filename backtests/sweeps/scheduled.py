"""One strategy after another: the parameters that a walk-forward chose, each from its own moment on, as one strategy.

It is a strategy like every other, so both engines run it, with one book through all switches, and the causality proof
can be put on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from data_cache.errors import BadUsage
from signals.signal import Signal
from strategies.strategy import Book, Now, Strategy, Weights, path_dependent

# A moment, UTC, and the strategy that decides from it on.
Part = tuple[pd.Timestamp, Strategy]


@dataclass(frozen=True)
class Scheduled(Strategy):
    """Each of `parts` from its own moment on, until the next one takes over; nothing is decided before the first.

    parts : at least one, moments in UTC and ascending

    At a switch the new part's target applies at once: the engines ask at every bar's end, so a part that begins with
    a bar is asked at its open. While the active part lacks a signal that it needs there is no decision, as if it ran
    by itself. The assets are those of all parts; a part holds none of those that it does not name. Make one with
    `scheduled`, which knows what parts that look at their book need.
    """

    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise BadUsage(f"{type(self).__name__} has no parts; give it a moment and a strategy, or more of them")
        moments = [moment for moment, _ in self.parts]
        for moment in moments:
            if moment.tz is None:
                raise BadUsage(f"a part must begin in UTC; found {moment}: write pd.Timestamp(..., tz='UTC')")
        for before, after in pairwise(moments):
            if not before < after:
                raise BadUsage(f"parts must begin one after the other; found {after} behind {before}")

    @property
    def family(self) -> str:
        """That of its parts: choosing them in turn is one more way to try the same strategy."""
        return self.parts[0][1].family

    def signals(self) -> Mapping[str, Signal]:
        """All signals of all parts, named number.signal by the first part that reads it: equal ones are one."""
        return self._named[0]

    def can_miss(self) -> tuple[str, ...]:
        """All: what the active part needs is looked at here, and the other parts need nothing."""
        return tuple(self._named[0])

    def rebalance_every(self) -> float:
        """The schedule that all parts share, in days.

        BadUsage where they have different ones: an engine keeps one schedule, and any other than its own would make a
        part another strategy than the one that was chosen.
        """
        schedules = {strategy.rebalance_every() for _, strategy in self.parts}
        if len(schedules) > 1:
            raise BadUsage(different_schedules(type(self.parts[0][1]).__name__, sorted(schedules)))
        return schedules.pop()

    def weights(self, now: Now) -> Weights:
        """The active part's weights, at one moment or at many; NaN before the first and where it lacks a signal."""
        if isinstance(now.at, pd.DatetimeIndex):
            return self._at_many(now)
        part = self._active(now)
        return self._nothing() if part is None else self._completed(self.parts[part][1].weights(self._own(part, now)))

    def lacking(self, now: Now) -> np.ndarray:
        """At which of many moments the active part lacks a signal that it needs, and decides nothing."""
        active = self._moments.searchsorted(now.at.as_unit("ns").asi8, side="right") - 1
        lacking = [(active == part) & ~self._known(part, now) for part in range(len(self.parts))]
        return np.asarray(np.logical_or.reduce(lacking))

    @cached_property
    def _named(self) -> tuple[dict[str, Signal], list[dict[str, str]]]:
        """The signals by name, and for each part the names of those that it reads, by its own names."""
        signals: dict[str, Signal] = {}
        read: list[dict[str, str]] = []
        for number, (_, strategy) in enumerate(self.parts):
            read.append({})
            for own, signal in strategy.signals().items():
                place = next((name for name, known in signals.items() if known == signal), f"{number}.{own}")
                signals[place], read[-1][own] = signal, place
        return signals, read

    @property
    def _read(self) -> list[dict[str, str]]:
        """For each part, where `now` holds what it reads, by its own name."""
        return self._named[1]

    @cached_property
    def _moments(self) -> np.ndarray:
        return np.array([moment.value for moment, _ in self.parts], np.int64)

    @cached_property
    def _assets(self) -> list[str]:
        """The assets of all parts, in the order in which they are first named."""
        unknown = [Now(pd.NaT, dict.fromkeys(read, np.float64(np.nan))) for read in self._read]
        answers = [strategy.weights(now) for (_, strategy), now in zip(self.parts, unknown, strict=True)]
        return list(dict.fromkeys(asset for weights in answers for asset in weights))

    def _own(self, part: int, now: Now, rows: Any = ...) -> Now:
        """What a part sees of `now`; of many moments those at `rows`."""
        if rows is ...:
            return Now(now.at, {name: getattr(now, place) for name, place in self._read[part].items()})
        return Now(now.at[rows], {name: getattr(now, place)[rows] for name, place in self._read[part].items()})

    def _known(self, part: int, now: Now) -> Any:
        """Whether all that a part needs is known: one answer, or one for each of many moments."""
        own, optional = self._read[part], self.parts[part][1].can_miss()
        unknown = [np.isnan(getattr(now, place)) for name, place in own.items() if name not in optional]
        return ~np.logical_or.reduce([np.zeros(np.shape(now.at), bool), *unknown])

    def _active(self, now: Now) -> int | None:
        """The part that decides at one moment; None where there is none, or where it lacks a signal."""
        part = int(self._moments.searchsorted(now.at.value, side="right")) - 1
        return part if part >= 0 and self._known(part, now) else None

    def _at_many(self, now: Now) -> Weights:
        active = self._moments.searchsorted(now.at.as_unit("ns").asi8, side="right") - 1
        answer = {asset: np.full(len(now.at), np.nan) for asset in self._assets}
        for part, (_, strategy) in enumerate(self.parts):
            rows = np.flatnonzero((active == part) & self._known(part, now))
            if len(rows):
                weights = self._completed(strategy.weights(self._own(part, now, rows)))
                for asset, weight in weights.items():
                    answer.setdefault(asset, np.full(len(now.at), np.nan))[rows] = weight
        return answer

    def _nothing(self) -> Weights:
        return dict.fromkeys(self._assets, np.float64(np.nan))

    def _completed(self, weights: Weights) -> Weights:
        """`weights` with those of the other parts' assets: 0, or NaN where the part decides nothing."""
        undecided = np.logical_or.reduce([np.isnan(weight) for weight in weights.values()])
        none = np.where(undecided, np.nan, 0.0)
        return dict.fromkeys(self._assets, none if none.ndim else none[()]) | dict(weights)


@dataclass(frozen=True)
class ScheduledOnBook(Scheduled):
    """The same where some part looks at the book: it runs in the event engine alone.

    There is one book. Its equity, peak and drawdown are those since the start of the run, not since the switch.
    """

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        """What the active part answers; None before the first and where it lacks a signal."""
        part = self._active(now)
        if part is None:
            return None
        weights = self.parts[part][1].on_event(at, self._own(part, now), book)
        return None if weights is None else self._completed(weights)


@dataclass(frozen=True)
class ScheduledOnEvents(ScheduledOnBook):
    """The same where some part has no `weights`: as such a part does, it may name any of the market's assets."""

    weights = Strategy.weights  # by which the engines tell such a rule

    def _completed(self, weights: Weights) -> Weights:
        return weights


def scheduled(parts: Sequence[Part]) -> Scheduled:
    """The strategy that follows `parts`; BadUsage where there is none or where their moments do not ascend."""
    strategies = [strategy for _, strategy in parts]
    if any(type(strategy).weights is Strategy.weights for strategy in strategies):
        return ScheduledOnEvents(tuple(parts))
    return (ScheduledOnBook if any(map(path_dependent, strategies)) else Scheduled)(tuple(parts))


def different_schedules(name: str, days: Sequence[float]) -> str:
    """The sentence for parts that trade back to their targets on different schedules."""
    told = ", ".join(f"{every:g}" for every in days)
    return (
        f"{name} rebalances every {told} days, and one book has one schedule; leave that parameter out of the search, "
        "or give all the same with --rebalance"
    )
