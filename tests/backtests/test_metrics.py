"""Metrics on curves small enough to redo by hand, on curves with holes, and beside vectorbt's own numbers."""

import ast
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests import metrics
from backtests.backtest import Backtest
from backtests.execution import Execution
from backtests.metrics import METRICS, Metric, comparison_frame, labels
from backtests.result import Result
from data_cache.bars import TIMEFRAMES, Bars
from data_cache.market import Market
from data_cache.observations import Observations, observation_rows
from strategies.strategy import Now, Strategy, Weights

FREE = Execution(fee_bps=0, slippage_bps=0, min_notional=0)


@dataclass(frozen=True)
class Plan(Strategy):
    """Hold `asset` at given weights from given moments on."""

    steps: tuple[tuple[str, float], ...] = (("2000-01-01", 1.0),)
    asset: str = "BTC"

    def weights(self, now: Now) -> Weights:
        changes = np.diff([weight for _, weight in self.steps], prepend=0.0)
        moments = [pd.Timestamp(at, tz="UTC") for at, _ in self.steps]
        held = sum(change * (now.at >= at) for change, at in zip(changes, moments, strict=True))
        return {self.asset: held}


def days(count: int, start: str = "2024-01-01", timeframe: str = "1d") -> pd.DatetimeIndex:
    return pd.date_range(start, periods=count, freq=TIMEFRAMES[timeframe], tz="UTC").as_unit("ns")


def bars(closes: list[float], times: pd.DatetimeIndex, asset: str = "BTC", timeframe: str = "1d") -> Bars:
    """Bars that open at the close before, the first at 100."""
    close = np.array(closes, float)
    opened = np.append(100.0, close[:-1])
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    frame = pd.DataFrame({"open": opened, "high": high, "low": low, "close": close, "volume": 1.0}, index=times)
    return Bars(asset, timeframe, frame)


def run(
    closes: list[float],
    times: pd.DatetimeIndex | None = None,
    strategy: Strategy | None = None,
    execution: Execution = FREE,
    timeframe: str = "1d",
    eth: list[float] | None = None,
    benchmark: Strategy | None = None,
    rate: float = 0.0,
) -> Result:
    """A book without costs that holds what `strategy` says: at full exposure, a multiple of the price."""
    times = days(len(closes), timeframe=timeframe) if times is None else times
    known = times - pd.Timedelta(hours=1)
    periods = known.tz_localize(None).floor("D").as_unit("ns")
    once = ~periods.duplicated()
    rates = observation_rows(periods[once], known[once], np.full(int(once.sum()), rate))
    assets = {"BTC": bars(closes, times, timeframe=timeframe)}
    if eth:
        assets["ETH"] = bars(eth, times, "ETH", timeframe)
    market = Market(Observations({"SOFR": rates}), assets, "a hand-made market")
    if rate:
        execution = replace(execution, cash="SOFR")
    return Backtest(strategy or Plan(), market, execution, benchmark=benchmark).run()


def value(name: str, result: Result) -> float:
    return result.metrics[name]


def test_total_return_counts_from_the_capital_at_the_first_open() -> None:
    assert value("total_return", run([110, 99])) == pytest.approx(0.99 - 1)


def test_growth_is_annualised_by_elapsed_days_and_not_by_bars() -> None:
    two_bars_in_two_years = pd.DatetimeIndex(["2021-01-01", "2022-12-31"], tz="UTC").as_unit("ns")
    assert value("cagr", run([100, 121], two_bars_in_two_years)) == pytest.approx(0.10)


def test_thirty_missing_days_do_not_speed_up_a_loss() -> None:
    """56 daily bars over 86 days: -26 % a year is the truth; counted as 56 days it would be -37 %."""
    times = days(86)[np.r_[:28, 58:86]]
    result = run(list(np.linspace(100, 93.15, 57)[1:]), times)
    assert value("cagr", result) == pytest.approx(0.9315 ** (365 / 86) - 1)
    assert value("cagr", result) == pytest.approx(-0.26, abs=0.001)
    by_bars = 0.9315 ** (365 / 56) - 1
    assert by_bars == pytest.approx(-0.37, abs=0.001)


def test_growth_that_overflows_within_an_hour_is_unknown() -> None:
    assert np.isnan(value("cagr", run([200], timeframe="1h")))


def test_volatility_scales_with_the_bars_that_a_year_held() -> None:
    """Returns +10 % and -10 %: deviation sqrt((0.1^2 + 0.1^2) / 1)."""
    deviation = np.sqrt(0.02)
    assert value("volatility", run([110, 99])) == pytest.approx(deviation * np.sqrt(365))
    assert value("volatility", run([110, 99], timeframe="1h")) == pytest.approx(deviation * np.sqrt(365 * 24))
    with_a_hole = run([110, 99], days(4)[[0, 3]])  # 2 bars in 4 days
    assert value("volatility", with_a_hole) == pytest.approx(deviation * np.sqrt(2 * 365 / 4))


def test_sharpe_is_mean_over_deviation() -> None:
    """Returns +10 %, -10 %, +10 %: mean 1/30, squares (1/15)^2, (2/15)^2, (1/15)^2 over n - 1 = 2."""
    deviation = np.sqrt(((1 / 15) ** 2 * 2 + (2 / 15) ** 2) / 2)
    assert value("sharpe", run([110, 99, 108.9])) == pytest.approx(1 / 30 / deviation * np.sqrt(365))


def test_sharpe_and_sortino_count_only_what_cash_did_not_earn() -> None:
    """36.5 % a year simple is 0.1 % a day; returns +10 % and -10 % less that."""
    result = run([110, 99], rate=36.5)
    assert value("sharpe", result) == pytest.approx(-0.001 / np.sqrt(0.02) * np.sqrt(365))
    assert value("sortino", result) == pytest.approx(-0.001 / np.sqrt(0.101**2 / 2) * np.sqrt(365))


def test_sortino_divides_by_losses_spread_over_all_bars() -> None:
    """Returns +10 %, -10 %, +10 %: one loss among three bars."""
    assert value("sortino", run([110, 99, 108.9])) == pytest.approx(1 / 30 / np.sqrt(0.01 / 3) * np.sqrt(365))


CONSTANT = {
    "a book that holds nothing": run([110, 120, 130], strategy=Plan((("2000-01-01", 0.0),))),
    "a book of cash that earns a rate": run([110, 90, 130], strategy=Plan((("2000-01-01", 0.0),)), rate=5.0),
    "a price that grows by exactly 1 % a day": run([100 * 1.01**n for n in range(1, 9)]),
}


@pytest.mark.parametrize("name", CONSTANT)
def test_ratios_of_a_constant_curve_are_unknown(name: str) -> None:
    for metric in ("sharpe", "sortino", "calmar"):
        assert np.isnan(value(metric, CONSTANT[name])), metric


def test_one_bar_gives_a_return_and_no_ratio() -> None:
    result = run([90])
    assert value("total_return", result) == pytest.approx(-0.1)
    for metric in ("volatility", "sharpe", "skew"):
        assert np.isnan(value(metric, result)), metric


def test_drawdown_is_a_positive_fraction_that_reports_show_with_a_minus() -> None:
    result = run([120, 90, 130])
    assert value("max_drawdown", result) == pytest.approx(30 / 120)
    assert comparison_frame([result]).loc["Maximum drawdown", "Plan"] == "-25.0%"


def test_a_loss_from_the_first_day_on_is_a_drawdown_from_the_capital() -> None:
    assert value("max_drawdown", run([80, 90])) == pytest.approx(0.2)


def test_calmar_is_growth_over_drawdown() -> None:
    result = run([80, 110])
    assert value("calmar", result) == pytest.approx((1.1 ** (365 / 2) - 1) / 0.2)


UNDER_WATER = [
    ("from the peak at the end of day 1 to the recovery at the end of day 3", [120, 90, 130], None, 2),
    ("a peak that is only equalled is a recovery", [120, 90, 120, 110], None, 2),
    ("never recovered: until the end", [120, 90, 100, 110], None, 3),
    ("never above the capital: from the start", [99, 98, 97], None, 3),
    ("never under water", [101, 102, 103], None, 0),
    ("30 missing days in it are days under water too", [120, 90, 100, 130], [0, 1, 32, 33], 33),
    ("30 missing days between two peaks are not", [120, 130, 120, 140], [0, 31, 32, 33], 2),
]


@pytest.mark.parametrize(("case", "closes", "at", "expected"), UNDER_WATER)
def test_time_under_water_is_counted_in_days(
    case: str, closes: list[float], at: list[int] | None, expected: int
) -> None:
    times = days(40)[at] if at else None
    assert value("max_drawdown_days", run(closes, times)) == expected, case


def test_a_bar_that_ends_at_midnight_belongs_to_the_day_that_ends_there() -> None:
    """48 hourly bars: day one ends at 110 with the bar of 23:00, day two at 99."""
    closes = [100.0] * 23 + [110.0] + [105.0] * 23 + [99.0]
    result = run(closes, timeframe="1h")
    days_of = metrics.daily_returns(result)
    assert days_of.index.strftime("%Y-%m-%d").tolist() == ["2024-01-01", "2024-01-02"]
    assert days_of.tolist() == pytest.approx([0.10, -0.10])
    assert value("best_day", result) == pytest.approx(0.10)
    assert value("worst_day", result) == pytest.approx(-0.10)


def test_a_first_day_that_starts_at_noon_counts_from_noon() -> None:
    times = days(36, "2024-01-01 12:00", "1h")
    result = run([100.0] * 11 + [110.0] + [99.0] * 24, times, timeframe="1h")
    assert metrics.daily_returns(result).tolist() == pytest.approx([0.10, -0.10])


def test_the_return_over_missing_days_is_not_the_return_of_a_day() -> None:
    result = run([101, 50.5, 51.51], days(33)[[0, 31, 32]])
    assert metrics.daily_returns(result).tolist() == pytest.approx([0.01, 0.02])
    assert value("worst_day", result) == pytest.approx(0.01)
    assert value("max_drawdown", result) == pytest.approx(0.5)


def test_expected_shortfall_is_the_mean_of_the_worst_twentieth() -> None:
    """Of 40 days the worst 2 count: -20 % and -10 %. Of 41 days the worst 3."""
    returns = [-0.2, -0.1, *[0.01] * 38]
    curve = list(100 * np.cumprod(1 + np.array(returns)))
    assert value("tail", run(curve)) == pytest.approx((-0.2 - 0.1) / 2)
    assert value("tail", run([*curve, curve[-1]])) == pytest.approx((-0.2 - 0.1 + 0.0) / 3)


def test_skewness_is_the_sample_corrected_third_moment() -> None:
    """Returns 0, 0, 30 %: mean 0.1, departures -0.1, -0.1, 0.2."""
    second, third = (0.01 + 0.01 + 0.04) / 3, (-0.001 - 0.001 + 0.008) / 3
    expected = third / second**1.5 * np.sqrt(3 * 2) / (3 - 2)
    assert value("skew", run([100, 100, 130])) == pytest.approx(expected)


def test_exposure_is_averaged_over_time_and_not_over_bars() -> None:
    """In from day 1, out at the open of day 6: three bars of four, but five days of six."""
    times = days(6)[[0, 1, 4, 5]]
    result = run([100, 100, 100, 100], times, Plan((("2000-01-01", 1.0), ("2024-01-04", 0.0))))
    assert value("exposure", result) == pytest.approx(5 / 6)
    assert value("time_in_market", result) == pytest.approx(5 / 6)


def test_a_remainder_too_small_to_sell_is_not_in_the_market() -> None:
    plan = Plan((("2000-01-01", 0.0005), ("2024-01-03", 0.5)))
    result = run([100] * 4, strategy=plan)
    assert value("time_in_market", result) == pytest.approx(2 / 4)
    assert value("exposure", result) == pytest.approx((2 * 0.0005 + 2 * 0.5) / 4)


def test_turnover_counts_a_full_exchange_of_the_book_once() -> None:
    """Bought once and sold once in 4 days at a constant price: half of 2 books, times 365 / 4."""
    result = run([100] * 4, strategy=Plan((("2000-01-01", 1.0), ("2024-01-03", 0.0))))
    assert value("turnover", result) == pytest.approx(1.0 * 365 / 4)


def test_costs_are_fees_and_slippage_a_year_over_mean_equity() -> None:
    """Half of 1000 bought at 100: 5 units; slippage 1 % of the price, fee 2 % of what was paid; two days of a year."""
    execution = Execution(fee_bps=200, slippage_bps=100, min_notional=0, capital=1000)
    result = run([100, 100], strategy=Plan((("2000-01-01", 0.5),)), execution=execution)
    paid = 5 * 1.00 + 5 * 101 * 0.02
    assert value("costs_paid", result) == pytest.approx(paid / (1000 - paid) * 365 / 2)


def test_decisions_and_fills_are_counted_apart() -> None:
    """Three decisions, of which the last comes when the last bar has opened: two fills."""
    plan = Plan((("2000-01-01", 1.0), ("2024-01-02", 0.5), ("2024-01-04", 0.0)))
    result = run([100] * 3, strategy=plan)
    assert (value("decisions", result), value("fills", result)) == (3, 2)


HIT_RATES = [
    ("up while held: a hit", [110, 110, 110, 110], ((1, 1.0),), 0.0, 1.0),
    ("down while held: a miss", [90, 90, 90, 90], ((1, 1.0),), 0.0, 0.0),
    ("up 10 % on half, then down on all", [110, 110, 100, 100], ((1, 0.5), (3, 1.0)), 0.0, 0.5),
    ("a decision to hold nothing is not counted", [110, 110, 100, 100], ((1, 1.0), (3, 0.0)), 0.0, 1.0),
    (
        "up 1 % in two days, when cash earns 1 % a day: a miss",
        [100, 101, 101, 101],
        ((1, 1.0), (3, 0.0)),
        365,
        0.0,
    ),
]


@pytest.mark.parametrize(("case", "closes", "plan", "rate", "expected"), HIT_RATES)
def test_a_decision_hits_if_the_book_beats_cash_until_the_next_one(
    case: str, closes: list[float], plan: tuple[tuple[int, float], ...], rate: float, expected: float
) -> None:
    steps = tuple((f"2024-01-{day:02}", weight) for day, weight in plan)
    result = run(closes, strategy=Plan(steps), rate=rate)
    assert value("hit_rate", result) == expected, case


def test_the_cost_of_a_decision_can_turn_a_hit_into_a_miss() -> None:
    up_a_tenth_of_a_percent = [100.1] * 4
    assert value("hit_rate", run(up_a_tenth_of_a_percent)) == 1.0
    assert value("hit_rate", run(up_a_tenth_of_a_percent, execution=Execution(fee_bps=20, min_notional=0))) == 0.0


def test_a_book_that_never_holds_anything_has_no_hit_rate() -> None:
    assert np.isnan(value("hit_rate", CONSTANT["a book that holds nothing"]))


def test_of_two_decisions_for_one_bar_the_last_alone_is_judged() -> None:
    """With a day of latency and two missing days, purchase and change of mind both come to the last bar."""
    plan = Plan((("2000-01-01", 0.0), ("2024-01-02", 1.0), ("2024-01-03", 0.0)))
    late = replace(FREE, latency_hours=24)
    result = run([100, 100, 110], days(5)[[0, 1, 4]], plan, late)
    assert value("decisions", result) == 3
    assert np.isnan(value("hit_rate", result))


def test_beta_and_alpha_are_the_slope_and_the_intercept() -> None:
    """BTC returns are half of ETH's plus 0.05 % a day."""
    eth_returns = np.array([0.02, -0.04, 0.06, -0.02, 0.01])
    closes, eth = (list(100 * np.cumprod(1 + r)) for r in (eth_returns / 2 + 0.0005, eth_returns))
    result = run(closes, eth=eth, benchmark=Plan(asset="ETH"))
    assert value("beta", result) == pytest.approx(0.5)
    assert value("alpha", result) == pytest.approx(0.0005 * 365)
    assert value("correlation", result) == pytest.approx(1.0)


def test_beta_is_of_excess_returns() -> None:
    """Cash earns 0.1 % a day; BTC's excess is half of ETH's: no alpha, though returns alone have one."""
    eth_returns = np.array([0.02, -0.04, 0.06, -0.02, 0.01])
    closes, eth = (list(100 * np.cumprod(1 + r)) for r in ((eth_returns - 0.001) / 2 + 0.001, eth_returns))
    result = run(closes, eth=eth, benchmark=Plan(asset="ETH"), rate=36.5)
    assert value("beta", result) == pytest.approx(0.5)
    assert value("alpha", result) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("metric", ["beta", "alpha", "correlation"])
def test_without_a_benchmark_there_is_nothing_to_compare_with(metric: str) -> None:
    assert np.isnan(value(metric, run([110, 99, 120])))
    assert np.isnan(value(metric, run([110, 99, 120], benchmark=Plan((("2000-01-01", 0.0),)))))


def test_a_benchmark_marked_on_fewer_bars_is_compared_where_both_are_marked() -> None:
    closes, times = [110.0, 99.0, 108.9, 98.01], days(4)
    result = run(closes, times, benchmark=Plan())
    thinned = run([closes[i] for i in (0, 2, 3)], times[[0, 2, 3]]).equity
    other = replace(result.benchmark, fills=result.benchmark.fills)
    other.__dict__["equity"] = thinned
    assert value("beta", replace(result, benchmark=other)) == pytest.approx(1.0)


RATIOS = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "turnover",
    "costs_paid",
    "hit_rate",
)
RETURNS = st.lists(st.floats(-0.5, 0.5, width=16), min_size=2, max_size=25)


@given(RETURNS, st.floats(0.1, 1.0), st.sampled_from([1.0, 2.0**-7, 2.0**9]))
def test_ratios_do_not_depend_on_the_capital(returns: list[float], weight: float, scale: float) -> None:
    closes = list(100 * np.cumprod(1 + np.array(returns)))
    plan = Plan((("2000-01-01", weight), ("2024-01-03", weight / 2)))
    small, large = (
        run(closes, strategy=plan, execution=Execution(min_notional=0, capital=c)) for c in (1000, 1000 * scale)
    )
    for name in RATIOS:
        assert value(name, large) == pytest.approx(value(name, small), rel=1e-6, nan_ok=True), name


@given(RETURNS)
def test_returns_compound_to_the_total_and_drawdown_is_a_fraction(returns: list[float]) -> None:
    result = run(list(100 * np.cumprod(1 + np.array(returns))))
    assert value("total_return", result) == pytest.approx(float(np.prod(1 + result.bar_returns)) - 1)
    assert value("total_return", result) == pytest.approx(float(np.prod(1 + metrics.daily_returns(result))) - 1)
    assert 0 <= value("max_drawdown", result) <= 1
    assert 0 <= value("exposure", result) <= 1 + 1e-9
    assert value("worst_day", result) <= value("best_day", result)
    assert value("worst_day", result) <= value("tail", result) + 1e-12


def test_where_definitions_agree_the_numbers_are_vectorbts() -> None:
    closes = list(100 * np.exp(np.cumsum(np.random.default_rng(7).normal(0.002, 0.03, 400))))
    steps = tuple(
        (f"2024-{month:02}-01", weight) for month, weight in zip(range(1, 13), [1, 0.5, 0.8] * 4, strict=True)
    )
    result = run(closes, strategy=Plan(steps), execution=Execution())
    portfolio = result.portfolio
    assert value("total_return", result) == pytest.approx(portfolio.total_return(), rel=1e-12)
    assert value("max_drawdown", result) == pytest.approx(-portfolio.max_drawdown(), rel=1e-12)
    assert value("fills", result) == portfolio.orders.count()
    assert value("volatility", result) == pytest.approx(
        portfolio.annualized_volatility(freq="1D", year_freq="365D"), rel=1e-9
    )
    assert value("sharpe", result) == pytest.approx(portfolio.sharpe_ratio(freq="1D", year_freq="365D"), rel=1e-9)
    assert value("sortino", result) == pytest.approx(portfolio.sortino_ratio(freq="1D", year_freq="365D"), rel=1e-9)


def test_the_table_is_literal_so_that_it_can_be_read_without_importing() -> None:
    tree = ast.parse(Path(metrics.__file__).read_text())
    table = next(n for n in tree.body if isinstance(n, ast.AnnAssign) and n.target.id == "METRICS")
    rows = [[argument.value for argument in row.args[:3]] for row in table.value.elts]
    assert rows == [[metric.name, metric.label, metric.format] for metric in METRICS]
    assert all(row.lineno == row.end_lineno for row in table.value.elts)


def test_every_metric_has_a_name_of_its_own_and_a_definition_in_one_sentence() -> None:
    assert len({metric.name for metric in METRICS}) == len({metric.label for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.name == metric.compute.__name__
        assert metric.definition.endswith("."), metric.name
        assert len(metric.definition) > 20, metric.name


TEXTS = [
    ("a fraction as percent", ",.1%", 12.3456, "1,234.6%"),
    ("a loss given as a positive number", "-.1%", 0.25, "-25.0%"),
    ("no loss has no sign", "-.1%", 0.0, "0.0%"),
    ("nothing rounds to minus zero", ".2f", -0.001, "0.00"),
    ("a count", ",.0f", 1234.0, "1,234"),
    ("undefined", ".2f", float("nan"), "–"),
]


@pytest.mark.parametrize(("case", "spec", "number", "expected"), TEXTS)
def test_numbers_are_printed_as_the_table_says(case: str, spec: str, number: float, expected: str) -> None:
    assert Metric("name", "Label", spec, metrics.sharpe).text(number) == expected, case


def test_the_comparison_has_a_column_per_strategy_and_the_benchmark_last() -> None:
    first = run([110, 99], benchmark=Plan((("2000-01-01", 0.25),)))
    second = replace(run([110, 99], strategy=Plan((("2000-01-01", 0.5),))), benchmark=first.benchmark)
    frame = comparison_frame([first, second])
    assert frame.index.tolist() == [metric.label for metric in METRICS if not metric.perps]
    assert frame.columns.tolist() == [
        "Plan(steps=(('2000-01-01', 1.0),))",
        "Plan(steps=(('2000-01-01', 0.5),))",
        "Plan(steps=(('2000-01-01', 0.25),))",
    ]
    assert frame.loc["Total return"].tolist() == ["-1.0%", "-0.5%", "-0.2%"]


def test_a_benchmark_that_is_compared_anyway_has_one_column() -> None:
    result = run([110, 99], benchmark=Plan())
    assert comparison_frame([result]).columns.tolist() == ["Plan"]


def test_two_runs_of_one_strategy_are_numbered() -> None:
    result = run([110, 99])
    assert labels([result, result]) == ["Plan #1", "Plan #2"]


def test_a_book_of_cash_alone_earns_what_cash_earns_and_has_no_sharpe_ratio() -> None:
    """All of it lies in the deposit, at any costs of trading, so nothing is left in excess of it."""
    result = run([100] * 40, strategy=Plan((("2000-01-01", 0.0),)), execution=Execution(), rate=5.0)
    assert value("total_return", result) == pytest.approx((1 + 0.05 / 365) ** 40 - 1)
    assert np.isnan(value("sharpe", result))
    assert np.isnan(value("sortino", result))
