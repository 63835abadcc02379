"""Orders of many trials: the rows of the dense table that order something, one trial behind the other."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings

from backtests.execution import Execution
from backtests.simulate import order_sizes
from backtests.sweeps.orders import Orders, lay_out, pack
from backtests.tape import Tape, build_tape
from data_cache.errors import BadUsage
from tests.backtests.sweeps.generated_trials import Case, cases

_ = math.nan


@pytest.fixture
def tape(toy: SimpleNamespace) -> Tape:
    return build_tape(toy.market({"BTC": toy.BTC, "ETH": toy.ETH}), ["BTC", "ETH"], None, None, "0")


@pytest.fixture
def cash_tape(toy: SimpleNamespace) -> Tape:
    world = toy.market({"BTC": toy.BTC}, releases={"RATE": {"01-01": 36.5}})
    return build_tape(world, ["BTC"], None, None, "RATE")


def moments(toy: SimpleNamespace, *texts: str) -> np.ndarray:
    return np.array([toy.at(text).value for text in texts], np.int64)


@settings(max_examples=60)
@given(cases())
def test_what_is_laid_out_is_the_dense_table_without_its_empty_rows(case: Case) -> None:
    orders = case.orders
    for trial, decisions in enumerate(case.plans):
        dense = order_sizes(decisions, case.tape, case.execution).to_numpy()
        one = orders.take([trial])
        ordered = np.flatnonzero(~np.isnan(dense).all(axis=1))
        np.testing.assert_array_equal(one.rows, ordered)
        np.testing.assert_array_equal(one.sizes, dense[ordered])


def test_the_last_decision_before_a_bar_counts_and_one_after_the_last_bar_does_not(
    toy: SimpleNamespace, tape: Tape
) -> None:
    at = moments(toy, "01-01 12:00", "01-03 06:00", "01-03 18:00", "01-07")
    weights = np.array([(0.6, 0.4), (0.5, 0.5), (0.0, 1.0), (1.0, 0.0)])
    rows, sizes = lay_out(at, weights, tape, toy.FREE)
    assert rows.tolist() == [1, 3]
    assert sizes.tolist() == [[0.6, 0.4], [0, 1]]


def test_the_deposit_gets_all_at_the_first_bar_unless_something_else_is_decided_for_it(
    toy: SimpleNamespace, cash_tape: Tape
) -> None:
    later = lay_out(moments(toy, "01-02"), np.array([[0.25]]), cash_tape, toy.FREE)
    np.testing.assert_array_equal(later[0], [0, 1])
    np.testing.assert_array_equal(later[1], [[_, 1], [0.25, 0.75]])
    at_once = lay_out(moments(toy, "01-01"), np.array([[0.25]]), cash_tape, toy.FREE)
    np.testing.assert_array_equal(at_once[0], [0])
    np.testing.assert_array_equal(at_once[1], [[0.25, 0.75]])
    never = lay_out(moments(toy), np.empty((0, 1)), cash_tape, toy.FREE)
    np.testing.assert_array_equal(never[1], [[_, 1]])


def test_trials_are_packed_one_behind_the_other_and_taken_out_again(toy: SimpleNamespace, tape: Tape) -> None:
    one = np.array([0, 3]), np.array([[0.1, 0.2], [0.3, 0.4]])
    none = np.empty(0, np.int64), np.empty((0, 2))
    two = np.array([5]), np.array([[0.5, 0.5]])
    orders = pack([one, none, two], 2)
    assert orders.offsets.tolist() == [0, 2, 2, 3]
    assert len(orders) == 3
    assert orders.rows.tolist() == [0, 3, 5]
    taken = orders.take([2, 0])
    assert taken.rows.tolist() == [5, 0, 3]
    assert taken.sizes.tolist() == [[0.5, 0.5], [0.1, 0.2], [0.3, 0.4]]
    orders.check(6, 2)
    assert len(pack([], 2)) == 0


def orders(offsets: list[int], rows: list[int], columns: int = 2) -> Orders:
    return Orders(np.array(offsets), np.array(rows), np.zeros((len(rows), columns)))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (orders([0, 2], [0, 6]), r"rows must be bars of the tape, 0 to 5; found 0 to 6"),
        (orders([0, 2], [-1, 3]), r"rows must be bars of the tape, 0 to 5; found -1 to 3"),
        (orders([0, 2], [3, 3]), r"rows must ascend within a trial, one order a bar; lay_out keeps the last"),
        (orders([0, 1, 3], [5, 4, 2]), r"rows must ascend within a trial"),
        (orders([0, 3], [0, 1]), r"offsets must ascend from 0 to 2, the number of orders; found array\(\[0, 3\]\)"),
        (orders([0, 2, 1, 2], [0, 1]), r"offsets must ascend from 0 to 2"),
        (orders([1, 2], [0, 1]), r"offsets must ascend from 0 to 2"),
        (orders([], [0, 1]), r"offsets must ascend from 0 to 2"),
        (orders([0, 2], [0, 1], columns=3), r"sizes must have the shape \(2, 2\), .*; found \(2, 3\)"),
    ],
)
def test_orders_that_do_not_fit_the_tape_are_refused(wrong: Orders, sentence: str) -> None:
    with pytest.raises(BadUsage, match=sentence):
        wrong.check(bars=6, columns=2)


def test_a_trial_may_begin_before_the_one_packed_before_it_ends() -> None:
    orders([0, 2, 2, 3], [4, 5, 0]).check(bars=6, columns=2)


def test_weights_above_what_is_affordable_are_scaled_by_one_factor(toy: SimpleNamespace, tape: Tape) -> None:
    """A fee of 1 %: a book worth 1 leaves 0.99 when sold, which buys 0.99 / 1.01."""
    execution = Execution(fee_bps=100, slippage_bps=0)
    _, sizes = lay_out(moments(toy, "01-01"), np.array([[0.75, 0.25]]), tape, execution)
    np.testing.assert_allclose(sizes, [[0.75 * 0.99 / 1.01, 0.25 * 0.99 / 1.01]], rtol=1e-15)
