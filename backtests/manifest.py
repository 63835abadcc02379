"""The manifest: everything that decides what a backtest gives, so that it can be run again and compared."""

import platform
from importlib.metadata import version
from typing import Any

from backtests.execution import Execution
from backtests.source_code import Sources, code
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
    sources: Sources | None = None,
) -> dict[str, Any]:
    """What was run, on what data, over which window, with which costs, engine and versions.

    The data are those that the run could read: the bars it traded and the series its signals name.
    sources : of its code, where that was read already
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
        "code": code(strategy, sources),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def inputs(strategy: Strategy, tape: Tape, execution: Execution) -> set[str]:
    """The needs that a run reads: its signals', the bars it trades, the rate that cash earns."""
    needs = {need for signal in strategy.signals().values() for need in signal.reads}
    needs |= {f"bars:{asset}" for asset in tape.assets}
    return needs if execution.cash == "0" else needs | {execution.cash}
