"""Returns by regime of any result: days by hand, and in words where there are too few of them."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from backtests import ReturnsByRegime, by_regime, returns_by_regime
from backtests.analysis.regimes import REGIMES, Regime
from backtests.analysis.terminal import print_returns_by_regime
from backtests.result import Result
from strategies import BuyAndHold
from tests.backtests.margin_books import ruined
from tests.backtests.tearsheet.worlds import Follow, Funding, market, run

SIGN = Regime("sign", "Funding", "Positive above 0, else not.", Funding(), (0.0,), ("negative", "positive"))
ALL_IN = BuyAndHold(mix=(("BTC", 1.0),))


def held(days: int, negative_from: str) -> Result:
    """Bitcoin held for so many days, each a loss of 1%; funding is negative from a morning on."""
    moves = [(f"{day:%F}", 1.0) for day in pd.date_range("2024-01-01", periods=days)]
    moves = [(day, 1.0 if day < negative_from else -1.0) for day, _ in moves]
    return run(market([100 * 0.99 ** (day + 1) for day in range(days)], funding=moves), ALL_IN, benchmark=ALL_IN)


def of(result: Result) -> ReturnsByRegime:
    (found,) = returns_by_regime([result], [SIGN])
    return found


def test_days_are_those_spent_in_each_state_and_add_up_to_the_window() -> None:
    found = of(held(50, "2024-02-05"))
    days = {state: days for (_, state), days in found.table["days"].items()}
    # 1 January to 4 February, then until 19 February.
    assert days == pytest.approx({"positive": 31 + 4, "negative": 15, "all": 50})


def test_the_returns_are_those_of_by_regime() -> None:
    """Every day loses 1%, in whatever state: 35 and 15 logs of 0.99."""
    result = held(50, "2024-02-05")
    found = of(result).table
    pd.testing.assert_frame_equal(found.drop(columns="days"), by_regime(result, [SIGN]))
    assert found["log_return"].tolist() == pytest.approx([35 * np.log(0.99), 15 * np.log(0.99), 50 * np.log(0.99)])
    assert found["share"].tolist() == pytest.approx([35 / 50, 15 / 50, 1])
    assert found.loc[("sign", "positive"), "annual_return"] == pytest.approx(0.99**365 - 1)


def test_a_state_of_few_days_is_called_that() -> None:
    assert of(held(50, "2024-02-05")).cautions == (
        "Funding negative: 15 days, fewer than 30; too few for an annual return or a Sharpe ratio, and the log return "
        "may be chance",
    )


def test_thirty_days_in_each_state_need_no_caution() -> None:
    assert of(held(60, "2024-01-31")).cautions == ()


def test_a_state_that_never_was_is_called_that() -> None:
    assert of(held(40, "2025-01-01")).cautions == (
        "Funding negative: on no day of this window; nothing can be said of it",
    )


def test_a_short_window_is_called_short_as_a_whole() -> None:
    assert [text.split(",")[0] for text in of(held(5, "2025-01-01")).cautions][-1] == "Whole window: 5 days"


def test_ruin_is_said_before_anything_else_and_a_long_state_is_not_called_short() -> None:
    """A book that nothing was left of: 60 days, of which 35 in one state and 25 in the other."""
    result = held(60, "2024-02-05")
    (close,) = ruined().liquidations.to_dict("records")
    gone = pd.DataFrame([close | {"open_time": pd.Timestamp("2024-02-01", tz="UTC")}])
    cautions = of(replace(result, liquidations=gone)).cautions
    assert cautions[0] == (
        "BuyAndHold was ruined in the bar of 2024-02-01 00:00: no state has an annual return or a Sharpe ratio, for "
        "what was earned in any of them was lost"
    )
    assert [text.partition(":")[0] for text in cautions[1:]] == ["Funding negative"]


def test_a_regime_that_the_market_cannot_tell_is_left_out_with_its_reason() -> None:
    (found,) = returns_by_regime([held(40, "2025-01-01")], REGIMES)
    assert [text.partition(":")[0] for text in found.left_out] == [
        "Liquidity is left out",
        "Stress is left out",
        "RRP is left out",
    ]
    assert "needs RRPONTSYD, not in a hand-made market" in found.cautions[-1]


def test_two_results_of_one_market_are_told_apart() -> None:
    first = held(50, "2024-02-05")
    second = run(first.market, Follow(), benchmark=ALL_IN)
    found = returns_by_regime([first, second], [SIGN])
    assert [one.label for one in found] == ["BuyAndHold", "Follow"]
    # It leaves as funding turns negative, at 00:00 of 5 February: the day before was the last that it held.
    assert found[1].table.loc[("sign", "negative"), "log_return"] == 0
    assert found[1].table.loc[("sign", "negative"), "benchmark_log_return"] == pytest.approx(15 * np.log(0.99))


def test_the_summary_is_json_with_rows_definitions_and_cautions() -> None:
    said = of(held(50, "2024-02-05")).summary()
    assert json.loads(json.dumps(said))["rows"][0]["days"] == pytest.approx(35)
    assert [(row["regime"], row["state"]) for row in said["rows"]] == [
        ("sign", "positive"),
        ("sign", "negative"),
        ("window", "all"),
    ]
    assert said["definitions"] == {"sign": "Positive above 0, else not."}
    assert len(said["cautions"]) == 1


def test_the_terminal_shows_days_returns_and_cautions(capsys: pytest.CaptureFixture[str]) -> None:
    print_returns_by_regime(returns_by_regime([held(50, "2024-02-05")], [SIGN]))
    title, heading, positive, negative, whole, note = capsys.readouterr().out.splitlines()
    assert title == "BuyAndHold by regime"
    assert heading.split()[:4] == ["state", "days", "time", "log"]
    # 35 x ln 0.99 = -0.352 of -0.503; a year of such days loses 97.4%.
    assert positive.split()[:7] == ["Funding", "positive", "35", "70.0%", "-0.35", "70%", "-97.4%"]
    assert negative.split()[:7] == ["Funding", "negative", "15", "30.0%", "-0.15", "30%", "–"]
    assert whole.split()[:4] == ["Whole", "window", "50", "100.0%"]
    assert note.startswith("note Funding negative: 15 days, fewer than 30")
