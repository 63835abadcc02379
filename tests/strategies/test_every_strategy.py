"""What holds for every exported strategy; one joins by being exported."""

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import signals
import strategies
from backtests.backtest import Backtest
from data_cache.market import Market
from signals import Volatility
from strategies import BTC_ETH, Now, Strategy
from strategies.combinator import Combinator

KINDS = [kind for name in strategies.__all__ if inspect.isclass(kind := getattr(strategies, name))]
EVERY = [kind() for kind in KINDS if issubclass(kind, Strategy) and kind is not Strategy]
THREE = (("BTC", 0.5), ("ETH", 0.3), ("SOL", 0.2))

IDEAS = [strategy for strategy in EVERY if not isinstance(strategy, Combinator)]

every_strategy = pytest.mark.parametrize("strategy", EVERY, ids=lambda s: type(s).__name__)
# Combinators hold what others hold: they have no exposure and no mix of their own.
every_idea = pytest.mark.parametrize("strategy", IDEAS, ids=lambda s: type(s).__name__)


def weights(strategy: Strategy, **values: object) -> dict[str, object]:
    return dict(strategy.weights(Now(pd.Timestamp("2025-01-01", tz="UTC"), values)))


def inside(strategy: Strategy) -> dict[str, np.float64]:
    """Values of the signals at which the strategy is fully invested: found by trying, not by reading the rule.

    Tried are values on either side of the levels of each signal, drawn at random. The first counts that leaves the mix
    as it is, since a rotation may be fully invested in another.
    """
    random = np.random.default_rng(7)
    levels = {name: strategy.thresholds().get(name, (0.0,)) for name in strategy.signals()}
    for _ in range(5_000):
        tried = {name: np.float64(random.choice(beside(around))) for name, around in levels.items()}
        if weights(strategy, **tried) == pytest.approx(dict(strategy.mix)):
            return tried
    raise AssertionError(f"{strategy!r} never holds the whole of its mix")


def beside(levels: tuple[float, ...]) -> list[float]:
    """A value well below the levels and one well above; what may not be negative, as volatility, stays positive."""
    return [min(levels) - 0.5 * abs(min(levels)) - 0.1, max(levels) + 0.5 * abs(max(levels)) + 0.1]


def test_every_strategy_of_the_package_is_exported() -> None:
    modules = [importlib.import_module(f"strategies.{m.name}") for m in pkgutil.iter_modules(strategies.__path__)]
    defined = {
        name
        for module in modules
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Strategy) and kind.__module__.startswith("strategies.")
    }
    concrete = defined - {"Strategy", "Composite", "Combinator"}
    assert concrete <= set(strategies.__all__)
    assert {type(strategy).__name__ for strategy in EVERY} == concrete


@every_strategy
@given(data=st.data())
def test_the_rule_answers_the_same_for_one_moment_and_for_many(strategy: Strategy, data: st.DataObject) -> None:
    # What signals can be: any number, thresholds among them; volatility is never negative.
    thresholds = [level for levels in strategy.thresholds().values() for level in levels]
    number = st.floats(-1e4, 1e4) | st.sampled_from([*thresholds, 0.0, 1.0, 100.0])
    volatility = st.floats(0, 10) | st.sampled_from([0.0, 0.4])
    size = data.draw(st.integers(1, 6))
    kinds = {n: volatility if isinstance(signal, Volatility) else number for n, signal in strategy.signals().items()}
    rows = {n: np.array(data.draw(st.lists(kind, min_size=size, max_size=size))) for n, kind in kinds.items()}
    many = pd.DataFrame(weights(strategy, **rows), index=range(size))
    for row in range(size):
        one = weights(strategy, **{name: values[row] for name, values in rows.items()})
        assert list(one) == list(many.columns)
        assert [float(w) for w in one.values()] == many.iloc[row].tolist()
        assert all(0 <= weight <= 1 for weight in one.values())
        assert sum(one.values()) <= 1 + 1e-9


@every_idea
def test_the_exposure_is_spread_over_bitcoin_and_ether_by_seven_to_three(strategy: Strategy) -> None:
    exposure = sum(weights(strategy, **inside(dataclasses.replace(strategy, exposure=1.0))).values())
    assert exposure == pytest.approx(strategy.exposure)
    assert strategy.mix == BTC_ETH == (("BTC", 0.7), ("ETH", 0.3))
    found = weights(strategy, **inside(dataclasses.replace(strategy, exposure=1.0)))
    assert found == pytest.approx({"BTC": 0.7 * strategy.exposure, "ETH": 0.3 * strategy.exposure})


@every_idea
def test_a_mix_may_name_a_third_asset(strategy: Strategy) -> None:
    three = dataclasses.replace(strategy, mix=THREE, exposure=1.0)
    assert weights(three, **inside(three)) == pytest.approx({"BTC": 0.5, "ETH": 0.3, "SOL": 0.2})


@every_idea
def test_exposure_scales_every_weight(strategy: Strategy) -> None:
    full, half = (dataclasses.replace(strategy, exposure=exposure) for exposure in (1.0, 0.5))
    values = inside(full)
    expected = {asset: weight / 2 for asset, weight in weights(full, **values).items()}
    assert weights(half, **values) == pytest.approx(expected)


@every_strategy
def test_the_representation_of_a_strategy_builds_it_again(strategy: Strategy) -> None:
    assert eval(repr(strategy), {kind.__name__: kind for kind in KINDS} | vars(signals)) == strategy
    assert hash(strategy) == hash(dataclasses.replace(strategy))


@every_strategy
def test_nothing_is_decided_while_a_signal_is_unknown(
    strategy: Strategy, lab: Market, known_when_asked: Callable[[Strategy, Market], pd.Series]
) -> None:
    known = known_when_asked(strategy, lab)
    decisions = Backtest(strategy, lab).run().decisions
    assert known[decisions.index].all()
    assert decisions.index[0] == known.idxmax()
    assert known.all() or len(decisions) > 1


@every_strategy
def test_weights_on_the_lab_are_never_negative_and_never_above_the_exposure(strategy: Strategy, lab: Market) -> None:
    decisions = Backtest(strategy, lab).run().decisions
    assert (decisions >= 0).all(axis=None)
    exposure = 1.0 if isinstance(strategy, Combinator) else strategy.exposure
    assert decisions.sum(axis=1).max() <= exposure + 1e-9
