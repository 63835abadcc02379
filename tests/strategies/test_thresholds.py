"""The levels that a strategy names are those at which its rule changes its answer, all of them and no others."""

import inspect
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

import strategies
from strategies import (
    BuyAndHold,
    FedPurchases,
    FiscalDominance,
    Now,
    StealthQE,
    Strategy,
    TrendFollowing,
    VolatilityTarget,
)

KINDS = [kind for name in strategies.__all__ if inspect.isclass(kind := getattr(strategies, name))]
EVERY = [kind() for kind in KINDS if issubclass(kind, Strategy) and kind is not Strategy]
WITH_LEVELS = [strategy for strategy in EVERY if strategy.thresholds()]
SETTINGS = 400

every_strategy = pytest.mark.parametrize("strategy", EVERY, ids=lambda s: type(s).__name__)
with_levels = pytest.mark.parametrize("strategy", WITH_LEVELS, ids=lambda s: type(s).__name__)


def answer(strategy: Strategy, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Weights of shape (n_settings, n_assets)."""
    weights = strategy.weights(Now(pd.Timestamp("2025-01-01", tz="UTC"), values))
    return np.column_stack([np.broadcast_to(weight, (SETTINGS,)) for weight in weights.values()])


def nearby(levels: tuple[float, ...]) -> np.ndarray:
    """A value below the lowest level, one between each two neighbours, and one above the highest; none negative.

    Of a signal without levels, whatever it may be is the same: 1.
    """
    if not levels:
        return np.array([1.0])
    ends = [levels[0] - 0.5 * abs(levels[0]) - 0.1, *levels, levels[-1] + 0.5 * abs(levels[-1]) + 0.1]
    return np.asarray((np.array(ends[1:]) + np.array(ends[:-1])) / 2)


def settings(strategy: Strategy) -> dict[str, np.ndarray]:
    """`SETTINGS` random values of each signal, on all sides of its levels."""
    random = np.random.default_rng(7)
    levels = strategy.thresholds()
    return {name: random.choice(nearby(levels.get(name, ())), SETTINGS) for name in strategy.signals()}


@every_strategy
def test_levels_are_of_signals_that_the_rule_reads_and_ascend(strategy: Strategy) -> None:
    for name, levels in strategy.thresholds().items():
        assert name in strategy.signals()
        assert levels == tuple(sorted(set(levels)))
        assert np.isfinite(levels).all()


@with_levels
def test_the_answer_changes_at_every_level_whatever_the_direction(strategy: Strategy) -> None:
    around = settings(strategy)
    for name, levels in strategy.thresholds().items():
        for level in levels:
            hair = 1e-6 * max(1.0, abs(level))
            below, above = (
                answer(strategy, around | {name: np.full(SETTINGS, level + side)}) for side in (-hair, hair)
            )
            assert (below != above).any(), f"{type(strategy).__name__} answers the same on both sides of {name} {level}"


@with_levels
def test_the_answer_changes_nowhere_else(strategy: Strategy) -> None:
    """Each signal in turn takes a row of values, the others stay; between two levels the answer must stay too."""
    around = settings(strategy)
    for name in strategy.signals():
        if name.startswith("volatility."):  # at which one a book is scaled otherwise depends on the others
            continue
        levels = np.array(strategy.thresholds().get(name, (0.0,)))
        low, high = levels.min() - 3 * abs(levels.min()) - 5, levels.max() + 3 * abs(levels.max()) + 5
        row = np.linspace(max(low, 1e-3) if isinstance(strategy, VolatilityTarget) else low, high, SETTINGS)
        crossed = np.diff(levels.searchsorted(row)) > 0
        for fixed in range(0, SETTINGS, 20):
            values = {other: np.full(SETTINGS, column[fixed]) for other, column in around.items()}
            changed = (np.diff(answer(strategy, values | {name: row}), axis=0) != 0).any(axis=1)
            assert not (changed & ~crossed).any(), f"{type(strategy).__name__} changes its answer elsewhere on {name}"


def test_a_rule_that_reads_signals_names_its_levels() -> None:
    without = [type(strategy).__name__ for strategy in EVERY if strategy.signals() and not strategy.thresholds()]
    assert without == []


def test_a_rule_that_reads_nothing_has_no_levels() -> None:
    assert BuyAndHold().thresholds() == {}


def test_levels_are_the_parameters() -> None:
    levels = StealthQE(trigger=2.5, ceiling_bps=7, hoard=120).thresholds()
    assert levels == {"srf": (2.5,), "stress": (7,), "shutdown": (0.5,), "excess": (120,), "flow": (0.0,)}


def test_levels_of_each_asset_stand_under_its_name() -> None:
    assert TrendFollowing(mix=(("BTC", 0.5), ("SOL", 0.5))).thresholds() == {"BTC": (0.0,), "SOL": (0.0,)}


def test_a_composite_has_the_levels_of_its_parts() -> None:
    levels = FiscalDominance(fed_purchases=FedPurchases(floor=30.0)).thresholds()
    assert levels["fed_purchases.bought"] == (30.0,)
    assert levels["basis_reset.gap"] == (0.0,)
    assert set(levels) == set(FiscalDominance().signals())


def test_scaling_by_volatility_changes_halfway_between_steps() -> None:
    """Steps of a half: the scale 0.4 / volatility is rounded to 1, 0.5 or 0, turning at 0.75 and at 0.25."""
    (levels,) = VolatilityTarget(target=0.4, step=0.5, mix=(("BTC", 1.0),)).thresholds().values()
    assert levels == pytest.approx((0.4 / 0.75, 0.4 / 0.25))


@pytest.mark.parametrize("step", [0.07, 0.3, 0.45, 0.5])
def test_steps_that_do_not_divide_the_share_have_their_levels_too(step: float) -> None:
    strategy = VolatilityTarget(step=step, mix=(("BTC", 1.0),))
    (levels,) = strategy.thresholds().values()
    volatility = np.linspace(0.01, 20, 4001)
    changes = np.flatnonzero(np.diff(strategy.weights(Now(None, {"BTC": volatility}))["BTC"]))
    assert [float(volatility[i]) for i in changes] == pytest.approx(list(levels), abs=0.01)
