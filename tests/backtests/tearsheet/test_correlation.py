"""Correlations of daily excess returns."""

import numpy as np
import pandas as pd
import pytest

from backtests.tearsheet.sections.correlation import build, correlations, days_in_common
from backtests.tearsheet.sheet import Sheet
from strategies import BuyAndHold
from tests.backtests.tearsheet.worlds import EARNING, Follow, market, rich_world, run

BTC = BuyAndHold(mix=(("BTC", 1.0),))


def test_three_days_of_hand_arithmetic() -> None:
    """Deviations 1, 0, -1 and -1, 2, -1: products sum to 0. And 1, 0, -1 with itself turned round: -1."""
    days = pd.DataFrame({"one": [0.02, 0.01, 0.0], "two": [0.0, 0.03, 0.0], "three": [0.0, 0.01, 0.02]})
    found = correlations(days)
    assert found.loc["one"].tolist() == pytest.approx([1, 0, -1])
    pd.testing.assert_frame_equal(found, found.T)


def test_what_never_varies_correlates_with_nothing_and_is_a_dash() -> None:
    days = pd.DataFrame({"moves": [0.02, 0.01, 0.0], "rests": [0.0, 0.0, 0.0]})
    assert correlations(days).to_numpy().tolist()[0] == pytest.approx([1, np.nan], nan_ok=True)
    assert correlations(days).loc["rests"].isna().all()
    assert correlations(days.iloc[:2]).isna().all(axis=None)
    assert correlations(days.iloc[:0]).shape == (2, 2)


def test_the_days_are_those_that_all_lines_have() -> None:
    """The 2nd is missing to the one and the 4th to the other; the day after each holds two days' return."""
    results = [run(market([110, 120, 130, 140, 150], missing=(day,)), Follow(0.5 + day / 10)) for day in (1, 3)]
    days = days_in_common(Sheet(results))
    assert days.index.strftime("%m-%d").tolist() == ["01-01", "01-03", "01-05"]
    assert days.shape == (3, 2)


def test_what_cash_earned_is_in_no_correlation() -> None:
    """Both books lie in cash in part, which moves them together: over cash they are less alike."""
    on = rich_world(60, "1d")
    results = [run(on, Follow(0.1), EARNING), run(on, BuyAndHold(0.1, (("ETH", 1.0),)), EARNING)]
    days = days_in_common(Sheet(results))
    excess = [result.bar_returns.to_numpy() - result.cash_returns.to_numpy() for result in results]
    assert days.to_numpy() == pytest.approx(np.column_stack(excess))
    totals = pd.concat([result.bar_returns for result in results], axis=1)
    assert totals.corr().iloc[0, 1] > 0.3 > correlations(days).iloc[0, 1]


def test_a_strategy_and_the_benchmark_it_is_are_one() -> None:
    sheet = Sheet([run(market([110, 99, 120, 115]), BuyAndHold(exposure=0.5, mix=BTC.mix), benchmark=BTC)])
    own = build(sheet)
    assert own is not None
    assert own["days"] == 4
    (_, cells), (_, other) = own["rows"]
    assert cells[0].text == other[1].text == "1.00"
    assert cells[1].text == other[0].text
    assert (cells[0].direction, cells[0].strength) == ("up", 1.0)
    assert sheet.charts.tables["correlations"].splitlines()[0].startswith("correlation,")


def test_a_lone_line_has_no_section() -> None:
    assert build(Sheet([run(market([110, 99, 120]))])) is None
