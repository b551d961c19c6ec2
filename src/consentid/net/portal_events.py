"""The portal's Security Event Tokens: type, key, signature and issuer, then what they say.

Spec: RFC 8417 section 2.3 (type), RFC 8935 section 2.4 (what a refusal is called).
"""

from typing import Any, Final

import jwt

from consentid.events import portal_events
from consentid.events.portal_events import PortalSet, RefusedSetError, judge_set
from consentid.events.security_events import TYP
from consentid.kit.errors import UnauthenticatedError
from consentid.kit.instants import Instant
from consentid.net.portal_keys import KeySource
from consentid.net.signed_claims import FindKey, TokenKind, verify_claims

_CODES: Final[dict[type, str]] = {
    type(None): "set_key_refused",
    jwt.InvalidSignatureError: "set_key_refused",
    jwt.InvalidIssuerError: "set_issuer_refused",
}
_SET: Final = TokenKind(
    name="a security event token",
    code="set",
    where="body",
    required=portal_events.REQUIRED,
    typ=TYP,
)


async def verify_portal_set(
    unverified: str, *, keys: KeySource, issuer: str, audience: str, now: Instant
) -> PortalSet:
    """Judge a token by which the portal tells what happened to an account or a session.

    Raises:
        MalformedError: no compact JWS, of another type, or a claim is missing.
        UnauthenticatedError: key, signature, issuer, audience, time or subject does not hold.
        UnavailableError: the portal's keys cannot be fetched.
    """

    async def find_key(kid: str) -> jwt.PyJWK | None:
        return await keys.find(issuer, kid)

    claims = await _signed(unverified, find_key=find_key, issuer=issuer)
    try:
        return judge_set(claims, issuer=issuer, audience=audience, now=now)
    except RefusedSetError as error:
        code = "set_audience_refused" if error.is_of_audience else "set_refused"
        raise UnauthenticatedError(
            code, f"The token does not hold: {error}.", where=_SET.where
        ) from error


async def _signed(unverified: str, *, find_key: FindKey, issuer: str) -> dict[str, Any]:
    try:
        return await verify_claims(unverified, _SET, find_key=find_key, issuer=issuer)
    except UnauthenticatedError as error:
        code = _CODES.get(type(error.__cause__), "set_refused")
        raise UnauthenticatedError(code, error.message, where=error.where) from error
