"""Daily returns: histograms, quantiles and extreme days by hand."""

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.backtest import compare
from backtests.execution import Execution
from backtests.metrics import METRICS
from backtests.tearsheet.sections.distribution import (
    DISTRIBUTION,
    OF_DAYS,
    Histogram,
    NormalQuantiles,
    bin_width,
    excess_kurtosis,
    extreme_days,
    idle,
    moving_days,
    normal_density,
    positive_days,
    quantile,
    shortfall,
)
from backtests.tearsheet.sheet import Sheet
from data_cache.market import Market
from data_cache.observations import Observations, observation_rows
from strategies import BuyAndHold
from tests.backtests.tearsheet.worlds import FREE, Follow, line, market, run

BTC = BuyAndHold(mix=(("BTC", 1.0),))


def compounded(returns: list[float]) -> list[float]:
    return list(100 * np.cumprod(1 + np.array(returns)))


# Of these days the histogram below has bars of 1 %.
DAYS = [0.005, 0.015, -0.005, 0.012, -0.025, 0.0]


def test_days_without_a_position_are_idle() -> None:
    """In from the 3rd's open on: the first two days are idle, a day in the market that ends as it began too."""
    funding = [("2024-01-01", -1.0), ("2024-01-02 12:00", 1.0)]
    result = run(market([110, 120, 132, 132], funding=funding), Follow())
    assert idle(result).tolist() == [True, True, False, True]
    assert moving_days(result).tolist() == pytest.approx([0.1])


def test_a_day_that_only_earned_what_cash_earns_is_idle() -> None:
    base = market([110, 120, 132, 140], funding=[("2024-01-01", -1.0), ("2024-01-02 12:00", 1.0)])
    at = pd.date_range("2023-12-29", periods=9, tz="UTC").as_unit("ns")
    rows = observation_rows(at.tz_localize(None), at, np.full(9, 5.0))
    observations = Observations({"FUNDING_BTC": base.observations.rows("FUNDING_BTC"), "DTB3": rows})
    result = run(Market(observations, base.bars, base.origin), Follow(), Execution(cash="DTB3", capital=100_000))
    assert result.returns.iloc[1] > 0
    assert idle(result).tolist() == [True, True, False, False]


def test_a_histogram_counts_days_by_hand() -> None:
    """-2.5 % | -0.5 % | 0.5 % | 1.5 %, 1.2 %; the day of 0 % is idle."""
    frame = Histogram(line(run(market(compounded(DAYS)))), 0.01, (-0.03, 0.02)).frame()
    assert frame.index.tolist() == pytest.approx([-0.025, -0.015, -0.005, 0.005, 0.015, 0.025])
    assert frame["days"].tolist() == [1, 0, 1, 1, 2, 0]


def test_the_normal_has_the_mean_and_deviation_of_the_days_drawn() -> None:
    drawn = np.array(DAYS[:-1])
    frame = Histogram(line(run(market(compounded(DAYS)))), 0.01, (-0.03, 0.02)).frame()
    normal = NormalDist(drawn.mean(), drawn.std(ddof=1))
    assert frame["normal"].tolist() == pytest.approx([5 * 0.01 * normal.pdf(middle) for middle in frame.index])


def test_the_density_of_a_normal() -> None:
    assert normal_density(np.array([0.0, 1.0]), 0, 1).tolist() == pytest.approx([0.39894228, 0.24197072])


@given(st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=300))
def test_every_day_is_in_one_bar_and_bars_are_few(returns: list[float]) -> None:
    days = np.array(returns)
    width = bin_width(days)
    assert np.floor(days.max() / width) - np.floor(days.min() / width) <= 121
    assert f"{width:e}"[0] in "125"


def test_bars_are_as_wide_as_freedman_and_diaconis_say_rounded_up() -> None:
    """Of 1000 days from -5 % to 5 %, evenly: 2 * 0.05 / 10 = 0.01."""
    assert bin_width(np.linspace(-0.05, 0.05, 1000) * 0.999) == pytest.approx(0.01)
    assert bin_width(np.linspace(-0.05, 0.05, 1000) * 1.001) == pytest.approx(0.02)


def test_a_histogram_of_days_all_alike_has_no_normal() -> None:
    frame = Histogram(line(run(market([110]))), 0.01, (0.0, 0.1)).frame()
    assert frame["normal"].isna().all()
    assert frame["days"].sum() == 1


def test_quantiles_are_days_that_were() -> None:
    """Of 40 days the worst ceil(0.05 * 40) = 2 are the tail; the better of them is the value at risk."""
    days = pd.Series(np.arange(40) / 100)
    assert quantile(days, 0.05) == 0.01
    assert quantile(days, 0.01) == 0
    assert quantile(days, 0.99) == 0.39
    assert shortfall(days, 0.05) == pytest.approx(0.005)
    assert shortfall(days, 0.01) == 0


@given(st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=200), st.sampled_from([0.01, 0.05, 0.25]))
def test_expected_shortfall_is_no_better_than_the_value_at_risk(returns: list[float], share: float) -> None:
    days = pd.Series(returns)
    assert shortfall(days, share) <= quantile(days, share) + 1e-12


def test_expected_shortfall_of_a_twentieth_is_the_metric() -> None:
    closes = list(100 * np.exp(np.cumsum(np.random.default_rng(8).normal(0, 0.03, 333))))
    result = run(market(closes))
    assert shortfall(moving_days(result), 0.05) == pytest.approx(result.metrics["tail"])
    assert {"tail", "skew"} <= {term.name for term in OF_DAYS if term in METRICS}


def test_excess_kurtosis_by_hand() -> None:
    """Of -1, 0, 0, 0, 1 in percent, n = 5: n (n+1) / ((n-1)(n-2)(n-3)) * sum z^4 - 3 (n-1)^2 / ((n-2)(n-3)).

    The variance is 2 / 4, so z^4 = 4 twice: 30 / 24 * 8 - 48 / 6 = 2.
    """
    assert excess_kurtosis(run(market(compounded([-0.01, 0, 0, 0, 0.01])))) == pytest.approx(2)
    assert np.isnan(excess_kurtosis(run(market([110, 99, 120]))))


def test_positive_days_are_a_share_of_those_that_moved() -> None:
    """Three of five; the day of 0 % does not count."""
    assert positive_days(run(market(compounded(DAYS)))) == pytest.approx(3 / 5)
    assert np.isnan(positive_days(run(market([110, 99], funding=[("2024-01-01", -1.0)]), Follow())))


def test_extreme_days_are_the_worst_then_the_best_with_what_was_held() -> None:
    """Half in BTC: the days of BTC are +10 %, -20 %, +30 %, -5 %."""
    result = run(market(compounded([0.1, -0.2, 0.3, -0.05])), Follow(0.5), benchmark=BTC)
    found = extreme_days(result, 1)
    assert found.index.strftime("%m-%d").tolist() == ["01-02", "01-03"]
    assert found["return"].tolist() == pytest.approx(result.returns.iloc[[1, 2]].tolist())
    assert found["benchmark"].tolist() == pytest.approx([-0.2, 0.3])
    assert found["BTC"].tolist() == pytest.approx(result.weights["BTC"].iloc[[1, 2]].tolist())


def test_what_was_held_is_the_mean_of_the_days_closes() -> None:
    """Decided at 12:30, bought at 13:00: held at 11 of the 24 closes of that day."""
    closes = [100.0] * 24 + [100.0] * 20 + [110.0] * 4 + [120.0] * 24
    result = run(market(closes, timeframe="1h", funding=[("2024-01-01", -1.0), ("2024-01-02 12:30", 1.0)]), Follow())
    found = extreme_days(result, 1)
    assert found.loc["2024-01-02", "BTC"] == pytest.approx(11 / 24)


def test_no_day_comes_twice() -> None:
    assert len(extreme_days(run(market([110, 99, 120])))) == 2
    assert extreme_days(run(market([110]))).empty


def test_quantiles_against_the_normal_by_hand() -> None:
    """The smallest of five stands at the quantile 1/10, the largest at 9/10."""
    drawn = np.sort(DAYS[:-1])
    frame = NormalQuantiles([line(run(market(compounded(DAYS))))]).frame()
    assert frame["normal"].tolist() == pytest.approx([NormalDist().inv_cdf(p) for p in (0.1, 0.3, 0.5, 0.7, 0.9)])
    assert frame["observed"].tolist() == pytest.approx(((drawn - drawn.mean()) / drawn.std(ddof=1)).tolist())


def test_all_extreme_days_are_drawn_and_of_the_middle_some() -> None:
    returns = np.random.default_rng(2).normal(0, 0.02, 2000)
    frame = NormalQuantiles([line(run(market(compounded(list(returns)))))]).frame()
    assert 150 < len(frame) < 200
    observed = np.sort((returns - returns.mean()) / returns.std(ddof=1))
    assert frame["observed"].iloc[:60].tolist() == pytest.approx(observed[:60].tolist())
    assert frame["observed"].iloc[-60:].tolist() == pytest.approx(observed[-60:].tolist())
    assert not frame["normal"].duplicated().any()


def test_a_book_that_never_traded_leaves_the_section_out_but_not_beside_others() -> None:
    on = market(compounded(DAYS), funding=[("2024-01-01", -1.0)])
    assert DISTRIBUTION.build(Sheet([run(on, Follow())])) is None
    own = DISTRIBUTION.build(Sheet(compare([Follow()], on, FREE, benchmark=BTC)))
    assert own is not None
    assert [chart is None for _, chart in own["histograms"]] == [True, False]
    assert [table.rows for _, table in own["extremes"]] == [[]]


def test_one_day_is_a_bar_without_quantiles() -> None:
    own = DISTRIBUTION.build(Sheet([run(market([110]))]))
    assert own is not None
    assert own["quantiles"] is None


def test_all_histograms_share_their_bars_and_their_axis() -> None:
    sheet = Sheet(compare([Follow(0.5), Follow(0.25)], market(compounded(DAYS)), FREE, benchmark=BTC))
    DISTRIBUTION.build(sheet)
    figures = [sheet.charts.figures[f"histogram-{i}"] for i in range(3)]
    assert len({tuple(figure["layout"]["xaxis"]["range"]) for figure in figures}) == 1
    assert len({figure["data"][0]["width"] for figure in figures}) == 1


def test_every_number_of_the_table_has_a_definition() -> None:
    sheet = Sheet([run(market(compounded(DAYS)))])
    DISTRIBUTION.build(sheet)
    assert {term.name for term in OF_DAYS} <= set(sheet.charts.terms)
    assert len({term.name for term in OF_DAYS}) == len(OF_DAYS)


def test_the_extreme_days_can_be_downloaded_by_date() -> None:
    sheet = Sheet([run(market([110, 99]))])
    DISTRIBUTION.build(sheet)
    rows = sheet.charts.tables["extremes-0"].splitlines()
    assert rows[0] == "day,return,BTC"
    assert [row[:10] for row in rows[1:]] == ["2024-01-02", "2024-01-01"]
