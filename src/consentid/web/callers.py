"""What the connection itself tells of a caller."""

import time
from typing import Any

from litestar.connection import ASGIConnection


def address_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The peer's address.  Behind a proxy that is trusted by configuration, the one it names."""
    return "unknown" if connection.client is None else connection.client.host


def wall_clock_s() -> float:
    """Unix seconds, for counting windows of limits; no rule depends on it."""
    return time.time()
