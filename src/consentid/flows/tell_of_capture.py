"""Tell of a capture that its person spoke of: to whom it is for, and to whoever captured it.

Nobody is told of a person whom they could not name before: who says no to what was captured of
somebody unknown stays unknown, and whoever captured it learns of its end when it looks.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.capture import CaptureState
from consentid.core.decision import SubjectId
from consentid.flows.capture_decision import asked_of
from consentid.flows.context import Context
from consentid.flows.tell_others import tell_capture
from consentid.kit.instants import Instant
from consentid.store import clients
from consentid.store.captures import CaptureRow


async def tell_of_capture(
    context: Context,
    connection: AsyncConnection,
    row: CaptureRow,
    subject: SubjectId,
    *,
    was_known: bool,
    at: Instant,
) -> None:
    """Have it told.  ``was_known``: whether it was known before whose it is; commit after."""
    if row.state is CaptureState.REFUSED and not was_known:
        return
    client = await clients.find_ever(connection, row.client_id)
    await tell_capture(
        context,
        connection,
        row,
        subject,
        party=asked_of(row) if client is None or not was_known else client.party,
        at=at,
    )
