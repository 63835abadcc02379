"""Signals on the real history: values that a reader can redo from a few lines of the files."""

from collections import Counter
from statistics import mean, stdev

import numpy as np
import pandas as pd
import pytest

from data_cache.market import Market
from signals import (
    Basis,
    BearSteepening,
    BullSteepening,
    CeilingSpread,
    Change,
    CoolDown,
    Hold,
    Lag,
    Latch,
    NetLiquidity,
    NetLiquidityChange,
    NetLiquidityZ,
    Rank,
    ReserveSpread,
    Signal,
    StandingRepoShare,
    StandingRepoUse,
    TermPremium,
    TermPremiumChange,
    TermSpread,
    TermSpreadChange,
    TreasuryAccount,
    TreasuryAccountDrawdown,
    TreasuryAccountExcess,
    TreasuryAccountFlow,
    ZScore,
)
from signals.periods import difference, released, same_period
from signals.signal import evaluate

pytestmark = pytest.mark.real

# The 21 operations up to 31 October 2025, $bn; the small-value test of 8 October is none of them.
OCTOBER = [0, 0.003, 0.105, 0.02, 0.002, 0.002, 0, 0, 6.75, 8.35, 0, 2.001, 3, 0.001, 3.003, 0, 8.4, 7.753, 10.311]
OCTOBER += [6.2, 50.35]

# Net liquidity, change over four weeks at the H.4.1 of 23 and 30 October and 6 November 2025: macro/WALCL, then
# macro/DTS_operating_cash_balance of the day before the release, then macro/RRPONTSYD of its day.
NET_CHANGES = [
    (6_589.533 - 6_608.395) - (905.074 - 757.970) - (6.941 - 25.369),
    (6_587.034 - 6_587.119) - (983.859 - 819.378) - (19.166 - 8.436),
    (6_572.732 - 6_590.815) - (942.700 - 794.054) - (10.754 - 4.496),
]
# macro/DGS10 less macro/DGS1, of 3, 4, 5, 8 and 9 December 2025.
CURVE = [4.06 - 3.57, 4.11 - 3.60, 4.14 - 3.61, 4.17 - 3.61, 4.18 - 3.63]
TAKEN = StandingRepoUse(window=1)
# Above $6bn on 15 October 2025 (6.750), below $1bn on the 17th (0), above $6bn again on the 27th (8.400).
BUSY = Latch(TAKEN, enter=6, exit=1)

VALUES = [
    ("take-up of 31 October 2025", StandingRepoUse(window=1), "2025-10-31 18:01", 50.35),
    ("its mean over 21 operations", StandingRepoUse(), "2025-10-31 18:01", sum(OCTOBER) / 21),
    ("days with at least $1bn among them", StandingRepoShare(window=21), "2025-10-31 18:01", 10 / 21),
    ("the account above 850 on 30 October 2025", TreasuryAccountExcess(), "2025-10-31 20:00", 1_000.632 - 850),
    ("and a day later", TreasuryAccountExcess(), "2025-11-03 21:00", 926.328 - 850),
    ("its fall in the week to 31 October", TreasuryAccountFlow(), "2025-11-03 21:00", 926.328 - 942.495),
    ("below its peak on 17 November", TreasuryAccountDrawdown(), "2025-11-18 21:00", 1_000.632 - 924.961),
    ("ten-year over one-year on 9 December 2025", TermSpread(), "2025-12-10 21:15", 4.18 - 3.63),
    # 28 days before 9 December is a holiday, so 10 November: 4.13 and 3.66.
    ("its change over 28 days", TermSpreadChange(), "2025-12-10 21:15", (4.18 - 3.63) - (4.13 - 3.66)),
    ("of which the long end", BearSteepening(), "2025-12-10 21:15", 4.18 - 4.13),
    ("and the short end", BullSteepening(), "2025-12-10 21:15", 3.66 - 3.63),
    ("term premium of Friday 5 December, on Tuesday", TermPremium(), "2025-12-09 20:02", 0.5327),
    ("its change since Friday 7 November", TermPremiumChange(), "2025-12-09 20:02", 0.5327 - 0.4901),
    ("SOFR above the ceiling on 31 October", CeilingSpread(1, False), "2025-11-03 13:00", 100 * (4.22 - 4.0)),
    # 27, 28, 29 and 30 October and 4 November: 2, 6, 2, 4 and 0 basis points; the two days between are a month end.
    ("its mean over five days without the month end", CeilingSpread(), "2025-11-05 13:00", (2 + 6 + 2 + 4 + 0) / 5),
    ("net liquidity of 5 November", NetLiquidity(), "2025-11-06 21:30", 6_572.732 - 942.700 - 10.754),
    ("its change over four weeks", NetLiquidityChange(), "2025-11-06 21:30", NET_CHANGES[-1]),
    (
        "its place among the last three of them",
        NetLiquidityZ(window_weeks=3),
        "2025-11-06 21:30",
        (NET_CHANGES[-1] - mean(NET_CHANGES)) / stdev(NET_CHANGES),
    ),
    ("the account on 31 October", TreasuryAccount(), "2025-11-03 21:00", 926.328),
    # macro/SOFR less macro/IORB, basis points: 4.27, 4.31 and 4.27 less 4.15, 4.04 and, on 4 November, 4.00 less 3.90.
    ("SOFR above the rate on reserves", ReserveSpread(), "2025-11-05 13:00", (12 + 16 + 12 + 14 + 10) / 5),
    # Transforms, of values above. A week before, the curve of 2 December was the newest.
    ("the curve as known a week before", Lag(TermSpread(), 7), "2025-12-10 21:15", 4.09 - 3.59),
    ("the curve's change since", Change(TermSpread(), 7), "2025-12-10 21:15", (4.18 - 3.63) - (4.09 - 3.59)),
    ("only 8 December is above, of five", Rank(TermSpread(), 5), "2025-12-10 21:15", 4 / 5),
    ("and by deviations", ZScore(TermSpread(), 5), "2025-12-10 21:15", (CURVE[-1] - mean(CURVE)) / stdev(CURVE)),
    ("the facility is busy on 15 October", BUSY, "2025-10-15 18:01", 1),
    ("and no longer on the 17th", BUSY, "2025-10-17 18:01", 0),
    ("which still counts for two days", Hold(BUSY, days=2), "2025-10-17 18:01", 1),
    ("and not for three", Hold(BUSY, days=2), "2025-10-20 18:01", 0),
    ("ten days later it is busy again: too soon", CoolDown(BUSY, days=12), "2025-10-27 18:01", 0),
    ("after twelve it counts", CoolDown(BUSY, days=12), "2025-10-29 18:01", 1),
]


@pytest.mark.parametrize(("what", "signal", "at", "expected"), VALUES, ids=[row[0] for row in VALUES])
def test_a_value_redone_by_hand(real: Market, what: str, signal: Signal, at: str, expected: float) -> None:
    moment = pd.Timestamp(at, tz="UTC")
    values = evaluate(signal, real)
    assert values[moment] == pytest.approx(expected, abs=1e-9)
    before = evaluate(signal, real, moment - pd.Timedelta(1, "ns"))
    assert before.index[-1] < moment  # it was not known a nanosecond earlier


def test_35_operations_reached_a_billion(real: Market) -> None:
    assert evaluate(StandingRepoShare(window=1), real).sum() == 35


def test_the_days_on_which_sofr_was_above_its_bound(real: Market) -> None:
    known = real.known(("SOFR", "DFEDTARU", "IORB"))
    above = {name: difference(released(known, "SOFR"), released(known, name)) for name in ("DFEDTARU", "IORB")}
    years = {name: Counter(pd.DatetimeIndex(d.period[d.value > 1e-9]).year) for name, d in above.items()}
    assert years["DFEDTARU"] == {2018: 22, 2019: 18, 2020: 2, 2024: 2, 2025: 17}
    assert {year: years["IORB"][year] for year in (2024, 2025, 2026)} == {2024: 6, 2025: 69, 2026: 35}
    assert above["DFEDTARU"].value.max() == pytest.approx(3.00)  # 300 basis points, on 17 September 2019


def test_the_statement_and_the_wednesday_level_are_one_number(real: Market) -> None:
    known = real.known(("TGA", "WDTGAL"))
    daily, weekly = same_period(released(known, "TGA"), released(known, "WDTGAL"))
    assert len(daily.value) >= 215
    assert np.array_equal(daily.value, weekly.value)


def test_the_basis_from_funding_is_the_mean_of_ninety_payments(real: Market) -> None:
    payments = real.observations.first("FUNDING_BTC").iloc[1:]  # the first covers an unknown time
    paid = payments.rolling(90).mean() * 3 * 365 * 100
    found = evaluate(Basis(), real)
    shared = found.index.intersection(paid.dropna().index)
    assert len(shared) > 2_300
    assert found[shared].to_numpy() == pytest.approx(paid[shared].to_numpy(), abs=1e-9)
