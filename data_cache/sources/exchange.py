"""Prices of exchanges: spot bars of BTC and ETH, and the mark and index price of their perpetuals.

History is walked with a loop over `since`, never with ccxt's own pagination: that one makes ten requests at most,
starts where they reach, and says nothing. Every assumption about a venue is checked against what it answers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from data_cache.bars import OHLCV, Bars, timeframe_length
from data_cache.errors import BadData, Refused, UnknownName
from data_cache.parquet import Fetch
from data_cache.sources.outcome import Job, Outcome, stored_bars
from data_cache.sources.session import Session, Step
from data_cache.sources.venues import Listed, Venue, failing_over, opened
from data_cache.store import TRADE, Listing, Store

# Exchanges were down for up to a day and a half (binance 2018-02-08); a history that begins or ends so near to
# where it should is whole.
OUTAGE = pd.Timedelta(days=3)
SPAN = 2  # stored bars that are asked for again, so that a changed one is noticed
PIECE = 20  # pages between two saves: a kill loses no more
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


TETHER, DOLLAR = {"BTC": "BTC/USDT", "ETH": "ETH/USDT"}, {"BTC": "BTC/USD", "ETH": "ETH/USD"}
PERPETUALS = {"BTC": "BTC/USDT:USDT", "ETH": "ETH/USDT:USDT"}
# Only binance's first bars were seen in data, and its page limits, like all, are those that ccxt caps at. The other
# first days are from memory: the check then tells a whole history from a truncated one, and no more.
REMEMBERED, VAGUE = pd.Timedelta(days=120), pd.Timedelta(days=730)
SPOT = (
    Exchange("binance", TETHER, 1000, {"BTC": "2017-08-17", "ETH": "2017-08-17"}, OUTAGE, types=("spot",)),
    Exchange("bitfinex", DOLLAR, 10_000, {"BTC": "2013-04-01", "ETH": "2016-03-09"}, REMEMBERED),
    Exchange(
        "coinbaseexchange",
        DOLLAR,
        300,
        {"BTC": "2015-07-20", "ETH": "2016-05-18"},
        REMEMBERED,
        windowed=True,
        timeframes=("1h", "1d"),
    ),
    # ccxt asks it for a span: from start to start + limit.
    Exchange("bitstamp", DOLLAR, 1000, {"BTC": "2011-08-18", "ETH": "2017-08-17"}, REMEMBERED, windowed=True),
    # kraken is absent on purpose: it gives the newest 720 bars, whatever it is asked for.
)
DERIVED = (
    Exchange("binance", PERPETUALS, 1000, {"BTC": "2019-09-08", "ETH": "2019-11-27"}, VAGUE, types=("linear",)),
    Exchange("bybit", PERPETUALS, 1000, {"BTC": "2020-03-25", "ETH": "2020-10-21"}, VAGUE, types=("linear",)),
    Exchange("okx", PERPETUALS, 100, {"BTC": "2019-12-16", "ETH": "2019-12-16"}, VAGUE, windowed=True, types=("swap",)),
)
# Mark and index prices are fetched daily alone: what is computed from them, the basis, is a number of the day.
PRICES: dict[str, tuple[tuple[Exchange, ...], tuple[str, ...]]] = {
    TRADE: (SPOT, ()),
    "mark": (DERIVED, ("1d",)),
    "index": (DERIVED, ("1d",)),
}
ASSETS = tuple(TETHER)
VENUES = tuple(dict.fromkeys(exchange.name for exchange in (*SPOT, *DERIVED)))


def jobs(
    session: Session,
    store: Store,
    assets: Sequence[str] = ASSETS,
    timeframes: Sequence[str] = ("1d", "1h"),
    venues: Sequence[str] = (),
) -> list[Job]:
    """A job for every price, asset and timeframe: spot in `timeframes`, mark and index daily.

    venues : to ask, in this order, in place of our own order; a price that none of them has is left out

    Raises UnknownName for an asset, a timeframe or a venue that is not known here.
    """
    for asset in assets:
        if asset not in ASSETS:
            raise UnknownName.among("asset", asset, ASSETS, owner="fetch")
    for timeframe in timeframes:
        timeframe_length(timeframe)
    for venue in venues:
        if venue not in VENUES:
            raise UnknownName.among("venue of prices", venue, VENUES, owner="fetch")
    listed: Listed = {}
    found = []
    for price, (known, own) in PRICES.items():
        named = [exchange for name in venues for exchange in known if exchange.name == name]
        for asset in assets if named or not venues else ():
            for timeframe in own or timeframes:
                wanted = _Wanted(session, store, asset, timeframe, price, tuple(named), known, listed)
                found.append(Job("prices", "exchange", wanted.name, wanted.fetch))
    return found


def elsewhere(session: Session, listing: Listing, venues: Sequence[str] = ()) -> tuple[Listing, Bars]:
    """Daily bars of the asset of a listing, from the first other venue that gives them; nothing of them is kept.

    venues : to ask, in this order, in place of our own order
    """
    others = [name for name in venues or (exchange.name for exchange in SPOT) if name != listing.venue]
    with TemporaryDirectory() as folder:
        store = Store(Path(folder))
        spot, *_ = jobs(session, store, (listing.asset,), ("1d",), others)
        spot.run()
        found = next(iter(store.listings()))
        return found, store.bars(found)


@dataclass(frozen=True)
class _Wanted:
    """Bars of one asset and timeframe, from any of some exchanges.

    named : the exchanges that the user chose, in order; empty for our own order
    """

    session: Session
    store: Store
    asset: str
    timeframe: str
    price: str
    named: tuple[Exchange, ...]
    known: tuple[Exchange, ...]
    listed: Listed = field(repr=False)

    @property
    def name(self) -> str:
        return f"{self.asset} {self.timeframe}" + ("" if self.price == TRADE else f" {self.price}")

    def fetch(self) -> list[Outcome]:
        """Fetch from the first exchange that gives the whole history; those with a stored one are asked first.

        That every exchange refuses is a failure for what is traded; for a mark or index price it is a note.
        """
        stored = self.store.listings()
        exchanges = self.named or tuple(sorted(self.known, key=lambda e: self.listing(e) not in stored))
        by_name = {exchange.name: exchange for exchange in exchanges}
        try:
            return failing_over(self.session, self.name, list(by_name), lambda name: [self._fetched(by_name[name])])
        except Refused as refused:
            if self.price == TRADE:
                raise
            return [Outcome("bars", self.name, "", notes=(str(refused),))]

    def listing(self, exchange: Exchange) -> Listing:
        return Listing(self.asset, exchange.name, exchange.symbols[self.asset], self.timeframe, self.price)

    def _fetched(self, exchange: Exchange) -> Outcome:
        if self.timeframe not in exchange.timeframes:
            raise Refused(f"{exchange.name} has no {self.timeframe} bars; fetch 1h, of which {self.timeframe} is made")
        listing, stored = self.listing(exchange), self.store.listings()
        with opened(self.session, exchange.name, exchange.types, self.listed) as venue:
            # ccxt drops bars before `since` without a word: a venue that repeats a page would seem to have ended.
            venue.client.filter_by_since_limit = lambda array, *_, **__: array
            venue.market(listing.symbol)
            outcome = _History(venue, exchange, listing, self.session, self.store, self.name).fetched()
        others = [str(other) for other in map(self.listing, self.known) if other in stored]
        if listing in stored or not others:
            return outcome
        return outcome.noting(f"{listing} is new beside {', '.join(others)}: the store keeps both and joins them never")


@dataclass(frozen=True)
class _History:
    """The history of one listing, and how much of it is stored."""

    venue: Venue
    exchange: Exchange
    listing: Listing
    session: Session
    store: Store
    job: str

    @property
    def length(self) -> pd.Timedelta:
        return timeframe_length(self.listing.timeframe)

    def fetched(self) -> Outcome:
        """Fetch what is missing at the head and at the tail, and store it."""
        begins = pd.Timestamp(self.exchange.begins[self.listing.asset], tz="UTC")
        since = self.session.since or EPOCH
        wanted = max(begins, since)
        late = wanted + (self.exchange.unsure if since <= begins + self.exchange.unsure else OUTAGE)
        start = max(since, begins - self.exchange.unsure) if self.exchange.windowed else since
        outcome = Outcome("bars", str(self.listing), self.exchange.name)
        if self.listing not in self.store.listings():
            return self._noting_end(self._walked(start, late, outcome, PIECE))
        times = self.store.bars(self.listing).frame.index
        if times[0] > late:
            # In one piece: a head that is stored in part would leave a hole that looks like an outage.
            outcome = self._walked(start, late, outcome, None, until=times[min(SPAN, len(times) - 1)])
        again = max(times[-1] - SPAN * self.length, times[0])
        return self._noting_end(self._walked(again, again + OUTAGE, outcome, PIECE))

    def _walked(
        self,
        start: pd.Timestamp,
        late: pd.Timestamp,
        outcome: Outcome,
        piece: int | None,
        until: pd.Timestamp | None = None,
    ) -> Outcome:
        """Store the bars from `start` on, in pieces of some pages, or in one.

        late : a first bar after this means that the history is truncated
        """
        pages: list[pd.DataFrame] = []
        walk = _Walk(self, start.ceil(self.length), late, until or self.session.now)
        try:
            for page in walk.pages():
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
        frame = frame[frame.index + self.length <= self.session.now]
        if not len(frame):
            return outcome
        query = f"fetch_ohlcv {self.listing} since {frame.index[0].isoformat()}"
        bars = Bars(self.listing.asset, self.listing.timeframe, frame)
        fetch = Fetch(self.exchange.name, query, self.session.now)
        return outcome.then(stored_bars(self.store, self.listing, bars, fetch))

    def _noting_end(self, outcome: Outcome) -> Outcome:
        if pd.isna(outcome.last):
            return outcome.noting(f"{self.listing}: no bar has ended since {self.session.since}")
        ended = outcome.last + self.length
        if self.session.now - ended <= OUTAGE + self.length:
            return outcome
        return outcome.noting(f"{self.listing} ends early: its last bar ended {ended}, and the venue gives none since")


@dataclass(frozen=True)
class _Walk:
    """A walk through a history, page after page, from `start` until there is no bar left to ask for."""

    history: _History
    start: pd.Timestamp
    late: pd.Timestamp
    until: pd.Timestamp

    def pages(self) -> Iterator[pd.DataFrame]:
        """Yield frames of bars, ascending over all pages, the unfinished bar included.

        Raises BadData where the history is truncated, and where the venue repeats itself instead of going on.
        """
        exchange, length = self.history.exchange, self.history.length
        cursor, due, rows = self.start, self.late, 0
        while cursor + length <= self.until:
            self._say(cursor, rows)
            page = self._page(cursor, due)
            if len(page):
                self._refuse_truncated(page, rows)
                yield page
                cursor = due = page.index[-1] + length
            elif exchange.windowed:
                cursor += exchange.page * length
            else:
                break
            rows += len(page)
        self._say(self.until, rows)
        if not rows and self.start + length <= self.until:
            raise BadData(f"{self.history.listing} has no bars from {self.start} on; expected was one by {self.late}")

    def _refuse_truncated(self, page: pd.DataFrame, before: int) -> None:
        first = page.index[0]
        if not before and first > self.late:
            listing = self.history.listing
            raise BadData(f"{listing} is truncated: its first bar opens {first}, expected was one by {self.late}")

    def _page(self, cursor: pd.Timestamp, due: pd.Timestamp) -> pd.DataFrame:
        """The bars from `cursor` on; asked for a second time where they do not begin by `due`.

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
        if not len(page):
            return self.history.exchange.windowed or cursor > self.until - OUTAGE
        return bool(_first(page, cursor) <= due)

    def _asked(self, cursor: pd.Timestamp) -> pd.DataFrame:
        listing = self.history.listing
        since, limit = cursor.value // 10**6, self.history.exchange.page
        params = {} if listing.price == TRADE else {"price": listing.price}
        rows = self.history.venue.ask(
            lambda client: client.fetch_ohlcv(listing.symbol, listing.timeframe, since, limit, params)
        )
        return _frame(rows, listing)

    def _say(self, cursor: pd.Timestamp, rows: int) -> None:
        begins = max(self.start, pd.Timestamp(self.history.exchange.begins[self.history.listing.asset], tz="UTC"))
        share = max(0.0, (cursor - begins) / (self.until - begins)) if self.until > begins else 1.0
        self.history.session.say(Step(self.history.job, self.history.exchange.name, rows, min(share, 1.0)))


def _first(page: pd.DataFrame, cursor: pd.Timestamp) -> pd.Timestamp:
    """When the first bar from `cursor` on opens; after all times where there is none."""
    at = page.index.searchsorted(cursor)
    return page.index[at] if at < len(page) else pd.Timestamp.max.tz_localize("UTC")


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
