"""What the results are worth: how many trials stand behind them, and whether luck would have done as well."""

from collections.abc import Sequence
from math import isnan
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from backtests.analysis.skill import Skill, skill
from backtests.tearsheet.document import Definition, Table
from backtests.tearsheet.lines import Line
from backtests.tearsheet.sections.checks import causality, coded, grouped
from backtests.tearsheet.sheet import Section, Sheet

COLUMNS = (
    Definition(
        "trials", "Trials", "Distinct trials of this strategy on these years, by whatever command, in the ledger."
    ),
    Definition(
        "headline-sharpe",
        "Sharpe ratio",
        "Mean over standard deviation of excess returns, a year (Sharpe 1994). Below it the middle 90 % of what it is "
        "where the days are drawn again, in blocks, 1,000 times (stationary bootstrap: Politis and Romano 1994); this "
        "interval does not know how the strategy was chosen.",
    ),
    Definition(
        "probabilistic",
        "Probabilistic",
        "Probabilistic Sharpe ratio: the probability that the true one is above 0, had this been the only trial "
        "(Bailey and López de Prado 2012).",
    ),
    Definition(
        "deflated",
        "Deflated",
        "Deflated Sharpe ratio: the same probability, if this is the best of all its trials; below 0.95, luck may "
        "explain it (Bailey and López de Prado 2014). How trials vary is known from those whose windows share half "
        "with this one or more, of the longer; each other one counts as a trial without skill, of variance 1 over the "
        "bars.",
    ),
    Definition(
        "minimum_years",
        "Years needed",
        "On fewer years than this, the best of so many trials without skill is expected to reach this Sharpe ratio "
        "(Bailey, Borwein, López de Prado and Zhu 2014). A dash for a lone trial, which was not chosen among any, and "
        "where the Sharpe ratio is not above 0.",
    ),
    Definition(
        "years-tested", "Years tested", "Years of 365 days from the first bar to the last; days below one year."
    ),
)


def build(sheet: Sheet) -> dict[str, Any]:
    """The presumption, a sentence and a row per strategy, and the findings with what their codes mean."""
    judged = {line.label: skill(line.result) for line in sheet.strategies}
    return {
        "presumption": presumption(judged, [line.label for line in sheet.strategies if not _ahead(sheet, line)]),
        "sentences": [(line, sentence(sheet, line, judged[line.label])) for line in sheet.strategies],
        "table": _table(sheet, judged),
        "causality": causality(sheet),
        "findings": coded(grouped(sheet.findings), sheet.charts),
        "several": len(judged) > 1,
    }


def presumption(judged: dict[str, Skill], level: Sequence[str] = ()) -> str:
    """Whether the numbers overturn what is presumed: luck; those of `level` are not ahead of their benchmark."""
    evident = [label for label, found in judged.items() if found.evident]
    if not evident:
        return "Luck is presumed, and nothing here overturns that."
    beaten = [label for label in evident if label in level]
    if len(evident) == len(judged):
        said = "Luck is presumed, and these numbers speak against it"
    else:
        said = f"Luck is presumed; the numbers of {_listed(evident)} alone speak against it"
    if not beaten:
        return f"{said}."
    whose = "" if beaten == evident else f"those of {_listed(beaten)} "
    return f"{said}{', ' if whose else ' '}{whose}beside cash only, not beside the benchmark."


def _ahead(sheet: Sheet, line: Line) -> bool:
    """Whether the whole interval of the difference to the benchmark's Sharpe ratio is above 0; without one, too."""
    return not _beside(sheet, line) or bool(sheet.intervals[line.label].ahead[0] > 0)


def sentence(sheet: Sheet, line: Line, found: Skill) -> str:
    """What the Sharpe ratio of `line` is worth, and how it does beside the benchmark's."""
    bounds = _bounds(sheet, line)
    ratio = "no Sharpe ratio" if isnan(found.sharpe) else f"Sharpe ratio {found.sharpe:z.2f}"
    within = f" (90 % interval {bounds})" if bounds else ""
    return f"{ratio}{within}{_beside(sheet, line)}; {_trials(found)}; {found.verdict}."


def _beside(sheet: Sheet, line: Line) -> str:
    """The benchmark's Sharpe ratio and the difference, with its interval in the same resamples of days."""
    benchmark, own = line.result.benchmark, line.result.metrics["sharpe"]
    if benchmark is None or isnan(own + benchmark.metrics["sharpe"]):
        return ""
    other = benchmark.metrics["sharpe"]
    low, high = sheet.intervals[line.label].ahead
    within = "" if isnan(low + high) else f" (90 % interval {low:z.2f} to {high:z.2f})"
    return f" against {benchmark.name}'s {other:z.2f}, difference {own - other:z.2f}{within}"


def _table(sheet: Sheet, judged: dict[str, Skill]) -> Table:
    frame = pd.DataFrame({line.label: _numbers(sheet, line, judged[line.label]) for line in sheet.strategies}).T
    rows = [(line, _texts(sheet, line, judged[line.label])) for line in sheet.strategies]
    return sheet.charts.table(
        "skill", "Trials and Sharpe ratios by strategy", frame.rename_axis("strategy"), ["Strategy", *COLUMNS], rows
    )


def _numbers(sheet: Sheet, line: Line, found: Skill) -> dict[str, float]:
    low, high = sheet.intervals[line.label].table.loc["sharpe", ["low", "high"]]
    return {
        "trials": np.nan if found.trials is None else found.trials,
        "sharpe": found.sharpe,
        "sharpe low": low,
        "sharpe high": high,
        "probabilistic": found.probabilistic,
        "deflated": found.deflated,
        "minimum_years": found.minimum_years,
        "years": line.result.years,
    }


def _texts(sheet: Sheet, line: Line, found: Skill) -> list[str]:
    return [
        "not recorded" if found.trials is None else f"{found.trials:,}",
        Markup("{}<small>{}</small>").format(_text(found.sharpe, "z.2f"), _bounds(sheet, line)),
        _text(found.probabilistic, ".3f"),
        _text(found.deflated, ".3f"),
        _lasting(found.minimum_years),
        _lasting(line.result.years),
    ]


def _bounds(sheet: Sheet, line: Line) -> str:
    low, high = sheet.intervals[line.label].table.loc["sharpe", ["low", "high"]]
    return "" if isnan(low + high) else f"{low:z.2f} to {high:z.2f}"


def _text(value: float, form: str) -> str:
    return "–" if isnan(value) else format(value, form)


def _lasting(years: float) -> str:
    """Years as a number; days where they are less than one."""
    if isnan(years):
        return "–"
    days = years * 365
    return f"{years:,.1f}" if years >= 1 else f"{days:.0f} day{'' if round(days) == 1 else 's'}"


def _trials(found: Skill) -> str:
    if found.trials is None:
        return "trials not recorded"
    if found.trials == 1:
        return "the ledger knows no other trial"
    return f"{found.trials:,} trials stand behind it{_variance(found)}"


def _variance(found: Skill) -> str:
    """What the variance of the trials' ratios is from."""
    if found.missing or found.comparable is None:
        return ""
    if found.comparable < 2:
        return " (variance that of trials without skill: fewer than two with a ratio share half of this window)"
    which = (
        "all of them" if found.comparable == found.trials else f"{found.comparable:,} on at least half of this window"
    )
    return f" (variance from {which})"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


HEADLINE = Section("headline", "Verdict", "Skill or luck?", build)
