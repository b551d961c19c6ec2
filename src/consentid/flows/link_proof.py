"""Whether a link's message shows that its addressee answers, or they have to be there themselves.

Where a link names a person, an answer is theirs whoever opens it: so it proves as much as the
message that it came by, which whoever asks has sent, or had sent to an address that they chose.
That is enough where the person spoke first, as for a newsletter; it is not for those who say what
people said.  Who may capture, and who asks a person elsewhere, could press a link of their own and
make of their word the person's; and an agent who captures may write down an address of theirs, to
which somebody else then sends the link.  There a link only asks, and the person shows who they
are: they are signed in, or on their device.
"""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.client import GrantType, Scope
from consentid.core.capture import CaptureState
from consentid.core.decision import Outcome
from consentid.core.party import Party
from consentid.core.purpose import PurposeId, is_within
from consentid.flows.capture_body import open_body
from consentid.flows.context import Context
from consentid.flows.link_capture import LinkedCapture
from consentid.flows.open_subject import OpenSubject
from consentid.store import captures
from consentid.store.clients import Client


async def is_message_enough(
    context: Context,
    connection: AsyncConnection,
    client: Client,
    subject: OpenSubject,
    *,
    party: Party,
    purposes: Collection[str],
    capture: LinkedCapture | None,
) -> bool:
    """Whether an answer is the person's who is named, wherever it is given.

    ``party`` is whom it is for, ``capture`` what it confirms.
    """
    if capture is not None or speaks_for_people(client):
        return False
    for row in await captures.page_of_subject(connection, subject.id):
        if row.party != str(party) or row.state is CaptureState.CONFIRMED or row.sealed is None:
            continue
        said = open_body(context, row, subject).weighed
        keyed_in = [each.choice for each in said if each.choice.outcome is Outcome.GRANTED]
        if any(_is_about(each.purpose, purposes) for each in keyed_in):
            return False
    return True


def speaks_for_people(client: Client) -> bool:
    """Whether a client hands in what people say elsewhere, or asks them there."""
    return (
        Scope.CAPTURES_WRITE in client.scopes or GrantType.CIBA in client.registration.grant_types
    )


def _is_about(captured: PurposeId, asked: Collection[str]) -> bool:
    return any(
        is_within(captured, PurposeId(each)) or is_within(PurposeId(each), captured)
        for each in asked
    )
