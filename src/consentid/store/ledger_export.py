"""What log entries speak of, still sealed, beside the key that opens it; page by page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.store.tables import decisions, subject_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRow:
    """A decision of a subject whose key is there."""

    subject: SubjectId
    sealed: bytes
    wrapped_key: bytes = field(repr=False)


async def sealed(connection: AsyncConnection, ids: Sequence[UUID]) -> Mapping[UUID, SealedRow]:
    """Of these events, the decisions that can be opened: of nobody restricted or erased."""
    statement = (
        select(decisions.c.id, decisions.c.subject_id, decisions.c.sealed, subject_keys.c.wrapped)
        .join(subject_keys, subject_keys.c.subject_id == decisions.c.subject_id)
        .where(decisions.c.id.in_(ids))
    )
    return {
        row.id: SealedRow(
            subject=SubjectId(row.subject_id), sealed=row.sealed, wrapped_key=row.wrapped
        )
        for row in await connection.execute(statement)
    }
