"""The devices that an account was used on, and what an account's sign-in on one of them left."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.tables import (
    access_tokens,
    account_devices,
    authorization_codes,
    devices,
    refresh_tokens,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedDevice:
    """A device, and where and when it was first used."""

    id: SubjectId
    client_id: str
    """Through which it first chose something."""
    created_at: Instant
    first_seen_at: Instant
    """When the account was first used on it."""


async def of_account(connection: AsyncConnection, account: SubjectId) -> Sequence[LinkedDevice]:
    """The devices of an account, the latest first."""
    rows = await connection.execute(
        select(
            devices.c.subject_id,
            devices.c.client_id,
            devices.c.created_at,
            account_devices.c.first_seen_at,
        )
        .join(account_devices, account_devices.c.device_id == devices.c.subject_id)
        .where(account_devices.c.account_id == account)
        .order_by(account_devices.c.first_seen_at.desc())
    )
    return [
        LinkedDevice(
            id=SubjectId(row.subject_id),
            client_id=row.client_id,
            created_at=row.created_at,
            first_seen_at=row.first_seen_at,
        )
        for row in rows
    ]


async def unlink(connection: AsyncConnection, account: SubjectId, device: SubjectId) -> bool:
    """Forget that an account was used on a device; whether it was known."""
    gone = await connection.execute(
        delete(account_devices).where(
            account_devices.c.account_id == account, account_devices.c.device_id == device
        )
    )
    return gone.rowcount > 0


async def families(
    connection: AsyncConnection, account: SubjectId, device: SubjectId
) -> Sequence[UUID]:
    """The families of tokens that speak for an account on a device."""
    found = await connection.scalars(
        union(
            *(
                select(table.c.family).where(
                    table.c.subject_id == account, table.c.device_id == device
                )
                for table in (refresh_tokens, access_tokens, authorization_codes)
            )
        )
    )
    return [each for each in found if each is not None]


async def end_access(connection: AsyncConnection, account: SubjectId, device: SubjectId) -> None:
    """End access tokens for an account on a device that belong to no family."""
    await connection.execute(
        delete(access_tokens).where(
            access_tokens.c.subject_id == account, access_tokens.c.device_id == device
        )
    )


async def expired(
    connection: AsyncConnection, *, before: Instant, limit: int
) -> Sequence[SubjectId]:
    """Devices that nobody has been able to come with since an instant, the longest first."""
    rows = await connection.scalars(
        select(devices.c.subject_id)
        .where(devices.c.expires_at < before)
        .order_by(devices.c.expires_at)
        .limit(limit)
    )
    return [SubjectId(row) for row in rows]


async def expire(connection: AsyncConnection, device: SubjectId, *, at: Instant) -> None:
    """Let a device's credential hold no longer."""
    await connection.execute(
        update(devices).where(devices.c.subject_id == device).values(expires_at=at)
    )
