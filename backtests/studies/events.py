"""Events: the moments at which a signal began to meet a condition."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

import numpy as np
import pandas as pd

from data_cache.errors import BadUsage, NoData
from data_cache.market import Market
from signals.signal import Signal, evaluate, fresh

COMPARISONS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
}
WORDS = {">": "above", ">=": "at or above", "<": "below", "<=": "at or below", "==": "equal to"}
CROSSINGS = {"crosses above": ">", "crosses below": "<"}

# The line at which a strategy that ships with ebbtide acts on the signal: fixed before any study was made.
USUAL = {
    "StandingRepoUse": "> 1",  # StealthQE.trigger
    "TreasuryAccountDrawdown": ">= 150",  # TreasuryRelease.released
    "BearSteepening": "> 0.2",  # TermPremiumShield.limit
    "BasisToHurdle": "< 0",  # BasisReset: the carry trade no longer pays
}


@dataclass(frozen=True)
class Condition:
    """What a signal's value is compared with, such as > 1."""

    comparison: str
    level: float

    def __str__(self) -> str:
        return f"{self.comparison} {self.level:g}"

    @property
    def words(self) -> str:
        """The same in words: "above 1"."""
        return f"{WORDS[self.comparison]} {self.level:g}"

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Whether each value meets the condition; False for NaN."""
        return COMPARISONS[self.comparison](values, self.level)


def read_condition(text: str) -> Condition:
    """The condition that a text stands for: a comparison with a number; BadUsage for anything else.

    >>> read_condition("> 1"), read_condition("crosses below -0.5")
    (Condition(comparison='>', level=1.0), Condition(comparison='<', level=-0.5))
    """
    read = re.fullmatch(r"\s*([<>=]+|crosses\s+\w+)\s*(\S+)\s*", text)
    head, level = (" ".join(read[1].split()), read[2]) if read else ("", "")
    comparison, number = CROSSINGS.get(head, head), _number(level)
    if comparison not in COMPARISONS or not isfinite(number):
        raise BadUsage(
            f'an event is a comparison with a number, such as "> 1", ">= 2", "< 0" or "crosses above 1"; found {text!r}'
        )
    return Condition(comparison, number)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def known_values(signal: Signal, market: Market) -> pd.Series:
    """The values of `signal`, by known_at; those that are NaN or made of something too old are left out."""
    values = evaluate(signal, market)
    return values[fresh(signal, market, values.index.asi8) & values.notna().to_numpy()]


def onsets(values: pd.Series, condition: Condition) -> pd.DataFrame:
    """When the condition became true after having been false: columns value and before, indexed by known_at.

    values : without NaN. What is unknown neither begins nor ends an event; nor does the first value of all, before
    which nothing is known.
    """
    true = condition.holds(values.to_numpy())
    began = np.flatnonzero(true[1:] & ~true[:-1]) + 1
    columns = {"value": values.to_numpy()[began], "before": values.to_numpy()[began - 1]}
    return pd.DataFrame(columns, index=values.index[began].rename("known_at"))


def clustered(events: pd.DataFrame, span: pd.Timedelta) -> pd.DataFrame:
    """The first event of each cluster, and how many `onsets` are in it.

    A cluster is an event and all that follow it within less than `span`; the first one after that begins the next.
    """
    first: list[int] = []
    members: list[int] = []
    for row, at in enumerate(events.index):
        if first and at - events.index[first[-1]] < span:
            members[-1] += 1
        else:
            first.append(row)
            members.append(1)
    return events.iloc[first].assign(onsets=members)


def made_by(signal: Signal, market: Market, at: pd.Timestamp) -> str:
    """What became known at `at` of all that `signal` reads: "SRF of 31 Oct 2025", "close of BTC"."""
    return ", ".join(what for need in dict.fromkeys(signal.reads) if (what := _released(market, need, at)))


def _released(market: Market, need: str, at: pd.Timestamp) -> str:
    kind, _, name = need.rpartition(":")
    if not np.isin(at.value, market.known_times(need)):
        return ""
    if kind:
        return f"{'close' if kind == 'bars' else 'futures'} of {name}"
    releases = market.observations.releases(name)
    return f"{name} of {releases.loc[[at], 'period'].max():%-d %b %Y}"


def no_event(signal: Signal, condition: Condition, values: pd.Series) -> NoData:
    """Say why there is no event, and what values there are."""
    name, met = type(signal).__name__, condition.holds(values.to_numpy())
    if not len(values):
        return NoData(f"{name} has no value in this window; choose a longer one")
    spread = f"its values range from {values.min():.4g} to {values.max():.4g}"
    if not met.any():
        return NoData(f"{name} never was {condition.words}; {spread}")
    return NoData(f"{name} did not become {condition.words} after not having been so; {spread}")
