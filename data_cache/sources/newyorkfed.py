"""The New York Fed's Markets API (https://markets.newyorkfed.org/static/docs/markets-api.html), which needs no key.

Asked by calendar year for what lies before the stored days, and once for the missing tail.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd

from data_cache.catalog import spec
from data_cache.errors import BadData
from data_cache.releases import known_at
from data_cache.sources import reference_rates, web
from data_cache.sources.desk_operations import (
    FIRST_REVERSE_REPO,
    FIRST_STANDING_REPO,
    Take,
    reverse_repo,
    standing_repo,
)
from data_cache.sources.outcome import Job, Outcome
from data_cache.sources.pieces import Pieces, Span, missing_spans
from data_cache.sources.records import Record, day_of
from data_cache.sources.session import Session, Step
from data_cache.store import Store

PROVIDER = "newyorkfed"
OWN_URL = "https://markets.newyorkfed.org/api"
# So many days are named in a sentence.
NAMED = 3


@dataclass(frozen=True)
class Endpoint:
    """A search that serves some series.

    within : where in the answer the list of records is      day : the field of a record's date
    starts : series -> its first period      read : rows by series of the records, in the order of their days
    spans_holidays : whether a series has values of days between two records, so that those of one year need the last
    one of the year before
    """

    path: str
    within: tuple[str, ...]
    day: str
    starts: Mapping[str, pd.Timestamp]
    read: Callable[[Sequence[Record]], Take]
    query: Mapping[str, str] = field(default_factory=dict)
    spans_holidays: bool = False

    @property
    def name(self) -> str:
        """Its series."""
        return ", ".join(self.starts)


def _sofr(records: Sequence[Record]) -> Take:
    return Take(reference_rates.sofr_rows(records), [])


def _effr(records: Sequence[Record]) -> Take:
    return Take(reference_rates.effr_rows(records), [])


RATES = ("refRates",)
OPERATIONS = ("repo", "operations")
ENDPOINTS = (
    Endpoint(
        "/rates/secured/sofr/search.json",
        RATES,
        "effectiveDate",
        dict.fromkeys(reference_rates.SOFR_FIELDS, reference_rates.FIRST_SOFR),
        _sofr,
    ),
    Endpoint(
        "/rates/unsecured/effr/search.json",
        RATES,
        "effectiveDate",
        {
            "EFFR": reference_rates.FIRST_EFFR,
            **dict.fromkeys(reference_rates.RANGE_FIELDS, reference_rates.FIRST_RANGE),
        },
        _effr,
        spans_holidays=True,
    ),
    Endpoint(
        "/rp/results/search.json",
        OPERATIONS,
        "operationDate",
        dict.fromkeys(("SRF", "SRFTSYD"), FIRST_STANDING_REPO),
        standing_repo,
        {"operationTypes": "Repo"},
    ),
    Endpoint(
        "/rp/results/search.json",
        OPERATIONS,
        "operationDate",
        dict.fromkeys(("RRPONTSYD", "RRPONTSYAWARD"), FIRST_REVERSE_REPO),
        reverse_repo,
        {"operationTypes": "Reverse Repo"},
    ),
)


def jobs(session: Session, store: Store) -> list[Job]:
    """A job for each endpoint; its run answers one outcome for each series."""
    return [Job("macro", PROVIDER, e.name, partial(_run, e, session, store)) for e in ENDPOINTS]


def _run(endpoint: Endpoint, session: Session, store: Store) -> list[Outcome]:
    pieces = Pieces(session, store, PROVIDER, endpoint.starts)
    spans = missing_spans(session, store, PROVIDER, endpoint.starts, Span.by_year)
    last: list[Record] = []
    unknown: list[pd.Timestamp] = []
    received = 0
    for done, span in enumerate(spans):
        session.say(Step(endpoint.name, PROVIDER, received, done / len(spans)))
        records, reply = _records(endpoint, session, span)
        take = endpoint.read([*last, *records])
        for series, rows in take.rows.items():
            pieces.put(series, rows, span, reply)
        unknown += take.unknown
        last, received = records[-1:] if endpoint.spans_holidays else [], received + len(records)
    session.say(Step(endpoint.name, PROVIDER, received, 1.0))
    _note_unknown(pieces, endpoint, unknown, session.now)
    return pieces.outcomes()


def _records(endpoint: Endpoint, session: Session, span: Span) -> tuple[list[Record], web.Reply]:
    """The records of the days of `span`, in the order of their days, whatever the order of the answer."""
    url = session.base_url(PROVIDER, OWN_URL) + endpoint.path
    days = {"startDate": str(span.first.date()), "endDate": str(span.last.date())}
    answer, reply = web.get_json(session, PROVIDER, url, {**days, **endpoint.query})
    found: Any = answer
    for key in endpoint.within:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        raise BadData(
            f"{PROVIDER} answered {web.excerpt(reply.content)}, expected a list at {'.'.join(endpoint.within)}; "
            f"asked was {reply.query}"
        )
    dated = [(day_of(record, endpoint.day), record) for record in found]
    inside = [pair for pair in dated if span.first <= pair[0] <= span.last]
    return [record for _, record in sorted(inside, key=lambda pair: pair[0])], reply


def _note_unknown(pieces: Pieces, endpoint: Endpoint, days: list[pd.Timestamp], now: pd.Timestamp) -> None:
    series = next(iter(endpoint.starts))
    past = [day for day in days if known_at(spec(series), pd.DatetimeIndex([day]))[0] <= now]
    if past:
        named = ", ".join(str(day.date()) for day in past[:NAMED])
        more = f" and {len(past) - NAMED} more" if len(past) > NAMED else ""
        pieces.note(series, f"unknown on {named}{more}: only tests then, or operations without results")
