"""The bitemporal table: what was observed of a period, and when it was known."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd

from data_cache.errors import BadData, NoData

COLUMNS = ["period", "known_at", "value", "origin"]


def observation_rows(period: object, known_at: object, value: object, origin: str | object = "rule") -> pd.DataFrame:
    """Rows of one series, checked and sorted by (known_at, period).

    period : naive timestamps; midnight for a date, a UTC instant for something paid or traded at an instant
    known_at : UTC timestamps      value : floats, NaN where the source says "missing"
    origin : where known_at comes from ("rule", "stamp", "column", "seen")

    Raises BadData where known_at has no timezone, where either clock is missing, or where one (period,
    known_at) has two values.
    """
    rows = pd.DataFrame({"period": period, "known_at": known_at, "value": value, "origin": origin})
    if not isinstance(rows["known_at"].dtype, pd.DatetimeTZDtype):
        raise BadData("known_at must be UTC timestamps; found times without a timezone: localize them first")
    if isinstance(rows["period"].dtype, pd.DatetimeTZDtype):
        raise BadData("a period is a date or a naive UTC instant; found a timezone: tz_localize(None) it first")
    rows["period"] = rows["period"].dt.as_unit("ns")
    rows["known_at"] = rows["known_at"].dt.tz_convert("UTC").dt.as_unit("ns")
    rows["value"] = rows["value"].astype(float)
    for clock in ("period", "known_at"):
        if rows[clock].isna().any():
            raise BadData(f"{int(rows[clock].isna().sum())} observations have no {clock}; each needs one")
    rows = rows.sort_values(["known_at", "period"], kind="stable").reset_index(drop=True)
    twice = rows.duplicated(["period", "known_at"])
    if twice.any():
        row = rows[twice].iloc[0]
        raise BadData(f"period {row['period']} has two values known at {row['known_at']}; keep one")
    return rows


def silences(rows: pd.DataFrame, max_age_days: float) -> pd.DataFrame:
    """Spans longer than `max_age_days` without a new value: columns after (a known_at) and days."""
    known_at = rows.dropna(subset="value")["known_at"].drop_duplicates()
    days = known_at.diff().shift(-1) / pd.Timedelta(days=1)
    silent = (days > max_age_days).to_numpy()
    return pd.DataFrame({"after": known_at[silent], "days": days[silent]}).reset_index(drop=True)


class Observations:
    """All observations, by series; a revision is a further row with a later known_at.

    rows : mapping of series id to a DataFrame with the columns of `COLUMNS`, made by `observation_rows`; one
    that reads a series when it is first asked for stays as lazy as it is
    """

    def __init__(self, rows: Mapping[str, pd.DataFrame]) -> None:
        self._rows = rows
        self._releases: dict[str, pd.DataFrame] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __contains__(self, series: object) -> bool:
        return series in self._rows

    def rows(self, series: str) -> pd.DataFrame:
        """Every row of `series`, sorted by known_at; NoData where there is no such series."""
        if series not in self._rows:
            raise NoData(f"no observations of {series}; here are: {', '.join(sorted(self._rows)) or 'none'}")
        return self._rows[series]

    def releases(self, series: str) -> pd.DataFrame:
        """First releases: columns period and value, indexed by known_at, in the order of becoming known.

        A period whose first release is missing ("." at FRED) enters when its first number does.
        """
        if series not in self._releases:
            rows = self.rows(series).dropna(subset="value")
            first = rows[~rows.duplicated("period")]
            self._releases[series] = first.set_index("known_at")[["period", "value"]]
        return self._releases[series]

    def first(self, series: str) -> pd.Series:
        """First-release values indexed by known_at."""
        return self.releases(series)["value"].rename(series)

    def as_of(self, series: str, at: pd.Timestamp) -> pd.Series:
        """The history of `series` as it stood at `at`: the last value known of each period, by period."""
        rows = self.rows(series)
        known = rows.iloc[: int(rows["known_at"].searchsorted(at, side="right"))]
        return known.drop_duplicates("period", keep="last").set_index("period")["value"].sort_index().rename(series)

    def revised(self, series: str) -> pd.Series:
        """The final vintage, indexed by period. It holds the future: for measuring leakage only."""
        return self.as_of(series, pd.Timestamp.max.tz_localize("UTC"))

    def until(self, at: pd.Timestamp) -> "Observations":
        """Only what was known at `at`; later rows are not in the answer at all."""
        past = Observations({series: _cut(rows, rows["known_at"], at) for series, rows in self._rows.items()})
        # The first releases of a prefix are a prefix of the first releases, so they need not be sorted out
        # anew.
        past._releases = {series: _cut(found, found.index, at) for series, found in self._releases.items()}
        return past

    def only(self, series: Iterable[str]) -> "Observations":
        """The same table with these series alone."""
        kept = Observations({s: self._rows[s] for s in series})
        kept._releases = {s: self.releases(s) for s in kept}
        return kept

    def known_at(self, series: str) -> np.ndarray:
        """When the first releases of `series` became known: int64 nanoseconds since 1970 UTC, ascending."""
        return self.releases(series).index.asi8  # type: ignore[no-any-return]


def _cut(frame: pd.DataFrame, known_at: pd.Series | pd.DatetimeIndex, at: pd.Timestamp) -> pd.DataFrame:
    return frame.iloc[: int(known_at.searchsorted(at, side="right"))]
