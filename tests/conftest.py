"""What all tests share: where the real history lies, if it is here."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ebbtide", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("ebbtide")

SHARED = Path(os.environ.get("EBBTIDE_SHARED", Path(__file__).parents[2] / "shared" / "data"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if SHARED.is_dir():
        return
    for item in items:
        if "real" in item.keywords:
            item.add_marker(pytest.mark.skip(reason=f"needs the real history; {SHARED} is not there (EBBTIDE_SHARED)"))


LEDGERS = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def _no_ledger_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What fixtures of many tests run is recorded nowhere else either."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EBBTIDE_LEDGER", str(tmp_path_factory.getbasetemp() / "ledger"))
        yield


@pytest.fixture(autouse=True)
def _own_ledger(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test counts its own trials."""
    monkeypatch.setenv("EBBTIDE_LEDGER", str(tmp_path_factory.getbasetemp() / "ledgers" / str(next(LEDGERS))))


@pytest.fixture(autouse=True)
def _no_width_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is piped is as wide as it is without a terminal, wherever the tests run."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of the real history."""
    return SHARED
