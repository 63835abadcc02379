"""The basis reset: out only while the carry trade is being unwound, or while holders flee."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from data_cache.catalog_crypto import FIRST_FUNDS
from data_cache.market import Market
from signals import EtfUnwind
from strategies import BasisReset

nan = float("nan")
UNKNOWN = {"arbitrageurs": nan, "capitulation": nan}
NEITHER = {"arbitrageurs": 0.0, "capitulation": 0.0}

SITUATIONS = [
    # in words, basis above the hurdle and fall over 28 days (percentage points), share of days below, exposure
    ("the trade pays and the basis is steady", 2.0, 0.0, 0.0, 1.0),
    ("the trade still pays, though less than it did", 0.1, 3.0, 0.1, 1.0),
    ("at the hurdle it still pays", 0.0, 3.0, 0.1, 1.0),
    ("it no longer pays and the basis is falling: an unwind", -0.5, 3.0, 0.5, 0.0),
    ("just the fall of the essay", -0.54, 2.17, 0.5, 0.0),
    ("a fall of 2.16 is too small", -0.54, 2.16, 0.5, 1.0),
    ("37 of 40 days below are no spell yet", -1.0, 3.0, 37 / 40, 0.0),
    ("38 of 40 days below are one: what is left has less leverage", -1.0, 3.0, 38 / 40, 1.0),
    ("just the share of days of the essay", -1.0, 3.0, 0.93, 1.0),
    ("the basis has stayed down and now rises", -0.2, -4.0, 0.5, 1.0),
]


@pytest.mark.parametrize(
    ("gap", "fall", "share", "exposure"), [s[1:] for s in SITUATIONS], ids=[s[0] for s in SITUATIONS]
)
def test_it_steps_aside_during_an_unwind_alone(
    held: Callable[..., float], gap: float, fall: float, share: float, exposure: float
) -> None:
    alone = held(BasisReset(), gap=gap, fall=fall, share_below=share, lately_fall=1.0, **UNKNOWN)
    neither = held(BasisReset(), gap=gap, fall=fall, share_below=share, lately_fall=1.0, **NEITHER)
    assert alone == neither == exposure


LEAVING = [
    # in words, arbitrageurs and capitulation (1 or 0), gap and falls over 28 and 7 days (points), share below, exposure
    ("holders flee: out, however well the trade pays", 0.0, 1.0, 2.0, -1.0, -1.0, 0.0, 0.0),
    ("holders flee, and the basis has long been low", 0.0, 1.0, -1.0, 0.0, 0.0, 1.0, 0.0),
    ("holders flee, open interest unknown", nan, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0),
    ("arbitrageurs leave and the basis still falls", 1.0, 0.0, -0.5, 3.0, 0.1, 0.5, 0.0),
    ("it has stopped falling: back, before any spell", 1.0, 0.0, -0.5, 3.0, 0.0, 0.5, 1.0),
    ("it falls by less than the essay's 2.17 points: they leave all the same", 1.0, 0.0, -0.5, 0.5, 0.1, 0.5, 0.0),
    ("it still falls, but has long been low", 1.0, 0.0, -0.5, 3.0, 0.1, 0.95, 1.0),
    ("others leave: the fall over 28 days decides", 0.0, 0.0, -0.5, 3.0, -0.1, 0.5, 0.0),
    ("nobody knows who leaves: the same", nan, nan, -0.5, 3.0, -0.1, 0.5, 0.0),
    ("no capitulation is known, arbitrageurs leave", 1.0, nan, -0.5, 3.0, 0.0, 0.5, 1.0),
]


@pytest.mark.parametrize(
    ("arbitrageurs", "capitulation", "gap", "fall", "lately", "share", "exposure"),
    [s[1:] for s in LEAVING],
    ids=[s[0] for s in LEAVING],
)
def test_who_leaves_tells_an_unwind_from_a_capitulation(
    held: Callable[..., float],
    arbitrageurs: float,
    capitulation: float,
    gap: float,
    fall: float,
    lately: float,
    share: float,
    exposure: float,
) -> None:
    basis = {"gap": gap, "fall": fall, "lately_fall": lately, "share_below": share}
    assert held(BasisReset(), arbitrageurs=arbitrageurs, capitulation=capitulation, **basis) == exposure


def test_the_defaults_are_the_essays_hurdle_fall_and_share_over_forty_days_of_bitcoin() -> None:
    strategy = BasisReset()
    assert (strategy.asset, strategy.hurdle, strategy.fall, strategy.spell) == ("BTC", 5.0, 2.17, 0.93)
    gap, fall, below = (strategy.signals()[name] for name in ("gap", "fall", "share_below"))
    assert (gap.hurdle, fall.days, below.hurdle, below.window) == (5.0, 28, 5.0, 40)


def test_the_defaults_are_the_shares_of_the_three_largest_issuers_and_two_standard_deviations() -> None:
    signals = BasisReset().signals()
    few, all_leave = signals["arbitrageurs"], signals["capitulation"]
    assert (few.share, few.hurdle, all_leave.share, all_leave.score) == (0.85, 5.0, 0.60, 2.0)
    assert signals["lately_fall"].days == 7


def test_another_assets_basis_can_be_watched() -> None:
    of_asset = {name: s.asset for name, s in BasisReset(asset="ETH").signals().items() if hasattr(s, "asset")}
    assert of_asset == dict.fromkeys(("gap", "fall", "lately_fall", "share_below", "arbitrageurs"), "ETH")


def test_what_is_a_hurdle_for_the_basis_is_one_for_the_arbitrageurs() -> None:
    assert BasisReset(hurdle=6.0, concentrated=0.9).signals()["arbitrageurs"] == EtfUnwind(share=0.9, hurdle=6.0)


def test_nothing_is_decided_before_the_fall_is_known(
    world: Callable[..., Market], decided: Callable[..., list[tuple[str, float]]]
) -> None:
    # A basis of 7% until it is 4% from the close of 12 February on: the first fall is known 28 days after the first
    # close, of 9 January. On the 12th it has fallen by 3, with one of two days below; from the 13th both are.
    market = basis_world(world, lambda closes: np.where(closes < day("02-12"), 7.0, 4.0))
    assert decided(BasisReset(window=2), market) == [("02-06 00h", 1.0), ("02-12 00h", 0.0), ("02-13 00h", 1.0)]


def test_thirty_eight_of_forty_days_below_end_the_unwind_and_thirty_seven_do_not(
    world: Callable[..., Market], decided: Callable[..., list[tuple[str, float]]]
) -> None:
    # 7% on five days, 4.9% from 14 January, 2.5% from 18 February: the 36th day below, with a fall of 2.4 over 28 days.
    # The 40th close is that of 17 February; the 38th day below is 20 February.
    market = basis_world(
        world, lambda closes: np.select([closes < day("01-14"), closes < day("02-18")], [7.0, 4.9], 2.5)
    )
    assert decided(BasisReset(), market) == [("02-17 00h", 1.0), ("02-18 00h", 0.0), ("02-20 00h", 1.0)]


def test_an_unwind_by_arbitrageurs_is_waited_out_for_as_long_as_the_basis_falls(
    world: Callable[..., Market], decided: Callable[..., list[tuple[str, float]]]
) -> None:
    # 7% until it falls on 10 February to 4.5% and on the 14th to 4%, and is 4.1% from the 18th: of 30 days few are
    # below. All that is redeemed leaves one fund, and coins of open interest fall each day.
    def basis(closes: pd.DatetimeIndex) -> np.ndarray:
        return np.select([closes < day(d) for d in ("02-10", "02-14", "02-18")], [7.0, 4.5, 4.0], 4.1)

    days = [f"{day:%m-%d}" for day in pd.date_range("2024-01-01", "2024-02-22")]
    coins = {"OPEN_INTEREST_BTC": {day: 50_000.0 - 100 * n for n, day in enumerate(days)}}
    trading = [day for day in days if np.is_busday(f"2024-{day}")]
    flows = {f"ETF_FLOW_{fund}": dict.fromkeys(trading, -0.1 if fund == "GBTC" else 0.0) for fund in FIRST_FUNDS}
    rule = BasisReset(window=30)
    # The fall over a week is last above 0 at the close of the 20th, against that of the 13th.
    assert decided(rule, basis_world(world, basis)) == [("02-07 00h", 1.0), ("02-10 00h", 0.0)]
    told = basis_world(world, basis, **coins, **flows)
    assert decided(rule, told) == [("02-07 00h", 1.0), ("02-10 00h", 0.0), ("02-21 00h", 1.0)]


def day(month_day: str) -> pd.Timestamp:
    return pd.Timestamp(f"2024-{month_day}", tz="UTC")


def basis_world(
    world: Callable[..., Market], basis: Callable[[pd.DatetimeIndex], np.ndarray], **series: dict[str, float]
) -> Market:
    """Forty-five days from the close of 9 January on, with one future at this basis, % a year at each close."""
    closes = pd.date_range("2024-01-09", periods=45, tz="UTC", name="known_at")
    expiry = pd.Timestamp("2024-03-08 08:00", tz="UTC")
    future = 100 * np.exp(basis(closes) / 100 * ((expiry - closes) / pd.Timedelta(days=365)))
    futures = {"BTC": pd.DataFrame({expiry: np.asarray(future)}, closes)}
    return world({"BTC": [100.0] * 45, "ETH": [10.0] * 45}, futures, **series)
