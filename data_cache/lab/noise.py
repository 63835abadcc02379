"""Seeded noise: one stream per component, so that a change to one component leaves every other as it was."""

import numpy as np
import pandas as pd


def stream(seed: int, component: str) -> np.random.Generator:
    """The random numbers of one component of the world of `seed` (at least 0).

    The component's name is part of numpy's SeedSequence entropy: components neither share numbers nor take an
    order.
    """
    return np.random.default_rng([seed, *component.encode()])


def autoregressive(random: np.random.Generator, count: int, half_life: float, spread: float) -> np.ndarray:
    """A stationary AR(1): mean 0, standard deviation `spread`, correlation 1/2 after `half_life` steps.

    x[t] = p x[t-1] + sqrt(1 - p^2) e[t], p = 2^(-1/half_life). Written as an exponentially weighted mean
    y[t] = p y[t-1] + (1 - p) u[t], which pandas computes in C; u is scaled so that the variance is 1 at every
    step.
    """
    keep = 0.5 ** (1 / half_life)
    shocks = random.standard_normal(count)
    shocks[1:] *= np.sqrt((1 + keep) / (1 - keep))
    smooth = pd.Series(shocks).ewm(alpha=1 - keep, adjust=False).mean()
    return spread * smooth.to_numpy()  # type: ignore[no-any-return]
