"""Net liquidity: what the Fed has put out, less what lies in the Treasury's account and in reverse repo.

Essay H's core: a larger balance sheet means more dollars, and bitcoin rises; + over 4 to 13 weeks. Levels
trend and correlate with anything that does, so strategies use changes. Assets include items that are no
liquidity (the bank lending of 2023). SIGNALS #1.
"""

from dataclasses import dataclass

import pandas as pd

from data_cache.market import Known
from signals.periods import level, period_change, together
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
        parts = together(
            assets=level(known.releases("WALCL")),
            account=level(closing_balance(known)),
            reverse_repo=level(known.releases("RRPONTSYD")),
        )
        return _net(parts)


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
        releases = level(known.releases("WALCL")).index.unique()
        weekly = change[change.index.isin(releases)].dropna()
        return zscore(weekly, self.window_weeks)


def net_change(known: Known, weeks: int) -> pd.Series:
    """Change of net liquidity over `weeks` weeks, $bn, whenever one of its parts becomes known."""
    parts = together(
        assets=period_change(known.releases("WALCL"), 7 * weeks),
        account=period_change(closing_balance(known), 7 * weeks),
        reverse_repo=period_change(known.releases("RRPONTSYD"), 7 * weeks),
    )
    return _net(parts)


def _net(parts: pd.DataFrame) -> pd.Series:
    return parts["assets"] - parts["account"] - parts["reverse_repo"]
