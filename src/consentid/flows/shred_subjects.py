"""Destroy what is kept of subjects whose proof is needed no more, and say so in the log.

As a role of its own: whoever serves cannot destroy a key.  Each subject is one transaction.  Of its
decisions, and whatever else the log speaks of, there stays what it says, so every proof holds; its
new entry names how many decisions there were and the digest of all these ids, so nobody can have
others vanish as erased.
"""

import hashlib
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from consentid.flows.context import Context
from consentid.flows.erasure_list import append_to_list
from consentid.flows.log_origin import log_origin
from consentid.flows.stage_entry import stage_public
from consentid.kit import canonical
from consentid.ledger.leaf import Kind
from consentid.store import clock, shredding
from consentid.store.engine import Database

_AT_ONCE: Final = 1_000
"""In one round."""


async def shred_subjects(
    context: Context, erasing: Database, *, before_time: UUID | None = None
) -> int:
    """Shred whoever is due, once the list outside names them; returns how many.

    ``erasing`` is the database as the erasing role; ``before_time`` an erasure of which no proof
    is to be kept any longer.

    Raises:
        UnavailableError: the database or the list cannot be reached.
    """
    await append_to_list(context, erasing)
    for done in range(_AT_ONCE):
        if not await _shred_one(context, erasing, before_time):
            return done
    return _AT_ONCE


async def _shred_one(context: Context, erasing: Database, before_time: UUID | None) -> bool:
    async with context.database.reading() as connection:
        origin = log_origin(context, await context.book(connection))
    async with erasing.writing() as connection:
        now = await clock.now(connection)
        erasure = await shredding.take_due(
            connection,
            now=now,
            only_listed=context.settings.erasure_list is not None,
            before_time=before_time,
        )
        if erasure is None:
            return False
        shredded = await shredding.shred(connection, erasure, at=now)
        record = canonical.encode(
            {
                "v": 1,
                "erasure": str(erasure.id),
                "reason": erasure.reason,
                "asked_by": erasure.asked_by,
                "restricted_at": erasure.restricted_at,
                "shredded_at": now,
                "decisions": shredded.decisions,
                "digest": ids_digest(shredded.entries).hex(),
            }
        )
        event_id = await stage_public(
            connection,
            Kind.ERASE,
            hashlib.sha256(record).digest(),
            origin=origin,
            at=now,
            randomness=context.randomness,
        )
        await shredding.settle(connection, erasure, event_id=event_id, record=record, at=now)
    return True


def ids_digest(ids: Sequence[UUID]) -> bytes:
    """SHA-256 over ids in their order, 16 bytes each.  32 bytes."""
    return hashlib.sha256(b"".join(each.bytes for each in sorted(ids))).digest()
