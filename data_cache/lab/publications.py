"""What the simulated world publishes of itself, and when, by the release rules of the catalogue."""

import pandas as pd

from data_cache.catalog import spec
from data_cache.lab.balance_sheet import ASSETS
from data_cache.lab.days import START, business_days, desk_days
from data_cache.lab.rates import FACILITY_OPENS
from data_cache.observations import Observations, observation_rows
from data_cache.releases import known_at

# Re-fits of the term premium model: the week in which it is posted, and what it adds to all earlier values,
# %.
REFITS = (("2021-09-15", -0.06), ("2024-06-12", 0.04))


def publish(sheet: pd.DataFrame, corridor: pd.DataFrame, market: pd.DataFrame, curve: pd.DataFrame) -> Observations:
    """All observations of the balance sheet, the policy corridor, the money market and the curve."""
    values = weekly(sheet) | daily(sheet) | policy_rates(corridor) | money_rates(market) | treasury_yields(curve)
    rows = {series: rule_rows(series, value) for series, value in values.items()}
    rows["THREEFYTP10"] = refitted(rule_rows("THREEFYTP10", curve["term_premium"]))
    return Observations(rows)


def rule_rows(series: str, values: pd.Series) -> pd.DataFrame:
    """Rows of one series, known when the rule says; NaN and what precedes START are not published."""
    values = values.dropna()
    values = values[values.index >= START]
    return observation_rows(values.index, known_at(spec(series), values.index), values.to_numpy())


def weekly(sheet: pd.DataFrame) -> dict[str, pd.Series]:
    """The H.4.1: Wednesday levels, and averages of the seven days to Wednesday, $bn."""
    wednesday = sheet.index.day_of_week == 2
    average = sheet[["tga", "reserves"]].rolling(7).mean().round(3)
    levels = {
        "WALCL": sheet[ASSETS].sum(axis=1).round(3),
        "WDTGAL": sheet["tga"],
        "WRBWFRBL": sheet["reserves"],
        "TREAST": (sheet["bonds"] + sheet["bills"]).round(3),
        "WSHOBL": sheet["bills"],
        "WSHOMCB": sheet["mortgages"],
        "WTREGEN": average["tga"],
        "WRESBAL": average["reserves"],
    }
    return {series: level[wednesday] for series, level in levels.items()}


def daily(sheet: pd.DataFrame) -> dict[str, pd.Series]:
    """The Treasury's daily statement and the reverse repo operation, $bn, on the days that have one."""
    return {"TGA": sheet["tga"].loc[business_days("FEDBANK")], "RRPONTSYD": sheet["rrp"].loc[desk_days()]}


def policy_rates(corridor: pd.DataFrame) -> dict[str, pd.Series]:
    """The target range every day, IORB since it exists, the award rate of each operation, %."""
    return {
        "DFEDTARU": corridor["upper"],
        "DFEDTARL": corridor["lower"],
        "IORB": corridor["iorb"].loc[FACILITY_OPENS:],
        "RRPONTSYAWARD": corridor["award"].loc[desk_days()],
    }


def money_rates(market: pd.DataFrame) -> dict[str, pd.Series]:
    """Overnight rates in %, their volume and the repo facility's take-up in $bn."""
    names = {"SOFR": "sofr", "SOFR99": "sofr99", "SOFRVOL": "volume", "EFFR": "effr", "SRF": "srf"}
    return {series: market[column] for series, column in names.items()}


def treasury_yields(curve: pd.DataFrame) -> dict[str, pd.Series]:
    """Treasury yields, %."""
    return {series: curve[series.lower()] for series in ("DGS3MO", "DGS1", "DGS2", "DGS10", "DTB3")}


def refitted(rows: pd.DataFrame) -> pd.DataFrame:
    """The same rows and, at each re-fit, a revision of everything published before."""
    versions = [rows]
    added = 0.0
    for week, shift in REFITS:
        added += shift
        posted = known_at(spec("THREEFYTP10"), pd.DatetimeIndex([week]).as_unit("ns"))[0]
        old = rows[rows["known_at"] < posted]
        versions.append(old.assign(known_at=posted, value=(old["value"] + added).round(4), origin="stamp"))
    every = pd.concat(versions)
    return observation_rows(every["period"], every["known_at"], every["value"], every["origin"])
