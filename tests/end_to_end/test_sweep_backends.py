"""The same sweep on processes, Ray and dask: the same table, to the byte."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SWEEP = (
    "sweep",
    "TrendFollowing",
    "--set",
    "days=5:100:5",
    "--set",
    "exposure=0.5,1",
    "--from",
    "2022-01-01",
    "--json",
)
LIBRARY = {"local": "joblib", "ray": "ray", "dask": "distributed"}


def swept(folder: Path, *options: str) -> bytes:
    """What trials.parquet of a sweep holds that was run by a command of its own."""
    where = ("--out", str(folder), "--ledger", str(folder.parent / "ledger"))
    command = [sys.executable, "-m", "backtests", *SWEEP, *where, *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)["trials"] == 40
    return (folder / "trials.parquet").read_bytes()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return swept(tmp_path_factory.mktemp("alone") / "sweep", "--workers", "1")


@pytest.mark.parametrize("backend", LIBRARY)
def test_the_table_is_the_same_whatever_runs_the_trials(backend: str, alone: bytes, tmp_path: Path) -> None:
    if importlib.util.find_spec(LIBRARY[backend]) is None:
        pytest.skip(f"{backend} is not installed")
    assert swept(tmp_path / "sweep", "--backend", backend, "--workers", "2") == alone
