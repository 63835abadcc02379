"""What is said of a walk, on stretches written out by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isnan
from typing import Any

import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.findings import Finding
from backtests.sweeps.grid import read_space
from backtests.sweeps.plan import Plan
from backtests.sweeps.scheduled import scheduled
from backtests.sweeps.walked import Walk, kept, walk_findings
from data_cache.errors import LookAhead
from data_cache.lab import Lab
from data_cache.market import Known, Market
from signals import Signal, Trend
from strategies import Now, StealthQE, TrendFollowing, Weights

TEST = pd.Timedelta(days=60)
STEPS = {"train": "180d", "test": "60d", "purge": "0d", "anchored": False}


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


def stretches(**columns: list[Any]) -> pd.DataFrame:
    """As many stretches as the columns have rows, of 60 days each; what is not given is as good as can be."""
    count = len(next(iter(columns.values())))
    begin = pd.DatetimeIndex([day("2021-01-01") + number * TEST for number in range(count)])
    as_promised = {"days": [10] * count, "chosen": [True] * count, "scored": [4] * count}
    as_promised |= {"in_sample": [1.0] * count, "out_of_sample": [1.0] * count}
    as_promised |= {"ruined": [False] * count, "book_ruined": [""] * count}
    windows = {"train_from": begin - 3 * TEST, "train_to": begin, "test_from": begin, "test_to": begin + TEST}
    return pd.DataFrame(windows | as_promised | columns).rename_axis("stretch")


@pytest.fixture(scope="module")
def lab() -> Market:
    return Lab().market("1d")


@pytest.fixture(scope="module")
def walk(lab: Market) -> Walk:
    plan = Plan(read_space("TrendFollowing", ["days=5,10,20"]), lab, start=day("2020-07-05"), end=day("2021-11-01"))
    window = {"start": day("2021-01-01"), "end": day("2021-11-01")}
    result = Backtest(scheduled([(day("2021-01-01"), TrendFollowing(10))]), lab, **window).run()
    return Walk(plan, STEPS, stretches(days=[10] * 5), result, 20, [])


def of(walk: Walk, table: pd.DataFrame, test: pd.Timedelta = TEST, **plan: Any) -> dict[str, str]:
    """The sentences of the findings, by code."""
    found: list[Finding] = walk_findings(replace(walk.plan, **plan), test, table, walk.result)
    return {finding.code: finding.sentence for finding in found}


def test_a_walk_that_keeps_its_promise_has_no_findings(walk: Walk) -> None:
    assert of(walk, walk.stretches) == {}


def test_what_is_found_on_the_joined_run_is_about_the_strategy_that_was_walked(lab: Market, walk: Walk) -> None:
    window = {"start": day("2021-01-01"), "end": day("2021-02-01")}  # a month is too short, and has few decisions
    result = Backtest(scheduled([(day("2021-01-01"), TrendFollowing(10))]), lab, **window).run()
    found = {finding.code: finding.about for finding in walk_findings(walk.plan, TEST, walk.stretches, result)}
    assert found["FEW_DECISIONS"] == "TrendFollowing"
    assert set(found.values()) == {"TrendFollowing", ""}


def test_drift_is_what_was_held_from_each_moment_on(walk: Walk) -> None:
    table = stretches(days=[10, 10, 5, 20, 20])
    walk = Walk(walk.plan, STEPS, table, walk.result, 20, [])
    assert walk.drift["days"].to_dict() == dict(zip(table["test_from"], [10, 10, 5, 20, 20], strict=True))
    assert walk.changes.loc["days"].to_dict() == {"changes": 2, "of": 4, "distinct": 3, "lowest": 5, "highest": 20}


def test_what_was_held_before_anything_was_chosen_is_no_value_and_a_mix_has_no_range(walk: Walk) -> None:
    mixes = [None, (("BTC", 1.0),), (("ETH", 1.0),), (("BTC", 1.0),)]
    changes = Walk(walk.plan, STEPS, stretches(days=mixes), walk.result, 20, []).changes.loc["days"]
    assert changes.to_dict() == {"changes": 2, "of": 2, "distinct": 2, "lowest": None, "highest": None}
    numbers = Walk(walk.plan, STEPS, stretches(days=[None, 10, 5, 5]), walk.result, 20, []).changes.loc["days"]
    assert numbers.to_dict() == {"changes": 1, "of": 2, "distinct": 2, "lowest": 5.0, "highest": 10.0}


def test_efficiency_is_a_ratio_of_medians_so_that_one_tiny_promise_does_not_decide_it(walk: Walk) -> None:
    table = stretches(in_sample=[2.0, 0.001, 4.0, -1.0, 1.0], out_of_sample=[1.0, 0.9, -1.0, 0.1, float("nan")])
    found = Walk(walk.plan, STEPS, table, walk.result, 20, [])
    # Of four with both numbers: the median of 2, 0.001, 4, -1 is 1.0005, that of 1, 0.9, -1, 0.1 is 0.5.
    assert (found.kept.inside, found.kept.outside) == (pytest.approx(1.0005), 0.5)
    assert found.efficiency == pytest.approx(0.5 / 1.0005)


def test_a_stretch_that_is_cut_to_less_than_half_is_not_compared() -> None:
    table = stretches(in_sample=[1.0, 1.0, 9.0], out_of_sample=[0.5, 0.5, 9.0])
    for days, efficiency in ((29, 0.5), (30, 0.5 / 1.0)):
        cut = table.assign(test_to=[*table["test_to"].iloc[:2], table["test_from"].iloc[2] + pd.Timedelta(days=days)])
        assert kept("sharpe", TEST, cut).efficiency == efficiency
    # Of two stretches alone, the one that is long enough changes the median: from 1 to (1 + 9) / 2.
    two = table.iloc[1:]
    short = two.assign(test_to=[two["test_to"].iloc[0], two["test_from"].iloc[1] + pd.Timedelta(days=29)])
    assert (kept("sharpe", TEST, two).inside, kept("sharpe", TEST, short).inside) == (5.0, 1.0)


@pytest.mark.parametrize(
    ("objective", "inside", "reason"),
    [
        ("sharpe", 0.0, "the median inside is not above 0"),
        ("sharpe", -0.5, "the median inside is not above 0"),
        ("sharpe", float("nan"), "no stretch has a Sharpe ratio both inside and outside"),
        ("max_drawdown", 0.2, "a maximum drawdown grows with the length of its window"),
        ("volatility", 0.2, "a lower volatility a year is the better one"),
        ("total_return", 0.2, "a total return grows with the length of its window"),
    ],
)
def test_there_is_no_efficiency_where_a_ratio_says_nothing(
    objective: str, inside: float, reason: str, walk: Walk
) -> None:
    table = stretches(in_sample=[inside] * 3, out_of_sample=[-1.0] * 3)
    found = kept(objective, TEST, table)
    assert found.reason == reason
    assert isnan(found.efficiency)
    assert of(walk, table, objective=objective) == {}


def test_less_than_half_of_what_was_promised_is_told(walk: Walk) -> None:
    assert of(walk, stretches(in_sample=[2.0, 1.0, 1.5], out_of_sample=[0.4, -0.1, 0.6])) == {
        "WORSE_OUT_OF_SAMPLE": (
            "Sharpe ratio, median of the stretches: 1.50 inside, 0.40 outside; less than half of what training "
            "promised came of it"
        )
    }
    assert of(walk, stretches(in_sample=[2.0, 2.0, 2.0], out_of_sample=[1.0, 1.0, 1.0])) == {}


def test_the_summary_has_both_medians(walk: Walk) -> None:
    result = replace(walk.result, manifest=walk.result.manifest | {"trials": 21})
    told = Walk(walk.plan, STEPS, stretches(days=[5, 5], out_of_sample=[0.5, 0.25]), result, 20, []).summary()
    assert (told["median_inside"], told["median_outside"], told["efficiency"]) == (1.0, 0.375, 0.375)


def test_a_parameter_that_changes_at_more_than_half_of_the_steps_is_told(walk: Walk) -> None:
    assert of(walk, stretches(days=[5, 10, 10, 20, 5])) == {
        "DRIFTING_PARAMETER": (
            "days changed at 3 of 4 steps; what is best depends more on the training window than on the idea"
        )
    }
    whole = of(walk, stretches(days=[None, 5, 10, 10, 20, 5]))["DRIFTING_PARAMETER"]  # None makes numbers of kind float
    assert whole.startswith("days changed at 3 of 4 steps; ")
    assert of(walk, stretches(days=[5, 10, 10, 20, 20])) == {}
    assert of(walk, stretches(days=[5, 10, 20])) == {}


def test_a_parameter_that_is_called_like_a_measure_keeps_its_name(walk: Walk) -> None:
    plan = replace(walk.plan, space=read_space("TrendFollowing", ["exposure=0.5,1"]))
    table = stretches(**{"parameter.exposure": [0.5, 1.0, 0.5, 1.0]})
    assert Walk(plan, STEPS, table, walk.result, 20, []).changes.index.tolist() == ["exposure"]
    assert of(walk, table, space=plan.space)["DRIFTING_PARAMETER"].startswith("exposure changed at 3 of 3 steps; ")


def test_windows_in_which_nothing_was_chosen_are_told(walk: Walk) -> None:
    assert of(walk, stretches(chosen=[True, False, False])) == {
        "NOTHING_CHOSEN": (
            "in 2 of 3 training windows, the first of them 2020-09-03 to 2021-03-02, no trial has a Sharpe ratio; what "
            "was chosen before is held on, or cash where nothing was"
        )
    }


def test_a_last_stretch_that_is_cut_short_is_told(walk: Walk) -> None:
    assert of(walk, walk.stretches, test=TEST * 1.5) == {
        "SHORT_LAST_STRETCH": "the last test window has 60 days of 90, for history ends there"
    }


def test_a_signal_that_what_was_held_lacks_is_told(lab: Market, walk: Walk) -> None:
    # The standing facility begins on 2021-07-29: until it is first reported, StealthQE decides nothing.
    first = pd.Timestamp(lab.known_times("SRF").min(), tz="UTC")
    plan = scheduled([(day("2021-05-01"), TrendFollowing(10)), (day("2021-06-01"), StealthQE(1))])
    result = Backtest(plan, lab, start=day("2021-05-01"), end=day("2021-11-01")).run()
    found = walk_findings(walk.plan, TEST, walk.stretches, result)
    ends = pd.date_range("2021-05-02", "2021-11-01", tz="UTC")
    share = ((ends >= day("2021-06-01")) & (ends < first)).mean()
    assert {finding.code: finding.sentence for finding in found}["SIGNAL_UNKNOWN"] == (
        f"at {share:.0%} of the bars' ends the parameters held lack a signal that they need; meanwhile the book is "
        "left as it is"
    )


@dataclass(frozen=True)
class Tomorrow(Trend):
    """Whether the next day ends higher."""

    def compute(self, known: Known) -> pd.Series:
        return known.bars("BTC")["close"].pct_change().shift(-1)


@dataclass(frozen=True)
class Cheat(TrendFollowing):
    """Holds what will rise."""

    def signals(self) -> Mapping[str, Signal]:
        return {"BTC": Tomorrow("BTC", 5)}

    def weights(self, now: Now) -> Weights:
        return {"BTC": (now.BTC > 0) * 1.0}


def test_a_rule_that_looks_ahead_is_found_out(walk: Walk) -> None:
    result = replace(walk.result, strategy=scheduled([(day("2018-01-01"), Cheat())]))
    with pytest.raises(LookAhead, match="is not causal"):
        walk_findings(walk.plan, TEST, walk.stretches, result)
