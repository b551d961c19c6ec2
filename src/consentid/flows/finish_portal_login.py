"""Take a person back from the customer portal, and sign them in.

The session that follows is a new one, whatever the browser brought along.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.party import Party
from consentid.flows.context import Context
from consentid.flows.hear_portal import hear_answer, judge_login
from consentid.flows.hub_session import Browser, sign_in_session
from consentid.flows.interaction_state import note_sign_in, take_interaction
from consentid.flows.portal_login import (
    BackTo,
    HandOver,
    ToApprovals,
    ToInteraction,
    ToLink,
    ToOperations,
    ToPreferences,
    login_unknown,
    take_hand_over,
)
from consentid.kit.instants import Instant
from consentid.net.portal import PortalIdentity
from consentid.store import clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """A person is back from the portal."""

    back: BackTo
    """Where they were sent from."""
    session_token: str | None
    """The new session cookie; None where the portal did not sign them in."""
    error: str | None = None
    """The portal's word for why not."""


async def finish_portal_login(
    context: Context, unverified_answer: Mapping[str, str], *, browser: Browser
) -> Returned:
    """Take the portal's answer, each parameter of which came once, in the browser that brings it.

    Raises:
        ForbiddenError: the state is unknown, used, expired, or another browser's.
        UnauthenticatedError: the answer, its code or its ID token does not hold.
        MalformedError: what the portal calls an ID token is none.
        NotFoundError, GoneError: the interaction is over.
        UnavailableError: the portal gives no usable answer now.
    """
    hand_over = await take_hand_over(context, unverified_answer.get("state", ""), browser)
    back = hand_over.back
    if isinstance(back, ToOperations):
        raise login_unknown()
    heard = await hear_answer(context, hand_over, unverified_answer)
    if heard.unverified_id_token is None:
        return Returned(back=back, session_token=None, error=heard.error)
    return await _sign_in(context, hand_over, back, heard.unverified_id_token, browser=browser)


async def _sign_in(
    context: Context,
    hand_over: HandOver,
    back: BackTo,
    unverified_id_token: str,
    *,
    browser: Browser,
) -> Returned:
    # Before the transaction: a slow portal is not to hold a connection.
    key = await context.portal.look_up(hand_over.issuer, unverified_id_token)
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        party = await _party_of(context, connection, back, browser, now=now)
        identity = await judge_login(hand_over, unverified_id_token, keys=key, now=now)
        made = await sign_in_session(
            context,
            connection,
            await context.book(connection),
            identity,
            browser=browser,
            party=party,
            auth_time=_auth_time(hand_over, identity),
            acr=identity.acr,
            portal_sid=identity.sid,
            at=now,
        )
        if isinstance(back, ToInteraction):
            await note_sign_in(context, connection, back.id, browser, made.signed_in, at=now)
    return Returned(back=back, session_token=made.session_token)


def _auth_time(hand_over: HandOver, identity: PortalIdentity) -> Instant | None:
    """When the person proved who they are; None where the portal keeps it to itself.

    An ID token is young even where its person signed in long ago: its age says nothing.
    """
    if identity.auth_time is None and hand_over.is_proof:
        return identity.issued_at
    return identity.auth_time


async def _party_of(
    context: Context,
    connection: AsyncConnection,
    back: BackTo,
    browser: Browser,
    *,
    now: Instant,
) -> Party | None:
    """Whose contradictions the page that follows tells; None: it is ours, and tells all."""
    match back:
        case ToInteraction(id=id_):
            taken = await take_interaction(context, connection, id_, browser, now=now)
            return taken.client.party
        case ToPreferences() | ToApprovals() | ToLink():
            return None
        case _:
            assert_never(back)
