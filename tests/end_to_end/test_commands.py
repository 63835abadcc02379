"""What the commands answer when all is well: JSON, engines, several strategies, a third asset."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from backtests.backtest import Backtest
from backtests.metrics import METRICS
from backtests.selection import built_in
from data_cache.bars import Bars
from data_cache.lab import Lab
from data_cache.market import Market

THREE = (("BTC", 0.5), ("ETH", 0.3), ("SOL", 0.2))


def test_run_and_compare_add_returns_by_regime_where_asked(ebbtide: Callable) -> None:
    window = ("--from", "2025-01-01", "--to", "2025-12-31")
    alone = ebbtide("run", "StealthQE", *window, "--attribution", "--json").json
    assert set(alone["attribution"]) == {"rows", "definitions", "cautions"}
    regimes = {row["regime"] for row in alone["attribution"]["rows"]}
    assert regimes == {"liquidity_regime", "stress_regime", "buffer_regime", "window"}
    for regime in regimes:
        rows = [row for row in alone["attribution"]["rows"] if row["regime"] == regime]
        assert sum(row["days"] for row in rows) == pytest.approx(365)
        assert np.expm1(sum(row["log_return"] for row in rows)) == pytest.approx(alone["metrics"]["total_return"])
    both = ebbtide("compare", "StealthQE", "NetLiquidityTide", *window, "--attribution", "--json").json["results"]
    assert both[0]["attribution"] == alone["attribution"]
    shown = ebbtide("compare", "StealthQE", "NetLiquidityTide", *window, "--attribution").out
    assert "StealthQE by regime\n" in shown
    assert "NetLiquidityTide by regime\n" in shown
    assert "\nWhole window " in shown


def test_run_answers_one_json_object(ebbtide: Callable, cached: tuple[object, ...]) -> None:
    answer = ebbtide("run", "FixedMix", *cached, "--json")
    assert answer.err == ""
    assert set(answer.json) == {"strategy", "metrics", "equity_sha256", "manifest", "benchmark", "findings"}
    assert set(answer.json["metrics"]) == {metric.name for metric in METRICS}
    assert len(answer.json["equity_sha256"]) == 64


def test_what_is_undefined_is_null_and_never_nan(ebbtide: Callable, cached: tuple[object, ...]) -> None:
    answer = ebbtide("run", "BuyAndHold", *cached, "--benchmark", "none", "--json")
    assert answer.json["metrics"]["beta"] is None
    assert "NaN" not in answer.out


def test_the_same_command_gives_the_same_bytes(ebbtide: Callable, cached: tuple[object, ...]) -> None:
    command = ("compare", "FixedMix", "TrendFollowing(days=5)", *cached, "--json")
    assert ebbtide(*command).out == ebbtide(*command).out


def test_both_engines_are_compared(ebbtide: Callable, cached: tuple[object, ...]) -> None:
    names = ("BuyAndHold", "FixedMix", "TrendFollowing(days=5)", "VolatilityTarget(days=5)")
    answer = ebbtide("compare", *names, *cached, "--engine", "both", "--cash", "SOFR", "--json").json
    assert [result["manifest"]["engine"] for result in answer["results"]] == ["events"] * 4


def test_all_is_every_strategy_that_ships(ebbtide: Callable) -> None:
    results = ebbtide("compare", "all", "--from", "2023-01-01", "--json").json["results"]
    assert [result["strategy"].partition("(")[0] for result in results] == list(built_in())
    assert len({result["equity_sha256"] for result in results}) == len(results)
    assert all("SIMULATED" in result["manifest"]["origin"] for result in results)


def test_a_setting_reaches_the_strategies_that_have_it_or_the_one_that_is_named(
    ebbtide: Callable, cached: tuple[object, ...]
) -> None:
    command = ("compare", "FixedMix", "TrendFollowing(days=5)", *cached, "--json")
    both = ebbtide(*command, "--set", "exposure=0.4", "--set", "days=7").json["results"]
    assert [r["strategy"][:34] for r in both] == [
        "FixedMix(exposure=0.4, mix=(('BTC'",
        "TrendFollowing(days=7, exposure=0.",
    ]
    one = ebbtide(*command, "--set", "FixedMix.exposure=0.4").json["results"]
    assert "exposure=0.4" in one[0]["strategy"]
    assert "exposure=1.0" in one[1]["strategy"]


def test_a_third_asset_is_imported_traded_and_compared_in_both_engines(
    ebbtide: Callable, cached: tuple[object, ...], tmp_path: Path
) -> None:
    mix = ("--set", "mix=BTC:0.5,ETH:0.3,SOL:0.2")
    names = ("BuyAndHold", "FixedMix", "TrendFollowing(days=5)", "VolatilityTarget(days=5)")
    page = tmp_path / "page.html"
    results = ebbtide("compare", *names, *cached, *mix, "--engine", "both", "--out", page, "--json").json["results"]
    assert all(result["manifest"]["assets"] == ["BTC", "ETH", "SOL"] for result in results)
    assert all("bars:SOL" in result["manifest"]["data"] for result in results)
    assert "SOL" in page.read_text()


@pytest.fixture(scope="module")
def lab_with_sol() -> Market:
    market = Lab().market()
    sol = Bars("SOL", "1d", market.bars["ETH"].frame * 0.05)
    return replace(market, bars={**market.bars, "SOL": sol})


@pytest.mark.parametrize("name", built_in())
def test_every_strategy_that_ships_holds_a_third_asset(name: str, lab_with_sol: Market) -> None:
    cls = built_in()[name]
    assert "mix" in {field.name for field in fields(cls)}
    result = Backtest(cls(mix=THREE), lab_with_sol).run()
    assert list(result.weights.columns) == ["BTC", "ETH", "SOL"]
    assert result.weights["SOL"].max() > 0
    # Of an exposure, SOL is given a fifth; where trends or volatilities decide, it holds a fifth at most.
    target = result.decisions
    assert (target["SOL"] <= 0.2 + 1e-12).all()


def test_what_is_shown_is_complete_and_names_the_simulation(ebbtide: Callable) -> None:
    shown = ebbtide("run", "TrendFollowing", "--from", "2025-01-01").out
    assert "SIMULATED (lab, seed 7, effect 1)" in shown
    assert "fee 10 bps, slippage 5 bps" in shown
    assert [metric.label in shown for metric in METRICS] == [not metric.perps for metric in METRICS]


def test_findings_are_shown_with_their_codes(ebbtide: Callable, cached: tuple[object, ...]) -> None:
    asked = ("run", "TrendFollowing(days=40)", *cached, "--from", "2023-12-01")
    codes = [finding["code"] for finding in ebbtide(*asked, "--json").json["findings"]]
    assert codes == ["WINDOW_CUT", "SHORT_WINDOW", "SIGNAL_UNKNOWN", "SIGNAL_UNKNOWN", "FEW_DECISIONS"]
    shown = ebbtide(*asked).out
    assert all(f"[{code}]" in shown for code in codes)
    assert "asked for from 2023-12-01, but bars begin 2024-01-01 00:00" in shown
