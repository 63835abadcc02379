"""The table of metrics: numbers with their intervals, and as CSV."""

from io import StringIO

import numpy as np
import pandas as pd
import pytest

from backtests.metrics import METRICS
from backtests.result import Result
from backtests.tearsheet import page
from backtests.tearsheet.sections.comparison import build, metrics_frame, resampling
from backtests.tearsheet.sheet import Sheet
from strategies import BuyAndHold
from tests.backtests.tearsheet.worlds import market, run

BTC = BuyAndHold(mix=(("BTC", 1.0),))


def held(days: int, exposure: float = 0.5, timeframe: str = "1d") -> Result:
    closes = list(100 * np.exp(np.cumsum(np.random.default_rng(4).normal(0.001, 0.02, days))))
    mix = BuyAndHold(exposure=exposure, mix=(("BTC", 1.0),))
    return run(market(closes, timeframe=timeframe), mix, benchmark=BTC)


def test_the_csv_holds_estimate_low_and_high_of_every_line() -> None:
    sheet = Sheet([held(60)])
    build(sheet)
    frame = pd.read_csv(StringIO(sheet.charts.tables["metrics"]), index_col="metric")
    own, benchmark = (line.label for line in sheet.lines)
    assert list(frame) == [own, f"{own} low", f"{own} high", benchmark, f"{benchmark} low", f"{benchmark} high"]
    assert frame.index.tolist() == [metric.name for metric in METRICS]
    assert frame[own].to_dict() == pytest.approx(sheet.results[0].metrics, nan_ok=True)
    assert frame.at["sharpe", f"{own} low"] < frame.at["sharpe", own] < frame.at["sharpe", f"{own} high"]
    pd.testing.assert_frame_equal(frame, metrics_frame(sheet))


def test_the_interval_stands_small_under_the_number() -> None:
    sheet = Sheet([held(60)])
    rows = {metric.name: texts for metric, texts in build(sheet)["table"].rows}  # type: ignore[attr-defined]
    row = sheet.intervals[sheet.lines[0].label].table.loc["max_drawdown"]
    assert str(rows["max_drawdown"][0]) == (
        f"{-row['estimate']:.1%}<small>{-row['high']:.1%} to {-row['low']:.1%}</small>"
    )
    assert -row["high"] < -row["low"]
    assert str(rows["fills"][0]) == "1"


def test_a_number_outside_its_own_interval_has_an_asterisk_which_the_caption_explains_only_then() -> None:
    assert "Lies outside its own interval" not in page.render(Sheet([held(60)]), "Title")
    sheet = Sheet([held(60)])
    own = sheet.lines[0].label
    sheet.intervals[own].table.loc["max_drawdown", ["low", "high"]] = [0.6, 0.7]
    assert "Lies outside its own interval" in page.render(sheet, "Title")
    rows = {metric.name: texts for metric, texts in build(sheet)["table"].rows}  # type: ignore[attr-defined]
    shown = sheet.results[0].metrics["max_drawdown"]
    assert str(rows["max_drawdown"][0]) == f"{-shown:.1%}*<small>-70.0% to -60.0%</small>"
    assert "*" not in rows["sharpe"][0]


def test_the_caption_names_level_resamples_and_blocks() -> None:
    sheet = Sheet([held(60)])
    blocks = {found.block for found in sheet.intervals.values()}
    assert len(blocks) == 1
    told = resampling(sheet)
    assert f"the middle 90% of 1,000 resamples of the days, in blocks of {blocks.pop()} day" in told
    assert "shorter bars" not in told


def test_of_hourly_bars_the_caption_says_that_intervals_are_of_days() -> None:
    assert "They are of days, and the numbers over them of shorter bars" in resampling(
        Sheet([held(40 * 24, 0.5, "1h")])
    )


def test_a_window_of_three_days_has_numbers_and_no_intervals() -> None:
    sheet = Sheet([held(3)])
    own = build(sheet)
    assert all("<small>" not in text for _, texts in own["table"].rows for text in texts)
    assert own["resampling"].startswith("There are no intervals: they need 30 days or more")
