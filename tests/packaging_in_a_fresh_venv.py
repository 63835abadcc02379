"""Builds the distributions and installs the wheel where nothing else is. Called by name: pytest this file."""

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("data_cache", "signals", "strategies", "backtests")


def run(*command: str | Path, folder: Path) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "EBBTIDE"))}
    environment = kept | {"EBBTIDE_LEDGER": os.environ["EBBTIDE_LEDGER"]}
    ran = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, folder=folder)
    return folder


@pytest.fixture(scope="session")
def python(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment in which the wheel is installed."""
    folder = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", folder, folder=folder)
    interpreter = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    wheel = next(distributions.glob("*.whl"))
    run(interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, folder=folder)
    return interpreter


def test_the_wheel_holds_the_four_rooms_with_their_data_and_nothing_else(distributions: Path) -> None:
    names = zipfile.ZipFile(next(distributions.glob("*.whl"))).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == set(ROOMS)
    page = {f"backtests/tearsheet/{name}" for name in ("template.html", "style.css", "charts.js")}
    assert {*page, *(f"{room}/py.typed" for room in ROOMS)} <= set(names)
    assert [name for name in names if "/store/" in name or name.endswith((".parquet", ".pyc"))] == []


def test_every_module_of_the_clone_is_in_the_wheel(distributions: Path) -> None:
    names = set(zipfile.ZipFile(next(distributions.glob("*.whl"))).namelist())
    modules = {path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert modules - names == set()


def test_the_sdist_holds_what_the_wheel_is_built_from(distributions: Path) -> None:
    with tarfile.open(next(distributions.glob("*.tar.gz"))) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"setup.cfg", "pyproject.toml", "README.md", "LICENSE"} <= inside
    assert "backtests/tearsheet/template.html" in inside
    assert [name for name in inside if name.endswith(".parquet")] == []


def test_the_installed_command_works(python: Path, tmp_path: Path) -> None:
    ebbtide = python.with_name("ebbtide")
    listed = json.loads(run(ebbtide, "list", "--json", folder=tmp_path))
    assert set(listed) == {"strategies", "combinators", "signals", "series", "metrics"}
    assert all(listed.values())
    page = tmp_path / "page.html"
    result = json.loads(run(ebbtide, "run", "StealthQE", "--json", "--out", page, folder=tmp_path))
    assert result["strategy"].startswith("StealthQE(")
    assert "</html>" in page.read_text("utf-8")


def test_the_installed_command_and_the_clone_give_the_same_equity(python: Path, tmp_path: Path) -> None:
    command = ("run", "FiscalDominance", "--from", "2025-01-01", "--json")
    installed = json.loads(run(python.with_name("ebbtide"), *command, folder=tmp_path))
    clone = json.loads(run(sys.executable, "-m", "backtests", *command, folder=ROOT))
    assert installed["equity_sha256"] == clone["equity_sha256"]


def test_the_store_is_in_the_user_s_cache_folder(python: Path, tmp_path: Path) -> None:
    asks = "import platformdirs; print(platformdirs.user_cache_dir('ebbtide', appauthor=False))"
    status = json.loads(run(python.with_name("ebbtide"), "status", "--json", folder=tmp_path))
    assert status["store"] == run(python, "-c", asks, folder=tmp_path).strip()


def test_no_other_distribution_claims_our_names(python: Path, tmp_path: Path) -> None:
    asks = "import importlib.metadata as m, json; print(json.dumps(m.packages_distributions()))"
    owners = json.loads(run(python, "-c", asks, folder=tmp_path))
    assert {room: owners[room] for room in ROOMS} == {room: ["ebbtide"] for room in ROOMS}
    assert [name for name, distributions in owners.items() if "ebbtide" in distributions and name not in ROOMS] == []
