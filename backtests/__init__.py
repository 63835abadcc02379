"""Events in, results out: two engines, statistics, tearsheets and the command line."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backtests.backtest import Backtest, compare
    from backtests.execution import Execution
    from backtests.result import Result
    from backtests.sweeps.grid import read_space
    from backtests.sweeps.plan import Plan
    from backtests.sweeps.sweep import run_sweep
    from backtests.sweeps.swept import Sweep

__all__ = ["Backtest", "Execution", "Plan", "Result", "Sweep", "compare", "read_space", "run_sweep"]

_HOMES = {
    "Backtest": "backtest",
    "compare": "backtest",
    "Execution": "execution",
    "Result": "result",
    "read_space": "sweeps.grid",
    "Plan": "sweeps.plan",
    "Sweep": "sweeps.swept",
    "run_sweep": "sweeps.sweep",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is: `ebbtide list` must not wait for pandas."""
    if name not in _HOMES:
        raise AttributeError(f"module 'backtests' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"backtests.{_HOMES[name]}"), name)
