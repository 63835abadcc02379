"""Participation and capacity by hand arithmetic, on days with known volumes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from backtests.analysis.capacity import capacity, dollar_volume, participation
from backtests.execution import Execution
from backtests.result import Result
from data_cache.bars import Bars
from data_cache.market import Market
from strategies import BuyAndHold
from tests.backtests.tearsheet.worlds import FREE, Follow, market, run

# In on the 1st, out on the 3rd, in on the 5th, out on the 6th: decided the evening before.
MOVES = [("2024-01-01", 1.0), ("2024-01-02 18:00", -1.0), ("2024-01-04 18:00", 1.0), ("2024-01-05 18:00", -1.0)]


def with_volumes(on: Market, volumes: list[float]) -> Market:
    bars = on.bars["BTC"]
    return replace(on, bars={"BTC": Bars("BTC", bars.timeframe, bars.frame.assign(volume=volumes))})


def four_fills(volumes: list[float], execution: Execution = FREE) -> Result:
    """At 100 throughout; equity of 1000 stays 1000."""
    return run(with_volumes(market([100.0] * 6, funding=MOVES), volumes), Follow(), execution)


def test_dollar_volume_is_the_volume_of_a_day_times_its_close() -> None:
    volume = dollar_volume(with_volumes(market([110, 120, 130]), [3, 0, 5]), "BTC")
    assert volume.tolist() == pytest.approx([330, np.nan, 650], nan_ok=True)
    assert volume.index[0] == pd.Timestamp("2024-01-02", tz="UTC")


def test_a_fill_is_compared_with_the_full_day_before_it() -> None:
    """$1000 on the 3rd against 20 coins of $100 on the 2nd: a half; on the first day nothing is known before."""
    traded = participation(four_fills([10, 20, 30, 40, 50, 60]))
    assert traded["day"].dt.day.tolist() == [1, 3, 5, 6]
    assert traded["notional"].tolist() == pytest.approx([1000] * 4)
    assert traded["volume"].tolist() == pytest.approx([np.nan, 2000, 4000, 5000], nan_ok=True)
    assert traded["participation"].tolist() == pytest.approx([np.nan, 1 / 2, 1 / 4, 1 / 5], nan_ok=True)


def test_the_volume_of_the_day_itself_makes_no_difference() -> None:
    quiet, wild = ([10.0, 20.0, volume, 40.0, 50.0, 60.0] for volume in (1.0, 1e9))
    pd.testing.assert_frame_equal(participation(four_fills(quiet)), participation(four_fills(wild)))


def test_all_that_was_traded_on_a_day_counts_together() -> None:
    """Hourly bars of a day at 100: bought at 06:00, sold at 12:00 of the second day, $1000 each, against 24 coins."""
    moves = [("2024-01-02 06:00", 1.0), ("2024-01-02 12:00", -1.0)]
    traded = participation(run(market([100.0] * 48, timeframe="1h", funding=moves), Follow()))
    assert len(traded) == 1
    assert traded["notional"].item() == pytest.approx(2000)
    assert traded["participation"].item() == pytest.approx(2000 / 2400)


def test_a_day_of_fills_is_beside_the_equity_before_the_first_of_them() -> None:
    """Held since 06:00 of the 2nd at 100; at 12:00 the 10 coins are sold at 150. Equity was 1000 before the first."""
    moves = [("2024-01-02 06:00", 1.0), ("2024-01-02 12:00", -1.0)]
    closes = [100.0] * 30 + [150.0] * 18
    traded = participation(run(market(closes, timeframe="1h", funding=moves), Follow()))
    assert traded["notional"].item() == pytest.approx(1000 + 1500)
    assert traded["equity"].item() == pytest.approx(1000)


def test_after_missing_days_equity_is_the_one_marked_before_them() -> None:
    """Half in BTC at 100, marked at 200 on the 2nd: 1500. The 3rd is missing; sold on the 4th, at 250, for 1250."""
    moves = [("2024-01-01", 1.0), ("2024-01-03 18:00", -1.0)]
    result = run(market([100, 200, 250, 300], funding=moves, missing=(2,)), Follow(0.5))
    assert participation(result)["equity"].tolist() == pytest.approx([1000, 1500])


def test_a_day_without_volume_is_unknown_and_not_a_share_without_limit() -> None:
    traded = participation(four_fills([10, 0, 30, 40, 50, 60]))
    assert traded["participation"].isna().tolist() == [True, True, False, False]


def test_a_volume_more_than_three_days_old_is_unknown() -> None:
    """Bars of the 1st, 2nd and 7th; decided on the 3rd and filled on the 7th, four days after the 2nd had ended."""
    moves = [("2024-01-03 18:00", 1.0)]
    result = run(market([100.0] * 8, funding=moves, missing=(2, 3, 4, 5)), Follow())
    traded = participation(result)
    assert traded["day"].dt.day.tolist() == [7]
    assert traded["participation"].isna().all()


def test_capacity_is_where_the_quantile_of_participation_is_the_share() -> None:
    """Of 1000 the shares were 1/2, 1/4 and 1/5: the largest is 1 % with 1000 * 0.01 / (1/2); the median is 1/4."""
    traded = participation(four_fills([10, 20, 30, 40, 50, 60]))
    assert capacity(traded, 0.01, 1) == pytest.approx(20)
    assert capacity(traded, 0.05, 1) == pytest.approx(100)
    assert capacity(traded, 0.01, 0.5) == pytest.approx(1000 * 0.01 * 4)


def test_between_two_days_the_quantile_is_interpolated() -> None:
    """Three shares 0.2, 0.25, 0.5 stand at quantiles 0, 0.5 and 1, so 0.95 is 0.25 + 0.9 * 0.25."""
    traded = participation(four_fills([10, 20, 30, 40, 50, 60]))
    assert capacity(traded, 0.01, 0.95) == pytest.approx(1000 * 0.01 / (0.25 + 0.9 * 0.25))


def test_a_book_that_keeps_its_gains_must_start_smaller() -> None:
    """1000 buys on the 2nd at 100 and is sold on the 4th at 300 for 3000, when 10 coins of $300 traded the day before.

    The whole book of 3000 is all of that day's $3000. Kept at one size it is 1 % at $30; of what it starts with at $10.
    """
    moves = [("2024-01-01 18:00", 1.0), ("2024-01-03 18:00", -1.0)]
    on = with_volumes(market([100, 100, 300, 300], funding=moves), [1e9, 10, 10, 10])
    traded = participation(run(on, Follow()))
    assert traded["participation"].iloc[-1] == pytest.approx(1.0)
    assert capacity(traded, 0.01, 1) == pytest.approx(30)
    assert capacity(traded, 0.01, 1, capital=1000) == pytest.approx(10)


def test_capacity_does_not_depend_on_the_capital_of_the_test() -> None:
    small, large = (four_fills([10, 20, 30, 40, 50, 60], replace(FREE, capital=c)) for c in (1_000.0, 1e9))
    assert capacity(participation(small), 0.01, 0.95) == pytest.approx(capacity(participation(large), 0.01, 0.95))


def test_capacity_is_unknown_where_nothing_was_traded_or_no_volume_is_known() -> None:
    never = run(market([100, 100]), BuyAndHold(exposure=0.0, mix=(("BTC", 1.0),)))
    assert len(participation(never)) == 0
    for result in (never, run(market([100, 100])), four_fills([0] * 6)):
        assert np.isnan(capacity(participation(result), 0.01, 1))
