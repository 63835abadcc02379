"""What the catalogue says of a series."""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class ReleaseRule:
    """When the observation of a period becomes known; `data_cache.releases` computes it.

    kind : one of the rules of `data_cache.releases`         e.g. "next_business_day"
    calendar : FEDBANK, BOARD, SIFMA, REPO, FEDGOV or ""     whose business days count
    clock : "HH:MM"                                          US Eastern wall-clock time; "" where none
    days : calendar days after the period                    read by "days_after" alone
    """

    kind: str
    calendar: str = ""
    clock: str = ""
    days: int = 0


@dataclass(frozen=True)
class SeriesSpec:
    """One series of the catalogue.

    unit : unit as served ("$bn", "%", "fraction")       published_unit : unit as the source prints it
    scale : served value = published value x scale
    low, high : bounds of a plausible served value; anything outside is a unit switch or an error
    source : the module of `data_cache.sources` that fetches it, "file" where none does
    convention : what the period is
    max_age_days : a series whose newest release is older than this counts as unknown
    revised : True where the source changes history, so that first releases differ from the final vintage
    floors : (date, low) pairs; from that period on, until the next pair, `low` stands in for the one above
    typical : largest plausible median of the values that are not zero, where the bounds let a switched unit pass
    periods : which days are periods: a calendar of `data_cache.releases`, "Wed" or "day"; "" where nobody knows
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
    floors: tuple[tuple[str, float], ...] = ()
    typical: float = inf
    periods: str = ""
