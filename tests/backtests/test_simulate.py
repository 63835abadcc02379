"""The door to vectorbt: what is ordered, what it costs, and that its numbers are still what we take them for."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from backtests import simulate as door
from backtests.execution import Execution
from backtests.simulate import Account, column_costs, order_sizes, portfolio_fills, simulate
from backtests.tape import Tape, build_tape
from data_cache.errors import BadData

_ = MISSING = math.nan


@pytest.fixture
def tape(toy: SimpleNamespace) -> Tape:
    return build_tape(toy.market({"BTC": toy.BTC, "ETH": toy.ETH}), ["BTC", "ETH"], None, None, "0")


@pytest.fixture
def cash_tape(toy: SimpleNamespace) -> Tape:
    world = toy.market({"BTC": toy.BTC}, releases={"RATE": {"01-01": 36.5}})
    return build_tape(world, ["BTC"], None, toy.at("01-04"), "RATE")


def decisions(toy: SimpleNamespace, plan: dict[str, tuple[float, ...]], *assets: str) -> pd.DataFrame:
    at = pd.DatetimeIndex([toy.at(moment) for moment in plan], name="at")
    return pd.DataFrame(list(plan.values()), index=at, columns=list(assets))


def test_our_numbers_are_vectorbts() -> None:
    from vectorbt.portfolio.enums import Direction, OrderSide, OrderStatus, SizeType

    ours = (door._TARGET_PERCENT, door._LONG_ONLY, door._FILLED, door._BUY)
    assert ours == (SizeType.TargetPercent, Direction.LongOnly, OrderStatus.Filled, OrderSide.Buy)
    of_perpetuals = (door._TARGET_AMOUNT, door._BOTH)
    assert of_perpetuals == (SizeType.TargetAmount, Direction.Both)


def test_nothing_is_ordered_where_nothing_was_decided(toy: SimpleNamespace, tape: Tape) -> None:
    plan = {"01-01 12:00": (0.6, 0.4), "01-03 06:00": (0.5, 0.5), "01-03 18:00": (0.0, 1.0), "01-07": (1.0, 0.0)}
    sizes = order_sizes(decisions(toy, plan, "BTC", "ETH"), tape, toy.FREE)
    np.testing.assert_array_equal(sizes, [[_, _], [0.6, 0.4], [_, _], [0, 1], [_, _], [_, _]])


def test_no_decisions_are_no_orders(toy: SimpleNamespace, tape: Tape) -> None:
    none = decisions(toy, {"01-01": (0.5, 0.5)}, "BTC", "ETH").iloc[:0]
    assert order_sizes(none, tape, toy.FREE).isna().all(axis=None)


def test_decisions_are_read_by_name_not_by_position(toy: SimpleNamespace, tape: Tape) -> None:
    sizes = order_sizes(decisions(toy, {"01-01": (0.9, 0.1)}, "ETH", "BTC"), tape, toy.FREE)
    assert sizes.iloc[0].to_dict() == {"BTC": 0.1, "ETH": 0.9}


def test_the_deposit_gets_what_the_assets_leave_and_all_of_it_at_the_start(
    toy: SimpleNamespace, cash_tape: Tape
) -> None:
    execution = Execution(fee_bps=100, slippage_bps=0)
    sizes = order_sizes(decisions(toy, {"01-01 12:00": (0.25,), "01-03": (1.0,)}, "BTC"), cash_tape, execution)
    all_of_it = 0.99 / 1.01
    np.testing.assert_allclose(sizes, [[_, 1.0], [0.25, all_of_it - 0.25], [all_of_it, 0]], atol=1e-15)


def test_a_deposit_costs_nothing_and_an_asset_what_was_agreed(cash_tape: Tape) -> None:
    costs = column_costs(cash_tape, Execution(fee_bps=10, slippage_bps=5, min_notional=60))
    assert costs["fees"].tolist() == pytest.approx([0.001, 0])
    assert costs["slippage"].tolist() == pytest.approx([0.0005, 0])
    # A minimum of $60 in units, at each open: 100, 110, 120.
    assert costs["min_size"].tolist() == [pytest.approx([60 / price, 0]) for price in (100, 110, 120)]


def test_an_account_sells_before_it_buys(toy: SimpleNamespace, tape: Tape) -> None:
    """Bought left to right, BTC would find no cash."""
    account = Account(tape, toy.FREE)
    account.trade(0, np.array([0.0, 1.0]))
    account.trade(1, np.array([1.0, 0.0]))
    assert account.units == [1000 / 110, 0]
    assert account.cash == pytest.approx(0)
    assert [fill[:3] for fill in account.fills] == [(0, 1, 100), (1, 1, -100), (1, 0, 1000 / 110)]


def test_an_account_leaves_what_it_is_not_told_to_trade(toy: SimpleNamespace, tape: Tape) -> None:
    account = Account(tape, toy.FREE)
    account.trade(0, np.array([0.5, 0.2]))
    account.trade(1, np.array([MISSING, 0.0]))
    assert account.units == [5, 0]
    assert account.value(np.array([120.0, 13.0])) == pytest.approx(500 + 5 * 120)


def test_a_portfolio_is_one_group_with_shared_cash_stamped_with_open_times(toy: SimpleNamespace, tape: Tape) -> None:
    portfolio = simulate(decisions(toy, {"01-01": (0.6, 0.4)}, "BTC", "ETH"), tape, toy.FREE)
    assert portfolio.init_cash == 1000
    assert portfolio.value().index.equals(tape.opens.index)
    assert portfolio.value().tolist() == pytest.approx([6 * b + 40 * e for b, e in zip(toy.BTC, toy.ETH, strict=True)])


def test_fills_stand_in_the_order_of_bars_and_columns(toy: SimpleNamespace, tape: Tape) -> None:
    """vectorbt executes ETH's sale of day 2 first; the table keeps to the columns."""
    plan = {"01-01": (0.0, 1.0), "01-02": (1.0, 0.0)}
    fills = portfolio_fills(simulate(decisions(toy, plan, "BTC", "ETH"), tape, toy.FREE), tape)
    assert fills["asset"].tolist() == ["ETH", "BTC", "ETH"]
    assert fills["units"].tolist() == pytest.approx([100, 1000 / 110, -100])


def test_a_hole_in_the_prices_is_refused(toy: SimpleNamespace, tape: Tape) -> None:
    plan = decisions(toy, {"01-01": (0.6, 0.4)}, "BTC", "ETH")
    for name in ("open", "close"):
        prices = {"opens": tape.opens.copy(), "closes": tape.closes.copy()}
        prices[f"{name}s"].iloc[2, 1] = MISSING
        holed = Tape(prices["opens"], prices["closes"], tape.length)
        with pytest.raises(BadData, match=rf"an {name} price is missing at 2024-01-03 .*; a tape may not have"):
            simulate(plan, holed, toy.FREE)


def test_columns_in_another_order_are_refused(toy: SimpleNamespace, tape: Tape) -> None:
    plan = decisions(toy, {"01-01": (0.6, 0.4)}, "BTC", "ETH")
    crossed = Tape(tape.opens, tape.closes[["ETH", "BTC"]], tape.length)
    with pytest.raises(BadData, match=r"columns differ: sizes \['BTC', 'ETH'\], prices \['ETH', 'BTC'\]"):
        simulate(plan, crossed, toy.FREE)
