"""What the Fed and the Treasury announced that they would do with their balance sheets.

`policy()` is what the Fed does with its securities: value 1 where it adds to them, 0 where it keeps them, -1 where it
lets them run off. It is a plan and no measurement: in 2023 the balance sheet grew for weeks, on loans to banks, while
securities ran off. A change of pace repeats the value before it.
"""

from functools import cache

from data_cache.facts.fact import Fact

# Treasuries held grew until the H.4.1 of 18 June 2026: the purchases announced in December 2025 went on.
KEPT_UNTIL = "2026-06-18"

ADDS, KEEPS, RUNS_OFF = 1.0, 0.0, -1.0
STATEMENT = "statement of the FOMC"

# Name, holds from, announced (Eastern), direction, what, source, checked.
POLICY: tuple[tuple[str, str, str, float, str, str, str], ...] = (
    (
        "runoff_2017",
        "2017-10-01",
        "2017-09-20 14:00",
        RUNS_OFF,
        "securities run off from October",
        STATEMENT,
        "document",
    ),
    (
        "runoff_2017_slower",
        "2019-05-01",
        "2019-03-20 14:00",
        RUNS_OFF,
        "cap on Treasuries $30bn to $15bn a month",
        "Balance Sheet Normalization Principles and Plans",
        "document",
    ),
    (
        "runoff_2017_end_planned",
        "2019-10-01",
        "2019-03-20 14:00",
        KEEPS,
        "runoff to end in September 2019",
        "Balance Sheet Normalization Principles and Plans",
        "document",
    ),
    (
        "runoff_2017_end",
        "2019-08-01",
        "2019-07-31 14:00",
        KEEPS,
        "runoff ends two months early",
        STATEMENT,
        "copy",
    ),
    (
        "bills_2019",
        "2019-10-15",
        "2019-10-11 11:00",
        ADDS,
        "Treasury bills for reserve management, $60bn a month",
        "statement of 11 October 2019",
        "document",
    ),
    (
        "purchases_2020",
        "2020-03-16",
        "2020-03-15 17:00",
        ADDS,
        "at least $500bn of Treasuries and $200bn of mortgage securities",
        STATEMENT,
        "document",
    ),
    (
        "purchases_2020_unlimited",
        "2020-03-23",
        "2020-03-23 08:00",
        ADDS,
        "purchases in the amounts needed",
        STATEMENT,
        "document",
    ),
    (
        "purchases_2020_slower",
        "2021-11-15",
        "2021-11-03 14:00",
        ADDS,
        "$120bn a month, less $15bn more each month",
        STATEMENT,
        "document",
    ),
    (
        "purchases_2020_slower_twice",
        "2022-01-14",
        "2021-12-15 14:00",
        ADDS,
        "less $30bn more each month",
        "New York Fed, operating policy of 15 December 2021",
        "document",
    ),
    (
        "purchases_2020_end",
        "2022-03-10",
        "2022-01-26 14:00",
        KEEPS,
        "net purchases end in early March, here counted as ended on the 10th",
        STATEMENT,
        "document",
    ),
    (
        "runoff_2022",
        "2022-06-01",
        "2022-05-04 14:00",
        RUNS_OFF,
        "caps of $30bn and $17.5bn a month, twice that from September",
        "Plans for Reducing the Size of the Federal Reserve's Balance Sheet",
        "document",
    ),
    (
        "runoff_2022_slower",
        "2024-06-01",
        "2024-05-01 14:00",
        RUNS_OFF,
        "cap on Treasuries $60bn to $25bn a month",
        "New York Fed, operating policy of 1 May 2024",
        "document",
    ),
    (
        "runoff_2022_slower_twice",
        "2025-04-01",
        "2025-03-19 14:00",
        RUNS_OFF,
        "cap on Treasuries $25bn to $5bn a month",
        STATEMENT,
        "document",
    ),
    (
        "runoff_2022_end",
        "2025-12-01",
        "2025-10-29 14:00",
        KEEPS,
        "runoff ends; agency principal goes into bills",
        STATEMENT,
        "document",
    ),
    (
        "bills_2025",
        "2025-12-12",
        "2025-12-10 14:00",
        ADDS,
        "Treasury bills for reserve management, $40bn in the first month",
        "statement of the FOMC; Reuters, 30 December 2025",
        "document",
    ),
)

# The Treasury's purchases of its own debt: refunding statements, 8:30 on a Wednesday.
BUYBACKS: tuple[tuple[str, str, str, float, str, str, str], ...] = (
    (
        "buybacks_planned",
        "2023-05-03",
        "2023-05-03 08:30",
        0.0,
        "a regular programme is to begin in 2024",
        "refunding statement; MNI",
        "document",
    ),
    (
        "buybacks",
        "2024-05-29",
        "2024-05-01 08:30",
        2.0,
        "weekly operations of up to $2bn, the first on 29 May",
        "refunding statement; Reuters, 1 May 2024",
        "document",
    ),
    (
        "buybacks_more_often",
        "2025-08-13",
        "2025-07-30 08:30",
        2.0,
        "twice as many operations in long maturities, from 13 August",
        "refunding statement, press release sb0212",
        "document",
    ),
)


@cache
def policy() -> tuple[Fact, ...]:
    """The Fed's plans for its securities in the order of announcement; value: 1 adds, 0 keeps, -1 runs off."""
    return tuple(Fact(*row) for row in POLICY)


@cache
def buybacks() -> tuple[Fact, ...]:
    """The Treasury's buybacks in the order of announcement; value: most in one operation, $bn."""
    return tuple(Fact(*row) for row in BUYBACKS)
