"""What the portal signs: ID tokens and logout tokens.  Spec: OpenID Connect Core 1.0 section 2."""

import secrets
from typing import Final

from joserfc import jwt
from joserfc.jwk import RSAKey

from consentid.demo.portal_customers import Customer

LIFETIME_S: Final = 300
_LOGOUT_LIFETIME_S: Final = 120
_LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"


def sign_id_token(
    key: RSAKey,
    customer: Customer,
    *,
    issuer: str,
    audience: str,
    now_s: int,
    nonce: str | None,
    auth_time_s: int | None = None,
    sid: str | None = None,
) -> str:
    """Say under signature who is signed in, for one client; ``auth_time_s`` is now unless given.

    ``jti`` sets two tokens of the same second apart: RS256 has no randomness of its own, and
    whoever accepts each token once would take the second for a replay.
    """
    claims: dict[str, str | int | bool] = {
        "iss": issuer,
        "sub": customer.sub,
        "aud": audience,
        "iat": now_s,
        "exp": now_s + LIFETIME_S,
        "auth_time": now_s if auth_time_s is None else auth_time_s,
        "jti": secrets.token_urlsafe(16),
        "adult": customer.adult,
    }
    if nonce is not None:
        claims["nonce"] = nonce
    if sid is not None:
        claims["sid"] = sid
    return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": str(key.kid)}, claims, key)


def sign_logout_token(
    key: RSAKey, *, issuer: str, audience: str, sub: str, sid: str, now_s: int
) -> str:
    """Say under signature that a session has ended.

    Spec: OpenID Connect Back-Channel Logout 1.0 section 2.4.
    """
    claims: dict[str, str | int | dict[str, dict[str, str]]] = {
        "iss": issuer,
        "sub": sub,
        "aud": audience,
        "iat": now_s,
        "exp": now_s + _LOGOUT_LIFETIME_S,
        "jti": secrets.token_urlsafe(16),
        "sid": sid,
        "events": {_LOGOUT_EVENT: {}},
    }
    return jwt.encode({"alg": "RS256", "typ": "logout+jwt", "kid": str(key.kid)}, claims, key)
