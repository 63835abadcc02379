"""Binance's public history of perpetuals (USD-M) and of continuous dated futures (COIN-M).

Where the format is from: ccxt 4.5.90, binance.py: fetch_funding_rate_history and parse_funding_rate_history
(fundingTime, fundingRate), fetch_open_interest_history and parse_open_interest (sumOpenInterest, timestamp),
parse_ohlcv (the twelve fields of a kline), handle_errors (code and msg under the HTTP status). Binance's pages "Get
Funding Rate History" (ascending, at most 1000 from startTime on), "Open Interest Statistics" (the last 30 days) and
"Continuous Contract Kline Data" (at most 200 days between startTime and endTime).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from tests.standins.server import Reply, Request, as_json

DAY = 86_400_000
BLOCKED = b'{"code":0,"msg":"Service unavailable from a restricted location according to \'b. Eligibility\'"}'


def milliseconds(times: pd.DatetimeIndex) -> list[int]:
    """Stamps of UTC times."""
    return [int(stamp) for stamp in times.as_unit("ms").asi8]


def within(series: pd.Series, first: int | None, last: int | None) -> pd.Series:
    """The part of a series, by UTC time, between two stamps, both included; None is no bound."""
    stamps = series.index.as_unit("ms").asi8
    low = stamps >= (first if first is not None else stamps.min(initial=0))
    return series[low & (stamps <= (last if last is not None else stamps.max(initial=0)))]


@dataclass
class BinanceFutures:
    """Answers of Binance out of a world.

    now : UTC; later rows are not there yet
    funding, open_interest : symbol (BTCUSDT) -> numbers by UTC time, ascending
    continuous : (pair, contract type), ("BTCUSD", "CURRENT_QUARTER") -> closes by open time, the unfinished one too
    most : funding rates a page, fewer than asked for where the server is to be short
    """

    now: pd.Timestamp
    funding: Mapping[str, pd.Series] = field(default_factory=dict)
    open_interest: Mapping[str, pd.Series] = field(default_factory=dict)
    continuous: Mapping[tuple[str, str], pd.Series] = field(default_factory=dict)
    most: int = 1000

    def __call__(self, request: Request) -> Reply:
        routes = {
            "/fapi/v1/fundingRate": self._funding,
            "/futures/data/openInterestHist": self._open_interest,
            "/dapi/v1/continuousKlines": self._continuous,
        }
        return routes[request.path](request)

    def _funding(self, request: Request) -> Reply:
        symbol = request.query["symbol"]
        if symbol not in self.funding:
            return as_json([])
        rates = within(
            self.funding[symbol][: self.now], request.milliseconds("startTime"), request.milliseconds("endTime")
        )
        limit = min(int(request.query.get("limit", 100)), self.most)
        rates = rates.iloc[:limit] if "startTime" in request.query else rates.iloc[-limit:]
        return as_json(
            [
                {"symbol": symbol, "fundingTime": stamp, "fundingRate": f"{rate:.8f}", "markPrice": ""}
                for stamp, rate in zip(milliseconds(rates.index), rates, strict=True)
            ]
        )

    def _open_interest(self, request: Request) -> Reply:
        kept = int(self.now.timestamp() * 1000) - 30 * DAY
        if (request.milliseconds("startTime") or kept) < kept:
            return as_json({"code": -1130, "msg": "parameter 'startTime' is invalid."}, 400)
        symbol = request.query["symbol"]
        held = within(self.open_interest[symbol][: self.now], kept, request.milliseconds("endTime"))
        held = held.iloc[-int(request.query.get("limit", 30)) :]
        rows = zip(milliseconds(held.index), held, strict=True)
        return as_json(
            [
                {"symbol": symbol, "sumOpenInterest": f"{coins:.8f}", "sumOpenInterestValue": "1", "timestamp": stamp}
                for stamp, coins in rows
            ]
        )

    def _continuous(self, request: Request) -> Reply:
        first, last = request.milliseconds("startTime"), request.milliseconds("endTime")
        if first is None or last is None or last - first > 200 * DAY:
            return as_json({"code": -4166, "msg": "Search window is restricted to recent 200 days only."}, 400)
        closes = self.continuous.get((request.query["pair"], request.query["contractType"]))
        if closes is None:
            return as_json([])
        closes = within(closes[: self.now], first, last).iloc[: int(request.query.get("limit", 500))]
        return as_json(
            [
                [stamp, *[f"{close:.1f}"] * 4, "10", stamp + DAY - 1, "0.1", 5, "5", "0.05", "0"]
                for stamp, close in zip(milliseconds(closes.index), closes, strict=True)
            ]
        )
