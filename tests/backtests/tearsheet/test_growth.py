"""The strips under the equity curve: the state of the world by day, by hand."""

from itertools import pairwise

import pandas as pd
import pytest

from backtests.analysis.regimes import Regime, regimes_at_open
from backtests.result import Result
from backtests.tearsheet import page
from backtests.tearsheet.figures import faded
from backtests.tearsheet.lines import lines_of
from backtests.tearsheet.sections.growth import GROWTH, REGIME_COLORS, Equity, RegimeStrips
from backtests.tearsheet.sheet import Sheet
from data_cache.lab import Lab
from strategies import BuyAndHold, NetLiquidityTide
from tests.backtests.tearsheet.worlds import Funding, line, market, run

SIGN = Regime("sign_regime", "Funding rate", "Positive above 0, else not.", Funding(), (0.0,), ("negative", "positive"))
MOVES = [("2024-01-01 12:00", 0.5), ("2024-01-02 12:00", -0.5), ("2024-01-03 12:00", -0.5), ("2024-01-04 12:00", 0.5)]
DAY_MS = 24 * 3600 * 1000


def strips(result: Result, regime: Regime = SIGN) -> RegimeStrips:
    return RegimeStrips(result, Equity([line(result)]).frame().index, (regime,))


def test_a_day_has_the_state_that_was_known_when_it_began() -> None:
    """Turned negative at noon of the 2nd: the 3rd is the first day to have begun so; on the 1st nothing was known."""
    frame = strips(run(market([100] * 5, funding=MOVES))).frame()
    assert frame.index.strftime("%m-%d").tolist() == ["01-01", "01-02", "01-03", "01-04", "01-05"]
    assert frame["Funding rate"].tolist() == ["unknown", "positive", "negative", "negative", "positive"]


def test_the_strip_of_daily_bars_is_what_their_returns_are_counted_to() -> None:
    result = run(market([100] * 5, funding=MOVES))
    of_bars = regimes_at_open(result, (SIGN,)).frame["sign_regime"]
    assert strips(result).states.frame["sign_regime"].tolist() == of_bars.tolist()


def test_a_window_that_opens_within_a_day_begins_with_what_was_known_then() -> None:
    """Hourly bars from 18:00 on: funding has been known since noon."""
    result = run(market([100.0] * 12, start="2024-01-01 18:00", timeframe="1h", funding=MOVES))
    assert strips(result).frame()["Funding rate"].tolist() == ["positive", "positive"]


def test_a_stretch_is_drawn_from_its_first_day_over_all_its_days() -> None:
    negative, positive = strips(run(market([100] * 5, funding=MOVES))).figure().to_plotly_json()["data"]
    assert (negative["name"], negative["base"], negative["x"]) == (
        "Funding rate negative",
        ["2024-01-03"],
        [2 * DAY_MS],
    )
    assert (positive["base"], positive["x"]) == (["2024-01-02", "2024-01-05"], [DAY_MS, DAY_MS])
    assert negative["hovertext"] == ["3 Jan 2024 to 4 Jan 2024"]


def test_the_labels_of_strips_are_as_narrow_as_the_margin_that_charts_share() -> None:
    figure = strips(run(market([100] * 5, funding=MOVES))).figure().to_plotly_json()
    assert figure["data"][0]["y"] == ["Funding<br>rate"]
    assert (figure["layout"]["margin"]["l"], figure["layout"]["margin"]["r"]) == (62, 8)


def test_the_lowest_state_is_faint_and_the_legend_begins_with_the_highest() -> None:
    keys = strips(run(market([100] * 5, funding=MOVES))).keys()
    colors = [faded(REGIME_COLORS[0], opacity) for opacity in (1, 0.28)]
    assert [(key.name, key.color) for key in keys] == [
        ("Funding rate positive", colors[0]),
        ("Funding rate negative", colors[1]),
    ]


def test_the_description_gives_the_share_of_days() -> None:
    said = strips(run(market([100] * 5, funding=MOVES))).alt()
    assert said.startswith("State of the world by day, 1 January 2024 to 5 January 2024: Funding rate ")
    assert all(part in said for part in ("positive 40%", "negative 40%", "unknown 20%"))


@pytest.fixture(scope="module")
def lab() -> Result:
    return run(Lab().market(), NetLiquidityTide(), start=pd.Timestamp("2020-01-01", tz="UTC"))


def test_the_page_has_a_strip_per_regime_between_equity_and_drawdown(lab: Result) -> None:
    sheet = Sheet([lab])
    own = GROWTH.build(sheet)
    assert own is not None
    assert list(sheet.charts.figures) == ["equity", "regimes", "drawdown"]
    assert [regime.label for regime in own["regimes"]] == ["Liquidity", "Stress", "RRP"]
    assert own["left_out"] == []
    assert {"liquidity_regime", "stress_regime", "buffer_regime"} <= set(sheet.charts.terms)


def test_the_csv_holds_the_days_on_which_a_state_changed(lab: Result) -> None:
    sheet = Sheet([lab])
    GROWTH.build(sheet)
    rows = [row.split(",") for row in sheet.charts.tables["regimes"].splitlines()]
    assert rows[0] == ["day", "Liquidity", "Stress", "RRP"]
    assert len(rows) > 10
    assert all(one[1:] != other[1:] for one, other in pairwise(rows))


def test_a_market_that_knows_no_regime_has_no_strips_and_says_which_are_missing() -> None:
    sheet = Sheet([run(market([110, 99]), BuyAndHold(mix=(("BTC", 1.0),)))])
    own = GROWTH.build(sheet)
    assert own is not None
    assert own["strips"] is None
    assert own["left_out"] == ["Liquidity", "Stress", "RRP"]
    assert list(sheet.charts.figures) == ["equity", "drawdown"]


def test_the_page_says_that_the_states_are_not_the_rules_own_levels(
    lab: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "SECTIONS", (GROWTH,))
    assert "which need not be those that a rule acts on" in page.render(Sheet([lab]), "One")


def test_strategies_of_different_windows_stand_on_one_axis_of_days() -> None:
    early, late = run(market([110, 99, 120])), run(market([110, 99, 120], start="2024-01-03"))
    frame = Equity(lines_of([early, late])).frame()
    assert frame.index.is_monotonic_increasing
    assert len(frame) == 6  # from the day before the first bar to 5 January
    assert frame.notna().sum().tolist() == [4, 4]
