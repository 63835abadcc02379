"""Binance's public candles, spot and of the mark and index price of USD-M perpetuals.

Where the format is from: ccxt 4.5.90, binance.py: fetch_markets and parse_market (exchangeInfo), parse_ohlcv (the
twelve fields of a kline, mark and index klines with "0" for the volume), fetch_ohlcv (interval, startTime, endTime,
limit; `pair` for the index), handle_errors (code and msg under the HTTP status).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from tests.standins.server import Reply, Request, as_json

LENGTHS = {"1h": 3_600_000, "4h": 14_400_000, "1d": 86_400_000}
OHLCV = ["open", "high", "low", "close", "volume"]
# (symbol, timeframe, price) -> bars by open_time (UTC), the unfinished one included.
World = Mapping[tuple[str, str, str], pd.DataFrame]


@dataclass(frozen=True)
class Rendered:
    """Candles as JSON, made once, so that a page is a join.

    times : open times, milliseconds      rows : the JSON of each
    """

    times: np.ndarray
    rows: Sequence[str]

    def page(self, start: int | None, end: int | None, limit: int, newest: int | None = None) -> bytes:
        """The first `limit` candles that open from `start` to `end`, the last ones where there is no start."""
        last = len(self.times) if end is None else int(np.searchsorted(self.times, end, side="right"))
        first = max(0, last - limit) if start is None else int(np.searchsorted(self.times, start))
        if newest is not None:
            first, limit = max(0, last - newest), newest
        return ("[" + ",".join(self.rows[first : min(last, first + limit)]) + "]").encode()


def milliseconds(frame: pd.DataFrame) -> np.ndarray:
    """The open times of bars."""
    return frame.index.as_unit("ms").asi8


def rendered(frame: pd.DataFrame, length: int) -> Rendered:
    """Bars as klines: prices and volumes are texts, times are numbers."""
    times = milliseconds(frame)
    columns = [frame[name].tolist() for name in OHLCV]
    rows = [
        f'[{t},"{o!r}","{h!r}","{low!r}","{c!r}","{v!r}",{t + length - 1},"0",1,"0","0","0"]'
        for t, o, h, low, c, v in zip(times.tolist(), *columns, strict=True)
    ]
    return Rendered(times, rows)


@dataclass
class Binance:
    """Answers of Binance out of a world.

    newest : answer the newest so many candles whatever startTime says, as Kraken does
    """

    world: World
    newest: int | None = None
    most: int = 1000
    _rendered: dict[tuple[str, str, str], Rendered] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for (symbol, timeframe, price), frame in self.world.items():
            self._rendered[native(symbol), timeframe, price] = rendered(frame, LENGTHS[timeframe])

    def __call__(self, request: Request) -> Reply:
        kind = request.path.rpartition("/")[2]
        if kind == "exchangeInfo":
            entry = _perpetual if "/fapi/" in request.path else _spot
            symbols = sorted({symbol for symbol, *_ in self.world if (":" in symbol) == (entry is _perpetual)})
            return as_json({"symbols": [entry(symbol) for symbol in symbols]})
        prices = {"klines": "trade", "markPriceKlines": "mark", "indexPriceKlines": "index"}
        if kind not in prices:
            return as_json({"code": -1, "msg": f"no route {request.path}"}, 404)
        symbol = request.query.get("symbol") or request.query.get("pair", "")
        candles = self._rendered.get((symbol, request.query["interval"], prices[kind]))
        if candles is None:
            return as_json({"code": -1121, "msg": "Invalid symbol."}, 400)
        limit = min(int(request.query.get("limit", 500)), self.most)
        start, end = request.milliseconds("startTime"), request.milliseconds("endTime")
        return Reply(candles.page(start, end, limit, self.newest))


def native(symbol: str) -> str:
    """The symbol as Binance writes it: BTC/USDT:USDT is BTCUSDT."""
    return symbol.partition(":")[0].replace("/", "")


def _spot(symbol: str) -> dict[str, Any]:
    base, quote = symbol.split("/")
    return {
        "symbol": native(symbol),
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": quote,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "isSpotTradingAllowed": True,
        "permissions": ["SPOT"],
        "filters": [],
        "orderTypes": [],
    }


def _perpetual(symbol: str) -> dict[str, Any]:
    pair, settled = symbol.split(":")
    # ccxt tells a contract by the presence of contractType, a perpetual by its value.
    contract = {"pair": native(symbol), "contractType": "PERPETUAL", "marginAsset": settled}
    return _spot(pair) | contract | {"deliveryDate": 4133404800000, "pricePrecision": 2, "quantityPrecision": 3}
