"""Erasures: who asked for which, until when a subject is kept aside, what was shredded.

As the serving role may: a subject is set aside, out of its own reach, and never destroyed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Row,
    Uuid,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.tables import (
    InstantType,
    access_tokens,
    account_devices,
    audience_states,
    authorization_codes,
    device_codes,
    erasures,
    hand_offs,
    hub_sessions,
    idempotency_keys,
    projections,
    refresh_tokens,
    signals_seen,
    status_indices,
    subjects,
    support_codes,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """What was asked for, and nothing of whom."""

    id: UUID
    reason: str
    asked_by: str
    """The client, or the operator."""
    restricted_at: Instant
    shred_at: Instant
    """When the proof is needed no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRow(Requested):
    """An erasure that waits: its subject is set aside, and not shredded yet."""

    subject: SubjectId


def erasure_of(row: Row[Any]) -> ErasureRow:
    """A row of the table that still names its subject."""
    return ErasureRow(
        id=row.id,
        subject=SubjectId(row.subject_id),
        reason=row.reason,
        asked_by=row.asked_by,
        restricted_at=row.restricted_at,
        shred_at=row.shred_at,
    )


async def add(
    connection: AsyncConnection, erasure: ErasureRow, *, listed_at: Instant | None
) -> None:
    """Note that an erasure was asked for; ``listed_at``: since when the list outside names it."""
    await connection.execute(
        insert(erasures).values(
            id=erasure.id,
            subject_id=erasure.subject,
            reason=erasure.reason,
            asked_by=erasure.asked_by,
            restricted_at=erasure.restricted_at,
            shred_at=erasure.shred_at,
            listed_at=listed_at,
        )
    )


async def find_of(connection: AsyncConnection, subject: SubjectId) -> ErasureRow | None:
    """What was asked for a subject; None for nothing, and once nothing is left of it."""
    statement = select(erasures).where(erasures.c.subject_id == subject)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else erasure_of(row)


async def pending(
    connection: AsyncConnection, *, after: UUID | None = None, limit: int | None = None
) -> Sequence[ErasureRow]:
    """Whatever is not shredded yet, the first due first; all of it, or ``limit`` after another."""
    place = erasures.c.shred_at, erasures.c.id
    statement = (
        select(erasures).where(erasures.c.shredded_at.is_(None)).order_by(*place).limit(limit)
    )
    if after is not None:
        last = erasures.alias()
        before = select(last.c.shred_at, last.c.id).where(last.c.id == after).scalar_subquery()
        statement = statement.where(tuple_(*place) > before)
    return [erasure_of(row) for row in await connection.execute(statement)]


async def made_between(connection: AsyncConnection, first: UUID, last: UUID) -> Sequence[SubjectId]:
    """Subjects that are not erased, by the time in their ids."""
    rows = await connection.scalars(
        select(subjects.c.id).where(
            subjects.c.id.between(first, last), subjects.c.erased_at.is_(None)
        )
    )
    return [SubjectId(row) for row in rows]


async def known(connection: AsyncConnection, ids: Sequence[UUID]) -> frozenset[UUID]:
    """Those of some erasures that this database knows of."""
    found = await connection.scalars(select(erasures.c.id).where(erasures.c.id.in_(ids)))
    return frozenset(found)


async def set_aside(connection: AsyncConnection, subject: SubjectId, *, at: Instant) -> None:
    """Put a subject out of reach: its key, what it was known by, and all that spoke for it.

    The erasure was added before; the caller holds the subject's lock and has ended its sessions.
    """
    await connection.execute(update(subjects).where(subjects.c.id == subject).values(erased_at=at))
    await forget(connection, subject, at=at)
    await connection.execute(
        text("SELECT set_aside(:subject)").bindparams(bindparam("subject", subject, Uuid))
    )


async def forget(connection: AsyncConnection, subject: SubjectId, *, at: Instant) -> None:
    """Remove all that a subject is served by; what it decided stays.

    Its places in the status lists are nobody's from now on, and show that their tokens ended.
    """
    await connection.execute(
        update(status_indices)
        .where(status_indices.c.subject_id == subject)
        .values(
            subject_id=None,
            audience=None,
            revoked_at=func.coalesce(status_indices.c.revoked_at, literal(at, InstantType)),
        )
    )
    for table, column in (
        (projections, projections.c.subject_id),
        (audience_states, audience_states.c.subject_id),
        (signals_seen, signals_seen.c.subject_id),
        (signals_seen, signals_seen.c.device_id),
        (account_devices, account_devices.c.account_id),
        (account_devices, account_devices.c.device_id),
        (access_tokens, access_tokens.c.subject_id),
        (access_tokens, access_tokens.c.device_id),
        (authorization_codes, authorization_codes.c.subject_id),
        (authorization_codes, authorization_codes.c.device_id),
        (refresh_tokens, refresh_tokens.c.subject_id),
        (device_codes, device_codes.c.subject_id),
        (hand_offs, hand_offs.c.subject_id),
        (hub_sessions, hub_sessions.c.account_id),
        (support_codes, support_codes.c.subject_id),
    ):
        await connection.execute(delete(table).where(column == subject))
    # Somebody else's, who is signed in on this device: theirs go on without it.
    for table in (refresh_tokens, hub_sessions):
        await connection.execute(
            update(table).where(table.c.device_id == subject).values(device_id=None)
        )
    await connection.execute(
        update(idempotency_keys)
        .where(idempotency_keys.c.subject_id == subject)
        .values(subject_id=None, sealed_answer=None)
    )
