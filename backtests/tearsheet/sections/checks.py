"""The causality certificate, the engine, what was looked for and found, and the versions that ran."""

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from backtests.findings import CHECKED, MEANINGS, Finding
from backtests.proofs import Proof
from backtests.tearsheet.document import Charts, Definition
from backtests.tearsheet.lines import Line
from backtests.tearsheet.sheet import Section, Sheet

_OF_A_PART = re.compile(r"signal (?:\w+\.)+(?=\w+ \()")
COLUMNS = (
    Definition(
        "engine",
        "Engine",
        "What made the fills. vector: vectorbt, which takes all decisions at once; events: the event engine, which "
        "goes from bar to bar and shows a strategy nothing but its past; kernel: that of sweeps, whose best vectorbt "
        "runs again.",
    ),
    Definition(
        "causality",
        "Causality",
        "Whether anything decided by a moment depends on what became known after it; if so, the result is looked up in "
        "the future.",
    ),
    Definition(
        "cuts",
        "Cuts",
        "Moments of the window at which the future was changed, drawn at random, each with the nanosecond before it: "
        "half of them, where there are so many, are decisions that changed a weight; the others releases and ends of "
        "bars.",
    ),
    Definition("first-cut", "First cut", "The earliest moment at which the future was changed, UTC."),
    Definition("last-cut", "Last cut", "The latest moment at which the future was changed, UTC."),
    Definition(
        "decisions-before",
        "Decisions before a cut",
        "How many of all decisions lie before the last cut, or at it, and so were made again on a changed future. The "
        "CSV has those before the first cut, too.",
    ),
    Definition(
        "engines-differ",
        "Engines differ by",
        "Largest relative difference of equity between the two engines, where both ran; a dash where one did.",
    ),
)
PROVED = "proved: nothing changed"
PAST_ALONE = "asked event by event on its past alone"
UNPROVEN = "could not be proved"
NOT_MADE = "no proof made"


def certificate(sheet: Sheet) -> pd.DataFrame:
    """A row per strategy's label.

    Columns engine, causality, cuts, seed, first, last, moments (ISO 8601), decisions, before_first and before_last (how
    many lie before the first and the last cut, or at it; 0 without a proof), difference.
    """
    rows = {line.label: _certified(line, sheet.proofs, sheet.findings) for line in sheet.strategies}
    return pd.DataFrame.from_dict(rows, "index").rename_axis("strategy")


def _certified(line: Line, proofs: Sequence[Proof], findings: Sequence[Finding]) -> dict[str, Any]:
    result = line.result
    proof = next((proof for proof in proofs if proof.strategy == result.strategy), None)
    moments = proof.moments if proof else ()
    return {
        "engine": result.manifest["engine"],
        "causality": _causality(line, proof, findings),
        "cuts": len(moments),
        "seed": proof.seed if proof else None,
        "first": moments[0].isoformat() if moments else "",
        "last": moments[-1].isoformat() if moments else "",
        "moments": " ".join(moment.isoformat() for moment in moments),
        "decisions": len(result.decisions),
        "before_first": int((result.decisions.index <= moments[0]).sum()) if moments else 0,
        "before_last": int((result.decisions.index <= moments[-1]).sum()) if moments else 0,
        "difference": _difference(result.manifest),
    }


def _causality(line: Line, proof: Proof | None, findings: Sequence[Finding]) -> str:
    if proof is not None:
        return f"not causal: {proof.leaks[0]}" if proof.leaks else PROVED
    if line.result.manifest["engine"] == "events":
        return PAST_ALONE
    unproven = any(finding.code == "UNPROVEN" and finding.about == line.result.name for finding in findings)
    return UNPROVEN if unproven else NOT_MADE


def _difference(manifest: dict[str, Any]) -> float | None:
    found = manifest.get("largest_difference", manifest.get("judged", {}).get("largest_difference"))
    return None if found is None else float(found)


def causality(sheet: Sheet) -> str:
    """What the certificates come to, in a sentence."""
    certified = certificate(sheet)
    found, cuts = certified["causality"], certified["cuts"][certified["cuts"] > 0]
    doubtful = found[~found.isin([PROVED, PAST_ALONE, NOT_MADE])].index
    if len(doubtful):
        return f"Look-ahead is not ruled out for {', '.join(doubtful)}."
    if (found == NOT_MADE).any():
        return "No causality proof was made for this page, so look-ahead is not ruled out."
    said = []
    if len(cuts):
        said = [
            f"No look-ahead was found: the future was taken away at {cuts.min()} moments, and no decision changed; "
            f"{_before(certified[certified['cuts'] > 0])}."
        ]
    by_events = found[found == PAST_ALONE].index
    if len(by_events):
        whom = f"{', '.join(by_events)} was" if len(cuts) else "What was decided was"
        said.append(
            f"{whom} {PAST_ALONE}; what a rule reads from files or globals is beyond that. "
            "ebbtide prove tests it on changed futures."
        )
    return " ".join(said)


def _before(proved: pd.DataFrame) -> str:
    """How many decisions a changed future could have changed."""
    before, count = proved["before_last"].sum(), proved["decisions"].sum()
    first, last = min(proved["first"]), max(proved["last"])
    return (
        f"{before:,} of {count:,} decision{'' if count == 1 else 's'} lie{'s' if before == 1 else ''} before a cut "
        f"(cuts from {pd.Timestamp(first):%-d %b %Y} to {pd.Timestamp(last):%-d %b %Y})"
    )


def grouped(findings: Sequence[Finding]) -> list[Finding]:
    """Findings that say the same of several strategies as one, about all of them, where the first one stood.

    What is said of a part's signal, such as stealth_qe.srf, is the same as what is said of srf.
    """
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.code, _OF_A_PART.sub("signal ", finding.sentence)), []).append(finding)
    return [_one(sentence, group) for (_, sentence), group in alike.items()]


def _one(sentence: str, group: Sequence[Finding]) -> Finding:
    if len(group) == 1:
        return group[0]
    return Finding(group[0].code, ", ".join(dict.fromkeys(finding.about for finding in group)), sentence)


def coded(findings: Sequence[Finding], charts: Charts) -> list[tuple[object, Finding]]:
    """Each finding with its code, which opens what it means."""
    heads = [code_of(finding.code) for finding in findings]
    charts.define(*heads)
    return list(zip(heads, findings, strict=True))


def code_of(code: str) -> object:
    """A code as a Term; as a text where nothing is known of it."""
    return Definition(f"finding-{code}", code, MEANINGS[code]) if code in MEANINGS else code


def looked_for(findings: Sequence[Finding]) -> pd.DataFrame:
    """A row per code: those that a run is checked for, and others that were found; column found, whom it is about."""
    codes = dict.fromkeys([*CHECKED, *(finding.code for finding in findings)])
    about = {code: dict.fromkeys(f.about or "the run" for f in findings if f.code == code) for code in codes}
    return pd.DataFrame({"found": {code: ", ".join(names) for code, names in about.items()}}).rename_axis("code")


def build(sheet: Sheet) -> dict[str, Any]:
    """The certificate, what was looked for, and the versions."""
    certified = certificate(sheet)
    table = sheet.charts.table(
        "certificate",
        "Causality by strategy",
        certified,
        ["Strategy", *COLUMNS],
        [(line, _texts(certified.loc[line.label])) for line in sheet.strategies],
    )
    return {
        "table": table,
        "seeds": ", ".join(str(seed) for seed in sorted({proof.seed for proof in sheet.proofs})),
        "path": any(certified["causality"] == PAST_ALONE),
        "looked_for": _looked_for(sheet) if sheet.findings or sheet.proofs else None,
        "versions": versions(sheet),
    }


def _looked_for(sheet: Sheet) -> Any:
    found = looked_for(sheet.findings)
    rows = [(code_of(str(code)), [names or "not found"]) for code, names in found["found"].items()]
    return sheet.charts.table("looked-for", "What was looked for", found, ["Finding", "Found for"], rows)


def _texts(row: pd.Series) -> list[str]:
    first, last = (f"{pd.Timestamp(row[name]):%-d %b %Y %H:%M}" if row[name] else "–" for name in ("first", "last"))
    difference = row["difference"]
    return [
        row["engine"],
        row["causality"],
        str(row["cuts"]) if row["cuts"] else "–",
        first,
        last,
        f"{row['before_last']:,} of {row['decisions']:,}" if row["cuts"] else "–",
        "–" if pd.isna(difference) else f"{difference:.1e}",
    ]


def versions(sheet: Sheet) -> str:
    """What ran, with its versions; once each where results differ."""
    told = [
        ", ".join(
            [
                f"ebbtide {about['ebbtide']}",
                f"Python {about['python']}",
                *(f"{name} {version}" for name, version in about["libraries"].items()),
            ]
        )
        for about in (line.result.manifest for line in sheet.strategies)
    ]
    return "; ".join(dict.fromkeys(told))


CHECKS = Section("checks", "Checks", "Checks", build)
