"""A backtest: engines chosen, windows kept, benchmarks and comparisons beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from backtests.backtest import Backtest, compare
from backtests.execution import Execution
from data_cache.errors import BadUsage, NoData
from data_cache.market import Market
from signals.signal import Signal
from strategies.benchmarks import BuyAndHold, FixedMix
from strategies.strategy import Book, Now, Strategy, Weights


@dataclass(frozen=True)
class Hold(Strategy):
    """A constant share of BTC."""

    share: float = 1.0

    def weights(self, now: Now) -> Weights:
        return {"BTC": self.share}


@dataclass(frozen=True)
class Guarded(Hold):
    """The same until a tenth is lost."""

    def on_event(self, at: pd.Timestamp, now: Now, book: Book) -> Weights | None:
        return {"BTC": self.share * (book.drawdown < 0.1)}


@pytest.fixture
def world(toy: SimpleNamespace) -> Market:
    return toy.market({"BTC": toy.BTC, "ETH": toy.ETH})


@pytest.mark.parametrize(
    ("strategy", "asked", "used"),
    [
        pytest.param(Hold(), "auto", "vector", id="a rule of arithmetic runs all at once"),
        pytest.param(Hold(), "events", "events", id="or event by event, if asked"),
        pytest.param(Hold(), "vector", "vector", id="or as asked, all at once"),
        pytest.param(Guarded(), "auto", "events", id="a rule that looks at its book runs event by event"),
        pytest.param(Guarded(), "events", "events", id="asked or not"),
    ],
)
def test_the_engine_follows_from_the_rule(world: Market, strategy: Strategy, asked: str, used: str) -> None:
    assert Backtest(strategy, world, engine=asked).run().manifest["engine"] == used


def test_an_unknown_engine_is_refused(world: Market) -> None:
    with pytest.raises(BadUsage, match="there is no engine 'vectro'; choose one of auto, vector, events"):
        Backtest(Hold(), world, engine="vectro").run()


def test_a_rule_that_looks_at_its_book_cannot_run_all_at_once(world: Market) -> None:
    with pytest.raises(BadUsage, match=r"Guarded\(share=1.0\) looks at its own book; only --engine events can run it"):
        Backtest(Guarded(), world, engine="vector").run()


def test_a_window_starts_with_the_capital_at_its_first_open(toy: SimpleNamespace, world: Market) -> None:
    result = toy.both(world, strategy=Hold(), start=toy.at("01-02"), end=toy.at("01-05"))
    assert result.equity.index.tolist() == [toy.at(day) for day in ("01-02", "01-03", "01-04", "01-05")]
    assert result.equity.tolist() == pytest.approx([1000, 1000, 1000 * 120 / 110, 1000 * 90 / 110])
    assert result.manifest["window"] == ["2024-01-02 00:00:00+00:00", "2024-01-05 00:00:00+00:00"]


@pytest.mark.parametrize("engine", ["vector", "events"])
def test_a_window_without_bars_is_refused(toy: SimpleNamespace, world: Market, engine: str) -> None:
    with pytest.raises(NoData, match=r"no bars of BTC from 2025-01-01 .* there are 6 from 2024-01-01"):
        Backtest(Hold(), world, engine=engine, start=pd.Timestamp("2025-01-01", tz="UTC")).run()


@pytest.mark.parametrize("engine", ["vector", "events"])
def test_what_was_known_before_the_window_counts_in_it(toy: SimpleNamespace, engine: str) -> None:
    world = toy.market({"BTC": toy.BTC}, {"01-01": (0.5,), "01-02": (0.75,)})
    result = Backtest(toy.Follow(), world, engine=engine, start=toy.at("01-04")).run()
    assert result.decisions["BTC"].to_dict() == {toy.at("01-04"): 0.75}


@pytest.mark.parametrize(
    ("strategy", "asked", "benchmark", "used"),
    [(Hold(0.5), "vector", Guarded(), "events"), (Guarded(), "events", Hold(0.5), "vector")],
)
def test_a_benchmark_runs_beside_in_an_engine_of_its_own(
    world: Market, strategy: Strategy, asked: str, benchmark: Strategy, used: str
) -> None:
    result = Backtest(strategy, world, engine=asked, benchmark=benchmark).run()
    assert result.manifest["benchmark"] == repr(benchmark)
    assert result.benchmark is not None
    assert result.benchmark.strategy == benchmark
    assert result.benchmark.benchmark is None
    assert result.benchmark.manifest["engine"] == used


def test_compared_strategies_share_window_costs_and_benchmark(toy: SimpleNamespace, world: Market) -> None:
    execution = Execution(fee_bps=100)
    results = compare(
        [Hold(), Guarded()], world, execution, start=toy.at("01-02"), end=toy.at("01-06"), benchmark=Hold(0.5)
    )
    assert [result.strategy for result in results] == [Hold(), Guarded()]
    assert {result.execution for result in results} == {execution}
    assert {tuple(result.manifest["window"]) for result in results} == {
        ("2024-01-02 00:00:00+00:00", "2024-01-06 00:00:00+00:00")
    }
    assert results[0].benchmark is results[1].benchmark
    alone = Backtest(Hold(), world, execution, toy.at("01-02"), toy.at("01-06")).run()
    assert results[0].equity_sha256 == alone.equity_sha256


def test_compared_strategies_may_go_without_a_benchmark(world: Market) -> None:
    assert [result.benchmark for result in compare([Hold()], world)] == [None]


def test_a_rule_that_always_wants_the_same_trades_once(toy: SimpleNamespace, world: Market) -> None:
    @dataclass(frozen=True)
    class Thirds(Hold):
        def signals(self) -> Mapping[str, Signal]:
            return {}

        def weights(self, now: Now) -> Weights:
            return {"BTC": 1 / 3, "ETH": 1 / 3}

    assert len(toy.both(world, strategy=Thirds()).trades) == 2


@pytest.mark.parametrize("window", ["start", "end"])
def test_a_window_without_a_timezone_is_refused(window: str, world: Market) -> None:
    with pytest.raises(BadUsage, match=f"{window} must have a timezone; found 2024-01-02 .*write pd.Timestamp"):
        Backtest(BuyAndHold(mix=(("BTC", 1.0),)), world, **{window: pd.Timestamp("2024-01-02")}).run()


@pytest.mark.parametrize("days", [-1.0, float("nan"), "monthly"])
def test_a_schedule_that_is_no_number_of_days_is_refused(days: Any, world: Market) -> None:
    strategy = FixedMix(mix=(("BTC", 1.0),), rebalance_days=days)
    for engine in ("vector", "events"):
        with pytest.raises(BadUsage, match=r"FixedMix.rebalance_every must answer days, zero or more; found"):
            Backtest(strategy, world, engine=engine).run()
