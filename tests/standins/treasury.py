"""A stand-in for the Treasury's Fiscal Data API, https://api.fiscaldata.treasury.gov/services/api/fiscal_service.

Parameters, operators, pages, meta and links are those of https://fiscaldata.treasury.gov/api-documentation/: all values
are text, a missing one is "null", and a filter is a list of field:operator:value. Fields and labels of the statement
are those of its page, in the three layouts that it has had.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.standins.server import Reply, Request, StandIn, as_json

Record = dict[str, str]

NULL = "null"
OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda a, b: a == b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


@dataclass
class World:
    """What the Treasury has published, in any order; tests may add to it between two fetches.

    most : records that a page holds at most, whatever is asked for
    """

    statements: list[Record] = field(default_factory=list)
    debts: list[Record] = field(default_factory=list)
    most: int = 10_000


def treasury(world: World) -> StandIn:
    """A server that answers with what is in `world` at the time."""
    return StandIn(lambda request: _answer(world, request))


def statement(day: str, close: int | None, opening: int | None = 0) -> list[Record]:
    """The operating cash balance ($mn) of a statement, with all its lines, in the layout of its day."""
    if day >= "2022-04-18":
        balance = "Treasury General Account (TGA)"
        amounts = {
            f"{balance} Opening Balance": opening,
            "Total TGA Deposits (Table II)": 0,
            "Total TGA Withdrawals (Table II) (-)": 0,
            f"{balance} Closing Balance": close,
        }
        return [line(day, account, None, amount, n + 1) for n, (account, amount) in enumerate(amounts.items())]
    account = "Treasury General Account (TGA)" if day >= "2021-10-01" else "Federal Reserve Account"
    return [
        line(day, account, close, opening, 1),
        line(day, "Supplementary Financing Program Account", 0, 0, 2),
        line(day, "Short-Term Cash Investments (Table V)", 0, 0, 3),
    ]


def line(day: str, account: str, close: int | None, opening: int | None, number: int = 1) -> Record:
    """A line of the operating cash balance."""
    later = day >= "2022-04-18"
    return {
        "record_date": day,
        "account_type": account,
        "close_today_bal": _text(close),
        "open_today_bal": _text(opening),
        "open_month_bal": _text(opening),
        "open_fiscal_year_bal": _text(opening),
        "table_nbr": "I",
        "table_nm": "Operating Cash Balance",
        "sub_table_name": "Cash Balance Details" if later else "Type of account",
        "src_line_nbr": str(number),
        **_calendar(day),
    }


def debt(day: str, dollars: float | None) -> Record:
    """The debt of a day, to the penny; four fifths of it held by the public."""
    return {
        "record_date": day,
        "debt_held_public_amt": _text(dollars and dollars * 0.8, 2),
        "intragov_hold_amt": _text(dollars and dollars * 0.2, 2),
        "tot_pub_debt_out_amt": _text(dollars, 2),
        "src_line_nbr": "1",
        **_calendar(day),
    }


def _calendar(day: str) -> Record:
    year, month, date = day.split("-")
    fiscal = int(year) + (int(month) >= 10)
    return {
        "record_fiscal_year": str(fiscal),
        "record_fiscal_quarter": str((int(month) + 2) // 3 % 4 + 1),
        "record_calendar_year": year,
        "record_calendar_quarter": str((int(month) + 2) // 3),
        "record_calendar_month": month,
        "record_calendar_day": date,
    }


def _text(amount: float | None, decimals: int = 0) -> str:
    return NULL if amount is None else f"{amount:.{decimals}f}"


def _answer(world: World, request: Request) -> Reply:
    tables = {
        "/v1/accounting/dts/operating_cash_balance": world.statements,
        "/v2/accounting/od/debt_to_penny": world.debts,
    }
    if request.path not in tables:
        return as_json({"error": "Endpoint not found", "message": request.path}, 404)
    query = request.query
    found = [r for r in tables[request.path] if all(_holds(r, said) for said in query["filter"].split(","))]
    for name in reversed(query["sort"].split(",")):
        found.sort(key=lambda record, name=name: record[name])  # type: ignore[misc]
    size = min(int(query.get("page[size]", 100)), world.most)
    number = int(query.get("page[number]", 1))
    page = found[(number - 1) * size : number * size]
    pages = math.ceil(len(found) / size)
    return as_json({"data": page, "meta": _meta(page, len(found), pages), "links": _links(number, pages, size)})


def _holds(record: Record, said: str) -> bool:
    name, operator, value = said.split(":")
    return OPERATORS[operator](record[name], value)


def _meta(page: list[Record], total: int, pages: int) -> dict[str, object]:
    names = list(page[0]) if page else []
    return {
        "count": len(page),
        "labels": {name: name.replace("_", " ").title() for name in names},
        "dataTypes": {name: "CURRENCY0" if name.endswith("_bal") else "STRING" for name in names},
        "dataFormats": {name: "$1,000,000" if name.endswith("_bal") else "String" for name in names},
        "total-count": total,
        "total-pages": pages,
    }


def _links(number: int, pages: int, size: int) -> dict[str, str | None]:
    def link(page: int) -> str | None:
        return f"&page%5Bnumber%5D={page}&page%5Bsize%5D={size}" if 1 <= page <= pages else None

    return {
        "self": link(number),
        "first": link(1),
        "prev": link(number - 1),
        "next": link(number + 1),
        "last": link(pages),
    }
