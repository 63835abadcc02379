"""What there is to fetch: the jobs of every source."""

from collections.abc import Collection

from data_cache.bars import timeframe_length
from data_cache.errors import UnknownName
from data_cache.sources import dated_futures, exchange, fred, newyorkfed, perpetuals, treasury
from data_cache.sources.outcome import Job
from data_cache.sources.session import Session
from data_cache.store import Store

GROUPS = ("prices", "funding", "futures", "macro")
EVERYTHING = "all"
ASSETS = ("BTC", "ETH")
# Four-hourly bars are made from hourly ones, so they need not be fetched.
TIMEFRAMES = ("1d", "1h")


def jobs_of(
    session: Session,
    store: Store,
    groups: Collection[str] = (EVERYTHING,),
    timeframes: Collection[str] = TIMEFRAMES,
    venues: Collection[str] = (),
) -> list[Job]:
    """The jobs of `groups`; UnknownName for a group or timeframe that does not exist."""
    for group in groups:
        if group not in (*GROUPS, EVERYTHING):
            raise UnknownName.among("group", group, (*GROUPS, EVERYTHING), owner="fetch")
    for timeframe in timeframes:
        timeframe_length(timeframe)
    everything = [
        *exchange.jobs(session, store, ASSETS, tuple(timeframes), tuple(venues)),
        *perpetuals.jobs(session, store, ASSETS, tuple(venues)),
        *dated_futures.jobs(session, store, ASSETS, tuple(venues)),
        *newyorkfed.jobs(session, store),
        *treasury.jobs(session, store),
        *fred.jobs(session, store),
    ]
    return [job for job in everything if EVERYTHING in groups or job.group in groups]
