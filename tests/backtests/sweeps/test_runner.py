"""Runners: a trial of a sweep is the same backtest as `ebbtide run` gives, however it came about."""

import dataclasses
from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.decisions import traded_assets
from backtests.execution import Execution
from backtests.ledger import Ledger, record
from backtests.metrics import excess_returns
from backtests.selection import built_in
from backtests.sweeps.runner import EventPath, FastPath, runner_of
from backtests.sweeps.trials import MEASURES, Chunk, Task, World
from backtests.tape import build_tape
from data_cache.errors import StrategyFailed
from data_cache.lab import Lab
from data_cache.market import Known, Market
from signals import Signal, StandingRepoUse
from strategies import Now, Strategy
from strategies.strategy import Book, Weights, path_dependent

COSTLY = Execution(fee_bps=30, slippage_bps=12, band=0.05, latency_hours=30, rebalance_days=45, cash="DTB3")
EVALUATED: list[int] = []


@dataclasses.dataclass(frozen=True)
class Guarded(Strategy):
    """Hold bitcoin until a part of the peak is lost, then nothing for good."""

    loss: float = 0.2

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        return {"BTC": 0.0 if book.drawdown > self.loss or book.weights["BTC"] == 0 < book.drawdown else 0.9}


@dataclasses.dataclass(frozen=True)
class Counted(StandingRepoUse):
    """Take-up of the facility, which counts how often it was computed."""

    def compute(self, known: Known) -> pd.Series:
        EVALUATED.append(self.window)
        return super().compute(known)


@dataclasses.dataclass(frozen=True)
class Counting(Strategy):
    """Hold while the Fed lends."""

    window: int = 5
    trigger: float = 0.5
    exposure: float = 0.5

    def signals(self) -> Mapping[str, Signal]:
        return {"srf": Counted(self.window)}

    def weights(self, now: Now) -> Weights:
        return {"BTC": (now.srf > self.trigger) * self.exposure}


@pytest.fixture(scope="module")
def lab() -> Market:
    return Lab().market("1d")


def world_of(base: Strategy, market: Market, execution: Execution = Execution(), **window: pd.Timestamp) -> World:
    tape = build_tape(market, traded_assets(base, market), window.get("start"), window.get("end"), execution.cash)
    return World(base, market, tape, execution)


def assert_same(chunk: Chunk, position: int, result: object) -> None:
    """Every measure of a trial is that of a Result; so are its daily returns, in single precision."""
    measures = {name: float(chunk.measures[name][position]) for name in MEASURES}
    excess = excess_returns(result)
    theirs = {name: result.metrics[name] for name in MEASURES if name in result.metrics}
    theirs |= {"final_equity": result.equity.iloc[-1], "mean": excess.mean(), "deviation": excess.std(ddof=1)}
    for name, value in theirs.items():
        assert measures[name] == pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True), name
    np.testing.assert_allclose(chunk.returns[:, position], excess, atol=2e-7)


@pytest.mark.parametrize("execution", [Execution(), COSTLY], ids=["usual costs", "every condition at once"])
@pytest.mark.parametrize("name", built_in())
def test_a_trial_of_the_fast_path_is_the_backtest_that_run_gives(name: str, execution: Execution, lab: Market) -> None:
    base = built_in()[name]()
    other = {"exposure": 0.35}
    chunk = FastPath(world_of(base, lab, execution)).run(Task(0, [{}, other]))
    for position, strategy in enumerate([base, dataclasses.replace(base, **other)]):
        assert_same(chunk, position, Backtest(strategy, lab, execution).run())


def test_hourly_bars_give_daily_returns(lab: Market) -> None:
    hourly = Lab().market("1h")
    start, end = pd.Timestamp("2022-01-03", tz="UTC"), pd.Timestamp("2022-01-20", tz="UTC")
    base = built_in()["TrendFollowing"](days=20)
    chunk = FastPath(world_of(base, hourly, start=start, end=end)).run(Task(0, [{}]))
    equity = Backtest(base, hourly, start=start, end=end).run().equity
    midnights = equity[equity.index.hour == 0]
    assert chunk.returns.shape == (17, 1)
    np.testing.assert_allclose(chunk.returns[:, 0], midnights.pct_change().iloc[1:], atol=2e-7)


def test_a_rule_that_looks_at_its_own_book_runs_through_the_event_engine(lab: Market) -> None:
    assert path_dependent(Guarded())
    world = world_of(
        Guarded(), lab, start=pd.Timestamp("2022-01-01", tz="UTC"), end=pd.Timestamp("2022-09-01", tz="UTC")
    )
    runner = runner_of(world)
    assert isinstance(runner, EventPath)
    chunk = runner.run(Task(0, [{"loss": 0.1}, {"loss": 0.3}]))
    window = {"start": pd.Timestamp("2022-01-01", tz="UTC"), "end": pd.Timestamp("2022-09-01", tz="UTC")}
    for position, loss in enumerate((0.1, 0.3)):
        assert_same(chunk, position, Backtest(Guarded(loss), lab, **window).run())
    assert chunk.measures["total_return"][0] != chunk.measures["total_return"][1]


def test_signals_are_computed_once_for_each_set_of_their_parameters(lab: Market) -> None:
    EVALUATED.clear()
    trials = [{"window": w, "trigger": t, "exposure": e} for w in (5, 9) for t in (0.1, 1.0) for e in (0.2, 0.4, 0.8)]
    runner = FastPath(world_of(Counting(), lab))
    runner.run(Task(0, trials))
    runner.run(Task(1, trials))
    assert sorted(EVALUATED) == [5, 9]


def test_a_window_is_a_backtest_of_its_own(lab: Market) -> None:
    start, end = pd.Timestamp("2022-03-01", tz="UTC"), pd.Timestamp("2023-03-01", tz="UTC")
    base = built_in()["StealthQE"]()
    chunk = FastPath(world_of(base, lab, COSTLY)).run(Task(0, [{}], (start, end)))
    assert_same(chunk, 0, Backtest(base, lab, COSTLY, start, end).run())


def test_a_trial_with_nothing_to_decide_on_is_told_and_the_others_run(lab: Market) -> None:
    base = built_in()["StealthQE"]()
    chunk = FastPath(world_of(base, lab)).run(Task(0, [{"window": 100_000}, {"window": 21}]))
    assert "StandingRepoUse(window=100000, exclude_period_ends=False) is unknown throughout" in chunk.problems[0]
    assert chunk.problems[1] == ""
    assert all(np.isnan(chunk.measures[name][0]) for name in MEASURES)
    assert np.isnan(chunk.records["sharpe"].iloc[0])
    assert (chunk.returns[:, 0] == 0).all()
    assert_same(chunk, 1, Backtest(base, lab).run())


def test_weights_that_make_no_sense_are_the_trial_s_problem_and_the_others_run(lab: Market) -> None:
    chunk = FastPath(world_of(built_in()["StealthQE"](), lab)).run(Task(0, [{"exposure": 1.5}, {"exposure": 0.5}]))
    assert chunk.problems[0].startswith("StealthQE: exposure is above 1; leverage needs perpetuals")
    assert chunk.problems[1] == ""
    assert np.isnan(chunk.measures["sharpe"]).tolist() == [True, False]


@dataclasses.dataclass(frozen=True)
class InPlace(Counting):
    """Works on the values of its signal in place."""

    def weights(self, now: Now) -> Weights:
        take_up = now.srf
        take_up *= 2
        return {"BTC": (take_up > self.trigger) * self.exposure}


def test_a_rule_that_changes_its_signals_in_place_is_told_and_spoils_no_other_trial(lab: Market) -> None:
    told = r"InPlace.* failed in weights: ValueError: .*; a rule may not change its signals: write x = now\.x \* 2"
    with pytest.raises(StrategyFailed, match=told + r".* \(trial window=5\)$"):
        FastPath(world_of(InPlace(), lab)).run(Task(0, [{"window": 5}]))
    with pytest.raises(StrategyFailed, match=told):
        Backtest(InPlace(), lab).run()


def test_assets_that_no_single_parameter_brings_in_are_told(lab: Market) -> None:
    base = built_in()["BuyAndHold"](mix=(("BTC", 1.0),))
    runner = FastPath(world_of(base, lab))
    chunk = runner.run(Task(0, [{"mix": (("ETH", 1.0),)}, {}]))
    assert chunk.problems[0].startswith("ETH is traded where several parameters change together")
    assert chunk.problems[1] == ""


def test_trials_of_fewer_assets_than_the_tape_are_those_that_run_gives(lab: Market) -> None:
    both, alone = built_in()["TrendFollowing"](), (("ETH", 1.0),)
    chunk = FastPath(world_of(both, lab, COSTLY)).run(Task(0, [{"mix": alone}, {}]))
    assert_same(chunk, 0, Backtest(dataclasses.replace(both, mix=alone), lab, COSTLY).run())
    assert_same(chunk, 1, Backtest(both, lab, COSTLY).run())


def test_the_ledger_knows_a_trial_of_a_sweep_as_the_one_that_run_enters(lab: Market) -> None:
    """Run after a sweep is no further trial, and a mix of other assets stands on other data."""
    base = built_in()["TrendFollowing"]()
    trials = [{}, {"mix": (("ETH", 1.0),)}, {"days": 50}]
    records = FastPath(world_of(base, lab)).run(Task(0, trials)).records
    results = [Backtest(dataclasses.replace(base, **trial), lab).run() for trial in trials]

    record(results, "run")
    entered = Ledger.default().trials()
    assert records["trial"].tolist() == entered["trial"].tolist()
    assert records["code"].tolist() == entered["code"].tolist()
    assert records["data"].nunique() == 2
    assert records["when"].isna().all()


def test_a_strategy_that_refuses_its_parameters_is_told(lab: Market) -> None:
    @dataclasses.dataclass(frozen=True)
    class Picky(Strategy):
        fast: int = 1
        slow: int = 2

        def __post_init__(self) -> None:
            if self.fast >= self.slow:
                raise ValueError("fast must be below slow")

        def weights(self, now: Now) -> Weights:
            return {"BTC": 0.5}

    with pytest.raises(StrategyFailed, match="Picky can't be made with fast=3, slow=2: ValueError: fast must be below"):
        FastPath(world_of(Picky(), lab)).run(Task(0, [{"fast": 3, "slow": 2}]))


def test_orders_and_kernel_of_a_runner_give_the_equity_of_its_trials(lab: Market, toy: SimpleNamespace) -> None:
    base = built_in()["NetLiquidityTide"]()
    runner = FastPath(world_of(base, lab, COSTLY))
    equity = runner.kernel().equity(runner.orders([{}]))[0]
    np.testing.assert_allclose(equity, Backtest(base, lab, COSTLY).run().equity.iloc[1:], rtol=1e-9)
