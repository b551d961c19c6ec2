"""Remove what is past its time: tokens, codes, sessions, interactions, one-use marks, keys."""

from typing import Final

from consentid.flows.context import Context
from consentid.flows.note_read import oldest_kept
from consentid.kit.instants import HOUR, Instant
from consentid.store import (
    access_tokens,
    authorization_codes,
    clock,
    device_codes,
    hand_offs,
    hub_sessions,
    idempotency,
    interactions,
    portal_logins,
    pushed_requests,
    reads,
    refresh_tokens,
)

KEEP_IDEMPOTENCY_H: Final = 24
KEEP_ENDED_H: Final = 24
"""How long a code or an interaction that ended is still recognised, when it comes again."""


async def reap(context: Context) -> int:
    """Remove it; returns how many rows went."""
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        gone = await access_tokens.delete_expired(connection, before=now)
        gone += await idempotency.delete_before(
            connection, Instant(now - KEEP_IDEMPOTENCY_H * HOUR)
        )
        ended = Instant(now - KEEP_ENDED_H * HOUR)
        gone += await authorization_codes.delete_expired(connection, before=ended)
        gone += await interactions.delete_expired(connection, before=ended)
        gone += await device_codes.delete_expired(connection, before=ended)
        gone += await hand_offs.delete_expired(connection, before=ended)
        gone += await pushed_requests.delete_expired(connection, before=now)
        gone += await hub_sessions.delete_expired(connection, before=now)
        gone += await portal_logins.delete_expired(connection, before=now)
        gone += await refresh_tokens.delete_expired(connection, before=now)
        gone += await reads.delete_before(connection, oldest_kept(now))
    return gone
