"""What there is to fetch: the jobs of every source."""

from collections.abc import Collection, Sequence

from data_cache.bars import timeframe_length
from data_cache.errors import BadUsage, UnknownName
from data_cache.sources import dated_futures, exchange, fred, newyorkfed, perpetuals, treasury
from data_cache.sources.outcome import Job
from data_cache.sources.session import Session
from data_cache.store import Store

GROUPS = ("prices", "funding", "futures", "macro")
EVERYTHING = "all"
ASSETS = ("BTC", "ETH")
# Four-hourly bars are made from hourly ones, so they need not be fetched.
TIMEFRAMES = ("1d", "1h")
# Who has what, by group.
VENUES: dict[str, Sequence[str]] = {
    "prices": exchange.VENUES,
    "funding": perpetuals.VENUES,
    "futures": dated_futures.VENUES,
}
ALL_VENUES = sorted({venue for group in VENUES.values() for venue in group})


def jobs_of(
    session: Session,
    store: Store,
    groups: Collection[str] = (EVERYTHING,),
    timeframes: Collection[str] = TIMEFRAMES,
    venues: Collection[str] = (),
) -> list[Job]:
    """The jobs of `groups`.

    venues : exchanges to ask, in this order, in place of our own order; of "all", what none of them has is left out

    Raises UnknownName for a group, timeframe or venue that does not exist, BadUsage for a group that no venue has.
    """
    check_request(groups, timeframes, venues)
    asked = {group: _able(group, groups, venues) for group in VENUES}
    everything = [
        *exchange.jobs(session, store, ASSETS, tuple(timeframes), asked["prices"]),
        *perpetuals.jobs(session, store, ASSETS, asked["funding"]),
        *dated_futures.jobs(session, store, ASSETS, asked["futures"]),
        *newyorkfed.jobs(session, store),
        *treasury.jobs(session, store),
        *fred.jobs(session, store),
    ]
    wanted = {group for group in GROUPS if {group, EVERYTHING} & set(groups)}
    unable = {group for group in VENUES if venues and not asked[group]}
    return [job for job in everything if job.group in wanted - unable]


def check_request(groups: Collection[str], timeframes: Collection[str], venues: Collection[str]) -> None:
    """Raise UnknownName for a group, timeframe or venue that does not exist."""
    for group in groups:
        if group not in (*GROUPS, EVERYTHING):
            raise UnknownName.among("group", group, (*GROUPS, EVERYTHING), owner="fetch")
    for timeframe in timeframes:
        timeframe_length(timeframe)
    for venue in venues:
        if venue not in ALL_VENUES:
            raise UnknownName.among("venue", venue, ALL_VENUES, owner="fetch")


def _able(group: str, groups: Collection[str], venues: Collection[str]) -> tuple[str, ...]:
    """Those of `venues` that have data of `group`; BadUsage where the group is asked for by name and none has."""
    able = tuple(venue for venue in venues if venue in VENUES[group])
    if venues and not able and group in groups:
        raise BadUsage(f"{', '.join(venues)} can't give {group}; name one that can: {', '.join(VENUES[group])}")
    return able
