"""Whose turn it is: a lock of a session of its own, and what waits, asked on that session.

Where the lock is lost, so is the connection: whoever asks on it cannot go on by mistake.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, final

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none

from consentid.kit.errors import UnavailableError
from consentid.store.engine import Database, Driver

_TIMEOUT_S: Final = 10.0
_TAKE: Final = "SELECT pg_try_advisory_lock(hashtext('{lock}')) AS answer"
_LOOK: Final = "SELECT EXISTS ({waiting}) AS answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What one at a time does: its lock, and what waits to be done."""

    lock: str
    waiting: str
    """A query in which a row stands as soon as there is something to do."""


_FIRST: Final = "SELECT FROM (SELECT FROM {table} ORDER BY seq LIMIT 1) AS first"
"""By the index, which forgets what is gone: the table's pages are full of it until a vacuum."""
SEQUENCING: Final = Duty(lock="consentid.ledger", waiting=_FIRST.format(table="staged_entries"))
DRAINING: Final = Duty(lock="consentid.outbox", waiting=_FIRST.format(table="outbox"))
SENDING: Final = Duty(
    lock="consentid.webhooks",
    # A stream that was disabled is told so; one that is polled is nobody's to send to.
    waiting=(
        "SELECT FROM webhook_endpoints LEFT JOIN ssf_streams USING (endpoint_no)"
        " WHERE method IS DISTINCT FROM 'poll'"
        " AND (disabled_at IS NULL OR stream_id IS NOT NULL)"
    ),
)

VERIFYING: Final = Duty(lock="consentid.verify", waiting="SELECT")
"""Whoever asks for it is there: there is always something to do."""


@final
class Turn:
    """A session in which somebody does a duty, or waits to."""

    def __init__(self, connection: Driver, duty: Duty) -> None:
        self._connection: Final = connection
        self._take: Final = _TAKE.format(lock=duty.lock)
        self._look: Final = _LOOK.format(waiting=duty.waiting)

    async def take(self) -> bool:
        """Whether it is ours now; it stays so until the session ends.

        Raises:
            UnavailableError: PostgreSQL cannot be reached.
        """
        return await self._ask(self._take)

    async def is_anything_waiting(self) -> bool:
        """Whether there is something to do.

        Raises:
            UnavailableError: the session is lost, and the turn with it.
        """
        return await self._ask(self._look)

    async def _ask(self, question: str) -> bool:
        try:
            row = await self._connection.fetchrow(question, timeout=_TIMEOUT_S)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise UnavailableError(
                "database_unavailable", "The database cannot be reached now.", retry_after_s=1
            ) from error
        return row is not None and bool(row["answer"])


@asynccontextmanager
async def turn(database: Database, duty: Duty) -> AsyncGenerator[Turn]:
    """A session of one's own.

    Raises:
        UnavailableError: PostgreSQL cannot be reached.
    """
    async with database.dedicated() as connection:
        yield Turn(connection, duty)
