"""How far streams have come, for who waits for their next event: one statement.

On the driver's own connection: asked several times a second while anybody waits.
"""

from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Final, final

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none

from consentid.kit.errors import UnavailableError
from consentid.store.engine import Database, Driver

_TIMEOUT_S: Final = 2.0
_LOOK: Final = "SELECT stream_no, head FROM event_streams WHERE stream_no = ANY($1::int[])"


@final
class Heads:
    """A connection to ask again and again through."""

    def __init__(self, connection: Driver) -> None:
        self._connection: Final = connection

    async def of(self, streams: Collection[int]) -> Mapping[int, int]:
        """The number of each stream's last event; one that was closed is left out.

        Raises:
            UnavailableError: PostgreSQL cannot be reached, or does not answer in two seconds.
        """
        try:
            rows = await self._connection.fetch(_LOOK, list(streams), timeout=_TIMEOUT_S)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise UnavailableError(
                "database_unavailable", "The database cannot be reached now.", retry_after_s=1
            ) from error
        return {row["stream_no"]: row["head"] for row in rows}


@asynccontextmanager
async def asking_heads(database: Database) -> AsyncGenerator[Heads]:
    """A connection of one's own.

    Raises:
        UnavailableError: PostgreSQL cannot be reached.
    """
    async with database.dedicated() as connection:
        yield Heads(connection)
