"""The causality proof: what a strategy decided by a moment must not depend on anything that became known after it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from backtests.decisions import decide, event_times, traded_assets
from backtests.events import EventRun
from backtests.execution import Execution
from backtests.perpetuals.funding import funding_series
from backtests.tape import Tape, build_tape
from data_cache.bars import Bars
from data_cache.errors import LookAhead, NoData
from data_cache.market import Market
from data_cache.observations import Observations
from signals.signal import values_at
from strategies.strategy import Now, Strategy, path_dependent

WEIGHT = "the weight of "
# Whether a rule is causal is no matter of margin: any gross exposure is allowed, and trading is free.
_MARGIN = Execution(
    fee_bps=0, slippage_bps=0, perps=True, initial_margin=1e-9, maintenance_margin=1e-12, liquidation_fee_bps=0
)
# From when to when, UTC; None for no limit.
Window: TypeAlias = tuple[pd.Timestamp | None, pd.Timestamp | None]
WHOLE: Window = (None, None)
Turns: TypeAlias = pd.DatetimeIndex | Sequence[pd.Timestamp]


@dataclass(frozen=True)
class Leak:
    """The first difference that a changed future made to the past.

    cut : where the future begins      future : how it was changed; "left as it was" for a strategy that answers
    differently when asked again      what, at : the signal or weight that differs, and when; a signal goes before the
    weights that follow from it
    """

    cut: pd.Timestamp
    future: str
    what: str
    at: pd.Timestamp

    def __str__(self) -> str:
        return f"with everything after {self.cut} {self.future}, {self.what} at {self.at} changes"


@dataclass(frozen=True)
class Proof:
    """What came of cutting a strategy's market at `moments`, ascending; `seed` made these and the noise."""

    strategy: Strategy
    moments: tuple[pd.Timestamp, ...]
    leaks: tuple[Leak, ...]
    seed: int = 0

    @property
    def cuts(self) -> int:
        """At how many moments the future was changed."""
        return len(self.moments)

    def require(self) -> None:
        """Raise LookAhead unless nothing leaked."""
        if self.leaks:
            raise LookAhead(f"{self.strategy!r} is not causal: {self.leaks[0]}")

    def summary(self) -> dict[str, Any]:
        """The proof as JSON holds it."""
        return {"strategy": repr(self.strategy), "cuts": self.cuts, "leaks": [str(leak) for leak in self.leaks]}


def prove(
    strategy: Strategy,
    market: Market,
    cuts: int,
    seed: int = 0,
    window: Window = WHOLE,
    turns: Turns | None = None,
    perps: bool = False,
) -> Proof:
    """Put `strategy` through the proof at up to `cuts` random cuts within `window`; it runs on all of the market.

    turns : when a decision changed a weight, see `random_cuts`; as the rule answers on all of the market where None
    perps : whether positions are perpetuals, so that weights may be below 0 and exposure above 1
    """
    needs = {need for signal in strategy.signals().values() for need in signal.reads}
    tape = _tape(strategy, market)
    whole = _whole(strategy, market, tape, perps)
    turns = turns_of(whole.filter(like=WEIGHT)) if turns is None else turns
    moments = random_cuts(market, cuts, seed, needs, window, turns)
    return Proof(strategy, tuple(moments), tuple(_leaks(whole, strategy, market, tape, moments, seed, perps)), seed)


def leaks(
    strategy: Strategy, market: Market, cuts: Sequence[pd.Timestamp], seed: int = 0, perps: bool = False
) -> list[Leak]:
    """Every cut at which the past depends on the future, in order; none for a causal strategy.

    At each cut the strategy runs on (a) everything, (b) the market with all that became known later removed, (c) the
    market with all later values replaced by noise. Signals and weights must be equal to the last bit at every moment
    up to the cut at which the strategy is asked; of one that looks at its own book, which runs in the event engine
    where a signal has nothing but its past, the decisions up to the last bar's end must be. Before all that it runs
    on everything once more, which finds clocks, counters and dice. What it reads from a file or a global variable
    that stays the same is beyond the proof. Raises what a backtest of the strategy would, but for too little margin.
    """
    tape = _tape(strategy, market)
    return _leaks(_whole(strategy, market, tape, perps), strategy, market, tape, cuts, seed, perps)


def _tape(strategy: Strategy, market: Market) -> Tape:
    return build_tape(market, traded_assets(strategy, market), None, None, "0")


def _leaks(
    whole: pd.DataFrame,
    strategy: Strategy,
    market: Market,
    tape: Tape,
    cuts: Sequence[pd.Timestamp],
    seed: int,
    perps: bool,
) -> list[Leak]:
    end, market = tape.known_at[-1], _of_series_read(strategy, market, tape.assets if perps else ())
    found = [_first_difference(whole, _asked(strategy, market, tape, end, perps), end, "left as it was")]
    for cut in sorted(cuts):
        found.append(_leak(whole, strategy, market.until(cut), tape, cut, "removed", perps))
        found.append(_leak(whole, strategy, poisoned(market, cut, seed), tape, cut, "replaced by noise", perps))
    return [leak for leak in found if leak is not None]


def _of_series_read(strategy: Strategy, market: Market, paying: Sequence[str]) -> Market:
    """The market with only the series that signals may read, and funding of assets that pay it: others none sees."""
    needs = {need for signal in strategy.signals().values() for need in signal.reads}
    needs |= {funding_series(asset) for asset in paying}
    observed = market.observations
    return replace(market, observations=observed.only(series for series in observed if series in needs))


def turns_of(weights: pd.DataFrame) -> pd.DatetimeIndex:
    """When a decision changed a weight: of rows of weights by moment, the first and each that differs from the last."""
    decided = weights.dropna(how="all")
    return pd.DatetimeIndex(decided.index[(decided != decided.shift()).any(axis=1)])


def random_cuts(
    market: Market,
    count: int,
    seed: int = 0,
    needs: Collection[str] | None = None,
    window: Window = WHOLE,
    turns: Turns = (),
) -> list[pd.Timestamp]:
    """Up to `count` moments to cut at: random releases, bar ends and turns, each with the nanosecond before it.

    needs : the series whose releases count; all of the market's where None
    window : cuts lie after its start, up to its end; anywhere where no moment does
    turns : when the strategy decided something else than before; half of the moments are some of these, for there a
    change of the future would be seen in what was decided
    All lie after the first bar's end. Every series, asset and set of futures has the same chance, so that a weekly
    series is not lost among hourly bars.
    """
    if not market.bars:
        raise NoData(f"no bars in {market.origin}; a proof needs some")
    bars = [bars.known_at.asi8 for bars in market.bars.values()]
    futures = [frame.index.as_unit("ns").asi8 for frame in market.futures.values()]
    series = [name for name in market.observations if needs is None or name in needs]
    sources = [*bars, *futures, *(market.known_times(name) for name in series)]
    first = min(b[0] for b in bars)
    low, high = first if window[0] is None else max(first, window[0].value), window[1]
    later = [_between(times, low, high) for times in sources]
    if not any(map(len, later)):
        later = [_between(times, first, None) for times in sources]
    draw, size = np.random.default_rng(seed), (count + 1) // 2
    turned = _between(pd.DatetimeIndex(turns, tz="UTC").as_unit("ns").asi8, low, high)
    preferred = draw.choice(turned, min((size + 1) // 2, len(turned)), replace=False)
    chosen = np.append(preferred, _drawn(later, size - len(preferred), preferred, draw))
    return [pd.Timestamp(t, tz="UTC") for at in np.sort(chosen).tolist() for t in (at - 1, at)][:count]


def _between(times: np.ndarray, low: int, high: pd.Timestamp | None) -> np.ndarray:
    inside = times > low if high is None else (times > low) & (times <= high.value)
    return np.unique(times[inside])


def _drawn(sources: list[np.ndarray], size: int, without: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Up to `size` different moments of `sources`, each of which has the same chance; none of `without`."""
    left = [np.setdiff1d(times, without) for times in sources]
    times, row = np.unique(np.concatenate(left), return_inverse=True)
    odds = np.bincount(row, np.concatenate([np.full(len(each), 1 / max(len(each), 1)) for each in left]))
    if len(times) == 0:
        return times
    return np.asarray(draw.choice(times, min(size, len(times)), replace=False, p=odds / odds.sum()))


def poisoned(market: Market, cut: pd.Timestamp, seed: int = 0) -> Market:
    """The market with every value that became known after `cut` replaced by noise; times stay as they are.

    Noise of a series lies within the range of its values, so that a rule that holds for them holds for it.
    """
    noise = np.random.default_rng(seed)
    rows = {s: _poison(market.observations.rows(s), cut, noise) for s in market.observations}
    bars = {asset: _poison_bars(bars, cut, noise) for asset, bars in market.bars.items()}
    futures = {asset: _poison_futures(frame, cut, noise) for asset, frame in market.futures.items()}
    return replace(market, observations=Observations(rows), bars=bars, futures=futures)


def _poison(rows: pd.DataFrame, cut: pd.Timestamp, noise: np.random.Generator) -> pd.DataFrame:
    values, later = rows["value"], rows["known_at"] > cut
    low, high = (values.min(), values.max()) if values.notna().any() else (0.0, 1.0)
    return rows.assign(value=values.mask(later, noise.uniform(low, high if high > low else low + 1, len(rows))))


def _poison_bars(bars: Bars, cut: pd.Timestamp, noise: np.random.Generator) -> Bars:
    """Each number of the later bars gets noise of its own; the bars stay well formed."""
    frame, size = bars.frame, len(bars.frame)
    inner = frame[["open", "close"]] * noise.uniform(0.2, 5, (size, 2))
    high = inner.max(axis=1) * noise.uniform(1, 1.5, size)
    low = inner.min(axis=1) / noise.uniform(1, 1.5, size)
    volume = (frame["volume"] + 1) * noise.uniform(0.2, 5, size)
    noisy = inner.assign(high=high, low=low, volume=volume)[frame.columns]
    known = (bars.known_at <= cut)[:, None]
    return replace(bars, frame=pd.DataFrame(np.where(known, frame, noisy), frame.index, frame.columns))


def _poison_futures(frame: pd.DataFrame, cut: pd.Timestamp, noise: np.random.Generator) -> pd.DataFrame:
    return frame * np.where((frame.index > cut)[:, None], noise.uniform(0.5, 2, frame.shape), 1.0)


def _whole(strategy: Strategy, market: Market, tape: Tape, perps: bool) -> pd.DataFrame:
    if not path_dependent(strategy):  # raises what a backtest would, but for too little margin
        decide(strategy, market, tape, 0.0, 0.0, np.inf if perps else None)
    whole = _asked(strategy, market, tape, tape.known_at[-1], perps)
    if whole.filter(like=WEIGHT).isna().all(axis=None):
        raise NoData(f"{strategy!r} decides nothing in {market.origin}; there is nothing to prove")
    return whole


def _leak(
    whole: pd.DataFrame, strategy: Strategy, changed: Market, tape: Tape, cut: pd.Timestamp, future: str, perps: bool
) -> Leak | None:
    # Noise is shown to the rule, so that one which looks at all moments at once gives itself away.
    last, until = cut, cut if future == "removed" else tape.known_at[-1]
    if path_dependent(strategy):  # within a bar its book may know of a fill at the open, before the bar is known
        last = until = tape.known_at[tape.known_at <= cut].max()
    past = whole[whole.index <= last]
    try:
        other = _asked(strategy, changed, tape, until, perps)
    except NoData:  # so early a cut that nothing was known: then nothing may have been decided
        other = past.iloc[:0]
    return _first_difference(past, other[other.index <= last], cut, future)


def _asked(strategy: Strategy, market: Market, tape: Tape, until: pd.Timestamp, perps: bool) -> pd.DataFrame:
    if path_dependent(strategy):
        return _decided(strategy, market, tape, until, perps)
    return _answered(strategy, market, tape, until)


def _answered(strategy: Strategy, market: Market, tape: Tape, until: pd.Timestamp) -> pd.DataFrame:
    """What the strategy is shown and answers whenever it is asked, up to `until`; NaN where it is not asked."""
    times = event_times(strategy, market, tape)
    at = pd.DatetimeIndex(times[times <= until.value], tz="UTC")
    shown = pd.DataFrame(
        {n: values_at(signal, market, times[: len(at)]) for n, signal in strategy.signals().items()}, at
    )
    known = shown[shown.notna()[shown.columns.difference(strategy.can_miss())].all(axis=1)]
    now = Now(known.index, {name: column.to_numpy() for name, column in known.items()})
    answered = pd.DataFrame(dict(strategy.weights(now)) if len(known) else {}, known.index)
    return pd.concat([shown.add_prefix("signal "), answered.add_prefix(WEIGHT)], axis=1)


def _decided(strategy: Strategy, market: Market, tape: Tape, until: pd.Timestamp, perps: bool) -> pd.DataFrame:
    """The decisions of a strategy that looks at its own book, up to `until`, a bar's end."""
    past = build_tape(market, tape.assets, None, until, "0", perps)
    return EventRun(strategy, market, past, _MARGIN if perps else Execution()).run().decisions.add_prefix(WEIGHT)


def _first_difference(one: pd.DataFrame, other: pd.DataFrame, cut: pd.Timestamp, future: str) -> Leak | None:
    left, right = one.align(other)
    unequal = left.ne(right) & (left.notna() | right.notna())
    if not unequal.to_numpy().any():
        return None
    at = unequal.any(axis=1).idxmax()
    return Leak(cut, future, str(unequal.loc[at].idxmax()), at)
