"""Take a person back from the customer portal: judge its answer, redeem the code, sign them in.

The answer is believed only where it names the portal that was asked (``iss``, against mix-up), and
its ID token only where it answers this very request (``nonce``, age of the sign-in).  The session
that follows is a new one, whatever the browser brought along.

Spec: OpenID Connect Core sections 3.1.2.5 to 3.1.3.7, RFC 9207 section 2.4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.party import Party
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, sign_in_session
from consentid.flows.interaction_state import note_sign_in, take_interaction
from consentid.flows.portal_login import (
    BackTo,
    HandOver,
    ToInteraction,
    ToPreferences,
    portal_of,
    take_hand_over,
)
from consentid.kit.errors import UnauthenticatedError
from consentid.kit.instants import Instant
from consentid.net.portal import PortalIdentity, check_login, verify_id_token
from consentid.store import clock

_MAX_CODE: Final = 4_096
_MAX_ERROR: Final = 64


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
    portal = await portal_of(context, hand_over)
    unverified_iss = unverified_answer.get("iss")
    must_name_itself = portal.metadata.authorization_response_iss_parameter_supported
    if unverified_iss != hand_over.issuer and (must_name_itself or unverified_iss is not None):
        raise UnauthenticatedError(
            "portal_mixed_up",
            "The answer does not come from the portal that was asked.",
            where="iss",
        )
    if "error" in unverified_answer:
        return Returned(
            back=hand_over.back,
            session_token=None,
            error=unverified_answer["error"][:_MAX_ERROR],
        )
    code = unverified_answer.get("code", "")
    if not 0 < len(code) <= _MAX_CODE:
        raise UnauthenticatedError("portal_refused", "The answer has no code.", where="code")
    unverified_id_token = await portal.redeem(code, verifier=hand_over.verifier)
    return await _sign_in(context, hand_over, unverified_id_token, browser=browser)


async def _sign_in(
    context: Context, hand_over: HandOver, unverified_id_token: str, *, browser: Browser
) -> Returned:
    # Before the transaction: a slow portal is not to hold a connection.
    key = await context.portal.look_up(hand_over.issuer, unverified_id_token)
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        party = await _party_of(context, connection, hand_over.back, browser, now=now)
        identity = await verify_id_token(
            unverified_id_token,
            keys=key,
            issuer=hand_over.issuer,
            audience=hand_over.client_id,
            now=now,
        )
        check_login(
            identity,
            nonce=hand_over.nonce,
            asked_at=Instant(hand_over.asked_at),
            max_age_s=hand_over.max_age_s,
            is_fresh=hand_over.is_fresh,
        )
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
        if isinstance(hand_over.back, ToInteraction):
            await note_sign_in(
                context, connection, hand_over.back.id, browser, made.signed_in, at=now
            )
    return Returned(back=hand_over.back, session_token=made.session_token)


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
        case ToPreferences():
            return None
        case _:
            assert_never(back)
