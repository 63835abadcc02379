"""How much of a best-of-many is selection: Sharpe ratios deflated for the number of trials, and cross-validation.

Unit. A Sharpe ratio here is *per bar*, mean over standard deviation of the bars' excess returns, because the formulas
count bars; `per_bar` converts an annual one. Only `minimum_backtest_years` speaks of annual ratios, and says so.
Skewness and kurtosis are moments of the sample (divided by n); kurtosis is Pearson's, 3 for a normal distribution.
The number of trials is always an argument: the true one is in the ledger, not in the table at hand.

Papers. PSR: Bailey and López de Prado, "The Sharpe ratio efficient frontier", Journal of Risk
15(2), 2012. DSR: the same, "The deflated Sharpe ratio", Journal of Portfolio Management 40(5), 2014. Minimum backtest
length: Bailey, Borwein, López de Prado and Zhu, "Pseudo-mathematics and financial charlatanism", Notices of the AMS
61(5), 2014. CSCV: the same four, "The probability of backtest overfitting", Journal of Computational Finance 20(4),
2017.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import e, inf, isnan, nan, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from backtests.statistics.returns import BLOCK_BYTES, ROUNDING, as_trials, column_blocks, one_trial
from data_cache.errors import BadUsage

NORMAL = NormalDist()
EULER_MASCHERONI = 0.5772156649015329
# 20 blocks make 184,756 splits; two more would make 705,432, each of which ranks every trial.
MOST_BLOCKS = 20
# What `block_count` takes, and how many trials 16 blocks are few enough for: 12,870 splits, to 924 of 12 blocks.
BLOCKS, FEWER_BLOCKS, MANY_TRIALS = 16, 12, 2_000
FEWEST_BARS_A_BLOCK = 4


@dataclass(frozen=True)
class Moments:
    """What the Sharpe ratio's distribution depends on; skew and kurtosis (Pearson's) default to a normal's.

    n_bars : number of returns      sharpe : per bar, NaN for returns that do not vary
    """

    n_bars: int
    sharpe: float
    skew: float = 0.0
    kurtosis: float = 3.0

    @property
    def spread(self) -> float:
        """1 - skew SR + (kurtosis - 1)/4 SR²: the variance of the Sharpe ratio's estimate, times n_bars - 1."""
        return 1 - self.skew * self.sharpe + (self.kurtosis - 1) / 4 * self.sharpe**2


def per_bar(annual: float, bars_per_year: float) -> float:
    """An annual Sharpe ratio as one per bar."""
    return annual / sqrt(bars_per_year)


def moments(excess: ArrayLike) -> Moments:
    """The moments of one trial's excess returns, shape (n_bars,); NaN for all three if they do not vary."""
    returns = one_trial(excess)
    away = returns - returns.mean()
    scale = returns.std()
    if scale <= ROUNDING * np.abs(returns).max():
        return Moments(len(returns), nan, nan, nan)
    skew, kurtosis = (float(np.mean((away / scale) ** power)) for power in (3, 4))
    return Moments(len(returns), float(returns.mean() / returns.std(ddof=1)), skew, kurtosis)


def probabilistic_sharpe(of: Moments, threshold: float = 0.0) -> float:
    """PSR: the probability that the true Sharpe ratio is above `threshold` (per bar).

    Φ((SR - threshold) √(n - 1) / √spread) (Bailey and López de Prado 2012). Bars are taken as independent of each
    other. NaN where the moments are.
    """
    if isnan(of.sharpe) or of.spread <= 0:
        return nan
    return NORMAL.cdf((of.sharpe - threshold) * sqrt(of.n_bars - 1) / sqrt(of.spread))


def expected_maximum(trials: float) -> float:
    """E[max] of `trials` independent standard normals: (1 - γ) Φ⁻¹(1 - 1/N) + γ Φ⁻¹(1 - 1/(N e)), γ Euler-Mascheroni's.

    Bailey et al. 2014, good for N of five or more (N = 2: 0.52 for a true 0.56). An effective number of trials need not
    be whole. 0 for one trial; never below 0.
    """
    if not 1 <= trials < inf:
        raise BadUsage(f"the number of trials must be one or more; found {trials}")
    if trials == 1:
        return 0.0
    g = EULER_MASCHERONI
    return max(0.0, (1 - g) * NORMAL.inv_cdf(1 - 1 / trials) + g * NORMAL.inv_cdf(1 - 1 / (trials * e)))


def deflated_sharpe(of: Moments, trials: float, variance: float) -> float:
    """DSR: the probability that the best trial's true Sharpe ratio is above 0, knowing that it is the best of many.

    The PSR over the threshold √variance E[max of `trials`] (Bailey and López de Prado 2014).
    trials : the count, or the effective one where trials resemble each other (`effective_trials`)
    variance : of the trials' Sharpe ratios per bar; an annual variance divided by the bars per year
    """
    if not 0 <= variance < inf:
        raise BadUsage(f"the variance of the trials' Sharpe ratios must be zero or more; found {variance}")
    return probabilistic_sharpe(of, sqrt(variance) * expected_maximum(trials))


def minimum_backtest_years(trials: float, annual_sharpe: float = 1.0) -> float:
    """MinBTL: with fewer years than this, the best of `trials` without any skill is expected to reach `annual_sharpe`.

    (E[max] / annual_sharpe)² (Bailey, Borwein, López de Prado and Zhu 2014).
    """
    if not annual_sharpe > 0:
        raise BadUsage(f"annual_sharpe must be more than zero; found {annual_sharpe}")
    return (expected_maximum(trials) / annual_sharpe) ** 2


@dataclass(frozen=True)
class BlockSums:
    """All that CSCV needs of the returns, so that they may be read some trials at a time.

    counts : bars in each block, shape (n_blocks,)      sums, squares : of the returns, shape (n_blocks, n_trials)
    ruined : 1 where a return of -1 took everything, else 0, of the same shape
    """

    counts: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    ruined: np.ndarray


def block_count(n_bars: int, n_trials: int) -> int:
    """The number of blocks for CSCV: the paper's 16, 12 above 2,000 trials; fewer for blocks of four bars or more."""
    most = BLOCKS if n_trials <= MANY_TRIALS else FEWER_BLOCKS
    return max(2, min(most, n_bars // FEWEST_BARS_A_BLOCK // 2 * 2))


def block_sums(excess: ArrayLike, blocks: int = 16) -> BlockSums:
    """Excess returns, shape (n_bars, n_trials), in `blocks` stretches of time as long as each other, or one bar longer.

    The paper asks for equal blocks; here no bar is left out instead. Raises BadUsage for a number of blocks that is
    odd, above 20, or leaves fewer than two bars to a block.
    """
    array = as_trials(excess)
    n_bars, n_trials = array.shape
    if blocks % 2 or not 2 <= blocks <= MOST_BLOCKS:
        raise BadUsage(f"blocks must be an even number from 2 to {MOST_BLOCKS}; found {blocks}")
    if n_bars < 2 * blocks:
        raise BadUsage(f"{n_bars} bars are too few for {blocks} blocks of two or more; use fewer blocks")
    edges = np.arange(blocks + 1) * n_bars // blocks
    sums, squares, ruined = np.empty((3, blocks, n_trials))
    for columns in column_blocks(n_bars, n_trials):
        for block in range(blocks):
            part = array[edges[block] : edges[block + 1], columns].astype(float)
            sums[block, columns] = part.sum(axis=0)
            squares[block, columns] = np.einsum("ij,ij->j", part, part)
            ruined[block, columns] = part.min(axis=0) <= -1
    return BlockSums(np.diff(edges), sums, squares, ruined)


def joined(parts: Sequence[BlockSums]) -> BlockSums:
    """The trials of all `parts` side by side; raises BadUsage where their blocks differ."""
    if any(not np.array_equal(part.counts, parts[0].counts) for part in parts):
        raise BadUsage(
            "the parts were cut into different blocks; use the same bars and number of blocks for all trials"
        )
    every = ([getattr(part, name) for part in parts] for name in ("sums", "squares", "ruined"))
    return BlockSums(parts[0].counts, *map(np.hstack, every))


@dataclass(frozen=True)
class CrossValidation:
    """For each way of choosing half of the blocks: the trial that is best on them, and how it does on the others.

    chosen : column of that trial      inside, outside : its Sharpe ratio per bar on the two halves, minus infinity
    where it was ruined there
    logits : ln(ω / (1 - ω)), ω its relative rank among all trials on the other half; all of shape (n_splits,)
    """

    chosen: np.ndarray
    inside: np.ndarray
    outside: np.ndarray
    logits: np.ndarray

    @property
    def overfitting(self) -> float:
        """PBO: how often the best on one half is no better than the median on the other (logit <= 0)."""
        return float((self.logits <= 0).mean())

    @property
    def loss(self) -> float:
        """How often the best on one half loses money, in excess, on the other."""
        return float((self.outside < 0).mean())

    @cached_property
    def degradation(self) -> tuple[float, float]:
        """Intercept and slope of outside = intercept + slope x inside, by least squares.

        A slope below 0: the better on one half, the worse on the other. NaN where all splits choose the same ratio.
        Splits that end in ruin have no ratio, and no part in it.
        """
        known = np.isfinite(self.inside) & np.isfinite(self.outside)
        inside, outside = self.inside[known], self.outside[known]
        if not len(inside) or inside.std() <= ROUNDING:
            return nan, nan
        away = inside - inside.mean()
        slope = float(away @ outside / (away @ away))
        return float(outside.mean() - slope * inside.mean()), slope


def cross_validate(sums: BlockSums) -> CrossValidation:
    """CSCV: every half of the blocks chooses its best trial by Sharpe ratio, the other half judges it.

    ω = rank / (n_trials + 1), equals sharing the mean of their ranks. On a half where its returns do not vary, a trial
    has a ratio of 0, as one that holds cash; on a half where it is ruined, it is the worst of all. 16 blocks of 1,000
    trials take a fifth of a second and of 100,000 half a minute, 12 blocks a tenth of it; memory does not grow with the
    number of bars. Raises BadUsage for fewer than two trials.
    """
    n_blocks, n_trials = sums.sums.shape
    if n_trials < 2:
        raise BadUsage(f"cross-validation ranks trials against each other and needs two or more; found {n_trials}")
    found = []
    for half in _halves(n_blocks, max(1, BLOCK_BYTES // (32 * n_trials))):
        one, other = _sharpes(half, sums), _sharpes(1 - half, sums)
        found += [_judged(one, other), _judged(other, one)]
    chosen, inside, outside, ranks = (np.concatenate(part) for part in zip(*found, strict=True))
    return CrossValidation(chosen, inside, outside, np.log(ranks / (n_trials + 1 - ranks)))


def _halves(blocks: int, at_once: int) -> Iterator[np.ndarray]:
    """Every half of the blocks that holds the first one, as rows of 0 and 1; the other halves are what they leave."""
    rest = np.array(list(combinations(range(1, blocks), blocks // 2 - 1)), int).reshape(-1, blocks // 2 - 1)
    half = np.zeros((len(rest), blocks))
    half[:, 0] = 1
    np.put_along_axis(half, rest, 1, axis=1)
    for start in range(0, len(half), at_once):
        yield half[start : start + at_once]


def _sharpes(half: np.ndarray, sums: BlockSums) -> np.ndarray:
    """Sharpe ratios per bar of all trials on each row of `half`, shape (n_rows, n_trials)."""
    n = (half @ sums.counts)[:, None]
    mean, square = half @ sums.sums / n, half @ sums.squares / n
    variance = square - mean**2
    flat = variance <= ROUNDING * square
    variance[flat] = 1
    ratios = np.where(flat, 0.0, mean / np.sqrt(variance * (n / (n - 1))))
    return np.where(half @ sums.ruined > 0, -inf, ratios) if sums.ruined.any() else ratios


def _judged(choosing: np.ndarray, judging: np.ndarray) -> tuple[np.ndarray, ...]:
    chosen = choosing.argmax(axis=1)
    rows = np.arange(len(chosen))
    own = judging[rows, chosen]
    below = (judging < (own - ROUNDING)[:, None]).sum(axis=1)
    equal = (judging <= (own + ROUNDING)[:, None]).sum(axis=1) - below
    return chosen, choosing[rows, chosen], own, below + (equal + 1) / 2
