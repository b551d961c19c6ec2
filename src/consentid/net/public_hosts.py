"""Where a host name leads, as far as anybody may be sent there: to public addresses only.

What is resolved here is what is connected to, so that a name cannot lead elsewhere a moment later.
An IPv6 address that wraps an IPv4 address is judged by what it wraps.
"""

import asyncio
import ipaddress
import socket
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
"""Spec: RFC 6052 section 2.1."""
_MOST: Final = 4


class ForbiddenHostError(OSError):
    """The host is nowhere, or somewhere that is nobody's business."""


async def find_public_addresses(host: str, port: int) -> list[str]:
    """Where a host is, at most four addresses.

    Raises:
        ForbiddenHostError: nowhere, or one of its addresses is not public.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        msg = "the host name leads nowhere"
        raise ForbiddenHostError(msg) from error
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not addresses or not all(is_public(ipaddress.ip_address(each)) for each in addresses):
        msg = "the host is not at a public address"
        raise ForbiddenHostError(msg)
    return addresses[:_MOST]


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet's, for one receiver alone."""
    if isinstance(address, IPv6Address):
        wrapped = _wrapped(address)
        if wrapped is not None:
            return is_public(wrapped)
        if address.is_site_local or address.scope_id is not None:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour
