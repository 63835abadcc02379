"""What came of a backtest: decisions, fills, holdings, equity, costs, and the manifest that lets it be run again."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from backtests.entries import FILL, OPEN, no_liquidations, no_payments
from backtests.execution import BPS, Execution
from backtests.simulate import simulate
from backtests.tape import CASH, YEAR, Tape
from data_cache.errors import BadUsage
from data_cache.market import Market
from strategies.strategy import Strategy

# Of the highest equity so far; less is measured as if it were that much.
LEAST_LEFT = 1e-4


@dataclass(frozen=True, repr=False)
class Result:
    """One strategy on one market over one window.

    decisions : target weights, indexed by `at`, a column per asset
    fills : open_time, asset, units (negative for a sale), price after slippage, fee in $; the cash column's too
    payments, liquidations : with perpetuals, the funding and the forced closes (`backtests.entries`); else empty
    tape : the prices it was filled and marked at      manifest : what was run, on what, with which versions
    Everything else is computed from these, in the same way whichever engine ran.
    """

    strategy: Strategy
    execution: Execution
    market: Market
    tape: Tape
    decisions: pd.DataFrame
    fills: pd.DataFrame
    manifest: dict[str, Any]
    benchmark: "Result | None" = None
    payments: pd.DataFrame = field(default_factory=no_payments)
    liquidations: pd.DataFrame = field(default_factory=no_liquidations)

    def __repr__(self) -> str:
        return f"<Result of {self.strategy!r}, {self.equity.index[0]:%Y-%m-%d} to {self.equity.index[-1]:%Y-%m-%d}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the telling metrics beside the benchmark's, equity and drawdown."""
        from backtests.notebook import result_card

        return result_card(self)

    @property
    def name(self) -> str:
        """The strategy's class name."""
        return type(self.strategy).__name__

    @cached_property
    def trades(self) -> pd.DataFrame:
        """The fills of assets, moves in and out of the cash deposit left out."""
        return self.fills[self.fills["asset"] != CASH]

    @cached_property
    def units(self) -> pd.DataFrame:
        """Units held at each bar's end, indexed by known_at, a column per column of the tape."""
        entered = pd.concat([self.fills, self.liquidations[FILL]]) if len(self.liquidations) else self.fills
        return self._moved(entered).cumsum().set_axis(self.tape.known_at, axis=0)

    @cached_property
    def cash(self) -> pd.Series:
        """Idle cash at each bar's end, $, indexed by known_at; what lies in the deposit is not idle.

        With perpetuals it is what the account would hold if all positions were closed at what they cost: below 0 with
        leverage, above equity when short. Funding and liquidations are in it.
        """
        flow = self._flow(self.fills, self.payments, self.liquidations)
        return (self.execution.capital + flow.cumsum()).set_axis(self.tape.known_at).rename("cash")

    @cached_property
    def values(self) -> pd.DataFrame:
        """$ held in each column of the tape at each bar's close, indexed by known_at."""
        return self.units * self.tape.closes.to_numpy()

    @cached_property
    def equity(self) -> pd.Series:
        """Equity in $, indexed by known_at: the capital at the first bar's open, then the value at each bar's end."""
        start = pd.Series([self.execution.capital], index=self.tape.opens.index[:1])
        equity = pd.concat([start, self.cash + self.values.sum(axis=1)]).rename("equity")
        if self.ruined_at is not None:  # what sums leave of nothing is nothing
            equity[equity.index >= self.ruined_at] = 0.0
        equity.index = equity.index.as_unit("ns").rename("known_at")
        return equity

    @cached_property
    def ruined_at(self) -> pd.Timestamp | None:
        """The end of the bar at which a liquidation left nothing; None for a book that was never ruined."""
        ruin = self.liquidations[self.liquidations["ruined"]]
        return None if ruin.empty else ruin["open_time"].iloc[0] + self.tape.length

    @cached_property
    def daily_equity(self) -> pd.Series:
        """Equity at the end of each UTC day; see `backtests.metrics.daily_equity`."""
        from backtests.metrics import DAY, days_of

        days = days_of(self.equity.index)
        if days[0] == days[1]:  # the first day began with the first bar, wherever in the day that was
            days = days[1:].insert(0, days[0] - DAY)
        return self.equity.set_axis(days)[~days.duplicated(keep="last")].rename(self.name)

    @cached_property
    def bar_returns(self) -> pd.Series:
        """Simple returns of equity, one per bar, stamped with the bar's end."""
        return changes(self.equity).rename(self.name)

    @cached_property
    def returns(self) -> pd.Series:
        """Simple returns of UTC days, at their dates, without a timezone: what quantstats, pyfolio and empyrical take.

        A day that follows days without a bar holds their return too: all of them compound to the total return. The end
        of a day is the next one's midnight, so returns by bar would stand in the wrong month there.
        """
        returns = changes(self.daily_equity).rename(self.name)
        return returns.set_axis(returns.index.tz_localize(None).rename("day"))

    @cached_property
    def cash_returns(self) -> pd.Series:
        """What a deposit earned over each bar; zeros where cash earns nothing."""
        if CASH not in self.tape.closes:
            return pd.Series(0.0, index=self.tape.known_at, name="cash")
        price = np.append(1.0, self.tape.closes[CASH].to_numpy())
        return pd.Series(price[1:] / price[:-1] - 1, index=self.tape.known_at, name="cash")

    @property
    def ruin_day(self) -> str:
        """The UTC day of the bar that ruined the book, as 2020-03-12; "" for a book that was never ruined."""
        return "" if self.ruined_at is None else f"{self.ruined_at - self.tape.length:%Y-%m-%d}"

    @cached_property
    def weights(self) -> pd.DataFrame:
        """The fraction of equity in each asset at each bar's close, indexed by known_at; below 0 where it is short.

        0 in a ruined book.
        """
        equity = self.equity.iloc[1:]
        return self.values[self.tape.assets].div(equity, axis=0).where(equity > 0, 0.0)

    @cached_property
    def exposure(self) -> pd.Series:
        """The sum of weights at each bar's close: net, so that a short takes off what a long adds."""
        return self.weights.sum(axis=1).rename("exposure")

    @cached_property
    def gross_exposure(self) -> pd.Series:
        """The sum of the weights' sizes at each bar's close, shorts counted as longs: the leverage of the book."""
        return self.weights.abs().sum(axis=1).rename("gross_exposure")

    @cached_property
    def filled_exposure(self) -> pd.Series:
        """The gross exposure right after the fills of each bar that had some: |units| x open over equity at the open.

        Indexed by the bar's open_time. It holds what was opened and liquidated within one bar, too.
        """
        payments = self.payments[self.payments["at"] > self.payments["open_time"]]
        liquidations = self.liquidations[self.liquidations["moment"] != OPEN]
        held = (self.units.to_numpy() - self._moved(liquidations).to_numpy()) * self.tape.opens
        cash = self.cash.to_numpy() - self._flow(self.fills[:0], payments, liquidations)
        equity = (cash + held.sum(axis=1)).loc[self.trades["open_time"].unique()]
        sizes = held[self.tape.assets].abs().sum(axis=1).loc[equity.index]
        return (sizes / equity)[equity > 0].rename("filled_exposure")

    @cached_property
    def funding(self) -> pd.DataFrame:
        """$ of funding received in each bar, paid below 0: indexed by known_at, a column per asset; with perpetuals."""
        paid = self.payments.pivot_table(index="open_time", columns="asset", values="amount", aggfunc="sum")
        return (
            paid.reindex(index=self.tape.opens.index, columns=self.tape.assets).fillna(0.0).set_axis(self.tape.known_at)
        )

    @cached_property
    def liquidation_costs(self) -> pd.DataFrame:
        """What each forced close cost in $, which `costs` does not hold: columns fee and slippage, by open_time.

        As far as the account paid it: what the venue bore of the liquidation that ruined the book is taken off.
        """
        closed, slippage = self.liquidations, self.execution.slippage_bps * BPS
        worse = np.where(closed["units"] > 0, 1 + slippage, 1 - slippage)
        slipped = closed["units"] * closed["price"] * (1 - 1 / worse)
        frame = pd.DataFrame({"fee": closed["fee"], "slippage": slipped})
        if self.ruined_at is not None:
            names = ["open_time", "moment"]
            last = (closed[names] == closed[names].iloc[-1]).all(axis=1)
            cost = float(frame[last].to_numpy().sum())
            frame[last] *= np.clip(1 - closed["shortfall"].sum() / cost, 0, 1) if cost > 0 else 1.0
        return frame.set_axis(pd.DatetimeIndex(closed["open_time"]), axis=0)

    @cached_property
    def costs(self) -> pd.DataFrame:
        """What each fill cost in $: columns fee and slippage, indexed by the bar's open_time; no forced closes."""
        opens = self.tape.opens.stack().reindex(pd.MultiIndex.from_frame(self.trades[["open_time", "asset"]]))
        slippage = (self.trades["price"].to_numpy() - opens.to_numpy()) * self.trades["units"].to_numpy()
        return pd.DataFrame(
            {"fee": self.trades["fee"].to_numpy(), "slippage": slippage},
            index=pd.DatetimeIndex(self.trades["open_time"]),
        )

    @cached_property
    def years(self) -> float:
        """Elapsed years of 365 days, from the first bar's open to the last bar's end."""
        return float((self.equity.index[-1] - self.equity.index[0]) / YEAR)

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Every metric of the METRICS table, by name."""
        from backtests.metrics import METRICS

        return {metric.name: float(metric.compute(self)) for metric in METRICS}

    @cached_property
    def equity_sha256(self) -> str:
        """A sha256 of the equity curve, times and values: equal hashes, equal runs."""
        digest = hashlib.sha256(self.equity.index.asi8.tobytes())
        digest.update(self.equity.to_numpy().tobytes())
        return digest.hexdigest()

    @cached_property
    def portfolio(self) -> Any:
        """The same decisions as a vectorbt Portfolio, for those who know it (index: open_time).

        Raises BadUsage for perpetuals: vectorbt knows neither funding nor margin.
        """
        if self.execution.perps:
            raise BadUsage("a vectorbt Portfolio has neither funding nor margin, so positions in perpetuals have none")
        return simulate(self.decisions, self.tape, self.execution)

    def _moved(self, entered: pd.DataFrame) -> pd.DataFrame:
        """Units entered in each bar, indexed by open_time, a column per column of the tape."""
        moved = entered.pivot_table(index="open_time", columns="asset", values="units", aggfunc="sum", observed=True)
        return moved.reindex(index=self.tape.opens.index, columns=self.tape.opens.columns).fillna(0.0)

    def _flow(self, fills: pd.DataFrame, payments: pd.DataFrame, liquidations: pd.DataFrame) -> pd.Series:
        """$ that such entries add to idle cash in each bar, indexed by open_time."""
        flows = [
            pd.Series(-(entered["units"] * entered["price"] + entered["fee"]).to_numpy(), entered["open_time"])
            for entered in (fills, liquidations)
        ]
        flows.append(pd.Series(payments["amount"].to_numpy(), payments["open_time"]))
        flows.append(pd.Series(liquidations["shortfall"].to_numpy(), liquidations["open_time"]))
        flow = pd.concat([one for one in flows if len(one)] or flows[:1])
        return flow.groupby(level=0).sum().reindex(self.tape.opens.index).fillna(0.0)

    def summary(self) -> dict[str, Any]:
        """What `--json` prints: strategy, metrics, equity_sha256 and manifest."""
        return {
            "strategy": repr(self.strategy),
            "metrics": self.metrics,
            "equity_sha256": self.equity_sha256,
            "manifest": self.manifest,
        }


def changes(equity: pd.Series) -> pd.Series:
    """Simple returns of what has a price at every time; -1 where all is lost, and 0 from then on."""
    before = equity.to_numpy()[:-1]
    returns = equity.pct_change().iloc[1:]
    return returns if (before > 0).all() else returns.where(before > 0, 0.0)


def equity_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest relative difference of two equity curves over the same bars, NaN where one is unknown.

    What margin left of a book is a small difference of large numbers: where equity is below a ten-thousandth of what
    it has been, the difference is taken relative to that.
    """
    scale = np.maximum(theirs, LEAST_LEFT * np.maximum.accumulate(theirs))
    return float((np.abs(ours - theirs) / scale).max())
