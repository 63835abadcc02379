"""Whether one asset breaks out against another: essay D's window for a rebound of what is not bitcoin.

Essay D (10 December 2025, mechanism 27): ETH against BTC breaks a downtrend of three months. It is one anecdote, and
most breaks are false: judge these signals against random dates.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.market import Known
from signals.signal import Signal
from signals.transforms import window_of


class OfRatio(Signal):
    """What signals of the price of one asset in another read; each of them holds both as its first parameters."""

    asset: str
    against: str

    @property
    def needs(self) -> tuple[str, ...]:
        """The bars of both."""
        return (f"bars:{self.asset}", f"bars:{self.against}")

    def ratio(self, known: Known) -> pd.Series:
        """Ln of the price of `asset` in `against` at each daily close that both have."""
        closes = pd.concat([known.bars(a)["close"] for a in (self.asset, self.against)], axis=1, join="inner")
        return pd.Series(np.log(closes.iloc[:, 0] / closes.iloc[:, 1]), closes.index)


@dataclass(frozen=True)
class Breakout(OfRatio):
    """Whether `asset` closes above all of its last `window` closes in `against`, 1 or 0. Mechanism 27, essay D.

    formula : ln(ETH/BTC) > maximum of the `window` closes before; NaN until there are so many
    sign : + for ETH against BTC, 2 to 8 weeks
    """

    asset: str = "ETH"
    against: str = "BTC"
    window: int = 63

    def compute(self, known: Known) -> pd.Series:
        """Values at each daily close."""
        ratio = self.ratio(known)
        before = ratio.rolling(window_of(self.window)).max().shift(1)
        return (ratio > before).astype(float).where(before.notna())


@dataclass(frozen=True)
class TrendBreak(OfRatio):
    """Whether `asset` closes above a falling trend of its price in `against`, 1 or 0. Mechanism 27, essay D.

    formula : a line is fitted to the `window` values of ln(ETH/BTC) before this one by least squares; 1 where its slope
    is below 0 and the value lies above the line, drawn on to today, by more than `width` standard deviations of the
    residuals (n - 2); NaN until there are so many values
    sign : + for ETH against BTC, 2 to 8 weeks
    """

    asset: str = "ETH"
    against: str = "BTC"
    window: int = 63
    width: float = 1.0

    def compute(self, known: Known) -> pd.Series:
        """Values at each daily close."""
        ratio = self.ratio(known)
        slope, today, deviation = trend(ratio.to_numpy(), window_of(self.window, least=3))
        broken = (slope < 0) & (ratio.to_numpy() > today + self.width * deviation)
        return pd.Series(np.where(np.isnan(slope), np.nan, broken), ratio.index)


def trend(values: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slope a row, the line drawn on to this row, and standard deviation of the residuals of the `window` rows before.

    NaN in the first `window` rows.

    >>> slope, today, deviation = trend(np.array([3.0, 2.0, 1.0, 5.0]), 3)
    >>> slope.round(9).tolist(), today.round(9).tolist()
    ([nan, nan, nan, -1.0], [nan, nan, nan, 0.0])
    """
    slope, today, deviation = np.full((3, len(values)), np.nan)
    if len(values) > window:
        before = np.lib.stride_tricks.sliding_window_view(values, window)[:-1]
        step = np.arange(window) - (window - 1) / 2
        # Sums by row and no matrix product, whose last bits would depend on how many rows there are.
        level = before.sum(axis=1) / window
        slope[window:] = (before * step).sum(axis=1) / (step**2).sum()
        residuals = before - level[:, None] - slope[window:, None] * step
        deviation[window:] = np.sqrt((residuals**2).sum(axis=1) / (window - 2))
        today[window:] = level + slope[window:] * (window + 1) / 2
    return slope, today, deviation
