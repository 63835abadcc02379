"""Event engine, vector path and a decimal oracle: the same books of perpetuals; and a mutant of the engine is found."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings

from backtests.entries import RANGE
from backtests.execution import Execution
from backtests.perpetuals import account
from backtests.perpetuals.account import MarginAccount
from backtests.perpetuals.funding import BEFORE, ENDING, INSIDE, Funding
from backtests.result import Result
from backtests.tape import Tape
from tests.backtests.perpetuals.generated_books import (
    ASSETS,
    Careful,
    Plan,
    World,
    generated_market,
    outcome,
    worlds,
)
from tests.backtests.perpetuals.oracle import Oracle, Run

CONTRACT = 1e-9


def assert_as_the_oracle(result: Result, exact: Run) -> None:
    """Every entry, every position and every equity; dollars to 1e-9 of the most that the book was worth."""
    equity = np.array(exact.equity, float)
    scale = max(result.execution.capital, equity.max())
    np.testing.assert_allclose(result.equity.iloc[1:], equity, rtol=0, atol=CONTRACT * scale)
    worth = np.array(exact.units, float) * result.tape.closes.to_numpy()
    np.testing.assert_allclose(result.values, worth, rtol=0, atol=CONTRACT * scale)
    bar = result.tape.opens.index
    fills = [(bar[row], asset, *map(float, numbers)) for row, asset, *numbers in exact.fills]
    payments = [(pd.Timestamp(at, tz="UTC"), bar[row], asset, *map(float, n)) for at, row, asset, *n in exact.payments]
    closed = [(bar[row], when, asset, *map(float, n)) for row, when, asset, *n in exact.liquidations]
    assert_same_rows(result.fills, fills, scale)
    assert_same_rows(result.payments[["at", "open_time", "asset", "units", "amount"]], payments, scale)
    assert_same_rows(result.liquidations, closed, scale)


def assert_same_rows(table: pd.DataFrame, rows: list[tuple[Any, ...]], scale: float) -> None:
    numbers = table.select_dtypes("number").columns
    expected = pd.DataFrame(rows, columns=table.columns)
    labels = [name for name in table if name not in numbers]
    assert table[labels].to_numpy().tolist() == expected[labels].to_numpy().tolist()
    np.testing.assert_allclose(table[numbers], expected[numbers].astype(float), rtol=CONTRACT, atol=CONTRACT * scale)


def assert_same_tables(left: Result, right: Result) -> None:
    pd.testing.assert_frame_equal(left.decisions, right.decisions, check_exact=True)
    scale = max(left.equity.max(), left.execution.capital)
    for name in ("fills", "payments", "liquidations"):
        pair = getattr(left, name), getattr(right, name)
        pd.testing.assert_frame_equal(*pair, rtol=CONTRACT, atol=CONTRACT * scale)
    np.testing.assert_allclose(left.equity, right.equity, rtol=CONTRACT, atol=CONTRACT * scale)


def note(seen: Counter[str], result: Result) -> None:
    seen.update(fills=len(result.fills), payments=len(result.payments), ruined=result.ruined_at is not None)
    seen.update(liquidated=len(result.liquidations) > 0)
    seen.update(f"at {moment}" for moment in set(result.liquidations["moment"]))
    short = result.liquidations["units"] > 0
    seen.update(shorts_closed=bool(short.any()), longs_closed=bool((~short).any()))
    if len(result.liquidations):
        seen.update(entered_again=bool((result.fills["open_time"] > result.liquidations["open_time"].iloc[0]).any()))
    assert result.tape.perpetuals is not None
    seen.update(funding_over_a_gap=bool((result.tape.perpetuals.funding.when == BEFORE).any()))


def property_of_agreement(
    examples: int, seen: Counter[str], phases: tuple[Phase, ...] = tuple(Phase), vector: bool = True
) -> Callable[[], None]:
    """The property: the same decisions and entries, or the same refusal."""

    @settings(max_examples=examples, phases=phases, report_multiple_bugs=False, database=None)
    @given(worlds())
    def agree(world: World) -> None:
        events = outcome(world, "events")
        seen.update(runs=1, refused=isinstance(events, str))
        if vector:
            assert_both(outcome(world, "vector"), events)
        if isinstance(events, Result):
            note(seen, events)
            assert_as_the_oracle(events, Oracle(events.tape, world.market, world.execution).run(events.decisions))

    return agree


def assert_both(vector: Result | str, events: Result | str) -> None:
    if isinstance(vector, str) or isinstance(events, str):
        assert vector == events
    else:
        assert_same_tables(vector, events)


def test_both_engines_and_the_oracle_keep_the_same_book(record_property: Callable[[str, object], None]) -> None:
    seen: Counter[str] = Counter()
    property_of_agreement(150, seen)()
    for name, value in seen.items():
        record_property(name, value)
    print(seen)
    assert seen["refused"] < seen["runs"] / 10
    assert seen["liquidated"] > seen["runs"] / 4
    assert seen["ruined"] > seen["runs"] / 30
    assert min(seen["at open"], seen["at range"], seen["shorts_closed"], seen["longs_closed"]) > seen["runs"] / 20
    assert min(seen["entered_again"], seen["funding_over_a_gap"]) > seen["runs"] / 10
    assert seen["payments"] > 20 * seen["runs"]


@pytest.mark.parametrize("seed", [4, 51, 55])
def test_where_closing_costs_all_of_the_margin_all_three_call_it_ruin(seed: int) -> None:
    """What was left of these books was 1e-11 in one engine and -1e-11 in the other: rounding told life from ruin."""
    assets = ASSETS[: seed % 3 + 1]
    terms = {"initial_margin": 0.2, "maintenance_margin": 0.005, "liquidation_fee_bps": 50}
    execution = Execution(fee_bps=0, slippage_bps=0, min_notional=0, perps=True, **terms)
    world = World(generated_market(seed, len(assets), "1d", 50, 5), Plan(assets), execution, {})
    vector, events = world.run("vector"), world.run("events")
    assert_same_tables(vector, events)
    assert_as_the_oracle(events, Oracle(events.tape, world.market, execution).run(events.decisions))
    assert vector.ruined_at == events.ruined_at is not None


@settings(max_examples=60)
@given(worlds(Careful))
def test_a_rule_that_looks_at_its_book_keeps_the_oracles_book(world: World) -> None:
    result = world.run("events")
    assert_as_the_oracle(result, Oracle(result.tape, world.market, world.execution).run(result.decisions))


def account_without_funding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MarginAccount, "_pay", lambda *_: None)


def account_that_pays_what_it_should_receive(monkeypatch: pytest.MonkeyPatch) -> None:
    change_funding(monkeypatch, lambda funding, tape: replace(funding, rate=-funding.rate))


def new_position_pays_at_the_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def later(funding: Funding, tape: Tape) -> Funding:
        first = (funding.when == ENDING) & np.isin(funding.at, tape.open_times)
        return replace(funding, row=funding.row + first, when=np.where(first, INSIDE, funding.when))

    change_funding(monkeypatch, later)


def funding_known_before_it_is_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    def early(funding: Funding, tape: Tape) -> Funding:
        gap = funding.when == BEFORE
        return replace(funding, row=funding.row - gap, when=np.where(gap, ENDING, funding.when))

    change_funding(monkeypatch, early)


def change_funding(monkeypatch: pytest.MonkeyPatch, change: Callable[[Funding, Tape], Funding]) -> None:
    original = account._payments_by_bar

    def changed(tape: Tape) -> Any:
        assert tape.perpetuals is not None
        perpetuals = replace(tape.perpetuals, funding=change(tape.perpetuals.funding, tape))
        return original(replace(tape, perpetuals=perpetuals))

    monkeypatch.setattr(account, "_payments_by_bar", changed)


def margin_looked_at_in_closes_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MarginAccount, "_meet_range", lambda *_: None)


def account_without_maintenance_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MarginAccount, "_free", MarginAccount.value)


def shorts_taken_to_the_low(monkeypatch: pytest.MonkeyPatch) -> None:
    original = MarginAccount._meet_range

    def to_the_low(self: MarginAccount, row: int) -> None:
        self._highs = self._lows
        original(self, row)

    monkeypatch.setattr(MarginAccount, "_meet_range", to_the_low)


def liquidation_at_the_worst_of_the_range(monkeypatch: pytest.MonkeyPatch) -> None:
    original = MarginAccount._liquidate

    def at_the_worst(self: MarginAccount, row: int, moment: str, prices: np.ndarray) -> None:
        worst = np.where(np.array(self.units) > 0, self._lows[row], self._highs[row])
        original(self, row, moment, worst if moment == RANGE else prices)

    monkeypatch.setattr(MarginAccount, "_liquidate", at_the_worst)


def ruin_that_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    original = MarginAccount._liquidate

    def lent_a_hundred(self: MarginAccount, *of: Any) -> None:
        original(self, *of)
        if self.ruined:
            self.cash, self.ruined = 100.0, False

    monkeypatch.setattr(MarginAccount, "_liquidate", lent_a_hundred)


def liquidation_at_the_trading_fee(monkeypatch: pytest.MonkeyPatch) -> None:
    original = MarginAccount.__init__

    def at_the_trading_fee(self: MarginAccount, tape: Tape, execution: Execution) -> None:
        original(self, tape, replace(execution, liquidation_fee_bps=execution.fee_bps))

    monkeypatch.setattr(MarginAccount, "__init__", at_the_trading_fee)


MUTANTS = (
    account_without_funding,
    account_that_pays_what_it_should_receive,
    new_position_pays_at_the_open,
    funding_known_before_it_is_paid,
    margin_looked_at_in_closes_only,
    account_without_maintenance_margin,
    shorts_taken_to_the_low,
    liquidation_at_the_worst_of_the_range,
    ruin_that_comes_back,
    liquidation_at_the_trading_fee,
)


@pytest.mark.parametrize("mutate", MUTANTS, ids=[mutant.__name__ for mutant in MUTANTS])
def test_a_mutant_of_the_account_is_found_out(
    mutate: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch)
    with pytest.raises(AssertionError):
        property_of_agreement(150, Counter(), (Phase.generate,), vector=False)()
