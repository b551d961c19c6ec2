"""How many requests are worked on at once: more are refused at once, rather than all be late.

Counted are requests, not connections: ten thousand televisions may keep theirs open.  What is
answered in front of this from memory is not counted.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final, final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from consentid.web.headers import ALWAYS
from consentid.web.problems import problem
from consentid.web.refusals import refusal_of

_RETRY_AFTER_S: Final = 1
_SHORT_BYTES: Final = 16_384
"""Read and thrown away by the server."""


@final
class Crowding:
    """Middleware: hand on ``most`` requests at a time."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app: ASGIApp = app
        self._most: Final = most
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or refuse it."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        if self._under_way >= self._most:
            await _refuse(scope["path"], send, is_short=_is_short(scope["headers"]))
            return
        self._under_way += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way -= 1


def _is_short(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether what comes after the head is little: connecting anew costs more than letting it pass.

    Thousands who are refused would else all come back over new connections.
    """
    fields = dict(headers)
    length = fields.get(b"content-length", b"0")
    is_told = length.isdigit() and b"transfer-encoding" not in fields
    return is_told and int(length) <= _SHORT_BYTES


async def _refuse(path: str, send: Send, *, is_short: bool) -> None:
    refusal = refusal_of(
        path,
        problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "too_busy",
            "Too many requests are under way here.",
            retry_after_s=_RETRY_AFTER_S,
        ),
    )
    headers = [
        (b"content-type", refusal.media_type.encode()),
        (b"content-length", str(len(refusal.body)).encode()),
        *(() if is_short else ((b"connection", b"close"),)),
        *((name.lower().encode(), text.encode()) for name, text in refusal.headers.items()),
        *ALWAYS,
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.body, "more_body": False})
