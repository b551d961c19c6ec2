"""Pages, their style sheets and scripts, and what a brand asks travel compressed; no more does.

What answers a program may hold secrets beside words of the request, which the length of a
compressed answer could betray (BREACH).  A page may be compressed since no secret stands on it
twice alike: form tokens are masked afresh for each answer (``pages.forgery``), what was shown is
sealed under a fresh nonce, and cookies are in no body.  The catalogue is public, but for what seals
its showing, which is of that one answer; and every visitor's first page waits for it.

Spec: RFC 9110 sections 8.4.1.3 (gzip), 12.5.3 and 12.5.5 (Vary).
"""

import gzip
from functools import lru_cache
from http import HTTPStatus
from typing import Final, final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send

from consentid.web.sdk_files import accepts_gzip

_TYPES: Final = (b"text/html", b"text/css", b"text/javascript", b"image/svg+xml")
_PUBLIC: Final = "/v1/catalogue"
_LEAST_BYTES: Final = 1_024
_PAGE_LEVEL: Final = 6
_VARY: Final = (b"vary", b"Accept-Encoding")


@final
class Compression:
    """Compress what was sent in one piece, where the client takes it and it is worth it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app: ASGIApp = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, and squeeze the answer on the way out."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        is_wanted = accepts_gzip(
            [
                text.decode("latin-1")
                for name, text in scope["headers"]
                if name == b"accept-encoding"
            ]
        )
        held: HTTPResponseStartEvent | None = None

        async def squeeze(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start":
                is_public = scope["path"] == _PUBLIC and message["status"] == HTTPStatus.OK
                held = message if is_public or _is_squeezable(message) else None
                if held is None:
                    await send(message)
                return
            if message["type"] == "http.response.body" and held is not None:
                start, held = held, None
                start["headers"] = [*start["headers"], _VARY]
                body = message["body"]
                if is_wanted and not message["more_body"] and len(body) >= _LEAST_BYTES:
                    body = _squeezed(start, body)
                    message["body"] = body
                    start["headers"] = _headers(start, len(body))
                await send(start)
            await send(message)

        await self._app(scope, receive, squeeze)


def _is_squeezable(start: HTTPResponseStartEvent) -> bool:
    headers = {name.lower(): text for name, text in start["headers"]}
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return media_type in _TYPES and b"content-encoding" not in headers and b"vary" not in headers


def _squeezed(start: HTTPResponseStartEvent, body: bytes) -> bytes:
    is_kept = any(name.lower() == b"etag" for name, _ in start["headers"])
    # What has a validator is the same for everybody, so it is squeezed once.
    return _squeezed_once(body) if is_kept else gzip.compress(body, _PAGE_LEVEL, mtime=0)


@lru_cache(maxsize=256)
def _squeezed_once(body: bytes) -> bytes:
    return gzip.compress(body, 9, mtime=0)


def _headers(start: HTTPResponseStartEvent, length: int) -> list[tuple[bytes, bytes]]:
    """Those that were there, but for what compression changes: the length, and the validator."""
    kept: list[tuple[bytes, bytes]] = []
    for name, text in start["headers"]:
        match name.lower():
            case b"content-length":
                kept.append((name, str(length).encode()))
            case b"etag":
                kept.append((name, text if text.startswith(b"W/") else b"W/" + text))
            case _:
                kept.append((name, text))
    return [*kept, (b"content-encoding", b"gzip")]
