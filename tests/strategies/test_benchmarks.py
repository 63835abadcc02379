"""The yardsticks: buy and hold, a fixed mix, the trend, a volatility target."""

from collections.abc import Callable

import numpy as np
import pytest

from backtests.backtest import Backtest
from backtests.execution import Execution
from data_cache.market import Market
from strategies import BuyAndHold, FixedMix, Now, TrendFollowing, VolatilityTarget

FREE = Execution(fee_bps=0, slippage_bps=0, min_notional=0, capital=1_000)
Decided = Callable[..., list[tuple[str, float]]]


def test_buy_and_hold_decides_once_and_never_again(world: Callable[..., Market], decided: Decided) -> None:
    doubling = world({"BTC": [100.0 * 2**day for day in range(9)], "ETH": [10.0] * 9})
    assert decided(BuyAndHold(), doubling) == [("01-08 00h", 1.0)]
    fills = Backtest(BuyAndHold(), doubling, FREE).run().fills
    # 700 / 100 bitcoin and 300 / 10 ether of 1,000 dollars, and no other trade.
    assert fills[["asset", "units"]].to_numpy().tolist() == [["BTC", 7.0], ["ETH", 30.0]]


def test_a_fixed_mix_is_traded_back_to_on_schedule(world: Callable[..., Market], decided: Decided) -> None:
    market = world({"BTC": [100.0, 100, 100, 200, 200, 200, 200], "ETH": [10.0] * 7})
    mix = FixedMix(exposure=0.5, mix=(("BTC", 1.0),), rebalance_days=3)
    assert decided(mix, market) == [("01-08 00h", 0.5), ("01-11 00h", 0.5), ("01-14 00h", 0.5)]
    # 5 coins at 100 and 500 in cash; at 200 the equity is 1,500 and half of it is 3.75 coins: 1.25 are sold.
    fills = Backtest(mix, market, FREE).run().fills
    assert fills["units"].tolist() == pytest.approx([5.0, -1.25])


@pytest.mark.parametrize("days", [1.0, 2.5, 30.0])
def test_the_schedule_of_a_fixed_mix_is_its_parameter(days: float) -> None:
    assert FixedMix(rebalance_days=days).rebalance_every() == days


def test_a_fixed_mix_without_a_schedule_drifts(world: Callable[..., Market], decided: Decided) -> None:
    market = world({"BTC": [100.0, 150, 300], "ETH": [10.0] * 3})
    assert decided(FixedMix(rebalance_days=0), market) == [("01-08 00h", 0.6)]


def test_the_others_have_no_schedule() -> None:
    assert {strategy.rebalance_every() for strategy in (BuyAndHold(), TrendFollowing(), VolatilityTarget())} == {0}


TRENDS = [
    # in words, bitcoin and ether above their means (fractions), their weights
    ("both above their means", 0.1, 0.2, 0.7, 0.3),
    ("ether below", 0.1, -0.2, 0.7, 0.0),
    ("bitcoin below", -0.1, 0.2, 0.0, 0.3),
    ("both below", -0.1, -0.2, 0.0, 0.0),
    ("bitcoin just at its mean", 0.0, 0.2, 0.0, 0.3),
]


@pytest.mark.parametrize(("btc", "eth", "in_btc", "in_eth"), [t[1:] for t in TRENDS], ids=[t[0] for t in TRENDS])
def test_the_trend_of_each_asset_decides_about_it_alone(btc: float, eth: float, in_btc: float, in_eth: float) -> None:
    now = Now(None, {"BTC": np.float64(btc), "ETH": np.float64(eth)})
    assert TrendFollowing().weights(now) == pytest.approx({"BTC": in_btc, "ETH": in_eth})


def test_the_trend_is_unknown_until_its_window_is_full(world: Callable[..., Market], decided: Decided) -> None:
    # Three closes are known when the bar of the 10th ends: bitcoin's 103 is above 101.3, ether's 8 below 9. A day later
    # ether's 9 is above (9 + 8 + 9) / 3.
    market = world({"BTC": [100.0, 101, 103, 104, 105, 106], "ETH": [10.0, 9, 8, 9, 12, 13]})
    assert decided(TrendFollowing(days=3), market) == [("01-11 00h", 0.7), ("01-12 00h", 1.0)]


VOLATILITIES = [
    # in words, volatility a year, step, share of the full weight
    ("just on target", 0.4, 0.1, 1.0),
    ("half of the target: no leverage", 0.2, 0.1, 1.0),
    ("twice the target", 0.8, 0.1, 0.5),
    ("0.4 / 0.45 = 0.89 goes to the next step", 0.45, 0.1, 0.9),
    ("0.4 / 0.47 = 0.85 is above the middle of two steps", 0.47, 0.1, 0.9),
    ("0.4 / 0.48 = 0.83 goes down", 0.48, 0.1, 0.8),
    ("so wild that the nearest step is none", 10.0, 0.1, 0.0),
    ("a price that does not move at all", 0.0, 0.1, 1.0),
    ("steps of a quarter: 0.4 / 1.1 = 0.36 goes to 0.25", 1.1, 0.25, 0.25),
    ("steps that do not divide one never pass it: 1 / 0.35 rounds to three", 0.1, 0.35, 1.0),
]


@pytest.mark.parametrize(
    ("volatility", "step", "share"), [v[1:] for v in VOLATILITIES], ids=[v[0] for v in VOLATILITIES]
)
def test_weights_move_in_steps_of_target_over_volatility(volatility: float, step: float, share: float) -> None:
    now = Now(None, {"BTC": np.float64(volatility), "ETH": np.float64(0.4)})
    found = VolatilityTarget(step=step).weights(now)
    assert found["BTC"] == pytest.approx(0.7 * share)


def test_each_asset_is_scaled_by_its_own_volatility() -> None:
    now = Now(None, {"BTC": np.float64(0.8), "ETH": np.float64(1.6)})
    assert VolatilityTarget(step=0.05).weights(now) == pytest.approx({"BTC": 0.7 * 0.5, "ETH": 0.3 * 0.25})


def test_volatility_is_unknown_until_there_are_enough_returns(world: Callable[..., Market], decided: Decided) -> None:
    # Two returns need three closes; prices that rise by the same percentage have no deviation at all.
    market = world({"BTC": [100.0, 110, 121, 133.1], "ETH": [10.0, 10, 10, 10]})
    assert decided(VolatilityTarget(days=2), market) == [("01-11 00h", 1.0)]


def test_the_defaults_are_those_of_their_sources() -> None:
    assert (BuyAndHold().exposure, FixedMix().exposure, FixedMix().rebalance_days) == (1.0, 0.6, 30.0)
    assert TrendFollowing().days == 200  # Faber (2007)
    target = VolatilityTarget()
    assert (target.target, target.days, target.step, target.exposure) == (0.4, 30, 0.1, 1.0)
    assert {signal.days for signal in target.signals().values()} == {30}
    assert {signal.days for signal in TrendFollowing(days=50).signals().values()} == {50}
