"""The Desk's repo and reverse repo operations: what the facilities lent, took in, and at which rate.

The Desk also tests its systems: operations of small amounts, mostly in the morning, which are no use of a facility. A
note mostly says so, but not always (2020-11-18, 2023-03-08, 2024-09-24), so the time of day decides too. The method
of an operation does not: on 2025-12-11 the Standing Repo Facility went from "Multiple Price" to "Full Allotment".
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_cache.catalog import spec
from data_cache.errors import BadData
from data_cache.observations import observation_rows
from data_cache.releases import eastern, known_at
from data_cache.sources.records import Record, day_of, number

# Repos before were temporary operations: another facility, with sizes that the Desk set.
FIRST_STANDING_REPO = pd.Timestamp("2021-07-29")
FIRST_REVERSE_REPO = pd.Timestamp("2013-09-23")
TEST = re.compile(r"small[\s-]+value", re.IGNORECASE)
TREASURY = "Treasury"
# Bids are in millions of dollars.
LEAST_DOLLARS = 1e6
DOLLARS_PER_BILLION = 1e9


@dataclass(frozen=True)
class Operation:
    """One operation: a window of a day.

    opens, closes : "HH:MM" in New York, "" where the record does not say
    updated : when the record was last touched, in New York and naive; NaT where it does not say
    """

    day: pd.Timestamp
    opens: str
    closes: str
    updated: pd.Timestamp
    record: Record

    @classmethod
    def of(cls, record: Record) -> "Operation":
        """The operation of a record of `repo.operations`."""
        updated = pd.to_datetime(str(record.get("lastUpdated")), format="%Y-%m-%d %H:%M:%S", errors="coerce")
        opens, closes = (_clock(record.get(name)) for name in ("releaseTime", "closeTime"))
        return cls(day_of(record, "operationDate"), opens, closes, updated, record)

    @property
    def says_test(self) -> bool:
        """Whether its note calls it a small-value exercise."""
        return bool(TEST.search(str(self.record.get("note") or "")))

    @property
    def id(self) -> str:
        """Its name at the Desk, and its day."""
        return f"{self.record.get('operationId')} of {self.day.date()}"


@dataclass(frozen=True)
class Take:
    """Rows by series, and the days that have operations but no number."""

    rows: dict[str, pd.DataFrame]
    unknown: list[pd.Timestamp]


def standing_repo(records: Sequence[Record]) -> Take:
    """SRF ($bn, the sum of all windows of a day) and SRFTSYD (%, the minimum bid rate).

    A day counts once the window of its afternoon has results; before, the sum would be that of the morning.
    """
    days = _by_day(records, "Repo", FIRST_STANDING_REPO)
    windows = {day: [op for op in ops if not _is_repo_test(op)] for day, ops in days.items()}
    whole = {day: ops for day, ops in windows.items() if any(op.opens >= "13:00" or not op.opens for op in ops)}
    return _take(days, whole, {"SRF": _lent, "SRFTSYD": _minimum_bid})


def reverse_repo(records: Sequence[Record]) -> Take:
    """RRPONTSYD ($bn, against Treasuries, overnight) and RRPONTSYAWARD (%)."""
    days = _by_day(records, "Reverse Repo", FIRST_REVERSE_REPO)
    windows = {day: [op for op in ops if _is_treasury(op) and not _is_reverse_test(op)] for day, ops in days.items()}
    whole = {day: ops for day, ops in windows.items() if ops}
    return _take(days, whole, {"RRPONTSYD": _taken, "RRPONTSYAWARD": _award})


def _clock(said: object) -> str:
    text = str(said or "").strip()
    return text.zfill(len("00:00")) if text else ""


Days = dict[pd.Timestamp, list[Operation]]
Measure = Callable[[list[Operation]], float]


def _by_day(records: Iterable[Record], kind: str, first: pd.Timestamp) -> Days:
    """The overnight operations of a kind that have results, by day.

    The kind is looked at here, because the API has been seen to answer with all kinds whatever was asked for.
    """
    days: Days = defaultdict(list)
    for record in records:
        is_kind = record.get("operationType") == kind and record.get("term") == "Overnight"
        if is_kind and record.get("auctionStatus") == "Results" and day_of(record, "operationDate") >= first:
            operation = Operation.of(record)
            days[operation.day].append(operation)
    return dict(sorted(days.items()))


def _is_repo_test(operation: Operation) -> bool:
    """The windows are at 08:15 and 13:30; tests lie between them."""
    return operation.says_test or "09:00" <= operation.opens < "13:00"


def _is_reverse_test(operation: Operation) -> bool:
    """The operation is open from 12:45 to 13:15; tests close in the morning."""
    return operation.says_test or "" < operation.closes < "12:00"


def _is_treasury(operation: Operation) -> bool:
    details = _details(operation)
    return not details or any(detail.get("securityType") == TREASURY for detail in details)


def _lent(operations: list[Operation]) -> float:
    return sum(_dollars(op, op.record.get("totalAmtAccepted")) for op in operations) / DOLLARS_PER_BILLION


def _taken(operations: list[Operation]) -> float:
    return sum(map(_against_treasuries, operations)) / DOLLARS_PER_BILLION


def _against_treasuries(operation: Operation) -> float:
    amounts = [detail.get("amtAccepted") for detail in _treasuries(operation)]
    return sum(_dollars(operation, amount) for amount in amounts or [operation.record.get("totalAmtAccepted")])


def _minimum_bid(operations: list[Operation]) -> float:
    """Auctions have a minimum bid rate, full allotment an offering rate; all windows and securities have the same."""
    return _least(_rate(d, "minimumBidRate", "percentOfferingRate") for op in operations for d in _details(op))


def _award(operations: list[Operation]) -> float:
    return _least(_rate(d, "percentAwardRate") for op in operations for d in _treasuries(op))


def _rate(detail: Record, *fields: str) -> float:
    rates = [number(detail.get(field), field) for field in fields]
    return next((rate for rate in rates if not np.isnan(rate)), float("nan"))


def _least(rates: Iterable[float]) -> float:
    return min((rate for rate in rates if not np.isnan(rate)), default=float("nan"))


def _details(operation: Operation) -> list[Record]:
    return operation.record.get("details") or []


def _treasuries(operation: Operation) -> list[Record]:
    return [detail for detail in _details(operation) if detail.get("securityType") == TREASURY]


def _dollars(operation: Operation, amount: object) -> float:
    """An amount in dollars; BadData where it is missing, or too small to be in dollars."""
    dollars = number(amount, f"the amount of operation {operation.id}")
    if np.isnan(dollars):
        raise BadData(f"newyorkfed gives operation {operation.id} results but no amount; try again later")
    if dollars < 0 or 0 < dollars < LEAST_DOLLARS:
        raise BadData(
            f"newyorkfed gives operation {operation.id} the amount {dollars:.15g}, expected dollars, by the million; "
            "is it in $mn or $bn now? compare it with https://www.newyorkfed.org/markets/desk-operations"
        )
    return dollars


def _take(days: Days, whole: Days, measures: dict[str, Measure]) -> Take:
    rows = {series: _rows(series, whole, measure) for series, measure in measures.items()}
    return Take(rows, [day for day in days if day not in whole])


def _rows(series: str, days: Days, measure: Measure) -> pd.DataFrame:
    """A row for each day, known by the rule, or later where a record was touched later on its own day.

    Records of old were touched in bulk years later; that says nothing about when they came out.
    """
    periods = pd.DatetimeIndex(list(days), dtype="datetime64[ns]")
    rule = known_at(spec(series), periods)
    touched = [_touched(day, operations) for day, operations in days.items()]
    stamp = eastern(pd.DatetimeIndex(touched, dtype="datetime64[ns]").to_numpy())
    late = np.asarray(stamp > rule)
    values = [measure(ops) for ops in days.values()]
    rows = observation_rows(periods, rule.where(~late, stamp), values, np.where(late, "stamp", "rule"))
    return rows.dropna(subset="value").reset_index(drop=True)


def _touched(day: pd.Timestamp, operations: list[Operation]) -> pd.Timestamp:
    """When the last of the records was touched on the day itself, NaT where none was."""
    own = [op.updated for op in operations if day <= op.updated < day + pd.Timedelta(days=1)]
    return max(own, default=pd.NaT)
