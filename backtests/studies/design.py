"""What a study is asked, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from backtests.studies.events import USUAL, Condition, read_condition
from backtests.sweeps.steps import duration, duration_text
from data_cache.errors import BadUsage
from signals.signal import Signal

FEWEST_DRAWS = 100


@dataclass(frozen=True)
class Design:
    """How a study is made.

    condition : what begins an event      horizons : by their texts, the shortest first
    cluster : how far apart events are at least      latency : from known_at to the earliest entry
    draws, seed : of each kind of chance
    """

    condition: Condition
    horizons: Mapping[str, pd.Timedelta]
    assets: tuple[str, ...]
    start: pd.Timestamp | None
    end: pd.Timestamp | None
    cluster: pd.Timedelta
    latency: pd.Timedelta
    draws: int
    seed: int

    def summary(self) -> dict[str, Any]:
        """The same as JSON holds it."""
        return {
            "event": str(self.condition),
            "horizons": list(self.horizons),
            "assets": list(self.assets),
            "window": [None if moment is None else str(moment) for moment in (self.start, self.end)],
            "cluster": duration_text(self.cluster),
            "latency_hours": self.latency / pd.Timedelta(hours=1),
            "draws": self.draws,
            "seed": self.seed,
        }


def design_of(
    signal: Signal,
    event: str,
    horizons: Sequence[str],
    assets: Sequence[str],
    start: pd.Timestamp | None,
    end: pd.Timestamp | None,
    cluster: str,
    latency: float,
    draws: int,
    seed: int,
) -> Design:
    """The design that these texts and numbers stand for; see `study`. BadUsage for what makes no sense."""
    if draws < FEWEST_DRAWS:
        raise BadUsage(f"--draws must be {FEWEST_DRAWS} or more, for the tail of fewer says nothing; found {draws}")
    if not 0 <= latency < float("inf"):
        raise BadUsage(f"--latency must be 0 hours or more; found {latency:g}")
    if seed < 0:
        raise BadUsage(f"--study-seed must be 0 or more; found {seed}")
    span = duration(cluster, "--cluster")
    if span < pd.Timedelta(0):
        raise BadUsage(f"--cluster must be 0d or longer; found {cluster}")
    if not assets or len(set(assets)) < len(assets):
        raise BadUsage(f"--asset takes assets, each once, such as BTC,ETH; found {','.join(assets) or 'none'}")
    return Design(
        condition=read_condition(event or _usual(signal)),
        horizons=_horizons(horizons),
        assets=tuple(assets),
        start=start,
        end=end,
        cluster=span,
        latency=pd.Timedelta(hours=latency),
        draws=draws,
        seed=seed,
    )


def _usual(signal: Signal) -> str:
    name = type(signal).__name__
    if name not in USUAL:
        raise BadUsage(f'say what begins an event of {name}, as in --event "> 1"; no strategy of ebbtide says it')
    return USUAL[name]


def _horizons(texts: Sequence[str]) -> dict[str, pd.Timedelta]:
    lengths = {duration(text, "--horizons") for text in texts}
    if not lengths or min(lengths) <= pd.Timedelta(0):
        raise BadUsage(f"--horizons takes times longer than zero, such as 1d,7d,28d; found {','.join(texts) or 'none'}")
    return {duration_text(length): length for length in sorted(lengths)}
