"""Erasures beside what is there of them, for whoever checks all of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import exists, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store.erasures import Requested
from consentid.store.tables import erased_decisions, erasures, ledger_entries, staged_entries


@dataclass(frozen=True, slots=True, kw_only=True)
class ShreddedRow:
    """What was said of an erasure when it was done, and what is there of it."""

    id: UUID
    event_id: UUID
    record: bytes
    shredded_at: Instant
    decisions: int
    digest: bytes
    """SHA-256 over the ids of these, and of whatever else left, in their order."""
    is_logged: bool
    """Or staged."""


async def requested(connection: AsyncConnection, ids: Sequence[UUID]) -> Sequence[Requested]:
    """Those of some events that are requests for an erasure."""
    rows = await connection.execute(select(erasures).where(erasures.c.id.in_(ids)))
    return [
        Requested(
            id=row.id,
            reason=row.reason,
            asked_by=row.asked_by,
            restricted_at=row.restricted_at,
            shred_at=row.shred_at,
        )
        for row in rows
    ]


_IS_DECISION: Final = erased_decisions.c.kind.in_(("decision", "signal", "claim"))
_NOTHING: Final = literal(b"")
_IDS: Final = func.string_agg(
    func.uuid_send(erased_decisions.c.id), aggregate_order_by(_NOTHING, erased_decisions.c.id)
)
_IN_LOG: Final = exists().where(ledger_entries.c.event_id == erasures.c.event_id)
_STAGED: Final = exists().where(staged_entries.c.event_id == erasures.c.event_id)
_SHREDDED: Final = (
    select(
        erasures.c.id,
        erasures.c.event_id,
        erasures.c.record,
        erasures.c.shredded_at,
        func.count(erased_decisions.c.id).filter(_IS_DECISION).label("decisions"),
        func.sha256(func.coalesce(_IDS, _NOTHING)).label("digest"),
        (_IN_LOG | _STAGED).label("is_logged"),
    )
    .join_from(
        erasures, erased_decisions, erased_decisions.c.erasure_id == erasures.c.id, isouter=True
    )
    .where(erasures.c.shredded_at.is_not(None))
    .group_by(erasures.c.id)
    .order_by(erasures.c.id)
)


async def shredded_by(connection: AsyncConnection, events: Sequence[UUID]) -> Sequence[ShreddedRow]:
    """The erasures that some entries of the log are about."""
    rows = await connection.execute(_SHREDDED.where(erasures.c.event_id.in_(events)))
    return [ShreddedRow(**row) for row in rows.mappings()]


async def shredded_after(
    connection: AsyncConnection, after: UUID, *, limit: int
) -> Sequence[ShreddedRow]:
    """Erasures that were done, by their ids."""
    rows = await connection.execute(_SHREDDED.where(erasures.c.id > after).limit(limit))
    return [ShreddedRow(**row) for row in rows.mappings()]
