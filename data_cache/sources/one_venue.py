"""One venue's history in one file of the store: what a venue began, no other venue goes on with.

Venues pay different funding and trade futures at different prices: joined, they would be a history that nobody
saw. What was imported from files names no venue; one that agrees with it may go on with it.
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from data_cache.errors import BadData, EbbtideError, Refused, SourceFailed
from data_cache.parquet import provenance_at
from data_cache.sources.outcome import Outcome
from data_cache.sources.session import Session
from data_cache.sources.venues import failing_over

IMPORTED = "file"


def venue_of(path: Path) -> str:
    """The venue whose history the file at `path` holds; "" where there is none, or only what was imported."""
    sources = provenance_at(path).sources if path.is_file() else ()
    return next((source for source in sources if source != IMPORTED), "")


def of_one_venue(
    session: Session,
    job: str,
    path: Path,
    offering: Sequence[str],
    asked: Collection[str],
    attempt: Callable[[str], list[Outcome]],
) -> list[Outcome]:
    """What `attempt` gives for the venue whose history is at `path`, or else for the first that does not fail.

    offering : venues that have it, best first      asked : those that the user named, in order; all where empty
    attempt : fetches from a venue and stores into `path`

    Raises Refused where none of `asked` has it, and EbbtideError where the history that is stored can't be gone on
    with; what is stored stays as it is in both cases.
    """
    able = [venue for venue in asked or offering if venue in offering]
    if not able:
        raise Refused(f"{job}: {', '.join(asked)} can't give it; name one that can: {', '.join(offering)}")
    held = venue_of(path)
    if held and held not in able:
        raise EbbtideError(_stays(job, held, path, able[0], f"it is not joined to what {able[0]} has"))

    def one(venue: str) -> list[Outcome]:
        try:
            return attempt(venue)
        except (SourceFailed, BadData) as failure:
            if venue_of(path) != venue:
                raise
            other = next((name for name in offering if name != venue), "NAME")
            raise EbbtideError(_stays(job, venue, path, other, str(failure))) from failure

    outcomes = failing_over(session, job, [held] if held else able, one)
    skipped = [f"{venue} can't give {job}; {able[0]} is asked" for venue in asked if venue not in offering]
    return [outcome.noting(*skipped) for outcome in outcomes]


def _stays(job: str, held: str, path: Path, other: str, why: str) -> str:
    return (
        f"{job} is stored from {held} and stays as it is: {why}. To take another venue's history instead, delete "
        f"{path}, then fetch with --venue {other}"
    )
