"""What the connection itself tells of a caller."""

import ipaddress
import time
from typing import Any

from litestar.connection import ASGIConnection


def network_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The peer's address as far as one holder has it: of IPv6, the first 64 bits.

    Limits count by it: whoever has one address of IPv6 has 2^64.
    """
    address = _address_of(connection)
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:  # noqa: PLR2004 the protocol's own number
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found.packed[:8] + bytes(8), 64)))


def wall_clock_s() -> float:
    """Unix seconds, for counting windows of limits; no rule depends on it."""
    return time.time()


def _address_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The peer's address.  Behind a proxy that is trusted by configuration, the one it names."""
    return "unknown" if connection.client is None else connection.client.host
