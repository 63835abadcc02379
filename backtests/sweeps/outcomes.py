"""What came of many trials: a record of sums for each, and the metrics that follow from them."""

from dataclasses import dataclass

import numpy as np

from backtests.metrics import ROUNDING
from backtests.tape import YEAR, Tape

# What the kernel adds up over a trial. Moments are sums of powers of returns less a centre that is near their mean.
SUMS = np.dtype(
    [
        ("fills", float),  # orders of assets that were filled
        ("traded", float),  # $ bought and sold, at prices after slippage; this, fees and slippage: by liquidations too
        ("fees", float),  # $
        ("slippage", float),  # $
        ("equity", float),  # $, at the last close
        ("mean_equity", float),  # $, averaged over time
        ("exposure", float),  # averaged over time
        ("cash", float),  # $, by which vectorbt decides, cleared of dust by its tolerances
        ("idle", float),  # $, what all fills left of the capital, with which the book is marked
        ("peak", float),  # $, the highest equity so far
        ("trough", float),  # the lowest equity, over the peak before it
        ("centre", float),
        ("plain", float),  # of returns of bars
        ("plain_squares", float),
        ("excess_centre", float),
        ("ones", float),  # of excess returns of bars
        ("squares", float),
        ("cubes", float),
        ("fourths", float),
        ("downside", float),  # of min(excess, 0)^2
        ("funding", float),  # $, paid less received; this and the rest are of perpetuals
        ("liquidations", float),  # how many times the book was liquidated
        ("ruined", float),  # 1 for a book that a liquidation left nothing, else 0
    ],
    align=True,
)


@dataclass(frozen=True)
class Outcomes:
    """What came of each trial; every array has the shape (n_trials,), NaN where a number is undefined.

    sums : records of SUMS      bars : of the tape      years : of 365 days, that the tape spans
    capital : equity at the start, $
    """

    sums: np.ndarray
    bars: int
    years: float
    capital: float

    @classmethod
    def on(cls, tape: Tape, sums: np.ndarray, capital: float) -> "Outcomes":
        """With the times of `tape`."""
        years = float((tape.known_at[-1] - tape.opens.index[0]) / YEAR)
        return cls(sums, len(tape.opens), years, capital)

    def __len__(self) -> int:
        return len(self.sums)

    @property
    def metrics(self) -> dict[str, np.ndarray]:
        """By name, those of `backtests.metrics.METRICS` that need no more than the sums."""
        sums, root = self.sums, np.sqrt(self.bars / self.years)
        mean, deviation, _, _ = self._moments()
        mean[sums["ruined"] > 0] = np.nan  # of ratios of means a ruined book has none
        return {
            "total_return": self._total_return(),
            "cagr": self._cagr(),
            "volatility": self._deviation("plain", "plain_squares") * root,
            "sharpe": _ratio(mean, deviation) * root,
            "sortino": _ratio(mean, np.sqrt(sums["downside"] / self.bars)) * root,
            "calmar": _ratio(self._cagr(), 1 - sums["trough"]),
            "max_drawdown": 1 - sums["trough"],
            "exposure": sums["exposure"].copy(),
            "turnover": _ratio(sums["traded"] / 2, sums["mean_equity"]) / self.years,
            "costs_paid": _ratio(sums["fees"] + sums["slippage"], sums["mean_equity"]) / self.years,
            "funding_paid": _ratio(sums["funding"], sums["mean_equity"]) / self.years,
            "liquidations": sums["liquidations"].copy(),
            "fills": sums["fills"].copy(),
        }

    @property
    def moments(self) -> dict[str, np.ndarray]:
        """Mean, deviation, skewness and kurtosis of the excess returns of bars: what overfitting statistics ask for.

        The deviation is of a sample (n - 1); skewness is m3 / m2^(3/2) and kurtosis m4 / m2^2 of the central moments,
        3 for a normal. NaN for a curve that never departs from a constant excess return, and all for a ruined book.
        """
        mean, deviation, third, fourth = (np.where(self.sums["ruined"] > 0, np.nan, part) for part in self._moments())
        second = deviation**2 * (self.bars - 1) / self.bars
        moves = np.where(deviation > ROUNDING, second, np.nan)
        return {"mean": mean, "deviation": deviation, "skewness": third / moves**1.5, "kurtosis": fourth / moves**2}

    def _moments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Mean, sample deviation and third and fourth central moment of the excess returns of bars."""
        one, two, three, four = (self.sums[name] / self.bars for name in ("ones", "squares", "cubes", "fourths"))
        third = three - 3 * one * two + 2 * one**3
        fourth = four - 4 * one * three + 6 * one**2 * two - 3 * one**4
        return self.sums["excess_centre"] + one, self._deviation("ones", "squares"), third, fourth

    def _deviation(self, ones: str, squares: str) -> np.ndarray:
        if self.bars < 2:
            return np.full(len(self), np.nan)
        about_mean = self.sums[squares] - self.sums[ones] ** 2 / self.bars
        return np.asarray(np.sqrt(np.maximum(about_mean, 0.0) / (self.bars - 1)))

    def _total_return(self) -> np.ndarray:
        return np.asarray(self.sums["equity"] / self.capital - 1)

    def _cagr(self) -> np.ndarray:
        with np.errstate(over="ignore", divide="ignore"):
            growth = np.expm1(np.log1p(self._total_return()) / self.years)
        return np.where(np.isfinite(growth), growth, np.nan)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    unknown = np.full(len(numerator), np.nan)
    return np.asarray(np.divide(numerator, denominator, out=unknown, where=denominator > ROUNDING))
