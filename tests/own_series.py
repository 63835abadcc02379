"""A series of a user's own, in no catalogue: what an import describes."""

from data_cache.catalog import ReleaseRule, SeriesSpec

MNAV = SeriesSpec(
    id="MNAV",
    title="Market value over net assets",
    unit="ratio",
    published_unit="ratio",
    scale=1.0,
    low=0,
    high=10,
    source="file",
    frequency="daily",
    convention="",
    release=ReleaseRule("end_of_day"),
    max_age_days=4,
)
