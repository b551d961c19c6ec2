"""Applied catalogue versions: immutable, the newest one is in force."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import CatalogueVersion
from consentid.kit.instants import Instant
from consentid.store.arrays import fetch
from consentid.store.tables import catalogues

_NEWEST: Final = "SELECT max(version) AS version FROM catalogues"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueRow:
    """One applied version, as the brandbook encodes it."""

    version: CatalogueVersion
    digest: bytes
    body: bytes
    applied_at: Instant


async def lock(connection: AsyncConnection) -> None:
    """Let one transaction at a time apply a catalogue."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('consentid.catalogue'))"))


async def newest_version(connection: AsyncConnection) -> CatalogueVersion | None:
    """The number in force, None before the first is applied."""
    (row,) = await fetch(connection, _NEWEST)
    return None if row["version"] is None else CatalogueVersion(row["version"])


async def find(
    connection: AsyncConnection, version: CatalogueVersion | None = None
) -> CatalogueRow | None:
    """One version, or the newest."""
    statement = select(catalogues).order_by(catalogues.c.version.desc()).limit(1)
    if version is not None:
        statement = statement.where(catalogues.c.version == version)
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return None
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
