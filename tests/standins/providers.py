"""All providers at once, on loopback, and a small world for them to serve: autumn 2025, made up.

with serving(autumn()) as servers: servers["binance"].url ...
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from data_cache.catalog import CATALOG, SeriesSpec
from data_cache.releases import business_days, known_at
from tests.standins import newyorkfed, treasury
from tests.standins.binance import Binance
from tests.standins.binance_futures import BinanceFutures
from tests.standins.bybit import Bybit
from tests.standins.deribit import Deribit, Future
from tests.standins.fred import FredWorld
from tests.standins.server import Reply, Request, StandIn

Answer = Callable[[Request], Reply]
FIRST, LAST = pd.Timestamp("2025-09-01"), pd.Timestamp("2025-11-19")
NOW = pd.Timestamp("2025-11-20 12:01", tz="UTC")  # a minute after its end a bar is taken
PRICES = {"BTC": 100_000.0, "ETH": 4_000.0}
EXPIRIES = (("26SEP25", "2025-09-26 08:00"), ("26DEC25", "2025-12-26 08:00"))
# What FRED's series are in the small world, as published: rates in %, balances of the Fed in $mn.
LEVELS = {
    **dict.fromkeys(["DTB3", "DGS3MO", "DGS1", "DGS2", "DGS10", "DGS30", "IORB"], 3.9),
    "T10Y3M": 0.3,
    "THREEFYTP10": 0.6,
    "RPONTTLD": 0.0,
    "WALCL": 6_600_000.0,
    "WSHOSHO": 6_250_000.0,
    "TREAST": 4_190_000.0,
    "WSHOBL": 195_000.0,
    "WSHOMCB": 2_070_000.0,
    "WRBWFRBL": 2_900_000.0,
    "WRESBAL": 2_950_000.0,
    "WMTSECL1": 2_800_000.0,
    "WDTGAL": 900_000.0,
    "WTREGEN": 890_000.0,
}


@dataclass
class Providers:
    """What each provider has published.

    binance : bars by (symbol, timeframe, price)      funding, open_interest : by symbol, by UTC time
    desk : of the New York Fed      statements : of the Treasury      fred : of FRED
    """

    binance: Mapping[tuple[str, str, str], pd.DataFrame] = field(default_factory=dict)
    funding: Mapping[str, pd.Series] = field(default_factory=dict)
    open_interest: Mapping[str, pd.Series] = field(default_factory=dict)
    deribit: Deribit | None = None
    desk: newyorkfed.World = field(default_factory=newyorkfed.World)
    statements: treasury.World = field(default_factory=treasury.World)
    fred: FredWorld | None = None
    now: pd.Timestamp = NOW


@contextmanager
def serving(providers: Providers) -> Iterator[dict[str, StandIn]]:
    """A server for each provider, by the name that endpoints give it; FRED's pages are served beside its API."""
    with ExitStack() as stack:
        fred = stack.enter_context(StandIn(providers.fred or FredWorld(rows=pd.DataFrame())))
        yield {
            "binance": stack.enter_context(StandIn(_binance(providers))),
            "bybit": stack.enter_context(StandIn(Bybit(providers.now, providers.funding, providers.open_interest))),
            "deribit": stack.enter_context(StandIn(providers.deribit or Deribit(providers.now))),
            "newyorkfed": stack.enter_context(newyorkfed.newyorkfed(providers.desk)),
            "treasury": stack.enter_context(treasury.treasury(providers.statements)),
            "fred": fred,
            "fredgraph": fred,
        }


def endpoints(servers: Mapping[str, StandIn]) -> str:
    """The TOML file of these servers' URLs; exchanges that are not among them are nowhere."""
    nowhere = dict.fromkeys(["bitfinex", "coinbaseexchange", "bitstamp", "okx"], "http://127.0.0.1:1")
    urls = nowhere | {name: server.url for name, server in servers.items()} | {"fred": f"{servers['fred'].url}/fred"}
    return "".join(f'{name} = "{url}"\n' for name, url in urls.items())


def _binance(providers: Providers) -> Answer:
    candles = Binance(providers.binance)
    rest = BinanceFutures(providers.now, providers.funding, providers.open_interest)
    own = ("fundingRate", "openInterestHist", "continuousKlines")
    return lambda request: (rest if request.path.endswith(own) else candles)(request)


def autumn() -> Providers:
    """Eighty days: prices drift, the Treasury's account is emptied, the Fed lends at the end of October."""
    market = {
        (symbol, timeframe, price): _walk(asset, timeframe)
        for asset in PRICES
        for symbol, timeframe, price in (
            (f"{asset}/USDT", "1d", "trade"),
            (f"{asset}/USDT", "1h", "trade"),
            (f"{asset}/USDT:USDT", "1d", "mark"),
            (f"{asset}/USDT:USDT", "1d", "index"),
        )
    }
    paid = pd.date_range(FIRST, NOW.tz_localize(None), freq="8h").tz_localize("UTC")
    days = pd.date_range(FIRST, LAST).tz_localize("UTC")
    return Providers(
        binance=market,
        funding={f"{asset}USDT": pd.Series(0.0001, paid) for asset in PRICES},
        open_interest={f"{asset}USDT": pd.Series(90_000.0, days) for asset in PRICES},
        deribit=Deribit(NOW, {f"{coin}-{name}": _future(coin, end) for coin in PRICES for name, end in EXPIRIES}),
        desk=_desk(),
        statements=_statements(),
        fred=FredWorld(rows=_fred_rows(LEVELS), today="2025-11-20"),
    )


def _future(asset: str, expiry: str) -> Future:
    """A contract that is quoted two percent above the coin since the first day."""
    end = pd.Timestamp(expiry, tz="UTC")
    days = pd.date_range(FIRST.tz_localize("UTC"), min(end, NOW).normalize())
    return Future(end, pd.Series(PRICES[asset] * 1.02, days))


def _walk(asset: str, timeframe: str) -> pd.DataFrame:
    """Bars that rise by a thousandth and fall by it in turn, the unfinished one included."""
    times = pd.date_range(FIRST, NOW.tz_localize(None), freq={"1d": "D", "1h": "h"}[timeframe], unit="ns")
    close = np.round(PRICES[asset] * (1 + 0.001 * np.sin(np.arange(len(times)))), 2)
    opened = np.r_[close[0], close[:-1]]
    prices = {"open": opened, "high": np.maximum(opened, close), "low": np.minimum(opened, close), "close": close}
    return pd.DataFrame(prices | {"volume": 12.5}, index=times.tz_localize("UTC"))


def _days(calendar: str) -> list[str]:
    return [str(day.date()) for day in business_days(calendar, FIRST, LAST)]


def _desk() -> newyorkfed.World:
    days = _days("DESK")
    taken = pd.Series([50.35 if day == "2025-10-31" else 0.0 for day in days], pd.to_datetime(days))
    return newyorkfed.World(
        [newyorkfed.sofr(day, 4.1) for day in _days("REPO")],
        [newyorkfed.effr(day, 3.9) for day in _days("FEDBANK")],
        [
            *newyorkfed.standing_repo_days(taken, ()),
            *(newyorkfed.reverse_repo(day, 5_000_000_000) for day in days),
        ],
    )


def _statements() -> treasury.World:
    days = _days("FEDBANK")
    lines = [treasury.statement(day, 900_000 - 1_000 * number) for number, day in enumerate(days)]
    debts = [treasury.debt(day, 38_000_000_000_000.0) for day in days]
    return treasury.World([line for statement in lines for line in statement], debts)


def _fred_rows(levels: Mapping[str, float]) -> pd.DataFrame:
    """Each value since the day of its release."""
    frames = []
    for spec in CATALOG:
        if spec.source == "fred":
            periods = _periods(spec)
            start = known_at(spec, periods).tz_convert("America/New_York").strftime("%Y-%m-%d")
            said = {"series": spec.id, "date": periods.strftime("%Y-%m-%d"), "start": start, "value": levels[spec.id]}
            frames.append(pd.DataFrame(said))
    return pd.concat(frames, ignore_index=True)


def _periods(spec: SeriesSpec) -> pd.DatetimeIndex:
    days = pd.date_range(FIRST, LAST, unit="ns")
    if spec.periods == "Wed":
        return days[days.day_of_week == 2]
    return days if spec.periods == "day" else business_days(spec.periods, FIRST, LAST)
