"""What mean forward returns chance gives: the same events at other times, and the same times in other histories.

Shifted events: the whole set is moved along the record, what falls off the end coming in at the start. Number and gaps
of the events stay as they are, so that clusters stay clusters; only the link to what prices did next is broken.

Resampled returns: events stay where they are, and history is drawn anew in blocks of its own returns (the stationary
bootstrap of `backtests.statistics.bootstrap`), which keeps how calm and stormy days follow one another.

Both ask not whether prices rose after events, but whether they rose by more or less than usual in the same record.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from backtests.statistics.bootstrap import block_length, draws

Watch = Callable[[int, int], None]
WATCHED = 50


def shifts(n_bars: int, most: int, seed: int) -> np.ndarray:
    """Up to `most` different shifts of 1 to n_bars - 1 bars, ascending; all of them where there are no more."""
    possible = np.arange(1, n_bars)
    if len(possible) <= most:
        return possible
    return np.sort(np.random.default_rng(seed).choice(possible, most, replace=False))


def shifted_means(forward: np.ndarray, bars: np.ndarray, by: np.ndarray) -> np.ndarray:
    """The mean forward return of events moved by each of `by` bars, around the end; shape (len(by),).

    forward : of every bar, shape (n_bars,), without NaN      bars : of the events, each in [0, n_bars)
    """
    total = np.zeros(len(by))
    for bar in bars:
        total += forward[(bar + by) % len(forward)]
    return total / len(bars)


def resampled_differences(
    steps: np.ndarray, bars: Sequence[Mapping[int, np.ndarray]], reps: int, seed: int, watch: Watch
) -> list[dict[int, np.ndarray]]:
    """Mean forward return of events less that of all bars, in `reps` histories made of blocks; shape (reps,) each.

    Less that of all bars, since histories rise and fall by chance as a whole, which says nothing of events.
    steps : log returns from open to open, shape (n_bars, n_assets); assets are drawn together
    bars : for each asset the events by horizon in bars      watch : told how many of how many are drawn
    """
    found = [{held: np.empty(reps) for held in by_horizon} for by_horizon in bars]
    level = np.zeros((len(steps) + 1, steps.shape[1]))
    for rep, rows in enumerate(draws(len(steps), length_of_blocks(steps), reps, seed)):
        np.cumsum(steps[rows], axis=0, out=level[1:])
        for asset, by_horizon in enumerate(bars):
            for held, at in by_horizon.items():
                forward = np.expm1(level[held:, asset] - level[:-held, asset])
                # Where bars are missing, a horizon has fewer of them, and the last entries come a little late.
                found[asset][held][rep] = forward[np.minimum(at, len(forward) - 1)].mean() - forward.mean()
        if rep % WATCHED == WATCHED - 1 or rep == reps - 1:
            watch(rep + 1, reps)
    return found


def length_of_blocks(steps: np.ndarray) -> int:
    """The mean length of blocks in bars: the longer of the optimal ones of returns and of their sizes.

    Returns alone hardly depend on each other, and would be torn into days; their sizes come in spells.
    """
    return max(block_length(column) for series in (steps, np.abs(steps)) for column in series.T)


def two_sided(observed: float, chance: np.ndarray) -> float:
    """Twice the smaller tail: 2 (1 + number beyond the observed) / (1 + number), at most 1; NaN without any draw.

    The observed is counted among the draws, so that p is never 0 (Davison and Hinkley 1997).
    """
    if not len(chance) or np.isnan(observed):
        return float("nan")
    # Equal up to rounding is equal: a shift may hit upon the same events in another order.
    tolerance = 1e-12 * max(1.0, abs(observed))
    tail = min(int((chance >= observed - tolerance).sum()), int((chance <= observed + tolerance).sum()))
    return min(1.0, 2 * (1 + tail) / (1 + len(chance)))
