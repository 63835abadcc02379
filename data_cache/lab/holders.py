"""Who holds the simulated coins, and with what money: leverage, funds, treasury companies, stablecoins.

Nothing in the lab follows from these: no price, rate or balance reads them. Open interest and flows into funds follow
the basis, because those who hold coins against a future are among both; values of companies follow prices. The funds
and companies bear real tickers, so that signals find them by their defaults, and have been there since the first day
of the lab, unlike the real ones; all their numbers are made up.
"""

import numpy as np
import pandas as pd

from data_cache.catalog_crypto import FIRST_FUNDS, LATER_FUNDS
from data_cache.lab.days import END, START, Knots, business_days, path
from data_cache.lab.derivatives import HURDLE, basis
from data_cache.lab.noise import autoregressive, stream

OPEN_INTEREST = {"BTC": 80_000.0, "ETH": 1_500_000.0}  # coins, while the basis is at its hurdle
LEVERAGE = 6.0  # of log open interest for each 100 % a year of basis above the hurdle

# $mn of net flow a day into all funds, for each 100 % a year by which the basis rose in a week, with bitcoin at PRICED.
# Flows are larger when it costs more, within bounds.
ARBITRAGE, PRICED, BOUNDS = 15_000.0, 50_000.0, (0.02, 3.0)
# What each fund has of it. GBTC, which charges the most, loses DRAIN a day besides.
SHARES = dict(zip((*FIRST_FUNDS, *LATER_FUNDS), (50, 19, 6, 9, 2, 1, 1, 2, 1, 5, 3, 1), strict=True))
DRAIN = 12.0
HELD_AT_FIRST = 1_000_000.0  # coins

# Company: the coin that it holds, coins at first, purchases a week as a fraction of what it holds, debt and preferred
# shares and cash as fractions of the coins' value at first.
COMPANIES = {
    "MSTR": ("BTC", 120_000.0, 0.004, (0.15, 0.10, 0.01)),
    "BMNR": ("ETH", 600_000.0, 0.006, (0.02, 0.01, 0.05)),
}
PREMIUM = 1.3  # typical market value over net assets
WORTH = (0.01, 1_900.0)  # $bn, what a company is worth at least and at most

STABLECOINS: Knots = (
    ("2018-01-01", 6.0), ("2020-03-15", 7.5), ("2022-04-01", 185), ("2023-10-01", 125),
    ("2025-12-01", 305), ("2026-07-01", 315),
)  # fmt: skip


def holders(seed: int, close: dict[str, pd.Series]) -> dict[str, pd.Series]:
    """The published values of each series by period.

    close : spot at the end of each UTC day, by asset
    """
    found = {f"OPEN_INTEREST_{asset}": open_interest(seed, asset, price) for asset, price in close.items()}
    for name, (coin, *_) in COMPANIES.items():
        found |= company(seed, name, close[coin])
    return found | funds(seed, close["BTC"]) | {"STABLECOINS": stablecoins(seed)}


def days() -> pd.DatetimeIndex:
    """Every day of the lab."""
    return pd.date_range(START, END, unit="ns", name="period")


def open_interest(seed: int, asset: str, close: pd.Series) -> pd.Series:
    """Coins at the end of each day: more while the basis pays, and noise that takes its time."""
    paid = basis(seed, asset, close.to_numpy()) - HURDLE
    noise = autoregressive(stream(seed, f"open interest:{asset}"), len(close), 30, 0.12)
    return pd.Series(OPEN_INTEREST[asset] * np.exp(LEVERAGE * paid + noise), days()).round(1)


def funds(seed: int, close: pd.Series) -> dict[str, pd.Series]:
    """Net flows, $bn, and coins held by all funds, on each business day."""
    paid = pd.Series(basis(seed, "BTC", close.to_numpy()), days())
    trading = business_days("SIFMA")
    trading = trading[trading >= START]
    random = stream(seed, "funds")
    together = 15 + ARBITRAGE * paid.diff(7).fillna(0).loc[trading].to_numpy() + random.normal(0, 150, len(trading))
    price = close.set_axis(days()).loc[trading].to_numpy()
    size = np.clip(price / PRICED, *BOUNDS)
    flows = {fund: np.round(size * _flow(random, fund, together), 1) for fund in SHARES}
    total = sum(flows.values())
    coins = HELD_AT_FIRST + np.cumsum(total * 1e6 / price)
    found = {f"ETF_FLOW_{name}": pd.Series(flow / 1e3, trading).round(4) for name, flow in flows.items()}
    found["ETF_FLOW_TOTAL"] = pd.Series(total / 1e3, trading).round(4)
    found["ETF_HOLDINGS_TOTAL"] = pd.Series(np.maximum(coins, 1.0), trading).round(1)
    return found


def _flow(random: np.random.Generator, fund: str, together: np.ndarray) -> np.ndarray:
    """Net flow of one fund on each business day, $mn, with bitcoin at PRICED: its share, its own, and the drain."""
    share = SHARES[fund] / 100
    own = random.normal(0, 15 + 100 * share, len(together))
    return share * together + own - DRAIN * (fund == "GBTC")


def company(seed: int, name: str, close: pd.Series) -> dict[str, pd.Series]:
    """What a treasury company holds, owes and is worth: coins on Sundays, values in $bn."""
    _, first, pace, (debt, preferred, cash) = COMPANIES[name]
    random = stream(seed, f"company:{name}")
    price = close.set_axis(days())
    sundays = days()[days().day_of_week == 6]
    bought = np.where(random.random(len(sundays)) < 0.5, random.exponential(2 * pace, len(sundays)), 0.0)
    coins = pd.Series(first * np.exp(np.cumsum(bought)), sundays).round(0)
    value = coins.reindex(days(), method="ffill").fillna(first) * price / 1e9
    quarters = days()[days().is_quarter_end]
    owed = pd.Series(first * price.iloc[0] / 1e9, quarters) * np.linspace(1, 4, len(quarters))
    premium = PREMIUM * np.exp(autoregressive(random, len(value), 60, 0.25))
    weekdays = days()[days().day_of_week < 5]
    claims = (debt + preferred - cash) * owed.reindex(days(), method="ffill").bfill()
    worth = (premium * value - claims).clip(*WORTH).loc[weekdays]
    parts = {"DEBT": debt * owed, "PREFERRED": preferred * owed, "CASH": cash * owed, "MARKET_CAP": worth}
    rounded = {f"COMPANY_{part}_{name}": values.round(4) for part, values in parts.items()}
    return rounded | {f"COMPANY_COINS_{name}": coins}


def stablecoins(seed: int) -> pd.Series:
    """Supply of all stablecoins at the end of each day, $bn."""
    noise = autoregressive(stream(seed, "stablecoins"), len(days()), 40, 0.02)
    return pd.Series(path(STABLECOINS, days()) * np.exp(noise), days()).round(4)
