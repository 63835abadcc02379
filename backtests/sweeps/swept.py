"""What came of a sweep: the table of all trials, and what can be said of the best of them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from backtests.findings import Finding
from backtests.ledger import SIMULATED
from backtests.result import Result
from backtests.sweeps.grid import Parameters
from backtests.sweeps.judge import Judged
from backtests.sweeps.plan import Plan
from backtests.sweeps.trial_table import text_of
from backtests.sweeps.trials import DailyReturns
from backtests.sweeps.verdict import Verdict
from strategies.strategy import Strategy


@dataclass(frozen=True, repr=False)
class Sweep:
    """What came of a sweep.

    table : a row per trial, by its number from 0; columns: the parameters (`columns`), the measures, "ruined" and
    "problem"
    returns : of all trials without a problem, daily and in excess of cash      benchmark : the same of the yardstick
    verdict : what can be said of the best      judged : which trials were run again
    manifest : of the best trial, with the search and the counts of trials      folder : where it is kept
    result : the best trial as `ebbtide run` gives it
    """

    plan: Plan
    table: pd.DataFrame
    returns: DailyReturns
    benchmark: pd.Series
    verdict: Verdict
    judged: Judged
    findings: list[Finding]
    manifest: dict[str, Any]
    folder: Path
    result: Result
    notices: list[str]

    def __repr__(self) -> str:
        best = f"{self.plan.objective} {self.best_value:.4g}"
        return f"<Sweep of {len(self.table):,} trials of {self.plan.family}, the best with {best}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: how many were tried, what to think of the best, and the five best."""
        from backtests.sweeps.report.words import sweep_card

        return sweep_card(self)

    @property
    def names(self) -> list[str]:
        """The parameters that were searched, by dotted name."""
        return self.plan.names

    @property
    def columns(self) -> list[str]:
        """Their columns in `table`."""
        return self.plan.columns

    @cached_property
    def scores(self) -> pd.Series:
        """The objective by number of the trial, higher is better; NaN where a trial has none."""
        return pd.Series(self.plan.scores(self.table), self.table.index, name=self.plan.objective)

    @property
    def best(self) -> int:
        """The number of the best trial."""
        return int(self.scores.idxmax())

    @property
    def best_value(self) -> float:
        """The objective of the best trial, as its measure is."""
        return float(self.table.at[self.best, self.plan.objective])

    @property
    def simulated(self) -> bool:
        """Whether the market is a simulated one."""
        return SIMULATED in self.plan.market.origin

    def top(self, n: int) -> pd.DataFrame:
        """The n best trials of the table, the best first."""
        best = self.scores.dropna().sort_values(ascending=False, kind="stable").index[:n]
        return self.table.loc[best]

    def parameters(self, number: int) -> Parameters:
        """The parameters of a trial."""
        return parameters_of(self.plan, self.table, number)

    def strategy(self, number: int) -> Strategy:
        """The strategy of a trial."""
        return self.plan.space.strategy(self.parameters(number))

    def summary(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "strategy": repr(self.strategy(self.best)),
            "best": self.table.loc[self.best].to_dict() | {"trial": self.best},
            "top": self.top(10).reset_index().to_dict("records"),
            "trials": len(self.table),
            "problems": int((self.table["problem"] != "").sum()),
            "verdict": self.verdict.summary(),
            "judged": {"trials": self.judged.numbers.tolist(), "largest_difference": self.judged.largest},
            "findings": [finding.summary() for finding in self.findings],
            "notices": self.notices,
            "folder": str(self.folder),
            "manifest": self.manifest,
        }


def parameters_of(plan: Plan, table: pd.DataFrame, number: int) -> Parameters:
    """The parameters of a trial: the values of the space whose form in the table stands in its row."""
    found = {}
    for axis, column in zip(plan.space.axes, plan.columns, strict=True):
        cell = table.at[number, column]
        found[axis.name] = next(v for v in axis.values if v == cell or (isinstance(cell, str) and text_of(v) == cell))
    return found
