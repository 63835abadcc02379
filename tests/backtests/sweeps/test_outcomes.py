"""Metrics from sums: those of the table, on generated trials and on curves that a reader can redo."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from backtests import metrics
from backtests.execution import Execution
from backtests.metrics import METRICS
from backtests.result import Result
from backtests.sweeps.compiled import BLOCK
from backtests.sweeps.kernel import Kernel
from backtests.sweeps.outcomes import Outcomes
from backtests.tape import CASH, Tape
from data_cache.bars import TIMEFRAMES
from tests.backtests.sweeps.generated_trials import Case, cases, generated_plan, generated_tape, judged, packed

CONTRACT = 1e-9
FREE = Execution(fee_bps=0, slippage_bps=0, min_notional=0, capital=1_000)
DAY = pd.Timedelta(days=1)


def assert_same_metrics(outcomes: Outcomes, trial: int, result: Result) -> None:
    """Relative, or absolute for a book that hardly moves: its rounding is divided by next to nothing."""
    table = {metric.name: metric.compute(result) for metric in METRICS}
    for name, values in outcomes.metrics.items():
        assert values[trial] == pytest.approx(table[name], rel=CONTRACT, abs=CONTRACT, nan_ok=True), name


def assert_same_moments(outcomes: Outcomes, trial: int, result: Result) -> None:
    excess = metrics.excess_returns(result)
    away = excess - excess.mean()
    assert outcomes.moments["mean"][trial] == pytest.approx(excess.mean(), rel=CONTRACT, abs=1e-14)
    if len(excess) < 2 or excess.std(ddof=1) < 1e-6:
        return
    second = (away**2).mean()
    expected = {
        "deviation": excess.std(ddof=1),
        "skewness": (away**3).mean() / second**1.5,
        "kurtosis": (away**4).mean() / second**2,
    }
    for name, value in expected.items():
        assert outcomes.moments[name][trial] == pytest.approx(value, rel=CONTRACT, abs=CONTRACT), name


def curve(closes: list[float], bars: pd.DatetimeIndex | None = None, cash: list[float] | None = None) -> Outcomes:
    """What came of all in a price that opens at 100 and at each close, from the first open on."""
    times = pd.date_range("2024-01-01", periods=len(closes), freq="D", tz="UTC") if bars is None else bars
    prices = {"BTC": (np.append(100.0, closes[:-1]), closes)}
    if cash:
        prices[CASH] = (np.append(1.0, cash[:-1]), cash)
    opens, closed = (pd.DataFrame({n: p[i] for n, p in prices.items()}, times.as_unit("ns")) for i in (0, 1))
    tape = Tape(opens, closed, DAY)
    plan = pd.DataFrame({"BTC": [1.0]}, times[:1].as_unit("ns"))
    return Kernel(tape, FREE).run(packed([plan], tape, FREE))


def value(name: str, outcomes: Outcomes) -> float:
    return float((outcomes.metrics | outcomes.moments)[name][0])


@settings(max_examples=150)
@given(cases())
def test_metrics_are_those_of_the_table(case: Case) -> None:
    outcomes = case.kernel.run(case.orders)
    assert len(outcomes) == len(case.plans)
    for trial, result in enumerate(case.judged):
        assert_same_metrics(outcomes, trial, result)
        assert_same_moments(outcomes, trial, result)


@pytest.mark.parametrize("deposit", [False, True], ids=["idle cash", "a deposit"])
@pytest.mark.parametrize("bars", [BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK // 2])
def test_metrics_do_not_depend_on_where_blocks_of_bars_end(bars: int, deposit: bool) -> None:
    random = np.random.default_rng(bars)
    tape = generated_tape(random, 2, "1h", bars, deposit)
    execution = Execution()
    plans = [generated_plan(random, tape, count) for count in (1, 7, 300)]
    outcomes = Kernel(tape, execution).run(packed(plans, tape, execution))
    for trial, plan in enumerate(plans):
        result = judged(plan, tape, execution)
        assert_same_metrics(outcomes, trial, result)
        assert_same_moments(outcomes, trial, result)


def test_metrics_bear_the_names_and_the_order_of_the_table() -> None:
    names = list(curve([110]).metrics)
    assert names == [metric.name for metric in METRICS if metric.name in names]


def test_a_curve_that_a_reader_can_redo() -> None:
    """Returns +10 %, -10 %, +10 %: mean 1/30, distances 1/15, -2/15, 1/15."""
    outcomes = curve([110, 99, 108.9])
    deviation = math.sqrt(((1 / 15) ** 2 * 2 + (2 / 15) ** 2) / 2)
    second, third, fourth = (((1 / 15) ** n * 2 + (-2 / 15) ** n) / 3 for n in (2, 3, 4))
    expected = {
        "total_return": 0.089,
        "cagr": 1.089 ** (365 / 3) - 1,
        "volatility": deviation * math.sqrt(365),
        "sharpe": 1 / 30 / deviation * math.sqrt(365),
        "sortino": 1 / 30 / math.sqrt(0.01 / 3) * math.sqrt(365),
        "max_drawdown": 0.1,
        "exposure": 1,
        "turnover": 1000 / 2 / ((1100 + 990 + 1089) / 3) * 365 / 3,
        "costs_paid": 0,
        "fills": 1,
        "mean": 1 / 30,
        "skewness": third / second**1.5,
        "kurtosis": fourth / second**2,
    }
    assert {name: value(name, outcomes) for name in expected} == pytest.approx(expected)


def test_what_is_held_over_a_hole_in_the_bars_weighs_as_long_as_it_is_held() -> None:
    """1100 for the two days until the next open, then 990 for one."""
    times = pd.DatetimeIndex(["2024-01-01", "2024-01-03"], tz="UTC")
    traded, mean_equity, years = 1000, (2 * 1100 + 990) / 3, 3 / 365
    assert value("turnover", curve([110, 99], times)) == pytest.approx(traded / 2 / mean_equity / years)


def test_excess_is_over_what_a_deposit_earned() -> None:
    """Returns +10 % and -10 % less 0.1 % in each bar."""
    outcomes = curve([110, 99], cash=[1.001, 1.001**2])
    assert value("mean", outcomes) == pytest.approx(-0.001)
    assert value("sharpe", outcomes) == pytest.approx(-0.001 / math.sqrt(0.02) * math.sqrt(365))
    assert value("sortino", outcomes) == pytest.approx(-0.001 / math.sqrt(0.101**2 / 2) * math.sqrt(365))
    assert value("volatility", outcomes) == pytest.approx(math.sqrt(0.02) * math.sqrt(365))


@pytest.mark.parametrize("bars", [8, BLOCK + 200])
def test_ratios_of_a_curve_that_grows_by_the_same_every_bar_are_unknown(bars: int) -> None:
    outcomes = curve(list(100 * np.cumprod(np.full(bars, 1.01))))
    for name in ("sharpe", "sortino", "calmar", "skewness", "kurtosis"):
        assert math.isnan(value(name, outcomes)), name


def test_ratios_of_a_book_that_lies_in_a_deposit_of_changing_rates_are_unknown() -> None:
    random = np.random.default_rng(1)
    tape = generated_tape(random, 1, "1d", 900, deposit=True)
    outcomes = Kernel(tape, FREE).run(packed([generated_plan(random, tape, 0)], tape, FREE))
    assert value("total_return", outcomes) > 0.05
    for name in ("sharpe", "sortino", "skewness", "kurtosis"):
        assert math.isnan(value(name, outcomes)), name


def test_one_bar_has_a_return_and_no_deviation() -> None:
    outcomes = curve([90])
    assert value("total_return", outcomes) == pytest.approx(-0.1)
    assert value("sortino", outcomes) == pytest.approx(-math.sqrt(365))
    for name in ("volatility", "sharpe", "deviation", "skewness", "kurtosis"):
        assert math.isnan(value(name, outcomes)), name


def test_growth_that_overflows_within_an_hour_is_unknown() -> None:
    times = pd.DatetimeIndex(["2024-01-01"], tz="UTC").as_unit("ns")
    prices = [pd.DataFrame({"BTC": [price]}, times) for price in (1.0, 2.0)]
    tape = Tape(*prices, TIMEFRAMES["1h"])
    plan = pd.DataFrame({"BTC": [1.0]}, times)
    assert math.isnan(value("cagr", Kernel(tape, FREE).run(packed([plan], tape, FREE))))
