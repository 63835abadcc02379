"""What an asset returned after an event: hand arithmetic, and nothing of the time before."""

import numpy as np
import pandas as pd
import pytest

from backtests.studies.forward import NOWHERE, Prices, entries
from backtests.tape import build_tape
from tests.backtests.studies.worlds import daily, market

DAY = pd.Timedelta(days=1)
HOUR = pd.Timedelta(hours=1)


def prices(closes: list[float], timeframe: str = "1d") -> Prices:
    """Bars open where the one before closed."""
    return Prices.of(build_tape(market(daily([0]), closes, timeframe=timeframe), ["BTC"], None, None, "0"), "BTC")


def test_a_forward_return_is_from_the_open_to_the_close_one_horizon_later() -> None:
    closes = [100.0, 110.0, 99.0, 120.0]  # opens 100, 100, 110, 99
    assert prices(closes).forward(DAY) == pytest.approx([0, 110 / 100 - 1, 99 / 110 - 1, 120 / 99 - 1])
    assert prices(closes).forward(2 * DAY)[:3] == pytest.approx([110 / 100 - 1, 99 / 100 - 1, 120 / 110 - 1])


def test_a_horizon_beyond_the_record_gives_no_return() -> None:
    assert np.isnan(prices([100.0, 110.0, 99.0, 120.0]).forward(3 * DAY)).tolist() == [False, False, True, True]


def test_hours_are_counted_in_hours() -> None:
    assert prices([100.0, 101.0, 102.0, 103.0, 104.0], "1h").forward(3 * HOUR)[1] == pytest.approx(103 / 100 - 1)


def test_over_a_gap_the_last_close_before_the_end_of_the_horizon_counts() -> None:
    whole = prices([100.0, 110.0, 99.0, 120.0, 130.0])
    kept = [0, 1, 3, 4]
    holed = Prices(*(getattr(whole, name)[kept] for name in ("open_times", "close_times", "opens", "closes")))
    # From the first open, three days end with the missing bar: its close is not known, the second one's is.
    assert holed.forward(3 * DAY)[0] == pytest.approx(110 / 100 - 1)


def test_an_event_is_entered_at_the_first_open_at_or_after_it_is_known() -> None:
    opens = pd.date_range("2024-01-01", periods=4, tz="UTC").as_unit("ns").asi8
    known = pd.DatetimeIndex(["2024-01-02 00:00", "2024-01-02 00:01", "2024-01-02 18:00"], tz="UTC").as_unit("ns").asi8
    assert entries(opens, known, pd.Timedelta(0)).tolist() == [1, 2, 2]
    assert entries(opens, known, 6 * HOUR).tolist() == [2, 2, 2]
    assert entries(opens, known, 7 * HOUR).tolist() == [2, 2, 3]


def test_an_event_without_an_open_within_a_day_is_not_entered() -> None:
    opens = pd.date_range("2024-01-10", periods=2, tz="UTC").as_unit("ns").asi8
    known = pd.DatetimeIndex(["2024-01-08 23:59", "2024-01-09 00:00", "2024-01-11 00:01"], tz="UTC").as_unit("ns").asi8
    assert entries(opens, known, pd.Timedelta(0)).tolist() == [NOWHERE, 0, NOWHERE]


def test_prices_before_the_entry_are_not_in_a_forward_return() -> None:
    closes = np.random.default_rng(1).uniform(50, 150, 60)
    for bar in (10, 30, 50):
        changed = np.append(closes[: bar - 1] * 3, closes[bar - 1 :])
        for horizon in (DAY, 7 * DAY):
            one, other = (prices(list(series)).forward(horizon)[bar:] for series in (closes, changed))
            np.testing.assert_array_equal(one, other)


def test_around_an_entry_prices_are_relative_to_its_open() -> None:
    around = prices([100.0, 110.0, 99.0, 120.0])
    assert around.around(pd.Timedelta(0)).tolist() == [0, 0, 0, 0]
    # One day before the open of 110 the last close was 100; three days before the first bar there is none.
    assert around.around(-DAY)[2] == pytest.approx(100 / 110 - 1)
    assert np.isnan(around.around(-DAY)[0])
    assert around.around(2 * DAY)[:3] == pytest.approx(around.forward(2 * DAY)[:3])
