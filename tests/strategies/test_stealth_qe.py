"""Stealth QE: in while the Fed lends through its repo window and funding is not in open stress."""

from collections.abc import Callable

import numpy as np
import pytest

from data_cache.market import Market
from strategies import StealthQE

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
    assert held(StealthQE(), srf=srf, stress=stress) == exposure


def test_take_up_below_the_trigger_is_enough_once_the_trigger_is_lower(held: Callable[..., float]) -> None:
    assert held(StealthQE(trigger=0.2, ceiling_bps=30), srf=0.5, stress=22) == 1


def test_the_defaults_are_a_month_of_operations_and_the_customary_billion() -> None:
    strategy = StealthQE()
    assert (strategy.window, strategy.trigger, strategy.ceiling_bps, strategy.exposure) == (21, 1.0, 10.0, 1.0)
    assert strategy.signals()["srf"].window == 21


def test_the_month_end_of_october_2025_is_lending_but_also_stress(held: Callable[..., float]) -> None:
    # $50.35bn on one of 21 days is a mean of 2.4; SOFR was 22 bps above the upper bound on that day.
    assert held(StealthQE(), srf=50.35 / 21, stress=-5) == 1
    assert held(StealthQE(), srf=50.35 / 21, stress=22) == 0


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
