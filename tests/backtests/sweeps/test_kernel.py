"""The kernel beside vectorbt, the event engine's account and a decimal oracle: the same fills and the same equity."""

import os
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings

from backtests.execution import Execution
from backtests.simulate import Account, account_fills, order_sizes
from backtests.sweeps import compiled, kernel
from backtests.sweeps.kernel import Kernel
from backtests.sweeps.orders import Orders
from backtests.tape import CASH, Tape
from data_cache.bars import TIMEFRAMES
from data_cache.errors import BadData, BadUsage
from tests.backtests.sweeps.generated_trials import Case, cases, generated_plan, generated_tape, packed
from tests.backtests.sweeps.oracle import Oracle

ROOT = Path(__file__).parents[3]
CONTRACT = 1e-9
FREE = Execution(fee_bps=0, slippage_bps=0, min_notional=0, capital=1_000)


def by_account(decisions: pd.DataFrame, tape: Tape, execution: Execution) -> pd.DataFrame:
    """The fills of the event engine's account."""
    account = Account(tape, execution)
    sizes = order_sizes(decisions, tape, execution).to_numpy()
    for row in np.flatnonzero(~np.isnan(sizes).all(axis=1)):
        account.trade(row, sizes[row])
    return account_fills(account, tape)


def assert_same_fills(left: pd.DataFrame, right: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(left, right, check_exact=False, rtol=CONTRACT, atol=0)


@settings(max_examples=150)
@given(cases())
def test_fills_and_equity_are_those_of_vectorbt_and_of_the_event_engine(case: Case) -> None:
    curves = case.kernel.equity(case.orders)
    for trial, judged in enumerate(case.judged):
        fills = case.kernel.fills(case.orders, trial)
        assert_same_fills(fills, judged.fills)
        assert_same_fills(fills, by_account(case.plans[trial], case.tape, case.execution))
        np.testing.assert_allclose(curves[trial], judged.equity.iloc[1:], rtol=CONTRACT)
        np.testing.assert_allclose(curves[trial], judged.portfolio.value(), rtol=CONTRACT)


@settings(max_examples=150)
@given(cases())
def test_a_decimal_book_written_from_the_definitions_ends_the_same(case: Case) -> None:
    curves, outcomes = case.kernel.equity(case.orders), case.kernel.run(case.orders)
    small = CONTRACT * case.execution.capital
    for trial, judged in enumerate(case.judged):
        oracle = Oracle(case.tape, case.execution).run(case.plans[trial])
        exact = np.array(oracle.equity, float)
        np.testing.assert_allclose(curves[trial], exact, rtol=CONTRACT)
        np.testing.assert_allclose(judged.equity.iloc[1:], exact, rtol=CONTRACT)
        held = np.array(oracle.units, float) * case.tape.closes.to_numpy()
        np.testing.assert_allclose(judged.values, held, rtol=CONTRACT, atol=small)
        sums = outcomes.sums[trial]
        assert sums["traded"] == pytest.approx(float(oracle.traded), rel=CONTRACT, abs=small)
        assert sums["fees"] + sums["slippage"] == pytest.approx(float(oracle.costs), rel=CONTRACT, abs=small)
        deepest = float(oracle.max_drawdown(case.execution.capital))
        assert outcomes.metrics["max_drawdown"][trial] == pytest.approx(deepest, rel=CONTRACT, abs=CONTRACT)


def test_generated_trials_hold_what_they_are_meant_to_hold() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=150, phases=(Phase.generate,), database=None)
    @given(cases())
    def look(case: Case) -> None:
        for plan, judged in zip(case.plans, case.judged, strict=True):
            rows = case.execution.fill_rows(plan.index.asi8, case.tape.open_times)
            ordered = int(order_sizes(plan, case.tape, case.execution).notna().to_numpy().sum())
            seen["trials"] += 1
            seen["fills"] += len(judged.fills)
            seen["orders not filled"] += ordered - len(judged.fills)
            seen["decisions overtaken before their bar"] += int((np.diff(rows) == 0).sum())
            seen["decisions for the last bar"] += int((rows == len(case.tape.opens) - 1).sum())
            seen["decisions too late"] += int((rows == len(case.tape.opens)).sum())
            seen["decisions to hold nothing"] += int((plan.to_numpy().sum(axis=1) == 0).sum())
            seen["decisions of full exposure"] += int((plan.to_numpy().sum(axis=1) > 1 - CONTRACT).sum())
            seen["deposits"] += CASH in case.tape.opens
            seen["tapes of one bar"] += len(case.tape.opens) == 1
            seen["tapes with holes"] += bool((np.diff(case.tape.open_times) > case.tape.length.value).any())

    look()
    print(seen)
    assert seen["fills"] > 3 * seen["trials"]
    assert all(count >= 20 for count in seen.values()), seen


def days(opens: dict[str, Sequence[float]], closes: dict[str, Sequence[float]] | None = None) -> Tape:
    """A tape of daily bars from 2024-01-01 on, closing where they opened unless told otherwise."""
    count = len(next(iter(opens.values())))
    times = pd.date_range("2024-01-01", periods=count, freq="D", tz="UTC").as_unit("ns")
    frames = [pd.DataFrame(prices, times, dtype=float) for prices in (opens, closes or opens)]
    return Tape(*frames, TIMEFRAMES["1d"])


def plan(weights: dict[str, Sequence[float]], *assets: str) -> pd.DataFrame:
    """Decisions by day of January 2024."""
    at = pd.DatetimeIndex([f"2024-01-{day}" for day in weights], tz="UTC", name="at").as_unit("ns")
    return pd.DataFrame(list(weights.values()), at, list(assets), dtype=float)


def filled(decisions: pd.DataFrame, tape: Tape, execution: Execution) -> list[tuple[int, str, float]]:
    """Day, asset and units of each fill."""
    fills = Kernel(tape, execution).fills(packed([decisions], tape, execution), 0)
    days = fills["open_time"].dt.day
    return [(d, a, pytest.approx(u)) for d, a, u in zip(days, fills["asset"], fills["units"], strict=True)]


def test_a_purchase_and_a_sale_that_a_reader_can_redo() -> None:
    """Half of 1000 at 100 with a fee of 1 % and slippage of 2 %, priced at 110 that night, sold the next day at 120."""
    tape = days({"BTC": (100, 120)}, {"BTC": (110, 90)})
    execution = Execution(fee_bps=100, slippage_bps=200, min_notional=0, capital=1_000)
    orders = packed([plan({"01": (0.5,), "02": (0.0,)}, "BTC")], tape, execution)
    cash = 1000 - 5 * 102 * 1.01
    after = cash + 5 * 117.6 * 0.99
    assert Kernel(tape, execution).equity(orders)[0] == pytest.approx([cash + 5 * 110, after])
    sums = Kernel(tape, execution).run(orders).sums[0]
    assert sums["fills"] == 2
    assert sums["traded"] == pytest.approx(5 * 102 + 5 * 117.6)
    assert sums["fees"] == pytest.approx(5 * 102 * 0.01 + 5 * 117.6 * 0.01)
    assert sums["slippage"] == pytest.approx(5 * 2 + 5 * 2.4)
    assert sums["exposure"] == pytest.approx(550 / (cash + 550) / 2)


def test_sales_pay_for_purchases_whichever_column_they_are_in() -> None:
    """Bought left to right, BTC would find no cash."""
    tape = days({"BTC": (100, 110), "ETH": (10, 11)})
    decisions = plan({"01": (0, 1), "02": (1, 0)}, "BTC", "ETH")
    assert filled(decisions, tape, FREE) == [(1, "ETH", 100), (2, "BTC", 10), (2, "ETH", -100)]


def test_a_purchase_takes_what_cash_there_is() -> None:
    """A sale of 300 is below the minimum of 400 and not sent; so of the 800 wanted of ETH, 500 are there."""
    tape = days({"BTC": (100, 100), "ETH": (10, 10)})
    decisions = plan({"01": (0.5, 0), "02": (0.2, 0.8)}, "BTC", "ETH")
    held_back = Execution(fee_bps=0, slippage_bps=0, min_notional=400, capital=1_000)
    assert filled(decisions, tape, held_back) == [(1, "BTC", 5), (2, "ETH", 50)]


def test_of_two_equal_purchases_the_left_one_comes_first() -> None:
    """SOL's sale of 460 * 0.9 is below the minimum of 450; BTC takes 477 of the 540 in cash, and 63 are too few."""
    tape = days({"BTC": (100, 100), "ETH": (10, 10), "SOL": (1, 0.9)})
    decisions = plan({"01": (0, 0, 0.46), "02": (0.5, 0.5, 0)}, "BTC", "ETH", "SOL")
    held_back = Execution(fee_bps=0, slippage_bps=0, min_notional=450, capital=1_000)
    assert filled(decisions, tape, held_back) == [(1, "SOL", 460), (2, "BTC", 4.77)]


def test_an_order_of_just_the_minimum_is_sent_and_one_below_it_is_not() -> None:
    """0.57 * 100 is a little less than 57 to a computer, and still enough."""
    tape = days({"BTC": (3, 3)})
    held_back = Execution(fee_bps=0, slippage_bps=0, min_notional=57, capital=100)
    assert filled(plan({"01": (0.57,), "02": (0.0,)}, "BTC"), tape, held_back) == [(1, "BTC", 19), (2, "BTC", -19)]
    assert filled(plan({"01": (0.5699,)}, "BTC"), tape, held_back) == []


def test_a_deposit_moves_without_cost_and_is_no_fill() -> None:
    """All of 1000 lies in the deposit; half of 1001 buys BTC at 100 with a fee of 1 %."""
    tape = days({"BTC": (100, 100), CASH: (1, 1.001)}, {"BTC": (100, 110), CASH: (1, 1.002)})
    execution = Execution(fee_bps=100, slippage_bps=0, min_notional=0, capital=1_000)
    orders = packed([plan({"02": (0.5,)}, "BTC")], tape, execution)
    book = Kernel(tape, execution)
    outcomes = book.run(orders)
    assert outcomes.metrics["fills"].tolist() == [1]
    assert outcomes.sums["traded"].tolist() == [pytest.approx(500.5)]
    assert book.fills(orders, 0)["asset"].tolist() == [CASH, "BTC", CASH]
    kept = 0.99 / 1.01 - 0.5  # of the book, what is neither in BTC nor set aside for costs
    idle = 1001 - 500.5 * 1.01 - 1001 * kept
    assert book.equity(orders)[0] == pytest.approx([1000, 500.5 * 1.1 + idle + 1001 * kept * 1.002 / 1.001])


def test_no_trials_and_trials_without_orders_are_no_trouble() -> None:
    tape = days({"BTC": (100, 110)})
    book = Kernel(tape, FREE)
    assert len(book.run(packed([], tape, FREE))) == 0
    nothing = packed([plan({}, "BTC")], tape, FREE)
    assert book.equity(nothing).tolist() == [[1000, 1000]]
    assert book.run(nothing).metrics["exposure"].tolist() == [0]
    assert len(book.fills(nothing, 0)) == 0


@pytest.fixture(scope="module")
def many() -> Case:
    """Trials with many orders and with few, on two and a half blocks of hourly bars."""
    random = np.random.default_rng(4)
    tape = generated_tape(random, 2, "1h", 5 * compiled.BLOCK // 2, deposit=False)
    plans = [generated_plan(random, tape, count) for count in (200, 0, 1, 400, 30)]
    return Case(tape, Execution(), tuple(plans))


def test_a_trial_comes_out_the_same_to_the_last_bit_whatever_runs_beside_it(many: Case) -> None:
    together = many.kernel.run(many.orders).sums
    for trial in range(len(many.plans)):
        alone = many.kernel.run(many.orders.take([trial])).sums
        assert alone.tobytes() == together[trial : trial + 1].tobytes()
    assert many.kernel.run(many.orders.take([4, 0])).sums.tobytes() == together[[4, 0]].tobytes()


def test_a_kernel_may_be_used_again(many: Case) -> None:
    used = many.kernel
    first = used.run(many.orders).sums
    used.equity(many.orders)
    assert used.run(many.orders).sums.tobytes() == first.tobytes()


def test_orders_that_cannot_be_written_to_are_not_compiled_for_again(many: Case) -> None:
    before = many.kernel.run(many.orders).sums
    compiled = list(kernel._simulate.signatures)
    parts = many.orders.offsets.copy(), many.orders.rows.astype(np.int32), many.orders.sizes.copy(order="F")
    for part in parts:
        part.flags.writeable = False
    assert many.kernel.run(Orders(*parts)).sums.tobytes() == before.tobytes()
    assert kernel._simulate.signatures == compiled


def test_memory_does_not_grow_with_trials_times_bars() -> None:
    """500 trials of 20,000 bars would be 80 MB of equity."""
    tape = generated_tape(np.random.default_rng(5), 1, "1h", 20_000, deposit=False)
    orders = packed([generated_plan(np.random.default_rng(5), tape, 5)] * 500, tape, FREE)
    book = Kernel(tape, FREE)
    book.run(orders.take([0]))
    tracemalloc.start()
    book.run(orders)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6


def test_missing_prices_and_orders_beyond_the_tape_are_refused() -> None:
    tape = days({"BTC": (100, float("nan"))})
    with pytest.raises(BadData, match=r"an open price is missing at 2024-01-02 .*; a tape may not have holes"):
        Kernel(tape, FREE)
    beyond = Orders(np.array([0, 1]), np.array([2]), np.ones((1, 1)))
    with pytest.raises(BadUsage, match="rows must be bars of the tape, 0 to 1; found 2 to 2"):
        Kernel(days({"BTC": (100, 110)}), FREE).run(beyond)


def test_our_tolerances_are_vectorbts() -> None:
    from vectorbt.utils import math_

    assert (math_.rel_tol, math_.abs_tol) == (compiled.RELATIVE, compiled.ABSOLUTE)


def test_a_second_process_does_not_compile(tmp_path: Path) -> None:
    code = (
        "from tests.backtests.sweeps.test_kernel import *; tape = days({'BTC': (100, 110)});"
        "Kernel(tape, FREE).run(packed([plan({'01': (1,)}, 'BTC')], tape, FREE));"
        "stats = kernel._simulate.stats; print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    hits_and_misses = [
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert hits_and_misses == ["0 1\n", "1 0\n"]
