"""Histories that come in pieces: which days to ask for, and how each piece gets into the store."""

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
        day = pd.Timedelta(days=1)
        return [Span(max(self.first, new_year[y]), min(self.last, new_year[y + 1] - day)) for y in years]


def missing_spans(
    session: Session,
    store: Store,
    starts: Mapping[str, pd.Timestamp],
    cut: Callable[[Span], list[Span]] = lambda span: [span],
) -> list[Span]:
    """What to ask for so that the series that come together are stored from their starts until today.

    starts : series -> its first period      cut : of the whole history, where one of the series is not stored

    Otherwise it is the tail, with what is stored of the last days, and the days before the first stored one where
    there should be some.
    """
    today = session.now.tz_convert(NEW_YORK).normalize().tz_localize(None).as_unit("ns")
    since = session.since.tz_convert("UTC").tz_localize(None).normalize() if session.since else pd.Timestamp.min
    depth = {series: max(start, since) for series, start in starts.items()}
    whole = Span(min(depth.values()), today)
    if whole.first > today:
        return []
    if not set(starts) <= set(store.series()):
        return cut(whole)
    held = {series: store.rows(series)["period"] for series in starts}
    tail = Span(min(periods.max() for periods in held.values()) - OVERLAP, today)
    late = [periods.min() for series, periods in held.items() if periods.min() - depth[series] > OVERLAP]
    return [*([Span(whole.first, max(late))] if late else []), tail]


class Pieces:
    """What one job has got of its series so far; a piece is stored as soon as it is there.

    A series that the store refuses is left alone from then on, and the others go on; `outcomes` raises in the end.
    """

    def __init__(self, session: Session, store: Store, provider: str, starts: Mapping[str, pd.Timestamp]) -> None:
        self._session, self._store, self._provider, self._starts = session, store, provider, starts
        self._outcomes: dict[str, Outcome] = {}
        self._notes: dict[str, list[str]] = {series: [] for series in starts}
        self._refused: dict[str, str] = {}

    def put(self, series: str, rows: pd.DataFrame, span: Span, reply: Reply) -> None:
        """Store what `reply` said of a series and of the days of `span`.

        rows : made by `observation_rows`, in served units
        """
        empty = not rows["period"].between(span.first, span.last).any()
        if empty and span.last - max(span.first, self._starts[series]) >= SOME:
            self.note(series, f"{self._provider} gave nothing for {span}, where there must be some: unknown, not zero")
        rows = rows[rows["known_at"] <= self._session.now]
        if not len(rows) or series in self._refused:
            return
        rows = self._not_earlier(series, rows)
        fetch = Fetch(self._provider, f"{reply.query} sha256={reply.sha256}", self._session.now)
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

    def _not_earlier(self, series: str, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows, none known before what is stored of its period.

        A stamp can vanish from an answer (the record was touched again, years later): what was stored as late must
        not become early by that.
        """
        if series not in self._store.series():
            return rows
        first = self._store.rows(series).drop_duplicates("period").set_index("period")["known_at"]
        held = rows["period"].map(first)
        late = held > rows["known_at"]
        moved = rows.assign(known_at=rows["known_at"].mask(late, held))
        return moved.drop_duplicates(["period", "known_at"], keep="last").reset_index(drop=True)

    def _cure(self, series: str) -> str:
        """What to do about rows of another source, where that is what the refusal is about."""
        path = self._store.series_path(series)
        if not path.is_file() or self._provider in parquet.provenance_at(path).sources:
            return ""
        return f"; to have those of {self._provider}, delete {path} and fetch again"
