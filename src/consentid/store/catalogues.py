"""Applied catalogue versions: immutable, the newest one is in force."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, RowMapping, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import CatalogueVersion
from consentid.kit.instants import Instant, from_datetime
from consentid.store.arrays import fetch
from consentid.store.tables import catalogues

_NEWEST: Final = "SELECT max(version) AS version FROM catalogues"
IN_FORCE: Final = """
SELECT (SELECT max(version) FROM catalogues) AS version,
       ARRAY(SELECT kid FROM revoked_keys) AS revoked,
       (SELECT max(revoked_at) FROM revoked_keys) AS revoked_at
"""
"""One row, for ``in_force_of``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What operators have applied, as one transaction sees it."""

    version: CatalogueVersion | None
    """The number in force, None before the first is applied."""
    revoked: frozenset[str]
    """Keys by name that are none any more."""
    revoked_at: Instant | None
    """The last of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueRow:
    """One applied version, as the brandbook encodes it."""

    version: CatalogueVersion
    digest: bytes
    body: bytes
    applied_at: Instant


async def lock(connection: AsyncConnection) -> None:
    """Let one transaction at a time apply a catalogue, or register a client beside it."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('consentid.catalogue'))"))


async def in_force(connection: AsyncConnection) -> InForce:
    """The configuration's number, and which keys are revoked."""
    (row,) = await fetch(connection, IN_FORCE)
    return in_force_of(row)


def in_force_of(row: RowMapping) -> InForce:
    """What a row says that ``IN_FORCE`` gave."""
    return InForce(
        version=None if row["version"] is None else CatalogueVersion(row["version"]),
        revoked=frozenset(row["revoked"]),
        revoked_at=None if row["revoked_at"] is None else from_datetime(row["revoked_at"]),
    )


async def newest_version(connection: AsyncConnection) -> CatalogueVersion | None:
    """The number in force, None before the first is applied."""
    (row,) = await fetch(connection, _NEWEST)
    return None if row["version"] is None else CatalogueVersion(row["version"])


async def version_at(connection: AsyncConnection, instant: Instant) -> CatalogueVersion | None:
    """The number that was in force at an instant; None before the first was applied."""
    found = await connection.scalar(
        select(func.max(catalogues.c.version)).where(catalogues.c.applied_at <= instant)
    )
    return None if found is None else CatalogueVersion(found)


async def find(
    connection: AsyncConnection, version: CatalogueVersion | None = None
) -> CatalogueRow | None:
    """One version, or the newest."""
    statement = select(catalogues).order_by(catalogues.c.version.desc()).limit(1)
    if version is not None:
        statement = statement.where(catalogues.c.version == version)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _row(row)


async def newest(
    connection: AsyncConnection, *, before: int | None, limit: int
) -> Sequence[CatalogueRow]:
    """The newest versions, newest first; ``before``: those below a number only."""
    statement = select(catalogues).order_by(catalogues.c.version.desc()).limit(limit)
    if before is not None:
        statement = statement.where(catalogues.c.version < before)
    return [_row(row) for row in await connection.execute(statement)]


def _row(row: Row[Any]) -> CatalogueRow:
    return CatalogueRow(
        version=CatalogueVersion(row.version),
        digest=row.digest,
        body=row.body,
        applied_at=row.applied_at,
    )


async def add(connection: AsyncConnection, row: CatalogueRow) -> None:
    """Append a version."""
    await connection.execute(
        insert(catalogues).values(
            version=row.version, digest=row.digest, body=row.body, applied_at=row.applied_at
        )
    )
