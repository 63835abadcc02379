"""Bybit's public history of linear perpetuals.

Where the format is from: ccxt 4.5.90, bybit.py: fetch_funding_rate_history (result.list of fundingRate and
fundingRateTimestamp, at most 200, the newest up to endTime), fetch_derivatives_open_interest_history and
parse_open_interest (result.list of openInterest, in coins, and timestamp; "walks backwards from endTime and ignores a
lone startTime"), handle_errors (retCode and retMsg under the status 200).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from tests.standins.binance_futures import milliseconds, within
from tests.standins.server import Reply, Request, as_json


@dataclass
class Bybit:
    """Answers of Bybit out of a world: `funding` and `open_interest`, by symbol, are numbers by UTC time."""

    now: pd.Timestamp
    funding: Mapping[str, pd.Series] = field(default_factory=dict)
    open_interest: Mapping[str, pd.Series] = field(default_factory=dict)

    def __call__(self, request: Request) -> Reply:
        if request.path == "/v5/market/funding/history":
            return self._page(request, self.funding, "fundingRate", "fundingRateTimestamp")
        if request.path == "/v5/market/open-interest":
            return self._page(request, self.open_interest, "openInterest", "timestamp")
        return as_json({"retCode": 10001, "retMsg": f"no {request.path}"}, 404)

    def _page(self, request: Request, world: Mapping[str, pd.Series], value: str, time: str) -> Reply:
        symbol = request.query["symbol"]
        if request.query.get("category") != "linear" or symbol not in world:
            return as_json({"retCode": 10001, "retMsg": "symbol params err", "result": {}})
        if "startTime" in request.query and "endTime" not in request.query:
            return as_json({"retCode": 10001, "retMsg": "params error: endTime", "result": {}})
        held = within(world[symbol][: self.now], request.milliseconds("startTime"), request.milliseconds("endTime"))
        held = held.iloc[-int(request.query.get("limit", 50)) :][::-1]
        rows = [
            {"symbol": symbol, value: f"{number:.8f}", time: str(stamp)}
            for stamp, number in zip(milliseconds(held.index), held, strict=True)
        ]
        result = {"category": "linear", "symbol": symbol, "list": rows, "nextPageCursor": ""}
        return as_json({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 1})
