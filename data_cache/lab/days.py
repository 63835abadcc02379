"""The days of the simulated world: which there are, which are business days, and what falls on them."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd

from data_cache import releases

START, END = pd.Timestamp("2018-01-01"), pd.Timestamp("2026-06-30")
# The books open a little earlier, so that the first weekly average has a whole week behind it.
BOOKS_OPEN = pd.Timestamp("2017-12-18")

Knots = Sequence[tuple[str, float]]


@cache
def calendar_days() -> pd.DatetimeIndex:
    """Every day from the opening of the books to the end."""
    return pd.date_range(BOOKS_OPEN, END, unit="ns", name="period")


@cache
def business_days(name: str) -> pd.DatetimeIndex:
    """The business days of calendar `name` (FEDBANK, SIFMA, ...) from the opening of the books."""
    return releases.business_days(name, BOOKS_OPEN, END).rename("period")


def desk_days() -> pd.DatetimeIndex:
    """The days on which the Desk operates: banks and repo market are both open."""
    return business_days("FEDBANK").intersection(business_days("REPO"))


def or_next_bank_day(dates: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Each date, or the next day on which the Reserve Banks are open; dates outside the books are dropped."""
    banks = business_days("FEDBANK")
    inside = dates[(dates >= banks[0]) & (dates <= banks[-1])]
    return banks[banks.searchsorted(inside)]


def tax_days(month: int) -> pd.DatetimeIndex:
    """The 15th of `month` of each year, or the next bank day: corporate and estimated taxes are paid."""
    months = pd.date_range(BOOKS_OPEN, END, freq="MS", unit="ns")
    return or_next_bank_day(months[months.month == month] + pd.Timedelta(days=14))


def benefit_days() -> pd.DatetimeIndex:
    """The 3rd of each month, or the next bank day: the Treasury pays pensions."""
    months = pd.date_range(BOOKS_OPEN, END, freq="MS", unit="ns")
    return or_next_bank_day(months + pd.Timedelta(days=2))


def settlement_days() -> pd.DatetimeIndex:
    """The 1st and the 15th, or the next bank day: Treasury coupons settle, the Fed's own among them."""
    months = pd.date_range(BOOKS_OPEN, END, freq="MS", unit="ns")
    return or_next_bank_day(months.union(months + pd.Timedelta(days=14)))


def last_bank_day(days: pd.DatetimeIndex, period: str) -> np.ndarray:
    """True on the last of `days` in each period: "M" month, "Q" quarter, "Y" year."""
    label = days.to_period(period).asi8
    return np.append(label[1:] != label[:-1], True)


def path(knots: Knots, days: pd.DatetimeIndex) -> np.ndarray:
    """A level on each of `days`, straight lines between the dated knots, flat outside them."""
    dates = pd.DatetimeIndex([date for date, _ in knots]).as_unit("ns")
    return np.interp(days.asi8, dates.asi8, [level for _, level in knots])  # type: ignore[no-any-return]


def steps(knots: Knots, days: pd.DatetimeIndex) -> np.ndarray:
    """A level on each of `days` that holds from its date until the next; the first also before it."""
    dates = pd.DatetimeIndex([date for date, _ in knots]).as_unit("ns")
    row = dates.searchsorted(days, side="right") - 1
    return np.array([level for _, level in knots])[np.maximum(row, 0)]  # type: ignore[no-any-return]


def decaying(dates: pd.DatetimeIndex, amount: float, life: float, days: pd.DatetimeIndex) -> np.ndarray:
    """What is left on each of `days` of an `amount` received on each of `dates`: e-fold in `life` days."""
    elapsed = (days.asi8[:, None] - dates.asi8) / 86_400e9
    left = np.where(elapsed >= 0, np.exp(-np.maximum(elapsed, 0) / life), 0)
    return amount * left.sum(axis=1)  # type: ignore[no-any-return]
