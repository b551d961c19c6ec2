"""An HTTP client that fetches little, briefly, and only what it was told to."""

from typing import Final

import httpx2
from typing_extensions import override

from consentid.kit.errors import UnavailableError

MAX_BODY_BYTES: Final = 65_536
_TIMEOUT_S: Final = 5.0
_OK: Final = 200


class _LocalhostTransport(httpx2.AsyncHTTPTransport):
    """Reach ``*.localhost`` at 127.0.0.1, as browsers do.  For demo and dev only."""

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host == "localhost" or request.url.host.endswith(".localhost"):
            request.url = request.url.copy_with(host="127.0.0.1")
        return await super().handle_async_request(request)


def make_client(*, localhost_hosts: bool) -> httpx2.AsyncClient:
    """A client that follows no redirect and takes no proxy or credentials from the environment."""
    return httpx2.AsyncClient(
        transport=_LocalhostTransport() if localhost_hosts else httpx2.AsyncHTTPTransport(),
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
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise _unavailable(url)
            return bytes(body)
    except httpx2.HTTPError as error:
        raise _unavailable(url) from error


def _unavailable(url: str) -> UnavailableError:
    return UnavailableError(
        "upstream_unavailable", f"No usable answer came from {url}.", retry_after_s=5
    )
