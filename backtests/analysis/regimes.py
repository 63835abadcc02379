"""What state the world was in, as it was known at each moment: regimes read from signals, and nothing later."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtests.result import Result
from data_cache.errors import EbbtideError
from data_cache.market import Market
from signals import CeilingSpread, NetLiquidityChange, ReverseRepoBuffer, Signal
from signals.signal import require_needs, values_at

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Regime:
    """A question about the world whose answer is one of a few states, told by one signal.

    label : short, as charts and tables show it      definition : what the states mean, in a sentence
    edges : ascending, in the unit of the signal      states : in words, one more than edges, lowest values first
    A value that is exactly an edge belongs to the lower state.

    >>> heat = Regime("heat", "Heat", "Cold up to 0, hot above 20.", CeilingSpread(), (0, 20), ("cold", "mild", "hot"))
    >>> heat.state(np.array([-5.0, 0.0, 0.1, 25.0, np.nan])).tolist()
    ['cold', 'cold', 'mild', 'hot', 'unknown']
    """

    name: str
    label: str
    definition: str
    signal: Signal
    edges: tuple[float, ...]
    states: tuple[str, ...]

    def state(self, values: np.ndarray) -> pd.Categorical:
        """The state of each of `values`; "unknown" where NaN."""
        codes = np.searchsorted(np.asarray(self.edges, float), values, side="left")
        codes = np.where(np.isnan(values), len(self.states), codes)
        return pd.Categorical.from_codes(codes, categories=[*self.states, UNKNOWN], ordered=True)


# A further regime is one more entry.
REGIMES: tuple[Regime, ...] = (
    Regime(
        "liquidity_regime",
        "Liquidity",
        "Rising while net liquidity (Fed assets less the Treasury's account less overnight reverse repo) is higher "
        "than four weeks before, else falling.",
        NetLiquidityChange(weeks=4),
        (0.0,),
        ("falling", "rising"),
    ),
    Regime(
        "stress_regime",
        "Stress",
        "On while SOFR, the price of overnight cash against Treasuries, lies above the upper bound of the Fed's target "
        "range: mean of 5 days, without the first and the last business day of a month. Else off.",
        CeilingSpread(window=5),
        (0.0,),
        ("off", "on"),
    ),
    Regime(
        "buffer_regime",
        "RRP",
        "Full while more than $100bn lie in the Fed's reverse repo facility (RRP; mean of 5 operations). Else "
        "empty: then what the Treasury borrows or the Fed runs off comes out of bank reserves.",
        ReverseRepoBuffer(window=5),
        (100.0,),
        ("empty", "full"),
    ),
)


@dataclass(frozen=True)
class States:
    """The states of some regimes at some times.

    frame : a categorical column per regime (its name), indexed by time; "unknown" where the signal is or is too old
    regimes : those of the frame      left_out : a sentence for each regime that the market cannot tell
    """

    frame: pd.DataFrame
    regimes: tuple[Regime, ...]
    left_out: tuple[str, ...]


def regimes_of(result: Result, regimes: Sequence[Regime] = REGIMES) -> States:
    """The states known at the end of each bar, the first moment after it at which anyone could act."""
    return states_at(result.market, result.tape.known_at, regimes)


def regimes_at_open(result: Result, regimes: Sequence[Regime] = REGIMES) -> States:
    """The states known at the open of each bar: what the exposure held in it could have been decided on."""
    return states_at(result.market, result.tape.opens.index, regimes)


def states_at(market: Market, times: pd.DatetimeIndex, regimes: Sequence[Regime] = REGIMES) -> States:
    """The states known at `times` (UTC, ascending), by what each signal's newest value then was.

    A regime whose series the market lacks, or that is unknown at all of `times`, is left out with a sentence.
    """
    columns: dict[str, pd.Categorical] = {}
    left_out = []
    for regime in regimes:
        try:
            require_needs(regime.signal, market)
            values = values_at(regime.signal, market, times.as_unit("ns").asi8)
        except EbbtideError as error:
            left_out.append(f"{regime.label} is left out: {error}")
            continue
        if np.isnan(values).all():
            left_out.append(f"{regime.label} is left out: {regime.signal!r} is never known in this window")
            continue
        columns[regime.name] = regime.state(values)
    told = tuple(regime for regime in regimes if regime.name in columns)
    return States(pd.DataFrame(columns, index=times), told, tuple(left_out))
