"""The section on where the return came from: what it shows, and what it leaves out."""

import base64
from dataclasses import dataclass
from html import unescape
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.analysis.attribution import by_regime
from backtests.analysis.regimes import States, regimes_at_open
from backtests.backtest import compare
from backtests.execution import Execution
from backtests.metrics import METRICS
from backtests.result import Result
from backtests.tearsheet import page
from backtests.tearsheet.document import Charts
from backtests.tearsheet.sections.attribution import (
    ANNUAL,
    ATTRIBUTION,
    BENCHMARK,
    BY_REGIME,
    BY_SIGNAL,
    BY_TRIGGER,
    LOG_RETURN,
    ReturnByState,
    trigger_table,
    unfilled_sentence,
)
from backtests.tearsheet.sheet import Sheet
from data_cache.lab import Lab
from strategies import BuyAndHold, FiscalDominance, StealthQE, TrendFollowing
from strategies.strategy import Book, Now, Weights
from tests.backtests.parsed_page import Page
from tests.backtests.tearsheet.worlds import Follow, line, market, run

ALL_IN = BuyAndHold(mix=(("BTC", 1.0),))


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return compare(
        [FiscalDominance(), StealthQE(), TrendFollowing()],
        Lab().market(),
        Execution(),
        start=pd.Timestamp("2021-01-01", tz="UTC"),
        benchmark=BuyAndHold(),
    )


@pytest.fixture(scope="module")
def sheet(results: list[Result]) -> Sheet:
    return Sheet(results)


@pytest.fixture(scope="module")
def own(sheet: Sheet) -> dict[str, Any]:
    built = ATTRIBUTION.build(sheet)
    assert built is not None
    return built


def test_numbers_are_written_with_a_sign_where_they_add_up_and_a_dash_where_undefined() -> None:
    assert [LOG_RETURN.text(value) for value in (0.123, -0.5, 0.0, -0.001, float("nan"))] == [
        "+0.12",
        "-0.50",
        "0.00",
        "0.00",
        "–",
    ]
    assert ANNUAL.text(12.345) == "1,234.5%"


def test_heads_are_distinct_and_take_no_metric_s_place() -> None:
    columns = {*BY_REGIME, *BENCHMARK, *BY_TRIGGER, *BY_SIGNAL}
    names = {column.name for column in columns}
    assert len(names) == len(columns)
    assert names.isdisjoint(metric.name for metric in METRICS)


def test_the_chart_draws_the_log_returns_of_each_line_by_state(sheet: Sheet) -> None:
    panel = ReturnByState(sheet.lines, {line.label: by_regime(line.result) for line in sheet.lines})
    frame = panel.frame()
    assert frame.index.tolist()[:2] == [("Liquidity", "rising"), ("Liquidity", "falling")]
    assert frame.columns.tolist() == ["FiscalDominance", "StealthQE", "TrendFollowing", "BuyAndHold"]
    bars = panel.figure().to_plotly_json()["data"]
    drawn = np.frombuffer(base64.b64decode(bars[3]["y"]["bdata"]), bars[3]["y"]["dtype"])
    assert drawn.tolist() == pytest.approx(frame["BuyAndHold"].tolist(), rel=1e-6)
    assert bars[3]["x"][1][:2] == ["rising", "falling"]
    assert "BuyAndHold most in Liquidity rising" in panel.alt()


def test_lines_of_one_market_share_the_states_and_those_of_another_window_do_not(
    results: list[Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def counted(result: Result) -> States:
        asked.append(result.name)
        return regimes_at_open(result)

    monkeypatch.setattr("backtests.tearsheet.sections.attribution.regimes_at_open", counted)
    later = run(results[0].market, TrendFollowing(), start=pd.Timestamp("2023-01-01", tz="UTC"))
    sheet = Sheet([*results, later])
    assert ATTRIBUTION.build(sheet)
    assert asked == ["FiscalDominance", "TrendFollowing"]
    csv = pd.read_csv(StringIO(sheet.charts.tables["attribution-regimes-3"]), index_col=[0, 1])
    assert csv["log_return"].tolist() == pytest.approx(by_regime(later)["log_return"].tolist(), nan_ok=True)


def test_each_strategy_has_its_tables_and_the_benchmark_only_columns(own: dict[str, Any]) -> None:
    assert [part["line"].label for part in own["parts"]] == ["FiscalDominance", "StealthQE", "TrendFollowing"]
    for number, part in enumerate(own["parts"]):
        assert [part[kind].id for kind in ("regimes", "triggers", "signals")] == [
            f"attribution-{kind}-{number}" for kind in ("regimes", "triggers", "signals")
        ]
        assert list(part["regimes"].columns[1:]) == [*BY_REGIME, *BENCHMARK]
        assert len(part["signals"].rows) == len(part["line"].result.strategy.signals())


def test_rows_show_what_the_frame_holds(own: dict[str, Any], results: list[Result]) -> None:
    table = by_regime(results[0])
    rows = {head.label: texts for head, texts in own["parts"][0]["regimes"].rows}
    whole = results[0].metrics
    assert list(rows)[:2] == ["Liquidity rising", "Liquidity falling"]
    assert rows["RRP empty"][1] == f"{table.at[('buffer_regime', 'empty'), 'log_return']:+z.2f}"
    assert rows["Whole window"][3:6] == [
        f"{whole['cagr']:z.1%}",
        f"{whole['sharpe']:z.2f}",
        f"{whole['exposure']:z.0%}",
    ]


def test_the_release_that_set_off_decisions_opens_its_title(own: dict[str, Any]) -> None:
    heads = {head.label: head.definition for head, _ in own["parts"][2]["triggers"].rows}
    assert heads["BTC close + ETH close"] == (
        "After decisions taken when this became known: close of BTC; close of ETH."
    )


def test_what_is_not_shown_is_in_the_csv(sheet: Sheet, own: dict[str, Any]) -> None:
    assert own["side_by_side"].columns == ["State", *sheet.lines]
    head, columns, *rows = sheet.charts.tables["attribution-states"].splitlines()
    assert head.startswith(",,FiscalDominance,FiscalDominance,")
    assert columns.startswith(",,time,log_return,share,annual_return,sharpe,exposure,benchmark_log_return")
    assert any(row.startswith("buffer_regime,empty,") for row in rows)


def test_releases_beyond_the_longest_eight_stand_in_one_row() -> None:
    """Ten releases of a tenth of the time each: the last two lasted 0.2 and were half exposed on average."""
    needs = ["SRF", "SOFR", "IORB", "TGA", "WALCL", "DGS1", "DGS10", "EFFR", "WRESBAL", "DTB3"]
    exposure = [1.0] * 8 + [0.25, 0.75]
    table = {"decisions": 2, "time": 0.1, "log_return": 0.05, "share": 0.1, "exposure": exposure}
    charts = Charts()
    drawn = trigger_table(
        0, line(run(market([110]))), pd.DataFrame(table, index=pd.Index(needs, name="trigger")), charts
    )
    assert drawn is not None
    assert drawn.rows[-1] == ("2 others", ["4", "20.0%", "+0.10", "20%", "50%"])
    assert len(drawn.rows) == 9
    assert len(charts.tables["attribution-triggers-0"].splitlines()) == 11


@pytest.mark.parametrize(
    ("overtaken", "late", "said"),
    [
        (0, 0, ""),
        (0, 1, "Not in these rows: 1 decision that found no bar to fill at."),
        (0, 2, "Not in these rows: 2 decisions that found no bar to fill at."),
        (1, 0, "Not in these rows: 1 decision overtaken by a later one before the next open."),
    ],
)
def test_decisions_without_a_row_are_counted_in_words(overtaken: int, late: int, said: str) -> None:
    assert unfilled_sentence(overtaken, late) == said


def test_the_page_counts_the_decision_that_came_after_the_last_open() -> None:
    moves = [("2024-01-01", 1.0), ("2024-01-02 12:00", -1.0), ("2024-01-03 12:00", 1.0)]
    result = run(market([110, 99, 90], funding=moves), Follow())
    text = unescape("".join(Page(page.render(Sheet([result]), "Late")).text))
    assert len(result.decisions) == 3
    assert "Not in these rows: 1 decision that found no bar to fill at." in text


def test_one_definition_serves_all_states_of_a_regime(sheet: Sheet, own: dict[str, Any]) -> None:
    assert own
    assert sheet.charts.terms["liquidity_regime"].label == "Liquidity"


def test_the_page_says_that_holding_a_signal_at_its_median_is_no_backtest(
    results: list[Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "SECTIONS", (ATTRIBUTION,))
    parsed = Page(page.render(Sheet(results[:1]), "One"))
    text = unescape("".join(parsed.text))
    assert "levels of this page's own, which need not be those that a rule acts on" in text
    assert "This describes the result; it is not a backtest, for nobody knew that median." in text
    assert not parsed.having("details", **{"class": "attribution"})  # one strategy needs no lid
    assert len(Page(page.render(Sheet(results), "Three")).having("details", **{"class": "attribution"})) == 3


def test_where_no_regime_no_release_and_no_signal_is_known_there_is_no_section() -> None:
    assert ATTRIBUTION.build(Sheet([run(market([110, 99]), ALL_IN)])) is None


def test_without_regimes_the_releases_and_signals_remain() -> None:
    moves = [("2024-01-01", 1.0), ("2024-01-02 12:00", -1.0)]
    own = ATTRIBUTION.build(Sheet([run(market([110, 99, 90], funding=moves), Follow())]))
    assert own is not None
    assert (own["chart"], own["side_by_side"], own["parts"][0]["regimes"]) == (None, None, None)
    assert own["left_out"] == ["Liquidity", "Stress", "RRP"]
    assert [head.label for head, _ in own["parts"][0]["triggers"].rows] == ["FUNDING_BTC"]


@dataclass(frozen=True)
class LooksAtItself(Follow):
    """Looks at its own book."""

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        return self.weights(now)


def test_a_rule_that_looks_at_its_book_shows_dashes_for_its_signals() -> None:
    own = ATTRIBUTION.build(Sheet([run(market([110, 99, 90]), LooksAtItself())]))
    assert own is not None
    assert own["parts"][0]["signals"].rows[0][1] == ["–"] * len(BY_SIGNAL)


def test_what_a_rule_decides_at_a_close_is_told_as_a_look_at_its_own_book_too() -> None:
    moves = [("2024-01-01", 1.0), ("2024-01-03", -1.0)]
    own = ATTRIBUTION.build(Sheet([run(market([110, 99, 90], funding=moves), LooksAtItself())]))
    assert own is not None
    heads = {head.label: head.definition for head, _ in own["parts"][0]["triggers"].rows}
    assert heads["FUNDING_BTC + its own book"].endswith("; the last closes, at which its own book is marked.")


def test_three_bars_and_a_book_that_never_trades_are_shown() -> None:
    start, end = (pd.Timestamp(day, tz="UTC") for day in ("2024-01-01", "2024-01-04"))
    result = run(Lab().market(), StealthQE(trigger=1e9), start=start, end=end)
    own = ATTRIBUTION.build(Sheet([result]))
    assert own is not None
    assert {text for _, texts in own["parts"][0]["regimes"].rows for text in texts} <= {
        "–",
        "0.0%",
        "0.00",
        "0%",
        "100.0%",
    }
