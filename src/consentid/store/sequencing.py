"""Who sequences: a lock of a session of its own, and whether anything waits, asked on that session.

Where the lock is lost, so is the connection: whoever asks on it cannot go on by mistake.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, final

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none

from consentid.kit.errors import UnavailableError
from consentid.store.engine import Database, Driver

_TIMEOUT_S: Final = 10.0
_TAKE: Final = "SELECT pg_try_advisory_lock(hashtext('consentid.ledger')) AS answer"
_LOOK: Final = "SELECT EXISTS (SELECT FROM staged_entries) AS answer"


@final
class Turn:
    """A session in which somebody sequences, or waits to."""

    def __init__(self, connection: Driver) -> None:
        self._connection: Final = connection

    async def take(self) -> bool:
        """Whether it is ours now; it stays so until the session ends.

        Raises:
            UnavailableError: PostgreSQL cannot be reached.
        """
        return await self._ask(_TAKE)

    async def is_anything_waiting(self) -> bool:
        """Whether something is staged.

        Raises:
            UnavailableError: the session is lost, and the turn with it.
        """
        return await self._ask(_LOOK)

    async def _ask(self, question: str) -> bool:
        try:
            row = await self._connection.fetchrow(question, timeout=_TIMEOUT_S)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise UnavailableError(
                "database_unavailable", "The database cannot be reached now.", retry_after_s=1
            ) from error
        return row is not None and bool(row["answer"])


@asynccontextmanager
async def turn(database: Database) -> AsyncGenerator[Turn]:
    """A session of one's own.

    Raises:
        UnavailableError: PostgreSQL cannot be reached.
    """
    async with database.dedicated() as connection:
        yield Turn(connection)
