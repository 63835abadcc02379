"""The main job on the lab: all strategies on a simulated world whose answer is known, and what they found of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from backtests.backtest import compare
from backtests.console import Terminal, comparison, print_window, show
from backtests.findings import examined
from backtests.ledger import Ledger, record
from backtests.result import Result
from backtests.selection import built_in
from backtests.tearsheet import write_tearsheet
from data_cache.lab import Lab
from strategies import BuyAndHold


@dataclass(frozen=True)
class Response:
    """The planted response of an asset and what ordinary least squares finds of it.

    planted, found, error : expected return a day per $100bn of known liquidity, as fractions; error is the standard
    error of found
    """

    asset: str
    planted: float
    found: float
    error: float

    @property
    def t(self) -> float:
        """How many standard errors the estimate is away from no response at all."""
        return self.found / self.error


def responses(lab: Lab) -> list[Response]:
    """Regress each asset's daily return on the liquidity known at its open: what a good statistic should find."""
    found = []
    for asset, planted in lab.planted().response.items():
        evidence = lab.evidence(asset)
        slope, covariance = np.polyfit(evidence["liquidity"], evidence["return"], 1, cov=True)
        found.append(Response(asset, planted, float(slope[0]), float(np.sqrt(covariance[0, 0]))))
    return found


def run_demo(folder: Path, seed: int, ledger: Ledger | None = None) -> None:
    """Run every strategy on the lab, print what was planted and found, and write demo.html into `folder`.

    ledger : where the trials are recorded, the default one where None
    """
    folder.mkdir(parents=True, exist_ok=True)
    lab = Lab(seed=seed)
    strategies = [cls() for cls in built_in().values()]
    results = compare(strategies, lab.market(), benchmark=BuyAndHold())
    without = compare(strategies, Lab(seed=seed, effect=0).market(), benchmark=BuyAndHold())
    recorded = record([*results, *without], "demo", ledger)
    results, without = recorded[: len(results)], recorded[len(results) :]
    print_window(results)
    show(comparison(results))
    print_planted(lab, results, without)
    page = folder / "demo.html"
    known = examined(results)
    write_tearsheet(
        results,
        page,
        title="Liquidity strategies on the lab",
        subtitle="A simulated dollar system and crypto market; no number here says anything about the real one.",
        notes=[lab.planted().words, *(_sentence(response) for response in responses(lab))],
        findings=known.findings,
        proofs=known.proofs,
    )
    Terminal().print(f"\nTearsheet: {page}", soft_wrap=True, highlight=False)


def print_planted(lab: Lab, results: list[Result], without: list[Result]) -> None:
    """Print the planted response, the estimate of it, and each strategy with and without the response."""
    say = Terminal().print
    say(f"\nPlanted: {lab.planted().words}", soft_wrap=True, highlight=False)
    for response in responses(lab):
        say(f"Found:   {_sentence(response)}", soft_wrap=True, highlight=False)
    say("\nThe same strategies in the same world, with and without the response:", soft_wrap=True)
    show(_with_and_without(results, without))


def _sentence(response: Response) -> str:
    return (
        f"Least squares finds {response.found:.3%} ± {response.error:.3%} a day per $100bn in {response.asset} "
        f"(t = {response.t:.1f}); planted were {response.planted:.3%}."
    )


def _with_and_without(results: list[Result], without: list[Result]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("strategy")
    for heading in ("Sharpe", "without", "CAGR", "without"):
        table.add_column(heading, justify="right")
    for one, other in zip(results, without, strict=True):
        table.add_row(one.name, *_pair(one, other, "sharpe", ".2f"), *_pair(one, other, "cagr", ".1%"))
    return table


def _pair(one: Any, other: Any, metric: str, shown: str) -> tuple[str, str]:
    return format(one.metrics[metric], shown), format(other.metrics[metric], shown)
