"""HTTP over kept connections, as many as are needed at once, to any of several nodes."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast, final
from urllib.parse import urlencode

import httptools
import msgspec
from typing_extensions import override

PATIENCE_S: Final = 60.0
FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"


@dataclass(slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict[str, str])
    cookies: list[str] = field(default_factory=list[str])
    body: bytes = b""

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@final
class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.parser = httptools.HttpResponseParser(self)
        self.answer = Answer()
        self.pieces: list[bytes] = []
        self.done: asyncio.Future[Answer] | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass

    @override
    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ConnectionError(str(error)))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._fail(exc or ConnectionResetError("hung up"))

    def _fail(self, error: Exception) -> None:
        if self.done is not None and not self.done.done():
            self.done.set_exception(error)

    def on_header(self, name: bytes, value: bytes) -> None:
        told = name.decode().lower()
        if told == "set-cookie":
            self.answer.cookies.append(value.decode())
        else:
            self.answer.headers[told] = value.decode()

    def on_body(self, body: bytes) -> None:
        self.pieces.append(body)

    def on_message_complete(self) -> None:
        self.answer.status = self.parser.get_status_code()
        self.answer.body = b"".join(self.pieces)
        if self.done is not None and not self.done.done():
            self.done.set_result(self.answer)

    async def ask(self, request: bytes) -> Answer:
        assert self.transport is not None
        self.parser = httptools.HttpResponseParser(self)
        self.answer, self.pieces = Answer(), []
        self.done = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        async with asyncio.timeout(PATIENCE_S):
            return await self.done


@final
class Wires:
    """Connections to every node; whoever asks gets one that is free, or a new one."""

    def __init__(self, ports: Mapping[int, int]) -> None:
        """``ports``: of each node."""
        self._ports = ports
        self._free: defaultdict[int, deque[_Connection]] = defaultdict(deque)
        self.opened = 0

    async def ask(self, node: int, request: bytes) -> Answer:
        """Send one request.

        Raises:
            OSError, TimeoutError: no answer came.
        """
        connection = self._find_free(node)
        if connection is None:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(
                _Connection, "127.0.0.1", self._ports[node]
            )
            self.opened += 1
        answer = await connection.ask(request)
        if answer.headers.get("connection") != "close":
            self._free[node].append(connection)
        return answer

    def _find_free(self, node: int) -> _Connection | None:
        while self._free[node]:
            connection = self._free[node].pop()
            if connection.transport is not None and not connection.transport.is_closing():
                return connection
        return None

    def close(self) -> None:
        for connections in self._free.values():
            for each in connections:
                if each.transport is not None:
                    each.transport.close()


def encode(
    method: str,
    path: str,
    headers: Mapping[str, str],
    *,
    json: Any = None,
    form: Mapping[str, str] | None = None,
) -> bytes:
    """A request as it goes over the wire."""
    told, body = {"Host": "127.0.0.1", **headers}, b""
    if form is not None:
        told["Content-Type"], body = FORM, urlencode(form).encode()
    elif json is not None:
        told["Content-Type"], body = JSON, msgspec.json.encode(json)
    if method != "GET":
        told["Content-Length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {text}" for name, text in told.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def now_s() -> float:
    return time.perf_counter()
