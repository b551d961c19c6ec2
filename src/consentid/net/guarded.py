"""An HTTP client that fetches little, briefly, and only what it was told to."""

from collections.abc import AsyncIterator
from typing import Final, cast, final

import httpx2
from typing_extensions import override

from consentid.kit.errors import UnavailableError

MAX_BODY_BYTES: Final = 65_536
_TIMEOUT_S: Final = 5.0
_OK: Final = 200


@final
class _Bounded(httpx2.AsyncByteStream):
    """A body that breaks off where it grows too large."""

    def __init__(self, stream: httpx2.AsyncByteStream, request: httpx2.Request) -> None:
        self._stream: httpx2.AsyncByteStream = stream
        self._request: httpx2.Request = request

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                msg = f"the body has more than {MAX_BODY_BYTES} bytes"
                raise httpx2.ReadError(msg, request=self._request)
            yield chunk

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()


@final
class _Transport(httpx2.AsyncHTTPTransport):
    """Take small, plain bodies only.

    ``localhost_hosts``: reach ``*.localhost`` at 127.0.0.1, as browsers do.  Demo and dev only.
    """

    def __init__(self, *, localhost_hosts: bool) -> None:
        super().__init__()
        self._localhost_hosts: bool = localhost_hosts

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        host = request.url.host
        if self._localhost_hosts and (host == "localhost" or host.endswith(".localhost")):
            request.url = request.url.copy_with(host="127.0.0.1")
        # A small compressed body may be a large one.
        request.headers["Accept-Encoding"] = "identity"
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            msg = "the body is compressed, which nobody asked for"
            raise httpx2.DecodingError(msg, request=request)
        response.stream = _Bounded(cast("httpx2.AsyncByteStream", response.stream), request)
        return response


@final
class Lent(httpx2.AsyncBaseTransport):
    """A guarded client as the transport of another, which may close it without effect."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client: httpx2.AsyncClient = client

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await self._client.send(request, stream=True, follow_redirects=False)


def make_client(*, localhost_hosts: bool) -> httpx2.AsyncClient:
    """A client that follows no redirect and takes no proxy or credentials from the environment."""
    return httpx2.AsyncClient(
        transport=_Transport(localhost_hosts=localhost_hosts),
        timeout=_TIMEOUT_S,
        follow_redirects=False,
        trust_env=False,
        headers={"Accept": "application/json", "User-Agent": "consentid"},
    )


async def fetch_json(client: httpx2.AsyncClient, url: str) -> bytes:
    """GET a small document.

    Raises:
        UnavailableError: no answer in time, not 200, or over 64 KiB.
    """
    try:
        async with client.stream("GET", url) as response:
            if response.status_code != _OK:
                raise _unavailable(url)
            return await response.aread()
    except httpx2.HTTPError as error:
        raise _unavailable(url) from error


def _unavailable(url: str) -> UnavailableError:
    return UnavailableError(
        "upstream_unavailable", f"No usable answer came from {url}.", retry_after_s=5
    )
