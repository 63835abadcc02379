"""Coinbase Exchange's public candles.

Where the format is from: ccxt 4.5.90, coinbaseexchange.py: fetch_markets (a list of products), fetch_ohlcv (start and
end in ISO, both inclusive, granularity in seconds), parse_ohlcv (time in seconds, low, high, open, close, volume,
newest first), handle_errors (message under status 400 and 404).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from tests.standins.server import Reply, Request, as_json

SECONDS = {"60": "1m", "3600": "1h", "86400": "1d"}
FIELDS = ["low", "high", "open", "close", "volume"]
MOST = 300


@dataclass(frozen=True)
class Coinbase:
    """Answers of Coinbase Exchange out of a world: (symbol, timeframe) -> bars by open_time (UTC)."""

    world: Mapping[tuple[str, str], pd.DataFrame]

    def __call__(self, request: Request) -> Reply:
        parts = request.path.strip("/").split("/")
        if parts == ["products"]:
            return as_json([_product(symbol) for symbol in sorted({symbol for symbol, _ in self.world})])
        frame = self.world.get((parts[1].replace("-", "/"), SECONDS.get(request.query["granularity"], "")))
        if frame is None:
            return as_json({"message": "NotFound"}, 404)
        start, end = pd.Timestamp(request.query["start"]), pd.Timestamp(request.query["end"])
        if (end - start) / pd.Timedelta(seconds=int(request.query["granularity"])) + 1 > MOST:
            said = f"granularity too small for the requested time range. Count of aggregations requested exceeds {MOST}"
            return as_json({"message": said}, 400)
        window = frame.loc[start:end].iloc[::-1]
        times = window.index.as_unit("s").asi8.tolist()
        return as_json([[t, *row] for t, row in zip(times, window[FIELDS].to_numpy().tolist(), strict=True)])


def _product(symbol: str) -> dict[str, object]:
    base, quote = symbol.split("/")
    return {
        "id": f"{base}-{quote}",
        "base_currency": base,
        "quote_currency": quote,
        "base_increment": "0.00000001",
        "quote_increment": "0.01",
        "margin_enabled": False,
        "status": "online",
    }
