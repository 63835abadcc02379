"""The judge: which trials it runs again, and that it finds out what is wrong by more than a billionth."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.decisions import traded_assets
from backtests.execution import Execution
from backtests.sweeps.judge import again, finalists, judge
from backtests.sweeps.kernel import Kernel
from backtests.sweeps.trials import World
from backtests.tape import build_tape
from data_cache.errors import CheckFailed
from data_cache.lab import Lab
from data_cache.market import Market
from strategies import Strategy, TrendFollowing

END = pd.Timestamp("2019-07-01", tz="UTC")
TRIALS = {3: {"days": 20}, 8: {"days": 50, "exposure": 0.5}}


@pytest.fixture(scope="module")
def lab() -> Market:
    return Lab().market("1d")


def world_of(base: Strategy, market: Market) -> World:
    execution = Execution(fee_bps=25, cash="DTB3", rebalance_days=30)
    return World(base, market, build_tape(market, traded_assets(base, market), None, END, "DTB3"), execution)


def final_equity(world: World) -> dict[int, float]:
    return {number: again(world, dataclasses.replace(world.base, **t)).equity.iloc[-1] for number, t in TRIALS.items()}


def test_the_ten_best_are_followed_by_twenty_others_and_none_comes_twice() -> None:
    scores = pd.Series(np.random.default_rng(1).permutation(100) / 10)
    numbers = finalists(scores, seed=7)
    assert scores[numbers[:10]].tolist() == [9.9, 9.8, 9.7, 9.6, 9.5, 9.4, 9.3, 9.2, 9.1, 9.0]
    assert len(set(numbers)) == len(numbers) == 30
    assert finalists(scores, seed=7).tolist() == numbers.tolist() != finalists(scores, seed=8).tolist()


def test_trials_without_a_score_are_not_run_again_and_of_equals_the_first_is_best() -> None:
    scores = pd.Series([np.nan, 1.0, 3.0, np.nan, 3.0])
    assert finalists(scores, seed=7).tolist() == [2, 4, 1]


def test_what_vectorbt_makes_of_a_trial_is_what_run_gives(lab: Market) -> None:
    world = world_of(TrendFollowing(), lab)
    result = Backtest(TrendFollowing(days=20), lab, world.execution, end=END).run()
    pd.testing.assert_series_equal(again(world, TrendFollowing(days=20)).equity, result.equity, check_exact=True)


def test_trials_that_agree_are_judged_with_their_largest_difference(lab: Market) -> None:
    world = world_of(TrendFollowing(), lab)
    seen: list[tuple[int, int]] = []
    judged = judge(world, TRIALS, final_equity(world), watch=lambda done, total: seen.append((done, total)))
    assert judged.numbers.tolist() == [3, 8]
    assert 0 <= judged.largest < 1e-12
    assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize("wrong", [1 + 2e-9, 1 - 2e-9, np.nan], ids=["too much", "too little", "nothing at all"])
def test_a_table_that_says_something_else_is_found_out(wrong: float, lab: Market) -> None:
    world = world_of(TrendFollowing(), lab)
    said = final_equity(world)
    said[8] *= wrong
    with pytest.raises(CheckFailed, match=r"the equity of trial 8 \(days=50, exposure=0\.5\) differs by .* > 1e-09"):
        judge(world, TRIALS, said)


def test_a_kernel_that_is_wrong_between_beginning_and_end_is_found_out(
    lab: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bar of many is off by a hundred-millionth, and the last one is right."""
    world = world_of(TrendFollowing(), lab)
    said, equity = final_equity(world), Kernel.equity

    def wrong(kernel: Kernel, orders: object) -> np.ndarray:
        curves = equity(kernel, orders)
        curves[:, 100] *= 1 + 1e-8
        return curves

    monkeypatch.setattr(Kernel, "equity", wrong)
    with pytest.raises(CheckFailed, match=r"differs by 1\.00e-08"):
        judge(world, TRIALS, said)
