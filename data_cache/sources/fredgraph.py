"""FRED without a key: the CSV that every page of FRED offers for download.

It holds the final vintage, so known_at is by the release rule, but for what an earlier fetch did not find in its time;
and a series that is revised can't be had from here. FRED's pages keep programs out at times; the API with a free key
(`data_cache.sources.fred`) is the sure way.
"""

from functools import partial
from io import BytesIO
from urllib.parse import parse_qsl, urlencode

import numpy as np
import pandas as pd

from data_cache.catalog import CATALOG, H41, SeriesSpec
from data_cache.errors import BadData, Refused, Unreachable
from data_cache.observations import observation_rows, silences
from data_cache.parquet import Fetch, provenance_at
from data_cache.releases import known_at
from data_cache.sources.outcome import Job, Outcome, stored_series
from data_cache.sources.session import KEY_PAGE, Session, Step
from data_cache.sources.vintages import datable, served
from data_cache.sources.web import Reply, excerpt, get
from data_cache.store import Store

SOURCE, WITH_KEY = "fredgraph", "fred"
OWN_URL = "https://fred.stlouisfed.org/graph"
# So far back is asked again: a value that changed since is noticed.
OVERLAP = pd.Timedelta(days=35)
# The first Wednesday of the H.4.1 as it is laid out now. FRED has averages of before, when balances were so small that
# the guards could not tell one unit from the other.
FIRST_H41 = "2002-12-18"
# How FRED writes "no value": a dot until 2025, since then nothing.
MISSING = ("", ".")
A_KEY = f"a free key in $FRED_API_KEY is the sure way: {KEY_PAGE}"


def jobs(session: Session, store: Store) -> list[Job]:
    """A job for each series of FRED."""
    return [Job("macro", WITH_KEY, spec.id, partial(fetched, session, store, spec)) for spec in series()]


def series() -> list[SeriesSpec]:
    """The series of the catalogue that FRED is asked for."""
    return [spec for spec in CATALOG if spec.source == WITH_KEY]


def fetched(session: Session, store: Store, spec: SeriesSpec) -> list[Outcome]:
    """Ask for what is missing of a series, and store it.

    Raises Refused where no CSV comes, Unreachable where nothing does, BadData where it contradicts what another
    source stored.
    """
    if WITH_KEY in sources_of(store, spec.id):
        kept = f"stored with FRED's vintages, which final values can't continue: nothing new is fetched; {A_KEY}"
        return [standing(store, spec, SOURCE).noting(kept)]
    if spec.revised:
        needs = f"{spec.id} is revised, and without a key FRED shows its last vintage alone; {A_KEY}"
        return [standing(store, spec, SOURCE).noting(needs)]
    since, start = _starts(session, store, spec)
    session.say(Step(spec.id, SOURCE, share=0.0))
    values = served(spec, _table(spec, _asked(session, spec, start)).assign(vintage=session.now.tz_localize(None)))
    rows = datable(values)
    known = _dated(store, spec, rows, session.now)
    fetch = Fetch(
        SOURCE, f"fredgraph.csv?{urlencode({'id': spec.id} | ({'cosd': since} if since else {}))}", session.now
    )
    outcome = continued(store, spec, known, fetch) if len(known) else standing(store, spec, SOURCE)
    session.say(Step(spec.id, SOURCE, len(rows), share=1.0))
    return [outcome.noting(*([undatable(len(values) - len(rows))] if len(rows) < len(values) else []))]


def continued(store: Store, spec: SeriesSpec, rows: pd.DataFrame, fetch: Fetch, replace: bool = False) -> Outcome:
    """`stored_series`, with a cure for a fetch where another source contradicts what came."""
    try:
        return stored_series(store, spec, rows, fetch, replace)
    except BadData as error:
        said, contradiction, _ = str(error).partition("; keep one, or import with --replace")
        if not contradiction:
            raise
    path = store.series_path(spec.id)
    raise BadData(f"{said}; nothing was stored: go on importing it, or delete {path} and fetch it whole")


def standing(store: Store, spec: SeriesSpec, source: str) -> Outcome:
    """The outcome of a fetch that had nothing to store."""
    if spec.id not in store.series():
        return Outcome("series", spec.id, source)
    rows = store.rows(spec.id)
    gaps = len(silences(rows, spec.max_age_days))
    return Outcome("series", spec.id, source, gaps=gaps, first=rows["period"].min(), last=rows["period"].max())


def sources_of(store: Store, name: str) -> tuple[str, ...]:
    """The sources of what is stored of a series."""
    return provenance_at(store.series_path(name)).sources if name in store.series() else ()


def asked_before(store: Store, name: str, source: str) -> dict[str, str]:
    """The query whose answer the store holds from `source`, empty where there is none."""
    before = _before(store, name, source)
    return dict(parse_qsl(before.query.partition("?")[2])) if before else {}


def _before(store: Store, name: str, source: str = SOURCE) -> Fetch | None:
    """The newest fetch from `source` that brought something of a series, None where there is none."""
    fetches = provenance_at(store.series_path(name)).fetches if name in store.series() else ()
    return next((fetch for fetch in fetches if fetch.source == source), None)


def undatable(count: int) -> str:
    """A sentence about periods outside the calendars."""
    return f"{count} periods lie outside the calendars of the release rules (1962 to 2040) and were left out"


def day_of(time: pd.Timestamp | None) -> str:
    """The ISO date of a time, "" where there is none."""
    return f"{time:%Y-%m-%d}" if time is not None else ""


def first_day(session: Session, spec: SeriesSpec) -> str:
    """The first period to ask for, an ISO date, "" for the very first."""
    return max(day_of(session.since), FIRST_H41 if spec.release == H41 else "")


def _starts(session: Session, store: Store, spec: SeriesSpec) -> tuple[str, str]:
    """The first day that the store will hold then, and the first to ask for: ISO dates, "" for the very first."""
    wanted, before = first_day(session, spec), _before(store, spec.id)
    held = asked_before(store, spec.id, SOURCE).get("cosd", "")
    if not before or wanted < held:
        return wanted, wanted
    # Another source may have brought what is newer than that fetch.
    tail = min(store.rows(spec.id)["period"].max(), before.fetched_at.tz_convert("UTC").tz_localize(None)) - OVERLAP
    return held, max(held, day_of(tail))


def _dated(store: Store, spec: SeriesSpec, rows: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """Observations of `rows`, known by the rule, or `now` where a fetch before did not find them though it was time.

    Such a one was late: it came after that fetch, nobody knows when, and goes on to count as seen then.
    """
    rule = pd.Series(known_at(spec, pd.DatetimeIndex(rows["period"])), rows.index)
    before = _before(store, spec.id)
    if not before:
        return observation_rows(rows["period"], rule, rows["value"])
    held = store.rows(spec.id).drop_duplicates("period").set_index("period").reindex(rows["period"])
    was_late = (held["origin"] == "seen").to_numpy()
    asked = rows["period"] >= pd.Timestamp(asked_before(store, spec.id, SOURCE).get("cosd") or pd.Timestamp.min)
    missed = asked & held["origin"].isna().to_numpy() & (rule < before.fetched_at)
    known = rule.mask(was_late, pd.Series(held["known_at"].array, rows.index)).mask(missed, now)
    return observation_rows(rows["period"], known, rows["value"], np.where(was_late | missed, "seen", "rule"))


def _asked(session: Session, spec: SeriesSpec, start: str) -> Reply:
    url = f"{session.base_url(SOURCE, OWN_URL)}/fredgraph.csv"
    try:
        return get(session, SOURCE, url, {"id": spec.id} | ({"cosd": start} if start else {}))
    except (Refused, Unreachable) as error:
        said, kind = str(error), type(error)
    raise kind(f"{said}; {A_KEY}")


def _table(spec: SeriesSpec, reply: Reply) -> pd.DataFrame:
    """The periods and values of a CSV; Refused where it is none."""
    try:
        cells = pd.read_csv(BytesIO(reply.content), dtype=str, keep_default_na=False)
    except ValueError:  # of pandas, for what is no table, and of Unicode
        cells = pd.DataFrame()
    if list(cells.columns) not in (["observation_date", spec.id], ["DATE", spec.id]):
        raise Refused(f"{SOURCE} answered no CSV of {spec.id} but {excerpt(reply.content)}; {A_KEY}")
    text = cells[spec.id].str.strip()
    missing = text.isin(MISSING)
    periods = pd.to_datetime(cells.iloc[:, 0], format="%Y-%m-%d", errors="coerce").dt.as_unit("ns")
    values = pd.to_numeric(text.mask(missing), errors="coerce").astype(float)
    bad = periods.isna() | (values.isna() & ~missing)
    if bad.any():
        raise Refused(f"{SOURCE} answered a CSV of {spec.id} with the line {','.join(cells[bad].iloc[0])!r}; {A_KEY}")
    return pd.DataFrame({"period": periods, "value": values})
