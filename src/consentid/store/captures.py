"""Captures: what others say that people said, as it is stored, sealed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, delete, exists, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.capture import CaptureId, CaptureState
from consentid.core.clock import Timing
from consentid.core.decision import Channel, Interval, SubjectId
from consentid.core.party import Party
from consentid.kit.instants import Instant
from consentid.store.groups import by_subject
from consentid.store.tables import captures, clients, field_entries


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRow:
    """One capture."""

    id: CaptureId
    client_id: str
    party: str
    state: CaptureState
    channel: Channel
    operator_hash: bytes
    key_hash: bytes
    evidence_hash: bytes | None
    """None where the evidence has neither a reference nor a digest: nothing to know it by."""
    digest: bytes
    """Of all that was handed in, keyed."""
    subject: SubjectId | None
    wrapped_key: bytes | None
    sealed: bytes | None
    """None once it is shredded."""
    timing: Timing
    recorded_at: Instant
    expires_at: Instant
    ended_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How many captures came within a while."""

    of_operator: int
    """With those that were held."""
    of_party: int
    """Without: what one operator does in a rage holds up nobody else."""
    held_of_operator: int
    held_of_party: int


async def add(connection: AsyncConnection, row: CaptureRow) -> bool:
    """Keep a capture; False where its key or its evidence came before."""
    new = await connection.execute(
        insert(captures).values(_values(row)).on_conflict_do_nothing().returning(captures.c.id)
    )
    return new.first() is not None


async def find(
    connection: AsyncConnection, capture: UUID, *, lock: bool = False
) -> CaptureRow | None:
    """A capture; ``lock`` keeps others from changing it until the transaction ends."""
    return await _find(connection, captures.c.id == capture, lock=lock)


async def find_same(
    connection: AsyncConnection, *, client_id: str, key_hash: bytes
) -> CaptureRow | None:
    """The capture that a client handed in under a key."""
    return await _find(
        connection, captures.c.client_id == client_id, captures.c.key_hash == key_hash
    )


async def find_by_evidence(connection: AsyncConnection, evidence_hash: bytes) -> CaptureRow | None:
    """The capture that rests on some evidence."""
    return await _find(connection, captures.c.evidence_hash == evidence_hash)


async def save(connection: AsyncConnection, row: CaptureRow) -> None:
    """Keep what became of a capture.  The caller holds its lock."""
    await connection.execute(
        update(captures)
        .where(captures.c.id == row.id)
        .values(
            state=row.state,
            subject_id=row.subject,
            wrapped_key=row.wrapped_key,
            sealed=row.sealed,
            ended_at=row.ended_at,
        )
    )


async def pace(
    connection: AsyncConnection,
    *,
    client_id: str,
    operator_hash: bytes,
    party: Party,
    since: Instant,
) -> Pace:
    """How many captures an operator of a client, and all clients of a party, handed in since.

    What capture devices brought is not among them: that has a pace of its own.
    """
    by_operator = captures.c.client_id == client_id, captures.c.operator_hash == operator_hash
    is_held = captures.c.state == CaptureState.HELD
    counts = (
        func.count().filter(*by_operator),
        func.count().filter(~is_held),
        func.count().filter(*by_operator, is_held),
        func.count().filter(is_held),
    )
    row = (
        await connection.execute(
            select(*counts).where(
                captures.c.client_id.in_(
                    select(clients.c.client_id).where(
                        clients.c.party_kind == party.kind, clients.c.party_slug == party.slug
                    )
                ),
                captures.c.recorded_at > since,
                ~exists().where(field_entries.c.capture_id == captures.c.id),
            )
        )
    ).one()
    return Pace(of_operator=row[0], of_party=row[1], held_of_operator=row[2], held_of_party=row[3])


async def page_of_client(
    connection: AsyncConnection,
    client_id: str,
    *,
    before: tuple[Instant, UUID] | None,
    limit: int,
) -> Sequence[CaptureRow]:
    """At most ``limit`` captures of a client, the newest first, older than ``before``."""
    of = captures.c.client_id == client_id
    return await _page(connection, of, before=before, limit=limit)


async def page_of_subject(
    connection: AsyncConnection,
    subject: SubjectId,
    *,
    before: tuple[Instant, UUID] | None = None,
    limit: int | None = None,
) -> Sequence[CaptureRow]:
    """The same of those that are known to be of one person; ``limit`` None: all of them."""
    of = captures.c.subject_id == subject
    return await _page(connection, of, before=before, limit=limit)


async def ids_of_subjects(
    connection: AsyncConnection, subjects: Collection[SubjectId]
) -> Mapping[SubjectId, Sequence[CaptureId]]:
    """All captures of each person, by their ids."""
    found = await connection.execute(
        select(captures.c.subject_id, captures.c.id)
        .where(captures.c.subject_id.in_(subjects))
        .order_by(captures.c.id)
    )
    return by_subject((row.subject_id, CaptureId(row.id)) for row in found)


async def _page(
    connection: AsyncConnection,
    of: ColumnElement[bool],
    *,
    before: tuple[Instant, UUID] | None,
    limit: int | None,
) -> Sequence[CaptureRow]:
    statement = select(captures).where(of)
    if before is not None:
        place = tuple_(captures.c.recorded_at, captures.c.id)
        types = (captures.c.recorded_at.type, captures.c.id.type)
        statement = statement.where(place < tuple_(*before, types=types))
    rows = await connection.execute(
        statement.order_by(captures.c.recorded_at.desc(), captures.c.id.desc()).limit(limit)
    )
    return [_row(row) for row in rows]


async def held(
    connection: AsyncConnection, *, client_id: str | None, limit: int
) -> Sequence[CaptureRow]:
    """Captures that are held, the oldest first; ``client_id``: of one client only."""
    statement = select(captures).where(captures.c.state == CaptureState.HELD)
    if client_id is not None:
        statement = statement.where(captures.c.client_id == client_id)
    rows = await connection.execute(
        statement.order_by(captures.c.recorded_at, captures.c.id).limit(limit)
    )
    return [_row(row) for row in rows]


async def expire(connection: AsyncConnection, *, now: Instant) -> int:
    """End what waited too long; how many.  Of people nobody ever knew, nothing is kept."""
    ended = (
        update(captures)
        .where(captures.c.ended_at.is_(None), captures.c.expires_at <= now)
        .values(state=CaptureState.EXPIRED, ended_at=now)
    )
    known = await connection.execute(ended.where(captures.c.subject_id.is_not(None)))
    unknown = await connection.execute(
        ended.where(captures.c.subject_id.is_(None)).values(wrapped_key=None, sealed=None)
    )
    return known.rowcount + unknown.rowcount


async def forget(connection: AsyncConnection, *, before: Instant) -> int:
    """Remove what ended long ago and is nobody's; how many."""
    gone = await connection.execute(
        delete(captures).where(captures.c.subject_id.is_(None), captures.c.ended_at < before)
    )
    return gone.rowcount


async def _find(
    connection: AsyncConnection, *where: ColumnElement[bool], lock: bool = False
) -> CaptureRow | None:
    statement = select(captures).where(*where)
    if lock:
        statement = statement.with_for_update()
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _row(row)


_PLAIN: Final = (
    *("id", "client_id", "party", "state", "channel", "operator_hash", "key_hash"),
    *("evidence_hash", "digest", "wrapped_key", "sealed", "recorded_at"),
    *("expires_at", "ended_at"),
)


def _values(row: CaptureRow) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in _PLAIN},
        "subject_id": row.subject,
        "early": row.timing.interval.early,
        "late": row.timing.interval.late,
        "clock_unproven": row.timing.clock_unproven,
    }


def _row(row: Row[*tuple[Any, ...]]) -> CaptureRow:
    plain: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN}
    plain["id"] = CaptureId(row.id)
    plain["state"] = CaptureState(row.state)
    plain["channel"] = Channel(row.channel)
    interval = Interval(early=row.early, late=row.late)
    return CaptureRow(
        subject=None if row.subject_id is None else SubjectId(row.subject_id),
        timing=Timing(interval=interval, clock_unproven=row.clock_unproven),
        **plain,
    )
