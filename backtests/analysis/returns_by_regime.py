"""Returns by regime of any result: the table, and in words where it has too little to go by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from backtests.analysis.attribution import SHORTEST_YEARS, WINDOW, by_regime
from backtests.analysis.regimes import REGIMES, UNKNOWN, Regime, States, regimes_at_open
from backtests.metrics import ROUNDING, labels
from backtests.result import Result

DAYS_A_YEAR = 365
SHORTEST_DAYS = round(SHORTEST_YEARS * DAYS_A_YEAR)


@dataclass(frozen=True)
class ReturnsByRegime:
    """What one result earned in each state of the world.

    label : what the result is called      table : that of `by_regime`, and first the days spent in each state
    regimes : those of the table      left_out : a sentence for each regime that the market cannot tell
    ruined_in : the open of the bar that ruined the book; None where none did
    """

    label: str
    table: pd.DataFrame
    regimes: tuple[Regime, ...]
    left_out: tuple[str, ...]
    ruined_in: pd.Timestamp | None = None

    def name(self, regime: str, state: str) -> str:
        """What a row is called: "Liquidity rising", "Whole window"."""
        if (regime, state) == WINDOW:
            return "Whole window"
        return f"{next(one.label for one in self.regimes if one.name == regime)} {state}"

    @property
    def cautions(self) -> tuple[str, ...]:
        """In words: ruin, states that lasted too short to say anything of, or never were, and regimes left out."""
        days = self.table["days"]
        short = days[days < SHORTEST_DAYS - DAYS_A_YEAR * ROUNDING]  # `by_regime` has no annual numbers of them
        said = [_caution(self.name(*row), days) for row, days in short.items() if row[1] != UNKNOWN]
        return (*self._ruin(), *said, *self.left_out)

    def _ruin(self) -> tuple[str, ...]:
        if self.ruined_in is None:
            return ()
        return (
            f"{self.label} was ruined in the bar of {self.ruined_in:%Y-%m-%d %H:%M}: no state has an annual return or "
            "a Sharpe ratio, for what was earned in any of them was lost",
        )

    def summary(self) -> dict[str, Any]:
        """What `--json` prints: a mapping per row, NaN where undefined, then definitions and cautions."""
        rows = [
            {"regime": regime, "state": state} | numbers
            for (regime, state), numbers in zip(self.table.index, self.table.to_dict("records"), strict=True)
        ]
        definitions = {regime.name: regime.definition for regime in self.regimes}
        return {"rows": rows, "definitions": definitions, "cautions": list(self.cautions)}


def returns_by_regime(results: Sequence[Result], regimes: Sequence[Regime] = REGIMES) -> list[ReturnsByRegime]:
    """The returns of each result by regime; see `backtests.analysis.attribution.by_regime` for the columns.

    Column days is the time spent in the state, in days of 24 hours; what an annual return or a Sharpe ratio of less
    than 30 of them would be is NaN, as is that of a ruined book, and said in `cautions`. Results of one market and the
    same bars share the states.
    """
    known: dict[tuple[int, bytes], States] = {}
    found = []
    for label, result in zip(labels(results), results, strict=True):
        bars = (id(result.market), result.tape.open_times.tobytes())
        if bars not in known:
            known[bars] = regimes_at_open(result, regimes)
        found.append(_of(result, label, regimes, known[bars]))
    return found


def _of(result: Result, label: str, regimes: Sequence[Regime], states: States) -> ReturnsByRegime:
    table = by_regime(result, regimes, states)
    table.insert(0, "days", table["time"] * result.years * DAYS_A_YEAR)
    ruined_in = None if result.ruined_at is None else result.ruined_at - result.tape.length
    return ReturnsByRegime(label, table, states.regimes, states.left_out, ruined_in)


def _caution(name: str, days: float) -> str:
    if days == 0:
        return f"{name}: on no day of this window; nothing can be said of it"
    return (
        f"{name}: {days:.4g} days, fewer than {SHORTEST_DAYS}; too few for an annual return or a Sharpe ratio, and the "
        "log return may be chance"
    )
