"""What a user asks of `ebbtide study`: the options of the command line, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backtests.request import Conditions
from backtests.studies.event_study import Study, study
from backtests.studies.null import Watch
from backtests.studies.selection import find_signal


@dataclass(frozen=True)
class StudyRequest:
    """Everything that `study` can be told; the names are those of the options."""

    signal: str
    set: tuple[str, ...] = ()
    event: str = ""
    horizons: str = "1d,7d,28d,91d"
    asset: str = "BTC,ETH"
    start: str | None = None
    end: str | None = None
    timeframe: str = "1d"
    data: str = "lab"
    seed: int = 7
    cluster: str = "0d"
    latency: float = 0.0
    draws: int = 2000
    study_seed: int = 7
    store: Path | None = None
    out: Path | None = None
    json: bool = False

    def run(self, watch: Watch = lambda done, total: None) -> Study:
        """Make the study.

        watch : told how many of how many histories are drawn
        """
        shared = Conditions(
            start=self.start, end=self.end, timeframe=self.timeframe, data=self.data, seed=self.seed, store=self.store
        )
        signal, (start, end) = find_signal(self.signal, self.set), shared.window
        return study(
            signal,
            shared.market(),
            self.event,
            _parts(self.horizons),
            _parts(self.asset),
            start,
            end,
            self.cluster,
            self.latency,
            self.draws,
            self.study_seed,
            watch,
        )


def study_request(options: Mapping[str, Any]) -> StudyRequest:
    """What is asked, from the options that were given; the rest as `StudyRequest` has it."""
    given = {name: value for name, value in options.items() if value not in (None, (), [])}
    tupled: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in given.items()}
    return StudyRequest(**tupled)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
