"""Dated facts on the closes of the real history: arithmetic of a moment in the tables and of the day of a close.

What the files of the history can say against the tables is in `test_facts.py`, beside the tables' own tests.
"""

import pandas as pd
import pytest

from data_cache.market import Market
from signals import (
    DaysSinceMeeting,
    DaysSinceShutdown,
    DaysToMeeting,
    FacilityMilestone,
    NearMeeting,
    PolicyDirection,
    PolicyMove,
    ShutdownOpen,
    Signal,
)
from signals.signal import evaluate

pytestmark = pytest.mark.real

HOUR = 1 / 24

VALUES = [
    # The FOMC decided on 29 October 2025 at 14:00 EDT, 18:00 UTC, and on 10 December at 14:00 EST, 19:00 UTC.
    ("fourteen days and six hours ago", DaysSinceMeeting(), "2025-11-13", 14 + 6 * HOUR),
    ("27 days and 19 hours ahead", DaysToMeeting(), "2025-11-13", 27 + 19 * HOUR),
    ("19 hours ahead is near", NearMeeting(), "2025-12-10", 1),
    ("29 hours after is not", NearMeeting(), "2025-12-12", 0),
    # macro/fed_funds_target_range_daily: upper bound 4.25 on 29 October, 4.00 on the 30th.
    ("the cut of October, known on the evening before", PolicyMove(), "2025-10-30", 100 * (4.00 - 4.25)),
    # Funding lapsed on 1 October 2025 at 04:00 UTC; the bill was signed on 12 November at 22:47 EST, 03:47 UTC.
    ("open on the eve", ShutdownOpen(), "2025-10-01", 0),
    ("closed for the first day", ShutdownOpen(), "2025-10-02", 1),
    ("closed until the signature", ShutdownOpen(), "2025-11-13", 1),
    ("and open since", DaysSinceShutdown(), "2025-11-14", 20 * HOUR + 13 * HOUR / 60),
    # macro/NYFED_SRF begins on 29 July 2021.
    ("no facility on the 28th", FacilityMilestone(name="srf_created"), "2021-07-29", 0),
    ("a facility on the 29th", FacilityMilestone(name="srf_created"), "2021-07-30", 1),
    # Purchases announced on 10 December: macro/TREAST rises from 4,188.975 on the 10th to 4,235.527 on 7 January.
    ("the Fed keeps what it holds", PolicyDirection(), "2025-12-10", 0),
    ("and adds to it", PolicyDirection(), "2025-12-11", 1),
]


@pytest.mark.parametrize(("what", "signal", "at", "expected"), VALUES, ids=[row[0] for row in VALUES])
def test_a_value_redone_by_hand(real: Market, what: str, signal: Signal, at: str, expected: float) -> None:
    moment = pd.Timestamp(at, tz="UTC")
    assert evaluate(signal, real)[moment] == pytest.approx(expected, abs=1e-9)
    before = evaluate(signal, real, moment - pd.Timedelta(1, "ns"))
    assert before.index[-1] < moment  # the close was not known a nanosecond earlier
