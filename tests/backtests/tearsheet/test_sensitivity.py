"""Costs and delay on the page: what is drawn, the sentences, and what is left out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import pytest

from backtests.analysis.sensitivity import DELAYS, Sensitivity
from backtests.backtest import compare
from backtests.execution import Execution
from backtests.tearsheet import page
from backtests.tearsheet.lines import lines_of
from backtests.tearsheet.sections.sensitivity import SENSITIVITY, GrowthByCost, GrowthByDelay, sentence
from backtests.tearsheet.sheet import Sheet
from strategies import BuyAndHold
from strategies.strategy import Book, Now, Weights
from tests.backtests.parsed_page import Page
from tests.backtests.tearsheet.worlds import FREE, Follow, line, market, run

HOLD = BuyAndHold(mix=(("BTC", 1.0),))
WAVES = [100 + 10 * math.sin(day / 3) + day / 2 for day in range(60)]
MOVES = [(f"2024-01-{day:02} 12:00", (-1.0) ** (day // 4)) for day in range(1, 29)]


@dataclass(frozen=True)
class StopLoss(Follow):
    """Hold BTC until a tenth of the peak is lost."""

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        return {"BTC": 0.0} if book.drawdown > 0.1 else {"BTC": 1.0}


@pytest.fixture(scope="module")
def sheet() -> Sheet:
    return Sheet(compare([Follow(), Follow(0.5)], market(WAVES, funding=MOVES), benchmark=HOLD))


def tried(sheet: Sheet) -> list[tuple[object, Sensitivity]]:
    return [(one, Sensitivity(one.result)) for one in sheet.lines]


def test_growth_by_cost_is_that_of_each_line_at_each_cost(sheet: Sheet) -> None:
    frame = GrowthByCost(tried(sheet)).frame()  # type: ignore[arg-type]
    assert frame.index.tolist() == [0, 7.5, 15, 30, 45, 75]
    assert list(frame) == ["Follow(share=1.0)", "Follow(share=0.5)", "BuyAndHold"]
    assert frame.loc[15.0].tolist() == pytest.approx([one.result.metrics["cagr"] for one in sheet.lines])


def test_growth_by_delay_has_every_delay_once(sheet: Sheet) -> None:
    panel = GrowthByDelay(tried(sheet))  # type: ignore[arg-type]
    assert panel.frame().index.tolist() == list(DELAYS)
    assert panel.figure().to_plotly_json()["data"][0]["x"][:3] == ["none", "1 h", "4 h"]


def test_strategies_with_other_costs_stand_on_the_same_axis() -> None:
    """One is tried at multiples of 10 bps, the other at 0 to 50 bps: each has a value where it was tried."""
    on = market(WAVES, funding=MOVES)
    results = [run(on, Follow(), Execution(fee_bps=8, slippage_bps=0)), run(on, Follow(0.5), FREE)]
    frame = GrowthByCost([(one, Sensitivity(one.result)) for one in lines_of(results)]).frame()
    assert frame.index.tolist() == [0, 4, 5, 8, 10, 16, 20, 24, 30, 40, 50]
    assert frame.iloc[:, 0].notna().tolist() == [bps in (0, 4, 8, 16, 24, 40) for bps in frame.index]


# --- sentences


class Known(Sensitivity):
    """One whose answers are given."""

    def __init__(self, answers: Mapping[str, float], days: Mapping[float, float]) -> None:
        delays = pd.DataFrame({"cagr": pd.Series(days)})
        for name, value in {**answers, "delays": delays}.items():
            self.__dict__[name] = value


@pytest.mark.parametrize(
    ("zero", "benchmark", "half", "later", "said"),
    [
        (
            61.2,
            24.0,
            25.3,
            0.18,
            "breaks even at 61 bps a side; is ahead of its benchmark below 24 bps; "
            "loses half of its Sharpe ratio at 25 bps; a day's delay takes 2.0 points of growth a year, "
            "which is within the noise of 1 decision.",
        ),
        (
            math.inf,
            math.inf,
            math.inf,
            0.23,
            "gains at any cost up to 200 bps a side; stays ahead of its benchmark up to 200 bps; "
            "keeps more than half of its Sharpe ratio up to 200 bps; a day's delay adds 3.0 points of growth a year, "
            "which is within the noise of 1 decision.",
        ),
        (
            -math.inf,
            -math.inf,
            math.nan,
            0.2,
            "gains nothing even at no cost; is not ahead of its benchmark even at no cost; "
            "a day's delay changes its growth by less than 0.1 points a year.",
        ),
        (
            12.0,
            3.21,
            math.nan,
            math.nan,
            "breaks even at 12 bps a side, which is less than the 15 bps of this test; "
            "is ahead of its benchmark below 3.2 bps, which is less than the 15 bps of this test.",
        ),
    ],
)
def test_a_sentence_says_what_costs_and_delay_would_do(
    zero: float, benchmark: float, half: float, later: float, said: str
) -> None:
    answers = {"break_even": zero, "break_even_with_benchmark": benchmark, "half_sharpe": half}
    own = Known(answers, {0.0: 0.2, 24.0: later})
    assert sentence(line(run(market([110, 99]), execution=Execution())), own) == said


@pytest.mark.parametrize(
    ("now", "later", "said"),
    [
        (0.10149, 0.12251, "a day's delay adds 2.2 points of growth a year"),  # 10.1% and 12.3%, less than 2.2 apart
        (0.10151, 0.12249, "a day's delay adds 2.0 points of growth a year"),  # 10.2% and 12.2%, more than 2.0 apart
        (0.1004, 0.0996, "a day's delay changes its growth by less than 0.1 points a year"),
    ],
)
def test_points_are_those_between_the_numbers_in_the_table(now: float, later: float, said: str) -> None:
    nothing = dict.fromkeys(("break_even", "break_even_with_benchmark", "half_sharpe"), math.nan)
    own = Known(nothing, {0.0: now, 24.0: later})
    assert sentence(line(run(market([110, 99]))), own).startswith(said)


def test_with_thirty_decisions_a_delay_is_not_called_noise() -> None:
    """In and out on thirty days, and once more: thirty decisions are the fewest of which the sentence says nothing."""
    said = []
    for days in (29, 30):
        moves = [(f"2024-01-{day:02} 00:00", (-1.0) ** day) for day in range(1, days + 1)]
        result = run(market(WAVES, funding=moves, start="2024-01-01"), Follow())
        assert len(result.decisions) == days
        nothing = dict.fromkeys(("break_even", "break_even_with_benchmark", "half_sharpe"), math.nan)
        said.append(sentence(line(result), Known(nothing, {0.0: 0.1, 24.0: 0.2})))
    assert said[0].endswith("adds 10.0 points of growth a year, which is within the noise of 29 decisions.")
    assert said[1].endswith("adds 10.0 points of growth a year.")


def test_a_book_that_never_trades_is_told_in_a_sentence_of_its_own() -> None:
    never = line(run(market([100, 110]), BuyAndHold(exposure=0.0, mix=(("BTC", 1.0),))))
    assert sentence(never, Sensitivity(never.result)) == "never traded, so costs and delay change nothing."


# --- the section


def test_each_strategy_has_a_sentence_and_a_row_and_the_benchmark_a_row(sheet: Sheet) -> None:
    own = SENSITIVITY.build(sheet)
    assert own is not None
    assert [one.label for one, _ in own["sentences"]] == ["Follow(share=1.0)", "Follow(share=0.5)"]
    assert [one.label for one, _ in own["summary"].rows] == ["Follow(share=1.0)", "Follow(share=0.5)", "BuyAndHold"]
    assert [len(measure.rows) for measure in own["measures"]] == [6 + len(DELAYS)] * 4
    assert all(term.definition for term in own["summary"].columns[1:])


def test_as_tested_is_what_the_metrics_say(sheet: Sheet) -> None:
    own = SENSITIVITY.build(sheet)
    assert own is not None
    shown = {one.label: texts[4] for one, texts in own["summary"].rows}
    assert shown["BuyAndHold"] == f"{sheet.lines[-1].result.metrics['cagr']:z,.1%}"


def test_a_rule_that_looks_at_its_book_is_left_out_and_the_page_says_so() -> None:
    on = market(WAVES, funding=MOVES)
    own = SENSITIVITY.build(Sheet([run(on, Follow()), run(on, StopLoss())]))
    assert own is not None
    assert [one.label for one in own["left_out"]] == ["StopLoss"]
    assert [one.label for one, _ in own["summary"].rows] == ["Follow"]
    alone = Sheet([run(on, StopLoss())])
    assert SENSITIVITY.build(alone) == {"left_out": alone.lines, "daily": False, "sentences": []}


def test_a_window_of_three_days_and_hourly_bars_are_fine() -> None:
    for on in (market([110, 99, 120]), market(WAVES + WAVES[:12], timeframe="1h", funding=MOVES)):
        own = SENSITIVITY.build(Sheet([run(on, Follow(), benchmark=HOLD)]))
        assert own is not None
        assert own["daily"] == (on.timeframe == "1d")


def test_both_sections_stand_on_the_page_and_no_id_comes_twice(sheet: Sheet) -> None:
    parsed = Page(page.render(Sheet(sheet.results), "Title"))
    assert {"trading", "costs", "sensitivity", "sensitivity-costs", "sensitivity-delays"} <= set(parsed.ids)
    assert len(parsed.ids) == len(set(parsed.ids))
