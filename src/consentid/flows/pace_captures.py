"""Nobody talks to a thousand people a minute: what comes too fast is held, and somebody is told.

Counted in the database, by receipt: nobody can spread over time what they send at once; and for a
brand or partner as a whole, so that nobody spreads it over operators they made up, or over clients.
"""

import logging
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.context import Context
from consentid.kit.instants import MINUTE, Instant
from consentid.store import captures
from consentid.store.captures import CaptureRow
from consentid.store.clients import Client

_log: Final = logging.getLogger("consentid.captures")


async def is_too_fast(
    context: Context, connection: AsyncConnection, client: Client, row: CaptureRow, *, at: Instant
) -> bool:
    """Whether a capture, which is not stored yet, is one too many; the first of a run is told."""
    limits = context.settings
    pace = await captures.pace(
        connection,
        client_id=row.client_id,
        operator_hash=row.operator_hash,
        party=client.party,
        since=Instant(at - MINUTE),
    )
    # Those that come at the same time do not see each other: the first that is held tells.
    if pace.of_operator >= limits.captures_operator_most:
        who, told = f"one operator of client {row.client_id}", pace.held_of_operator
    elif pace.of_party >= limits.captures_party_most:
        who, told = f"all clients of {client.party}, {row.client_id} the last", pace.held_of_party
    else:
        return False
    if not told:
        _log.warning("too many captures in a minute by %s: see `consentid captures held`", who)
    context.database.after_commit(
        connection, lambda: context.counts.held_captures.add((row.client_id,))
    )
    return True
