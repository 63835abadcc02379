"""The book of the event engine with perpetuals: bar by bar, payment by payment, as the package's definition says."""

from typing import Any

import numpy as np
import pandas as pd

from backtests.entries import CLOSE, NOTHING_LEFT, OPEN, RANGE, Entries, liquidation_table, payment_table
from backtests.execution import BPS, Execution
from backtests.perpetuals.funding import BEFORE, ENDING, INSIDE
from backtests.simulate import OrderDesk, fill_table
from backtests.tape import Tape


class MarginAccount:
    """An account in dollars whose positions are perpetuals; cash may be below 0, equity may not."""

    def __init__(self, tape: Tape, execution: Execution) -> None:
        assert tape.perpetuals is not None
        self._tape, self._execution = tape, execution
        self._desk = OrderDesk(tape, execution)
        self._opens, self._closes = tape.opens.to_numpy(), tape.closes.to_numpy()
        self._lows, self._highs = tape.perpetuals.lows.to_numpy(), tape.perpetuals.highs.to_numpy()
        self._ends = tape.known_at.asi8
        self._due = _payments_by_bar(tape)
        self._row, self._opened = 0, False
        self.cash = execution.capital
        self.units = [0.0] * len(tape.opens.columns)
        self.fills: list[tuple[int, int, float, float, float]] = []
        self.payments: list[tuple[object, ...]] = []
        self.liquidations: list[tuple[object, ...]] = []
        self.ruined = False

    def value(self, prices: np.ndarray) -> float:
        """Equity at `prices`, one per column."""
        worth = sum(units * price for units, price in zip(self.units, prices.tolist(), strict=True))
        return float(self.cash + worth)

    def trade(self, row: int, targets: np.ndarray) -> None:
        """Trade to `targets` (fractions of equity, one per column) at the open of bar `row`."""
        while self._row < row:
            self._finish()
        self._open()
        if self.ruined:
            return
        prices = self._opens[row]
        equity = self.value(prices)
        for column, target in enumerate(targets.tolist()):
            moved, price, fee = self._desk.lent(row, column, self.units[column], target * equity / prices[column])
            if moved:
                self._enter(column, moved, price, fee)
                self.fills.append((row, column, moved, price, fee))

    def pass_until(self, at: int) -> None:
        """Let the bars that have ended by `at` (int64 ns) happen: funding, ranges, closes."""
        while self._row < len(self._ends) and self._ends[self._row] <= at:
            self._finish()

    def entries(self) -> Entries:
        """All that was entered so far."""
        fills = fill_table(self._tape, *np.array(self.fills, float).reshape(-1, 5).T)
        return Entries(fills, payment_table(self.payments), liquidation_table(self.liquidations))

    def _finish(self) -> None:
        """The rest of the current bar: its open, if nothing was traded there, its funding, range and close."""
        self._open()
        row = self._row
        self._pay(row, self._opens[row], INSIDE)
        self._meet_range(row)
        self._pay(row, self._closes[row], ENDING)
        if self._margin_gone(self._closes[row]):
            self._liquidate(row, CLOSE, self._closes[row])
        self._row, self._opened = row + 1, False

    def _open(self) -> None:
        if self._opened:
            return
        self._opened, row = True, self._row
        self._pay(row, self._closes[row - 1], BEFORE)  # the first bar has nothing before it
        if self._margin_gone(self._opens[row]):
            self._liquidate(row, OPEN, self._opens[row])

    def _pay(self, row: int, prices: np.ndarray, when: int) -> None:
        for at, column, rate in self._due.get((row, when), ()):
            units = self.units[column]
            if units != 0:
                amount = -units * prices[column] * rate
                self.cash += amount
                opened, asset = self._tape.opens.index[row], self._tape.assets[column]
                moment = pd.Timestamp(at, tz="UTC")
                self.payments.append((moment, opened, asset, units, float(prices[column]), rate, float(amount)))

    def _meet_range(self, row: int) -> None:
        """Liquidate at the first point between the open and the worst of the range at which the margin is met."""
        begin = self._opens[row]
        worst = np.where(np.array(self.units) > 0, self._lows[row], self._highs[row])
        free, lost = self._free(begin), self._free(begin) - self._free(worst)
        if self._held() and free <= lost:
            self._liquidate(row, RANGE, begin + max(free, 0.0) / lost * (worst - begin) if lost > 0 else begin)

    def _free(self, prices: np.ndarray) -> float:
        """Equity above the maintenance margin at `prices`."""
        notional = sum(abs(units) * price for units, price in zip(self.units, prices.tolist(), strict=True))
        return float(self.value(prices) - self._execution.maintenance_margin * notional)

    def _margin_gone(self, prices: np.ndarray) -> bool:
        return self._held() and self._free(prices) <= 0

    def _held(self) -> bool:
        return any(self.units)

    def _liquidate(self, row: int, moment: str, prices: np.ndarray) -> None:
        slippage, fee_rate = self._execution.slippage_bps * BPS, self._execution.liquidation_fee_bps * BPS
        held = [column for column, units in enumerate(self.units) if units != 0]
        closed: list[list[Any]] = []
        for column in held:
            units = -self.units[column]
            price = float(prices[column]) * (1 + slippage if units > 0 else 1 - slippage)
            fee = abs(units) * price * fee_rate
            self._enter(column, units, price, fee)
            opened, asset = self._tape.opens.index[row], self._tape.assets[column]
            closed.append([opened, moment, asset, units, price, fee, 0.0, False])
        if self.cash <= NOTHING_LEFT * sum(abs(units) * price for *_, units, price, _, _, _ in closed):
            closed[-1][-2:] = [-self.cash, True]
            self.cash, self.ruined = 0.0, True
        self.liquidations.extend(tuple(one) for one in closed)

    def _enter(self, column: int, units: float, price: float, fee: float) -> None:
        self.units[column] += units
        self.cash -= units * price + fee


def _payments_by_bar(tape: Tape) -> dict[tuple[int, int], list[tuple[int, int, float]]]:
    assert tape.perpetuals is not None
    due: dict[tuple[int, int], list[tuple[int, int, float]]] = {}
    funding = tape.perpetuals.funding
    every = zip(funding.at, funding.row, funding.column, funding.rate, funding.when, strict=True)
    for at, row, column, rate, when in every:
        due.setdefault((int(row), int(when)), []).append((int(at), int(column), float(rate)))
    return due
