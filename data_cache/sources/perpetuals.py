"""Funding rates and open interest of perpetuals in USDT, each series the history of one venue.

Asked are the venues' own endpoints through ccxt, by native symbol: no list of markets has to be loaded. Histories
come in pages, oldest first (Binance) or newest first (Bybit, OKX). Pages are stored one by one where what is
stored then has no hole, so that a fetch that is killed goes on where it was; otherwise all at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd

from data_cache.catalog import SeriesSpec, spec
from data_cache.errors import BadData, Refused
from data_cache.observations import observation_rows
from data_cache.parquet import Fetch
from data_cache.releases import known_at
from data_cache.sources.one_venue import of_one_venue, venue_of
from data_cache.sources.outcome import Job, Outcome, stored_series
from data_cache.sources.perpetual_feeds import FUNDING, OPEN_INTEREST, Feed, Kind
from data_cache.sources.session import Session, Step
from data_cache.sources.venues import Venue, opened
from data_cache.store import Store

# What is asked for again, so that a changed number is noticed.
OVERLAP = pd.Timedelta(days=7)
# No perpetual is older.
EARLIEST = pd.Timestamp("2016-01-01")
VENUES = tuple(dict.fromkeys((*FUNDING.feeds, *OPEN_INTEREST.feeds)))
MINUTE, HOUR, DAY = pd.Timedelta(minutes=1), pd.Timedelta(hours=1), pd.Timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """Periods to ask for, both ends included.

    new : whether nothing is stored yet      head : whether it ends before the oldest stored period
    """

    first: pd.Timestamp
    last: pd.Timestamp
    new: bool = False
    head: bool = False


def jobs(
    session: Session, store: Store, assets: Sequence[str] = ("BTC", "ETH"), venues: Sequence[str] = ()
) -> list[Job]:
    """A job for the funding and one for the open interest of each asset; `venues` restricts and orders whom to ask."""
    return [
        Job("funding", "exchange", f"{kind.name} of {asset}", partial(_fetched, session, store, kind, asset, venues))
        for kind in (FUNDING, OPEN_INTEREST)
        for asset in assets
    ]


def _fetched(session: Session, store: Store, kind: Kind, asset: str, venues: Sequence[str]) -> list[Outcome]:
    series = spec(kind.series.format(asset))
    job = f"{kind.name} of {asset}"

    def attempt(name: str) -> list[Outcome]:
        with opened(session, name) as venue:
            return [_History(session, store, kind, asset, job, series, venue, kind.feeds[name]).fetch()]

    try:
        return of_one_venue(session, job, store.series_path(series.id), list(kind.feeds), venues, attempt)
    except Refused as refused:
        if kind.needed:
            raise
        return [Outcome("series", series.id, "", notes=(str(refused),))]


@dataclass
class _History:
    """The history of one series at one venue."""

    session: Session
    store: Store
    kind: Kind
    asset: str
    job: str
    series: SeriesSpec
    venue: Venue
    feed: Feed
    received: int = 0

    def fetch(self) -> Outcome:
        outcome = Outcome("series", self.series.id, self.venue.name)
        fetch = Fetch(self.venue.name, f"{self.feed.route} {self.feed.symbol(self.asset)}", self.session.now)
        spans = self._spans()
        for span in spans:
            for rows in self._pieces(span):
                outcome = outcome.then(stored_series(self.store, self.series, self._observations(rows), fetch))
        stored = self._periods()
        if stored.empty:
            raise Refused(f"{self.venue.name} has no {self.job}")
        return outcome.noting(*self._remarks(stored, spans[0].first))

    def _periods(self) -> pd.Series:
        """All stored periods, ascending."""
        if self.series.id not in self.store.series():
            return pd.Series(dtype="datetime64[ns]")
        return self.store.rows(self.series.id)["period"].drop_duplicates().sort_values(ignore_index=True)

    def _spans(self) -> list[Span]:
        """The tail with its overlap, then what is missing before the oldest stored period."""
        now = self.session.now.tz_localize(None)
        since = self.session.since
        start = max(EARLIEST if since is None else since.tz_localize(None), self._begins() or EARLIEST)
        stored = self._periods()
        if stored.empty:
            return [Span(start, now, new=True)]
        overlap = stored[stored >= stored.iloc[-1] - OVERLAP].iloc[0]
        tail, oldest = Span(overlap, now), stored.iloc[0]
        if self.feed.once or oldest - start < self.kind.longest:
            return [tail]
        return [tail, Span(start, oldest - MINUTE, head=True)]

    def _begins(self) -> pd.Timestamp | None:
        return self.feed.begins.get(self.asset)

    def _pieces(self, span: Span) -> Iterator[pd.Series]:
        """Values by period, in pieces after each of which what is stored has no hole."""
        pages = self._forward(span) if self.feed.forward else self._backward(span)
        if not span.new and self.feed.forward == span.head:
            gathered = list(pages)
            pages = iter([pd.concat(gathered)] if gathered else [])
        for page in pages:
            self._refuse_without_overlap(page)
            yield page

    def _forward(self, span: Span) -> Iterator[pd.Series]:
        due = span.new and self._begins() is not None
        at, before = span.first, span.first if due or not span.new else None
        while True:
            raw, page = self._page(at, span.last, before)
            if page.empty:
                self._refuse_repeats(not raw.empty and raw.index[-1] < at, at)
                return
            if due:
                self._refuse_late(page.index[0], span.first)
            yield page
            before, due = page.index[-1], False
            self._say(page, (before - span.first) / (span.last - span.first))
            at = before + MINUTE
            if len(raw) < self.feed.limit and span.last - before < self.kind.longest:
                return

    def _backward(self, span: Span) -> Iterator[pd.Series]:
        at, after = span.last, span.last if span.head else None
        while at >= span.first:
            raw, page = self._page(span.first, at, after)
            if page.empty:
                self._refuse_repeats(not raw.empty and raw.index[0] > at, at)
                return
            yield page
            after = page.index[0]
            self._say(page, (span.last - after) / (span.last - span.first))
            at = after - MINUTE
            if self.feed.once:
                return

    def _page(
        self, first: pd.Timestamp, last: pd.Timestamp, beside: pd.Timestamp | None
    ) -> tuple[pd.Series, pd.Series]:
        """All that came, and what of it lies within the span; a page that jumps is asked for once more.

        beside : the period that the page should go on from, at its near side, None where that is not known
        """
        raw, page = self._asked(first, last)
        if page.empty or self._jumps(page.index, beside).empty:
            return raw, page
        self._say(page[:0], None, "a jump in what came: asking once more")
        return self._asked(first, last)

    def _asked(self, first: pd.Timestamp, last: pd.Timestamp) -> tuple[pd.Series, pd.Series]:
        symbol = self.feed.symbol(self.asset)
        said = self.venue.ask(lambda client: self.feed.ask(client, symbol, _milliseconds(first), _milliseconds(last)))
        raw = _by_period(said, f"{self.venue.name}: {self.job}")
        return raw, raw[(raw.index >= first) & (raw.index <= last)]

    def _jumps(self, periods: pd.Index, beside: pd.Timestamp | None = None) -> pd.DataFrame:
        """Stretches without a period that are longer than any interval: columns after and until."""
        edge = pd.DatetimeIndex([] if beside is None else [beside])
        times = periods.append(edge).sort_values()
        long = times[1:] - times[:-1] > self.kind.longest + HOUR
        return pd.DataFrame({"after": times[:-1][long], "until": times[1:][long]})

    def _observations(self, values: pd.Series) -> pd.DataFrame:
        return observation_rows(values.index, known_at(self.series, values.index), values.to_numpy())

    def _say(self, page: pd.Series, share: float | None, note: str = "") -> None:
        self.received += len(page)
        self.session.say(Step(self.job, self.venue.name, self.received, share, note))

    def _refuse_repeats(self, repeats: bool, at: pd.Timestamp) -> None:
        if repeats:
            raise BadData(
                f"{self.venue.name}: {self.job} does not go on: asked from {at} it gave an old page again; "
                "try again later, or name another venue with --venue NAME"
            )

    def _refuse_late(self, found: pd.Timestamp, expected: pd.Timestamp) -> None:
        if found > expected + DAY:
            raise BadData(
                f"{self.venue.name}: {self.job} begins at {found} where {expected} was expected: its beginning is "
                "missing; try again later, or name another venue with --venue NAME"
            )

    def _refuse_without_overlap(self, page: pd.Series) -> None:
        """What was imported may be gone on with only by a venue that can be compared with it."""
        path = self.store.series_path(self.series.id)
        stored = self._periods()
        if len(stored) and not venue_of(path) and not page.index.isin(stored).any():
            raise BadData(
                f"{self.venue.name}: {self.job} shares no period with what was imported (until {stored.iloc[-1]}; "
                f"what came begins {page.index.min()}): nothing can be compared; delete {path} to fetch all of it"
            )

    def _remarks(self, stored: pd.Series, asked_from: pd.Timestamp) -> list[str]:
        """What the user must know of the history as it is stored now, as far as it was asked for."""
        said = [f"{self.feed.short}; {self.series.id} begins {stored.iloc[0]}"] if self.feed.short else []
        jumps = self._jumps(pd.DatetimeIndex(stored[stored >= asked_from]))
        if len(jumps):
            first = jumps.iloc[0]
            more = f" (and {len(jumps) - 1} more such stretches)" if len(jumps) > 1 else ""
            said.append(f"{self.venue.name} has no {self.job} between {first['after']} and {first['until']}{more}")
        if self.session.now.tz_localize(None) - stored.iloc[-1] > 2 * self.kind.longest:
            said.append(f"{self.venue.name} has no {self.job} after {stored.iloc[-1]}")
        return said


def _milliseconds(period: pd.Timestamp) -> int:
    return int(period.value) // 1_000_000


def _by_period(said: Sequence[tuple[int, float]], name: str) -> pd.Series:
    """Values by period, ascending, each period once; BadData where one has two values."""
    stamps = pd.DatetimeIndex(pd.to_datetime([stamp for stamp, _ in said], unit="ms")).as_unit("ns")
    values = pd.Series([value for _, value in said], index=_periods(stamps), dtype=float).sort_index(kind="stable")
    values = values[~(values.index.duplicated() & (values == values.shift()).to_numpy())]
    twice = values.index.duplicated()
    if twice.any():
        raise BadData(f"{name} gave two numbers for {values.index[twice][0]}; try again later")
    return values


def _periods(stamps: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The instants that stamps stand for: a full hour where one is within a minute, else the minute they are in.

    Payments are stamped some milliseconds after they are due: 08:00:00.007.
    """
    hours = stamps.round("h")
    return hours.where(abs(stamps - hours) < MINUTE, stamps.floor("min"))
