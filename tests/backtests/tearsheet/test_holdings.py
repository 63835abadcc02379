"""Holdings: prices with their decisions, what each decision was about, and signals against levels and releases."""

import base64
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.result import Result
from backtests.tearsheet.document import Charts
from backtests.tearsheet.sections import holdings
from backtests.tearsheet.sections.holdings import HOLDINGS, Positions, SignalValues
from backtests.tearsheet.sheet import Sheet
from data_cache.bars import Bars
from data_cache.market import Market
from strategies import BuyAndHold, VolatilityTarget
from strategies.strategy import Now, Strategy, Weights
from tests.backtests.tearsheet.worlds import FREE, Follow, line, market, run

BTC = (("BTC", 1.0),)


def dated(frame: pd.DataFrame) -> list[str]:
    return [f"{day:%m-%d}" for day in frame.index]


def traces(figure: Any, name: str) -> list[dict[str, Any]]:
    return [trace for trace in figure.to_plotly_json()["data"] if trace["name"] == name]


def numbers(packed: dict[str, str]) -> list[float]:
    return [float(number) for number in np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"])]


def texts(result: Result) -> list[str]:
    data = Positions(line(result)).figure().to_plotly_json()["data"]
    return [text for trace in data for text in trace.get("text", [])]


# --- what it held, and when it decided


def test_positions_are_weights_at_the_close_under_the_price() -> None:
    """Half of 1000 in BTC at 100; at 300 the 5 units are 1500 of 2000."""
    frame = Positions(line(run(market([100, 300]), BuyAndHold(exposure=0.5, mix=BTC)))).frame()
    assert frame["BTC price"].tolist() == [100, 300]
    assert frame["BTC"].tolist() == pytest.approx([0.5, 0.75])


def test_a_decision_is_marked_at_the_price_known_when_it_was_taken() -> None:
    """In at the start, when there is only the first open; out on the evening of the 2nd, by the 1st's close."""
    moves = [("2024-01-01", 1.0), ("2024-01-02 18:00", -1.0), ("2024-01-03 18:00", 1.0)]
    decisions = Positions(line(run(market([110, 120, 130, 140], funding=moves), Follow()))).decisions("BTC")
    assert decisions["move"].tolist() == ["more", "less", "more"]
    assert decisions["price"].tolist() == [100, 110, 120]
    assert decisions["weight"].tolist() == [1, 0, 1]
    assert decisions["at"].dt.strftime("%d %H:%M").tolist() == ["01 00:00", "02 18:00", "03 18:00"]


def test_a_decision_taken_as_a_bar_ends_knows_its_close() -> None:
    moves = [("2024-01-01", 1.0), ("2024-01-03 00:00", -1.0)]
    decisions = Positions(line(run(market([110, 120, 130], funding=moves), Follow()))).decisions("BTC")
    assert decisions["price"].tolist() == [100, 120]


def test_each_decision_of_a_day_is_marked_at_its_own_moment() -> None:
    moves = [("2024-01-01", 1.0), ("2024-01-02 06:00", -1.0), ("2024-01-02 18:00", 1.0)]
    figure = Positions(line(run(market([110, 120, 130], funding=moves), Follow()))).figure()
    assert [m["x"] for m in traces(figure, "Decision: more BTC")] == [["2024-01-01 00:00", "2024-01-02 18:00"]]
    assert [m["x"] for m in traces(figure, "Decision: less BTC")] == [["2024-01-02 06:00"]]


def test_on_hourly_bars_a_decision_stands_at_the_last_hour_known() -> None:
    closes = [100.0 + hour for hour in range(48)]
    moves = [("2024-01-01", 1.0), ("2024-01-01 06:30", -1.0), ("2024-01-02 02:30", 1.0)]
    decisions = Positions(line(run(market(closes, timeframe="1h", funding=moves), Follow()))).decisions("BTC")
    # The bar from 05:00 to 06:00 closes at 105; the one from 01:00 to 02:00 on the next day at 100 + 25.
    assert decisions["price"].tolist() == [100, 105, 125]


def test_of_very_many_decisions_the_last_of_each_day_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holdings, "MOST_MARKS", 2)
    moves = [("2024-01-01", 1.0), ("2024-01-02 06:00", -1.0), ("2024-01-02 18:00", 1.0)]
    panel = Positions(line(run(market([110, 120, 130], funding=moves), Follow())))
    assert panel.decisions("BTC")["at"].dt.strftime("%d %H:%M").tolist() == ["01 00:00", "02 18:00"]
    assert not panel.every_decision
    assert len(panel.figure().to_plotly_json()["data"]) == 3  # weights, price, and marks of one kind


@dataclass(frozen=True)
class Swap(Strategy):
    """Hold BTC on even days of the month and ETH on odd ones."""

    def weights(self, now: Now) -> Weights:
        even = np.asarray(now.at.day) % 2 == 0
        return {"BTC": even * 1.0, "ETH": (1 - even) * 1.0}


def two_assets(closes: list[float], others: list[float]) -> Market:
    on = market(closes)
    frame = market(others).bars["BTC"].frame
    return replace(on, bars={"BTC": on.bars["BTC"], "ETH": Bars("ETH", "1d", frame)})


def test_every_asset_has_its_price_with_every_decision_marked_on_it() -> None:
    on = two_assets([100.0, 110.0, 120.0], [100.0, 50.0, 25.0])
    panel = Positions(line(run(on, BuyAndHold())))
    assert panel.frame().columns.tolist() == ["BTC price", "ETH price", "BTC", "ETH"]
    figure = panel.figure()
    assert numbers(traces(figure, "ETH price")[0]["y"]) == [100, 50, 25]
    assert [traces(figure, f"Decision: more {asset}")[0]["yaxis"] for asset in ("BTC", "ETH")] == ["y2", "y3"]
    assert [note["text"] for note in figure.to_plotly_json()["layout"]["annotations"]] == ["<b>BTC</b>", "<b>ETH</b>"]


def test_a_mark_tells_more_or_less_of_its_own_asset() -> None:
    """On the 1st ETH is wanted; at the start of the 2nd BTC for it; at the start of the 3rd ETH again."""
    panel = Positions(line(run(two_assets([100.0] * 3, [100.0] * 3), Swap())))
    assert panel.decisions("BTC")["move"].tolist()[:3] == ["same", "more", "less"]
    assert panel.decisions("ETH")["move"].tolist()[:3] == ["more", "less", "more"]


def test_pointing_at_a_decision_tells_moment_weights_and_the_release_that_caused_it() -> None:
    moves = [("2024-01-01 08:00", 0.0002), ("2024-01-02 16:00", -0.0001)]
    told = texts(run(market([110, 120, 130], funding=moves), Follow(0.5)))
    assert told == [
        "<b>decided 2024-01-01 08:00 UTC: <br>BTC 50%</b>, <br>"
        "FUNDING_BTC of 2024-01-01 08:00 UTC, 0.0002, <br>known 2024-01-01 08:00 UTC",
        "<b>decided 2024-01-02 16:00 UTC: <br>BTC 0%</b>, <br>"
        "FUNDING_BTC of 2024-01-02 16:00 UTC, -0.0001, <br>known 2024-01-02 16:00 UTC",
    ]


def test_the_text_of_a_decision_is_in_the_page_once_however_many_prices_are_drawn() -> None:
    result = run(two_assets([100.0] * 3, [100.0] * 3), Swap())
    assert len(texts(result)) == len(result.decisions)


def test_the_description_counts_decisions_and_tells_the_end() -> None:
    said = Positions(line(run(market([100, 300]), BuyAndHold(exposure=0.5, mix=BTC)))).alt()
    assert said == (
        "BuyAndHold: price of BTC with 1 decision marked, above the weights held, 1 January 2024 to 2 January 2024; "
        "at the end BTC 75%."
    )


# --- signals


def test_a_signal_is_shown_as_it_was_known_at_the_end_of_the_day() -> None:
    """Known at 18:00 on the 2nd: shown from the 2nd on. After two days without news funding is too old: unknown."""
    moves = [("2024-01-01", 0.5), ("2024-01-02 18:00", 0.25)]
    frame = SignalValues(line(run(market([100] * 6, funding=moves), Follow(0.8))), "funding").frame()
    assert dated(frame) == ["01-01", "01-02", "01-03", "01-04", "01-05", "01-06"]
    assert frame["value"].tolist() == pytest.approx([0.5, 0.25, 0.25, np.nan, np.nan, np.nan], nan_ok=True)
    assert frame["exposure"].tolist() == pytest.approx([0.8] * 6)


def test_a_release_is_a_tick_on_the_day_on_which_it_became_known() -> None:
    """At midnight the day before ends: what is known then belongs to it, as a close does."""
    moves = [("2024-01-01 08:00", 0.5), ("2024-01-03 00:00", 0.25), ("2024-01-03 18:00", 0.1)]
    frame = SignalValues(line(run(market([100] * 4, funding=moves), Follow())), "funding").frame()
    assert frame["FUNDING_BTC"].tolist() == [1, 1, 1, 0]


def test_closes_are_no_releases() -> None:
    closes = list(100 + 10 * np.sin(np.arange(40.0)))
    panel = SignalValues(line(run(market(closes), VolatilityTarget(days=10, mix=BTC))), "BTC")
    assert panel.series == []
    assert panel.frame().columns.tolist() == ["value", "exposure"]
    assert len(panel.figure().to_plotly_json()["data"]) == 2


@dataclass(frozen=True)
class Above(Follow):
    """Follow funding, with levels named."""

    named: tuple[float, ...] = (0.0,)

    def thresholds(self) -> dict[str, tuple[float, ...]]:
        return {"funding": self.named}


def signal(strategy: Strategy) -> SignalValues:
    moves = [("2024-01-01 08:00", 0.5), ("2024-01-02 08:00", 0.25), ("2024-01-03 08:00", 0.75)]
    return SignalValues(line(run(market([100] * 4, funding=moves), strategy)), "funding")


def test_the_level_at_which_the_rule_turns_is_a_dashed_line_with_its_number() -> None:
    layout = signal(Above()).figure().to_plotly_json()["layout"]
    (shape,) = layout["shapes"]
    assert (shape["y0"], shape["y1"], shape["yref"], shape["line"]["dash"]) == (0, 0, "y2", "dash")
    assert shape["label"]["text"] == "<b>0</b>"


def test_a_level_far_away_is_still_in_sight() -> None:
    low, high = signal(Above(named=(2.0,))).figure().to_plotly_json()["layout"]["yaxis2"]["range"]
    assert low < 0.25
    assert high > 2.0


def test_of_many_levels_those_that_the_signal_came_near_are_drawn_without_numbers() -> None:
    panel = signal(Above(named=(0.1, 0.3, 0.4, 0.5, 0.6, 9.0)))
    assert panel.levels() == [0.3, 0.4, 0.5, 0.6]
    assert all("label" not in shape for shape in panel.figure().to_plotly_json()["layout"]["shapes"])


def test_a_rule_that_names_no_level_has_no_line() -> None:
    assert "shapes" not in signal(Follow()).figure().to_plotly_json()["layout"]
    assert "changes its answer" not in signal(Follow()).alt()


@dataclass(frozen=True)
class Shorts(Follow):
    """Short half of equity while funding is positive."""

    def weights(self, now: Now) -> Weights:
        return {"BTC": (now.funding > 0) * -0.5}


def test_the_exposure_of_a_book_that_was_short_has_a_zero_line() -> None:
    on = market([100.0] * 4, funding=[(f"2024-01-0{day} 00:00", 0.001) for day in (1, 2, 3, 4, 5)])
    result = run(on, Shorts(), replace(FREE, perps=True))
    (zero,) = SignalValues(line(result), "funding").figure().to_plotly_json()["layout"]["shapes"]
    assert (zero["yref"], zero["y0"], zero["y1"]) == ("y", 0, 0)
    assert result.exposure.min() < 0


def test_many_marks_are_small_and_faint_and_lie_under_the_price(monkeypatch: pytest.MonkeyPatch) -> None:
    moves = [("2024-01-01", 1.0), ("2024-01-02 06:00", -1.0), ("2024-01-02 18:00", 1.0)]
    panel = Positions(line(run(market([110, 120, 130], funding=moves), Follow())))
    few = panel.figure().to_plotly_json()["data"]
    monkeypatch.setattr(holdings, "MANY_MARKS", len(moves))
    many = panel.figure().to_plotly_json()["data"]
    assert [trace["name"] for trace in few][1] == [trace["name"] for trace in many][-1] == "BTC price"
    assert (few[-1]["marker"]["size"], many[1]["marker"]["size"]) == (8, 6)
    assert ("opacity" in few[-1]["marker"], many[1]["marker"]["opacity"]) == (False, 0.6)


def test_the_description_of_a_signal_names_its_levels() -> None:
    assert signal(Above()).alt() == (
        "funding of Above, 1 January 2024 to 4 January 2024: between 0.25 and 0.75, 0.75 at the end; "
        "the rule changes its answer at 0."
    )


# --- the section


@pytest.mark.parametrize("closes", [[100.0], [100.0, 100.0, 100.0]])
@pytest.mark.parametrize("strategy", [Follow(), Follow(0.0), BuyAndHold(mix=BTC), Above(named=())])
def test_odd_books_have_a_section_too(closes: list[float], strategy: Strategy) -> None:
    sheet = Sheet([run(market(closes), strategy)], charts=Charts())
    own = HOLDINGS.build(sheet)
    assert own is not None
    assert [part["line"].label for part in own["parts"]] == [type(strategy).__name__]
