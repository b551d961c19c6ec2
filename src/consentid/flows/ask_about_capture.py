"""What a client captured becomes a question to whoever it says it was: the purposes that wait."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.capture import CaptureState, Fate
from consentid.core.decision import Outcome
from consentid.flows.approval import own_address
from consentid.flows.capture_body import CaptureBody, open_body
from consentid.flows.capture_decision import asked_of
from consentid.flows.context import Context
from consentid.flows.open_subject import open_subject
from consentid.flows.take_capture import state_now
from consentid.kit.instants import Instant
from consentid.oidc import authorization_details
from consentid.oidc.authorization_details import Beneficiary, ConsentRequest
from consentid.oidc.refusal import RefusedRequestError
from consentid.store import captures
from consentid.store.captures import CaptureRow
from consentid.store.clients import Client


async def details_of_capture(
    context: Context,
    connection: AsyncConnection,
    client: Client,
    capture: UUID,
    *,
    addressee: bytes,
    now: Instant,
) -> bytes:
    """The details that ask a person at an address to confirm a capture.

    Raises:
        RefusedRequestError: ``invalid_request``: it is another client's, is over, or held, or was
            found to be somebody else's, or holds no yes that waits.
    """
    row = await captures.find(connection, capture)
    if row is None or row.client_id != client.client_id:
        raise _refused()
    body = await _open(context, connection, client, row, addressee=addressee, now=now)
    purposes = tuple(
        each.choice.purpose
        for each in (() if body is None else body.weighed)
        if each.choice.outcome is Outcome.GRANTED and each.fate is Fate.WAITS
    )
    if not purposes:
        raise _refused()
    asked = asked_of(row)
    is_own = asked == client.party
    return authorization_details.encode(
        [
            ConsentRequest(
                type=authorization_details.TYPE,
                purposes=purposes,
                brand=None if is_own else asked.slug,
                beneficiary=None if is_own else Beneficiary.BRAND,
            )
        ]
    )


async def _open(
    context: Context,
    connection: AsyncConnection,
    client: Client,
    row: CaptureRow,
    *,
    addressee: bytes,
    now: Instant,
) -> CaptureBody | None:
    """What waits in it for whoever is at the address; None for what does not."""
    if state_now(row, now) is not CaptureState.PENDING or row.sealed is None:
        return None
    if row.subject is None:
        return open_body(context, row, None)
    if own_address(context, client.party, row.subject) != addressee:
        return None
    subject = await open_subject(context, connection, row.subject)
    return None if subject is None else open_body(context, row, subject)


def _refused() -> RefusedRequestError:
    return RefusedRequestError(
        "invalid_request", "capture is none of yours that waits for this person."
    )
