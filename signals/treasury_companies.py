"""Companies that hold coins as their treasury: whether they can still buy, and how much they did.

Essay D (10 December 2025, mechanism 26): MSTR near an mNAV of 1 was not forced to sell but bought 10,624 BTC ($963mn)
in a week, and BMNR bought $429mn of ETH; bitcoin's market capitalisation is five times ETH's, so a dollar weighs
more there. The numbers come from files of yours, values in $bn: what was filed (template company_filings.csv:
date, published_at, coins, debt, preferred, cash) and market capitalisation (company_market_cap.csv: date, value).
Purchases are announced on Mondays in an 8-K: `published_at` is the time of the filing. Market capitalisation is wanted
of every trading day, or mNAV sets an old value against today's price.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.errors import UnknownName
from data_cache.market import Known
from signals.periods import period_change, released, together
from signals.signal import Signal

# Coins in existence, for market capitalisations: of bitcoin within 8% since such companies began to buy (18.5m in
# August 2020, 20.0m in 2026), of ETH within 1% since September 2022.
IN_EXISTENCE = {"BTC": 19.9e6, "ETH": 120.7e6}


@dataclass(frozen=True)
class TreasuryCompanyMnav(Signal):
    """Market value of a treasury company over its net assets in coins, a ratio. Mechanism 26, essay D.

    formula : mNAV = (market capitalisation + debt + preferred shares - cash) / (coins x close), each as last known
    sign : below 1 new shares buy no coins any more: less demand, and a risk of supply; weeks to months
    needs : COMPANY_MARKET_CAP_, COMPANY_DEBT_, COMPANY_PREFERRED_, COMPANY_CASH_ and COMPANY_COINS_ of the company
    """

    company: str = "MSTR"
    asset: str = "BTC"

    @property
    def needs(self) -> tuple[str, ...]:
        """What the company is worth, owes and holds, and the asset's bars."""
        parts = ("MARKET_CAP", "DEBT", "PREFERRED", "CASH", "COINS")
        return (*(f"COMPANY_{part}_{self.company}" for part in parts), f"bars:{self.asset}")

    def compute(self, known: Known) -> pd.Series:
        """Values whenever one of the parts becomes known."""
        parts = [released(known, need).series() for need in self.needs[:-1]]
        return together(_mnav, *parts, known.bars(self.asset)["close"])


@dataclass(frozen=True)
class TreasuryPurchases(Signal):
    """Coins that a treasury company bought over `days` days as a share of all, basis points. Mechanism 26, essay D.

    formula : 10,000 x (coins held - those held `days` days before, by the dates of the filings) / coins in existence,
    which is dollars spent / market capitalisation; NaN until there is a filing so old
    sign : + for the asset against others, weeks. Negative: sold
    caveat : coins in existence are a round number (BTC 19.9m, ETH 120.7m)
    """

    company: str = "BMNR"
    asset: str = "ETH"
    days: int = 28

    @property
    def needs(self) -> tuple[str, ...]:
        """The company's coins."""
        return (f"COMPANY_COINS_{self.company}",)

    def compute(self, known: Known) -> pd.Series:
        """Values whenever a filing becomes known; UnknownName for an asset whose number of coins is not known here."""
        if self.asset not in IN_EXISTENCE:
            raise UnknownName.among("asset", self.asset, IN_EXISTENCE, owner="coins in existence")
        bought = period_change(released(known, self.needs[0]), self.days)
        return 10_000 * bought / IN_EXISTENCE[self.asset]


def _mnav(*parts: np.ndarray) -> np.ndarray:
    worth, debt, preferred, cash, coins, close = parts
    assets = coins * close / 1e9
    return (worth + debt + preferred - cash) / np.where(assets > 0, assets, np.nan)  # type: ignore[no-any-return]
