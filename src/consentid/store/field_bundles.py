"""Bundles as they came, in the order of their device's chain, and what became of their entries."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store.tables import field_bundles, field_devices, field_entries


class BundleState(StrEnum):
    """How far a bundle has come."""

    RECORDED = "recorded"
    WAITING = "waiting"
    """For one that comes before it."""
    REFUSED = "refused"
    """It is kept as evidence, without effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBundle:
    """A bundle whose signature holds, for keeping."""

    digest: bytes
    seq: int
    sealed: bytes
    state: BundleState = BundleState.WAITING
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A bundle that waits for its turn."""

    digest: bytes
    seq: int
    received_at: Instant
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a bundle."""

    seq: int
    state: BundleState
    why: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The device that a capture came from."""

    device: str
    is_revoked: bool


async def keep(
    connection: AsyncConnection, device: str, new: Sequence[NewBundle], *, at: Instant
) -> None:
    """Keep bundles; those that are here already stay as they are."""
    if not new:
        return
    rows = [
        {
            "device_id": device,
            "digest": each.digest,
            "seq": each.seq,
            "received_at": at,
            "state": each.state,
            "why": each.why,
            "sealed": each.sealed,
        }
        for each in new
    ]
    await connection.execute(insert(field_bundles).on_conflict_do_nothing(), rows)


async def loose(connection: AsyncConnection, device: str) -> int:
    """How many bundles of a device wait, or were refused and are known."""
    found = await connection.scalar(
        select(func.count()).where(
            field_bundles.c.device_id == device,
            field_bundles.c.state.in_((BundleState.WAITING, BundleState.REFUSED)),
        )
    )
    return found or 0


async def waiting(connection: AsyncConnection, device: str, *, limit: int) -> Sequence[Waiting]:
    """The bundles that wait, in the order of their chain."""
    rows = await connection.execute(
        select(field_bundles)
        .where(
            field_bundles.c.device_id == device,
            field_bundles.c.state == BundleState.WAITING,
        )
        .order_by(field_bundles.c.seq, field_bundles.c.digest)
        .limit(limit)
    )
    return [
        Waiting(digest=row.digest, seq=row.seq, received_at=row.received_at, sealed=row.sealed)
        for row in rows
    ]


async def settle(connection: AsyncConnection, device: str, digests: Collection[bytes]) -> None:
    """Say that bundles were recorded: what they hold lies in their captures from now on."""
    if not digests:
        return
    await connection.execute(
        update(field_bundles)
        .where(field_bundles.c.device_id == device, field_bundles.c.digest.in_(digests))
        .values(state=BundleState.RECORDED, sealed=None)
    )


async def refuse(connection: AsyncConnection, device: str, digest: bytes, why: str) -> None:
    """Give a bundle no effect, and keep it as it came."""
    await connection.execute(
        update(field_bundles)
        .where(field_bundles.c.device_id == device, field_bundles.c.digest == digest)
        .values(state=BundleState.REFUSED, why=why)
    )


async def outcomes(
    connection: AsyncConnection, device: str, digests: Collection[bytes]
) -> Mapping[bytes, Outcome]:
    """What became of some bundles."""
    rows = await connection.execute(
        select(
            *(field_bundles.c.digest, field_bundles.c.seq),
            *(field_bundles.c.state, field_bundles.c.why),
        ).where(field_bundles.c.device_id == device, field_bundles.c.digest.in_(digests))
    )
    return {
        row.digest: Outcome(seq=row.seq, state=BundleState(row.state), why=row.why) for row in rows
    }


async def note_entries(
    connection: AsyncConnection, device: str, seq: int, captures: Mapping[bytes, UUID]
) -> None:
    """Note which capture came of which entry."""
    if captures:
        await connection.execute(
            insert(field_entries),
            [
                {"device_id": device, "entry_id": entry, "seq": seq, "capture_id": capture}
                for entry, capture in captures.items()
            ],
        )


async def captures_of(
    connection: AsyncConnection, device: str, entries: Collection[bytes]
) -> Mapping[bytes, UUID]:
    """The captures that came of some entries, by entry."""
    rows = await connection.execute(
        select(field_entries.c.entry_id, field_entries.c.capture_id).where(
            field_entries.c.device_id == device, field_entries.c.entry_id.in_(entries)
        )
    )
    return {row.entry_id: row.capture_id for row in rows}


async def origins(connection: AsyncConnection, captures: Collection[UUID]) -> Mapping[UUID, Origin]:
    """The devices of some captures, where one of them came from a device."""
    rows = await connection.execute(
        select(field_entries.c.capture_id, field_devices.c.id, field_devices.c.revoked_at)
        .join(field_devices, field_devices.c.id == field_entries.c.device_id)
        .where(field_entries.c.capture_id.in_(captures))
    )
    return {
        row.capture_id: Origin(device=row.id, is_revoked=row.revoked_at is not None) for row in rows
    }


async def forget(connection: AsyncConnection, *, before: Instant) -> int:
    """Drop what was refused long ago, and what waits for a device that was revoked long ago."""
    orphaned = select(field_devices.c.id).where(field_devices.c.revoked_at < before)
    waiting_for_ever = (field_bundles.c.state == BundleState.WAITING) & (
        field_bundles.c.device_id.in_(orphaned)
    )
    refused = (field_bundles.c.state == BundleState.REFUSED) & (
        field_bundles.c.received_at < before
    )
    gone = await connection.execute(
        update(field_bundles)
        .where(field_bundles.c.sealed.is_not(None), waiting_for_ever | refused)
        .values(
            state=BundleState.REFUSED,
            why=func.coalesce(field_bundles.c.why, "device_revoked"),
            sealed=None,
        )
    )
    return gone.rowcount
