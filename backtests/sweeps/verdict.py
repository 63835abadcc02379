"""The verdict on a sweep: how much of its best is selection, how much luck, and within what bounds it lies.

Which trial is best, and the placebo, go by the objective of the sweep; the other statistics by Sharpe ratios or by mean
returns, as their papers have it. `STATISTICS` is the table from which every report follows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan, nan

import numpy as np
import pandas as pd

from backtests.statistics.placebo import Placebo
from backtests.sweeps.evidence import (
    ROTATIONS,
    Evidence,
    Found,
    Unavailable,
    bounds,
    cross_validation,
    deflated,
    effective_number,
    minimum_years,
    placebo_test,
    superior,
    undeflated,
)
from backtests.sweeps.trials import Watching, unwatched

INTERVALS = ("sharpe", "cagr", "max_drawdown")


@dataclass(frozen=True)
class Verdict:
    """The overfitting statistics of a sweep; `STATISTICS` says what they mean.

    best : number of the best trial, -1 for none
    trials : distinct ones of the family on overlapping windows, from the ledger
    effective : the effective number of this sweep's trials, judged by `clustered_of` of them
    sharpe : of the best, a year      probabilistic, deflated, deflated_effective : PSR, and DSR with either number
    overfitting, slope, loss : PBO and what else comes of cross-validation in so many `blocks`
    spa_lower, spa, spa_upper : p-values      better : how many trials the stepwise test accepts at 5 %
    block, reps : of the bootstrap of these tests: mean length in days, and resamples
    intervals : of the best, 90 %: index metric (INTERVALS, of excess returns of days), columns estimate, low, high
    placebo : of the best of `placebo_trials` trials, each rotation choosing its own best; None where skipped
    skipped : by name (of STATISTICS, or intervals), why a statistic is NaN, None or, if it counts, 0; a clause each
    """

    best: int
    trials: int
    effective: float
    clustered_of: int
    sharpe: float
    probabilistic: float
    deflated: float
    deflated_effective: float
    minimum_years: float
    overfitting: float
    slope: float
    loss: float
    blocks: int
    spa_lower: float
    spa: float
    spa_upper: float
    better: int
    block: int
    reps: int
    intervals: pd.DataFrame
    placebo: Placebo | None
    placebo_trials: int
    skipped: dict[str, str]

    def summary(self) -> dict[str, object]:
        """As plain values for JSON: STATISTICS by name, None for what was skipped, and how they were made."""
        made = {name: getattr(self, name) for name in ("clustered_of", "blocks", "block", "reps", "placebo_trials")}
        rows = self.intervals.to_dict("index").items()
        intervals = {str(name): {str(column): _plain(v) for column, v in row.items()} for name, row in rows}
        told = {row.name: _plain(row.value(self)) for row in STATISTICS}
        return {"best": self.best, **told, **made, "intervals": intervals, "skipped": dict(self.skipped)}


@dataclass(frozen=True)
class Statistic:
    """A row of the table.

    name : of a Verdict's field      short : what the number is, for one line of a terminal
    definition : what it means, in a sentence with its paper
    """

    name: str
    label: str
    format: str
    short: str
    definition: str

    def value(self, verdict: Verdict) -> float:
        """The number, NaN where it was skipped; of the placebo, its p-value."""
        if self.name in verdict.skipped:
            return nan
        found = getattr(verdict, self.name)
        return float(found.p_value if isinstance(found, Placebo) else found)

    def text(self, verdict: Verdict) -> str:
        """The number as reports print it; a dash where it was skipped."""
        value = self.value(verdict)
        return "–" if isnan(value) else format(value, f"z{self.format}")


STATISTICS: tuple[Statistic, ...] = (
    Statistic(
        "trials",
        "Trials",
        ",.0f",
        "distinct trials of this strategy on these years, ever",
        "Distinct trials of this strategy on these years, by whatever command: the best was chosen among all of them.",
    ),
    Statistic(
        "effective",
        "Effective trials",
        ",.1f",
        "independent trials that those of this sweep amount to",
        "How many independent trials this sweep's amount to: clusters of correlated returns (López de Prado and Lewis "
        "2019) or, where these do not part, the participation ratio (Bretherton et al. 1999).",
    ),
    Statistic(
        "sharpe",
        "Sharpe ratio of the best",
        ".2f",
        "a year, in excess of cash",
        "A year, in excess of cash (Sharpe 1994).",
    ),
    Statistic(
        "probabilistic",
        "Probabilistic Sharpe ratio",
        ".3f",
        "chance that the true one is above 0, had it been alone",
        "The probability that its true Sharpe ratio is above 0, had it been the only trial (Bailey and López de Prado "
        "2012).",
    ),
    Statistic(
        "deflated",
        "Deflated Sharpe ratio",
        ".3f",
        "the same, as the best of all; below 0.95 it may be luck",
        "The same probability, knowing that it is the best of all trials; below 0.95, luck may explain it (Bailey and "
        "López de Prado 2014).",
    ),
    Statistic(
        "deflated_effective",
        "Deflated, effective trials",
        ".3f",
        "the same, as the best of the effective trials; lenient",
        "The same, counting trials that resemble each other as one: the effective number (López de Prado and Lewis "
        "2019); lenient, for their Sharpe ratios vary less than those of independent trials.",
    ),
    Statistic(
        "minimum_years",
        "Minimum backtest length, years",
        ",.1f",
        "on fewer, the best of so many without skill is as good",
        "On fewer years than this, the best of so many trials without skill is expected to reach this Sharpe ratio "
        "(Bailey, Borwein, López de Prado and Zhu 2014).",
    ),
    Statistic(
        "overfitting",
        "Probability of overfitting",
        ".3f",
        "best on one half, no better than the median on the other",
        "How often the trial that is best on one half of the history is no better than the median trial on the other; "
        "of noise, one half (PBO by CSCV: Bailey, Borwein, López de Prado and Zhu 2017).",
    ),
    Statistic(
        "slope",
        "Slope of outside on inside",
        ".2f",
        "Sharpe ratio gained outside per point of it inside",
        "What one more point of Sharpe ratio on the half that chose was worth on the other; below 0, the better the "
        "worse (CSCV, as above).",
    ),
    Statistic(
        "loss",
        "Probability of loss",
        ".3f",
        "best on one half, loses against cash on the other",
        "How often the trial that is best on one half of the history loses against cash on the other (CSCV, as above).",
    ),
    Statistic(
        "spa",
        "Superior predictive ability, p",
        ".3f",
        "by mean return, risk aside: chance of this if none is better",
        "If no trial had a higher mean daily return than the benchmark, the best would still look as good as this with "
        "this probability; returns are in excess of cash, and not adjusted for risk (Hansen 2005).",
    ),
    Statistic(
        "spa_lower",
        "The same, lower bound",
        ".3f",
        "if trials worse than the benchmark are as bad as they look",
        "If trials that did worse than the benchmark are as bad as they look (Hansen 2005).",
    ),
    Statistic(
        "spa_upper",
        "The same, upper bound",
        ".3f",
        "if all of them are as good as the benchmark",
        "If all of them are as good as the benchmark: White's reality check, studentised (White 2000; Hansen 2005).",
    ),
    Statistic(
        "better",
        "Trials that beat the benchmark",
        ",.0f",
        "by mean return, risk aside; 5 % chance that any is wrong",
        "Each of them tested by its mean daily return, in excess of cash and not adjusted for risk, with a chance of "
        "at most 5 % that any is wrongly among them (Romano and Wolf 2005).",
    ),
    Statistic(
        "placebo",
        "Placebo test, p",
        ".3f",
        "how often the best is as good with orders at a wrong time",
        "How often the best of the same trials, of many a part of them evenly spread, does at least as well when their "
        "orders are shifted to the wrong time (Davison and Hinkley 1997).",
    ),
)


def verdict(evidence: Evidence, seed: int, watch: Watching = unwatched) -> Verdict:
    """All statistics of a sweep; `watch` is told how many of how many steps are done.

    What can not be had is NaN with a clause in `skipped`. Raises what reading the returns raises.
    """
    made = _Collected(evidence, watch)
    made.add(["effective"], lambda: effective_number(evidence, seed))
    made.add(["sharpe", "probabilistic"], lambda: undeflated(evidence))
    made.add(["deflated"], lambda: {"deflated": deflated(evidence, len(evidence.tried))})
    made.add(["deflated_effective"], lambda: {"deflated_effective": deflated(evidence, made.effective())})
    made.add(["minimum_years"], lambda: minimum_years(evidence))
    made.add(["overfitting", "slope", "loss"], lambda: cross_validation(evidence))
    made.add(["spa_lower", "spa", "spa_upper", "better"], lambda: superior(evidence, seed))
    made.add(["intervals"], lambda: bounds(evidence, seed))
    made.add(["placebo"], lambda: placebo_test(evidence, seed, made.step))
    return Verdict(**made.found, skipped=made.skipped)  # type: ignore[arg-type]


# What stands for a statistic that was skipped where it is not NaN, and for how it was made.
_NONE: Mapping[str, object] = {
    **dict.fromkeys(("clustered_of", "blocks", "better", "block", "reps", "placebo_trials"), 0),
    "placebo": None,
    "intervals": pd.DataFrame(
        np.nan, index=pd.Index(INTERVALS, name="metric"), columns=pd.Index(["estimate", "low", "high"])
    ),
}
_PARTS = 9


@dataclass
class _Collected:
    """What was found so far, what was skipped, and how many steps were made."""

    evidence: Evidence
    watch: Watching
    found: Found = field(init=False)
    skipped: dict[str, str] = field(default_factory=dict)
    done: int = 0

    def __post_init__(self) -> None:
        self.found = {**_NONE, "best": self.evidence.best, "trials": len(self.evidence.tried)}

    def add(self, names: Sequence[str], make: Callable[[], Found]) -> None:
        """Enter what `make` gives, or why it gives nothing, all of it or a part."""
        try:
            made = make()
        except Unavailable as reason:
            made = dict.fromkeys(names, reason)
        for name, value in made.items():
            if isinstance(value, Unavailable):
                self.skipped[name], self.found[name] = str(value), _NONE.get(name, nan)
            else:
                self.found[name] = value
        self.step()

    def step(self) -> None:
        """Count a step."""
        self.done += 1
        steps = _PARTS + ROTATIONS * (self.evidence.rotated_scores is not None)
        self.watch(self.done, max(steps, self.done))

    def effective(self) -> float:
        """The effective number of trials. Raises Unavailable where it was skipped."""
        if "effective" in self.skipped:
            raise Unavailable(self.skipped["effective"])
        return self.found["effective"]  # type: ignore[return-value]


def _plain(value: float) -> float | None:
    return None if isnan(value) else value
