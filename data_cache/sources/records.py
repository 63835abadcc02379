"""The records of an answer in JSON: their dates and their numbers."""

import math
from functools import lru_cache
from typing import Any

import pandas as pd

from data_cache.errors import BadData

Record = dict[str, Any]

MISSING = ("", "NA", "N/A", "null")


def day_of(record: Record, field: str) -> pd.Timestamp:
    """The date in a field of a record: naive, in ns; BadData where it holds none."""
    day = _day(str(record.get(field)))
    if pd.isna(day):
        raise BadData(f"a record has {field} {record.get(field)!r}, expected YYYY-MM-DD; it is {record}")
    return day


def number(value: object, name: str) -> float:
    """A value of an answer, NaN where it says "missing"; BadData, with its name, for what is no number."""
    if value is None or (isinstance(value, str) and value.strip() in MISSING):
        return math.nan
    try:
        found = float(str(value))
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise BadData(f"{name} is {value!r}, expected a number; report it, for the format has changed")
    return found


@lru_cache(maxsize=20_000)
def _day(text: str) -> pd.Timestamp:
    day = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
    return day if pd.isna(day) else day.as_unit("ns")
