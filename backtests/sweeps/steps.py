"""How a walk goes through history: pairs of a training and a test window, one step after the other."""

import re
from dataclasses import dataclass
from typing import Any

import pandas as pd

from data_cache.errors import BadUsage

# From the first bar's open to the last one's end, UTC.
Window = tuple[pd.Timestamp, pd.Timestamp]

UNITS = {"h": "hours", "d": "days", "w": "weeks"}
DAY = pd.Timedelta(days=1)
NONE = pd.Timedelta(0)


def duration(text: str, option: str) -> pd.Timedelta:
    """The time that `text` stands for: hours, days or weeks; BadUsage, naming `option`, for anything else.

    >>> duration("730d", "--train"), duration("720h", "--test")
    (Timedelta('730 days 00:00:00'), Timedelta('30 days 00:00:00'))
    """
    read = re.fullmatch(r"(-?\d+(?:\.\d+)?)([hdw])", text.strip())
    if read:
        try:
            return pd.Timedelta(**{UNITS[read[2]]: float(read[1])})
        except (OverflowError, ValueError):
            pass
    raise BadUsage(f"{option} takes hours, days or weeks, such as 720h, 180d or 26w; found {text!r}")


def duration_text(length: pd.Timedelta) -> str:
    """A duration as `duration` reads it.

    >>> duration_text(pd.Timedelta(weeks=26)), duration_text(pd.Timedelta(hours=36))
    ('182d', '36h')
    """
    return f"{length // DAY}d" if length % DAY == NONE else f"{length / pd.Timedelta(hours=1):g}h"


@dataclass(frozen=True)
class Steps:
    """How a walk goes through history.

    train : on which parameters are chosen      test : over which they are held; by so much the next step moves on
    purge : between the two, so that what was still open at the end of the one says nothing of the other
    anchored : every training window begins with history itself, and `train` is the length of the first
    """

    train: pd.Timedelta
    test: pd.Timedelta
    purge: pd.Timedelta = NONE
    anchored: bool = False

    def __post_init__(self) -> None:
        for name in ("train", "test"):
            if not getattr(self, name) > NONE:
                raise BadUsage(f"--{name} must be longer than zero; found {duration_text(getattr(self, name))}")
        if self.purge < NONE:
            raise BadUsage(f"--purge must be zero or more; found {duration_text(self.purge)}")

    def summary(self) -> dict[str, Any]:
        """As plain values for JSON."""
        lengths = {name: duration_text(getattr(self, name)) for name in ("train", "test", "purge")}
        return lengths | {"anchored": self.anchored}


@dataclass(frozen=True)
class Stretch:
    """One step of a walk: two windows, each from the first bar's open to the last one's end, UTC."""

    train: Window
    test: Window


def stretches(first: pd.Timestamp, last: pd.Timestamp, bar: pd.Timedelta, steps: Steps) -> list[Stretch]:
    """All steps through a history from `first` (a bar's open) to `last` (a bar's end), of bars of that length.

    The last test window ends with history and may be shorter than the others, down to one bar. Raises BadUsage for a
    history too short for one whole step, and for lengths that are no whole number of bars.
    """
    for name in ("train", "test", "purge"):
        if getattr(steps, name) % bar != NONE:
            length = duration_text(getattr(steps, name))
            raise BadUsage(f"--{name} {length} is not a whole number of bars of {duration_text(bar)}; take a multiple")
    gap, needed = steps.train + steps.purge, steps.train + steps.purge + steps.test
    if last - first < needed:
        raise BadUsage(
            f"history from {first:%Y-%m-%d} to {last:%Y-%m-%d} is {duration_text(last - first)} long, and one step "
            f"needs {duration_text(needed)}: {duration_text(steps.train)} to train, {duration_text(steps.purge)} of "
            f"purge, {duration_text(steps.test)} to test; take shorter ones, or a longer history"
        )
    found, begin = [], first + gap
    while last - begin >= bar:
        end = begin - steps.purge
        train = first if steps.anchored else end - steps.train
        found.append(Stretch((train, end), (begin, min(begin + steps.test, last))))
        begin += steps.test
    return found
