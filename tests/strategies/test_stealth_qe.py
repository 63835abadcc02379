"""Stealth QE: in while the Fed lends without open stress, and small while the Treasury hoards dollars."""

from collections.abc import Callable

import numpy as np
import pytest

from data_cache.market import Market
from strategies import StealthQE

UNKNOWN = float("nan")
OPEN = {"shutdown": 0.0, "excess": 0.0, "flow": 0.0}

SITUATIONS = [
    # in words, mean take-up ($bn a day), SOFR above the ceiling (bps), exposure
    ("nobody borrows and funding is calm", 0.0, -8.0, 0.0),
    ("the Fed lends and funding is calm", 2.4, -8.0, 1.0),
    ("the Fed lends and SOFR is above the ceiling, though not far", 2.4, 9.9, 1.0),
    ("the Fed lends because funding is in open stress", 50.0, 22.0, 0.0),
    ("take-up is just at the trigger", 1.0, -8.0, 0.0),
    ("stress is just at the ceiling", 2.4, 10.0, 0.0),
    ("nobody borrows though funding is in open stress: the stigma of 2019", 0.0, 300.0, 0.0),
]


@pytest.mark.parametrize(("srf", "stress", "exposure"), [s[1:] for s in SITUATIONS], ids=[s[0] for s in SITUATIONS])
def test_it_holds_while_the_fed_lends_without_open_stress(
    held: Callable[..., float], srf: float, stress: float, exposure: float
) -> None:
    assert held(StealthQE(), srf=srf, stress=stress, **OPEN) == exposure


def test_take_up_below_the_trigger_is_enough_once_the_trigger_is_lower(held: Callable[..., float]) -> None:
    assert held(StealthQE(trigger=0.2, ceiling_bps=30), srf=0.5, stress=22, **OPEN) == 1


GATES = [
    # in words, shutdown (1 or 0), account above its target ($bn), its change over a week ($bn), exposure
    ("the government is open and the account is on target", 0.0, 0.0, 0.0, 1.0),
    ("the government is shut", 1.0, 0.0, 0.0, 0.25),
    ("shut, though the account falls: small until it reopens", 1.0, 150.6, -75.0, 0.25),
    ("reopened, and the account is hoarded", 0.0, 150.6, 0.0, 0.25),
    ("reopened, and the account still fills", 0.0, 150.6, 20.0, 0.25),
    ("reopened, and the account drains", 0.0, 150.6, -0.1, 1.0),
    ("just enough to be a hoard", 0.0, 100.0, 0.0, 0.25),
    ("less than a hoard, which need not drain", 0.0, 99.9, 20.0, 1.0),
    ("no table of shutdowns for this day: the account alone speaks", UNKNOWN, 150.6, 20.0, 0.25),
    ("no target was announced: nothing is known to be above it", 0.0, UNKNOWN, 20.0, 1.0),
    ("shut, without a target: the shutdown alone speaks", 1.0, UNKNOWN, -20.0, 0.25),
    ("no account at all", UNKNOWN, UNKNOWN, UNKNOWN, 1.0),
]


@pytest.mark.parametrize(("shutdown", "excess", "flow", "exposure"), [g[1:] for g in GATES], ids=[g[0] for g in GATES])
def test_it_stays_small_until_the_government_reopens_and_the_account_drains(
    held: Callable[..., float], shutdown: float, excess: float, flow: float, exposure: float
) -> None:
    gate = {"shutdown": shutdown, "excess": excess, "flow": flow}
    assert held(StealthQE(), srf=2.4, stress=0.0, **gate) == exposure
    assert held(StealthQE(), srf=0.0, stress=0.0, **gate) == 0
    assert held(StealthQE(gated=0.0, exposure=0.5), srf=2.4, stress=0.0, **gate) == (0.5 if exposure == 1 else 0)


def test_the_defaults_are_a_month_of_operations_and_the_customary_billion() -> None:
    strategy = StealthQE()
    assert (strategy.window, strategy.trigger, strategy.ceiling_bps, strategy.exposure) == (21, 1.0, 10.0, 1.0)
    assert strategy.signals()["srf"].window == 21
    assert (strategy.hoard, strategy.days, strategy.gated) == (100.0, 5, 0.25)
    assert strategy.signals()["flow"].days == 5


def test_shutdowns_are_read_at_the_closes_of_an_asset_that_is_held() -> None:
    assert StealthQE(mix=(("ETH", 1.0),)).signals()["shutdown"].asset == "ETH"


def test_the_month_end_of_october_2025_is_lending_but_also_stress(held: Callable[..., float]) -> None:
    # $50.35bn on one of 21 days is a mean of 2.4; SOFR was 22 bps above the upper bound on that day.
    assert held(StealthQE(), srf=50.35 / 21, stress=-5, **OPEN) == 1
    assert held(StealthQE(), srf=50.35 / 21, stress=22, **OPEN) == 0


def test_at_the_end_of_october_2025_it_is_small_and_is_not_in_the_week_after_the_reopening(
    held: Callable[..., float],
) -> None:
    # The account closed at 1,000.6 over a target of 850 on 30 October, in the shutdown; at 925.0 on 17 November, less
    # than a hoard.
    lending = {"srf": 50.35 / 21, "stress": -5.0}
    assert held(StealthQE(), **lending, shutdown=1.0, excess=1000.6 - 850, flow=40.0) == 0.25
    assert held(StealthQE(), **lending, shutdown=0.0, excess=925.0 - 850, flow=20.0) == 1


@pytest.fixture
def silence(world: Callable[..., Market]) -> Market:
    """Take-up is published until Friday the 12th and again of the 30th; meanwhile SOFR leaps over the ceiling."""
    days = [f"{day:%m-%d}" for day in np.arange("2024-01-08", "2024-02-01", dtype="datetime64[D]").astype(object)]
    business = [day for day in days if np.is_busday(f"2024-{day}")]
    return world(
        {"BTC": [100.0] * 30, "ETH": [10.0] * 30},
        SRF={day: 2.0 for day in business if day <= "01-12"} | {"01-30": 3.0},
        SOFR={day: 5.30 if day < "01-23" else 6.00 for day in business},
        DFEDTARU=dict.fromkeys(days, 5.50),
    )


def test_nothing_is_decided_while_take_up_or_stress_is_unknown(
    silence: Market, decided: Callable[..., list[tuple[str, float]]]
) -> None:
    # Stress, a mean of five days, is first known with the fifth SOFR, of Friday the 12th. It passes the ceiling with
    # the third day at +50 bps: (-20 - 20 + 3 x 50) / 5 = 22, known on the 26th. By then the take-up of the 12th, known
    # on the 13th, is older than ten days; so the exit waits for the next one.
    assert decided(StealthQE(window=2), silence) == [("01-13 12h", 1.0), ("01-31 12h", 0.0)]


def test_the_gate_follows_the_shutdown_and_the_account_from_the_moment_that_each_is_known(
    world: Callable[..., Market], decided: Callable[..., list[tuple[str, float]]]
) -> None:
    # The Fed lends all the time; stress, a mean of five days without the first of the month, is known with the SOFR of
    # 8 October. The shutdown is over on 12 November at 22:47 in New York, seen at the close that ends the 13th. The
    # account, over a target of 850, is 1,000 until it falls by 20 on the 18th, which is known at noon of the 19th.
    days = [str(day) for day in np.arange("2025-10-01", "2025-11-21", dtype="datetime64[D]") if np.is_busday(day)]
    market = world(
        {"BTC": [100.0] * 51, "ETH": [10.0] * 51},
        first_day="2025-10-01",
        SRF=dict.fromkeys(days, 5.0),
        SOFR=dict.fromkeys(days, 4.0),
        DFEDTARU=dict.fromkeys(days, 4.0),
        TGA={day: 1_000.0 if day < "2025-11-18" else 980.0 for day in days},
    )
    assert decided(StealthQE(window=2), market) == [("10-09 12h", 0.25), ("11-19 12h", 1.0)]
    # Where 150 is no hoard to wait for, the reopening is enough.
    assert decided(StealthQE(window=2, hoard=500.0), market) == [("10-09 12h", 0.25), ("11-14 00h", 1.0)]


def test_without_the_account_and_a_target_it_trades_all_the_same(
    silence: Market, decided: Callable[..., list[tuple[str, float]]]
) -> None:
    assert "TGA" not in silence.observations
    assert decided(StealthQE(window=2, hoard=0.0), silence)[0] == ("01-13 12h", 1.0)
