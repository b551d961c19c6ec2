"""Take a capture up, for whoever says that it is theirs."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.capture import CaptureId, CaptureState
from consentid.flows.capture_body import OpenCapture, open_body
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject
from consentid.kit.errors import ConflictError, NotFoundError
from consentid.kit.instants import Instant
from consentid.store import captures
from consentid.store.captures import CaptureRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenCapture:
    """A capture that nobody else changes until the transaction ends."""

    row: CaptureRow
    opened: OpenCapture | None
    """None once what it said was shredded."""
    state: CaptureState
    """As of now: it may have expired, and nobody has noted it yet."""


async def take_capture(
    context: Context,
    connection: AsyncConnection,
    capture: CaptureId,
    subject: OpenSubject,
    *,
    at: Instant,
    of_client: str | None = None,
) -> TakenCapture:
    """A capture that is this person's, or nobody's yet.  The caller holds the subject's lock.

    ``of_client``: it has to be this client's.

    Raises:
        NotFoundError: there is no such capture.
        ConflictError: it is another person's.
    """
    row = await captures.find(connection, capture, lock=True)
    if row is None or of_client not in (None, row.client_id):
        raise NotFoundError("capture_unknown", "There is no such capture.")
    if row.subject not in (None, subject.id):
        raise ConflictError("capture_of_another", "This was captured of somebody else.")
    opened = None
    if row.sealed is not None:
        opened = OpenCapture(row=row, body=open_body(context, row, subject))
    return TakenCapture(row=row, opened=opened, state=state_now(row, at))


def state_now(row: CaptureRow, at: Instant) -> CaptureState:
    """The state of a capture at an instant."""
    has_expired = row.ended_at is None and row.expires_at <= at
    return CaptureState.EXPIRED if has_expired else row.state
