"""The study: events of a signal, forward returns after them, and what chance would have given."""

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backtests.studies.design import Design, design_of
from backtests.studies.events import clustered, known_values, made_by, no_event, onsets
from backtests.studies.forward import NOWHERE, Prices, entries
from backtests.studies.null import Watch
from backtests.studies.statistics import Sample, statistics
from backtests.studies.words import number
from backtests.tape import Tape, build_tape
from data_cache.errors import NoData
from data_cache.market import Market
from data_cache.version import __version__
from signals.signal import Signal, values_at

LIBRARIES = ("pandas", "numpy", "arch", "statsmodels")

# Fewer bars cannot be resampled in blocks.
FEWEST_BARS = 30


@dataclass(frozen=True)
class Unpriced:
    """How many events no bar opens for: before the window's first open, after its last one, in a gap between."""

    before: int
    after: int
    between: int


@dataclass(frozen=True)
class Study:
    """An event study, made by `study`.

    events : by known_at, ascending: value of the signal and the one before, onsets in the cluster, what the value was
    made of, entry (open_time of the bar), and a column "ASSET HORIZON" of forward returns, NaN where the record ends
    table : by asset and horizon: see `backtests.studies.statistics.Row`
    unpriced : events for which the window has no price, by where they lie
    """

    signal: Signal
    design: Design
    market: Market
    sample: Sample
    events: pd.DataFrame
    table: pd.DataFrame
    unpriced: Unpriced

    @property
    def outside(self) -> int:
        """How many events the window has no price for."""
        return self.unpriced.before + self.unpriced.after + self.unpriced.between

    @property
    def title(self) -> str:
        """What was studied, by what is not as usual: "StandingRepoUse(window=5) > 1"."""
        return f"{short_repr(self.signal)} {self.design.condition}"

    @property
    def simulated(self) -> bool:
        """Whether the market is a simulated one."""
        return "SIMULATED" in self.market.origin

    @property
    def span(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """The first and the last open at which the signal was known: when events could happen."""
        times = self.sample.tape.opens.index
        return times[self.sample.first], times[self.sample.last]

    @cached_property
    def words(self) -> list[str]:
        """What the numbers say, in sentences: counts, what could be seen, the verdict."""
        from backtests.studies.words import sentences

        return sentences(self)

    @property
    def verdict(self) -> str:
        """The one sentence of `words` that says whether events were followed by more than chance."""
        from backtests.studies.words import verdict

        return verdict(self)

    @property
    def command(self) -> str | None:
        """The command that makes it again, quoted for a shell; None where none can."""
        from backtests.studies.command import command

        return command(self)

    @property
    def manifest(self) -> dict[str, Any]:
        """Everything that decides the numbers."""
        needs = {*self.signal.reads, *(f"bars:{asset}" for asset in self.design.assets)}
        return {
            "ebbtide": __version__,
            "command": self.command,
            "signal": repr(self.signal),
            **self.design.summary(),
            "origin": self.market.origin,
            "timeframe": self.sample.tape.timeframe,
            "span": [str(moment) for moment in self.span],
            "data": self.market.hashes(needs),
            "libraries": {name: version(name) for name in LIBRARIES},
        }

    def summary(self) -> dict[str, Any]:
        """All of it as JSON holds it: words, statistics by asset and horizon, events, manifest."""
        return {
            "study": self.title,
            "words": self.words,
            "outside": self.outside,
            "unpriced": asdict(self.unpriced),
            "table": _records(self.table),
            "events": _records(self.events),
            "manifest": self.manifest,
        }

    def page(self, path: Path) -> None:
        """Write one self-contained HTML file; see `backtests.studies.page.write_study`."""
        from backtests.studies.page import write_study

        write_study(self, Path(path))

    def _repr_html_(self) -> str:
        """The statistics and the sentences, as a notebook shows them."""
        from backtests.studies.words import short_table

        said = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in self.words)
        label = "<strong>SIMULATED</strong> " if self.simulated else ""
        return f"<p>{label}<code>{html.escape(self.title)}</code></p>{short_table(self).to_html(index=False)}{said}"


def short_repr(signal: Signal) -> str:
    """The class and the parameters that are not at their defaults.

    >>> from signals import StandingRepoUse
    >>> short_repr(StandingRepoUse()), short_repr(StandingRepoUse(window=5))
    ('StandingRepoUse', 'StandingRepoUse(window=5)')
    """
    given = [f"{f.name}={getattr(signal, f.name)!r}" for f in fields(signal) if getattr(signal, f.name) != f.default]
    return f"{type(signal).__name__}({', '.join(given)})" if given else type(signal).__name__


def study(
    signal: Signal,
    market: Market,
    event: str = "",
    horizons: Sequence[str] = ("1d", "7d", "28d", "91d"),
    assets: Sequence[str] = ("BTC", "ETH"),
    start: pd.Timestamp | None = None,
    end: pd.Timestamp | None = None,
    cluster: str = "0d",
    latency: float = 0.0,
    draws: int = 2000,
    seed: int = 7,
    watch: Watch = lambda done, total: None,
) -> Study:
    """Study the returns of `assets` after the moments at which `signal` began to meet a condition.

    event : a comparison with a number, such as "> 1"; "" for the line at which a strategy of ebbtide's acts
    horizons : for how long each return is, such as "4h", "7d", "13w"      cluster : an onset nearer than this to the
    first of its cluster is no event of its own      latency : hours from known_at to the earliest entry
    start, end : the window of bars; the signal may be known before      draws, seed : of each kind of chance
    watch : told how many of how many histories are drawn
    Raises NoData where there is no event, BadUsage for a condition, a horizon or a window that makes no sense.
    """
    design = design_of(signal, event, horizons, assets, start, end, cluster, latency, draws, seed)
    tape = build_tape(market, design.assets, start, end, cash="0")
    values = known_values(signal, market)
    found = clustered(onsets(values, design.condition), design.cluster)
    bars = entries(tape.open_times, found.index.asi8, design.latency)
    if not (bars != NOWHERE).any():
        raise _none(signal, design, values[_during(values.index, tape)])
    sample = sample_of(signal, market, tape, bars[bars != NOWHERE], design)
    events = _described(found[bars != NOWHERE], signal, market, sample, design)
    table = statistics(sample, design, events.index, watch)
    return Study(signal, design, market, sample, events, table, unpriced(tape, found.index.asi8, bars, design.latency))


def sample_of(signal: Signal, market: Market, tape: Tape, bars: np.ndarray, design: Design) -> Sample:
    """Events, and all bars at which there could have been one; NoData where these are fewer than 30.

    bars : at which events are entered
    """
    known = values_at(signal, market, tape.open_times - design.latency.value)
    possible = np.union1d(np.flatnonzero(~np.isnan(known)), bars)
    first, last = int(possible[0]), int(possible[-1])
    if len(tape.opens) - first < FEWEST_BARS:
        raise NoData(
            f"{type(signal).__name__} is known at {len(tape.opens) - first} bars of the window; a study needs "
            f"{FEWEST_BARS} or more: choose a longer window"
        )
    return Sample(tape, known, bars, first, last)


def unpriced(tape: Tape, known_at: np.ndarray, bars: np.ndarray, latency: pd.Timedelta) -> Unpriced:
    """Where the events lie that are entered nowhere.

    known_at : of all events, int64 ns      bars : at which each is entered, NOWHERE where none opens in time
    """
    ready = known_at[bars == NOWHERE] + latency.value
    before, after = ready < tape.open_times[0], ready > tape.open_times[-1]
    return Unpriced(int(before.sum()), int(after.sum()), int((~before & ~after).sum()))


def _none(signal: Signal, design: Design, values: pd.Series) -> NoData:
    count = len(onsets(values, design.condition))
    if not count:
        return no_event(signal, design.condition, values)
    return NoData(
        f"{type(signal).__name__} came to be {design.condition.words} in this window, {number(count, 'event')}, but no "
        "bar opens within a day after; choose a longer window, or fetch or import prices"
    )


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows, index included, with None for what is missing, times among it."""
    rows = frame.reset_index().to_dict("records")
    return [{name: None if pd.isna(value) else value for name, value in row.items()} for row in rows]


def _during(times: pd.DatetimeIndex, tape: Tape) -> np.ndarray:
    return np.asarray((times >= tape.opens.index[0]) & (times <= tape.known_at[-1]))


def _described(found: pd.DataFrame, signal: Signal, market: Market, sample: Sample, design: Design) -> pd.DataFrame:
    """Events with what made them, when they are entered, and their forward returns."""
    columns: Mapping[str, Iterable[object]] = {
        "made_by": [made_by(signal, market, at) for at in found.index],
        "entry": sample.tape.opens.index[sample.bars],
    }
    returns = {
        f"{asset} {text}": Prices.of(sample.tape, asset).forward(horizon)[sample.bars]
        for asset in design.assets
        for text, horizon in design.horizons.items()
    }
    return found.assign(**columns, **returns)
