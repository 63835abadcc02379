"""A slow book in decimal numbers, written straight from the definitions, to hold the three fast ones to.

It shares no line with them: not the fill rule, not the scaling to what is affordable, not the deposit. Fifty digits,
so that what it gives is exact beside theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from fractions import Fraction

import pandas as pd

from backtests.execution import Execution
from backtests.tape import CASH, Tape

DIGITS = 50
HOUR = 3_600_000_000_000
# What vectorbt takes for nothing, in units; and what it takes for equal, as a fraction.
DUST, EQUAL = Decimal("1e-12"), Decimal("1e-9")


@dataclass
class Run:
    """What came of it: units held and equity at each bar's close, and what was filled."""

    units: list[list[Decimal]] = field(default_factory=list)
    equity: list[Decimal] = field(default_factory=list)
    traded: Decimal = Decimal(0)
    costs: Decimal = Decimal(0)

    def max_drawdown(self, capital: float) -> Decimal:
        """The largest fraction lost since a peak, the capital being the first."""
        peak, deepest = Decimal(capital), Decimal(0)
        for equity in self.equity:
            peak = max(peak, equity)
            deepest = max(deepest, 1 - equity / peak)
        return deepest


class Oracle:
    """One book on one tape; every number of tape and execution is taken as the decimal it is written as in binary."""

    def __init__(self, tape: Tape, execution: Execution) -> None:
        self.names = list(tape.opens.columns)
        self.opens = [[Decimal(price) for price in bar] for bar in tape.opens.to_numpy().tolist()]
        self.closes = [[Decimal(price) for price in bar] for bar in tape.closes.to_numpy().tolist()]
        self.open_times = tape.open_times.tolist()
        self.latency = int(Fraction(execution.latency_hours) * HOUR)
        self.capital, self.smallest = Decimal(execution.capital), Decimal(execution.min_notional)
        self.fee = Decimal(execution.fee_bps) / 10_000
        self.slippage = Decimal(execution.slippage_bps) / 10_000

    def run(self, decisions: pd.DataFrame) -> Run:
        """`decisions` : weights indexed by `at`, a column per asset."""
        with localcontext() as context:
            context.prec = DIGITS
            self.cash, self.units, self.result = self.capital, [Decimal(0)] * len(self.names), Run()
            targets = self.targets(decisions)
            for bar in range(len(self.opens)):
                if bar in targets:
                    self.trade(bar, targets[bar])
                self.result.units.append(list(self.units))
                self.result.equity.append(self.worth(self.closes[bar]))
            return self.result

    def targets(self, decisions: pd.DataFrame) -> dict[int, dict[str, Decimal]]:
        """By bar, the fractions wanted: those of the last decision that fills there."""
        found: dict[int, dict[str, Decimal]] = {0: {CASH: Decimal(1)}} if CASH in self.names else {}
        for at, row in zip(decisions.index.asi8.tolist(), decisions.to_dict("records"), strict=True):
            bars = [bar for bar, opened in enumerate(self.open_times) if opened >= at + self.latency]
            if bars:
                found[bars[0]] = self.affordable({asset: Decimal(weight) for asset, weight in row.items()})
        return found

    def affordable(self, weights: dict[str, Decimal]) -> dict[str, Decimal]:
        """Scaled down to what is left of a book that is sold and bought anew; the deposit gets the rest."""
        most = (1 - self.slippage) * (1 - self.fee) / ((1 + self.slippage) * (1 + self.fee))
        exposure = sum(weights.values())
        scale = min(Decimal(1), most / exposure) if exposure else Decimal(1)
        scaled = {asset: weight * scale for asset, weight in weights.items()}
        if CASH in self.names:
            scaled[CASH] = max(most - sum(scaled.values()), Decimal(0)) if exposure else Decimal(1)
        return scaled

    def worth(self, prices: Sequence[Decimal]) -> Decimal:
        return self.cash + sum(units * price for units, price in zip(self.units, prices, strict=True))

    def trade(self, bar: int, targets: dict[str, Decimal]) -> None:
        """All orders are sized at the bar's open; the largest sale is executed first, the largest purchase last."""
        prices = self.opens[bar]
        value = self.worth(prices)
        wanted = {self.names.index(name): fraction * value for name, fraction in targets.items()}
        orders = {column: amount / prices[column] - self.units[column] for column, amount in wanted.items()}
        for column in sorted(sorted(orders), key=lambda c: wanted[c] - self.units[c] * prices[c]):
            self.execute(column, orders[column], prices[column])

    def execute(self, column: int, units: Decimal, price: Decimal) -> None:
        free = self.names[column] == CASH
        fee, slippage = (Decimal(0), Decimal(0)) if free else (self.fee, self.slippage)
        paid = price * (1 + slippage if units > 0 else 1 - slippage)
        if units > 0:
            units = min(units, self.cash / (paid * (1 + fee)))
        smallest = Decimal(0) if free else self.smallest / price
        if abs(units) <= DUST or smallest - abs(units) > max(smallest * EQUAL, DUST):
            return
        cost = abs(units) * paid * fee
        self.units[column] += units
        self.cash -= units * paid + cost
        if not free:
            self.result.traded += abs(units) * paid
            self.result.costs += cost + units * (paid - price)
