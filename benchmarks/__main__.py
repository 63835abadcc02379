"""`python -m benchmarks`: every speed claim, measured beside its peer; exit code 1 where one does not hold."""

import sys

from rich.console import Console
from rich.table import Table

from benchmarks import commands, engines, fetching, kernel, sweeps, tearsheets
from benchmarks.claim import Claim

SUITES = (commands.claims, engines.claims, kernel.claims, sweeps.claims, fetching.claims, tearsheets.claims)


def main() -> None:
    measured = [claim for claims in SUITES for claim in claims()]
    Console(width=130).print(_table(measured))
    sys.exit(0 if all(claim.holds for claim in measured) else 1)


def _table(measured: list[Claim]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("claim", "measured", "beside", "ratio", "limit", ""):
        table.add_column(heading, justify="left" if heading == "claim" else "right")
    for claim in measured:
        table.add_row(claim.what, claim.measured, claim.peer, f"{claim.ratio:.2f}", claim.limit, claim.verdict)
    return table


if __name__ == "__main__":
    main()
