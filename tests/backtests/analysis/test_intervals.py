"""Intervals of the metrics: each formula is the metric where days are left in their order, and what resampling does."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests.analysis.intervals import (
    INTERVALS,
    Resamples,
    as_they_were,
    daily_excess,
    evaluated,
    intervals,
    sharpe_ahead,
)
from backtests.execution import Execution
from backtests.metrics import METRICS
from backtests.result import Result
from backtests.statistics.bootstrap import block_length, draws
from strategies import BuyAndHold
from tests.backtests.tearsheet.worlds import EARNING, FREE, Follow, market, rich_world, run

BTC = BuyAndHold(mix=(("BTC", 1.0),))
WITHOUT = {metric.name for metric in METRICS if metric.perps} | {
    "turnover",
    "costs_paid",
    "decisions",
    "fills",
    "hit_rate",
    "exposure",
    "time_in_market",
}


def walk(days: int, seed: int = 1) -> Result:
    """Half in BTC in every other fortnight, beside all of it throughout; prices are a random walk."""
    closes = list(100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.001, 0.03, days))))
    moments = pd.date_range("2024-01-01", periods=days // 14 + 1, freq="14D")
    moves = [(f"{at:%Y-%m-%d}", (-1.0) ** i) for i, at in enumerate(moments)]
    return run(
        market(closes, funding=moves), Follow(0.5), Execution(fee_bps=10, capital=1000, min_notional=0), benchmark=BTC
    )


def single(*returns: float) -> Resamples:
    """Days of a year, one a day, without cash or a benchmark."""
    days = np.array([returns])
    return Resamples(days, days, np.full(days.shape, np.nan), np.full(days.shape, True), days.shape[1] / 365)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), days=st.integers(30, 200))
def test_each_formula_is_the_metric_where_days_are_as_they_were(seed: int, days: int) -> None:
    result = walk(days, seed)
    found = {name: float(values[0]) for name, values in evaluated(as_they_were(result)).items()}
    assert found == pytest.approx({name: result.metrics[name] for name in INTERVALS}, rel=1e-9, abs=1e-12, nan_ok=True)


def test_where_days_are_missing_the_day_after_them_is_in_no_formula_that_is_not_of_it() -> None:
    """60 days without the 11th, 12th and 41st, a fall of a half among them: skewness and shortfall are of 55 days."""
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(9).normal(0, 0.02, 60)))
    closes[10:] /= 2
    result = run(market(list(closes), missing=(10, 11, 40)), BTC)
    found = evaluated(as_they_were(result))
    assert as_they_were(result).whole.sum() == 60 - 3 - 2
    assert {name: values[0] for name, values in found.items()} == pytest.approx(
        {name: result.metrics[name] for name in INTERVALS}, nan_ok=True
    )
    table = intervals(result).table
    assert table.at["skew", "low"] > -1.5
    assert table.at["tail", "low"] > -0.1


def test_each_resample_has_the_tail_of_as_many_whole_days_as_it_drew() -> None:
    """Of 20 whole days the worst counts, -0.2; of 21 the worst two, -0.2 and -0.1; the merged day's -0.9 never."""
    days = np.array([[-0.9, -0.2, -0.1, *[0.0] * 19]] * 2)
    whole = np.full(days.shape, True)
    whole[:, 0] = whole[0, -1] = False
    drawn = Resamples(days, days, np.full(days.shape, np.nan), whole, 1.0)
    assert INTERVALS["tail"](drawn).tolist() == pytest.approx([-0.2, -0.15])


def test_what_has_an_interval_is_a_metric_and_what_trading_counts_has_none() -> None:
    names = {metric.name for metric in METRICS}
    assert set(INTERVALS) | WITHOUT | {"worst_day", "best_day"} == names
    table = intervals(walk(200)).table
    assert list(table.index) == [metric.name for metric in METRICS]
    assert set(table.index[table["low"].isna()]) == WITHOUT | {"worst_day", "best_day"}


def test_the_estimate_is_the_metric_and_lies_within_its_interval() -> None:
    result = walk(400)
    table = intervals(result).table
    assert table["estimate"].to_dict() == pytest.approx(result.metrics)
    middle = table.loc[["total_return", "cagr", "volatility", "sharpe", "sortino", "tail", "beta", "alpha"]]
    assert (middle["low"] < middle["estimate"]).all()
    assert (middle["estimate"] < middle["high"]).all()


def test_the_bounds_are_the_5_and_95_percent_quantiles_of_a_thousand_resamples() -> None:
    result = walk(100)
    found, returns = intervals(result), result.returns.to_numpy()
    totals = [np.prod(1 + returns[rows]) - 1 for rows in draws(100, found.block, 1_000, 0)]
    assert found.table.loc["total_return", ["low", "high"]].tolist() == pytest.approx(np.percentile(totals, [5, 95]))


def test_blocks_are_the_longer_ones_of_what_book_and_benchmark_earn_over_cash() -> None:
    """Cash that earns much every other day gives returns longer blocks than excess returns have."""
    benchmark = BuyAndHold(mix=(("ETH", 1.0),))
    result = run(rich_world(120, "1d", seed=4), Follow(0.5), EARNING, benchmark=benchmark)
    excess = result.bar_returns.to_numpy() - result.cash_returns.to_numpy()
    assert result.benchmark is not None
    market = result.benchmark.bar_returns.to_numpy() - result.cash_returns.to_numpy()
    assert [block_length(each) for each in (excess, result.bar_returns, market)] == [2, 7, 1]
    assert intervals(result).block == 2


def test_over_cash_that_earns_each_formula_is_the_metric_too() -> None:
    result = run(rich_world(120, "1d"), Follow(0.5), EARNING, benchmark=BTC)
    assert sharpe_of(result.bar_returns) != pytest.approx(result.metrics["sharpe"], abs=1)
    found = {name: float(values[0]) for name, values in evaluated(as_they_were(result)).items()}
    assert found == pytest.approx({name: result.metrics[name] for name in INTERVALS}, rel=1e-9, abs=1e-12)


def sharpe_of(returns: pd.Series) -> float:
    return float(returns.mean() / returns.std() * 365**0.5)


def test_what_cash_earned_in_a_day_of_hours_is_compounded() -> None:
    """On the 2nd of January bills are known to pay 300 % a year: over 24 hours of it, and nothing on the 1st."""
    result = run(rich_world(), Follow(0.5), EARNING)
    earned = result.returns - daily_excess(result)
    assert earned.iloc[:2].tolist() == pytest.approx([0, (1 + 3 / 365 / 24) ** 24 - 1])


def test_a_higher_level_is_wider() -> None:
    wide, narrow = (intervals(walk(200), level).table.loc["sharpe"] for level in (0.95, 0.5))
    assert wide["low"] < narrow["low"] < narrow["high"] < wide["high"]


def test_the_standard_error_of_a_sharpe_ratio_is_that_of_theory() -> None:
    """Independent days: the ratio of n days has a standard error of one over the root of their years, about."""
    result = run(market(list(100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.02, 1460))))), BTC, FREE)
    low, high = intervals(result).table.loc["sharpe", ["low", "high"]]
    assert (high - low) / (2 * 1.645) == pytest.approx(1 / np.sqrt(4), rel=0.1)


def test_book_and_benchmark_are_drawn_together() -> None:
    """Beside itself, a book has a beta and a correlation of 1 in every resample."""
    closes = list(100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.02, 100))))
    table = intervals(run(market(closes), BTC, benchmark=BTC)).table
    assert table.loc[["beta", "correlation"], ["low", "high"]].to_numpy() == pytest.approx(np.ones((2, 2)))


def test_the_same_result_has_the_same_intervals_twice() -> None:
    pd.testing.assert_frame_equal(intervals(walk(90)).table, intervals(walk(90)).table)


@pytest.mark.parametrize("days", [1, 2, 29])
def test_fewer_than_thirty_days_have_no_intervals(days: int) -> None:
    found = intervals(walk(days))
    assert (found.block, found.days) == (0, days)
    assert found.table[["low", "high"]].isna().all(axis=None)


def test_a_book_that_never_leaves_cash_has_no_intervals() -> None:
    found = intervals(run(market([110.0] * 60, funding=[("2024-01-01", -1.0)]), Follow()))
    assert found.block == 0
    assert found.table["low"].isna().all()


def test_a_resample_that_stays_in_cash_has_a_sharpe_ratio_of_zero_and_no_sortino_ratio() -> None:
    found = evaluated(single(0.0, 0.0, 0.0, 0.0))
    assert found["sharpe"].tolist() == [0.0]
    assert np.isnan([found["sortino"][0], found["calmar"][0], found["skew"][0], found["beta"][0]]).all()


def test_days_under_water_are_counted_from_the_peak_until_equity_is_back_at_it() -> None:
    """1 → 2 → 1 → 1.5 → 2.25: from the peak after one day until the fourth. Never back: until the end."""
    assert INTERVALS["max_drawdown_days"](single(1.0, -0.5, 0.5, 0.5)).tolist() == [3]
    assert INTERVALS["max_drawdown_days"](single(1.0, -0.5, 0.5, 0.1)).tolist() == [3]
    assert INTERVALS["max_drawdown_days"](single(0.1, 0.1, 0.1)).tolist() == [0]
    assert INTERVALS["max_drawdown"](single(1.0, -0.5, 0.5, 0.5)).tolist() == [0.5]


def test_where_days_are_missing_a_day_under_water_counts_for_its_share_of_the_time() -> None:
    """Three days in a year and a half of them: each stands for half a year, 182.5 days."""
    days = np.array([[0.1, -0.5, 0.1]])
    drawn = Resamples(days, days, np.full(days.shape, np.nan), np.full(days.shape, True), 1.5)
    assert INTERVALS["max_drawdown_days"](drawn).tolist() == pytest.approx([2 * 182.5])


def test_excess_of_hourly_bars_is_compounded_by_day() -> None:
    """Two days of 24 bars: 110 after the first, 99 after the second."""
    result = run(market([110.0] * 24 + [99.0] * 24, timeframe="1h"), BTC)
    assert daily_excess(result).to_list() == pytest.approx([0.1, -0.1])


def test_a_benchmark_that_lacks_days_leaves_the_intervals_of_the_book_alone() -> None:
    closes = list(100 * np.exp(np.cumsum(np.random.default_rng(7).normal(0, 0.02, 60))))
    whole = run(market(closes), BTC)
    beside = run(market(closes, missing=(30,)), BTC)
    object.__setattr__(whole, "benchmark", beside)
    table = intervals(whole).table
    assert table.loc[["beta", "alpha", "correlation"], "low"].isna().all()
    assert table.loc[["sharpe", "cagr", "max_drawdown"], "low"].notna().all()


def test_the_sharpe_ratio_is_ahead_of_the_benchmarks_by_their_difference_in_the_same_resamples() -> None:
    result = walk(120)
    assert result.benchmark is not None
    estimate = result.metrics["sharpe"] - result.benchmark.metrics["sharpe"]
    assert sharpe_ahead(as_they_were(result)) == pytest.approx(estimate, rel=1e-9)
    low, high = intervals(result).ahead
    assert low < estimate < high
    alone, other = (intervals(one).table.loc["sharpe"] for one in (result, result.benchmark))
    widths = [one["high"] - one["low"] for one in (alone, other)]
    assert high - low < sum(widths)  # the days are the same, so that what both earned in them cancels


def test_the_benchmark_itself_is_ahead_by_nothing_and_without_one_there_is_no_ahead() -> None:
    closes = list(100 * np.exp(np.cumsum(np.random.default_rng(4).normal(0.001, 0.02, 60))))
    assert intervals(run(market(closes), BTC, benchmark=BTC)).ahead == (0, 0)
    assert np.isnan(intervals(run(market(closes), BTC)).ahead).all()
    assert np.isnan(intervals(run(market(closes[:20]), BTC, benchmark=BTC)).ahead).all()
