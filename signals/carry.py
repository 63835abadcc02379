"""What the carry trade earns: the annualised basis of dated futures, or the funding of the perpetual.

Dated futures, 30-day constant maturity (SIGNALS section 4): y = ln(F / S) is the total log carry to an expiry
that is tau days away. With expiries tau1 <= 30 <= tau2, at least five days away,

    y30 = y1 + (y2 - y1) x (30 - tau1) / (tau2 - tau1),      basis = 100 x y30 x 365 / 30,

and where no two expiries enclose 30 days, the one nearest to 30 days and at least seven away: 100 x y x 365 /
tau. Futures and spot are closes of the same moment.

Funding: 100 x 365 x (sum of what was paid in the last 30 days) / (days that these payments cover). Each
payment covers the time since the one before, at most eight hours: longer is a payment that is missing from
the record. That is the mean of funding per interval x intervals a year, by the true spacing. The premium of
many perpetuals rests on a baseline of 0.01% per eight hours, 10.95% a year: compare changes of the two, not
levels.
"""

import numpy as np
import pandas as pd

from signals.transforms import DAY

SKIP_DAYS = 5  # a future that expires within five days is all noise
ALONE_DAYS = 7  # and one that stands alone needs seven
LONGEST_INTERVAL_DAYS = 1 / 3  # no venue pays less often than every eight hours
COVERED = 0.9  # of the window must be covered by payments


def dated_basis(futures: pd.DataFrame, close: pd.Series, days: float) -> pd.Series:
    """Constant-maturity basis of dated futures, % a year, at each close of both; NaN where no future serves.

    futures : closes, a column per expiry, by known_at      close : of the asset, by known_at
    """
    both = futures.index.intersection(close.index)
    rows, spots = futures.index.get_indexer(both), close.index.get_indexer(both)
    order = np.argsort(futures.columns.asi8)
    price = futures.to_numpy(float)[rows][:, order]
    expiry = futures.columns.as_unit("ns").asi8[order]
    tau = np.where(np.isnan(price), np.nan, (expiry - both.as_unit("ns").asi8[:, None]) / DAY)
    carry = _carry(price, close.to_numpy(float)[spots])
    return pd.Series(100 * 365 * _per_day(tau, carry, days), both)


def _carry(price: np.ndarray, spot: np.ndarray) -> np.ndarray:
    return np.log(np.ascontiguousarray(price / spot[:, None]))  # type: ignore[no-any-return]


def _per_day(tau: np.ndarray, carry: np.ndarray, days: float) -> np.ndarray:
    """Log carry a day: between the expiries around `days`, else of the nearest one."""
    near, tau1 = _pick(np.where((tau >= SKIP_DAYS) & (tau <= days), days - tau, np.inf), tau)
    far, tau2 = _pick(np.where(tau >= max(days, SKIP_DAYS), tau - days, np.inf), tau)
    alone, tau0 = _pick(np.where(tau >= ALONE_DAYS, np.abs(tau - days), np.inf), tau)
    y1, y2, y0 = (np.take_along_axis(carry, pick[:, None], axis=1)[:, 0] for pick in (near, far, alone))
    width = np.where(tau2 > tau1, tau2 - tau1, 1.0)
    between = (y1 + (y2 - y1) * (days - tau1) / width) / days
    return np.where(np.isnan(tau1 + tau2), y0 / tau0, between)  # type: ignore[no-any-return]


def _pick(distance: np.ndarray, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The column of the smallest distance in each row, and its tau; NaN where all distances are infinite."""
    column = distance.argmin(axis=1)
    chosen = np.take_along_axis(tau, column[:, None], axis=1)[:, 0]
    found = np.isfinite(np.take_along_axis(distance, column[:, None], axis=1)[:, 0])
    return column, np.where(found, chosen, np.nan)


def funding_carry(payments: pd.DataFrame, closes: pd.DatetimeIndex, days: float) -> pd.Series:
    """Funding over the last `days` days, % a year, at each of `closes`.

    payments : releases of the funding rate, a fraction per interval
    NaN unless nine tenths of the window are covered by payments.
    """
    paid_at = payments["period"].to_numpy().astype(np.int64)
    interval = np.minimum(np.diff(paid_at, prepend=paid_at[:1]) / DAY, LONGEST_INTERVAL_DAYS)
    rate = np.where(interval > 0, payments["value"].to_numpy(float), 0.0)
    last = payments.index.asi8.searchsorted(closes.asi8, side="right")
    first = payments.index.asi8.searchsorted(closes.asi8 - int(days * DAY), side="right")
    covered, paid = _between(interval, first, last), _between(rate, first, last)
    enough = covered >= COVERED * days
    return pd.Series(100 * 365 * paid / np.where(enough, covered, np.nan), closes)


def _between(values: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """The sums of values[first:last], row by row."""
    total = np.r_[0.0, np.cumsum(values)]
    return total[last] - total[first]  # type: ignore[no-any-return]
