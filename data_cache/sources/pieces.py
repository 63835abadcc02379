"""Histories that come in pieces: which days to ask for, and how each piece gets into the store.

What is stored of a series has no hole between the first day that was asked for and its last period, wherever a fetch
is killed: that first day is kept in the provenance, and days before it are stored once they reach it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from data_cache import parquet
from data_cache.catalog import spec
from data_cache.errors import BadData
from data_cache.parquet import Fetch
from data_cache.releases import NEW_YORK
from data_cache.sources.outcome import Outcome, stored_series
from data_cache.sources.session import Session
from data_cache.sources.web import Reply
from data_cache.store import Store

# Days that are asked for once more, so that a revision of them is seen.
OVERLAP = pd.Timedelta(days=10)
# No daily series is silent for so long: where an answer about more days is empty, something is missing.
SOME = pd.Timedelta(days=14)
DAY = pd.Timedelta(days=1)
# A range is known once the FOMC has decided, before the record of its day can be there.
DECIDED = "decision"


@dataclass(frozen=True)
class Span:
    """Days to ask for, both included: naive dates."""

    first: pd.Timestamp
    last: pd.Timestamp

    def __str__(self) -> str:
        return f"{self.first.date()}..{self.last.date()}"

    def by_year(self) -> "list[Span]":
        """The same days, cut at the ends of calendar years."""
        years = range(self.first.year, self.last.year + 1)
        new_year = {year: pd.Timestamp(year, 1, 1) for year in (*years, self.last.year + 1)}
        return [Span(max(self.first, new_year[y]), min(self.last, new_year[y + 1] - DAY)) for y in years]


@dataclass(frozen=True)
class Asked:
    """What a provider was asked of a stored series, as the provenance says.

    span : the days of the newest answer that was stored      at : when it was asked for, in UTC
    first : the first day that was ever asked for; what is stored has no hole from there on
    """

    span: Span
    first: pd.Timestamp
    at: pd.Timestamp

    @classmethod
    def of(cls, store: Store, series: str, provider: str) -> "Asked | None":
        """The same of what is stored; None where the provider gave nothing of it."""
        path = store.series_path(series)
        fetches = parquet.provenance_at(path).fetches if path.is_file() else ()
        mine = [(DAYS.search(fetch.query), fetch.fetched_at) for fetch in fetches if fetch.source == provider]
        for said, at in mine:
            if said:
                start, end, first = (pd.Timestamp(day).as_unit("ns") for day in said.groups())
                return cls(Span(start, end), first, at)
        return None

    def __str__(self) -> str:
        return f"days {self.span} from {self.first.date()}"


# How `Asked` is written behind the query in the provenance.
DAYS = re.compile(r" days (\S+)\.\.(\S+) from (\S+)$")


def missing_spans(
    session: Session,
    store: Store,
    provider: str,
    starts: Mapping[str, pd.Timestamp],
    cut: Callable[[Span], list[Span]] = lambda span: [span],
) -> list[Span]:
    """What to ask for so that the series that come together are stored from their starts until today.

    starts : series -> its first period      cut : of all that lies before what is stored

    Where one of the series is not stored it is everything; otherwise the days before the first that was ever asked
    for, then the tail, with what is stored of the last days.
    """
    today = session.now.tz_convert(NEW_YORK).normalize().tz_localize(None).as_unit("ns")
    since = session.since.tz_convert("UTC").tz_localize(None).normalize() if session.since else pd.Timestamp.min
    depth = {series: max(start, since) for series, start in starts.items()}
    if min(depth.values()) > today:
        return []
    held = {series: store.rows(series)["period"] for series in starts if series in store.series()}
    tail = [periods.max() - OVERLAP for periods in held.values()]
    if len(held) < len(starts):
        return cut(Span(min([*depth.values(), *tail]), today))
    begun = {series: _begun(store, series, provider) for series in starts}
    late = [series for series in starts if begun[series] > depth[series]]
    # A range is told up to the next record: the days before reach until the first one that is stored.
    joints = [held[series][held[series] >= begun[series]].min() for series in late]
    head = cut(Span(min(depth[series] for series in late), max(joints))) if late else []
    return [*head, Span(min(tail), today)]


def _begun(store: Store, series: str, provider: str) -> pd.Timestamp:
    """From which day on a stored series has no hole: what was imported is taken for whole."""
    asked = Asked.of(store, series, provider)
    return asked.first if asked else store.rows(series)["period"].min()


class Pieces:
    """What one job has got of its series so far; a piece is stored as soon as that leaves no hole.

    A series that the store refuses is left alone from then on, and the others go on; `outcomes` raises in the end.
    """

    def __init__(self, session: Session, store: Store, provider: str, starts: Mapping[str, pd.Timestamp]) -> None:
        self._session, self._store, self._provider, self._starts = session, store, provider, starts
        self._before = {series: Asked.of(store, series, provider) for series in starts}
        self._begun = {series: _begun(store, series, provider) for series in starts if series in store.series()}
        self._waiting: dict[str, list[tuple[Span, pd.DataFrame]]] = {series: [] for series in starts}
        self._outcomes: dict[str, Outcome] = {}
        self._notes: dict[str, list[str]] = {series: [] for series in starts}
        self._refused: dict[str, str] = {}

    def put(self, series: str, rows: pd.DataFrame, span: Span, reply: Reply) -> None:
        """Store what `reply` said of a series and of the days of `span`, once that reaches what is stored.

        rows : made by `observation_rows`, in served units      span : goes on from that of the piece before, or
        overlaps what is stored
        """
        empty = not rows["period"].between(span.first, span.last).any()
        if empty and span.last - max(span.first, self._starts[series]) >= SOME:
            self.note(series, f"{self._provider} gave nothing for {span}, where there must be some: unknown, not zero")
        self._waiting[series].append((span, rows[rows["known_at"] <= self._session.now]))
        if span.last < self._begun.get(series, span.last):
            return
        waiting, self._waiting[series] = self._waiting[series], []
        first = min(self._begun.get(series, span.first), waiting[0][0].first)
        self._begun[series] = first
        whole = pd.concat([rows for _, rows in waiting], ignore_index=True)
        if len(whole) and series not in self._refused:
            self._keep(series, whole, Asked(span, first, self._session.now), reply)

    def _keep(self, series: str, rows: pd.DataFrame, asked: Asked, reply: Reply) -> None:
        rows = self._dated(series, rows)
        fetch = Fetch(self._provider, f"{reply.query} sha256={reply.sha256} {asked}", asked.at)
        try:
            piece = stored_series(self._store, spec(series), rows, fetch)
        except BadData as error:
            self._refused[series] = f"{error}{self._cure(series)}"
            return
        before = self._outcomes.get(series)
        self._outcomes[series] = before.then(piece) if before else piece

    def note(self, series: str, sentence: str) -> None:
        """Tell the user something about a series."""
        self._notes[series].append(sentence)

    def outcomes(self) -> list[Outcome]:
        """One for each series; BadData where the store refused some."""
        if self._refused:
            raise BadData("; ".join(self._refused.values()))
        return [self._outcome(series) for series in self._starts]

    def _outcome(self, series: str) -> Outcome:
        outcome = self._outcomes.get(series)
        if outcome is None:
            nothing = f"{self._provider} gave nothing of {series}"
            return Outcome("series", series, self._provider, notes=tuple(self._notes[series] or [nothing]))
        return outcome.noting(*self._notes[series], *self._early_end(series, outcome.last))

    def _early_end(self, series: str, last: pd.Timestamp) -> list[str]:
        rows = self._store.rows(series)
        age = (self._session.now - rows.loc[rows["period"] == last, "known_at"].min()).days
        if age <= spec(series).max_age_days:
            return []
        return [f"{self._provider} has nothing after {last.date()}, which became known {age} days ago"]

    def _dated(self, series: str, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows, none known before what is stored of its period; one that was missed before is known now.

        A stamp can vanish from an answer (the record was touched again, years later): what was stored as late must
        not become early by that.
        """
        if series in self._store.series():
            stored = self._store.rows(series).drop_duplicates("period").set_index("period")["known_at"]
            held, missed = rows["period"].map(stored), self._missed(series, rows["period"])
            unseen = held.isna() & (missed > rows["known_at"])
            late = unseen | (held > rows["known_at"])
            known = rows["known_at"].mask(late, held.fillna(self._session.now))
            rows = rows.assign(known_at=known, origin=rows["origin"].mask(unseen, "seen"))
        return rows.drop_duplicates(["period", "known_at"], keep="last").reset_index(drop=True)

    def _missed(self, series: str, periods: pd.Series) -> pd.Series:
        """When the fetch before asked for each of the periods, NaT where it did not.

        What was not there then, although the rule says that it should have been, came out later than that.
        """
        before = self._before[series]
        never = pd.Series(pd.NaT, periods.index, dtype="datetime64[ns, UTC]")
        if before is None or spec(series).release.kind == DECIDED:
            return never
        return never.mask(periods.between(before.span.first, before.span.last), before.at)

    def _cure(self, series: str) -> str:
        """What to do about rows of another source, where that is what the refusal is about."""
        path = self._store.series_path(series)
        if not path.is_file() or self._provider in parquet.provenance_at(path).sources:
            return ""
        return f"; to have those of {self._provider}, delete {path} and fetch again"
