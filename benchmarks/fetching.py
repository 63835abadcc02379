"""How fast eight years of hourly candles come in through ccxt, and how fast they are read again.

The exchange is the stand-in of the tests, in a process of its own; it answers at once, so that what is measured is
ccxt, the checks and the store.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import ccxt
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from benchmarks.claim import Claim
from data_cache.sources import exchange
from data_cache.sources.outcome import Job
from data_cache.sources.session import Session
from data_cache.store import Store
from tests.standins.binance import Binance
from tests.standins.server import StandIn

CANDLES_A_SECOND = 50_000
FIRST, NOW = pd.Timestamp("2017-08-17", tz="UTC"), pd.Timestamp("2025-08-17", tz="UTC")
ASSETS = ("BTC", "ETH")


def claims() -> list[Claim]:
    """Fetching into an empty store, fetching again, reading."""
    print(f"fetching through ccxt {ccxt.__version__}")
    with _exchange() as (url, asked), TemporaryDirectory() as folder:
        seconds = [_seconds(lambda place=place: _fetch(url, Path(folder, place))) for place in "abc"]
        store = Store(Path(folder, "a"))
        candles = sum(len(store.bars(listing).frame) for listing in store.listings())
        rate = candles / min(seconds)
        before = asked()
        _fetch(url, store.folder)
        again = (asked() - before) / len(ASSETS)
        reading = _reading(store)
    what = f"{candles:,} hourly candles through ccxt into the store"
    return [
        Claim(what, f"{rate:,.0f} a second", "50,000 a second", rate / CANDLES_A_SECOND, least=1.0),
        Claim("a second fetch, requests a series", f"{again:g}", "1", again, most=2.0),
        reading,
    ]


def _reading(store: Store) -> Claim:
    """Read all bars with every check, beside the same files without any."""
    listings = store.listings()
    ours = min(_seconds(lambda: [store.bars(one) for one in listings]) for _ in range(20))
    paths = [store.bars_path(one) for one in listings]
    bare = min(_seconds(lambda: [pq.read_table(path) for path in paths]) for _ in range(20))
    what = "eight years of hourly bars of two assets from the store"
    peer = f"pyarrow.parquet.read_table: {bare * 1e3:.1f} ms"
    return Claim(what, f"{ours * 1e3:.1f} ms", peer, ours / bare, most=3.0)


def _fetch(url: str, folder: Path) -> None:
    session = Session(NOW, endpoints={"binance": url})
    names = {f"{asset} 1h" for asset in ASSETS}
    todo: list[Job] = exchange.jobs(session, Store(folder), ASSETS, ("1h",), ("binance",))
    for job in todo:
        if job.name in names:
            job.run()


def _seconds(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


@contextmanager
def _exchange() -> Iterator[tuple[str, Callable[[], int]]]:
    """The URL of an exchange in another process, and how many requests it has had."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv(), lambda: _ask(ours)
    finally:
        process.terminate()
        process.join()


def _ask(connection: Connection) -> int:
    connection.send("requests")
    return int(connection.recv())


def _serve(connection: Connection) -> None:
    with StandIn(Binance({(f"{asset}/USDT", "1h", "trade"): _bars(asset) for asset in ASSETS})) as server:
        connection.send(server.url)
        while connection.recv():
            connection.send(len(server.requests))


def _bars(asset: str) -> pd.DataFrame:
    """A random walk to the cent, every hour from FIRST to NOW."""
    times = pd.date_range(FIRST, NOW, freq="h", inclusive="left", unit="ns")
    steps = np.random.default_rng(ASSETS.index(asset)).normal(0, 0.005, len(times))
    close = np.round(4_000 * np.exp(np.cumsum(steps)), 2)
    opened = np.r_[4_000.0, close[:-1]]
    prices = {"open": opened, "high": np.maximum(opened, close), "low": np.minimum(opened, close), "close": close}
    return pd.DataFrame(prices | {"volume": 12.345678}, index=times)
