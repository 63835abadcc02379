"""One signal, two signs: out over the days after it, in over the weeks after it, by the same events."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_cache.market import Market
from signals import CeilingSpread
from signals.signal import evaluate
from strategies import (
    FundingStressExit,
    FundingStressPivot,
    ReservePivot,
    ReserveScarcityExit,
    StandingRepoAlarm,
    Strategy,
)
from strategies.lately import lately

# What each flag says, and the exposure that follows.
EXITS = [(FundingStressExit(), "lately"), (ReserveScarcityExit(), "lately"), (StandingRepoAlarm(), "used")]
DAYS = pd.date_range("2024-01-08", periods=40)  # a Monday; 9 to 31 January has no end of a month in it but the last day


def business(last: str = "02-16") -> list[str]:
    return [f"{day:%m-%d}" for day in DAYS if np.is_busday(day.date()) and f"{day:%m-%d}" <= last]


def flat(days: int = 40) -> dict[str, list[float]]:
    return {"BTC": [100.0] * days, "ETH": [10.0] * days}


@pytest.mark.parametrize(("strategy", "flag"), EXITS, ids=lambda x: x if isinstance(x, str) else type(x).__name__)
def test_an_exit_is_out_while_its_flag_is_up(held: Callable[..., float], strategy: Strategy, flag: str) -> None:
    assert held(strategy, **{flag: 1.0}) == 0
    assert held(strategy, **{flag: 0.0}) == 1


ANSWERS = [
    # in words, SOFR above the ceiling (bps), whether it was above it in the last weeks, exposure
    ("cash is plentiful and was", -8.0, 0.0, 0.0),
    ("stress is on", 5.0, 1.0, 0.0),
    ("stress is over, and the weeks of the answer run", -1.0, 1.0, 1.0),
    ("SOFR is back at its ceiling, just", 0.0, 1.0, 1.0),
]


@pytest.mark.parametrize(("stress", "flag", "exposure"), [a[1:] for a in ANSWERS], ids=[a[0] for a in ANSWERS])
def test_the_pivot_after_stress_is_held_once_stress_is_over(
    held: Callable[..., float], stress: float, flag: float, exposure: float
) -> None:
    assert held(FundingStressPivot(), stress=stress, lately=flag) == exposure


def test_the_pivot_of_reserves_is_held_while_it_presses_and_after(held: Callable[..., float]) -> None:
    assert held(ReservePivot(), lately=1.0) == 1
    assert held(ReservePivot(), lately=0.0) == 0


def test_the_horizons_are_the_claims_ten_days_and_twenty_six_weeks() -> None:
    assert [strategy.days for strategy in (FundingStressExit(), StandingRepoAlarm(), ReserveScarcityExit())] == [10] * 3
    assert [strategy.weeks for strategy in (FundingStressPivot(), ReservePivot())] == [26] * 2


def test_both_signs_of_funding_stress_act_on_the_same_event(
    world: Callable[..., Market], decided: Callable[..., list[tuple[str, float]]]
) -> None:
    """SOFR is 20 bps below its ceiling of 5.50 and on three days, the 16th to the 18th of January, 30 bps above it.

    The mean of two days passes 0 with the first of them, (-20 + 30) / 2 = 5, and is back below with the second day of
    calm, the 22nd. Each is known at noon of the next day. The flag is still up on the 22nd, for the mean of 18 and 19
    January is 5 as well; it was last up at noon of the 20th (the Friday's rate, known on the Saturday in this world).
    """
    sofr = {day: 5.80 if "01-16" <= day <= "01-18" else 5.30 for day in business()}
    market = world(flat(), SOFR=sofr, DFEDTARU={f"{day:%m-%d}": 5.50 for day in DAYS})
    # Up last on 20 January; five days later, on the 25th, still counted; the 26th is the sixth.
    assert decided(FundingStressExit(window=2, days=5), market) == [
        ("01-10 12h", 1.0),
        ("01-17 12h", 0.0),
        ("01-26 12h", 1.0),
    ]
    # In from the 23rd, when stress is over, until a week after the 20th: the 27th counts, and the 30th is the next day
    # on which a rate is known (of Monday the 29th).
    assert decided(FundingStressPivot(window=2, weeks=1), market) == [
        ("01-10 12h", 0.0),
        ("01-23 12h", 1.0),
        ("01-30 12h", 0.0),
    ]


def test_the_alarm_rings_on_a_day_of_use_that_is_no_end_of_a_month(
    world: Callable[..., Market], decided: Callable[..., list[tuple[str, float]]]
) -> None:
    """$6.75bn on 16 January, the press's number; $50bn on the 31st, which ends a month and is not looked at."""
    used = dict.fromkeys(business(), 0.0) | {"01-16": 6.75, "01-31": 50.0}
    assert decided(StandingRepoAlarm(days=3), world(flat(), SRF=used)) == [
        ("01-09 12h", 1.0),
        ("01-17 12h", 0.0),
        # Known on the 17th, up for three days more: the 20th counts, the 23rd (of Monday the 22nd) does not.
        ("01-23 12h", 1.0),
    ]


@pytest.mark.parametrize(("take_up", "rings"), [(0.999, False), (1.0, True)])
def test_a_billion_is_use_and_less_is_not(
    world: Callable[..., Market], decided: Callable[..., list[tuple[str, float]]], take_up: float, rings: bool
) -> None:
    used = dict.fromkeys(business(), 0.0) | {"01-16": take_up}
    assert (len(decided(StandingRepoAlarm(), world(flat(), SRF=used))) > 1) == rings


@pytest.fixture
def scarce(world: Callable[..., Market]) -> Market:
    """SOFR is above 5.40, the interest on reserves, from 16 to 18 January; reserves fall until the 24th."""
    sofr = {day: 5.45 if "01-16" <= day <= "01-18" else 5.30 for day in business()}
    return world(
        flat(),
        SOFR=sofr,
        IORB={f"{day:%m-%d}": 5.40 for day in DAYS},
        WRBWFRBL={"01-10": 3300.0, "01-17": 3250.0, "01-24": 3200.0, "01-31": 3210.0, "02-07": 3220.0},
    )


def test_scarcity_is_left_in_the_days_after_most_of_a_week_was_scarce(
    scarce: Market, decided: Callable[..., list[tuple[str, float]]]
) -> None:
    # Of three days two are scarce with the 17th (2/3 > 1/2), and no longer with the 22nd; up last with the 19th, known
    # on the 20th. Five days later is the 25th; the next rate is known on the 26th.
    assert decided(ReserveScarcityExit(window=3, days=5), scarce) == [
        ("01-11 12h", 1.0),
        ("01-18 12h", 0.0),
        ("01-26 12h", 1.0),
    ]


def test_the_pivot_of_reserves_waits_until_they_are_seen_to_fall(
    scarce: Market, decided: Callable[..., list[tuple[str, float]]]
) -> None:
    # The fall of a week, 3250 - 3300, is known at noon of the 18th, and so is the second scarce day of three. The
    # pressure ends with the 22nd, a Monday known on the 23rd; up last on the 20th, and a week later is the 27th.
    assert decided(ReservePivot(window=3, falling_weeks=1, weeks=1), scarce) == [
        ("01-18 12h", 1.0),
        ("01-30 12h", 0.0),
    ]


@given(level=st.sampled_from([-5.0, 0.0, 10.0]) | st.floats(-30, 30), days=st.integers(1, 60))
def test_after_the_last_day_above_the_level_the_flag_is_up_for_so_many_days(
    world: Callable[..., Market], level: float, days: int
) -> None:
    """Against a plain loop over the days; a value that is just the level leaves the flag as it was."""
    sofr = {day: 5.5 + (7 * n % 11 - 5) / 20 for n, day in enumerate(business())}  # -25 to +25 bps
    market = world(flat(), SOFR=sofr, DFEDTARU={f"{day:%m-%d}": 5.50 for day in DAYS})
    spread = evaluate(CeilingSpread(1), market)
    flag = evaluate(lately(CeilingSpread(1), level, days), market)
    last, is_up, expected = None, False, []
    for at, value in spread.items():
        is_up = value > level or (is_up and value == level)
        last = at if is_up else last
        expected.append(float(last is not None and (at - last).days <= days))
    assert flag.tolist() == expected
