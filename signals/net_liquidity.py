"""Net liquidity: what the Fed has put out, less what lies in the Treasury's account and in reverse repo.

Essay H's core: a larger balance sheet means more dollars, and bitcoin rises; + over 4 to 13 weeks. Levels
trend and correlate with anything that does, so strategies use changes. Assets include items that are no
liquidity (the bank lending of 2023).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.market import Known
from signals.periods import period_change, released, together
from signals.signal import Signal
from signals.transforms import zscore
from signals.treasury_account import SOURCES, closing_balance

NEEDS = ("WALCL", "RRPONTSYD")


@dataclass(frozen=True)
class NetLiquidity(Signal):
    """Fed assets less the Treasury General Account less overnight reverse repo, $bn.

    formula : WALCL - TGA - RRPONTSYD, each as last known: assets of last Wednesday, the other two of
    yesterday or today
    sign : + over 4 to 13 weeks, as a change; NaN until all three are known
    """

    needs = NEEDS
    one_of = SOURCES

    def compute(self, known: Known) -> pd.Series:
        """Values whenever one of the three becomes known."""
        assets, reverse_repo = (released(known, series).series() for series in NEEDS)
        return together(_net, assets, closing_balance(known).series(), reverse_repo)


@dataclass(frozen=True)
class NetLiquidityChange(Signal):
    """Change of net liquidity over `weeks` weeks, $bn.

    formula : change of WALCL - change of TGA - change of RRPONTSYD, each between its newest day and the last
    day at or before `weeks` weeks earlier, so that a Wednesday is compared with a Wednesday
    sign : + over 4 to 13 weeks
    """

    weeks: int = 4
    needs = NEEDS
    one_of = SOURCES

    def compute(self, known: Known) -> pd.Series:
        """Values whenever one of the three becomes known."""
        return net_change(known, self.weeks)


@dataclass(frozen=True)
class NetLiquidityZ(Signal):
    """Change of net liquidity over `weeks` weeks, as a z-score among those of the last `window_weeks` weeks.

    formula : z-score of `NetLiquidityChange` among its values at the last `window_weeks` weekly releases of
    WALCL
    sign : + over 4 to 13 weeks
    """

    weeks: int = 4
    window_weeks: int = 104
    needs = NEEDS
    one_of = SOURCES

    def compute(self, known: Known) -> pd.Series:
        """Values at each release of WALCL; NaN until there are `window_weeks` changes."""
        change = net_change(known, self.weeks)
        weekly = np.isin(change.index.asi8, released(known, "WALCL").known_at.view(np.int64))
        return zscore(change[weekly].dropna(), self.window_weeks)


def net_change(known: Known, weeks: int) -> pd.Series:
    """Change of net liquidity over `weeks` weeks, $bn, whenever one of its parts becomes known."""
    assets, reverse_repo = (period_change(released(known, series), 7 * weeks) for series in NEEDS)
    return together(_net, assets, period_change(closing_balance(known), 7 * weeks), reverse_repo)


def _net(assets: np.ndarray, account: np.ndarray, reverse_repo: np.ndarray) -> np.ndarray:
    return assets - account - reverse_repo  # type: ignore[no-any-return]
