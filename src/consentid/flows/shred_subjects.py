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
from consentid.flows.drain_outbox import drain_outbox
from consentid.flows.erasure_list import append_to_list
from consentid.flows.log_origin import log_origin
from consentid.flows.stage_act import Noting, noting
from consentid.flows.stage_entry import stage_public
from consentid.kit import canonical
from consentid.kit.errors import NotFoundError
from consentid.ledger.leaf import Kind
from consentid.store import clock, erasures, shredding
from consentid.store.engine import Database

_AT_ONCE: Final = 1_000
"""In one round."""


async def shred_as_asked(
    context: Context,
    erasing: Database,
    noted: Noting,
    *,
    before_time: UUID | None = None,
    most: int = _AT_ONCE,
) -> int:
    """The same because somebody asks for it, which the log says first: returns how many.

    Of ``before_time``, which is not due yet, whoever is to be told is told first.

    Raises:
        NotFoundError: no such erasure waits.
        UnavailableError: the database or the list cannot be reached.
    """
    if before_time is not None:
        async with context.database.reading() as connection:
            waiting = await erasures.pending(connection)
        if all(each.id != before_time for each in waiting):
            raise erasure_unknown()
    async with noting(context.database, noted) as about:
        about["act"] = "subjects/shred"  # each that is destroyed is an entry of its own
        if before_time is not None:
            about["erasure"] = str(before_time)
    while before_time is not None and await drain_outbox(context):
        pass
    return await shred_subjects(context, erasing, before_time=before_time, most=most)


def erasure_unknown() -> NotFoundError:
    """An erasure that does not wait: there was none, or it was destroyed."""
    return NotFoundError(
        "erasure_unknown",
        "No such erasure is pending: see `subjects pending`, or `GET /v1/admin/erasures`.",
        where="erasure",
    )


async def shred_subjects(
    context: Context,
    erasing: Database,
    *,
    before_time: UUID | None = None,
    most: int = _AT_ONCE,
) -> int:
    """Shred whoever is due, once the list outside names them, ``most`` at most; returns how many.

    ``erasing`` is the database as the erasing role; ``before_time`` an erasure of which no proof
    is to be kept any longer.

    Raises:
        UnavailableError: the database or the list cannot be reached.
    """
    await append_to_list(context, erasing)
    for done in range(most):
        if not await _shred_one(context, erasing, before_time):
            return done
    return most


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
