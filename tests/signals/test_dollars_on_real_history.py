"""Signals of the dollar system, and the essays' own numbers, redone from one or two lines of the files.

The history has no SOFRVOL, DEBT, WSHOBL, WMTSECL1, award rate, bank assets, bills or gold: the signals that need them
are tested by hand and on the lab.
"""

import pandas as pd
import pytest

from data_cache.market import Market
from signals import (
    BillAdvantage,
    CorridorOrder,
    CorridorPosition,
    OutrightPurchases,
    PivotPressure,
    Reserves,
    ReserveScarcity,
    ReservesChange,
    ReverseRepo,
    ReverseRepoBuffer,
    ReverseRepoDepleted,
    ReverseRepoRelease,
    Signal,
    SofrNetOfPolicy,
    StandingRepoUse,
    TermSpread,
    TreasuryAccountExcess,
    UncushionedFill,
)
from signals.periods import difference, released
from signals.signal import evaluate

pytestmark = pytest.mark.real

VALUES = [
    # macro/WRESBAL
    ("reserves of 29 October 2025", Reserves(), "2025-10-30 20:30", 2_848.021),
    ("their change over four weeks", ReservesChange(), "2025-10-30 20:30", 2_848.021 - 2_966.094),
    # macro/SOFR against macro/IORB: of 12, 15, 16, 17 and 18 September only 4.42 and 4.51 are above 4.40, 4.14 is not
    # above 4.15.
    ("days of scarcity up to the cut of September", ReserveScarcity(), "2025-09-19 12:00", 2 / 5),
    # 27, 28, 29 and 30 October and 4 November are all above; reserves fell from 3,347.414 on 30 July.
    ("pressure in early November", PivotPressure(window=5), "2025-11-05 13:00", 5 / 5),
    # macro/RRPONTSYD
    ("the buffer on 30 October 2025", ReverseRepo(), "2025-10-30 18:01", 19.166),
    (
        "and the mean of five days to it",
        ReverseRepoBuffer(),
        "2025-10-30 18:01",
        (2.435 + 10.642 + 14.096 + 19.504 + 19.166) / 5,
    ),
    ("not yet depleted on 13 August", ReverseRepoDepleted(), "2025-08-13 18:01", 0),
    ("depleted on 14 August, at 28.818", ReverseRepoDepleted(), "2025-08-14 18:01", 1),
    ("released in four weeks to 14 December 2023", ReverseRepoRelease(), "2023-12-14 19:01", 912.010 - 769.346),
    ("nothing is left to release in October 2025", ReverseRepoRelease(), "2025-10-30 18:01", 0),
    # macro/DTS_operating_cash_balance: 24 and 31 October; the buffer of 30 October, before the month end.
    (
        "the account's fall in the week to 31 October, less the buffer's part",
        UncushionedFill(),
        "2025-11-03 21:00",
        (926.328 - 942.495) * (1 - 19.166 / 200),
    ),
    # macro/DGS3MO and macro/fed_funds_target_range_daily
    ("bills over the floor on 30 June 2023", BillAdvantage(floor="DFEDTARL"), "2023-07-03 20:15", 100 * (5.43 - 5.00)),
    # macro/TREAST and macro/WSHOMCB: Treasuries rose by more, but a third of it was bought with mortgage bonds' money.
    (
        "the first four weeks of purchases, to 7 January 2026",
        OutrightPurchases(),
        "2026-01-08 21:30",
        (4_235.527 - 4_188.975) + (2_039.024 - 2_053.665),
    ),
    # macro/SOFR and macro/fed_funds_target_range_daily: 3.91 in 3.75 to 4.00
    # The same two files and macro/IORB: 3.75 < 3.90 < 4.00
    ("the rates in order on 5 November", CorridorOrder(with_facilities=False), "2025-11-04 21:32", 1),
    ("SOFR in its corridor on 5 November", CorridorPosition(1, False), "2025-11-06 13:00", (3.91 - 3.75) / 0.25),
]

# What the essays say, and what the files say.
ESSAYS = [
    # D: "SOFR plunged in September". It fell from 4.38 to 4.14, the bound from 4.50 to 4.25: by itself it rose.
    ("SOFR on 18 September net of the cut", SofrNetOfPolicy(days=1), "2025-09-19 12:00", (4.14 - 4.38 + 0.25) * 100),
    ("and over the week", SofrNetOfPolicy(), "2025-09-19 12:00", (4.14 - 4.41 + 0.25) * 100),
    # H: the account is about $150bn above 850. So it was on 30 October; a day later 74 had flowed out.
    ("the account over its target, 30 October", TreasuryAccountExcess(), "2025-10-31 20:00", 1_000.632 - 850),
    ("as known on Monday 3 November", TreasuryAccountExcess(), "2025-11-03 21:00", 926.328 - 850),
    ("as known on Monday 10 November", TreasuryAccountExcess(), "2025-11-10 21:00", 949.804 - 850),
    # H: the facility is used.
    ("the facility on 31 October", StandingRepoUse(window=1), "2025-10-31 18:01", 50.35),
    # H: reserves are down "trillions" since early 2022; 199 weeks lie between 5 January 2022 and 29 October 2025.
    ("reserves since early 2022", ReservesChange(weeks=199), "2025-10-30 20:30", 2_848.021 - 3_859.731),
    # D: ten years over twelve months "near highs again".
    ("the curve on 9 December", TermSpread(), "2025-12-10 21:15", 4.18 - 3.63),
]
ROWS = [*VALUES, *ESSAYS]


@pytest.mark.parametrize(("what", "signal", "at", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_a_value_redone_by_hand(real: Market, what: str, signal: Signal, at: str, expected: float) -> None:
    moment = pd.Timestamp(at, tz="UTC")
    assert evaluate(signal, real)[moment] == pytest.approx(expected, abs=1e-9)
    before = evaluate(signal, real, moment - pd.Timedelta(1, "ns"))
    assert before.index[-1] < moment  # it was not known a nanosecond earlier


def test_the_interest_on_reserves_was_within_the_range_on_every_day(real: Market) -> None:
    found = evaluate(CorridorOrder(with_facilities=False), real)
    assert len(found) == 1_764  # 2021-07-29 to 2026-05-27
    assert (found == 1).all()


def test_the_curve_was_near_its_high_of_the_year_and_far_from_older_ones(real: Market) -> None:
    known = real.known(("DGS10", "DGS1"))
    spread = difference(released(known, "DGS10"), released(known, "DGS1"))
    curve = pd.Series(spread.value, pd.DatetimeIndex(spread.period)).round(2)
    until = curve["2025-01-01":"2025-12-09"]
    assert (until.idxmax(), until.max(), until.iloc[-1]) == (pd.Timestamp("2025-01-14"), 0.56, 0.55)
    assert curve["2021"].max() == 1.67


def test_the_buffer_was_used_up_in_august_2025(real: Market) -> None:
    cash = released(real.known(("RRPONTSYD",)), "RRPONTSYD")
    by_day = pd.Series(cash.value, pd.DatetimeIndex(cash.period))["2022":]
    assert (by_day.idxmax(), by_day.max()) == (pd.Timestamp("2022-12-30"), 2_553.716)
    assert by_day.index[by_day > 200][-1] == pd.Timestamp("2025-07-31")
    assert by_day.index[by_day < 50][0] == pd.Timestamp("2025-08-14")
    assert by_day.index[by_day >= 50][-1] == pd.Timestamp("2025-12-31")  # the year's end brings cash for a night


def test_reserves_were_down_by_less_than_trillions_from_their_peak(real: Market) -> None:
    reserves = evaluate(Reserves(), real)
    assert reserves.max() == pytest.approx(4_275.806)  # of 8 December 2021
    assert reserves.max() - reserves[pd.Timestamp("2025-10-30 20:30", tz="UTC")] == pytest.approx(4_275.806 - 2_848.021)
