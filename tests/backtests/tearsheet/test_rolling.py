"""Rolling metrics: one window by hand, agreement with METRICS, and where they are unknown."""

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import compare
from backtests.execution import Execution
from backtests.metrics import excess_returns
from backtests.tearsheet.sections.rolling import (
    ROLLED,
    ROLLING,
    Rolling,
    daily_cash,
    rolling_beta,
    rolling_sharpe,
    rolling_volatility,
    window_of,
)
from backtests.tearsheet.sheet import Sheet
from data_cache.market import Market
from data_cache.observations import Observations, observation_rows
from strategies import BuyAndHold
from tests.backtests.tearsheet.worlds import FREE, Follow, line, market, run

BTC = BuyAndHold(mix=(("BTC", 1.0),))


def walk(days: int, seed: int = 11) -> list[float]:
    return list(100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.001, 0.03, days))))


def funding(first: int, last: int, value: float) -> list[tuple[str, float]]:
    """Known at noon of each of the days `first` to `last` of 2024, 1 the first of January."""
    return [
        (f"{pd.Timestamp('2024-01-01 12:00') + pd.Timedelta(days=day - 1)}", value) for day in range(first, last + 1)
    ]


def with_cash(on: Market, percent: float) -> Market:
    """The same market, where a deposit earns that rate a year."""
    at = pd.date_range("2023-12-29", periods=90, tz="UTC").as_unit("ns")
    rate = observation_rows(at.tz_localize(None), at, np.full(90, percent))
    return Market(Observations({"FUNDING_BTC": on.observations.rows("FUNDING_BTC"), "DTB3": rate}), on.bars, on.origin)


def test_a_window_of_two_days_by_hand() -> None:
    """Returns 10 %, -10 %, 20 %: of the first two the mean is 0 and the deviation 0.1 * sqrt(2); of the last two 5 %
    and 0.15 * sqrt(2)."""
    result = run(market([110, 99, 118.8]))
    per_year = np.sqrt(365)
    assert rolling_sharpe(result, 2).tolist() == pytest.approx(
        [np.nan, 0.0, 0.05 / (0.15 * np.sqrt(2)) * per_year], nan_ok=True, abs=1e-12
    )
    assert rolling_volatility(result, 2).tolist() == pytest.approx(
        [np.nan, 0.1 * np.sqrt(2) * per_year, 0.15 * np.sqrt(2) * per_year], nan_ok=True
    )


def test_beta_of_a_half_held_book_by_hand() -> None:
    """Half of 1000 at 100 makes 5 units: +50 of 1000, then -55 of 1050, while BTC gains 10 % and loses 10 %."""
    result = run(market([110, 99]), BuyAndHold(exposure=0.5, mix=(("BTC", 1.0),)), benchmark=BTC)
    assert rolling_beta(result, 2).iloc[-1] == pytest.approx((0.05 + 55 / 1050) / 0.2)


@pytest.mark.parametrize("metric", list(ROLLED))
@pytest.mark.parametrize("percent", [0.0, 8.0])
def test_over_the_whole_window_it_is_the_metric(metric: str, percent: float) -> None:
    on = with_cash(
        market(walk(40), funding=[*funding(1, 15, 1.0), *funding(16, 25, -1.0), *funding(26, 40, 1.0)]), percent
    )
    result = run(on, Follow(0.7), Execution(cash="DTB3", capital=100_000), benchmark=BTC)
    assert ROLLED[metric](result, 40).iloc[-1] == pytest.approx(result.metrics[metric])


def test_cash_earned_in_a_day_is_that_of_its_bars() -> None:
    on = with_cash(market([100.0] * 48, timeframe="1h"), 5.0)
    result = run(on, execution=Execution(cash="DTB3", capital=100_000))
    assert daily_cash(result).tolist() == pytest.approx(
        [(1 + result.cash_returns.iloc[:24]).prod() - 1, (1 + result.cash_returns.iloc[24:]).prod() - 1]
    )
    assert daily_cash(result).gt(0).all()


def test_the_first_value_stands_where_the_window_is_full() -> None:
    values = rolling_volatility(run(market(walk(30))), 20)
    assert values.first_valid_index() == pd.Timestamp("2024-01-20", tz="UTC")
    assert values.notna().sum() == 11


def test_up_to_a_tenth_of_the_days_of_a_window_may_be_unknown() -> None:
    """One missing day leaves two returns unknown, its own and the next day's: 2 of 20, but with another 4 of 20."""
    one, two = (rolling_volatility(run(market(walk(40), missing=gone)), 20) for gone in ((10,), (10, 12)))
    assert one.iloc[19:].notna().all()
    assert np.isnan(two.iloc[19])
    assert two.iloc[-1] == pytest.approx(one.iloc[-1])


def test_a_year_has_as_many_days_as_are_known() -> None:
    """18 of the first 20 days are known: as many a year, 365 x 18 / 20, make a deviation and a ratio annual."""
    result = run(market(walk(40), missing=(10,)))
    days = result.bar_returns.iloc[:19].drop(result.bar_returns.index[10]).to_numpy()
    assert len(days) == 18
    per_year = (365 * 18 / 20) ** 0.5
    assert rolling_volatility(result, 20).iloc[19] == pytest.approx(days.std(ddof=1) * per_year)
    assert rolling_sharpe(result, 20).iloc[19] == pytest.approx(days.mean() / days.std(ddof=1) * per_year)


def test_a_book_in_cash_has_no_sharpe_ratio_no_volatility_and_no_beta_to_speak_of() -> None:
    """In for 20 days, then out: 30 days later nothing of them is left in the window, not even rounding."""
    result = run(market(walk(60), funding=[*funding(1, 20, 1.0), *funding(21, 60, -1.0)]), Follow(), benchmark=BTC)
    assert rolling_volatility(result, 20).iloc[25] > 0.1
    assert np.isnan(rolling_sharpe(result, 20).iloc[-1])
    assert rolling_volatility(result, 20).iloc[-1] == 0
    assert rolling_beta(result, 20).iloc[-1] == pytest.approx(0, abs=1e-12)


def test_a_deposit_that_beats_cash_by_rounding_alone_has_no_sharpe_ratio() -> None:
    on = with_cash(market(walk(60), funding=[*funding(1, 20, 1.0), *funding(21, 60, -1.0)]), 8.0)
    result = run(on, Follow(), Execution(cash="DTB3", capital=100_000))
    assert 0 < excess_returns(result)[-20:].std() < 1e-12
    assert np.isnan(rolling_sharpe(result, 20).iloc[-1])


def test_a_benchmark_that_lies_in_cash_leaves_beta_unknown() -> None:
    result = run(market(walk(30)), benchmark=BuyAndHold(exposure=0.0, mix=(("BTC", 1.0),)))
    assert rolling_beta(result, 20).isna().all()


def test_the_window_is_180_days_or_a_quarter_of_a_short_history() -> None:
    assert window_of([line(run(market(walk(100))))]) == 25
    assert window_of([line(run(market(walk(1000))))]) == 180


def test_the_frame_spans_the_window_and_the_benchmark_has_a_beta_of_one() -> None:
    results = compare([Follow(0.5), Follow(0.25)], market(walk(90)), FREE, benchmark=BTC)
    frame = Rolling(Sheet(results).lines, "beta", 22).frame()
    assert frame.index[0] == pd.Timestamp("2023-12-31", tz="UTC")
    assert len(frame) == 91
    assert frame["BuyAndHold"].dropna().tolist() == pytest.approx([1.0] * (90 - 21))
    assert frame.columns.tolist() == ["Follow(share=0.5)", "Follow(share=0.25)", "BuyAndHold"]


def test_without_a_benchmark_there_is_no_chart_of_beta() -> None:
    sheet = Sheet([run(market(walk(90)))])
    own = ROLLING.build(sheet)
    assert own is not None
    assert [chart.id for _, chart in own["charts"]] == ["rolling-sharpe", "rolling-volatility"]
    assert set(sheet.charts.terms) == {"sharpe", "volatility"}


def test_a_strategy_without_a_benchmark_has_no_beta_beside_one_that_has() -> None:
    results = [run(market(walk(90)), Follow(), benchmark=BTC), run(market(walk(90)), Follow(0.5))]
    frame = Rolling(Sheet(results).lines, "beta", 22).frame()
    assert frame["Follow(share=0.5)"].isna().all()
    assert frame["Follow(share=1.0)"].notna().any()


def test_a_window_too_short_leaves_the_section_out() -> None:
    """A quarter of 79 days is 19: fewer than 20 returns say nothing."""
    assert ROLLING.build(Sheet([run(market(walk(79)))])) is None
    assert ROLLING.build(Sheet([run(market(walk(80)))])) is not None


def test_the_description_ends_with_the_newest_values() -> None:
    panel = Rolling(Sheet([run(market(walk(90)))]).lines, "volatility", 22)
    assert panel.alt() == (
        "Volatility a year over 22 days, 31 December 2023 to 30 March 2024; "
        f"at the end: BuyAndHold {panel.frame()['BuyAndHold'].iloc[-1]:.1%}."
    )


def test_windows_that_do_not_overlap_stand_in_one_frame_in_order_of_time() -> None:
    results = [run(market(walk(90))), run(market(walk(90), start="2023-01-01"), Follow())]
    frame = Rolling(Sheet(results).lines, "volatility", 22).frame()
    assert frame.index.is_monotonic_increasing
    assert frame.index[0] == pd.Timestamp("2022-12-31", tz="UTC")
    assert frame.notna().sum().tolist() == [90 - 21, 90 - 21]
