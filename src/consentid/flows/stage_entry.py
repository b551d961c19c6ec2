"""Stage an entry of the log, in the transaction of the act that it is about.

What everybody may read commits without salt: whoever has it can recompute the commitment.  What is
about a person takes a salt from their key, and tells nothing once that is gone.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.decision import SubjectId
from consentid.flows.context import Context
from consentid.flows.log_origin import log_origin
from consentid.flows.open_subject import OpenSubject, seal_for
from consentid.keyring import wrapping
from consentid.kit import canonical
from consentid.kit.canonical import Json
from consentid.kit.errors import UnreadableError
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant
from consentid.ledger.leaf import Kind, encode_leaf
from consentid.store import entry_bodies, journal
from consentid.store.entry_bodies import BodyRow

BODY: Final = b"entry/1\0"


async def stage_entry(
    connection: AsyncConnection,
    *,
    kind: Kind,
    event_id: UUID,
    commitment: bytes,
    origin: str,
    at: Instant,
) -> None:
    """Stage one.  ``origin`` names the log."""
    leaf = encode_leaf(kind=kind, event_id=event_id, at=at, origin=origin, commitment=commitment)
    await journal.stage_entry(connection, event_id=event_id, kind=kind, leaf=leaf, at=at)


async def stage_public(
    connection: AsyncConnection,
    kind: Kind,
    commitment: bytes,
    *,
    origin: str,
    at: Instant,
    randomness: Callable[[int], bytes],
) -> UUID:
    """Stage what everybody may read and what lies elsewhere; the entry's id."""
    event_id = uuid7(at, randomness(RANDOM_BYTES))
    await stage_entry(
        connection, kind=kind, event_id=event_id, commitment=commitment, origin=origin, at=at
    )
    return event_id


async def stage_body(
    connection: AsyncConnection,
    kind: Kind,
    body: Json,
    *,
    origin: str,
    at: Instant,
    randomness: Callable[[int], bytes],
) -> UUID:
    """Stage what everybody may read, and keep it; the entry's id."""
    encoded = canonical.encode(body)
    commitment = hashlib.sha256(encoded).digest()
    event_id = await stage_public(
        connection, kind, commitment, origin=origin, at=at, randomness=randomness
    )
    await entry_bodies.add(
        connection,
        BodyRow(
            event_id=event_id,
            kind=kind,
            subject=None,
            recorded_at=at,
            commitment=commitment,
            body=encoded,
        ),
    )
    return event_id


async def stage_own(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    kind: Kind,
    *,
    subject: OpenSubject,
    about: Mapping[str, Json],
    at: Instant,
) -> None:
    """Stage something of a person's that is no decision, and keep it sealed under their key."""
    event_id = uuid7(at, context.randomness(RANDOM_BYTES))
    body = canonical.encode({"v": 1, **about, "at": at})
    commitment = wrapping.commitment(wrapping.commitment_salt(subject.key, event_id.bytes), body)
    origin = log_origin(context, book)
    await stage_entry(
        connection, kind=kind, event_id=event_id, commitment=commitment, origin=origin, at=at
    )
    await entry_bodies.add(
        connection,
        BodyRow(
            event_id=event_id,
            kind=kind,
            subject=subject.id,
            recorded_at=at,
            commitment=commitment,
            body=seal_for(context, subject.key, body, aad=BODY + event_id.bytes),
        ),
    )


def open_own(key: bytes, row: BodyRow) -> bytes:
    """What was staged of a person, in the bytes that were committed to.

    Raises:
        UnreadableError: it cannot be opened, or is not what was committed to.
    """
    event = row.event_id.bytes
    body = wrapping.open_sealed(key, row.body, aad=BODY + event)
    if wrapping.commitment(wrapping.commitment_salt(key, event), body) != row.commitment:
        raise UnreadableError("body_changed", "it is not what was committed to")
    return body


async def stage_link(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    kind: Kind,
    *,
    account: OpenSubject,
    device: SubjectId,
    at: Instant,
) -> None:
    """Stage that an account was used on a device, or that the device was forgotten there."""
    about = {"act": kind, "account": str(account.id), "device": str(device)}
    await stage_own(context, connection, book, kind, subject=account, about=about, at=at)
