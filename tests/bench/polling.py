"""``python -m tests.bench.polling``: televisions that wait for somebody to type their code.

Each has a connection of its own, kept open, and polls every five seconds, from one answer to the
next question.  One in a hundred hurries once: it has to be told to slow down, and to be heard again
after it waited for that much longer; nobody else is told so.  The first codes are put into the
database, their ends spread over the ten minutes that a code lives; whose code has expired asks for
another.  One web process on loopback; clients, hub and PostgreSQL share the machine.  Nothing is
asserted about time.
"""

import argparse
import asyncio
import hashlib
import json
import os
import platform
import random
import secrets
import shutil
import sys
import time
from array import array
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast, final
from urllib.parse import urlsplit

import msgspec
import uvloop
from tests.bench.serving import migrated
from tests.web.hub import Hub, form_of, running_hub, running_portal
from typing_extensions import override

from consentid.embedded.places import scratch_folder
from consentid.embedded.postgres import EmbeddedPostgres
from consentid.embedded.valkey import EmbeddedValkey

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_INTERVAL_S = 5.0
_SLOWER_S = 5.0
_HASTY_S = 1.0
_ONE_IN = 100
_LATE_S = 0.2
"""Each has a timer of its own, so a stall of the machine does not set them all to one beat."""
_LIFETIME_S = 600
_SETTLING_S = 12.0
_SETTINGS = {
    "CONSENTID_LOG_LEVEL": "warning",
    "CONSENTID_TRUSTED_PROXIES": "127.0.0.1",  # else all ask for codes from one address
}


@dataclass(slots=True)
class Heard:
    """What all televisions heard while it was measured."""

    latencies_s: "array[float]" = field(default_factory=lambda: array("d"))
    words: Counter[str] = field(default_factory=Counter[str])
    statuses: Counter[int] = field(default_factory=Counter[int])
    reconnected: int = 0
    hurried: int = 0
    hurried_and_told: int = 0
    patient_but_told: int = 0
    renewals: Counter[int] = field(default_factory=Counter[int])
    is_measuring: bool = False


@final
class Wire(asyncio.Protocol):
    """A connection that is kept open, one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.received = b""
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass

    @override
    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end or self.answer is None or self.answer.done():
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self.received = b""
            self.answer.set_result((int(head[9:12]), body))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(exc or ConnectionResetError())

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        assert self.transport is not None
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.answer


@final
class Television:
    """One client."""

    def __init__(self, number: int, port: int, heard: Heard) -> None:
        self.number = number
        self.port = port
        self.heard = heard
        self.wire = Wire()
        self.poll_request = b""

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request, over a new connection where the old one was closed meanwhile."""
        for _ in range(3):
            if self.wire.transport is None:
                loop = asyncio.get_running_loop()
                _, self.wire = await loop.create_connection(Wire, "127.0.0.1", self.port)
                self.heard.reconnected += self.heard.is_measuring
            try:
                return await self.wire.ask(request)
            except ConnectionError:
                continue
        message = "the hub hung up three times"
        raise ConnectionError(message)

    async def renew(self) -> None:
        """Ask for a code, until there is one."""
        request = self._post("/device_authorization", ("client_id", "play-tv"))
        while True:
            status, body = await self.ask(request)
            self.heard.renewals[status] += self.heard.is_measuring
            if status == HTTPStatus.OK:
                self.hold(msgspec.json.decode(body)["device_code"])
                return
            await _pause(_INTERVAL_S)

    def hold(self, code: str) -> None:
        """Poll for a code from now on."""
        self.poll_request = self._post(
            "/token", ("grant_type", _GRANT), ("device_code", code), ("client_id", "play-tv")
        )

    async def poll(self) -> str:
        """Poll once; the word that came back."""
        heard, begun_s = self.heard, time.perf_counter()
        status, body = await self.ask(self.poll_request)
        word = msgspec.json.decode(body).get("error", "tokens")
        if heard.is_measuring:
            heard.latencies_s.append(time.perf_counter() - begun_s)
            heard.statuses[status] += 1
            heard.words[word] += 1
        return word

    async def watch(self) -> None:
        """Poll until cancelled, and hurry once where it is one of those who do."""
        interval_s, hurries = _INTERVAL_S, self.number % _ONE_IN == 0
        while True:
            word = await self.poll()
            if word == "slow_down":
                interval_s += _SLOWER_S
                self.heard.patient_but_told += 1
            elif word != "authorization_pending":
                await self.renew()
            elif hurries and self.heard.is_measuring:
                hurries = False
                await _pause(_HASTY_S)
                self.heard.hurried += 1
                if await self.poll() == "slow_down":
                    self.heard.hurried_and_told += 1
                    interval_s += _SLOWER_S
            await _pause(interval_s + random.uniform(0, _LATE_S))  # noqa: S311 no secret

    def _post(self, path: str, *pairs: tuple[str, str]) -> bytes:
        body = form_of(*pairs)
        address = f"10.{self.number >> 16}.{self.number >> 8 & 255}.{self.number & 255}"
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: {address}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        )
        return f"{head}\r\n".encode() + body


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.polling", description=__doc__)
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.add_argument("--televisions", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60.0, help="once all are switched on")
    given = parser.parse_args()
    with _running() as hub:
        codes = _put_codes(hub, int(given.televisions))
        told = uvloop.run(_measure(hub, codes, float(given.seconds)))
    told["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, {platform.python_version()}"
    lines = [f"{name.replace('_', ' '):32}{text}" for name, text in told.items()]
    print(json.dumps(told) if given.json else "\n".join(lines))  # noqa: T201 a command speaks by printing
    return 0


def _put_codes(hub: Hub, count: int) -> list[str]:
    """Codes that wait, as if they had been asked for over the last ten minutes."""
    codes = [secrets.token_urlsafe(32) for _ in range(count)]
    rows = ",".join(
        f"('\\x{hashlib.sha256(code.encode()).hexdigest()}', '\\x{secrets.token_hex(32)}', "
        f"now() + interval '{secrets.randbelow(_LIFETIME_S) + 1} s')"
        for code in codes
    )
    hub.rows(
        "INSERT INTO device_codes (device_code_hash, user_code_hash, client_id, scopes, status,"
        " interval_s, created_at, expires_at) SELECT hash::bytea, other::bytea, 'play-tv',"
        f" '{{verify}}', 'pending', 5, now(), ends FROM (VALUES {rows}) AS told (hash, other, ends)"
    )
    return codes


async def _measure(hub: Hub, codes: list[str], seconds: float) -> dict[str, Any]:
    port = urlsplit(hub.url).port
    assert port is not None
    heard = Heard()

    async def live(number: int, code: str) -> None:
        television = Television(number, port, heard)
        television.hold(code)
        await asyncio.sleep(2 * _INTERVAL_S * number / len(codes))
        await television.watch()

    watching = [asyncio.create_task(live(*each)) for each in enumerate(codes)]
    await asyncio.sleep(_SETTLING_S)  # each has polled once, over the connection that it keeps
    heard.is_measuring = True
    spent_s, busy_s, load = _cpu_s(hub.pid), time.process_time(), os.getloadavg()[0]
    hub_waited_s, own_waited_s = _waited_s(hub.pid), _waited_s(os.getpid())
    done, _ = await asyncio.wait(watching, timeout=seconds, return_when="FIRST_EXCEPTION")
    heard.is_measuring = False
    spent_s, busy_s = _cpu_s(hub.pid) - spent_s, time.process_time() - busy_s
    hub_waited_s = _waited_s(hub.pid) - hub_waited_s
    own_waited_s = _waited_s(os.getpid()) - own_waited_s
    for task in watching:
        task.cancel()
    for task in done:
        task.result()
    return {
        "televisions": len(codes),
        "seconds": seconds,
        "polls": len(heard.latencies_s),
        "polls_a_second": round(len(heard.latencies_s) / seconds, 1),
        **_percentiles(heard.latencies_s),
        "statuses": {str(status): count for status, count in sorted(heard.statuses.items())},
        "5xx": sum(
            count
            for status, count in (heard.statuses + heard.renewals).items()
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR
        ),
        "words": dict(heard.words),
        "hurried_and_told_to_slow_down": f"{heard.hurried_and_told} of {heard.hurried}",
        "patient_but_told_to_slow_down": heard.patient_but_told,
        "codes_asked_for": {str(status): count for status, count in heard.renewals.items()},
        "connections_opened_anew": heard.reconnected,
        "hub_peak_MB": round(_peak_kb(hub.pid) / 1_000),
        "hub_share_of_a_core": f"{spent_s / seconds:.0%}",
        "clients_share_of_a_core": f"{busy_s / seconds:.0%}",
        "hub_was_ready_but_had_no_core": f"{hub_waited_s / seconds:.0%} of the time",
        "clients_were_ready_but_had_no_core": f"{own_waited_s / seconds:.0%} of the time",
        "load_average_before_and_after": [round(load, 1), round(os.getloadavg()[0], 1)],
    }


async def _pause(seconds: float) -> None:
    """Sleep for so long and no shorter: a busy loop counts from when its round began."""
    until_s = time.perf_counter() + seconds
    while (left_s := until_s - time.perf_counter()) > 0:  # noqa: ASYNC110 time itself is waited for
        await asyncio.sleep(left_s)


def _percentiles(latencies_s: "array[float]") -> dict[str, float]:
    ordered = sorted(latencies_s)
    places = {"p50_ms": 0.5, "p99_ms": 0.99, "p99.9_ms": 0.999, "most_ms": 1.0}
    return {
        name: round(1_000 * ordered[min(len(ordered) - 1, int(len(ordered) * place))], 1)
        for name, place in places.items()
    }


def _cpu_s(pid: int) -> float:
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def _waited_s(pid: int) -> float:
    """How long a process has waited for a core so far: what others on the machine took from it."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def _peak_kb(pid: int) -> int:
    told = Path(f"/proc/{pid}/status").read_text()
    return int(told.partition("VmHWM:")[2].split()[0])


@contextmanager
def _running() -> Generator[Hub]:
    folder = scratch_folder()
    try:
        with (
            EmbeddedPostgres(folder / "postgres") as postgres,
            EmbeddedValkey(folder / "valkey") as valkey,
            running_portal() as portal,
            running_hub(
                folder,
                asyncio.run(migrated(postgres)),
                portal,
                valkey_url=valkey.url,
                settings=_SETTINGS,
            ) as hub,
        ):
            yield hub
            print(hub.log.read_text(), file=sys.stderr, end="")  # noqa: T201 warnings, if there were any
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
