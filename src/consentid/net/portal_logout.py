"""The portal's logout tokens judged.

Their type is recommended, and portals are older than that: one without is known by its event, and
told from an ID token by that and by having no nonce.

Spec: OpenID Connect Back-Channel Logout 1.0 sections 2.4, 2.6 and 4.
"""

from typing import Final

import jwt

from consentid.kit.instants import Instant
from consentid.net.portal_keys import KeySource
from consentid.net.signed_claims import TokenKind, verify_claims
from consentid.oidc import logout_token
from consentid.oidc.logout_token import LogoutToken, RefusedLogoutTokenError, judge_claims

_LOGOUT_TOKEN: Final = TokenKind(
    name="a logout token",
    code="logout_token",
    where="logout_token",
    required=logout_token.REQUIRED,
    typ=logout_token.TYP,
    is_typ_optional=True,
)


async def verify_logout_token(
    unverified: str, *, keys: KeySource, issuer: str, audience: str, now: Instant
) -> LogoutToken:
    """Judge a token by which the portal says that sessions ended.

    Raises:
        MalformedError: no compact JWS, of another type, or a claim is missing.
        UnauthenticatedError: signature, issuer, audience, time, event or form does not hold.
        UnavailableError: the portal's keys cannot be fetched.
    """

    async def find_key(kid: str) -> jwt.PyJWK | None:
        return await keys.find(issuer, kid)

    claims = await verify_claims(unverified, _LOGOUT_TOKEN, find_key=find_key, issuer=issuer)
    try:
        return judge_claims(claims, audience=audience, now=now)
    except RefusedLogoutTokenError as error:
        raise _LOGOUT_TOKEN.refused(f"does not hold: {error}") from error
