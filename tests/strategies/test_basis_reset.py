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
    ("the trade no longer pays and the basis is falling: an unwind", 1.0, 3.0, 0.0),
    ("just the share of days and the fall of the essay", 0.93, 2.17, 0.0),
    ("38 of 40 days below, and just the fall", 38 / 40, 2.17, 0.0),
    ("37 of 40 days below are too few, however far it falls", 37 / 40, 5.0, 1.0),
    ("a fall of 2.16 is too small, even below on every day", 1.0, 2.16, 1.0),
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
    assert (strategy.asset, strategy.window, strategy.below, strategy.fall) == ("BTC", 40, 0.93, 2.17)
    below, fall = strategy.signals()["share_below"], strategy.signals()["fall"]
    assert (below.asset, below.hurdle, below.window, fall.asset, fall.days) == ("BTC", 5.0, 40, "BTC", 28)


def test_another_assets_basis_can_be_watched() -> None:
    assert {signal.asset for signal in BasisReset(asset="ETH").signals().values()} == {"ETH"}


def test_nothing_is_decided_before_the_fall_is_known(
    world: Callable[..., Market], decided: Callable[..., list[tuple[str, float]]]
) -> None:
    # A basis of 7% until it is 4% from the close of 12 February on. The first fall is known 28 days after the first
    # close, of 9 January. With the 12th the basis has fallen by 3, but only with the 13th are both days below.
    market = basis_world(world, lambda closes: np.where(closes < day("02-12"), 7.0, 4.0))
    assert decided(BasisReset(window=2), market) == [("02-06 00h", 1.0), ("02-13 00h", 0.0)]


def test_thirty_eight_of_forty_days_below_are_a_spell_and_thirty_seven_are_not(
    world: Callable[..., Market], decided: Callable[..., list[tuple[str, float]]]
) -> None:
    # 7% on five days, 4.9% from 14 January, 2.5% from 19 February: the 37th day below, with a fall of 2.4 over 28 days.
    # The 40th close is that of 17 February.
    market = basis_world(
        world, lambda closes: np.select([closes < day("01-14"), closes < day("02-19")], [7.0, 4.9], 2.5)
    )
    assert decided(BasisReset(), market) == [("02-17 00h", 1.0), ("02-20 00h", 0.0)]


def day(month_day: str) -> pd.Timestamp:
    return pd.Timestamp(f"2024-{month_day}", tz="UTC")


def basis_world(world: Callable[..., Market], basis: Callable[[pd.DatetimeIndex], np.ndarray]) -> Market:
    """Forty-five days from the close of 9 January on, with one future at this basis, % a year at each close."""
    closes = pd.date_range("2024-01-09", periods=45, tz="UTC", name="known_at")
    expiry = pd.Timestamp("2024-03-08 08:00", tz="UTC")
    future = 100 * np.exp(basis(closes) / 100 * ((expiry - closes) / pd.Timedelta(days=365)))
    futures = {"BTC": pd.DataFrame({expiry: np.asarray(future)}, closes)}
    return world({"BTC": [100.0] * 45, "ETH": [10.0] * 45}, futures)
