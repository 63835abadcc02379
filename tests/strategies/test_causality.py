"""The causality proof of every exported strategy, by both engines; nothing to remember: one joins by being exported.

A cut is a moment after which everything is removed, then replaced by noise; nothing up to it may change.
"""

import dataclasses
import inspect
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import pytest

import strategies
from backtests.backtest import Backtest
from backtests.proofs import leaks, random_cuts
from data_cache.bars import Bars
from data_cache.market import Market
from signals.signal import Signal
from strategies import Book, Now, Strategy, Weights

KINDS = [kind for name in strategies.__all__ if inspect.isclass(kind := getattr(strategies, name))]
EVERY = [kind() for kind in KINDS if issubclass(kind, Strategy) and kind is not Strategy]

every_strategy = pytest.mark.parametrize("strategy", EVERY, ids=lambda s: type(s).__name__)


@dataclass(frozen=True)
class ByEvents(Strategy):
    """The same strategy, forced through the event engine."""

    inner: Strategy

    def signals(self) -> Mapping[str, Signal]:
        return self.inner.signals()

    def rebalance_every(self) -> float:
        return self.inner.rebalance_every()

    def weights(self, now: Now) -> Weights:
        return self.inner.weights(now)

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        return self.inner.on_event(at, now, book)


def test_every_exported_strategy_is_proven() -> None:
    assert {type(strategy) for strategy in EVERY} == {k for k in KINDS if issubclass(k, Strategy)} - {Strategy}
    assert len(EVERY) >= 10


@every_strategy
@pytest.mark.parametrize("seed", [1, 2])
def test_no_strategy_looks_ahead_in_the_lab(strategy: Strategy, lab: Market, seed: int) -> None:
    assert leaks(strategy, lab, random_cuts(lab, 10, seed), seed) == []


@every_strategy
def test_no_strategy_looks_ahead_around_its_own_decisions_in_the_lab(strategy: Strategy, lab: Market) -> None:
    decided = Backtest(strategy, lab).run().decisions.index
    chosen = decided[:: max(1, len(decided) // 3)][:3]
    cuts = [at + shift for at in chosen for shift in (pd.Timedelta(-1, "ns"), pd.Timedelta(0), pd.Timedelta(1, "h"))]
    assert leaks(strategy, lab, cuts) == []


@pytest.fixture(scope="module")
def weeks(lab: Market) -> Market:
    """Eleven weeks of bars after years of releases: short enough for the event engine, with much happening in them."""
    past = lab.until(pd.Timestamp("2025-11-20", tz="UTC"))
    since = {a: Bars(a, "1d", bars.frame.loc["2025-09-05":]) for a, bars in past.bars.items()}
    return dataclasses.replace(past, bars=since)


@every_strategy
def test_no_strategy_looks_ahead_event_by_event(strategy: Strategy, weeks: Market) -> None:
    known_within_weeks = dataclasses.replace(strategy, days=20) if hasattr(strategy, "days") else strategy
    assert leaks(ByEvents(known_within_weeks), weeks, [weeks.bars["BTC"].known_at[65]]) == []


@every_strategy
def test_on_its_past_alone_a_strategy_decides_as_on_all_of_history(strategy: Strategy, lab: Market) -> None:
    # The event engine evaluates each signal on nothing later than the moment; the vector path on everything at once.
    window = {"start": pd.Timestamp("2025-09-15", tz="UTC"), "end": pd.Timestamp("2025-12-01", tz="UTC")}
    everything, past = (Backtest(strategy, lab, engine=e, **window).run().decisions for e in ("vector", "events"))
    pd.testing.assert_frame_equal(everything, past, check_exact=True)


@pytest.mark.real
@every_strategy
@pytest.mark.parametrize("seed", [1, 2])
def test_no_strategy_looks_ahead_in_real_history(strategy: Strategy, real: Market, seed: int) -> None:
    assert leaks(strategy, real, random_cuts(real, 10, seed), seed) == []
