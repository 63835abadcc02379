"""The top of the page: what is presumed, what each Sharpe ratio is worth, and what was found."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from backtests.analysis.skill import Skill, skill
from backtests.findings import Finding
from backtests.result import Result
from backtests.tearsheet import page
from backtests.tearsheet.sections.headline import build, presumption
from backtests.tearsheet.sheet import Sheet
from strategies import BuyAndHold
from tests.backtests.parsed_page import Page
from tests.backtests.tearsheet.worlds import Follow, market, run


def rising(strategy: Follow | None = None, **told: Any) -> Result:
    """Two hundred days that gain more than they lose, with this in the manifest."""
    closes = list(100 * np.exp(np.cumsum(np.random.default_rng(2).normal(0.004, 0.02, 200))))
    result = run(market(closes, funding=[("2024-01-01", 1.0)]), strategy or Follow())
    return replace(result, manifest=result.manifest | told)


def sentence(result: Result) -> str:
    return str(build(Sheet([result]))["sentences"][0][1])


def worth(deflated: float) -> Skill:
    return Skill(1.0, 5, 0.99, deflated, 1.0, "")


def test_the_sentence_says_ratio_interval_trials_and_what_follows() -> None:
    result = rising(trials=412, tried_variance=0.01)
    low, high = Sheet([result]).intervals["Follow"].table.loc["sharpe", ["low", "high"]]
    said = sentence(result)
    assert said.startswith(f"Sharpe ratio {result.metrics['sharpe']:.2f} (90 % interval {low:.2f} to {high:.2f}); ")
    assert "412 trials stand behind it; deflated probability 0." in said
    assert said.endswith(": no evidence of skill.")


@pytest.mark.parametrize(
    ("comparable", "said"),
    [
        (412, "412 trials stand behind it (variance from all of them); deflated"),
        (40, "412 trials stand behind it (variance from 40 on at least half of this window); deflated"),
        (1, "(variance that of trials without skill: fewer than two with a ratio share half of this window); deflated"),
    ],
)
def test_the_sentence_says_what_the_variance_is_from(comparable: int, said: str) -> None:
    assert said in sentence(rising(trials=412, tried_variance=0.01, comparable_trials=comparable))


def test_the_sentence_says_how_it_did_beside_the_benchmark() -> None:
    closes = list(100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0.002, 0.02, 120))))
    turns = [("2024-01-01", 1.0), ("2024-02-15", -1.0), ("2024-03-15", 1.0)]
    whole = BuyAndHold(mix=(("BTC", 1.0),))
    result = run(market(closes, funding=turns), Follow(), benchmark=whole)
    sheet = Sheet([result])
    assert result.benchmark is not None
    own, other = result.metrics["sharpe"], result.benchmark.metrics["sharpe"]
    low, high = sheet.intervals["Follow"].ahead
    assert low < own - other < high
    said = f" against BuyAndHold's {other:.2f}, difference {own - other:.2f} (90 % interval {low:.2f} to {high:.2f}); "
    assert said in sentence(result)
    assert " against " not in sentence(replace(result, benchmark=None))
    few = run(market(closes[:5], funding=turns), Follow(), benchmark=whole)
    assert sentence(few).split(";")[0].endswith("difference 0.00")


def test_without_a_ledger_the_trials_are_not_recorded_and_luck_is_not_ruled_out() -> None:
    assert sentence(rising()).endswith(
        "; trials not recorded; not deflated, for how many trials stand behind it is not recorded: "
        "luck is not ruled out."
    )


def test_of_a_lone_trial_the_ledger_knows_no_other() -> None:
    said = sentence(rising(trials=1, tried_variance=0.0))
    assert "; the ledger knows no other trial; deflated probability" in said
    assert said.endswith("if nothing else was tried.")


def test_what_never_trades_has_no_ratio() -> None:
    said = sentence(run(market([110.0] * 40, funding=[("2024-01-01", -1.0)]), Follow()))
    assert said.startswith("no Sharpe ratio; trials not recorded; not deflated")


@pytest.mark.parametrize(
    ("deflated", "said"),
    [
        ({"A": 0.5, "B": float("nan")}, "Luck is presumed, and nothing here overturns that."),
        ({"A": 0.96}, "Luck is presumed, and these numbers speak against it."),
        ({"A": 0.96, "B": 0.5}, "Luck is presumed; the numbers of A alone speak against it."),
        ({"A": 0.96, "B": 0.96, "C": 0.96, "D": 0.1}, "Luck is presumed; the numbers of A, B and C alone speak "),
    ],
)
def test_luck_is_presumed(deflated: dict[str, float], said: str) -> None:
    assert presumption({label: worth(value) for label, value in deflated.items()}).startswith(said)


@pytest.mark.parametrize(
    ("level", "said"),
    [
        (["A", "B"], "and these numbers speak against it beside cash only, not beside the benchmark."),
        (["B"], "and these numbers speak against it, those of B beside cash only, not beside the benchmark."),
    ],
)
def test_what_is_not_ahead_of_its_benchmark_speaks_against_luck_beside_cash_only(level: list[str], said: str) -> None:
    assert presumption({"A": worth(0.96), "B": worth(0.96)}, level) == f"Luck is presumed, {said}"
    none = presumption({"A": worth(0.5), "B": worth(0.5)}, level)
    assert none == "Luck is presumed, and nothing here overturns that."


def test_a_strategy_that_is_its_benchmark_is_not_ahead_of_it() -> None:
    """It rises on most days, and nothing else was tried; held throughout, it is its benchmark but for one day."""
    closes = list(100 * np.exp(np.cumsum(np.random.default_rng(2).normal(0.01, 0.02, 200))))
    result = run(market(closes), Follow(), benchmark=BuyAndHold(mix=(("BTC", 1.0),)))
    result = replace(result, manifest=result.manifest | {"trials": 1, "tried_variance": 0.0})
    assert build(Sheet([result]))["presumption"].endswith("against it beside cash only, not beside the benchmark.")
    alone = replace(result, benchmark=None)
    assert build(Sheet([alone]))["presumption"] == "Luck is presumed, and these numbers speak against it."


def test_the_table_holds_numbers_and_the_csv_more_of_them() -> None:
    results = [rising(trials=7, tried_variance=0.001), rising(Follow(0.5))]
    sheet = Sheet(results)
    table = build(sheet)["table"]
    (_, known), (_, unknown) = table.rows
    assert (known[0], unknown[0]) == ("7", "not recorded")
    assert (unknown[3], unknown[4]) == ("–", "–")
    head, first, _ = sheet.charts.tables["skill"].splitlines()
    assert head == "strategy,trials,sharpe,sharpe low,sharpe high,probabilistic,deflated,minimum_years,years"
    label, trials, sharpe, *_ = first.rsplit(",", 8)
    assert label.strip('"') == "Follow(share=1.0)"
    assert (float(trials), float(sharpe)) == (7, pytest.approx(results[0].metrics["sharpe"]))


def test_years_are_days_below_one_and_a_lone_trial_needs_none() -> None:
    """Two hundred days; of 412 trials the luckiest reaches a ratio of 1 within some years."""
    (_, alone), (_, many) = build(
        Sheet([rising(trials=1, tried_variance=0.0), rising(trials=412, tried_variance=0.1)])
    )["table"].rows
    assert (alone[4], alone[5]) == ("–", "200 days")
    needed = float(str(many[4]).removesuffix(" days")) / (365 if "days" in str(many[4]) else 1)
    assert needed == pytest.approx(skill(rising(trials=412, tried_variance=0.1)).minimum_years, abs=0.05)
    (_, short), *_ = build(Sheet([run(market([110.0] * 10))]))["table"].rows
    (_, one), *_ = build(Sheet([run(market([110.0]))]))["table"].rows
    (_, long), *_ = build(Sheet([run(market([110.0] * 438))]))["table"].rows
    assert (short[5], one[5], long[5]) == ("10 days", "1 day", "1.2")


def test_findings_stand_under_the_verdict_and_their_codes_open_their_meaning() -> None:
    found = [Finding("NO_FILLS", "Follow", "no order was filled"), Finding("OF_MY_OWN", "", "it is <so>")]
    parsed = Page(page.render(Sheet([rising()], found), "Title"))
    text = " ".join(" ".join(parsed.text).split())
    assert "NO_FILLS Follow: no order was filled" in text
    assert "OF_MY_OWN it is <so>" in text
    assert parsed.having("button", popovertarget="def-finding-NO_FILLS")
    assert "Not one order was filled, so the result is that of cash." in text
    assert "def-finding-NO_FILLS" in parsed.ids
    assert not parsed.having("button", popovertarget="def-finding-OF_MY_OWN")


def test_the_verdict_is_the_first_section() -> None:
    assert page.SECTIONS[0].id == "headline"
