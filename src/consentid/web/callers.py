"""What the connection itself tells of a caller."""

import ipaddress
import time
from collections.abc import Mapping
from typing import Any, Final

from litestar.connection import ASGIConnection

_ONE_HOLDERS: Final = {4: 32, 6: 64}
_NEIGHBOURS: Final = {4: 24, 6: 48}
"""Bits of an address, by the protocol's version."""


def network_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The peer's address as far as one holder has it: of IPv6, the first 64 bits.

    Limits count by it: whoever has one address of IPv6 has 2^64.
    """
    return _within(connection, _ONE_HOLDERS)


def neighbourhood_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The peer's address as far as neighbours share it: what few come by many of."""
    return _within(connection, _NEIGHBOURS)


def _within(connection: ASGIConnection[Any, Any, Any, Any], bits: Mapping[int, int]) -> str:
    address = _address_of(connection)
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    network = ipaddress.ip_network((found.packed, bits[found.version]), strict=False)
    return str(network).removesuffix("/32")


def wall_clock_s() -> float:
    """Unix seconds, for counting windows of limits; no rule depends on it."""
    return time.time()


def _address_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The peer's address.  Behind a proxy that is trusted by configuration, the one it names."""
    return "unknown" if connection.client is None else connection.client.host
