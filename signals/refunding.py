"""The balance that the Treasury aims at, as announced with each quarterly refunding.

Two days before a refunding the Treasury publishes its "Marketable Borrowing Estimates", which assume a cash
balance for the end of this quarter and of the next. The essays' "target of $850bn" is that assumption, and it
is a dated fact: 850 was announced for 2025; it had been 700, 500 or 270 before. Each row below restates one
of these press releases; the moment is the refunding statement that the release itself announces, 8:30 Eastern
time on the Wednesday, when the number had been public for two days.
"""

from functools import cache

import numpy as np
import pandas as pd

UNKNOWN = float("nan")

# Refunding statement, $bn at the end of its quarter, $bn at the end of the next; the press release by number
# (home.treasury.gov/news/press-releases) or date.
TARGETS: tuple[tuple[str, float, float], ...] = (
    ("2018-10-31", 410, 320),  # sm535
    ("2019-01-30", 320, 300),  # sm593
    ("2019-05-01", 270, 85),  # sm672, under the debt limit
    ("2019-07-31", 350, 410),  # sm743
    ("2019-10-30", 410, 400),  # sm808
    ("2020-02-05", 400, 400),  # sm893
    (
        "2020-05-06",
        800,
        UNKNOWN,
    ),  # as restated in the release of 2020-08-03, which leaves out the next quarter
    ("2020-08-05", 800, 800),  # release of 2020-08-03
    ("2020-11-04", 800, 800),  # sm1172
    ("2021-02-03", 800, 500),  # jy0011
    ("2021-05-05", 800, 750),  # jy0158
    ("2021-08-04", 750, 800),  # release of 2021-08-02
    ("2021-11-03", 650, 650),  # jy0452
    ("2022-02-02", 650, 700),  # release of 2022-01-31
    ("2022-05-04", 800, 650),  # release of 2022-05-02
    ("2022-08-03", 650, 700),  # release of 2022-08-01
    ("2022-11-02", 700, 500),  # release of 2022-10-31
    ("2023-02-01", 500, 550),  # jy1231
    ("2023-05-03", 550, 600),  # release of 2023-05-01
    ("2023-08-02", 650, UNKNOWN),  # as restated in jy1851, which leaves out the next quarter
    ("2023-11-01", 750, 750),  # jy1851
    ("2024-01-31", 750, 750),  # jy2054
    ("2024-05-01", 750, 850),  # jy2304
    ("2024-07-31", 850, 700),  # release of 2024-07-29
    ("2024-10-30", 700, 850),  # jy2688
    ("2025-02-05", 850, 850),  # sb0007
    ("2025-04-30", 850, 850),  # sb0115
    ("2025-07-30", 850, 850),  # sb0209
    ("2025-11-05", 850, 850),  # sb0300
    ("2026-02-04", 850, 900),  # sb0377
)


@cache
def target_steps() -> pd.Series:
    """The target in force from each known_at on, $bn.

    The newest statement's number for the quarter in which one is; NaN when no statement covers that quarter.
    """
    steps: dict[pd.Timestamp, float] = {}
    for statement, this_quarter, next_quarter in TARGETS:
        said = pd.Timestamp(f"{statement} 08:30", tz="America/New_York")
        ends = pd.date_range(statement, periods=2, freq="QS", tz="America/New_York")
        steps |= {said: this_quarter, ends[0]: next_quarter, ends[1]: UNKNOWN}
    series = pd.Series(steps).sort_index()
    return series.set_axis(series.index.tz_convert("UTC").as_unit("ns").rename("known_at"))


def target_at(times: pd.DatetimeIndex) -> np.ndarray:
    """The target in force at each of `times`, $bn; NaN where none was.

    >>> target_at(pd.DatetimeIndex(["2024-10-29", "2024-10-31", "2025-01-02"], tz="UTC")).tolist()
    [700.0, 700.0, 850.0]
    """
    steps = target_steps()
    row = steps.index.asi8.searchsorted(times.as_unit("ns").asi8, side="right") - 1
    return np.where(row >= 0, steps.to_numpy()[row], UNKNOWN)
