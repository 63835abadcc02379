"""`result.returns` goes straight into quantstats, pyfolio-reloaded and empyrical-reloaded; what agrees with METRICS.

Where they don't, docs/compared-with.md says why; here each difference is held to the formula that explains it.
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.result import Result
from data_cache.lab import Lab
from strategies import BuyAndHold, NetLiquidityTide

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # theirs, of pandas and matplotlib, while they are imported
    import empyrical
    import pyfolio
    import quantstats

pytestmark = pytest.mark.filterwarnings("ignore")
DAYS = {"annualization": 365}
DOCUMENT = Path(__file__).parents[2] / "docs" / "compared-with.md"


@pytest.fixture(scope="module", params=["1d", "4h"])
def result(request: pytest.FixtureRequest) -> Result:
    start = pd.Timestamp("2024-01-01", tz="UTC")
    return Backtest(NetLiquidityTide(), Lab().market(request.param), start=start, benchmark=BuyAndHold()).run()


@pytest.fixture(scope="module")
def daily() -> Result:
    return Backtest(NetLiquidityTide(), Lab().market(), benchmark=BuyAndHold()).run()


def test_returns_stand_at_the_day_that_they_describe_and_compound_to_the_whole(result: Result) -> None:
    returns = result.returns
    assert returns.index.tz is None
    assert returns.index[0] == pd.Timestamp("2024-01-01")
    assert returns.index[-1] == (result.equity.index[-1] - pd.Timedelta(1, "ns")).tz_localize(None).floor("D")
    assert np.prod(1 + returns) == pytest.approx(1 + result.metrics["total_return"], rel=1e-12)


def test_a_month_is_the_same_month_in_quantstats(result: Result) -> None:
    equity = result.equity
    january = equity.asof(pd.Timestamp("2024-02-01", tz="UTC")) / equity.iloc[0] - 1
    theirs = quantstats.stats.monthly_returns(result.returns)
    assert theirs.set_axis(theirs.index.astype(int)).loc[2024, "JAN"] == pytest.approx(january, rel=1e-9)


# What they compute, by our metric: numbers that must be equal.
EQUAL: list[tuple[str, str, Callable[[pd.Series, pd.Series], float]]] = [
    ("total_return", "empyrical.cum_returns_final", lambda r, b: empyrical.cum_returns_final(r)),
    ("total_return", "quantstats.stats.comp", lambda r, b: quantstats.stats.comp(r)),
    ("cagr", "empyrical.annual_return", lambda r, b: empyrical.annual_return(r, **DAYS)),
    ("cagr", "quantstats.stats.cagr", lambda r, b: quantstats.stats.cagr(r, periods=365)),
    ("volatility", "empyrical.annual_volatility", lambda r, b: empyrical.annual_volatility(r, **DAYS)),
    ("volatility", "quantstats.stats.volatility", lambda r, b: quantstats.stats.volatility(r, periods=365)),
    ("sharpe", "empyrical.sharpe_ratio", lambda r, b: empyrical.sharpe_ratio(r, **DAYS)),
    ("sharpe", "quantstats.stats.sharpe", lambda r, b: quantstats.stats.sharpe(r, periods=365)),
    ("sortino", "empyrical.sortino_ratio", lambda r, b: empyrical.sortino_ratio(r, **DAYS)),
    ("sortino", "quantstats.stats.sortino", lambda r, b: quantstats.stats.sortino(r, periods=365)),
    ("calmar", "empyrical.calmar_ratio", lambda r, b: empyrical.calmar_ratio(r, **DAYS)),
    ("calmar", "quantstats.stats.calmar", lambda r, b: quantstats.stats.calmar(r, periods=365)),
    ("max_drawdown", "empyrical.max_drawdown", lambda r, b: -empyrical.max_drawdown(r)),
    ("max_drawdown", "quantstats.stats.max_drawdown", lambda r, b: -quantstats.stats.max_drawdown(r)),
    ("best_day", "quantstats.stats.best", lambda r, b: quantstats.stats.best(r)),
    ("worst_day", "quantstats.stats.worst", lambda r, b: quantstats.stats.worst(r)),
    ("tail", "empyrical.conditional_value_at_risk", lambda r, b: empyrical.conditional_value_at_risk(r, 0.05)),
    ("skew", "quantstats.stats.skew", lambda r, b: quantstats.stats.skew(r)),
    ("beta", "empyrical.beta", lambda r, b: empyrical.beta(r, b)),
    ("beta", "quantstats.stats.greeks", lambda r, b: quantstats.stats.greeks(r, b, periods=365)["beta"]),
    ("alpha", "quantstats.stats.greeks", lambda r, b: quantstats.stats.greeks(r, b, periods=365)["alpha"]),
]


@pytest.mark.parametrize(("metric", "theirs", "compute"), EQUAL, ids=[f"{m} {t}" for m, t, _ in EQUAL])
def test_where_definitions_agree_so_do_the_numbers(
    daily: Result, metric: str, theirs: str, compute: Callable[[pd.Series, pd.Series], float]
) -> None:
    assert daily.benchmark is not None
    assert compute(daily.returns, daily.benchmark.returns) == pytest.approx(daily.metrics[metric], rel=1e-9)
    assert f"`{theirs}`" in DOCUMENT.read_text("utf-8")


def test_without_periods_of_365_days_a_year_they_take_252(daily: Result) -> None:
    ours, share = daily.metrics["sharpe"], np.sqrt(252 / 365)
    assert empyrical.sharpe_ratio(daily.returns) == pytest.approx(ours * share, rel=1e-9)
    assert quantstats.stats.sharpe(daily.returns) == pytest.approx(ours * share, rel=1e-9)
    assert pyfolio.timeseries.perf_stats(daily.returns)["Sharpe ratio"] == pytest.approx(ours * share, rel=1e-9)


def test_empyrical_compounds_alpha_where_ours_is_a_multiple(daily: Result) -> None:
    assert daily.benchmark is not None
    compounded = (1 + daily.metrics["alpha"] / 365) ** 365 - 1
    theirs = empyrical.alpha(daily.returns, daily.benchmark.returns, **DAYS)
    assert theirs == pytest.approx(compounded, rel=1e-9)
    assert theirs > daily.metrics["alpha"] * 1.1


def test_pyfolio_divides_skewness_by_n_where_ours_is_corrected_for_sample_size(daily: Result) -> None:
    n = len(daily.returns)
    corrected = pyfolio.timeseries.perf_stats(daily.returns)["Skew"] * np.sqrt(n * (n - 1)) / (n - 2)
    assert corrected == pytest.approx(daily.metrics["skew"], rel=1e-9)


def test_quantstats_takes_the_tail_of_a_normal_distribution_where_ours_is_of_what_happened(daily: Result) -> None:
    historical = quantstats.stats.cvar(daily.returns, method="historical")
    assert historical == pytest.approx(daily.metrics["tail"], rel=0.01)
    assert quantstats.stats.cvar(daily.returns) > daily.metrics["tail"] * 0.9  # a thinner tail


def test_quantstats_calls_exposure_the_share_of_days_with_a_return(daily: Result) -> None:
    moved = np.ceil((daily.returns != 0).mean() * 100) / 100
    assert quantstats.stats.exposure(daily.returns) == pytest.approx(moved)


def test_pyfolio_finds_the_same_worst_drawdown(daily: Result) -> None:
    worst = pyfolio.timeseries.gen_drawdown_table(daily.returns, 1).iloc[0]
    assert worst["Net drawdown in %"] == pytest.approx(100 * daily.metrics["max_drawdown"], rel=1e-9)


def test_quantstats_writes_its_page_beside_our_benchmark(result: Result, tmp_path: Path) -> None:
    assert result.benchmark is not None
    page = tmp_path / "quantstats.html"
    options: dict[str, Any] = {"benchmark": result.benchmark.returns, "periods_per_year": 365}
    quantstats.reports.html(result.returns, output=str(page), **options)
    assert page.stat().st_size > 100_000
