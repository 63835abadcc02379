"""Resampling of returns in blocks, which keeps what follows on what: intervals of metrics, draws for tests.

The stationary bootstrap (Politis and Romano, "The stationary bootstrap", JASA 89, 1994) joins blocks of geometric
lengths, around the end too. Their mean length is the one that serves the variance of the mean best (Politis and White
2004, corrected by Patton, Politis and White 2009). Both come from `arch`, imported where they are used: it takes 2 s.
"""

from collections.abc import Callable, Iterator, Mapping
from math import ceil

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from backtests.statistics.returns import ROUNDING, as_trials
from data_cache.errors import BadData, BadUsage

Metric = Callable[[np.ndarray], float]

ASKED = 25
FEWEST_BARS = 30


def block_length(series: ArrayLike) -> int:
    """The optimal mean length of blocks for the stationary bootstrap, in bars, rounded up; at least 1.

    series : returns or their differences, shape (n_bars,) or (n_bars, n_trials). Of several trials the median, and of
    more than 25 that of `some_trials`. Raises BadData if none of them varies or a value is missing, and BadUsage for
    fewer than 30 bars.
    """
    from arch.bootstrap import optimal_block_length

    array = np.asarray(series, float)
    array = array[:, None] if array.ndim == 1 else array[:, some_trials(array.shape[1])]
    if len(array) < FEWEST_BARS:
        raise BadUsage(f"{len(array)} bars are too few for a block length; {FEWEST_BARS} are needed, or pass `block`")
    if not np.isfinite(array).all():
        raise BadData("a value is missing, and blocks are for series without holes; leave out the trials that failed")
    varying = array[:, array.std(axis=0) > ROUNDING * np.abs(array).max(axis=0)]
    if varying.shape[1] == 0:
        raise BadData("no series varies, so there is nothing to resample; leave out trials that never trade")
    return max(1, ceil(float(optimal_block_length(varying)["stationary"].median())))


def some_trials(n_trials: int) -> np.ndarray:
    """At most 25 columns, evenly spread over `n_trials`: enough for what is the market's more than a trial's."""
    return np.unique(np.linspace(0, n_trials - 1, ASKED).astype(int))


def draws(n_bars: int, block: int, reps: int, seed: int) -> Iterator[np.ndarray]:
    """`reps` resamples, each the rows of `n_bars` bars to take, shape (n_bars,); the same ones for the same seed."""
    from arch.bootstrap import StationaryBootstrap

    require_draws(n_bars, block, reps)
    for (rows,), _ in StationaryBootstrap(block, np.arange(n_bars), seed=seed).bootstrap(reps):
        yield rows


def require_draws(n_bars: int, block: int, reps: int) -> None:
    """Raise BadUsage for a block that is no length, or too few resamples for a tail."""
    if not 1 <= block <= n_bars:
        raise BadUsage(f"block must be a number of bars from 1 to {n_bars}; found {block}")
    if reps < 100:
        raise BadUsage(f"reps must be 100 or more, for the tail of fewer says nothing; found {reps}")


def intervals(
    returns: ArrayLike,
    metrics: Mapping[str, Metric],
    seed: int,
    level: float = 0.90,
    reps: int = 1000,
    block: int | None = None,
) -> pd.DataFrame:
    """Between what bounds each metric lies in resamples of the returns: a row per metric; estimate, low, high.

    returns : shape (n_bars,), or (n_bars, n_columns) whose rows belong together, such as a book beside its benchmark
    metrics : functions of returns of that shape, such as `lambda r: sharpe(r, 365)`
    level : of the interval, by percentiles, so that bounds are values that the metric can take
    block : mean length in bars, None for the optimal one (the longest of several columns')
    NaN for a bound of a metric that some resample leaves undefined.
    """
    from arch.bootstrap import StationaryBootstrap

    array = as_trials(returns).astype(float)
    length = block or max(block_length(column) for column in array.T)
    require_draws(len(array), length, reps)
    if not 0 < level < 1:
        raise BadUsage(f"level must lie between 0 and 1; found {level}")
    rows = array[:, 0] if np.ndim(returns) == 1 else array

    def every(sample: np.ndarray) -> np.ndarray:
        return np.array([metric(sample) for metric in metrics.values()], float)

    bounds = StationaryBootstrap(length, rows, seed=seed).conf_int(every, reps, method="percentile", size=level)
    table = {"estimate": every(rows), "low": bounds[0], "high": bounds[1]}
    return pd.DataFrame(table, index=pd.Index(list(metrics), name="metric"))
