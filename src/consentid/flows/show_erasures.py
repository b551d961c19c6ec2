"""Whoever is set aside and not destroyed yet, as ``subjects pending`` shows it: not who it is."""

from typing import Final
from uuid import UUID

import msgspec

from consentid.flows.context import Context
from consentid.kit.instants import to_rfc3339
from consentid.store import erasures

_MOST: Final = 100


class PendingErasureOut(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is set aside; who they are is not told."""

    erasure: str
    reason: str
    """In the words of GDPR article 17(1)."""
    asked_by: str
    """The client, or the operator."""
    restricted_at: str
    shred_at: str
    """When the proof of what they decided is needed no more."""


class PendingErasuresOut(msgspec.Struct, frozen=True, kw_only=True):
    """Who waits, the first due first."""

    pending: list[PendingErasureOut]
    next: str | None
    """Pass it as `after` for what is due later; null at the end."""


def pending_out(erasure: erasures.ErasureRow) -> PendingErasureOut:
    """One of them, without its subject."""
    return PendingErasureOut(
        erasure=str(erasure.id),
        reason=erasure.reason,
        asked_by=erasure.asked_by,
        restricted_at=to_rfc3339(erasure.restricted_at),
        shred_at=to_rfc3339(erasure.shred_at),
    )


async def show_erasures(context: Context, *, after: UUID | None) -> PendingErasuresOut:
    """Those that come after another; an ``after`` that nobody knows has nothing after it.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with context.database.reading() as connection:
        rows = await erasures.pending(connection, after=after, limit=_MOST + 1)
    shown = [pending_out(each) for each in rows[:_MOST]]
    return PendingErasuresOut(pending=shown, next=shown[-1].erasure if len(rows) > _MOST else None)
