"""Every series ebbtide knows: title, unit, source, release rule, and how old it may grow.

Nothing heavy is imported here, so that `ebbtide list series` answers at once.
"""

from dataclasses import replace
from math import inf

from data_cache.catalog_crypto import FAMILIES as FAMILIES
from data_cache.catalog_crypto import STABLECOINS
from data_cache.errors import UnknownName
from data_cache.series_spec import ReleaseRule as ReleaseRule
from data_cache.series_spec import SeriesSpec as SeriesSpec

# Announced publication times stand as they are. Of the Desk's operations only the close is announced (13:15,
# 13:45) and results follow at no stated time, so the stamp of FRED's page is taken, 14:01. It also lies after
# the second window of the day, and the take-up of a day is the sum of both.
REPO_RATE = ReleaseRule("next_business_day", "REPO", "08:00")
FED_FUNDS = ReleaseRule("next_business_day", "FEDBANK", "09:00")
DESK_OPERATION = ReleaseRule("same_day", clock="14:01")
FOMC_DECISION = ReleaseRule("decision", clock="14:00")
RESERVES_RATE = ReleaseRule("day_before", clock="16:32")
H41 = ReleaseRule("thursday_after", "BOARD", "16:30")
H15 = ReleaseRule("next_business_day", "BOARD", "16:15")
KIM_WRIGHT = ReleaseRule("tuesday_after_friday", "BOARD", "15:02")
TREASURY_STATEMENT = ReleaseRule("next_business_day", "FEDGOV", "16:00")
# No time is announced; it was seen at about 15:00, so the close of business is taken.
DEBT_STATEMENT = ReleaseRule("next_business_day", "FEDGOV", "17:00")

# The longest stretches without a release are six days for a daily series (Christmas 2025 between two
# executive-order days, then a weekend) and eleven for the H.4.1 (2020-12-17, then 2020-12-28).
DAILY, WEEKLY, POSTED_WEEKLY = 10, 14, 21

TRANSACTIONS = "business day of the transactions"
OPERATIONS = "business day of the operations; a day without an operation is absent, not zero"
IN_FORCE = "calendar day on which it is in force"
WEDNESDAY = "Wednesday whose level it is"
WEEK = "Wednesday that ends the week averaged"
MARKET_DAY = "business day of the quotes"


# The Desk keeps the Reserve Banks' days but for Good Fridays and a few of its own choice: a day that has no
# operation is no gap, so "DESK" counts only days that nearly always have one.
DESK = "DESK"
PERIODS = {TRANSACTIONS: "REPO", IN_FORCE: "day", MARKET_DAY: "SIFMA", OPERATIONS: DESK}
FRED_PAGE = "https://fred.stlouisfed.org/series/"
# (date, low) pairs, as in `SeriesSpec.floors`.
Floors = tuple[tuple[str, float], ...]
# Rates near zero are nothing unusual, but none of these was below 3 % from 2023 until the middle of 2026: a lower
# one of then is a fraction taken for percent. What comes later is not known, so the bound is lifted there.
NOT_NEAR_ZERO: Floors = (("2023-01-01", 0.5), ("2026-07-01", -1))


def _rate(
    series: str,
    title: str,
    release: ReleaseRule,
    convention: str,
    low: float = -1,
    high: float = 20,
    floors: Floors = NOT_NEAR_ZERO,
    source: str = "fred",
    periods: str = "",
) -> SeriesSpec:
    return SeriesSpec(
        id=series,
        title=title,
        unit="%",
        published_unit="%",
        scale=1.0,
        low=low,
        high=high,
        source=source,
        frequency="daily" if convention == IN_FORCE else "business daily",
        convention=convention,
        release=release,
        max_age_days=DAILY,
        url=FRED_PAGE + series,
        floors=floors,
        periods=periods or PERIODS[convention],
    )


def _operation(series: str, title: str, high: float, source: str, typical: float = inf) -> SeriesSpec:
    return SeriesSpec(
        id=series,
        title=title,
        unit="$bn",
        published_unit="$bn",
        scale=1.0,
        low=0,
        high=high,
        source=source,
        frequency="business daily",
        convention=OPERATIONS,
        release=DESK_OPERATION,
        max_age_days=DAILY,
        url=FRED_PAGE + series,
        typical=typical,
        periods=DESK,
    )


def _h41(series: str, title: str, low: float, high: float, floors: Floors = ()) -> SeriesSpec:
    return SeriesSpec(
        id=series,
        title=title,
        unit="$bn",
        published_unit="$mn",
        scale=1e-3,
        low=low,
        high=high,
        source="fred",
        frequency="weekly",
        convention=WEEK if series in ("WTREGEN", "WRESBAL") else WEDNESDAY,
        release=H41,
        max_age_days=WEEKLY,
        url=FRED_PAGE + series,
        floors=floors,
        periods="Wed",
    )


SOFR_VOLUME = SeriesSpec(
    id="SOFRVOL",
    title="Volume of the transactions behind SOFR",
    unit="$bn",
    published_unit="$bn",
    scale=1.0,
    low=200,
    high=20_000,
    source="newyorkfed",
    frequency="business daily",
    convention=TRANSACTIONS,
    release=REPO_RATE,
    max_age_days=DAILY,
    url="https://fred.stlouisfed.org/series/SOFRVOL",
    periods="REPO",
)
STANDING_REPO = SeriesSpec(
    id="SRF",
    title="Take-up of the Standing Repo Facility, all windows of the day, without test operations",
    unit="$bn",
    published_unit="$bn",  # of files; the API answers dollars, which its source turns into $bn
    scale=1.0,
    low=0,
    high=1_000,
    source="newyorkfed",
    frequency="business daily",
    convention=OPERATIONS,
    release=DESK_OPERATION,
    max_age_days=DAILY,
    url="https://www.newyorkfed.org/markets/desk-operations/repo",
    typical=15,
    periods=DESK,
)
DAILY_TREASURY_ACCOUNT = SeriesSpec(
    id="TGA",
    title="Treasury General Account, closing balance of the Daily Treasury Statement",
    unit="$bn",
    published_unit="$mn",
    scale=1e-3,
    low=0.3,
    high=2_500,
    source="treasury",
    frequency="business daily",
    convention="business day whose closing balance it is",
    release=TREASURY_STATEMENT,
    max_age_days=DAILY,
    url="https://fiscaldata.treasury.gov/datasets/daily-treasury-statement/operating-cash-balance",
    floors=(("2009-01-01", 2.5),),
    periods="FEDBANK",
)
PUBLIC_DEBT = SeriesSpec(
    id="DEBT",
    title="Total public debt outstanding, Debt to the Penny",
    unit="$bn",
    published_unit="$",
    scale=1e-9,
    low=4_000,
    high=200_000,
    source="treasury",
    frequency="business daily",
    convention="business day at whose end it is owed",
    release=DEBT_STATEMENT,
    max_age_days=DAILY,
    url="https://fiscaldata.treasury.gov/datasets/debt-to-the-penny/debt-to-the-penny",
    periods="FEDBANK",
)
TERM_PREMIUM = SeriesSpec(
    id="THREEFYTP10",
    title="Term premium of the 10-year zero-coupon yield, Kim and Wright",
    unit="%",
    published_unit="%",
    scale=1.0,
    low=-3,
    high=7,
    source="fred",
    frequency="business daily, posted weekly",
    convention=MARKET_DAY,
    release=KIM_WRIGHT,
    max_age_days=POSTED_WEEKLY,
    revised=True,
    url="https://fred.stlouisfed.org/series/THREEFYTP10",
    periods="SIFMA",
)


def _monthly_debt(series: str, title: str, low: float, high: float) -> SeriesSpec:
    """Of the Monthly Statement of the Public Debt, out on the fourth business day: ten days cover every holiday."""
    return SeriesSpec(
        id=series,
        title=title,
        unit="$bn",
        published_unit="$mn",
        scale=1e-3,
        low=low,
        high=high,
        source="file",
        frequency="monthly",
        convention="last day of the month",
        release=ReleaseRule("days_after", clock="00:00", days=10),
        max_age_days=50,
        url="https://fiscaldata.treasury.gov/datasets/monthly-statement-public-debt/summary-of-treasury-securities-outstanding",
    )


BANK_ASSETS = SeriesSpec(
    id="TLAACBW027SBOG",
    title="Total assets of all commercial banks",
    unit="$bn",
    published_unit="$bn",
    scale=1.0,
    low=500,
    high=100_000,
    source="file",
    frequency="weekly",
    convention=WEDNESDAY,
    # The H.8 comes on Friday of the next week; a release moved by a holiday is out by the Wednesday after.
    release=ReleaseRule("days_after", clock="00:00", days=14),
    max_age_days=WEEKLY,
    revised=True,
    url=FRED_PAGE + "TLAACBW027SBOG",
    periods="Wed",
)
GOLD = SeriesSpec(
    id="GOLD",
    title="Gold, or a coin that is backed by an ounce of it",
    unit="$ an ounce",
    published_unit="$ an ounce",
    scale=1.0,
    low=30,
    high=100_000,
    source="file",
    frequency="daily",
    convention="UTC day whose last price it is",
    release=ReleaseRule("end_of_day"),
    max_age_days=DAILY,
    url="https://www.lbma.org.uk/prices-and-data/precious-metal-prices",
)

# Reserves and the Treasury's account were a few $bn before 2008, so their all-time lows cannot tell when a
# file of today in $bn was taken for one in $mn. The floors since then can: they lie above what it would read.
CATALOG: tuple[SeriesSpec, ...] = (
    # The price of overnight money
    _rate("SOFR", "Secured overnight financing rate", REPO_RATE, TRANSACTIONS, source="newyorkfed"),
    _rate("SOFR1", "SOFR, 1st percentile", REPO_RATE, TRANSACTIONS, source="newyorkfed"),
    _rate("SOFR25", "SOFR, 25th percentile", REPO_RATE, TRANSACTIONS, source="newyorkfed"),
    _rate("SOFR75", "SOFR, 75th percentile", REPO_RATE, TRANSACTIONS, source="newyorkfed"),
    _rate("SOFR99", "SOFR, 99th percentile", REPO_RATE, TRANSACTIONS, source="newyorkfed"),
    SOFR_VOLUME,
    _rate("EFFR", "Effective federal funds rate", FED_FUNDS, TRANSACTIONS, source="newyorkfed", periods="FEDBANK"),
    # What the Fed sets
    _rate("IORB", "Interest rate on reserve balances", RESERVES_RATE, IN_FORCE),
    _rate("DFEDTARU", "Federal funds target range, upper bound", FOMC_DECISION, IN_FORCE, source="newyorkfed"),
    _rate("DFEDTARL", "Federal funds target range, lower bound", FOMC_DECISION, IN_FORCE, source="newyorkfed"),
    _rate("RRPONTSYAWARD", "Overnight reverse repo award rate", DESK_OPERATION, OPERATIONS, source="newyorkfed"),
    _rate(
        "SRFTSYD",
        "Standing repo minimum bid rate (a rate, not the use)",
        DESK_OPERATION,
        OPERATIONS,
        source="newyorkfed",
    ),
    # What the Desk's counterparties do
    _operation("RRPONTSYD", "Overnight reverse repo with the Fed, Treasuries", 5_000, "newyorkfed"),
    STANDING_REPO,
    _operation("RPONTTLD", "Overnight repo with the Fed, all securities", 1_000, "fred", typical=100),
    # The Fed's balance sheet
    _h41("WALCL", "Fed total assets", 500, 20_000),
    _h41("WSHOSHO", "Fed securities held outright", 300, 20_000),
    _h41("TREAST", "Fed holdings of Treasuries", 300, 15_000),
    _h41("WSHOBL", "Fed holdings of Treasury bills", 0, 5_000, (("2020-01-01", 10),)),
    _h41("WSHOMCB", "Fed holdings of mortgage-backed securities", 0, 6_000, (("2010-01-01", 300),)),
    _h41("WRBWFRBL", "Reserve balances, Wednesday level", 0.5, 10_000, (("2009-01-01", 100),)),
    _h41("WRESBAL", "Reserve balances, week average", 2, 10_000, (("2009-01-01", 100),)),
    _h41("WMTSECL1", "Marketable Treasuries held in custody for foreign official accounts", 500, 10_000),
    # The Treasury's account
    DAILY_TREASURY_ACCOUNT,
    PUBLIC_DEBT,
    _h41("WDTGAL", "Treasury General Account, Wednesday level", 1, 2_500, (("2009-01-01", 2.5),)),
    _h41("WTREGEN", "Treasury General Account, week average", 3, 2_000),
    # The yield curve
    _rate("DTB3", "3-month Treasury bill, discount basis", H15, MARKET_DAY),
    _rate("DGS3MO", "3-month Treasury yield", H15, MARKET_DAY),
    _rate("DGS1", "1-year Treasury yield", H15, MARKET_DAY),
    _rate("DGS2", "2-year Treasury yield", H15, MARKET_DAY),
    _rate("DGS10", "10-year Treasury yield", H15, MARKET_DAY),
    _rate("DGS30", "30-year Treasury yield", H15, MARKET_DAY),
    _rate("T10Y3M", "10-year minus 3-month Treasury yield", H15, MARKET_DAY, -6, 8, floors=()),
    TERM_PREMIUM,
)
# For the time after the table in `data_cache.facts.shutdowns` ends, which is kept by hand. A row counts for a hundred
# days, so that silence is not taken for an open government.
SHUTDOWN = SeriesSpec(
    id="SHUTDOWN",
    title="Whether funding of the US government has lapsed, after the table of shutdowns ends: 1 or 0",
    unit="flag",
    published_unit="flag",
    scale=1.0,
    low=0,
    high=1,
    source="file",
    frequency="as it happens, and once a quarter",
    convention="day on which it was so",
    release=ReleaseRule("end_of_day"),
    max_age_days=100,
)
# Series that ebbtide knows but does not fetch: a file of the user's has them, and its manifest names no more than id,
# file and unit. Where the day of a release is not fixed by a rule above, a day that is late enough is taken.
IMPORTED: tuple[SeriesSpec, ...] = (
    replace(
        PUBLIC_DEBT, id="DEBT_PUBLIC", title="Debt held by the public, Debt to the Penny", source="file", low=2_000
    ),
    _monthly_debt("BILLS_OUTSTANDING", "Treasury bills outstanding", 500, 50_000),
    _monthly_debt("MARKETABLE_DEBT", "Marketable Treasury debt outstanding", 3_000, 200_000),
    BANK_ASSETS,
    GOLD,
    STABLECOINS,
    SHUTDOWN,
)


def spec(series: str) -> SeriesSpec:
    """The catalogue's entry for `series`; UnknownName with a suggestion where there is none."""
    for entry in (*CATALOG, *IMPORTED):
        if entry.id == series:
            return entry
    for family in FAMILIES:
        stem, _, placeholder = family.id.partition("{")
        if series.startswith(stem) and len(series) > len(stem):
            name = series.removeprefix(stem)
            return replace(family, id=series, title=family.title.replace("{" + placeholder, name))
    known = [entry.id for entry in (*CATALOG, *IMPORTED, *FAMILIES)]
    raise UnknownName.among("series", series, known, owner="the catalogue")
