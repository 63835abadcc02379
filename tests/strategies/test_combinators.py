"""Strategies made of strategies: what each does to what its parts hold, in numbers that can be redone by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.backtest import Backtest
from data_cache.errors import BadUsage, UnknownName
from data_cache.market import Market
from signals import CeilingSpread, Lag, NetLiquidityChange, ShutdownOpen, Signal, Trend, Volatility
from strategies import (
    Blend,
    Book,
    BuyAndHold,
    Capped,
    FixedMix,
    Gate,
    NetLiquidityTide,
    Now,
    StealthQE,
    Strategy,
    TrendFollowing,
    VolatilityScaled,
    VolatilityTarget,
    Weights,
)
from strategies.combinator import Combinator

BTC, ETH = (("BTC", 1.0),), (("ETH", 1.0),)
HALVES = (("BTC", 0.5), ("ETH", 0.5))
COMBINATORS = [Blend(), Gate(), VolatilityScaled(), Capped()]

every_combinator = pytest.mark.parametrize("strategy", COMBINATORS, ids=lambda s: type(s).__name__)


@dataclass(frozen=True)
class Holds(Strategy):
    """Weights as they are given, short ones and those above 1 too."""

    btc: float = 0.5
    eth: float = 0.25

    def weights(self, now: Now) -> Weights:
        return {"BTC": np.float64(self.btc), "ETH": np.float64(self.eth)}


@dataclass(frozen=True)
class LooksAtItsBook(Strategy):
    """A stop: out of the market below the peak."""

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        return {"BTC": float(book.drawdown < 0.1)}


@dataclass(frozen=True)
class Optional(Strategy):
    """Reads the spread, and can live without it."""

    def signals(self) -> Mapping[str, Signal]:
        return {"stress": CeilingSpread()}

    def can_miss(self) -> tuple[str, ...]:
        return ("stress",)

    def weights(self, now: Now) -> Weights:
        return {"BTC": np.where(now.stress > 0, 0.0, 1.0)[()]}


def held(strategy: Strategy, **values: float) -> dict[str, float]:
    """What a strategy holds where its signals say so; dots in names are written as __."""
    known = {name.replace("__", "."): np.float64(value) for name, value in values.items()}
    return {asset: float(weight) for asset, weight in strategy.weights(Now(pd.NaT, known)).items()}


# What all share


def test_signals_levels_and_parameters_of_a_part_have_one_name() -> None:
    blend = Blend((StealthQE(trigger=2.0), Gate(NetLiquidityTide(weeks=13), level=5.0)))
    assert blend.signals()["parts.1.strategy.change"] == NetLiquidityChange(13)
    assert blend.signals()["parts.1.signal"] == CeilingSpread()
    assert blend.thresholds()["parts.0.srf"] == (2.0,)
    assert blend.thresholds()["parts.1.signal"] == (5.0,)
    assert blend.inner() == {"parts.0": blend.parts[0], "parts.1": blend.parts[1]}
    assert blend.parts[1].inner() == {"strategy": NetLiquidityTide(weeks=13)}  # type: ignore[attr-defined]


def test_a_whole_can_miss_what_its_part_can_miss() -> None:
    whole = Capped(Blend((Optional(), Gate())))
    assert whole.can_miss() == ("strategy.parts.0.stress",)
    assert held(whole, strategy__parts__0__stress=np.nan, strategy__parts__1__signal=-5.0) == {"BTC": 0.5, "ETH": 0.15}


@pytest.mark.parametrize(("days", "expected"), [((0, 0), 0), ((30, 7), 7), ((30, 0), 30)])
def test_the_schedule_is_the_shortest_of_the_parts(days: tuple[float, float], expected: float) -> None:
    blend = Blend(tuple(FixedMix(rebalance_days=every) for every in days))
    assert Capped(blend).rebalance_every() == expected


@pytest.mark.parametrize("kind", [Gate, VolatilityScaled, Capped, lambda part: Blend((BuyAndHold(), part))])
def test_a_part_that_looks_at_its_own_book_is_refused(kind: type[Combinator]) -> None:
    with pytest.raises(BadUsage, match=r"is LooksAtItsBook, which looks at its own book; a part has none: take a"):
        kind(LooksAtItsBook())  # type: ignore[call-arg]


@pytest.mark.parametrize("part", [None, "StealthQE", StealthQE, CeilingSpread()])
@pytest.mark.parametrize("kind", [Gate, VolatilityScaled, Capped])
def test_a_part_must_be_a_strategy(kind: type[Combinator], part: object) -> None:
    with pytest.raises(BadUsage, match=rf"^{kind.__name__}\.strategy is Strategy; .* is not$"):
        kind(strategy=part)  # type: ignore[call-arg]


def test_parts_must_be_a_tuple_of_strategies() -> None:
    for parts, cure in (
        (StealthQE(), r"; a tuple of one needs a comma: \(StealthQE\(\.\.\.\),\)"),
        ([StealthQE()], ""),
    ):
        with pytest.raises(BadUsage, match=rf"^Blend\.parts is a tuple of Strategy; .* is not{cure}$"):
            Blend(parts=parts)  # type: ignore[arg-type]
    with pytest.raises(BadUsage, match=r"^Blend\.parts is a tuple of Strategy; .* is not$"):
        Blend(parts=(StealthQE(), 0.5))  # type: ignore[arg-type]


def test_a_gate_needs_a_signal() -> None:
    with pytest.raises(BadUsage, match=r"^Gate\.signal is Signal; 'stress' is not$"):
        Gate(signal="stress")  # type: ignore[arg-type]


def test_a_part_sees_its_own_signals_alone() -> None:
    now = Now(pd.NaT, {"parts.0.srf": 1.0, "parts.1.change": 2.0})
    assert now.of("parts.1").change == 2.0
    with pytest.raises(UnknownName, match=r"^now has no signal 'srf'; it has: change$"):
        now.of("parts.1").srf  # noqa: B018 - reading it is the test


@every_combinator
def test_every_combinator_takes_every_other(strategy: Combinator) -> None:
    for other in COMBINATORS:
        first = fields(strategy)[0].name
        nested = type(strategy)(**{first: (other,) if first == "parts" else other})
        assert len(nested.inner()) == 1
        assert set(nested.signals()) >= {f"{name}.{signal}" for name in nested.inner() for signal in other.signals()}


# Blend


def test_a_blend_holds_the_sum_of_share_times_weight() -> None:
    blend = Blend((BuyAndHold(mix=HALVES), BuyAndHold(mix=BTC)), (0.6, 0.2))
    assert held(blend) == pytest.approx({"BTC": 0.6 * 0.5 + 0.2 * 1.0, "ETH": 0.6 * 0.5})


def test_an_asset_that_a_part_does_not_name_is_none_of_it() -> None:
    blend = Blend((BuyAndHold(mix=ETH), BuyAndHold(mix=(("SOL", 0.5), ("BTC", 0.5)))))
    assert held(blend) == {"ETH": 0.5, "SOL": 0.25, "BTC": 0.25}
    assert list(held(blend)) == ["ETH", "SOL", "BTC"]


def test_without_shares_every_part_has_the_same() -> None:
    assert held(Blend((BuyAndHold(mix=BTC), BuyAndHold(mix=ETH, exposure=0.5)))) == {"BTC": 0.5, "ETH": 0.25}


def test_long_and_short_of_two_parts_are_netted() -> None:
    assert held(Blend((Holds(1.0, -0.5), Holds(-0.5, 0.5)))) == {"BTC": 0.25, "ETH": 0.0}


def test_a_blend_decides_nothing_while_one_part_decides_nothing() -> None:
    weights = held(Blend((BuyAndHold(mix=(("SOL", 1.0),)), Holds(np.nan, np.nan))))
    assert np.isnan(list(weights.values())).all()
    assert list(weights) == ["SOL", "BTC", "ETH"]


def test_one_weight_that_is_unknown_beside_one_that_is_known_stays_an_error(lab: Market) -> None:
    with pytest.raises(BadUsage, match=r"^Blend: one weight is NaN and another is not"):
        Backtest(Blend((BuyAndHold(), Holds(np.nan, 0.5))), lab).run()


def test_a_part_with_no_share_is_not_asked_and_what_it_reads_need_not_be_known() -> None:
    blend = Blend(
        (FixedMix(exposure=1.0, mix=HALVES), Gate(FixedMix(rebalance_days=1, mix=(("SOL", 1.0),)))), (0.5, 0.0)
    )
    assert (blend.signals(), blend.thresholds(), blend.can_miss()) == ({}, {}, ())
    assert held(blend) == {"BTC": 0.25, "ETH": 0.25}
    assert blend.rebalance_every() == FixedMix().rebalance_every() > 1
    assert held(Blend((Holds(np.nan, np.nan), BuyAndHold(mix=BTC)), (0.0, 0.5))) == {"BTC": 0.5}


def test_a_part_with_no_share_changes_no_decision(lab: Market) -> None:
    """Stress is not known before 2018, when StealthQE alone would decide nothing yet."""
    nothing_of_it = Blend((TrendFollowing(), StealthQE()), (1.0, 0.0))
    whole, alone = (Backtest(strategy, lab).run().decisions for strategy in (nothing_of_it, TrendFollowing()))
    pd.testing.assert_frame_equal(whole, alone, check_exact=True)


def test_a_part_with_no_share_still_counts_among_the_ideas_that_were_tried() -> None:
    assert Blend((StealthQE(), BuyAndHold()), (0.0, 1.0)).family == "BuyAndHold+StealthQE"


@pytest.mark.parametrize(
    ("shares", "sentence"),
    [
        ((0.5,), r"^Blend has 2 parts and 1 shares; give one share for each part, or \(\)$"),
        ((0.5, 0.3, 0.2), r"^Blend has 2 parts and 3 shares; "),
        ((0.7, 0.4), r"^Blend\.shares must be 0 or more and add up to at most 1; found \(0\.7, 0\.4\)$"),
        ((-0.1, 0.4), r"^Blend\.shares must be 0 or more"),
        ((np.nan, 0.4), r"^Blend\.shares must be 0 or more"),
        ((0.0, 0.0), r"^Blend\.shares are all 0, which holds nothing; give one part a share; found \(0\.0, 0\.0\)$"),
    ],
)
def test_shares_that_make_no_book_are_refused(shares: tuple[float, ...], sentence: str) -> None:
    with pytest.raises(BadUsage, match=sentence):
        Blend(shares=shares)


def test_ten_tenths_are_a_whole() -> None:
    assert sum(held(Blend((BuyAndHold(),) * 10, (0.1,) * 10)).values()) == pytest.approx(1.0)


def test_a_blend_of_nothing_is_refused() -> None:
    with pytest.raises(BadUsage, match=r"^Blend has no parts; give it at least one strategy"):
        Blend(())


@pytest.mark.parametrize("part", [StealthQE(), FixedMix(), TrendFollowing(), VolatilityTarget(), Gate()])
def test_a_blend_of_one_with_all_of_the_book_is_that_one(part: Strategy, lab: Market) -> None:
    whole, alone = (Backtest(strategy, lab).run().decisions for strategy in (Blend((part,), (1.0,)), part))
    pd.testing.assert_frame_equal(whole, alone, check_exact=True)


# Gate


@pytest.mark.parametrize(
    ("signal", "open_above", "fraction"),
    [(4.9, False, 1), (5.0, False, 0.25), (5.1, False, 0.25), (4.9, True, 0.25), (5.0, True, 0.25), (5.1, True, 1)],
)
def test_a_gate_is_open_beyond_its_level_on_one_side(signal: float, open_above: bool, fraction: float) -> None:
    gate = Gate(BuyAndHold(mix=HALVES), level=5.0, open_above=open_above, closed=0.25)
    assert held(gate, signal=signal) == {"BTC": 0.5 * fraction, "ETH": 0.5 * fraction}


def test_a_gate_may_read_any_signal() -> None:
    gate = Gate(StealthQE(), Lag(ShutdownOpen(), 3), level=0.5)
    assert gate.signals()["signal"] == Lag(ShutdownOpen(), 3)


def test_a_gate_decides_nothing_while_its_strategy_decides_nothing() -> None:
    assert np.isnan(list(held(Gate(Holds(np.nan, np.nan)), signal=99.0).values())).all()


@pytest.mark.parametrize("closed", [-0.1, 1.1, np.nan])
def test_what_a_closed_gate_leaves_is_a_fraction(closed: float) -> None:
    with pytest.raises(BadUsage, match=r"^Gate\.closed is the fraction held while the gate is closed, 0 to 1; found "):
        Gate(closed=closed)


def test_a_gate_that_never_shuts_is_its_strategy(lab: Market) -> None:
    open_, alone = (
        Backtest(strategy, lab).run().decisions
        for strategy in (Gate(TrendFollowing(), Trend("BTC", 200), level=1e9), TrendFollowing())
    )
    pd.testing.assert_frame_equal(open_, alone, check_exact=True)


def test_unless_told_otherwise_a_gate_shuts_while_funding_is_in_stress(lab: Market) -> None:
    exposures = Backtest(Gate(), lab).run().decisions.sum(axis=1)
    assert exposures.tolist() == pytest.approx(([1.0, 0.0] * len(exposures))[: len(exposures)])
    assert len(exposures) > 2


# VolatilityScaled


def expected_volatility(weights: Mapping[str, float], btc: float, eth: float) -> float:
    return abs(weights["BTC"]) * btc + abs(weights["ETH"]) * eth


def test_the_whole_book_is_scaled_to_the_target() -> None:
    """Half in BTC at 60 % and half in ETH at 100 % are expected to vary by 80 %: a target of 40 % is half of that."""
    scaled = VolatilityScaled(BuyAndHold(mix=HALVES), target=0.4)
    assert held(scaled, volatility__BTC=0.6, volatility__ETH=1.0) == {"BTC": 0.25, "ETH": 0.25}


@pytest.mark.parametrize(
    ("volatility", "scale"),
    [(0.1, 1.0), (0.4, 1.0), (0.5, 0.75), (0.4 / 0.86, 0.75), (0.4 / 0.88, 1.0), (0.8, 0.5), (9.0, 0.0)],
)
def test_the_scale_moves_in_steps_to_the_nearest(volatility: float, scale: float) -> None:
    scaled = VolatilityScaled(BuyAndHold(mix=BTC), target=0.4, step=0.25)
    assert held(scaled, volatility__BTC=volatility) == {"BTC": scale}


def test_a_short_position_is_a_risk_too() -> None:
    """0.5 x 60 % + 0.5 x 100 % = 80 %, whatever the signs."""
    assert held(VolatilityScaled(Holds(0.5, -0.5)), volatility__BTC=0.6, volatility__ETH=1.0) == {
        "BTC": 0.25,
        "ETH": -0.25,
    }


def test_more_than_the_strategy_asks_for_is_held_where_that_is_allowed() -> None:
    """Half in BTC at 40 % varies by 20 %; for 60 % it has to be three times as much, but at most twice is allowed."""
    half = BuyAndHold(mix=BTC, exposure=0.5)
    assert held(VolatilityScaled(half, target=0.6, most=4.0), volatility__BTC=0.4)["BTC"] == pytest.approx(1.5)
    assert held(VolatilityScaled(half, target=0.6, most=2.0), volatility__BTC=0.4) == {"BTC": 1.0}


@pytest.mark.parametrize("step", [0.07, 0.3, 0.5])
def test_the_largest_scale_is_reached_whatever_the_step(step: float) -> None:
    assert held(VolatilityScaled(BuyAndHold(mix=BTC), step=step), volatility__BTC=0.1) == {"BTC": 1.0}


@pytest.mark.parametrize("kind", [VolatilityScaled, VolatilityTarget])
def test_a_step_that_would_leave_the_market_just_above_the_target_is_refused(kind: type[Strategy]) -> None:
    with pytest.raises(BadUsage) as refused:
        kind(step=0.6)  # type: ignore[call-arg]
    assert str(refused.value) == (
        f"{kind.__name__}.step must be at most 0.5; found 0.6: a scale below half a step is rounded to 0, and the "
        "market would be left where volatility is hardly above the target"
    )
    with pytest.raises(BadUsage, match="must be a number above 0; found 0"):
        kind(step=0)  # type: ignore[call-arg]


@pytest.mark.parametrize(("volatility", "left"), [(1.59, 0.5), (1.61, 0.0)])
def test_with_the_largest_step_the_market_is_left_at_four_times_the_target(volatility: float, left: float) -> None:
    assert held(VolatilityScaled(BuyAndHold(mix=BTC), target=0.4, step=0.5), volatility__BTC=volatility) == {
        "BTC": left
    }
    assert held(VolatilityTarget(target=0.4, step=0.5, mix=BTC), BTC=volatility) == {"BTC": left}


def test_what_is_not_held_stays_nothing_without_a_warning() -> None:
    scaled = VolatilityScaled(Holds(0.0, 0.0))
    assert held(scaled, volatility__BTC=0.0, volatility__ETH=0.5) == {"BTC": 0.0, "ETH": 0.0}
    assert held(VolatilityScaled(Holds(0.5, 0.0)), volatility__BTC=0.0, volatility__ETH=0.5) == {"BTC": 0.5, "ETH": 0.0}


def test_it_reads_the_volatility_of_each_asset_of_its_strategy() -> None:
    scaled = VolatilityScaled(Blend((BuyAndHold(mix=ETH), BuyAndHold(mix=(("SOL", 1.0),)))), days=20)
    assert scaled.signals() == {"volatility.ETH": Volatility("ETH", 20), "volatility.SOL": Volatility("SOL", 20)}


@pytest.mark.parametrize("name", ["target", "days", "step", "most"])
@pytest.mark.parametrize("value", [0, -1, np.inf, np.nan, "1"])
def test_what_must_be_above_nothing_is_said(name: str, value: object) -> None:
    with pytest.raises(BadUsage, match=rf"^VolatilityScaled\.{name} must be a number above 0; found "):
        VolatilityScaled(**{name: value})  # type: ignore[arg-type]


@given(
    btc=st.floats(-2, 2), eth=st.floats(-2, 2), sigma=st.floats(0, 5), other=st.floats(0, 5), step=st.floats(0.01, 0.5)
)
def test_a_scaled_book_is_never_expected_to_vary_by_more_than_half_a_step_above_the_target(
    btc: float, eth: float, sigma: float, other: float, step: float
) -> None:
    found = held(VolatilityScaled(Holds(btc, eth), step=step), volatility__BTC=sigma, volatility__ETH=other)
    before = expected_volatility({"BTC": btc, "ETH": eth}, sigma, other)
    assert expected_volatility(found, sigma, other) <= 0.4 + before * step / 2 + 1e-9
    assert all(abs(weight) <= abs(own) for weight, own in zip(found.values(), (btc, eth), strict=True))


@pytest.mark.parametrize("part", [TrendFollowing(), NetLiquidityTide(), Blend()])
def test_a_target_out_of_reach_leaves_the_strategy_as_it_is(part: Strategy, lab: Market) -> None:
    scaled, alone = (
        Backtest(strategy, lab, start=pd.Timestamp("2019-01-01", tz="UTC")).run().decisions
        for strategy in (VolatilityScaled(part, target=1e6), part)
    )
    pd.testing.assert_frame_equal(scaled, alone, check_exact=True)


# Capped


def test_a_position_above_the_cap_is_cut_and_becomes_cash() -> None:
    assert held(Capped(BuyAndHold(), asset=0.5)) == {"BTC": 0.5, "ETH": 0.3}


def test_a_book_above_the_cap_is_scaled_by_one_factor_after_the_cuts() -> None:
    """0.7 and 0.3 are cut to 0.5 and 0.3, together 0.8; a total of 0.4 is half of that."""
    assert held(Capped(BuyAndHold(), asset=0.5, total=0.4)) == {"BTC": 0.25, "ETH": 0.15}


def test_short_positions_are_capped_by_their_size() -> None:
    assert held(Capped(Holds(-2.0, 0.25), asset=0.75, total=2.0)) == {"BTC": -0.75, "ETH": 0.25}
    assert held(Capped(Holds(-0.75, 0.25), asset=1.0, total=0.5)) == {"BTC": -0.375, "ETH": 0.125}


@pytest.mark.parametrize("name", ["asset", "total"])
def test_a_cap_is_above_nothing(name: str) -> None:
    with pytest.raises(BadUsage, match=rf"^Capped\.{name} must be a number above 0; found 0$"):
        Capped(**{name: 0})  # type: ignore[arg-type]


@given(btc=st.floats(-5, 5), eth=st.floats(-5, 5), asset=st.floats(0.01, 3), total=st.floats(0.01, 3))
def test_no_cap_is_ever_exceeded_and_no_sign_is_turned(btc: float, eth: float, asset: float, total: float) -> None:
    found = held(Capped(Holds(btc, eth), asset, total))
    assert max(map(abs, found.values())) <= asset
    assert sum(map(abs, found.values())) <= total * (1 + 1e-12)
    assert all(weight * own >= 0 for weight, own in zip(found.values(), (btc, eth), strict=True))


@given(btc=st.floats(0, 0.5), eth=st.floats(0, 0.5))
def test_a_book_within_the_caps_is_left_as_it_is(btc: float, eth: float) -> None:
    assert held(Capped(Holds(btc, eth), asset=0.5, total=1.0)) == {"BTC": btc, "ETH": eth}
