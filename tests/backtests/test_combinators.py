"""Strategies made of strategies go through all that is done with a strategy: both engines, sweeps, proof and replay."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests.backtest import Backtest
from backtests.execution import Execution
from backtests.ledger import Ledger, record
from backtests.proofs import prove
from backtests.replaying.claims import is_walk
from backtests.replaying.replay import replayed
from backtests.request import Request, request
from backtests.selection import find_strategy
from backtests.sweeps.grid import Space, read_space
from backtests.sweeps.judge import judge
from backtests.sweeps.runner import FastPath
from backtests.sweeps.scheduled import scheduled
from backtests.sweeps.trials import Task, World
from backtests.tape import build_tape
from data_cache.errors import EbbtideError
from data_cache.lab import Lab
from data_cache.market import Market
from strategies import Blend, Capped, Gate, NetLiquidityTide, Strategy, VolatilityScaled
from tests.backtests.test_engines_agree import CONTRACT, SIGNALS, assert_same_fills, difference, worlds

START, END = pd.Timestamp("2023-01-01", tz="UTC"), pd.Timestamp("2023-12-01", tz="UTC")


@pytest.fixture(scope="module")
def lab() -> Market:
    return Lab().market("1d")


# Both engines


@st.composite
def nested(draw: st.DrawFn, inner: Strategy, depth: int) -> Strategy:
    """Combinators around one strategy, one in the other; blends have it twice."""
    if depth == 0:
        return inner
    part = draw(nested(inner, depth - 1))
    return draw(
        st.one_of(
            st.builds(
                Gate,
                st.just(part),
                SIGNALS,
                level=st.sampled_from([-0.5, 0.0, 0.5]),
                open_above=st.booleans(),
                closed=st.sampled_from([0.0, 0.3]),
            ),
            st.builds(
                VolatilityScaled,
                st.just(part),
                target=st.sampled_from([0.2, 0.8]),
                days=st.integers(2, 5),
                step=st.sampled_from([0.1, 0.25]),
            ),
            st.builds(Capped, st.just(part), asset=st.sampled_from([0.3, 1.0]), total=st.sampled_from([0.5, 1.0])),
            st.builds(Blend, st.just((part, inner)), shares=st.sampled_from([(), (0.7, 0.3), (1.0, 0.0)])),
        )
    )


def outcomes(market: Market, strategy: Strategy, execution: Execution, window: Any) -> Iterator[Any]:
    """What the vector path and the event engine give: a result, or the sentence with which they refuse."""
    for engine in ("vector", "events"):
        try:
            yield Backtest(strategy, market, execution, engine=engine, **window).run()
        except EbbtideError as error:
            yield repr(error)


def test_both_engines_agree_on_generated_nestings() -> None:
    seen = {"runs": 0, "refused": 0, "fills": 0}

    @settings(max_examples=60, database=None)
    @given(worlds(), st.data())
    def agree(world: Any, data: st.DataObject) -> None:
        strategy = data.draw(nested(world.strategy, data.draw(st.integers(1, 3))))
        vector, event = outcomes(world.market, strategy, world.execution, world.window)
        seen["runs"] += 1
        if isinstance(vector, str) or isinstance(event, str):
            seen["refused"] += 1
            assert vector == event
            return
        pd.testing.assert_frame_equal(vector.decisions, event.decisions, check_exact=True)
        assert_same_fills(vector.fills, event.fills)
        assert difference(vector.equity, event.equity) <= CONTRACT
        seen["fills"] += len(vector.fills)

    agree()
    assert seen["refused"] < seen["runs"] / 2
    assert seen["fills"] > 2 * seen["runs"]


# Sweeps


@pytest.mark.parametrize(
    ("text", "searched"),
    [
        (
            "Blend(parts=(StealthQE(), NetLiquidityTide()), shares=(0.5, 0.5))",
            ["parts.0.window=5,21", "parts.1.weeks=4,8", "shares=0.5,0.5;0.25,0.5"],
        ),
        (
            "Capped(strategy=VolatilityScaled(strategy=NetLiquidityTide()))",
            ["strategy.strategy.weeks=4,8", "asset=0.2,1"],
        ),
        ("Gate(strategy=TrendFollowing(days=50))", ["strategy.days=20,50", "signal.window=3,5", "closed=0,0.5"]),
    ],
)
def test_trials_of_a_sweep_are_those_runs_and_vectorbt_agrees(text: str, searched: list[str], lab: Market) -> None:
    space = read_space(text, searched)
    world = world_of(space, lab)
    chunk = FastPath(world).run(Task(0, list(space)))
    assert space.size >= 4
    for number, strategy in enumerate(space.strategies()):
        alone = Backtest(strategy, lab, start=START, end=END).run()
        assert chunk.measures["final_equity"][number] == pytest.approx(alone.equity.iloc[-1], rel=1e-9)
    final = dict(enumerate(chunk.measures["final_equity"].tolist()))
    assert judge(world, dict(enumerate(space)), final).largest <= 1e-9


def world_of(space: Space, lab: Market) -> World:
    return World(space.base, lab, build_tape(lab, ["BTC", "ETH"], START, END, "0"), Execution())


# Proof, run files, replay


@pytest.mark.parametrize("name", ["Blend", "Capped", "Gate", "VolatilityScaled"])
def test_the_causality_proof_can_be_put_on_a_combinator(name: str, lab: Market) -> None:
    assert prove(find_strategy(f"Capped(strategy={name}())"), lab, 3).leaks == ()


def test_what_is_inside_can_be_set_in_a_run_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'strategy = "Capped(strategy=Blend())"\nfrom = 2023-01-01\nto = 2023-03-01\nbenchmark = "none"\n'
        "[set]\nasset = 0.25\n[set.strategy]\nshares = [0.25, 0.5]\nparts.1.weeks = 8\n"
    )
    (result,) = request({"strategies": [str(tmp_path / "mine.toml")]}).run()
    assert result.strategy == find_strategy(
        "Capped(strategy=Blend(parts=(StealthQE(), NetLiquidityTide(weeks=8)), shares=(0.25, 0.5)), asset=0.25)"
    )


def test_a_saved_run_of_a_combinator_is_run_again(tmp_path: Path) -> None:
    text = "Capped(strategy=Blend(parts=(StealthQE(), Gate()), shares=(0.5, 0.25)))"
    asked = Request((text,), start="2023-01-01", end="2023-03-01", benchmark="none")
    (result,) = record(asked.run(), "run", Ledger(tmp_path))
    (tmp_path / "r.json").write_text(json.dumps(result.summary()))
    replayed(tmp_path / "r.json").require()


def test_a_walk_of_a_combinator_is_known_by_its_class_though_it_counts_as_what_is_inside(lab: Market) -> None:
    walked = scheduled([(START, Gate(NetLiquidityTide(4))), (START + pd.Timedelta(days=90), Gate(NetLiquidityTide(8)))])
    result = Backtest(walked, lab, start=START, end=END).run()
    assert result.strategy.family == "NetLiquidityTide"
    assert is_walk({"strategy": repr(Gate())}, result)
    assert not is_walk({"strategy": repr(NetLiquidityTide())}, result)
    assert not is_walk({"strategy": repr(Gate())}, replace(result, strategy=Gate()))
