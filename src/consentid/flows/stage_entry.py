"""Stage an entry of the log, in the transaction of the act that it is about.

What everybody may read commits without salt: whoever has it can recompute the commitment.  What is
about a person takes a salt from their key, and tells nothing once that is gone.
"""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.decision import SubjectId
from consentid.flows.context import Context
from consentid.flows.log_origin import log_origin
from consentid.flows.open_subject import OpenSubject
from consentid.keyring import wrapping
from consentid.kit import canonical
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant
from consentid.ledger.leaf import Kind, encode_leaf
from consentid.store import journal


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
    """Stage what everybody may read; the entry's id."""
    event_id = uuid7(at, randomness(RANDOM_BYTES))
    await stage_entry(
        connection, kind=kind, event_id=event_id, commitment=commitment, origin=origin, at=at
    )
    return event_id


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
    event_id = uuid7(at, context.randomness(RANDOM_BYTES))
    body = canonical.encode(
        {"v": 1, "act": kind, "account": str(account.id), "device": str(device), "at": at}
    )
    salt = wrapping.commitment_salt(account.key, event_id.bytes)
    await stage_entry(
        connection,
        kind=kind,
        event_id=event_id,
        commitment=wrapping.commitment(salt, body),
        origin=log_origin(context, book),
        at=at,
    )
