"""The New York Fed as tests look at it: a world, the server that shows it, and the store that is filled from it."""

from dataclasses import dataclass, field

import pandas as pd

from data_cache.sources import newyorkfed as source
from data_cache.sources.outcome import Outcome
from data_cache.sources.patience import Patience
from data_cache.sources.session import Session, Step
from data_cache.store import Store
from tests.standins.newyorkfed import World
from tests.standins.server import StandIn


@dataclass
class Desk:
    """A world, the server that shows it, and the store that is filled from it."""

    world: World
    server: StandIn
    store: Store
    waits: list[float] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def fetch(self, series: str, now: str, since: str | None = "2025-01-01") -> dict[str, Outcome]:
        """Run the job that has `series`; the outcomes by series."""
        session = Session(
            pd.Timestamp(now, tz="UTC"),
            pd.Timestamp(since, tz="UTC") if since else None,
            {"newyorkfed": self.server.url},
            patience=Patience(sleep=self.waits.append, timeout=1),
            say=self.steps.append,
        )
        (job,) = [job for job in source.jobs(session, self.store) if series in job.name.split(", ")]
        return {outcome.name: outcome for outcome in job.run()}

    def values(self, series: str) -> dict[str, float]:
        """What is stored: period -> value, the last one."""
        rows = self.store.rows(series)
        return {str(row.period.date()): round(row.value, 9) for row in rows.itertuples()}

    def rows(self, series: str, period: str) -> list[tuple[str, float, str]]:
        """What is stored of a period: (known at in UTC, value, origin)."""
        rows = self.store.rows(series)
        mine = rows[rows["period"] == pd.Timestamp(period)]
        return [(f"{row.known_at:%Y-%m-%d %H:%M:%S}", row.value, row.origin) for row in mine.itertuples()]

    def spans(self, path: str = "") -> list[tuple[str, str]]:
        """The days that were asked for, request by request."""
        return [(r.query["startDate"], r.query["endDate"]) for r in self.server.asked(path)]


def weekdays(first: str, last: str) -> list[str]:
    """Weekdays as text."""
    return [str(day.date()) for day in pd.bdate_range(first, last)]
