"""The same decisions at other costs and later: by hand, and against a whole backtest under those conditions."""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests.analysis.sensitivity import (
    COSTS_BPS,
    CURVE_BPS,
    DELAYS,
    MEASURES,
    Sensitivity,
    at_cost,
    crossing,
    delayed,
    repeatable,
    side_bps,
)
from backtests.backtest import Backtest, compare
from backtests.execution import Execution
from backtests.result import Result
from data_cache.errors import BadUsage
from data_cache.lab import Lab
from strategies import BuyAndHold, NetLiquidityTide, TrendFollowing
from strategies.strategy import Book, Now, Weights
from tests.backtests.tearsheet.worlds import FREE, Follow, market, run

# In at the start, out on the evening of the 2nd.
IN_AND_OUT = [("2024-01-01", 1.0), ("2024-01-02 18:00", -1.0)]


@dataclass(frozen=True)
class StopLoss(Follow):
    """Hold BTC until a tenth of the peak is lost."""

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        return {"BTC": 0.0} if book.drawdown > 0.1 else {"BTC": 1.0}


@pytest.fixture(scope="module")
def tide() -> Result:
    return Backtest(NetLiquidityTide(), Lab().market()).run()


# --- the same decisions again


@pytest.mark.parametrize("cash", ["0", "DTB3"])
def test_at_its_own_costs_and_without_a_delay_the_equity_is_that_of_the_result(cash: str) -> None:
    """To the last bit, with a deposit and without."""
    execution = Execution(band=0.02, rebalance_days=7, cash=cash)
    result = Backtest(TrendFollowing(), Lab().market(), execution, end=pd.Timestamp("2020-01-01", tz="UTC")).run()
    again = Sensitivity(result).again(delayed(at_cost(execution, 15.0), 0))
    pd.testing.assert_frame_equal(again.fills, result.fills)
    assert again.equity_sha256 == result.equity_sha256


def test_at_a_cost_of_one_and_a_delay_of_none_the_measures_are_those_of_the_result(tide: Result) -> None:
    own = {name: tide.metrics[name] for name in MEASURES}
    assert Sensitivity(tide).costs.loc[15.0].to_dict() == pytest.approx(own, rel=1e-12)
    assert Sensitivity(tide).delays.loc[0.0].to_dict() == pytest.approx(own, rel=1e-12)


@pytest.mark.parametrize("days", [0, 30])
@pytest.mark.parametrize(("bps", "hours"), [(0.0, 0.0), (75.0, 0.0), (15.0, 4.0), (15.0, 72.0), (45.0, 168.0)])
def test_it_is_what_a_whole_backtest_under_those_conditions_gives(bps: float, hours: float, days: int) -> None:
    """Schedules go by decisions, so they are the same too."""
    asked = Execution(rebalance_days=days, band=0.01)
    other = delayed(at_cost(asked, bps), hours)
    whole = Backtest(NetLiquidityTide(), Lab().market(), asked, end=pd.Timestamp("2020-01-01", tz="UTC"))
    expected = replace(whole, execution=other).run()
    found = Sensitivity(whole.run())
    pd.testing.assert_frame_equal(found.again(other).fills, expected.fills)
    assert found.under(other) == pytest.approx({name: expected.metrics[name] for name in MEASURES}, rel=1e-9)


def test_a_rule_that_looks_at_its_own_book_is_refused() -> None:
    result = run(market([100, 80, 100]), StopLoss())
    assert not repeatable(result)
    with pytest.raises(BadUsage, match="StopLoss looks at its own book: at other costs it would decide otherwise"):
        Sensitivity(result)


# --- costs


def test_a_cost_is_parted_as_the_one_asked_for() -> None:
    dearer = at_cost(Execution(fee_bps=7, slippage_bps=3), 30)
    assert (dearer.fee_bps, dearer.slippage_bps) == pytest.approx((21, 9))
    assert at_cost(Execution(fee_bps=7, slippage_bps=3), 10) == Execution(fee_bps=7, slippage_bps=3)


def test_where_nothing_was_asked_for_the_cost_is_a_fee() -> None:
    assert at_cost(FREE, 20) == replace(FREE, fee_bps=20)


def test_costs_are_tried_at_multiples_of_those_asked_for() -> None:
    assert Sensitivity(run(market([110, 99]), execution=Execution())).costs.index.tolist() == [0, 7.5, 15, 30, 45, 75]


def test_costs_are_tried_in_basis_points_where_none_were_asked_for() -> None:
    assert Sensitivity(run(market([110, 99]))).costs.index.tolist() == list(COSTS_BPS)


def test_a_cost_of_more_than_the_trade_is_not_tried() -> None:
    """Of 0, 15, 30, 60, 90 and 150 % the last cannot be."""
    result = run(market([110, 99]), execution=replace(FREE, fee_bps=3000))
    assert Sensitivity(result).costs.index.tolist() == [0, 1500, 3000, 6000, 9000]


def test_a_dearer_side_takes_its_fee_from_the_gain() -> None:
    """$10 of $1000 in at 100 and out at 200 two days later; at 50 bps the fees are 10 * 0.005 + 20 * 0.005."""
    result = run(market([100, 200, 200], funding=IN_AND_OUT), Follow(0.01))
    costs = Sensitivity(result).costs["total_return"]
    assert costs[0.0] == pytest.approx(10 / 1000)
    assert costs[50.0] == pytest.approx((10 - 0.05 - 0.10) / 1000)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 500), min_size=2, max_size=5, unique=True))
def test_growth_never_rises_with_costs(tide: Result, bps: list[float]) -> None:
    own = Sensitivity(tide)
    totals = [own.under(at_cost(tide.execution, cost))["total_return"] for cost in sorted(bps)]
    assert all(after <= before * (1 + 1e-9) + 1e-9 for before, after in pairwise(totals))


# --- delay


def test_a_delay_of_an_hour_moves_a_decision_at_a_daily_close_by_a_day_and_one_at_noon_not_at_all() -> None:
    """In at noon of the 1st: filled on the 2nd at 110, whether or not an hour later, and held to 121."""
    noon = run(market([110, 121, 121], funding=[("2024-01-01 12:00", 1.0)]), Follow())
    midnight = run(market([110, 121, 121], funding=[("2024-01-02 00:00", 1.0)]), Follow())
    assert Sensitivity(noon).delays["total_return"].iloc[:4].tolist() == pytest.approx([0.1, 0.1, 0.1, 0.1])
    assert Sensitivity(midnight).delays["total_return"].iloc[:4].tolist() == pytest.approx([0.1, 0, 0, 0])


def test_delays_come_on_top_of_the_latency_asked_for() -> None:
    """Three hours asked for and one added: decided at 00:00 of the 1st, filled at 04:00, at the close of 03:00."""
    closes = [100.0, 100.0, 100.0, 104.0, 108.0, 120.0]
    result = run(market(closes, timeframe="1h"), execution=replace(FREE, latency_hours=3))
    delays = Sensitivity(result).delays
    assert delays.index.tolist() == list(DELAYS)
    assert delays["total_return"].iloc[:2].tolist() == pytest.approx([120 / 100 - 1, 120 / 104 - 1])


def test_what_would_fill_after_the_end_never_trades() -> None:
    last = Sensitivity(run(market([110, 121]))).delays.iloc[-1]
    assert (last["total_return"], last["max_drawdown"]) == (0, 0)
    assert math.isnan(last["sharpe"])


# --- break-even


def test_break_even_is_where_both_fees_take_the_gain() -> None:
    """1 % of $1000 in at 100 and out at 101 gains 0.1; fees of c on 10 and on 10.1 take it where c = 0.1 / 20.1."""
    result = run(market([100, 101, 101], funding=IN_AND_OUT), Follow(0.01))
    assert Sensitivity(result).break_even == pytest.approx(0.1 / 20.1 * 1e4, abs=0.02)


def test_break_even_with_the_benchmark_is_where_one_more_sale_takes_the_lead() -> None:
    """Both buy 1 % at 100. The strategy sells at 101 what its benchmark holds to 100.5: 0.05 ahead, 10.1 * c dearer."""
    moves = market([100, 101, 100.5], funding=IN_AND_OUT)
    hold = BuyAndHold(exposure=0.01, mix=(("BTC", 1.0),))
    (result,) = compare([Follow(0.01)], moves, FREE, benchmark=hold)
    assert Sensitivity(result).break_even_with_benchmark == pytest.approx(0.05 / 10.1 * 1e4, abs=0.05)


def test_at_the_break_even_nothing_is_gained(tide: Result) -> None:
    own = Sensitivity(tide)
    assert 0 < own.break_even < 200
    assert own.under(at_cost(tide.execution, own.break_even))["cagr"] == pytest.approx(0, abs=1e-4)


def test_at_half_the_sharpe_ratio_it_is_half_of_the_tested_one(tide: Result) -> None:
    own = Sensitivity(tide)
    assert side_bps(tide.execution) < own.half_sharpe < 200
    half = own.under(at_cost(tide.execution, own.half_sharpe))["sharpe"]
    assert half == pytest.approx(tide.metrics["sharpe"] / 2, abs=1e-3)


def test_a_gain_that_200_bps_cannot_take_breaks_even_beyond_them() -> None:
    assert Sensitivity(run(market([200, 300]))).break_even == math.inf


def test_a_loss_breaks_even_at_no_cost_at_all_and_has_no_sharpe_ratio_to_halve() -> None:
    own = Sensitivity(run(market([90, 80])))
    assert own.break_even == -math.inf
    assert math.isnan(own.half_sharpe)


def test_without_a_benchmark_or_a_fill_there_is_no_break_even() -> None:
    assert math.isnan(Sensitivity(run(market([110, 121]))).break_even_with_benchmark)
    never = Sensitivity(run(market([110, 121]), BuyAndHold(exposure=0.0, mix=(("BTC", 1.0),))))
    assert math.isnan(never.break_even)
    assert math.isnan(never.half_sharpe)


def test_a_benchmark_that_looks_at_its_own_book_gives_no_break_even() -> None:
    result = run(market([110, 121]), Follow(), benchmark=StopLoss())
    assert math.isnan(Sensitivity(result).break_even_with_benchmark)


@given(st.floats(0.1, 199.9))
def test_the_crossing_of_a_straight_line_is_exact(bps: float) -> None:
    gap = pd.Series([bps - cost for cost in CURVE_BPS], index=CURVE_BPS)
    assert crossing(gap) == pytest.approx(bps, abs=1e-6)


def test_a_gap_that_is_unknown_at_a_cost_has_no_crossing() -> None:
    assert math.isnan(crossing(pd.Series([1.0, math.nan, -1.0], index=[0, 100, 200])))
