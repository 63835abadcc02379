"""Milestones of the Fed's lending and deposit facilities: when their terms changed, and when that was announced.

They divide the history of a series: use of the standing repo facility before and after it took banks, opened in the
morning or lost its limit is not one and the same measurement.
"""

from functools import cache

from data_cache.facts.fact import Fact

UNKNOWN = float("nan")
UNLIMITED = float("inf")

# Name, holds from, announced (Eastern), number or NaN, what, source, checked. Where a statement of the New York Fed is
# known by its day alone, it counts as known at 17:00.
MILESTONES: tuple[tuple[str, str, str, float, str, str, str], ...] = (
    (
        "rrp_limit_80",
        "2021-03-18",
        "2021-03-17 14:00",
        80.0,
        "reverse repo: limit per counterparty $30bn to $80bn a day",
        "New York Fed, operating policy of 17 March 2021",
        "document",
    ),
    (
        "rrp_rate_above_floor",
        "2021-06-17",
        "2021-06-16 14:00",
        0.05,
        "reverse repo: rate 5 basis points above the lower bound",
        "Yale, Program on Financial Stability, July 2021",
        "copy",
    ),
    (
        "srf_created",
        "2021-07-29",
        "2021-07-28 14:00",
        500.0,
        "standing repo facility opens, with primary dealers and a limit of $500bn a day",
        "Statement Regarding Repurchase Agreement Arrangements, 28 July 2021",
        "document",
    ),
    (
        "srf_banks_may_apply",
        "2021-10-01",
        "2021-07-28 14:00",
        UNKNOWN,
        "standing repo: large depository institutions may apply",
        "New York Fed, operating policy of 28 July 2021",
        "document",
    ),
    (
        "rrp_limit_160",
        "2021-09-23",
        "2021-09-22 14:00",
        160.0,
        "reverse repo: limit per counterparty $80bn to $160bn a day",
        "New York Fed, operating policy of 22 September 2021",
        "document",
    ),
    (
        "srf_first_bank",
        "2021-12-17",
        "2021-12-17 17:00",
        UNKNOWN,
        "standing repo: the first depository institution is on the list",
        "New York Fed, list of standing repo counterparties",
        "copy",
    ),
    (
        "btfp_open",
        "2023-03-13",
        "2023-03-12 18:15",
        UNKNOWN,
        "Bank Term Funding Program: one-year loans at par",
        "Federal Reserve Board, 12 March 2023, a Sunday; the hour from memory",
        "copy",
    ),
    (
        "btfp_closed",
        "2024-03-12",
        "2024-01-24 19:00",
        UNKNOWN,
        "Bank Term Funding Program: no new loans after 11 March, none below the rate on reserves",
        "Federal Reserve Board, 24 January 2024",
        "document",
    ),
    (
        "rrp_rate_at_floor",
        "2024-12-19",
        "2024-12-18 14:00",
        0.0,
        "reverse repo: rate at the lower bound",
        "implementation note of 18 December 2024",
        "copy",
    ),
    (
        "srf_mornings_tested",
        "2024-12-30",
        "2024-12-19 13:15",
        UNKNOWN,
        "standing repo: a second operation at 8:15, until 3 January",
        "Reuters, 19 December 2024, 1:15 p.m.",
        "document",
    ),
    (
        "srf_mornings_tested_again",
        "2025-03-27",
        "2025-03-21 17:00",
        UNKNOWN,
        "standing repo: a second operation at 8:15, until 2 April",
        "New York Fed, operating policy of 21 March 2025",
        "document",
    ),
    (
        "srf_mornings",
        "2025-06-26",
        "2025-05-28 17:00",
        UNKNOWN,
        "standing repo: a second operation at 8:15 every day",
        "New York Fed, operating policy of 28 May 2025",
        "document",
    ),
    (
        "srf_full_allotment",
        "2025-12-11",
        "2025-12-10 14:00",
        UNLIMITED,
        "standing repo: a fixed rate for all bids, no limit on their sum (it was $500bn)",
        "implementation note of 10 December 2025; operations are marked Full Allotment from the 11th",
        "copy",
    ),
)


@cache
def milestones() -> tuple[Fact, ...]:
    """The milestones in the order of announcement."""
    return tuple(Fact(*row) for row in MILESTONES)
