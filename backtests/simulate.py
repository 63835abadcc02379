"""The only door to vectorbt: decisions laid out in one `Portfolio.from_orders`, or executed order by order.

Every argument that shapes the simulation is passed, and no global setting is used. The traps of vectorbt 1.2 that
target weights meet are met here: columns by name, sells before buys, the open as fill and valuation price, one scale
for the whole basket, shared cash, NaN for "hold", no missing prices, float weights, the Rust engine or an error.
"""

from typing import Any

import numpy as np
import pandas as pd

from backtests.entries import Entries
from backtests.execution import BPS, Execution
from backtests.tape import CASH, Tape
from data_cache.errors import BadData

# vectorbt's numbers for SizeType.TargetPercent, Direction.LongOnly, OrderStatus.Filled and OrderSide.Buy; a test holds
# them against its enums, which take seconds to import.
_TARGET_PERCENT, _LONG_ONLY, _FILLED, _BUY = 5, 0, 0, 0
# And for SizeType.TargetAmount and Direction.Both, of perpetuals.
_TARGET_AMOUNT, _BOTH = 3, 2
# What an order of perpetuals is paid with: vectorbt knows no margin, so it is lent more than any order takes.
_LENT = 1e18


def order_sizes(decisions: pd.DataFrame, tape: Tape, execution: Execution) -> pd.DataFrame:
    """Target fractions per bar and column, NaN where nothing is ordered: the last decision that a bar fills counts.

    Targets are scaled by one factor a row to what is affordable. Where the tape has a cash column it is given what the
    assets leave, and at the first bar all of it.
    """
    sizes = pd.DataFrame(np.nan, index=tape.opens.index, columns=tape.opens.columns)
    if CASH in sizes:
        sizes.loc[sizes.index[0], CASH] = 1.0
    rows = execution.fill_rows(decisions.index.asi8, tape.open_times)
    last = np.r_[rows[1:] != rows[:-1], True] if len(rows) else np.empty(0, bool)
    filled = last & (rows < len(sizes))
    targets = target_sizes(decisions[tape.assets].to_numpy()[filled], tape, execution)
    sizes.iloc[rows[filled]] = targets
    return sizes


def target_sizes(weights: np.ndarray, tape: Tape, execution: Execution) -> np.ndarray:
    """Weights of the assets, shape (n, n_assets), as target fractions of the tape's columns, cash included."""
    targets = execution.afford(weights)
    if CASH not in tape.opens:
        return targets
    exposure = targets.sum(axis=1, keepdims=True)
    # A deposit costs nothing to make, so without assets to buy there is nothing to keep money aside for.
    rest = np.where(exposure > 0, np.maximum(execution.affordable - exposure, 0.0), 1.0)
    return np.hstack([targets, rest])


def column_costs(tape: Tape, execution: Execution) -> dict[str, np.ndarray]:
    """Fees, slippage and minimum size of each column, by vectorbt's names; a deposit costs nothing to move.

    fees, slippage : fractions, shape (n_columns,)      min_size : units, shape (n_bars, n_columns)
    """
    traded = np.array([name != CASH for name in tape.opens.columns], float)
    return {
        "fees": execution.fee_bps * BPS * traded,
        "slippage": execution.slippage_bps * BPS * traded,
        "min_size": execution.min_notional * traded / tape.opens.to_numpy(),
    }


def simulate(decisions: pd.DataFrame, tape: Tape, execution: Execution) -> Any:
    """The vectorbt Portfolio of `decisions` (target weights indexed by `at`) on `tape`.

    One group with shared cash; index: open_time; columns: the tape's. Raises BadData where prices are missing.
    """
    import vectorbt

    sizes = order_sizes(decisions, tape, execution)
    _check_aligned(sizes, tape)
    costs = column_costs(tape, execution)
    return vectorbt.Portfolio.from_orders(
        close=tape.closes,
        size=sizes.to_numpy(),
        size_type="targetpercent",
        direction="longonly",
        price=tape.opens.to_numpy(),
        fees=costs["fees"],
        fixed_fees=0.0,
        slippage=costs["slippage"],
        min_size=costs["min_size"],
        max_size=np.inf,
        size_granularity=np.nan,
        reject_prob=0.0,
        lock_cash=False,
        allow_partial=True,
        raise_reject=False,
        log=False,
        val_price=tape.opens.to_numpy(),
        init_cash=execution.capital,
        cash_sharing=True,
        call_seq="auto",
        ffill_val_price=True,
        update_value=False,
        max_orders=max(1, int(sizes.notna().to_numpy().sum())),
        max_logs=0,
        init_temp_records=False,
        seed=None,
        group_by=True,
        broadcast_kwargs={},
        wrapper_kwargs={},
        freq=tape.length,
        attach_call_seq=False,
        engine="rust",
    )


def portfolio_fills(portfolio: Any, tape: Tape) -> pd.DataFrame:
    """The fills of a Portfolio: open_time, asset, units (negative for a sale), price after slippage, fee in $."""
    orders = portfolio.order_records
    units = np.where(orders["side"] == _BUY, orders["size"], -orders["size"])
    return fill_table(tape, orders["idx"], orders["col"], units, orders["price"], orders["fees"])


class OrderDesk:
    """vectorbt's own execution of one order, at one bar's open, under the costs of each column."""

    def __init__(self, tape: Tape, execution: Execution) -> None:
        from vectorbt_rust import portfolio

        self._rust = portfolio
        self._costs = column_costs(tape, execution)
        self._opens = tape.opens.to_numpy()

    def order_value(self, target: float, cash: float, units: float, price: float, value: float) -> float:
        """About how many $ an order to `target` of `value` moves: by which orders of a bar are sorted."""
        of = target, _TARGET_PERCENT, _LONG_ONLY, cash, units, cash, price, value
        return float(self._rust.approx_order_value_rs(*of))

    def bought(self, row: int, column: int, cash: float, units: float, target: float, value: float) -> Any:
        """(new state, result) of an order to `target`, a fraction of `value`, paid with `cash`; None if not filled."""
        return self._executed(row, column, (cash, units), value, target, _TARGET_PERCENT, _LONG_ONLY)

    def lent(self, row: int, column: int, units: float, target: float) -> tuple[float, float, float]:
        """Units moved, price and fee of an order to `target` units, short ones too, paid with as much as it takes."""
        executed = self._executed(row, column, (_LENT, units), _LENT, target, _TARGET_AMOUNT, _BOTH)
        if executed is None:
            return 0.0, 0.0, 0.0
        result = executed[1]
        return (result.size if result.side == _BUY else -result.size), result.price, result.fees

    def _executed(
        self, row: int, column: int, book: tuple[float, float], value: float, size: float, kind: int, direction: int
    ) -> Any:
        (cash, units), price = book, self._opens[row, column]
        order = self._rust.Order(
            size=size,
            price=price,
            size_type=kind,
            direction=direction,
            fees=self._costs["fees"][column],
            slippage=self._costs["slippage"][column],
            min_size=self._costs["min_size"][row, column],
        )
        state = self._rust.ProcessOrderState(cash, units, 0.0, cash, price, value, 0, 0)
        new, result = self._rust.execute_order_rs(state, order)
        return None if result.status != _FILLED else (new, result)  # too small, or nothing to do


class Account:
    """A book that trades to targets at one bar's open with vectorbt's own order execution, sells before buys."""

    def __init__(self, tape: Tape, execution: Execution) -> None:
        self._tape, self._desk = tape, OrderDesk(tape, execution)
        self._opens = tape.opens.to_numpy()
        self.cash = execution.capital
        self.units = [0.0] * len(tape.opens.columns)
        self.fills: list[tuple[int, int, float, float, float]] = []

    def value(self, prices: np.ndarray) -> float:
        """What the book is worth at `prices`, one per column."""
        value = self.cash
        for units, price in zip(self.units, prices, strict=True):
            if units != 0:
                value += units * price
        return value

    def trade(self, row: int, targets: np.ndarray) -> None:
        """Trade to `targets` (fractions of value, one per column, NaN for "leave it") at the open of bar `row`."""
        prices = self._opens[row]
        value = self.value(prices)
        ordered = [column for column, target in enumerate(targets) if not np.isnan(target)]
        book = {c: (self.cash, self.units[c], prices[c], value) for c in ordered}
        amounts = {c: self._desk.order_value(targets[c], *book[c]) for c in ordered}
        for column in sorted(ordered, key=lambda c: amounts[c]):
            self._execute(row, column, float(targets[column]), value)

    def pass_until(self, at: int) -> None:
        """Nothing happens to a book without perpetuals between its trades."""

    def entries(self) -> Entries:
        """All fills so far."""
        return Entries(account_fills(self, self._tape))

    def _execute(self, row: int, column: int, target: float, value: float) -> None:
        executed = self._desk.bought(row, column, self.cash, self.units[column], target, value)
        if executed is None:
            return
        new, result = executed
        self.cash, self.units[column] = new.cash, new.position
        units = result.size if result.side == _BUY else -result.size
        self.fills.append((row, column, units, result.price, result.fees))


def account_fills(account: Account, tape: Tape) -> pd.DataFrame:
    """The fills of an Account, in the shape of `portfolio_fills`."""
    return fill_table(tape, *np.array(account.fills, float).reshape(-1, 5).T)


def fill_table(
    tape: Tape, rows: np.ndarray, columns: np.ndarray, units: np.ndarray, prices: np.ndarray, fees: np.ndarray
) -> pd.DataFrame:
    """Fills as a table: open_time, asset, units (negative for a sale), price after slippage, fee in $."""
    order = np.lexsort((columns, rows))
    rows, columns = rows[order].astype(int), columns[order].astype(int)
    return pd.DataFrame(
        {
            "open_time": tape.opens.index[rows],
            "asset": tape.opens.columns.to_numpy()[columns],
            "units": units[order],
            "price": prices[order],
            "fee": fees[order],
        }
    )


def _check_aligned(sizes: pd.DataFrame, tape: Tape) -> None:
    if not sizes.columns.equals(tape.closes.columns) or not tape.opens.columns.equals(tape.closes.columns):
        raise BadData(f"columns differ: sizes {list(sizes.columns)}, prices {list(tape.closes.columns)}")
    require_prices(tape)


def require_prices(tape: Tape) -> None:
    """Raise BadData where an open or a close is missing: vectorbt would pass over the asset without a word."""
    for name, prices in (("open", tape.opens), ("close", tape.closes)):
        bad = ~np.isfinite(prices.to_numpy()).all(axis=1)
        if bad.any():
            raise BadData(f"an {name} price is missing at {prices.index[bad][0]}; a tape may not have holes")
