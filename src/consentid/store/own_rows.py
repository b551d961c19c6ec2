"""What lies in the database of one subject, beside its decisions and sessions, as it may be told.

Hashes are left out: they tell a person nothing, and are no use but for comparing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Table, case, false, literal, null, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.tables import (
    access_tokens,
    authorization_codes,
    device_codes,
    devices,
    event_streams,
    events,
    hand_offs,
    idempotency_keys,
    logout_notices,
    outbox,
    refresh_tokens,
    signals_seen,
    status_indices,
    subjects,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSubject:
    """Since when a subject is known; of a device, where it was made and until when it holds."""

    created_at: Instant
    client_id: str | None
    origin: str | None
    expires_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnToken:
    """Something issued that speaks of a subject, or did."""

    kind: str
    client_id: str
    issued_at: Instant
    expires_at: Instant
    has_ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPlace:
    """A place in a status list that tokens pointed to."""

    audience: str
    list_no: int
    idx: int
    revoked_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnNotice:
    """Something that a client was told, or is about to be."""

    kind: str
    client_id: str | None
    at: Instant


async def find_subject(connection: AsyncConnection, subject: SubjectId) -> OwnSubject:
    """The subject itself."""
    statement = (
        select(subjects.c.created_at, devices.c.client_id, devices.c.origin, devices.c.expires_at)
        .outerjoin(devices, devices.c.subject_id == subjects.c.id)
        .where(subjects.c.id == subject)
    )
    return OwnSubject(**(await connection.execute(statement)).mappings().one())


async def signals(connection: AsyncConnection, subject: SubjectId) -> Sequence[tuple[str, bool]]:
    """Signals seen of a subject's browsers, and whether each was on when last seen."""
    rows = await connection.execute(
        select(signals_seen.c.source, signals_seen.c.is_on)
        .where(signals_seen.c.subject_id == subject)
        .order_by(signals_seen.c.source)
    )
    return [(row.source, row.is_on) for row in rows]


_USED: Final = refresh_tokens.c.used_at.is_not(None) | refresh_tokens.c.revoked_at.is_not(None)
_TOKENS: Final[Sequence[tuple[Table, str, ColumnElement[bool]]]] = (
    (access_tokens, "issued_at", false()),
    (refresh_tokens, "issued_at", _USED),
    (authorization_codes, "issued_at", authorization_codes.c.used_at.is_not(None)),
    (device_codes, "created_at", device_codes.c.status != "approved"),
    (hand_offs, "issued_at", hand_offs.c.used_at.is_not(None)),
)
_APPROVAL: Final = "approvals"
"""What a code is called that no television shows."""


async def tokens(connection: AsyncConnection, subject: SubjectId) -> Sequence[OwnToken]:
    """What was issued and is not forgotten yet, the latest first."""
    every = union_all(
        *(
            select(
                _kind(table).label("kind"),
                table.c.client_id,
                table.c[issued].label("issued_at"),
                table.c.expires_at,
                ended.label("has_ended"),
            ).where(table.c.subject_id == subject)
            for table, issued, ended in _TOKENS
        )
    ).subquery()
    rows = await connection.execute(select(every).order_by(every.c.issued_at.desc()))
    return [OwnToken(**row) for row in rows.mappings()]


def _kind(table: Table) -> ColumnElement[str]:
    name = literal(table.name)
    if table is not device_codes:
        return name
    return case((device_codes.c.addressee.is_not(None), _APPROVAL), else_=name)


async def places(connection: AsyncConnection, subject: SubjectId) -> Sequence[OwnPlace]:
    """Places in the status lists, those of today and those that ended."""
    rows = await connection.execute(
        select(
            status_indices.c.audience,
            status_indices.c.list_no,
            status_indices.c.idx,
            status_indices.c.revoked_at,
        )
        .where(status_indices.c.subject_id == subject)
        .order_by(status_indices.c.audience, status_indices.c.list_no, status_indices.c.idx)
    )
    return [OwnPlace(**row) for row in rows.mappings()]


async def notices(connection: AsyncConnection, subject: SubjectId) -> Sequence[OwnNotice]:
    """What clients were told of a subject and is still kept, or waits to be told; oldest first."""
    every = union_all(
        select(events.c.kind, event_streams.c.client_id, events.c.at)
        .join_from(
            events, event_streams, event_streams.c.stream_no == events.c.stream_no, isouter=True
        )
        .where(events.c.subject_id == subject),
        select(outbox.c.kind, null().label("client_id"), outbox.c.created_at).where(
            outbox.c.subject_id == subject
        ),
        select(
            literal("logout").label("kind"), logout_notices.c.client_id, logout_notices.c.queued_at
        ).where(logout_notices.c.subject_id == subject),
        select(
            literal("repeat").label("kind"),
            idempotency_keys.c.client_id,
            idempotency_keys.c.created_at,
        ).where(idempotency_keys.c.subject_id == subject),
    ).subquery()
    rows = await connection.execute(select(every).order_by(every.c.at))
    return [OwnNotice(kind=row.kind, client_id=row.client_id, at=row.at) for row in rows]
