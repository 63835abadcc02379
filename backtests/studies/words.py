"""What the numbers of a study say, in sentences, and numbers as text."""

from math import isnan
from typing import TYPE_CHECKING, Any

import pandas as pd

from backtests.sweeps.steps import duration_text

if TYPE_CHECKING:
    from backtests.studies.event_study import Study

# With fewer effective events only differences of 0.9 standard deviations and more of a return would be seen: larger
# than anything that has been published of the macro signals of crypto.
FEW = 10
SIGNIFICANT = 0.05


def sentences(study: "Study") -> list[str]:
    """Counts, what could be seen, the verdict on events, the one on all days."""
    said = [counted(study), power(study), verdict(study), association(study)]
    return [sentence for sentence in said if sentence]


def counted(study: "Study") -> str:
    """How many events there were, when they could have been, and which are left out."""
    n, design = len(study.events), study.design
    first, last = study.span
    onsets = int(study.events["onsets"].sum())
    merged = f", {onsets:,} times in all, clusters of {duration_text(design.cluster)} counted once" * (onsets > n)
    return (
        f"{number(n, 'event')}: {type(study.signal).__name__} came to be {design.condition.words}{merged}. "
        f"In this window the signal was known from {first:%Y-%m-%d} to {last:%Y-%m-%d}.{unpriced(study)}"
    )


def unpriced(study: "Study") -> str:
    """Where the events lie that the window has no price for; "" where there are none."""
    opens, without = study.sample.tape.opens.index, study.unpriced
    told = [
        (without.before, f"before {opens[0]:%Y-%m-%d}, the window's first open"),
        (without.after, f"after {opens[-1]:%Y-%m-%d}, the window's last open"),
        (without.between, "after which no bar opens within a day"),
    ]
    places = [f"{number(count, 'event')} {place}" for count, place in told if count]
    return f" Not counted: {'; '.join(places)}." if places else ""


def power(study: "Study") -> str:
    """For the horizon with the fewest effective events: the least difference that could be seen."""
    rows = study.table[study.table["events"] > 0]
    if rows.empty:
        return "No event is followed by as much history as the shortest horizon needs."
    (asset, horizon), row = _least(rows)
    return (
        f"{asset} over {horizon}: {number(row['events'], 'event')}, {row['effective']:.1f} effective: nothing below "
        f"±{percent(row['detectable']).lstrip('+')} could be seen."
    )


def verdict(study: "Study") -> str:
    """Whether returns after events differ from what chance gives."""
    table = study.table
    enough = table[table["effective"] >= FEW]
    few = table[table["effective"] < FEW]
    if enough.empty:
        return "These are too few events to conclude anything, whatever the p-values say. The prior stands: no effect."
    found = [_found(row, name) for name, row in enough[enough["p_holm"] <= SIGNIFICANT].iterrows()]
    reserved = f" Too few events to conclude anything: {_names(few)}." if len(few) else ""
    if found:
        return (
            f"More than chance gives: {'; '.join(found)}. One record is no proof, and none at all if the line was "
            f"chosen after seeing prices.{reserved}"
        )
    least = enough["p_holm"].min()
    return (
        f"Nothing differs from chance: the smallest p-value is {probability(least)} after Holm's adjustment for "
        f"{number(int(table['p'].notna().sum()), 'test')}. The prior stands: no effect.{reserved}"
    )


def association(study: "Study") -> str:
    """Whether the signal's rank goes with later returns over all days."""
    table = study.table[study.table["rank_p"].notna()]
    if table.empty:
        return ""
    found = [
        f"{asset} over {horizon} ({row['rank_correlation']:+.2f}, {p_of(row['rank_p_holm'])})"
        for (asset, horizon), row in table[table["rank_p_holm"] <= SIGNIFICANT].iterrows()
    ]
    if found:
        return (
            f"Over all days, ranks of signal and later return go together: {'; '.join(found)}. Signals that move "
            "slowly make such p-values too small."
        )
    return (
        f"Over all days, ranks of signal and later return do not go together (smallest p-value "
        f"{probability(table['rank_p_holm'].min())} after Holm's adjustment)."
    )


def _least(rows: pd.DataFrame) -> tuple[Any, pd.Series]:
    """The row of the first asset with the fewest effective events; of equals the one that shows least."""
    first = rows.loc[[rows.index[0][0]]]
    name = first.sort_values(["effective", "detectable"], ascending=[True, False]).index[0]
    return name, rows.loc[name]


def _found(row: pd.Series, name: Any) -> str:
    asset, horizon = name
    return (
        f"{asset} over {horizon} {percent(row['mean'])}, usually {percent(row['usual'])}, "
        f"{p_of(row['p_holm'])} after Holm's adjustment"
    )


def _names(rows: pd.DataFrame) -> str:
    by_asset: dict[str, list[str]] = {}
    for asset, horizon in rows.index:
        by_asset.setdefault(asset, []).append(horizon)
    return "; ".join(f"{asset} over {', '.join(horizons)}" for asset, horizons in by_asset.items())


def number(count: int, what: str) -> str:
    """So many of a thing: 1 event, 2 events."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def percent(value: float, signed: bool = True) -> str:
    """A fraction as a percentage, with fewer digits for a large one; a dash where it is unknown.

    >>> percent(0.0123), percent(-0.384), percent(0.5, signed=False)
    ('+1.2%', '-38%', '50%')
    """
    if isnan(value):
        return "–"
    digits = 0 if abs(value) >= 0.0995 else 1
    return format(value, f"{'+' if signed else ''}z.{digits}%")


def share(value: float) -> str:
    """A fraction in whole percents; a dash where it is unknown."""
    return "–" if isnan(value) else f"{value:.0%}"


def probability(value: float) -> str:
    """A p-value; a dash where it is unknown."""
    return "–" if isnan(value) else "<0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def p_of(value: float) -> str:
    """A p-value with its letter: p = 0.012, p < 0.001."""
    return f"p = {probability(value)}".replace("= <", "< ")


def decimal(value: float, digits: int = 2) -> str:
    """A signed number; a dash where it is unknown."""
    return "–" if isnan(value) else format(value, f"+z.{digits}f")


def short_table(study: "Study") -> pd.DataFrame:
    """The statistics that matter most, as texts."""
    rows = [
        {
            "asset": asset,
            "horizon": horizon,
            "events": row["events"],
            "effective": f"{row['effective']:.1f}",
            "mean": percent(row["mean"]),
            "usual": percent(row["usual"]),
            "detectable": "±" + percent(row["detectable"], signed=False),
            "p": probability(row["p"]),
            "p (Holm)": probability(row["p_holm"]),
            "rank correlation": decimal(row["rank_correlation"]),
        }
        for (asset, horizon), row in study.table.iterrows()
    ]
    return pd.DataFrame(rows)
