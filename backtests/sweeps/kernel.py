"""The fast path: many trials on one tape, traded where their targets change and marked to market in between.

A macro rule trades a few hundred times in eight years. At each of those bars the kernel does what vectorbt does in
`from_orders`, operation by operation and with its tolerances (`vectorbt.portfolio.nb`: `execute_order_nb`, `buy_nb`,
`sell_nb`); between them it multiplies units by closes. It never has the last word: vectorbt judges what it says.
Marking adds up as wide as the processor can: a processor of another kind may differ in the last digits.
"""

from typing import Any

import numpy as np
import pandas as pd

from backtests.entries import Entries
from backtests.execution import Execution
from backtests.simulate import column_costs, fill_table, require_prices
from backtests.sweeps.compiled import BLOCK, add, close, drawdown, entry, exact, keep, less, vectorised
from backtests.sweeps.orders import Orders
from backtests.sweeps.outcomes import SUMS, Outcomes
from backtests.tape import CASH, Tape

# What is known of a column of the tape, and of the book in it.
_COLUMN = np.dtype(
    [
        ("fees", float),
        ("slippage", float),
        ("asset", bool),
        ("units", float),  # by which vectorbt decides, cleared of dust by its tolerances
        ("held", float),  # the sum of all fills, at which the book is marked
        ("amount", float),  # the next two are of the queue of orders at one bar, place by place
        ("queued", np.int64),
    ],
    align=True,
)
NO_CURVES, NO_LOG = np.empty((0, 0)), np.empty((0, 0, 3))


class Kernel:
    """One tape under one Execution, laid out for the compiled code. Raises BadData where prices are missing."""

    def __init__(self, tape: Tape, execution: Execution) -> None:
        require_prices(tape)
        self._tape, self._capital = tape, execution.capital
        costs = column_costs(tape, execution)
        self._columns = np.zeros(len(tape.opens.columns), _COLUMN)
        self._columns["fees"], self._columns["slippage"] = costs["fees"], costs["slippage"]
        self._columns["asset"] = tape.opens.columns != CASH
        held = np.diff(tape.open_times, append=tape.known_at[-1].value)
        self._opens, self._least = _own(tape.opens), _own(costs["min_size"])
        self._closes = _own(tape.closes.to_numpy().T)
        self._lasting, self._cash_returns = held / held.sum(), _cash_returns(tape)
        self._cash_centre = float(np.expm1(np.log1p(self._cash_returns[:BLOCK]).mean()))

    def run(self, orders: Orders) -> Outcomes:
        """What came of each trial. Raises BadUsage for orders that do not fit the tape."""
        return Outcomes.on(self._tape, self._run(orders), self._capital)

    def equity(self, orders: Orders) -> np.ndarray:
        """Equity in $ at each bar's close, shape (n_trials, n_bars); 8 bytes each, so ask for few trials at a time."""
        return self.trace(orders)[1]

    def trace(self, orders: Orders) -> tuple[Outcomes, np.ndarray]:
        """What came of each trial, and the equity by which it came, as `run` and `equity` give them."""
        curves = np.empty((len(orders), len(self._opens)))
        sums = self._run(orders, curves=curves)
        return Outcomes.on(self._tape, sums, self._capital), curves

    def fills(self, orders: Orders, trial: int) -> pd.DataFrame:
        """The fills of one trial, in the shape of `simulate.portfolio_fills`."""
        return self.entered(orders, trial).fills

    def entered(self, orders: Orders, trial: int) -> Entries:
        """All entries of one trial."""
        one = orders.take([trial])
        log = np.full((*one.sizes.shape, 3), np.nan)
        self._run(one, log=log)
        order, columns = np.nonzero(~np.isnan(log[:, :, 0]))
        return Entries(fill_table(self._tape, one.rows[order], columns, *log[order, columns].T))

    def _run(self, orders: Orders, curves: np.ndarray = NO_CURVES, log: np.ndarray = NO_LOG) -> np.ndarray:
        orders.check(*self._opens.shape)
        sums = np.zeros(len(orders), SUMS)
        _simulate(
            *as_compiled(orders),
            self._opens,
            self._least,
            self._closes,
            self._lasting,
            self._cash_returns,
            self._cash_centre,
            self._columns.copy(),
            self._capital,
            np.empty(BLOCK),
            np.empty(BLOCK + 1),
            sums,
            curves,
            log,
        )
        return sums


def as_compiled(orders: Orders) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Offsets, rows and sizes in the one form that is compiled for."""
    # Other arrays, such as the read-only ones that workers share, would be compiled for once more: they are copied.
    kinds = (orders.offsets, np.int64), (orders.rows, np.int64), (orders.sizes, np.float64)
    offsets, rows, sizes = (np.require(part, kind, ["C", "W"]) for part, kind in kinds)
    return offsets, rows, sizes


def _own(values: Any) -> np.ndarray:
    """A copy in C order: compiled code knows no other."""
    return np.array(values, float, order="C")


def _cash_returns(tape: Tape) -> np.ndarray:
    """What a deposit earned over each bar; zeros where cash earns nothing."""
    if CASH not in tape.closes:
        return np.zeros(len(tape.opens))
    price = np.append(1.0, tape.closes[CASH].to_numpy())
    return np.asarray(price[1:] / price[:-1] - 1)


@entry
def _simulate(
    offsets: np.ndarray,
    rows: np.ndarray,
    sizes: np.ndarray,
    opens: np.ndarray,
    least: np.ndarray,
    closes: np.ndarray,
    lasting: np.ndarray,
    cash_returns: np.ndarray,
    cash_centre: float,
    columns: np.ndarray,
    capital: float,
    invested: np.ndarray,
    equity: np.ndarray,
    sums: np.ndarray,
    curves: np.ndarray,
    log: np.ndarray,
) -> None:
    """Run every trial; writes a record of `sums` each, and `curves` and `log` where they have room."""
    bars = len(opens)
    for trial in range(len(sums)):
        total, order, end = sums[trial], offsets[trial], offsets[trial + 1]
        _open_book(columns, total, capital)
        equity[0] = capital
        for first in range(0, bars, BLOCK):
            last = min(first + BLOCK, bars)
            row = first
            while row < last:
                if order < end and rows[order] == row:
                    _rebalance(row, order, sizes, opens, least, columns, total, log)
                    order += 1
                until = min(last, rows[order]) if order < end else last
                _mark(row - first, until - first, first, closes, columns, total.idle, invested, equity)
                row = until
            _measure(first, last - first, lasting, cash_returns, cash_centre, invested, equity, total)
            drawdown(last - first, equity, total)
            if len(curves) > 0:
                keep(first, last - first, equity, curves[trial])
            equity[0] = equity[last - first]
        total.equity = equity[0]


@exact
def _open_book(columns: Any, total: Any, capital: float) -> None:
    for column in range(len(columns)):
        columns[column].units = 0.0
        columns[column].held = 0.0
    total.cash = capital
    total.idle = capital
    total.peak = capital
    total.trough = 1.0


@exact
def _rebalance(row: int, order: int, sizes: Any, opens: Any, least: Any, columns: Any, total: Any, log: Any) -> None:
    """Trade to the targets of `order` at the open of `row`."""
    value = total.cash
    for column in range(len(columns)):
        if columns[column].units != 0:
            value += columns[column].units * opens[row, column]
    queued = _queue(row, order, value, sizes, opens, columns)
    for place in range(queued):
        column = columns[place].queued
        opened, target = opens[row, column], sizes[order, column] * value
        moved, price, fee = _execute(target, opened, least[row, column], columns[column], total)
        if moved != 0 and len(log) > 0:
            log[order, column, 0], log[order, column, 1], log[order, column, 2] = moved, price, fee


@exact
def _queue(row: int, order: int, value: float, sizes: Any, opens: Any, columns: Any) -> int:
    """Sort what is ordered by its amount; sales come first, and pay for purchases. Equal amounts stay by column."""
    queued = 0
    for column in range(len(columns)):
        if not np.isnan(sizes[order, column]):
            amount = sizes[order, column] * value - columns[column].units * opens[row, column]
            place = queued
            while place > 0 and columns[place - 1].amount > amount:
                columns[place].amount = columns[place - 1].amount
                columns[place].queued = columns[place - 1].queued
                place -= 1
            columns[place].amount = amount
            columns[place].queued = column
            queued += 1
    return queued


@exact
def _execute(target: float, opened: float, least: float, column: Any, total: Any) -> tuple[float, float, float]:
    """Trade a column to `target` $: units moved (0 where the order is not filled), price after slippage, fee."""
    owned = 0.0 if close(column.units, 0.0) else column.units
    cash = 0.0 if close(total.cash, 0.0) else total.cash
    wanted = target / opened - owned
    if wanted > 0:
        price = opened * (1 + column.slippage)
        moved, fee, spent = _buy(cash, wanted, price, column.fees, least)
    else:
        price = opened * (1 - column.slippage)
        moved, fee, spent = _sell(owned, -wanted, price, column.fees, least)
    if moved != 0:
        column.units = add(owned, moved)
        column.held += moved
        total.cash = add(cash, -spent)
        total.idle -= moved * price + fee
        if column.asset:
            total.fills += 1
            total.traded += abs(moved) * price
            total.fees += fee
            total.slippage += moved * (price - opened)
    return moved, price, fee


@exact
def _buy(cash: float, wanted: float, price: float, fees: float, least: float) -> tuple[float, float, float]:
    """Units bought with at most `cash`, the fee, and what both cost; zeros where the order is not filled."""
    paid = wanted * price
    fee = paid * fees
    moved, spent = wanted, paid + fee
    if not close(spent, cash) and spent > cash:
        affordable = cash / (1 + fees)
        moved, fee, spent = affordable / price, cash - affordable, cash
    if cash <= 0 or close(wanted, 0.0) or less(moved, least):
        return 0.0, 0.0, 0.0
    return moved, fee, spent


@exact
def _sell(owned: float, wanted: float, price: float, fees: float, least: float) -> tuple[float, float, float]:
    """Units sold and what they cost, both below zero, the fee between them; zeros where the order is not filled."""
    moved = min(owned, wanted)
    if close(moved, 0.0) or less(moved, least):
        return 0.0, 0.0, 0.0
    got = moved * price
    fee = got * fees
    return -moved, fee, -add(got, -fee)


@vectorised
def _mark(begin: int, end: int, first: int, closes: Any, columns: Any, idle: float, invested: Any, equity: Any) -> None:
    """What assets and book are worth at the closes of bars `begin` to `end` of the block that starts at `first`."""
    # Unsigned, because an index that may be negative keeps a loop from being vectorised.
    start, stop, ahead, one = np.uint64(begin), np.uint64(end), np.uint64(first), np.uint64(1)
    for i in range(start, stop):
        invested[i] = 0.0
    for column in range(len(columns)):
        if columns[column].asset:
            held = columns[column].held
            for i in range(start, stop):
                invested[i] += held * closes[column, ahead + i]
    for i in range(start, stop):
        equity[i + one] = idle + invested[i]
    for column in range(len(columns)):
        if not columns[column].asset:
            held = columns[column].held
            for i in range(start, stop):
                equity[i + one] += held * closes[column, ahead + i]


@vectorised
def _measure(
    first: int,
    bars: int,
    lasting: Any,
    cash_returns: Any,
    cash_centre: float,
    invested: Any,
    equity: Any,
    total: Any,
) -> None:
    """Add a block of bars to the sums of a trial."""
    before, after, invested = equity[:bars], equity[1 : bars + 1], invested[:bars]
    lasting, cash_returns = lasting[first : first + bars], cash_returns[first : first + bars]
    if first == 0:
        # Sums of squares lose no digits about a centre near the mean; a constant return is met to the last one.
        total.centre = (equity[bars] / equity[0]) ** (1 / bars) - 1
        total.excess_centre = total.centre - cash_centre
    centre, excess_centre = total.centre, total.excess_centre
    mean_equity = exposure = plain = plain_squares = downside = ones = squares = cubes = fourths = 0.0
    for i in range(bars):
        mean_equity += lasting[i] * after[i]
        exposure += lasting[i] * invested[i] / after[i]
        gain = after[i] / before[i] - 1
        plain += gain - centre
        plain_squares += (gain - centre) * (gain - centre)
        excess = gain - cash_returns[i]
        downside += min(excess, 0.0) * min(excess, 0.0)
        away = excess - excess_centre
        ones += away
        squares += away * away
        cubes += away * away * away
        fourths += away * away * away * away
    total.mean_equity += mean_equity
    total.exposure += exposure
    total.plain += plain
    total.plain_squares += plain_squares
    total.downside += downside
    total.ones += ones
    total.squares += squares
    total.cubes += cubes
    total.fourths += fourths
