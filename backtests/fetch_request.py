"""What a user asks of `ebbtide fetch`, and the session that does it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from backtests.fetched import FetchProgress
from backtests.request import day
from data_cache import parquet
from data_cache.catalog import CATALOG
from data_cache.errors import BadUsage, NoData, UnknownName
from data_cache.second_sources import KINDS, Check, checks
from data_cache.sources.exchange import elsewhere
from data_cache.sources.fetching import Fetched, fetch, stoppable
from data_cache.sources.patience import Patience
from data_cache.sources.plan import ALL_VENUES, EVERYTHING, TIMEFRAMES, check_request, jobs_of
from data_cache.sources.session import ENDPOINTS_VARIABLE, KEY_PAGE, KEY_VARIABLE, Session, Step, endpoints, fred_key
from data_cache.store import Store

# Those that are no exchange.
PROVIDERS = ("fred", "fredgraph", "newyorkfed", "treasury")


@dataclass(frozen=True)
class FetchRequest:
    """Everything that `fetch` can be told, by the names of its options.

    groups : some of `data_cache.sources.plan.GROUPS`, or "all"      start : first day
    venues : ccxt ids, in the order to ask them; () for the order that each kind of data has
    patience : with providers that do not answer; where None, the usual one, whose waits an interrupt ends
    """

    groups: tuple[str, ...] = (EVERYTHING,)
    start: str | None = None
    timeframes: tuple[str, ...] = TIMEFRAMES
    venues: tuple[str, ...] = ()
    fred_key_file: Path | None = None
    quiet: bool = False
    store: Path | None = None
    patience: Patience | None = None

    @property
    def folder(self) -> Path:
        """Where the store lies."""
        return Store.default(self.store).folder

    def notes(self) -> list[str]:
        """What the user should know that is of no single file."""
        if fred_key(self.fred_key_file) or not {"macro", EVERYTHING} & set(self.groups):
            return []
        revised = ", ".join(spec.id for spec in CATALOG if spec.source == "fred" and spec.revised)
        return [
            f"without a FRED key, its series come from FRED's public CSV: final values, dated by their release rules; "
            f"{revised} can't be had at all. The key is free: {KEY_PAGE}; put it into ${KEY_VARIABLE}, or name a file "
            "that holds it with --fred-key-file"
        ]

    def fetch(self) -> Fetched:
        """Fetch what is asked for; the progress is shown on stderr unless `quiet`."""
        stop, store = Event(), Store.default(self.store)
        with FetchProgress(self.quiet) as progress:
            session = self.session(self.patience or Patience(sleep=stop.wait), stoppable(stop, progress.step))
            jobs = jobs_of(session, store, self.groups, self.timeframes, self.venues)
            progress.plan(jobs)
            return fetch(jobs, stop, progress.done)

    def checks(self) -> list[Check]:
        """Compare the cache with second sources, other venues among them; nothing is written.

        Raises NoData where nothing is cached.
        """
        store = Store.default(self.store)
        check_request(self.groups, self.timeframes, self.venues)
        if not store.series() and not store.listings():
            raise NoData(f"nothing cached in {store.folder} to compare; run: ebbtide fetch")
        with FetchProgress(self.quiet) as progress:
            session = self.session(self.patience or Patience(), progress.step)
            kinds = KINDS if EVERYTHING in self.groups else self.groups
            return checks(store, lambda listing: elsewhere(session, listing, self.venues), kinds)

    def session(self, patience: Patience, say: Callable[[Step], None]) -> Session:
        """A session of this request, at this moment."""
        now, since = parquet.now().as_unit("ns"), day(self.start, "--from")
        if since is not None and since > now:
            raise BadUsage(f"--from {self.start} lies in the future")
        return Session(
            now=now,
            since=since,
            endpoints=_known(endpoints()),
            fred_key=fred_key(self.fred_key_file),
            patience=patience,
            say=say,
        )


def _known(urls: dict[str, str]) -> dict[str, str]:
    """The endpoints; UnknownName for one of a provider that nobody asks: its own host would be asked instead."""
    for provider in urls:
        if provider not in (*PROVIDERS, *ALL_VENUES):
            raise UnknownName.among("provider", provider, (*PROVIDERS, *ALL_VENUES), owner=f"${ENDPOINTS_VARIABLE}")
    return urls
