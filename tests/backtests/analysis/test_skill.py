"""What a Sharpe ratio is worth, knowing how many trials stand behind it."""

from dataclasses import replace
from math import isnan, sqrt
from typing import Any

import numpy as np
import pytest

from backtests.analysis.skill import Skill, skill
from backtests.metrics import excess_returns
from backtests.result import Result
from backtests.statistics.overfitting import deflated_sharpe, minimum_backtest_years, moments, probabilistic_sharpe
from tests.backtests.tearsheet.worlds import EARNING, Follow, market, rich_world, run


def rising(**told: Any) -> Result:
    """Two hundred days that gain more than they lose, with this in the manifest."""
    closes = list(100 * np.exp(np.cumsum(np.random.default_rng(2).normal(0.004, 0.02, 200))))
    result = run(market(closes, funding=[("2024-01-01", 1.0)]), Follow())
    return replace(result, manifest=result.manifest | told)


def test_a_lone_trial_is_not_deflated() -> None:
    found = skill(rising(trials=1, tried_variance=0.0))
    assert found.deflated == found.probabilistic > 0.95
    assert isnan(found.minimum_years)  # nothing was chosen, so nothing is needed
    assert found.verdict.endswith("luck alone would seldom do as well, if nothing else was tried")


def test_many_trials_deflate_by_their_count_and_the_variance_of_their_ratios() -> None:
    result = rising(trials=412, tried_variance=0.01)
    found, of = skill(result), moments(excess_returns(result))
    assert found.deflated == deflated_sharpe(of, 412, 0.01) < found.probabilistic == probabilistic_sharpe(of)
    assert found.minimum_years == minimum_backtest_years(412, result.metrics["sharpe"])
    assert found.sharpe == pytest.approx(of.sharpe * sqrt(365))
    assert found.verdict == f"deflated probability {found.deflated:.3f}: no evidence of skill"


def test_a_ratio_is_worth_what_the_returns_over_cash_make_it() -> None:
    """Most of what the book earns is what cash earned: its returns alone would look like skill."""
    result = run(rich_world(120, "1d"), Follow(0.5), EARNING)
    over_cash, alone = result.bar_returns - result.cash_returns, result.bar_returns
    found = skill(replace(result, manifest=result.manifest | {"trials": 3, "tried_variance": 0.001}))
    assert found.probabilistic == pytest.approx(probabilistic_sharpe(moments(over_cash)))
    assert found.deflated == pytest.approx(deflated_sharpe(moments(over_cash), 3, 0.001))
    assert probabilistic_sharpe(moments(alone)) > found.probabilistic + 0.1


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({}, "how many trials stand behind it is not recorded"),
        ({"trials": None}, "how many trials stand behind it is not recorded"),
        ({"trials": 7, "tried_variance": None}, "how the Sharpe ratios of its trials vary is not known"),
        ({"trials": 7}, "how the Sharpe ratios of its trials vary is not known"),
    ],
)
def test_without_the_ledger_nothing_is_deflated_and_the_verdict_says_why(told: dict[str, Any], why: str) -> None:
    found = skill(rising(**told))
    assert isnan(found.deflated)
    assert not found.evident
    assert found.verdict == f"not deflated, for {why}: luck is not ruled out"


@pytest.mark.parametrize("days", [1, 2, 50])
def test_a_book_that_never_trades_is_no_evidence(days: int) -> None:
    idle = run(market([110.0] * days, funding=[("2024-01-01", -1.0)]), Follow())
    found = skill(replace(idle, manifest=idle.manifest | {"trials": 1, "tried_variance": 0.0}))
    assert found.missing == "its returns leave the Sharpe ratio without a standard error"
    assert isnan(found.minimum_years)


@pytest.mark.parametrize(("deflated", "evident"), [(0.9499, False), (0.95, True), (float("nan"), False)])
def test_evidence_begins_at_95_percent(deflated: float, evident: bool) -> None:
    assert Skill(1.0, 5, 0.99, deflated, 1.0, "").evident is evident
