"""Addresses of clusters that somebody else started."""

import re
import socket

from data_cache.errors import BadUsage, Unreachable

# So long a cluster may take to answer.
CONNECT_SECONDS = 15


def require_answer(address: str, backend: str, example: str) -> None:
    """Raise BadUsage unless `address` has a host and a port, Unreachable unless something listens there.

    Ray itself would try for five minutes and then end the process.
    """
    parts = re.fullmatch(r"(?:[a-z]+://)?(?P<host>[^/:\s]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})", address)
    if parts is None:
        raise BadUsage(f"{address!r} is no address of a {backend} cluster; write one as in --address {example}")
    try:
        socket.create_connection((parts["host"].strip("[]"), int(parts["port"])), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise unreachable(address, backend, error) from None


def unreachable(address: str, backend: str, told: object) -> Unreachable:
    """What to say where no cluster answers."""
    said = str(told).strip().splitlines()[0].rstrip(".")
    return Unreachable(
        f"no {backend} cluster answers at {address} ({said}); start one there, or leave out --address to start one here"
    )
