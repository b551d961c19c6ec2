"""Decisions: append-only, their bodies sealed under the subject's key."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import DecisionId, SubjectId
from consentid.kit.instants import Instant
from consentid.store.groups import by_subject
from consentid.store.tables import decisions


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """A decision as stored: the body is sealed."""

    id: DecisionId
    recorded_at: Instant
    sealed: bytes
    commitment: bytes


_COLUMNS = (
    decisions.c.id,
    decisions.c.recorded_at,
    decisions.c.sealed,
    decisions.c.commitment,
)


def _row(row: Row[*tuple[Any, ...]]) -> DecisionRow:
    return DecisionRow(
        id=DecisionId(row.id),
        recorded_at=row.recorded_at,
        sealed=row.sealed,
        commitment=row.commitment,
    )


async def of_subject(connection: AsyncConnection, subject: SubjectId) -> Sequence[DecisionRow]:
    """The full history, oldest first."""
    statement = (
        select(*_COLUMNS)
        .where(decisions.c.subject_id == subject)
        .order_by(decisions.c.recorded_at, decisions.c.id)
    )
    return [_row(row) for row in await connection.execute(statement)]


async def of_subjects(
    connection: AsyncConnection, subjects: Collection[SubjectId]
) -> Mapping[SubjectId, Sequence[DecisionRow]]:
    """The full history of each, oldest first."""
    statement = (
        select(decisions.c.subject_id, *_COLUMNS)
        .where(decisions.c.subject_id.in_(subjects))
        .order_by(decisions.c.recorded_at, decisions.c.id)
    )
    rows = await connection.execute(statement)
    return by_subject((row.subject_id, _row(row)) for row in rows)


async def ids_of_subject(connection: AsyncConnection, subject: SubjectId) -> Sequence[DecisionId]:
    """The names of all of a subject's decisions, newest first."""
    statement = (
        select(decisions.c.id)
        .where(decisions.c.subject_id == subject)
        .order_by(decisions.c.recorded_at.desc())
    )
    return [DecisionId(each) for each in await connection.scalars(statement)]


async def page(
    connection: AsyncConnection,
    subject: SubjectId,
    *,
    before: tuple[Instant, UUID] | None,
    limit: int,
) -> Sequence[DecisionRow]:
    """At most ``limit`` decisions, newest first, older than ``before``."""
    statement = select(*_COLUMNS).where(decisions.c.subject_id == subject)
    if before is not None:
        statement = statement.where(
            tuple_(decisions.c.recorded_at, decisions.c.id)
            < tuple_(*before, types=(decisions.c.recorded_at.type, decisions.c.id.type))
        )
    statement = statement.order_by(decisions.c.recorded_at.desc(), decisions.c.id.desc())
    return [_row(row) for row in await connection.execute(statement.limit(limit))]


async def find(
    connection: AsyncConnection, subject: SubjectId, decision: UUID
) -> DecisionRow | None:
    """One decision of a subject; None where it is another's, or nobody's."""
    statement = select(*_COLUMNS).where(
        decisions.c.id == decision, decisions.c.subject_id == subject
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _row(row)


async def by_ids(
    connection: AsyncConnection, ids: Collection[UUID]
) -> Mapping[DecisionId, DecisionRow]:
    """Some decisions, whoever made them."""
    rows = await connection.execute(select(*_COLUMNS).where(decisions.c.id.in_(ids)))
    return {found.id: found for found in map(_row, rows)}


async def find_subject(connection: AsyncConnection, decision: UUID) -> SubjectId | None:
    """Whose decision it is."""
    found = await connection.scalar(
        select(decisions.c.subject_id).where(decisions.c.id == decision)
    )
    return None if found is None else SubjectId(found)
