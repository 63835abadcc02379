"""What holds of every book of perpetuals, whatever the market does to it."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings

from backtests.tape import Tape
from data_cache.observations import Observations
from strategies.strategy import Now, Weights
from tests.backtests.perpetuals.generated_books import Plan, World, worlds

CONTRACT = 1e-9
FREE: dict[str, Any] = {"fee_bps": 0, "slippage_bps": 0, "min_notional": 0, "liquidation_fee_bps": 0}


def without_funding(world: World) -> World:
    """The same world, with rates of 0."""
    observations = world.market.observations
    rows = {name: observations.rows(name) for name in observations}
    nothing = {name: table.assign(value=0.0) for name, table in rows.items() if name.startswith("FUNDING_")}
    return replace(world, market=replace(world.market, observations=Observations(rows | nothing)))


def test_equity_is_never_below_zero_and_nothing_comes_after_ruin() -> None:
    ruins: Counter[str] = Counter()

    @settings(max_examples=100, database=None)
    @given(worlds())
    def never_below(world: World) -> None:
        result = world.run("events")
        assert (result.equity >= 0).all()
        if result.ruined_at is None:
            assert (result.equity > 0).all()
            return
        ruins["ruined"] += 1
        assert (result.equity[result.equity.index >= result.ruined_at] == 0).all()
        entered = [result.fills["open_time"], result.payments["at"], result.liquidations["open_time"]]
        assert all((times < result.ruined_at).all() for times in entered)

    never_below()
    assert ruins["ruined"] > 3


@dataclass(frozen=True)
class Bought(Plan):
    """The same plan as one who buys can follow it: no weight below 0, nothing on credit."""

    def weights(self, now: Now) -> Weights:
        long = {asset: np.maximum(weight, 0) for asset, weight in super().weights(now).items()}
        gross = np.maximum(sum(long.values()), 1)
        return {asset: weight / gross for asset, weight in long.items()}


@settings(max_examples=40)
@given(worlds(Bought, **FREE))
def test_without_funding_and_costs_a_perpetual_is_the_coin(world: World) -> None:
    """Long, unlevered: nothing can be liquidated, and vectorbt keeps the same equity of coins bought outright."""
    perpetuals = without_funding(world).run("events")
    coins = replace(world, execution=replace(world.execution, perps=False)).run("vector")
    pd.testing.assert_frame_equal(perpetuals.decisions, coins.decisions)
    assert len(perpetuals.liquidations) == 0
    np.testing.assert_allclose(perpetuals.equity, coins.equity, rtol=CONTRACT)


@settings(max_examples=40)
@given(worlds())
def test_what_the_book_gained_is_prices_funding_and_costs(world: World) -> None:
    """Each position is marked at the open it was entered at, and from bar to bar; all else is a line of its own."""
    result = world.run("events")
    tape, held = result.tape, result.units.to_numpy()
    marked = np.vstack([np.zeros(held.shape[1]), held[:-1]])
    between = (marked[1:] * (tape.opens.to_numpy()[1:] - tape.closes.to_numpy()[:-1])).sum()
    traded, closed = entered_at(result.fills, tape), entered_at(result.liquidations, tape)
    within = (traded * (tape.closes - tape.opens).to_numpy()).sum() + (marked * (tape.closes - tape.opens)).sum().sum()
    # What was closed by force had left the book at the price of its liquidation, not at that bar's close.
    forced = (closed * tape.closes.to_numpy()).sum() - (
        result.liquidations["units"] * result.liquidations["price"]
    ).sum()
    fees = result.fills["fee"].sum() + result.liquidations["fee"].sum()
    slippage = (result.fills["units"] * result.fills["price"]).sum() - (traded * tape.opens.to_numpy()).sum()
    gained = between + within + forced + result.payments["amount"].sum() - fees - slippage
    gained += result.liquidations["shortfall"].sum()
    scale = max(result.equity.max(), np.abs(result.values.to_numpy()).max())
    assert abs(result.equity.iloc[-1] - result.execution.capital - gained) <= CONTRACT * scale


def entered_at(entered: pd.DataFrame, tape: Tape) -> np.ndarray:
    """Units moved, by bar and asset."""
    moved = np.zeros(tape.opens.shape)
    rows, columns = tape.opens.index.get_indexer(entered["open_time"]), tape.opens.columns.get_indexer(entered["asset"])
    np.add.at(moved, (rows, columns), entered["units"])
    return moved


@dataclass(frozen=True)
class Mirrored(Plan):
    """Long the one and short the other, in equal parts of at most three tenths."""

    def weights(self, now: Now) -> Weights:
        part = 0.3 * np.clip(now.BTC, -1, 1)
        return {"BTC": part, "ETH": -part}


@settings(max_examples=40)
@given(worlds(Plan, **FREE))
def test_a_long_and_a_short_of_one_thing_cancel_in_prices_and_in_funding(world: World) -> None:
    """ETH is made a copy of BTC: whatever happens to either, nothing happens to the book."""
    btc, observations = world.market.bars["BTC"], world.market.observations
    rows = {name: observations.rows(name) for name in observations}
    market = replace(
        world.market,
        bars={"BTC": btc, "ETH": replace(btc, asset="ETH")},
        observations=Observations(rows | {"FUNDING_ETH": rows["FUNDING_BTC"]}),
    )
    result = replace(world, market=market, strategy=Mirrored(("BTC",))).run("events")
    assert len(result.liquidations) == 0
    np.testing.assert_allclose(result.equity, result.execution.capital, rtol=CONTRACT)
    by_asset = dict(list(result.payments.groupby("asset")["amount"]))
    if by_asset:
        np.testing.assert_allclose(by_asset["BTC"], -by_asset["ETH"].to_numpy(), rtol=CONTRACT)


@settings(max_examples=40)
@given(worlds(latency_hours=0))
def test_what_comes_later_changes_nothing_that_was(world: World) -> None:
    """Run to some bar, and to the end: up to that bar every entry and the equity are the same."""
    whole = world.run("events")
    last = len(whole.tape.opens) // 2
    until = whole.tape.known_at[last]
    if len(whole.decisions) == 0 or whole.decisions.index[0] > until:
        return
    known = replace(world, market=world.market.until(until), window=dict(world.window) | {"end": until})
    part = known.run("events")
    pd.testing.assert_series_equal(part.equity, whole.equity[whole.equity.index <= until], rtol=1e-14)
    for name in ("fills", "payments", "liquidations"):
        table = getattr(whole, name)
        before = table[table["open_time"] <= whole.tape.opens.index[last]].reset_index(drop=True)
        pd.testing.assert_frame_equal(getattr(part, name).reset_index(drop=True), before, check_exact=True)


@settings(max_examples=40)
@given(worlds())
def test_vectorbt_keeps_the_same_book_of_the_same_orders(world: World) -> None:
    """Our orders, as amounts on credit in vectorbt, end at each close with our equity, less funding."""
    import vectorbt

    result = world.run("events")
    if len(result.liquidations) or not len(result.fills):
        return
    tape, execution, lent = result.tape, result.execution, 1e9
    portfolio = vectorbt.Portfolio.from_orders(
        close=tape.closes,
        size=np.where(entered_at(result.fills, tape) == 0, np.nan, entered_at(result.fills, tape)),
        size_type="amount",
        direction="both",
        price=tape.opens.to_numpy(),
        fees=execution.fee_bps / 10_000,
        slippage=execution.slippage_bps / 10_000,
        init_cash=lent,
        cash_sharing=True,
        group_by=True,
        freq=tape.length,
    )
    by_bar = result.payments.groupby("open_time")["amount"].sum().reindex(tape.opens.index).fillna(0.0)
    gained = result.equity.iloc[1:].to_numpy() - by_bar.cumsum().to_numpy() - execution.capital
    np.testing.assert_allclose(portfolio.value().to_numpy() - lent, gained, rtol=0, atol=CONTRACT * lent)
