"""A walk: what training chooses, what the test windows make of it, what the ledger counts, and that nothing leaks."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.execution import Execution
from backtests.ledger import Ledger
from backtests.proofs import poisoned
from backtests.sweeps.backends import Cluster, cluster
from backtests.sweeps.cross_validation import Folds, cross_validate
from backtests.sweeps.grid import read_space
from backtests.sweeps.plan import Plan
from backtests.sweeps.runner import runner_of
from backtests.sweeps.scheduled import scheduled
from backtests.sweeps.steps import Steps
from backtests.sweeps.trials import Chunk, Runner, Task, World
from backtests.sweeps.walk_forward import walk_forward, walk_paths
from backtests.sweeps.walked import Walk
from data_cache.bars import Bars
from data_cache.cache import load_market
from data_cache.errors import BadUsage, NoData
from data_cache.lab import Lab
from data_cache.market import Market
from data_cache.sources.files import import_manifest
from data_cache.store import Store

MEMORY = 2 * 10**9


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


def days(count: int) -> pd.Timedelta:
    return pd.Timedelta(days=count)


STEPS = Steps(days(200), days(60), days(10))
# 365 days: the first test window begins on day 210, so there are three, of 60, 60 and 35 days.
WINDOW = {"start": day("2021-01-01"), "end": day("2022-01-01")}


@pytest.fixture(scope="module")
def lab() -> Market:
    return Lab().market("1d")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def trends(market: Market, *settings: str, strategy: str = "TrendFollowing", **more: Any) -> Plan:
    return Plan(read_space(strategy, settings or ["days=5,10,20,40"]), market, **{**WINDOW, **more})


def walked(plan: Plan, ledger: Ledger, steps: Steps = STEPS, workers: Cluster | None = None, **more: Any) -> Walk:
    with workers or cluster("local", 1) as started:
        return walk_forward(plan, steps, started, ledger, MEMORY, **more)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the real history."""
    store = tmp_path_factory.mktemp("history") / "store"
    import_manifest(Path(__file__).parents[2] / "shared.toml", Store(store))
    return store


# A runner that scores by hand

Score = Callable[[Mapping[str, Any], tuple[pd.Timestamp, pd.Timestamp]], float]


@dataclass
class Scripted:
    """Runs trials as they are, then gives each the Sharpe ratio that `score` says; a NaN comes with a problem."""

    score: Score
    real: Runner

    def run(self, task: Task) -> Chunk:
        chunk = self.real.run(task)
        assert task.window is not None
        scores = np.array([self.score(trial, task.window) for trial in task.trials])
        problems = ["nothing to decide on" if np.isnan(score) else "" for score in scores]
        return replace(chunk, measures={**chunk.measures, "sharpe": scores}, problems=problems)


def by_hand(score: Score) -> Cluster:
    return cluster("local", 1, make=lambda world: Scripted(score, runner_of(world)))


class Backwards:
    """A cluster that answers in the reverse order, and cannot answer before it has all tasks."""

    def __init__(self, inner: Cluster) -> None:
        self._inner = inner

    workers = 3

    def __enter__(self) -> "Backwards":
        self._inner.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._inner.__exit__(*error)

    def share(self, world: World) -> None:
        self._inner.share(world)

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Chunk]]:
        return iter([*self._inner.run(tasks)][::-1])


# What is chosen


def test_each_stretch_holds_what_was_best_on_its_training_window(lab: Market, ledger: Ledger) -> None:
    best = {day("2021-01-01"): 10, day("2021-03-02"): 40, day("2021-05-01"): 5}

    def score(trial: Mapping[str, Any], window: tuple[pd.Timestamp, pd.Timestamp]) -> float:
        if window[0] in best:
            return 2.0 if trial["days"] == best[window[0]] else 1.0
        return -1.0

    walk = walked(trends(lab), ledger, workers=by_hand(score))
    table = walk.stretches
    assert table["train_from"].tolist() == [*best]
    assert table["train_to"].tolist() == [day("2021-07-20"), day("2021-09-18"), day("2021-11-17")]
    assert table["test_from"].tolist() == [day("2021-07-30"), day("2021-09-28"), day("2021-11-27")]
    assert table["test_to"].tolist() == [day("2021-09-28"), day("2021-11-27"), day("2022-01-01")]
    assert table["days"].tolist() == [10, 40, 5]
    assert table["chosen"].tolist() == [True] * 3
    assert table["scored"].tolist() == [4] * 3
    assert table["in_sample"].tolist() == [2.0] * 3
    assert table["out_of_sample"].tolist() == [-1.0] * 3
    assert walk.efficiency == -0.5
    base = trends(lab).space.base
    parts = [(begin, replace(base, days=n)) for begin, n in zip(table["test_from"], [10, 40, 5], strict=True)]
    assert walk.result.strategy == scheduled(parts)
    assert walk.result.tape.opens.index[0] == day("2021-07-30")
    assert walk.result.tape.known_at[-1] == day("2022-01-01")


@pytest.mark.parametrize("backwards", [False, True])
def test_of_equal_trials_the_first_is_chosen_whoever_comes_first(
    lab: Market, ledger: Ledger, backwards: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backtests.sweeps.walk_forward.chunk_size", lambda *_: 1)
    scores = {5: float("nan"), 10: 1.0, 20: 3.0, 40: 3.0}
    workers = by_hand(lambda trial, window: scores[trial["days"]])
    walk = walked(trends(lab), ledger, workers=Backwards(workers) if backwards else workers)
    assert walk.stretches["days"].tolist() == [20] * 3
    assert walk.stretches["scored"].tolist() == [3] * 3
    assert walk.stretches["out_of_sample"].tolist() == [3.0] * 3


def test_of_a_loss_the_smallest_is_best(lab: Market, ledger: Ledger) -> None:
    plan = trends(lab, objective="max_drawdown")
    walk = walked(plan, ledger)
    runner = runner_of(plan.world)
    for _, row in walk.stretches.iterrows():
        chunk = runner.run(Task(0, [*plan.space], (row["train_from"], row["train_to"])))
        assert row["in_sample"] == chunk.measures["max_drawdown"].min() > 0


def test_where_no_trial_has_a_score_the_last_choice_stays_and_before_any_there_is_cash(
    lab: Market, ledger: Ledger
) -> None:
    known = day("2021-03-02")
    workers = by_hand(lambda trial, window: 1.0 if window[0] in (known, day("2021-11-27")) else float("nan"))
    walk = walked(trends(lab), ledger, workers=workers)
    assert walk.stretches["chosen"].tolist() == [False, True, False]
    assert walk.stretches["scored"].tolist() == [0, 4, 0]
    assert walk.drift["days"].tolist() == [None, 5, 5]
    assert json.loads(json.dumps(walk.summary(), default=str))["stretches"][0]["days"] is None
    equity = walk.result.equity
    assert (equity[equity.index <= day("2021-09-28")] == 100_000).all()
    assert len(walk.result.strategy.parts) == 1  # type: ignore[attr-defined]
    assert "NOTHING_CHOSEN" in [finding.code for finding in walk.findings]


def test_a_walk_that_never_has_a_score_says_why(lab: Market, ledger: Ledger) -> None:
    with pytest.raises(
        NoData, match=r"no trial of TrendFollowing has a sharpe in any training .*; nothing to decide on"
    ):
        walked(trends(lab), ledger, workers=by_hand(lambda trial, window: float("nan")))


def test_a_test_window_without_a_single_bar_is_no_stretch(lab: Market, ledger: Ledger) -> None:
    hole = slice("2021-09-28", "2021-11-26")  # the second test window
    bars = {asset: Bars(asset, "1d", bars.frame.drop(bars.frame.loc[hole].index)) for asset, bars in lab.bars.items()}
    walk = walked(trends(replace(lab, bars=bars)), ledger)
    assert walk.stretches["test_from"].tolist() == [day("2021-07-30"), day("2021-11-27")]
    assert walk.result.equity.index[-1] == day("2022-01-01")


@pytest.mark.parametrize("search", ["random", "tpe"])
def test_a_sampled_search_chooses_the_same_again(lab: Market, ledger: Ledger, search: str) -> None:
    plan = trends(lab, "days=5:60:5", "exposure=0.5,1", search=search, trials=8, seed=3)
    one, other = walked(plan, ledger), walked(plan, ledger)
    pd.testing.assert_frame_equal(one.stretches, other.stretches, check_exact=True)
    assert one.stretches["scored"].tolist() == [8] * 3
    assert one.runs == 3 * (8 + 1)
    assert one.columns == ["days", "parameter.exposure"]


def test_a_search_that_learns_is_told_scores_of_the_training_window(lab: Market, ledger: Ledger) -> None:
    plan = trends(lab, "days=2:400:1", search="tpe", trials=150)
    asked: dict[pd.Timestamp, list[int]] = {}

    def score(trial: Mapping[str, Any], window: tuple[pd.Timestamp, pd.Timestamp]) -> float:
        asked.setdefault(window[0], []).append(trial["days"])
        return -abs(trial["days"] - 300) / 100

    walked(plan, ledger, workers=by_hand(score))
    first, later = asked[day("2021-01-01")][:64], asked[day("2021-01-01")][64:]
    assert np.abs(np.array(later) - 300).mean() < 0.7 * np.abs(np.array(first) - 300).mean()


# The joined run


def test_the_joined_run_is_a_backtest_of_what_was_held_in_both_engines(lab: Market, ledger: Ledger) -> None:
    execution = Execution(fee_bps=20, cash="DTB3")
    walk = walked(trends(lab, execution=execution), ledger)
    rule, window = walk.result.strategy, {"start": day("2021-07-30"), "end": day("2022-01-01")}
    for engine in ("vector", "events"):
        again = Backtest(rule, lab, execution, engine=engine, **window).run()
        pd.testing.assert_series_equal(again.equity, walk.result.equity, rtol=1e-9, check_freq=False)
        pd.testing.assert_frame_equal(again.decisions, walk.result.decisions, check_exact=True)
    assert walk.result.benchmark is not None
    assert walk.result.benchmark.equity.index.equals(walk.result.equity.index)


def test_rules_that_look_at_their_book_walk_too(lab: Market, ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "guarded.py"
    file.write_text(
        "from dataclasses import dataclass\n"
        "from strategies import TrendFollowing\n\n\n"
        "@dataclass(frozen=True)\n"
        "class Guarded(TrendFollowing):\n"
        "    stop: float = 0.1\n\n"
        "    def on_event(self, at, now, book):\n"
        "        share = 0.0 if book.drawdown > self.stop else 1.0\n"
        "        return {asset: share * weight for asset, weight in self.weights(now).items()}\n"
    )
    plan = trends(lab, "stop=0.05,0.5", "days=10", strategy=f"{file}:Guarded", end=day("2021-05-01"))
    walk = walked(plan, ledger, Steps(days(60), days(40)))
    assert walk.result.manifest["engine"] == "events"
    assert len(walk.stretches) == 2
    assert walk.result.manifest["code"].keys() >= {"Guarded", "ScheduledOnBook", "Trend"}


def test_different_schedules_are_refused_before_any_trial_is_run(lab: Market, ledger: Ledger) -> None:
    plan = trends(lab, "rebalance_days=7,30", strategy="FixedMix")
    with pytest.raises(BadUsage, match="FixedMix rebalances every 7, 30 days, and one book has one schedule"):
        walked(plan, ledger)
    assert ledger.count() == 0
    given = replace(plan, execution=Execution(rebalance_days=14))
    assert walked(given, ledger).result.metrics["decisions"] > 5


# What is counted


def test_every_trial_on_every_window_is_in_the_ledger_before_it_is_told(lab: Market, ledger: Ledger) -> None:
    told = []

    def watch(done: int, total: int) -> None:
        told.append((done, total, ledger.count(distinct=False)))

    walk = walked(trends(lab), ledger, watch=watch)
    # Four trials on each of three training windows, then what was chosen on each test window.
    assert told[0] == (0, 15, 0)
    assert [done for done, _, recorded in told if done != recorded] == []
    assert told[-1][:2] == (15, 15)
    rows = ledger.trials()
    assert set(rows["command"]) == {"walk"}
    assert rows["strategy"].value_counts().to_dict() == {"TrendFollowing": 16}
    assert rows["equity_sha256"].iloc[-1] == walk.result.equity_sha256
    windows = {(row["start"], row["end"]) for _, row in rows.iterrows()}
    assert {(day("2021-01-01"), day("2021-07-20")), (day("2021-07-30"), day("2021-09-28"))} <= windows
    assert (walk.trials, walk.runs) == (16, 15)  # the joined run is one more
    again = walked(trends(lab, "days=5,10,20,41"), ledger)
    assert again.trials > 16


def test_the_manifest_says_how_it_came_about(lab: Market, ledger: Ledger) -> None:
    about = walked(trends(lab), ledger).manifest
    assert about["walk"] == {
        "train": "200d",
        "test": "60d",
        "purge": "10d",
        "anchored": False,
        "strategy": repr(trends(lab).space.base),
    }
    assert about["space"] == {"days": ["5", "10", "20", "40"]}
    assert (about["search"], about["objective"], about["seed"]) == ("grid", "sharpe", 7)
    assert about["code"].keys() == {"Scheduled", "Trend", "TrendFollowing"}


def test_the_summary_is_json(lab: Market, ledger: Ledger) -> None:
    walk = walked(trends(lab), ledger)
    told = json.loads(json.dumps(walk.summary(), default=str))
    assert told["stretches"][0]["test_from"] == "2021-07-30 00:00:00+00:00"
    assert told["stretches"][0]["days"] == int(walk.stretches["days"].iloc[0])
    assert told["walk"]["purge"] == "10d"
    assert (told["runs"], told["trials"]) == (15, 16)
    assert told["equity_sha256"] == walk.result.equity_sha256
    assert repr(walk) == "<Walk of TrendFollowing over 3 stretches, 15 runs>"


# Nothing leaks


@pytest.mark.parametrize("stretch", [0, 1, 2])
def test_noise_after_a_training_window_changes_neither_its_choice_nor_what_was_before(
    lab: Market, tmp_path: Path, stretch: int
) -> None:
    truth = walked(trends(lab), Ledger(tmp_path / "truth"))
    cut = truth.stretches["train_to"].iloc[stretch]
    noise = walked(trends(poisoned(lab, cut, seed=stretch)), Ledger(tmp_path / "noise"))
    same = truth.stretches.index <= stretch
    kept = ["train_from", "train_to", "test_from", "test_to", "days", "chosen", "scored", "in_sample"]
    pd.testing.assert_frame_equal(noise.stretches.loc[same, kept], truth.stretches.loc[same, kept], check_exact=True)
    before = truth.result.equity.index <= cut
    assert before.any() == (stretch > 0)
    pd.testing.assert_series_equal(
        noise.result.equity[before], truth.result.equity[before], check_exact=True, check_freq=False
    )
    assert not noise.result.equity[~before].iloc[20:].eq(truth.result.equity[~before].iloc[20:]).any()


# Many paths


def test_the_trials_of_a_plan_are_cross_validated_as_their_returns_are(lab: Market, ledger: Ledger) -> None:
    plan, folds = trends(lab, "days=5,10,20,40,80"), Folds(5, 2, purge=5, embargo=3)
    with cluster("local", 1) as workers:
        found = walk_paths(plan, folds, workers, ledger, MEMORY)
    chunk = runner_of(plan.world).run(Task(0, [*plan.space]))

    class Stored:
        days, numbers = plan.days.days, np.arange(5)

        def blocks(self) -> Iterator[np.ndarray]:
            yield chunk.returns

        def take(self, numbers: Any) -> np.ndarray:
            return chunk.returns[:, numbers]

    straight = cross_validate(Stored(), folds)
    pd.testing.assert_frame_equal(found.splits[straight.splits.columns], straight.splits)
    assert found.paths.tolist() == straight.paths.tolist()
    assert found.splits["days"].tolist() == [(5, 10, 20, 40, 80)[n] for n in found.splits["trial"]]
    assert ledger.trials()["command"].tolist() == ["walk"] * 5


def test_trials_without_returns_are_not_chosen_and_the_numbers_stay_those_of_the_search(
    lab: Market, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backtests.sweeps.walk_forward.chunk_size", lambda *_: 2)
    # No trend over more days than there are: trials 1 and 2 have nothing to decide on.
    plan = trends(lab, "days=5,50000,60000,40", search="random", seed=5)
    with Backwards(cluster("local", 1)) as workers:
        found = walk_paths(plan, Folds(4, 2), workers, ledger, MEMORY)
    assert found.trials == 2
    asked = plan.new_search().ask(4)
    assert found.splits["days"].tolist() == [asked[n]["days"] for n in found.splits["trial"]]
    assert set(found.splits["days"]) <= {5, 40}


def test_a_search_that_learns_from_all_of_history_is_not_cross_validated(lab: Market, ledger: Ledger) -> None:
    with cluster("local", 1) as workers, pytest.raises(BadUsage, match=r"--search tpe learns from what .* holds out"):
        walk_paths(trends(lab, search="tpe"), Folds(), workers, ledger, MEMORY)
    assert ledger.count() == 0


# Elsewhere, and on real history


def test_two_processes_choose_what_one_does(lab: Market, tmp_path: Path) -> None:
    alone = walked(trends(lab), Ledger(tmp_path / "one"))
    both = walked(trends(lab), Ledger(tmp_path / "two"), workers=cluster("local", 2))
    pd.testing.assert_frame_equal(alone.stretches, both.stretches, check_exact=True)
    assert alone.result.equity_sha256 == both.result.equity_sha256


@pytest.mark.real
def test_on_real_history_training_never_comes_near_what_it_is_tested_on(history: Path, ledger: Ledger) -> None:
    plan = Plan(read_space("TrendFollowing", ["days=20:200:20"]), load_market(Store(history), "1d"))
    walk = walked(plan, ledger, Steps(days(730), days(180), days(28)))
    table = walk.stretches
    assert (table["train_to"] - table["train_from"] == days(730)).all()
    assert (table["test_from"] - table["train_to"] == days(28)).all()
    assert table["train_from"].iloc[0] == plan.tape.opens.index[0]
    assert table["test_to"].iloc[-1] == plan.tape.known_at[-1] == walk.result.equity.index[-1]
    assert table["test_from"].iloc[1:].tolist() == table["test_to"].iloc[:-1].tolist()
    length = plan.tape.known_at[-1] - plan.tape.opens.index[0]
    assert len(table) == -(-(length - days(758)) // days(180))
    assert walk.runs == len(table) * 11
    for _, row in table.iterrows():
        # What was chosen, run again by itself on its own training window.
        rule = plan.space.strategy({"days": row["days"]})
        alone = Backtest(rule, plan.market, start=row["train_from"], end=row["train_to"]).run()
        assert row["in_sample"] == pytest.approx(alone.metrics["sharpe"], rel=1e-9)
    rows = ledger.trials("TrendFollowing")
    trained = rows[rows["start"].isin(table["train_from"]) & (rows["end"] - rows["start"] == days(730))]
    assert trained.groupby("start")["sharpe"].max().tolist() == pytest.approx(table["in_sample"].tolist(), rel=1e-12)
    # The first switch and some weeks after it, event by event.
    begin, end = table["test_from"].iloc[0], table["test_to"].iloc[0] + days(30)
    events = Backtest(walk.result.strategy, plan.market, start=begin, end=end, engine="events").run()
    assert events.equity.to_numpy() == pytest.approx(walk.result.equity[:end].to_numpy(), rel=1e-9)
