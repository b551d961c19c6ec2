"""Webhook endpoints of all sorts, over real HTTP: what they answer goes by the path."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
_ANSWERS = {
    "fail": b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n",
    "gone": b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
    "busy": b"HTTP/1.1 429 Busy\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n",
    "away": b"HTTP/1.1 302 Away\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "large": b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n" + bytes(1_000_000),
    "early": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What came in."""

    path: str
    headers: dict[str, str]
    body: bytes
    at_s: float
    """``time.perf_counter()``"""


@dataclass(slots=True)
class Endpoints:
    """The server, and what came in so far."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    """Paths that answer 500 for now."""
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def at(self, path: str) -> list[Call]:
        return [each for each in self.calls if each.path == f"/{path}"]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().strip().split("\r\n")
                headers = {
                    name.lower(): value
                    for name, _, value in (each.partition(": ") for each in lines)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                path = first.split(" ")[1]
                self.calls.append(
                    Call(path=path, headers=headers, body=body, at_s=time.perf_counter())
                )
                self.came.set()
                kind = path.removeprefix("/")
                if kind == "hang":
                    await reader.read()
                    return
                if kind == "cut":
                    return
                answer = _ANSWERS["fail"] if kind in self.failing else _ANSWERS.get(kind)
                writer.write(answer or _NO_CONTENT)
                await writer.drain()
                if kind in {"large", "early"}:
                    return


@asynccontextmanager
async def serving_endpoints() -> AsyncGenerator[Endpoints]:
    """Endpoints at a free port of this machine."""
    endpoints, tasks = Endpoints(), set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(asyncio.CancelledError):  # the end of the test
            await endpoints.serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**20)
    endpoints.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield endpoints
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
