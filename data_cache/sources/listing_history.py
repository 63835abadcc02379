"""The history of bars of one listing: walked from its first bar to its newest, its missing head and tail later.

It is walked with a loop over `since`, never with ccxt's own pagination: that one makes ten requests at most, starts
where they reach, and says nothing. Every assumption about a venue is checked against what it answers, and an answer
that looks cut is asked for a second time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from data_cache.bars import OHLCV, Bars, timeframe_length
from data_cache.errors import BadData
from data_cache.parquet import Fetch, provenance_at
from data_cache.sources.outcome import Outcome, stored_bars
from data_cache.sources.session import Session, Step
from data_cache.sources.venues import Venue
from data_cache.store import TRADE, Listing, Store

# Exchanges were down for up to a day and a half (binance 2018-02-08); a history that begins or ends so near to
# where it should is whole.
OUTAGE = pd.Timedelta(days=3)
# Stored bars that are asked for again, so that a changed one is noticed: one request brings them and what is new.
SPAN = 100
# Clocks differ by seconds, and a venue may settle a bar some seconds after its end.
SETTLING = pd.Timedelta(minutes=1)
EPOCH = pd.Timestamp(0, tz="UTC")


@dataclass(frozen=True)
class Exchange:
    """What is known of an exchange beforehand.

    symbols : asset -> symbol      page : most bars in one answer
    begins : asset -> first bar of its history      unsure : how much later that may be
    windowed : it answers a span of `page` bars, so that an empty answer is a gap, not the end
    types : of the markets to load, where it can tell them apart
    """

    name: str
    symbols: Mapping[str, str]
    page: int
    begins: Mapping[str, str]
    unsure: pd.Timedelta
    windowed: bool = False
    types: tuple[str, ...] = ()
    timeframes: tuple[str, ...] = ("1h", "4h", "1d")


@dataclass(frozen=True)
class History:
    """The history of one listing, and how much of it is stored.

    piece : pages between two saves      job : who is told of the steps
    """

    venue: Venue
    exchange: Exchange
    listing: Listing
    session: Session
    store: Store
    job: str
    piece: int

    @property
    def length(self) -> pd.Timedelta:
        """The timeframe as a Timedelta."""
        return timeframe_length(self.listing.timeframe)

    @property
    def since(self) -> pd.Timestamp:
        """The first time that is asked for."""
        return self.session.since or EPOCH

    @property
    def until(self) -> pd.Timestamp:
        """When a bar has to have ended by to be taken: a minute ago, by the clock that is behind."""
        return self.venue.now - SETTLING

    @property
    def earliest(self) -> pd.Timestamp:
        """Before this there is no bar, or none that is wanted."""
        return max(self.since, self.begins - self.exchange.unsure)

    @property
    def begins(self) -> pd.Timestamp:
        """Where the history is thought to begin."""
        return pd.Timestamp(self.exchange.begins[self.listing.asset], tz="UTC")

    def fetched(self) -> Outcome:
        """Fetch what is missing at the head and at the tail, and store it.

        A head that the venue does not give as it should is a note, not the end: the newest bars matter more.
        """
        outcome = Outcome("bars", str(self.listing), self.exchange.name)
        if self.listing not in self.store.listings():
            return self._noting_end(self._walked(self._whole(), outcome, self.piece))
        times = self.store.bars(self.listing).frame.index
        overlap = min(SPAN, self.exchange.page // 2)
        if self._lacks_head(times[0]):
            # In one piece: a head that is stored in part would leave a hole that looks like an outage.
            head = replace(self._whole(), until=times[min(overlap, len(times) - 1)], stored=times)
            try:
                outcome = self._walked(head, outcome, None)
            except BadData as error:
                return self._without_head(times[0]).noting(f"what is before {times[0]:%Y-%m-%d} was not taken: {error}")
        start = max(times[-1] - overlap * self.length, times[0])
        due = times[times.searchsorted(start)]
        tail = _Span(start, due, due + OUTAGE, self.until, times)
        return self._noting_end(self._walked(tail, outcome, self.piece))

    def _without_head(self, first: pd.Timestamp) -> Outcome:
        """Fetch the tail alone, and go on saying that nothing before the stored bars was asked for."""
        asked = self._asked_since() or first
        return replace(self, session=replace(self.session, since=asked)).fetched()

    def _whole(self) -> "_Span":
        """All that is wanted."""
        unsure = self.exchange.unsure if self.since <= self.begins + self.exchange.unsure else OUTAGE
        late = max(self.begins, self.since) + unsure
        start = self.earliest if self.exchange.windowed else self.since
        return _Span(start.ceil(self.length), late, late, self.until)

    def _lacks_head(self, first: pd.Timestamp) -> bool:
        """Whether bars before the first stored one are wanted that were never asked for."""
        asked = self._asked_since()
        return bool(first > self.earliest.ceil(self.length)) and (asked is None or self.since < asked)

    def _asked_since(self) -> pd.Timestamp | None:
        """The earliest time that this exchange was asked for bars from, None where it was never asked."""
        if self.listing not in self.store.listings():
            return None
        asked = self._query("")
        fetches = provenance_at(self.store.bars_path(self.listing)).fetches
        return min(
            (pd.Timestamp(f.query.removeprefix(asked)) for f in fetches if f.query.startswith(asked)), default=None
        )

    def _query(self, since: str) -> str:
        return f"fetch_ohlcv {self.listing} since {since}"

    def _walked(self, span: "_Span", outcome: Outcome, piece: int | None) -> Outcome:
        """Store the bars of `span`, in pieces of some pages, or in one."""
        pages: list[pd.DataFrame] = []
        try:
            for page in _Walk(self, span).pages():
                pages.append(page)
                if len(pages) == piece:
                    outcome, pages = self._stored(outcome, pages), []
        except BaseException:  # an error, a cancelled job, Ctrl-C: what has come is kept whatever ends the walk
            if piece and pages:
                self._stored(outcome, pages)
            raise
        return self._stored(outcome, pages) if pages else outcome

    def _stored(self, outcome: Outcome, pages: list[pd.DataFrame]) -> Outcome:
        frame = pd.concat(pages)
        frame = frame[frame.index + self.length <= self.until]
        if not len(frame):
            return outcome
        # The newest fetch takes the place of the one before it, so it says how far back all of them have asked.
        since = min(self.since, self._asked_since() or self.since)
        fetch = Fetch(self.exchange.name, self._query(since.isoformat()), self.session.now)
        bars = Bars(self.listing.asset, self.listing.timeframe, frame)
        return outcome.then(stored_bars(self.store, self.listing, bars, fetch))

    def _noting_end(self, outcome: Outcome) -> Outcome:
        if pd.isna(outcome.last):
            return outcome.noting(f"{self.listing}: no bar has ended since {self.session.since}")
        ended = outcome.last + self.length
        if self.session.now - ended <= OUTAGE + self.length:
            return outcome
        return outcome.noting(f"{self.listing} ends early: its last bar ended {ended}, and the venue gives none since")


@dataclass(frozen=True)
class _Span:
    """The times to walk through: bars that open at `start` or later and end by `until`.

    due : a first bar after this is asked for a second time      late : one after this means a truncated history
    stored : open times of the bars that are stored; the holes between them are known
    """

    start: pd.Timestamp
    due: pd.Timestamp
    late: pd.Timestamp
    until: pd.Timestamp
    stored: pd.DatetimeIndex = field(default_factory=lambda: pd.DatetimeIndex([], tz="UTC"))


@dataclass(frozen=True)
class _Walk:
    """A walk through a history, page after page, until there is no bar left to ask for."""

    history: History
    span: _Span

    def pages(self) -> Iterator[pd.DataFrame]:
        """Yield frames of bars, ascending over all pages, the unfinished bar included.

        Raises BadData where the history is truncated, and where the venue repeats itself instead of going on.
        """
        exchange, length, span = self.history.exchange, self.history.length, self.span
        cursor, due, rows, window = span.start, span.due, 0, exchange.page * length
        while cursor + length <= span.until:
            self._say(cursor, rows)
            page = self._page(cursor, due)
            if len(page):
                self._refuse_truncated(page, rows)
                yield page
                cursor = due = page.index[-1] + length
            elif exchange.windowed and (rows or cursor + window <= span.late):
                cursor += window
            else:
                break
            rows += len(page)
        self._say(span.until, rows)
        if not rows and span.start + length <= span.until:
            raise BadData(f"{self.history.listing} has no bars from {span.start} on; expected was one by {span.late}")

    def _refuse_truncated(self, page: pd.DataFrame, before: int) -> None:
        first = page.index[0]
        if not before and first > self.span.late:
            listing, late = self.history.listing, self.span.late
            raise BadData(f"{listing} is truncated: its first bar opens {first}, expected was one by {late}")

    def _page(self, cursor: pd.Timestamp, due: pd.Timestamp) -> pd.DataFrame:
        """The bars from `cursor` on; asked for a second time where they do not begin by `due`, or have a hole.

        Raises BadData where the venue says again what it said before.
        """
        page = self._asked(cursor)
        if not self._as_expected(page, cursor, due):
            pages = (page, self._asked(cursor))
            page = min(pages, key=lambda page: (_first(page, cursor), -len(page)))
        fresh = page[page.index >= cursor]
        if len(page) and not len(fresh):
            raise BadData(
                f"{self.history.listing}: asked for bars from {cursor} on, the venue repeats those until "
                f"{page.index[-1]} and does not go on"
            )
        return fresh

    def _as_expected(self, page: pd.DataFrame, cursor: pd.Timestamp, due: pd.Timestamp) -> bool:
        exchange, length = self.history.exchange, self.history.length
        if not len(page):
            before = exchange.windowed and cursor + exchange.page * length <= due
            return bool(before or cursor > self.span.until - OUTAGE)
        return bool(_first(page, cursor) <= due) and not _has_hole(page.index, self.span.stored, length)

    def _asked(self, cursor: pd.Timestamp) -> pd.DataFrame:
        listing = self.history.listing
        since, limit = cursor.value // 10**6, self.history.exchange.page
        params = {} if listing.price == TRADE else {"price": listing.price}
        rows = self.history.venue.ask(
            lambda client: client.fetch_ohlcv(listing.symbol, listing.timeframe, since, limit, params)
        )
        return _frame(rows, listing)

    def _say(self, cursor: pd.Timestamp, rows: int) -> None:
        begins, until = max(self.span.start, self.history.begins), self.span.until
        share = max(0.0, (cursor - begins) / (until - begins)) if until > begins else 1.0
        self.history.session.say(Step(self.history.job, self.history.exchange.name, rows, min(share, 1.0)))


def _first(page: pd.DataFrame, cursor: pd.Timestamp) -> pd.Timestamp:
    """When the first bar from `cursor` on opens; after all times where there is none."""
    at = page.index.searchsorted(cursor)
    return page.index[at] if at < len(page) else pd.Timestamp.max.tz_localize("UTC")


def _has_hole(times: pd.DatetimeIndex, stored: pd.DatetimeIndex, length: pd.Timedelta) -> bool:
    """Whether more than one bar is missing somewhere, other than between two that are stored."""
    at = np.flatnonzero(times[1:] - times[:-1] > 2 * length)
    return not (times[at].isin(stored) & times[at + 1].isin(stored)).all()


def _frame(rows: list[list[float | None]], listing: Listing) -> pd.DataFrame:
    """The rows of one answer as bars, ascending; a row that is there twice counts once.

    Raises BadData for a row without a time, and for two that contradict each other.
    """
    numbers = np.array(rows, float).reshape(-1, 1 + len(OHLCV))
    numbers = numbers[np.argsort(numbers[:, 0], kind="stable")]
    numbers = numbers[np.r_[True, (numbers[1:] != numbers[:-1]).any(axis=1)][: len(numbers)]]
    if np.isnan(numbers[:, 0]).any():
        raise BadData(f"{listing}: the venue gave a bar without a time: {rows[0]}")
    if listing.price != TRADE:
        numbers[:, -1] = np.nan_to_num(numbers[:, -1])
    times = pd.to_datetime(numbers[:, 0].astype("int64"), unit="ms", utc=True).as_unit("ns")
    frame = pd.DataFrame(numbers[:, 1:], columns=OHLCV, index=times.rename("open_time"))
    twice = times.duplicated()
    if twice.any():
        raise BadData(f"{listing}: the venue gave two bars for {times[twice][0]} that differ, in one answer")
    return frame
