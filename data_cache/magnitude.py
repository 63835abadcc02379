"""Whether served values are of the size a series has: a switched unit must fail loudly, not trade quietly."""

import numpy as np
import pandas as pd

from data_cache.catalog import SeriesSpec
from data_cache.errors import BadData

# Served value = published value x scale, for each unit that a source might print instead of the expected one.
SCALES = {
    "$bn": {"$bn": 1.0, "$mn": 1e-3, "$": 1e-9, "$tn": 1e3},
    "%": {"%": 1.0, "bps": 1e-2, "fraction": 1e2},
    "fraction": {"fraction": 1.0, "%": 1e-2, "bps": 1e-4},
}
# So many values that are not zero are needed before their median says something.
ENOUGH = 20


def check_magnitude(spec: SeriesSpec, served: pd.Series) -> None:
    """Raise BadData, with value, range and likely cause, if a value or their median is not as `spec` has it.

    served : values in `spec.unit`, indexed by period; NaN passes, zero is a value like any other but leaves the
    median alone
    """
    _check_bounds(spec, served)
    _check_median(spec, served)


def plausible(spec: SeriesSpec, served: pd.Series) -> np.ndarray:
    """Whether each value lies within the bounds of `spec` for its period, by which it is indexed; NaN does."""
    values = served.to_numpy(float)
    within: np.ndarray = ~((values < _lows(spec, served.index)) | (values > spec.high))
    return within


def _check_bounds(spec: SeriesSpec, served: pd.Series) -> None:
    values = served.to_numpy(float)
    low = _lows(spec, served.index)
    outside = ~plausible(spec, served)
    if not outside.any():
        return
    first = int(outside.argmax())
    others = f" (and {outside.sum() - 1} more)" if outside.sum() > 1 else ""
    raise BadData(
        f"{spec.id}: {values[first]:.15g} {spec.unit} on {_said(served.index[first])}{others} lies outside "
        f"{low[first]:g}..{spec.high:g} {spec.unit}; {_cause(spec, values[first], low[first], spec.high)}"
    )


def _check_median(spec: SeriesSpec, served: pd.Series) -> None:
    sizes = served[served != 0].abs().dropna()
    median = float(sizes.median())
    if len(sizes) >= ENOUGH and median > spec.typical:
        raise BadData(
            f"{spec.id}: the median of its {len(sizes)} values that are not zero is {median:g} {spec.unit}, above "
            f"{spec.typical:g} {spec.unit}; {_cause(spec, median, 0, spec.typical)}"
        )


def _lows(spec: SeriesSpec, periods: pd.Index) -> np.ndarray:
    low = np.full(len(periods), spec.low, float)
    for since, floor in spec.floors:
        low = np.where(periods >= pd.Timestamp(since), floor, low)
    return low


def _cause(spec: SeriesSpec, value: float, low: float, high: float) -> str:
    """Name the unit in which the number would have been plausible."""
    published = value / spec.scale
    for unit, scale in SCALES.get(spec.unit, {}).items():
        if unit != spec.published_unit and low <= published * scale <= high:
            return f"is the file in {unit} instead of {spec.published_unit}? set its unit"
    if spec.scale != 1 and low <= value * spec.scale <= high:
        return f"it was not turned from {spec.published_unit} into {spec.unit}: multiply it by {spec.scale:g}"
    return f"compare it with {spec.url}" if spec.url else "compare it with its source"


def _said(period: pd.Timestamp) -> str:
    return str(period.date()) if period == period.normalize() else str(period)
