"""What a user asks for: the defaults, the window, what becomes of each option, and the check of both engines."""

import inspect
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from backtests import cli
from backtests.execution import Execution
from backtests.request import Request, asked_of, largest_difference, read_run_file, request
from data_cache.errors import BadUsage, CheckFailed, NoData, UnknownName
from data_cache.market import Market
from strategies import BuyAndHold


def test_nothing_given_is_the_default_of_execution() -> None:
    assert request({"strategies": ["BuyAndHold"]}).execution() == Execution()


def test_each_cost_reaches_the_execution() -> None:
    asked = request(
        {
            "strategies": ["BuyAndHold"],
            "fee_bps": 1.0,
            "slippage_bps": 2.0,
            "min_notional": 3.0,
            "band": 0.4,
            "latency": 5.0,
            "rebalance": 6.0,
            "cash": "SOFR",
            "capital": 7.0,
        }
    )
    assert asked.execution() == Execution(1.0, 2.0, 3.0, 0.4, 5.0, 6.0, "SOFR", 7.0)


def test_margins_reach_the_execution() -> None:
    margins = {"initial_margin": 0.4, "maintenance_margin": 0.3, "liquidation_fee_bps": 2.0}
    asked = request({"strategies": ["BuyAndHold"], "perps": True, **margins})
    assert asked.execution() == Execution(perps=True, **margins)
    assert request({"strategies": ["BuyAndHold"], "perps": True}).execution() == Execution(perps=True)


def test_margins_without_perpetuals_are_refused() -> None:
    with pytest.raises(BadUsage) as refused:
        Request(initial_margin=0.2).execution()
    assert str(refused.value) == "--initial-margin is of perpetuals; add --perps, or leave it out"
    with pytest.raises(BadUsage, match=r"^--maintenance-margin and --liquidation-fee-bps are of perpetuals"):
        Request(maintenance_margin=0.05, liquidation_fee_bps=0.0).execution()


def test_perpetuals_in_a_run_file_are_true_or_false(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text('strategy = "BuyAndHold"\nperps = true\ninitial-margin = 1\n')
    assert asked_of(Request, {"strategies": [str(path)]}).execution() == Execution(perps=True, initial_margin=1.0)
    path.write_text('strategy = "BuyAndHold"\nperps = "yes"\n')
    with pytest.raises(BadUsage, match="perps must be true or false; found 'yes'"):
        read_run_file(path)


def test_run_compare_and_the_run_file_take_the_same_options() -> None:
    own = {"strategy", "strategies", "settings", "as_json"}
    run, compare = (set(inspect.signature(command).parameters) for command in (cli.run, cli.compare))
    assert run - own == compare - own
    assert (run - own) | {"strategies", "set", "json"} == {field.name for field in fields(Request)}


def test_an_option_that_was_not_given_leaves_the_default() -> None:
    asked = request({"strategies": ["BuyAndHold"], "set": None, "fee_bps": None, "store": None, "json": None})
    assert asked == Request(strategies=("BuyAndHold",))


def test_zero_is_given() -> None:
    assert request({"strategies": ["BuyAndHold"], "fee_bps": 0.0, "seed": 0}) == Request(
        strategies=("BuyAndHold",), fee_bps=0.0, seed=0
    )


def test_the_last_day_is_included() -> None:
    start, end = Request(start="2024-01-01", end="2024-01-01").window
    assert start == pd.Timestamp("2024-01-01 00:00", tz="UTC")
    assert end == pd.Timestamp("2024-01-02 00:00", tz="UTC")
    assert Request().window == (None, None)


@pytest.mark.parametrize(
    "text", ["", "2024", "2024-02-30", "01/02/2024", "2024-01-01 08:00", "yesterday", "9999-01-01"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(BadUsage, match=rf"^--to takes a date such as 2021-08-01; found '{text}'$"):
        _ = Request(end=text).window


def test_the_market_is_of_the_timeframe_that_was_asked_for() -> None:
    assert Request(timeframe="4h", seed=3).market().timeframe == "4h"
    assert "seed 3" in Request(seed=3).market().origin
    with pytest.raises(UnknownName, match=r"has no timeframe '3h'"):
        Request(timeframe="3h").market()
    with pytest.raises(UnknownName, match=r"did you mean 'lab'"):
        Request(data="lap").market()


def test_an_empty_cache_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(NoData, match=r"run: ebbtide fetch, or use --data lab"):
        Request(data="cache", store=tmp_path).market()


@pytest.fixture
def world(toy: SimpleNamespace) -> Market:
    market: Market = toy.market({"BTC": toy.BTC, "ETH": toy.ETH}, {"01-01": (0.5, 0.2)})
    return market


def test_strategies_and_their_benchmark_run_on_the_same_bars(world: Market) -> None:
    asked = Request(strategies=("BuyAndHold", "FixedMix"), benchmark="BuyAndHold(exposure=0.5)", fee_bps=0.0)
    results = asked.run(world)
    assert [result.name for result in results] == ["BuyAndHold", "FixedMix"]
    assert {result.benchmark.strategy for result in results if result.benchmark} == {BuyAndHold(exposure=0.5)}
    assert all(result.execution.fee_bps == 0 for result in results)


def test_none_is_no_benchmark(world: Market) -> None:
    assert Request(strategies=("BuyAndHold",), benchmark="none").run(world)[0].benchmark is None


def test_both_engines_give_the_event_engine_s_result(world: Market) -> None:
    asked = Request(strategies=("BuyAndHold", "FixedMix"), engine="both")
    results = asked.run(world)
    assert [result.manifest["engine"] for result in results] == ["events", "events"]
    assert all(result.manifest["largest_difference"] <= 1e-9 for result in results)


def test_engines_that_differ_fail_the_check(world: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    from backtests import request as module

    honest = module.Backtest

    def richer(*arguments: Any) -> SimpleNamespace:
        result = honest(*arguments).run()
        return SimpleNamespace(run=lambda: replace(result, execution=replace(result.execution, capital=100_001.0)))

    monkeypatch.setattr(module, "Backtest", richer)
    # 1 $ more of capital is 1e-5 of the start, and a little more once the book has lost.
    with pytest.raises(CheckFailed, match=r"FixedMix.*: the engines differ by 1\.0\de-05 > 1e-09"):
        Request(strategies=("FixedMix",), engine="both").run(world)


def test_the_difference_of_two_curves_is_the_largest_relative_one() -> None:
    one, other = (SimpleNamespace(equity=pd.Series(values)) for values in ((100.0, 99.0), (100.0, 110.0)))
    assert largest_difference(one, other) == pytest.approx(0.1)  # 1 - 99 / 110


def test_cash_earns_a_rate_and_nothing_else(world: Market) -> None:
    with pytest.raises(BadUsage, match=r"^cash earns a rate in % a year, such as DTB3; WALCL is in \$bn$"):
        Request(strategies=("BuyAndHold",), cash="WALCL").run(world)
    with pytest.raises(UnknownName, match=r"did you mean 'SOFR'"):
        Request(strategies=("BuyAndHold",), cash="SOFFR").run(world)


def test_a_run_file_is_read_by_the_names_of_the_request(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text(
        'strategies = ["BuyAndHold", "mine.py:Mine", "/else/where.py:Mine"]\nfrom = 2024-01-01\nfee-bps = 3\ncash = 0\n'
        'store = "here"\n[set]\nlong = true\ndays = 5\nmix = {BTC = 0.5, ETH = 0.5}\n'
    )
    assert read_run_file(path) == {
        "strategies": ("BuyAndHold", f"{tmp_path}/mine.py:Mine", "/else/where.py:Mine"),
        "start": "2024-01-01",
        "fee_bps": 3.0,
        "cash": "0",
        "store": tmp_path / "here",
        "set": ("long=True", "days=5", "mix=BTC:0.5,ETH:0.5"),
    }


def test_a_run_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadUsage, match=r"is not TOML"):
        read_run_file(tmp_path / "my.toml")
