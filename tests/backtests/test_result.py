"""What came of a backtest, redone by hand on two trades, and the manifest that lets it be run again."""

import math
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.execution import Execution
from backtests.metrics import daily_equity
from backtests.result import Result
from data_cache.market import Market

COSTLY = Execution(fee_bps=100, slippage_bps=200, min_notional=0, capital=1_000)

# Half into BTC at the open of the 2nd, at 110 and 2 % worse; out at the open of the 4th, at 90 and 2 % worse.
PLAN = {"01-01 12:00": (0.5,), "01-03 12:00": (0.0,)}
BOUGHT = 500 / 110
PAID, GOT = BOUGHT * 110 * 1.02, BOUGHT * 90 * 0.98
FEES = (PAID * 0.01, GOT * 0.01)
CASH = (1000, 1000 - PAID - FEES[0], 1000 - PAID - FEES[0] + GOT - FEES[1])


@pytest.fixture
def world(toy: SimpleNamespace) -> Market:
    """Two assets, of which one is traded; the bars close where the next ones open."""
    opens = {"BTC": (100, 110, 120, 90, 95), "ETH": (10, 10, 13, 14, 9)}
    closes = {"BTC": (110, 120, 90, 95, 100), "ETH": (10, 13, 14, 9, 10)}
    return toy.market(
        opens, {moment: (*weights, 0) for moment, weights in PLAN.items()}, closes, releases={"RATE": {"01-01": 36.5}}
    )


@pytest.fixture
def result(toy: SimpleNamespace, world: Market) -> Result:
    return toy.both(world, COSTLY, toy.Follow(("BTC",)))


def test_fills_carry_slippage_in_the_price_and_the_fee_beside_it(toy: SimpleNamespace, result: Result) -> None:
    expected = pd.DataFrame(
        {
            "open_time": pd.DatetimeIndex([toy.at("01-02"), toy.at("01-04")]),
            "asset": ["BTC", "BTC"],
            "units": [BOUGHT, -BOUGHT],
            "price": [110 * 1.02, 90 * 0.98],
            "fee": FEES,
        }
    )
    pd.testing.assert_frame_equal(result.fills, expected)


def test_units_and_cash_stand_at_each_bars_end(toy: SimpleNamespace, result: Result) -> None:
    assert result.units["BTC"].tolist() == pytest.approx([0, BOUGHT, BOUGHT, 0, 0])
    assert result.cash.tolist() == pytest.approx([CASH[0], CASH[1], CASH[1], CASH[2], CASH[2]])
    ends = [toy.at(day) for day in ("01-02", "01-03", "01-04", "01-05", "01-06")]
    assert result.units.index.tolist() == result.cash.index.tolist() == ends


def test_equity_starts_with_the_capital_and_is_marked_at_the_closes(toy: SimpleNamespace, result: Result) -> None:
    expected = [1000, 1000, CASH[1] + BOUGHT * 120, CASH[1] + BOUGHT * 90, CASH[2], CASH[2]]
    assert result.equity.tolist() == pytest.approx(expected)
    assert result.equity.index[0] == toy.at("01-01")
    assert result.equity.index[-1] == toy.at("01-06")
    assert str(result.equity.index.dtype) == "datetime64[ns, UTC]"
    assert result.bar_returns.tolist() == pytest.approx([after / before - 1 for before, after in pairwise(expected)])


def test_weights_and_exposure_are_of_equity_at_the_close(result: Result) -> None:
    second, third = (BOUGHT * price / (CASH[1] + BOUGHT * price) for price in (120, 90))
    assert result.weights["BTC"].tolist() == pytest.approx([0, second, third, 0, 0])
    assert result.exposure.tolist() == pytest.approx([0, second, third, 0, 0])


def test_costs_are_what_the_book_lost_against_trading_for_nothing(
    toy: SimpleNamespace, world: Market, result: Result
) -> None:
    assert result.costs["fee"].tolist() == pytest.approx(FEES)
    assert result.costs["slippage"].tolist() == pytest.approx([BOUGHT * 110 * 0.02, BOUGHT * 90 * 0.02])
    free = toy.both(world, toy.FREE, toy.Follow(("BTC",)))
    assert free.equity.iloc[-1] - result.equity.iloc[-1] == pytest.approx(result.costs.to_numpy().sum())


def test_moves_of_the_deposit_are_fills_but_no_trades(toy: SimpleNamespace, world: Market) -> None:
    result = toy.both(world, replace(COSTLY, cash="RATE"), toy.Follow(("BTC",)))
    assert set(result.fills["asset"]) == {"BTC", "CASH"}
    assert set(result.trades["asset"]) == {"BTC"}
    assert len(result.costs) == 2
    assert list(result.weights.columns) == ["BTC"]
    assert result.cash_returns.tolist() == pytest.approx([0.001] * 5)
    assert result.equity.tolist() == pytest.approx([1000, *(result.cash + result.values.sum(axis=1))], rel=1e-12)


def test_cash_earns_nothing_by_itself(result: Result) -> None:
    assert result.cash_returns.tolist() == [0] * 5


def test_years_are_of_365_elapsed_days(result: Result) -> None:
    assert result.years == 5 / 365


def test_a_book_that_never_trades_keeps_its_capital(toy: SimpleNamespace) -> None:
    result = toy.both(toy.market({"BTC": toy.BTC}, {"01-01": (0.0,)}), COSTLY)
    assert result.equity.tolist() == [1000] * 7
    assert len(result.trades) == len(result.costs) == 0
    assert result.exposure.tolist() == [0] * 6
    assert result.metrics["total_return"] == 0
    assert result.portfolio.value().tolist() == [1000] * 6


def test_the_portfolio_is_the_same_run_in_vectorbt(result: Result) -> None:
    assert result.portfolio.value().tolist() == pytest.approx(result.equity.iloc[1:].tolist(), rel=1e-12)
    assert result.portfolio.cash().tolist() == pytest.approx(result.cash.tolist(), rel=1e-12)


def test_equal_runs_have_equal_hashes_in_either_engine(toy: SimpleNamespace, world: Market) -> None:
    hashes = {
        Backtest(toy.Follow(("BTC",)), world, COSTLY, engine=engine).run().equity_sha256
        for engine in ("vector", "events", "vector")
    }
    assert len(hashes) == 1
    assert all(len(found) == 64 for found in hashes)


@pytest.mark.parametrize(
    ("asset", "changed"),
    [
        pytest.param("BTC", True, id="a price that was held"),
        pytest.param("ETH", False, id="a price of an asset that was not traded"),
    ],
)
def test_another_price_is_another_run(
    toy: SimpleNamespace, world: Market, result: Result, asset: str, changed: bool
) -> None:
    frame = world.bars[asset].frame.copy()
    frame.loc[toy.at("01-02"), ["close", "high"]] += 1
    other = replace(world, bars={**world.bars, asset: replace(world.bars[asset], frame=frame)})
    again = toy.both(other, COSTLY, toy.Follow(("BTC",)))
    assert (again.equity_sha256 != result.equity_sha256) is changed
    assert (again.manifest["data"] != result.manifest["data"]) is changed


def test_the_manifest_names_all_that_decides_the_run(toy: SimpleNamespace, result: Result) -> None:
    told = dict(result.manifest)
    data, libraries, python, version = (told.pop(name) for name in ("data", "libraries", "python", "ebbtide"))
    code, engine_code, vintages, machine = (told.pop(name) for name in ("code", "engine_code", "vintages", "machine"))
    assert told == {
        "strategy": "Follow(assets=('BTC',))",
        "expression": "tests.backtests.conftest:Follow(assets=('BTC',))",
        "benchmark": None,
        "benchmark_expression": None,
        "asked": [None, None],
        "market": {},  # made by hand: nothing tells how to make it again
        "seed": None,
        "execution": repr(COSTLY),
        "engine": "vector",
        "timeframe": "1d",
        "window": ["2024-01-01 00:00:00+00:00", "2024-01-06 00:00:00+00:00"],
        "bars": 5,
        "assets": ["BTC"],
        "origin": "a toy world",
        "sources": {},
    }
    assert set(data) == set(vintages) == {"PLAN_BTC", "bars:BTC"}
    assert machine
    assert len(engine_code) == 64
    assert set(libraries) == {"vectorbt", "vectorbt-rust", "pandas", "numpy", "holidays"}
    assert python
    assert version
    assert set(code) == {"Follow", "Level"}
    assert all(len(sha256) == 64 for sha256 in code.values())


def test_the_rate_that_cash_earns_is_part_of_the_data(toy: SimpleNamespace, world: Market) -> None:
    result = toy.both(world, replace(COSTLY, cash="RATE"), toy.Follow(("BTC",)))
    assert set(result.manifest["data"]) == {"PLAN_BTC", "RATE", "bars:BTC"}


def test_what_the_manifest_says_can_be_evaluated_again(toy: SimpleNamespace, result: Result) -> None:
    assert eval(result.manifest["execution"], {"Execution": Execution}) == COSTLY
    assert eval(result.manifest["strategy"], {"Follow": toy.Follow}) == result.strategy


def test_equity_by_day_and_elapsed_years_are_counted_once(result: Result) -> None:
    """A page asks for them hundreds of times."""
    assert daily_equity(result) is daily_equity(result)
    assert "years" not in vars(result)
    assert result.years == vars(result)["years"] == 5 / 365


def test_a_summary_holds_strategy_metrics_hash_and_manifest(result: Result) -> None:
    summary = result.summary()
    assert summary["strategy"] == "Follow(assets=('BTC',))"
    assert summary["metrics"]["total_return"] == pytest.approx(CASH[2] / 1000 - 1)
    assert summary["equity_sha256"] == result.equity_sha256
    assert summary["manifest"] == result.manifest
    assert math.isnan(summary["metrics"]["beta"])  # no benchmark was asked for


def test_a_result_is_called_what_its_strategy_is(result: Result) -> None:
    assert result.name == result.returns.name == "Follow"
