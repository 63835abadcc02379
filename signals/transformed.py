"""Signals made of another signal: a transform of `signals.transforms` and its parameters.

State that a rule needs (a switch with two thresholds, a cool-down, a minimum time) is put here, so that the
rule itself stays arithmetic and runs in both engines. What the inner signal needs, the outer one needs.
"""

from dataclasses import dataclass

import pandas as pd

from data_cache.market import Known
from signals import transforms
from signals.signal import Signal


@dataclass(frozen=True)
class Transformed(Signal):
    """A signal that is computed from one other signal, and reads what that one reads."""

    signal: Signal

    @property
    def needs(self) -> tuple[str, ...]:
        """What the inner signal needs."""
        return self.signal.needs

    @property
    def one_of(self) -> tuple[str, ...]:
        """The alternatives of the inner signal."""
        return self.signal.one_of

    @property
    def reads(self) -> tuple[str, ...]:
        """Whatever the inner signal reads."""
        return self.signal.reads

    def inner(self, known: Known) -> pd.Series:
        """The inner signal's values, one per known_at."""
        values = self.signal.compute(known)
        return values[~values.index.duplicated(keep="last")]


@dataclass(frozen=True)
class Latch(Transformed):
    """A switch, 1 or 0: on once the signal is beyond `enter`, off beyond `exit` (`transforms.latch`)."""

    enter: float
    exit: float

    def compute(self, known: Known) -> pd.Series:
        """Values whenever the inner signal has one."""
        return transforms.latch(self.inner(known), self.enter, self.exit)


@dataclass(frozen=True)
class CoolDown(Transformed):
    """A flag held down for `days` days after it was switched off (`transforms.cool_down`)."""

    days: int

    def compute(self, known: Known) -> pd.Series:
        """Values whenever the inner signal has one."""
        return transforms.cool_down(self.inner(known), self.days)


@dataclass(frozen=True)
class Hold(Transformed):
    """A flag held up for `days` days after it was last up (`transforms.hold`)."""

    days: int

    def compute(self, known: Known) -> pd.Series:
        """Values whenever the inner signal has one."""
        return transforms.hold(self.inner(known), self.days)


@dataclass(frozen=True)
class Lag(Transformed):
    """The signal as it was known `days` days before (`transforms.lag`)."""

    days: int

    def compute(self, known: Known) -> pd.Series:
        """Values whenever the inner signal has one."""
        return transforms.lag(self.inner(known), self.days)


@dataclass(frozen=True)
class Change(Transformed):
    """The change of the signal over `days` days (`transforms.change`)."""

    days: int

    def compute(self, known: Known) -> pd.Series:
        """Values whenever the inner signal has one."""
        return transforms.change(self.inner(known), self.days)


@dataclass(frozen=True)
class ZScore(Transformed):
    """The signal in standard deviations from the mean of its last `window` values (`transforms.zscore`)."""

    window: int

    def compute(self, known: Known) -> pd.Series:
        """Values whenever the inner signal has one."""
        return transforms.zscore(self.inner(known), self.window)


@dataclass(frozen=True)
class Rank(Transformed):
    """The percentile of the signal among its last `window` values, a fraction (`transforms.rank`)."""

    window: int

    def compute(self, known: Known) -> pd.Series:
        """Values whenever the inner signal has one."""
        return transforms.rank(self.inner(known), self.window)
