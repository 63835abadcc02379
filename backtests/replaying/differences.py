"""What differs between two manifests of one run, in words, and what of it can change a number."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

# What can explain that a number differs: in the order in which it is told.
DATA, CODE, VERSIONS, FILE = "data", "code", "versions", "the file itself"
# What decides no number.
ASIDE = ""
# Compared entry by entry, not as a whole.
PARTED = ("code", "data", "vintages", "libraries", "sources")
# Compared elsewhere, or not decided by the run.
NOT_RUN = ("asked", "trials", "tried_variance", "comparable_trials", "largest_difference", "origin", "market")
# A walk writes them in its own sense.
OF_WALK = ("seed",)
# Compared without the place of the class: the file of a strategy may lie elsewhere.
PLACED = ("expression", "benchmark_expression")
_CAUSES = {"ebbtide": VERSIONS, "python": VERSIONS, "machine": VERSIONS, "engine_code": CODE}
_NAMES = {"engine_code": "code of the engines"}
# They follow from the data where those differ, and from nothing else; or from the code where that does.
_OF_DATA = ("window", "bars", "assets")
_OF_CODE = ("strategy", "expression", "benchmark", "benchmark_expression")
SIMULATED = "SIMULATED"
_SHOWN = 12


@dataclass(frozen=True)
class Difference:
    """One entry of the manifest that is another now; `cause` is DATA, CODE, VERSIONS, FILE, or ASIDE."""

    entry: str
    then: str
    now: str
    cause: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence

    def summary(self) -> dict[str, str]:
        """As plain values for JSON."""
        return asdict(self)


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """What the manifest of a saved run says otherwise than that of the run made now."""
    code = list(_each("code of", CODE, then["code"], now["code"]))
    data = list(_data(then, now, CODE if code else FILE))
    explained = dict.fromkeys(_OF_DATA, DATA) if any(one.cause == DATA for one in data) else {}
    explained |= dict.fromkeys(_OF_CODE, CODE) if code else {}
    return [
        *_whole(then, now, explained),
        *_each("library", VERSIONS, then["libraries"], now["libraries"]),
        *code,
        *data,
        *_each("source of", ASIDE, then.get("sources", {}), now["sources"]),
        *_one("market", ASIDE, then["market"], now["market"]),
        *_one("origin", _origin(then, now), then.get("origin"), now["origin"]),
    ]


def _origin(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What it means that a market is called otherwise: the lab calls itself one thing, and real history never its."""
    lab = then["market"] == now["market"] and now["market"].get("data") == "lab"
    return FILE if lab or (SIMULATED in str(then.get("origin"))) != (SIMULATED in now["origin"]) else ASIDE


def _whole(then: Mapping[str, Any], now: Mapping[str, Any], explained: Mapping[str, str]) -> Iterator[Difference]:
    """Every entry that is compared as a whole; `explained` is the cause where another one explains it."""
    aside = (*PARTED, *NOT_RUN, *(OF_WALK if "walk" in then else ()))
    for name in now:
        if name not in aside:
            cause = _CAUSES.get(name, explained.get(name, FILE))
            if name not in then and then["ebbtide"] != now["ebbtide"]:
                cause = VERSIONS
            old, new = (unplaced(about.get(name)) if name in PLACED else about.get(name) for about in (then, now))
            yield from _one(_NAMES.get(name, name), cause, old, new)


def unplaced(expression: Any) -> Any:
    """An expression without its file or module.

    >>> unplaced("mine/rule.py:Rule(at='a:b')")
    "Rule(at='a:b')"
    """
    head, parenthesis, arguments = str(expression).partition("(")
    return expression if expression is None else head.rpartition(":")[2] + parenthesis + arguments


def _one(entry: str, cause: str, then: Any, now: Any) -> Iterator[Difference]:
    if then == now:
        return
    if cause == FILE:
        sentence = f"{entry}: the file says {_told(then)}, but what it tells to run has {_told(now)}"
    else:
        sentence = f"{entry}: {_told(then)} then, {_told(now)} now"
    yield Difference(entry, _told(then), _told(now), cause, sentence)


def _each(kind: str, cause: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    for name in sorted({*then, *now}):
        yield from _one(f"{kind} {name}", cause, then.get(name), now.get(name))


def _told(value: Any) -> str:
    """A value as a table shows it: hashes cut short, nothing as a dash."""
    if value is None:
        return "–"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text[:_SHOWN] if len(text) == 64 and set(text) <= set("0123456789abcdef") else text


def _data(then: Mapping[str, Any], now: Mapping[str, Any], unread: str) -> Iterator[Difference]:
    """Inputs that are others now; `unread` is the cause where one is not read any more, though it is there."""
    for need in sorted({*then["data"], *now["data"], *then["vintages"]}):
        old, new = (about["vintages"].get(need) for about in (then, now))
        same = then["data"].get(need) == now["data"].get(need)
        if same and old == new:
            continue
        words = f"{need}: {_compared(need, old, new)}"
        cause = DATA
        if same or old == new:
            words = f"{need}: what the file says of it does not fit its own hash"
            cause = FILE
        if need not in now["data"]:
            words, cause = f"{need}: the file says it was read, but what it tells to run does not read it", unread
        yield Difference(f"data {need}", _vintage(need, old), _vintage(need, new), cause, words)


def beside(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    """What the sections of a page read beside the run, where that is other data now; hashes and vintages, by need."""
    hashes, vintages = ([about.get(name) or {} for about in (then, now)] for name in ("data", "vintages"))
    if not all(isinstance(one, Mapping) for one in (*hashes, *vintages)):
        yield Difference("context", "–", "–", FILE, "context: the file holds what ebbtide never writes")
        return
    for need in sorted({*hashes[0], *hashes[1]}):
        if hashes[0].get(need) != hashes[1].get(need):
            old, new = (vintage.get(need) for vintage in vintages)
            words = f"{need}, which the page reads beside the run: {_compared(need, old, new)}"
            yield Difference(f"context {need}", _vintage(need, old), _vintage(need, new), DATA, words)


def _compared(need: str, old: Any, new: Any) -> str:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return f"{_vintage(need, old)} then, {_vintage(need, new)} now"
    was, told = _vintage(need, old), _vintage(need, new)
    counts = f"{was} then as now, but not the same" if was == told else f"{was} then, {told} now"
    years, others = (dict.fromkeys(str(one.get("by_year", "")).split(", ")) for one in (old, new))
    differing = sorted(year.partition(" ")[0] for year in {*years} ^ {*others})
    return f"{counts}; the first difference is in what became known in {differing[0]}" if differing else counts


def _vintage(need: str, vintage: Any) -> str:
    if not isinstance(vintage, Mapping) or not vintage.get("rows"):
        return "nothing"
    rows, revisions = vintage["rows"], vintage.get("revisions", 0)
    if not isinstance(rows, int) or not isinstance(revisions, int):
        return "what ebbtide never writes"
    kind = {"bars": "bars", "futures": "days of futures"}.get(need.rpartition(":")[0], "releases")
    revised = f" ({revisions:,} of them revisions)" if revisions else ""
    return f"{rows:,} {kind}{revised} to {str(vintage.get('last', ''))[:16]}"
