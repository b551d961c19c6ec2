"""A listener of its own for who scrapes, apart from the address that the public reaches.

Each process has one: several web processes on one machine take one port after the other.  Where
none is free yet, the process serves without, says so, and tries again: one that is draining still
may hold it.
"""

import asyncio
import errno
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Final
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server

from consentid.settings import SettingsError

_RETRY_S: Final = 5.0
_log: Final = logging.getLogger("consentid.telemetry")


@dataclass(frozen=True, slots=True)
class _Listener:
    server: WSGIServer
    thread: Thread

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@asynccontextmanager
async def exposing(
    registry: CollectorRegistry, *, host: str, ports: Sequence[int]
) -> AsyncGenerator[None]:
    """Answer ``/metrics`` on the first free port; 0 is any.

    Raises:
        SettingsError: this machine has no such address, or the port is not ours to take.
    """
    found = [_listen(registry, host, ports)]

    async def try_again() -> None:
        while found[0] is None:
            await asyncio.sleep(_RETRY_S)
            found[0] = _listen(registry, host, ports)

    if found[0] is None:
        _log.warning("no metrics yet: no port of %s is free at %s", list(ports), host)
    trying = asyncio.create_task(try_again())
    try:
        yield
    finally:
        trying.cancel()
        await asyncio.gather(trying, return_exceptions=True)
        if found[0] is not None:
            await asyncio.to_thread(found[0].close)


def _listen(registry: CollectorRegistry, host: str, ports: Sequence[int]) -> _Listener | None:
    for port in ports:
        try:
            server, thread = start_http_server(port, host, registry)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            raise SettingsError(
                "settings.invalid",
                f"metrics cannot be served at {host} port {port}: {error.strerror}",
                where="metrics_host",
            ) from error
        _log.info("metrics at http://%s:%d/metrics", host, server.server_port)
        return _Listener(server, thread)
    return None
