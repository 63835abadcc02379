"""Drawdowns from peak to recovery: dates, depths and durations by hand, and agreement with METRICS."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.backtest import compare
from backtests.metrics import drawdown
from backtests.tearsheet.page import render
from backtests.tearsheet.sections.drawdowns import DRAWDOWNS, Underwater, episodes
from backtests.tearsheet.sheet import Sheet
from strategies import BuyAndHold
from tests.backtests.parsed_page import Page
from tests.backtests.tearsheet.worlds import FREE, Follow, beside, line, market, run

BTC = BuyAndHold(mix=(("BTC", 1.0),))
# Two drawdowns: 120 -> 90 -> 130 over five days, and 130 -> 117, not made good.
TWO = [110.0, 120.0, 108.0, 90.0, 100.0, 119.0, 130.0, 117.0, 120.0]


def ends_of_days(*days: int) -> list[pd.Timestamp]:
    """When the bars of those days of January 2024 end."""
    return [pd.Timestamp(2024, 1, day + 1, tz="UTC") for day in days]


def test_two_drawdowns_by_hand() -> None:
    """The 2nd's 120 falls to 90 on the 4th and is passed on the 7th; the 7th's 130 falls to 117 on the 8th."""
    found = episodes(run(market(TWO)))
    assert found["depth"].tolist() == pytest.approx([30 / 120, 13 / 130])
    assert found["peak"].tolist() == ends_of_days(2, 7)
    assert found["trough"].tolist() == ends_of_days(4, 8)
    assert found["recovered"].iloc[0] == ends_of_days(7)[0]
    assert pd.isna(found["recovered"].iloc[1])
    assert found["days_down"].tolist() == [2, 1]
    assert found["days_to_recover"].tolist() == [3, 1]
    assert found.index.tolist() == [1, 2]


def test_a_loss_from_the_first_bar_on_is_a_drawdown_from_the_capital() -> None:
    found = episodes(run(market([90, 80, 85])))
    assert found["peak"].tolist() == [pd.Timestamp("2024-01-01", tz="UTC")]
    assert found["depth"].tolist() == pytest.approx([0.2])


def test_exposure_is_that_of_the_close_of_the_peak() -> None:
    """Half of 1000 at 100 makes 5 units; at the peak of 150 they are 750 of 1250."""
    found = episodes(run(market([150, 120]), BuyAndHold(exposure=0.5, mix=(("BTC", 1.0),))))
    assert found["exposure"].tolist() == pytest.approx([750 / 1250])


def test_the_benchmark_is_seen_from_the_peak_to_the_trough_of_the_strategy() -> None:
    """A book out of the market on the 1st and the 2nd: its peak is the 3rd's 130, its trough the 4th's 104."""
    funding = [("2024-01-01", -1.0), ("2024-01-02 12:00", 1.0)]
    result = run(market([110, 100, 130, 104], funding=funding), Follow(0.5), benchmark=BTC)
    assert episodes(result)["benchmark"].tolist() == pytest.approx([104 / 130 - 1])
    assert episodes(run(market(TWO)))["benchmark"].isna().all()


def test_where_the_benchmark_lacks_a_bar_its_last_equity_before_counts() -> None:
    """The peak is the end of the 2nd, which ETH lacks: 100 of the 1st, and not 400 of the 3rd, to 50 on the 4th."""
    on = beside(market([110, 130, 120, 104]), [100, 100, 400, 50], missing=(1,))
    result = run(on, benchmark=BuyAndHold(mix=(("ETH", 1.0),)))
    found = episodes(result)
    assert (found["peak"].tolist(), found["trough"].tolist()) == (ends_of_days(2), ends_of_days(4))
    assert found["benchmark"].tolist() == pytest.approx([50 / 100 - 1])


def test_a_close_a_hair_below_the_peak_is_no_peak() -> None:
    found = episodes(run(market([110, 109.95, 99])))
    assert found["peak"].tolist() == ends_of_days(1)
    assert found["depth"].tolist() == pytest.approx([11 / 110])
    assert found["days_down"].tolist() == [2]


def test_a_book_that_never_trades_has_none_and_says_so() -> None:
    result = run(market(TWO, funding=[("2024-01-01", -1.0)]), Follow())
    assert episodes(result).empty
    sheet = Sheet([result])
    own = DRAWDOWNS.build(sheet)
    assert own is not None
    assert own["parts"][0]["chart"] is None
    assert "underwater-0" not in sheet.charts.figures
    assert "Equity never fell below an earlier peak" in " ".join(Page(render(Sheet([result]), "Idle")).text)


@given(st.lists(st.sampled_from([0.9, 0.95, 1.0, 1.05, 1.1]), min_size=2, max_size=60))
def test_the_first_is_the_maximum_drawdown_and_the_longest_the_longest_under_water(steps: list[float]) -> None:
    result = run(market(list(100 * np.cumprod(steps))))
    found = episodes(result, count=1000)
    deepest, lasting = found["depth"].max(), (found["days_down"] + found["days_to_recover"]).max()
    if found.empty:
        assert result.metrics["max_drawdown"] == pytest.approx(0, abs=1e-12)
        return
    assert found["depth"].iloc[0] == deepest == result.metrics["max_drawdown"]
    # What is rounding has no row, however long.
    real = drawdown(result)[drawdown(result) < 0].abs().min() > 1e-12
    assert not real or lasting == pytest.approx(result.metrics["max_drawdown_days"])


@given(st.lists(st.sampled_from([0.9, 0.95, 1.05, 1.1]), min_size=2, max_size=60))
def test_no_two_overlap_and_the_deepest_come_first(steps: list[float]) -> None:
    found = episodes(run(market(list(100 * np.cumprod(steps)))), count=1000)
    assert found["depth"].is_monotonic_decreasing
    in_time = found.sort_values("peak")
    ends = in_time["recovered"].fillna(pd.Timestamp("2100-01-01", tz="UTC"))
    assert (in_time["peak"].iloc[1:].to_numpy() >= ends.iloc[:-1].to_numpy()).all()
    assert (found["peak"] < found["trough"]).all()
    assert (found["trough"] < found["recovered"].fillna(pd.Timestamp("2100-01-01", tz="UTC"))).all()


def test_ten_are_listed_at_most() -> None:
    """Fifteen falls of 1 % to 15 %, each made good on the next day."""
    closes = [close for percent in range(1, 16) for close in (100.0 - percent, 100.0)]
    found = episodes(run(market(closes)))
    assert found["depth"].tolist() == pytest.approx([percent / 100 for percent in range(15, 5, -1)])


def test_the_five_deepest_are_shaded_from_peak_to_recovery() -> None:
    closes = [close for percent in range(1, 8) for close in (100.0 - percent, 100.0)]
    layout = Underwater(line(run(market(closes)))).figure().to_plotly_json()["layout"]
    # The deepest, 7 %, is the last: from the 12th over the 13th to the 14th.
    assert [(shape["x0"], shape["x1"]) for shape in layout["shapes"]][:2] == [
        ("2024-01-12", "2024-01-14"),
        ("2024-01-10", "2024-01-12"),
    ]
    assert len(layout["shapes"]) == 5
    assert layout["annotations"][0]["text"] == "<b>1</b>"
    assert layout["annotations"][0]["x"] == "2024-01-13"


def test_one_that_lasts_is_shaded_to_the_end_and_says_not_yet() -> None:
    result = run(market(TWO), benchmark=BTC)
    sheet = Sheet([result])
    shapes = Underwater(line(result)).figure().to_plotly_json()["layout"]["shapes"]
    assert (shapes[1]["x0"], shapes[1]["x1"]) == ("2024-01-07", "2024-01-09")
    own = DRAWDOWNS.build(sheet)
    assert own is not None
    assert sheet.charts.tables["drawdowns-0"].splitlines()[2].startswith("2,2024-01-07,2024-01-08,,0.09999")
    assert own["parts"][0]["table"].rows[1] == (
        "2",
        ["-10.0%", "7 Jan 2024", "8 Jan 2024", "not yet", "1", "1 so far", "100%", "-10.0%"],
    )


def test_a_number_that_would_stand_on_another_is_left_out() -> None:
    """Falls of 20 % and 19 % two days apart in 204 days: only the deeper one is numbered."""
    closes = [80.0, 100.0, 81.0, 100.0, *[100.0] * 200]
    annotations = Underwater(line(run(market(closes)))).figure().to_plotly_json()["layout"]["annotations"]
    assert [one["text"] for one in annotations] == ["<b>1</b>"]


def test_numbers_do_not_pile_up_in_a_sliver_however_different_the_depths() -> None:
    """Falls of 40 % to 8 % within ten of 210 days, and one of 5 % a hundred days later: the first and the last."""
    sliver = [close for fall in (40.0, 32.0, 16.0, 8.0) for close in (100.0 - fall, 100.0)]
    closes = [*sliver, *[100.0] * 100, 95.0, *[100.0] * 101]
    annotations = Underwater(line(run(market(closes)))).figure().to_plotly_json()["layout"]["annotations"]
    assert [one["text"] for one in annotations] == ["<b>1</b>", "<b>5</b>"]


def test_lists_of_more_than_three_strategies_are_folded() -> None:
    closes = list(100 * np.exp(np.cumsum(np.random.default_rng(4).normal(0, 0.03, 50))))
    four = compare([Follow(share) for share in (0.2, 0.4, 0.6, 0.8)], market(closes), FREE)
    for results, folded in ((four, True), (four[:3], False)):
        own = DRAWDOWNS.build(Sheet(results))
        assert own is not None
        assert own["folded"] is folded


def test_the_description_names_the_deepest() -> None:
    assert Underwater(line(run(market(TWO)))).alt() == (
        "Drawdown of BuyAndHold, 1 January 2024 to 9 January 2024: at most 25.0%, on 4 January 2024."
    )
