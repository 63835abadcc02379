"""FRED on loopback: its XML interface and the CSV of its pages.

The form of the answers is that which fredapi 0.5.2 reads: `get_series`, `get_series_all_releases`,
`get_series_vintage_dates` and `get_series_info` name the elements and attributes, and `__fetch_data` the message of an
error. That both ends of an interval are clipped to the range asked for is seen in fredapi's pull request 49, the
refusal of too many vintages in its issue 48, that of an unknown key in its issue 45. A missing value is "." in XML; in
the CSV nothing, and "." under the older header "DATE".
"""

from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

import numpy as np
import pandas as pd

from tests.standins.server import Reply, Request

KEY = "abcdefghijklmnopqrstuvwxyz012345"
EARLIEST, LATEST = "1776-07-04", "9999-12-31"
READ = "  Read https://fred.stlouisfed.org/docs/api/api_key.html for more information."

Row = tuple[str, str, str, float]


def world(*rows: Row) -> pd.DataFrame:
    """What FRED holds, row by row: series, period, the vintage that brought the value, the value (NaN: missing)."""
    return pd.DataFrame(rows, columns=["series", "date", "start", "value"])


@dataclass
class FredWorld:
    """What the stand-in knows, and how much of it one answer gives.

    rows : made by `world`      today : the date at FRED      keys : those that are registered
    vintages, most, dates : limits of one answer: vintages of a range, observations, dates of vintages
    old_csv : the CSV as it was until 2025
    """

    rows: pd.DataFrame
    today: str = "2026-10-01"
    keys: tuple[str, ...] = (KEY,)
    vintages: int = 2_000
    most: int = 100_000
    dates: int = 10_000
    units: dict[str, str] = field(default_factory=dict)
    old_csv: bool = False

    def __call__(self, request: Request) -> Reply:
        """What FRED would answer."""
        if request.path.endswith("/fredgraph.csv"):
            return self._csv(request)
        wrong = self._wrong_key(request.query.get("api_key"))
        if wrong:
            return bad_request(wrong + READ)
        held = self._held(request.query["series_id"])
        if held.empty:
            return bad_request("The series does not exist.")
        routes = {
            "/fred/series/observations": self._observations,
            "/fred/series/vintagedates": self._vintage_dates,
            "/fred/series": self._info,
        }
        return routes[request.path](request, held)

    def _wrong_key(self, key: str | None) -> str:
        if not key:
            return "Variable api_key is not set."
        if len(key) != 32:
            return "The value for variable api_key is not a 32 character alpha-numeric lower-case string."
        return "" if key in self.keys else "The value for variable api_key is not registered."

    def _held(self, series: str) -> pd.DataFrame:
        """The intervals of a series that have begun, each with its end."""
        rows = self.rows[(self.rows["series"] == series) & (self.rows["start"] <= self.today)]
        rows = rows.sort_values(["date", "start"], ignore_index=True)
        following = pd.to_datetime(rows.groupby("date")["start"].shift(-1))
        end = (following - pd.Timedelta(days=1)).dt.strftime("%Y-%m-%d").where(following.notna(), LATEST)
        return rows.assign(end=end)

    def _observations(self, request: Request, held: pd.DataFrame) -> Reply:
        start = request.query.get("realtime_start", self.today)
        end = request.query.get("realtime_end", self.today)
        begun = sorted(set(held.loc[held["start"].between(start, end), "start"]))
        if len(begun) > self.vintages:
            return bad_request(
                f"There are {len(begun)} vintage dates in the specified real-time period: {start} to {end}.  This "
                f"exceeds the maximum number of vintage dates allowed ({self.vintages})."
            )
        rows = held[(held["start"] <= end) & (held["end"] >= start)]
        rows = rows[rows["date"] >= request.query.get("observation_start", EARLIEST)]
        rows = rows.assign(start=rows["start"].clip(lower=start), end=rows["end"].clip(upper=end)).head(self.most)
        return as_xml(
            "observations",
            "".join(
                f'<observation realtime_start="{row.start}" realtime_end="{row.end}" date="{row.date}" '
                f'value="{printed(row.value, ".")}"/>'
                for row in rows.itertuples()
            ),
        )

    def _vintage_dates(self, request: Request, held: pd.DataFrame) -> Reply:
        skipped = int(request.query.get("offset", 0))
        dates = sorted(set(held["start"]))[skipped : skipped + self.dates]
        return as_xml("vintage_dates", "".join(f"<vintage_date>{date}</vintage_date>" for date in dates))

    def _info(self, request: Request, held: pd.DataFrame) -> Reply:
        series = request.query["series_id"]
        said = {
            "id": series,
            "title": f"Title of {series}",
            "observation_start": held["date"].min(),
            "observation_end": held["date"].max(),
            "units": self.units.get(series, "Percent"),
            "last_updated": f"{held['start'].max()} 15:37:02-05",
        }
        attributes = " ".join(f"{name}={quoteattr(value)}" for name, value in said.items())
        return as_xml("seriess", f"<series {attributes}/>")

    def _csv(self, request: Request) -> Reply:
        series = request.query["id"]
        rows = self._held(series).drop_duplicates("date", keep="last")
        if rows.empty:
            return Reply(b"<!DOCTYPE html><html><h1>Not found</h1></html>", 404, "text/html")
        rows = rows[rows["date"] >= request.query.get("cosd", EARLIEST)]
        missing = "." if self.old_csv else ""
        lines = [f"{row.date},{printed(row.value, missing)}" for row in rows.itertuples()]
        head = f"{'DATE' if self.old_csv else 'observation_date'},{series}"
        return Reply("\n".join([head, *lines, ""]).encode(), content_type="application/csv")


def printed(value: float, missing: str) -> str:
    """A value as FRED prints it."""
    return missing if np.isnan(value) else f"{value:.10g}"


def as_xml(root: str, inside: str) -> Reply:
    """An answer in XML."""
    return Reply(f'<?xml version="1.0" encoding="utf-8" ?><{root}>{inside}</{root}>'.encode(), content_type="text/xml")


def bad_request(message: str) -> Reply:
    """An error as FRED writes it, with two blanks after "Bad Request."."""
    said = quoteattr(f"Bad Request.  {message}")
    body = f'<?xml version="1.0" encoding="utf-8" ?><error code="400" message={said}/>'
    return Reply(body.encode(), 400, "text/xml")
