"""The Treasury's Fiscal Data API (https://fiscaldata.treasury.gov/api-documentation/), which needs no key.

All its values are text, and a missing one is "null". Whole records are asked for: where fields are left out, the API
adds up the records that differ in those alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from data_cache.catalog import spec
from data_cache.errors import BadData
from data_cache.observations import observation_rows
from data_cache.releases import known_at
from data_cache.sources import web
from data_cache.sources.outcome import Job, Outcome
from data_cache.sources.pieces import DAY, Pieces, Span, missing_spans
from data_cache.sources.records import Record, day_of, number
from data_cache.sources.session import Session, Step
from data_cache.store import Store

PROVIDER = "treasury"
OWN_URL = "https://api.fiscaldata.treasury.gov/services/api/fiscal_service"
PAGE_SIZE = 10_000

# Where the closing balance is: account_type -> the column, in the three layouts that the statement has had: until
# 2021-09-30, until 2022-04-15, and since.
CLOSES = {
    "Federal Reserve Account": "close_today_bal",
    "Treasury General Account (TGA)": "close_today_bal",
    "Treasury General Account (TGA) Closing Balance": "open_today_bal",
}
OTHER_COLUMN = {"close_today_bal": "open_today_bal", "open_today_bal": "close_today_bal"}
# Other accounts and the lines between opening and close; the second half are names that were cut off at 28
# characters or shifted, and are no accounts of their own.
OTHERS = (
    "Supplementary Financing Program Account",
    "Short-Term Cash Investments (Table V)",
    "Tax and Loan Note Accounts (Table V)",
    "Financial Institution Account",
    "Treasury General Account (TGA) Opening Balance",
    "Total TGA Deposits (Table II)",
    "Total TGA Withdrawals (Table II) (-)",
    "Supplementary Financing Program",
    "Supplementary Financing Programs",
    "Supplementary Financing Prog",
    "Financial Institution Accoun",
    "Account Tax and Loan Note Accounts (Table V)",
    "Account Short-Term Cash Investments (Table V)",
)


@dataclass(frozen=True)
class Dataset:
    """A table of the API that serves one series.

    values : the published value of each day of the records, NaN where it is "null"
    check : raises BadData for a record that is not understood
    """

    series: str
    path: str
    first: pd.Timestamp
    values: Callable[[Sequence[Record]], pd.Series]
    check: Callable[[Record], None]


def closing_balances(records: Sequence[Record]) -> pd.Series:
    """The Treasury's closing balance ($mn) of each statement, indexed by its day; NaN where it is "null"."""
    closes = [record for record in records if record["account_type"] in CLOSES]
    return pd.Series([_close(record) for record in closes], [_day(record) for record in closes], dtype=float)


def debts(records: Sequence[Record]) -> pd.Series:
    """The total public debt outstanding ($) of each day."""
    amounts = [number(record.get("tot_pub_debt_out_amt"), f"debt of {_day(record).date()}") for record in records]
    return pd.Series(amounts, [_day(record) for record in records], dtype=float)


def _known_account(record: Record) -> None:
    account = record.get("account_type")
    if account not in CLOSES and account not in OTHERS:
        raise BadData(
            f"the Treasury's statement of {_day(record).date()} has an account_type {account!r} that is not known; "
            "nothing of its page was stored: report it, for the statement may have a new layout; what is later than "
            "the last such day can be had with --from"
        )


def _any_record(record: Record) -> None:
    """A table of one line a day has no labels."""


DATASETS = (
    Dataset(
        "TGA",
        "/v1/accounting/dts/operating_cash_balance",
        pd.Timestamp("2005-10-03"),
        closing_balances,
        _known_account,
    ),
    Dataset("DEBT", "/v2/accounting/od/debt_to_penny", pd.Timestamp("2005-03-31"), debts, _any_record),
)


def jobs(session: Session, store: Store) -> list[Job]:
    """A job for each dataset."""
    return [Job("macro", PROVIDER, d.series, partial(_run, d, session, store)) for d in DATASETS]


def _run(dataset: Dataset, session: Session, store: Store) -> list[Outcome]:
    starts = {dataset.series: dataset.first}
    pieces = Pieces(session, store, PROVIDER, starts)
    for span in missing_spans(session, store, PROVIDER, starts):
        for records, days, reply in _pages(dataset, session, span):
            rows = _rows(dataset, records)
            pieces.put(dataset.series, rows, days, reply)
            for day in sorted({_day(record) for record in records} - set(rows["period"])):
                pieces.note(dataset.series, f"the statement of {day.date()} has no closing balance: it is unknown")
    return pieces.outcomes()


def _rows(dataset: Dataset, records: Sequence[Record]) -> pd.DataFrame:
    values = dataset.values(records)
    twice = values.index[values.index.duplicated()]
    if len(twice):
        raise BadData(f"{PROVIDER} gave {dataset.series} of {twice[0].date()} twice; try again later")
    periods = pd.DatetimeIndex(values.index, dtype="datetime64[ns]")
    one = spec(dataset.series)
    return observation_rows(periods, known_at(one, periods), values.to_numpy() * one.scale)


def _pages(dataset: Dataset, session: Session, span: Span) -> Iterator[tuple[list[Record], Span, web.Reply]]:
    """The records of whole days, and those days, page by page: the last day of a page may go on on the next."""
    held: list[Record] = []
    page, received, pages, first = 0, 0, 1, span.first
    while page < pages:
        page += 1
        session.say(Step(dataset.series, PROVIDER, received, (page - 1) / pages))
        records, meta, reply = _page(dataset, session, span, page)
        _check_order(dataset, [*held[-1:], *records], page)
        received, pages = received + len(records), _count(meta, "total-pages", reply)
        if page < pages and not records:
            raise BadData(f"{PROVIDER} gave {dataset.series} an empty page {page} of {pages}; try again later")
        if page >= pages and received != _count(meta, "total-count", reply):
            raise BadData(
                f"{PROVIDER} gave {dataset.series} {received} records in {page} pages, "
                f"expected {meta['total-count']}; nothing of the last page was stored: try again later"
            )
        joined = [*held, *records]
        held = [record for record in joined if page < pages and _day(record) == _day(joined[-1])]
        until = _day(held[0]) if held else span.last + DAY
        yield joined[: len(joined) - len(held)], Span(first, until - DAY), reply
        first = until
    session.say(Step(dataset.series, PROVIDER, received, 1.0))


def _page(dataset: Dataset, session: Session, span: Span, page: int) -> tuple[list[Record], Any, web.Reply]:
    query = {
        "filter": f"record_date:gte:{span.first.date()},record_date:lte:{span.last.date()}",
        "sort": "record_date,src_line_nbr",
        "format": "json",
        "page[number]": page,
        "page[size]": PAGE_SIZE,
    }
    answer, reply = web.get_json(session, PROVIDER, session.base_url(PROVIDER, OWN_URL) + dataset.path, query)
    records, meta = (answer.get(key) if isinstance(answer, dict) else None for key in ("data", "meta"))
    if not isinstance(records, list) or not isinstance(meta, dict):
        raise BadData(
            f"{PROVIDER} answered {web.excerpt(reply.content)}, expected data and meta; asked was {reply.query}"
        )
    if len(records) != _count(meta, "count", reply):
        raise BadData(
            f"{PROVIDER} gave {dataset.series} {len(records)} records on page {page}, expected {meta['count']}; "
            "nothing of the page was stored: try again later"
        )
    for record in records:
        dataset.check(record)
    return records, meta, reply


def _check_order(dataset: Dataset, records: Sequence[Record], page: int) -> None:
    days = [_day(record) for record in records]
    for before, after in pairwise(days):
        if after < before:
            raise BadData(
                f"{PROVIDER} gave {dataset.series} page {page} out of order, or twice: {after.date()} comes after "
                f"{before.date()}; nothing of the page was stored: try again later"
            )


def _count(meta: dict[str, Any], key: str, reply: web.Reply) -> int:
    if not isinstance(meta.get(key), int):
        raise BadData(f"{PROVIDER} answered meta without {key}: {meta}; asked was {reply.query}")
    return int(meta[key])


def _close(record: Record) -> float:
    """The close of a statement's line; BadData where it is missing while the other column has a number."""
    column = CLOSES[record["account_type"]]
    other = OTHER_COLUMN[column]
    close, opening = (number(record.get(name), f"{name} of {_day(record).date()}") for name in (column, other))
    if np.isnan(close) and not np.isnan(opening):
        raise BadData(
            f"the Treasury's statement of {_day(record).date()} has {record['account_type']!r} in {other} "
            f"({opening:g}), expected it in {column}; report it, for the statement may have a new layout"
        )
    return close


def _day(record: Record) -> pd.Timestamp:
    return day_of(record, "record_date")
