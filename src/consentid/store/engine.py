"""The way to PostgreSQL: one engine per process, one transaction per flow.

No wait here is without an end: see ``silence``.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol, final

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none
from sqlalchemy import NullPool, QueuePool, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from consentid.kit.errors import UnavailableError
from consentid.store.silence import letting_go, watch
from consentid.telemetry.tracing import span

_LOCK_TIMEOUT_MS: Final = 5_000
ANSWERED_WITHIN_S: Final = 17.0
_ENDED_AFTER: Final = 15 / ANSWERED_WITHIN_S
"""Of that time; then the server ends a statement.  Who is silent for longer cannot be reached."""
_CONNECTED_WITHIN_S: Final = 5.0
_AUTOCOMMIT: Final = "AUTOCOMMIT"
NOT_LET_IN: Final = ("28", "3D")
"""The role, its password or the database's name: PostgreSQL answers, and refuses."""
_PASSING: Final = (*NOT_LET_IN, "08", "40", "53", "55P03", "57", "58")
"""What may go better next time: not let in (a password was changed there first, a database is
being restored), connection lost, rolled back against another transaction, out of resources, lock
not got in time, cancelled or shutting down, trouble with the disk.
Spec: PostgreSQL, appendix A.
"""
_READ_ONLY: Final = "25006"
"""The server takes no writes, as one that stands by, or that was demoted a moment ago.  Of somebody
who asked for nothing but reading it is a mistake of ours.
"""


class Driver(Protocol):
    """What we use of asyncpg's connection, which says nothing of its types."""

    async def fetch(
        self,
        query: str,
        *args: object,
        timeout: float | None = None,  # noqa: ASYNC109 - as it is there
    ) -> list[Mapping[str, Any]]:
        """All rows."""
        ...

    def is_in_transaction(self) -> bool:
        """Whether one is open."""
        ...

    async def fetchrow(
        self,
        query: str,
        *args: object,
        timeout: float,  # noqa: ASYNC109 - as it is there
    ) -> Mapping[str, Any] | None:
        """The first row."""
        ...


@final
class Database:
    """A pool of connections.  ``writing`` commits at its end, ``reading`` never writes."""

    def __init__(
        self, url: str, *, connections: int = 10, answered_within_s: float = ANSWERED_WITHIN_S
    ) -> None:
        """Open nothing yet; ``connections`` are kept at most.

        A statement that takes ``answered_within_s`` or nearly so is ended: seconds for whoever
        serves, more for whoever reads whole tables.
        """
        connect_args = {
            "timeout": _CONNECTED_WITHIN_S,
            "command_timeout": answered_within_s,
            "server_settings": {
                "application_name": "consentid",
                "lock_timeout": str(_LOCK_TIMEOUT_MS),
                "statement_timeout": f"{round(1_000 * answered_within_s * _ENDED_AFTER)}",
                "synchronous_commit": "on",
            },
        }
        self._engine: AsyncEngine = create_async_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=5,
            pool_use_lifo=True,  # the one used last knows its statements already
            hide_parameters=True,  # an error that is logged never shows a subject or a key
            connect_args=connect_args,
        )
        watch(self._engine)
        self._apart: AsyncEngine = create_async_engine(
            url, poolclass=NullPool, hide_parameters=True, connect_args=connect_args
        )
        self._afterwards: dict[int, list[Callable[[], None]]] = {}
        self.connections: Final = connections

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        """One transaction: durable when the block has ended, gone if it raised.

        Raises:
            UnavailableError: PostgreSQL cannot be reached, or takes no writes now.
        """
        acts: list[Callable[[], None]] = []
        async with (
            reachable(and_writable=True),
            self._engine.connect() as connection,
            letting_go(connection),  # of who does not answer the commit
            connection.begin(),
            letting_go(connection),  # before a rollback waits for them, too
            _leaving_read_only(connection),
        ):
            self._afterwards[id(connection)] = acts
            try:
                yield connection
            finally:
                del self._afterwards[id(connection)]
        for act in acts:
            act()

    def after_commit(self, connection: AsyncConnection, act: Callable[[], None]) -> None:
        """Have something done once this transaction has committed; ``writing`` opened it."""
        acts = self._afterwards.get(id(connection))
        if acts is not None:
            acts.append(act)

    def in_use(self) -> int:
        """How many of the pool's connections somebody has now."""
        pool = self._engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """One consistent snapshot, read only.

        Raises:
            UnavailableError: PostgreSQL cannot be reached.
        """
        async with (
            reachable(),
            self._engine.connect() as connection,
            letting_go(connection),
        ):
            await connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            yield connection

    @asynccontextmanager
    async def glancing(self) -> AsyncGenerator[AsyncConnection]:
        """Statements that only read, each a snapshot of its own: no round trip but theirs.

        Raises:
            UnavailableError: PostgreSQL cannot be reached.
        """
        async with reachable(), self._each_alone() as connection:
            yield connection

    @asynccontextmanager
    async def stating(self) -> AsyncGenerator[AsyncConnection]:
        """Statements each of which is a transaction of its own, durable once it was answered.

        No round trip but theirs; they are for ``arrays.fetch``.

        Raises:
            UnavailableError: PostgreSQL cannot be reached, or takes no writes now.
        """
        async with (
            reachable(and_writable=True),
            self._each_alone() as connection,
            _leaving_read_only(connection),
        ):
            yield connection

    @asynccontextmanager
    async def _each_alone(self) -> AsyncGenerator[AsyncConnection]:
        async with self._engine.connect() as connection, letting_go(connection):
            await connection.execution_options(isolation_level=_AUTOCOMMIT)
            yield connection

    @asynccontextmanager
    async def dedicated(self) -> AsyncGenerator[Driver]:
        """A driver's connection outside the pool, each statement a transaction of its own.

        For what is asked several times a second for ever; the driver's errors are the caller's.

        Raises:
            UnavailableError: PostgreSQL cannot be reached.
        """
        async with reachable():
            connection = await self._apart.connect()
        try:
            raw = await connection.get_raw_connection()
            driver: Driver | None = raw.driver_connection
            if driver is None:
                raise _unavailable()
            yield driver
        finally:
            # Whatever state it is in: nobody gets it after us.
            await connection.invalidate()
            await connection.close()

    async def ping(self) -> None:
        """Ask for a sign of life.

        Raises:
            UnavailableError: PostgreSQL cannot be reached.
        """
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()
        await self._apart.dispose()


def driver_of(connection: AsyncConnection) -> Driver | None:
    """The driver's own connection beneath; None where a statement has yet to open a transaction."""
    sync = connection.sync_connection
    if sync is None:
        return None
    driver: Driver | None = sync.connection.driver_connection
    if driver is None or driver.is_in_transaction():
        return driver
    is_apart = sync.get_execution_options().get("isolation_level") == _AUTOCOMMIT
    return driver if is_apart else None


@asynccontextmanager
async def reachable(*, and_writable: bool = False) -> AsyncGenerator[None]:
    """Say of whatever the driver raises whether the database can be reached.

    ``and_writable``: a server that takes no writes will not do either.

    Raises:
        UnavailableError: PostgreSQL cannot be reached; caused by what the driver said.
    """
    passing = (*_PASSING, _READ_ONLY) if and_writable else _PASSING
    try:
        with span("database"):
            yield
    except (OSError, InterfaceError, OperationalError, PoolTimeoutError) as error:
        raise _unavailable() from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise _unavailable() from error  # the connection was cut when the driver was asked
    except asyncpg.PostgresError as error:
        if sqlstate_of(error).startswith(passing):
            raise _unavailable() from error
        raise
    except DBAPIError as error:
        if error.connection_invalidated or sqlstate_of(error).startswith(passing):
            raise _unavailable() from error
        raise


@asynccontextmanager
async def _leaving_read_only(connection: AsyncConnection) -> AsyncGenerator[None]:
    """Close a connection to a server that takes no writes: the next may lead to one that does."""
    try:
        yield
    except (DBAPIError, asyncpg.PostgresError) as error:
        if sqlstate_of(error) == _READ_ONLY and not connection.invalidated:
            await connection.invalidate()
        raise


def sqlstate_of(error: BaseException | None) -> str:
    """What PostgreSQL calls an error; empty where it did not say so itself."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(origin, "sqlstate", None) or "")


def _unavailable() -> UnavailableError:
    return UnavailableError(
        "database_unavailable", "The database cannot be reached now.", retry_after_s=1
    )
