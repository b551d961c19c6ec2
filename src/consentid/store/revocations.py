"""Which tokens have ended, for a node that answers from memory: one statement, one snapshot.

Sets of ended indices only grow, so what one snapshot showed may be added to what earlier ones did.
On the driver's own connection: asked several times a second by every node.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, final

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none

from consentid.core.decision import CatalogueVersion
from consentid.kit.errors import UnavailableError
from consentid.store.engine import Database, Driver

_TIMEOUT_S: Final = 2.0
_BROKEN: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # said of a connection that was cut just when it was used
)
_PAGE: Final = 64
"""Lists that are read at a time, 16 KiB each."""
_MARGIN: Final = timedelta(seconds=60)
"""A list carries the instant when its publisher's transaction read the clock, not of its commit."""

# ``ended`` are the indices that no list shows yet; a partial index holds just these.
_LOOK: Final = """
SELECT extract(epoch FROM clock_timestamp())::float8 AS now_s,
       (SELECT max(version) FROM catalogues) AS catalogue,
       ARRAY(SELECT kid FROM revoked_keys) AS revoked_keys,
       ARRAY(SELECT ARRAY[list_no, idx] FROM status_indices
             WHERE revoked_at IS NOT NULL AND NOT is_published) AS ended,
       ARRAY(SELECT list_no FROM status_lists
             WHERE signed_at IS NULL OR signed_at >= least(to_timestamp($1), now()) - $2::interval
             ORDER BY list_no) AS lists,
       ARRAY(SELECT coalesce(extract(epoch FROM signed_at)::float8, 0) FROM status_lists
             WHERE signed_at IS NULL OR signed_at >= least(to_timestamp($1), now()) - $2::interval
             ORDER BY list_no) AS signed
"""
_BITS: Final = "SELECT list_no, bits FROM status_lists WHERE list_no = ANY($1::int[])"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one look showed."""

    now_s: float
    """The database's clock, Unix seconds."""
    catalogue: CatalogueVersion | None
    revoked_keys: Sequence[str]
    ended: Sequence[Sequence[int]]
    """List and index, of those whose bits are not set yet."""
    bits: Mapping[int, bytes]
    """The lists opened or published since the last look."""


@final
class Looking:
    """A connection to look again and again through.

    Raises:
        UnavailableError: PostgreSQL cannot be reached, or does not answer in two seconds.
    """

    def __init__(self, connection: Driver) -> None:
        self._connection: Final = connection
        self._signed: dict[int, float] = {}
        self._looked_s = float("inf")

    async def look(self) -> Seen:
        """What has ended by now."""
        # What was published since the last look bears no instant before the earliest of these, even
        # where the clock jumped meanwhile, or stood wrong when a list was signed.
        since_s = min(max(self._signed.values(), default=0.0), self._looked_s)
        try:
            row = await self._connection.fetchrow(_LOOK, since_s, _MARGIN, timeout=_TIMEOUT_S)
            if row is None:
                raise _unavailable()
            signed: dict[int, float] = dict(zip(row["lists"], row["signed"], strict=True))
            changed = [number for number, at in signed.items() if self._signed.get(number) != at]
            bits: dict[int, bytes] = {}
            for begin in range(0, len(changed), _PAGE):
                page = changed[begin : begin + _PAGE]
                rows = await self._connection.fetch(_BITS, page, timeout=_TIMEOUT_S)
                bits |= {each["list_no"]: each["bits"] for each in rows}
        except _BROKEN as error:
            raise _unavailable() from error
        self._signed |= signed
        self._looked_s = row["now_s"]
        return Seen(
            now_s=row["now_s"],
            catalogue=None if row["catalogue"] is None else CatalogueVersion(row["catalogue"]),
            revoked_keys=row["revoked_keys"],
            ended=row["ended"],
            bits=bits,
        )


@asynccontextmanager
async def looking(database: Database) -> AsyncGenerator[Looking]:
    """A connection of one's own to look through.

    Raises:
        UnavailableError: PostgreSQL cannot be reached.
    """
    async with database.dedicated() as connection:
        yield Looking(connection)


def _unavailable() -> UnavailableError:
    return UnavailableError(
        "database_unavailable", "The database cannot be reached now.", retry_after_s=1
    )
