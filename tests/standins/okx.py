"""OKX's public history of perpetuals.

Where the format is from: ccxt 4.5.90, okx.py: fetch_funding_rate_history (data of fundingTime, fundingRate and
realizedRate, newest first), handle_trading_statistics_window (both bounds excluded, newest first, at most 100) and
parse_open_interest (stamp, contracts, coins, dollars), handle_errors (code and msg). OKX's page "Get funding rate
history" (the last three months; `after` asks for earlier rows and excludes its time).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from tests.standins.binance_futures import milliseconds, within
from tests.standins.server import Reply, Request, as_json

CONTRACT = 0.01  # coins of a BTC-USDT-SWAP


@dataclass
class Okx:
    """Answers of OKX out of a world: `funding` and `open_interest`, by instrument, are numbers by UTC time."""

    now: pd.Timestamp
    funding: Mapping[str, pd.Series] = field(default_factory=dict)
    open_interest: Mapping[str, pd.Series] = field(default_factory=dict)

    def __call__(self, request: Request) -> Reply:
        if request.path == "/api/v5/public/funding-rate-history":
            held = self.funding[request.query["instId"]][self.now - pd.DateOffset(months=3) : self.now]
            return self._said(held, request, "after", self._rate)
        held = self.open_interest[request.query["instId"]][: self.now]
        return self._said(held, request, "end", self._interest)

    def _said(self, held: pd.Series, request: Request, bound: str, row: Callable[..., object]) -> Reply:
        end = request.milliseconds(bound)
        held = within(held, None, None if end is None else end - 1)
        held = held.iloc[-min(int(request.query.get("limit", 100)), 100) :][::-1]
        symbol = request.query["instId"]
        rows = [row(symbol, stamp, value) for stamp, value in zip(milliseconds(held.index), held, strict=True)]
        return as_json({"code": "0", "msg": "", "data": rows})

    @staticmethod
    def _rate(symbol: str, stamp: int, rate: float) -> dict[str, str]:
        # What had been foreseen is not what was paid.
        foreseen, paid = f"{rate + 0.001:.8f}", f"{rate:.8f}"
        return {"instId": symbol, "fundingRate": foreseen, "realizedRate": paid, "fundingTime": str(stamp)}

    @staticmethod
    def _interest(symbol: str, stamp: int, coins: float) -> list[str]:
        return [str(stamp), f"{coins / CONTRACT:.2f}", f"{coins:.8f}", "1"]
