"""What the carry trade earns: the annualised basis of dated futures, or the funding of the perpetual.

Dated futures, 30-day constant maturity: y = ln(F / S) is the total log carry to an expiry
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

from signals.periods import Releases, utc_index
from signals.transforms import DAY, taken

SKIP_DAYS = 5  # a future that expires within five days is all noise
ALONE_DAYS = 7  # and one that stands alone needs seven
LONGEST_INTERVAL = DAY // 3  # no venue pays less often than every eight hours
COVERED = 0.9  # of the window must be covered by payments


def dated_basis(futures: pd.DataFrame, close: pd.Series, days: float) -> pd.Series:
    """Constant-maturity basis of dated futures, % a year, at each close of both at which a future serves.

    futures : closes, a column per expiry, by known_at      close : of the asset, by known_at
    """
    moments, spot = _synchronous(futures, close)
    order = np.argsort(futures.columns.asi8)
    price = futures.to_numpy(float)[:, order]
    row, column = np.nonzero(~np.isnan(price) & ~np.isnan(spot)[:, None])
    tau = (futures.columns.as_unit("ns").asi8[order][column] - moments[row]) / DAY
    carry = np.log(price[row, column] / spot[row])
    a_day = _carry_a_day(len(moments), row, tau, carry, days)
    known = ~np.isnan(a_day)
    return pd.Series(100 * 365 * a_day[known], utc_index(moments[known]))


def _synchronous(futures: pd.DataFrame, close: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """When the futures closed, and the asset's close of the same moment; NaN where it has none."""
    moments, closed = futures.index.as_unit("ns").asi8, close.index.as_unit("ns").asi8
    at = closed.searchsorted(moments)
    same = np.append(closed, -1)[at] == moments
    return moments, taken(close.to_numpy(float), np.where(same, at, -1))


def _carry_a_day(size: int, row: np.ndarray, tau: np.ndarray, carry: np.ndarray, days: float) -> np.ndarray:
    """Log carry a day of each of `size` moments; NaN where no future serves.

    row, tau, carry : of every quoted future, by moment and then by expiry, so that the last one of a row
    before `days` and the first one after it are the nearest
    """
    before = np.flatnonzero((tau >= SKIP_DAYS) & (tau <= days))
    after = np.flatnonzero((tau >= SKIP_DAYS) & (tau >= days))[::-1]
    near, far = np.full((2, size), -1)
    near[row[before]], far[row[after]] = before, after  # the last assignment to a moment stays
    tau1, tau2, y1, y2 = taken(tau, near), taken(tau, far), taken(carry, near), taken(carry, far)
    width = np.where(tau2 > tau1, tau2 - tau1, 1.0)
    between = (y1 + (y2 - y1) * (days - tau1) / width) / days
    alone = np.where(tau2 >= ALONE_DAYS, y2 / tau2, np.where(tau1 >= ALONE_DAYS, y1 / tau1, np.nan))
    return np.where((near >= 0) & (far >= 0), between, alone)


def funding_carry(payments: Releases, closes: pd.DatetimeIndex, days: float) -> pd.Series:
    """Funding over the last `days` days, % a year, at each of `closes` whose window is nine tenths covered.

    payments : releases of the funding rate, a fraction per interval; their period is the instant of payment
    """
    paid_at = payments.period.view(np.int64)
    interval = np.minimum(np.diff(paid_at, prepend=paid_at[:1]), LONGEST_INTERVAL)  # 0, unknown, for the first
    rate = np.where(interval > 0, payments.value, 0.0)
    closed = closes.as_unit("ns").asi8
    known_at = payments.known_at.view(np.int64)
    first, last = (known_at.searchsorted(edge, side="right") for edge in (closed - int(days * DAY), closed))
    covered, paid = _between(interval, first, last), _between(rate, first, last)
    enough = covered >= COVERED * days * DAY
    return pd.Series(100 * 365 * paid[enough] / (covered[enough] / DAY), utc_index(closed[enough]))


def _between(values: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """The sums of values[first:last], row by row."""
    total = np.append(np.zeros(1, values.dtype), np.cumsum(values))
    return total[last] - total[first]  # type: ignore[no-any-return]
