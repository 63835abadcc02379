"""Numbers computed from what was known, one idea per file.

Exporting a signal here puts it through the causality proof.
"""

from signals.basis import Basis, BasisBelowHurdle, BasisBelowSofr, BasisFall, BasisToHurdle, BasisToSofr, BasisUnwind
from signals.bills import BillAdvantage, BillShare, BillShareChange
from signals.breakout import Breakout, TrendBreak
from signals.corridor import CorridorOrder, SofrNetOfPolicy
from signals.etf_flows import (
    EtfCapitulation,
    EtfFlow,
    EtfHoldings,
    EtfRedemptionHHI,
    EtfRedemptions,
    EtfRedemptionShare,
    EtfUnwind,
)
from signals.facts import (
    DaysSinceMeeting,
    DaysSinceShutdown,
    DaysToMeeting,
    FacilityMilestone,
    NearMeeting,
    PolicyDirection,
    PolicyMove,
    ShutdownOpen,
)
from signals.fed_holdings import BillPurchases, OutrightPurchases, ReserveManagement
from signals.funding_stress import CeilingSpread, CorridorPosition, ReserveSpread
from signals.issuance import Issuance, IssuanceHoarded, IssuanceNetOfAccount
from signals.net_liquidity import NetLiquidity, NetLiquidityChange, NetLiquidityZ
from signals.open_interest import (
    LeverageFlushed,
    OpenInterest,
    OpenInterestBasisCorrelation,
    OpenInterestChange,
    OpenInterestUnwind,
)
from signals.price import Trend, Volatility
from signals.repo_volume import RepoDemand, RepoVolumeGrowth
from signals.reserve_assets import CustodyChange, GoldTrend
from signals.reserves import PivotPressure, ReserveRatio, Reserves, ReserveScarcity, ReservesChange
from signals.reverse_repo import (
    ReverseRepo,
    ReverseRepoBuffer,
    ReverseRepoDepleted,
    ReverseRepoRelease,
    UncushionedFill,
)
from signals.signal import Signal
from signals.stablecoins import StablecoinGrowth, StablecoinSupply
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
from signals.treasury_companies import TreasuryCompanyMnav, TreasuryPurchases
from signals.volatility_regime import VolatilityRegime

__all__ = [
    "Basis",
    "BasisBelowHurdle",
    "BasisBelowSofr",
    "BasisFall",
    "BasisToHurdle",
    "BasisToSofr",
    "BasisUnwind",
    "BearSteepening",
    "BillAdvantage",
    "BillPurchases",
    "BillShare",
    "BillShareChange",
    "Breakout",
    "BullSteepening",
    "CeilingSpread",
    "Change",
    "CoolDown",
    "CorridorOrder",
    "CorridorPosition",
    "CustodyChange",
    "DaysSinceMeeting",
    "DaysSinceShutdown",
    "DaysToMeeting",
    "EtfCapitulation",
    "EtfFlow",
    "EtfHoldings",
    "EtfRedemptionHHI",
    "EtfRedemptionShare",
    "EtfRedemptions",
    "EtfUnwind",
    "FacilityMilestone",
    "GoldTrend",
    "Hold",
    "Issuance",
    "IssuanceHoarded",
    "IssuanceNetOfAccount",
    "Lag",
    "Latch",
    "LeverageFlushed",
    "NearMeeting",
    "NetLiquidity",
    "NetLiquidityChange",
    "NetLiquidityZ",
    "OpenInterest",
    "OpenInterestBasisCorrelation",
    "OpenInterestChange",
    "OpenInterestUnwind",
    "OutrightPurchases",
    "PivotPressure",
    "PolicyDirection",
    "PolicyMove",
    "Rank",
    "RepoDemand",
    "RepoVolumeGrowth",
    "ReserveManagement",
    "ReserveRatio",
    "ReserveScarcity",
    "ReserveSpread",
    "Reserves",
    "ReservesChange",
    "ReverseRepo",
    "ReverseRepoBuffer",
    "ReverseRepoDepleted",
    "ReverseRepoRelease",
    "ShutdownOpen",
    "Signal",
    "SofrNetOfPolicy",
    "StablecoinGrowth",
    "StablecoinSupply",
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
    "TreasuryCompanyMnav",
    "TreasuryPurchases",
    "Trend",
    "TrendBreak",
    "UncushionedFill",
    "Volatility",
    "VolatilityRegime",
    "ZScore",
]
