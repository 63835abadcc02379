"""What a fetch did to one file of the store, and the one way in which fetched rows get into it."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from data_cache.bars import Bars
from data_cache.catalog import SeriesSpec
from data_cache.continuation import changed_prices
from data_cache.magnitude import check_magnitude
from data_cache.observations import silences
from data_cache.parquet import Fetch
from data_cache.store import Listing, Store


@dataclass(frozen=True)
class Outcome:
    """What became of one series, listing or asset's futures.

    kind : "series", "bars" or "futures"      source : who answered
    received : rows that came      added : rows that the store did not have, revisions included
    revised : added rows whose period was stored before
    changed : stored prices that the source gives otherwise now; the stored ones were kept
    gaps : runs of missing bars or days, or silences longer than the series may have, in all that is stored
    first, last : of what is stored now: periods, open times or known_at
    notes : sentences for the user
    """

    kind: str
    name: str
    source: str
    received: int = 0
    added: int = 0
    revised: int = 0
    changed: int = 0
    gaps: int = 0
    first: pd.Timestamp = pd.NaT
    last: pd.Timestamp = pd.NaT
    notes: tuple[str, ...] = ()

    def then(self, later: "Outcome") -> "Outcome":
        """Join this outcome with that of a later piece of the same file."""
        counts = ("received", "added", "revised", "changed")
        sums: dict[str, Any] = {name: getattr(self, name) + getattr(later, name) for name in counts}
        notes = tuple(dict.fromkeys((*self.notes, *later.notes)))
        return dataclasses.replace(later, **sums, notes=notes)

    def noting(self, *notes: str) -> "Outcome":
        """The same with further notes."""
        return dataclasses.replace(self, notes=(*self.notes, *notes))

    def summary(self) -> dict[str, Any]:
        """The outcome as JSON can hold it: times in ISO."""
        times = {name: getattr(self, name) for name in ("first", "last")}
        said = {name: None if pd.isna(time) else time.isoformat() for name, time in times.items()}
        return dataclasses.asdict(self) | said | {"notes": list(self.notes)}


@dataclass(frozen=True)
class Job:
    """Something to fetch: one or a few files that one set of requests fills.

    group : "prices", "funding", "futures" or "macro"
    provider : jobs of one provider run one after the other, those of several side by side
    name : what the progress bar calls it
    run : fetches and stores; asks only for what is missing, and stores what it has got piece by piece
    """

    group: str
    provider: str
    name: str
    run: Callable[[], list[Outcome]]


def stored_series(store: Store, spec: SeriesSpec, rows: pd.DataFrame, fetch: Fetch, replace: bool = False) -> Outcome:
    """Put observations in served units into the store, checked for their magnitude; what that did.

    rows : made by `observation_rows`; those that become known after `fetch.fetched_at` are left out
    replace : put them in place of all that is stored of the series, whatever source it came from
    """
    known = rows[rows["known_at"] <= fetch.fetched_at].reset_index(drop=True)
    if not len(known):
        return Outcome("series", spec.id, fetch.source)
    check_magnitude(spec, known.set_index("period")["value"])
    before = store.rows(spec.id)["period"] if spec.id in store.series() else known["period"][:0]
    added = (store.replace_series if replace else store.add_series)(spec, known, fetch)
    after = store.rows(spec.id)
    periods = after["period"]
    return Outcome(
        "series",
        spec.id,
        fetch.source,
        received=len(rows),
        added=added,
        # Another writer may have added periods in the meantime.
        revised=0 if replace else max(0, added - (periods.nunique() - before.nunique())),
        gaps=len(silences(after, spec.max_age_days)),
        first=periods.min(),
        last=periods.max(),
    )


def stored_bars(store: Store, listing: Listing, bars: Bars, fetch: Fetch) -> Outcome:
    """Put bars into the store; a stored bar that differs is kept, and said in the notes.

    bars : only such as had ended at `fetch.fetched_at`
    """
    changed, said, frame = 0, "", bars.frame
    if listing in store.listings():
        differing, said = changed_prices(store.bars(listing).frame, frame, str(listing))
        changed, frame = len(differing), frame.drop(differing)
    added = store.add_bars(listing, dataclasses.replace(bars, frame=frame), fetch) if len(frame) else 0
    after = store.bars(listing)
    outcome = Outcome("bars", str(listing), fetch.source, len(bars.frame), added, changed=changed, notes=_kept(said))
    times = after.frame.index
    return dataclasses.replace(outcome, gaps=len(after.gaps()), first=times[0], last=times[-1])


def stored_futures(store: Store, asset: str, rows: pd.DataFrame, fetch: Fetch) -> Outcome:
    """Put daily closes of dated futures into the store; a stored close that differs is kept, and said in the notes.

    rows : made by `futures_rows`, all known at `fetch.fetched_at`
    """
    keys, changed, said, fresh = ["known_at", "expiry"], 0, "", rows
    if asset in store.futures_assets():
        stored = store.futures_rows(asset).set_index(keys)
        differing, said = changed_prices(stored, rows.set_index(keys), f"futures on {asset}")
        changed, fresh = len(differing), rows.set_index(keys).drop(differing).reset_index()
    added = store.add_futures(asset, fresh, fetch) if len(fresh) else 0
    times = store.futures(asset).index
    outcome = Outcome("futures", asset, fetch.source, len(rows), added, changed=changed, notes=_kept(said))
    gaps = int((times.diff() > pd.Timedelta(days=1)).sum())
    return dataclasses.replace(outcome, gaps=gaps, first=times[0], last=times[-1])


def _kept(said: str) -> tuple[str, ...]:
    return (f"{said}; the stored ones were kept: find out why, then delete the file to take the new",) if said else ()
