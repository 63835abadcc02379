"""Orders at the wrong time: by hand, as holdings on a ring, and traded by the kernel with their costs."""

import time
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.execution import Execution
from backtests.sweeps.kernel import Kernel
from backtests.sweeps.orders import Orders, pack
from backtests.sweeps.rotation import rotated
from backtests.tape import CASH, Tape, build_tape
from tests.backtests.sweeps.generated_trials import Case, cases

NAN = float("nan")


def orders(*plans: dict[int, float]) -> Orders:
    """Trials in one asset: by bar, the fraction ordered there."""
    return pack([(np.array(list(plan), int), np.array(list(plan.values()), float)[:, None]) for plan in plans], 1)


def told(found: Orders) -> list[dict[int, float]]:
    trials = [found.take([trial]) for trial in range(len(found))]
    return [dict(zip(one.rows.tolist(), one.sizes[:, 0].tolist(), strict=True)) for one in trials]


def test_orders_move_and_the_stretch_before_them_moves_with_them() -> None:
    """Six bars. Half from bar 1, nothing from bar 3; a bar later from 2 and 4, and nothing, as at the end, from 0.

    The stretch in cash before the first order begins at bar 1 now, and is an order to hold nothing.
    """
    assert told(rotated(orders({1: 0.5, 3: 0.0}), bars=6, shift=1)) == [{0: 0.0, 1: 0.0, 2: 0.5, 4: 0.0}]


def test_what_stands_at_the_new_end_has_stood_before_the_new_start() -> None:
    """Half in bars 0 to 3, all in 4 and 5; three bars later half in bars 3 to 5 and 0, all in 1 and 2."""
    assert told(rotated(orders({0: 0.5, 4: 1.0}), bars=6, shift=3)) == [{0: 0.5, 1: 1.0, 3: 0.5}]


def test_an_order_that_comes_to_fill_at_the_first_bar_needs_no_other() -> None:
    assert told(rotated(orders({0: 0.5, 4: 1.0}), bars=6, shift=2)) == [{0: 1.0, 2: 0.5}]


def test_each_trial_turns_by_itself_and_one_without_orders_stays_without() -> None:
    found = rotated(orders({5: 0.1}, {}, {0: 0.2}, {}, {2: 0.3, 3: 0.4}), bars=6, shift=4)
    assert told(found) == [{0: 0.0, 3: 0.1, 4: 0.0}, {}, {0: 0.2, 4: 0.2}, {}, {0: 0.3, 1: 0.4, 4: 0.0}]
    assert len(rotated(orders(), bars=6, shift=4)) == 0
    assert told(rotated(orders({}), bars=6, shift=4)) == [{}]


@pytest.mark.parametrize("shift", [0, 6, -6])
def test_a_full_turn_is_none(shift: int) -> None:
    plan = orders({1: 0.5, 3: 0.0})
    assert rotated(plan, bars=6, shift=shift) is plan


def test_a_deposit_sells_what_the_stretch_before_it_holds() -> None:
    """Columns BTC and CASH: all in cash at bar 0, where there is nothing to sell; a quarter in BTC from bar 2."""
    plan = pack([(np.array([0, 2]), np.array([[NAN, 1.0], [0.25, 0.75]]))], 2)
    found = rotated(plan, bars=4, shift=1)
    assert found.rows.tolist() == [0, 1, 3]
    assert found.sizes.tolist() == [[0.25, 0.75], [0.0, 1.0], [0.25, 0.75]]


# On a ring.

BARS = 12
PLANS = st.lists(st.dictionaries(st.integers(0, BARS - 1), st.sampled_from([0.0, 0.3, 0.7, 1.0])), max_size=5)


def standing(plan: dict[int, float]) -> list[float]:
    """What is wanted in each bar; nothing before the first order."""
    wanted = [0.0]
    for bar in range(BARS):
        wanted.append(plan.get(bar, wanted[-1]))
    return wanted[1:]


@given(PLANS, st.integers(1, BARS - 1))
def test_what_is_wanted_turns_as_a_whole(plans: list[dict[int, float]], shift: int) -> None:
    """And is ordered at the bars of before, at those where the stretch in cash begins, and at bar 0."""
    plans = [dict(sorted(plan.items())) for plan in plans]
    found = rotated(orders(*plans), BARS, shift)
    found.check(BARS, 1)
    for before, after in zip(plans, told(found), strict=True):
        assert standing(after) == np.roll(standing(before), shift).tolist()
        assert set(after) == ({(bar + shift) % BARS for bar in {0, *before}} | {0} if before else set())


def wanted(one: Orders, tape: Tape) -> np.ndarray:
    """Fractions wanted of all columns in each bar, shape (n_bars, n_columns): at first all in cash."""
    found = np.tile([1.0 if name == CASH else 0.0 for name in tape.opens.columns], (len(tape.opens), 1))
    for row, sizes in zip(one.rows, one.sizes, strict=True):
        found[row:] = np.where(np.isnan(sizes), found[row], sizes)
    return found


@given(cases(), st.integers(1, 10_000))
def test_on_generated_tapes_too_deposits_included(case: Case, shift: int) -> None:
    before, bars = case.orders, len(case.tape.opens)
    after = rotated(before, bars, shift)
    after.check(*case.tape.opens.shape)
    for trial in range(len(before)):
        turned = np.roll(wanted(before.take([trial]), case.tape), shift, axis=0)
        assert np.array_equal(wanted(after.take([trial]), case.tape), turned)
    assert np.isfinite(case.kernel.equity(after)).all()


def test_many_orders_turn_in_no_time() -> None:
    """1,000 trials of 300 orders: a rotation may not cost what trading them does."""
    rng = np.random.default_rng(1)
    laid = [(np.sort(rng.choice(3000, 300, replace=False)), rng.random((300, 2))) for _ in range(1000)]
    plan = pack(laid, 2)
    began = time.process_time()
    rotated(plan, 3000, 1234)
    assert time.process_time() - began < 0.5


# Traded.


def tape(toy: SimpleNamespace, *prices: float) -> Tape:
    return build_tape(toy.market({"BTC": prices}), ["BTC"], None, None, "0")


def test_rotated_orders_earn_what_prices_did_at_the_wrong_time(toy: SimpleNamespace) -> None:
    """In at bar 1, out at 2: earns 110 to 120; moved by one 120 to 90, by two 90 to 95, by five 100 to 110."""
    kernel, plan = Kernel(tape(toy, *toy.BTC), toy.FREE), orders({1: 1.0, 2: 0.0})
    ends = [float(kernel.run(rotated(plan, 6, shift)).metrics["total_return"][0]) for shift in (0, 1, 2, 5)]
    assert ends == pytest.approx([120 / 110 - 1, 90 / 120 - 1, 95 / 90 - 1, 110 / 100 - 1])


def test_a_rotation_inside_the_tape_costs_as_much_as_the_truth(toy: SimpleNamespace) -> None:
    """On flat prices only costs are left."""
    costly = Execution(fee_bps=100, slippage_bps=0, min_notional=0, capital=1_000)
    kernel, plan = Kernel(tape(toy, *[100.0] * 8), costly), orders({1: 0.5, 3: 0.0})
    ends = [float(kernel.run(rotated(plan, 8, shift)).metrics["total_return"][0]) for shift in (0, 1, 3)]
    assert ends[0] < -0.009
    assert ends == pytest.approx([ends[0]] * 3)
