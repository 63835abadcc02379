"""The days around the end of a month, when balance sheets are dressed and repo rates jump."""

import numpy as np
import pandas as pd

from data_cache.releases import calendar


def at_period_end(periods: pd.Series) -> np.ndarray:
    """Whether each period is the last or the first business day of its month in the repo market.

    Quarter and year ends are month ends. The calendar is known years ahead, so nothing here looks ahead.
    SIGNALS #8 and #9 leave out the month end and its neighbour: SOFR and take-up jump then and are back the
    day after.

    >>> days = ["2025-10-30", "2025-10-31", "2025-11-03", "2025-11-04"]
    >>> at_period_end(pd.to_datetime(pd.Series(days))).tolist()
    [False, True, True, False]
    """
    days = periods.to_numpy().astype("datetime64[D]")
    month = days.astype("datetime64[M]")
    after = np.busday_offset(days, 1, roll="backward", busdaycal=calendar("REPO")).astype("datetime64[M]")
    before = np.busday_offset(days, -1, roll="forward", busdaycal=calendar("REPO")).astype("datetime64[M]")
    return (after != month) | (before != month)  # type: ignore[no-any-return]


def without_period_ends(releases: pd.DataFrame) -> pd.DataFrame:
    """The releases whose period is not at the end of a month."""
    return releases[~at_period_end(releases["period"])]
