"""Deribit's public list of instruments and daily bars of futures, expired ones too.

Where the format is from: ccxt 4.5.90, deribit.py: fetch_markets (instrument_name, expiration_timestamp,
settlement_period), fetch_ohlcv (result of status and parallel lists), handle_errors (error of code, message and data).
Deribit's pages "public/get_instruments" (`expired` lists recently expired ones) and
"public/get_tradingview_chart_data" (status "ok" or "no_data"; days without a trade repeat the close, volume zero).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from tests.standins.binance_futures import DAY, milliseconds, within
from tests.standins.server import Reply, Request, as_json


@dataclass(frozen=True)
class Future:
    """A contract: closes by open time of their UTC day, that of its expiry too.

    period : of its settlement      untraded : days whose volume is zero
    """

    expiry: pd.Timestamp
    closes: pd.Series
    period: str = "month"
    untraded: Collection[pd.Timestamp] = ()


@dataclass
class Deribit:
    """Answers of Deribit out of a world.

    now : UTC; later bars are not there yet      futures : by name
    remembered : days for which an expired contract is still listed
    shift : milliseconds that bars open after midnight
    """

    now: pd.Timestamp
    futures: Mapping[str, Future] = field(default_factory=dict)
    remembered: int = 60
    shift: int = 0

    def __call__(self, request: Request) -> Reply:
        if request.path.endswith("/public/get_instruments"):
            return _result(self._listed(request.query["currency"], request.query["expired"] == "true"))
        name = request.query["instrument_name"]
        if name not in self.futures:
            data = {"reason": "instrument not found", "param": "instrument_name"}
            return _error(-32602, "Invalid params", data)
        future = self.futures[name]
        bars = within(
            future.closes[: self.now], *(request.milliseconds(f"{end}_timestamp") for end in ("start", "end"))
        )
        volumes = [0.0 if day in future.untraded else 25.5 for day in bars.index]
        prices = bars.tolist()
        return _result(
            {
                "status": "ok" if prices else "no_data",
                "ticks": [stamp + self.shift for stamp in milliseconds(bars.index)],
                **dict.fromkeys(("open", "high", "low", "close"), prices),
                "volume": volumes,
                "cost": volumes,
            }
        )

    def _listed(self, currency: str, expired: bool) -> list[dict[str, Any]]:
        perpetual = {
            "instrument_name": f"{currency}-PERPETUAL",
            "settlement_period": "perpetual",
            "expiration_timestamp": 32503708800000,
            "kind": "future",
        }
        oldest = self.now - pd.Timedelta(milliseconds=self.remembered * DAY)
        said = [
            {
                "instrument_name": name,
                "settlement_period": future.period,
                "expiration_timestamp": int(future.expiry.timestamp() * 1000),
                "kind": "future",
            }
            for name, future in self.futures.items()
            if name.startswith(f"{currency}-")
            and (oldest < future.expiry <= self.now if expired else self._lives(future))
        ]
        return said if expired else [perpetual, *said]

    def _lives(self, future: Future) -> bool:
        return future.closes.index[0] <= self.now < future.expiry


def _result(value: object) -> Reply:
    return as_json({"jsonrpc": "2.0", "result": value, "usIn": 1, "usOut": 2, "usDiff": 1, "testnet": False})


def _error(code: int, message: str, data: object) -> Reply:
    return as_json({"jsonrpc": "2.0", "error": {"code": code, "message": message, "data": data}}, 400)
