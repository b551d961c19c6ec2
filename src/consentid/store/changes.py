"""Whether anything changed for subjects that somebody waits for, or a token ended: one statement.

On the driver's own connection: asked twice a second while anybody waits.
"""

from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, final
from uuid import UUID

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none

from consentid.core.decision import CatalogueVersion, SubjectId
from consentid.kit.errors import UnavailableError
from consentid.store.engine import Database, Driver

_TIMEOUT_S: Final = 2.0
_LOOK: Final = """
SELECT NULL::uuid AS subject_id, max(version) AS version, NULL::bytea AS token FROM catalogues
UNION ALL
SELECT subject_id, version, NULL FROM projections WHERE subject_id = ANY($1::uuid[])
UNION ALL
SELECT NULL, NULL, token_hash FROM access_tokens WHERE token_hash = ANY($2::bytea[])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What is in force, and how often each subject was written; what is gone is left out."""

    catalogue: CatalogueVersion | None
    subjects: Mapping[SubjectId, int]
    tokens: Collection[bytes]
    """The access tokens that are still there, by their hashes."""


@final
class Comparing:
    """A connection to ask again and again through."""

    def __init__(self, connection: Driver) -> None:
        self._connection: Final = connection

    async def versions(
        self, subjects: Collection[SubjectId], tokens: Collection[bytes] = ()
    ) -> Versions:
        """As of one snapshot.

        Raises:
            UnavailableError: PostgreSQL cannot be reached, or does not answer in two seconds.
        """
        try:
            rows = await self._connection.fetch(
                _LOOK, list(subjects), list(tokens), timeout=_TIMEOUT_S
            )
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise UnavailableError(
                "database_unavailable", "The database cannot be reached now.", retry_after_s=1
            ) from error
        (catalogue,) = (
            row["version"] for row in rows if row["subject_id"] is None and row["token"] is None
        )
        return Versions(
            catalogue=None if catalogue is None else CatalogueVersion(catalogue),
            subjects={
                SubjectId(UUID(bytes=row["subject_id"].bytes)): row["version"]
                for row in rows
                if row["subject_id"] is not None
            },
            tokens={row["token"] for row in rows if row["token"] is not None},
        )


@asynccontextmanager
async def comparing(database: Database) -> AsyncGenerator[Comparing]:
    """A connection of one's own.

    Raises:
        UnavailableError: PostgreSQL cannot be reached.
    """
    async with database.dedicated() as connection:
        yield Comparing(connection)
