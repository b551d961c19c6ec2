"""A deployment that a fault can be done to: PostgreSQL, Valkey, two web processes and a worker.

Each is a process of its own.  A wire of ours lies between each web process and the database, and
the sockets that web processes listen on are ours, so whoever connects while one is away waits, as
behind a load balancer.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from sqlalchemy.engine import make_url
from tests.faults import forked
from tests.faults.forked import Forked
from tests.faults.wire import Wire
from tests.web.hub import REPOSITORY, environ_of, furnish, halcyon, serve

from consentid.embedded.postgres import DATABASE, SERVING, DatabaseUrls, EmbeddedPostgres
from consentid.embedded.valkey import EmbeddedValkey
from consentid.keyring.generating import generate
from consentid.kit.instants import from_seconds
from consentid.store.migrating import upgrade

NODES: Final = 2
TRUE_TIME: Final = "+0"
"""What libfaketime reads where a clock is right."""
_PORTAL: Final = "http://id.localhost:1"
"""Nobody signs in: these clients are devices."""
_BEGUN: Final = "Uvicorn running on"
_LOOK_S: Final = 0.02


@dataclass(slots=True, kw_only=True)
class Node:
    """A web process, its socket and its wire."""

    listening: socket.socket
    wire: Wire
    urls: DatabaseUrls
    keys: Path
    valkey_url: str
    log: Path
    settings: dict[str, str]
    clock: Path | None = None
    """What libfaketime reads its clock from, where it is there."""
    nursery: ForkServerContext | None = None
    """Where it is started, if out of a server of forks."""
    process: "subprocess.Popen[bytes] | Forked | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    async def start(self) -> None:
        """Another process on the same socket; it has begun to serve when this returns."""
        before = self._begun()
        given = (self.urls, self.keys, self.valkey_url)
        if self.nursery is None:
            self.process = serve(self.listening, *given, self.log, settings=self.settings)
        else:
            environ = environ_of(*given, self.settings)
            self.process = forked.serve(self.nursery, self.listening, environ, self.log)
        # Nobody but the process itself knows: whoever connects may be let in by the one before.
        while self._begun() == before:
            assert self.process.poll() is None, self.log.read_text()
            await asyncio.sleep(_LOOK_S)

    async def replace(self) -> int:
        """Start a successor, then end the process as an orchestrator does; its exit status."""
        before = self.process
        assert before is not None
        await self.start()
        before.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(before.wait)

    async def end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return await asyncio.to_thread(self.process.wait)

    def _begun(self) -> int:
        return self.log.read_text().count(_BEGUN) if self.log.exists() else 0


@dataclass(slots=True, kw_only=True)
class Deployment:
    """All of it, running."""

    folder: Path
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    nodes: list[Node]
    secret: str
    """Of ``news-web``."""
    brands: Path
    ballast: Path | None = None
    """A file to fill the database's disk with, where that is small."""
    worker: "subprocess.Popen[bytes] | None" = None
    acknowledged: int = 0
    """Decisions that clients were told of, in all."""
    environ: dict[str, str] = field(default_factory=dict[str, str])
    worker_clock: Path | None = None
    postgres_clock: Path | None = None
    worker_settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the worker is told, and commands are not."""

    def start_worker(self) -> None:
        with (self.folder / "worker.log").open("ab") as log:
            self.worker = subprocess.Popen(  # noqa: S603 our own program
                self.command("worker"),
                env={**self.environ, **self.worker_settings},
                stdout=log,
                stderr=log,
                cwd=REPOSITORY,
            )

    async def end_worker(self) -> None:
        """As an orchestrator does."""
        assert self.worker is not None
        self.worker.send_signal(signal.SIGTERM)
        await asyncio.to_thread(self.worker.wait)

    def be(self, release: Path | None) -> None:
        """From now on what is started is of this release; None: of the one that is tested."""
        code = code_of(release)
        for settings in (self.environ, *(node.settings for node in self.nodes)):
            settings.pop("PYTHONPATH", None)
            settings.update(code or kept_path())

    @staticmethod
    def command(*words: str) -> list[str]:
        return [sys.executable, "-m", "consentid", *words]


@contextlib.asynccontextmanager
async def deployed(
    folder: Path,
    *,
    disk: Path | None = None,
    faketime: Path | None = None,
    nursery: ForkServerContext | None = None,
    release: Path | None = None,
) -> AsyncGenerator[Deployment]:
    """Everything started and furnished with the Halcyon group; ended in the end.

    ``disk`` is where the database lies, else in the folder.  ``faketime`` is libfaketime; web
    processes come out of a ``nursery``, if there is one, of the release that is tested.
    ``release`` is a source tree of another one, which makes and serves all of it.
    """
    code = code_of(release)
    where = disk or folder
    settings = {"max_wal_size": "64MB", "min_wal_size": "32MB"}
    faked = {each: _faked(faketime, folder / f"clock-{each}") for each in _CLOCKS}
    postgres = EmbeddedPostgres(
        where / "postgres",
        settings=settings,
        is_thrown_away=True,
        before=[] if faketime is None else ["env", *_words(faked["postgres"])],
    )
    valkey = EmbeddedValkey(folder / "valkey")
    async with contextlib.AsyncExitStack() as stack:
        urls = await asyncio.to_thread(postgres.start)
        stack.push_async_callback(asyncio.to_thread, postgres.stop)
        await asyncio.to_thread(valkey.start)
        stack.push_async_callback(asyncio.to_thread, valkey.stop)
        sockets = [socket.create_server(("127.0.0.1", 0), backlog=512) for _ in range(NODES)]
        for each in sockets:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stack.callback(each.close)
        keys = folder / "keys"
        generate(keys, now=from_seconds(int(time.time())), randomness=os.urandom)
        port = sockets[0].getsockname()[1]
        brands = halcyon(folder / "brands", port, _PORTAL, {}, release or REPOSITORY)
        told = {**environ(urls, keys, valkey.url), **code}
        if release is None:
            await upgrade(urls.owner, serving_role=SERVING)
            secret = (await furnish(urls, brands))["news-web"]
        else:
            secret = await _furnish_by(told, urls, brands)
        deployment = Deployment(
            folder=folder,
            postgres=postgres,
            valkey=valkey,
            nodes=[],
            secret=secret,
            ballast=None if disk is None else disk / "ballast",
            environ=told,
            brands=brands,
        )
        if faketime is not None:
            deployment.worker_settings = faked["worker"]
            deployment.worker_clock = folder / "clock-worker"
            deployment.postgres_clock = folder / "clock-postgres"
        for number, listening in enumerate(sockets):
            wire = Wire(socket_of(urls))
            port = await wire.open()
            stack.push_async_callback(wire.close)
            node = Node(
                listening=listening,
                wire=wire,
                urls=DatabaseUrls(owner="", erasing="", serving=by_wire(port)),
                keys=keys,
                valkey_url=valkey.url,
                log=folder / f"node-{number}.log",
                settings={**_SETTINGS, **code},
                nursery=nursery,
            )
            if faketime is not None:
                node.clock = folder / f"clock-{number}"
                node.settings |= faked[str(number)]
            deployment.nodes.append(node)
        try:
            deployment.start_worker()
            await asyncio.gather(*(node.start() for node in deployment.nodes))
            yield deployment
        finally:
            await _end(deployment)


_SETTINGS: Final = {
    "CONSENTID_LOG_LEVEL": "info",
    "CONSENTID_TRUSTED_PROXIES": "127.0.0.1",  # else all clients are one caller, and limited
    "CONSENTID_DRAIN_S": "10",
}


def code_of(release: Path | None) -> dict[str, str]:
    """What makes a process run the code of a source tree."""
    return {} if release is None else {"PYTHONPATH": str(release / "src")}


def kept_path() -> dict[str, str]:
    """What makes it run the code that is tested."""
    path = os.environ.get("PYTHONPATH")
    return {} if path is None else {"PYTHONPATH": path}


async def command(environ: Mapping[str, str], *words: str, may_say_no: bool = False) -> str:
    """A command of an operator's; what it says."""
    process = await asyncio.create_subprocess_exec(
        *Deployment.command(*words),
        env=environ,
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, told = await process.communicate()
    assert process.returncode == 0 or may_say_no, f"{words}: {told.decode()}{out.decode()}"
    return out.decode()


async def _furnish_by(told: Mapping[str, str], urls: DatabaseUrls, brands: Path) -> str:
    """The same by the commands of another release; the secret of ``news-web``."""
    owning = {
        **told,
        "CONSENTID_MIGRATION_DATABASE_URL": urls.owner,
        "CONSENTID_BRANDS_DIR": str(brands),
    }
    await command(owning, "migrate")
    await command(owning, "brands", "apply")
    answer = await command(owning, "clients", "rotate", "news-web", "--json")
    return str(json.loads(answer)["secret"])


_CLOCKS: Final = ("postgres", "worker", *map(str, range(NODES)))


def _faked(library: Path | None, clock: Path) -> dict[str, str]:
    """What a process is told whose clock is another's to set; it is right to begin with."""
    if library is None:
        return {}
    clock.write_text(TRUE_TIME)
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


def _words(variables: Mapping[str, str]) -> list[str]:
    return [f"{name}={text}" for name, text in variables.items()]


async def _end(deployment: Deployment) -> None:
    processes = [node.process for node in deployment.nodes] + [deployment.worker]
    for process in filter(None, processes):
        process.kill()
        await asyncio.to_thread(process.wait)


def environ(urls: DatabaseUrls, keys: Path, valkey_url: str | None = None) -> dict[str, str]:
    """What a process of ours is told that serves a database."""
    kept = {name: text for name, text in os.environ.items() if "CONSENTID_" not in name}
    kept |= {
        "CONSENTID_DATABASE_URL": urls.serving,
        "CONSENTID_KEYS_DIR": str(keys),
        "CONSENTID_LOCALHOST_HOSTS": "true",
        "CONSENTID_LOG_LEVEL": "warning",
    }
    return kept if valkey_url is None else {**kept, "CONSENTID_VALKEY_URL": valkey_url}


def by_wire(port: int, database: str = DATABASE) -> str:
    return f"postgresql+asyncpg://{SERVING}@127.0.0.1:{port}/{database}?ssl=disable"


def socket_of(urls: DatabaseUrls) -> Path:
    folder = make_url(urls.serving).query["host"]
    assert isinstance(folder, str)
    return Path(unquote(folder)) / ".s.PGSQL.5432"
