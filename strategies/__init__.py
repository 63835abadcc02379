"""What to hold, one strategy per file. Exporting a strategy here puts it through the causality proof."""

from strategies.basis_reset import BasisReset
from strategies.benchmarks import BuyAndHold, FixedMix, TrendFollowing, VolatilityTarget
from strategies.blend import Blend
from strategies.capped import Capped
from strategies.corridor_shield import CorridorShield
from strategies.eth_rotation import EthRotation
from strategies.fed_purchases import FedPurchases
from strategies.fiscal_dominance import FiscalDominance
from strategies.funding_stress_exit import FundingStressExit
from strategies.funding_stress_pivot import FundingStressPivot
from strategies.gate import Gate
from strategies.net_liquidity_tide import NetLiquidityTide
from strategies.reserve_pivot import ReservePivot
from strategies.reserve_scarcity_exit import ReserveScarcityExit
from strategies.standing_repo_alarm import StandingRepoAlarm
from strategies.stealth_qe import StealthQE
from strategies.strategy import BTC_ETH, Book, Now, Strategy, Weights, spread
from strategies.term_premium_shield import TermPremiumShield
from strategies.treasury_release import TreasuryRelease
from strategies.volatility_scaled import VolatilityScaled

__all__ = [
    "BTC_ETH",
    "BasisReset",
    "Blend",
    "Book",
    "BuyAndHold",
    "Capped",
    "CorridorShield",
    "EthRotation",
    "FedPurchases",
    "FiscalDominance",
    "FixedMix",
    "FundingStressExit",
    "FundingStressPivot",
    "Gate",
    "NetLiquidityTide",
    "Now",
    "ReservePivot",
    "ReserveScarcityExit",
    "StandingRepoAlarm",
    "StealthQE",
    "Strategy",
    "TermPremiumShield",
    "TreasuryRelease",
    "TrendFollowing",
    "VolatilityScaled",
    "VolatilityTarget",
    "Weights",
    "spread",
]
