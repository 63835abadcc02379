"""Events in, results out: two engines, statistics, tearsheets and the command line."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backtests.analysis.attribution import by_regime
    from backtests.analysis.returns_by_regime import ReturnsByRegime, returns_by_regime
    from backtests.backtest import Backtest, compare
    from backtests.execution import Execution
    from backtests.result import Result
    from backtests.studies.event_study import Study, study
    from backtests.sweeps.grid import read_space
    from backtests.sweeps.plan import Plan
    from backtests.sweeps.sweep import run_sweep
    from backtests.sweeps.swept import Sweep

__all__ = [
    "Backtest",
    "Execution",
    "Plan",
    "Result",
    "ReturnsByRegime",
    "Study",
    "Sweep",
    "by_regime",
    "compare",
    "read_space",
    "returns_by_regime",
    "run_sweep",
    "study",
]

_HOMES = {
    "Backtest": "backtest",
    "compare": "backtest",
    "Execution": "execution",
    "Result": "result",
    "by_regime": "analysis.attribution",
    "ReturnsByRegime": "analysis.returns_by_regime",
    "returns_by_regime": "analysis.returns_by_regime",
    "Study": "studies.event_study",
    "study": "studies.event_study",
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
