"""Daily closes of dated futures, each asset's of one venue: Deribit contract by contract, Binance as one long strip.

ccxt lists contracts that still trade, so expired ones are asked for by the venue's own name through the endpoints
themselves. A close counts from the end of its UTC day, and the day of expiry has none: its bar ends at 08:00.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from data_cache.continuation import changed_prices
from data_cache.errors import BadData, Refused
from data_cache.parquet import Fetch, provenance_at
from data_cache.sources.one_venue import of_one_venue, venue_of
from data_cache.sources.outcome import Job, Outcome, stored_futures
from data_cache.sources.session import Session, Step
from data_cache.sources.venues import Venue, opened
from data_cache.store import Store, futures_rows

DAY = pd.Timedelta(days=1)
# What is asked for again, so that a changed close is noticed.
OVERLAP = 7 * DAY
# No contract is listed for longer.
LIFE = 1000 * DAY
# Nobody traded dated futures on coins at these venues before.
EARLIEST = {"deribit": pd.Timestamp("2016-09-01", tz="UTC"), "binance": pd.Timestamp("2020-06-01", tz="UTC")}
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
EXPIRY_HOUR = pd.Timedelta(hours=8)
# How Deribit says that it has no instrument of a name: codes and words of its errors.
UNKNOWN_INSTRUMENT = ("13020", "not_found", "10020", "invalid_or_unsupported_instrument", "instrument_name")
# Binance gives 200 days of a strip at most.
WINDOW = 199 * DAY
STRIPS = ("CURRENT_QUARTER", "NEXT_QUARTER")


def jobs(
    session: Session, store: Store, assets: Sequence[str] = ("BTC", "ETH"), venues: Sequence[str] = ()
) -> list[Job]:
    """A job for the dated futures on each asset; `venues` restricts and orders whom to ask."""
    return [
        Job("futures", "exchange", f"dated futures on {asset}", partial(_fetched, session, store, asset, venues))
        for asset in assets
    ]


def _fetched(session: Session, store: Store, asset: str, venues: Sequence[str]) -> list[Outcome]:
    def attempt(name: str) -> list[Outcome]:
        with opened(session, name) as venue:
            curve = _Curve(session, store, asset, venue)
            return [curve.stored_from(PIECES[name](curve))]

    path = store.futures_path(asset)
    return of_one_venue(session, f"dated futures on {asset}", path, list(PIECES), venues, attempt)


def quarterly_expiries(first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    """When quarterly futures expire from `first` to `last`: 08:00 UTC on the last Friday of each quarter."""
    fridays = pd.date_range(first.normalize() - 7 * DAY, last.normalize() + 7 * DAY, freq="W-FRI", unit="ns")
    is_last = (fridays.month % 3 == 0) & ((fridays + 7 * DAY).month != fridays.month)
    expiries = fridays[is_last] + EXPIRY_HOUR
    return expiries[(expiries >= first) & (expiries <= last)]


@dataclass
class _Curve:
    """The futures on one asset at one venue: what is stored of them, and what comes."""

    session: Session
    store: Store
    asset: str
    venue: Venue
    received: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def job(self) -> str:
        return f"dated futures on {self.asset}"

    @property
    def start(self) -> pd.Timestamp:
        """The first day to ask for."""
        earliest = EARLIEST[self.venue.name]
        return earliest if self.session.since is None else max(self.session.since.normalize(), earliest)

    @property
    def asked_from(self) -> pd.Timestamp | None:
        """The first day that was ever asked of this venue, as the provenance of what is stored says."""
        path = self.store.futures_path(self.asset)
        fetches = provenance_at(path).fetches if path.is_file() else ()
        said = [fetch.query.rpartition(" from ")[2] for fetch in fetches if fetch.source == self.venue.name]
        return pd.Timestamp(said[0], tz="UTC") if said else None

    def rows(self) -> pd.DataFrame:
        """All that is stored."""
        if self.asset in self.store.futures_assets():
            return self.store.futures_rows(self.asset)
        never = pd.DatetimeIndex([], tz="UTC")
        return futures_rows(never, never, [])

    @property
    def imported(self) -> bool:
        """Whether what is stored is of no venue."""
        return self.asset in self.store.futures_assets() and not venue_of(self.store.futures_path(self.asset))

    def stored_from(self, pieces: Iterator[pd.DataFrame]) -> Outcome:
        """Store piece after piece; Refused where there is nothing in the end."""
        asked_from = min(filter(None, (self.start, self.asked_from)))
        outcome = Outcome("futures", self.asset, self.venue.name)
        fetch = Fetch(self.venue.name, f"{ROUTES[self.venue.name]} from {asked_from.date()}", self.session.now)
        for rows in self._agreeing(pieces) if self.imported else pieces:
            if len(rows):
                outcome = outcome.then(stored_futures(self.store, self.asset, rows, fetch))
        if self.rows().empty:
            raise Refused(f"{self.venue.name} has no {self.job}")
        return outcome.noting(*self.notes)

    def known(self, days: pd.DatetimeIndex, expiry: Any, close: Any) -> pd.DataFrame:
        """Rows of closes by UTC day, without those of days that have not ended, or not before the expiry."""
        rows = pd.DataFrame({"known_at": days + DAY, "expiry": expiry, "close": close}).drop_duplicates()
        rows = rows[(rows["known_at"] <= self.session.now) & (rows["known_at"] <= rows["expiry"])]
        return futures_rows(rows["known_at"], rows["expiry"], rows["close"])

    def say(self, rows: int, share: float, note: str = "") -> None:
        self.received += rows
        self.session.say(Step(self.job, self.venue.name, self.received, share, note))

    def _agreeing(self, pieces: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """All pieces as one, where they agree with what was imported: only then may the venue go on with it."""
        keys, stored = ["known_at", "expiry"], self.rows()
        rows = pd.concat([stored[:0], *pieces], ignore_index=True)
        _, said = changed_prices(stored.set_index(keys), rows.set_index(keys), self.job)
        if rows.merge(stored, on=keys).empty:
            said = f"{self.job}: nothing that was imported can be compared"
        if said:
            path = self.store.futures_path(self.asset)
            raise BadData(f"{said}; delete {path} to fetch all of it from {self.venue.name}")
        yield rows


# Deribit


@dataclass(frozen=True)
class _Contract:
    """A dated future of Deribit; `listed` where the venue named it, now or when it was stored."""

    name: str
    expiry: pd.Timestamp
    listed: bool


def _deribit(curve: _Curve) -> Iterator[pd.DataFrame]:
    """Contract by contract, the oldest first: those that are listed, and quarterly ones back to the first.

    A fetch that is killed has then all that is older than the newest stored contract, and what is older than the
    oldest one need not be asked for again.
    """
    newest = {} if curve.imported else curve.rows().groupby("expiry")["known_at"].max().to_dict()
    contracts = [
        contract
        for contract in _contracts(curve)
        if contract.expiry not in newest
        or newest[contract.expiry] < min(contract.expiry, curve.session.now).normalize()
    ]
    unknown: list[str] = []
    for at, contract in enumerate(contracts):
        bars = _chart(curve, contract, newest.get(contract.expiry))
        curve.say(0 if bars is None else len(bars), (at + 1) / len(contracts), contract.name)
        if bars is None and not contract.listed:
            unknown.append(contract.name)
        elif bars is not None:
            yield _closes(curve, contract, bars)
    if unknown:
        several = f"{len(unknown)} quarterly contracts, {unknown[0]} to {unknown[-1]}"
        curve.notes.append(f"deribit does not know {several if len(unknown) > 1 else unknown[0]}")


def _contracts(curve: _Curve) -> list[_Contract]:
    """All contracts that expire after the first day to ask for, the oldest first; see `_deribit`."""
    listed = {contract.name: contract for expired in ("false", "true") for contract in _listed(curve, expired)}
    from_day, stored, before = curve.start, set(curve.rows()["expiry"]), curve.asked_from
    computed = quarterly_expiries(from_day, curve.session.now)
    if before is not None:
        computed = computed[(computed >= min(stored)) | (computed < before)]
    every = {_name(curve.asset, expiry): expiry for expiry in (*computed, *stored)}
    contracts = {name: _Contract(name, expiry, expiry in stored) for name, expiry in every.items()} | listed
    return sorted((one for one in contracts.values() if one.expiry >= from_day), key=lambda one: one.expiry)


def _name(asset: str, expiry: pd.Timestamp) -> str:
    """What Deribit calls a contract: BTC-27DEC24, BTC-5JAN24."""
    return f"{asset}-{expiry.day}{MONTHS[expiry.month - 1]}{expiry:%y}"


def _listed(curve: _Curve, expired: str) -> list[_Contract]:
    """What Deribit lists, without perpetuals and the contracts of a day or a week."""

    def ask(client: Any) -> list[_Contract]:
        asked = {"currency": curve.asset, "kind": "future", "expired": expired}
        return [
            _Contract(one["instrument_name"], pd.Timestamp(int(one["expiration_timestamp"]), unit="ms", tz="UTC"), True)
            for one in client.publicGetGetInstruments(asked)["result"]
            if one["settlement_period"] == "month"
        ]

    return curve.venue.ask(ask)


def _chart(curve: _Curve, contract: _Contract, last: pd.Timestamp | None) -> pd.DataFrame | None:
    """The daily bars of a contract since a week before `last`, the newest stored one; None where there are none.

    A chart that jumps, or ends before the contract did, is asked for once more.
    """
    first = contract.expiry.normalize() - LIFE if last is None else last - OVERLAP
    until = min(contract.expiry, curve.session.now)

    def ask() -> pd.DataFrame | None:
        return curve.venue.ask(lambda client: _bars(client, contract.name, first, until))

    bars = ask()
    if bars is not None and _jumps(bars.index, until.normalize() - DAY):
        bars = ask()
        if bars is not None and _jumps(bars.index, until.normalize() - DAY):
            curve.notes.append(f"deribit's days of {contract.name} have a gap, asked twice")
    return bars


def _bars(client: Any, name: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame | None:
    """Closes and volumes by UTC day, ascending; None for a name that Deribit does not know, or has nothing of."""
    import ccxt

    asked = {
        "instrument_name": name,
        "resolution": "1D",
        "start_timestamp": _milliseconds(first),
        "end_timestamp": _milliseconds(last),
    }
    try:
        said = client.publicGetGetTradingviewChartData(asked)["result"]
    except ccxt.ExchangeError as error:
        if any(words in str(error) for words in UNKNOWN_INSTRUMENT):
            return None
        raise
    if said["status"] == "no_data" or not said["ticks"]:
        return None
    ticks = pd.DatetimeIndex(pd.to_datetime([int(tick) for tick in said["ticks"]], unit="ms", utc=True))
    numbers = {name: [float(number) for number in said[name]] for name in ("close", "volume")}
    return pd.DataFrame(numbers, index=ticks.as_unit("ns")).sort_index(kind="stable")


def _closes(curve: _Curve, contract: _Contract, bars: pd.DataFrame) -> pd.DataFrame:
    """The closes of days on which the contract was traded: the others repeat the one before."""
    odd = bars.index != bars.index.normalize()
    if odd.any():
        raise BadData(
            f"deribit: {contract.name} has a daily bar at {bars.index[odd][0]}, which is no UTC midnight: its days "
            "are not those of the store; take another venue with --venue binance"
        )
    traded = bars[bars["volume"] > 0]
    return curve.known(traded.index, contract.expiry, traded["close"].to_numpy())


# Binance


def _binance(curve: _Curve) -> Iterator[pd.DataFrame]:
    """Window by window, both strips of each together: that of the current quarter and that of the next."""
    stored, now, before = curve.rows(), curve.session.now, curve.asked_from
    if stored.empty or before is None:
        yield from _windows(curve, curve.start, now)
        return
    if curve.start < before:
        # Stored at once, and before the rest: a kill then leaves no hole that nothing tells of.
        yield pd.concat(list(_windows(curve, curve.start, stored["known_at"].min() - DAY)), ignore_index=True)
    yield from _windows(curve, stored["known_at"].max() - OVERLAP, now)


def _windows(curve: _Curve, first: pd.Timestamp, last: pd.Timestamp) -> Iterator[pd.DataFrame]:
    for start in pd.date_range(first.normalize(), last, freq=WINDOW + DAY):
        end = min(start + WINDOW, last)
        strips = [_strip(curve, strip, start, end) for strip in STRIPS]
        curve.say(sum(map(len, strips)), (end - first) / (last - first))
        yield pd.concat(strips, ignore_index=True)


def _strip(curve: _Curve, strip: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    """The closes of a strip, each of the contract that it was of.

    A bar is of the first quarterly expiry after it, or of the second one; on the day of an expiry it is of two
    contracts, so that it is left out.
    """

    def ask(client: Any) -> pd.Series:
        asked = {"pair": f"{curve.asset}USD", "contractType": strip, "interval": "1d", "limit": 200}
        asked |= {"startTime": _milliseconds(first), "endTime": _milliseconds(last)}
        klines = client.dapiPublicGetContinuousKlines(asked)
        times = pd.DatetimeIndex(pd.to_datetime([int(kline[0]) for kline in klines], unit="ms", utc=True))
        closes = pd.Series([float(kline[4]) for kline in klines], index=times.as_unit("ns"), dtype=float)
        return closes.sort_index(kind="stable")

    closes = curve.venue.ask(ask)
    if len(closes) and _jumps(closes.index, closes.index[-1]):
        closes = curve.venue.ask(ask)
        if _jumps(closes.index, closes.index[-1]):
            curve.notes.append(
                f"binance's days of {strip} from {first.date()} to {last.date()} have a gap, asked twice"
            )
    days = closes.index
    odd = days != days.normalize()
    if odd.any():
        raise BadData(f"binance: {strip} has a daily bar at {days[odd][0]}, which is no UTC midnight")
    expiries = quarterly_expiries(first, last + 2 * 100 * DAY)
    place = expiries.searchsorted(days)
    kept = (expiries[place].normalize() != days) if len(days) else np.zeros(0, bool)
    return curve.known(days[kept], expiries[place[kept] + STRIPS.index(strip)], closes.to_numpy()[kept])


def _jumps(days: pd.DatetimeIndex, last: pd.Timestamp) -> bool:
    """Whether days are missing between the first one and `last`."""
    return bool((days[1:] - days[:-1] > DAY).any()) or (len(days) > 0 and bool(days[-1] < last))


def _milliseconds(time: pd.Timestamp) -> int:
    return int(time.value) // 1_000_000


PIECES: dict[str, Callable[[_Curve], Iterator[pd.DataFrame]]] = {"deribit": _deribit, "binance": _binance}
VENUES = tuple(PIECES)
ROUTES = {"deribit": "public/get_tradingview_chart_data", "binance": "dapi/v1/continuousKlines"}
