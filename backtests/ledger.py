"""The trial ledger: a record of every trial that was ever run, because a best-of-many means nothing without the many.

A trial is one backtest of one parameter set. What identifies it is its content: strategy and parameters, data, window,
timeframe and costs. The same trial again is a further run, but no further trial; under other code of the strategy or
its signals it is another, for an edited rule is another rule that was tried. What a simulated market was asked is
counted apart from what real history was. A benchmark beside a run is no trial: nobody chose it for what came of it.

Trials are of a family. That of a strategy is its class; that of a combinator is the ideas inside it, joined by "+"
where they are several, so that wrapping a strategy gives nobody a fresh count. Behind a result stand all trials that
share an idea with it: behind a blend of two those of either one, and behind either one those of the blend, which tried
it too.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backtests.batches import Batches
from backtests.metrics import ROUNDING, excess_returns, sharpe
from backtests.result import Result
from backtests.tape import YEAR
from data_cache import parquet
from data_cache.errors import BadData, BadUsage, UnknownName
from data_cache.store import store_folder
from signals.parameters import dotted_parameters
from strategies.combinator import JOINT
from strategies.strategy import Strategy

SIMULATED = "SIMULATED"
TIME = "datetime64[ns, UTC]"

# What came of a trial; moments are of the bars' excess returns, as the Sharpe ratio is. NaN where undefined.
SCORES = {
    "mean": float,
    "deviation": float,  # divided by n - 1
    "skewness": float,  # of the sample, divided by n
    "kurtosis": float,  # the same; 3 for a normal distribution
    "sharpe": float,  # a year, as backtests.metrics has it
    "final_equity": float,  # $
}
SCHEMA: dict[str, Any] = {
    "trial": str,  # what identifies it: 32 hexadecimal digits
    "strategy": str,  # the family: name of the class, of a combinator those of the strategies inside it
    "repr": str,
    "parameters": str,  # JSON, by dotted name
    "data": str,  # sha256 of the hashes of the inputs
    "origin": str,  # of the market, in words
    "simulated": bool,
    "start": TIME,  # the first bar's open
    "end": TIME,  # the last bar's end
    "timeframe": str,
    "execution": str,  # repr: costs and conditions
    "bars": int,  # how many returns the moments are of
    "bars_a_year": float,
    **SCORES,
    "equity_sha256": str,  # "" where no whole curve was kept
    "when": TIME,
    "command": str,
    "code": str,  # sha256 of the hashes of the strategy's and its signals' source files
    "ebbtide": str,
}
# What tells one trial from another.
DISTINCT = ["trial", "code"]
TRIED = [*DISTINCT, "strategy", "simulated", "origin", "start", "end"]
# What tells how the Sharpe ratios of trials vary.
RATIO = ["sharpe", "bars", "bars_a_year", "start", "end", "final_equity"]
# A trial whose window shares less than this with a result's, of the longer one, tells nothing of how its trials vary.
SHARED = 0.5


@dataclass(frozen=True)
class Family:
    """What the ledger holds of one family on real or simulated markets.

    runs : all of them      trials : distinct ones      best_sharpe : of the trials, NaN where none has one
    first, last : when it was run, UTC
    """

    strategy: str
    simulated: bool
    runs: int
    trials: int
    best_sharpe: float
    first: pd.Timestamp
    last: pd.Timestamp

    def summary(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self) | {"first": self.first.isoformat(), "last": self.last.isoformat()}


class Ledger:
    """The records under `folder`: only ever added to, by any number of writers at once.

    Every question raises DamagedFile, naming the file, where the bytes are not those that were written: a count that
    left something out in silence would be too low.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._batches = Batches(folder, "trials", times="when")

    @classmethod
    def default(cls, folder: Path | None = None, store: Path | None = None) -> "Ledger":
        """The ledger at `folder`, at $EBBTIDE_LEDGER, or in the folder ledger of the store, in this order."""
        named = folder or os.environ.get("EBBTIDE_LEDGER")
        place = Path(named).expanduser() if named else store_folder(store) / "ledger"
        if place.is_file():
            raise BadUsage(f"{place} is a file; --ledger names a folder")
        return cls(place)

    def append(self, trials: pd.DataFrame) -> None:
        """Add records, made by `trial_rows`, in one step: all of them are on the disk when this returns, or none.

        A sweep appends a chunk's records before it keeps the chunk: killed in between, it runs the chunk again, which
        adds runs but no trials.
        """
        if set(trials) != set(SCHEMA):
            wrong = ", ".join(sorted(set(trials) ^ set(SCHEMA)))
            raise BadData(f"records have the columns of SCHEMA; missing or unknown here: {wrong}")
        if len(trials):
            self._batches.append(trials[list(SCHEMA)].astype(SCHEMA))

    def trials(
        self,
        strategy: str | None = None,
        start: pd.Timestamp | None = None,
        end: pd.Timestamp | None = None,
        origin: str | None = None,
        distinct: bool = False,
        columns: Sequence[str] = tuple(SCHEMA),
    ) -> pd.DataFrame:
        """The records, one row each, in the order in which they were added; the columns are those of SCHEMA.

        strategy : that share an idea with this family
        start, end : whose window overlaps this one (UTC; None for no limit)
        origin : on a market of this origin: of a simulated one that very one, of real history any
        distinct : the latest run of each trial alone; `sharpe` of these gives the variance of Sharpe ratios
        """
        found = self._batches.read([*dict.fromkeys([*columns, *TRIED])])
        if found is None:
            return pd.DataFrame({name: pd.Series(dtype=SCHEMA[name]) for name in columns})
        found = found[_asked(found, strategy, start, end, origin)]
        if distinct:
            found = found.drop_duplicates(DISTINCT, keep="last")
        return found[list(columns)].reset_index(drop=True)

    def count(
        self,
        family: str | None = None,
        start: pd.Timestamp | None = None,
        end: pd.Timestamp | None = None,
        origin: str | None = None,
        distinct: bool = True,
    ) -> int:
        """How many trials stand behind a result of `family` on a window: what the deflated Sharpe ratio has to know.

        It counts the distinct trials of the same ideas whose windows overlap: those are what the best was chosen among.
        A trial on other years, or on another simulated market, has not seen the luck of these; one on the same years
        has, whatever its parameters, costs, timeframe or assets were, and whatever combinators it was put into. Other
        classes are other ideas, which this does not choose among; where the best of several was taken, count with
        family None. Trials that resemble one another count in full here: the effective number, by clustering of their
        returns, makes less of them.

        start, end, origin : as for `trials`      distinct : False counts every run
        """
        return len(self.trials(family, start, end, origin, distinct, columns=DISTINCT))

    def families(self, strategy: str | None = None) -> list[Family]:
        """What there is of each strategy (of one where it is named), by name, real history before simulated.

        UnknownName for a strategy of which nothing is recorded.
        """
        runs = self.trials(columns=(*TRIED, "sharpe", "when"))
        found = [
            _family(str(name), bool(kind), group) for (name, kind), group in runs.groupby(["strategy", "simulated"])
        ]
        if strategy is None:
            return found
        if strategy not in {family.strategy for family in found}:
            raise UnknownName.among("strategy", strategy, {f.strategy for f in found}, owner=str(self.folder))
        return [family for family in found if family.strategy == strategy]

    def missing(self) -> list[tuple[int, int]]:
        """Numbers, first and last, of batches of records that were taken away: the counts are too low by theirs."""
        return self._batches.missing()


def record(results: Sequence[Result], command: str, ledger: Ledger | None = None) -> list[Result]:
    """Enter `results` into the ledger (the default one where None), then say in each manifest how many trials it is of.

    manifest["trials"] : Ledger.count of its family on its window and market
    manifest["tried_variance"] : `tried_variance` of these trials
    manifest["comparable_trials"] : how many of them it was estimated from
    A benchmark beside a result is not entered.
    """
    ledger = Ledger.default() if ledger is None else ledger
    when = parquet.now()
    rows = [
        trial_rows([result.strategy], result.manifest, scores(result), command, when, [result.equity_sha256])
        for result in results
    ]
    ledger.append(pd.concat(rows, ignore_index=True))
    tried = ledger.trials(distinct=True, columns=[*dict.fromkeys([*TRIED, *RATIO])])
    return [
        replace(result, manifest=result.manifest | trials_behind(_behind(result, tried), result)) for result in results
    ]


def trials_behind(tried: pd.DataFrame, result: Result) -> dict[str, Any]:
    """What the manifest of `result` says of the distinct trials behind it: how many, and how their ratios vary.

    tried : a row each, columns RATIO at least
    """
    window = result.tape.opens.index[0], result.tape.known_at[-1]
    return {
        "trials": len(tried),
        "tried_variance": tried_variance(tried, len(result.tape.opens), window),
        "comparable_trials": len(comparable(tried, window)),
    }


def comparable(tried: pd.DataFrame, window: tuple[pd.Timestamp, pd.Timestamp]) -> pd.DataFrame:
    """Those of `tried` (columns RATIO) that have a Sharpe ratio, and whose windows share half with `window` or more.

    Half of the longer one: eight years hold ten days, and ten days say little of eight years.
    """
    start, end = window
    own, lengths = end - start, tried["end"] - tried["start"]
    common = tried["end"].clip(upper=end) - tried["start"].clip(lower=start)
    return tried[(common >= SHARED * lengths.clip(lower=own)) & tried["sharpe"].notna()]


def tried_variance(tried: pd.DataFrame, bars: int, window: tuple[pd.Timestamp, pd.Timestamp]) -> float:
    """The variance of the Sharpe ratios of trials, per bar of a tape of so many `bars`, as deflation needs it.

    A ratio without skill varies by one over its number of bars: two months say 12 as easily as eight years say 1. So
    the ratios, a year, are first made ones of this tape, times the root of their years over its years, and then per
    bar; whatever bars they came from. That makes equal the luck of windows, but not what is more than luck: what earns
    a ratio of 1 over eight years stands at 2.8 of its errors, and the same rule over ten days anywhere near 0. So the
    variance is estimated from `comparable` trials alone. Each other trial that has a ratio counts as one without skill,
    of variance 1 / bars, weighed by how many there are; so that of fewer than two comparable ones the variance is
    1 / bars, and two that resemble each other do not speak for hundreds. So does one that was ruined, and
    has no ratio for that. Other trials without a ratio have no part in it, unless none is left: then it is 1 / bars,
    too. 0 where one trial alone was ever run: nothing was chosen.

    tried : a row per distinct trial, columns RATIO      window : of the tape, from its first open to its last bar's end
    """
    if len(tried) == 1:
        return 0.0
    alike, rated = comparable(tried, window), int((tried["sharpe"].notna() | (tried["final_equity"] == 0)).sum())
    worthless = 1 / bars
    if len(alike) < 2:
        return worthless
    years = alike["bars"] / alike["bars_a_year"]
    known = np.sort((alike["sharpe"] * np.sqrt(years)).to_numpy(float)) / np.sqrt(bars)  # in any order the same
    weight = (len(alike) - 1) / (rated - 1)
    return float(weight * known.var(ddof=1) + (1 - weight) * worthless)


def scores(result: Result) -> dict[str, np.ndarray]:
    """The SCORES of one result, each of shape (1,); of a ruined book all but the final equity are NaN."""
    excess = excess_returns(result) if result.ruined_at is None else np.full(len(result.tape.opens), np.nan)
    away, n = excess - excess.mean(), len(excess)
    deviation = float(np.sqrt((away**2).sum() / (n - 1))) if n > 1 else float("nan")
    variance = (away**2).mean() if deviation > ROUNDING else float("nan")
    found = {
        "mean": excess.mean(),
        "deviation": deviation,
        "skewness": (away**3).mean() / variance**1.5,
        "kurtosis": (away**4).mean() / variance**2,
        "sharpe": sharpe(result),
        "final_equity": result.equity.iloc[-1],
    }
    return {name: np.array([value], float) for name, value in found.items()}


def trial_rows(
    strategies: Sequence[Strategy],
    about: Mapping[str, Any],
    scores: Mapping[str, np.ndarray],
    command: str,
    when: pd.Timestamp,
    equity_sha256: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Records of trials that share data, window, costs and code, a row each, ready for `Ledger.append`.

    about : the manifest of any of them      scores : SCORES by name, each of shape (n_trials,)
    command : what ran them, such as "sweep"      when : UTC; NaT where that is still to be said
    """
    start, end = (pd.Timestamp(moment).as_unit("ns") for moment in about["window"])
    data = _sha256(about["data"])
    shared = {
        "strategy": strategies[0].family,
        "data": data,
        "origin": about["origin"],
        "simulated": SIMULATED in about["origin"],
        "start": start,
        "end": end,
        "timeframe": about["timeframe"],
        "execution": about["execution"],
        "bars": about["bars"],
        "bars_a_year": about["bars"] / ((end - start) / YEAR),
        "command": command,
        "code": _sha256(about["code"]),
        "ebbtide": about["ebbtide"],
    }
    conditions = hashlib.sha256("\n".join([data, *about["window"], about["timeframe"], about["execution"]]).encode())
    reprs = [repr(strategy) for strategy in strategies]
    given = [json.dumps(dotted_parameters(strategy), default=repr) for strategy in strategies]
    own = {
        "trial": [_identity(conditions, *texts) for texts in zip(reprs, given, strict=True)],
        "repr": reprs,
        "parameters": given,
        "equity_sha256": [""] * len(reprs) if equity_sha256 is None else list(equity_sha256),
    }
    rows = pd.DataFrame(own | {name: scores[name] for name in SCORES}).assign(**shared)
    rows["when"] = pd.Series(when, rows.index, TIME)
    return rows[list(SCHEMA)].astype(SCHEMA)


def _identity(conditions: Any, text: str, given: str) -> str:
    digest = conditions.copy()
    digest.update(f"\n{text}\n{given}".encode())
    return str(digest.hexdigest()[:32])


def _sha256(hashes: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()


def _asked(
    found: pd.DataFrame,
    strategy: str | None,
    start: pd.Timestamp | None,
    end: pd.Timestamp | None,
    origin: str | None,
) -> np.ndarray:
    """Which rows share an idea with that family, on windows that overlap that one, on such a market."""
    asked = np.ones(len(found), bool)
    if strategy is not None:
        asked &= found["strategy"].isin(_akin(found["strategy"].unique(), strategy)).to_numpy()
    if end is not None:
        asked &= (found["start"] < end).to_numpy()
    if start is not None:
        asked &= (found["end"] > start).to_numpy()
    if origin is not None:
        asked &= (found["origin"] == origin if SIMULATED in origin else ~found["simulated"]).to_numpy(bool)
    return asked


def _akin(families: Iterable[str], family: str) -> list[str]:
    """Those of `families` that share an idea with one.

    >>> _akin(["A", "A+B", "B+C", "AB"], "A"), _akin(["A", "A+B", "B+C", "D"], "A+C")
    (['A', 'A+B'], ['A', 'A+B', 'B+C'])
    """
    ideas = set(family.split(JOINT))
    return [other for other in families if not ideas.isdisjoint(other.split(JOINT))]


def _behind(result: Result, tried: pd.DataFrame) -> pd.DataFrame:
    start, end = map(pd.Timestamp, result.manifest["window"])
    return tried[_asked(tried, result.strategy.family, start, end, result.manifest["origin"])]


def _family(name: str, simulated: bool, runs: pd.DataFrame) -> Family:
    trials = runs.drop_duplicates(DISTINCT, keep="last")
    when = runs["when"]
    return Family(name, simulated, len(runs), len(trials), float(trials["sharpe"].max()), when.min(), when.max())
