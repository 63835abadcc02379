"""Filters of dated facts: meetings of the FOMC, shutdowns, the terms of the Fed's facilities, its announced plans.

What was announced has no series to read, so these are evaluated at the daily closes of an asset (00:00 UTC): a fact
counts from the first close at or after the moment it was known. In daily bars nothing is lost by that, since a decision
during the day fills at the same open. The facts are in `data_cache.facts`, each with its source; they are kept by hand,
and what depends on the newest one is NaN after the day until which they were kept.

There are few of each (five shutdowns, 78 decisions, one standing repo facility): use them to hold back, and fit nothing
on them.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.catalog import SHUTDOWN
from data_cache.errors import BadUsage, UnknownName
from data_cache.facts import meetings, programmes
from data_cache.facts import shutdowns as lapses
from data_cache.facts.facilities import milestones
from data_cache.facts.fact import days_since, end_of_day, holds_at, known_at, newest, until
from data_cache.facts.meetings import days_to_next, decided_at, decisions
from data_cache.facts.programmes import policy
from data_cache.facts.shutdowns import shutdowns
from data_cache.market import Known
from signals.signal import Signal


@dataclass(frozen=True)
class DatedFact(Signal):
    """What a table of dated facts says at each daily close of `asset`."""

    asset: str = "BTC"

    @property
    def needs(self) -> tuple[str, ...]:
        """The asset's bars, for their times alone."""
        return (f"bars:{self.asset}",)

    def compute(self, known: Known) -> pd.Series:
        """Values at each daily close."""
        times = pd.DatetimeIndex(known.bars(self.asset).index)
        return pd.Series(self.at(times), times)

    def at(self, times: pd.DatetimeIndex) -> np.ndarray:
        """The value at each of `times` (UTC), from what was known by then."""
        raise NotImplementedError(f"{type(self).__name__} has no at(self, times)")


@dataclass(frozen=True)
class DaysSinceMeeting(DatedFact):
    """Days since the last decision of the FOMC, with fractions.

    formula : close less the moment of the last statement on the target range, between meetings too
    sign : none; a filter (essay D, mechanism 17)
    """

    def at(self, times: pd.DatetimeIndex) -> np.ndarray:
        """Days; NaN before the first decision in the table and after it was kept."""
        return until(days_since(decided_at(), times), times, meetings.KEPT_UNTIL)


@dataclass(frozen=True)
class DaysToMeeting(DatedFact):
    """Days until the next scheduled decision of the FOMC, with fractions.

    formula : 14:00 in New York on the last day of the next meeting, less the close; of the schedule as then known
    sign : none; a filter (essay D, mechanism 17)
    Decisions between meetings come unannounced and are not in it.
    """

    def at(self, times: pd.DatetimeIndex) -> np.ndarray:
        """Days; NaN before the first schedule in the table and after its last meeting."""
        return days_to_next(times)


@dataclass(frozen=True)
class NearMeeting(DatedFact):
    """Whether a decision of the FOMC is at most `before` days ahead or `after` days ago: 1 or 0.

    formula : 1 if days to the next <= before or days since the last <= after (essay D, mechanism 17: one day each)
    sign : a filter: no new risk while 1
    Raises BadUsage where `before` or `after` is below 0.
    """

    before: float = 1.0
    after: float = 1.0

    def at(self, times: pd.DatetimeIndex) -> np.ndarray:
        """1 or 0; NaN where either distance is unknown."""
        if min(self.before, self.after) < 0:
            raise BadUsage(f"before is {self.before} and after is {self.after} days; neither may be below 0")
        ahead, since = days_to_next(times), DaysSinceMeeting(self.asset).at(times)
        near = (ahead <= self.before) | (since <= self.after)
        return np.where(np.isnan(ahead) | np.isnan(since), np.nan, near)


@dataclass(frozen=True)
class PolicyMove(DatedFact):
    """By how much the last decision of the FOMC moved the target range, basis points.

    formula : 100 x (upper bound decided, less the one decided before)
    sign : none; moves of SOFR are to be read net of it (essay D, mechanism 15)
    How much of it was expected is not known: fed funds futures are not among the sources.
    """

    def at(self, times: pd.DatetimeIndex) -> np.ndarray:
        """Basis points; NaN before the second decision in the table and after it was kept."""
        upper = np.array([fact.value for fact in decisions()])
        moves = (100 * np.diff(upper, prepend=np.nan)).tolist()
        return until(newest(moves, decided_at(), times), times, meetings.KEPT_UNTIL)


@dataclass(frozen=True)
class OfShutdowns(DatedFact):
    """What both signals of shutdowns read: the table; after its end the series SHUTDOWN, where a user keeps one."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The asset's bars, and the user's own series where there is one."""
        return (*super().reads, SHUTDOWN.id)

    def compute(self, known: Known) -> pd.Series:
        """Values at each daily close."""
        times = pd.DatetimeIndex(known.bars(self.asset).index)
        return pd.Series(self.told(_shutdown_states(known), times), times)

    def told(self, states: pd.Series, times: pd.DatetimeIndex) -> np.ndarray:
        """The value at each of `times`, from what states of funding became known when."""
        raise NotImplementedError(f"{type(self).__name__} has no told(self, states, times)")


@dataclass(frozen=True)
class ShutdownOpen(OfShutdowns):
    """Whether funding of the US government has lapsed: 1 or 0.

    formula : 1 from the lapse until the bill that ends it is signed
    sign : a filter: small positions while 1 (essay H, mechanism 6)
    After the table's end the newest value of the series SHUTDOWN, a file of your own, for at most 100 days.
    """

    def told(self, states: pd.Series, times: pd.DatetimeIndex) -> np.ndarray:
        """1 or 0; NaN before the first lapse in the table, and after it was kept where SHUTDOWN does not go on."""
        return newest(states.tolist(), pd.DatetimeIndex(states.index), times)


@dataclass(frozen=True)
class DaysSinceShutdown(OfShutdowns):
    """Days since the last shutdown ended, with fractions; 0 while one is open.

    formula : close less the moment of the signature
    sign : + for some weeks after a long one, while the Treasury pays out what piled up (essay H, mechanism 5)
    Goes on with the series SHUTDOWN as `ShutdownOpen` does.
    """

    def told(self, states: pd.Series, times: pd.DatetimeIndex) -> np.ndarray:
        """Days; NaN where `ShutdownOpen` is."""
        known = states.dropna()
        ends = known.index[((known == 0) & (known.shift() == 1)).to_numpy()]
        closed = ShutdownOpen(self.asset).told(states, times)
        return np.where(closed == 1, 0.0, np.where(np.isnan(closed), np.nan, days_since(pd.DatetimeIndex(ends), times)))


def _shutdown_states(known: Known) -> pd.Series:
    """1 from each lapse, 0 from each signature, NaN from where nobody can tell, by the moment each became known.

    The table counts until the day to which it was kept, the user's series from there on.
    """
    facts, end = shutdowns(), end_of_day(lapses.KEPT_UNTIL)
    table = pd.Series([fact.value for fact in facts], known_at(facts))
    own = _own_states(known)
    carried = newest(own.tolist(), pd.DatetimeIndex(own.index), pd.DatetimeIndex([end]))
    return pd.concat([table, pd.Series(carried, [end]), own[own.index > end]])


def _own_states(known: Known) -> pd.Series:
    """What SHUTDOWN says, and NaN once a value has grown too old."""
    values = (
        known.first(SHUTDOWN.id) if known.has(SHUTDOWN.id) else pd.Series([], pd.DatetimeIndex([], tz="UTC"), float)
    )
    age = pd.Timedelta(days=SHUTDOWN.max_age_days)
    followed = values.index.to_series().diff().shift(-1).to_numpy() <= age
    expired = pd.Series(np.nan, values.index[~followed] + age)
    return pd.concat([values, expired]).sort_index(kind="stable")


@dataclass(frozen=True)
class FacilityMilestone(DatedFact):
    """Whether the terms of a facility of the Fed have changed as `name` says: 1 or 0.

    formula : 1 from when the change is both announced and in force; the names are in `data_cache.facts.facilities`
    sign : none; a filter, since use before and after it is not one measurement (mechanisms 3, 7 and 9)
    Raises UnknownName for a milestone that is not in the table.
    """

    name: str = "srf_full_allotment"

    def at(self, times: pd.DatetimeIndex) -> np.ndarray:
        """1 or 0."""
        names = [fact.name for fact in milestones()]
        if self.name not in names:
            raise UnknownName.among("milestone", self.name, names, owner="FacilityMilestone")
        return np.asarray(times >= holds_at(milestones())[names.index(self.name)], float)


@dataclass(frozen=True)
class PolicyDirection(DatedFact):
    """What the Fed says it does with its securities: 1 adds to them, 0 keeps them, -1 lets them run off.

    formula : the direction of the newest plan announced; with `in_force`, only once the plan has begun
    sign : + over 1 to 3 months (essay D, mechanism 13: bills for reserve management; essay H, mechanism 1)
    A plan, no measurement: what was added is in the balance sheet, a week later.
    """

    in_force: bool = False

    def at(self, times: pd.DatetimeIndex) -> np.ndarray:
        """1, 0 or -1; NaN before the first plan in the table and after it was kept."""
        facts = policy()
        moments = holds_at(facts) if self.in_force else known_at(facts)
        return until(newest([fact.value for fact in facts], moments, times), times, programmes.KEPT_UNTIL)
