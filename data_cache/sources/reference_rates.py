"""The New York Fed's reference rates: SOFR and its distribution, the effective rate, the target range.

A record carries a revisionIndicator where the rate was published anew on its day of publication. The original is
then gone, or stands beside it: the new one is taken for known at 15:00, when such a day's second publication is over.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from data_cache.catalog import spec
from data_cache.observations import observation_rows
from data_cache.releases import NEW_YORK, eastern, known_at
from data_cache.sources.records import Record, day_of, number

SOFR_FIELDS = {
    "SOFR": "percentRate",
    "SOFR1": "percentPercentile1",
    "SOFR25": "percentPercentile25",
    "SOFR75": "percentPercentile75",
    "SOFR99": "percentPercentile99",
    "SOFRVOL": "volumeInBillions",
}
RANGE_FIELDS = {"DFEDTARU": "targetRateTo", "DFEDTARL": "targetRateFrom"}
# The values from 2014 on were published in 2018.
FIRST_SOFR = pd.Timestamp("2018-04-03")
FIRST_EFFR = pd.Timestamp("2000-07-03")
# Before there was a single target.
FIRST_RANGE = pd.Timestamp("2008-12-16")
REISSUED = np.timedelta64(15, "h")
# Between two published days lie at most the four days of a long weekend; a longer hole is not filled.
APART = 5


def sofr_rows(records: Sequence[Record]) -> dict[str, pd.DataFrame]:
    """The rows of SOFR, its percentiles (%) and its volume ($bn), by series."""
    mine = [record for record in records if record.get("type") == "SOFR"]
    return {series: _rate_rows(series, field, mine) for series, field in SOFR_FIELDS.items()}


def effr_rows(records: Sequence[Record]) -> dict[str, pd.DataFrame]:
    """The rows of the effective rate, and of the target range on every calendar day, all in %, by series.

    A day without a rate between two that have one is given the range of the day before.
    """
    mine = [record for record in records if record.get("type") == "EFFR"]
    ranges = [record for record in mine if _is_range(record)]
    bounds = {series: _range_rows(series, field, ranges) for series, field in RANGE_FIELDS.items()}
    return {"EFFR": _rate_rows("EFFR", "percentRate", mine), **bounds}


def _rate_rows(series: str, field: str, records: Sequence[Record]) -> pd.DataFrame:
    said = [record for record in records if field in record]
    periods = _periods(said)
    values = [number(r[field], f"{field} of {r['effectiveDate']}") for r in said]
    revised = np.array([bool(str(r.get("revisionIndicator") or "").strip()) for r in said], bool)
    rule = known_at(spec(series), periods)
    published = rule.tz_convert(NEW_YORK).tz_localize(None).to_numpy().astype("datetime64[D]")
    known = rule.where(~revised, eastern(published + REISSUED))
    rows = pd.DataFrame({"period": periods, "known_at": known, "value": values})
    rows = rows.assign(origin=np.where(revised, "stamp", "rule")).drop_duplicates()
    return observation_rows(*(rows[name] for name in rows))


def _range_rows(series: str, field: str, records: Sequence[Record]) -> pd.DataFrame:
    bounds = pd.Series([number(r[field], field) for r in records], _periods(records), dtype=float)
    every = _every_day(bounds[~bounds.index.duplicated()].sort_index())
    return observation_rows(every.index, known_at(spec(series), every.index), every.to_numpy())


def _every_day(values: pd.Series) -> pd.Series:
    """The values, repeated until the next of them unless that is more than APART days away."""
    steps = np.diff(values.index.to_numpy().astype("datetime64[D]").astype(int), append=0)
    steps = np.where((steps > 0) & (steps <= APART), steps, 1)
    repeated = values.repeat(steps)
    offsets = pd.to_timedelta(repeated.groupby(level=0).cumcount().to_numpy(), unit="D")
    return repeated.set_axis(pd.DatetimeIndex(repeated.index + offsets).as_unit("ns"))


def _is_range(record: Record) -> bool:
    if day_of(record, "effectiveDate") < FIRST_RANGE:
        return False
    return not any(np.isnan(number(record.get(field), field)) for field in RANGE_FIELDS.values())


def _periods(records: Sequence[Record]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex([day_of(record, "effectiveDate") for record in records], dtype="datetime64[ns]")
