"""How much was traded, what that cost, and how much money the market would have had room for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from backtests.analysis.capacity import capacity, participation
from backtests.metrics import DAY, METRICS, days_of
from backtests.result import Result
from backtests.tearsheet import gains
from backtests.tearsheet.document import Charts, Definition, Key, Table
from backtests.tearsheet.figures import DASHES, dated, every_day, plain, trace
from backtests.tearsheet.lines import Line, asset_colors, curves, line_keys, span
from backtests.tearsheet.sheet import Section, Sheet

# So many of each strategy's largest fills are listed.
LARGEST = 5
OF_METRICS = {metric.name: metric for metric in METRICS}


@dataclass(frozen=True)
class Column:
    """A column of a table: a term, a number of a result, and how it is written."""

    term: Any
    number: Callable[["Trading"], float]
    text: Callable[[float], str]


@dataclass(frozen=True)
class Trading:
    """What one result traded, in numbers."""

    result: Result

    @cached_property
    def notional(self) -> pd.Series:
        """$ of each fill, after slippage, indexed by its bar's open_time."""
        trades = self.result.trades
        return (trades["units"] * trades["price"]).abs().set_axis(pd.DatetimeIndex(trades["open_time"]))

    @cached_property
    def fractions(self) -> pd.Series:
        """Each fill's notional over the equity that was marked last before it."""
        return self.notional / self.result.equity.reindex(self.notional.index, method="ffill").to_numpy()

    @cached_property
    def participation(self) -> pd.DataFrame:
        """What it traded on each day beside the market, as `capacity.participation` gives it."""
        return participation(self.result)

    def participated(self, quantile: float) -> float:
        """A quantile of participation; NaN where none is known."""
        known = self.participation["participation"].dropna().to_numpy()
        return float(np.quantile(known, quantile)) if len(known) else float("nan")

    def turnover_by_year(self) -> pd.Series:
        """Half of what was bought and sold in each calendar year (UTC) over the year's mean equity; not annualised."""
        tape = self.result.tape
        years, held = tape.opens.index.year, np.diff(tape.open_times, append=tape.known_at[-1].value)
        equity = self.result.equity.to_numpy()[1:]
        weighed = pd.DataFrame({"equity": equity * held, "held": held}).groupby(years).sum()
        traded = self.notional.groupby(self.notional.index.year).sum().reindex(weighed.index, fill_value=0.0)
        return (traded / 2 / (weighed["equity"] / weighed["held"])).rename_axis("year")

    def days_between_decisions(self) -> float:
        """Mean days from one decision to the next; NaN for fewer than two."""
        at = self.result.decisions.index.asi8
        return float(np.diff(at).mean() / DAY.value) if len(at) > 1 else float("nan")

    def paid(self, kind: str) -> float:
        """All that fills paid of that kind, "fee" or "slippage", $."""
        return float(self.result.costs[kind].sum())

    @property
    def liquidated(self) -> float:
        """Fees and slippage of forced closes, $."""
        return float(self.result.liquidation_costs.to_numpy().sum())

    @property
    def together(self) -> float:
        """Fees and slippage of all that was traded, forced closes too, $."""
        return self.paid("fee") + self.paid("slippage") + self.liquidated

    def share_of_gain(self) -> float:
        """Costs over the gain before costs, which is what was gained plus what was paid; NaN where nothing was."""
        gained = gains.change(self.result)
        return self.together / (gained + self.together) if gained > 0 else float("nan")

    def largest(self) -> pd.DataFrame:
        """The LARGEST fills by notional, the largest first.

        Columns: open_time, asset, units (negative for a sale), price ($, after slippage), notional ($), fraction (of
        equity before it) and participation (of that day's trading; NaN where unknown).
        """
        trades = self.result.trades.drop(columns="fee")
        trades = trades.assign(notional=self.notional.to_numpy(), fraction=self.fractions.to_numpy())
        top = trades.nlargest(LARGEST, "notional").assign(day=lambda rows: rows["open_time"].dt.floor("D"))
        market = self.participation[["day", "asset", "participation"]]
        return top.merge(market, on=["day", "asset"], how="left").drop(columns="day")


@dataclass(frozen=True)
class Costs:
    """Fees and slippage so far: what each fill cost over the equity just before it, added up.

    Over equity and not over capital: a book that has grown pays more dollars for the same share of itself.
    """

    lines: Sequence[Line]

    def frame(self) -> pd.DataFrame:
        """A column per label, cumulated by UTC day, fractions."""
        return every_day(pd.concat({line.label: self._paid(line.result) for line in self.lines}, axis=1, sort=True))

    def figure(self) -> Any:
        """Lines that only rise."""
        frame, layout = self.frame(), {"yaxis": {"tickformat": "~%", "hoverformat": ".2%", "rangemode": "tozero"}}
        return dated(frame, curves(frame, self.lines), layout, 260)

    def alt(self) -> str:
        """What each paid in all."""
        frame = self.frame()
        paid = [f"{name} {column.dropna().iloc[-1]:.2%}" for name, column in frame.items()]
        return f"Costs cumulated, as shares of equity, {span(frame)}: {'; '.join(paid)}."

    @staticmethod
    def _paid(result: Result) -> pd.Series:
        days = days_of(result.tape.known_at).unique()
        costs = pd.concat([result.costs, result.liquidation_costs]).sum(axis=1).sort_index()
        shares = costs / result.equity.reindex(costs.index, method="ffill").to_numpy()
        return shares.groupby(shares.index.floor("D")).sum().reindex(days, fill_value=0.0).cumsum()


@dataclass(frozen=True)
class FundingSoFar:
    """Funding of each asset so far: each payment over the equity just before its bar, added up; received: below 0."""

    lines: Sequence[Line]

    def frame(self) -> pd.DataFrame:
        """A column per line and asset, cumulated by UTC day, fractions."""
        return every_day(pd.concat([self._paid(line) for line in self.lines], axis=1, sort=True))

    def figure(self) -> Any:
        """Lines that rise while funding is paid and fall while it is received."""
        frame, layout = self.frame(), {"yaxis": {"tickformat": "~%", "hoverformat": ".2%", "rangemode": "tozero"}}
        drawn = [trace(frame[key.name], plain(key.name), key.color, key.dash) for key in self.keys()]
        return dated(frame, drawn, layout, 220)

    def keys(self) -> list[Key]:
        """The legend: a lone strategy's assets have the colours of assets, several strategies' their own."""
        return [
            Key(_of_asset(line, asset), "line", color if len(self.lines) == 1 else line.color, DASHES[i % len(DASHES)])
            for line in self.lines
            for i, (asset, color) in enumerate(asset_colors(line.result.tape.assets))
        ]

    def alt(self) -> str:
        """What each paid in all."""
        frame = self.frame()
        paid = [f"{name} {column.dropna().iloc[-1]:.2%}" for name, column in frame.items()]
        return f"Funding paid so far, as shares of equity, {span(frame)}: {'; '.join(paid)}."

    @staticmethod
    def _paid(line: Line) -> pd.DataFrame:
        result = line.result
        before = result.equity.iloc[:-1].where(result.equity.iloc[:-1] > 0)
        shares = -result.funding.div(before.to_numpy(), axis=0).fillna(0.0)  # a ruined book pays nothing
        by_day = shares.groupby(days_of(result.tape.known_at)).sum().cumsum()
        return by_day.set_axis([_of_asset(line, asset) for asset in by_day], axis=1)


def _of_asset(line: Line, asset: str) -> str:
    return f"{line.label}: {asset}"


# --- texts


def _or_dash(value: float, form: str) -> str:
    return "–" if np.isnan(value) else format(value, form)


def dollars(value: float) -> str:
    """$ as tables show them: whole below ten thousand, else three digits and a unit.

    >>> dollars(1234.4), dollars(45_678.0), dollars(1_234_567.0), dollars(0.0), dollars(float("nan"))
    ('$1,234', '$45.7k', '$1.23m', '$0', '–')
    """
    if np.isnan(value):
        return "–"
    for unit, letter in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if value >= max(unit, 9_999.5):
            scaled = value / unit
            return f"${scaled:,.{max(0, 2 - int(np.log10(scaled)))}f}{letter}"
    return f"${value:,.0f}"


def _percent(digits: int) -> Callable[[float], str]:
    return lambda value: _or_dash(value, f",.{digits}%")


def _days(value: float) -> str:
    return _or_dash(value, ",.1f")


def _metric(name: str) -> Column:
    metric = OF_METRICS[name]
    return Column(metric, lambda own: own.result.metrics[name], metric.text)


COSTS = (
    Column(
        Definition("cost-fee", "Fees", "What the venue took, over the whole window: the fee on every fill."),
        lambda own: own.paid("fee"),
        dollars,
    ),
    Column(
        Definition(
            "cost-slippage", "Slippage", "The price paid or got, against the open of the bar, on all units, summed."
        ),
        lambda own: own.paid("slippage"),
        dollars,
    ),
    Column(
        Definition("cost-together", "Together", "Fees and slippage over the whole window."),
        lambda own: own.together,
        dollars,
    ),
    _metric("costs_paid"),
    Column(
        Definition(
            "cost-share",
            "Of gross gain",
            "Fees and slippage over the gain before them, by prices and by funding: what was gained, plus what was "
            "paid. A dash without a gain. What the money paid would have earned meanwhile is not in it.",
        ),
        Trading.share_of_gain,
        _percent(1),
    ),
)

# Behind fees and slippage of fills, where there are perpetuals.
LIQUIDATION_COST = Column(
    Definition("cost-liquidation", "Liquidations", "Fees and slippage of forced closes over the whole window."),
    lambda own: own.liquidated,
    dollars,
)

FILLS = (
    _metric("fills"),
    Column(
        Definition("fill-mean", "Mean fill", "The mean notional of a fill, after slippage."),
        lambda own: float(own.notional.mean()),
        dollars,
    ),
    Column(
        Definition("fill-fraction", "Of equity", "The mean of each fill's notional over the equity just before it."),
        lambda own: float(own.fractions.mean()),
        _percent(1),
    ),
    Column(
        Definition("fill-largest", "Largest fill", "The largest notional of a fill, after slippage."),
        lambda own: float(own.notional.max()),
        dollars,
    ),
    Column(
        Definition(
            "decision-days",
            "Days between decisions",
            "The mean time from one decision to the next, which is how long a target stands. "
            "A dash for fewer than two.",
        ),
        Trading.days_between_decisions,
        _days,
    ),
    _metric("turnover"),
)

_BESIDE = "What it traded of an asset on a UTC day over the $ volume of the full UTC day before"
_SIZE = "The equity, kept at this size throughout, at which a day's trading"
PARTICIPATION = (
    Column(
        Definition(
            "participation-days", "Days traded", "On how many UTC days it traded an asset, summed over the assets."
        ),
        lambda own: float(len(own.participation)),
        lambda value: f"{value:,.0f}",
    ),
    Column(
        Definition("participation-median", "Median share", f"{_BESIDE}: the median of the days it traded."),
        lambda own: own.participated(0.5),
        _percent(3),
    ),
    Column(
        Definition("participation-95", "95th percentile", f"{_BESIDE}: exceeded on one in twenty such days."),
        lambda own: own.participated(0.95),
        _percent(3),
    ),
    Column(
        Definition("participation-largest", "Largest share", f"{_BESIDE}: the largest."),
        lambda own: own.participated(1),
        _percent(3),
    ),
)
CAPACITY = (
    Column(
        Definition("capacity-1-95", "1 % on 95 % of days", f"{_SIZE} stays within 1 % of volume on 95 of 100 days."),
        lambda own: capacity(own.participation, 0.01, 0.95),
        dollars,
    ),
    Column(
        Definition("capacity-1", "1 % on all days", f"{_SIZE} never exceeds 1 % of volume."),
        lambda own: capacity(own.participation, 0.01, 1),
        dollars,
    ),
    Column(
        Definition("capacity-5-95", "5 % on 95 % of days", f"{_SIZE} stays within 5 % of volume on 95 of 100 days."),
        lambda own: capacity(own.participation, 0.05, 0.95),
        dollars,
    ),
    Column(
        Definition("capacity-5", "5 % on all days", f"{_SIZE} never exceeds 5 % of volume."),
        lambda own: capacity(own.participation, 0.05, 1),
        dollars,
    ),
    Column(
        Definition(
            "capacity-start",
            "1 % on 95 %, at the start",
            "The capital at the start, all gains left in the book as in this test, with which a day's trading stays "
            "within 1 % of volume on 95 of 100 days.",
        ),
        lambda own: capacity(own.participation, 0.01, 0.95, own.result.execution.capital),
        dollars,
    ),
)


# --- tables


def build(sheet: Sheet) -> dict[str, Any]:
    """Costs and capacity of all lines, and the largest fills of each strategy."""
    panel = Costs(sheet.lines)
    owns = [Trading(line.result) for line in sheet.lines]
    perps = [line for line in sheet.strategies if line.result.execution.perps]
    costs = (*COSTS[:2], LIQUIDATION_COST, *COSTS[2:]) if perps else COSTS
    made = [_part(*part) for part in gains.parts([line.result for line in sheet.lines])]
    funding = FundingSoFar(perps)
    tables = [
        _numbers(sheet, owns, "trading-costs", "Fees and slippage by strategy", costs),
        _numbers(sheet, owns, "trading-fills", "Fills and turnover by strategy", FILLS),
        _numbers(sheet, owns, "trading-volume", "Share of the market's volume by strategy", PARTICIPATION),
        _numbers(sheet, owns, "trading-capacity", "Capacity by strategy", CAPACITY),
    ]
    return {
        "change": _numbers(sheet, owns, "trading-change", "What made the change in equity by strategy", made),
        "chart": sheet.charts.add("costs", panel, line_keys(sheet.lines)),
        "tables": tables,
        "funding": sheet.charts.add("funding", funding, funding.keys()) if perps else None,
        "turnover": _turnover(sheet, owns),
        "largest": _largest(sheet.charts, sheet.strategies),
        "volumes": [
            sentence
            for line, own in zip(sheet.lines, owns, strict=True)
            if (sentence := unknown_volumes(line.label, own.participation))
        ],
    }


def _part(term: Definition, number: Callable[[Result], float]) -> Column:
    return Column(term, lambda own: number(own.result), gains.signed)


def unknown_volumes(label: str, traded: pd.DataFrame) -> str:
    """What to say where the market's volume is unknown on some days of trading; "" where it is known on all."""
    known = traded["participation"].notna()
    if known.all():
        return ""
    if not known.any():
        return f"{label}: the volume of the day before is unknown on every day it traded, so its capacity is too."
    unknown = int((~known).sum())
    return f"{label}: the volume of the day before is unknown on {unknown:,} of {len(known):,} days; they are left out."


def _numbers(sheet: Sheet, owns: Sequence[Trading], id: str, label: str, columns: Sequence[Column]) -> Table:
    numbers = {column.term.name: [column.number(own) for own in owns] for column in columns}
    frame = pd.DataFrame(numbers, index=pd.Index([line.label for line in sheet.lines], name="strategy"))
    rows = [(line, [column.text(frame.at[line.label, column.term.name]) for column in columns]) for line in sheet.lines]
    return sheet.charts.table(id, label, frame, ["Strategy", *(column.term for column in columns)], rows)


def _turnover(sheet: Sheet, owns: Sequence[Trading]) -> Table:
    columns = {line.label: own.turnover_by_year() for line, own in zip(sheet.lines, owns, strict=True)}
    frame = pd.concat(columns, axis=1)
    rows = [(str(year), [_or_dash(value, ".2f") for value in values]) for year, values in frame.iterrows()]
    return sheet.charts.table("trading-turnover", "Turnover by calendar year", frame, ["Year", *sheet.lines], rows)


def _largest(charts: Charts, strategies: Sequence[Line]) -> Table | None:
    largest = {line.label: Trading(line.result).largest() for line in strategies if len(line.result.trades)}
    if not largest:
        return None
    frame = pd.concat(largest, names=["strategy", "place"])
    lines = {line.label: line for line in strategies}
    rows = [(lines[place[0]], _fill_texts(fill)) for place, fill in zip(frame.index, frame.itertuples(), strict=True)]
    heads = ["Strategy", "Opened", "Asset", "Side", "Notional", "Of equity", "Of volume", "Price"]
    return charts.table("trading-largest", "Largest fills of each strategy", frame, heads, rows)


def _fill_texts(fill: Any) -> list[str]:
    return [
        f"{fill.open_time:%Y\u2011%m\u2011%d %H:%M}",  # the page would set a hyphen as a minus
        str(fill.asset),
        "bought" if fill.units > 0 else "sold",
        dollars(fill.notional),
        f"{fill.fraction:.1%}",
        _or_dash(fill.participation, ".3%"),
        f"${fill.price:,.2f}",
    ]


TRADING = Section("trading", "Trading", "Turnover, costs and capacity", build)
