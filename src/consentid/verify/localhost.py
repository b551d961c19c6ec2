"""Reach ``*.localhost`` names, which browsers resolve by themselves and Python does not.

For demo and development, and by explicit argument only.  Spec: RFC 6761 section 6.3.
"""

from typing import Final

import httpx2

_LOOPBACK: Final = "127.0.0.1"


class LocalhostTransport(httpx2.BaseTransport):
    """Send requests for ``localhost`` and names under it to 127.0.0.1, all others as usual.

    The Host header stays as it was.
    """

    def __init__(self, inner: httpx2.BaseTransport | None = None) -> None:
        self._inner: Final = httpx2.HTTPTransport() if inner is None else inner

    def handle_request(  # pyright: ignore[reportImplicitOverride] - typing.override is 3.12
        self, request: httpx2.Request
    ) -> httpx2.Response:
        """Send one request.  Spec: httpx2's transport interface."""
        host = request.url.host
        if host == "localhost" or host.endswith(".localhost"):
            request.extensions = {"sni_hostname": host, **request.extensions}
            request.url = request.url.copy_with(host=_LOOPBACK)
        return self._inner.handle_request(request)

    def close(self) -> None:  # pyright: ignore[reportImplicitOverride] - typing.override is 3.12
        """Close the connections of the transport within."""
        self._inner.close()
