"""The Fed's balance sheet: every day, assets = reserves + TGA + RRP + currency + other.

Phases and dates follow the public record in outline (quantitative easing of 2020, tightening of 2022-25,
reserve management from December 2025, debt ceilings, a shutdown); the levels between them, and all noise, are
made up.
"""

import numpy as np
import pandas as pd

from data_cache.lab.days import (
    Knots,
    benefit_days,
    business_days,
    calendar_days,
    decaying,
    last_bank_day,
    or_next_bank_day,
    path,
    settlement_days,
    tax_days,
)
from data_cache.lab.noise import autoregressive, stream

ASSETS = ["bonds", "bills", "mortgages", "loans", "repo"]
LIABILITIES = ["reserves", "tga", "rrp", "currency", "other"]

# The government is shut over these days: it still collects, and spends less.
SHUTDOWN = (pd.Timestamp("2025-10-01"), pd.Timestamp("2025-11-12"))
SHUTDOWN_BUILD = 190.0  # $bn that piles up in the TGA by the last day of the shutdown

# Treasuries other than bills, $bn: down to 2019, the purchases of 2020-22, down to December 2025.
BONDS: Knots = (
    ("2018-01-01", 2450), ("2019-08-01", 2080), ("2020-03-10", 2170), ("2020-04-20", 3350),
    ("2020-07-01", 3870), ("2022-03-10", 5430), ("2022-06-01", 5440), ("2024-06-01", 4250),
    ("2025-04-01", 4030), ("2026-07-01", 3990),
)  # fmt: skip
# Bills: bought from October 2019 and, for reserve management, from 12 December 2025.
BILLS: Knots = (
    ("2019-10-14", 0), ("2020-03-15", 240), ("2020-05-01", 326), ("2022-08-01", 326),
    ("2023-07-01", 200), ("2025-12-11", 195), ("2026-05-01", 445), ("2026-07-01", 525),
)  # fmt: skip
MORTGAGES: Knots = (
    ("2018-01-01", 1765), ("2020-03-10", 1370), ("2020-07-01", 1910), ("2022-04-01", 2730),
    ("2025-12-11", 2050), ("2026-07-01", 1960),
)  # fmt: skip
# Loans, swaps and all other assets: the crisis lending of spring 2020 and of March 2023 comes and goes.
LOANS: Knots = (
    ("2018-01-01", 240), ("2019-09-15", 210), ("2019-12-31", 400), ("2020-03-05", 350),
    ("2020-05-01", 930), ("2020-08-01", 480), ("2021-06-01", 330), ("2023-03-08", 290),
    ("2023-03-22", 610), ("2023-06-01", 530), ("2024-03-01", 440), ("2025-01-15", 290),
    ("2026-07-01", 280),
)  # fmt: skip
CURRENCY: Knots = (
    ("2018-01-01", 1570), ("2020-03-01", 1750), ("2021-01-01", 2050), ("2022-06-01", 2240),
    ("2024-01-01", 2340), ("2026-07-01", 2470),
)  # fmt: skip
OTHER: Knots = (
    ("2018-01-01", 470), ("2021-06-01", 560), ("2022-12-01", 590), ("2025-06-01", 460),
    ("2026-07-01", 450),
)  # fmt: skip
# The Treasury's account: the pandemic's hoard, run-downs to the debt ceilings of 2019, 2021, 2023 and 2025.
TGA: Knots = (
    ("2018-01-01", 210), ("2018-06-01", 330), ("2019-03-01", 340), ("2019-07-31", 150),
    ("2019-09-20", 330), ("2020-03-20", 390), ("2020-07-01", 1560), ("2021-01-15", 1480),
    ("2021-07-31", 450), ("2021-10-12", 110), ("2021-12-14", 90), ("2022-02-15", 600),
    ("2022-05-01", 780), ("2022-12-15", 450), ("2023-01-19", 400), ("2023-05-31", 60),
    ("2023-07-15", 500), ("2023-11-01", 720), ("2025-01-10", 680), ("2025-06-30", 330),
    ("2025-09-01", 780), ("2026-07-01", 800),
)  # fmt: skip
# Money funds' cash at the Fed: fills in 2021-22, drains from mid-2023, next to nothing from August 2025.
RRP: Knots = (
    ("2018-01-01", 6), ("2021-03-15", 4), ("2021-04-30", 180), ("2021-06-20", 750),
    ("2021-09-30", 1350), ("2021-12-15", 1620), ("2022-06-15", 2180), ("2023-05-31", 2230),
    ("2023-09-30", 1450), ("2023-12-20", 760), ("2024-03-15", 480), ("2024-12-15", 150),
    ("2025-06-30", 150), ("2025-08-15", 22), ("2025-11-01", 5),
)  # fmt: skip


def balance_sheet(seed: int) -> pd.DataFrame:
    """Levels in $bn on every calendar day, columns `ASSETS` and `LIABILITIES`; repo is still zero.

    Stocks move on bank days only and hold over weekends and holidays. All are whole millions, and reserves
    are what is left of the assets, so the sheet adds up to the last million.
    """
    days = business_days("FEDBANK")
    tga = treasury_account(seed, days)
    sheet = pd.DataFrame(assets(seed, days), index=days)
    sheet["tga"], sheet["rrp"] = tga, reverse_repo(seed, days, tga)
    sheet["currency"] = path(CURRENCY, days) + 12 * decaying(_christmas(days), 1, 20, days)
    sheet["other"] = path(OTHER, days) + autoregressive(stream(seed, "other"), len(days), 20, 12)
    sheet = sheet.round(3)
    free = ["tga", "rrp", "currency", "other"]
    sheet["reserves"] = (sheet[ASSETS].sum(axis=1) - sheet[free].sum(axis=1)).round(3)
    return sheet[ASSETS + LIABILITIES].reindex(calendar_days(), method="ffill")


def with_repo(sheet: pd.DataFrame, take_up: pd.Series) -> pd.DataFrame:
    """The same sheet with cash lent through the standing repo facility: an asset, and reserves.

    take_up : $bn by operation date; overnight money, so it stays on the sheet until the next operation
    """
    lent = take_up.dropna().reindex(sheet.index, method="ffill").fillna(0.0)
    return sheet.assign(repo=lent, reserves=(sheet["reserves"] + lent).round(3))


def assets(seed: int, days: pd.DatetimeIndex) -> dict[str, np.ndarray]:
    """What the Fed holds, $bn: bought day by day, redeemed where coupons mature."""
    return {
        "bonds": _maturing(BONDS, days),
        "bills": path(BILLS, days),
        "mortgages": _maturing(MORTGAGES, days),
        "loans": path(LOANS, days) + autoregressive(stream(seed, "loans"), len(days), 30, 8),
        "repo": np.zeros(len(days)),
    }


def treasury_account(seed: int, days: pd.DatetimeIndex) -> np.ndarray:
    """The Treasury's cash, $bn: phases, tax dates, settlements, the shutdown, noise; never below 15."""
    season = seasonal_cash(days)
    fast = autoregressive(stream(seed, "tga:daily"), len(days), 4, 16)
    slow = autoregressive(stream(seed, "tga:weekly"), len(days), 45, 55)
    raw = path(TGA, days) + (season - season.mean()) + _shutdown_build(days) + fast + slow
    # A smooth floor: the cheques must clear.
    return 15 + 25 * np.logaddexp(0, (raw - 15) / 25)  # type: ignore[no-any-return]


def seasonal_cash(days: pd.DatetimeIndex) -> np.ndarray:
    """What tax dates and coupon settlements bring and the third of a month takes, $bn."""
    quarterly = np.sum([decaying(tax_days(month), 60, 16, days) for month in (1, 6, 9)], axis=0)
    april, coupons = decaying(tax_days(4), 150, 45, days), decaying(settlement_days(), 28, 7, days)
    return quarterly + april + coupons - decaying(benefit_days(), 32, 9, days)  # type: ignore[no-any-return]


def reverse_repo(seed: int, days: pd.DatetimeIndex, tga: np.ndarray) -> np.ndarray:
    """Money funds' overnight cash at the Fed, $bn.

    While it is large it cushions reserves: money funds pay for up to a third of what the Treasury raises
    above its phase. Dealers shrink at quarter-ends, and cash that finds no other home comes for a night or
    two.
    """
    base = path(RRP, days)
    base = base * np.exp(autoregressive(stream(seed, "rrp"), len(days), 8, 0.02))
    cushion = 0.33 * base / (base + 300) * (tga - path(TGA, days))
    return np.maximum(base - cushion, 0.5) + quarter_end_cash(seed, days, base)  # type: ignore[no-any-return]


def quarter_end_cash(seed: int, days: pd.DatetimeIndex, base: np.ndarray) -> np.ndarray:
    """What comes for the last bank day of a quarter, $bn; 30 percent of it a day earlier and later."""
    at = last_bank_day(days, "Q").astype(float)
    size = at * (40 + 0.06 * base) * np.exp(0.3 * stream(seed, "rrp:quarter").standard_normal(len(days)))
    return size + 0.3 * (np.append(size[1:], 0.0) + np.append(0.0, size[:-1]))  # type: ignore[no-any-return]


def _maturing(knots: Knots, days: pd.DatetimeIndex) -> np.ndarray:
    smooth = path(knots, days)
    settled = settlement_days()
    held = smooth[days.searchsorted(settled)][np.maximum(settled.searchsorted(days, side="right") - 1, 0)]
    # Where the path rises, the smooth one is higher: purchases; where it falls, the held one: redemptions.
    return np.maximum(smooth, held)  # type: ignore[no-any-return]


def _shutdown_build(days: pd.DatetimeIndex) -> np.ndarray:
    first, last = SHUTDOWN
    piled_up = np.clip((days - first) / (last - first), 0, 1)
    left = np.exp(-np.maximum((days - last).days, 0) / 12)
    return SHUTDOWN_BUILD * piled_up.to_numpy() * left.to_numpy()  # type: ignore[no-any-return]


def _christmas(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    return or_next_bank_day(pd.DatetimeIndex([f"{year}-12-18" for year in range(days[0].year, days[-1].year)]))
