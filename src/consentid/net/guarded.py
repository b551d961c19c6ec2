"""An HTTP client that fetches little, briefly, and only what it was told to."""

import contextlib
import os
import ssl
from collections.abc import AsyncIterator
from functools import cache
from typing import Final, cast, final

import httpx2
from typing_extensions import override

from consentid.kit.errors import UnavailableError
from consentid.net.public_hosts import ForbiddenHostError, find_public_addresses

MAX_BODY_BYTES: Final = 65_536
_TIMEOUT_S: Final = 5.0
_OK: Final = 200
_HTTPS: Final = 443
_LOOPBACK: Final = "127.0.0.1"
_AUTHORITIES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_THIS_MACHINE: Final = frozenset({_LOOPBACK, "::1"})


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

    def __init__(self, *, localhost_hosts: bool, limits: httpx2.Limits | None = None) -> None:
        super().__init__(
            verify=_trusted(*map(os.environ.get, _AUTHORITIES)),
            limits=limits or httpx2.Limits(max_connections=100),
        )
        self._localhost_hosts: bool = localhost_hosts

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._localhost_hosts and _is_localhost(request.url.host):
            request.url = request.url.copy_with(host=_LOOPBACK)
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
class _PublicTransport(httpx2.AsyncBaseTransport):
    """Go to public addresses over TLS only, and there to the very one that was judged.

    No connection is kept: two hosts at one address would else share one that was proven to be
    the first one's.  ``kept``: so many are, by a client that goes to one host alone.
    ``localhost_hosts``: this machine may be reached too, as it is by browsers.
    """

    def __init__(self, *, localhost_hosts: bool, kept: int = 0) -> None:
        self._localhost_hosts: bool = localhost_hosts
        self._beneath: _Transport = _Transport(
            localhost_hosts=localhost_hosts, limits=httpx2.Limits(max_keepalive_connections=kept)
        )

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        if self._localhost_hosts and (_is_localhost(url.host) or url.host in _THIS_MACHINE):
            return await self._beneath.handle_async_request(request)
        if url.scheme != "https":
            msg = "the address is not https"
            raise httpx2.ConnectError(msg, request=request)
        try:
            addresses = await find_public_addresses(url.host, url.port or _HTTPS)
        except ForbiddenHostError as error:
            raise httpx2.ConnectError(str(error), request=request) from error
        request.extensions = {**request.extensions, "sni_hostname": url.raw_host.decode()}
        for address in addresses[:-1]:
            request.url = url.copy_with(host=address)
            with contextlib.suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
                return await self._beneath.handle_async_request(request)
        request.url = url.copy_with(host=addresses[-1])
        return await self._beneath.handle_async_request(request)

    @override
    async def aclose(self) -> None:
        await self._beneath.aclose()


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
    return _client(_Transport(localhost_hosts=localhost_hosts))


def make_public_client(*, localhost_hosts: bool) -> httpx2.AsyncClient:
    """The same for addresses that others chose: it reaches nothing but the public internet."""
    return _client(_PublicTransport(localhost_hosts=localhost_hosts))


def make_endpoint_transport(*, localhost_hosts: bool, kept: int) -> httpx2.AsyncBaseTransport:
    """The way to one host of the public internet, to which some connections are kept open."""
    return _PublicTransport(localhost_hosts=localhost_hosts, kept=kept)


@cache
def _trusted(*_named_by: str | None) -> ssl.SSLContext:
    """Whom we trust to say who a host is: read once, in some fifty milliseconds."""
    return httpx2.create_ssl_context()


def _client(transport: httpx2.AsyncBaseTransport) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=transport,
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


def _is_localhost(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")


def _unavailable(url: str) -> UnavailableError:
    return UnavailableError(
        "upstream_unavailable", f"No usable answer came from {url}.", retry_after_s=5
    )
