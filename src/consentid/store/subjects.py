"""Subjects: persons known by the portal, and devices; their keys and their projections."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.core.party import Party, PartyKind, Slug
from consentid.kit.instants import Instant
from consentid.store.tables import (
    account_devices,
    clients,
    devices,
    known_subjects,
    projections,
    subject_keys,
    subjects,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRow:
    """What the database holds of a subject, still sealed."""

    id: SubjectId
    version: int
    """Rises with each decision of this subject."""
    wrapped_key: bytes
    sealed_projection: bytes
    adult: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubject:
    """A subject about to be made."""

    id: SubjectId
    wrapped_key: bytes
    sealed_projection: bytes
    created_at: Instant


async def _insert(connection: AsyncConnection, new: NewSubject, kind: str) -> None:
    await connection.execute(
        insert(subjects).values(id=new.id, kind=kind, created_at=new.created_at)
    )
    await connection.execute(
        insert(subject_keys).values(subject_id=new.id, wrapped=new.wrapped_key)
    )
    await connection.execute(
        insert(projections).values(subject_id=new.id, version=0, sealed=new.sealed_projection)
    )


async def find_known(connection: AsyncConnection, identity_hash: bytes) -> SubjectId | None:
    """The subject of a portal identity."""
    found = await connection.scalar(
        select(known_subjects.c.subject_id).where(known_subjects.c.identity_hash == identity_hash)
    )
    return None if found is None else SubjectId(found)


async def create_known(
    connection: AsyncConnection, new: NewSubject, *, identity_hash: bytes, adult: bool
) -> None:
    """Make a known subject.  The caller holds ``lock_identity``."""
    await _insert(connection, new, "known")
    await connection.execute(
        insert(known_subjects).values(identity_hash=identity_hash, subject_id=new.id, adult=adult)
    )


async def is_known(connection: AsyncConnection, subject: SubjectId) -> bool:
    """Whether it is an account, and no device."""
    kind = await connection.scalar(select(subjects.c.kind).where(subjects.c.id == subject))
    return kind == "known"


async def set_adult(connection: AsyncConnection, subject: SubjectId, *, adult: bool) -> bool:
    """Keep what the portal says now; returns whether it said otherwise before."""
    changed = await connection.execute(
        update(known_subjects)
        .where(known_subjects.c.subject_id == subject, known_subjects.c.adult != adult)
        .values(adult=adult)
    )
    return changed.rowcount > 0


async def create_device(
    connection: AsyncConnection,
    new: NewSubject,
    *,
    credential_hash: bytes,
    client_id: str,
    origin: str | None,
    expires_at: Instant,
) -> None:
    """Make a device subject."""
    await _insert(connection, new, "device")
    await connection.execute(
        insert(devices).values(
            subject_id=new.id,
            credential_hash=credential_hash,
            client_id=client_id,
            origin=origin,
            created_at=new.created_at,
            expires_at=expires_at,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRow:
    """A device, found by its credential."""

    id: SubjectId
    origin: str | None
    """The origin that the device is bound to, if any."""
    made_for: Party | None
    """Whose client made it; None where that client is known no more."""
    expires_at: Instant


async def is_credential_taken(connection: AsyncConnection, credential_hash: bytes) -> bool:
    """Whether a device has or had this credential, be it forgotten or erased since."""
    statement = select(devices.c.subject_id).where(devices.c.credential_hash == credential_hash)
    return (await connection.execute(statement)).first() is not None


async def find_device(connection: AsyncConnection, credential_hash: bytes) -> DeviceRow | None:
    """The device that holds this credential; expired ones are returned too."""
    statement = (
        select(
            *(devices.c.subject_id, devices.c.origin, devices.c.expires_at),
            *(clients.c.party_kind, clients.c.party_slug),
        )
        .join(subjects, subjects.c.id == devices.c.subject_id)
        .outerjoin(clients, clients.c.client_id == devices.c.client_id)
        .where(devices.c.credential_hash == credential_hash, subjects.c.erased_at.is_(None))
    )
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return None
    return DeviceRow(
        id=SubjectId(row.subject_id),
        origin=row.origin,
        made_for=None
        if row.party_kind is None
        else Party(kind=PartyKind(row.party_kind), slug=Slug(row.party_slug)),
        expires_at=row.expires_at,
    )


async def find_device_end(connection: AsyncConnection, subject: SubjectId) -> Instant | None:
    """When a device subject ends; None for an account, and for one unknown or erased."""
    return await connection.scalar(
        select(devices.c.expires_at)
        .join(subjects, subjects.c.id == devices.c.subject_id)
        .where(devices.c.subject_id == subject, subjects.c.erased_at.is_(None))
    )


async def link_device(
    connection: AsyncConnection, *, account: SubjectId, device: SubjectId, at: Instant
) -> bool:
    """Note that an account is signed in on a device; whether that is for the first time."""
    new = await connection.execute(
        insert(account_devices)
        .values(account_id=account, device_id=device, first_seen_at=at)
        .on_conflict_do_nothing()
    )
    return new.rowcount > 0


async def find_told(
    connection: AsyncConnection, *, account: SubjectId, device: SubjectId
) -> bytes | None:
    """What the person was told of this account on this device, sealed; None for nothing yet."""
    return await connection.scalar(
        select(account_devices.c.sealed_told).where(*_is_link(account, device))
    )


async def save_told(
    connection: AsyncConnection, *, account: SubjectId, device: SubjectId, sealed: bytes
) -> None:
    """Keep what the person was told of this account on this device."""
    await connection.execute(
        update(account_devices).where(*_is_link(account, device)).values(sealed_told=sealed)
    )


def _is_link(account: SubjectId, device: SubjectId) -> tuple[ColumnElement[bool], ...]:
    return (account_devices.c.account_id == account, account_devices.c.device_id == device)


_KEPT: Final = (
    select(
        projections.c.subject_id,
        projections.c.version,
        projections.c.sealed,
        subject_keys.c.wrapped,
        known_subjects.c.adult,
    )
    .join(subject_keys, subject_keys.c.subject_id == projections.c.subject_id)
    .outerjoin(known_subjects, known_subjects.c.subject_id == projections.c.subject_id)
)


async def find(
    connection: AsyncConnection, subject: SubjectId, *, lock: bool = False
) -> SubjectRow | None:
    """A subject's row, None where it is unknown or erased.

    ``lock`` serialises all writes of one subject: whoever holds it sees every earlier decision.
    """
    statement = _KEPT.where(projections.c.subject_id == subject)
    if lock:
        statement = statement.with_for_update(of=projections)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _row(row)


async def lock_keyless(connection: AsyncConnection, subject: SubjectId) -> int | None:
    """Lock a subject whose key is gone; how many decisions it has made, None where it is not so."""
    statement = (
        select(projections.c.version)
        .join(subjects, subjects.c.id == projections.c.subject_id)
        .where(
            projections.c.subject_id == subject,
            subjects.c.erased_at.is_(None),
            ~exists().where(subject_keys.c.subject_id == subject),
        )
        .with_for_update(of=projections)
    )
    return await connection.scalar(statement)


async def by_ids(
    connection: AsyncConnection, ids: Collection[SubjectId]
) -> Mapping[SubjectId, SubjectRow]:
    """The rows of those that are known and not erased."""
    rows = await connection.execute(_KEPT.where(projections.c.subject_id.in_(ids)))
    return {each.id: each for each in map(_row, rows)}


def _row(row: Row[*tuple[Any, ...]]) -> SubjectRow:
    return SubjectRow(
        id=SubjectId(row.subject_id),
        version=row.version,
        wrapped_key=row.wrapped,
        sealed_projection=row.sealed,
        adult=bool(row.adult),
    )


async def hold(connection: AsyncConnection, asked: Sequence[SubjectId]) -> frozenset[SubjectId]:
    """Those of some subjects that are not erased, and will not be until the transaction ends."""
    statement = (
        select(subjects.c.id)
        .where(subjects.c.id.in_(asked), subjects.c.erased_at.is_(None))
        .order_by(subjects.c.id)
        .with_for_update(read=True, key_share=True)
    )
    return frozenset(SubjectId(row) for row in await connection.scalars(statement))


async def every_id(connection: AsyncConnection) -> list[SubjectId]:
    """Every subject that has a projection, or ought to have one, in order; for audits."""
    has = select(projections.c.subject_id)
    ought = select(subjects.c.id).where(subjects.c.erased_at.is_(None))
    rows = await connection.scalars(has.union(ought).order_by("subject_id"))
    return [SubjectId(row) for row in rows]


async def lock_identity(connection: AsyncConnection, identity_hash: bytes) -> None:
    """Let one transaction at a time look up or make the subject of a portal identity."""
    key = int.from_bytes(identity_hash[:8], signed=True)
    await connection.execute(select(func.pg_advisory_xact_lock(key)))
