"""Reach ``*.localhost`` names, which browsers resolve by themselves and Python does not.

For demo and development, and by explicit argument only.  Spec: RFC 6761 section 6.3.
"""

from typing import Final, final

import httpx2

_LOOPBACK: Final = "127.0.0.1"


@final
class LocalhostTransport(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Send requests for ``localhost`` and names under it to 127.0.0.1, all others as usual.

    The Host header stays as it was.  For synchronous and asynchronous clients alike.
    """

    def __init__(self) -> None:
        self._sync: httpx2.HTTPTransport | None = None
        self._async: httpx2.AsyncHTTPTransport | None = None

    def handle_request(  # pyright: ignore[reportImplicitOverride] - typing.override is 3.12
        self, request: httpx2.Request
    ) -> httpx2.Response:
        """Send one request.  Spec: httpx2's transport interface."""
        if self._sync is None:
            self._sync = httpx2.HTTPTransport()
        return self._sync.handle_request(_at_home(request))

    async def handle_async_request(  # pyright: ignore[reportImplicitOverride] - as above
        self, request: httpx2.Request
    ) -> httpx2.Response:
        """Send one request.  Spec: httpx2's transport interface."""
        if self._async is None:
            self._async = httpx2.AsyncHTTPTransport()
        return await self._async.handle_async_request(_at_home(request))

    def close(self) -> None:  # pyright: ignore[reportImplicitOverride] - as above
        """Close the connections of the transport within."""
        if self._sync is not None:
            self._sync.close()

    async def aclose(self) -> None:  # pyright: ignore[reportImplicitOverride] - as above
        """Close the connections of the transport within."""
        if self._async is not None:
            await self._async.aclose()


def _at_home(request: httpx2.Request) -> httpx2.Request:
    host = request.url.host
    if host == "localhost" or host.endswith(".localhost"):
        request.extensions = {"sni_hostname": host, **request.extensions}
        request.url = request.url.copy_with(host=_LOOPBACK)
    return request
