"""The manifest: everything that decides what a backtest gives, so that it can be run again and compared."""

import platform
from importlib.metadata import version
from typing import Any

import pandas as pd

from backtests.execution import Execution
from backtests.expression import expression
from backtests.perpetuals.funding import funding_series
from backtests.source_code import Sources, code, engine_code
from backtests.tape import Tape
from data_cache.market import Market
from data_cache.version import __version__
from strategies.strategy import Strategy

LIBRARIES = ("vectorbt", "vectorbt-rust", "pandas", "numpy", "holidays")
# A window that was asked for: first moment and last, None for all there is.
Asked = tuple[pd.Timestamp | None, pd.Timestamp | None]


def manifest(
    strategy: Strategy,
    market: Market,
    tape: Tape,
    execution: Execution,
    engine: str,
    benchmark: Strategy | None,
    sources: Sources | None = None,
    asked: Asked = (None, None),
) -> dict[str, Any]:
    """What was run, on what data, over which window, with which costs, engine and versions: enough to run it again.

    The data are what the run could read: of the bars that it traded and the series that its signals name all that was
    known by the window's end. What became known later changes nothing here.
    sources : of its code, where that was read already      asked : the window that was asked for
    """
    read, end = inputs(strategy, tape, execution), tape.known_at[-1]
    return {
        "ebbtide": __version__,
        "strategy": repr(strategy),
        "expression": expression(strategy),
        **benchmark_entries(benchmark),
        "execution": repr(execution),
        "engine": engine,
        "timeframe": tape.timeframe,
        "asked": [None if moment is None else str(moment) for moment in asked],
        "window": [str(tape.opens.index[0]), str(end)],
        "bars": len(tape.opens),
        "assets": tape.assets,
        "market": dict(market.recipe),
        "seed": market.recipe.get("seed"),
        "origin": market.origin,
        "data": market.hashes(read, end),
        "vintages": market.vintages(read, end),
        "sources": {need: list(market.sources[need]) for need in sorted(read) if need in market.sources},
        "code": code(strategy, sources),
        "engine_code": engine_code(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def benchmark_entries(benchmark: Strategy | None) -> dict[str, str | None]:
    """What the manifest of a run says of the benchmark beside it."""
    return {
        "benchmark": repr(benchmark) if benchmark else None,
        "benchmark_expression": expression(benchmark) if benchmark else None,
    }


def inputs(strategy: Strategy, tape: Tape, execution: Execution) -> set[str]:
    """The needs that a run reads: its signals', the bars it trades, the rate that cash earns."""
    needs = {need for signal in strategy.signals().values() for need in signal.reads}
    needs |= {f"bars:{asset}" for asset in tape.assets}
    if execution.perps:
        needs |= {funding_series(asset) for asset in tape.assets}
    return needs if execution.cash == "0" else needs | {execution.cash}
