"""How many requests are worked on at once: more are refused at once, rather than all be late.

Counted are requests, not connections: ten thousand televisions may keep theirs open.  What is
answered in front of this from memory is not counted.
"""

from http import HTTPStatus
from typing import Final, final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from consentid.web.headers import ALWAYS
from consentid.web.problems import problem
from consentid.web.refusals import refusal_of

_RETRY_AFTER_S: Final = 1


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
            await _refuse(scope["path"], send)
            return
        self._under_way += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way -= 1


async def _refuse(path: str, send: Send) -> None:
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
        (b"connection", b"close"),  # its body was not read
        *((name.lower().encode(), text.encode()) for name, text in refusal.headers.items()),
        *ALWAYS,
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.body, "more_body": False})
