"""What a page is written with beside its results; the page keeps it, so that the whole of it can be made again."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from backtests.analysis.regimes import REGIMES
from backtests.findings import Finding
from backtests.proofs import Leak, Proof
from backtests.result import Result
from backtests.source_code import ebbtide_code

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Wording:
    """Title, subtitle and notes, what was found of the results, and the proofs of their causality.

    code : sha256 of the code that wrote the page
    """

    title: str
    subtitle: str = ""
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    proofs: tuple[Proof, ...] = ()
    code: str = ""

    def summary(self, results: Sequence[Result]) -> dict[str, Any]:
        """As plain values for JSON, without the title; a proof names the result that it is of by its place."""
        return {
            "code": page_code(),
            "subtitle": self.subtitle,
            "notes": list(self.notes),
            "findings": [finding.summary() for finding in self.findings],
            "proofs": [_of_proof(proof, results) for proof in self.proofs],
        }


def wording_of(title: str, told: Any, results: Sequence[Result]) -> Wording | None:
    """The wording that a page holds of itself; None where it does not, or holds what `summary` never gives."""
    try:
        findings = tuple(Finding(**{name: str(text) for name, text in one.items()}) for one in told["findings"])
        proofs = tuple(_proof(one, results) for one in told["proofs"])
        notes = tuple(str(note) for note in told["notes"])
        return Wording(title, str(told["subtitle"]), notes, findings, proofs, str(told["code"]))
    except (TypeError, KeyError, ValueError, AttributeError, IndexError):
        return None


def context(result: Result) -> dict[str, Any]:
    """Hashes and vintages, by need, of what the sections of a page read beside what the run did: for its regimes.

    As in the manifest of the run, they are of what was known by the window's end.
    """
    needs = {need for regime in REGIMES for need in regime.signal.reads}
    end = result.tape.known_at[-1]
    return {"data": result.market.hashes(needs, end), "vintages": result.market.vintages(needs, end)}


@cache
def page_code() -> str:
    """A sha256 of all that a page is written with: the code of ebbtide, templates, styles and scripts."""
    digest = hashlib.sha256(ebbtide_code().encode())
    for file in sorted(FOLDER.rglob("*")):
        if file.suffix in (".html", ".css", ".js"):
            digest.update(file.relative_to(FOLDER).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _of_proof(proof: Proof, results: Sequence[Result]) -> dict[str, Any]:
    place = next((i for i, result in enumerate(results) if result.strategy == proof.strategy), None)
    leaks = [[str(leak.cut), leak.future, leak.what, str(leak.at)] for leak in proof.leaks]
    return {"of": place, "seed": proof.seed, "moments": [str(moment) for moment in proof.moments], "leaks": leaks}


def _proof(told: Mapping[str, Any], results: Sequence[Result]) -> Proof:
    moments = tuple(pd.Timestamp(moment) for moment in told["moments"])
    leaks = tuple(Leak(pd.Timestamp(cut), future, what, pd.Timestamp(at)) for cut, future, what, at in told["leaks"])
    return Proof(results[told["of"]].strategy, moments, leaks, int(told["seed"]))
