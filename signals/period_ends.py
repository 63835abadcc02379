"""The days around the end of a month, when balance sheets are dressed and repo rates jump."""

from functools import cache

import numpy as np

from data_cache.releases import FIRST_YEAR, LAST_YEAR, calendar
from signals.periods import Releases

FIRST_DAY = np.datetime64(f"{FIRST_YEAR}-01-01", "D")


def at_period_end(periods: np.ndarray) -> np.ndarray:
    """Whether each period is the last or the first business day of its month in the repo market.

    Quarter and year ends are month ends. The calendar is known years ahead, so nothing here looks ahead.
    The month end and its neighbour are left out because SOFR and take-up jump then and are back the
    day after.

    >>> days = ["2025-10-30", "2025-10-31", "2025-11-03", "2025-11-04"]
    >>> at_period_end(np.array(days, "datetime64[ns]")).tolist()
    [False, True, True, False]
    """
    return _ends()[(periods.astype("datetime64[D]") - FIRST_DAY).astype(np.int64)]


def without_period_ends(releases: Releases) -> Releases:
    """The releases whose period is not at the end of a month."""
    return releases.those(~at_period_end(releases.period))


@cache
def _ends() -> np.ndarray:
    """For every day of the calendars: whether the business day before or after is in another month."""
    days = np.arange(FIRST_DAY, np.datetime64(f"{LAST_YEAR}-12-31", "D"))
    month = days.astype("datetime64[M]")
    after = np.busday_offset(days, 1, roll="backward", busdaycal=calendar("REPO")).astype("datetime64[M]")
    before = np.busday_offset(days, -1, roll="forward", busdaycal=calendar("REPO")).astype("datetime64[M]")
    return (after != month) | (before != month)  # type: ignore[no-any-return]
