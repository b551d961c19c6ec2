"""Record the bundles of a device whose turn it is: each whole or not at all, in one chain.

A bundle that does not name the one before it breaks the chain, a second one of the same number
forks it: both are kept as evidence, without effect, and the chain goes on where it was.  One that
is in its place and says what cannot be takes its place without effect, so that those after it need
not wait for ever.  The device's row is locked, so nobody else adds to its chain meanwhile.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.flows.capture_offline import OfflineCapture, Synced, capture_offline, verify_sync
from consentid.flows.context import Context
from consentid.flows.enrol_field_device import may_capture
from consentid.flows.pace_device import is_ahead, next_turn, tell_held
from consentid.keyring import wrapping
from consentid.keyring.deriving import Job, derived_key
from consentid.kit import base64url
from consentid.kit.errors import ConflictError, ForbiddenError, MalformedError, NotFoundError
from consentid.kit.instants import Instant
from consentid.store import clients, field_bundles, field_devices
from consentid.store.clients import Client
from consentid.store.field_bundles import Waiting
from consentid.store.field_devices import FieldDevice
from consentid.tokens import capture_bundle
from consentid.tokens.capture_bundle import BundleClaims

_AT_ONCE: Final = 32
"""Bundles in one transaction."""
_WRONG: Final = (MalformedError, ForbiddenError, ConflictError, NotFoundError)
"""What is wrong with a bundle itself, and will be so next time."""


@dataclass(slots=True, kw_only=True)
class _Chain:
    """How far a device's chain has come, in this transaction."""

    book: Book
    device: FieldDevice
    client: Client
    seq: int
    head: bytes
    paced_until: Instant | None


async def record_bundles(context: Context, device: str) -> None:
    """Record what waits, as far as the chain goes.

    Raises:
        UnavailableError: the database cannot be reached; the next call goes on.
    """
    has_more = True
    while has_more:
        async with context.database.writing() as connection:
            found = await field_devices.find(connection, device, lock=True)
            has_more = found is not None and await _record_some(context, connection, found)


async def _record_some(context: Context, connection: AsyncConnection, device: FieldDevice) -> bool:
    """Whether there may be more."""
    waiting = await field_bundles.waiting(connection, device.id, limit=_AT_ONCE)
    client = await clients.find_ever(connection, device.client_id)
    if not waiting or client is None:
        return False
    chain = _Chain(
        book=await context.book(connection),
        device=device,
        client=client,
        seq=device.head_seq,
        head=device.head,
        paced_until=device.paced_until,
    )
    settled: list[bytes] = []
    has_more = len(waiting) == _AT_ONCE
    for each in waiting:
        if each.seq > chain.seq + 1:
            has_more = False
            break
        claims = capture_bundle.read_bundle(_unsealed(context, each))
        if each.seq <= chain.seq:
            why: str | None = "chain_forked"
        elif base64url.decode(claims.prev) != chain.head:
            why = "chain_broken"
        else:
            chain.seq, chain.head = each.seq, each.digest
            why = await _record(context, connection, chain, claims, received_at=each.received_at)
        if why is None:
            settled.append(each.digest)
        else:
            await field_bundles.refuse(connection, device.id, each.digest, why)
    if chain.seq != device.head_seq:
        await field_devices.advance(
            connection,
            device.id,
            seq=chain.seq,
            head=chain.head,
            paced_until=chain.paced_until,
        )
    await field_bundles.settle(connection, device.id, settled)
    return has_more


async def _record(
    context: Context,
    connection: AsyncConnection,
    chain: _Chain,
    claims: BundleClaims,
    *,
    received_at: Instant,
) -> str | None:
    """Make captures of a bundle's entries; why not, where it says what cannot be."""
    entries = {base64url.decode(entry.id): entry for entry in claims.entries}
    if len(entries) != len(claims.entries):
        return "entry_repeated"
    if not may_capture(chain.client):
        return "client_may_not_capture"
    device = chain.device
    known = await field_bundles.captures_of(connection, device.id, list(entries))
    try:
        synced = verify_sync(context, chain.book, device, claims.sync)
        async with connection.begin_nested():
            made: dict[bytes, UUID] = {}
            for id_, entry in entries.items():
                if id_ in known:
                    continue
                is_held = _is_held(context, connection, chain, synced, received_at=received_at)
                made[id_] = await capture_offline(
                    context,
                    connection,
                    chain.book,
                    OfflineCapture(
                        device=device,
                        client=chain.client,
                        synced=synced,
                        entry=entry,
                        received_at=received_at,
                        is_held=is_held,
                    ),
                )
            await field_bundles.note_entries(connection, device.id, claims.seq, made)
    except _WRONG as error:
        return error.code
    return None


def _is_held(
    context: Context,
    connection: AsyncConnection,
    chain: _Chain,
    synced: Synced,
    *,
    received_at: Instant,
) -> bool:
    """Whether a capture more is one too many; else the chain has come so far."""
    most = context.settings.captures_operator_most
    turn = next_turn(chain.paced_until, synced_at=synced.at, most=most)
    if is_ahead(turn, received_at=received_at):
        tell_held(context, connection, chain.device)
        return True
    chain.paced_until = turn
    return False


def _unsealed(context: Context, bundle: Waiting) -> str:
    return wrapping.open_sealed(
        derived_key(context.keyring.master, Job.FIELD_BUNDLE), bundle.sealed, aad=bundle.digest
    ).decode()
