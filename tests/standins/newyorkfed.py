"""A stand-in for the New York Fed's Markets API, https://markets.newyorkfed.org/api.

Paths and parameters are those of https://markets.newyorkfed.org/static/docs/markets-api.html. The fields of a rate are
what the OpenBB provider reads (models federal_funds_rate and sofr of openbb-federal-reserve), those of an operation
what the class `RepoOperations` of nyfedapi reads, "termCalenderDays" included. Seen by others in live answers, and so
here: the newest record comes first; a rate that was published anew carries "r"; before 2008-12-16 a rate has no upper
target; and `operationTypes` is ignored, so that repos and reverse repos come together.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from tests.standins.server import Reply, Request, StandIn, as_json

Record = dict[str, Any]

FULL_ALLOTMENT = "2025-12-11"
FIRST_RANGE = "2008-12-16"
CLOSES = {"08:15": "08:30", "13:30": "13:45", "12:45": "13:15", "10:00": "10:15", "10:15": "10:30"}


@dataclass
class World:
    """What the Fed has published: records in any order; tests may add to them between two fetches."""

    sofr: list[Record] = field(default_factory=list)
    effr: list[Record] = field(default_factory=list)
    operations: list[Record] = field(default_factory=list)


def newyorkfed(world: World) -> StandIn:
    """A server that answers with what is in `world` at the time."""
    return StandIn(lambda request: _answer(world, request))


def sofr(day: str, percent: float, revised: str = "", volume: float = 2_000) -> Record:
    """SOFR of a day, its percentiles 3, 1, 2 and 5 basis points away."""
    return {
        "effectiveDate": day,
        "type": "SOFR",
        "percentRate": percent,
        "percentPercentile1": round(percent - 0.03, 2),
        "percentPercentile25": round(percent - 0.01, 2),
        "percentPercentile75": round(percent + 0.02, 2),
        "percentPercentile99": round(percent + 0.05, 2),
        "volumeInBillions": volume,
        "footnoteId": "",
        "revisionIndicator": revised,
    }


def effr(day: str, percent: float, lower: float = 3.5, upper: float = 3.75, revised: str = "") -> Record:
    """The effective rate of a day, with the target range; with `lower` alone where there was a single target."""
    targets = {"targetRateFrom": lower, "targetRateTo": upper}
    return {
        "effectiveDate": day,
        "type": "EFFR",
        "percentRate": percent,
        "percentPercentile1": round(percent - 0.03, 2),
        "percentPercentile25": round(percent - 0.01, 2),
        "percentPercentile75": round(percent + 0.01, 2),
        "percentPercentile99": round(percent + 0.05, 2),
        **(targets if day >= FIRST_RANGE else {"targetRateFrom": lower}),
        "volumeInBillions": 100,
        "revisionIndicator": revised,
    }


def repo(day: str, dollars: float, opens: str = "13:30", rate: float | None = 4.0, **changed: Any) -> Record:
    """A repo operation: a window of the Standing Repo Facility, all of it lent against Treasuries.

    Auctions have a minimum bid rate; full allotment, since 2025-12-11, has an offering rate.
    """
    allotted = day >= FULL_ALLOTMENT
    rates = {"percentOfferingRate": rate} if allotted else {"minimumBidRate": rate, "percentWeightedAverageRate": rate}
    details = [
        {"securityType": kind, "amtSubmitted": amount, "amtAccepted": amount, **rates}
        for kind, amount in (("Treasury", dollars), ("Agency", 0), ("Mortgage-Backed", 0))
    ]
    method = "Full Allotment" if allotted else "Multiple Price"
    return _operation("Repo", day, dollars, opens, details, operationMethod=method) | changed


def reverse_repo(day: str, dollars: float, opens: str = "12:45", rate: float | None = 3.5, **changed: Any) -> Record:
    """An overnight reverse repo operation against Treasuries."""
    rates = {"percentOfferingRate": rate, "percentAwardRate": rate}
    details = [{"securityType": "Treasury", "amtSubmitted": dollars, "amtAccepted": dollars, **rates}]
    return _operation("Reverse Repo", day, dollars, opens, details, operationMethod="Fixed Rate") | changed


def standing_repo_days(values: pd.Series, tests: Iterable[str]) -> list[Record]:
    """The operations behind a daily take-up in $bn: from 2025-06-26 in two windows; on `tests` a test alone."""
    records = []
    for period, value in values.items():
        day, millions = str(period.date()), round(value * 1_000)
        if day in tests:
            records.append(repo(day, millions * 1_000_000, opens="10:15"))
            continue
        morning = millions // 3 if day >= "2025-06-26" else 0
        records.append(repo(day, (millions - morning) * 1_000_000))
        if day >= "2025-06-26":
            records.append(repo(day, morning * 1_000_000, opens="08:15"))
    return records


def _operation(kind: str, day: str, dollars: float, opens: str, details: list[Record], **more: Any) -> Record:
    month = pd.Timestamp(day).strftime("%m%d%y")
    return {
        "operationId": f"RP {month} {opens[:2]}",
        "auctionStatus": "Results",
        "operationDate": day,
        "settlementDate": day,
        "maturityDate": str((pd.Timestamp(day) + pd.offsets.BDay(1)).date()),
        "operationType": kind,
        "settlementType": "Same Day",
        "termCalenderDays": 1,
        "term": "Overnight",
        "releaseTime": opens,
        "closeTime": CLOSES[opens],
        "note": "",
        "lastUpdated": f"{day} {CLOSES[opens]}:30",
        "participatingCpty": 1 if dollars else 0,
        "acceptedCpty": 1 if dollars else 0,
        "totalAmtSubmitted": dollars,
        "totalAmtAccepted": dollars,
        "details": details,
        **more,
    }


def _answer(world: World, request: Request) -> Reply:
    searches = {
        "/rates/secured/sofr/search.json": (world.sofr, "effectiveDate"),
        "/rates/unsecured/effr/search.json": (world.effr, "effectiveDate"),
        "/rp/results/search.json": (world.operations, "operationDate"),
    }
    if request.path not in searches or not {"startDate", "endDate"} <= set(request.query):
        return as_json({"message": "Bad Request"}, 400)
    records, day = searches[request.path]
    inside = [r for r in records if request.query["startDate"] <= r[day] <= request.query["endDate"]]
    newest_first = sorted(inside, key=lambda record: str(record[day]), reverse=True)
    return as_json({"repo": {"operations": newest_first}} if day == "operationDate" else {"refRates": newest_first})
