"""Remove what is past its time: access tokens, one-use marks, idempotency keys."""

from typing import Final

from consentid.flows.context import Context
from consentid.kit.instants import HOUR, Instant
from consentid.store import access_tokens, clock, idempotency

KEEP_IDEMPOTENCY_H: Final = 24


async def reap(context: Context) -> int:
    """Remove it; returns how many rows went."""
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        gone = await access_tokens.delete_expired(connection, before=now)
        gone += await idempotency.delete_before(
            connection, Instant(now - KEEP_IDEMPOTENCY_H * HOUR)
        )
    return gone
