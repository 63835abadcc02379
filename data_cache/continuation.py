"""How what is stored and what comes in become one: revisions are added, contradictions are refused."""

import numpy as np
import pandas as pd

from data_cache.errors import BadData
from data_cache.observations import observation_rows

# Two prints of one number differ by less than this fraction: 16.801 and 16.801000000000002 are no revision.
SAME = 1e-9
KEYS = ["period", "known_at"]


def continued_observations(stored: pd.DataFrame, incoming: pd.DataFrame, fetched_at: pd.Timestamp) -> pd.DataFrame:
    """The rows of `stored`, all of them, and those of `incoming` that say something new.

    A row that repeats the value in force says nothing new; a missing value (NaN) repeats a missing one. Where the
    newest value of a period differs from the stored one of the same known_at, it was revised at an hour that nobody
    noted: its row is known at `fetched_at`, with origin "seen". An older one that differs stays as it is stored.
    """
    held = incoming[KEYS].merge(stored[[*KEYS, "value"]], on=KEYS, how="left", indicator=True)
    contested = (held["_merge"] == "both").to_numpy()
    late = incoming[contested & _revised(stored, incoming, held["value"].to_numpy())]
    late = late.assign(known_at=late["known_at"].clip(lower=fetched_at.tz_convert("UTC")), origin="seen")
    fresh = pd.concat([incoming[~contested], late])
    both = pd.concat([stored.assign(new=False), fresh.assign(new=True)], ignore_index=True)
    both = both.sort_values(KEYS, kind="stable", ignore_index=True)
    says_nothing = both["new"] & (both["period"] == both["period"].shift())
    says_nothing &= _same(both["value"].to_numpy(), both["value"].shift().to_numpy())
    return _checked(both[~says_nothing])


def _revised(stored: pd.DataFrame, incoming: pd.DataFrame, held: np.ndarray) -> np.ndarray:
    """Whether a row is the newest of its period and differs from what is held, or from what was last seen of it."""
    newest = ~incoming.duplicated("period", keep="last").to_numpy()
    in_force = stored.drop_duplicates("period", keep="last").set_index("period")
    was_seen = (incoming["period"].map(in_force["origin"]) == "seen").to_numpy()
    last = incoming["period"].map(in_force["value"]).to_numpy()
    revised: np.ndarray = newest & ~_same(np.where(was_seen, last, held), incoming["value"].to_numpy())
    return revised


def replaced_observations(stored: pd.DataFrame, incoming: pd.DataFrame) -> pd.DataFrame:
    """The rows of `incoming`, and those of `stored` whose period is not in `incoming`."""
    return _checked(pd.concat([stored[~stored["period"].isin(incoming["period"])], incoming]))


def refuse_contradiction(series: str, stored: pd.DataFrame, incoming: pd.DataFrame, sources: tuple[str, str]) -> None:
    """Raise BadData, naming the first period, where the first releases of shared periods differ.

    Asked when two sources, or two ways of finding known_at, are about to be joined: one may continue the
    other, but where they disagree the sum would be a series that nobody ever published.
    """
    ours = stored.drop_duplicates("period").set_index("period")
    theirs = incoming.drop_duplicates("period").set_index("period")
    shared = ours.index.intersection(theirs.index).sort_values()
    ours, theirs = ours.loc[shared], theirs.loc[shared]
    agree = (ours["known_at"] == theirs["known_at"]) & _same(ours["value"].to_numpy(), theirs["value"].to_numpy())
    if not agree.all():
        at = shared[~agree.to_numpy()][0]
        said = [f"{rows.at[at, 'value']:g} known at {rows.at[at, 'known_at']}" for rows in (ours, theirs)]
        raise BadData(
            f"{series}: {sources[0]} and {sources[1]} contradict each other on {int((~agree).sum())} "
            f"periods, first {at}: stored {said[0]}, new {said[1]}; keep one, or import with --replace"
        )


def changed_prices(stored: pd.DataFrame, incoming: pd.DataFrame, name: str) -> tuple[pd.Index, str]:
    """The times at which both have prices that differ, and a sentence about them, "" where there are none.

    stored, incoming : prices, indexed by what identifies a row
    """
    shared = stored.index.intersection(incoming.index)
    differs = ~_same(stored.loc[shared].to_numpy(), incoming.loc[shared].to_numpy()).all(axis=1)
    changed = shared[differs]
    if not len(changed):
        return changed, ""
    at = changed[:1]
    said = (
        f"{name}: {len(changed)} stored prices changed, first at {_time(at[0])}: "
        f"stored {_numbers(stored.loc[at])}, new {_numbers(incoming.loc[at])}"
    )
    return changed, said


def continued_prices(
    stored: pd.DataFrame, incoming: pd.DataFrame, keys: list[str], name: str, replace: bool
) -> pd.DataFrame:
    """The rows of both, ordered by `keys`; where both have one they must agree, or `replace` takes the new.

    Raises BadData naming `name`, the first time, the old and the new numbers: the past of a price does not
    change.
    """
    ours = stored.set_index(keys)
    theirs = incoming.set_index(keys)
    changed, said = changed_prices(ours, theirs, name)
    if said and not replace:
        raise BadData(f"{said}; find out why, then import with --replace")
    kept = ours.drop(changed)
    return pd.concat([kept, theirs[~theirs.index.isin(kept.index)]]).sort_index().reset_index()


def _same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    same: np.ndarray = np.isclose(a, b, rtol=SAME, atol=0, equal_nan=True)
    return same


def _checked(rows: pd.DataFrame) -> pd.DataFrame:
    return observation_rows(*(rows[name].array for name in ("period", "known_at", "value", "origin")))


def _time(key: object) -> str:
    return " expiry ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _numbers(row: pd.DataFrame) -> str:
    return ", ".join(f"{name} {row[name].iloc[0]:g}" for name in row.columns)
