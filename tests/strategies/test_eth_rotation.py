"""Ether rotation: the exposure stays, a part of the bitcoin becomes ether."""

from collections.abc import Callable

import numpy as np
import pytest

from backtests.backtest import Backtest
from data_cache.market import Market
from strategies import BuyAndHold, EthRotation, Now, Strategy

UNKNOWN = float("nan")

SITUATIONS = [
    # in words, new high and break of the trend (1 or 0), purchases (basis points of all ether), bitcoin, ether
    ("nothing happens", 0.0, 0.0, 0.0, 0.7, 0.3),
    ("a new high against bitcoin moves a quarter of 0.7", 1.0, 0.0, 0.0, 0.525, 0.475),
    ("so does the break of a falling trend", 0.0, 1.0, 0.0, 0.525, 0.475),
    ("both are one breakout", 1.0, 1.0, 0.0, 0.525, 0.475),
    ("a company buys, without a breakout", 0.0, 0.0, 10.1, 0.525, 0.475),
    ("it buys too little", 0.0, 0.0, 10.0, 0.7, 0.3),
    ("it sells", 0.0, 0.0, -50.0, 0.7, 0.3),
    ("a breakout while it buys moves two quarters", 0.0, 1.0, 40.0, 0.35, 0.65),
    ("nobody knows what it buys: the breakout alone", 1.0, 0.0, UNKNOWN, 0.525, 0.475),
    ("nobody knows, and no breakout", 0.0, 0.0, UNKNOWN, 0.7, 0.3),
]


def weights(strategy: Strategy, new_high: float, trend_break: float, purchases: float) -> dict[str, float]:
    values = {"new_high": new_high, "trend_break": trend_break, "purchases": purchases}
    now = Now(None, {name: np.float64(value) for name, value in values.items()})
    return {asset: float(weight) for asset, weight in strategy.weights(now).items()}


@pytest.mark.parametrize(
    ("new_high", "trend_break", "purchases", "in_btc", "in_eth"),
    [s[1:] for s in SITUATIONS],
    ids=[s[0] for s in SITUATIONS],
)
def test_breakouts_and_purchases_each_tilt_the_mix_from_bitcoin_to_ether(
    new_high: float, trend_break: float, purchases: float, in_btc: float, in_eth: float
) -> None:
    found = weights(EthRotation(), new_high, trend_break, purchases)
    assert found == pytest.approx({"BTC": in_btc, "ETH": in_eth})


def test_a_third_asset_keeps_its_share() -> None:
    three = EthRotation(mix=(("SOL", 0.2), ("BTC", 0.6), ("ETH", 0.2)), tilt=0.5)
    assert weights(three, 1, 0, 0) == pytest.approx({"SOL": 0.2, "BTC": 0.3, "ETH": 0.5})
    assert weights(three, 1, 0, 99) == pytest.approx({"SOL": 0.2, "BTC": 0.0, "ETH": 0.8})


def test_ether_is_added_to_a_mix_without_it_and_nothing_moves_without_bitcoin() -> None:
    bitcoin, other = EthRotation(mix=(("BTC", 1.0),)), EthRotation(mix=(("SOL", 1.0),))
    assert weights(bitcoin, 0, 0, 0) == pytest.approx({"BTC": 1.0, "ETH": 0.0})
    assert weights(bitcoin, 1, 0, 0) == pytest.approx({"BTC": 0.75, "ETH": 0.25})
    assert weights(other, 1, 0, 99) == pytest.approx({"SOL": 1.0, "ETH": 0.0})


def test_the_exposure_is_never_touched(held: Callable[..., float]) -> None:
    for new_high, trend_break, purchases in [s[1:4] for s in SITUATIONS]:
        values = {"new_high": new_high, "trend_break": trend_break, "purchases": purchases}
        assert held(EthRotation(exposure=0.5), **values) == pytest.approx(0.5)


def test_the_defaults_are_three_months_and_four_weeks() -> None:
    strategy = EthRotation()
    assert (strategy.window, strategy.days, strategy.bought, strategy.tilt) == (63, 28, 10.0, 0.25)
    high, broken, purchases = (strategy.signals()[name] for name in ("new_high", "trend_break", "purchases"))
    assert (high.days, high.signal.window, broken.days, broken.signal.window) == (28, 63, 28, 63)
    assert (purchases.company, purchases.asset, purchases.days) == ("BMNR", "ETH", 28)


def test_the_tilt_is_held_for_days_after_the_last_day_of_a_breakout(world: Callable[..., Market]) -> None:
    # ETH/BTC is 0.1 and rises to 0.11 on the 14th, above its three closes before, for that day alone: 1 until two days
    # after, so that the third close from there on, that ends the 17th, finds it down. A slope of 0 is no falling trend.
    market = world({"BTC": [100.0] * 14, "ETH": [10.0] * 6 + [11.0] * 8})
    found = Backtest(EthRotation(window=3, days=2), market).run().decisions
    assert [(f"{at:%m-%d}", round(row["ETH"], 9)) for at, row in found.iterrows()] == [
        ("01-12", 0.3),
        ("01-15", 0.475),
        ("01-18", 0.3),
    ]


def test_what_a_company_files_tilts_the_mix_once_it_is_known(world: Callable[..., Market]) -> None:
    # 120.7m ether exist: 144,840 of them bought within 28 days are 12 basis points, known at noon of 6 February.
    coins = {"01-08": 2_000_000.0, "02-05": 2_144_840.0, "03-04": 2_144_840.0}
    market = world({"BTC": [100.0] * 60, "ETH": [10.0] * 60}, COMPANY_COINS_BMNR=coins)
    found = Backtest(EthRotation(window=3), market).run().decisions
    assert [(f"{at:%m-%d %H}h", round(row["ETH"], 9)) for at, row in found.iterrows()][:2] == [
        ("01-12 00h", 0.3),
        ("02-06 12h", 0.475),
    ]


def test_without_a_tilt_it_buys_the_mix_and_holds_it(lab: Market) -> None:
    rotation = Backtest(EthRotation(tilt=0.0), lab).run()
    assert len(rotation.decisions) == len(Backtest(BuyAndHold(), lab).run().decisions) == 1
