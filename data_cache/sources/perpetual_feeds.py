"""What venues have of the history of perpetuals, and how each is asked for a page of it.

The endpoints are those behind ccxt's `fetch_funding_rate_history` and `fetch_open_interest_history`; what they answer
is read here as ccxt reads it there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

Rows = list[tuple[int, float]]


@dataclass(frozen=True)
class Feed:
    """How one venue gives one kind of history.

    route : of the endpoint, for the provenance
    pattern : of its symbols
    ask : (client, symbol, first, last) -> a page of (stamp, value); stamps in ms UTC, both ends included
    forward : whether a page holds the oldest rows that were asked for, or the newest
    limit : rows of a full page
    begins : asset -> the first period, where it is known
    short : a sentence for the user where the venue keeps only the newest rows
    once : whether one page is all that there is
    """

    route: str
    pattern: str
    ask: Callable[[Any, str, int, int], Rows]
    forward: bool
    limit: int
    begins: Mapping[str, pd.Timestamp] = field(default_factory=dict)
    short: str = ""
    once: bool = False

    def symbol(self, asset: str) -> str:
        """The venue's own name of the asset's perpetual."""
        return self.pattern.format(asset)


@dataclass(frozen=True)
class Kind:
    """A kind of history.

    series : pattern of the ids      longest : between two periods, in the ordinary course of things
    feeds : by venue, best first     needed : whether it is a failure that no venue has it
    """

    name: str
    series: str
    longest: pd.Timedelta
    feeds: Mapping[str, Feed]
    needed: bool = True


def _binance_funding(client: Any, symbol: str, first: int, last: int) -> Rows:
    asked = {"symbol": symbol, "startTime": first, "endTime": last, "limit": 1000}
    return [(int(row["fundingTime"]), float(row["fundingRate"])) for row in client.fapiPublicGetFundingRate(asked)]


def _bybit_funding(client: Any, symbol: str, first: int, last: int) -> Rows:
    asked = {"category": "linear", "symbol": symbol, "endTime": last, "limit": 200}
    rows = client.publicGetV5MarketFundingHistory(asked)["result"]["list"]
    return [(int(row["fundingRateTimestamp"]), float(row["fundingRate"])) for row in rows]


def _okx_funding(client: Any, symbol: str, first: int, last: int) -> Rows:
    # "after" asks for rows before a time, which it does not include. The rate that was paid is the realised one.
    asked = {"instId": symbol, "after": last + 1, "limit": 100}
    rows = client.publicGetPublicFundingRateHistory(asked)["data"]
    return [(int(row["fundingTime"]), float(row["realizedRate"])) for row in rows]


def _bybit_open_interest(client: Any, symbol: str, first: int, last: int) -> Rows:
    # Linear contracts are counted in coins. Pages go back from endTime; their cursor says no more than that.
    asked = {"category": "linear", "symbol": symbol, "intervalTime": "1d", "endTime": last, "limit": 200}
    rows = client.publicGetV5MarketOpenInterest(asked)["result"]["list"]
    return [(int(row["timestamp"]), float(row["openInterest"])) for row in rows]


def _binance_open_interest(client: Any, symbol: str, first: int, last: int) -> Rows:
    # Linear contracts are counted in coins. A start that is older than the 30 days is refused, so none is named.
    rows = client.fapiDataGetOpenInterestHist({"symbol": symbol, "period": "1d", "limit": 500})
    return [(int(row["timestamp"]), float(row["sumOpenInterest"])) for row in rows]


def _okx_open_interest(client: Any, symbol: str, first: int, last: int) -> Rows:
    # A row is stamp, contracts, coins, dollars; days are those of UTC only where the period says so. The end is
    # not included.
    asked = {"instId": symbol, "period": "1Dutc", "end": last + 1, "limit": 100}
    rows = client.publicGetRubikStatContractsOpenInterestHistory(asked)["data"]
    return [(int(row[0]), float(row[2])) for row in rows]


FUNDING = Kind(
    name="funding",
    series="FUNDING_{}",
    longest=pd.Timedelta(hours=8),
    feeds={
        "binance": Feed(
            "fapi/v1/fundingRate",
            "{}USDT",
            _binance_funding,
            forward=True,
            limit=1000,
            begins={"BTC": pd.Timestamp("2019-09-10 08:00"), "ETH": pd.Timestamp("2019-11-27 08:00")},
        ),
        "bybit": Feed("v5/market/funding/history", "{}USDT", _bybit_funding, forward=False, limit=200),
        "okx": Feed(
            "api/v5/public/funding-rate-history",
            "{}-USDT-SWAP",
            _okx_funding,
            forward=False,
            limit=100,
            short="okx keeps the funding of the last three months only",
        ),
    },
)
OPEN_INTEREST = Kind(
    name="open interest",
    series="OPEN_INTEREST_{}",
    longest=pd.Timedelta(days=1),
    feeds={
        "bybit": Feed("v5/market/open-interest", "{}USDT", _bybit_open_interest, forward=False, limit=200),
        "binance": Feed(
            "futures/data/openInterestHist",
            "{}USDT",
            _binance_open_interest,
            forward=False,
            limit=500,
            short="binance keeps the open interest of the last 30 days only",
            once=True,
        ),
        "okx": Feed(
            "api/v5/rubik/stat/contracts/open-interest-history",
            "{}-USDT-SWAP",
            _okx_open_interest,
            forward=False,
            limit=100,
        ),
    },
    needed=False,
)
