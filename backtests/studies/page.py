"""The page of a study: one HTML file that needs nothing else."""

from pathlib import Path
from typing import Any

import pandas as pd

from backtests.studies.event_study import Study
from backtests.studies.panels import EventPaths, Evidence
from backtests.studies.power import SEEN
from backtests.studies.words import decimal, number, percent, probability, share
from backtests.sweeps.report.words import signs
from backtests.sweeps.steps import duration_text
from backtests.tearsheet.document import (
    Chart,
    Charts,
    Definition,
    Table,
    as_json,
    asset,
    script_json,
    template,
    write_page,
)
from data_cache.version import __version__

HOME = "backtests.studies"
NONE = "–"

# What the tables show, with what a click on it says. The formulas are those of the modules that compute them.
EVENTS = Definition(
    "n-events", "Events", "Events after which the record goes on for the whole horizon; the others are left out."
)
EFFECTIVE = Definition(
    "n-effective",
    "Effective",
    "Events without overlap that would tell as much of the mean: n / (1 + 2 S / n), where S is the sum over pairs of "
    "the share of the holding period that both have in common (Hansen and Hodrick 1980).",
)
MEAN = Definition(
    "mean-after",
    "Mean",
    "Mean simple return from the first open at or after the event (and the latency) to the close one horizon later, "
    "before costs.",
)
USUAL = Definition("usual-mean", "Usual", "The same mean after every bar at which the signal was known.")
HITS = Definition("hits", "Hits", "Share of returns after events that are above 0; the usual share in brackets.")
DETECTABLE = Definition(
    "detectable",
    "Detectable",
    "Minimum detectable effect: the smallest true difference from the usual mean that a two-sided test at 5 % finds in "
    f"80 % of cases: {SEEN:.2f} standard errors. The standard error is that of the difference of the two means, where "
    "returns of bars are uncorrelated and equally volatile, however events overlap with each other and with all bars.",
)
P_SHIFT = Definition(
    "p-shift",
    "p, shifted",
    "Two-sided p-value of the mean among those of the same events moved along the record, around its end, gaps and "
    "clusters kept: 2 (1 + draws beyond) / (1 + draws).",
)
P_RESAMPLE = Definition(
    "p-resample",
    "p, blocks",
    "Two-sided p-value of the mean less the usual one among those in histories drawn from blocks of the record's own "
    "returns (stationary bootstrap, Politis and Romano 1994), events where they are.",
)
HOLM = Definition(
    "p-holm",
    "p, adjusted",
    "The larger of the two p-values, adjusted for all assets and horizons of this page by Holm's method (1979).",
)
WITHOUT = Definition(
    "without-one", "Without one event", "The lowest and the highest mean that is left when one event is left out."
)
DECISIVE = Definition("decisive", "Decisive event", "The event without which the mean moves most.")
RANK = Definition(
    "rank-correlation",
    "Rank correlation",
    "Spearman's correlation of the signal, as known at the first open of each UTC day, with the return that followed, "
    "over all days.",
)
RANK_ERROR = Definition(
    "rank-error",
    "HAC error",
    "Standard error by Newey and West (1987) with as many lags as the horizon has days: returns of neighbouring days "
    "overlap. For slow signals and long horizons it is too small.",
)
RANK_P = Definition("rank-p", "p", "Two-sided p-value of the rank correlation, by Student's t.")
RANK_HOLM = Definition(
    "rank-holm", "p, adjusted", "The same adjusted for all assets and horizons of this page by Holm's method (1979)."
)
ONSETS = Definition(
    "onsets", "Onsets", "How often the condition became true within the cluster that the event stands for."
)
MADE_BY = Definition("made-by", "Made by", "What became known at that moment of all that the signal reads.")


def write_study(study: Study, path: Path) -> None:
    """Write one self-contained HTML file on a study; it opens without a network.

    Parents are created, and the file appears at once or not at all. Raises BadUsage where `path` is a folder.
    """
    write_page(path, render_study(study))


def render_study(study: Study) -> str:
    """The page as text."""
    charts = Charts()
    page: dict[str, Any] = {
        "paths": [(asset_, _paths(study, asset_, charts)) for asset_ in study.design.assets],
        "evidence": charts.add("evidence", Evidence(study), Evidence(study).legend()),
        "statistics": _statistics(study, charts),
        "steadiness": _steadiness(study, charts),
        "events": _events(study, charts),
    }
    return template("study.html", HOME).render(
        **page,
        title=study.title,
        about=_first_line(study),
        simulated=study.simulated,
        words=study.words,
        verdict=study.verdict,
        signs=signs,
        facts=facts(study),
        command=study.command,
        terms=list(charts.terms.values()),
        manifest_text=as_json(study.manifest, indent=2),
        manifest=script_json({"ebbtide": __version__, "study": study.manifest}),
        figures=script_json(charts.figures),
        tables=script_json(charts.tables),
        style=asset("style.css"),
        script=asset("charts.js"),
    )


def facts(study: Study) -> list[tuple[str, str]]:
    """What was studied, on what and how: pairs of a term and its description."""
    design, (first, last) = study.design, study.span
    hours = design.latency / pd.Timedelta(hours=1)
    entry = (
        f"the first open {hours:g} h or more after an event is known" if hours else "the first open once it is known"
    )
    return [
        ("Signal", repr(study.signal)),
        ("Event", f"the signal comes to be {design.condition.words}, as it became known"),
        (
            "Known",
            f"{first:%-d %b %Y} to {last:%-d %b %Y}, {number(study.sample.last - study.sample.first + 1, 'bar')}",
        ),
        ("Entry", entry),
        (
            "Clusters",
            f"onsets within {duration_text(design.cluster)} are one event" if design.cluster else "every onset",
        ),
        ("Data", study.market.origin),
        ("Chance", f"{design.draws:,} draws at most of each kind, seed {design.seed}"),
    ]


def _paths(study: Study, asset_: str, charts: Charts) -> Chart:
    panel = EventPaths(study, asset_)
    return charts.add(f"paths-{asset_}", panel, panel.legend())


def _statistics(study: Study, charts: Charts) -> Table:
    rows = [
        (
            f"{asset_} {horizon}",
            [
                f"{row['events']:,}",
                f"{row['effective']:.1f}",
                percent(row["mean"]),
                percent(row["usual"]),
                f"{share(row['hits'])} ({share(row['usual_hits'])})",
                NONE if pd.isna(row["detectable"]) else f"±{percent(row['detectable'], signed=False)}",
                *(probability(row[name]) for name in ("p_shift", "p_resample", "p_holm")),
            ],
        )
        for (asset_, horizon), row in study.table.iterrows()
    ]
    heads = ("Return", EVENTS, EFFECTIVE, MEAN, USUAL, HITS, DETECTABLE, P_SHIFT, P_RESAMPLE, HOLM)
    return charts.table("statistics-table", "Returns after events, and chance", study.table, heads, rows)


def _steadiness(study: Study, charts: Charts) -> Table:
    names = ["least", "most", "decisive", "rank_correlation", "rank_error", "rank_p", "rank_p_holm", "rank_days"]
    rows = []
    for (asset_, horizon), row in study.table.iterrows():
        alone = pd.isna(row["least"])
        without = NONE if alone else f"{percent(row['least'])} to {percent(row['most'])}"
        decisive = NONE if alone else f"{row['decisive']:%-d %b %Y}"
        ranked = [decimal(row["rank_correlation"]), decimal(row["rank_error"]).lstrip("+")]
        p_values = [probability(row[name]) for name in ("rank_p", "rank_p_holm")]
        rows.append((f"{asset_} {horizon}", [without, decisive, *ranked, *p_values]))
    heads = ("Return", WITHOUT, DECISIVE, RANK, RANK_ERROR, RANK_P, RANK_HOLM)
    return charts.table(
        "steadiness-table", "How much hangs on one event, and all days", study.table[names], heads, rows
    )


def _events(study: Study, charts: Charts) -> Table:
    columns = [f"{a} {h}" for a in study.design.assets for h in study.design.horizons]
    rows = [
        (
            f"{at:%Y-%m-%d %H:%M}",
            [
                f"{row['value']:.4g}",
                f"{row['before']:.4g}",
                f"{row['onsets']:,}",
                row["made_by"] or NONE,
                *(percent(row[column]) for column in columns),
            ],
        )
        for at, row in study.events.iterrows()
    ]
    heads = ("Known at (UTC)", "Value", "Before", ONSETS, MADE_BY, *columns)
    return charts.table("events-table", "Events and the returns after them", study.events, heads, rows)


def _first_line(study: Study) -> str:
    from backtests.tearsheet.sheet import first_line

    return first_line(study.signal)
