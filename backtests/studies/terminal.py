"""A study as tables and sentences in the terminal."""

from pathlib import Path

import pandas as pd
from rich.markup import escape
from rich.table import Table

from backtests.console import new_table, say, show
from backtests.studies.event_study import Study
from backtests.studies.words import decimal, percent, probability, share

# So many events are written out; the page and --json hold all of them.
SHOWN = 12
NONE = "–"


def print_study(study: Study, out: Path | None) -> None:
    """Print events, statistics and the verdict; a page is named where one was written. Fits 80 columns."""
    say(escape(study.market.origin))
    say(f"[bold]{escape(study.title)}[/]")
    show(_events(study))
    if len(study.events) > SHOWN:
        say(f"The newest {SHOWN} of {len(study.events):,} events; --out and --json give all of them.")
    show(_statistics(study))
    show(_steadiness(study))
    for sentence in study.words:
        say(f"[bold]{escape(sentence)}[/]" if sentence == study.verdict else escape(sentence))
    if out is not None:
        say(f"Page: {escape(str(out))}")


def _events(study: Study) -> Table:
    """When each event was known, the value that began it, and what the first asset did."""
    asset = study.design.assets[0]
    horizons = list(study.design.horizons)[-4:]
    table = new_table("", "known at (UTC)", "value", *(f"{asset} {horizon}" for horizon in horizons), numbers_from=1)
    for at, row in study.events.tail(SHOWN).iterrows():
        returns = (percent(row[f"{asset} {horizon}"]) for horizon in horizons)
        table.add_row(f"{at:%Y-%m-%d %H:%M}", f"{row['value']:.4g}", *returns)
    return table


def _statistics(study: Study) -> Table:
    headings = ("n", "n eff.", "mean", "usual", "hits", "MDE", "p shift", "p block", "Holm")
    table = new_table("", "after events", *headings, numbers_from=1)
    for (asset, horizon), row in study.table.iterrows():
        table.add_row(
            f"{asset} {horizon}",
            f"{row['events']:,}",
            f"{row['effective']:.1f}",
            percent(row["mean"]),
            percent(row["usual"]),
            share(row["hits"]),
            _margin(row["detectable"]),
            *(probability(row[name]) for name in ("p_shift", "p_resample", "p_holm")),
        )
    return table


def _steadiness(study: Study) -> Table:
    headings = ("without one event", "decisive", "rank corr.", "HAC err.", "p", "Holm")
    table = new_table("", "how steady", *headings, numbers_from=1)
    for (asset, horizon), row in study.table.iterrows():
        alone = pd.isna(row["least"])
        table.add_row(
            f"{asset} {horizon}",
            NONE if alone else f"{percent(row['least'])} to {percent(row['most'])}",
            NONE if alone else f"{row['decisive']:%Y-%m-%d}",
            decimal(row["rank_correlation"]),
            decimal(row["rank_error"]).lstrip("+"),
            probability(row["rank_p"]),
            probability(row["rank_p_holm"]),
        )
    return table


def _margin(value: float) -> str:
    return NONE if pd.isna(value) else f"±{percent(value, signed=False)}"
