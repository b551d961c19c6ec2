"""What persons are to decide on pages of the hub, each bound to one browser."""

from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store.tables import interactions


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionRow:
    """One interaction, what it is about still sealed."""

    interaction_hash: bytes
    browser_hash: bytes
    client_id: str
    kind: str
    """``authorize``, ``device`` or ``approval``."""
    sealed: bytes
    created_at: Instant
    expires_at: Instant
    finished_at: Instant | None = None


async def add(connection: AsyncConnection, interaction: InteractionRow) -> None:
    """Keep a new interaction."""
    await connection.execute(
        insert(interactions).values(
            interaction_hash=interaction.interaction_hash,
            browser_hash=interaction.browser_hash,
            client_id=interaction.client_id,
            kind=interaction.kind,
            sealed=interaction.sealed,
            created_at=interaction.created_at,
            expires_at=interaction.expires_at,
        )
    )


async def find(
    connection: AsyncConnection, interaction_hash: bytes, *, lock: bool = False
) -> InteractionRow | None:
    """An interaction, expired and finished ones too.  ``lock`` keeps other answers out."""
    statement = select(interactions).where(interactions.c.interaction_hash == interaction_hash)
    if lock:
        statement = statement.with_for_update()
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return None
    return InteractionRow(
        interaction_hash=row.interaction_hash,
        browser_hash=row.browser_hash,
        client_id=row.client_id,
        kind=row.kind,
        sealed=row.sealed,
        created_at=row.created_at,
        expires_at=row.expires_at,
        finished_at=row.finished_at,
    )


async def save_sealed(
    connection: AsyncConnection, interaction_hash: bytes, *, sealed: bytes
) -> None:
    """Replace what an interaction is about.  The caller holds its lock."""
    await connection.execute(
        update(interactions)
        .where(interactions.c.interaction_hash == interaction_hash)
        .values(sealed=sealed)
    )


async def finish(connection: AsyncConnection, interaction_hash: bytes, *, at: Instant) -> None:
    """Mark an interaction as answered.  The caller holds its lock."""
    await connection.execute(
        update(interactions)
        .where(interactions.c.interaction_hash == interaction_hash)
        .values(finished_at=at)
    )


async def delete_expired(connection: AsyncConnection, *, before: Instant) -> int:
    """Forget interactions that ended before an instant; returns how many."""
    gone = await connection.execute(delete(interactions).where(interactions.c.expires_at < before))
    return gone.rowcount
