"""Prices of exchanges: spot bars of BTC and ETH, and the mark and index price of their perpetuals."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from data_cache.bars import Bars, timeframe_length
from data_cache.errors import BadUsage, NoData, Refused, UnknownName
from data_cache.sources.listing_history import OUTAGE, Exchange, History
from data_cache.sources.outcome import Job, Outcome
from data_cache.sources.session import Session
from data_cache.sources.venues import Listed, failing_over, opened
from data_cache.store import TRADE, Listing, Store

PIECE = 20  # pages between two saves: a kill loses no more

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

    venues : to ask, in this order, in place of our own order; a mark or index price that none of them has is left
    out, and the job of a traded price that none of them has fails

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
        for asset in assets if named or not venues or price == TRADE else ():
            for timeframe in own or timeframes:
                wanted = _Wanted(session, store, asset, timeframe, price, tuple(named), known, listed)
                run = wanted.fetch if named or not venues else partial(_refuse, wanted.name, venues)
                found.append(Job("prices", "exchange", wanted.name, run))
    return found


def _refuse(job: str, venues: Sequence[str]) -> list[Outcome]:
    able = ", ".join(exchange.name for exchange in SPOT)
    raise Refused(f"{job}: no spot bars are fetched from {', '.join(venues)}; name one of these instead: {able}")


def elsewhere(session: Session, listing: Listing, venues: Sequence[str] = ()) -> tuple[Listing, Bars]:
    """Daily bars of the asset of a listing, from the first other venue that gives them; nothing of them is kept.

    venues : to ask, in this order, in place of our own order

    Raises BadUsage where `venues` leave none to compare with, and what fetching raises.
    """
    spot = [exchange.name for exchange in SPOT]
    able = [name for name in venues or spot if name in spot]
    others = [name for name in able if name != listing.venue]
    if not others:
        why = "can't be compared with itself" if able else f"can't be compared with {', '.join(venues)}: no spot bars"
        named = ", ".join(name for name in spot if name != listing.venue)
        raise BadUsage(f"{listing.venue} {why}; name another --venue: {named}")
    with TemporaryDirectory() as folder:
        store = Store(Path(folder))
        [job] = [
            job for job in jobs(session, store, (listing.asset,), ("1d",), others) if job.name == f"{listing.asset} 1d"
        ]
        [outcome] = job.run()
        for other in store.listings():
            if str(other) == outcome.name:
                return other, store.bars(other)
    raise NoData(f"{outcome.name}: no bars to compare with; {'; '.join(outcome.notes)}")


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

        A stored history whose exchange is out of reach waits for it, unless the user chose the exchanges. That every
        exchange refuses is a failure for what is traded; for a mark or index price it is a note.
        """
        stored = self.store.listings()
        exchanges = self.named or tuple(sorted(self.known, key=lambda e: self.listing(e) not in stored))
        by_name = {exchange.name: exchange for exchange in exchanges}
        try:
            return failing_over(
                self.session,
                self.name,
                list(by_name),
                lambda name: [self._fetched(by_name[name])],
                lambda name: not self.named and self.listing(by_name[name]) in self.store.listings(),
            )
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
            outcome = History(venue, exchange, listing, self.session, self.store, self.name, PIECE).fetched()
        others = [str(other) for other in map(self.listing, self.known) if other in stored]
        if listing in stored or not others:
            return outcome
        return outcome.noting(f"{listing} is new beside {', '.join(others)}: the store keeps both and joins them never")
