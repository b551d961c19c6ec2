"""Acts that decide nothing, and are told all the same.

To the brand or partner through which they came, and to nobody else.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.core.party import Party
from consentid.events.contract import Kind
from consentid.flows.context import Context
from consentid.flows.event_seal import Told, seal_told
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant
from consentid.store import journal
from consentid.store.captures import CaptureRow
from consentid.store.clients import Client


async def tell_link(
    context: Context,
    connection: AsyncConnection,
    party: Party,
    *,
    account: SubjectId,
    device: SubjectId,
    at: Instant,
) -> None:
    """A brand signed somebody in on a device that it named itself.  The caller commits."""
    told = Told(parties=(str(party),), device=device.bytes)
    await _tell(context, connection, Kind.LINK, account, told, at=at)


async def tell_revocation(
    context: Context,
    connection: AsyncConnection,
    client: Client,
    subject: SubjectId,
    *,
    token: str,
    at: Instant,
) -> None:
    """A client gave somebody's token back.  The caller commits."""
    told = Told(parties=(str(client.party),), client_id=client.client_id, token=token)
    await _tell(context, connection, Kind.REVOCATION, subject, told, at=at)


async def tell_capture(
    context: Context,
    connection: AsyncConnection,
    capture: CaptureRow,
    subject: SubjectId,
    *,
    party: Party,
    at: Instant,
) -> None:
    """A person spoke of a capture.  To whom it is for, and to whose client it was; commit after."""
    told = Told(
        parties=tuple(sorted({capture.party, str(party)})),
        capture=(str(capture.id), capture.party, capture.state),
    )
    await _tell(context, connection, Kind.CAPTURE, subject, told, at=at)


async def _tell(
    context: Context,
    connection: AsyncConnection,
    kind: Kind,
    subject: SubjectId,
    told: Told,
    *,
    at: Instant,
) -> None:
    await journal.add_event(
        connection,
        event_id=uuid7(at, context.randomness(RANDOM_BYTES)),
        kind=kind,
        subject=subject,
        subject_version=None,
        told=seal_told(context, told),
        at=at,
    )
