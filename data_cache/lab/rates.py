"""Policy, the money market and the yield curve: SOFR leaves its floor as reserves grow scarce."""

import numpy as np
import pandas as pd

from data_cache.lab.days import (
    Knots,
    business_days,
    calendar_days,
    desk_days,
    last_bank_day,
    path,
    steps,
    tax_days,
)
from data_cache.lab.noise import autoregressive, stream

FACILITY_OPENS = pd.Timestamp("2021-07-29")  # standing repo, and IORB as one rate
SOFR_STARTS = pd.Timestamp("2018-04-03")

# Upper bound of the target range, %, from its effective date on: the public record.
UPPER: Knots = (
    ("2018-01-01", 1.50), ("2018-03-22", 1.75), ("2018-06-14", 2.00), ("2018-09-27", 2.25),
    ("2018-12-20", 2.50), ("2019-08-01", 2.25), ("2019-09-19", 2.00), ("2019-10-31", 1.75),
    ("2020-03-04", 1.25), ("2020-03-16", 0.25), ("2022-03-17", 0.50), ("2022-05-05", 1.00),
    ("2022-06-16", 1.75), ("2022-07-28", 2.50), ("2022-09-22", 3.25), ("2022-11-03", 4.00),
    ("2022-12-15", 4.50), ("2023-02-02", 4.75), ("2023-03-23", 5.00), ("2023-05-04", 5.25),
    ("2023-07-27", 5.50), ("2024-09-19", 5.00), ("2024-11-08", 4.75), ("2024-12-19", 4.50),
    ("2025-09-18", 4.25), ("2025-10-30", 4.00), ("2025-12-11", 3.75),
)  # fmt: skip
# The reverse repo award rate above the lower bound, %.
AWARD: Knots = (("2018-01-01", 0.0), ("2021-06-17", 0.05), ("2024-12-19", 0.0))
# Reserves below which banks outbid each other, $bn: grows with their balance sheets.
DEMAND: Knots = (
    ("2018-01-01", 1050), ("2019-09-01", 1355), ("2020-03-01", 1420), ("2023-06-01", 2250),
    ("2024-09-01", 2750), ("2025-09-01", 3010), ("2026-07-01", 3060),
)  # fmt: skip
REPO_VOLUME: Knots = (
    ("2018-01-01", 820), ("2020-03-01", 1150), ("2021-06-01", 880), ("2023-01-01", 1100),
    ("2024-06-01", 1950), ("2025-10-01", 2900), ("2026-07-01", 3150),
)  # fmt: skip
TERM_PREMIUM: Knots = (
    ("2018-01-01", -0.25), ("2019-09-01", -0.85), ("2020-08-01", -0.75), ("2021-04-01", 0.05),
    ("2022-03-01", -0.10), ("2023-07-01", -0.10), ("2023-10-20", 0.45), ("2024-09-01", 0.00),
    ("2025-01-15", 0.55), ("2026-07-01", 0.65),
)  # fmt: skip
NEUTRAL: Knots = (
    ("2018-01-01", 2.8), ("2020-08-01", 1.7), ("2022-06-01", 2.9), ("2024-01-01", 3.4),
    ("2026-07-01", 3.5),
)  # fmt: skip


def policy() -> pd.DataFrame:
    """The corridor on every calendar day, %: upper, lower, iorb (upper - 0.10), award; without noise."""
    days = calendar_days()
    upper = steps(UPPER, days)
    lower = upper - 0.25
    corridor = {"upper": upper, "lower": lower, "iorb": upper - 0.10, "award": lower + steps(AWARD, days)}
    return pd.DataFrame(corridor, index=days).round(2)


def money_market(seed: int, reserves: pd.Series) -> pd.DataFrame:
    """sofr, sofr99, effr (%), volume and srf ($bn) on bank days; no SOFR while the repo market is shut.

    Spread to IORB, in bps, with s = ln(1 + exp((demand - reserves) / 130)), smooth, convex and positive:
    SOFR - IORB = -8 + 9 s + (0.25 + s) x calendar + noise, where calendar is the strain of period ends and
    tax dates. The facility lends at the upper bound once SOFR meets it.
    """
    days = business_days("FEDBANK")
    corridor = policy().loc[days]
    scarce = scarcity(reserves.loc[days])
    noise = autoregressive(stream(seed, "sofr"), len(days), 3, 1.2)
    spread = -8 + 9 * scarce + (0.25 + scarce) * calendar_strain(days) + noise
    sofr = (corridor["iorb"] + spread / 100).clip(lower=corridor["award"] - 0.02).round(2)
    tail = 3 + (2 + 5 * scarce + 0.5 * calendar_strain(days)) * np.exp(0.25 * _normal(seed, "sofr99", days))
    effr = corridor["iorb"] - 0.07 + 0.02 * np.tanh(scarce / 2) + 0.004 * _normal(seed, "effr", days)
    market = {"sofr": sofr, "sofr99": (sofr + tail / 100).round(2), "effr": effr.round(2)}
    market |= {"volume": repo_volume(seed, days), "srf": take_up(seed, sofr, corridor["upper"])}
    return _only_when_open(pd.DataFrame(market))


def scarcity(reserves: pd.Series) -> np.ndarray:
    """How scarce reserves ($bn, by day) are: near 0 while ample, then 1 for each 130 below demand."""
    return np.logaddexp(0, (path(DEMAND, reserves.index) - reserves.to_numpy()) / 130)  # type: ignore[no-any-return]


def calendar_strain(days: pd.DatetimeIndex) -> np.ndarray:
    """Basis points by which period ends and tax dates lift SOFR where scarcity is 0.75."""
    ends = 4 * last_bank_day(days, "M") + 6 * last_bank_day(days, "Q") + 5 * last_bank_day(days, "Y")
    taxes = np.logical_or.reduce([days.isin(tax_days(month)) for month in (1, 4, 6, 9)])
    strain = ends + 5.0 * taxes
    # Some of it is still there a day later.
    return strain + 0.4 * np.append(0.0, strain[:-1])  # type: ignore[no-any-return]


def take_up(seed: int, sofr: pd.Series, ceiling: pd.Series) -> pd.Series:
    """Standing repo take-up in $bn: 0 below the ceiling, about 1 at it, 2.3 more for each bp above."""
    above_bps = (100 * (sofr - ceiling)).round()
    size = (1 + 2.3 * above_bps) * np.exp(0.3 * _normal(seed, "srf", sofr.index))
    return size.where(above_bps >= 0, 0.0).round(3)


def repo_volume(seed: int, days: pd.DatetimeIndex) -> np.ndarray:
    """The volume behind SOFR, whole $bn."""
    noise = np.exp(autoregressive(stream(seed, "volume"), len(days), 10, 0.03) + 0.04 * last_bank_day(days, "Q"))
    return np.round(path(REPO_VOLUME, days) * noise)


def yields(seed: int) -> pd.DataFrame:
    """dgs3mo, dgs1, dgs2, dgs10, dtb3 and term_premium on SIFMA days, %.

    A yield is the mean policy rate that the market expects over its life; part of the coming steps is
    foreseen, the rest of the weight lies on today's rate. Beyond two years rates go to neutral, and ten years
    earn the term premium. dtb3 is dgs3mo on a discount basis: (1 - 1 / (1 + y 91/365)) 360/91.
    """
    days = business_days("SIFMA")
    premium = path(TERM_PREMIUM, days) + autoregressive(stream(seed, "term premium"), len(days), 90, 0.12)
    short = {
        "dgs3mo": _expected(days, 91, 0.8) + autoregressive(stream(seed, "3mo"), len(days), 10, 0.03),
        "dgs1": _expected(days, 365, 0.6) + autoregressive(stream(seed, "1y"), len(days), 20, 0.08),
        "dgs2": _expected(days, 730, 0.5) + autoregressive(stream(seed, "2y"), len(days), 40, 0.14),
    }
    far = autoregressive(stream(seed, "10y"), len(days), 60, 0.10)
    curve = pd.DataFrame(short, index=days).clip(lower=0.01)
    curve["dgs10"] = 0.3 * curve["dgs2"] + 0.7 * path(NEUTRAL, days) + premium + far
    curve = curve.clip(lower=0.01).round(2)
    curve["dtb3"] = (100 * _discount(curve["dgs3mo"] / 100)).round(2)
    return curve.assign(term_premium=premium.round(4))


def _expected(days: pd.DatetimeIndex, life: int, foreseen: float) -> np.ndarray:
    middle = policy()["upper"].to_numpy() - 0.125
    total = np.append(0.0, np.cumsum(np.append(middle, np.full(life, middle[-1]))))
    mean = (total[life : life + len(middle)] - total[: len(middle)]) / life
    row = calendar_days().get_indexer(days)
    return foreseen * mean[row] + (1 - foreseen) * middle[row]  # type: ignore[no-any-return]


def _discount(rate: pd.Series) -> pd.Series:
    return (1 - 1 / (1 + rate * 91 / 365)) * 360 / 91


def _normal(seed: int, component: str, days: pd.DatetimeIndex) -> np.ndarray:
    return stream(seed, component).standard_normal(len(days))


def _only_when_open(market: pd.DataFrame) -> pd.DataFrame:
    secured = market.index.isin(business_days("REPO")) & (market.index >= SOFR_STARTS)
    lending = market.index.isin(desk_days()) & (market.index >= FACILITY_OPENS)
    rates = {column: market[column].where(secured) for column in ("sofr", "sofr99", "volume")}
    return market.assign(**rates, srf=market["srf"].where(lending))
