"""Returns by month and year: what a period holds, which are partial, and what the page shows."""

import numpy as np
import pytest

from backtests.backtest import compare
from backtests.tearsheet.document import template
from backtests.tearsheet.sections.periods import OF_MONTHS, PERIODS, MonthlyReturns, YearlyReturns, returns_by
from backtests.tearsheet.sheet import Sheet
from strategies import BuyAndHold
from tests.backtests.parsed_page import Page
from tests.backtests.tearsheet.worlds import FREE, Follow, line, market, run

BTC = BuyAndHold(mix=(("BTC", 1.0),))
# Two whole years: 2023 ends at 120, 2024, a leap year, at 90.
TWO_YEARS = [120.0] * 365 + [90.0] * 366


def walk(days: int) -> list[float]:
    return list(100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.03, days))))


def shown(sheet: Sheet) -> Page:
    """The section alone, as HTML."""
    text = "{% from 'macros.html' import mark, legend, plot, table, name, defined with context %}"
    environment = template("sections/periods.html").environment
    own = PERIODS.build(sheet)
    return Page(environment.from_string(text + "{% include 'sections/periods.html' %}").render(own=own))


def test_a_month_ends_with_the_bar_that_ends_at_its_midnight() -> None:
    """October ends at 110, with the bar that ends on 1 November 00:00; November at 99; December at 118.8."""
    closes = [100.0] * 30 + [110.0] + [99.0] * 30 + [99 * 1.2] * 31
    frame = MonthlyReturns(run(market(closes, start="2025-10-01"))).frame()
    assert frame.loc[2025, [10, 11, 12]].tolist() == pytest.approx([0.1, -0.1, 0.2])
    assert frame.loc[2025, list(range(1, 10))].isna().all()
    assert frame.loc[2025, "year"] == pytest.approx(1.1 * 0.9 * 1.2 - 1)


def test_a_month_without_bars_is_blank_and_its_return_is_in_the_next() -> None:
    """January ends at 110, February has no bars, March ends at 99."""
    closes = [110.0] * (31 + 29) + [99.0] * 31
    panel = MonthlyReturns(run(market(closes, missing=tuple(range(31, 60)))))
    assert panel.frame().loc[2024, [1, 2, 3]].tolist() == pytest.approx([0.1, np.nan, -0.1], nan_ok=True)
    assert panel.partial().loc[2024, [1, 2, 3]].tolist() == [False, False, True]


def test_months_and_years_compound_to_the_total_return() -> None:
    result = run(market(walk(900), start="2022-05-17"))
    frame = MonthlyReturns(result).frame()
    assert frame.index.tolist() == [2022, 2023, 2024]
    for columns in ([*range(1, 13)], ["year"]):
        assert float((1 + frame[columns]).prod(axis=None)) - 1 == pytest.approx(result.metrics["total_return"])


def test_cells_have_a_sign_in_text_and_in_colour() -> None:
    ((_, cells, year),) = MonthlyReturns(run(market([100.0] * 30 + [110.0] + [99.0] * 29))).rows()
    assert [(cell.text, cell.direction) for cell in cells[:3]] == [("10.0", "up"), ("-10.0", "down"), ("", "")]
    assert cells[0].strength == pytest.approx(0.10 / 0.30, abs=0.01)
    assert (year.text, year.direction) == ("-1.0", "down")


def test_months_in_which_the_window_begins_or_ends_are_partial() -> None:
    """From 17 May 2022 for 900 days: to the end of 1 November 2024."""
    marks = MonthlyReturns(run(market(walk(900), start="2022-05-17"))).partial()
    assert [(year, month) for (year, month), partial in marks.stack().items() if partial] == [
        (2022, 5),
        (2022, "year"),
        (2024, 11),
        (2024, "year"),
    ]


@pytest.mark.parametrize(("timeframe", "bars_a_day"), [("1d", 1), ("1h", 24)])
def test_a_month_of_all_its_bars_is_whole(timeframe: str, bars_a_day: int) -> None:
    marks = MonthlyReturns(run(market([100.0] * 31 * bars_a_day, timeframe=timeframe))).partial()
    assert not marks.loc[2024, 1]
    assert marks.loc[2024, "year"]


def test_a_month_that_lacks_its_first_hour_is_partial() -> None:
    marks = MonthlyReturns(run(market([100.0] * 31 * 24, timeframe="1h", start="2024-01-01 01:00"))).partial()
    assert marks.loc[2024, 1]


def test_years_by_hand() -> None:
    """From 100 to 120, and from 120 to 90; half of it: 5 units and $500, 1100 at the first end, 950 at the second."""
    half_in = BuyAndHold(exposure=0.5, mix=(("BTC", 1.0),))
    results = compare([half_in], market(TWO_YEARS, start="2023-01-01"), FREE, benchmark=BTC)
    panel = YearlyReturns(Sheet(results).lines)
    half, whole = panel.frame().columns
    assert panel.frame()[whole].tolist() == pytest.approx([0.2, -0.25])
    assert panel.frame()[half].tolist() == pytest.approx([0.1, 950 / 1100 - 1])
    assert not panel.partial().any(axis=None)
    assert panel.rows() == [("2023", ["10.0%", "20.0%"]), ("2024", ["-13.6%", "-25.0%"])]


def test_years_are_those_of_the_monthly_table() -> None:
    result = run(market(walk(900), start="2022-05-17"))
    years = YearlyReturns([line(result)]).frame()["BuyAndHold"]
    assert years.tolist() == pytest.approx(MonthlyReturns(result).frame()["year"].tolist())


def test_a_partial_year_has_an_asterisk_in_the_table_and_under_the_bars() -> None:
    panel = YearlyReturns([line(run(market([*TWO_YEARS, 99.0], start="2023-01-01")))])
    assert panel.rows()[1:] == [("2024", ["-25.0%"]), ("2025", ["10.0%*"])]
    figure = panel.figure().to_plotly_json()
    assert figure["layout"]["xaxis"]["ticktext"] == ["2023", "2024", "2025*"]
    assert list(figure["data"][0]["x"]) == ["2023", "2024", "2025"]


def test_years_that_one_strategy_has_and_another_has_not_are_dashes() -> None:
    early, late = (
        run(market([110.0] * 365, start="2022-01-01")),
        run(market([120.0] * 365, start="2023-01-01"), Follow()),
    )
    panel = YearlyReturns(Sheet([early, late]).lines)
    assert panel.rows() == [("2022", ["10.0%", "–"]), ("2023", ["–", "20.0%"])]


def test_numbers_on_months_by_hand() -> None:
    """January +10 %, February -10 %, March 0 %."""
    months = returns_by(run(market([110.0] * 31 + [99.0] * (29 + 31))), "M")
    computed = {term.name: float(term.compute(months)) for term in OF_MONTHS}
    assert computed == pytest.approx(
        {"months_counted": 3, "months_positive": 1 / 3, "months_best": 0.1, "months_median": 0, "months_worst": -0.1}
    )


def test_of_more_than_three_tables_all_but_the_first_are_folded() -> None:
    four = compare([Follow(share) for share in (0.2, 0.4, 0.6, 0.8)], market(walk(50)), FREE)
    many, few = shown(Sheet(four)), shown(Sheet(four[:3]))
    assert len(many.having("details")) == 3
    assert len(few.having("details")) == 0
    assert len(many.having("table", **{"class": "monthly"})) == 4


def test_the_asterisk_is_explained_only_where_there_is_one() -> None:
    whole, part = run(market(TWO_YEARS, start="2023-01-01")), run(market(TWO_YEARS[:-1], start="2023-01-01"))
    assert "*" not in "".join(shown(Sheet([whole])).text)
    text = "".join(shown(Sheet([part])).text)
    assert "* Not a whole month or year" in text
    assert text.count("*") == 1 + 3  # the sentence; December and its year in the heatmap; the year in the table


def test_three_days_are_a_row_without_a_chart() -> None:
    sheet = Sheet([run(market([110, 99, 120]))])
    own = PERIODS.build(sheet)
    assert own is not None
    assert own["chart"] is None
    assert [row for row, _ in own["years"].rows] == ["2024"]


def test_the_monthly_returns_can_be_downloaded() -> None:
    sheet = Sheet([run(market([100.0] * 30 + [110.0]))])
    PERIODS.build(sheet)
    assert sheet.charts.tables["months-0"].splitlines()[0] == "year,1,2,3,4,5,6,7,8,9,10,11,12,year"
    assert sheet.charts.tables["months-0"].splitlines()[1].startswith("2024,0.1")
