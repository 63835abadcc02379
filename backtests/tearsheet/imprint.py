"""What identifies the runs of a page, short enough for paper: what was run, on which data, with which versions."""

from collections.abc import Iterable, Sequence
from typing import Any

from backtests.result import Result

# So many digits of a sha256 tell any two files apart that are ever compared by eye.
DIGITS = 12
SEAL = "In the head of the HTML file is the sha256 of its text; ebbtide replay FILE.html checks it, and runs it again."


def imprint(results: Sequence[Result]) -> list[tuple[str, str]]:
    """Pairs of a term and its description: expressions, window, data and code by their hashes, versions, seal."""
    abouts = [result.manifest for result in results]
    about = abouts[0]
    told = [
        ("Run", _each(str(one["expression"] or one["strategy"]) for one in abouts)),
        ("Window", _each(" to ".join(moment[:16] for moment in one["window"]) + " UTC" for one in abouts)),
        ("Data", _hashes({need: sha256 for one in abouts for need, sha256 in one["data"].items()})),
        ("Code", _hashes({name: sha256 for one in abouts for name, sha256 in one["code"].items()})),
        ("Equity", _each(result.equity_sha256[:DIGITS] for result in results)),
        ("Versions", ", ".join([f"ebbtide {about['ebbtide']}", f"Python {about['python']}", *_libraries(about)])),
        ("Seal", SEAL),
    ]
    return [(term, text) for term, text in told if text]


def _libraries(about: dict[str, Any]) -> list[str]:
    return [f"{name} {version}" for name, version in about["libraries"].items()]


def _hashes(by_name: dict[str, str]) -> str:
    return ", ".join(f"{name} {sha256[:DIGITS]}" for name, sha256 in sorted(by_name.items()))


def _each(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))
