"""A person answers what a client asked from elsewhere: the client gets its tokens, or hears no.

Whoever says no to all that was asked has denied: of a no the client holds nothing.  Where nothing
was left to ask, whether the client hears what was answered is what the person presses.
Spec: OpenID CIBA Core 1.0 sections 8 and 11.
"""

from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.approval import PAGE, gone
from consentid.flows.delegated import grant_for_brand
from consentid.flows.interaction_scene import Scene
from consentid.flows.interaction_state import ApprovalTask
from consentid.flows.resting import spell_resting
from consentid.flows.session import Session, granted_of
from consentid.oidc import authorization_details
from consentid.store import device_codes
from consentid.store.device_codes import Approval


class ApprovalOutcome(StrEnum):
    """What came of it; the last part of the address that says so."""

    APPROVED = "approved"
    DENIED = "denied"
    REPORTED = "reported"

    def address(self, issuer: str) -> str:
        """Where the browser is told."""
        return f"{issuer.rstrip('/')}{PAGE}/{self}"


async def approve(
    connection: AsyncConnection,
    scene: Scene,
    task: ApprovalTask,
    session: Session,
    *,
    said_yes: bool,
) -> ApprovalOutcome:
    """Let the client have its tokens, or tell it no where nothing was granted that it named.

    ``said_yes``: the person said yes just now; that may yet wait for a link that is sent to them.
    The caller holds the subject's lock, and commits.

    Raises:
        GoneError: it was answered in the meantime; then nothing that this act wrote is to stay.
    """
    rests_on, details = None, None
    if task.details is not None:
        granted = granted_of(scene.book, session, scene.party, task.purposes, scene.now)
        if not granted and not said_yes:
            return await deny(connection, scene, task)
        rests_on = spell_resting(scene.taken.client.party, scene.party, granted)
        details = granted_details(scene, session, task.details)
    login = scene.visitor.login
    approval = Approval(
        subject=session.subject.id,
        auth_time=None if login is None else login.auth_time,
        acr=None if login is None else login.acr,
        rests_on=rests_on,
        details=details,
    )
    if not await device_codes.approve(connection, task.code_hash, approval, now=scene.now):
        raise gone()
    return ApprovalOutcome.APPROVED


async def deny(connection: AsyncConnection, scene: Scene, task: ApprovalTask) -> ApprovalOutcome:
    """Tell the client no.  The caller commits.

    Raises:
        GoneError: it was answered in the meantime.
    """
    session = scene.visitor.session
    is_denied = await device_codes.deny(
        connection,
        task.code_hash,
        now=scene.now,
        subject=None if session is None else session.subject.id,
    )
    if not is_denied:
        raise gone()
    return ApprovalOutcome.DENIED


def granted_details(scene: Scene, session: Session, kept: bytes) -> bytes:
    """The details that the tokens are to carry.

    Of a brand's answers a partner hears what the person answered before its eyes; what they tell
    the brand later is the brand's to know.
    """
    if not scene.is_delegated:
        return kept
    return authorization_details.encode(
        grant_for_brand(scene.book, session, authorization_details.decode(kept), scene.now)
    )
