"""A few flat bars, the venues that serve them, and the one job that fetches them."""

from collections.abc import Callable

import pandas as pd

from data_cache.bars import OHLCV
from data_cache.sources.exchange import VENUES, jobs
from data_cache.sources.outcome import Outcome
from data_cache.sources.patience import Patience
from data_cache.sources.session import Session
from data_cache.store import Listing, Store
from tests.standins.binance import Binance
from tests.standins.server import Reply, Request, StandIn

BTC = Listing("BTC", "binance", "BTC/USDT", "1d")
FIRST = pd.Timestamp("2017-08-17", tz="UTC")
SETTLED = pd.Timedelta(minutes=1)  # after its end a bar is taken
NOWHERE = "http://127.0.0.1:1"  # nobody listens there


def day(number: int) -> pd.Timestamp:
    """Midnight of a day of binance's history; the first is number 0."""
    return FIRST + pd.Timedelta(days=number)


def flat(*numbers: int, first: pd.Timestamp = FIRST, add: float = 0.0) -> pd.DataFrame:
    """Flat daily bars: the price of day n is 100 + n."""
    times = first + pd.to_timedelta(list(numbers), unit="D")
    prices = [100.0 + number + add for number in numbers]
    return pd.DataFrame(dict.fromkeys(OHLCV[:4], prices) | {"volume": 1.0}, index=pd.DatetimeIndex(times))


Serve = Callable[[Callable[[Request], Reply]], StandIn]


def binance(frame: pd.DataFrame, **options: int) -> Binance:
    """Binance with daily bars of BTC."""
    return Binance({("BTC/USDT", "1d", "trade"): frame}, **options)


def session(now: pd.Timestamp, waits: list[float] | None = None, **servers: StandIn) -> Session:
    """A session a minute after `now`, in which the venues that are not named are not to be reached."""
    endpoints = dict.fromkeys(VENUES, NOWHERE) | {name: server.url for name, server in servers.items()}
    sleep = (waits if waits is not None else []).append
    return Session(now + SETTLED, endpoints=endpoints, patience=Patience(tries=2, sleep=sleep, timeout=1))


def fetch(
    session: Session, here: Store, *venues: str, name: str = "BTC 1d", timeframes: tuple[str, ...] = ("1d",)
) -> Outcome:
    """Run the one job of that name."""
    [job] = [job for job in jobs(session, here, timeframes=timeframes, venues=venues) if job.name == name]
    [outcome] = job.run()
    return outcome


def since(session: Session, at: pd.Timestamp | None) -> Session:
    return Session(session.now, since=at, endpoints=session.endpoints, patience=session.patience)


def closes(here: Store, listing: Listing = BTC) -> list[float]:
    return here.bars(listing).frame["close"].tolist()
