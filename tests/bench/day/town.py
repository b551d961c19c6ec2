"""What is measured: PostgreSQL, Valkey, two web processes and a worker, processes of their own."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Final

from joserfc.jwk import RSAKey
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from tests.bench.day.proportions import BRANDS
from tests.bench.serving import migrated
from tests.faults.deployment import environ
from tests.faults.kinds import children_of
from tests.flows.readers import consumer
from tests.web.hub import REPOSITORY, furnish, halcyon, process_of, running_portal

from consentid.core.party import Party, PartyKind, Slug
from consentid.embedded.places import scratch_folder
from consentid.embedded.postgres import EmbeddedPostgres
from consentid.embedded.valkey import EmbeddedValkey
from consentid.flows.register_client import add_client
from consentid.keyring.generating import generate
from consentid.kit.instants import from_seconds
from consentid.store.engine import Database

NODES: Final = 2
READERS: Final[Mapping[str, str]] = {brand: f"{brand}-crm" for brand in BRANDS}
"""The client of each brand that reads the event feed."""
_SETTINGS: Final = {
    "CONSENTID_TRUSTED_PROXIES": "127.0.0.1",  # else all come from one address, and are limited
    "CONSENTID_CAPTURES_PARTY_MOST": "1000000",
}
_LOOK_S: Final = 5.0
_READY: Final = b"GET /health/ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """All of it, running."""

    ports: Mapping[int, int]
    """Of each web process."""
    origin: str
    secrets: Mapping[str, str]
    portal: tuple[str, RSAKey]
    owner: AsyncEngine
    processes: "Mapping[str, subprocess.Popen[bytes]]"
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey

    def postgres_pids(self) -> list[int]:
        return [self.postgres.pid, *children_of(self.postgres.pid)]

    def valkey_pids(self) -> list[int]:
        return [process_of(self.valkey.url)]

    def has_ended(self) -> list[str]:
        """Who does not run any more."""
        return [name for name, each in self.processes.items() if each.poll() is not None]


@contextlib.asynccontextmanager
async def running(postgres_settings: Mapping[str, str]) -> AsyncGenerator[Town]:
    """Everything started and furnished with the Halcyon group; ended in the end."""
    folder = scratch_folder()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        settings = dict(postgres_settings)
        postgres = EmbeddedPostgres(folder / "postgres", settings=settings, is_thrown_away=True)
        await asyncio.to_thread(postgres.start)
        stack.push_async_callback(asyncio.to_thread, postgres.stop)
        valkey = EmbeddedValkey(folder / "valkey")
        await asyncio.to_thread(valkey.start)
        stack.push_async_callback(asyncio.to_thread, valkey.stop)
        portal = stack.enter_context(running_portal())
        urls = await migrated(postgres)
        listening = [socket.create_server(("127.0.0.1", 0), backlog=512) for _ in range(NODES)]
        for each in listening:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stack.callback(each.close)
        ports = {number: each.getsockname()[1] for number, each in enumerate(listening)}
        keys = folder / "keys"
        generate(keys, now=from_seconds(int(time.time())), randomness=os.urandom)
        given = await furnish(urls, halcyon(folder / "brands", ports[0], portal[0], {}))
        given |= await _readers(urls.owner)
        told = {**environ(urls, keys, valkey.url), **_SETTINGS}
        processes: dict[str, subprocess.Popen[bytes]] = {}
        stack.push_async_callback(_end, processes)
        for number, each in enumerate(listening):
            command = ["serve", "--fd", str(each.fileno())]
            processes[f"web {number + 1}"] = _start(command, told, pass_fd=each.fileno())
        processes["worker"] = _start(["worker"], told)
        owner = create_async_engine(urls.owner, poolclass=NullPool)
        stack.push_async_callback(owner.dispose)
        for number, port in ports.items():
            await _await_ready(port, processes[f"web {number + 1}"])
        yield Town(
            ports=ports,
            origin=f"http://consent.localhost:{ports[0]}",
            secrets=given,
            portal=portal,
            owner=owner,
            processes=processes,
            postgres=postgres,
            valkey=valkey,
        )


async def _readers(url: str) -> dict[str, str]:
    owner = Database(url)
    made: dict[str, str] = {}
    for brand, client in READERS.items():
        declared = consumer(client, Party(kind=PartyKind.BRAND, slug=Slug(brand)))
        new = await add_client(owner, declared, randomness=secrets.token_bytes)
        assert new is not None
        made[client] = new.secret
    await owner.close()
    return made


def _start(
    command: list[str], told: Mapping[str, str], *, pass_fd: int | None = None
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 our own program
        [sys.executable, "-m", "consentid", *command],
        env=dict(told),
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        pass_fds=[] if pass_fd is None else [pass_fd],
    )


async def _await_ready(port: int, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_READY)
        told = b""
        # The socket listens already, whether or not there will be anybody to answer.
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_LOOK_S):
                told = await reader.read()
        writer.close()
        if told.startswith(b"HTTP/1.1 200"):
            return
    message = f"a web process ended by itself: {process.returncode}"
    raise RuntimeError(message)


async def _end(processes: "Mapping[str, subprocess.Popen[bytes]]") -> None:
    for process in processes.values():
        process.send_signal(signal.SIGTERM)
    for process in processes.values():
        await asyncio.to_thread(process.wait)
