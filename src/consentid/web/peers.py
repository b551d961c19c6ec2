"""Who is at the other end of the connection, and whom a trusted proxy says it speaks for.

``X-Forwarded-*`` is believed of trusted proxies only, and only then does ``client`` name another
than the peer.  Some addresses are for the peer itself, so it is noted before.
"""

import ipaddress
from collections.abc import Sequence
from typing import Any, Final, cast, final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

_PEER: Final = "consentid.peer"


@final
class Peers:
    """Middleware: note the peer, then let ``client`` be whom a trusted proxy names.

    In front of it ``client`` is the peer.
    """

    def __init__(self, app: ASGIApp, trusted_proxies: Sequence[str]) -> None:
        self._app: ASGIApp = app
        if trusted_proxies:
            believing: Any = ProxyHeadersMiddleware(cast("Any", app), list(trusted_proxies))
            self._app = believing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        if scope["type"] == ScopeType.HTTP:
            cast("dict[str, Any]", cast("object", scope))[_PEER] = scope["client"]
        await self._app(scope, receive, send)


def peer_is_in(scope: Scope, networks: Sequence[str]) -> bool:
    """Whether the peer's address lies in one of some networks."""
    peer = cast("dict[str, Any]", cast("object", scope)).get(_PEER, scope["client"])
    if peer is None:
        return False
    try:
        address = ipaddress.ip_address(peer[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in ipaddress.ip_network(network) for network in networks)
