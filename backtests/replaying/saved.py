"""Results as they were saved, in a page or in what --json printed: manifests and numbers, to be run again."""

import ast
import json
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from backtests.execution import Execution
from backtests.tearsheet.sealed import Seal, seal_of
from data_cache.errors import BadUsage

SUFFIXES = (".html", ".htm", ".json")
WANTED = "give a tearsheet that ebbtide wrote (.html), or what run, compare or walk printed with --json"
# The wording of a walk's report, which no run of the joined book makes again.
WALK = "walk"
# What running it again needs of a manifest, and of which type it is.
NEEDED: dict[str, type | tuple[type, ...]] = {
    "ebbtide": str,
    "strategy": str,
    "expression": (str, type(None)),
    "benchmark_expression": (str, type(None)),
    "execution": str,
    "engine": str,
    "timeframe": str,
    "window": list,
    "market": dict,
    "data": dict,
    "vintages": dict,
    "code": dict,
    "libraries": dict,
}
# What a manifest may leave out; of another type it is none of ours.
OPTIONAL: dict[str, type | tuple[type, ...]] = {
    "sources": dict,
    "asked": list,
    "walk": dict,
    "judged": dict,
    "trials": int,
    "tried_variance": (int, float, type(None)),
    "comparable_trials": int,
    "largest_difference": (int, float),
}
# Entries of entries that are read by name.
PARTS = {"data": str, "vintages": dict, "code": str, "libraries": str, "sources": list}
_MANIFEST = re.compile(r'<script type="application/json" id="manifest">(.*?)</script>', re.DOTALL)


@dataclass(frozen=True)
class SavedResult:
    """One result: its manifest, and the numbers that came of it; None for a metric that was undefined.

    context : sha256 and vintage, by need, of what the sections of a page read beside it; None where that is not said
    strategy : what JSON says beside the manifest; "" in a page
    """

    label: str
    manifest: dict[str, Any]
    metrics: dict[str, float | None]
    equity_sha256: str
    benchmark: "SavedResult | None" = None
    context: Mapping[str, Any] | None = None
    strategy: str = ""


@dataclass(frozen=True)
class Saved:
    """A file of results; JSON has no seal.

    page : the text of a page, "" for JSON      wording : what else a page was written with, None where it does not say
    """

    path: Path
    title: str
    results: list[SavedResult]
    seal: Seal
    page: str = field(default="", repr=False)
    wording: Any = field(default=None, repr=False)

    @property
    def unsealed(self) -> bool:
        """Whether it is a page that has no seal."""
        return bool(self.page) and self.seal.missing


def is_saved(target: str) -> bool:
    """Whether `target` names a file of results, by how it ends."""
    return target.lower().endswith(SUFFIXES)


def read_saved(path: Path) -> Saved:
    """The results that a page or a JSON file holds. BadUsage where it holds none that could be run again."""
    text = _text(path)
    is_json = text.lstrip("\ufeff \t\r\n").startswith("{")
    held = text.removeprefix("\ufeff") if is_json else _manifest_of(path, text)
    try:
        content = json.loads(held)
    except (ValueError, RecursionError) as error:  # no JSON, a number of thousands of digits, nested without an end
        raise BadUsage(f"what {path} holds of its results is damaged: {error}; {WANTED}") from None
    found = list(_results(path, content))
    title = content.get("title")
    title = title if isinstance(title, str) else " · ".join(one.label for one in found)
    if is_json:  # which says neither label nor title
        found = [replace(one, label=_name(one.manifest)) for one in found]
        return Saved(path, " · ".join(one.label for one in found), found, Seal("", ""))
    return Saved(path, title, found, seal_of(text), text, WALK if "stretches" in content else content.get("page"))


def window_of(about: Mapping[str, Any]) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The first bar's open and the last one's end, UTC, as a manifest says them."""
    try:
        start, end = (pd.Timestamp(moment).tz_convert("UTC").as_unit("ns") for moment in about["window"])
        assert start < end
    except (ValueError, TypeError, AssertionError):
        raise BadUsage(f"the manifest's window is {about['window']!r:.80}; it should be two moments in UTC") from None
    return start, end


def execution_of(text: str) -> Execution:
    """The costs and conditions that `repr` wrote; nothing is evaluated."""
    try:
        call = ast.parse(text, mode="eval").body
        assert isinstance(call, ast.Call)
        assert ast.unparse(call.func) == Execution.__name__
        assert not call.args
        given = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
        kinds = {own.name: own.type for own in fields(Execution)}
        assert all(_is_of(kinds[name], value) for name, value in given.items())
    except (SyntaxError, ValueError, AssertionError, KeyError, RecursionError, MemoryError):
        raise BadUsage(f"the manifest's execution is {text!r:.80}, which is no Execution(fee_bps=10.0, ...)") from None
    return Execution(**given)


def _is_of(kind: Any, value: Any) -> bool:
    """Whether a value may be a field's of that type: a whole number is a number too, and true is none."""
    return type(value) is kind or (kind is float and type(value) is int)


def _text(path: Path) -> str:
    if path.is_dir():
        raise BadUsage(f"{path} is a folder; {WANTED}")
    if not path.is_file():
        raise BadUsage(f"there is no file {path}; {WANTED}")
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise BadUsage(f"{path} is no text in UTF-8; {WANTED}") from None


def _manifest_of(path: Path, page: str) -> str:
    held = _MANIFEST.search(page)
    if held is None:
        raise BadUsage(f"{path} has no manifest of ebbtide's; {WANTED}")
    return held[1]


def _results(path: Path, content: Any) -> Iterator[SavedResult]:
    """Of a page: results, each with its benchmark. Of JSON: one with its benchmark, or results and one benchmark."""
    if not isinstance(content, Mapping):
        raise BadUsage(f"{path} has no manifest of ebbtide's; {WANTED}")
    if "study" in content:
        raise BadUsage(f"{path} is a study, and replay reads tearsheets; {_study_again(content)}")
    if "manifest" in content and "equity_sha256" not in content:
        best = content["manifest"].get("expression") if isinstance(content["manifest"], Mapping) else None
        cure = f"; the best trial of it alone: ebbtide run {best!r}" if best else ""
        raise BadUsage(f"{path} is of a sweep, which --resume goes through again{cure}")
    each = content.get("results", [content])
    if not isinstance(each, list) or not each:
        raise BadUsage(f"{path} holds no results; {WANTED}")
    for one in each:
        yield _result(path, {"benchmark": content.get("benchmark")} | one if isinstance(one, dict) else {})


def _study_again(content: Mapping[str, Any]) -> str:
    """How to make a study again; the command comes from a file, so it is quoted anew."""
    about = content.get("manifest", content["study"])
    said = about.get("command") if isinstance(about, Mapping) else None
    try:
        words = shlex.split(said) if isinstance(said, str) else []
    except ValueError:
        words = []
    return f"run: {shlex.join(words)}" if words[:2] == ["ebbtide", "study"] else "make it again in Python"


def _result(path: Path, entry: Mapping[str, Any]) -> SavedResult:
    about, metrics, sha256 = (entry.get(name) for name in ("manifest", "metrics", "equity_sha256"))
    if not isinstance(about, dict) or not isinstance(metrics, dict) or not isinstance(sha256, str):
        raise BadUsage(f"{path} has no manifest of ebbtide's; {WANTED}")
    _require(path, about)
    numbers = {name: value for name, value in metrics.items() if _is_number(value)}
    beside = entry.get("benchmark")
    benchmark = _result(path, beside) if isinstance(beside, Mapping) else None
    label, strategy, context = (entry.get(name) for name in ("label", "strategy", "context"))
    return SavedResult(
        str(label or _name(about)),
        about,
        numbers,
        sha256,
        benchmark,
        context if isinstance(context, Mapping) else None,
        str(strategy or ""),
    )


def _is_number(value: Any) -> bool:
    """Whether a metric may be that; JSON holds whole numbers of any length, of which no float is made."""
    return value is None or isinstance(value, float) or (isinstance(value, int) and abs(value) < sys.float_info.max)


def _name(about: Mapping[str, Any]) -> str:
    """What to call a result that has no label: its class, or the one that a walk chose parameters of."""
    walk = about.get("walk")
    walked = walk.get("strategy") if isinstance(walk, Mapping) else None
    return f"Walk of {str(walked).partition('(')[0]}" if walked else str(about["strategy"]).partition("(")[0]


def _require(path: Path, about: Mapping[str, Any]) -> None:
    lacking = [name for name, kind in NEEDED.items() if name not in about or not isinstance(about[name], kind)]
    if lacking:
        raise BadUsage(
            f"the manifest in {path} (ebbtide {about.get('ebbtide', 'unknown')}) does not say what running it again "
            f"needs: {', '.join(lacking)}; run the strategy anew"
        )
    odd = [name for name, kind in OPTIONAL.items() if name in about and not isinstance(about[name], kind)]
    whole = [name for name in PARTS if name in about and name not in odd]
    odd += [name for name in whole if not all(isinstance(part, PARTS[name]) for part in about[name].values())]
    if odd:
        raise BadUsage(f"the manifest in {path} holds what ebbtide never writes as {', '.join(odd)}; {WANTED}")
