"""What several benches stand on: a migrated database, and the bare route beside a hub."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

from consentid.embedded.postgres import SERVING, DatabaseUrls, EmbeddedPostgres
from consentid.store.migrating import upgrade

_REPOSITORY = Path(__file__).parents[2]


async def migrated(postgres: EmbeddedPostgres) -> DatabaseUrls:
    urls = await postgres.create_database("bench")
    await upgrade(urls.owner, serving_role=SERVING)
    return urls


@contextlib.contextmanager
def bare_route() -> Generator[tuple[int, int]]:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        process = subprocess.Popen(  # noqa: S603 our own program
            [sys.executable, "-m", "tests.bench.bare", str(listening.fileno())],
            cwd=_REPOSITORY,
            pass_fds=[listening.fileno()],
        )
        try:
            yield listening.getsockname()[1], process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


@contextlib.contextmanager
def working(urls: DatabaseUrls, folder: Path) -> Generator[None]:
    """A worker of all roles, in a process of its own."""
    environ = {name: value for name, value in os.environ.items() if "CONSENTID_" not in name}
    environ |= {
        "CONSENTID_DATABASE_URL": urls.serving,
        "CONSENTID_KEYS_DIR": str(folder / "keys"),
        "CONSENTID_LOCALHOST_HOSTS": "true",
    }
    command = [sys.executable, "-m", "consentid", "worker"]
    with (folder / "worker.log").open("wb") as log:
        worker = subprocess.Popen(  # noqa: S603 our own program
            command, env=environ, cwd=_REPOSITORY, stdout=log, stderr=log
        )
        try:
            yield
        finally:
            worker.terminate()
            worker.wait()
