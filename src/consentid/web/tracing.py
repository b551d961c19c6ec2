"""A span for each request, where traces are on: its route and its answer's status, and no more."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, cast, final

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from consentid.telemetry.tracing import is_tracing, request_span, tracing
from consentid.web.metrics import UNMATCHED
from consentid.web.prepared import withdraw_whole
from consentid.web.quick_verify import FORWARD_PATH, PATH
from consentid.web.strict_bodies import BATCH_PATH

_PARENTS: Final = frozenset({b"traceparent", b"tracestate"})
_QUICK: Final = frozenset({PATH, BATCH_PATH, FORWARD_PATH})
"""Answered in front of the framework, which then names no route."""
_BUG: Final = 500


@final
class Traced:
    """Middleware: the request as a span, within the trace that its caller began."""

    def __init__(self, app: ASGIApp) -> None:
        self._app: ASGIApp = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        if scope["type"] != ScopeType.HTTP or not is_tracing():
            await self._app(scope, receive, send)
            return
        parents = {
            name.decode("latin-1"): text.decode("latin-1")
            for name, text in scope["headers"]
            if name in _PARENTS
        }
        withdraw_whole(scope)  # the status is read from what is sent
        with request_span(parents) as span:

            async def note_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= _BUG:
                        span.set_attribute("error.type", str(message["status"]))
                await send(message)

            try:
                await self._app(scope, receive, note_status)
            finally:
                told = cast("dict[str, Any]", cast("object", scope))
                quick = scope["path"] if scope["path"] in _QUICK else UNMATCHED
                route = told.get("path_template", quick)
                method = scope["method"]
                span.update_name(f"{method} {route}")
                span.set_attribute("http.request.method", method)
                span.set_attribute("http.route", route)


def tracing_beside(is_on: bool) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """What runs beside the application: the sender of spans, where traces are on."""

    @asynccontextmanager
    async def beside(_: Litestar) -> AsyncGenerator[None]:
        if not is_on:
            yield
            return
        async with tracing(role="web"):
            yield

    return beside
