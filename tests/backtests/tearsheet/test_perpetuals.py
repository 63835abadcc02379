"""Pages of books that are short, liquidated or ruined: what is drawn, listed and said."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.analysis.episodes import Episodes
from backtests.backtest import Backtest
from backtests.execution import Execution
from backtests.findings import findings
from backtests.result import Result
from backtests.tearsheet import gains, write_tearsheet
from backtests.tearsheet.figures import dollars
from backtests.tearsheet.lines import lines_of
from backtests.tearsheet.page import conditions, facts
from backtests.tearsheet.sections.distribution import DISTRIBUTION
from backtests.tearsheet.sections.drawdowns import Underwater
from backtests.tearsheet.sections.events import EVENTS, Part
from backtests.tearsheet.sections.growth import Drawdown, Equity
from backtests.tearsheet.sections.holdings import Positions
from backtests.tearsheet.sections.trading import TRADING, FundingSoFar, Trading
from backtests.tearsheet.sheet import Sheet
from strategies.strategy import Now, Strategy, Weights
from tests.backtests.margin_books import FLAT, TERMS, book, liquidated, perpetual_market, receiving, ruined


def crosses(figure: object) -> list[tuple[str, list[str], object]]:
    """Name, days and heights of each trace of marks."""
    marks = [trace for trace in figure.data if trace.mode == "markers"]  # type: ignore[attr-defined]
    return [(trace.name, list(trace.x), [float(y) for y in trace.y]) for trace in marks]


def test_conditions_say_what_positions_are_under() -> None:
    assert conditions(Execution(perps=True)).endswith(
        "cash earns nothing; positions are perpetuals on one cross-margined account: funding is paid and received, "
        "initial margin 0.1, maintenance margin 0.05 of notional, liquidation fee 50 bps"
    )
    assert "perpetuals" not in conditions(Execution())


def test_the_header_says_that_the_benchmark_is_bought_at_spot() -> None:
    assert dict(facts([receiving()]))["Benchmark"] == "BuyAndHold at spot"


def test_the_logarithmic_axis_of_a_ruined_book_is_that_of_what_it_was_worth_before() -> None:
    frame = Equity(lines_of([ruined()])).frame()[["Always"]]
    assert frame["Always"].tolist() == [1000, 1000, 0, 0, 0]
    assert dollars(frame) == dollars(frame[frame > 0])


def test_a_cross_stands_on_the_day_of_a_liquidation() -> None:
    """The end of the 2nd; ruined on a scale without 0, at the last equity there was, and in a drawdown at 100 %."""
    left = pytest.approx([1000 / 3 - 0.005 * 10_000 / 3])
    assert crosses(Equity(lines_of([liquidated()])).figure()) == [("Always liquidated", ["2024-01-02"], left)]
    assert crosses(Equity(lines_of([ruined()])).figure()) == [("Always liquidated", ["2024-01-02"], [1000])]
    assert crosses(Drawdown(lines_of([ruined()])).figure()) == [("Always liquidated", ["2024-01-02"], [-1])]
    assert crosses(Underwater(lines_of([ruined()])[0]).figure()) == [("Always liquidated", ["2024-01-02"], [-1])]
    assert crosses(Equity(lines_of([receiving()])).figure()) == []


def areas(result: Result) -> dict[str, tuple[str, list[float]]]:
    """Of each stacked area: its stack and its values."""
    stacked = [trace for trace in Positions(lines_of([result])[0]).figure().data if trace.stackgroup]
    return {trace.name: (trace.stackgroup, np.asarray(trace.y, float).round(2).tolist()) for trace in stacked}


def test_shorts_are_stacked_below_zero_apart_from_longs() -> None:
    assert areas(receiving()) == {
        "BTC long": ("weights", [0, 0, 0, 0]),
        "BTC short": ("shorts", [-2, -1.96, -1.96, -1.96]),
    }
    assert areas(liquidated()) == {"BTC": ("weights", [4, 0, 0, 0])}


@pytest.mark.parametrize(("result", "low", "high"), [(receiving(), -2.04, 1.02), (liquidated(), 0, 4.08)])
def test_the_axis_of_weights_reaches_as_far_as_shorts_and_leverage(result: Result, low: float, high: float) -> None:
    figure = Positions(lines_of([result])[0]).figure()
    assert list(figure.layout.yaxis.range) == pytest.approx([low, high])


def test_funding_so_far_falls_where_it_is_received() -> None:
    """20 of an equity of 1000, on the 2nd."""
    panel = FundingSoFar(lines_of([receiving()])[:1])
    assert panel.frame()["Always: BTC"].tolist() == pytest.approx([0, -0.02, -0.02, -0.02])
    assert (
        panel.alt() == "Funding paid so far, as shares of equity, 1 January 2024 to 4 January 2024: Always: BTC -2.00%."
    )


def test_funding_of_a_ruined_book_ends_with_it() -> None:
    result = book(4, [FLAT] * 3, {"01-01 08:00": 0.3, "01-02 08:00": 0.3})
    assert result.ruined_at is not None
    assert FundingSoFar(lines_of([result])[:1]).frame()["Always: BTC"].tolist() == pytest.approx([1.2, 1.2, 1.2])


@pytest.mark.parametrize(
    ("result", "made"),
    [
        (receiving(), {"Prices": "$0", "Funding": "$20", "Costs": "$0", "Change in equity": "$20"}),
        (liquidated(), {"Prices": "-$667", "Funding": "$0", "Costs": "-$17", "Change in equity": "-$683"}),
        (ruined(), {"Prices": "-$2,000", "Funding": "$0", "Costs": "$0", "Venue bore": "$1,000"}),
    ],
    ids=["receiving", "liquidated", "ruined"],
)
def test_prices_funding_costs_and_what_the_venue_bore_add_up_to_the_change(
    result: Result, made: dict[str, str]
) -> None:
    """40 fall by 16.67, and closing 3333 costs half a percent; short 20 lose 2000 of the 1000 there were."""
    built = TRADING.build(Sheet([result]))
    assert built is not None
    table = built["change"]
    shown = dict(zip([column.label for column in table.columns[1:]], table.rows[0][1], strict=True))
    assert made.items() <= shown.items()
    *each, total = [part(result) for _, part in gains.parts([result])]
    assert sum(each) == pytest.approx(total)
    assert total == pytest.approx(result.equity.iloc[-1] - 1000)


def test_costs_are_no_share_of_a_gain_that_they_ate() -> None:
    """20 of funding are received at no cost; what was liquidated lost."""
    assert Trading(receiving()).share_of_gain() == 0
    assert np.isnan(Trading(liquidated()).share_of_gain())


def test_liquidations_are_in_what_trading_cost_and_funding_is_not() -> None:
    own = Trading(liquidated())
    assert own.liquidated == own.together == pytest.approx(0.005 * 10_000 / 3)
    assert gains.funding(receiving()) == pytest.approx(20)
    assert Trading(receiving()).together == 0


def test_costs_of_perpetuals_have_columns_that_others_do_not() -> None:
    short = receiving()
    assert short.benchmark is not None
    heads = [_heads(Sheet([result])) for result in (short, short.benchmark)]
    assert [name for name in heads[0] if name not in heads[1]] == ["Liquidations"]
    assert TRADING.build(Sheet([short.benchmark]))["funding"] is None  # type: ignore[index]


def _heads(sheet: Sheet) -> list[str]:
    built = TRADING.build(sheet)
    assert built is not None
    return [column.label for column in built["tables"][0].columns[1:]]


def test_each_liquidation_is_an_entry_of_its_strategy() -> None:
    built = EVENTS.build(Sheet([liquidated()]))
    assert built is not None
    ((opened, texts),) = built["parts"][0]["liquidations"].rows
    assert opened.replace("\u2011", "-") == "2024-01-02 00:00"
    assert list(texts) == ["on the way to the bar's worst", "long 40 BTC", "68.3%", "$317", "$17", "$0"]
    unharmed = EVENTS.build(Sheet([receiving()]))
    assert unharmed is not None
    assert unharmed["parts"][0]["liquidations"] is None


def test_extreme_days_tell_what_was_liquidated_and_not_that_cash_was_held() -> None:
    built = DISTRIBUTION.build(Sheet([book(4, [(100, 101, 100, 101), (101, 101, 80, 90), *[(90, 90, 90, 90)] * 2])]))
    assert built is not None
    ((_, table),) = built["extremes"]
    assert [(day, texts[-1]) for day, texts in table.rows] == [
        ("2 Jan 2024", "long 40 BTC; liquidated"),
        ("1 Jan 2024", "BTC 388%"),
    ]


def part_of(result: Result) -> Part:
    return Part(lines_of([result])[0], Episodes(result), 0)


def test_the_sentence_of_a_ruined_book_says_so() -> None:
    only = part_of(ruined()).sentence.replace("\u2011", "-")
    assert only == ("The book was ruined on 2024-01-02, in its only episode: without it nothing but cash is left.")
    doubled = [FLAT, FLAT, FLAT, (300, 300, 300, 300)]
    later = part_of(Backtest(Turns(), perpetual_market(doubled), TERMS).run()).sentence.replace("\u2011", "-")
    assert later == (
        "The book was ruined on 2024-01-04, in the last of its 2 episodes: "
        "without any other it would have been ruined all the same."
    )


def test_the_list_of_liquidations_stands_below_the_chart_of_episodes(tmp_path: Path) -> None:
    lively = [(100, 110, 100, 110), (110, 110, 105, 105), (105, 105, 100, 100), (100, 300, 100, 150)]
    turned = Backtest(Turns(), perpetual_market(lively), TERMS).run()
    assert len(turned.liquidations) == 1
    write_tearsheet([turned], tmp_path / "page.html", "A short week")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.index('id="without-0"') < page.index("<h4>Liquidations</h4>")


@pytest.mark.parametrize("result", [ruined(), liquidated(), receiving()], ids=["ruined", "liquidated", "receiving"])
def test_a_page_is_written_whatever_became_of_the_book(result: Result, tmp_path: Path) -> None:
    write_tearsheet([result], tmp_path / "page.html", "A short week", findings=findings([result]))
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "Funding paid so far" in page
    assert ("was ruined and has no equity left" in page) is (result.ruined_at is not None)
    assert ("each time, because its equity met the maintenance margin" in page) is (len(result.liquidations) > 0)


def test_a_page_of_what_was_bought_says_nothing_of_perpetuals(tmp_path: Path) -> None:
    bought = receiving().benchmark
    assert bought is not None
    write_tearsheet([bought], tmp_path / "page.html", "Bought")
    assert "erpetual" not in (tmp_path / "page.html").read_text("utf-8").partition('id="manifests"')[0]


def test_definitions_of_the_terms_are_one_click_away() -> None:
    sheet = Sheet([liquidated()])
    TRADING.build(sheet)
    EVENTS.build(sheet)
    assert {"cost-liquidation", "gain-funding", "liquidation-lost", "liquidation-shortfall"} <= set(sheet.charts.terms)


@dataclass(frozen=True)
class Turns(Strategy):
    """Long until the 2nd has ended, short from then on."""

    def weights(self, now: Now) -> Weights:
        return {"BTC": np.where(now.at < pd.Timestamp("2024-01-03", tz="UTC"), 1.0, -1.0)}


def test_episodes_of_perpetuals_have_a_side() -> None:
    built = EVENTS.build(Sheet([Backtest(Turns(), perpetual_market([FLAT] * 4), TERMS).run()]))
    assert built is not None
    table = built["parts"][0]["table"]
    place = [getattr(column, "label", column) for column in table.columns].index("Side") - 1
    assert [texts[place] for _, texts in table.rows] == ["long", "short"]
