"""The catalogue's entries of the crypto market: perpetuals, US spot bitcoin funds, treasury companies, stablecoins.

`{asset}`, `{fund}` and `{company}` stand for any name. Perpetuals are fetched from exchanges; the rest comes from
files of the user's. `data_cache/templates` has one for each, and a manifest that imports them.
"""

from dataclasses import replace

from data_cache.series_spec import ReleaseRule, SeriesSpec

# Tickers of the US spot bitcoin funds, all there have been since 11 January 2024, and then those that came later: BTC
# is the Grayscale mini trust (2024-07-31), MSBT is Morgan Stanley's (2026-04-08).
FIRST_FUNDS = ("IBIT", "FBTC", "BITB", "ARKB", "BTCO", "EZBC", "BRRR", "HODL", "BTCW", "GBTC")
LATER_FUNDS = ("BTC", "MSBT")

FUNDING = SeriesSpec(
    id="FUNDING_{asset}",
    title="Funding rate of the {asset} perpetual, per interval",
    unit="fraction",
    published_unit="fraction",
    scale=1.0,
    low=-0.05,
    high=0.05,
    source="exchange",
    frequency="8h",
    convention="paid at the period, which is an instant in UTC",
    release=ReleaseRule("at_period"),
    max_age_days=2,
    typical=0.002,
)
OPEN_INTEREST = SeriesSpec(
    id="OPEN_INTEREST_{asset}",
    title="Open interest of the {asset} perpetual, one venue",
    unit="coins",
    published_unit="coins",
    scale=1.0,
    low=0,
    high=1e9,
    source="exchange",
    frequency="daily",
    # Venues stamp a day's number with its start and go on counting until its end: it is known by then.
    convention="UTC day at whose end it is held",
    release=ReleaseRule("end_of_day"),
    max_age_days=3,
    periods="day",
)
ETF_FLOW = SeriesSpec(
    id="ETF_FLOW_{fund}",
    title="Net flow into the US spot bitcoin fund {fund}; TOTAL is all of them",
    unit="$bn",
    published_unit="$mn",
    scale=1e-3,
    low=-5,
    high=5,
    source="file",
    frequency="business daily",
    convention="day of the New York Stock Exchange",
    # Totals appear in the evening, unfinished, and are final at about 05:00 to 08:00 UTC of the next day.
    release=ReleaseRule("days_after", clock="08:00", days=1),
    max_age_days=10,
    url="https://farside.co.uk/btc/",
)
ETF_HOLDINGS = replace(
    ETF_FLOW,
    id="ETF_HOLDINGS_{fund}",
    title="Bitcoin held by the US spot bitcoin fund {fund}; TOTAL is all of them",
    unit="coins",
    published_unit="coins",
    scale=1.0,
    low=0,
    high=21e6,
    url="",
)
# Holdings are filed at the latest with the quarter, and so are debts. The stamp of the filing is what counts (column
# known_at of the manifest); without it the rule waits as long as a filing may take.
COMPANY_COINS = SeriesSpec(
    id="COMPANY_COINS_{company}",
    title="Coins held by the treasury company {company}",
    unit="coins",
    published_unit="coins",
    scale=1.0,
    low=0,
    high=21e6,
    source="file",
    frequency="as filed",
    convention="day at whose end they are held, as the filing says",
    release=ReleaseRule("days_after", clock="00:00", days=8),
    max_age_days=100,
)
COMPANY_MARKET_CAP = SeriesSpec(
    id="COMPANY_MARKET_CAP_{company}",
    title="Market capitalisation of the treasury company {company}",
    unit="$bn",
    published_unit="$bn",
    scale=1.0,
    low=0.001,
    high=2_000,
    source="file",
    frequency="business daily",
    convention="day of the New York Stock Exchange, at its close",
    release=ReleaseRule("end_of_day"),
    max_age_days=5,
)
COMPANY_DEBT = replace(
    COMPANY_MARKET_CAP,
    id="COMPANY_DEBT_{company}",
    title="Debt of the treasury company {company}, at face value",
    low=0,
    frequency="quarterly, or as filed",
    convention="day of the balance sheet",
    release=ReleaseRule("days_after", clock="00:00", days=50),
    max_age_days=130,
)
COMPANY_PREFERRED = replace(
    COMPANY_DEBT,
    id="COMPANY_PREFERRED_{company}",
    title="Preferred shares of the treasury company {company}, at their liquidation preference",
)
COMPANY_CASH = replace(
    COMPANY_DEBT, id="COMPANY_CASH_{company}", title="Cash and its like of the treasury company {company}"
)

FAMILIES: tuple[SeriesSpec, ...] = (
    FUNDING,
    OPEN_INTEREST,
    ETF_FLOW,
    ETF_HOLDINGS,
    COMPANY_COINS,
    COMPANY_MARKET_CAP,
    COMPANY_DEBT,
    COMPANY_PREFERRED,
    COMPANY_CASH,
)
STABLECOINS = SeriesSpec(
    id="STABLECOINS",
    title="Circulating supply of all stablecoins",
    unit="$bn",
    published_unit="$",
    scale=1e-9,
    low=5,
    high=2_000,
    source="file",
    frequency="daily",
    convention="UTC day",
    release=ReleaseRule("end_of_day"),
    max_age_days=5,
    url="https://defillama.com/stablecoins",
    periods="day",
)
