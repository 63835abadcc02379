"""FRED and ALFRED with a key: every vintage of a series, so that each value is known when it was published.

The store's query of a series ends with the newest vintage that it holds whole. A further fetch asks for the list of
vintages, and if there are newer ones for what changed from that vintage on: one request, or two.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urlencode

import pandas as pd

from data_cache.catalog import SeriesSpec
from data_cache.observations import observation_rows
from data_cache.parquet import Fetch
from data_cache.sources import fredgraph
from data_cache.sources.alfred import SOURCE, Alfred
from data_cache.sources.fredgraph import asked_before, continued, day_of, first_day, sources_of, standing, undatable
from data_cache.sources.outcome import Job, Outcome
from data_cache.sources.session import Session, Step
from data_cache.sources.vintages import (
    EARLIEST,
    LATEST,
    RESTATED_DAYS,
    SWITCHED,
    Window,
    datable,
    dated,
    day_before,
    groups,
    lately,
    served,
    stitched,
    windows,
)
from data_cache.store import Store

# The clock by which FRED dates its vintages.
CENTRAL, NEW_YORK = "America/Chicago", "America/New_York"
# Vintages in a window of a series that restates itself: a year of weekly ones.
RESTATED_VINTAGES = 52


def jobs(session: Session, store: Store) -> list[Job]:
    """A job for each series of FRED: with its vintages where there is a key, else from the pages of FRED."""
    if not session.fred_key:
        return fredgraph.jobs(session, store)
    alfred = Alfred(session)
    return [Job("macro", SOURCE, spec.id, partial(fetched, alfred, store, spec)) for spec in fredgraph.series()]


def fetched(alfred: Alfred, store: Store, spec: SeriesSpec) -> list[Outcome]:
    """Ask for the vintages of a series that are missing, and store what they say.

    Raises what `Alfred` raises, and BadData where the values are of no plausible size or contradict another source.
    """
    plan = _Plan.of(alfred.session, store, spec)
    alfred.session.say(Step(spec.id, SOURCE, share=0.0, note="list of vintages"))
    vintages = alfred.vintages(spec.id)
    known = [vintage for vintage in vintages if vintage <= plan.today]
    if not any(vintage > plan.settled for vintage in known):
        return [standing(store, spec, SOURCE)]
    end = day_before(vintages[len(known)]) if len(vintages) > len(known) else LATEST
    return [_Stitching(alfred, store, spec, plan, known).run(end)]


@dataclass(frozen=True)
class _Plan:
    """From where a series is continued.

    settled : the newest vintage that is stored whole, EARLIEST for none      since : first period, "" for all
    today : the date at FRED      sources : of what is stored
    """

    settled: str
    since: str
    today: str
    sources: tuple[str, ...]

    @classmethod
    def of(cls, session: Session, store: Store, spec: SeriesSpec) -> "_Plan":
        """Continue what is stored; begin anew where older periods are wanted than are stored, or final values are."""
        wanted, today = first_day(session, spec), day_of(session.now.tz_convert(CENTRAL))
        before, sources = asked_before(store, spec.id, SOURCE), sources_of(store, spec.id)
        if fredgraph.SOURCE in sources:
            final = asked_before(store, spec.id, fredgraph.SOURCE).get("cosd", "")
            return cls(EARLIEST, min(wanted, final, day_of(store.rows(spec.id)["period"].min())), today, sources)
        settled, since = before.get("realtime_end", EARLIEST), before.get("observation_start", "")
        if settled == EARLIEST or wanted < since:
            return cls(EARLIEST, wanted, today, sources)
        return cls(settled, since, today, sources)

    @property
    def first(self) -> bool:
        """Whether nothing is continued."""
        return self.settled == EARLIEST

    @property
    def alone(self) -> bool:
        """Whether no other source is in the way, so that what is stored can grow window by window."""
        return not self.replaces and (SOURCE in self.sources or not self.sources)

    @property
    def replaces(self) -> bool:
        """Whether a part of what is stored came without a key: all of it makes way, for nobody can tell the parts."""
        return fredgraph.SOURCE in self.sources


class _Stitching:
    """One series on its way from windows into the store."""

    def __init__(self, alfred: Alfred, store: Store, spec: SeriesSpec, plan: _Plan, vintages: list[str]) -> None:
        self.alfred, self.store, self.spec, self.plan, self.vintages = alfred, store, spec, plan, vintages
        self.history = _history(store, spec, plan.settled)
        self.outcome = Outcome("series", spec.id, SOURCE)
        self.received = self.switched = self.undatable = 0
        self.pending = LATEST

    def run(self, end: str) -> Outcome:
        """Fetch the windows up to `end`, and store each, or all at once where another source is in the way."""
        spans = _windows(self.spec, self.vintages, self.plan.settled, end, self.alfred.limits.vintages)
        for number, span in enumerate(spans):
            self._say(number / len(spans))
            for window, piece in self.alfred.releases(self.spec.id, span, self._start(span)):
                fresh = self._joined(piece)
                if self.plan.alone:
                    self._store(window.vintages[-1], self.history[self.history["period"].isin(fresh["period"])])
        if not self.plan.alone:
            self._store(self.vintages[-1], self.history)
        self._say(1.0)
        outcome = self.outcome.then(standing(self.store, self.spec, SOURCE)).noting(*self._notes())
        return replace(outcome, received=self.received)

    def _start(self, window: Window) -> str:
        """The first period to ask for: of a series that restates itself, what is new and the last weeks alone."""
        if not self.spec.revised or not len(self.history):
            return self.plan.since
        weeks = pd.Timestamp(window.start) - pd.Timedelta(days=RESTATED_DAYS)
        return max(self.plan.since, day_of(min(weeks, self.history["period"].max())))

    def _joined(self, piece: pd.DataFrame) -> pd.DataFrame:
        """What a window says anew, which is in `history` then."""
        in_force = self.history.drop_duplicates("period", keep="last").set_index("period")["value"]
        within = datable(piece)
        rows = stitched(served(self.spec, within), in_force)
        oldest = self.vintages[0] if self.plan.first else ""
        rows = dated(self.spec, lately(rows) if self.spec.revised else rows, self.history, self.plan.settled, oldest)
        late = rows.loc[rows["known_at"] > self.alfred.session.now, "vintage"]
        self.pending = min(self.pending, *late.dt.strftime("%Y-%m-%d"), LATEST)
        self.received += len(piece)
        self.switched += int(rows["switched"].sum())
        self.undatable += len(piece) - len(within)
        both = pd.concat([self.history, rows[self.history.columns]]).drop_duplicates(
            ["period", "known_at"], keep="last"
        )
        self.history = observation_rows(*(both[name].array for name in self.history.columns))
        return rows

    def _store(self, last: str, rows: pd.DataFrame) -> None:
        """Store `rows` as what FRED says up to the vintage `last`."""
        settled = [day for day in self.vintages if day <= last and day < min(self.plan.today, self.pending)]
        query = {"series_id": self.spec.id, "realtime_start": EARLIEST, "realtime_end": (settled or [EARLIEST])[-1]}
        query |= {"observation_start": self.plan.since} if self.plan.since else {}
        fetch = Fetch(SOURCE, f"series/observations?{urlencode(query)}", self.alfred.session.now)
        # The newest stored row goes along, so that the store sees one history continued where nothing is new.
        rows = observation_rows(*(pd.concat([rows, self.history.tail(1)]).drop_duplicates()[c].array for c in rows))
        self.outcome = self.outcome.then(continued(self.store, self.spec, rows, fetch, self.plan.replaces))

    def _say(self, share: float) -> None:
        self.alfred.session.say(Step(self.spec.id, SOURCE, self.received, share))

    def _notes(self) -> Iterator[str]:
        series = self.spec.id
        if self.plan.replaces:
            yield f"{series} had come without a key, in its final vintage; FRED's vintages took the place of all of it"
        if self.plan.first and self.undatable:
            yield undatable(self.undatable)
        if self.switched:
            units = f"printed in {SWITCHED.get(series)} instead of {self.spec.published_unit}"
            yield f"{self.switched} values of {series} were {units}; they were told apart by their size"
        if self.plan.first and self.spec.revised:
            yield (
                f"{series} is restated by its vintages: of each, what is new and its last {RESTATED_DAYS} days are "
                f"kept; what is older than the first, of {self.vintages[0]}, counts as known on that day"
            )


def _history(store: Store, spec: SeriesSpec, settled: str) -> pd.DataFrame:
    """What is stored up to the end of a vintage's day; what came after it is told again."""
    if settled == EARLIEST:
        none = pd.DatetimeIndex([])
        return observation_rows(none, none.tz_localize("UTC"), [])
    rows = store.rows(spec.id)
    end = (pd.Timestamp(settled) + pd.Timedelta(days=1)).tz_localize(NEW_YORK)
    return rows[rows["known_at"] < end].reset_index(drop=True)


def _windows(spec: SeriesSpec, vintages: list[str], settled: str, end: str, most: int) -> list[Window]:
    """The windows to ask for, the first from `settled` on; the first vintage of a restated series by itself."""
    asked = [vintage for vintage in vintages if vintage > settled]
    start = [] if settled == EARLIEST else [settled]
    if spec.revised and not start:
        return windows([asked[:1], *groups(asked[1:], min(most, RESTATED_VINTAGES))], EARLIEST, end)
    size = min(most, RESTATED_VINTAGES) if spec.revised else most
    return windows(groups([*start, *asked], size), settled, end)
