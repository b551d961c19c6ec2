"""Connections that always have one request under way, and count what comes back."""

import asyncio
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast, final

import httptools
from typing_extensions import override

NextRequest = Callable[[int], bytes | None]
"""What a connection of a number sends next; None where there is nothing left to send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is asked, and what the answer has to be."""

    name: str
    port: int
    pid: int
    """The web process that answers."""
    status: int
    next_request: NextRequest
    heard: Callable[[dict[bytes, bytes]], None] | None = None
    """Told the header fields of each right answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came of it."""

    per_second: float
    client_busy: float
    """The client's share of one core: near 1, the client is what was measured."""
    cpu_ms: float | None
    """What an answer cost the web process; None where no /proc tells."""
    p99_ms: float
    """How long the slowest of a hundred took."""


@dataclass(slots=True)
class _Window:
    begins: float
    ends: float
    answers: int = 0
    first: float = 0.0
    last: float = 0.0
    took_s: list[float] = field(default_factory=list[float])


@final
class _Connection(asyncio.Protocol):
    def __init__(self, number: int, load: Load, window: _Window) -> None:
        self.number = number
        self.load = load
        self.window = window
        self.parser = httptools.HttpResponseParser(self)
        self.headers: dict[bytes, bytes] = {}
        self.body: list[bytes] = []
        self.transport: asyncio.Transport | None = None
        self.sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass
        self.send()

    @override
    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except Exception as error:  # noqa: BLE001  whatever it is, the run has to end with it
            if not self.done.done():
                self.done.set_exception(error)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError(f"{self.load.name}: hung up"))

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        status = self.parser.get_status_code()
        if status != self.load.status:
            message = f"{self.load.name}: {status} {b''.join(self.body)[:500]!r}"
            raise AssertionError(message)
        if self.load.heard is not None:
            self.load.heard(self.headers)
        now = time.perf_counter()
        if self.window.begins <= now <= self.window.ends:
            self.window.answers += 1
            self.window.last = now
            self.window.took_s.append(now - self.sent_at)
        self.headers, self.body = {}, []
        # The parser is within its own callback: what comes next has another one.
        self.parser = httptools.HttpResponseParser(self)
        self.send()

    def send(self) -> None:
        request = (
            None if time.perf_counter() > self.window.ends else self.load.next_request(self.number)
        )
        assert self.transport is not None
        if request is None:
            if not self.done.done():
                self.done.set_result(None)
            self.transport.close()
        else:
            self.sent_at = time.perf_counter()
            self.transport.write(request)


async def measure(load: Load, *, connections: int, seconds: float, warm_up: float) -> Measured:
    """Keep every connection busy, and count the answers once all is warm."""
    loop = asyncio.get_running_loop()
    begins = time.perf_counter() + warm_up
    window = _Window(begins=begins, ends=begins + seconds)
    opened = [
        (
            await loop.create_connection(
                lambda number=number: _Connection(number, load, window), "127.0.0.1", load.port
            )
        )[1]
        for number in range(connections)
    ]
    await asyncio.sleep(max(0.0, begins - time.perf_counter()))
    busy, spent = time.process_time(), _cpu_s(load.pid)
    await asyncio.gather(*(connection.done for connection in opened))
    busy, now_spent = time.process_time() - busy, _cpu_s(load.pid)
    # Where there was nothing left to send, the window ended with the last answer.
    is_whole = window.last > window.ends - 0.1 * seconds
    taken = seconds if is_whole else max(window.last - window.begins, 1e-9)
    return Measured(
        per_second=window.answers / taken,
        client_busy=busy / taken,
        cpu_ms=None
        if spent is None or now_spent is None or not window.answers
        else 1_000 * (now_spent - spent) / window.answers,
        p99_ms=_p99_ms(window.took_s),
    )


def _p99_ms(took_s: list[float]) -> float:
    return 1_000 * sorted(took_s)[len(took_s) * 99 // 100] if took_s else math.nan


def _cpu_s(pid: int) -> float | None:
    """Processor time of a process so far."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")
