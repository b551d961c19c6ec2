"""Nobody talks to a thousand people a minute: what comes too fast is held, and somebody is told.

Counted in the database, by receipt: a client cannot spread over time what it sends at once.
"""

import logging
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.context import Context
from consentid.kit.instants import MINUTE, Instant
from consentid.store import captures
from consentid.store.captures import CaptureRow

_log: Final = logging.getLogger("consentid.captures")


async def is_too_fast(
    context: Context, connection: AsyncConnection, row: CaptureRow, *, at: Instant
) -> bool:
    """Whether a capture, which is not stored yet, is one too many; the first of a run is told."""
    limits = context.settings
    pace = await captures.pace(
        connection,
        client_id=row.client_id,
        operator_hash=row.operator_hash,
        since=Instant(at - MINUTE),
    )
    beyond = (
        pace.of_operator - limits.captures_operator_most,
        pace.of_client - limits.captures_client_most,
    )
    if max(beyond) < 0:
        return False
    who = "one operator" if beyond[0] >= 0 else "all its operators"
    if 0 in beyond:
        _log.warning(
            "%s of client %s sent too many captures in a minute: see `consentid captures held`",
            who,
            row.client_id,
        )
    context.database.after_commit(
        connection, lambda: context.counts.held_captures.add((row.client_id,))
    )
    return True
