"""The placebo: the same decisions at the wrong time.

Decisions are rotated in time against prices, what falls off the end coming in at the start. A rotation keeps how often,
how long and how much the strategy holds, and what its turnover costs, and breaks only the link to what prices did next.
If many rotations do as well, the link earned nothing. Every rotation chooses its own best of the same trials: comparing
the winner's decisions with rotations of themselves would forget that it was chosen. For the same reason trials must not
be picked for this test by how well they did.

The p-value, (1 + those at least as good) / (1 + rotations), counts the truth among the placebos, and so is never 0
(Davison and Hinkley, "Bootstrap methods and their application", 1997; Phipson and Smyth 2010).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from data_cache.errors import BadUsage

LEAST_DAYS, LEAST_PART = 30, 20
# So many scores of single trials are kept, for a picture of them.
KEPT = 5_000


@dataclass(frozen=True)
class Placebo:
    """What rotations scored; NaN where no trial has a score.

    observed : the best score at the right time      shifts : bars of each rotation, shape (n,)
    scores : the best at each, shape (n,)
    everything : scores of trials at rotations, at most 5,000 of them, as many of each rotation; without NaN
    """

    observed: float
    shifts: np.ndarray
    scores: np.ndarray
    everything: np.ndarray = field(default_factory=lambda: np.empty(0))

    @property
    def p_value(self) -> float:
        """(1 + number of placebos that score at least as much) / (1 + number of placebos).

        A placebo without a score (NaN) counts against the strategy; NaN where the strategy itself has none.
        """
        if np.isnan(self.observed):
            return float("nan")
        return (1 + int((~(self.scores < self.observed)).sum())) / (1 + len(self.scores))


def placebo(
    scores: Callable[[int], np.ndarray],
    n_bars: int,
    least: int,
    reps: int,
    seed: int,
    watch: Callable[[], None] = lambda: None,
) -> Placebo:
    """Score `reps` rotations of `n_bars`, chosen at random.

    scores : of the trials, rotated by so many bars, shape (n_trials,), always the same ones; `scores(0)` is the truth.
    Higher is better; NaN of one trial is passed over where another has a score.
    least : as for `placebo_shifts`      watch : called after every rotation
    """
    shifts = placebo_shifts(n_bars, least, reps, seed)
    rng = np.random.default_rng(seed)
    observed, best, everything = _best(scores(0)), np.empty(len(shifts)), []
    for rotation, shift in enumerate(shifts):
        found = np.asarray(scores(int(shift)), float)
        best[rotation] = _best(found)
        everything.append(rng.permutation(found[~np.isnan(found)])[: KEPT // len(shifts)])
        watch()
    return Placebo(observed, shifts, best, np.concatenate(everything))


def least_shift(n_bars: int, bars_a_year: float) -> int:
    """How far from the truth a rotation has to be, in bars: 30 days, or a twentieth of a history too short for that.

    A decision that stands for months is still much the same a month later, and such a rotation nearly the truth: it can
    only raise the p-value, and of eight years it is one in fifty. To keep further away would take rotations from the
    short histories that have few, and hold the rule to be slow before that is known.
    """
    return max(1, min(round(LEAST_DAYS * bars_a_year / 365), n_bars // LEAST_PART))


def placebo_shifts(n_bars: int, least: int, reps: int, seed: int) -> np.ndarray:
    """`reps` different rotations of `n_bars` from `least` to n_bars - least bars; all of them where there are fewer."""
    if least < 1 or reps < 1:
        raise BadUsage(f"least and reps must be one or more; found {least} and {reps}")
    possible = n_bars - 2 * least + 1
    if possible < 1:
        raise BadUsage(f"{n_bars} bars leave no rotation {least} bars from both ends; use a smaller `least`")
    rng = np.random.default_rng(seed)
    return np.sort(least + rng.choice(possible, size=min(reps, possible), replace=False))


def _best(scores: np.ndarray) -> float:
    known = scores[~np.isnan(scores)]
    return float(known.max()) if len(known) else float("nan")
