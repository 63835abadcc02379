"""Sweeps and walks over rules that short and use leverage: the margin kernel runs them, and something else judges."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.execution import Execution
from backtests.ledger import Ledger
from backtests.perpetuals.kernel import MarginKernel
from backtests.sweeps.backends import cluster
from backtests.sweeps.grid import Axis, Space
from backtests.sweeps.judge import ACCOUNT, MARGIN_KERNEL, again, judge
from backtests.sweeps.plan import Plan
from backtests.sweeps.report.words import judgement
from backtests.sweeps.runner import runner_of
from backtests.sweeps.steps import Steps
from backtests.sweeps.sweep import run_sweep
from backtests.sweeps.terminal import agreement
from backtests.sweeps.trials import Task
from backtests.sweeps.walk_forward import walk_forward
from data_cache.errors import BadUsage, CheckFailed
from data_cache.lab import Lab
from data_cache.market import Market
from signals import Signal, Trend
from strategies import Book, Now, Strategy, Weights

PERPS = Execution(perps=True)
START, END = pd.Timestamp("2021-01-01", tz="UTC"), pd.Timestamp("2022-01-01", tz="UTC")


@dataclass(frozen=True)
class TwoSided(Strategy):
    """Long with leverage while BTC rises, short while it falls."""

    days: int = 20
    short: float = -1.5

    def signals(self) -> Mapping[str, Signal]:
        return {"trend": Trend("BTC", self.days)}

    def weights(self, now: Now) -> Weights:
        return {"BTC": np.where(now.trend > 0, 2.0, self.short), "ETH": np.where(now.trend > 0, -0.5, 0.5)}


@dataclass(frozen=True)
class Wary(TwoSided):
    """The same, at half size while a fifth of the book is lost."""

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        size = 0.5 if book.drawdown > 0.2 else 1.0
        return {asset: float(weight) * size for asset, weight in self.weights(now).items()}


@pytest.fixture(scope="module")
def lab() -> Market:
    return Lab().market("1d")


def plan_of(market: Market, base: Strategy, **axes: tuple[Any, ...]) -> Plan:
    space = Space(base, tuple(Axis(name, values) for name, values in axes.items()))
    return Plan(space, market, PERPS, START, END)


def trials_of(plan: Plan) -> dict[int, Mapping[str, Any]]:
    return {number: plan.space.trial(number) for number in range(plan.space.size)}


def test_a_trial_measures_what_run_says_of_it(lab: Market) -> None:
    plan = plan_of(lab, TwoSided(), days=(10, 40), short=(-1.0, -9.0))
    measured = runner_of(plan.world).run(Task(0, list(trials_of(plan).values())))
    assert measured.problems == [""] * 4
    for number, trial in trials_of(plan).items():
        result = Backtest(dataclasses.replace(TwoSided(), **trial), lab, PERPS, START, END).run()
        found = {name: values[number] for name, values in measured.measures.items() if name in result.metrics}
        assert found == pytest.approx({name: result.metrics[name] for name in found}, rel=1e-8)
        assert measured.measures["final_equity"][number] == pytest.approx(result.equity.iloc[-1], rel=1e-9)


def test_the_account_of_the_event_engine_judges_and_finds_out_a_kernel_without_funding(
    lab: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(lab, TwoSided(), days=(10, 40))
    said = {number: again(plan.world, plan.space.strategy(t)).equity.iloc[-1] for number, t in trials_of(plan).items()}
    judged = judge(plan.world, trials_of(plan), said)
    assert judged.by == ACCOUNT
    assert judged.largest < 1e-10
    made = MarginKernel.__init__

    def unfunded(kernel: MarginKernel, *of: Any) -> None:
        made(kernel, *of)
        kernel._bars["inside"] = 0.0

    monkeypatch.setattr(MarginKernel, "__init__", unfunded)
    with pytest.raises(
        CheckFailed, match=r"the event engine's account disagrees with the sweep: the equity of trial 0"
    ):
        judge(plan.world, trials_of(plan), said)


def test_trials_of_event_engines_are_judged_by_the_margin_kernel(lab: Market) -> None:
    plan = plan_of(lab, Wary(), days=(20,))
    said = {0: again(plan.world, Wary()).equity.iloc[-1]}
    judged = judge(plan.world, trials_of(plan), said)
    assert judged.by == MARGIN_KERNEL
    assert judged.largest < 1e-10


def test_a_sweep_says_who_judged_it_and_how_many_of_its_trials_were_ruined(lab: Market, tmp_path: Path) -> None:
    """What a liquidation leaves is 0.3 % of notional, and closing takes 0.55 %: whoever is liquidated is ruined."""
    thin = Execution(fee_bps=0, perps=True, maintenance_margin=0.003)
    plan = plan_of(lab, TwoSided(), days=(5, 10, 20, 40, 60), short=(-1.0, -9.0))
    plan = dataclasses.replace(plan, execution=thin)
    sweep = run_sweep(plan, tmp_path / "sweep", Ledger(tmp_path / "ledger"))
    assert agreement(sweep.judged).startswith("The event engine's account agrees on 9 trials")
    assert judgement(sweep).startswith("The event engine's account ran 9 trials again")
    runs = [Backtest(one, lab, thin, START, END).run() for one in plan.space.strategies()]
    ruined = [run.ruined_at is not None for run in runs]
    assert (sweep.table["final_equity"] == 0).tolist() == ruined
    assert sum(ruined) == 1
    assert sweep.table["ruined"].tolist() == ruined
    assert sweep.notices == [
        "1 of 10 trials ended in ruin: a liquidation left nothing; it counts as tried, and can not be the best"
    ]
    assert sweep.result.execution.perps
    assert sweep.result.benchmark is not None
    assert not sweep.result.benchmark.execution.perps
    own = Backtest(sweep.result.strategy, lab, thin, START, END).run()
    pd.testing.assert_series_equal(sweep.result.equity, own.equity, check_exact=True)


def test_a_walk_trades_perpetuals_in_its_test_windows(lab: Market, tmp_path: Path) -> None:
    plan = plan_of(lab, TwoSided(), days=(10, 40))
    with cluster("local", 1) as here:
        lengths = (pd.Timedelta(days=days) for days in (200, 60, 10))
        walk = walk_forward(plan, Steps(*lengths), here, Ledger(tmp_path / "ledger"), 2 * 10**9)
    assert walk.result.execution.perps
    assert (walk.result.weights["ETH"] < 0).any()
    assert len(walk.result.payments) > 0


def test_without_perps_every_trial_of_such_a_rule_has_a_problem_that_names_the_cure(lab: Market) -> None:
    plan = dataclasses.replace(plan_of(lab, TwoSided(), days=(10,)), execution=Execution())
    (problem,) = runner_of(plan.world).run(Task(0, [plan.space.trial(0)])).problems
    assert "--perps" in problem
    with pytest.raises(BadUsage, match="--perps"):
        plan.refuse_look_ahead()
