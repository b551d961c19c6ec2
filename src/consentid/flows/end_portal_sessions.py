"""The portal says that somebody signed out there: their sessions here end with it.

Consent stays as it is, and so do devices: on each, its own choices govern again.
Spec: OpenID Connect Back-Channel Logout 1.0 sections 2.6 and 2.7.
"""

import hashlib

from consentid.flows.context import Context
from consentid.flows.portal_identity import identity_hash, portal_sid_hash
from consentid.flows.tell_of_end import tell_of_end
from consentid.kit.errors import UnauthenticatedError
from consentid.net.portal_logout import verify_logout_token
from consentid.store import access_tokens, clock, hub_sessions


async def end_portal_sessions(context: Context, unverified_logout_token: str) -> int:
    """End them; returns how many.

    Raises:
        MalformedError: this is no logout token of the portal.
        UnauthenticatedError: it does not hold, or was used before.
        UnavailableError: the portal's keys cannot be fetched.
    """
    async with context.database.reading() as connection:
        issuer = (await context.book(connection)).group.portal.issuer
    # Before the transaction: a slow portal is not to hold a connection.
    key = await context.portal.look_up(issuer, unverified_logout_token)
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        portal = (await context.book(connection)).group.portal
        token = await verify_logout_token(
            unverified_logout_token,
            keys=key,
            issuer=portal.issuer,
            audience=portal.client_id,
            now=now,
        )
        mark = hashlib.sha256(f"logout\0{portal.issuer}\0{token.jti}".encode()).digest()
        if not await access_tokens.mark_used(connection, mark, expires_at=token.forget_at):
            raise UnauthenticatedError(
                "logout_token_replayed", "This logout token was used before.", where="logout_token"
            )
        ended = await hub_sessions.end_of_portal(
            connection,
            sid_hash=None
            if token.sid is None
            else portal_sid_hash(context, issuer=portal.issuer, sid=token.sid),
            identity_hash=None
            if token.sub is None
            else identity_hash(context, issuer=portal.issuer, sub=token.sub),
        )
        await tell_of_end(context, connection, ended, at=now)
    return len(ended)
