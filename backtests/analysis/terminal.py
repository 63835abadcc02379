"""Returns by regime as tables and sentences in the terminal."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from rich.markup import escape

from backtests.analysis.returns_by_regime import ReturnsByRegime
from backtests.console import new_table, say, show

NONE = "–"
# Column of the table, its heading, the format of its numbers.
COLUMNS = (
    ("days", "days", ",.0f"),
    ("time", "time", ".1%"),
    ("log_return", "log return", "+z.2f"),
    ("share", "share of it", "z.0%"),
    ("annual_return", "annual", "z,.1%"),
    ("sharpe", "Sharpe", "z.2f"),
    ("exposure", "exposure", "z.0%"),
    ("benchmark_log_return", "benchmark", "+z.2f"),
    ("benchmark_annual_return", "its annual", "z,.1%"),
)


def print_returns_by_regime(found: Sequence[ReturnsByRegime]) -> None:
    """Print a table per result, then what is too short or too unknown to go by, each sentence once."""
    for one in found:
        _show(one)
    for sentence in dict.fromkeys(sentence for one in found for sentence in one.cautions):
        say(f"[yellow]note[/] {escape(sentence)}")


def _show(found: ReturnsByRegime) -> None:
    columns = [column for column in COLUMNS if not found.table[column[0]].isna().all()]
    table = new_table(escape(f"{found.label} by regime"), "state", *(c[1] for c in columns), numbers_from=1)
    for (regime, state), row in found.table.iterrows():
        table.add_row(escape(found.name(regime, state)), *_numbers(row, columns))
    show(table)


def _numbers(row: pd.Series, columns: Sequence[tuple[str, str, str]]) -> list[str]:
    return [NONE if np.isnan(row[column]) else format(row[column], form) for column, _, form in columns]
