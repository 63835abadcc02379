"""Event studies: what prices did after a signal crossed a line, against what chance would have done."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backtests.studies.event_study import Study, study
    from backtests.studies.page import write_study

__all__ = ["Study", "study", "write_study"]

_HOMES = {"Study": "event_study", "study": "event_study", "write_study": "page"}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is."""
    if name not in _HOMES:
        raise AttributeError(f"module 'backtests.studies' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"backtests.studies.{_HOMES[name]}"), name)
