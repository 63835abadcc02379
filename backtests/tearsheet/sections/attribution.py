"""Where the return came from: states of the world, releases that set off decisions, signals."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from backtests.analysis.attribution import (
    BEFORE,
    JOINED,
    NOTHING_NEW,
    START,
    WINDOW,
    by_regime,
    by_signal,
    by_trigger,
    unfilled,
)
from backtests.analysis.causes import BOOK, causes
from backtests.analysis.regimes import REGIMES, UNKNOWN, States, regimes_at_open
from backtests.result import Result
from backtests.tearsheet.document import Charts, Definition, Table, as_csv
from backtests.tearsheet.figures import figure, plain
from backtests.tearsheet.lines import Line, line_keys
from backtests.tearsheet.sheet import Section, Sheet, first_line
from data_cache.market import Market

# What a page shows of the releases that set off decisions; the CSV holds all.
MOST_TRIGGERS = 8
PATTERNS = {"solid": "", "dash": "/", "dot": "."}


@dataclass(frozen=True)
class Column:
    """A column of a table: its name in the frame, its head and the definition behind it, the format of its numbers."""

    column: str
    label: str
    definition: str
    format: str

    @property
    def name(self) -> str:
        """Distinct on the page."""
        return _slug(f"attribution-{self.label.lower()}")

    def text(self, value: float) -> str:
        """The number, or a dash where it is undefined."""
        text = "–" if np.isnan(value) else format(value, self.format)
        return text if re.search("[1-9]", text) else text.removeprefix("+")


TIME = Column("time", "Time", "Share of the time of the window.", ".1%")
LOG_RETURN = Column(
    "log_return",
    "Log return",
    "The log of end over start. Log returns add up: all rows together make the log of 1 plus the total return.",
    "+z.2f",
)
SHARE = Column("share", "Share of it", "The log return over that of the whole window; a dash where that is 0.", "z.0%")
EXPOSURE = Column(
    "exposure", "Mean exposure", "The fraction of equity held in assets, averaged over that time.", "z.0%"
)
ANNUAL = Column(
    "annual_return",
    "Annual return",
    "What the log return comes to in a year of 365 days at that pace. A dash where the state lasted less than 30 days, "
    "and for a book that was ruined.",
    "z,.1%",
)
SHARPE = Column(
    "sharpe",
    "Sharpe ratio",
    "Mean excess over cash of the bars in that state over its standard deviation, times the root of the bars per year. "
    "A dash where the state lasted less than 30 days, and for a book that was ruined.",
    "z.2f",
)
BY_REGIME = (TIME, LOG_RETURN, SHARE, ANNUAL, SHARPE, EXPOSURE)
BENCHMARK = tuple(
    Column(
        f"benchmark_{own.column}",
        f"Benchmark: {own.label.lower()}",
        f"{own.label} of the benchmark in the same bars.",
        own.format,
    )
    for own in (LOG_RETURN, ANNUAL, SHARPE)
)
DECISIONS = Column("decisions", "Decisions", "How many filled; of those that filled at one open, the last.", ",.0f")
BY_TRIGGER = (DECISIONS, TIME, LOG_RETURN, SHARE, EXPOSURE)
BY_SIGNAL = (
    Column("median", "Median", "The signal's median at the ends of bars, over the whole window.", "z.4g"),
    Column("total_return", "Return without", "The total return with the signal held at its median.", "z,.1%"),
    Column("total_return_added", "Return added", "The total return less that with the signal at its median.", "+z,.1%"),
    Column("sharpe", "Sharpe without", "The Sharpe ratio with the signal held at its median.", "z.2f"),
    Column("sharpe_added", "Sharpe added", "The Sharpe ratio less that with the signal at its median.", "+z.2f"),
)
NO_RELEASE = {
    BEFORE: "From the start of the window until the first decision filled, be it one to hold nothing.",
    START: "After a decision taken when the window began, on what was known already.",
    NOTHING_NEW: "After decisions at which nothing new was known: dates of a schedule, or a look at the own book.",
}


@dataclass(frozen=True)
class ReturnByState:
    """The log return of each line in each state of the world."""

    lines: Sequence[Line]
    tables: Mapping[str, pd.DataFrame]

    def frame(self) -> pd.DataFrame:
        """A row per (regime, state), by label and name; a column per line; moments of an unknown state left out."""
        frame = pd.DataFrame({label: table["log_return"] for label, table in self.tables.items()})
        states = [(regime.name, state) for regime in REGIMES for state in reversed(regime.states)]
        return frame.reindex([row for row in states if row in frame.index]).rename(
            index={regime.name: regime.label for regime in REGIMES}, level=0
        )

    def figure(self) -> Any:
        """Bars side by side, a group per state."""
        frame = self.frame()
        places = [[plain(text) for text in frame.index.get_level_values(level)] for level in (0, 1)]
        bars = [
            {
                "type": "bar",
                "name": plain(line.label),
                "x": places,
                "y": frame[line.label].to_numpy(np.float32),
                "marker": {"color": line.color, "line": {"width": 0}, "pattern": {"shape": PATTERNS[line.dash]}},
                "hovertemplate": "%{fullData.name} %{y:+.2f}<extra>%{x}</extra>",
            }
            for line in self.lines
        ]
        layout = {
            "barmode": "group",
            "bargap": 0.25,
            "xaxis": {
                "type": "multicategory",
                "fixedrange": True,
                "automargin": True,
                "dividercolor": "rgba(127,127,127,0.4)",
            },
            "yaxis": {"tickformat": "+.2~f", "fixedrange": True, "zeroline": True},
            "margin": {"l": 62, "r": 8, "t": 10, "b": 28},
        }
        return figure(bars, layout, 320)

    def alt(self) -> str:
        """The state that gave most and the one that gave least to each."""
        frame = self.frame()
        said = [
            f"{name} most in {' '.join(column.idxmax())} ({column.max():+.2f}), "
            f"least in {' '.join(column.idxmin())} ({column.min():+.2f})"
            for name, column in frame.items()
            if column.notna().any()
        ]
        return f"Log return by state of the world: {'; '.join(said)}."


def build(sheet: Sheet) -> dict[str, Any] | None:
    """The chart of all, a table beside each other, and for each strategy its tables by state, trigger and signal."""
    tables = _by_state(sheet.lines)
    told = {name for table in tables.values() for name in table.index.get_level_values("regime")}
    parts = [_part(i, line, tables[line.label], sheet.charts) for i, line in enumerate(sheet.strategies)]
    known = [regime for regime in REGIMES if regime.name in told]
    if not known and not any(part["triggers"] or part["signals"] for part in parts):
        return None
    own = {
        "chart": _chart(sheet, tables) if known else None,
        "side_by_side": _side_by_side(sheet, tables) if known and len(sheet.results) > 1 else None,
        "left_out": [regime.label for regime in REGIMES if regime not in known],
        "parts": [part for part in parts if part["regimes"] or part["triggers"] or part["signals"]],
    }
    sheet.charts.define(*known)  # last, for rows that name their states open the same definitions
    return own


def _by_state(lines: Sequence[Line]) -> dict[str, pd.DataFrame]:
    """`by_regime` of each line, by its label; lines of one market and the same bars share the states."""
    known: dict[tuple[int, bytes], States] = {}
    tables = {}
    for line in lines:
        bars = (id(line.result.market), line.result.tape.open_times.tobytes())
        if bars not in known:
            known[bars] = regimes_at_open(line.result)
        tables[line.label] = by_regime(line.result, states=known[bars])
    return tables


def _chart(sheet: Sheet, tables: Mapping[str, pd.DataFrame]) -> Any:
    panel = ReturnByState(sheet.lines, tables)
    sheet.charts.tables["attribution-chart"] = as_csv(panel.frame())
    return sheet.charts.add("attribution-chart", panel, line_keys(sheet.lines))


def _side_by_side(sheet: Sheet, tables: Mapping[str, pd.DataFrame]) -> Table:
    frame = pd.concat(tables, axis=1)
    shown = [row for row in _ordered(frame) if row[1] != UNKNOWN]
    rows = [(_state(*row), [_pace(table, row) for table in tables.values()]) for row in shown]
    label = "Annual return and Sharpe ratio by state of the world"
    return sheet.charts.table("attribution-states", label, frame, ["State", *sheet.lines], rows)


def _pace(table: pd.DataFrame, row: tuple[str, str]) -> str:
    if row not in table.index or np.isnan(table.at[row, ANNUAL.column]):
        return "–"
    return " / ".join(column.text(table.at[row, column.column]) for column in (ANNUAL, SHARPE))


def _part(number: int, line: Line, regimes: pd.DataFrame, charts: Charts) -> dict[str, Any]:
    result = line.result
    return {
        "line": line,
        "regimes": _by_regime(number, line, regimes, charts) if len(regimes) > 1 else None,
        "triggers": trigger_table(number, line, by_trigger(result, causes(result)), charts),
        "unfilled": unfilled_sentence(*unfilled(result)),
        "signals": _by_signal(number, line, by_signal(result), charts) if result.strategy.signals() else None,
    }


def unfilled_sentence(overtaken: int, late: int) -> str:
    """What the rows leave out of all decisions, in words; "" where that is none.

    >>> unfilled_sentence(2, 1)
    'Not in these rows: 2 decisions overtaken by a later one before the next open; 1 that found no bar to fill at.'
    """
    overtook = f"{overtaken:,} decision{'s' * (overtaken > 1)} overtaken by a later one before the next open"
    what = "" if overtaken else " decision" if late == 1 else " decisions"
    left = [overtook * (overtaken > 0), f"{late:,}{what} that found no bar to fill at" * (late > 0)]
    return f"Not in these rows: {'; '.join(text for text in left if text)}." if any(left) else ""


def _by_regime(number: int, line: Line, frame: pd.DataFrame, charts: Charts) -> Table:
    columns = [*BY_REGIME, *(BENCHMARK if line.result.benchmark else ())]
    rows = [(_state(*row), _texts(frame.loc[row], columns)) for row in _ordered(frame)]
    label = f"{line.label} by state of the world"
    return charts.table(f"attribution-regimes-{number}", label, frame, ["State", *columns], rows)


def trigger_table(number: int, line: Line, frame: pd.DataFrame, charts: Charts) -> Table | None:
    """The releases that set off decisions, the rest of them in one row; None where no release set off any."""
    if not set(frame.index) - set(NO_RELEASE):
        return None
    shown, rest = frame.iloc[:MOST_TRIGGERS], frame.iloc[MOST_TRIGGERS:]
    rows: list[tuple[object, list[str]]] = [
        (_trigger(str(trigger), line.result.market), _texts(row, BY_TRIGGER)) for trigger, row in shown.iterrows()
    ]
    if len(rest):
        rows.append((f"{len(rest)} others", _texts(_together(rest), BY_TRIGGER)))
    label = f"{line.label} by what set off its decisions"
    return charts.table(f"attribution-triggers-{number}", label, frame, ["Release", *BY_TRIGGER], rows)


def _together(rows: pd.DataFrame) -> pd.Series:
    total = rows.sum(min_count=1)
    exposed = (rows["exposure"] * rows["time"]).sum()
    total["exposure"] = exposed / total["time"] if total["time"] > 0 else float("nan")
    return total


def _by_signal(number: int, line: Line, frame: pd.DataFrame, charts: Charts) -> Table:
    rows = [(_signal(number, str(name), line.result), _texts(row, BY_SIGNAL)) for name, row in frame.iterrows()]
    label = f"{line.label} without each of its signals"
    return charts.table(f"attribution-signals-{number}", label, frame, ["Signal", *BY_SIGNAL], rows)


def _texts(row: pd.Series, columns: Sequence[Column]) -> list[str]:
    return [column.text(float(row[column.column])) for column in columns]


def _ordered(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """The rows of a table by regime: states in the regimes' order, the whole window last."""
    names = [*(regime.name for regime in REGIMES), WINDOW[0]]
    return sorted(frame.index, key=lambda row: names.index(row[0]))


def _state(name: str, state: str) -> Definition:
    if (name, state) == WINDOW:
        return Definition("attribution-whole", "Whole window", "Every bar of the window, whatever the state.")
    regime = next(regime for regime in REGIMES if regime.name == name)
    return Definition(regime.name, f"{regime.label} {state}", regime.definition)


def _trigger(trigger: str, market: Market) -> Definition:
    if trigger in NO_RELEASE:
        return Definition(_slug(f"attribution-{trigger}"), trigger.capitalize(), NO_RELEASE[trigger])
    labels, titles = zip(*(_need(need, market) for need in trigger.split(JOINED)), strict=True)
    said = f"After decisions taken when this became known: {'; '.join(titles)}."
    return Definition(_slug(f"attribution-{trigger}"), JOINED.join(labels), said)


def _need(need: str, market: Market) -> tuple[str, str]:
    if need == BOOK:
        return BOOK, "the last closes, at which its own book is marked"
    kind, _, name = need.rpartition(":")
    if not kind:
        return name, market.spec(name).title
    what = "close" if kind == "bars" else "futures"
    return f"{name} {what}", f"{what} of {name}" if kind == "bars" else f"closes of {name} futures"


def _signal(number: int, name: str, result: Result) -> Definition:
    signal = result.strategy.signals()[name]
    return Definition(_slug(f"attribution-signal-{number}-{name}"), name, f"`{signal!r}` {first_line(signal)}")


def _slug(text: str) -> str:
    return re.sub(r"[^\w-]+", "-", text)


ATTRIBUTION = Section("attribution", "Attribution", "Where the return came from", build)
