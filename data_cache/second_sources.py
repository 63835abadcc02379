"""The cache against second sources: where two tell of one thing they must agree. Nothing is written."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from data_cache.bars import TIMEFRAMES, Bars
from data_cache.errors import EbbtideError
from data_cache.observations import Observations
from data_cache.store import TRADE, Listing, Store

Worst = tuple[pd.Timestamp, float, float]
# Bars of another venue for the asset of a listing, and which listing they are of.
AskAnotherVenue = Callable[[Listing], tuple[Listing, Bars]]


@dataclass(frozen=True)
class Check:
    """Two sources of one thing, and how far apart they are.

    name : what they tell      first, second : where each is from: series or a listing
    tolerance : how far apart they may be, with its unit
    compared : periods or days that both have      beyond : those that are further apart than `tolerance`
    worst : the period that is furthest apart and both its values, None where nothing was compared
    note : why they were not compared, "" where they were
    """

    name: str
    first: str
    second: str
    tolerance: str = ""
    compared: int = 0
    beyond: int = 0
    worst: Worst | None = None
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing that was compared is beyond the tolerance; so it is where nothing was compared."""
        return self.beyond == 0

    def summary(self) -> dict[str, Any]:
        """The check as JSON can hold it: the worst period in ISO; `holds` is None where nothing was compared."""
        worst = None if self.worst is None else [self.worst[0].isoformat(), *self.worst[1:]]
        return asdict(self) | {"worst": worst, "holds": None if self.note else self.holds}


@dataclass(frozen=True)
class Pair:
    """Two ways to the same number of a period.

    second : the series to compare with, or the first of them less the others
    tolerance : in `unit`      since : first period, "" for all
    """

    name: str
    first: str
    second: tuple[str, ...]
    tolerance: float
    unit: str
    since: str = ""


PAIRS = (
    # Equal on every Wednesday that was compared. The opening instead of the closing balance, a shift by a day,
    # differs by $20bn in the median; $5bn tells it from a restated balance.
    Pair("Treasury's account on Wednesdays", "TGA", ("WDTGAL",), 5, "$bn"),
    # Both are printed to a million, and leave test operations out. Before, other repo was done overnight, too.
    Pair("Take-up of standing repo", "SRF", ("RPONTTLD",), 0.001, "$bn", since="2021-07-29"),
    # FRED computes it from yields of two decimals. Before 2000 it differs on two days that were never put right,
    # by 0.02 on 1991-01-29 and by 0.10 on 1999-10-01.
    Pair("Term spread", "T10Y3M", ("DGS10", "DGS3MO"), 0.015, "%", since="2000-01-01"),
)

# Closes of two large venues lie within 0.23 %. Bitcoin moves by more than 2 % on two days of five, so bars of
# another day, asset or currency show at once. Venues drifted further apart when tether was not worth a dollar
# (October 2018) and when money moved slowly between them (December 2017).
PRICE_TOLERANCE, EARLY_TOLERANCE = 0.02, 0.10
EARLY_UNTIL = pd.Timestamp("2020-01-01")
PRICE_TOLERANCE_TEXT = f"{PRICE_TOLERANCE:.0%}, before {EARLY_UNTIL:%Y} {EARLY_TOLERANCE:.0%}"
ANOTHER_VENUE = "another venue"
KINDS = ("macro", "prices")
# Arithmetic on decimals is not exact: 16.802 - 16.801 is a little more than 0.001.
EXACT = 1e-9


def checks(store: Store, ask: AskAnotherVenue | None = None, kinds: Collection[str] = KINDS) -> list[Check]:
    """Compare what is stored with second sources: series by period, daily closes venue by venue.

    ask : gives bars of another venue for a stored listing, or raises an EbbtideError, whose sentence becomes the
    note; where None, only stored venues are compared
    kinds : "macro" to compare series, "prices" to compare closes

    Series are compared by their final values. What cannot be compared is in the answer, with the reason.
    """
    series = [_series_check(store, pair) for pair in PAIRS] if "macro" in kinds else []
    return [*series, *(_price_checks(store, ask) if "prices" in kinds else ())]


def _series_check(store: Store, pair: Pair) -> Check:
    tolerance = f"{pair.tolerance:g} {pair.unit}" + (f", since {pair.since}" if pair.since else "")
    check = Check(pair.name, pair.first, " − ".join(pair.second), tolerance)
    absent = [series for series in (pair.first, *pair.second) if series not in store.series()]
    if absent:
        return replace(check, note=f"not cached: {', '.join(absent)}; ebbtide fetch macro brings what is missing")
    try:
        first, second, *others = (_final(store, series) for series in (pair.first, *pair.second))
    except EbbtideError as error:
        return replace(check, note=str(error))
    for other in others:
        second = second - other
    return _compared(check, first[pair.since or None :], second, lambda values: values * 0 + pair.tolerance)


def _final(store: Store, series: str) -> pd.Series:
    """The final value of each period."""
    return Observations({series: store.rows(series)}).revised(series)


def _price_checks(store: Store, ask: AskAnotherVenue | None) -> Iterator[Check]:
    listings = _daily_listings(store)
    pairs = [(a, b) for a, b in combinations(listings, 2) if a.asset == b.asset and a.venue != b.venue]
    for first, second in pairs:
        yield _price_check(store, first, partial(_stored, store, second))
    for listing in listings:
        if ask is not None:
            yield _price_check(store, listing, partial(ask, listing))
        elif not any(listing in pair for pair in pairs):
            yield replace(_closes(listing), note=f"{listing.asset} is cached from {listing.venue} alone")


def _daily_listings(store: Store) -> list[Listing]:
    """One listing of each symbol of a venue that can be traded: of its daily bars, else of the longest it has."""
    traded = [listing for listing in store.listings() if listing.asset and listing.price == TRADE]
    longest_last = sorted(traded, key=lambda listing: TIMEFRAMES[listing.timeframe])
    return sorted({(listing.venue, listing.symbol): listing for listing in longest_last}.values())


def _stored(store: Store, listing: Listing) -> tuple[Listing, Bars]:
    return listing, store.bars(listing)


def _price_check(store: Store, listing: Listing, second: Callable[[], tuple[Listing, Bars]]) -> Check:
    try:
        first = _daily_closes(store.bars(listing))
        other, bars = second()
    except EbbtideError as error:
        return replace(_closes(listing), note=str(error))
    return _compared(_closes(listing, str(other)), first, _daily_closes(bars), _price_tolerance)


def _closes(listing: Listing, second: str = ANOTHER_VENUE) -> Check:
    return Check(f"{listing.asset}, daily closes", str(listing), second, PRICE_TOLERANCE_TEXT)


def _daily_closes(bars: Bars) -> pd.Series:
    """The close of each UTC day whose last bar is there, by naive day."""
    ends = bars.known_at.tz_localize(None)
    at_midnight = ends == ends.normalize()
    days = ends[at_midnight] - pd.Timedelta(days=1)
    return pd.Series(bars.frame["close"].to_numpy()[at_midnight], days)


def _price_tolerance(closes: pd.Series) -> pd.Series:
    return closes * np.where(closes.index < EARLY_UNTIL, EARLY_TOLERANCE, PRICE_TOLERANCE)


def _compared(check: Check, first: pd.Series, second: pd.Series, tolerance: Callable[[pd.Series], pd.Series]) -> Check:
    """The check, made on the periods that both have a value of.

    tolerance : of these values of `second`, in their unit
    """
    both = pd.DataFrame({"first": first, "second": second}).dropna()
    if both.empty:
        return replace(check, note=f"{check.first} and {check.second} have no day in common")
    apart = (both["first"] - both["second"]).abs() / tolerance(both["second"])
    period = apart.idxmax()
    return replace(
        check,
        compared=len(both),
        beyond=int((apart > 1 + EXACT).sum()),
        worst=(period, float(both.at[period, "first"]), float(both.at[period, "second"])),
    )
