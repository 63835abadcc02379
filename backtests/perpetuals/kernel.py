"""The fast path of perpetuals: many trials on one tape, bar by bar, compiled.

What happens in a bar is the package's definition, step by step as in `backtests.perpetuals.account`, which is the truth
that this has to equal. Orders fill by vectorbt's tolerances and on credit: margin, not cash, is what limits them.
"""

from typing import Any

import numpy as np
import pandas as pd

from backtests.entries import MOMENTS, NOTHING_LEFT, Entries, liquidation_table, payment_table
from backtests.execution import BPS, Execution
from backtests.perpetuals.funding import BEFORE, ENDING, INSIDE
from backtests.simulate import fill_table
from backtests.sweeps.compiled import BLOCK, close, drawdown, entry, exact, keep, less
from backtests.sweeps.kernel import NO_CURVES, NO_LOG, Kernel, as_compiled
from backtests.sweeps.orders import Orders, lay_out, pack
from backtests.sweeps.outcomes import SUMS
from backtests.tape import Tape

# What is known of an asset at a bar: prices, the smallest order in units, and the sums of rates of funding.
_FIELDS = ("open", "low", "high", "close", "least", "before", "inside", "ending")
_BAR = np.dtype([(name, float) for name in _FIELDS], align=True)
# What is known of an asset, and of the position in it.
_POSITION = np.dtype([("fees", float), ("slippage", float), ("units", float)], align=True)
# A position that was closed by force; `moment` is a place in MOMENTS.
_CLOSED = np.dtype(
    [
        ("row", np.int64),
        ("moment", np.int64),
        ("column", np.int64),
        ("units", float),
        ("price", float),
        ("fee", float),
        ("shortfall", float),
        ("ruined", np.bool_),
    ],
    align=True,
)
_OPEN, _RANGE, _CLOSE = range(3)
_NO_UNITS, _NOTHING_CLOSED = np.empty((0, 0, 0)), np.empty(0, _CLOSED)


def kernel_of(tape: Tape, execution: Execution) -> Kernel:
    """The kernel for the conditions: with perpetuals the one that knows margin."""
    return MarginKernel(tape, execution) if execution.perps else Kernel(tape, execution)


class MarginKernel(Kernel):
    """A tape of perpetuals under one Execution, laid out for the compiled code. BadData where prices are missing."""

    def __init__(self, tape: Tape, execution: Execution) -> None:
        super().__init__(tape, execution)
        assert tape.perpetuals is not None
        self._execution, self._perpetuals = execution, tape.perpetuals
        self._bars = np.zeros(tape.opens.shape, _BAR)
        prices = tape.opens, tape.perpetuals.lows, tape.perpetuals.highs, tape.closes
        rates = tape.perpetuals.funding.by_bar(*tape.opens.shape)
        for name, values in zip(_FIELDS, (*prices, self._least, *rates), strict=True):
            self._bars[name] = values
        self._positions = np.zeros(tape.opens.shape[1], _POSITION)
        for name in ("fees", "slippage"):
            self._positions[name] = self._columns[name]

    def entries(self, decisions: pd.DataFrame) -> Entries:
        """Fills, payments and liquidations of decisions (target weights indexed by `at`), as a MarginAccount's."""
        tape = self._tape
        laid = lay_out(decisions.index.asi8, decisions[tape.assets].to_numpy(), tape, self._execution)
        return self.entered(pack([laid], tape.opens.shape[1]), 0)

    def entered(self, orders: Orders, trial: int) -> Entries:
        """All entries of one trial, as a MarginAccount's."""
        one = orders.take([trial])
        count = int(self._run(one)["liquidations"][0])
        log = np.full((*one.sizes.shape, 3), np.nan)
        units = np.zeros((3, *self._opens.shape))
        closed = np.zeros(count * len(self._positions), _CLOSED)
        self._run(one, log=log, units=units, closed=closed)
        order, columns = np.nonzero(~np.isnan(log[:, :, 0]))
        fills = fill_table(self._tape, one.rows[order], columns, *log[order, columns].T)
        return Entries(fills, self._payments(units), self._liquidations(closed[closed["units"] != 0]))

    def _payments(self, units: np.ndarray) -> pd.DataFrame:
        funding, tape = self._perpetuals.funding, self._tape
        opens, closes = tape.opens.to_numpy(), tape.closes.to_numpy()
        paid_on = funding.when, funding.row, funding.column
        held, price = units[paid_on], np.stack([np.roll(closes, 1, axis=0), opens, closes])[paid_on]
        kept = held != 0
        at, row, column = (part[kept] for part in (funding.at, funding.row, funding.column))
        moments, opened = pd.DatetimeIndex(at, tz="UTC"), tape.opens.index[row]
        assets = tape.opens.columns.to_numpy()[column]
        numbers = (part[kept] for part in (held, price, funding.rate, -held * price * funding.rate))
        return payment_table(list(zip(moments, opened, assets, *numbers, strict=True)))

    def _liquidations(self, closed: np.ndarray) -> pd.DataFrame:
        opened = self._tape.opens.index[closed["row"]]
        moments = [MOMENTS[moment] for moment in closed["moment"]]
        assets = self._tape.opens.columns.to_numpy()[closed["column"]]
        numbers = (closed[name] for name in ("units", "price", "fee", "shortfall", "ruined"))
        return liquidation_table(list(zip(opened, moments, assets, *numbers, strict=True)))

    def _run(
        self,
        orders: Orders,
        curves: np.ndarray = NO_CURVES,
        log: np.ndarray = NO_LOG,
        units: np.ndarray = _NO_UNITS,
        closed: np.ndarray = _NOTHING_CLOSED,
    ) -> np.ndarray:
        orders.check(*self._opens.shape)
        sums = np.zeros(len(orders), SUMS)
        _simulate(
            *as_compiled(orders),
            self._bars,
            self._lasting,
            self._positions.copy(),
            self._capital,
            self._execution.maintenance_margin,
            self._execution.liquidation_fee_bps * BPS,
            np.empty(BLOCK),
            np.empty(BLOCK + 1),
            sums,
            curves,
            log,
            units,
            closed,
        )
        return sums


@entry
def _simulate(
    offsets: np.ndarray,
    rows: np.ndarray,
    sizes: np.ndarray,
    bars: np.ndarray,
    lasting: np.ndarray,
    positions: np.ndarray,
    capital: float,
    margin: float,
    fee_rate: float,
    invested: np.ndarray,
    equity: np.ndarray,
    sums: np.ndarray,
    curves: np.ndarray,
    log: np.ndarray,
    units: np.ndarray,
    closed: np.ndarray,
) -> None:
    """Run every trial; writes a record of `sums` each, and of one trial the rest, where it has room."""
    for trial in range(len(sums)):
        total, order, end = sums[trial], offsets[trial], offsets[trial + 1]
        _open_account(positions, total, capital)
        equity[0] = capital
        for first in range(0, len(bars), BLOCK):
            last = min(first + BLOCK, len(bars))
            for row in range(first, last):
                if _held(positions):
                    _begin(row, margin, fee_rate, bars, positions, total, units, closed)
                if order < end and rows[order] == row:
                    if total.ruined == 0:
                        _rebalance(row, order, sizes, bars, positions, total, log)
                    order += 1
                if _held(positions):
                    _pass(row, margin, fee_rate, bars, positions, total, units, closed)
                invested[row - first] = _worth(row, _CLOSE, bars, positions)
                equity[row - first + 1] = total.cash + invested[row - first]
            _measure(first, last - first, lasting, invested, equity, total)
            drawdown(last - first, equity, total)
            if len(curves) > 0:
                keep(first, last - first, equity, curves[trial])
            equity[0] = equity[last - first]
        total.equity = equity[0]


@exact
def _open_account(positions: Any, total: Any, capital: float) -> None:
    for column in range(len(positions)):
        positions[column].units = 0.0
    total.cash = capital
    total.peak = capital
    total.trough = 1.0


@exact
def _held(positions: Any) -> bool:
    held = False
    for column in range(len(positions)):
        held = held or positions[column].units != 0
    return held


@exact
def _price(row: int, column: int, moment: int, units: float, bars: Any) -> float:
    """The price at the open, at the worst of the range for a position of so many units, or at the close."""
    price: float = bars[row, column].low if units > 0 else bars[row, column].high
    if moment == _OPEN:
        price = bars[row, column].open
    elif moment == _CLOSE:
        price = bars[row, column].close
    return price


@exact
def _worth(row: int, moment: int, bars: Any, positions: Any) -> float:
    """The sum of units times price."""
    worth = 0.0
    for column in range(len(positions)):
        units = positions[column].units
        worth += units * _price(row, column, moment, units, bars)
    return worth


@exact
def _free(row: int, moment: int, margin: float, bars: Any, positions: Any, total: Any) -> float:
    """Equity above the maintenance margin."""
    notional = 0.0
    for column in range(len(positions)):
        units = positions[column].units
        notional += abs(units) * _price(row, column, moment, units, bars)
    equity: float = total.cash + _worth(row, moment, bars, positions)
    return equity - margin * notional


@exact
def _rebalance(row: int, order: int, sizes: Any, bars: Any, positions: Any, total: Any, log: Any) -> None:
    """Trade to the targets of `order` at the open of `row`, column by column: margin pays for all."""
    equity = total.cash + _worth(row, _OPEN, bars, positions)
    for column in range(len(positions)):
        position = positions[column]
        opened, least = bars[row, column].open, bars[row, column].least
        owned = 0.0 if close(position.units, 0.0) else position.units
        moved = sizes[order, column] * equity / opened - owned
        if not close(moved, 0.0) and not less(abs(moved), least):
            price = opened * (1 + position.slippage if moved > 0 else 1 - position.slippage)
            fee = abs(moved) * price * position.fees
            _enter(moved, price, fee, position, total)
            _count(moved, opened, price, fee, total)
            total.fills += 1
            if len(log) > 0:
                log[order, column, 0], log[order, column, 1], log[order, column, 2] = moved, price, fee


@exact
def _enter(moved: float, price: float, fee: float, position: Any, total: Any) -> None:
    position.units += moved
    total.cash -= moved * price + fee


@exact
def _begin(
    row: int, margin: float, fee_rate: float, bars: Any, positions: Any, total: Any, units: Any, closed: Any
) -> None:
    """What an open brings to a book that holds something before it trades."""
    _pay(row, BEFORE, bars, positions, total, units)
    if _free(row, _OPEN, margin, bars, positions, total) <= 0:
        _liquidate(row, _OPEN, 0.0, fee_rate, bars, positions, total, closed)


@exact
def _count(moved: float, quoted: float, price: float, fee: float, total: Any) -> None:
    total.traded += abs(moved) * price
    total.fees += fee
    total.slippage += moved * (price - quoted)


@exact
def _pass(
    row: int, margin: float, fee_rate: float, bars: Any, positions: Any, total: Any, units: Any, closed: Any
) -> None:
    """What a bar brings to a book that holds something after its open: funding, its range, its close."""
    _pay(row, INSIDE, bars, positions, total, units)
    free = _free(row, _OPEN, margin, bars, positions, total)
    lost = free - _free(row, _RANGE, margin, bars, positions, total)
    if free <= lost:
        way = max(free, 0.0) / lost if lost > 0 else 0.0
        _liquidate(row, _RANGE, way, fee_rate, bars, positions, total, closed)
        return
    _pay(row, ENDING, bars, positions, total, units)
    if _free(row, _CLOSE, margin, bars, positions, total) <= 0:
        _liquidate(row, _CLOSE, 0.0, fee_rate, bars, positions, total, closed)


@exact
def _pay(row: int, when: int, bars: Any, positions: Any, total: Any, units: Any) -> None:
    """Funding on the notional that it is paid on: that of the last close, of the open, or of the close."""
    for column in range(len(positions)):
        held = positions[column].units
        if when == BEFORE:
            paid = held * bars[row - 1, column].close * bars[row, column].before if row > 0 else 0.0
        elif when == INSIDE:
            paid = held * bars[row, column].open * bars[row, column].inside
        else:
            paid = held * bars[row, column].close * bars[row, column].ending
        total.cash -= paid
        total.funding += paid
        if len(units) > 0:
            units[when, row, column] = held


@exact
def _liquidate(
    row: int, moment: int, way: float, fee_rate: float, bars: Any, positions: Any, total: Any, closed: Any
) -> None:
    """Close all positions: at the open, at the close, or part of the `way` from the open to the worst of the range."""
    total.liquidations += 1
    fees, slippage, place = total.fees, total.slippage, 0
    while place < len(closed) and closed[place].units != 0:
        place += 1
    last, notional = place, 0.0
    for column in range(len(positions)):
        position = positions[column]
        if position.units != 0:
            moved, quoted = -position.units, bars[row, column].open
            if moment == _CLOSE:
                quoted = bars[row, column].close
            else:
                quoted += way * (_price(row, column, _RANGE, position.units, bars) - quoted)
            price = quoted * (1 + position.slippage if moved > 0 else 1 - position.slippage)
            fee = abs(moved) * price * fee_rate
            _enter(moved, price, fee, position, total)
            _count(moved, quoted, price, fee, total)
            notional += abs(moved) * price
            if place < len(closed):
                _log_closed(row, moment, column, moved, price, fee, closed[place])
                last = place
                place += 1
    if total.cash <= NOTHING_LEFT * notional:
        if last < len(closed):
            closed[last].shortfall, closed[last].ruined = -total.cash, True
        cost = total.fees - fees + total.slippage - slippage
        paid = min(max(1 + total.cash / cost, 0.0), 1.0) if cost > 0 else 1.0
        total.fees = fees + paid * (total.fees - fees)
        total.slippage = slippage + paid * (total.slippage - slippage)
        total.cash = 0.0
        total.ruined = 1.0


@exact
def _log_closed(row: int, moment: int, column: int, units: float, price: float, fee: float, closed: Any) -> None:
    closed.row, closed.moment, closed.column = row, moment, column
    closed.units, closed.price, closed.fee = units, price, fee


@exact
def _measure(first: int, bars: int, lasting: Any, invested: Any, equity: Any, total: Any) -> None:
    """Add a block of bars to the sums of a trial. From a book that was ruined on, returns and exposure are 0."""
    if first == 0 and equity[bars] > 0:
        # Sums of squares lose no digits about a centre near the mean; a constant return is met to the last one.
        total.centre = (equity[bars] / equity[0]) ** (1 / bars) - 1
        total.excess_centre = total.centre
    centre = total.centre
    for i in range(bars):
        before, after = equity[i], equity[i + 1]
        gain = after / before - 1 if before > 0 else 0.0
        away, share = gain - centre, invested[i] / after if after > 0 else 0.0
        total.mean_equity += lasting[first + i] * after
        total.exposure += lasting[first + i] * share
        total.plain += away
        total.plain_squares += away * away
        total.downside += min(gain, 0.0) * min(gain, 0.0)
        total.ones += away
        total.squares += away * away
        total.cubes += away * away * away
        total.fourths += away * away * away * away
