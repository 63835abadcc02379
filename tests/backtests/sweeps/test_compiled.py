"""Compiled code is kept for other processes, and never outlives the sources it is made of."""

import os
import subprocess
import sys
from pathlib import Path

from backtests.sweeps import compiled

KERNEL = """
from scale import SCALE
from shared import add, entry

@entry
def scaled(a, b):
    return SCALE * add(a, b)

print(scaled(1.0, -1.0), scaled(1.0, 2.0), sum(scaled.stats.cache_hits.values()))
"""


def run(folder: Path) -> list[float]:
    """What `scaled` answers in a process of its own: of (1, -1), of (1, 2), and whether it was kept."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder / "kept"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "kernel.py"], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return [float(word) for word in done.stdout.split()]


def test_a_kernel_is_kept_until_a_source_or_a_number_that_it_is_made_of_changes(tmp_path: Path) -> None:
    shared = Path(compiled.__file__).read_text()
    (tmp_path / "kernel.py").write_text(KERNEL)
    (tmp_path / "shared.py").write_text(shared)
    (tmp_path / "scale.py").write_text("SCALE = 2.0")
    assert run(tmp_path) == [0, 6, 0]
    assert run(tmp_path) == [0, 6, 1]
    (tmp_path / "scale.py").write_text("SCALE = 3.0")
    assert run(tmp_path) == [0, 9, 0]
    (tmp_path / "shared.py").write_text(shared.replace("return 0.0 if close(a, -b)", "return 1.0 if close(a, -b)"))
    assert run(tmp_path) == [3, 9, 0]
