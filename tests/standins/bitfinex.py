"""Bitfinex's public candles.

Where the format is from: ccxt 4.5.90, bitfinex.py: fetch_markets (four lists, of pairs, futures, securities and
margin pairs, in one answer of conf), fetch_ohlcv (trade:1D:tBTCUSD/hist with start, end, limit and sort=1), parse_ohlcv
(time, open, close, high, low, volume), handle_errors (["error", code, text] under status 500).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

import pandas as pd

from tests.standins.binance import Rendered, milliseconds
from tests.standins.server import Reply, Request, as_json

FIELDS = ["open", "close", "high", "low", "volume"]
NAMES = {"1h": "1h", "4h": "4h", "1d": "1D"}


@dataclass
class Bitfinex:
    """Answers of Bitfinex out of a world: (symbol, timeframe) -> bars by open_time (UTC)."""

    world: Mapping[tuple[str, str], pd.DataFrame]
    most: int = 10_000
    _rendered: dict[str, Rendered] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for (symbol, timeframe), frame in self.world.items():
            self._rendered[f"trade:{NAMES[timeframe]}:t{_native(symbol)}"] = _rendered(frame)

    def __call__(self, request: Request) -> Reply:
        path = unquote(request.path)
        if "/conf/" in path:
            pairs = sorted({_native(symbol) for symbol, _ in self.world})
            listed = [[pair, [None, None, None, "0.00006", "2000.0"]] for pair in pairs]
            return as_json([listed, [], [], pairs])
        candles = self._rendered.get(path.split("/")[-2])
        if candles is None:
            return as_json(["error", 10020, "symbol: invalid"], 500)
        limit = min(int(request.query.get("limit", 100)), self.most)
        return Reply(candles.page(request.milliseconds("start"), request.milliseconds("end"), limit))


def _native(symbol: str) -> str:
    return symbol.replace("/", "")


def _rendered(frame: pd.DataFrame) -> Rendered:
    times = milliseconds(frame)
    columns = [frame[name].tolist() for name in FIELDS]
    rows = [f"[{t},{','.join(map(repr, row))}]" for t, *row in zip(times.tolist(), *columns, strict=True)]
    return Rendered(times, rows)
