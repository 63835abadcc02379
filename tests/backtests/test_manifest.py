"""The manifest says all that running a backtest again takes, and nothing of what became known later."""

import json
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest

from backtests.backtest import Backtest, compare
from backtests.source_code import ENGINE
from data_cache.bars import Bars
from data_cache.lab import Lab
from data_cache.market import Market
from strategies import BuyAndHold, StealthQE, VolatilityTarget

# What tells of a run and decides no number of it.
TELLING = {f"backtests/{name}.py" for name in ("expression", "imports", "manifest", "selection", "source_code")}
LOADED = (
    "import sys; from backtests.backtest import Backtest; from data_cache.lab import Lab; import strategies as s;"
    "r = Backtest(s.StealthQE(), Lab().market(), engine='events', benchmark=s.BuyAndHold()).run(); r.metrics;"
    "from backtests import Execution; Backtest(s.BuyAndHold(), Lab().market(), Execution(perps=True)).run().metrics;"
    "print(*(m.__file__ for n, m in sys.modules.items() if n.partition('.')[0] == 'backtests'))"
)


@pytest.fixture
def world(toy: SimpleNamespace) -> Market:
    """Six days of BTC, and what follows it."""
    market: Market = toy.market({"BTC": toy.BTC}, plan={"01-01": (0.5,), "01-04": (1.0,)})
    return market


def test_a_market_that_was_made_by_hand_has_no_recipe(world: Market, toy: SimpleNamespace) -> None:
    about = Backtest(toy.Follow(), world).run().manifest
    assert (about["market"], about["seed"]) == ({}, None)


def test_the_labs_recipe_is_its_seed_and_its_effect() -> None:
    about = Backtest(StealthQE(), Lab(seed=3, effect=0.5).market(), end=pd.Timestamp("2022-01-01", tz="UTC")).run()
    assert about.manifest["market"] == {"data": "lab", "seed": 3, "effect": 0.5}
    assert about.manifest["seed"] == 3


def test_it_tells_the_window_that_was_asked_for_and_the_one_that_was_there(world: Market, toy: SimpleNamespace) -> None:
    about = Backtest(toy.Follow(), world, start=toy.at("01-02"), end=toy.at("01-05 12:00")).run().manifest
    assert about["asked"] == ["2024-01-02 00:00:00+00:00", "2024-01-05 12:00:00+00:00"]
    assert about["window"] == ["2024-01-02 00:00:00+00:00", "2024-01-05 00:00:00+00:00"]


def test_the_vintages_are_of_what_the_run_read_by_the_windows_end(world: Market, toy: SimpleNamespace) -> None:
    about = Backtest(toy.Follow(), world, end=toy.at("01-03")).run().manifest
    assert {need: told["rows"] for need, told in about["vintages"].items()} == {"PLAN_BTC": 1, "bars:BTC": 2}


def test_more_data_after_the_window_change_nothing_in_it(world: Market, toy: SimpleNamespace) -> None:
    end = toy.at("01-05")
    grown, known = (Backtest(toy.Follow(), market, end=end).run().manifest for market in (world, world.until(end)))
    assert grown == known


def test_a_number_changed_within_the_window_changes_the_hash(world: Market, toy: SimpleNamespace) -> None:
    frame = world.bars["BTC"].frame.copy()
    frame.iloc[1, :4] *= 1.01
    other = replace(world, bars={"BTC": Bars("BTC", "1d", frame)})
    one, two = (Backtest(toy.Follow(), market).run().manifest["data"] for market in (world, other))
    assert {need for need in one if one[need] != two[need]} == {"bars:BTC"}


def test_the_benchmark_can_be_read_back_too(world: Market, toy: SimpleNamespace) -> None:
    hold = BuyAndHold(mix=(("BTC", 1.0),))
    expected = "BuyAndHold(exposure=1.0, mix=(('BTC', 1.0),))"
    assert Backtest(toy.Follow(), world, benchmark=hold).run().manifest["benchmark_expression"] == expected
    assert compare([toy.Follow()], world, benchmark=hold)[0].manifest["benchmark_expression"] == expected
    assert Backtest(toy.Follow(), world).run().manifest["benchmark_expression"] is None


def test_json_keeps_it_as_it_is() -> None:
    about = Backtest(VolatilityTarget(), Lab().market(), end=pd.Timestamp("2019-01-01", tz="UTC")).run().manifest
    assert json.loads(json.dumps(about)) == about


def test_the_code_of_the_engines_is_all_that_a_run_loads() -> None:
    ran = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, timeout=120)
    loaded = {"backtests/" + file.rpartition("/backtests/")[2] for file in ran.stdout.split()}
    assert {file for file in loaded if not file.endswith("__init__.py")} - TELLING <= set(ENGINE)
    assert set(ENGINE) <= loaded
