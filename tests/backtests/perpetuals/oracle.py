"""A slow margin account in decimal numbers, written straight from the definition, to hold the fast ones to.

It shares no line with them: it lays the payments of funding itself, from the market's own record, and finds where the
margin is met by halving. Fifty digits, so that what it gives is exact beside theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from fractions import Fraction

import pandas as pd

from backtests.execution import Execution
from backtests.tape import Tape
from data_cache.market import Market

DIGITS = 50
HOUR = 3_600_000_000_000
# What vectorbt takes for nothing, in units; and what it takes for equal, as a fraction.
DUST, EQUAL = Decimal("1e-12"), Decimal("1e-9")
HALVINGS = 160  # to a point within 2 ** -160 of the way, which is beyond the digits


@dataclass
class Run:
    """What came of it: equity and units at each bar's close, and each entry, in order."""

    equity: list[Decimal] = field(default_factory=list)
    units: list[list[Decimal]] = field(default_factory=list)
    fills: list[tuple[int, str, Decimal, Decimal, Decimal]] = field(default_factory=list)
    payments: list[tuple[int, int, str, Decimal, Decimal]] = field(default_factory=list)
    liquidations: list[tuple[int, str, str, Decimal, Decimal, Decimal, Decimal, bool]] = field(default_factory=list)
    ruined: int | None = None


class Oracle:
    """One book on one tape; every number of tape, market and execution is taken as the decimal it is in binary."""

    def __init__(self, tape: Tape, market: Market, execution: Execution) -> None:
        assert tape.perpetuals is not None
        self.assets = list(tape.opens.columns)
        self.opens, self.closes, self.lows, self.highs = (
            [[Decimal(price) for price in bar] for bar in prices.to_numpy().tolist()]
            for prices in (tape.opens, tape.closes, tape.perpetuals.lows, tape.perpetuals.highs)
        )
        self.open_times, self.length = tape.open_times.tolist(), tape.length.value
        self.due = sorted(
            (period.value, self.assets.index(asset), Decimal(rate))
            for asset in self.assets
            for period, rate in market.observations.rows(f"FUNDING_{asset}")[["period", "value"]].itertuples(
                index=False
            )
            if period.value > self.open_times[0]
        )
        self.latency = int(Fraction(execution.latency_hours) * HOUR)
        self.capital, self.smallest = Decimal(execution.capital), Decimal(execution.min_notional)
        self.fee, self.slippage = Decimal(execution.fee_bps) / 10_000, Decimal(execution.slippage_bps) / 10_000
        self.margin = Decimal(execution.maintenance_margin)
        self.liquidation_fee = Decimal(execution.liquidation_fee_bps) / 10_000

    def run(self, decisions: pd.DataFrame) -> Run:
        """`decisions` : weights indexed by `at`, a column per asset."""
        with localcontext() as context:
            context.prec = DIGITS
            self.cash, self.units, self.paid, self.result = self.capital, [Decimal(0)] * len(self.assets), 0, Run()
            targets = self.targets(decisions)
            for bar in range(len(self.opens)):
                self.live_through(bar, targets.get(bar))
                self.result.equity.append(self.worth(self.closes[bar]))
                self.result.units.append(list(self.units))
            return self.result

    def targets(self, decisions: pd.DataFrame) -> dict[int, dict[str, Decimal]]:
        """By bar, the weights wanted: those of the last decision that fills there."""
        found: dict[int, dict[str, Decimal]] = {}
        for at, row in zip(decisions.index.asi8.tolist(), decisions.to_dict("records"), strict=True):
            bars = [bar for bar, opened in enumerate(self.open_times) if opened >= at + self.latency]
            if bars:
                found[bars[0]] = {asset: Decimal(weight) for asset, weight in row.items()}
        return found

    def live_through(self, bar: int, target: dict[str, Decimal] | None) -> None:
        """The five steps of the definition."""
        opened, opens, closes = self.open_times[bar], self.opens[bar], self.closes[bar]
        self.pay(bar, opened, self.closes[bar - 1] if bar else opens)
        self.liquidate_if_due(bar, "open", opens)
        if target is not None and self.result.ruined is None:
            self.trade(bar, target)
        self.pay(bar, opened + self.length - 1, opens)
        self.walk_to_the_worst(bar)
        self.pay(bar, opened + self.length, closes)
        self.liquidate_if_due(bar, "close", closes)

    def worth(self, prices: Sequence[Decimal]) -> Decimal:
        return self.cash + sum(units * price for units, price in zip(self.units, prices, strict=True))

    def lost(self, prices: Sequence[Decimal]) -> bool:
        """Whether positions are held, and equity is no more than they need."""
        need = self.margin * sum(abs(units) * price for units, price in zip(self.units, prices, strict=True))
        return any(self.units) and self.worth(prices) <= need

    def pay(self, bar: int, until: int, prices: Sequence[Decimal]) -> None:
        """All funding up to and including `until` that was not paid yet."""
        while self.paid < len(self.due) and self.due[self.paid][0] <= until:
            at, column, rate = self.due[self.paid]
            self.paid += 1
            if self.units[column]:
                amount = -(self.units[column] * prices[column] * rate)
                self.cash += amount
                self.result.payments.append((at, bar, self.assets[column], self.units[column], amount))

    def trade(self, bar: int, target: dict[str, Decimal]) -> None:
        """All orders are sized before the first one is executed."""
        prices, equity = self.opens[bar], self.worth(self.opens[bar])
        wanted = [target[asset] * equity / price for asset, price in zip(self.assets, prices, strict=True)]
        for column, price in enumerate(prices):
            units = wanted[column] - self.units[column]
            smallest = self.smallest / price
            if abs(units) > DUST and smallest - abs(units) <= max(smallest * EQUAL, DUST):
                self.result.fills.append((bar, self.assets[column], units, *self.enter(column, units, price, self.fee)))

    def enter(self, column: int, units: Decimal, price: Decimal, fee: Decimal) -> tuple[Decimal, Decimal]:
        """Move the position by `units`; the price after slippage, and the fee in dollars."""
        got = price + price * self.slippage * (1 if units > 0 else -1)
        cost = abs(units * got) * fee
        self.units[column] += units
        self.cash -= units * got + cost
        return got, cost

    def walk_to_the_worst(self, bar: int) -> None:
        """Halve the way between what is fine and what is not, until nothing is left between them."""
        worst = [low if units > 0 else high for units, low, high in self.of_bar(bar)]

        def along(way: Decimal) -> list[Decimal]:
            return [start + way * (end - start) for start, end in zip(self.opens[bar], worst, strict=True)]

        fine, gone = Decimal(0), Decimal(1)
        if self.lost(along(fine)):
            self.liquidate(bar, "range", along(fine))
        elif self.lost(along(gone)):
            for _ in range(HALVINGS):
                middle = (fine + gone) / 2
                fine, gone = (fine, middle) if self.lost(along(middle)) else (middle, gone)
            self.liquidate(bar, "range", along(gone))

    def of_bar(self, bar: int) -> list[tuple[Decimal, Decimal, Decimal]]:
        return list(zip(self.units, self.lows[bar], self.highs[bar], strict=True))

    def liquidate_if_due(self, bar: int, moment: str, prices: Sequence[Decimal]) -> None:
        if self.lost(prices):
            self.liquidate(bar, moment, prices)

    def liquidate(self, bar: int, moment: str, prices: Sequence[Decimal]) -> None:
        """Close everything; what is owed beyond what there was is the venue's, and stands in the last row."""
        notional, nothing = Decimal(0), Decimal(1) / 1_000_000_000
        for column, held in enumerate(self.units):
            if held:
                price, fee = self.enter(column, -held, prices[column], self.liquidation_fee)
                notional += abs(held) * price
                closed = bar, moment, self.assets[column], -held, price, fee, Decimal(0), False
                self.result.liquidations.append(closed)
        if self.cash <= nothing * notional:
            self.result.liquidations[-1] = (*self.result.liquidations[-1][:-2], -self.cash, True)
            self.cash, self.result.ruined = Decimal(0), bar
