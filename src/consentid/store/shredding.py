"""Shred a subject: as the erasing role, which alone may destroy a key.

Of its decisions there stays what the log says of them anyway; of everything else nothing.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Table,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.erasures import ErasureRow, erasure_of, forget
from consentid.store.tables import (
    captures,
    decisions,
    entry_bodies,
    erased_decisions,
    erasures,
    events,
    logout_notices,
    outbox,
    reads,
    restricted_subjects,
    subjects,
    webhook_deliveries,
)

PRIVILEGES: Final[Mapping[str, tuple[str, ...]]] = {
    "SELECT": ("outbox",),
    "SELECT (subject_id)": ("subject_keys",),
    "SELECT, INSERT": ("erased_decisions", "staged_entries"),
    "SELECT, UPDATE": (
        *("erasures", "status_indices", "idempotency_keys", "events", "webhook_deliveries"),
    ),
    "SELECT, DELETE": (
        *("captures", "decisions", "entry_bodies", "restricted_subjects", "subjects", "reads"),
        *("projections", "audience_states", "signals_seen", "account_devices", "access_tokens"),
        *("authorization_codes", "device_codes", "hand_offs", "logout_notices", "support_codes"),
    ),
    "SELECT, UPDATE, DELETE": ("refresh_tokens", "hub_sessions"),
}
"""What the erasing role needs, and all that it gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shredded:
    """What the log goes on saying of a subject."""

    decisions: int
    entries: Sequence[UUID]
    """Decisions and whatever else it says, by their ids in order."""


KIND: Final = case(
    (decisions.c.adopted_from.is_not(None), "claim"),
    (decisions.c.signal.is_not(None), "signal"),
    else_="decision",
)
"""What the log calls a decision."""


async def grant(connection: AsyncConnection, role: str) -> None:
    """Let a role shred.  Runs as the owner of the tables; again changes nothing."""
    quoted = '"' + role.replace('"', '""') + '"'
    for privileges, names in PRIVILEGES.items():
        await connection.execute(text(f"GRANT {privileges} ON {', '.join(names)} TO {quoted}"))


async def unlisted(connection: AsyncConnection) -> Sequence[ErasureRow]:
    """Erasures that the list outside does not name yet, held for this transaction."""
    statement = (
        select(erasures)
        .where(erasures.c.listed_at.is_(None), erasures.c.shredded_at.is_(None))
        .order_by(erasures.c.restricted_at, erasures.c.id)
        .with_for_update()
    )
    return [erasure_of(row) for row in await connection.execute(statement)]


async def note_listed(connection: AsyncConnection, ids: Sequence[UUID], *, at: Instant) -> None:
    """Note that the list outside names them now."""
    await connection.execute(update(erasures).where(erasures.c.id.in_(ids)).values(listed_at=at))


async def take_due(
    connection: AsyncConnection, *, now: Instant, only_listed: bool, before_time: UUID | None
) -> ErasureRow | None:
    """An erasure whose time has come, held for this transaction; None for none.

    ``before_time`` is one that does not wait for its time.

    Whoever is to be told that a subject is erased is told first, while there is a row that says so.
    """
    is_untold = exists().where(outbox.c.subject_id == erasures.c.subject_id)
    statement = (
        select(erasures)
        .where(
            erasures.c.shredded_at.is_(None),
            (erasures.c.shred_at <= now) | (erasures.c.id == before_time),
            ~is_untold,
        )
        .order_by(erasures.c.shred_at, erasures.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if only_listed:
        statement = statement.where(erasures.c.listed_at.is_not(None))
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else erasure_of(row)


async def shred(connection: AsyncConnection, erasure: ErasureRow, *, at: Instant) -> Shredded:
    """Destroy the key, then everything that names the subject; what the log says of it stays.

    The caller goes on with ``settle``.
    """
    whom = erasure.subject
    await connection.execute(
        delete(restricted_subjects).where(restricted_subjects.c.subject_id == whom)
    )
    kept = [
        await _keep(connection, erasure, decisions.c.id, KIND, of=decisions),
        await _keep(
            connection, erasure, entry_bodies.c.event_id, entry_bodies.c.kind, of=entry_bodies
        ),
    ]
    await forget(connection, whom, at=at)
    for table in (captures, reads, logout_notices):
        await connection.execute(delete(table).where(table.c.subject_id == whom))
    await _blot_events(connection, whom)
    return Shredded(decisions=len(kept[0]), entries=sorted(itertools.chain(*kept)))


async def _keep(
    connection: AsyncConnection,
    erasure: ErasureRow,
    id_: ColumnElement[UUID],
    kind: ColumnElement[str],
    *,
    of: Table,
) -> Sequence[UUID]:
    """Keep what the log says of a table's rows anyway, and remove them."""
    is_theirs = of.c.subject_id == erasure.subject
    said = select(id_, literal(erasure.id), of.c.recorded_at, kind, of.c.commitment)
    kept = await connection.scalars(
        insert(erased_decisions)
        .from_select(
            ["id", "erasure_id", "recorded_at", "kind", "commitment"], said.where(is_theirs)
        )
        .returning(erased_decisions.c.id)
    )
    ids = kept.all()
    if ids:
        await connection.execute(delete(of).where(is_theirs))
    return ids


async def _blot_events(connection: AsyncConnection, whom: SubjectId) -> None:
    """Leave the places of a subject's events in their streams, and nothing in them."""
    blotted = (
        update(events)
        .where(events.c.subject_id == whom)
        .values(subject_id=func.gen_random_uuid(), lane=0, sealed=b"")
        .returning(events.c.stream_no, events.c.seq)
        .cte("blotted")
    )
    await connection.execute(
        update(webhook_deliveries)
        .where(
            webhook_deliveries.c.stream_no == blotted.c.stream_no,
            webhook_deliveries.c.seq == blotted.c.seq,
        )
        .values(lane=0)
    )


async def settle(
    connection: AsyncConnection, erasure: ErasureRow, *, event_id: UUID, record: bytes, at: Instant
) -> None:
    """Say that a subject was shredded, and know it no more."""
    await connection.execute(
        update(erasures)
        .where(erasures.c.id == erasure.id)
        .values(subject_id=None, shredded_at=at, event_id=event_id, record=record)
    )
    await connection.execute(delete(subjects).where(subjects.c.id == erasure.subject))
