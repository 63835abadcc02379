"""What stands around the simulated dollar system: debt, bills, custody, banks, gold, and the facility's rate.

Nothing in the lab follows from these: no rate, balance or price reads them. They are there so that every signal
has something to be computed from, and each has noise of its own.
"""

import numpy as np
import pandas as pd

from data_cache.lab.days import Knots, business_days, calendar_days, desk_days, path
from data_cache.lab.noise import autoregressive, stream
from data_cache.lab.rates import FACILITY_OPENS

# What the Treasury has borrowed and spent, $bn: debt less the cash in its account.
SPENT: Knots = (
    ("2018-01-01", 20_300), ("2020-03-20", 23_100), ("2020-07-01", 25_000), ("2022-02-01", 29_400),
    ("2023-06-01", 31_700), ("2025-01-01", 35_500), ("2026-07-01", 38_700),
)  # fmt: skip
MARKETABLE_SHARE = 0.77  # of all debt; the rest is owed to government funds, or to savers
BILL_SHARE: Knots = (
    ("2018-01-01", 0.145), ("2020-03-15", 0.15), ("2020-07-01", 0.25), ("2022-10-01", 0.155),
    ("2023-06-01", 0.165), ("2024-06-01", 0.215), ("2026-07-01", 0.225),
)  # fmt: skip
CUSTODY: Knots = (("2018-01-01", 3_050), ("2021-07-01", 3_120), ("2023-01-01", 2_950), ("2026-07-01", 2_750))
BANK_ASSETS: Knots = (
    ("2018-01-01", 16_800), ("2020-02-15", 17_900), ("2021-12-31", 22_600), ("2023-06-01", 22_900),
    ("2026-07-01", 25_000),
)  # fmt: skip
GOLD: Knots = (
    ("2018-01-01", 1_310), ("2020-08-01", 1_950), ("2022-10-01", 1_660), ("2024-03-01", 2_080),
    ("2025-10-15", 4_050), ("2026-07-01", 4_300),
)  # fmt: skip


def surroundings(seed: int, sheet: pd.DataFrame, corridor: pd.DataFrame) -> dict[str, pd.Series]:
    """The published values of each series by period.

    sheet, corridor : of `balance_sheet.balance_sheet` and `rates.policy`
    """
    owed = debt(seed, sheet["tga"])
    return {
        "SRFTSYD": corridor["upper"].loc[desk_days()].loc[FACILITY_OPENS:],
        "DEBT": owed,
        **monthly_debt(seed, owed),
        "WMTSECL1": weekly(seed, "custody", CUSTODY, 0.012),
        "TLAACBW027SBOG": weekly(seed, "bank assets", BANK_ASSETS, 0.004),
        "GOLD": gold(seed),
    }


def debt(seed: int, account: pd.Series) -> pd.Series:
    """Public debt at the end of each bank day, $bn: all that was borrowed is spent or lies in the account."""
    days = business_days("FEDBANK")
    noise = autoregressive(stream(seed, "debt"), len(days), 20, 15)
    return pd.Series(path(SPENT, days) + noise, days).add(account.loc[days]).round(3)


def monthly_debt(seed: int, owed: pd.Series) -> dict[str, pd.Series]:
    """Marketable debt and bills at the end of each month, $bn."""
    ends = calendar_days()[calendar_days().is_month_end]
    marketable = MARKETABLE_SHARE * owed.reindex(ends, method="ffill")
    share = path(BILL_SHARE, ends) + autoregressive(stream(seed, "bills"), len(ends), 3, 0.004)
    return {"BILLS_OUTSTANDING": (share * marketable).round(3), "MARKETABLE_DEBT": marketable.round(3)}


def weekly(seed: int, component: str, knots: Knots, spread: float) -> pd.Series:
    """A level on each Wednesday, $bn: a path and noise of `spread`, a fraction."""
    days = calendar_days()[calendar_days().day_of_week == 2]
    noise = autoregressive(stream(seed, component), len(days), 20, spread)
    return pd.Series(path(knots, days) * np.exp(noise), days).round(3)


def gold(seed: int) -> pd.Series:
    """The price of an ounce at the end of each UTC day, $."""
    days = calendar_days()
    noise = autoregressive(stream(seed, "gold"), len(days), 90, 0.05)
    return pd.Series(path(GOLD, days) * np.exp(noise), days).round(2)
