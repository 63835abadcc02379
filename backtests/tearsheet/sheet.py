"""What the sections of a tearsheet are made from, and what a section is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from backtests.analysis.intervals import Intervals, intervals
from backtests.findings import Finding
from backtests.proofs import Proof
from backtests.result import Result
from backtests.tearsheet.document import Charts
from backtests.tearsheet.lines import Line, lines_of


@dataclass(frozen=True)
class Sheet:
    """What every section may use; charts and tables that it shows are added to `charts`.

    findings : what a reader should know      proofs : of causality, one per strategy that was put to one
    """

    results: Sequence[Result]
    findings: Sequence[Finding] = ()
    proofs: Sequence[Proof] = ()
    charts: Charts = field(default_factory=Charts)

    @cached_property
    def lines(self) -> list[Line]:
        """A line per result, then per benchmark."""
        return lines_of(self.results)

    @cached_property
    def intervals(self) -> dict[str, Intervals]:
        """Intervals of METRICS of every line, by its label."""
        return {line.label: intervals(line.result) for line in self.lines}

    @property
    def strategies(self) -> list[Line]:
        """The lines of the results alone."""
        return [line for line in self.lines if not line.is_benchmark]

    @property
    def simulated(self) -> bool:
        """Whether any of the markets is a simulated one."""
        return any("SIMULATED" in line.result.market.origin for line in self.lines)


@dataclass(frozen=True)
class Section:
    """A part of the page.

    id : its anchor; sections/ID.html is its template, which sees what `build` answers as `own`
    label : in the table of contents      title : over the section
    build : adds charts and tables to the sheet, and answers what the template needs; None to leave the section out
    """

    id: str
    label: str
    title: str
    build: Callable[[Sheet], dict[str, Any] | None]


def first_line(thing: object) -> str:
    """The first line of what a strategy or signal says of itself; "" where it says nothing."""
    text = type(thing).__doc__ or ""
    generated = text.startswith(f"{type(thing).__name__}(")  # what dataclass writes where nobody did
    return "" if generated or not text else text.strip().splitlines()[0]
