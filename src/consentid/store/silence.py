"""What becomes of a connection to a database that says nothing.

A network that loses every packet tells nobody.  So the system ends a connection whose other machine
has not been heard for ``_UNHEARD_S``, one that rested is asked for a sign of life before somebody
gets it, and one that has not answered a statement in time is let go.  Of a commit that was not
answered nothing is said, whatever became of it: who asked asks again.
"""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Final, Protocol

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

_ALIVE_WITHIN_S: Final = 2.0
_RESTED_S: Final = 1.0
"""A connection that nobody used for so long is asked for a sign of life."""
_USED_AT: Final = "used_at"
_UNHEARD_S: Final = 5
"""For how long what was sent may stay without the other machine's acknowledgement."""
_KEPT_ALIVE: Final = {
    "TCP_KEEPIDLE": _UNHEARD_S,
    "TCP_KEEPINTVL": 2,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": _UNHEARD_S * 1_000,
}
"""Seconds, a count, milliseconds.  A system that does not know one of them goes without."""
_BROKEN: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class _Driver(Protocol):
    """What is used here of asyncpg's connection."""

    async def execute(
        self,
        query: str,
        *,
        timeout: float,  # noqa: ASYNC109 - as it is there
    ) -> str:
        """Run a statement."""
        ...

    def terminate(self) -> None:
        """Close it, and wait for nobody."""
        ...


def watch(engine: AsyncEngine) -> None:
    """Hand out no connection that was closed meanwhile, or that rested and gives no answer."""

    async def ask(driver: _Driver) -> None:
        await driver.execute("SELECT 1", timeout=_ALIVE_WITHIN_S)

    def check(
        connection: DBAPIConnection, record: ConnectionPoolEntry, _: PoolProxiedConnection
    ) -> None:
        driver: Any = record.driver_connection
        if driver.is_closed():
            raise DisconnectionError
        if monotonic() - record.info.get(_USED_AT, 0.0) > _RESTED_S:
            adapted: Any = connection
            try:
                adapted.run_async(ask)
            except (OSError, *_BROKEN) as error:
                driver.terminate()
                # Those that rested beside it are no better.
                raise InvalidatePoolError from error

    def note(_: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info[_USED_AT] = monotonic()

    event.listen(engine.sync_engine, "connect", note)
    event.listen(engine.sync_engine, "connect", _notice_ends)
    event.listen(engine.sync_engine, "checkout", check)
    event.listen(engine.sync_engine, "checkin", note)


def _notice_ends(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Have the system end a connection whose other machine is not heard any more."""
    adapted: Any = connection
    transport = adapted.driver_connection._transport  # noqa: SLF001  its only name
    ours: socket.socket | None = transport.get_extra_info("socket")
    if ours is None or ours.family not in (socket.AF_INET, socket.AF_INET6):
        return
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEPT_ALIVE.items():
        if hasattr(socket, name):
            ours.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


@asynccontextmanager
async def letting_go(connection: AsyncConnection) -> AsyncGenerator[None]:
    """Close a connection on which something was not answered in time.

    The driver would ask the server to stop first, and whoever cleans up would wait for that.
    """
    try:
        yield
    except TimeoutError:
        if not (connection.closed or connection.invalidated):
            raw = await connection.get_raw_connection()
            driver: _Driver | None = raw.driver_connection
            if driver is not None:
                driver.terminate()
            await connection.invalidate()
        raise
