"""Codes that are polled with: one use, stored hashed; how each stands, and how fast it is polled.

A person comes to a device's by its user code, and to an agent's because it is addressed to them
(``approvals``).  A code is pending, then approved or denied by a person, then consumed by its
client.  Each step is one statement that names the state it starts from, so that of any number at
once one wins.  Spec: RFC 8628, OpenID CIBA Core.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import SECOND, Instant
from consentid.store.tables import device_codes

SLOWER_S: Final = 5
"""By how much a device that polls too fast has to slow down.  Spec: RFC 8628 section 3.5."""
SLOWEST_S: Final = 60
"""A device that never listens would else be told to wait for longer than its code lives."""


class DeviceCodeStatus(StrEnum):
    """How a code stands."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    CONSUMED = "consumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCode:
    """What a device waits for, and what came of it."""

    device_code_hash: bytes
    user_code_hash: bytes | None
    """None where it is addressed to a person."""
    client_id: str
    scopes: frozenset[str]
    resource: str | None
    details: bytes | None
    sealed_name: bytes | None
    """What the device calls itself; under the subject's key once it is approved, gone after."""
    interval_s: int
    """How long the device has to wait between two polls."""
    created_at: Instant
    expires_at: Instant
    status: DeviceCodeStatus = DeviceCodeStatus.PENDING
    subject: SubjectId | None = None
    """Who approved it."""
    auth_time: Instant | None = None
    acr: str | None = None
    polled_at: Instant | None = None
    addressee: bytes | None = None
    """Whom a client asks for, hashed; None where whoever reads the device is asked."""
    sealed_request: bytes | None = None
    """What they are shown of it, under a key of the hub; gone once it was answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Who approves, and how they had signed in."""

    subject: SubjectId
    auth_time: Instant | None
    acr: str | None
    rests_on: tuple[str, ...] | None = None
    """The purposes granted of the code's details; None where it rests on none."""
    sealed_name: bytes | None = None
    """What the device calls itself, under the subject's key."""
    details: bytes | None = None
    """The code's details as far as they were granted; None where they stay as they are."""


def code_of(row: Row[Any]) -> DeviceCode:
    """A row as it is spoken of."""
    return DeviceCode(
        device_code_hash=row.device_code_hash,
        user_code_hash=row.user_code_hash,
        client_id=row.client_id,
        scopes=frozenset(row.scopes),
        resource=row.resource,
        details=row.details,
        sealed_name=row.sealed_name,
        interval_s=row.interval_s,
        created_at=row.created_at,
        expires_at=row.expires_at,
        status=DeviceCodeStatus(row.status),
        subject=None if row.subject_id is None else SubjectId(row.subject_id),
        auth_time=row.auth_time,
        acr=row.acr,
        polled_at=row.polled_at,
        addressee=row.addressee,
        sealed_request=row.sealed_request,
    )


async def add(connection: AsyncConnection, code: DeviceCode) -> bool:
    """Keep a new code's hashes; false where another has the same user code."""
    statement = (
        insert(device_codes)
        .values(
            device_code_hash=code.device_code_hash,
            user_code_hash=code.user_code_hash,
            client_id=code.client_id,
            scopes=sorted(code.scopes),
            resource=code.resource,
            details=code.details,
            sealed_name=code.sealed_name,
            addressee=code.addressee,
            sealed_request=code.sealed_request,
            status=code.status,
            interval_s=code.interval_s,
            created_at=code.created_at,
            expires_at=code.expires_at,
        )
        .on_conflict_do_nothing(index_elements=[device_codes.c.user_code_hash])
        .returning(device_codes.c.device_code_hash)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def find(connection: AsyncConnection, device_code_hash: bytes) -> DeviceCode | None:
    """The code with this hash, answered, consumed and expired ones too."""
    statement = select(device_codes).where(device_codes.c.device_code_hash == device_code_hash)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else code_of(row)


async def find_waiting(
    connection: AsyncConnection, user_code_hash: bytes, *, now: Instant
) -> DeviceCode | None:
    """The code that a person may still answer."""
    statement = select(device_codes).where(
        device_codes.c.user_code_hash == user_code_hash,
        device_codes.c.status == DeviceCodeStatus.PENDING,
        device_codes.c.expires_at > now,
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else code_of(row)


async def note_poll(
    connection: AsyncConnection,
    device_code_hash: bytes,
    *,
    now: Instant,
    heard: tuple[Instant, int] | None = None,
) -> bool:
    """Keep that a device asked; true where it asked too soon, and has to wait for longer now.

    ``heard``: when this process heard it last, and the interval that it told it then.
    """
    statement = (
        select(device_codes)
        .where(device_codes.c.device_code_hash == device_code_hash)
        .with_for_update()
    )
    code = code_of((await connection.execute(statement)).one())
    polled_at, interval_s = code.polled_at, code.interval_s
    if heard is not None:
        polled_at, interval_s = max(polled_at or heard[0], heard[0]), max(interval_s, heard[1])
    is_too_soon = polled_at is not None and now < polled_at + interval_s * SECOND
    await connection.execute(
        update(device_codes)
        .where(device_codes.c.device_code_hash == device_code_hash)
        .values(polled_at=now, interval_s=slower(interval_s) if is_too_soon else interval_s)
    )
    return is_too_soon


def slower(interval_s: int) -> int:
    """How long a device has to wait from now on that asked too soon.  Seconds."""
    return min(interval_s + SLOWER_S, SLOWEST_S)


async def approve(
    connection: AsyncConnection, device_code_hash: bytes, approval: Approval, *, now: Instant
) -> bool:
    """Let a person approve a waiting code; false where it was answered or has expired."""
    return await _answer(
        connection,
        device_code_hash,
        now,
        status=DeviceCodeStatus.APPROVED,
        subject_id=approval.subject,
        auth_time=approval.auth_time,
        acr=approval.acr,
        rests_on=approval.rests_on,
        sealed_name=approval.sealed_name,
        **({} if approval.details is None else {"details": approval.details}),
    )


async def deny(
    connection: AsyncConnection,
    device_code_hash: bytes,
    *,
    now: Instant,
    subject: SubjectId | None = None,
    is_reported: bool = False,
) -> bool:
    """Let a person deny a waiting code; false where it was answered or has expired.

    ``subject`` is who denies, where that is known; ``is_reported``: they say it is none of theirs.
    """
    return await _answer(
        connection,
        device_code_hash,
        now,
        status=DeviceCodeStatus.DENIED,
        subject_id=subject,
        sealed_name=None,
        reported_at=now if is_reported else None,
    )


async def consume(
    connection: AsyncConnection, device_code_hash: bytes, *, now: Instant
) -> DeviceCode | None:
    """Use an approved code, once; None where it is not approved any more, or has expired."""
    statement = (
        update(device_codes)
        .where(
            device_codes.c.device_code_hash == device_code_hash,
            device_codes.c.status == DeviceCodeStatus.APPROVED,
            device_codes.c.expires_at > now,
        )
        .values(status=DeviceCodeStatus.CONSUMED, sealed_name=None)
        .returning(device_codes)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else code_of(row)


async def delete_expired(connection: AsyncConnection, *, before: Instant) -> int:
    """Forget codes that ended before an instant; returns how many.

    Until then a device that still asks is told that its code has expired.
    """
    gone = await connection.execute(delete(device_codes).where(device_codes.c.expires_at < before))
    return gone.rowcount


async def _answer(
    connection: AsyncConnection, device_code_hash: bytes, now: Instant, **values: object
) -> bool:
    statement = (
        update(device_codes)
        .where(
            device_codes.c.device_code_hash == device_code_hash,
            device_codes.c.status == DeviceCodeStatus.PENDING,
            device_codes.c.expires_at > now,
        )
        .values(sealed_request=None, **values)
    )
    return (await connection.execute(statement)).rowcount == 1
