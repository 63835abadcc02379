"""The notebooks under examples/ run from the first cell to the last, without an error or a warning."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


def executed(path: Path, folder: Path) -> nbformat.NotebookNode:
    """The notebook with its outputs, run in `folder` as its user would run it."""
    out = folder / "executed.ipynb"
    own = {"EBBTIDE_LEDGER": str(folder / "ledger"), "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder / "ipython")}
    command = [sys.executable, "-m", "tests.executed_notebook", str(path), str(out)]
    ran = subprocess.run(command, cwd=folder, env=os.environ | own, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return nbformat.read(out, as_version=4)


def test_there_are_three() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["event_study", "first_strategy", "sweep_and_its_honest_reading"]


@every_notebook
def test_it_runs_and_complains_of_nothing(path: Path, tmp_path: Path) -> None:
    outputs = [output for cell in executed(path, tmp_path).cells for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.get("name") == "stderr" or output.output_type == "error"] == []
    assert any("text/html" in output.get("data", {}) for output in outputs)


@every_notebook
def test_it_is_kept_without_outputs(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in cells)
