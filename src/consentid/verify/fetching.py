"""Fetch one public document: bounded in bytes and time, no redirects, no compression.

Spec: RFC 9110 section 13.1.2 (If-None-Match), RFC 9111 section 5.2.1.4 (no-cache).
"""

import asyncio
from typing import Final

import httpx2
import msgspec

from consentid.kit.errors import UnavailableError

_OK: Final = 200
_NOT_MODIFIED: Final = 304
_RETRY_S: Final = 5


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """A document; ``body`` is None where it has not changed since ``etag``."""

    body: bytes | None
    etag: str | None


async def fetch(
    client: httpx2.AsyncClient,
    url: str,
    *,
    etag: str | None,
    max_bytes: int,
    timeout_s: float,
    is_asked_itself: bool = False,
) -> Fetched:
    """Fetch a document, reading no more than ``max_bytes`` and taking no longer than ``timeout_s``.

    The time is for all of it: a server that sends a byte now and then gains nothing.
    ``is_asked_itself``: caches on the way are to ask the server.

    Raises:
        UnavailableError: unreachable, too slow, too large, or answered with anything but the
            document.
    """
    headers = {"Accept-Encoding": "identity"}
    if is_asked_itself:
        headers["Cache-Control"] = "no-cache"
    if etag is not None:
        headers["If-None-Match"] = etag
    try:
        async with (
            asyncio.timeout(timeout_s),
            client.stream("GET", url, headers=headers, timeout=timeout_s) as response,
        ):
            if response.status_code == _NOT_MODIFIED and etag is not None:
                return Fetched(body=None, etag=etag)
            _check_head(response, max_bytes)
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > max_bytes:
                    raise _unavailable(f"more than {max_bytes} bytes")
            return Fetched(body=bytes(body), etag=response.headers.get("ETag"))
    except TimeoutError as error:
        raise _unavailable(f"not complete after {timeout_s} s") from error
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        raise _unavailable(f"not reachable ({type(error).__name__})") from error


def _check_head(response: httpx2.Response, max_bytes: int) -> None:
    if response.status_code != _OK:
        raise _unavailable(f"answered with status {response.status_code}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise _unavailable("compressed, which nobody asked for")
    length = response.headers.get("Content-Length", "0")
    if not length.isdecimal() or int(length) > max_bytes:
        raise _unavailable(f"announced with more than {max_bytes} bytes")


def _unavailable(what: str) -> UnavailableError:
    return UnavailableError("document_unavailable", what, retry_after_s=_RETRY_S)
