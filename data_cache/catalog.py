"""Every series ebbtide knows: title, unit, source, release rule, and how old it may grow.

Nothing heavy is imported here, so that `ebbtide list series` answers at once.
"""

from dataclasses import dataclass, replace

from data_cache.errors import UnknownName


@dataclass(frozen=True)
class ReleaseRule:
    """When the observation of a period becomes known; `data_cache.releases` computes it.

    kind : one of the rules of `data_cache.releases`      e.g. "next_business_day"
    calendar : FEDBANK, BOARD, SIFMA, FEDGOV or ""        whose business days count
    clock : "HH:MM"                                       US Eastern wall-clock time, or "" where the rule has none
    """

    kind: str
    calendar: str = ""
    clock: str = ""


@dataclass(frozen=True)
class SeriesSpec:
    """One series of the catalogue.

    unit : unit as served ("$bn", "%", "fraction")       published_unit : unit as the source prints it
    scale : served value = published value x scale
    low, high : bounds of a plausible served value; anything outside is a unit switch or an error
    max_age_days : a series whose newest release is older than this counts as unknown
    revised : True where the source changes history, so that first releases differ from the final vintage
    """

    id: str
    title: str
    unit: str
    published_unit: str
    scale: float
    low: float
    high: float
    source: str
    frequency: str
    convention: str
    release: ReleaseRule
    max_age_days: float
    revised: bool = False
    url: str = ""


# ... the table follows
CATALOG: tuple[SeriesSpec, ...] = ()
FAMILIES: tuple[SeriesSpec, ...] = (
    SeriesSpec(
        id="FUNDING_{asset}",
        title="Funding rate of the {asset} perpetual, per interval",
        unit="fraction",
        published_unit="fraction",
        scale=1.0,
        low=-0.05,
        high=0.05,
        source="exchange",
        frequency="8h",
        convention="paid at the period, which is an instant in UTC",
        release=ReleaseRule("at_period"),
        max_age_days=2,
    ),
)


def spec(series: str) -> SeriesSpec:
    """The catalogue's entry for `series`; UnknownName with a suggestion where there is none."""
    for entry in CATALOG:
        if entry.id == series:
            return entry
    for family in FAMILIES:
        stem = family.id.removesuffix("{asset}")
        if series.startswith(stem) and len(series) > len(stem):
            asset = series.removeprefix(stem)
            return replace(family, id=series, title=family.title.format(asset=asset))
    raise UnknownName.among("series", series, [entry.id for entry in (*CATALOG, *FAMILIES)], owner="the catalogue")
