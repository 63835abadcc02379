"""Plans: what decides the results of a sweep, and nothing else."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from backtests.execution import Execution
from backtests.sweeps.grid import Axis, Space, read_space
from backtests.sweeps.plan import Plan
from data_cache.errors import LookAhead, UnknownName
from data_cache.lab import Lab
from data_cache.market import Known, Market
from signals import Signal
from strategies import BuyAndHold, Now, Strategy, TrendFollowing
from strategies.strategy import Weights

END = pd.Timestamp("2022-01-01", tz="UTC")
BTC, ETH = (("BTC", 1.0),), (("ETH", 1.0),)


@pytest.fixture(scope="module")
def lab() -> Market:
    return Lab().market("1d")


def plan_of(market: Market, *settings: str, **changes: object) -> Plan:
    space = read_space("StealthQE", settings or ("window=5,21", "trigger=0.5,1"))
    return dataclasses.replace(Plan(space, market, end=END), **changes)


def test_the_tape_has_every_asset_that_some_value_of_a_parameter_trades(lab: Market) -> None:
    space = Space(TrendFollowing(mix=BTC), (Axis("days", (5, 10)), Axis("mix", (BTC, ETH))))
    assert Plan(space, lab).tape.assets == ["BTC", "ETH"]


def test_a_value_that_can_not_stand_alone_is_left_to_its_trials(lab: Market) -> None:
    """fast=9 can't be made beside the base's slow=5, and slow=20 brings in ETH."""

    @dataclasses.dataclass(frozen=True)
    class Crossing(Strategy):
        fast: int = 2
        slow: int = 5

        def __post_init__(self) -> None:
            if self.fast >= self.slow:
                raise ValueError("fast must be below slow")

        def weights(self, now: Now) -> Weights:
            return {"BTC": 0.5, "ETH": 0.5} if self.slow == 20 else {"BTC": 0.5}

    space = Space(Crossing(), (Axis("fast", (2, 9)), Axis("slow", (5, 20))))
    assert Plan(space, lab).tape.assets == ["BTC", "ETH"]


def test_the_higher_the_score_the_better_whatever_the_objective(lab: Market) -> None:
    measures = {"sharpe": np.array([1.0, np.nan]), "max_drawdown": np.array([0.2, 0.5]), "fills": np.array([1.0, 9.0])}
    measures["total_return"] = np.array([0.1, 0.2])
    assert plan_of(lab).scores(measures)[0] == 1.0
    assert np.isnan(plan_of(lab).scores(measures)[1])
    assert plan_of(lab, objective="max_drawdown").scores(measures).tolist() == [-0.2, -0.5]


def test_a_trial_that_never_traded_has_no_score_though_it_never_lost(lab: Market) -> None:
    measures = {"max_drawdown": np.array([0.0, 0.5]), "fills": np.array([0.0, 2.0]), "total_return": np.zeros(2)}
    scores = plan_of(lab, objective="max_drawdown").scores(measures)
    assert np.isnan(scores[0])
    assert scores[1] == -0.5


def test_an_objective_that_is_no_measure_is_an_error_with_a_suggestion(lab: Market) -> None:
    with pytest.raises(UnknownName, match="ebbtide has no objective 'sharp'; did you mean 'sharpe'\\?"):
        plan_of(lab, objective="sharp")


def test_the_yardstick_holds_the_base_s_mix_unless_another_is_asked_for(lab: Market) -> None:
    space = Space(TrendFollowing(mix=ETH), (Axis("days", (5, 10)),))
    assert Plan(space, lab).yardstick == BuyAndHold(mix=ETH)
    assert Plan(space, lab, benchmark=BuyAndHold(exposure=0.5)).yardstick == BuyAndHold(exposure=0.5)


CHANGES: dict[str, dict[str, object]] = {
    "window": {"end": END - pd.Timedelta(days=1)},
    "execution": {"execution": Execution(fee_bps=11)},
    "search": {"search": "random", "trials": 3},
    "space": {"space": read_space("StealthQE", ("window=5,22", "trigger=0.5,1"))},
    "where": {"space": read_space("StealthQE", ("window=5,21", "trigger=0.5,1"), ("window > trigger",))},
    "strategy": {"space": read_space("StealthQE(exposure=0.9)", ("window=5,21", "trigger=0.5,1"))},
}


@pytest.mark.parametrize(("part", "change"), CHANGES.items(), ids=CHANGES)
def test_what_decides_the_results_is_told(part: str, change: dict[str, object], lab: Market) -> None:
    before, after = plan_of(lab).about(), plan_of(lab, **change).about()
    assert before[part] != after[part]


def test_the_data_are_told_apart_by_every_series_that_some_value_reads(lab: Market) -> None:
    """The basis of ether is read by one value of a parameter alone."""
    basis = read_space("BasisReset", ("asset=BTC,ETH",))
    assert {"futures:ETH", "futures:BTC", "bars:BTC"} <= set(Plan(basis, lab).about()["data"])
    other = Plan(basis, Lab(seed=8).market("1d")).about()["data"]
    assert all(other[need] != sha for need, sha in Plan(basis, lab).about()["data"].items())


def test_what_ranks_finished_trials_alone_decides_nothing_but_for_a_search_that_learns(lab: Market) -> None:
    assert plan_of(lab).about() == plan_of(lab, objective="sortino", seed=8, benchmark=BuyAndHold(exposure=0.5)).about()
    tpe = plan_of(lab, search="tpe", trials=3)
    assert tpe.about() != dataclasses.replace(tpe, objective="sortino").about()
    assert tpe.about() != dataclasses.replace(tpe, seed=8).about()


@dataclasses.dataclass(frozen=True)
class NextClose(Signal):
    """The close of the next day."""

    needs = ("bars:BTC",)

    def compute(self, known: Known) -> pd.Series:
        return known.bars("BTC")["close"].shift(-1).ffill()


@dataclasses.dataclass(frozen=True)
class Prophet(Strategy):
    """Hold what a signal of tomorrow says."""

    level: float = 10_000.0

    def signals(self) -> dict[str, Signal]:
        return {"next": NextClose()}

    def weights(self, now: Now) -> Weights:
        return {"BTC": (now.next > self.level) * 0.5}


def test_a_rule_that_looks_ahead_is_refused(lab: Market) -> None:
    plan_of(lab).refuse_look_ahead()
    with pytest.raises(LookAhead):
        Plan(Space(Prophet(), (Axis("level", (1.0, 2.0)),)), lab).refuse_look_ahead()
