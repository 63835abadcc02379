"""What a user asks of a command that runs trials: options from the command line and from a TOML run file, checked."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args

import numpy as np
import pandas as pd

from backtests.backtest import ENGINES, Backtest, Watch, compare, entries
from backtests.decisions import traded_assets
from backtests.execution import Execution
from backtests.findings import QUICK_CUTS, Examined, examined
from backtests.ledger import Ledger
from backtests.result import Result, equity_difference
from backtests.selection import built_in, find_strategies, find_strategy
from data_cache.bars import timeframe_length
from data_cache.cache import load_market
from data_cache.errors import BadUsage, CheckFailed, UnknownName
from data_cache.lab import Lab
from data_cache.market import Market
from data_cache.store import Store
from strategies.benchmarks import BuyAndHold
from strategies.strategy import BTC_ETH, Strategy, path_dependent

DAY = pd.Timedelta(days=1)
BOTH = "both"
SAME = 1e-9
# What only positions on margin have.
MARGINS = ("initial_margin", "maintenance_margin", "liquidation_fee_bps")


@dataclass(frozen=True)
class Conditions:
    """What every command that runs trials can be told; the names are those of the options and of the run file."""

    strategies: tuple[str, ...] = ()
    set: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None
    timeframe: str = "1d"
    data: str = "lab"
    seed: int = 7
    fee_bps: float = Execution.fee_bps
    slippage_bps: float = Execution.slippage_bps
    min_notional: float = Execution.min_notional
    band: float = Execution.band
    latency: float = Execution.latency_hours
    rebalance: float = Execution.rebalance_days
    capital: float = Execution.capital
    cash: str = Execution.cash
    perps: bool = False
    initial_margin: float | None = None
    maintenance_margin: float | None = None
    liquidation_fee_bps: float | None = None
    benchmark: str | None = None
    store: Path | None = None
    ledger: Path | None = None
    out: Path | None = None
    json: bool = False

    def market(self) -> Market:
        """The lab, or what is cached, in bars of the timeframe asked for."""
        timeframe_length(self.timeframe)
        if self.data == "lab":
            return Lab(seed=self.seed).market(self.timeframe)
        if self.data == "cache":
            return load_market(Store.default(self.store), self.timeframe)
        raise UnknownName.among("data", self.data, ["lab", "cache"])

    def trial_ledger(self) -> Ledger:
        """Where the trials are recorded."""
        return Ledger.default(self.ledger, self.store)

    def execution(self) -> Execution:
        """Costs and conditions of trading. BadUsage for a margin where nothing is traded on margin."""
        margins = {name: getattr(self, name) for name in MARGINS if getattr(self, name) is not None}
        if margins and not self.perps:
            options = " and ".join(f"--{name.replace('_', '-')}" for name in margins)
            raise BadUsage(
                f"{options} {'are' if len(margins) > 1 else 'is'} of perpetuals; add --perps, or leave it out"
            )
        return Execution(
            fee_bps=self.fee_bps,
            slippage_bps=self.slippage_bps,
            min_notional=self.min_notional,
            band=self.band,
            latency_hours=self.latency,
            rebalance_days=self.rebalance,
            cash=self.cash,
            capital=self.capital,
            perps=self.perps,
            **margins,
        )

    @property
    def window(self) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
        """From the 00:00 UTC with which the first day begins to the one with which the last day ends."""
        first, last = day(self.start, "--from"), day(self.end, "--to")
        if first is not None and last is not None and last < first:
            raise BadUsage(f"--from {self.start} is after --to {self.end}")
        return first, None if last is None else last + DAY

    def benchmark_of(self, strategy: Strategy, market: Market) -> Strategy | None:
        """The one asked for; else buying and holding the mix of `strategy`, or its assets in equal shares."""
        if self.benchmark is not None:
            return None if self.benchmark == "none" else _find_benchmark(self.benchmark)
        assets = traded_assets(strategy, market)
        usual = BTC_ETH if set(assets) == set(dict(BTC_ETH)) else tuple((asset, 1 / len(assets)) for asset in assets)
        return BuyAndHold(mix=getattr(strategy, "mix", usual))


def _find_benchmark(text: str) -> Strategy:
    """The strategy that `text` names; where there is none, "none" is among those that may have been meant."""
    if text.isidentifier() and text not in built_in():
        raise UnknownName.among("benchmark", text, [*built_in(), "none"])
    return find_strategy(text)


@dataclass(frozen=True)
class Request(Conditions):
    """Everything that `run` and `compare` can be told.

    attribution : whether to show returns by regime too
    """

    engine: str = "auto"
    attribution: bool = False

    def examined(self, results: list[Result], cuts: int = QUICK_CUTS) -> Examined:
        """What a reader should know before believing `results`, and proofs of causality at so many cuts."""
        return examined(results, *self.window, cuts)

    def run(self, market: Market | None = None, watch: Watch = iter) -> list[Result]:
        """Run every strategy; CheckFailed if engine is "both" and any equity of the two differs by more than 1e-9.

        watch : what the strategies are taken through one by one, such as a progress bar
        """
        strategies = find_strategies(self.strategies, self.set)
        start, end = self.window
        if self.engine not in (*ENGINES, BOTH):
            raise BadUsage(f"there is no engine {self.engine!r}; choose one of events, vector, both")
        market = self.market() if market is None else market
        benchmark = self.benchmark_of(strategies[0], market)
        engine = "events" if self.engine == BOTH else self.engine
        results = compare(strategies, market, self.execution(), start, end, engine, benchmark, watch)
        return [compared(result) for result in results] if self.engine == BOTH else results


def largest_difference(one: Result, other: Result) -> float:
    """The largest relative difference of two equity curves over the same bars."""
    return equity_difference(one.equity.to_numpy(), other.equity.to_numpy())


def compared(events: Result) -> Result:
    """The result, with the largest relative difference of equity that the vector path makes in its manifest.

    CheckFailed unless that decides and ends the same. A rule that looks at its own book can't run there: its decisions
    are replayed through vectorbt instead, or with perpetuals through the margin kernel.
    """
    other = entries(events.decisions, events.tape, events.execution)
    vector = replace(events, fills=other.fills, payments=other.payments, liquidations=other.liquidations)
    if not path_dependent(events.strategy):
        start, end = events.tape.opens.index[0], events.tape.known_at[-1]
        vector = Backtest(events.strategy, events.market, events.execution, start, end, "vector").run()
    difference = largest_difference(events, vector)
    if not difference <= SAME:
        raise CheckFailed(
            f"{events.strategy!r}: the engines differ by {difference:.2e} > {SAME:g}; "
            "a rule must answer the same for one moment as for many, and a signal must not look ahead"
        )
    if not events.decisions.equals(vector.decisions):
        raise CheckFailed(f"{events.strategy!r}: the engines decide differently, though equity is the same")
    for what in ("payments", "liquidations"):
        if not _same(getattr(events, what), getattr(vector, what), SAME * events.equity.max()):
            raise CheckFailed(f"{events.strategy!r}: the engines enter other {what}, though equity is the same")
    return replace(events, manifest=events.manifest | {"largest_difference": difference})


def _same(one: pd.DataFrame, other: pd.DataFrame, dollars: float) -> bool:
    """Whether two tables of entries are the same but for rounding."""
    numbers = one.select_dtypes("number").columns
    return one.drop(columns=numbers).equals(other.drop(columns=numbers)) and np.allclose(
        one[numbers], other[numbers], rtol=SAME, atol=dollars
    )


def read_run_file(path: Path, kind: type[Conditions] = Request) -> dict[str, Any]:
    """The options of a TOML run file, by the names of `kind`; "strategy" may stand for one of "strategies".

    Names are those of the options (fee-bps or fee_bps), `set` is a table: [set] window = 13, and for a sweep
    window = [5, 10] or window = "5:60:5"; tables in it are of nested strategies. Dates may be TOML dates; paths are
    relative to the file. Unknown names are an error with a suggestion.
    """
    try:
        options = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BadUsage(f"there is no run file {path}; give the path of one, or the name of a strategy") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadUsage(f"{path} is not TOML: {error}") from None
    found: dict[str, Any] = {}
    for name, value in options.items():
        field = _field(path, name, kind)
        if field in found:
            raise BadUsage(f"{path} says {name} twice, by two names; keep one")
        found[field] = _plain(path, name, value, _types(kind)[field], field)
    return found


_FILE_NAMES = {"strategy": "strategies", "from": "start", "to": "end"}
_WORDS = {float: "a number", int: "a whole number", bool: "true or false"}


def _types(kind: type[Conditions]) -> dict[str, Any]:
    """The type of each option, "not given" left away; one that may be given several times is a tuple."""
    found = {}
    for field in fields(kind):
        given = [part for part in get_args(field.type) if part is not NoneType]
        found[field.name] = given[0] if NoneType in get_args(field.type) else field.type
    return found


def _field(path: Path, name: str, kind: type[Conditions]) -> str:
    """The name by which `kind` knows an option of a run file."""
    offered = {name: name for name in _types(kind) if name not in ("start", "end")} | _FILE_NAMES
    plain = name.replace("-", "_")
    if plain not in offered:
        raise UnknownName.among("option", name, offered, owner=str(path))
    return offered[plain]


def _plain(path: Path, name: str, value: Any, kind: Any, field: str) -> Any:
    """The value of an option as a request holds it; BadUsage for one of another type."""
    if field == "set":
        if not isinstance(value, Mapping):
            raise BadUsage(f"{path}: set is a table, as in [set] followed by window = 13")
        return tuple(_settings(value))
    if field in ("start", "end") and isinstance(value, date):
        return str(value)
    if field == "cash" and type(value) in (int, float) and value == 0:
        return Execution.cash
    texts = [value] if isinstance(value, str) else value
    if kind == tuple[str, ...] and isinstance(texts, list) and all(isinstance(text, str) for text in texts):
        return tuple(_beside(path, text) for text in texts) if field == "strategies" else tuple(texts)
    if kind in (float, int, bool):
        fits = type(value) is kind or (kind is float and type(value) is int)
    else:
        fits = isinstance(value, str) and kind in (str, Path)
    if not fits:
        raise BadUsage(f"{path}: {name} must be {_WORDS.get(kind, 'a text')}; found {value!r}")
    if kind is float:
        return float(value)
    return path.parent / value if kind is Path else value


def _settings(table: Mapping[str, Any], owner: str = "") -> Iterator[str]:
    """Each parameter as --set takes it; a mix may be a table: mix = {BTC = 0.5, ETH = 0.5}."""
    for name, item in table.items():
        if isinstance(item, Mapping) and not _is_mix(item):
            yield from _settings(item, f"{owner}{name}.")
        else:
            yield f"{owner}{name}={_values(item) if isinstance(item, list) else _text(item)}"


def _is_mix(table: Mapping[str, Any]) -> bool:
    """Whether a table is shares by asset; assets are written in capitals, parameters are not."""
    return all(type(share) in (int, float) for share in table.values()) and not any(name.islower() for name in table)


def _values(items: Sequence[Any]) -> str:
    """The values of a list, with semicolons between mixes, which have commas of their own."""
    texts = [_text(item) for item in items]
    return (";" if any(map(_shares, texts)) else ",").join(texts)


def _shares(text: str) -> bool:
    """Whether a text names shares of assets, such as BTC:0.5, and no numbers, such as 5:60:5."""
    first, colon, _ = text.partition(":")
    try:
        float(first)
    except ValueError:
        return bool(colon)
    return False


def _text(item: Any) -> str:
    return ",".join(f"{key}:{share}" for key, share in item.items()) if isinstance(item, Mapping) else str(item)


def _beside(path: Path, strategy: str) -> str:
    """A strategy file is looked for beside the run file, as every path in it."""
    return f"{path.parent}/{strategy}" if ".py:" in strategy and not Path(strategy).is_absolute() else strategy


Asked = TypeVar("Asked", bound=Conditions)


def request(options: Mapping[str, Any]) -> Request:
    """What `run` or `compare` is asked, from the options that were given."""
    return asked_of(Request, options)


def asked_of(kind: type[Asked], options: Mapping[str, Any]) -> Asked:
    """A request from the options that were given; a lone strategy ending in .toml is a run file that they override."""
    given = {name: value for name, value in options.items() if value not in (None, (), [])}
    names = tuple(given.pop("strategies", ()))
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    if not any(name.endswith(".toml") for name in names):
        return replace(kind(strategies=names), **given)
    if len(names) > 1:
        raise BadUsage(f"give one run file or several strategies, not both; found {', '.join(names)}")
    from_file = read_run_file(Path(names[0]), kind)
    if not from_file.get("strategies"):
        raise BadUsage(f'{names[0]} names no strategy; add: strategy = "StealthQE"')
    return replace(kind(**from_file), **given)


def day(text: str | None, option: str) -> pd.Timestamp | None:
    """The 00:00 UTC with which a date begins; a bare date is a period, so --to includes all of it."""
    if text is None:
        return None
    try:
        return pd.Timestamp(date.fromisoformat(text), tz="UTC").as_unit("ns")
    except ValueError:
        raise BadUsage(f"{option} takes a date such as 2021-08-01; found {text!r}") from None
