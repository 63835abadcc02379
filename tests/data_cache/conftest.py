"""What tests of providers share: a store of their own, servers that end with the test, and waits that nobody waits."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from data_cache.store import Store
from tests.standins.server import Reply, Request, StandIn


@pytest.fixture
def here(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "store")


@pytest.fixture
def waits() -> list[float]:
    """Where a Patience can note its waits instead of sleeping."""
    return []


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Request], Reply]], StandIn]]:
    """Start a server that answers so."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(StandIn(answer))
