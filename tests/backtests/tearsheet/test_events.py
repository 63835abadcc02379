"""If one event had not happened: what the page says, draws and lists of each episode left out."""

import base64
import csv
import io
from typing import Any

import numpy as np
import pytest

from backtests.analysis.episodes import Episodes
from backtests.backtest import compare
from backtests.result import Result
from backtests.tearsheet.document import Table, template
from backtests.tearsheet.sections.events import EVENTS, SHARE, Part, WithoutEach
from backtests.tearsheet.sheet import Sheet
from data_cache.lab import Lab
from strategies import BuyAndHold, NetLiquidityTide, StealthQE
from tests.backtests.tearsheet.worlds import Follow, line, market, run

BTC = (("BTC", 1.0),)


def in_and_out(gains: list[float]) -> Result:
    """An episode of one day per gain (1.1 for 10 %), each followed by a day in cash."""
    closes, funding = [100.0], [("2024-01-01 08:00", -0.001)]
    for day, gain in enumerate(gains):
        closes += [closes[-1] * gain] * 2
        funding += [(f"2024-01-{2 * day + 1:02d} 23:00", 0.001), (f"2024-01-{2 * day + 2:02d} 23:00", -0.001)]
    return run(market(closes, funding=funding), Follow())


def part(result: Result) -> Part:
    return Part(line(result), Episodes(result), 0)


def built(result: Result) -> tuple[dict[str, Any], Sheet]:
    sheet = Sheet([result])
    own = EVENTS.build(sheet)
    assert own is not None
    return own["parts"][0], sheet


def table(result: Result) -> Table:
    found = built(result)[0]["table"]
    assert isinstance(found, Table)
    return found


def numbers(packed: dict[str, str]) -> list[float]:
    return [float(number) for number in np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"])]


def test_the_table_begins_with_the_largest_gain_or_loss() -> None:
    rows = table(in_and_out([1.1, 0.5, 1.2])).rows
    assert [head for head, _ in rows] == [
        "2024-01-04 to 2024-01-05",
        "2024-01-06 to 2024-01-07",
        "2024-01-02 to 2024-01-03",
    ]
    assert [texts[0] for _, texts in rows] == ["-50.0%", "20.0%", "10.0%"]
    # 1.1 x 0.5 x 1.2 without each.
    assert [texts[1] for _, texts in rows] == ["32.0%", "-45.0%", "-40.0%"]


def test_each_row_tells_what_began_the_episode_with_hyphens_that_are_no_minus_signs() -> None:
    ((_, texts), *_) = table(in_and_out([1.1, 1.05])).rows
    assert texts[-1] == ("FUNDING_BTC of 2024\u201101\u201101 23:00 UTC, 0.001, known 2024\u201101\u201101 23:00 UTC")


def test_shares_are_of_logs_and_of_a_loss_there_is_no_such_column() -> None:
    """Of ln 1.21 each 1.1 is a half; of a loss nobody has a share."""
    gain, loss = table(in_and_out([1.1, 1.1])), table(in_and_out([0.5, 1.1]))
    assert [texts[1] for _, texts in gain.rows] == ["50%", "50%"]
    assert SHARE in gain.columns
    assert SHARE not in loss.columns
    assert [len(texts) for _, texts in loss.rows] == [len(loss.columns) - 1] * 2


def test_ten_are_listed_and_all_are_in_the_csv() -> None:
    result = in_and_out([1.01 + day / 1000 for day in range(12)])
    part, sheet = built(result)
    assert len(part["table"].rows) == 10
    rows = list(csv.DictReader(io.StringIO(sheet.charts.tables["episodes-0"])))
    assert len(rows) == 12
    assert float(rows[0]["log_return"]) == pytest.approx(np.log(1.01))
    assert rows[0]["cause"].startswith("FUNDING_BTC of 2024-01-01 23:00 UTC")


def test_the_chart_begins_with_the_episode_without_which_least_is_left() -> None:
    panel = WithoutEach(line(result := in_and_out([1.1, 0.5, 1.2])), Episodes(result))
    frame = panel.frame()
    assert frame.index.tolist() == [1, 2, 3]
    assert frame["total_return"].tolist() == pytest.approx([-0.45, -0.4, 0.32])
    assert frame["episode"][1] == "2024-01-06 to 2024-01-07"


def test_a_bar_reaches_from_the_whole_to_what_is_left() -> None:
    """The whole is 1.1 x 0.5 x 1.2 = 0.66, a return of -34 %."""
    panel = WithoutEach(line(result := in_and_out([1.1, 0.5, 1.2])), Episodes(result))
    total, _ = panel.figure().to_plotly_json()["data"]
    assert total["base"] == pytest.approx(-0.34)
    assert numbers(total["y"]) == pytest.approx([-0.11, -0.06, 0.66])
    assert total["marker"]["color"][0] == total["marker"]["color"][1] != total["marker"]["color"][2]
    assert panel.alt() == (
        "Follow without each of its 3 episodes: total return between -45.0% and 32.0%, with all of them -34.0%."
    )


def test_of_very_many_episodes_both_ends_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backtests.tearsheet.sections.events.EACH_END", 1)
    result = in_and_out([1.1, 0.5, 1.2])
    assert WithoutEach(line(result), Episodes(result)).frame().index.tolist() == [1, 3]
    assert built(result)[0]["cut"]


def test_the_sentence_tells_how_far_the_sharpe_ratio_falls() -> None:
    result = in_and_out([1.1, 1.05, 0.9, 1.2])
    episodes = Episodes(result)
    whole, one, three = result.metrics["sharpe"], episodes.without_best(1)["sharpe"], episodes.without_best(3)["sharpe"]
    assert one < whole
    assert part(result).sentence == (
        f"Without the best by return of its 4 episodes, the Sharpe ratio falls from {whole:.2f} to {one:.2f}; "
        f"without the best 3, to {three:.2f}."
    )


def test_the_sentence_of_a_book_that_held_one_target_and_of_one_that_held_none() -> None:
    held = run(market([110, 120]), BuyAndHold(mix=BTC))
    assert part(held).sentence == "It held one target throughout: without its only episode nothing but cash is left."
    assert part(run(market([110, 120]), Follow(0.0))).sentence == (
        "It never held anything: there is no episode to leave out."
    )


def test_a_ratio_that_is_written_the_same_without_the_best_stays() -> None:
    """One per ten million more than nothing, beside a loss of half."""
    result = in_and_out([0.5, 1 + 1e-7, 1 + 1e-7, 1 + 1e-7])
    written = f"{result.metrics['sharpe']:.2f}"
    assert part(result).sentence == (
        f"Without the best by return of its 4 episodes, the Sharpe ratio stays at {written}; "
        f"without the best 3, it is {written}."
    )


def test_a_book_that_is_as_good_as_dead_is_said_to_be() -> None:
    """1000 become 5 on the 2nd; of 20, which is 2 %, nothing is said."""
    assert part(in_and_out([0.005, 1.1])).dead.replace("\u2011", "-") == (
        "Its equity fell below 1% of capital on 2024-01-02: what came after is of what was left."
    )
    assert part(in_and_out([0.02, 1.1])).dead == ""


def test_two_episodes_have_no_best_three() -> None:
    assert "best 3" not in part(in_and_out([1.1, 1.05])).sentence


def test_one_episode_that_makes_more_than_half_is_said_aloud() -> None:
    """ln 1.5 is 81 % of ln 1.65."""
    assert part(in_and_out([1.5, 1.1])).warning == (
        "One episode, 2024\u201101\u201102 to 2024\u201101\u201103, made 81% of all growth: without it the total "
        "return is 10.0%. It began with FUNDING_BTC of 2024\u201101\u201101 23:00 UTC, 0.001, known "
        "2024\u201101\u201101 23:00 UTC."
    )


@pytest.mark.parametrize(("logs", "said"), [((0.52, 0.48), True), ((0.48, 0.26, 0.26), False)])
def test_half_of_all_growth_is_where_it_begins_to_be_said(logs: tuple[float, ...], said: bool) -> None:
    assert ("made 52% of all growth" in part(in_and_out([float(np.exp(log)) for log in logs])).warning) is said
    assert bool(part(in_and_out([float(np.exp(log)) for log in logs])).warning) is said


def test_one_that_makes_more_than_all_is_said_so() -> None:
    assert "made more than all of the growth there is: without it the total return is -10.0%" in (
        part(in_and_out([1.5, 0.9])).warning
    )


@pytest.mark.parametrize("gains", [[1.1, 1.1, 1.1], [0.5, 1.1], [1.5]])
def test_even_episodes_a_loss_and_a_lone_one_are_not(gains: list[float]) -> None:
    assert part(in_and_out(gains)).warning == ""


def test_a_page_on_which_nobody_held_anything_has_no_such_section() -> None:
    assert EVENTS.build(Sheet([run(market([110, 120]), Follow(0.0))])) is None


def test_beside_one_that_held_something_the_other_has_its_sentence_alone() -> None:
    on = market([110, 120])
    own = EVENTS.build(Sheet([run(on, Follow(0.0)), run(on, BuyAndHold(mix=BTC))]))
    assert own is not None
    assert [(part["count"], part["table"], part["chart"]) for part in own["parts"]] == [
        (0, None, None),
        (1, None, None),
    ]


def test_terms_are_defined_once_for_all_strategies() -> None:
    results = compare([NetLiquidityTide(), StealthQE()], Lab().market())
    sheet = Sheet(results)
    own = EVENTS.build(sheet)
    assert own is not None
    assert [name for name in sheet.charts.terms if name == "episode"] == ["episode"]
    assert set(sheet.charts.figures) == {"without-0", "without-1"}
    page = template("macros.html").module
    assert "def-episode_sharpe" in str(page.table(own["parts"][0]["table"]))  # type: ignore[attr-defined]
