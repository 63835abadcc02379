"""Combinatorial purged cross-validation: not one path out of sample, but many, each joined from stretches held out.

López de Prado (2018), "Advances in Financial Machine Learning", chapter 12. The days are cut into N groups of the same
length; each of the C(N, k) ways to hold k of them out is a split: the trial with the best Sharpe ratio on the other
groups is chosen, and judged on those held out. Every group is held out in C(N - 1, k - 1) splits, so as many whole
paths can be joined from stretches that did not choose what is judged on them.

skfolio has a splitter of this kind, and would bring cvxpy and scikit-learn for it; `itertools.combinations` and a few
lines do. Of the returns only sums are kept, by the finest stretches that any split tells apart, so that memory does
not grow with the number of days.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise
from math import comb
from typing import Any

import numpy as np
import pandas as pd

from backtests.statistics.returns import ROUNDING
from backtests.sweeps.trials import DailyReturns
from backtests.tape import YEAR
from data_cache.errors import BadUsage, NoData

DAY = pd.Timedelta(days=1)
# More say nothing new, and each looks at every trial.
MOST_SPLITS = 5_000
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Folds:
    """How the days are cut and held out.

    groups : N      held_out : k, of them at once
    purge, embargo : days that are left out of the choice before and after each group held out. A trial holds a
    position for days or weeks, and returns so near each other may stem from one and the same decision.
    """

    groups: int = 6
    held_out: int = 2
    purge: int = 0
    embargo: int = 0

    def __post_init__(self) -> None:
        if self.groups < 2:
            raise BadUsage(f"--groups must be two or more; found {self.groups}")
        if not 1 <= self.held_out < self.groups:
            raise BadUsage(
                f"--held-out must be from 1 to {self.groups - 1}, so that some of the {self.groups} groups are left to "
                f"choose on; found {self.held_out}"
            )
        for name in ("purge", "embargo"):
            if getattr(self, name) < 0:
                raise BadUsage(f"--{name} must be zero or more; found {getattr(self, name)} days")
        if (count := comb(self.groups, self.held_out)) > MOST_SPLITS:
            raise BadUsage(
                f"{self.groups} groups, {self.held_out} held out, make {count:,} splits, more than {MOST_SPLITS:,}; "
                "take fewer --groups"
            )

    @cached_property
    def splits(self) -> list[tuple[int, ...]]:
        """The groups that each split holds out, from 0, in the order of the book's figures."""
        return list(combinations(range(self.groups), self.held_out))

    @cached_property
    def paths(self) -> np.ndarray:
        """The split that each path takes each group from; shape (n_paths, groups).

        The first path takes each group from the first split that holds it out, the second from the second, and so on:
        figure 12.2 of the book.
        """
        holding = [[i for i, held in enumerate(self.splits) if group in held] for group in range(self.groups)]
        return np.array(holding).T

    def edges(self, n_days: int) -> np.ndarray:
        """Where the groups begin, and the end: groups as long as each other or one day longer; shape (groups + 1,)."""
        return np.arange(self.groups + 1) * n_days // self.groups


@dataclass(frozen=True)
class Segments:
    """The finest stretches of days that any split tells apart.

    starts : the first day of each, and the end; shape (n_segments + 1,)
    group : of each      choosing : whether a split chooses on it, shape (n_splits, n_segments)
    """

    starts: np.ndarray
    group: np.ndarray
    choosing: np.ndarray

    @classmethod
    def of(cls, folds: Folds, n_days: int) -> "Segments":
        """Those of `n_days`; BadUsage where a group, or what is left to choose on, has fewer than two days."""
        edges = folds.edges(n_days)
        if np.diff(edges).min() < 2:
            raise BadUsage(f"{n_days} days are too few for {folds.groups} groups of two or more; take fewer --groups")
        cuts = np.concatenate([edges, edges - folds.purge, edges + folds.embargo])
        starts = np.unique(cuts.clip(0, n_days))
        first = starts[:-1]
        near = [(first >= begin - folds.purge) & (first < end + folds.embargo) for begin, end in pairwise(edges)]
        choosing = np.array([~np.logical_or.reduce([near[group] for group in held]) for held in folds.splits])
        fewest = int((choosing @ np.diff(starts)).min())
        if fewest < 2:
            raise BadUsage(
                f"a purge of {folds.purge} days and an embargo of {folds.embargo} leave {fewest} of {n_days} days to "
                "choose on; shorten them, or hold fewer groups out"
            )
        return cls(starts, edges.searchsorted(first, side="right") - 1, choosing)

    @property
    def counts(self) -> np.ndarray:
        """Days in each."""
        return np.diff(self.starts)

    def sums(self, returns: np.ndarray) -> np.ndarray:
        """Sums of returns and of their squares, and on how many days everything was lost, which is one at most.

        Of shape (n_days, n_trials) in, (3, n_segments, n_trials) out.
        """
        exact = returns.astype(float)
        parts = (exact, exact * exact, (exact <= -1).astype(float))
        return np.stack([np.add.reduceat(part, self.starts[:-1], axis=0) for part in parts])


@dataclass(frozen=True)
class PurgedCrossValidation:
    """What came of it. Sharpe ratios are of daily excess returns, a year of 365 days.

    The ratio is 0 for what stayed in cash, and NaN for what was ruined, which is never chosen where anything else is.

    splits : a row per split; columns held_out (the groups, from 0), trial (number of the chosen one), inside and
    outside (its Sharpe ratio where it was chosen and where it was held out)
    paths : the Sharpe ratio of each path, shape (n_paths,)      trials : how many there were to choose among
    edges : the first day of each group and the day after the last
    """

    folds: Folds
    splits: pd.DataFrame
    paths: np.ndarray
    trials: int
    edges: pd.DatetimeIndex

    @property
    def loss(self) -> float:
        """The share of paths that lose money, in excess of cash; those that are ruined do."""
        return float(self.losing / len(self.paths))

    @property
    def ruined(self) -> int:
        """How many paths are ruined."""
        return int(np.isnan(self.paths).sum())

    @property
    def losing(self) -> int:
        """How many paths lose money, in excess of cash, or are ruined."""
        return int((self.paths < 0).sum()) + self.ruined

    @property
    def quantiles(self) -> dict[float, float]:
        """Of the paths' Sharpe ratios, by their level; ruined paths are the worst, and NaN."""
        with np.errstate(invalid="ignore"):
            found = np.quantile(np.nan_to_num(self.paths, nan=-np.inf), QUANTILES)
        return dict(zip(QUANTILES, _known(found).tolist(), strict=True))

    def summary(self) -> dict[str, Any]:
        """As plain values for JSON."""
        folds = self.folds
        return {
            "groups": folds.groups,
            "held_out": folds.held_out,
            "purge_days": folds.purge,
            "embargo_days": folds.embargo,
            "edges": [str(day.date()) for day in self.edges],
            "trials": self.trials,
            "paths": self.paths.tolist(),
            "quantiles": {f"{level:g}": value for level, value in self.quantiles.items()},
            "loss": self.loss,
            "ruined": self.ruined,
            "splits": [row | {"held_out": list(row["held_out"])} for row in self.splits.to_dict("records")],
        }


def cross_validate(returns: DailyReturns, folds: Folds = Folds()) -> PurgedCrossValidation:
    """Choose and judge the trials of a sweep on every split of `folds`."""
    segments = Segments.of(folds, len(returns.days))
    sums = [segments.sums(block) for block in returns.blocks()]
    return judge_splits(folds, segments, sums, returns.numbers, returns.days)


def judge_splits(
    folds: Folds,
    segments: Segments,
    sums: Sequence[np.ndarray],
    numbers: Iterable[int] | np.ndarray,
    days: pd.DatetimeIndex,
) -> PurgedCrossValidation:
    """The same from sums, some trials at a time as `Segments.sums` gives them; `numbers` are those of the trials.

    NoData where there are no trials. Of trials with the same ratio the first is chosen, and where all are ruined.
    """
    names = np.fromiter(numbers, np.int64)
    if not len(names):
        raise NoData("there is no trial to choose among; none of them had anything to decide on")
    every = np.concatenate(sums, axis=2)
    root = np.sqrt(len(days) / ((days[-1] + DAY - days[0]) / YEAR))
    rows = []
    for held, choosing in zip(folds.splits, segments.choosing, strict=True):
        inside = _sharpes(choosing, segments.counts, every)
        best = int(inside.argmax())
        outside = _sharpes(np.isin(segments.group, held), segments.counts, every[:, :, [best]])[0]
        rows.append((held, best, *(_known(np.array([inside[best], outside])) * root)))
    splits = pd.DataFrame(rows, columns=["held_out", "trial", "inside", "outside"]).rename_axis("split")
    chosen = splits["trial"].to_numpy()
    paths = _known(np.array([_path(chosen[path], segments, every) for path in folds.paths])) * root
    edges = folds.edges(len(days))
    ends = days[edges[:-1]].append(days[-1:] + DAY)
    return PurgedCrossValidation(folds, splits.assign(trial=names[chosen]), paths, len(names), ends)


def _path(chosen: np.ndarray, segments: Segments, sums: np.ndarray) -> float:
    """The Sharpe ratio per day of a path, which follows one trial in each group."""
    own = sums[:, np.arange(len(segments.group)), chosen[segments.group]]
    every = np.ones(len(segments.group), bool)
    return float(_sharpes(every, segments.counts, own[:, :, None])[0])


def _sharpes(mask: np.ndarray, counts: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Sharpe ratios per day on the segments of `mask`, shape (n_trials,).

    0 where returns do not vary, minus infinity where everything was lost.
    """
    days = counts @ mask
    mean, square, ruined = (mask.astype(float) @ part / days for part in sums)
    variance = square - mean**2
    flat = variance <= ROUNDING * square
    deviation = np.sqrt(np.where(flat, 1.0, variance) * (days / (days - 1)))
    return np.asarray(np.where(ruined > 0, -np.inf, np.where(flat, 0.0, mean / deviation)))


def _known(ratios: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(ratios), ratios, np.nan)
