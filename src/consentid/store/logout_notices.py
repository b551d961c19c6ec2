"""What clients are still to be told: that a session in which they took part has ended.

A notice is claimed for a while by whoever sends it, so that of any number of workers one does, and
another may where that one died.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.tables import logout_notices


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutNotice:
    """One client, one session that ended."""

    id: UUID
    client_id: str
    session_id: UUID
    subject: SubjectId
    queued_at: Instant
    attempts: int = 0
    """How often it was claimed."""


def _notice(row: Row[Any]) -> LogoutNotice:
    return LogoutNotice(
        id=row.id,
        client_id=row.client_id,
        session_id=row.session_id,
        subject=SubjectId(row.subject_id),
        queued_at=row.queued_at,
        attempts=row.attempts,
    )


async def add(connection: AsyncConnection, notice: LogoutNotice) -> None:
    """Keep a new one, due at once."""
    await connection.execute(
        insert(logout_notices).values(
            id=notice.id,
            client_id=notice.client_id,
            session_id=notice.session_id,
            subject_id=notice.subject,
            attempts=notice.attempts,
            queued_at=notice.queued_at,
            due_at=notice.queued_at,
        )
    )


async def claim(
    connection: AsyncConnection, *, now: Instant, until: Instant, most: int
) -> list[LogoutNotice]:
    """Take what is due, the longest due first; nobody else is given it before ``until``."""
    due = (
        select(logout_notices.c.id)
        .where(logout_notices.c.due_at <= now)
        .order_by(logout_notices.c.due_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    rows = await connection.execute(
        update(logout_notices)
        .where(logout_notices.c.id.in_(due.scalar_subquery()))
        .values(due_at=until, attempts=logout_notices.c.attempts + 1)
        .returning(logout_notices)
    )
    return [_notice(row) for row in rows]


async def postpone(connection: AsyncConnection, id_: UUID, *, until: Instant) -> None:
    """Try again later."""
    await connection.execute(
        update(logout_notices).where(logout_notices.c.id == id_).values(due_at=until)
    )


async def drop(connection: AsyncConnection, id_: UUID) -> None:
    """Forget one: it was told, or is given up."""
    await connection.execute(delete(logout_notices).where(logout_notices.c.id == id_))
