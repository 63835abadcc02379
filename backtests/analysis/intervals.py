"""Between what bounds a metric lies where days are drawn again: intervals of METRICS by the stationary bootstrap.

A row of INTERVALS is the metric of the same name, for many resamples of days at once; on the days themselves and daily
bars it is that metric. What is no function of the days' returns, such as turnover, has no interval. Nor has the best or
the worst day: no resample holds a better or a worse one than there was, so its bounds would be wrong however long the
history (Bickel and Freedman, Annals of Statistics 9, 1981).

An interval knows nothing of how a strategy was chosen: of the best of many trials it lies too high.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd

from backtests.metrics import DAY, METRICS, ROUNDING, days_of
from backtests.result import Result
from backtests.statistics.bootstrap import FEWEST_BARS, block_length, draws
from backtests.tape import YEAR

LEVEL, REPS, SEED = 0.90, 1_000, 0
AHEAD = "ahead"
# So many resamples are worked on at a time: what they need stays in the processor's cache.
AT_ONCE = 50


@dataclass(frozen=True)
class Resamples:
    """Days drawn again, a row per resample; simple returns, each array of shape (n_resamples, n_days).

    returns : of the book      excess : over cash      market : the benchmark's over cash, NaN where there is none
    whole : whether each is the return of its day alone; not where days before it are missing, whose return it holds too
    years : that the days took
    """

    returns: np.ndarray
    excess: np.ndarray
    market: np.ndarray
    whole: np.ndarray
    years: float

    @property
    def per_year(self) -> float:
        """Days a year; fewer than 365 where some are missing."""
        return float(self.returns.shape[1] / self.years)

    @cached_property
    def below_peak(self) -> np.ndarray:
        """Equity over its highest value so far, minus 1, at the start and after each day."""
        n, days = self.returns.shape
        equity = np.ones((n, days + 1))
        np.cumprod(1 + self.returns, axis=1, out=equity[:, 1:])
        equity /= np.maximum.accumulate(equity, axis=1)
        equity -= 1
        return equity

    # What several metrics are made of, each counted once.

    @cached_property
    def total(self) -> np.ndarray:
        """The product of 1 + return, minus 1."""
        return np.asarray(np.prod(1 + self.returns, axis=1) - 1)

    @cached_property
    def mean_excess(self) -> np.ndarray:
        """Mean of excess returns."""
        return np.asarray(self.excess.mean(axis=1))

    @cached_property
    def deviation(self) -> np.ndarray:
        """Standard deviation of returns."""
        return np.asarray(self.returns.std(axis=1, ddof=1))

    @cached_property
    def deviation_excess(self) -> np.ndarray:
        """Standard deviation of excess returns: that of returns where cash earns nothing."""
        return self.deviation if self.excess is self.returns else np.asarray(self.excess.std(axis=1, ddof=1))

    @cached_property
    def variance_market(self) -> np.ndarray:
        """Variance of the benchmark's excess returns."""
        return np.asarray(self.market.var(axis=1, ddof=1))

    @cached_property
    def covariance(self) -> np.ndarray:
        """Covariance of excess returns with the benchmark's."""
        away = self.excess - self.mean_excess[:, None]
        return np.asarray((away * self.market).sum(axis=1) / (self.excess.shape[1] - 1))


def total_return(of: Resamples) -> np.ndarray:
    """The product of 1 + return, minus 1."""
    return of.total


def cagr(of: Resamples) -> np.ndarray:
    """The total return, a year."""
    with np.errstate(over="ignore", divide="ignore"):
        growth = np.expm1(np.log1p(of.total) / of.years)
    return np.where(np.isfinite(growth), growth, np.nan)


def volatility(of: Resamples) -> np.ndarray:
    """Standard deviation of returns, a year."""
    return np.asarray(of.deviation * np.sqrt(of.per_year))


def sharpe(of: Resamples) -> np.ndarray:
    """Mean over standard deviation of excess returns, a year.

    A resample that never departs from cash has none of its excess: 0, as where a sweep is judged.
    """
    return np.asarray(_ratio(of.mean_excess, of.deviation_excess, 0.0) * of.per_year**0.5)


def sharpe_ahead(of: Resamples) -> np.ndarray:
    """The Sharpe ratio less the benchmark's, in the same days; NaN where there is no benchmark."""
    mean = of.market.mean(axis=1)
    market = _ratio(mean, np.sqrt(of.variance_market), 0.0) * of.per_year**0.5
    return np.where(np.isnan(mean), np.nan, sharpe(of) - market)


def sortino(of: Resamples) -> np.ndarray:
    """Mean over downside deviation of excess returns, a year."""
    downside = np.sqrt((np.minimum(of.excess, 0) ** 2).mean(axis=1))
    return np.asarray(_ratio(of.mean_excess, downside) * of.per_year**0.5)


def calmar(of: Resamples) -> np.ndarray:
    """Annual growth over the maximum drawdown."""
    return _ratio(cagr(of), max_drawdown(of))


def max_drawdown(of: Resamples) -> np.ndarray:
    """The largest fraction of equity lost since an earlier peak; positive."""
    return np.asarray(-of.below_peak.min(axis=1))


def max_drawdown_days(of: Resamples) -> np.ndarray:
    """Days from a peak until equity is back at it, or until the end: the longest."""
    under = of.below_peak < 0
    rows = np.arange(under.shape[1], dtype=np.int32)
    peak = np.maximum.accumulate(np.where(under, 0, rows), axis=1)
    since = rows[1:] - peak[:, :-1]
    longest = np.where(under[:, 1:] | under[:, :-1], since, 0).max(axis=1)
    return np.asarray(longest.astype(np.int64) * 365 / of.per_year)


def skew(of: Resamples) -> np.ndarray:
    """Skewness of the returns of whole days, corrected for sample size."""
    n = of.whole.sum(axis=1)
    counted = of.returns if of.whole.all() else of.returns * of.whole
    mean = counted.sum(axis=1) / np.maximum(n, 1)
    away = of.returns - mean[:, None]
    away = away if counted is of.returns else away * of.whole
    defined = n > 2
    count = np.where(defined, n, 3)
    squared = away * away
    variance = squared.sum(axis=1) / count
    corrected = (squared * away).sum(axis=1) / count * np.sqrt(count * (count - 1)) / (count - 2)
    defined &= variance > ROUNDING**2
    return np.where(defined, corrected / np.where(defined, variance, 1) ** 1.5, np.nan)


def tail(of: Resamples) -> np.ndarray:
    """The mean return of the worst 5 % of whole days."""
    worst = np.ceil(0.05 * of.whole.sum(axis=1)).astype(int)
    most = max(1, int(worst.max()))
    lowest = np.partition(np.where(of.whole, of.returns, np.inf), most - 1, axis=1)[:, :most]
    if (worst == most).all():  # as many in every resample: their order does not matter
        return np.asarray(lowest.mean(axis=1))
    taken = np.where(np.arange(most) < worst[:, None], np.sort(lowest, axis=1), 0.0).sum(axis=1)
    return np.where(worst > 0, taken / np.maximum(worst, 1), np.nan)


def beta(of: Resamples) -> np.ndarray:
    """Covariance of excess returns with the benchmark's, over the variance of the benchmark's."""
    return _ratio(of.covariance, of.variance_market)


def alpha(of: Resamples) -> np.ndarray:
    """Mean excess return less beta times the benchmark's, a year."""
    return np.asarray((of.mean_excess - beta(of) * of.market.mean(axis=1)) * of.per_year)


def correlation(of: Resamples) -> np.ndarray:
    """Correlation of excess returns with the benchmark's."""
    return _ratio(of.covariance, of.deviation_excess * np.sqrt(of.variance_market))


# By the name of the metric.
INTERVALS: dict[str, Callable[[Resamples], np.ndarray]] = {
    formula.__name__: formula
    for formula in (
        total_return,
        cagr,
        volatility,
        sharpe,
        sortino,
        calmar,
        max_drawdown,
        max_drawdown_days,
        skew,
        tail,
        beta,
        alpha,
        correlation,
    )
}


@dataclass(frozen=True)
class Intervals:
    """What came of drawing a result's days again.

    table : a row per metric of METRICS; columns estimate (the metric itself), low, high: NaN where there is no interval
    block : mean length of the blocks in days, 0 where nothing could be drawn      days : how many there are
    ahead : between what bounds the Sharpe ratio lies less the benchmark's; NaN without a benchmark or an interval
    """

    table: pd.DataFrame
    block: int
    days: int
    ahead: tuple[float, float] = (np.nan, np.nan)


def intervals(result: Result, level: float = LEVEL, reps: int = REPS, seed: int = SEED) -> Intervals:
    """Intervals of METRICS by percentiles of `reps` resamples; the benchmark's days are drawn with the book's.

    Blocks are as long as the excess returns of the book or of the benchmark ask for, whichever is longer. A bound is
    NaN where some resample leaves the metric undefined. Fewer than 30 days, an equity that never departs from cash or a
    ruined book have no intervals: what came before its last day is no sample of what comes after.
    """
    days = _days(result)
    table = pd.DataFrame({"estimate": result.metrics}, [metric.name for metric in METRICS]).rename_axis("metric")
    block = _block(days) if len(days) >= FEWEST_BARS and result.ruined_at is None else 0
    if block == 0:
        return Intervals(table.assign(low=np.nan, high=np.nan), 0, len(days))
    rows = _rows(len(days), block, reps, seed)
    found = [evaluated(part) | {AHEAD: sharpe_ahead(part)} for part in _resamples(days, rows)]
    values = {name: np.concatenate([each[name] for each in found]) for name in (*INTERVALS, AHEAD)}
    bounds = {name: np.percentile(each, [50 * (1 - level), 50 * (1 + level)]) for name, each in values.items()}
    low, high = bounds.pop(AHEAD).tolist()
    table = table.join(pd.DataFrame.from_dict(bounds, "index", columns=["low", "high"]))
    return Intervals(table, block=block, days=len(days), ahead=(low, high))


def evaluated(of: Resamples) -> dict[str, np.ndarray]:
    """Every metric of INTERVALS, each of shape (n_resamples,)."""
    return {name: formula(of) for name, formula in INTERVALS.items()}


def daily_excess(result: Result) -> pd.Series:
    """Returns of UTC days over what idle cash earned in them, indexed as `Result.returns`."""
    days = days_of(result.tape.known_at)
    kept = (1 + result.cash_returns).groupby(days).prod() - 1
    return result.returns - kept.to_numpy()


def as_they_were(result: Result) -> Resamples:
    """The days of `result` in their own order, as one resample."""
    days = _days(result)
    return next(_resamples(days, np.arange(len(days))[None]))


def _days(result: Result) -> pd.DataFrame:
    """Columns returns, excess, market and whole of the days; where the benchmark lacks some there is no market."""
    excess = daily_excess(result)
    after = result.returns.index.diff()
    days = pd.DataFrame({"returns": result.returns, "excess": excess, "whole": (after == DAY) | after.isna()})
    market = daily_excess(result.benchmark).reindex(days.index) if result.benchmark else None
    return days.assign(market=np.nan if market is None or market.isna().any() else market)


def _resamples(days: pd.DataFrame, rows: np.ndarray) -> Iterator[Resamples]:
    years = (days.index[-1] - days.index[0] + DAY) / YEAR
    returns, excess, market = (days[name].to_numpy(float) for name in ("returns", "excess", "market"))
    whole, idle = days["whole"].to_numpy(bool), np.array_equal(returns, excess)  # idle cash earns nothing
    for start in range(0, len(rows), AT_ONCE):
        taken = rows[start : start + AT_ONCE]
        drawn = returns[taken]
        yield Resamples(drawn, drawn if idle else excess[taken], market[taken], whole[taken], years)


def _block(days: pd.DataFrame) -> int:
    columns = [days[name].to_numpy() for name in ("excess", "market")]
    return max((block_length(column) for column in columns if column.std() > ROUNDING), default=0)


@lru_cache(maxsize=4)
def _rows(n_days: int, block: int, reps: int, seed: int) -> np.ndarray:
    """Which days each resample takes, shape (reps, n_days): the same ones for strategies over the same days."""
    return np.stack([rows.astype(np.int32) for rows in draws(n_days, block, reps, seed)])


def _ratio(numerator: np.ndarray, denominator: np.ndarray, undefined: float = np.nan) -> np.ndarray:
    defined = denominator > ROUNDING
    return np.where(defined, numerator / np.where(defined, denominator, 1.0), undefined)
