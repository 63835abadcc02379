"""The market of what is stored, and the state of the store."""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from data_cache import parquet
from data_cache.bars import TIMEFRAMES, timeframe_length
from data_cache.catalog import SeriesSpec, spec
from data_cache.errors import BadData, DamagedFile, NoData
from data_cache.lazy import Lazy
from data_cache.market import Market, checked_futures
from data_cache.observations import Observations, silences
from data_cache.parquet import Provenance
from data_cache.staleness import Due, due_bars, due_closes, due_observations
from data_cache.store import TRADE, Listing, Store

# The source of what was imported.
FILE = "file"
# Venues are down for a day or two and come back; one that is further behind another has been left.
LEFT = pd.Timedelta(days=3)


def load_market(
    store: Store,
    timeframe: str,
    assets: Collection[str] | None = None,
    venue: str | None = None,
    listings: Mapping[str, str] | None = None,
) -> Market:
    """The market of everything in `store`, in bars of `timeframe`.

    assets : those to have bars of, all where None; an asset without bars this fine is left out where None,
    and raises NoData where named
    venue : take bars of this venue alone
    listings : take an asset's bars from the one of this name, as a market's recipe has it, where it is still there

    An asset has the bars of one listing, never of two joined. Of several, the one goes first that has bars of
    `timeframe`, then the coarsest of those that can be resampled to it. Among equals those come last that end more
    than three days before the one of the asset that goes furthest; then goes the one with the longest history, then
    the first venue and symbol by name. The origin says which it was. Series are read when first
    asked for, and a damaged one raises DamagedFile then. Raises NoData where the store is empty or has no
    such bars.
    """
    timeframe_length(timeframe)
    if not store.series() and not store.listings():
        raise NoData(f"nothing cached in {store.folder}; run: ebbtide fetch, or use --data lab")
    chosen = _chosen(store, timeframe, venue)
    missing = sorted(set(assets or ()) - set(chosen))
    if missing or not chosen:
        raise NoData(_no_bars(store, timeframe, venue, missing))
    kept = {asset: listing for asset, listing in chosen.items() if assets is None or asset in assets}
    wanted = {asset: name for asset, name in (listings or {}).items() if asset in kept}
    kept |= {one.asset: one for one in _fitting(store, timeframe, venue) if wanted.get(one.asset) == str(one)}
    return Market(
        observations=Observations(Lazy(store.series(), store.rows)),
        bars=Lazy(kept, lambda asset: store.bars(kept[asset]).resample(timeframe)),
        origin=_origin(timeframe, kept),
        futures=Lazy(store.futures_assets(), lambda asset: checked_futures(asset, store.futures(asset))),
        specs=own_specs(store),
        sources=Lazy(store.series(), lambda series: parquet.claimed_at(store.series_path(series)).sources),
        recipe={"data": "cache", "listings": {asset: str(listing) for asset, listing in kept.items()}},
    )


@dataclass(frozen=True)
class Status:
    """The state of one file of the store.

    kind : "series", "bars" or "futures"      name : series id, listing or asset
    first, last : first and last period, open time or known_at      known_until : the newest known_at
    gaps : runs of missing bars or days, or silences of a series longer than it may have
    due : how many periods, bars or days should be there by now and are not, see `data_cache.staleness`
    due_since : the first of them: a naive period, an open time or a known_at; NaT where there is none to name
    age : from `known_until` to now
    sources : where the rows come from      fetched_at : the newest answer
    group : what to fetch to bring it up to date ("macro"), "" where only an import does
    problem : what is wrong with the file, "" where nothing is; the rest is then as once written, gaps and due -1
    """

    kind: str
    name: str
    first: pd.Timestamp
    last: pd.Timestamp
    known_until: pd.Timestamp
    rows: int
    gaps: int
    due: int
    due_since: pd.Timestamp
    age: pd.Timedelta
    sources: tuple[str, ...]
    fetched_at: pd.Timestamp
    group: str = ""
    problem: str = ""

    def summary(self) -> dict[str, Any]:
        """The state as JSON can hold it: times in ISO, age in days."""
        times = {name: getattr(self, name) for name in ("first", "last", "known_until", "due_since", "fetched_at")}
        said = {name: None if pd.isna(time) else time.isoformat() for name, time in times.items()}
        age = None if pd.isna(self.age) else self.age / pd.Timedelta(days=1)
        return asdict(self) | said | {"age": age, "sources": list(self.sources)}


def status(store: Store, now: pd.Timestamp) -> list[Status]:
    """The state of every file of the store at `now` (UTC): series, bars, futures; each is checked."""
    series = [
        _status("series", name, store.series_path(name), now, partial(_series_state, store, name, now))
        for name in store.series()
    ]
    bars = [
        _status("bars", str(listing), store.bars_path(listing), now, partial(_bars_state, store, listing, now))
        for listing in store.listings()
    ]
    futures = [
        _status("futures", name, store.futures_path(name), now, partial(_futures_state, store, name, now))
        for name in store.futures_assets()
    ]
    return series + bars + futures


def _chosen(store: Store, timeframe: str, venue: str | None) -> dict[str, Listing]:
    """The listing to take for each asset, in the order that `load_market` states."""
    fits = _fitting(store, timeframe, venue)
    said = {one: parquet.provenance_at(store.bars_path(one)) for one in fits}
    newest = {one.asset: max(said[two].known_until for two in fits if two.asset == one.asset) for one in fits}
    left = {one: newest[one.asset] - said[one].known_until > LEFT for one in fits}
    best_last = sorted(
        fits, key=lambda one: (-TIMEFRAMES[one.timeframe], left[one], said[one].first, one), reverse=True
    )
    return dict(sorted({one.asset: one for one in best_last}.items()))


def _fitting(store: Store, timeframe: str, venue: str | None) -> list[Listing]:
    """What bars of `timeframe` can be made of."""
    length = TIMEFRAMES[timeframe]
    return [one for one in _listed(store, venue) if length % TIMEFRAMES[one.timeframe] == pd.Timedelta(0)]


def _listed(store: Store, venue: str | None) -> list[Listing]:
    """What can be traded: bars of mark and index prices are left out."""
    traded = (one for one in store.listings() if one.asset and one.price == TRADE)
    return [one for one in traded if venue is None or one.venue == venue]


def _no_bars(store: Store, timeframe: str, venue: str | None, missing: list[str]) -> str:
    whose = f" of {', '.join(missing)}" if missing else ""
    where = f" from {venue}" if venue else ""
    has = ", ".join(f"{one.asset} ({one})" for one in store.listings()) or "none"
    found = f"no bars{whose}{where} in {store.folder} that make {timeframe}"
    return f"{found}; here are: {has}; fetch or import some"


def _origin(timeframe: str, kept: Mapping[str, Listing]) -> str:
    """In words, for pages that are handed round: where the store lies on this machine is not among them."""
    made = {a: "" if one.timeframe == timeframe else f" in {timeframe} bars" for a, one in kept.items()}
    return "cache: " + ", ".join(f"{a} from {one}{made[a]}" for a, one in kept.items())


def own_specs(store: Store) -> dict[str, SeriesSpec]:
    """The specs of series that are not in the catalogue; a damaged file has none, and says so when read."""
    found = {}
    for series in store.series():
        with suppress(DamagedFile):
            own = parquet.provenance_at(store.series_path(series)).spec
            if own is not None:
                found[series] = own
    return found


# Gaps, what is due, and the group that a fetch of it belongs to.
State = tuple[int, Due, str]


def _status(kind: str, name: str, path: Path, now: pd.Timestamp, state: Callable[[], State]) -> Status:
    try:
        said, problem, (gaps, due, group) = parquet.read(path)[1], "", state()
    except (DamagedFile, BadData) as error:
        said, problem, (gaps, due, group) = parquet.claimed_at(path), str(error), (-1, Due(-1), "")
    return Status(
        kind,
        name,
        first=said.first,
        last=said.last,
        known_until=said.known_until,
        rows=said.rows,
        gaps=gaps,
        due=due.count,
        due_since=due.since,
        age=now - said.known_until,
        sources=said.sources,
        fetched_at=max((fetch.fetched_at for fetch in said.fetches), default=pd.NaT),
        group=group,
        problem=problem,
    )


def _series_state(store: Store, series: str, now: pd.Timestamp) -> State:
    said, rows = parquet.provenance_at(store.series_path(series)), store.rows(series)
    own = said.spec or spec(series)
    gaps, due = len(silences(rows, own.max_age_days)), due_observations(own, rows, now)
    if own.source == "exchange":
        return gaps, due, _fetched_group(said, "funding")
    return gaps, due, "" if own.source == FILE else "macro"


def _bars_state(store: Store, listing: Listing, now: pd.Timestamp) -> State:
    bars, said = store.bars(listing), parquet.provenance_at(store.bars_path(listing))
    return len(bars.gaps()), due_bars(bars, now), _fetched_group(said, "prices")


def _futures_state(store: Store, asset: str, now: pd.Timestamp) -> State:
    days, said = store.futures(asset).index, parquet.provenance_at(store.futures_path(asset))
    gaps = int((days.diff() > pd.Timedelta(days=1)).sum())
    return gaps, due_closes(days, now), _fetched_group(said, "futures")


def _fetched_group(said: Provenance, group: str) -> str:
    """The group, unless all of it came from files: a venue or an asset that was imported need not be fetched."""
    return "" if set(said.sources) == {FILE} else group
