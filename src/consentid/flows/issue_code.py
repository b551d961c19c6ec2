"""Give a client its authorization code.  Spec: RFC 6749 section 4.1.2, RFC 9207.

A code is stored hashed, holds for 60 seconds and for one use, and is bound to the client, to the
address that it is sent to, and to the PKCE challenge.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.client import GrantType, Scope
from consentid.core.party import PartyKind
from consentid.flows.authenticate import hash_token
from consentid.flows.context import Context
from consentid.flows.find_need import Asked
from consentid.flows.hub_session import Visitor, new_secret, session_sid
from consentid.flows.oauth.client import SUBJECT_SCOPES
from consentid.flows.resting import spell_resting
from consentid.flows.session import Session, granted_of
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import SECOND, Instant
from consentid.oidc.authorization_request import OFFLINE_ACCESS, OPENID, AuthorizationRequest
from consentid.oidc.id_token import NO_LOGIN_ACR
from consentid.oidc.redirect import answer_uri
from consentid.oidc.refusal import RefusedRequestError
from consentid.store import authorization_codes, hub_sessions
from consentid.store.authorization_codes import AuthorizationCode
from consentid.store.clients import Client

LIFETIME_S: Final = 60


def granted_scopes(client: Client, asked: Collection[str]) -> frozenset[str]:
    """What a client gets of the scopes that it asks for.

    Scopes that nobody knows are ignored (OpenID Connect Core section 3.1.2.1), and so is
    ``offline_access`` where the client is not registered for refresh tokens (section 11).  Where
    none of ours is named, the client gets all of its own that go with a subject.

    Raises:
        RefusedRequestError: ``invalid_scope`` for one of ours that the client may not have here.
    """
    own = frozenset(str(scope) for scope in client.scopes & SUBJECT_SCOPES)
    named = frozenset(asked) & frozenset(str(scope) for scope in Scope)
    if not named <= own:
        raise RefusedRequestError("invalid_scope", "This client may not have that scope here.")
    may_refresh = GrantType.REFRESH_TOKEN in client.registration.grant_types
    offline = {OFFLINE_ACCESS} if OFFLINE_ACCESS in asked and may_refresh else set[str]()
    return frozenset({OPENID}) | offline | (named or own)


async def issue_code(
    context: Context,
    connection: AsyncConnection,
    asked: Asked,
    visitor: Visitor,
    session: Session,
    *,
    details: bytes | None = None,
) -> str:
    """Make a code for a session; returns the address to send the browser to.

    The caller commits before it sends.

    Raises:
        RefusedRequestError: see ``granted_scopes``; ``login_required`` where the session has ended
            while this was under way; ``access_denied`` where a partner was granted nothing.
    """
    request, login, now = asked.request, visitor.login, asked.now
    client_id = asked.client.client_id
    if login is not None and not await hub_sessions.join(
        connection, login, client_id, sid=session_sid(context, login.id, client_id=client_id)
    ):
        raise RefusedRequestError("login_required", "The person has signed out.")
    code = new_secret(context)
    await authorization_codes.add(
        connection,
        AuthorizationCode(
            code_hash=hash_token(code),
            client_id=client_id,
            subject=session.subject.id,
            device=None if session.device is None else session.device.id,
            session_id=None if login is None else login.id,
            family=uuid7(now, context.randomness(RANDOM_BYTES)),
            redirect_uri=request.redirect_uri,
            scopes=granted_scopes(asked.client, request.scopes),
            code_challenge=request.code_challenge,
            nonce=request.nonce,
            resource=request.resource,
            auth_time=None if login is None else login.auth_time,
            acr=NO_LOGIN_ACR if login is None else login.acr,
            details=details,
            rests_on=_rests_on(asked, session),
            issued_at=now,
            expires_at=Instant(now + LIFETIME_S * SECOND),
        ),
    )
    return answer_uri(
        request.redirect_uri,
        issuer=asked.book.group.issuer,
        answer={"code": code, "state": request.state},
    )


def _rests_on(asked: Asked, session: Session) -> tuple[str, ...] | None:
    """What is granted now of that which was asked for in details; None where none were sent."""
    purposes = asked.request.purposes
    if not purposes:
        return None
    granted = granted_of(asked.book, session, asked.answered_for, purposes, asked.now)
    if not granted and asked.party.kind is PartyKind.PARTNER:
        # The refusal is recorded, and asked about no more; of a no a partner holds nothing.
        raise RefusedRequestError("access_denied", "The person said no to all that was asked.")
    return spell_resting(asked.party, asked.answered_for, granted)


def refusal_uri(issuer: str, request: AuthorizationRequest, refused: RefusedRequestError) -> str:
    """The address that tells a client why not.  Spec: RFC 6749 section 4.1.2.1."""
    return answer_uri(
        request.redirect_uri,
        issuer=issuer,
        answer={
            "error": refused.error,
            "error_description": refused.description,
            "state": request.state,
        },
    )
