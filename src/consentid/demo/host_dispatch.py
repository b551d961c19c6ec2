"""One port, several hosts: each request goes to the application of the host that it names.

The demo's hosts share one process and one socket, so that one SIGKILL takes all of them.  Here,
and only here, ``Host`` decides something: on loopback, among names that this file was given.
Spec: RFC 9110 section 7.2, ASGI 3.0 (lifespan included).
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, TypeAlias, final

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

_MISDIRECTED: Final = 421
_POLICY_VIOLATION: Final = 1008


@final
class HostDispatch:
    """An ASGI application made of one application per host name."""

    def __init__(self, apps: Mapping[str, Application]) -> None:
        """``apps`` are by host name, without port."""
        self._apps: dict[str, Application] = dict(apps)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one connection, or live one lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        app = self._apps.get(_host_of(scope))
        if app is None:
            await _refuse(scope, send, sorted(self._apps))
            return
        await app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with AsyncExitStack() as started:
            try:
                for app in self._apps.values():
                    await started.enter_async_context(_lifespan_of(app))
            except RuntimeError as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


@asynccontextmanager
async def _lifespan_of(app: Application) -> AsyncGenerator[None]:
    """Start one application, and stop it at the end.

    Raises:
        RuntimeError: it does not start.
    """
    said: asyncio.Queue[Message] = asyncio.Queue()
    asked: asyncio.Queue[Message] = asyncio.Queue()
    scope = {
        "type": "lifespan",
        "asgi": {"version": "3.0", "spec_version": "2.0"},
        "state": dict[str, Any](),
    }
    living = asyncio.ensure_future(app(scope, asked.get, said.put))
    await asked.put({"type": "lifespan.startup"})
    answer = await said.get()
    if answer["type"] != "lifespan.startup.complete":
        await living
        raise RuntimeError(str(answer.get("message", "did not start")))
    try:
        yield
    finally:
        await asked.put({"type": "lifespan.shutdown"})
        await said.get()
        await living


def _host_of(scope: Message) -> str:
    for name, value in scope.get("headers", []):
        if name == b"host":
            return value.decode("latin-1").partition(":")[0].lower()
    return ""


async def _refuse(scope: Message, send: Send, known: list[str]) -> None:
    """Spec: RFC 9110 section 15.5.20."""
    if scope["type"] != "http":
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        return
    body = f"The demo's hosts are {', '.join(known)}.\n".encode()
    await send(
        {
            "type": "http.response.start",
            "status": _MISDIRECTED,
            "headers": [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", str(len(body)).encode()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})
