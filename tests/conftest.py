"""What all tests share: where the real history lies, if it is here."""

import os
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


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of the real history."""
    return SHARED
