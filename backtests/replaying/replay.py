"""Saved results run again: what their manifests say, on the data and the code that are here now, number by number."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from backtests.backtest import Backtest
from backtests.ledger import Ledger
from backtests.manifest import benchmark_entries
from backtests.metrics import METRICS
from backtests.replaying.claims import WRITTEN, claims, trials
from backtests.replaying.differences import ASIDE, CODE, DATA, FILE, OF_WALK, VERSIONS, Difference, beside, differences
from backtests.replaying.received import Received
from backtests.replaying.rerendered import shown_otherwise
from backtests.replaying.saved import WALK, Saved, SavedResult, execution_of, read_saved, window_of
from backtests.replaying.shown import first_false_number
from backtests.result import Result
from data_cache.cache import load_market
from data_cache.errors import BadUsage, CheckFailed, NoData
from data_cache.lab import Lab
from data_cache.lazy import Lazy
from data_cache.market import Market
from data_cache.store import Store

_REPORT = Difference(
    "page", "–", "–", ASIDE, "page: what the report of a walk shows is not made again; only its seal is"
)
# So many inputs are named in a verdict.
NAMED = 3


@dataclass(frozen=True)
class Number:
    """A metric as the file has it and as it came out now; NaN where it is undefined."""

    name: str
    label: str
    then: float
    now: float

    @property
    def same(self) -> bool:
        """Whether the two are equal to the last digit, or both undefined."""
        return self.then == self.now or not (math.isfinite(self.then) or math.isfinite(self.now))

    def summary(self) -> dict[str, float]:
        """As plain values for JSON."""
        return {"then": self.then, "now": self.now, "difference": self.now - self.then}


@dataclass(frozen=True)
class Again:
    """One saved result and what came of running it again."""

    saved: SavedResult
    result: Result
    is_benchmark: bool = False

    @property
    def label(self) -> str:
        """As the file calls it."""
        return f"{self.saved.label} (benchmark)" if self.is_benchmark else self.saved.label

    @property
    def same_equity(self) -> bool:
        """Whether the two equity curves are equal to the last bit of every bar."""
        return self.saved.equity_sha256 == self.result.equity_sha256

    @cached_property
    def numbers(self) -> list[Number]:
        """Every metric that the file has and that there still is."""
        then, now = self.saved.metrics, self.result.metrics
        return [Number(m.name, m.label, _number(then[m.name]), now[m.name]) for m in METRICS if m.name in then]

    @property
    def same(self) -> bool:
        """Whether equity and every metric are the same to the last digit."""
        return self.same_equity and all(number.same for number in self.numbers)

    def summary(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "label": self.label,
            "same": self.same,
            "equity_sha256": {"then": self.saved.equity_sha256, "now": self.result.equity_sha256},
            "metrics": {number.name: number.summary() for number in self.numbers},
        }


@dataclass(frozen=True)
class Replay:
    """A file run again.

    again : its results, then their benchmarks      differences : what the manifests say otherwise, each once
    """

    saved: Saved
    again: list[Again]
    differences: list[Difference]

    @property
    def results(self) -> list[Result]:
        """What came out now, benchmarks attached."""
        return [one.result for one in self.again if not one.is_benchmark]

    @property
    def same(self) -> bool:
        """Whether every number is the same to the last digit."""
        return all(one.same for one in self.again)

    @property
    def held(self) -> bool:
        """Whether the numbers are the same, and the file is as it was written and does not contradict itself."""
        return self.same and not self.tampering and not self._contradicted and not self.shown

    @cached_property
    def shown(self) -> str:
        """What a page shows that its results do not give, if these are the same; "" for none, and for JSON."""
        return shown_otherwise(self.saved, self.results) if self.same else ""

    @property
    def _contradicted(self) -> bool:
        """Whether the file says of itself what is not so."""
        return any(one.cause == FILE for one in self.differences)

    @property
    def tampering(self) -> str:
        """That the page was changed after it was written, or that nobody can tell; "" where it was not, or for JSON."""
        seal = self.saved.seal
        if self.saved.unsealed:
            return self._doubt
        if not seal.broken:
            return ""
        return (
            f"{self._doubt}: its seal says {seal.said[:12]}, what it holds has {seal.found[:12]}; what "
            "follows is of the manifest as it stands"
        )

    @property
    def verdict(self) -> str:
        """Whether the numbers are the same, and what explains it where they are not."""
        causes = self._causes()
        told = "; ".join(causes.values())
        otherwise = f", though not all is as it was: {told}" if told else ""
        if self.same and self.tampering:
            return self._shows_otherwise(otherwise)
        if self.same:
            forged = f", but the page does not show what comes of them: {self.shown}" if self.shown else ""
            return f"every number is the same to the last digit{otherwise}{forged}"
        if self.saved.seal.broken:
            causes = {FILE: "the file was changed"} | causes
        if causes:
            return f"the numbers differ ({self._first()}); what can explain it: {'; '.join(causes.values())}"
        return (
            f"with equal data, code and versions the numbers are others ({self._first()}): what the file says is not "
            "what its manifest gives, so it was changed and sealed again, or written by hand"
        )

    def require(self) -> None:
        """Raise CheckFailed unless the numbers are the same to the last digit and the file is as it was written."""
        if not self.held:
            told = self.tampering and not self.same
            raise CheckFailed((f"{self._doubt}, and " if told else "") + self.verdict)

    def summary(self) -> dict[str, Any]:
        """What `--json` prints."""
        seal = self.saved.seal
        return {
            "file": str(self.saved.path),
            "title": self.saved.title,
            "seal": {"said": seal.said, "found": seal.found, "broken": seal.broken, "missing": self.saved.unsealed},
            "same": self.same,
            "shown": self.shown,
            "verdict": self.verdict,
            "differences": [one.summary() for one in self.differences],
            "results": [one.summary() for one in self.again],
        }

    @property
    def _doubt(self) -> str:
        """What the seal says against the page."""
        if self.saved.unsealed:
            return f"{self.saved.path.name} is not sealed, so it can't be told whether it was changed"
        return f"{self.saved.path.name} was changed after ebbtide wrote it"

    def _shows_otherwise(self, otherwise: str) -> str:
        """What to make of a page that was changed, or may have been, while its manifest was not."""
        number = first_false_number(self.saved.page, self.saved.results)
        return (
            f"{self._doubt}: don't trust what it shows. Its manifest runs to the "
            f"same numbers as it holds{otherwise}; what a reader sees in tables may not be them"
            f"{f'. {number}' if number else ''}"
        )

    def _causes(self) -> dict[str, str]:
        """What differs and may change a number, by kind, in words."""
        words = {
            FILE: "the file contradicts itself",
            DATA: "other data",
            CODE: "other code",
            VERSIONS: "other versions",
        }
        found = {}
        for cause, told in words.items():
            entries = [one.sentence for one in self.differences if one.cause == cause]
            if entries:
                more = f" and {len(entries) - NAMED} more" if len(entries) > NAMED else ""
                found[cause] = f"{told} ({'; '.join(entries[:NAMED])}{more})"
        return found

    def _first(self) -> str:
        """The first number that differs, in words."""
        for one in self.again:
            for number in one.numbers:
                if not number.same:
                    return f"{number.label} of {one.label} is {number.now!r}, the file says {number.then!r}"
        return f"the equity of {next(one.label for one in self.again if not one.same)}, though no metric does"


@dataclass(frozen=True)
class Rerun:
    """What a page is made of: results run again, the title they had, and in sentences what differs."""

    results: list[Result]
    title: str
    differences: list[str]


def rerun(
    path: Path, store: Path | None = None, market: Market | None = None, strategy_files: Sequence[Path] = ()
) -> Rerun:
    """The results of a page or of a JSON file, run again as `replayed` does; no trial is recorded."""
    again = replayed(path, store, market, strategy_files)
    found = [again.tampering, *map(str, again.differences), again.shown if again.same else again.verdict]
    return Rerun(again.results, again.saved.title, [sentence for sentence in found if sentence])


def replayed(
    path: Path,
    store: Path | None = None,
    market: Market | None = None,
    strategy_files: Sequence[Path] = (),
    ledger: Ledger | None = None,
) -> Replay:
    """Run again what the manifests in a page or in a JSON file say, and compare.

    store : where cached data are      market : the one to run on, for a file whose market was made by hand
    strategy_files : where the user's own classes are, if not where the manifest says
    ledger : whose count of trials is compared; the replay itself is not recorded

    Raises BadUsage, NoData or StrategyFailed for what can't be run again, with the cure.
    """
    saved = read_saved(path)
    _require_files(strategy_files)
    desk = _Desk(saved, store, market, tuple(strategy_files))
    again = [Again(one, desk.run(one)) for one in saved.results]
    everything = [*again, *_benchmarks(again)]
    found = [one for run in everything for one in _told_otherwise(run)]
    counted = Ledger.default(store=store) if ledger is None else ledger
    counts = [one for run in again for one in trials(run.saved, run.label, run.result, counted)]
    unseen = [_REPORT] if saved.wording == WALK else []
    return Replay(saved, everything, list(dict.fromkeys([*found, *counts, *unseen])))


def _told_otherwise(run: Again) -> list[Difference]:
    """What the manifest of one result says otherwise than its run gives."""
    found = differences(run.saved.manifest, run.result.manifest)
    explained = any(one.cause in (DATA, CODE, VERSIONS) for one in found)
    found += claims(run.saved, run.label, run.result, explained)
    if run.saved.context is not None:
        from backtests.tearsheet.wording import context

        found += [
            one
            for one in beside(run.saved.context, context(run.result))
            if one.entry[8:] not in run.saved.manifest["data"]
        ]
    return found


def _require_files(strategy_files: Sequence[Path]) -> None:
    """Raise BadUsage for what --strategy-file names and is no file in Python."""
    for file in strategy_files:
        if file.is_dir():
            raise BadUsage(f"--strategy-file {file} is a folder; name the file in it, such as {file / 'mine.py'}")
        if not file.is_file() or file.suffix != ".py":
            found = "does not end in .py" if file.is_file() else "is not there"
            raise BadUsage(f"--strategy-file {file} {found}; name the file in Python that holds the class")


def _benchmarks(again: Sequence[Again]) -> list[Again]:
    """The benchmarks of results, each once."""
    found: dict[int, Again] = {}
    for one in again:
        if one.saved.benchmark is not None and one.result.benchmark is not None:
            run = Again(one.saved.benchmark, one.result.benchmark, is_benchmark=True)
            found.setdefault(id(run.result), run)
    return list(found.values())


class _Desk:
    """Where the results of one file are run again; what they share is made once."""

    def __init__(self, saved: Saved, store: Path | None, market: Market | None, files: tuple[Path, ...]) -> None:
        self._saved = saved
        self._store = store
        self._market = market
        self._received = Received(saved, files)
        self._markets: dict[str, Market] = {}
        self._runs: dict[str, Result] = {}

    def run(self, one: SavedResult) -> Result:
        """The result, its benchmark beside it; its manifest keeps what a new run does not know, such as the trials."""
        result = self._run(one)
        if one.benchmark is not None:
            beside = self._run(one.benchmark)
            return replace(result, benchmark=beside, manifest=result.manifest | benchmark_entries(beside.strategy))
        text = one.manifest["benchmark_expression"]
        if text is None:
            return result
        named = self._received.strategy(text, f"the benchmark of {one.label}")
        return replace(result, manifest=result.manifest | benchmark_entries(named))

    def _run(self, one: SavedResult) -> Result:
        key = json.dumps(one.manifest, sort_keys=True)
        if key not in self._runs:
            self._runs[key] = self._anew(one)
        return self._runs[key]

    def _anew(self, one: SavedResult) -> Result:
        about = one.manifest
        strategy, market = self._received.strategy(about["expression"], one.label), self._market_of(one)
        _require_inputs(about, market)
        start, end = window_of(about)
        run = Backtest(strategy, market, execution_of(about["execution"]), start, end, about["engine"]).run()
        kept = {name: about[name] for name in ("asked", *WRITTEN) if name in about}
        kept |= {name: about[name] for name in OF_WALK if "walk" in about and name in about}
        return replace(run, manifest=run.manifest | kept)

    def _market_of(self, one: SavedResult) -> Market:
        if self._market is not None:
            return self._market
        recipe, timeframe = one.manifest["market"], one.manifest["timeframe"]
        key = json.dumps([recipe, timeframe], sort_keys=True)
        if key not in self._markets:
            self._markets[key] = _market(recipe, timeframe, self._store, one.label)
        return self._markets[key]


def _market(recipe: Mapping[str, Any], timeframe: str, store: Path | None, label: str) -> Market:
    """The market that a recipe makes."""
    kind, seed, effect = (recipe.get(name) for name in ("data", "seed", "effect"))
    if kind == "lab" and isinstance(seed, int) and isinstance(effect, int | float):
        return Lab(seed=seed, effect=effect).market(timeframe)
    if kind == "cache":
        listings = recipe.get("listings")
        listings = listings if isinstance(listings, dict) else {}
        market = _cached(Store.default(store), timeframe, listings, label)
        # Assets that came later would be there for rules that trade whatever there is.
        kept = [asset for asset in market.bars if asset in listings]
        return replace(market, bars=Lazy(kept, market.bars.__getitem__)) if kept else market
    raise BadUsage(
        f"the market of {label} was made by hand, and no file holds it; in Python: "
        "backtests.replaying.replay.replayed(path, market=...)"
    )


def _cached(store: Store, timeframe: str, listings: Mapping[str, Any], label: str) -> Market:
    try:
        return load_market(store, timeframe, listings=listings)
    except NoData as error:
        raise NoData(f"{label} was made from a cache: {error}; name the store of that cache with --store") from None


def _require_inputs(about: Mapping[str, Any], market: Market) -> None:
    """NoData where the market lacks what the run read."""
    lacking = sorted(set(about["data"]) - set(market.vintages(set(about["data"]))))
    if lacking:
        names = ", ".join(lacking)
        raise NoData(
            f"{about['strategy'].partition('(')[0]} read {names}, which {market.place} does not have; "
            "fetch or import it, or name another cache with --store"
        )


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
