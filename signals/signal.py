"""What a signal is, and how its values are found: on all that is known, or on the past of one moment alone."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.errors import EbbtideError, LookAhead, NoData, StrategyFailed
from data_cache.market import Known, Market


@dataclass(frozen=True)
class Signal:
    """A causal number computed from observations and bars, itself stamped with known_at.

    Subclasses are frozen dataclasses whose fields are the parameters. They name what they read in `needs` (all of it
    must be known) and `one_of` (at least one must be): series ids, "bars:ASSET" or "futures:ASSET". A class attribute
    does where the names are fixed, a property where they depend on a parameter. A value is stamped with the known_at
    of something that the signal reads, since the event engine looks again only then.
    """

    @property
    def needs(self) -> tuple[str, ...]:
        """What the signal cannot do without."""
        return ()

    @property
    def one_of(self) -> tuple[str, ...]:
        """Alternatives, best first, of which at least one must be known."""
        return ()

    @property
    def reads(self) -> tuple[str, ...]:
        """Everything the signal may read."""
        return (*self.needs, *self.one_of)

    def compute(self, known: Known) -> pd.Series:
        """The signal's values indexed by known_at (UTC, ascending); NaN where unknown."""
        raise NotImplementedError(f"{type(self).__name__} has no compute(self, known)")


def evaluate(signal: Signal, market: Market, until: pd.Timestamp | None = None) -> pd.Series:
    """The values of `signal` on `market`, on nothing later than `until` where given; one value per known_at.

    Raises NoData where a need is not in the market, StrategyFailed where `compute` raises or answers something else
    than floats indexed by known_at, LookAhead where a value claims to be known after `until`.
    """
    require_needs(signal, market)
    known = market.known(signal.reads, until)
    try:
        values = signal.compute(known)
    except EbbtideError as error:
        raise type(error)(f"{signal!r}: {error}") from error
    except Exception as error:
        raise StrategyFailed(f"{signal!r} failed: {type(error).__name__}: {error}") from error
    _check(signal, values, until)
    values = values.set_axis(values.index.as_unit("ns"))
    _check_stamps(signal, market, values)
    return values[~values.index.duplicated(keep="last")].astype(float)


def require_needs(signal: Signal, market: Market) -> None:
    """Raise NoData, naming what is missing, unless `market` has all needs and one of the alternatives."""
    missing = [need for need in signal.needs if not len(market.known_times(need))]
    if missing:
        raise NoData(f"{signal!r} needs {', '.join(missing)}, not in {market.place}; fetch or import it first")
    if signal.one_of and not any(len(market.known_times(need)) for need in signal.one_of):
        raise NoData(f"{signal!r} needs one of {', '.join(signal.one_of)}, none in {market.place}; import one")


def fresh(signal: Signal, market: Market, times: np.ndarray) -> np.ndarray:
    """Whether all needs (and one of the alternatives) are known and young enough at each of `times` (int64 ns)."""
    answer = np.ones(len(times), bool)
    for need in signal.needs:
        answer &= _young(market, need, times)
    if signal.one_of:
        answer &= np.logical_or.reduce([_young(market, need, times) for need in signal.one_of])
    return answer


def values_at(
    signal: Signal, market: Market, times: np.ndarray, evaluated: Callable[[Signal, Market], pd.Series] = evaluate
) -> np.ndarray:
    """The newest value of `signal` known at each of `times` (int64 ns, ascending); NaN where unknown or not fresh.

    evaluated : `evaluate`, or what remembers its answers
    """
    known = fresh(signal, market, times)
    if not known.any():
        return np.full(len(times), np.nan)
    values = evaluated(signal, market)
    row = values.index.asi8.searchsorted(times, side="right") - 1
    padded = np.append(values.to_numpy(), np.nan)  # row -1, nothing known yet, reads the NaN
    return np.where(known, padded[row], np.nan)


def _young(market: Market, need: str, times: np.ndarray) -> np.ndarray:
    known_at = market.known_times(need)
    newest = known_at.searchsorted(times, side="right") - 1
    if not len(known_at):
        return np.zeros(len(times), bool)
    return (newest >= 0) & (times - known_at[newest] <= market.max_age(need).value)  # type: ignore[no-any-return]


def _check_stamps(signal: Signal, market: Market, values: pd.Series) -> None:
    """Raise LookAhead for a value stamped with a moment at which nothing that the signal reads became known.

    A value indexed by period, the day that a number describes, is caught here: it would be read before it was known.
    """
    stamps, known = values.index.asi8, np.zeros(len(values), bool)
    for need in signal.reads:
        known |= _is_one_of(stamps, market.known_times(need))
    if not known.all():
        at = values.index[~known][0]
        raise LookAhead(
            f"{signal!r} stamps a value {at}, when nothing that it reads became known; index values by known_at"
        )


def _is_one_of(stamps: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Whether each of `stamps` is one of `times`, both ascending."""
    if not len(times):
        return np.zeros(len(stamps), bool)
    return np.asarray(times[times.searchsorted(stamps).clip(max=len(times) - 1)] == stamps)


def _check(signal: Signal, values: object, until: pd.Timestamp | None) -> None:
    name = type(signal).__name__
    if not isinstance(values, pd.Series) or not isinstance(values.index, pd.DatetimeIndex) or values.index.tz is None:
        raise StrategyFailed(
            f"{name}.compute must answer a Series indexed by known_at in UTC; got {type(values).__name__}"
        )
    if not values.index.is_monotonic_increasing:
        raise StrategyFailed(f"{name}.compute must answer values in the order of known_at; sort_index() them")
    if until is not None and len(values) and values.index[-1] > until:
        raise LookAhead(f"{name} answered a value known at {values.index[-1]}, after {until}")
