"""A sweep that is made up: trials with numbers that follow from their parameters, to fill a folder with."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backtests.sweeps.folder import SweepFolder
from backtests.sweeps.trials import MEASURES, Chunk, Task

DAYS = pd.date_range("2024-01-01", periods=5, tz="UTC")
NAMES = ["window", "trigger", "invert", "mix"]
MIXES = ((("BTC", 0.7), ("ETH", 0.3)), (("BTC", 1.0),))
ABOUT: dict[str, Any] = {
    "strategy": "StealthQE()",
    "trials": 12,
    "window": ["2024-01-01", "2024-01-06"],
    "data": {"bars:BTC": "aaaaaaaa1", "DGS10": "bbbbbbbb1"},
    "code": {"StealthQE": "cccccccc1"},
    "libraries": {"numpy": "2.4.6"},
    "ebbtide": "0.1.0",
    "chunk": 5,
}


def trial(number: int) -> dict[str, Any]:
    return {"window": 5 + number, "trigger": number / 3, "invert": number % 2 == 0, "mix": MIXES[number % 2]}


def tasks(trials: int = 12, chunk: int = 5) -> list[Task]:
    starts = range(0, trials, chunk)
    return [
        Task(number, [trial(of) for of in range(start, min(start + chunk, trials))])
        for number, start in enumerate(starts)
    ]


def result(task: Task) -> Chunk:
    """Of a trial with the window w: measures w, w + 0.01 ...; w / 1000 a day; each seventh window is a problem."""
    windows = np.array([parameters["window"] for parameters in task.trials], float)
    problems = [f"no value of srf at {window:.0f} days" if window % 7 == 0 else "" for window in windows]
    fine = np.array([not problem for problem in problems])
    measures = {name: np.where(fine, windows + place / 100, np.nan) for place, name in enumerate(MEASURES)}
    returns = np.tile(np.where(fine, windows / 1000, 0), (len(DAYS), 1)).astype(np.float32)
    return Chunk(measures, returns * np.arange(1, len(DAYS) + 1, dtype=np.float32)[:, None], problems, pd.DataFrame())


def opened(path: Path, resume: bool = False, names: Sequence[str] = NAMES, **about: Any) -> SweepFolder:
    return SweepFolder.open(path, ABOUT | about, names, DAYS, resume)


def filled(path: Path, which: Iterable[Task], resume: bool = False, **about: Any) -> SweepFolder:
    """A folder that keeps these tasks, left to others."""
    with opened(path, resume, **about) as folder:
        for task in which:
            folder.keep(task, result(task))
    return folder


def swept(path: Path, resume: bool = False, which: Iterable[Task] | None = None, **about: Any) -> bytes:
    """A whole sweep, less what is kept already; the bytes of its final table."""
    with opened(path, resume, **about) as folder:
        for task in tasks(chunk=folder.about["chunk"]) if which is None else which:
            if not folder.kept(task):
                folder.keep(task, result(task))
        folder.finish(folder.table())
    return (path / "trials.parquet").read_bytes()


def chunk_files(path: Path) -> list[Path]:
    return sorted((path / "chunks").glob("*.parquet"))
