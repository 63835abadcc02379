"""The basis reset: out only while the carry trade is being unwound."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from data_cache.market import Market
from strategies import BasisReset

SITUATIONS = [
    # in words, share of days below the hurdle, fall over 28 days (percentage points), exposure
    ("the trade pays and the basis is steady", 0.0, 0.0, 1.0),
    ("the trade pays, though less than it did", 0.1, 3.0, 1.0),
    ("the trade no longer pays and the basis is falling: an unwind", 0.93, 2.17, 0.0),
    ("just half of the days below and a fall of just two points", 0.5, 2.0, 0.0),
    ("the basis has stayed down: what is left has less leverage", 0.93, 0.0, 1.0),
    ("the basis has stayed down and now rises", 0.93, -4.0, 1.0),
]


@pytest.mark.parametrize(("share", "fall", "exposure"), [s[1:] for s in SITUATIONS], ids=[s[0] for s in SITUATIONS])
def test_it_steps_aside_during_an_unwind_alone(
    held: Callable[..., float], share: float, fall: float, exposure: float
) -> None:
    assert held(BasisReset(), share_below=share, fall=fall) == exposure


def test_the_essays_own_numbers_are_an_unwind(held: Callable[..., float]) -> None:
    # From 6.63% to 4.46%, below a break-even of 5% on 93% of days.
    strategy = BasisReset()
    assert strategy.hurdle == 5.0
    assert held(strategy, share_below=0.93, fall=6.63 - 4.46) == 0


def test_the_defaults_are_the_essays_hurdle_over_forty_days_of_bitcoin() -> None:
    strategy = BasisReset()
    assert (strategy.asset, strategy.window, strategy.below, strategy.fall) == ("BTC", 40, 0.5, 2.0)
    below, fall = strategy.signals()["share_below"], strategy.signals()["fall"]
    assert (below.asset, below.hurdle, below.window, fall.asset, fall.days) == ("BTC", 5.0, 40, "BTC", 28)


def test_another_assets_basis_can_be_watched() -> None:
    assert {signal.asset for signal in BasisReset(asset="ETH").signals().values()} == {"ETH"}


def test_nothing_is_decided_before_the_fall_is_known(
    world: Callable[..., Market], decided: Callable[..., list[tuple[str, float]]]
) -> None:
    # A basis of 7% until it is 4% from the close of 12 February on. The first fall is known 28 days after the first
    # close, of 9 January. With the 12th the basis has fallen by 3 and one of two days is below the hurdle.
    closes = pd.date_range("2024-01-09", periods=45, tz="UTC", name="known_at")
    expiry = pd.Timestamp("2024-03-08 08:00", tz="UTC")
    basis = np.where(closes < pd.Timestamp("2024-02-12", tz="UTC"), 7.0, 4.0)
    future = 100 * np.exp(basis / 100 * ((expiry - closes) / pd.Timedelta(days=365)))
    market = world(
        {"BTC": [100.0] * 45, "ETH": [10.0] * 45}, {"BTC": pd.DataFrame({expiry: np.asarray(future)}, closes)}
    )
    assert decided(BasisReset(window=2), market) == [("02-06 00h", 1.0), ("02-12 00h", 0.0)]
