"""Shutdowns of the US federal government: when funding lapsed and when it was signed back.

A lapse is known when it happens, at midnight in New York: until then a last-minute bill could avert it. Its end is
known when the bill is signed; where a report gives no minute, late on that day. In between the Treasury takes in
taxes and spends less, and its account fills.

Left out: lapses of a few hours that closed nothing (9 February 2018) and of a single department (Homeland Security,
from 14 February 2026 to the end of April).
"""

from functools import cache

from data_cache.facts.fact import Fact

# The bill signed on 3 February 2026 funds all but one department until this day.
KEPT_UNTIL = "2026-09-30"

# Name, funding lapsed, funding signed (Eastern), what closed, source, checked.
LAPSES: tuple[tuple[str, str, str, str, str, str], ...] = (
    (
        "2013",
        "2013-10-01 00:00",
        "2013-10-17 06:00",
        "the whole government, for 16 days",
        "Continuing Appropriations Act, 2014; reports of 17 October 2013: signed shortly after midnight",
        "document",
    ),
    (
        "2018",
        "2018-01-20 00:00",
        "2018-01-22 23:59",
        "the whole government, over a weekend and a Monday",
        "reports of 22 January 2018: signed on the Monday evening",
        "copy",
    ),
    (
        "2018-19",
        "2018-12-22 00:00",
        "2019-01-25 21:25",
        "nine departments, for 35 days",
        "H.J.Res. 28; Associated Press, 25 January 2019, 9:25 p.m.",
        "document",
    ),
    (
        "2025",
        "2025-10-01 00:00",
        "2025-11-12 22:47",
        "the whole government, for 43 days",
        "reports of 12 November 2025, the first at 10:47 p.m.",
        "document",
    ),
    (
        "2026",
        "2026-01-31 00:00",
        "2026-02-03 18:00",
        "half of the departments, the Treasury among them, for four days",
        "Consolidated Appropriations Act, 2026; UPI, 3 February 2026: signed on Tuesday afternoon",
        "document",
    ),
)


@cache
def shutdowns() -> tuple[Fact, ...]:
    """The lapses (value 1) and the signatures (value 0) in turn."""
    facts: list[Fact] = []
    for name, lapsed, signed, what, source, checked in LAPSES:
        facts.append(Fact(f"{name} lapsed", lapsed[:10], lapsed, 1.0, f"closes {what}", source, checked))
        facts.append(Fact(f"{name} signed", signed[:10], signed, 0.0, f"reopens {what}", source, checked))
    return tuple(facts)
