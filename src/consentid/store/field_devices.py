"""Capture devices: invited by a code, known by a key, revoked for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store.tables import field_bundles, field_devices


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDevice:
    """One device, invited or enrolled."""

    id: str
    """12 characters; its key's name in what it signs."""
    client_id: str
    name: str
    code_expires_at: Instant
    public_key: bytes | None
    """x and y of its P-256 key, 64 bytes; None until it has enrolled."""
    created_at: Instant
    enrolled_at: Instant | None
    synced_at: Instant | None
    """When it last had its kit."""
    revoked_at: Instant | None
    head_seq: int
    """The number of the last bundle of its unbroken chain; 0 before the first."""
    head: bytes
    """What the next bundle has to name.  32 bytes."""
    paced_until: Instant | None
    """When somebody who captures no faster than may be would have come so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many bundles of a device are in a state."""

    device: str
    state: str
    bundles: int


async def add(
    connection: AsyncConnection,
    device: str,
    *,
    client_id: str,
    name: str,
    code_hash: bytes,
    head: bytes,
    at: Instant,
    until: Instant,
) -> None:
    """Invite a device; its code is good until an instant."""
    await connection.execute(
        insert(field_devices).values(
            id=device,
            client_id=client_id,
            name=name,
            code_hash=code_hash,
            code_expires_at=until,
            created_at=at,
            head_seq=0,
            head=head,
        )
    )


async def find(
    connection: AsyncConnection, device: str, *, lock: bool = False
) -> FieldDevice | None:
    """A device; locked, nobody else adds to its chain before this transaction ends."""
    asked = select(field_devices).where(field_devices.c.id == device)
    return await _one(connection, asked.with_for_update() if lock else asked)


async def find_invited(connection: AsyncConnection, code_hash: bytes) -> FieldDevice | None:
    """The device that a code invites, locked."""
    return await _one(
        connection,
        select(field_devices).where(field_devices.c.code_hash == code_hash).with_for_update(),
    )


async def is_key_known(connection: AsyncConnection, public_key: bytes) -> bool:
    """Whether some device has this very key."""
    return (
        await connection.scalar(
            select(field_devices.c.id).where(field_devices.c.public_key == public_key)
        )
        is not None
    )


async def enrol(
    connection: AsyncConnection, device: str, public_key: bytes, *, at: Instant
) -> None:
    """Give an invited device its key."""
    await connection.execute(
        update(field_devices)
        .where(field_devices.c.id == device)
        .values(public_key=public_key, enrolled_at=at)
    )


async def note_sync(connection: AsyncConnection, device: str, *, at: Instant) -> None:
    """Note that a device had its kit."""
    await connection.execute(
        update(field_devices).where(field_devices.c.id == device).values(synced_at=at)
    )


async def advance(
    connection: AsyncConnection,
    device: str,
    *,
    seq: int,
    head: bytes,
    paced_until: Instant | None,
) -> None:
    """Move the end of a device's chain; the caller holds its lock."""
    await connection.execute(
        update(field_devices)
        .where(field_devices.c.id == device)
        .values(head_seq=seq, head=head, paced_until=paced_until)
    )


async def revoke(connection: AsyncConnection, device: str, *, at: Instant) -> None:
    """Believe a device no more.  The first time counts."""
    await connection.execute(
        update(field_devices)
        .where(field_devices.c.id == device, field_devices.c.revoked_at.is_(None))
        .values(revoked_at=at)
    )


async def known(connection: AsyncConnection, client_id: str | None) -> Sequence[FieldDevice]:
    """The devices of a client, or all of them; the latest first."""
    asked = select(field_devices).order_by(field_devices.c.created_at.desc(), field_devices.c.id)
    if client_id is not None:
        asked = asked.where(field_devices.c.client_id == client_id)
    return [_device(row) for row in (await connection.execute(asked)).mappings()]


async def tallies(connection: AsyncConnection, devices: Sequence[str]) -> Sequence[Tally]:
    """How many bundles of each device are in each state."""
    rows = await connection.execute(
        select(field_bundles.c.device_id, field_bundles.c.state, func.count().label("bundles"))
        .where(field_bundles.c.device_id.in_(devices))
        .group_by(field_bundles.c.device_id, field_bundles.c.state)
    )
    return [Tally(device=row.device_id, state=row.state, bundles=row.bundles) for row in rows]


async def delete_uninvited(connection: AsyncConnection, *, before: Instant) -> int:
    """Remove invitations that nobody took; how many."""
    gone = await connection.execute(
        delete(field_devices).where(
            field_devices.c.enrolled_at.is_(None), field_devices.c.code_expires_at < before
        )
    )
    return gone.rowcount


async def _one(connection: AsyncConnection, asked: Select[Any]) -> FieldDevice | None:
    row = (await connection.execute(asked)).mappings().one_or_none()
    return None if row is None else _device(row)


def _device(row: RowMapping) -> FieldDevice:
    return FieldDevice(
        id=row["id"],
        client_id=row["client_id"],
        name=row["name"],
        code_expires_at=row["code_expires_at"],
        public_key=row["public_key"],
        created_at=row["created_at"],
        enrolled_at=row["enrolled_at"],
        synced_at=row["synced_at"],
        revoked_at=row["revoked_at"],
        head_seq=row["head_seq"],
        head=row["head"],
        paced_until=row["paced_until"],
    )
