"""What a sweep leaves behind, and the statistics that follow from it, each with what it needs to be one.

They work on excess returns of UTC days, whatever the bars, read some trials at a time; only the probabilistic and the
deflated Sharpe ratio work on moments of the bars, as the ratio itself does.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import isnan

import numpy as np
import pandas as pd

from backtests.ledger import tried_variance
from backtests.statistics.bootstrap import block_length, intervals
from backtests.statistics.effective_trials import effective_trials
from backtests.statistics.overfitting import (
    BlockSums,
    Moments,
    block_count,
    block_sums,
    cross_validate,
    deflated_sharpe,
    joined,
    minimum_backtest_years,
    probabilistic_sharpe,
)
from backtests.statistics.placebo import least_shift, placebo
from backtests.statistics.returns import ROUNDING, cagr, checked_blocks, max_drawdown, sharpe, spread
from backtests.statistics.superiority import departing, superiority
from backtests.sweeps.trials import DailyReturns, ruined
from data_cache.errors import BadUsage

# A month: below it, blocks of days say nothing.
FEWEST_DAYS = 32
# So many trials are clustered: every pair has a distance.
CLUSTERED = 1_000
REPS, ROTATIONS, LEVEL = 1_000, 199, 0.90

Found = dict[str, object]


class Unavailable(Exception):
    """Why a statistic can not be had, in a clause."""


@dataclass(frozen=True)
class Evidence:
    """What a sweep leaves behind to be judged.

    returns : excess returns by day of all trials without a problem
    table : a row per trial, indexed by number, of MEASURES at least; moments are of the excess returns of bars
    scores : of the same trials, higher is better, NaN for none
    benchmark : its excess returns by day, shape (n_days,)      bars, bars_a_year : of the tape
    tried : what the ledger holds of distinct trials of the family on overlapping windows, this sweep's included: a row
    each, columns RATIO of the ledger
    window : of the tape, from its first open to its last bar's end
    rotated_scores : scores of some trials, shape (n,), after their orders were rotated by so many bars
    (`rotation.rotated`; 0 is the truth); always the same trials, chosen without regard to their scores, so not the best
    ones. None to leave the placebo out
    """

    returns: DailyReturns
    table: pd.DataFrame
    scores: pd.Series
    benchmark: np.ndarray
    bars: int
    bars_a_year: float
    tried: pd.DataFrame
    window: tuple[pd.Timestamp, pd.Timestamp]
    rotated_scores: Callable[[int], np.ndarray] | None = None

    def __post_init__(self) -> None:
        if len(self.tried) == 0:
            raise BadUsage("the ledger holds no trial of this sweep; add its records before it is judged")
        if not self.table.index.equals(self.scores.index):
            raise BadUsage("table and scores must have the same trials in the same order")
        if len(self.benchmark) != len(self.returns.days):
            raise BadUsage(
                f"the returns have {len(self.returns.days)} days and the benchmark {len(self.benchmark)}; "
                "cut both to the same days"
            )

    @cached_property
    def best(self) -> int:
        """The number of the trial with the highest score, the first of several; -1 where none has a score."""
        return -1 if self.scores.isna().all() else int(self.scores.idxmax())

    @property
    def ruined(self) -> np.ndarray:
        """The numbers of the trials that were ruined."""
        return np.asarray(self.table.index[ruined(self.table)])

    @property
    def days_a_year(self) -> float:
        """Days of the history per year of 365 days; fewer where days are missing."""
        days = self.returns.days
        return float(365 * len(days) / ((days[-1] - days[0]) / pd.Timedelta(days=1) + 1))

    @cached_property
    def moments(self) -> Moments:
        """Of the excess returns of the best trial's bars. Raises Unavailable where they have none."""
        self.need_best()
        numbers = self.table.loc[self.best, ["mean", "deviation", "skewness", "kurtosis"]].to_numpy(float)
        need(not np.isnan([*numbers, self.sharpe]).any(), "the returns of the best trial do not vary")
        mean, deviation, skewness, kurtosis = numbers.tolist()
        return Moments(self.bars, mean / deviation, skewness, kurtosis)

    @property
    def sharpe(self) -> float:
        """Of the best trial, a year."""
        return float(self.table["sharpe"][self.best])

    def need_best(self) -> None:
        """Raise Unavailable where no trial has a score."""
        need(self.best >= 0, "no trial has a score")

    def need_days(self) -> None:
        """Raise Unavailable for a history too short for blocks of days."""
        days = len(self.returns.days)
        need(days >= FEWEST_DAYS, f"the history has {days} days, and fewer than {FEWEST_DAYS} say nothing")

    def need_trials(self, least: int = 1) -> None:
        """Raise Unavailable for fewer trials with returns."""
        count = len(self.returns.numbers)
        need(count >= least, "no trial has returns" if count == 0 else "there was one trial, and nothing to choose")


class Surviving:
    """Of some daily returns those of trials that were not ruined; `gone` are the numbers of those that were."""

    def __init__(self, returns: DailyReturns, gone: np.ndarray) -> None:
        self._all, self._kept = returns, ~np.isin(returns.numbers, gone)
        self.days, self.numbers, self.take = returns.days, returns.numbers[self._kept], returns.take

    def blocks(self) -> Iterator[np.ndarray]:
        """Arrays of shape (n_days, some trials), as they are where no trial of them was ruined."""
        start = 0
        for block in self._all.blocks():
            kept = self._kept[start : start + block.shape[1]]
            start += block.shape[1]
            if kept.any():
                yield block if kept.all() else block[:, kept]


def need(given: bool, clause: str) -> None:
    """Raise Unavailable unless `given`."""
    if not given:
        raise Unavailable(clause)


def effective_number(evidence: Evidence, seed: int) -> Found:
    """Of at most a thousand trials, one at random from each of as many equal stretches of numbers."""
    evidence.need_days()
    evidence.need_trials()
    numbers = evidence.returns.numbers
    chosen = numbers[spread(len(numbers), CLUSTERED, seed)]
    count = effective_trials(evidence.returns.take(chosen), among=len(numbers)).count
    return {"effective": count, "clustered_of": len(chosen)}


def undeflated(evidence: Evidence) -> Found:
    """The Sharpe ratio of the best trial, and its PSR."""
    chance = probabilistic_sharpe(evidence.moments)
    clause = "the best trial's skewness and kurtosis leave its Sharpe ratio without a standard error"
    return {"sharpe": evidence.sharpe, "probabilistic": Unavailable(clause) if isnan(chance) else chance}


def deflated(evidence: Evidence, trials: float) -> float:
    """DSR of the best of so many trials, from the variance of the Sharpe ratios in the ledger.

    Trials without a ratio count, but have no part in the variance; those of windows that share less than half with this
    one count as trials without skill (`tried_variance`). Where one trial alone was ever
    run, nothing was chosen and nothing is deflated. For an effective number the variance is too small, being that of
    trials that resemble each other: of fifty rules in one market without skill, with correlations of one half, 15 % of
    the best have 0.95 with it, 1 % with the count.
    """
    of = evidence.moments
    variance = tried_variance(evidence.tried, evidence.bars, evidence.window)
    chance = deflated_sharpe(of, trials, variance)
    need(not isnan(chance), "the best trial's skewness and kurtosis leave its Sharpe ratio without a standard error")
    return chance


def minimum_years(evidence: Evidence) -> Found:
    """MinBTL of the best trial's Sharpe ratio."""
    need(evidence.moments.sharpe > 0, "the best trial's Sharpe ratio is not above zero")
    return {"minimum_years": minimum_backtest_years(len(evidence.tried), evidence.sharpe)}


def cross_validation(evidence: Evidence) -> Found:
    """PBO, and how the best on one half of the days does on the other."""
    evidence.need_days()
    evidence.need_trials(2)
    blocks = block_count(len(evidence.returns.days), len(evidence.returns.numbers))
    sums = joined([block_sums(block, blocks) for _, block in checked_blocks(evidence.returns)])
    need(not _alike(sums), "all trials have the same returns, so there was nothing to choose")
    split = cross_validate(sums)
    slope = split.degradation[1]
    clause = "what is best has the same Sharpe ratio on every half of the history"
    return {
        "overfitting": split.overfitting,
        "slope": Unavailable(clause) if isnan(slope) else slope,
        "loss": split.loss,
        "blocks": blocks,
    }


def _alike(sums: BlockSums) -> bool:
    """Whether no trial differs from another in any block."""
    parts = (sums.sums, sums.squares)
    return all(bool((np.ptp(part, axis=1) <= ROUNDING * np.abs(part).max(axis=1)).all()) for part in parts)


def superior(evidence: Evidence, seed: int) -> Found:
    """SPA and the stepwise test against the benchmark, of the trials that were not ruined.

    The mean of a ruined trial's simple returns may be high. What it is worth is nothing: it is left out, as Hansen's
    consistent test leaves out what is hopeless.
    """
    evidence.need_days()
    evidence.need_trials()
    returns = Surviving(evidence.returns, evidence.ruined)
    need(len(returns.numbers) > 0, "every trial was ruined")
    some = departing(returns, evidence.benchmark)
    need(some.shape[1] > 0, "no trial departs from the benchmark")
    test = superiority(returns, evidence.benchmark, seed, REPS, block_length(some))
    pvalues: Found = {"spa_lower": test.p_lower, "spa": test.p_value, "spa_upper": test.p_upper}
    return pvalues | {"better": int(test.better.sum()), "block": test.block, "reps": REPS}


def bounds(evidence: Evidence, seed: int) -> Found:
    """Intervals of the best trial; blocks are as long as its own returns ask for."""
    evidence.need_days()
    evidence.need_best()
    own = evidence.returns.take([evidence.best])[:, 0].astype(float)
    need(not isnan(sharpe(own, 1)), "the returns of the best trial do not vary")
    year = evidence.days_a_year
    metrics = {
        # A resample without a bar in the market is cash, and has none of its excess: 0, as in cross-validation.
        "sharpe": lambda returns: np.nan_to_num(sharpe(returns, year)),
        "cagr": lambda returns: cagr(returns, year),
        "max_drawdown": max_drawdown,
    }
    return {"intervals": intervals(own, metrics, seed, LEVEL, REPS)}


def placebo_test(evidence: Evidence, seed: int, watch: Callable[[], None]) -> Found:
    """The best of some trials beside the best of them at every one of 199 wrong times."""
    scores = evidence.rotated_scores
    if scores is None:
        raise Unavailable("there are no orders that could be rotated")
    evidence.need_days()
    truth = np.asarray(scores(0), float)
    need(not np.isnan(truth).all(), "none of the trials that were to be rotated has a score")
    least = least_shift(evidence.bars, evidence.bars_a_year)
    test = placebo(lambda shift: scores(shift) if shift else truth, evidence.bars, least, ROTATIONS, seed, watch)
    return {"placebo": test, "placebo_trials": len(truth)}
