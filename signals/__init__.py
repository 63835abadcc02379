"""Numbers computed from what was known, one idea per file.

Exporting a signal here puts it through the causality proof.
"""

from signals.basis import Basis, BasisBelowHurdle, BasisBelowSofr, BasisFall, BasisToHurdle, BasisToSofr, BasisUnwind
from signals.funding_stress import CeilingSpread, CorridorPosition, ReserveSpread
from signals.net_liquidity import NetLiquidity, NetLiquidityChange, NetLiquidityZ
from signals.price import Trend, Volatility
from signals.signal import Signal
from signals.standing_repo import StandingRepoShare, StandingRepoUse
from signals.term_premium import (
    BearSteepening,
    BullSteepening,
    TermPremium,
    TermPremiumChange,
    TermSpread,
    TermSpreadChange,
)
from signals.transformed import Change, CoolDown, Hold, Lag, Latch, Rank, ZScore
from signals.treasury_account import (
    TreasuryAccount,
    TreasuryAccountDrawdown,
    TreasuryAccountExcess,
    TreasuryAccountFlow,
)

__all__ = [
    "Basis",
    "BasisBelowHurdle",
    "BasisBelowSofr",
    "BasisFall",
    "BasisToHurdle",
    "BasisToSofr",
    "BasisUnwind",
    "BearSteepening",
    "BullSteepening",
    "CeilingSpread",
    "Change",
    "CoolDown",
    "CorridorPosition",
    "Hold",
    "Lag",
    "Latch",
    "NetLiquidity",
    "NetLiquidityChange",
    "NetLiquidityZ",
    "Rank",
    "ReserveSpread",
    "Signal",
    "StandingRepoShare",
    "StandingRepoUse",
    "TermPremium",
    "TermPremiumChange",
    "TermSpread",
    "TermSpreadChange",
    "TreasuryAccount",
    "TreasuryAccountDrawdown",
    "TreasuryAccountExcess",
    "TreasuryAccountFlow",
    "Trend",
    "Volatility",
    "ZScore",
]
