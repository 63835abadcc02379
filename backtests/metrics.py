"""The metrics: rows of one table, `METRICS`, from which every report follows.

Conventions. Returns are simple, one per bar. A year has 365 days, elapsed time decides how many there
were, and each holds n_bars / years bars, whatever the timeframe and however many bars are missing.
"Excess" is over what idle cash earned. Fractions, not percent. Losses are negative returns; the one
exception is max_drawdown, a positive fraction as in `Book.drawdown`, which its format shows with a
minus. NaN where a metric is undefined: never 0, never infinity. Metrics of mean returns are, for a ruined
book: of one that made 1 % a day for a year and then lost everything the mean is above 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtests.result import Result, changes
from backtests.tape import CASH, YEAR
from signals.parameters import parameters

DAY = pd.Timedelta(days=1)

# What is smaller than this is rounding: a constant curve has no Sharpe ratio, and not one of 10^15.
ROUNDING = 1e-12
# A remainder too small to be sold (min_notional) is not "in the market".
IN_MARKET = 0.001


@dataclass(frozen=True)
class Metric:
    """A row of the table.

    format : a format specification; one that begins with a minus belongs to a loss given as a positive number
    perps : whether it tells something of perpetuals alone, so that tables without them leave it out
    compute : a Result's number, NaN where it is undefined; the first line of its docstring is the definition
    """

    name: str
    label: str
    format: str
    compute: Callable[[Result], float]
    perps: bool = False

    @property
    def definition(self) -> str:
        """What it is, in one sentence."""
        return (self.compute.__doc__ or "").splitlines()[0]

    def text(self, value: float) -> str:
        """`value` as reports print it; a dash where it is undefined.

        >>> loss = Metric("max_drawdown", "Maximum drawdown", "-.1%", max_drawdown)
        >>> loss.text(0.25), loss.text(0.0), loss.text(float("nan"))
        ('-25.0%', '0.0%', '–')
        """
        if np.isnan(value):
            return "–"
        shown = -value if self.format.startswith("-") else value
        return format(shown, f"z{self.format.removeprefix('-')}")


def total_return(result: Result) -> float:
    """Equity at the end over equity at the start, minus 1."""
    return float(result.equity.iloc[-1] / result.equity.iloc[0] - 1)


def cagr(result: Result) -> float:
    """Compound annual growth rate: (1 + total return)^(1 / elapsed years of 365 days) - 1.

    NaN for a window so short that the number overflows.
    """
    with np.errstate(over="ignore", divide="ignore"):
        growth = float(np.expm1(np.log1p(total_return(result)) / result.years))
    return growth if np.isfinite(growth) else float("nan")


def volatility(result: Result) -> float:
    """Standard deviation of the returns, times the root of the bars per year.

    NaN for fewer than two bars.
    """
    returns = result.bar_returns.to_numpy()
    return float(returns.std(ddof=1) * np.sqrt(bars_per_year(result))) if len(returns) > 1 else float("nan")


def sharpe(result: Result) -> float:
    """Mean excess return over its standard deviation, times the root of the bars per year; a ruined book has none.

    Excess over cash (Sharpe 1994). NaN for a curve that never departs from a constant excess return, too.
    """
    if result.ruined_at is not None:
        return float("nan")
    excess = excess_returns(result)
    return _ratio(excess.mean(), _deviation(excess)) * float(np.sqrt(bars_per_year(result)))


def sortino(result: Result) -> float:
    """Mean excess return over its downside deviation, times the root of the bars per year; a ruined book has none.

    Downside deviation: the root of the mean, over all bars, of min(excess, 0)^2 (Sortino and Price 1994). NaN
    where no bar fell behind cash, too.
    """
    if result.ruined_at is not None:
        return float("nan")
    excess = excess_returns(result)
    downside = np.sqrt(np.mean(np.minimum(excess, 0) ** 2))
    return _ratio(excess.mean(), downside) * float(np.sqrt(bars_per_year(result)))


def calmar(result: Result) -> float:
    """Compound annual growth rate over the maximum drawdown.

    NaN where equity never fell.
    """
    return _ratio(cagr(result), max_drawdown(result))


def max_drawdown(result: Result) -> float:
    """The largest fraction of equity lost since an earlier peak, bar ends compared; shown with a minus.

    A positive fraction in [0, 1].
    """
    return float(-drawdown(result).min())


def max_drawdown_days(result: Result) -> float:
    """The longest time under water: days from a peak until equity is back at it, or until the end."""
    under = drawdown(result).to_numpy() < 0
    times = result.equity.index.asi8
    peaks = np.flatnonzero(~under)
    ends = np.append(peaks[1:], len(under) - 1)
    stretches = (times[ends] - times[peaks]) / DAY.value
    return float(np.where((ends - peaks > 1) | under[ends], stretches, 0.0).max())


def worst_day(result: Result) -> float:
    """The worst return of a UTC day."""
    return float(daily_returns(result).min())


def best_day(result: Result) -> float:
    """The best return of a UTC day."""
    return float(daily_returns(result).max())


def skew(result: Result) -> float:
    """Skewness of the returns of UTC days; below 0, losses are the larger surprises.

    Corrected for sample size. NaN for fewer than three days, or where all days are alike.
    """
    days = daily_returns(result)
    return float(days.skew()) if _deviation(days.to_numpy()) > ROUNDING else float("nan")


def tail(result: Result) -> float:
    """Expected shortfall: the mean return of the worst 5 % of UTC days.

    Of n days the worst ceil(0.05 n) count. A return, so a loss is negative.
    """
    days = np.sort(daily_returns(result).to_numpy())
    return float(days[: int(np.ceil(0.05 * len(days)))].mean()) if len(days) else float("nan")


def exposure(result: Result) -> float:
    """The fraction of equity held in assets, averaged over time; shorts count below 0."""
    return _time_mean(result, result.exposure.to_numpy())


def time_in_market(result: Result) -> float:
    """The share of time during which more than 0.1 % of equity is held in assets, long or short."""
    return _time_mean(result, (result.gross_exposure > IN_MARKET).to_numpy())


def turnover(result: Result) -> float:
    """Half of all that was bought and sold a year, over mean equity; 1 exchanges the whole book once.

    What liquidations closed is in it. NaN for a book that was ruined in its first bar.
    """
    closed = [(table["units"] * table["price"]).abs().sum() for table in (result.trades, result.liquidations)]
    return _a_year(result, sum(closed) / 2)


def costs_paid(result: Result) -> float:
    """Fees and slippage paid a year, as a fraction of mean equity: the growth that trading costs.

    Those of liquidations are in it as far as the account paid them, funding is not. NaN as for turnover.
    """
    return _a_year(result, result.costs.to_numpy().sum() + result.liquidation_costs.to_numpy().sum())


def gross_exposure(result: Result) -> float:
    """The sizes of all positions over equity, shorts counted as longs, averaged over time as at the bars' ends."""
    return _time_mean(result, result.gross_exposure.to_numpy())


def leverage(result: Result) -> float:
    """The highest gross exposure at the end of any bar, or right after any fill: sizes of all positions over equity."""
    return float(np.append(result.filled_exposure, result.gross_exposure).max())


def funding_paid(result: Result) -> float:
    """Funding paid a year, less what was received, as a fraction of mean equity; below 0 where more was received.

    NaN as for turnover.
    """
    return _a_year(result, 0.0 - float(result.payments["amount"].sum()))  # no -0.0 where there was none


def liquidations(result: Result) -> float:
    """How many times the whole book was closed because its equity met the maintenance margin."""
    return float(len(result.liquidations.drop_duplicates(["open_time", "moment"])))


def decisions(result: Result) -> float:
    """How many times the strategy decided, trades back to an unchanged target (on a schedule) included."""
    return float(len(result.decisions))


def fills(result: Result) -> float:
    """How many orders were filled."""
    return float(len(result.trades))


def hit_rate(result: Result) -> float:
    """The share of decisions to hold something after which the book beat cash until the next decision filled.

    From fill to fill, the cost of the first included. A decision that another overtook before it could fill
    is not counted, nor is one to hold nothing: it cannot beat cash; nor one of a ruined book. NaN where none is left.
    """
    entries, wanted = _entries(result)
    worth = _worth_in_cash(result)
    alive = worth[entries] > 0
    growth = worth[np.append(entries[1:], len(worth) - 1)[alive]] / worth[entries[alive]] - 1
    held = growth[wanted[alive] > 0]
    return float((held > ROUNDING).mean()) if len(held) else float("nan")


def beta(result: Result) -> float:
    """Covariance of excess returns with the benchmark's, over the variance of the benchmark's.

    NaN without a benchmark, or with one that never departs from cash.
    """
    book, market, _ = _beside_benchmark(result)
    return _covariance(book, market) / spread**2 if (spread := _deviation(market)) > ROUNDING else float("nan")


def alpha(result: Result) -> float:
    """Jensen's alpha a year: mean excess return less beta times the benchmark's, times the bars per year.

    NaN where beta is, and for a ruined book.
    """
    if result.ruined_at is not None:
        return float("nan")
    book, market, per_year = _beside_benchmark(result)
    return float((book.mean() - beta(result) * market.mean()) * per_year) if len(book) else float("nan")


def correlation(result: Result) -> float:
    """Correlation of excess returns with the benchmark's.

    NaN without a benchmark, or where either never departs from cash.
    """
    book, market, _ = _beside_benchmark(result)
    return _ratio(_covariance(book, market), _deviation(book) * _deviation(market))


METRICS: tuple[Metric, ...] = (
    Metric("total_return", "Total return", ",.1%", total_return),
    Metric("cagr", "Annual growth (CAGR)", ",.1%", cagr),
    Metric("volatility", "Volatility a year", ".1%", volatility),
    Metric("sharpe", "Sharpe ratio", ".2f", sharpe),
    Metric("sortino", "Sortino ratio", ".2f", sortino),
    Metric("calmar", "Calmar ratio", ".2f", calmar),
    Metric("max_drawdown", "Maximum drawdown", "-.1%", max_drawdown),
    Metric("max_drawdown_days", "Longest under water, days", ",.0f", max_drawdown_days),
    Metric("worst_day", "Worst day", ".1%", worst_day),
    Metric("best_day", "Best day", ".1%", best_day),
    Metric("tail", "Expected shortfall, 5 % of days", ".1%", tail),
    Metric("skew", "Skewness of days", ".2f", skew),
    Metric("exposure", "Mean exposure", ".0%", exposure),
    Metric("time_in_market", "Time in the market", ".0%", time_in_market),
    Metric("turnover", "Turnover a year, one-way", ",.2f", turnover),
    Metric("costs_paid", "Costs paid a year", ".2%", costs_paid),
    Metric("gross_exposure", "Mean gross exposure", ".0%", gross_exposure, perps=True),
    Metric("leverage", "Highest leverage", ".2f", leverage, perps=True),
    Metric("funding_paid", "Funding paid a year", ".2%", funding_paid, perps=True),
    Metric("liquidations", "Liquidations", ",.0f", liquidations, perps=True),
    Metric("decisions", "Decisions", ",.0f", decisions),
    Metric("fills", "Fills", ",.0f", fills),
    Metric("hit_rate", "Hit rate of decisions", ".0%", hit_rate),
    Metric("beta", "Beta to the benchmark", ".2f", beta),
    Metric("alpha", "Alpha a year", ".1%", alpha),
    Metric("correlation", "Correlation to the benchmark", ".2f", correlation),
)


def bars_per_year(result: Result) -> float:
    """Returns per elapsed year: what annualises a number per bar."""
    return len(result.bar_returns) / result.years


def excess_returns(result: Result) -> np.ndarray:
    """Returns over what idle cash earned in the same bar, shape (n_bars,)."""
    return np.asarray(result.bar_returns.to_numpy() - result.cash_returns.to_numpy())


def drawdown(result: Result) -> pd.Series:
    """Equity over its highest value so far, minus 1: 0 at a peak; indexed as equity."""
    return (result.equity / result.equity.cummax() - 1).rename("drawdown")


def days_of(stamps: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The UTC day that each of `stamps` (ends of bars) closes or lies in, as its first midnight.

    A stamp is the end of what it covers, so midnight belongs to the day before.
    """
    return (stamps - pd.Timedelta(1, "ns")).floor("D").as_unit("ns").rename("day")


def daily_equity(result: Result) -> pd.Series:
    """Equity at the end of each UTC day, indexed by day (its first midnight).

    A bar that ends at midnight belongs to the day that ends there. The capital stands on the day before.
    """
    return result.daily_equity


def daily_returns(result: Result) -> pd.Series:
    """Simple returns of UTC days, indexed by day.

    A day that follows missing days is left out: what happened in between did not happen on that day.
    """
    returns = result.returns
    days = result.daily_equity.index
    return returns.set_axis(days[1:])[days.diff()[1:] == DAY]


def labels(results: Sequence[Result]) -> list[str]:
    """A name for each result, no two alike: its class; where one comes twice, what differs too.

    Beside perpetuals, what is bought is said to be "at spot".
    """
    perps = any(result.execution.perps for result in results)
    places = ["" if result.execution.perps or not perps else " at spot" for result in results]
    names = [f"{result.name}{place}" for result, place in zip(results, places, strict=True)]
    full = [
        f"{_distinct(result, results)}{place}" if names.count(name) > 1 else name
        for result, name, place in zip(results, names, places, strict=True)
    ]
    return [f"{name} #{full[:i].count(name) + 1}" if full.count(name) > 1 else name for i, name in enumerate(full)]


def with_benchmarks(results: Sequence[Result]) -> list[Result]:
    """The results, and behind them each benchmark that is not one of them."""
    everything = list(results)
    for result in results:
        if result.benchmark and not any(same_run(result.benchmark, other) for other in everything):
            everything.append(result.benchmark)
    return everything


def same_run(one: Result, other: Result) -> bool:
    """Whether two results are of one strategy, traded in the same way: a perpetual is not the asset itself."""
    return one.strategy == other.strategy and one.execution.perps == other.execution.perps


def shown_metrics(results: Sequence[Result]) -> list[Metric]:
    """The METRICS that tables of `results` show: those of perpetuals only where one of them trades perpetuals."""
    perps = any(result.execution.perps for result in results)
    return [metric for metric in METRICS if perps or not metric.perps]


def comparison_frame(results: Sequence[Result]) -> pd.DataFrame:
    """METRICS as text: a row per metric (its label), a column per result and then per benchmark."""
    everything = with_benchmarks(results)
    shown = shown_metrics(everything)
    columns = {
        label: [metric.text(result.metrics[metric.name]) for metric in shown]
        for label, result in zip(labels(everything), everything, strict=True)
    }
    return pd.DataFrame(columns, index=pd.Index([metric.label for metric in shown], name="metric"))


def _distinct(result: Result, results: Sequence[Result]) -> str:
    own = parameters(result.strategy)
    twins = [parameters(other.strategy) for other in results if type(other.strategy) is type(result.strategy)]
    differing = [f"{n}={v!r}" for n, v in own.items() if any(twin[n] != v for twin in twins)]
    return f"{result.name}({', '.join(differing)})" if differing else result.name


def _ratio(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator > ROUNDING else float("nan")


def _deviation(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def _covariance(left: np.ndarray, right: np.ndarray) -> float:
    return float(np.cov(left, right)[0, 1]) if len(left) > 1 else float("nan")


def _time_mean(result: Result, values: np.ndarray) -> float:
    # What is held in a bar is held from its open until the next bar's open, where it can be traded again.
    held = np.diff(result.tape.open_times, append=result.tape.known_at[-1].value)
    return float(np.average(values, weights=held))


def _a_year(result: Result, dollars: float) -> float:
    """$ of the whole window as a fraction of mean equity a year; NaN where there never was any."""
    return _ratio(dollars, _time_mean(result, result.equity.to_numpy()[1:])) / result.years


def _entries(result: Result) -> tuple[np.ndarray, np.ndarray]:
    """The bars at which decisions filled, and the gross exposure that each wanted."""
    rows = result.execution.fill_rows(result.decisions.index.asi8, result.tape.open_times)
    last = np.append(rows[1:] != rows[:-1], True) & (rows < len(result.tape.open_times))
    return rows[last], np.abs(result.decisions.to_numpy()).sum(axis=1)[last]


def _worth_in_cash(result: Result) -> np.ndarray:
    """What the book is worth at each bar's open, before it trades, and at the end, in deposits of cash."""
    opens = result.tape.opens
    held, cash = result.units.to_numpy()[:-1], result.cash.to_numpy()[:-1]
    at_open = np.concatenate([[result.execution.capital], cash + (held * opens.to_numpy()[1:]).sum(axis=1)])
    worth = np.append(at_open, result.equity.iloc[-1])
    if result.ruined_at is not None:  # at the open of the bar that ruined it, a gap may have made it less than nothing
        times = np.append(result.tape.open_times, result.tape.known_at[-1].value)
        worth = np.where(times < result.ruined_at.value, np.maximum(worth, 0.0), 0.0)
    if CASH not in opens:
        return worth
    return np.asarray(worth / np.append(opens[CASH].to_numpy(), result.tape.closes[CASH].iloc[-1]))


def _beside_benchmark(result: Result) -> tuple[np.ndarray, np.ndarray, float]:
    """Excess returns of the book and its benchmark where both are marked, and how many a year has."""
    if result.benchmark is None:
        return np.empty(0), np.empty(0), float("nan")
    cash = pd.Series(np.cumprod(np.append(1.0, 1 + result.cash_returns)), index=result.equity.index)
    curves = {"book": result.equity, "market": result.benchmark.equity, "cash": cash}
    marks = pd.concat(curves, axis=1, join="inner")
    book, market, deposit = (changes(marks[name]).to_numpy() for name in marks)
    years = (marks.index[-1] - marks.index[0]) / YEAR if len(marks) > 1 else float("nan")
    return book - deposit, market - deposit, len(book) / years
