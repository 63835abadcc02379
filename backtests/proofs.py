"""The causality proof: what a strategy decided by a moment must not depend on anything that became known after it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from backtests.decisions import decide, traded_assets
from backtests.events import EventRun
from backtests.execution import Execution
from backtests.tape import build_tape
from data_cache.bars import Bars
from data_cache.errors import NoData
from data_cache.market import Market
from data_cache.observations import Observations
from strategies.strategy import Strategy, path_dependent


@dataclass(frozen=True)
class Leak:
    """A decision that changed with the future: where the future began, how it was changed, the first difference."""

    cut: pd.Timestamp
    future: str
    at: pd.Timestamp

    def __str__(self) -> str:
        return f"with everything after {self.cut} {self.future}, the decision at {self.at} changes"


def leaks(strategy: Strategy, market: Market, cuts: Sequence[pd.Timestamp], seed: int = 0) -> list[Leak]:
    """Every cut at which the past depends on the future; none for a causal strategy.

    At each cut the strategy runs on (a) everything, (b) the market with all that became known later removed, (c) the
    market with all later values replaced by noise. Decisions up to the cut must be equal to the last bit.
    """
    whole = _decisions(strategy, market)
    found = []
    for cut in cuts:
        futures = {"removed": market.until(cut), "replaced by noise": poisoned(market, cut, seed)}
        found += [_leak(whole, strategy, changed, cut, future) for future, changed in futures.items()]
    return [leak for leak in found if leak is not None]


def random_cuts(market: Market, count: int, seed: int = 0) -> list[pd.Timestamp]:
    """Moments to cut at: at random releases and bar ends, and one nanosecond before them."""
    times = np.concatenate(
        [market.known_times(s) for s in market.observations] + [b.known_at.asi8 for b in market.bars.values()]
    )
    begun = min(bars.known_at[0].value for bars in market.bars.values())
    chosen = np.random.default_rng(seed).choice(times[times > begun], (count + 1) // 2, replace=False)
    return [pd.Timestamp(t, tz="UTC") for at in sorted(chosen.tolist()) for t in (at - 1, at)][:count]


def poisoned(market: Market, cut: pd.Timestamp, seed: int = 0) -> Market:
    """The market with every value that became known after `cut` replaced by noise; times stay as they are."""
    noise = np.random.default_rng(seed)
    rows = {s: _poison(market.observations.rows(s), cut, noise) for s in market.observations}
    bars = {a: _poison_bars(b, cut, noise) for a, b in market.bars.items()}
    futures = {a: f.mul(np.where(f.index > cut, noise.uniform(0.5, 2), 1.0), axis=0) for a, f in market.futures.items()}
    return replace(market, observations=Observations(rows), bars=bars, futures=futures)


def _poison(rows: pd.DataFrame, cut: pd.Timestamp, noise: np.random.Generator) -> pd.DataFrame:
    later = (rows["known_at"] > cut).to_numpy()
    scale = np.nanmax(np.abs(rows["value"].to_numpy()), initial=1.0)
    return rows.assign(value=np.where(later, noise.normal(0, scale, len(rows)), rows["value"]))


def _poison_bars(bars: Bars, cut: pd.Timestamp, noise: np.random.Generator) -> Bars:
    """Later bars are multiplied by noise, a factor a bar, so that they stay well formed."""
    factor = np.where(bars.known_at > cut, noise.uniform(0.2, 5, len(bars.frame)), 1.0)
    return Bars(bars.asset, bars.timeframe, bars.frame.mul(factor, axis=0))


def _leak(whole: pd.DataFrame, strategy: Strategy, changed: Market, cut: pd.Timestamp, future: str) -> Leak | None:
    try:
        other = _decisions(strategy, changed)
    except NoData:  # so early a cut that nothing was known: then nothing may have been decided
        other = whole.iloc[:0]
    # A market that ends at the cut asks the strategy no later than at its last bar's end.
    last = min(cut, max((bars.known_at[-1] for bars in changed.bars.values()), default=cut))
    return _difference(whole[whole.index <= last], other[other.index <= last], cut, future)


def _difference(one: pd.DataFrame, other: pd.DataFrame, cut: pd.Timestamp, future: str) -> Leak | None:
    both = one.index.intersection(other.index)
    alone = one.index.symmetric_difference(other.index)
    unequal = both[(one.loc[both].to_numpy() != other.loc[both].to_numpy()).any(axis=1)]
    changed = alone.append(unequal)
    return Leak(cut, future, changed.min()) if len(changed) else None


def _decisions(strategy: Strategy, market: Market) -> pd.DataFrame:
    if not market.bars:
        raise NoData("no bars")
    tape = build_tape(market, traded_assets(strategy, market), None, None, "0")
    if path_dependent(strategy):
        return EventRun(strategy, market, tape, Execution()).run().decisions
    return decide(strategy, market, tape, 0.0, strategy.rebalance_every())
