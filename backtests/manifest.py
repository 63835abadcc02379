"""The manifest: everything that decides what a backtest gives, so that it can be run again and compared."""

import hashlib
import inspect
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from backtests.execution import Execution
from backtests.tape import Tape
from data_cache.market import Market
from data_cache.version import __version__
from strategies.strategy import Strategy

LIBRARIES = ("vectorbt", "vectorbt-rust", "pandas", "numpy", "holidays")


def manifest(
    strategy: Strategy,
    market: Market,
    tape: Tape,
    execution: Execution,
    engine: str,
    benchmark: Strategy | None,
) -> dict[str, Any]:
    """What was run, on what data, over which window, with which costs, engine and versions.

    The data are those that the run could read: the bars it traded and the series its signals name.
    """
    read = inputs(strategy, tape, execution)
    return {
        "ebbtide": __version__,
        "strategy": repr(strategy),
        "benchmark": repr(benchmark) if benchmark else None,
        "execution": repr(execution),
        "engine": engine,
        "timeframe": tape.timeframe,
        "window": [str(tape.opens.index[0]), str(tape.known_at[-1])],
        "bars": len(tape.opens),
        "assets": tape.assets,
        "origin": market.origin,
        "data": market.hashes(read),
        "sources": {need: list(market.sources[need]) for need in sorted(read) if need in market.sources},
        "code": code(strategy),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def code(strategy: Strategy) -> dict[str, str]:
    """A sha256 of the source file of the strategy's class and of each of its signals' classes, by class."""
    classes = {type(strategy), *(type(signal) for signal in strategy.signals().values())}
    return {cls.__name__: _source_sha256(cls) for cls in sorted(classes, key=lambda cls: cls.__name__)}


def _source_sha256(cls: type) -> str:
    try:
        return hashlib.sha256(Path(inspect.getfile(cls)).read_bytes()).hexdigest()
    except (OSError, TypeError):  # typed into a notebook or an interpreter
        return "no source file"


def inputs(strategy: Strategy, tape: Tape, execution: Execution) -> set[str]:
    """The needs that a run reads: its signals', the bars it trades, the rate that cash earns."""
    needs = {need for signal in strategy.signals().values() for need in signal.reads}
    needs |= {f"bars:{asset}" for asset in tape.assets}
    return needs if execution.cash == "0" else needs | {execution.cash}
