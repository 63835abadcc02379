"""Both engines give the same run, on generated markets, costs and rules; and a mutant of either is found out."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from backtests import events, simulate, tape
from backtests.backtest import Backtest
from backtests.decisions import Target
from backtests.events import Watch
from backtests.execution import Execution
from backtests.result import Result
from backtests.simulate import OrderDesk, portfolio_fills
from data_cache.bars import TIMEFRAMES, Bars
from data_cache.catalog import spec
from data_cache.errors import EbbtideError
from data_cache.market import Known, Market
from data_cache.observations import Observations, observation_rows
from signals.signal import Signal
from strategies.strategy import Book, Now, Strategy, Weights

CONTRACT = 1e-9
ASSETS = ("BTC", "ETH", "SOL")
SERIES = ("LEVEL", "OTHER", "RATE")
MINUTE = pd.Timedelta(minutes=1)


@dataclass(frozen=True)
class Mean(Signal):
    """Mean of the last `window` first releases."""

    series: str
    window: int

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.series,)

    def compute(self, known: Known) -> pd.Series:
        return known.first(self.series).rolling(self.window).mean()


@dataclass(frozen=True)
class Vintage(Signal):
    """Mean of the newest three periods, as revised by the time of each release."""

    series: str

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.series,)

    def compute(self, known: Known) -> pd.Series:
        at = known.first(self.series).index
        return pd.Series([known.as_of(self.series, t).iloc[-3:].mean() for t in at], index=at, dtype=float)


@dataclass(frozen=True)
class Trend(Signal):
    """The daily close against its mean over three days."""

    asset: str = "BTC"

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"bars:{self.asset}",)

    def compute(self, known: Known) -> pd.Series:
        close = known.bars(self.asset)["close"]
        return 10 * (close / close.rolling(3, min_periods=1).mean() - 1)


@dataclass(frozen=True)
class Either(Signal):
    """The newest number of two series, either of which may be missing."""

    @property
    def one_of(self) -> tuple[str, ...]:
        return ("LEVEL", "OTHER")

    def compute(self, known: Known) -> pd.Series:
        # `has` must not choose between the two: all at once, it knows of what came later.
        found = [known.first(series) for series in self.one_of if known.has(series)]
        return pd.concat(found).sort_index(kind="stable")


@dataclass(frozen=True)
class Threshold(Strategy):
    """In while one signal is above `above` and the other below `below`; no decision while the first is in between.

    graded : hold more the stronger the first signal is      optional : whether the second may be missing
    """

    first: Signal
    second: Signal | None
    above: float
    below: float
    silent_above: float
    graded: bool
    optional: bool
    mix: tuple[float, ...]
    schedule_days: float = 0

    def signals(self) -> Mapping[str, Signal]:
        return {"first": self.first} | ({"second": self.second} if self.second else {})

    def can_miss(self) -> tuple[str, ...]:
        return ("second",) if self.second and self.optional else ()

    def rebalance_every(self) -> float:
        return self.schedule_days

    def weights(self, now: Now) -> Weights:
        on = now.first > self.above
        if self.second:
            on = on & (now.second < self.below)
        strength = np.clip(np.abs(now.first), 0, 1) if self.graded else 1.0
        share = np.where(now.first > self.silent_above, np.nan, on * strength)
        return {asset: share * weight for asset, weight in zip(ASSETS, self.mix, strict=False)}


@dataclass(frozen=True)
class Guard(Threshold):
    """The same, at half size while a twentieth of the book is lost or BTC is more than half of it."""

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        careful = book.drawdown > 0.05 or book.weights["BTC"] > 0.5
        return {asset: weight * (0.5 if careful else 1) for asset, weight in self.weights(now).items()}


@dataclass(frozen=True)
class World:
    """What one run is made of."""

    market: Market
    strategy: Threshold
    execution: Execution
    window: Mapping[str, pd.Timestamp]

    def run(self, engine: str) -> Result:
        return Backtest(self.strategy, self.market, self.execution, engine=engine, **self.window).run()


def generated_bars(random: np.random.Generator, asset: str, timeframe: str, grid: pd.DatetimeIndex) -> Bars:
    """A random walk with gaps between its bars; some begin late. The last twelve bars are whole."""
    count = len(grid)
    kept = random.random(count) > random.choice([0, 0.1, 0.4])
    kept[: random.integers(0, count // 2)] &= random.random() < 0.7
    kept[-12:] = True
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.05, count)))
    opened = close * np.exp(random.normal(0, 0.03, count))
    prices = {"open": opened, "high": np.maximum(opened, close), "low": np.minimum(opened, close), "close": close}
    return Bars(asset, timeframe, pd.DataFrame({**prices, "volume": 1.0}, index=grid)[kept])


def generated_rows(random: np.random.Generator, grid: pd.DatetimeIndex) -> pd.DataFrame:
    """Releases at random, some on a bar's open or a minute beside it; some missing, some revised; long silences."""
    count = int(random.integers(3, 40))
    opens = ((grid - grid[0]) // MINUTE).to_numpy()
    anywhere = random.integers(-opens[-1] // 4, opens[-1], count)
    beside_an_open = random.choice(opens, count) + random.integers(-1, 2, count)
    minutes = np.where(random.random(count) < 0.5, anywhere, beside_an_open)
    silent = (minutes > opens[-1] // 2) & (random.random(count) < random.choice([0, 0.9]))
    value = np.where(silent | (random.random(count) < 0.1), np.nan, random.normal(0.2, 1, count))
    period = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 25, count), unit="D")
    known_at = grid[0] + pd.to_timedelta(minutes, unit="min")
    rows = pd.DataFrame({"period": period, "known_at": known_at, "value": value})
    return observation_rows(**rows.drop_duplicates(["period", "known_at"]).to_dict("series"))


def generated_market(seed: int, assets: int, timeframe: str, count: int, max_age_bars: float) -> Market:
    random = np.random.default_rng(seed)
    length = TIMEFRAMES[timeframe]
    grid = pd.date_range("2024-01-01", periods=count, freq=length, tz="UTC").as_unit("ns")
    max_age = max_age_bars * (length / pd.Timedelta(days=1))
    return Market(
        Observations({name: generated_rows(random, grid) for name in SERIES}),
        {asset: generated_bars(random, asset, timeframe, grid) for asset in ASSETS[:assets]},
        "a generated world",
        specs={name: replace(spec("SOFR"), id=name, max_age_days=max_age) for name in SERIES},
    )


SIGNALS = st.one_of(
    st.builds(Mean, st.sampled_from(SERIES[:2]), st.integers(1, 5)),
    st.builds(Vintage, st.sampled_from(SERIES[:2])),
    st.just(Trend()),
    st.just(Either()),
)


@st.composite
def worlds(draw: st.DrawFn, rule: type[Threshold] = Threshold) -> World:
    assets = draw(st.integers(1, 3))
    timeframe = draw(st.sampled_from(["1d", "1d", "4h", "1h"]))
    count = draw(st.integers(20, 60))
    market = generated_market(
        draw(st.integers(0, 2**32 - 1)), assets, timeframe, count, draw(st.sampled_from([1.5, 8, 1000]))
    )
    parts = draw(st.lists(st.integers(0, 4), min_size=assets, max_size=assets).filter(any))
    exposure = draw(st.sampled_from([1.0, 1.0, 0.6]))
    strategy = rule(
        first=draw(SIGNALS),
        second=draw(st.none() | SIGNALS),
        above=draw(st.sampled_from([-1.0, 0.0, 0.3])),
        below=draw(st.sampled_from([0.0, 0.5, 2.0])),
        silent_above=draw(st.sampled_from([math.inf, 1.0])),
        graded=draw(st.booleans()),
        optional=draw(st.booleans()),
        mix=tuple(exposure * part / sum(parts) for part in parts),
        schedule_days=draw(st.sampled_from([0, 0, 1.7])),
    )
    execution = Execution(
        fee_bps=draw(st.sampled_from([0, 10, 300])),
        slippage_bps=draw(st.sampled_from([0, 5, 200])),
        min_notional=draw(st.sampled_from([0, 10, 20_000])),
        band=draw(st.sampled_from([0, 0.0, 0.15])),
        latency_hours=draw(st.sampled_from([0, 0.5, 4, 50])),
        rebalance_days=draw(st.sampled_from([0, 0, 0.4, 3])),
        cash=draw(st.sampled_from(["0", "RATE"])),
    )
    start = market.bars["BTC"].frame.index[0] + pd.Timedelta(days=1)
    return World(market, strategy, execution, draw(st.sampled_from([{}, {"start": start}])))


def outcome(world: World, engine: str) -> Result | str:
    """A result, or the sentence with which it was refused."""
    try:
        return world.run(engine)
    except EbbtideError as error:
        return repr(error)


def difference(left: Any, right: Any) -> float:
    """The largest relative difference of two series of positive numbers."""
    return float(np.abs(np.asarray(left) / np.asarray(right) - 1).max())


def assert_same_fills(left: pd.DataFrame, right: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(left, right, check_exact=False, rtol=CONTRACT, atol=0)


@dataclass
class Seen:
    """What the examples were, and how far the engines were apart."""

    runs: int = 0
    refused: int = 0
    fills: int = 0
    between_engines: float = 0.0
    to_vectorbt: float = 0.0


def property_of_agreement(
    examples: int, seen: Seen, phases: tuple[Phase, ...] = tuple(Phase), **conditions: float
) -> Callable[[], None]:
    """The property: the same decisions, fills and equity, or the same refusal; `conditions` are of execution."""

    @settings(max_examples=examples, phases=phases, report_multiple_bugs=False, database=None)
    @given(worlds())
    def agree(world: World) -> None:
        world = replace(world, execution=replace(world.execution, **conditions))
        vector, event = outcome(world, "vector"), outcome(world, "events")
        seen.runs += 1
        if isinstance(vector, str) or isinstance(event, str):
            seen.refused += 1
            assert vector == event
            return
        pd.testing.assert_frame_equal(vector.decisions, event.decisions, check_exact=True)
        assert_same_fills(vector.fills, event.fills)
        seen.fills += len(vector.fills)
        seen.between_engines = max(seen.between_engines, difference(vector.equity, event.equity))
        seen.to_vectorbt = max(seen.to_vectorbt, difference(vector.portfolio.value(), vector.equity.iloc[1:]))
        assert seen.between_engines <= CONTRACT
        assert seen.to_vectorbt <= CONTRACT

    return agree


def test_both_engines_and_vectorbt_give_the_same_run(record_property: Callable[[str, object], None]) -> None:
    seen = Seen()
    property_of_agreement(150, seen)()
    for name, value in vars(seen).items():
        record_property(name, value)
    print(seen)
    assert seen.refused < seen.runs / 4
    assert seen.fills > 5 * seen.runs


@settings(max_examples=40)
@given(worlds(Guard))
def test_decisions_that_looked_at_the_book_replay_through_vectorbt(world: World) -> None:
    result = outcome(world, "events")
    if isinstance(result, str):
        return
    assert difference(result.portfolio.value(), result.equity.iloc[1:]) <= CONTRACT
    assert_same_fills(portfolio_fills(result.portfolio, result.tape), result.fills)


def vector_without_latency(monkeypatch: pytest.MonkeyPatch) -> None:
    original = simulate.order_sizes
    monkeypatch.setattr(
        simulate, "order_sizes", lambda d, t, execution: original(d, t, replace(execution, latency_hours=0))
    )


def account_without_fees(monkeypatch: pytest.MonkeyPatch) -> None:
    original = OrderDesk.__init__

    def without_fees(self: OrderDesk, *arguments: Any) -> None:
        original(self, *arguments)
        self._costs["fees"] = self._costs["fees"] * 0

    monkeypatch.setattr(OrderDesk, "__init__", without_fees)


def account_without_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    original = OrderDesk.__init__

    def without_minimum(self: OrderDesk, *arguments: Any) -> None:
        original(self, *arguments)
        self._costs["min_size"] = self._costs["min_size"] * 0

    monkeypatch.setattr(OrderDesk, "__init__", without_minimum)


def account_that_trades_left_to_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OrderDesk, "order_value", lambda *_: 0.0)


def events_without_band(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "Target", lambda band, every, start: Target(0, every, start))


def events_without_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "Target", lambda band, every, start: Target(band, 0, start))


def events_that_never_grow_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watch, "_young", lambda self, need, at: self._newest[need] is not None)


def events_that_see_all(monkeypatch: pytest.MonkeyPatch) -> None:
    original = events.evaluate
    monkeypatch.setattr(events, "evaluate", lambda signal, market, until: original(signal, market))


def events_that_fill_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Execution, "fill_rows", _strictly_later(Execution.fill_rows))


def _strictly_later(original: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    # The event engine asks for one decision at a time.
    return lambda self, at, opens: original(self, at + (len(at) == 1), opens)


# Each with the conditions of trading under which it makes a difference.
MUTANTS: dict[Callable[[pytest.MonkeyPatch], None], dict[str, float]] = {
    vector_without_latency: {"latency_hours": 50},
    account_without_fees: {"fee_bps": 300},
    account_without_minimum: {"min_notional": 20_000},
    account_that_trades_left_to_right: {},
    events_without_band: {"band": 0.15},
    events_without_schedule: {"rebalance_days": 0.4},
    events_that_never_grow_stale: {},
    events_that_see_all: {},
    events_that_fill_later: {"latency_hours": 0},
}


@pytest.mark.parametrize(("mutate", "conditions"), MUTANTS.items(), ids=[mutant.__name__ for mutant in MUTANTS])
def test_a_mutant_of_one_engine_is_found_out(
    mutate: Callable[[pytest.MonkeyPatch], None],
    conditions: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mutate(monkeypatch)
    with pytest.raises(AssertionError):
        property_of_agreement(100, Seen(), (Phase.generate,), **conditions)()


def test_generated_worlds_hold_what_they_are_meant_to_hold() -> None:
    """Gaps, late starts, revisions, missing values, and releases on a bar's open and a minute beside it."""
    markets = [generated_market(seed, 3, "4h", 40, 8) for seed in range(20)]
    rows = [market.observations.rows(name) for market in markets for name in SERIES]
    assert any(len(bars.gaps()) for market in markets for bars in market.bars.values())
    assert any(frame.duplicated("period").any() for frame in rows)
    assert any(frame["value"].isna().any() for frame in rows)
    beside = {(t - t.floor("4h")) / MINUTE for frame in rows for t in frame["known_at"]}
    assert {0, 1, 239} <= beside
    assert all(len(tape.build_tape(market, ASSETS, None, None, "0").opens) >= 12 for market in markets)
