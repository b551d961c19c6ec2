"""What the deciding transaction leaves for others: staged ledger entries and the outbox."""

from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.tables import outbox, staged_entries


async def stage_entry(
    connection: AsyncConnection, *, event_id: UUID, kind: str, leaf: bytes, at: Instant
) -> None:
    """Stage one ledger entry; the sequencer integrates it later."""
    await connection.execute(
        insert(staged_entries).values(event_id=event_id, kind=kind, leaf=leaf, staged_at=at)
    )


async def add_event(
    connection: AsyncConnection,
    *,
    event_id: UUID,
    kind: str,
    subject: SubjectId | None,
    subject_version: int | None,
    at: Instant,
    told: bytes | None = None,
) -> None:
    """Add one outbox row; the pump carries it on."""
    await connection.execute(
        insert(outbox).values(
            event_id=event_id,
            kind=kind,
            subject_id=subject,
            subject_version=subject_version,
            told=told,
            created_at=at,
        )
    )
