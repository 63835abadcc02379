"""How long a user waits for a command, against importing the libraries that it cannot do without."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from benchmarks.claim import Claim

LIST = ("-m", "backtests", "list")
RUN = ("-m", "backtests", "run", "NetLiquidityTide")
BARE_LIST = ("-c", "import typer, rich")
BARE_RUN = ("-c", "import vectorbt")


def claims() -> list[Claim]:
    return [
        _against("ebbtide list", LIST, BARE_LIST, "import typer, rich", repeats=15, most=3.0),
        _against("ebbtide run, 8 years of daily lab data", RUN, BARE_RUN, "import vectorbt", repeats=5, most=2.5),
    ]


def _against(what: str, command: Sequence[str], bare: Sequence[str], peer: str, repeats: int, most: float) -> Claim:
    """Best of `repeats`, taking turns, so that both meet the same machine."""
    pairs = [(_seconds(command), _seconds(bare)) for _ in range(repeats + 1)][1:]
    ours, theirs = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
    return Claim(what, f"{ours:.2f} s", f"{peer}: {theirs:.2f} s", ours / theirs, most=most)


def _seconds(arguments: Sequence[str]) -> float:
    with tempfile.TemporaryDirectory() as folder:  # the trials of a benchmark are nobody's
        environment = os.environ | {"EBBTIDE_LEDGER": folder}
        begun = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)
        return time.perf_counter() - begun
