"""The capture that a link has its person confirm: the same client's, and the very same question."""

from dataclasses import dataclass
from uuid import UUID

from msgspec import UNSET
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.capture import CaptureId, CaptureState, Fate
from consentid.core.decision import Outcome, SubjectId
from consentid.core.party import Party
from consentid.flows.capture_body import open_body
from consentid.flows.context import Context
from consentid.flows.open_subject import open_subject
from consentid.flows.take_capture import state_now
from consentid.kit.errors import GoneError
from consentid.kit.instants import Instant
from consentid.links.claims import LinkClaims
from consentid.store import captures
from consentid.store.clients import Client

_CONFIRMABLE = frozenset({CaptureState.PENDING, CaptureState.RECORDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedCapture:
    """A capture that waits for its person."""

    id: CaptureId
    subject: SubjectId | None
    """Whose it is, where the portal said so; else whoever opens the link says that it is theirs."""


async def find_linked_capture(
    context: Context,
    connection: AsyncConnection,
    claims: LinkClaims,
    *,
    client: Client,
    party: Party,
    now: Instant,
) -> LinkedCapture | None:
    """The capture that a link names; None where it names none.

    Raises:
        GoneError: ``link_outdated``: there is none of this client's that asks just this, or it has
            ended.
    """
    if claims.capture is UNSET:
        return None
    try:
        named = UUID(claims.capture)
    except ValueError as error:
        raise _outdated() from error
    row = await captures.find(connection, named)
    if row is None or (row.client_id, row.party) != (client.client_id, str(party)):
        raise _outdated()
    subject = None
    if row.subject is not None:
        subject = await open_subject(context, connection, row.subject)
    if state_now(row, now) not in _CONFIRMABLE or (row.subject is None) != (subject is None):
        raise _outdated()
    said = open_body(context, row, subject).weighed
    granted = {
        each.choice.purpose
        for each in said
        if each.choice.outcome is Outcome.GRANTED and each.fate is not Fate.NONE
    }
    # Whoever confirms has read all that they confirm.
    if granted != set(claims.purposes):
        raise _outdated()
    return LinkedCapture(id=row.id, subject=row.subject)


def _outdated() -> GoneError:
    return GoneError("link_outdated", "What this link confirms waits for nobody any more.")
