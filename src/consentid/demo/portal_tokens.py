"""The portal's ID tokens.  Spec: OpenID Connect Core 1.0 section 2."""

import secrets
from typing import Final

from joserfc import jwt
from joserfc.jwk import RSAKey

from consentid.demo.portal_customers import Customer

LIFETIME_S: Final = 300


def sign_id_token(
    key: RSAKey, customer: Customer, *, issuer: str, audience: str, now_s: int, nonce: str | None
) -> str:
    """Say under signature who has just signed in, for one client.

    ``jti`` sets two tokens of the same second apart: RS256 has no randomness of its own, and
    whoever accepts each token once would take the second for a replay.
    """
    claims: dict[str, str | int | bool] = {
        "iss": issuer,
        "sub": customer.sub,
        "aud": audience,
        "iat": now_s,
        "exp": now_s + LIFETIME_S,
        "auth_time": now_s,
        "jti": secrets.token_urlsafe(16),
        "adult": customer.adult,
    }
    if nonce is not None:
        claims["nonce"] = nonce
    return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": str(key.kid)}, claims, key)
