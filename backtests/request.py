"""What a user asks of `run` and `compare`: options from the command line and from a TOML run file, checked."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from backtests.backtest import compare
from backtests.execution import Execution
from backtests.findings import Finding, findings
from backtests.result import Result
from backtests.selection import find_strategies, find_strategy
from data_cache.bars import timeframe_length
from data_cache.cache import load_market
from data_cache.errors import BadUsage, CheckFailed, UnknownName
from data_cache.lab import Lab
from data_cache.market import Market
from data_cache.store import Store

DAY = pd.Timedelta(days=1)
BOTH = "both"
SAME = 1e-9


@dataclass(frozen=True)
class Request:
    """Everything that `run` and `compare` can be told; the names are those of the options and of the run file."""

    strategies: tuple[str, ...] = ()
    set: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None
    timeframe: str = "1d"
    data: str = "lab"
    seed: int = 7
    engine: str = "auto"
    fee_bps: float = Execution.fee_bps
    slippage_bps: float = Execution.slippage_bps
    min_notional: float = Execution.min_notional
    band: float = Execution.band
    latency: float = Execution.latency_hours
    rebalance: float = Execution.rebalance_days
    capital: float = Execution.capital
    cash: str = Execution.cash
    benchmark: str = "BuyAndHold"
    store: Path | None = None

    def market(self) -> Market:
        """The lab, or what is cached, in bars of the timeframe asked for."""
        timeframe_length(self.timeframe)
        if self.data == "lab":
            return Lab(seed=self.seed).market(self.timeframe)
        if self.data == "cache":
            return load_market(Store.default(self.store), self.timeframe)
        raise UnknownName.among("data", self.data, ["lab", "cache"])

    def execution(self) -> Execution:
        """Costs and conditions of trading."""
        return Execution(
            fee_bps=self.fee_bps,
            slippage_bps=self.slippage_bps,
            min_notional=self.min_notional,
            band=self.band,
            latency_hours=self.latency,
            rebalance_days=self.rebalance,
            cash=self.cash,
            capital=self.capital,
        )

    @property
    def window(self) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
        """From the 00:00 UTC with which the first day begins to the one with which the last day ends."""
        first, last = _day(self.start, "--from"), _day(self.end, "--to")
        if first is not None and last is not None and last < first:
            raise BadUsage(f"--from {self.start} is after --to {self.end}")
        return first, None if last is None else last + DAY

    def findings(self, results: list[Result]) -> list[Finding]:
        """What a reader should know before believing `results`."""
        return findings(results, *self.window)

    def run(self, market: Market | None = None) -> list[Result]:
        """Run every strategy; CheckFailed if engine is "both" and any equity of the two differs by more than 1e-9."""
        strategies = find_strategies(self.strategies, self.set)
        benchmark = None if self.benchmark == "none" else find_strategy(self.benchmark)
        start, end = self.window
        market = self.market() if market is None else market
        engine = "events" if self.engine == BOTH else self.engine
        results = compare(strategies, market, self.execution(), start, end, engine, benchmark)
        if self.engine == BOTH:
            _check_same(results, compare(strategies, market, self.execution(), start, end, "auto"))
        return results


def largest_difference(one: Result, other: Result) -> float:
    """The largest relative difference of two equity curves over the same bars."""
    return float((one.equity / other.equity - 1).abs().max())


def _check_same(events: list[Result], vector: list[Result]) -> None:
    for one, other in zip(events, vector, strict=True):
        if largest_difference(one, other) > SAME:
            raise CheckFailed(
                f"{one.strategy!r}: the engines differ by {largest_difference(one, other):.2e} > {SAME:g}"
            )


def read_run_file(path: Path) -> dict[str, Any]:
    """The options of a TOML run file, by the names of Request; "strategy" may stand for one of "strategies".

    `set` is a table: [set] window = 13. Dates may be TOML dates. Unknown names are an error with a suggestion.
    """
    try:
        options = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BadUsage(f"there is no run file {path}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadUsage(f"{path} is not TOML: {error}") from None
    renamed = {_REQUEST_NAME.get(name, name): value for name, value in options.items()}
    known = {field.name for field in fields(Request)}
    for name in renamed:
        if name not in known:
            offered = {*known, *_REQUEST_NAME} - set(_REQUEST_NAME.values()) | {"strategies"}
            raise UnknownName.among("option", name, offered, owner=str(path))
    return {name: _plain(path, name, value) for name, value in renamed.items()}


_REQUEST_NAME = {"strategy": "strategies", "from": "start", "to": "end"}


def _plain(path: Path, name: str, value: Any) -> Any:
    kind = {field.name: field.type for field in fields(Request)}[name]
    if name == "strategies":
        return (value,) if isinstance(value, str) else tuple(value)
    if name == "set":
        if not isinstance(value, Mapping):
            raise BadUsage(f"{path}: set is a table, as in [set] followed by window = 13")
        return tuple(f"{key}={item}" for key, item in value.items())
    if name == "store":
        return path.parent / value
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if name in ("start", "end", "cash"):
        return str(value)
    if not isinstance(value, kind if isinstance(kind, type) else str) or isinstance(value, bool):
        raise BadUsage(f"{path}: {name} is {getattr(kind, '__name__', kind)}; found {value!r}")
    return value


def request(options: Mapping[str, Any]) -> Request:
    """A Request from the options that were given; a lone strategy ending in .toml is a run file that they override."""
    given = {name: value for name, value in options.items() if value not in (None, (), [])}
    names = tuple(given.pop("strategies", ()))
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    if not any(name.endswith(".toml") for name in names):
        return replace(Request(strategies=names), **given)
    if len(names) > 1:
        raise BadUsage(f"give one run file or several strategies, not both; found {', '.join(names)}")
    from_file = read_run_file(Path(names[0]))
    if not from_file.get("strategies"):
        raise BadUsage(f'{names[0]} names no strategy; add: strategy = "StealthQE"')
    return replace(Request(**from_file), **given)


def _day(text: str | None, option: str) -> pd.Timestamp | None:
    """The 00:00 UTC with which a date begins; a bare date is a period, so --to includes all of it."""
    if text is None:
        return None
    try:
        return pd.Timestamp(pd.to_datetime(text, format="%Y-%m-%d"), tz="UTC").as_unit("ns")
    except ValueError:
        raise BadUsage(f"{option} takes a date such as 2021-08-01; found {text!r}") from None
